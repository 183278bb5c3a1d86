//! What a template is once it was read.

use std::collections::BTreeMap;

use super::value::Value;

/// The name hey gives its template.
pub(super) const NAME: &str = "tmpl";

/// A template with those it defines.
#[derive(Debug)]
pub(super) struct Trees {
    pub(super) text: String,
    pub(super) templates: BTreeMap<String, Vec<Node>>,
}

/// What is done in order.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { at: usize, name: String, pipe: Option<Pipe> },
    Break,
    Continue,
}

#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) list: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

#[derive(Clone, Debug)]
pub(super) struct Pipe {
    pub(super) at: usize,
    pub(super) declares: Vec<String>,
    /// Whether variables that exist are set, instead of made.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) args: Vec<Operand>,
}

/// An operand and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) term: Term,
}

#[derive(Clone, Debug)]
pub(super) enum Term {
    Dot,
    Nil,
    Constant {
        text: String,
        value: Value,
    },
    Field(Vec<String>),
    /// A variable with its `$`, and fields of it.
    Variable(Vec<String>),
    Function(String),
    Pipe(Pipe),
    /// Fields of something in parentheses.
    Chain(Box<Operand>, Vec<String>),
}
