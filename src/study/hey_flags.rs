//! hey's command line: words to flags to what is sent and when.
//!
//! ```text
//!   "-z 2m -c 50 -q 5"  --words-->  ["-z", "2m", ...]  --Flags::parse-->  Flags + what follows them
//!                                          Flags::pacing  --> schedule::hey::Settings
//!                                          Flags::request --> RequestPlan
//! ```
//!
//! Facts: hey 0.1.4 (hey.go, requester.go) and Go's `flag` package. Error texts are theirs. A scenario's load and the drop-in
//! command share this; what makes sense only on a command line is told apart by [`Flags::objections`].

mod error;
pub mod go;
mod headers;
mod more;
mod objections;
mod request;
mod secrets;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

pub use error::FlagError;
pub use go::ValueError;
pub(crate) use headers::authorization;
pub use more::{Kind, MoreFlags};
pub use objections::Objection;
pub use secrets::without_secrets;
pub use words::{WordsError, words};

/// All flags, `true` for those that are switches.
const FLAGS: [(&str, bool); 21] = [
    ("n", false),
    ("c", false),
    ("q", false),
    ("z", false),
    ("o", false),
    ("m", false),
    ("H", false),
    ("t", false),
    ("A", false),
    ("d", false),
    ("D", false),
    ("T", false),
    ("U", false),
    ("a", false),
    ("host", false),
    ("x", false),
    ("h2", true),
    ("disable-compression", true),
    ("disable-keepalive", true),
    ("disable-redirects", true),
    ("cpus", false),
];

/// hey's flags as given, with hey's defaults for the others.
#[expect(clippy::struct_excessive_bools, reason = "they are hey's switches")]
#[derive(Clone, Debug, PartialEq)]
pub struct Flags {
    /// `-n`: requests in total, when there is no `-z`.
    pub requests: i64,
    /// `-c`: workers.
    pub workers: i64,
    /// `-q`: requests per second and worker; 0 or less for no limit.
    pub rate: f64,
    /// `-z`: how long; zero for "by `-n`".
    pub duration: Duration,
    /// `-o`: output format.
    pub output: String,
    /// `-m`: method, as written.
    pub method: String,
    /// `-H`: each as written.
    pub headers: Vec<String>,
    /// `-t`: time-out in seconds; 0 or less for none.
    pub timeout_s: i64,
    /// `-A`.
    pub accept: String,
    /// `-d`: body.
    pub body: String,
    /// `-D`: file that holds the body; wins over `-d`.
    pub body_file: String,
    /// `-T`.
    pub content_type: String,
    /// `-U`.
    pub user_agent: String,
    /// `-a`: `user:password`.
    pub auth: String,
    /// `-host`.
    pub host: String,
    /// `-x`: proxy.
    pub proxy: String,
    /// `-h2`.
    pub http2: bool,
    /// `-disable-compression`.
    pub disable_compression: bool,
    /// `-disable-keepalive`.
    pub disable_keepalive: bool,
    /// `-disable-redirects`.
    pub disable_redirects: bool,
    /// `-cpus`; 0 if not given.
    pub cpus: i64,
    /// The flags that were given, without their hyphen.
    pub given: BTreeSet<&'static str>,
    deprecated_h: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            requests: 200,
            workers: 50,
            rate: 0.0,
            duration: Duration::ZERO,
            output: String::new(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            timeout_s: 20,
            accept: String::new(),
            body: String::new(),
            body_file: String::new(),
            content_type: "text/html".to_owned(),
            user_agent: String::new(),
            auth: String::new(),
            host: String::new(),
            proxy: String::new(),
            http2: false,
            disable_compression: false,
            disable_keepalive: false,
            disable_redirects: false,
            cpus: 0,
            given: BTreeSet::new(),
            deprecated_h: false,
        }
    }
}

impl Flags {
    /// Reads flags up to the first word that is none, as Go does; gives back the words from there on.
    ///
    /// # Errors
    /// At the first flag that Go refuses.
    pub fn parse(words: &[String]) -> Result<(Self, &[String]), FlagError> {
        Self::parse_with(words, &mut ())
    }

    /// [`Flags::parse`] with more flags than hey's own.
    ///
    /// # Errors
    /// At the first flag that Go refuses, or `more` does.
    pub fn parse_with<'a>(words: &'a [String], more: &mut impl MoreFlags) -> Result<(Self, &'a [String]), FlagError> {
        let mut flags = Self::default();
        let mut rest = words;
        while let Some((word, after)) = rest.split_first() {
            if word == "--" {
                return Ok((flags, after));
            }
            let Some(name) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|_| word.len() > 1)
            else {
                break;
            };
            rest = after;
            if name.is_empty() || name.starts_with(['-', '=']) {
                return Err(FlagError::Syntax(word.clone()));
            }
            let (name, inline) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (name, None),
            };
            let own = FLAGS.iter().find(|(known, _)| *known == name);
            let kind = match own {
                Some((_, true)) => Kind::Switch,
                Some((_, false)) => Kind::Value,
                None if name == "h" => Kind::Value,
                None => match more.kind(name) {
                    Some(kind) => kind,
                    None if name == "help" => return Err(FlagError::Help),
                    None => return Err(FlagError::NotDefined(name.to_owned())),
                },
            };
            let value = match (kind, inline) {
                (_, Some(value)) => value,
                (Kind::Switch, None) => "true",
                (Kind::Value, None) => {
                    let needs = || FlagError::NeedsArgument(name.to_owned());
                    let (value, after) = rest.split_first().ok_or_else(needs)?;
                    rest = after;
                    value
                }
            };
            let refused = |error| match kind {
                Kind::Switch => FlagError::Boolean { flag: name.to_owned(), value: value.to_owned(), error },
                Kind::Value => FlagError::Value { flag: name.to_owned(), value: value.to_owned(), error },
            };
            let Some((known, _)) = own else {
                if name == "h" {
                    flags.deprecated_h |= !value.is_empty();
                } else {
                    more.set(name, value)?;
                }
                continue;
            };
            flags.given.insert(known);
            match kind {
                Kind::Switch => go::boolean(value).map(|value| flags.set_switch(known, value)),
                Kind::Value => flags.set(known, value),
            }
            .map_err(refused)?;
        }
        Ok((flags, rest))
    }

    fn set_switch(&mut self, name: &str, value: bool) {
        match name {
            "h2" => self.http2 = value,
            "disable-compression" => self.disable_compression = value,
            "disable-keepalive" => self.disable_keepalive = value,
            _ => self.disable_redirects = value,
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), ValueError> {
        match name {
            "n" => self.requests = go::integer(value)?,
            "c" => self.workers = go::integer(value)?,
            "q" => self.rate = go::float(value)?,
            "z" => self.duration = go::duration(value)?,
            "t" => self.timeout_s = go::integer(value)?,
            "cpus" => self.cpus = go::integer(value)?,
            "H" => self.headers.push(value.to_owned()),
            "o" => value.clone_into(&mut self.output),
            "m" => value.clone_into(&mut self.method),
            "A" => value.clone_into(&mut self.accept),
            "d" => value.clone_into(&mut self.body),
            "D" => value.clone_into(&mut self.body_file),
            "T" => value.clone_into(&mut self.content_type),
            "U" => value.clone_into(&mut self.user_agent),
            "a" => value.clone_into(&mut self.auth),
            "host" => value.clone_into(&mut self.host),
            _ => value.clone_into(&mut self.proxy),
        }
        Ok(())
    }

    /// The flag nearest to a mistyped one.
    pub fn nearest(name: &str) -> Option<&'static str> {
        super::nearest::nearest(name, FLAGS.iter().map(|(flag, _)| *flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(line: &str) -> Result<Flags, FlagError> {
        let words = words(line).expect("quotes are closed");
        Flags::parse(&words).map(|(flags, _)| flags)
    }

    #[test]
    fn the_three_forms_of_a_flag_are_equal_and_the_last_wins() {
        for line in ["-c 3 -z 2s", "-c=3 --z=2s", "--c 9 -c 0x3 --z 2s"] {
            let flags = flags(line).expect("valid flags");
            assert_eq!((flags.workers, flags.duration), (3, Duration::from_secs(2)), "{line}");
        }
        assert_eq!(flags("-disable-keepalive=false").map(|flags| flags.disable_keepalive), Ok(false));
    }

    #[test]
    fn parsing_stops_at_the_first_word_that_is_no_flag() {
        let words = words("-c 3 http://x -n 5").expect("no quotes");
        let (flags, rest) = Flags::parse(&words).expect("valid flags");
        assert_eq!((flags.workers, flags.requests), (3, 200));
        assert_eq!(rest, ["http://x", "-n", "5"]);
    }

    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        for (line, text) in [
            ("-foo", "flag provided but not defined: -foo"),
            ("-n abc", "invalid value \"abc\" for flag -n: parse error"),
            ("-n 99999999999999999999", "invalid value \"99999999999999999999\" for flag -n: value out of range"),
            ("-z 120", "invalid value \"120\" for flag -z: parse error"),
            ("-h", "flag needs an argument: -h"),
            ("-c", "flag needs an argument: -c"),
            ("---c", "bad flag syntax: ---c"),
            ("-=3", "bad flag syntax: -=3"),
            ("-h2=maybe", "invalid boolean value \"maybe\" for -h2: parse error"),
        ] {
            let error = flags(line).expect_err(line);
            assert_eq!(error.to_string(), text);
            assert!(error.is_syntax());
        }
        assert_eq!(flags("--help"), Err(FlagError::Help));
    }

    #[test]
    fn every_flag_can_be_set() {
        for (flag, is_switch) in FLAGS {
            let line = if is_switch { format!("-{flag}") } else { format!("-{flag} 1s") };
            match flags(&line) {
                Ok(flags) => assert!(flags.given.contains(flag) && flags != Flags::default()),
                Err(FlagError::Value { flag: refused, .. }) => assert_eq!(refused, flag),
                Err(error) => panic!("-{flag}: {error}"),
            }
        }
    }
}
