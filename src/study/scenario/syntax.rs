//! What to say of a file that is no TOML.

use crate::study::problem::Problem;

use super::section::{Source, shorten};

/// The parser's complaints, one per line of the file.
pub(super) fn problems(errors: &[toml::de::Error], source: &Source<'_>) -> Vec<Problem> {
    let is_repeated = |error: &toml::de::Error| error.message() == "duplicate key";
    // after another fault the parser may lose its place and see keys twice
    let other_fault = errors.iter().any(|error| !is_repeated(error));
    let mut problems: Vec<Problem> = Vec::new();
    for error in errors.iter().filter(|error| !(other_fault && is_repeated(error))) {
        let line = error.span().map(|span| source.line(span.start));
        if problems.len() >= 5 || problems.iter().any(|problem| problem.line == line) {
            continue;
        }
        let text = line.map(|line| source.line_text(line)).unwrap_or_default().trim();
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        let problem = if is_repeated(error) {
            let remedy = "leave one of them out; only [[load]] and [[arm]] may come several times";
            Problem::new("", "is there twice", remedy).key(shorten(text))
        } else {
            Problem::new("", format!("is not TOML: {message}"), hint(text))
        };
        problems.push(problem.at(line));
    }
    problems
}

/// What was probably forgotten on a line that is no TOML.
fn hint(line: &str) -> String {
    match line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
        Some((key, "")) => format!("write a value after {} =", shorten(key)),
        Some((key, value)) if !value.starts_with(['"', '\'', '[', '{']) => {
            let value = value.split('#').next().unwrap_or_default().trim().replace('"', "");
            format!("texts and durations stand in quotes: {} = \"{}\"", shorten(key), shorten(&value))
        }
        _ if line.is_empty() => "the file ends too early, or a quote or bracket is left open".to_owned(),
        _ => format!("the line reads: {}", shorten(line)),
    }
}
