//! `-o TEMPLATE`: Go's `text/template` (Go 1.19), as far as hey's report can be written with it.
//!
//! ```text
//!   text --lex--> tokens --parse--> nodes --exec(report)--> text
//!                                             |
//!                              functions, format (fmt), json (encoding/json)
//! ```
//!
//! Everything of the language is there: pipelines, variables, if, range, with, break, continue, define, template, block, trim
//! markers, comments, and all its functions. Values are those hey's report has: no pointers, channels or complex numbers. Errors
//! are in Go's words.

#![expect(clippy::cast_possible_wrap, reason = "counts and lengths are far below 2^63, and digits below 2^31")]

mod compare;
mod duration;
mod escape;
mod exec;
mod float;
mod format;
mod functions;
mod json;
mod lex;
mod number;
mod parse;
mod pipeline;
mod report;
mod tree;
mod value;
mod verb;
mod words;

use std::rc::Rc;

use super::measured::Measured;

/// A template, read.
#[derive(Clone, Debug)]
pub struct Template {
    trees: Rc<tree::Trees>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When Go refuses it; the text is Go's.
    pub fn parse(text: &str) -> Result<Self, String> {
        tree::Trees::parse(text).map(|trees| Self { trees: Rc::new(trees) })
    }

    /// Writes a result with it.
    ///
    /// hey prints what comes out as a format, so that `%%` stands for `%`; a single `%` stays one here.
    ///
    /// # Errors
    /// When Go fails to; the text is Go's.
    pub fn render(&self, measured: &Measured) -> Result<String, String> {
        self.execute(&report::report(measured)).map(|text| text.replace("%%", "%") + "\n")
    }

    fn execute(&self, data: &value::Value) -> Result<String, String> {
        exec::execute(&self.trees, data)
    }
}

#[cfg(test)]
mod laws;
