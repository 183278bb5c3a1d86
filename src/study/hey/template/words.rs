//! Parts of a template written back as text, as errors show them (Go's node.go, `String`).

use std::fmt;

use super::tree::{Command, Pipe, Term};

fn joined<T: fmt::Display>(items: impl IntoIterator<Item = T>, separator: &str) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(separator)
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.declares.is_empty() {
            write!(f, "{} {} ", self.declares.join(", "), if self.assigns { "=" } else { ":=" })?;
        }
        f.write_str(&joined(&self.commands, " | "))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(self.args.iter().map(|arg| &arg.term), " "))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dot => f.write_str("."),
            Self::Nil => f.write_str("nil"),
            Self::Constant { text, .. } | Self::Function(text) => f.write_str(text),
            Self::Field(names) => write!(f, ".{}", names.join(".")),
            Self::Variable(names) => f.write_str(&names.join(".")),
            Self::Pipe(pipe) => write!(f, "({pipe})"),
            Self::Chain(operand, names) => match &operand.term {
                Self::Pipe(pipe) => write!(f, "({pipe}).{}", names.join(".")),
                term => write!(f, "{term}.{}", names.join(".")),
            },
        }
    }
}
