//! What makes sense on hey's command line and not in a scenario.

use super::{Flags, headers};

/// A flag that makes no sense in a scenario, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// What was written, as a subject: `-o csv`.
    pub subject: String,
    /// What is wrong with it.
    pub what: &'static str,
    /// What to do instead.
    pub hint: &'static str,
}

impl Flags {
    /// What makes sense on hey's command line only, not in a scenario; `rest` are the words after the flags.
    pub fn objections(&self, rest: &[String]) -> Vec<Objection> {
        let mut objections = Vec::new();
        let mut object = |subject: String, what, hint| objections.push(Objection { subject, what, hint });
        for (flag, what, hint) in [
            (
                "o",
                "chooses an output format, but a study writes its own files",
                "leave it out; requests.csv and hey-1.txt are always written",
            ),
            ("cpus", "sets hey's CPU cores, but all generators share one process", "leave it out"),
        ] {
            if self.given.contains(flag) {
                object(format!("-{flag}"), what, hint);
            }
        }
        for input in &self.headers {
            match headers::split(input) {
                Some((name, _)) if name == "Host" => {
                    object(format!("-H '{input}'"), "is dropped by hey", "write -host NAME to send another Host");
                }
                Some((name, _)) if !headers::is_sent(&name) => object(
                    format!("-H '{input}'"),
                    "is dropped by hey, which writes this header itself",
                    "leave it out",
                ),
                _ => {}
            }
        }
        match rest {
            [] => {}
            [word, ..] if word == "hey" => object(
                "\"hey\"".to_owned(),
                "is not a flag",
                "write only hey's flags, as in hey = \"-z 2m -c 50 -q 5\"",
            ),
            [word, ..] if word.contains("://") => object(
                format!("\"{word}\""),
                "is an address, but that comes from the target",
                "leave it out; the query goes to [function] query, the rest to --target",
            ),
            [word, ..] => object(
                format!("\"{word}\""),
                "is not a flag, and hey ignores what follows it",
                "leave it out, or put a value with spaces in quotes",
            ),
        }
        objections
    }
}
