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

mod go;
mod headers;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::drive::RequestPlan;
use crate::schedule::hey;

pub use go::ValueError;
pub use words::{WordsError, words};

/// What hey calls itself.
const USER_AGENT: &str = "hey/0.0.1";

/// The longest body a file may hold; every request carries it, and it is kept in memory.
const BODY_BYTES_MAX: u64 = 64 << 20;

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

/// Why flags are refused, in hey's words where it has some.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FlagError {
    /// `-help`: no error, but nothing to run either.
    #[error("help requested")]
    Help,
    /// No such flag.
    #[error("flag provided but not defined: -{0}")]
    NotDefined(String),
    /// The last word is a flag that wants a value.
    #[error("flag needs an argument: -{0}")]
    NeedsArgument(String),
    /// Hyphens without a name.
    #[error("bad flag syntax: {0}")]
    Syntax(String),
    /// A value of the wrong type.
    #[error("invalid value {value:?} for flag -{flag}: {error}")]
    Value {
        /// The flag, without its hyphen.
        flag: String,
        /// What it was given.
        value: String,
        /// Go's reason.
        error: ValueError,
    },
    /// A switch with something other than true or false.
    #[error("invalid boolean value {value:?} for -{flag}: {error}")]
    Boolean {
        /// The flag, without its hyphen.
        flag: String,
        /// What it was given.
        value: String,
        /// Go's reason.
        error: ValueError,
    },
    /// `-h` was hey's header flag once.
    #[error("Flag '-h' is deprecated, please use '-H' instead.")]
    DeprecatedHeader,
    /// Numbers that make no schedule.
    #[error(transparent)]
    Pacing(#[from] hey::SettingsError),
    /// More workers than any machine has connections for.
    #[error("-c {0} is too many workers")]
    TooManyWorkers(i64),
    /// `-H` or `-a` that doesn't look like one.
    #[error("could not parse the provided input; input = {0}")]
    Input(String),
    /// A method that is no token.
    #[error("net/http: invalid method {0:?}")]
    Method(String),
    /// A header value with control characters in it.
    #[error("net/http: invalid header field value for {0:?}")]
    HeaderValue(String),
    /// `-D` names a file that can't be read.
    #[error("open {path}: {reason}")]
    BodyFile {
        /// The file.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
}

impl FlagError {
    /// Whether Go's `flag` package refused it: then hey exits with 2, otherwise with 1.
    pub const fn is_syntax(&self) -> bool {
        matches!(
            self,
            Self::NotDefined(_) | Self::NeedsArgument(_) | Self::Syntax(_) | Self::Value { .. } | Self::Boolean { .. }
        )
    }
}

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
    /// Reads flags up to the first word that is none, as Go does; gives back the words from there on.
    ///
    /// # Errors
    /// At the first flag that Go refuses.
    pub fn parse(words: &[String]) -> Result<(Self, &[String]), FlagError> {
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
            if name == "h" {
                let needs = || FlagError::NeedsArgument("h".to_owned());
                let value = inline.or_else(|| rest.first().map(String::as_str)).ok_or_else(needs)?;
                flags.deprecated_h |= !value.is_empty();
                rest = if inline.is_some() { rest } else { &rest[1..] };
                continue;
            }
            let Some((name, is_switch)) = FLAGS.iter().find(|(known, _)| *known == name) else {
                return Err(if name == "help" { FlagError::Help } else { FlagError::NotDefined(name.to_owned()) });
            };
            flags.given.insert(name);
            if *is_switch {
                let value = inline.unwrap_or("true");
                let boolean = go::boolean(value).map_err(|error| FlagError::Boolean {
                    flag: (*name).to_owned(),
                    value: value.to_owned(),
                    error,
                })?;
                flags.set_switch(name, boolean);
            } else {
                let value = match inline {
                    Some(value) => value,
                    None => {
                        let (value, after) =
                            rest.split_first().ok_or_else(|| FlagError::NeedsArgument((*name).to_owned()))?;
                        rest = after;
                        value
                    }
                };
                flags.set(name, value).map_err(|error| FlagError::Value {
                    flag: (*name).to_owned(),
                    value: value.to_owned(),
                    error,
                })?;
            }
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

    /// When requests are due.
    ///
    /// # Errors
    /// When hey itself would refuse the numbers, or hang on them.
    pub fn pacing(&self) -> Result<hey::Settings, FlagError> {
        let workers = u32::try_from(self.workers.max(0)).map_err(|_| FlagError::TooManyWorkers(self.workers))?;
        let requests = u64::try_from(self.requests).unwrap_or(0);
        let duration = (!self.duration.is_zero()).then_some(self.duration);
        Ok(hey::Settings::new(requests, workers, self.rate, duration)?)
    }

    /// What is sent. A relative `-D` is looked up in `directory`.
    ///
    /// Headers stand in the order in which Go writes them: `Host` (only with `-host`), `User-Agent`, the others by name, and
    /// `Accept-Encoding` if the transport adds it.
    ///
    /// # Errors
    /// When a header, the method or the body file is none.
    pub fn request(&self, directory: &Path) -> Result<RequestPlan, FlagError> {
        if self.deprecated_h {
            return Err(FlagError::DeprecatedHeader);
        }
        let mut named = BTreeMap::from([("Content-Type".to_owned(), self.content_type.trim().to_owned())]);
        for input in &self.headers {
            let (name, value) = headers::split(input).ok_or_else(|| FlagError::Input(input.clone()))?;
            named.insert(name, value);
        }
        if !self.accept.is_empty() {
            named.insert("Accept".to_owned(), self.accept.trim().to_owned());
        }
        if !self.auth.is_empty() {
            let value = headers::basic_auth(&self.auth).ok_or_else(|| FlagError::Input(self.auth.clone()))?;
            named.insert("Authorization".to_owned(), value);
        }
        let method = if self.method.is_empty() { "GET".to_owned() } else { self.method.to_uppercase() };
        if !headers::is_method(&method) {
            return Err(FlagError::Method(method));
        }
        let body = self.read_body(directory)?;

        let given_agent = named.remove("User-Agent");
        let agent = if self.user_agent.is_empty() { given_agent } else { Some(self.user_agent.trim().to_owned()) };
        // a header that asks for it closes the connection just as the flag does; the transport then writes it itself
        let closes = named.get("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if closes {
            named.remove("Connection");
        }
        let asks_for_gzip = !self.disable_compression
            && method != "HEAD"
            && !named.contains_key("Accept-Encoding")
            && !named.contains_key("Range");

        let mut in_order = Vec::new();
        if !self.host.is_empty() {
            in_order.push(("Host".to_owned(), self.host.clone()));
        }
        in_order.push(("User-Agent".to_owned(), agent.unwrap_or_else(|| USER_AGENT.to_owned())));
        in_order.extend(named.into_iter().filter(|(name, _)| headers::is_sent(name)));
        if asks_for_gzip {
            in_order.push(("Accept-Encoding".to_owned(), "gzip".to_owned()));
        }
        if let Some((name, _)) = in_order.iter().find(|(_, value)| !headers::is_value(value)) {
            return Err(FlagError::HeaderValue(name.clone()));
        }
        Ok(RequestPlan {
            method,
            headers: in_order,
            body,
            timeout: u64::try_from(self.timeout_s).ok().filter(|secs| *secs > 0).map(Duration::from_secs),
            keep_alive: !self.disable_keepalive && !closes,
        })
    }

    fn read_body(&self, directory: &Path) -> Result<Vec<u8>, FlagError> {
        if self.body_file.is_empty() {
            return Ok(self.body.clone().into_bytes());
        }
        let path: PathBuf = directory.join(&self.body_file);
        let refused = |reason: String| FlagError::BodyFile { path: self.body_file.clone(), reason };
        let reason = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        let size = std::fs::metadata(&path).map_err(|error| refused(reason(error)))?.len();
        if size > BODY_BYTES_MAX {
            return Err(refused(format!("longer than {} MiB", BODY_BYTES_MAX >> 20)));
        }
        std::fs::read(&path).map_err(|error| refused(reason(error)))
    }

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
            (
                "x",
                "asks for a proxy, but load goes straight to the target",
                "leave it out; the address comes from --target",
            ),
            ("h2", "asks for HTTP/2, but OpenFaaS functions are invoked over HTTP/1.1", "leave it out"),
            ("cpus", "sets hey's CPU cores, but all generators share one process", "leave it out"),
            (
                "disable-compression",
                "changes what is asked of the gateway, not of the function",
                "leave it out, or send -H 'Accept-Encoding: identity'",
            ),
            ("disable-redirects", "has no meaning here: redirects are never followed", "leave it out"),
        ] {
            if self.given.contains(flag) {
                object(format!("-{flag}"), what, hint);
            }
        }
        for input in &self.headers {
            match headers::split(input) {
                Some((name, _)) if name == "Host" => {
                    object(format!("-H '{input}'"), "is dropped by hey", "write -host NAME to send another Host")
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

    fn request(line: &str) -> Result<RequestPlan, FlagError> {
        flags(line)?.request(Path::new("."))
    }

    fn header_lines(line: &str) -> String {
        let plan = request(line).expect("valid flags");
        plan.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
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
    fn what_hey_refuses_is_refused_in_its_words() {
        for (line, text) in [
            ("-h 'A: b'", "Flag '-h' is deprecated, please use '-H' instead."),
            ("-H nonsense", "could not parse the provided input; input = nonsense"),
            ("-a user", "could not parse the provided input; input = user"),
            ("-m 'A B'", "net/http: invalid method \"A B\""),
            ("-D no/such/file", "open no/such/file: no such file or directory"),
        ] {
            let error = request(line).expect_err(line);
            assert_eq!(error.to_string(), text);
            assert!(!error.is_syntax());
        }
        for (line, text) in [
            ("-n 5", "-n cannot be less than -c"),
            ("-n 0", "-n and -c cannot be smaller than 1"),
            ("-n -5 -c 1", "-n and -c cannot be smaller than 1"),
            ("-z 1s -c 0", "-c cannot be smaller than 1"),
            ("-c 99999999999 -z 1s", "-c 99999999999 is too many workers"),
        ] {
            assert_eq!(flags(line).and_then(|flags| flags.pacing()).expect_err(line).to_string(), text);
        }
    }

    #[test]
    fn without_flags_the_request_is_the_default_one() {
        assert_eq!(request(""), Ok(RequestPlan::default()));
    }

    #[test]
    fn headers_go_out_in_go_s_order_and_the_last_of_a_name_wins() {
        insta::assert_snapshot!(
            header_lines("-H 'x-b: 1' -H 'Hey: hey' -H 'X-B: 2' -H 'Accept: a/b' -A c/d -a user:pass -host fn.example -T text/plain"),
            @r"
        Host: fn.example
        User-Agent: hey/0.0.1
        Accept: c/d
        Authorization: Basic dXNlcjpwYXNz
        Content-Type: text/plain
        Hey: hey
        X-B: 2
        Accept-Encoding: gzip
        "
        );
        insta::assert_snapshot!(header_lines("-H 'user-agent: mine' -H 'Accept-Encoding: br' -H 'Content-Length: 5' -T ''"), @r"
        User-Agent: mine
        Accept-Encoding: br
        Content-Type: 
        ");
        insta::assert_snapshot!(header_lines("-U flag -H 'User-Agent: header' -m head"), @r"
        User-Agent: flag
        Content-Type: text/html
        ");
    }

    #[test]
    fn a_file_s_body_wins_and_connections_can_be_closed() {
        let directory = tempfile::tempdir().expect("a directory for the test");
        std::fs::write(directory.path().join("body.json"), b"{}\n").expect("written");
        let plan = flags("-m post -d text -D body.json -t 0 -disable-keepalive")
            .expect("valid flags")
            .request(directory.path())
            .expect("the file is there");
        assert_eq!((plan.method.as_str(), plan.body.as_slice()), ("POST", b"{}\n".as_slice()));
        assert_eq!((plan.timeout, plan.keep_alive), (None, false));
        assert!(!request("-H 'Connection: close'").expect("valid").keep_alive);
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
