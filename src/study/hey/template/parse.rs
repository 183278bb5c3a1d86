//! From tokens to the tree that is executed (Go's `text/template/parse`, parse.go and node.go).

use std::collections::BTreeMap;

use super::format::quote;
use super::lex::{Kind, Token, tokens};
use super::number::unquote;
use super::tree::{Branch, NAME, Node, Trees};

/// Actions inside each other, at most: what a person writes is far below, and what is deeper would end in a full stack.
pub(super) const DEPTH_MOST: usize = 200;

impl Trees {
    /// Reads a text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser {
            tokens: tokens(text),
            next: 0,
            variables: vec!["$".to_owned()],
            ranges: 0,
            depth: 0,
            templates: BTreeMap::new(),
        };
        let main = parser.top()?;
        parser.templates.insert(NAME.to_owned(), main);
        Ok(Self { text: text.to_owned(), templates: parser.templates })
    }
}

/// What ended a list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    End,
    Else,
}

enum Item {
    Node(Option<Node>),
    Ending(Ending),
}

pub(super) struct Parser {
    pub(super) tokens: Vec<Token>,
    pub(super) next: usize,
    pub(super) variables: Vec<String>,
    pub(super) ranges: usize,
    pub(super) depth: usize,
    pub(super) templates: BTreeMap<String, Vec<Node>>,
}

pub(super) type Parsed<T> = Result<T, String>;

impl Parser {
    pub(super) fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    /// Beyond the last token there is the last token: an end or an error.
    pub(super) fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    pub(super) fn take_solid(&mut self) -> Token {
        self.skip_spaces();
        self.take()
    }

    pub(super) fn peek_solid(&mut self) -> &Token {
        self.skip_spaces();
        self.peek()
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.peek().kind == Kind::Space {
            self.next += 1;
        }
    }

    pub(super) fn fail<T>(&self, message: impl AsRef<str>) -> Parsed<T> {
        let last = &self.tokens[self.next.saturating_sub(1).min(self.tokens.len() - 1)];
        Err(format!("template: {NAME}:{}: {}", last.line, message.as_ref()))
    }

    pub(super) fn unexpected<T>(&self, token: &Token, context: &str) -> Parsed<T> {
        match token.kind {
            Kind::Error => self.fail(&token.text),
            _ => self.fail(format!("unexpected {} in {context}", shown(token))),
        }
    }

    fn top(&mut self) -> Parsed<Vec<Node>> {
        let mut list = Vec::new();
        while self.peek().kind != Kind::End {
            if self.peek().kind == Kind::LeftDelim {
                let start = self.next;
                self.take();
                let token = self.take_solid();
                if token.kind == Kind::Keyword && token.text == "define" {
                    self.define()?;
                    continue;
                }
                self.next = start;
            }
            match self.item()? {
                Item::Node(node) => list.extend(node),
                Item::Ending(ending) => return self.fail(format!("unexpected {}", ending.shown())),
            }
        }
        Ok(list)
    }

    fn define(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.take_solid();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect_right(CONTEXT)?;
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let (list, ending) = self.list()?;
        self.variables = variables;
        if ending != Ending::End {
            return self.fail(format!("unexpected {} in {CONTEXT}", ending.shown()));
        }
        self.templates.insert(name, list);
        Ok(())
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Parsed<String> {
        match token.kind {
            Kind::Text_ | Kind::RawText => match unquote(&token.text) {
                Some(name) => Ok(name),
                None => self.fail("invalid syntax"),
            },
            _ => self.unexpected(token, context),
        }
    }

    fn expect_right(&mut self, context: &str) -> Parsed<()> {
        let token = self.take_solid();
        if token.kind == Kind::RightDelim { Ok(()) } else { self.unexpected(&token, context) }
    }

    fn list(&mut self) -> Parsed<(Vec<Node>, Ending)> {
        let mut list = Vec::new();
        while self.peek_solid().kind != Kind::End {
            match self.item()? {
                Item::Node(node) => list.extend(node),
                Item::Ending(ending) => return Ok((list, ending)),
            }
        }
        self.take();
        self.fail("unexpected EOF")
    }

    fn item(&mut self) -> Parsed<Item> {
        let token = self.take_solid();
        match token.kind {
            Kind::Text => Ok(Item::Node(Some(Node::Text(token.text)))),
            Kind::LeftDelim => {
                self.depth += 1;
                if self.depth > DEPTH_MOST {
                    return self.fail(format!("more than {DEPTH_MOST} actions inside each other"));
                }
                let item = self.action();
                self.depth -= 1;
                item
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let token = self.take_solid();
        let node = match (token.kind, token.text.as_str()) {
            (Kind::Keyword, "block") => self.block()?,
            (Kind::Keyword, word @ ("break" | "continue")) => {
                self.expect_right(&format!("{{{{{word}}}}}"))?;
                if self.ranges == 0 {
                    return self.fail(format!("{{{{{word}}}}} outside {{{{range}}}}"));
                }
                if word == "break" { Node::Break } else { Node::Continue }
            }
            (Kind::Keyword, "end") => {
                self.expect_right("end")?;
                return Ok(Item::Ending(Ending::End));
            }
            (Kind::Keyword, "else") => {
                // {{else if}} leaves its condition where it is
                let token = self.peek_solid();
                if !(token.kind == Kind::Keyword && token.text == "if") {
                    self.expect_right("else")?;
                }
                return Ok(Item::Ending(Ending::Else));
            }
            (Kind::Keyword, "if") => Node::If(self.branch(true, "if")?),
            (Kind::Keyword, "range") => Node::Range(self.branch(false, "range")?),
            (Kind::Keyword, "with") => Node::With(self.branch(false, "with")?),
            (Kind::Keyword, "template") => self.template()?,
            _ => {
                self.next -= 1;
                Node::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Node(Some(node)))
    }

    fn branch(&mut self, allows_else_if: bool, context: &str) -> Parsed<Branch> {
        let variables = self.variables.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let is_range = usize::from(context == "range");
        self.ranges += is_range;
        let (list, ending) = self.list()?;
        self.ranges -= is_range;
        let mut otherwise = Vec::new();
        if ending == Ending::Else {
            let token = self.peek().clone();
            if allows_else_if && token.kind == Kind::Keyword && token.text == "if" {
                self.take();
                self.depth += 1;
                if self.depth > DEPTH_MOST {
                    return self.fail(format!("more than {DEPTH_MOST} actions inside each other"));
                }
                otherwise.push(Node::If(self.branch(true, "if")?));
                self.depth -= 1;
            } else {
                let (list, ending) = self.list()?;
                otherwise = list;
                if ending != Ending::End {
                    return self.fail(format!("expected end; found {}", ending.shown()));
                }
            }
        }
        self.variables.truncate(variables);
        Ok(Branch { pipe, list, otherwise })
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.take_solid();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let (list, ending) = self.list()?;
        self.variables = variables;
        if ending != Ending::End {
            return self.fail(format!("unexpected {} in {CONTEXT}", ending.shown()));
        }
        self.templates.insert(name.clone(), list);
        Ok(Node::Template { at: token.at, name, pipe: Some(pipe) })
    }

    fn template(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.take_solid();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = if self.peek_solid().kind == Kind::RightDelim {
            self.take();
            None
        } else {
            Some(self.pipeline(CONTEXT, Kind::RightDelim)?)
        };
        Ok(Node::Template { at: token.at, name, pipe })
    }
}

impl Ending {
    fn shown(self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

/// A token as errors show it.
fn shown(token: &Token) -> String {
    let text = &token.text;
    match token.kind {
        Kind::End => "EOF".to_owned(),
        Kind::Error => text.clone(),
        Kind::Keyword | Kind::Dot | Kind::Nil => format!("<{text}>"),
        _ if text.chars().count() > 10 => format!("{}...", quote(&text.chars().take(10).collect::<String>())),
        _ => quote(text),
    }
}
