//! The original's `const.py`: lines `NAME = value` with comments and a leading docstring, read as they are and as nothing else.
//!
//! It is no Python: a value is a whole number, a number with a point, or a text in quotes. What the original computes with stands in
//! reference/watchtower.md; which values it may have is in the policy's own table of settings.

use super::config::{Config, FunctionConfig, LogLevel};
use crate::drive::Arm;
use crate::drive::live::target::openfaas::Access;
use crate::drive::live::target::rest::check_address;
use crate::drive::sidecar::election::Terms;
use crate::policy::registry::find;
use crate::policy::settings::{Settings, Value};
use crate::study::nearest::nearest;
use crate::study::problem::Problem;
use crate::study::scenario::sidecar::{ACTIONS_PER_MINUTE, LISTEN, LOG_LEVELS};

/// The names that are the watch tower's own settings, in lower case.
const SETTINGS: [&str; 7] = [
    "CHECK_FREQUENCY",
    "TARGET",
    "TOLERANCE",
    "SCALE_UP_ROUNDS",
    "SCALE_DOWN_ROUNDS",
    "SCALE_UP_INCREMENT",
    "SCALE_DOWN_INCREMENT",
];

/// The others.
const OTHERS: [&str; 3] = ["URL", "NAME", "LOG_LEVEL"];

/// A line that gives a value.
#[derive(Debug, PartialEq)]
struct Given {
    name: String,
    value: Value,
    line: u32,
    shown: String,
}

/// The configuration a `const.py` describes.
pub(super) fn config(text: &str) -> Result<Config, Vec<Problem>> {
    let mut problems = Vec::new();
    let given = assignments(text, &mut problems);
    let known = || SETTINGS.into_iter().chain(OTHERS);
    for (index, one) in given.iter().enumerate() {
        if !known().any(|name| name == one.name) {
            let hint = match nearest(&one.name, known()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("known are {}", known().collect::<Vec<_>>().join(", ")),
            };
            problems
                .push(Problem::new("", "is no constant of the watch tower", hint).at(Some(one.line)).key(&one.name));
        } else if let Some(first) = given[..index].iter().find(|first| first.name == one.name) {
            let hint = format!("line {} has it too; leave one of them out", first.line);
            problems.push(problem(one, "is there twice", &hint));
        }
    }
    if problems.is_empty() {
        for name in known().filter(|name| given.iter().all(|one| one.name != *name)) {
            let hint = "the original needs all ten: CHECK_FREQUENCY, URL, TOLERANCE, TARGET, SCALE_UP_ROUNDS, SCALE_DOWN_ROUNDS, \
                        SCALE_UP_INCREMENT, SCALE_DOWN_INCREMENT, NAME and LOG_LEVEL";
            problems.push(Problem::new("", "is not given", hint).key(name));
        }
    }
    let Some(policy) = find("watchtower") else { return Err(problems) };
    let parameters = (policy.parameters)();
    let mut settings = Settings::defaults(&parameters);
    for one in given.iter().filter(|one| SETTINGS.contains(&&*one.name)) {
        if let Err(error) = settings.set(&parameters, &one.name.to_lowercase(), one.value.clone()) {
            problems.push(problem(one, &format!("can't be: {error}"), "see the table in docs/policies.md#watchtower"));
        }
    }
    let of = |name: &str| given.iter().find(|one| one.name == name);
    let (gateway, function) = address(of("URL"), of("NAME"), &mut problems);
    let log_level = of("LOG_LEVEL").and_then(|one| {
        let level = text_of(&one.value).and_then(LogLevel::of);
        if level.is_none() {
            problems.push(problem(one, "is no level", &format!("write one of {}", LOG_LEVELS.join(", "))));
        }
        level
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Config {
        listen: LISTEN.parse().ok(),
        log_level: log_level.unwrap_or_default(),
        actions_per_minute: ACTIONS_PER_MINUTE,
        access: Access { gateway, ..Access::default() },
        cluster: None,
        terms: Terms::default(),
        functions: vec![FunctionConfig {
            name: function,
            query: String::new(),
            // the original's own: at least one, and the Community Edition's limit
            bounds: (1, 5),
            arm: Arm { name: policy.name.to_owned(), policy, settings },
        }],
    })
}

/// The gateway's base address and the function: what is before the last two segments of the URL, and the last of them.
fn address(url: Option<&Given>, name: Option<&Given>, problems: &mut Vec<Problem>) -> (String, String) {
    let (Some(url), Some(name)) = (url, name) else { return Default::default() };
    let Some(function) = text_of(&name.value).filter(|function| !function.is_empty()) else {
        problems.push(problem(name, "is no name", "write the function's name in quotes: NAME = \"ftest\""));
        return Default::default();
    };
    let hint = format!("write \"http://HOST:PORT/function/{function}\"");
    let Some(text) = text_of(&url.value) else {
        problems.push(problem(url, "is no address", &hint));
        return Default::default();
    };
    let whole = text.trim_end_matches('/');
    let gateway = whole.strip_suffix(function).and_then(|rest| rest.strip_suffix("/function/"));
    let Some(gateway) = gateway else {
        let what = format!("does not end in function/{function}, which is what NAME says");
        problems.push(problem(url, &what, &hint));
        return Default::default();
    };
    if let Err(error) = check_address(gateway) {
        let error = error.to_string();
        let what = error.lines().next().unwrap_or_default().to_owned();
        problems.push(problem(url, &format!("can't be used: {what}"), &hint));
    }
    (gateway.to_owned(), function.to_owned())
}

fn problem(one: &Given, what: &str, hint: &str) -> Problem {
    Problem::new("", what, hint).at(Some(one.line)).key(&one.name).value(&one.shown)
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::Owned(text) => Some(text),
        _ => None,
    }
}

/// The lines that give values. A docstring at the beginning, comments and empty lines are passed over; anything else is a problem.
fn assignments(text: &str, problems: &mut Vec<Problem>) -> Vec<Given> {
    let mut given = Vec::new();
    let body = match after_docstring(text) {
        Ok(body) => body,
        Err(line) => {
            let hint = "close the docstring with the three quotes it began with";
            problems.push(Problem::new("", "never ends", hint).at(Some(line)).key("the docstring"));
            return given;
        }
    };
    let first = text[..text.len() - body.len()].matches('\n').count() as u32 + 1;
    for (number, raw) in (first..).zip(body.lines()) {
        let line = raw.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: &str, hint: &str| Problem::new("", what, hint).at(Some(number)).key(shortened(line));
        if raw.starts_with([' ', '\t']) {
            problems.push(wrong("is indented", "every line is NAME = value, from the margin on"));
            continue;
        }
        let Some((name, rest)) = line.split_once('=').map(|(name, rest)| (name.trim(), rest.trim())) else {
            problems.push(wrong("is not NAME = value", "a const.py of the watch tower has nothing else but comments"));
            continue;
        };
        if name.is_empty()
            || !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        {
            problems.push(wrong("does not begin with a constant's name", "write it in capitals, such as TARGET = 75"));
            continue;
        }
        match value(rest) {
            Ok((value, shown)) => {
                given.push(Given { name: name.to_owned(), value, line: number, shown: shortened(shown) });
            }
            Err(what) => {
                let hint = "write a number, or a text in quotes; nothing is computed here";
                problems.push(Problem::new("", what, hint).at(Some(number)).key(name).value(shortened(rest)));
            }
        }
    }
    given
}

/// What follows a docstring at the beginning, if there is one; the line it begins on if it never ends.
fn after_docstring(text: &str) -> Result<&str, u32> {
    let mut rest = text;
    // comments and empty lines may come first
    loop {
        let line = rest.lines().next().unwrap_or_default();
        let is_passed_over = line.trim().is_empty() || line.starts_with('#');
        if !is_passed_over || rest.is_empty() {
            break;
        }
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    for quotes in ["\"\"\"", "'''"] {
        if let Some(inside) = rest.strip_prefix(quotes) {
            let begins = text[..text.len() - rest.len()].matches('\n').count() as u32 + 1;
            return inside.split_once(quotes).map(|(_, after)| after).ok_or(begins);
        }
    }
    Ok(text)
}

/// A literal, with what stands there of it. Behind it only a comment may follow.
fn value(text: &str) -> Result<(Value, &str), &'static str> {
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        let inside = &text[1..];
        let end = inside.find(quote).ok_or("is a text that never ends")?;
        let after = inside[end + 1..].trim_start();
        if inside[..end].contains('\\') {
            return Err("has a backslash, which is not read here");
        }
        if !(after.is_empty() || after.starts_with('#')) {
            return Err("is more than one text");
        }
        return Ok((Value::Owned(inside[..end].to_owned()), &text[..end + 2]));
    }
    let plain = text.split('#').next().unwrap_or_default().trim();
    if plain.is_empty() {
        return Err("has no value");
    }
    let digits = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'e' | b'E' | b'-' | b'+'));
    if !is_number {
        return Err("is neither a number nor a text in quotes");
    }
    let number = plain.replace('_', "");
    let whole = number.parse::<i64>().ok().map(Value::Integer);
    let value = whole.or_else(|| number.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::Number));
    value.map(|value| (value, plain)).ok_or("is no number")
}

/// A line, cut to what fits into a message.
fn shortened(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file of the original, as its description prints it.
    const ORIGINAL: &str = include_str!("../../../tests/it/autoscale/const.py");

    #[test]
    fn the_originals_file_is_the_policy_of_the_originals_values() {
        let config = config(ORIGINAL).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(config.access, Access { gateway: "http://localhost:8080".to_owned(), ..Access::default() });
        assert_eq!(config.log_level, LogLevel::Debug);
        let [function] = &config.functions[..] else { panic!("one function") };
        assert_eq!(
            (function.name.as_str(), function.bounds, function.arm.policy.name),
            ("ftest", (1, 5), "watchtower")
        );
        // the policy's defaults are the original's own values
        assert_eq!(function.arm.settings, Settings::defaults(&(function.arm.policy.parameters)()));
    }

    #[test]
    fn other_ways_to_write_the_same_are_read_too() {
        let text = ORIGINAL
            .replace("\"\"\"Definitions", "# first\n\n'''\nDefinitions")
            .replace("tower\"\"\"", "tower\n'''")
            .replace("TARGET = 75", "TARGET=7_5   # ms")
            .replace("= 0.2\n\n# Scale down", "= 'auto'\n\n# Scale down")
            .replace("= 1.0", "= 1")
            .replace("8080/function/ftest", "8080/faas/function/ftest/");
        let config = config(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(config.access.gateway, "http://localhost:8080/faas");
        let settings = &config.functions[0].arm.settings;
        assert_eq!((settings.integer("target"), settings.fraction_or_auto("scale_up_increment")), (75, None));
        assert_eq!(settings.fraction_or_auto("scale_down_increment"), Some(1.0));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_a_remedy() {
        let said = |from: &str, to: &str| {
            let text = ORIGINAL.replacen(from, to, 1);
            assert_ne!(text, ORIGINAL, "{from}");
            let Err(problems) = config(&text) else { panic!("{to} was taken") };
            problems.iter().map(|problem| problem.text("const.py")).collect::<Vec<_>>().join("\n")
        };
        for (from, to, parts) in [
            ("TARGET = 75", "TARGTE = 75", &["const.py:13: TARGTE is no constant", "did you mean TARGET?"][..]),
            ("TARGET = 75", "TARGET = 0", &["const.py:13: TARGET = 0 can't be"]),
            (
                "TARGET = 75",
                "TARGET = 70 + 5",
                &["const.py:13: TARGET = 70 + 5 is neither a number", "nothing is computed"],
            ),
            ("TARGET = 75", "import os", &["const.py:13: import os is not NAME = value"]),
            ("TARGET = 75", "    TARGET = 75", &["is indented"]),
            ("TARGET = 75", "target = 75", &["in capitals"]),
            ("TARGET = 75", "TARGET =", &["has no value"]),
            ("TARGET = 75\n", "", &["const.py: TARGET is not given", "all ten"]),
            (
                "TARGET = 75",
                "TARGET = 75\nTARGET = 80",
                &["const.py:14: TARGET = 80 is there twice", "line 13 has it too"],
            ),
            ("TOLERANCE = 0.2", "TOLERANCE = 20", &["TOLERANCE = 20 can't be"]),
            ("NAME = \"ftest\"", "NAME = \"sleepy\"", &["URL", "does not end in function/sleepy"]),
            ("NAME = \"ftest\"", "NAME = \"ftest", &["is a text that never ends"]),
            ("\"http://", "\"gopher://", &["URL", "can't be used"]),
            ("LOG_LEVEL = \"DEBUG\"", "LOG_LEVEL = \"LOUD\"", &["is no level", "DEBUG, INFO"]),
            ("tower\"\"\"", "tower", &["const.py:1: the docstring never ends"]),
        ] {
            let said = said(from, to);
            for part in parts {
                assert!(said.contains(part), "{part}:\n{said}");
            }
        }
    }
}
