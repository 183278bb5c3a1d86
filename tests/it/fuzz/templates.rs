//! hey's templates, and the addresses it is given.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use watchtower::record::Detail;
use watchtower::schedule::hey::Settings;
use watchtower::study::hey::address::Address;
use watchtower::study::hey::measured::Measured;
use watchtower::study::hey::template::Template;
use watchtower::time::{Epoch, Timestamp};

use super::Target;

pub(super) const TEMPLATES: Target = Target {
    name: "hey's templates",
    seeds: template_seeds,
    words: &[
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "/*",
        "*/",
        ".",
        ".Lats",
        ".Total.Seconds",
        ".StatusCodeDist",
        ".ErrorDist",
        ".Histogram",
        "$",
        "$x := ",
        "$x = ",
        "|",
        "(",
        ")",
        ",",
        "\"",
        "`",
        "'a'",
        "0x1f",
        "-1",
        "1e3",
        "nil",
        "true",
        "if ",
        "range ",
        "with ",
        "else",
        "end",
        "define \"a\"",
        "template \"a\"",
        "block \"b\" .",
        "break",
        "continue",
        "index ",
        "slice ",
        "printf ",
        "\"%[1]*d %-8.3v %+q\"",
        "print ",
        "len ",
        "eq ",
        "lt ",
        "and ",
        "or ",
        "not ",
        "call ",
        "html ",
        "jsonify ",
        "histogram ",
        "formatNumber ",
        "formatNumberInt ",
        "%",
        "é",
    ],
    run: run_template,
};

pub(super) const ADDRESSES: Target = Target {
    name: "addresses",
    seeds: || {
        let lines = [
            "http://127.0.0.1:8080/function/ftest?number=50",
            "https://ann:secret@[::1]:8443/a%20b/c d?e=f g#part",
            "localhost:80",
            "foo/bar:1",
            "http:opaque?q",
            "*",
        ];
        lines.iter().map(|line| line.as_bytes().to_vec()).collect()
    },
    words: &[
        "http",
        "https",
        "://",
        "//",
        "/",
        ":",
        "@",
        "[",
        "]",
        "?",
        "#",
        "%2F",
        "%zz",
        "%",
        " ",
        "é",
        "8080",
        "a.b",
        "ann:secret@",
    ],
    run: run_address,
};

fn template_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "{{.NumRes}} of {{printf \"%.2f\" .Rps}}: {{range $i, $l := .Lats}}{{if $i}}, {{end}}{{formatNumber $l}}{{end}}\n",
        "{{range $code, $n := .StatusCodeDist}}[{{$code}}] {{$n}}{{else}}none{{end}} {{jsonify .Histogram}} {{histogram .Histogram}}",
        "{{define \"a\"}}{{.}}{{end}}{{with $x := index .LatencyDistribution 0}}{{template \"a\" $x.Latency}}{{end}}{{len .ErrorDist | eq 0}}",
        "{{if and (gt .SizeTotal 0) (lt .Average 1.5)}}{{.Total.Round 1000000}}{{else if not .Lats}}{{slice \"abc\" 1}}{{end}}",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn measured() -> Measured {
    let pacing = Settings::new(3, 1, 0.0, None).expect("flags");
    let mut measured = Measured::new(&pacing, Timestamp::ZERO, Epoch::default(), true);
    for (millis, status) in [(5, 200), (7, 404), (6, 200)] {
        measured.summary.answered(
            Duration::from_millis(millis),
            &Detail { size: Some(5), ..Detail::default() },
            status,
        );
    }
    measured.summary.failed("Get \"http://h/a%20b\": EOF");
    measured
}

fn run_template(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let text = String::from_utf8_lossy(bytes);
    let words =
        |error: &str| error.split(|char: char| char.is_ascii_digit() || char == '"').collect::<Vec<_>>().join("#");
    match Template::parse(&text) {
        Err(error) => {
            assert!(error.starts_with("template: tmpl:"), "{error}");
            words(&error).hash(&mut hasher);
        }
        // what it says is the same each time
        Ok(template) => match (template.render(&measured()), template.render(&measured())) {
            (Ok(one), Ok(other)) => {
                assert_eq!(one, other);
                one.len().min(64).hash(&mut hasher);
            }
            (Err(one), Err(other)) => {
                assert!(one == other && one.starts_with("template: "), "{one}");
                words(&one).hash(&mut hasher);
            }
            outcomes => panic!("{outcomes:?}"),
        },
    }
    hasher.finish()
}

fn run_address(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let text = String::from_utf8_lossy(bytes);
    match Address::parse(&text) {
        Err(error) => {
            assert!(error.starts_with("parse \""), "{error}");
            error.rsplit(": ").next().map(|why| why.chars().take(12).collect::<String>()).hash(&mut hasher);
        }
        Ok(address) => {
            let called = address.to_call();
            (address.cannot_be_called().is_none(), address.credentials().is_some(), called.contains('?'))
                .hash(&mut hasher);
            if address.cannot_be_called().is_none() {
                assert!(called.starts_with("http"), "{called}");
                // what is called can be read, and reading it again changes nothing; Go looks at the last colon only, so that
                // `a:b:` is a host whose empty port goes
                let after_brackets = address.host().rsplit(']').next().unwrap_or_default();
                let port = after_brackets.split_once(':').map_or("", |(_, port)| port);
                if port.bytes().all(|byte| byte.is_ascii_digit()) && !after_brackets.ends_with(':') {
                    let again = Address::parse(&called).expect("what is called is an address");
                    assert_eq!(again.to_call(), called);
                    assert!(again.credentials().is_none(), "{called}");
                }
            }
            if let Some((_, password)) = address.credentials().and_then(|both| both.split_once(':'))
                && password.len() > 3
                && !address.to_call().contains(password)
                && !text.replacen(password, "", 1).contains(password)
            {
                assert!(!address.shown().contains(password), "{}", address.shown());
            }
        }
    }
    hasher.finish()
}
