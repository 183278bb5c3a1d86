//! Flags as they may be shown: credentials left out.

use crate::drive::live::load::hide_password;

/// Headers whose values are credentials.
const SECRET_HEADERS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];

/// What stands for a credential.
const HIDDEN: &str = "***";

/// The words of a hey command line as one line, fit for screens and files: the value of `-a`, of headers that carry credentials
/// and the passwords of addresses are hidden.
pub fn without_secrets(words: &[String]) -> String {
    let mut shown: Vec<String> = Vec::with_capacity(words.len());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = word.trim_start_matches('-');
        let is_flag = word.starts_with('-');
        match name.split_once('=') {
            Some((flag, value)) if is_flag && matches!(flag, "a" | "H" | "x") => {
                shown.push(format!("-{flag}={}", quoted(&hidden(flag, value))));
            }
            None if is_flag && matches!(name, "a" | "H" | "x") => {
                shown.push(word.clone());
                if let Some(value) = words.next() {
                    shown.push(quoted(&hidden(name, value)));
                }
            }
            _ if word.contains("://") => shown.push(quoted(&hide_password(word))),
            _ => shown.push(quoted(word)),
        }
    }
    shown.join(" ")
}

fn hidden(flag: &str, value: &str) -> String {
    match flag {
        "a" => return HIDDEN.to_owned(),
        "x" => return hide_password(value),
        _ => {}
    }
    match value.split_once(':') {
        Some((name, _)) if SECRET_HEADERS.contains(&name.trim().to_ascii_lowercase().as_str()) => {
            format!("{name}: {HIDDEN}")
        }
        _ => value.to_owned(),
    }
}

fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '\\'));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::hey_flags::words;

    #[test]
    fn credentials_are_hidden_and_everything_else_is_kept() {
        for (line, shown) in [
            ("-z 2m -c 50 -q 5", "-z 2m -c 50 -q 5"),
            ("-n 5 http://ann:canary@h/a?b=c:d@e", "-n 5 http://ann:***@h/a?b=c:d@e"),
            ("-a admin:canary -n 5", "-a *** -n 5"),
            ("--a=admin:canary -n 5", "-a=*** -n 5"),
            ("-H 'Authorization: Bearer canary'", "-H 'Authorization: ***'"),
            ("-H=\"cookie:canary\"", "-H='cookie: ***'"),
            ("-x http://ann:canary@proxy:3128", "-x http://ann:***@proxy:3128"),
            ("--x=ann:canary@proxy", "-x=ann:***@proxy"),
            ("-H 'X-Mode: fast one'", "-H 'X-Mode: fast one'"),
        ] {
            assert_eq!(without_secrets(&words(line).expect("words")), shown);
        }
    }
}
