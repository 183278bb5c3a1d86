//! Prometheus' text format, read: samples with their labels.
//!
//! Only what a scrape of a gateway needs: comments are skipped, time stamps after the value ignored.

use std::iter::Peekable;
use std::str::Chars;

use crate::policy::Counter;
use crate::record::FunctionId;

/// The counter of answers, by function and status.
const INVOCATIONS: &str = "gateway_function_invocation_total";

/// One line of a scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric.
    pub name: String,
    /// Its labels in the order of the line.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// The value of a label, if it has it.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }
}

/// A line that is not in the text format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the metrics is not in Prometheus' text format: {why}; is the address that of the metrics port?"
)]
pub struct ExpositionError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Reads all samples of a scrape.
///
/// # Errors
/// When a line is not in the text format.
pub fn parse(text: &str) -> Result<Vec<Sample>, ExpositionError> {
    let mut samples = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        samples.push(sample(line).map_err(|why| ExpositionError { line: index + 1, why })?);
    }
    Ok(samples)
}

/// The answers given so far by the functions of a run; `functions` are their names as counters call them, `NAME.NAMESPACE`,
/// by [`FunctionId`]. Series of other functions, and codes that are no numbers, are passed over.
pub fn invocations(samples: &[Sample], functions: &[String]) -> Vec<Counter> {
    let counter = |sample: &Sample| {
        let name = sample.label("function_name")?;
        let function = functions.iter().position(|function| function == name)?;
        let code = sample.label("code")?.parse().ok()?;
        Some(Counter { function: FunctionId(u16::try_from(function).ok()?), code, value: sample.value })
    };
    samples.iter().filter(|sample| sample.name == INVOCATIONS).filter_map(counter).collect()
}

fn sample(line: &str) -> Result<Sample, &'static str> {
    let mut rest = line.chars().peekable();
    let name = word(&mut rest);
    if name.is_empty() {
        return Err("it has no metric name");
    }
    skip_blanks(&mut rest);
    let labels = if rest.next_if_eq(&'{').is_some() { labels(&mut rest)? } else { Vec::new() };
    let rest: String = rest.collect();
    let value = rest.split_ascii_whitespace().next().ok_or("it has no value")?;
    let value = value.parse().map_err(|_| "its value is not a number")?;
    Ok(Sample { name, labels, value })
}

fn labels(rest: &mut Peekable<Chars<'_>>) -> Result<Vec<(String, String)>, &'static str> {
    let mut labels = Vec::new();
    loop {
        skip_blanks(rest);
        if rest.next_if_eq(&'}').is_some() {
            return Ok(labels);
        }
        let name = word(rest);
        skip_blanks(rest);
        if name.is_empty() || rest.next_if_eq(&'=').is_none() {
            return Err("a label is not written name=\"value\"");
        }
        skip_blanks(rest);
        labels.push((name, quoted(rest)?));
        skip_blanks(rest);
        if rest.next_if_eq(&',').is_none() && rest.peek() != Some(&'}') {
            return Err("its labels are not separated by commas");
        }
    }
}

fn quoted(rest: &mut Peekable<Chars<'_>>) -> Result<String, &'static str> {
    const OPEN: &str = "a label's value is not closed";
    if rest.next_if_eq(&'"').is_none() {
        return Err("a label's value is not quoted");
    }
    let mut value = String::new();
    loop {
        match rest.next().ok_or(OPEN)? {
            '"' => return Ok(value),
            '\\' => match rest.next().ok_or(OPEN)? {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

fn word(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::new();
    while let Some(letter) = rest.next_if(|&letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':') {
        word.push(letter);
    }
    word
}

fn skip_blanks(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|letter| letter.is_ascii_whitespace()).is_some() {}
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counters_of_the_runs_functions_are_picked_by_name_and_code() {
        let text = "# HELP gateway_function_invocation_total Function metrics\n\
                    # TYPE gateway_function_invocation_total counter\n\
                    gateway_function_invocation_total{code=\"200\",function_name=\"ftest.openfaas-fn\"} 2400\n\
                    gateway_function_invocation_total{code=\"500\",function_name=\"ftest.openfaas-fn\",} 3 1700000000000\n\
                    gateway_function_invocation_total{function_name=\"other.openfaas-fn\",code=\"200\"} 7\n\
                    gateway_function_invocation_started{function_name=\"ftest.openfaas-fn\"} 2403\n\
                    go_gc_duration_seconds{quantile=\"0\"} 3.0446e-05\n\
                    go_memstats_gc_cpu_fraction NaN\n";
        let counters = invocations(&parse(text).unwrap(), &["sleepy.openfaas-fn".into(), "ftest.openfaas-fn".into()]);
        let ftest = |code, value| Counter { function: FunctionId(1), code, value };
        assert_eq!(counters, [ftest(200, 2400.0), ftest(500, 3.0)]);
    }

    #[test]
    fn labels_may_hold_anything_between_their_quotes() {
        let samples = parse(r#"m { a = "x,} \"y\" \\ \n" , b="" } +Inf"#).unwrap();
        assert_eq!(samples[0].label("a"), Some("x,} \"y\" \\ \n"));
        assert_eq!(samples[0].label("b"), Some(""));
        assert_eq!(samples[0].value, f64::INFINITY);
    }

    #[test]
    fn a_line_of_another_format_is_named() {
        for (line, why) in [
            ("<html>", "it has no metric name"),
            ("up", "it has no value"),
            ("up yes", "its value is not a number"),
            ("up{a} 1", "a label is not written name=\"value\""),
            ("up{a=1} 1", "a label's value is not quoted"),
            ("up{a=\"1} 1", "a label's value is not closed"),
            ("up{a=\"1\" b=\"2\"} 1", "its labels are not separated by commas"),
        ] {
            assert_eq!(parse(&format!("# comment\n{line}\n")), Err(ExpositionError { line: 2, why }), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
            let _ = parse(&text);
        }
    }
}
