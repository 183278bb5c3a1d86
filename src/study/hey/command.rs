//! hey's command line as a whole: which flags and address make a load, and in which order hey finds fault with them (hey 0.1.4, hey.go).

use std::path::Path;
use std::time::Duration;

use hyper::Uri;

use crate::drive::RequestPlan;
use crate::drive::live::awake;
use crate::drive::live::load::check_proxy;
use crate::schedule::hey;
use crate::study::hey_flags::{FlagError, Flags, authorization};
use crate::study::hey_judgement::Asked;
use crate::time::format_duration;

use super::address::Address;
use super::options::Options;
use super::self_test;
use super::template::Template;

/// A load, ready to be sent.
#[derive(Clone, Debug)]
pub struct Command {
    /// When requests are due.
    pub pacing: hey::Settings,
    /// What is sent.
    pub request: RequestPlan,
    /// Where to.
    pub address: Address,
    /// Where to, as the generator takes it; or why no request can go there, in hey's words.
    pub uri: Result<Uri, String>,
    /// What is printed at the end.
    pub output: Output,
    /// `-cpus`, if it was given and is a number of cores.
    pub cores: Option<usize>,
    /// Flags that hey lacks.
    pub options: Options,
    /// Words after the address, which hey ignores.
    pub ignored: Vec<String>,
}

/// What is printed on standard output at the end.
#[derive(Clone, Debug)]
pub enum Output {
    /// hey's summary.
    Summary,
    /// `-o csv`: a row for each answer.
    Csv,
    /// `-o TEMPLATE`.
    Template(Template),
    /// `--json`.
    Json,
}

/// Why there is nothing to run.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// `-help`: the usage was asked for. Exit code 0.
    Help,
    /// Go's flag package refused a flag: the message, the usage. Exit code 2.
    Flag(FlagError),
    /// hey refused a value: the message and an empty line if there is one, the usage, an empty line. Exit code 1.
    Usage(String),
    /// hey refused a file: the message alone. Exit code 1.
    File(String),
    /// A template that Go can't read. hey finds out when the load is over, and ends with exit code 2.
    Template(String),
    /// What hey has no word for. Exit code 2.
    Conflict(String),
}

/// What a command line asks for.
#[derive(Clone, Debug)]
pub enum Task {
    /// A load.
    Send(Box<Command>),
    /// `--judge`: whether the heys that printed these summaries kept the flags.
    Judge {
        /// Where the summaries are.
        files: Vec<String>,
        /// The flags.
        asked: Asked,
        /// Whether to answer in JSON.
        json: bool,
    },
    /// `--self-test`: the generator against a server of its own.
    SelfTest {
        /// How long it may take.
        length: Duration,
        /// Whether to answer in JSON.
        json: bool,
        /// Whether cores are kept awake meanwhile.
        keep_awake: bool,
    },
}

impl Task {
    /// Reads a command line, without the program's name. A body file is read from the working directory.
    ///
    /// # Errors
    /// At the first fault, in hey's order.
    pub fn parse(words: &[String]) -> Result<Self, Refusal> {
        let mut options = Options::default();
        let (flags, rest) = Flags::parse_with(words, &mut options).map_err(|error| match error {
            FlagError::Help => Refusal::Help,
            error => Refusal::Flag(error),
        })?;
        if options.keep_awake
            && let Some(why) = objection_to_awake(&options)
        {
            return Err(Refusal::Conflict(why));
        }
        if !options.judged.is_empty() {
            let Options { judged: files, json, .. } = options;
            let timeout = u64::try_from(flags.timeout_s).ok().filter(|secs| *secs > 0).map(Duration::from_secs);
            return Ok(Self::Judge { files, asked: Asked { pacing: pacing(&flags)?, timeout }, json });
        }
        if options.self_test {
            return self_test(&flags, &options, rest);
        }
        let Some((url, ignored)) = rest.split_first() else { return Err(Refusal::Usage(String::new())) };
        Command::new(&flags, options, url, ignored).map(|command| Self::Send(Box::new(command)))
    }
}

/// Why cores can't be kept awake, or to what end.
fn objection_to_awake(options: &Options) -> Option<String> {
    if !options.judged.is_empty() {
        return Some("--judge sends nothing, so there is nothing to keep awake for; leave --keep-awake out".to_owned());
    }
    awake::objection().map(|why| format!("{why}; leave it out"))
}

/// A self-test chooses its loads itself; but for its length it takes nothing.
fn self_test(flags: &Flags, options: &Options, rest: &[String]) -> Result<Task, Refusal> {
    let conflict = |text: String| Err(Refusal::Conflict(text));
    if let Some(word) = rest.first() {
        return conflict(format!("--self-test has a server of its own; leave out {word}"));
    }
    if let Some(flag) = flags.given.iter().find(|flag| **flag != "z") {
        return conflict(format!(
            "--self-test chooses its loads itself; leave out -{flag} (-z says how long it may take)"
        ));
    }
    let &Options { json, keep_awake, .. } = options;
    if *options != (Options { self_test: true, json, keep_awake, ..Options::default() }) {
        return conflict("--self-test takes -z, --json and --keep-awake; leave out the other options".to_owned());
    }
    let length = if flags.given.contains("z") { flags.duration } else { self_test::LENGTH };
    if !(self_test::LENGTH_MIN..=self_test::LENGTH_MAX).contains(&length) {
        let (least, most) = (format_duration(self_test::LENGTH_MIN), format_duration(self_test::LENGTH_MAX));
        let is = format_duration(length);
        return conflict(format!(
            "--self-test takes from {least} to {most}, and -z says {is}; leave -z out for {}",
            format_duration(self_test::LENGTH)
        ));
    }
    Ok(Task::SelfTest { length, json, keep_awake })
}

fn pacing(flags: &Flags) -> Result<hey::Settings, Refusal> {
    flags.pacing().map_err(|error| match error {
        FlagError::Pacing(error @ hey::SettingsError::Rate(_)) => Refusal::Usage(error.to_string()),
        // the schedule's words for them are hey's, without the full stop
        FlagError::Pacing(error) => Refusal::Usage(format!("{error}.")),
        error => Refusal::Usage(error.to_string()),
    })
}

impl Command {
    fn new(flags: &Flags, options: Options, url: &str, ignored: &[String]) -> Result<Self, Refusal> {
        let mut pacing = pacing(flags)?;
        let mut unsendable = None;
        let refused_proxy = (!flags.proxy.is_empty()).then(|| proxy_fault(&flags.proxy)).flatten();
        let mut request = match (flags.request(Path::new("")), refused_proxy) {
            (Err(error @ FlagError::BodyFile { .. }), _) => return Err(Refusal::File(error.to_string())),
            // hey looks at the proxy before it looks at the method
            (Ok(_) | Err(FlagError::Method(_) | FlagError::HeaderValue(_)), Some(fault)) => {
                return Err(Refusal::Usage(fault));
            }
            (Ok(request), None) => request,
            // hey sends on, and fails with each request
            (Err(error @ FlagError::HeaderValue(_)), None) => {
                unsendable = Some(error.to_string());
                RequestPlan { method: flags.method.to_uppercase(), ..RequestPlan::default() }
            }
            (Err(error), _) => return Err(Refusal::Usage(error.to_string())),
        };
        let address = Address::parse(url).map_err(Refusal::Usage)?;
        if let Some(credentials) = address.credentials() {
            authorize(&mut request, credentials);
        }
        let output = match flags.output.as_str() {
            _ if options.json && !flags.output.is_empty() => {
                let text = "--json and -o both say what to print; leave one of them out";
                return Err(Refusal::Conflict(text.to_owned()));
            }
            "" if options.json => Output::Json,
            "" => Output::Summary,
            "csv" => Output::Csv,
            text => Output::Template(Template::parse(text).map_err(Refusal::Template)?),
        };
        if let Some(phase) = options.phase {
            if pacing.period().is_none() {
                let text = "--phase says how the ticks of -q lie, and there is no -q; add one or leave it out";
                return Err(Refusal::Conflict(text.to_owned()));
            }
            pacing = pacing.with_phase(phase);
        }
        Ok(Self {
            pacing,
            request,
            uri: match address.cannot_be_called().or(unsendable) {
                Some(why) => Err(why),
                None => address.to_call().parse().map_err(|error| format!("{error}")),
            },
            address,
            output,
            cores: usize::try_from(flags.cpus).ok().filter(|cores| *cores > 0),
            options,
            ignored: ignored.to_vec(),
        })
    }
}

/// What is wrong with a proxy's address: Go's words if it is no address, ours if it is none that can be used.
fn proxy_fault(text: &str) -> Option<String> {
    let fault = Address::parse(text).err();
    fault.or_else(|| check_proxy(text).err().map(|error| format!("{error}; write one such as http://127.0.0.1:3128")))
}

/// Adds what an address carries before its `@`, unless there are credentials already; headers stand in the order of their names.
fn authorize(request: &mut RequestPlan, credentials: &str) {
    const NAME: &str = "Authorization";
    if request.headers.iter().any(|(name, _)| name == NAME) {
        return;
    }
    let first = |name: &str| matches!(name, "Host" | "User-Agent");
    let at = request.headers.iter().position(|(name, _)| !first(name) && name.as_str() > NAME);
    let last = || {
        let added_by_transport = request.headers.last().is_some_and(|(name, _)| name == "Accept-Encoding");
        request.headers.len() - usize::from(added_by_transport)
    };
    request.headers.insert(at.unwrap_or_else(last), (NAME.to_owned(), authorization(credentials)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::hey_flags::words;

    fn parse(line: &str) -> Result<Command, Refusal> {
        match Task::parse(&words(line).expect("quotes are closed"))? {
            Task::Send(command) => Ok(*command),
            Task::Judge { .. } | Task::SelfTest { .. } => panic!("{line} sends a load"),
        }
    }

    #[test]
    fn faults_are_found_in_hey_s_order() {
        let usage = |text: &str| Refusal::Usage(text.to_owned());
        for (line, refusal) in [
            ("-help", Refusal::Help),
            ("", usage("")),
            ("-n 0", usage("")),
            ("-n 0 -c 1 -h A http://[", usage("-n and -c cannot be smaller than 1.")),
            ("-z 1s -c 0 x", usage("-c cannot be smaller than 1.")),
            ("-n 5 -h A x", usage("-n cannot be less than -c.")),
            ("-h A -H nonsense -a b x", usage("Flag '-h' is deprecated, please use '-H' instead.")),
            ("-H nonsense -a b x", usage("could not parse the provided input; input = nonsense")),
            ("-a b -D nowhere x", usage("could not parse the provided input; input = b")),
            ("-D nowhere -m 'A B' x", Refusal::File("open nowhere: no such file or directory".to_owned())),
            (
                "-x 127.0.0.1:1 -m 'A B' x",
                usage("parse \"127.0.0.1:1\": first path segment in URL cannot contain colon"),
            ),
            ("-m 'A B' http://[", usage("net/http: invalid method \"A B\"")),
            ("http://[", usage("parse \"http://[\": missing ']' in host")),
            (
                "--phase spread http://h",
                Refusal::Conflict(
                    "--phase says how the ticks of -q lie, and there is no -q; add one or leave it out".to_owned(),
                ),
            ),
            (
                "--json -o csv http://h",
                Refusal::Conflict("--json and -o both say what to print; leave one of them out".to_owned()),
            ),
        ] {
            assert_eq!(parse(line).expect_err(line), refusal, "{line}");
        }
        assert!(matches!(parse("-n 0 -foo"), Err(Refusal::Flag(FlagError::NotDefined(_)))));
    }

    #[test]
    fn summaries_are_judged_without_an_address() {
        let line = words("--judge a.txt --judge b.txt -z 2m -c 50 -q 5 -t 0").expect("no quotes");
        let Ok(Task::Judge { files, asked, json }) = Task::parse(&line) else { panic!("a judgement") };
        assert_eq!(
            (files.join(" ").as_str(), asked.pacing.planned(), asked.timeout, json),
            ("a.txt b.txt", Some(30_000), None, false)
        );
    }

    #[test]
    fn what_can_not_be_sent_is_told_and_not_refused() {
        for (line, why) in [
            ("localhost:80", "unsupported protocol scheme \"localhost\""),
            ("-H 'A: b\u{1}c' http://h", "net/http: invalid header field value for \"A\""),
        ] {
            assert_eq!(parse(line).expect(line).uri, Err(why.to_owned()));
        }
    }

    #[test]
    fn credentials_of_the_address_become_a_header_in_its_place() {
        let headers = |line: &str| {
            let request = parse(line).expect(line).request;
            request.headers.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(headers("http://ann:secret@h/"), "User-Agent Authorization Content-Type Accept-Encoding");
        assert_eq!(
            headers("-A a/b http://ann:secret@h/"),
            "User-Agent Accept Authorization Content-Type Accept-Encoding"
        );
        let plan = parse("-a bob:secret http://ann:secret@h/").expect("valid").request;
        assert_eq!(plan.headers[1].1, authorization("bob:secret"));
    }

    #[test]
    fn words_after_the_address_are_ignored_and_told() {
        let command = parse("-n 60 http://h -n 5 http://i").expect("valid");
        assert_eq!(command.ignored, ["-n", "5", "http://i"]);
        assert_eq!(command.pacing.planned(), Some(50));
    }
}
