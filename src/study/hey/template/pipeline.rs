//! The pipelines of a template, from tokens: declarations, commands, operands (parse.go).

use super::format::quote;
use super::functions;
use super::lex::Kind;
use super::number::{constant, unquote};
use super::parse::{DEPTH_MOST, Parsed, Parser};
use super::tree::{Command, Operand, Pipe, Term};
use super::value::Value;

impl Parser {
    /// A pipeline up to its `end`.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let at = self.peek_solid().at;
        let mut pipe = Pipe { at, declares: Vec::new(), assigns: false, commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.take_solid();
            match token.kind {
                kind if kind == end => {
                    return self.checked(pipe, context);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawText
                | Kind::Text_
                | Kind::Variable
                | Kind::LeftParen => {
                    self.next -= 1;
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        loop {
            if self.peek_solid().kind != Kind::Variable {
                return Ok(());
            }
            let start = self.next;
            let variable = self.take();
            let next = self.peek_solid().clone();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    pipe.assigns = next.kind == Kind::Assign;
                    self.take();
                    pipe.declares.push(variable.text.clone());
                    self.variables.push(variable.text);
                    return Ok(());
                }
                Kind::Char if next.text == "," => {
                    self.take();
                    pipe.declares.push(variable.text.clone());
                    self.variables.push(variable.text);
                    if context == "range" && pipe.declares.len() < 2 {
                        match self.peek_solid().kind {
                            Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                            _ => return self.fail("range can only initialize variables"),
                        }
                    }
                    return self.fail(format!("too many declarations in {context}"));
                }
                _ => {
                    self.next = start;
                    return Ok(());
                }
            }
        }
    }

    fn checked(&self, pipe: Pipe, context: &str) -> Parsed<Pipe> {
        if pipe.commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        for (at, command) in pipe.commands.iter().enumerate().skip(1) {
            if matches!(command.args[0].term, Term::Dot | Term::Nil | Term::Constant { .. }) {
                return self.fail(format!("non executable command in pipeline stage {}", at + 1));
            }
        }
        Ok(pipe)
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut args = Vec::new();
        loop {
            self.skip_spaces();
            if let Some(operand) = self.operand()? {
                args.push(operand);
            }
            let token = self.take();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelim | Kind::RightParen => {
                    self.next -= 1;
                    break;
                }
                Kind::Pipe => break,
                _ => return self.unexpected(&token, "operand"),
            }
        }
        if args.is_empty() { self.fail("empty command") } else { Ok(Command { args }) }
    }

    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(operand) = self.term()? else { return Ok(None) };
        let mut fields = Vec::new();
        // Go's errors point at the first field behind the operand
        let chain_at = self.peek().at;
        while self.peek().kind == Kind::Field {
            fields.push(self.take().text[1..].to_owned());
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        let Operand { at, term } = operand;
        let term = match term {
            Term::Field(names) => Term::Field([names, fields].concat()),
            Term::Variable(names) => Term::Variable([names, fields].concat()),
            Term::Dot | Term::Nil | Term::Constant { .. } => {
                return self.fail(format!("unexpected . after term {}", quote(&term.to_string())));
            }
            term => Term::Chain(Box::new(Operand { at, term }), fields),
        };
        Ok(Some(Operand { at: chain_at, term }))
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let token = self.take_solid();
        let at = token.at;
        let text = token.text;
        let term = match token.kind {
            Kind::Identifier if functions::find(&text).is_none() => {
                return self.fail(format!("function {} not defined", quote(&text)));
            }
            Kind::Identifier => Term::Function(text),
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable if !self.variables.contains(&text) => {
                return self.fail(format!("undefined variable {}", quote(&text)));
            }
            Kind::Variable => Term::Variable(vec![text]),
            Kind::Field => Term::Field(vec![text[1..].to_owned()]),
            Kind::Bool => Term::Constant { value: Value::Bool(text == "true"), text },
            Kind::CharConstant | Kind::Number => match constant(&text) {
                Some(value) => Term::Constant { text, value },
                None if token.kind == Kind::Number => {
                    return self.fail(format!("illegal number syntax: {}", quote(&text)));
                }
                None => return self.fail(format!("malformed character constant: {text}")),
            },
            Kind::Text_ | Kind::RawText => match unquote(&text) {
                Some(plain) => Term::Constant { text, value: Value::text(plain) },
                None => return self.fail("invalid syntax"),
            },
            Kind::LeftParen => {
                self.depth += 1;
                if self.depth > DEPTH_MOST {
                    return self.fail(format!("more than {DEPTH_MOST} parentheses inside each other"));
                }
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.depth -= 1;
                Term::Pipe(pipe)
            }
            _ => {
                self.next -= 1;
                return Ok(None);
            }
        };
        Ok(Some(Operand { at, term }))
    }
}
