//! A tree executed on data (Go's `text/template`, exec.go).

use super::duration;
use super::format::{plain, quote};
use super::functions::{self, Param};
use super::tree::{Branch, Command, NAME, Node, Operand, Pipe, Term, Trees};
use super::value::{Nature, Value};

/// Templates inside each other, at most.
const DEPTH_MOST: usize = 200;

/// The text that comes of it.
pub(super) fn execute(trees: &Trees, data: &Value) -> Result<String, String> {
    let mut state = State {
        trees,
        name: NAME,
        out: String::new(),
        variables: vec![("$".to_owned(), data.clone())],
        depth: 0,
        at: None,
    };
    state.list(&trees.templates[NAME], data)?;
    Ok(state.out)
}

struct State<'a> {
    trees: &'a Trees,
    name: &'a str,
    out: String,
    variables: Vec<(String, Value)>,
    depth: usize,
    /// What is being looked at: its offset and its words.
    at: Option<(usize, String)>,
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

type Executed<T> = Result<T, String>;

impl<'a> State<'a> {
    fn fail<T>(&self, message: impl AsRef<str>) -> Executed<T> {
        let message = message.as_ref();
        let Some((at, words)) = &self.at else { return Err(format!("template: {}: {message}", self.name)) };
        let before = &self.trees.text[..*at];
        let column = at - before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = 1 + before.matches('\n').count();
        Err(format!("template: {NAME}:{line}:{column}: executing {} at <{words}>: {message}", quote(self.name)))
    }

    fn look_at(&mut self, operand: &Operand) {
        self.at = Some((operand.at, operand.term.to_string()));
    }

    fn list(&mut self, nodes: &'a [Node], dot: &Value) -> Executed<Flow> {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &'a Node, dot: &Value) -> Executed<Flow> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.declares.is_empty() {
                    match value {
                        Value::Nil => self.out.push_str("<no value>"),
                        value => self.out.push_str(&plain(&value)),
                    }
                }
            }
            Node::If(branch) => return self.branch(branch, dot, false),
            Node::With(branch) => return self.branch(branch, dot, true),
            Node::Range(branch) => return self.range(branch, dot),
            Node::Template { at, name, pipe } => self.template(*at, name, pipe.as_ref(), dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn branch(&mut self, branch: &'a Branch, dot: &Value, moves_dot: bool) -> Executed<Flow> {
        let variables = self.variables.len();
        let value = self.pipe(&branch.pipe, dot)?;
        let flow = if value.is_true() {
            self.list(&branch.list, if moves_dot { &value } else { dot })
        } else {
            self.list(&branch.otherwise, dot)
        };
        self.variables.truncate(variables);
        flow
    }

    fn range(&mut self, branch: &'a Branch, dot: &Value) -> Executed<Flow> {
        let outside = self.variables.len();
        let value = self.pipe(&branch.pipe, dot)?;
        let pairs = match &value {
            Value::Nil => Vec::new(),
            Value::Text(_) => return self.fail(format!("range can't iterate over {}", plain(&value))),
            value => match value.pairs() {
                Some(pairs) => pairs,
                None => return self.fail(format!("range can't iterate over {}", plain(value))),
            },
        };
        if pairs.is_empty() {
            let flow = self.list(&branch.otherwise, dot);
            self.variables.truncate(outside);
            return flow;
        }
        let inside = self.variables.len();
        for (key, item) in pairs {
            let declares = &branch.pipe.declares;
            let values = if declares.len() == 1 { vec![item.clone()] } else { vec![key, item.clone()] };
            for (name, value) in declares.iter().zip(values) {
                self.set(name, value, branch.pipe.assigns)?;
            }
            let flow = self.list(&branch.list, &item)?;
            self.variables.truncate(inside);
            if flow == Flow::Break {
                break;
            }
        }
        self.variables.truncate(outside);
        Ok(Flow::On)
    }

    fn template(&mut self, at: usize, name: &'a str, pipe: Option<&'a Pipe>, dot: &Value) -> Executed<()> {
        self.at = Some((at, format!("{{{{template {}}}}}", quote(name))));
        let trees = self.trees;
        let Some(list) = trees.templates.get(name) else {
            return self.fail(format!("template {} not defined", quote(name)));
        };
        if self.depth == DEPTH_MOST {
            return self.fail(format!("exceeded maximum template depth ({DEPTH_MOST})"));
        }
        let dot = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Nil,
        };
        let variables = std::mem::replace(&mut self.variables, vec![("$".to_owned(), dot.clone())]);
        let outer = std::mem::replace(&mut self.name, name);
        self.depth += 1;
        self.list(list, &dot)?;
        self.depth -= 1;
        self.name = outer;
        self.variables = variables;
        Ok(())
    }

    fn set(&mut self, name: &str, value: Value, assigns: bool) -> Executed<()> {
        if !assigns {
            self.variables.push((name.to_owned(), value));
            return Ok(());
        }
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Executed<Value> {
        self.at = Some((pipe.at, pipe.to_string()));
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, dot, value)?);
        }
        let value = value.unwrap_or(Value::Nil);
        // a range sets its variables item by item
        if let [name] = &pipe.declares[..] {
            self.set(name, value.clone(), pipe.assigns)?;
        }
        Ok(value)
    }

    fn command(&mut self, command: &Command, dot: &Value, last: Option<Value>) -> Executed<Value> {
        let (first, args) = (&command.args[0], &command.args[1..]);
        match &first.term {
            Term::Field(names) => {
                self.look_at(first);
                return self.fields(dot, names, args, dot, last);
            }
            Term::Variable(names) => {
                self.look_at(first);
                let value = self.variable(&names[0])?;
                if names.len() == 1 {
                    return self.no_function(first, args, last.as_ref()).map(|()| value);
                }
                return self.fields(&value, &names[1..], args, dot, last);
            }
            Term::Chain(operand, names) => {
                self.look_at(first);
                let value = self.operand(operand, dot)?;
                return self.fields(&value, names, args, dot, last);
            }
            Term::Function(name) => {
                self.look_at(first);
                return self.function(name, command, args, dot, last);
            }
            Term::Pipe(pipe) => {
                self.no_function(first, args, last.as_ref())?;
                return self.pipe(pipe, dot);
            }
            Term::Dot | Term::Nil | Term::Constant { .. } => {}
        }
        self.look_at(first);
        self.no_function(first, args, last.as_ref())?;
        match &first.term {
            Term::Dot => Ok(dot.clone()),
            Term::Constant { value, .. } => Ok(value.clone()),
            _ => self.fail("nil is not a command"),
        }
    }

    fn no_function(&self, first: &Operand, args: &[Operand], last: Option<&Value>) -> Executed<()> {
        if args.is_empty() && last.is_none() {
            return Ok(());
        }
        self.fail(format!("can't give argument to non-function {}", first.term))
    }

    fn variable(&self, name: &str) -> Executed<Value> {
        match self.variables.iter().rev().find(|(known, _)| known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    /// An operand as an argument.
    fn operand(&mut self, operand: &Operand, dot: &Value) -> Executed<Value> {
        match &operand.term {
            Term::Nil => Ok(Value::Nil),
            Term::Dot => Ok(dot.clone()),
            Term::Constant { value, .. } => Ok(value.clone()),
            Term::Pipe(pipe) => self.pipe(pipe, dot),
            _ => self.command(&Command { args: vec![operand.clone()] }, dot, None),
        }
    }

    /// Fields of a value one after the other; only the last may have arguments, and only if it is a method.
    fn fields(
        &mut self,
        of: &Value,
        names: &[String],
        args: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Executed<Value> {
        let mut value = of.clone();
        let mut last = last;
        for (at, name) in names.iter().enumerate() {
            let is_last = at + 1 == names.len();
            let args = if is_last { args } else { &[] };
            let last = if is_last { last.take() } else { None };
            value = self.field(&value, name, args, dot, last)?;
        }
        Ok(value)
    }

    fn field(&mut self, of: &Value, name: &str, args: &[Operand], dot: &Value, last: Option<Value>) -> Executed<Value> {
        if let Value::Duration(nanos) = of
            && let Some(takes) = duration::params(name)
        {
            let count = args.len() + usize::from(last.is_some());
            if count != takes {
                return self.fail(format!("wrong number of args for {name}: want {takes} got {count}"));
            }
            let argument = match (args.first(), last) {
                (Some(operand), _) => self.argument(Param::Duration, operand, dot)?,
                (None, Some(last)) if !Param::Duration.takes(&last) => {
                    return self.fail(wrong_type(Param::Duration, &last));
                }
                (None, last) => last.unwrap_or(Value::Duration(0)),
            };
            return Ok(duration::call(*nanos, name, argument.as_int().unwrap_or_default()));
        }
        let has_args = !args.is_empty() || last.is_some();
        match of.nature() {
            Nature::Nil => Ok(Value::Nil),
            Nature::Struct if of.field(name).is_some() => {
                if has_args {
                    return self.fail(format!("{name} has arguments but cannot be invoked as function"));
                }
                Ok(of.field(name).unwrap_or(Value::Nil))
            }
            Nature::Map if of.type_name() == "map[string]int" => {
                if has_args {
                    return self.fail(format!("{name} is not a method but has arguments"));
                }
                let Value::TextMap(map) = of else { return Ok(Value::Nil) };
                Ok(map.get(name).map_or(Value::Nil, |count| Value::Int(*count)))
            }
            _ => self.fail(format!("can't evaluate field {name} in type {}", of.type_name())),
        }
    }

    fn function(
        &mut self,
        name: &str,
        command: &Command,
        args: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Executed<Value> {
        let Some(function) = functions::find(name) else {
            return self.fail(format!("{} is not a defined function", quote(name)));
        };
        let count = args.len() + usize::from(last.is_some());
        let fixed = function.params.len();
        if function.more.is_some() && count < fixed {
            return self.fail(format!("wrong number of args for {name}: want at least {fixed} got {}", args.len()));
        }
        if function.more.is_none() && count != fixed {
            return self.fail(format!("wrong number of args for {name}: want {fixed} got {count}"));
        }
        let chooses = matches!(name, "and" | "or");
        let mut values = Vec::with_capacity(count);
        for (at, operand) in args.iter().enumerate() {
            let param = function.params.get(at).copied().or(function.more).unwrap_or(Param::Any);
            let value = self.argument(param, operand, dot)?;
            // and, or: what comes after the decision is not looked at
            if chooses && value.is_true() == (name == "or") {
                return Ok(value);
            }
            values.push(value);
        }
        if let Some(value) = last {
            let param = function.params.get(values.len()).copied().or(function.more).unwrap_or(Param::Any);
            if !param.takes(&value) {
                return self.fail(wrong_type(param, &value));
            }
            values.push(value);
        }
        if chooses {
            return Ok(values.pop().unwrap_or(Value::Nil));
        }
        let result = functions::call(function, &values);
        result.or_else(|error| {
            self.at = command.args.first().map(|first| (first.at, command.to_string()));
            self.fail(format!("error calling {name}: {error}"))
        })
    }

    fn argument(&mut self, param: Param, operand: &Operand, dot: &Value) -> Executed<Value> {
        if param == Param::Any {
            return self.operand(operand, dot);
        }
        self.look_at(operand);
        // a constant takes the type that is asked for
        let value = match &operand.term {
            Term::Constant { text, value } => match (param, value) {
                (Param::Float, Value::Int(int)) => Value::Float(*int as f64),
                (Param::Int, Value::Float(float)) if float.fract() == 0.0 => Value::Int(*float as i64),
                (Param::Duration, Value::Int(int)) => Value::Duration(*int),
                (Param::Duration, Value::Float(float)) if float.fract() == 0.0 => Value::Duration(*float as i64),
                (_, value) if param.takes(value) => value.clone(),
                (Param::Float, _) => return self.fail(format!("expected float; found {text}")),
                (Param::Int | Param::Duration, _) => return self.fail(format!("expected integer; found {text}")),
                (Param::Text, _) => return self.fail(format!("expected string; found {text}")),
                (_, _) => return self.fail(format!("can't handle {text} for arg of type {}", param.name())),
            },
            Term::Nil if param == Param::Buckets => Value::Unmade(Param::Buckets.name()),
            Term::Nil => return self.fail(format!("cannot assign nil to {}", param.name())),
            _ => self.operand(operand, dot)?,
        };
        if param.takes(&value) { Ok(value) } else { self.fail(wrong_type(param, &value)) }
    }
}

fn wrong_type(param: Param, value: &Value) -> String {
    match value {
        Value::Nil => format!("invalid value; expected {}", param.name()),
        value => format!("wrong type for value; expected {}; got {}", param.name(), value.type_name()),
    }
}
