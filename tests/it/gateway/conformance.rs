//! The gateway's API as a table: every answer with its exact status, headers and body.
//!
//! The rows are data (`conformance/*.txt`), sent in order to one platform per file. A row is a title, a request and an answer:
//!
//! ```text
//! ### an unknown function
//! > GET /system/function/nobody        the request; `> Name: value` for a header, `>> text` for its body
//! > @admin                             stands for the right password
//! < 404                                the answer: all of its headers but Date and Connection, then `<< text`
//! < Content-Length: 0
//! ```
//!
//! In values and bodies `{uuid}`, `{nanos}`, `{seconds}` and `{time}` stand for what differs from call to call; `\n` is a
//! new line, `\` at the end of a line takes the next one along. Where a body varies, so does its `{length}`.

use super::{Fixture, all_three, function, wire};
use watchtower::drive::Handler;

struct Row {
    title: String,
    admin: bool,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    status: u16,
    expected: Vec<(String, String)>,
    answer: String,
}

fn rows(text: &str) -> Vec<Row> {
    let unescaped = |text: &str| text.replace("\\n", "\n");
    let text = text.replace("\\\n", "");
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("# ")) {
        if let Some(title) = line.strip_prefix("### ") {
            rows.push(Row {
                title: title.to_owned(),
                admin: false,
                method: String::new(),
                path: String::new(),
                headers: vec![],
                body: String::new(),
                status: 0,
                expected: vec![],
                answer: String::new(),
            });
            continue;
        }
        let row = rows.last_mut().unwrap();
        let pair = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}"));
            (name.to_owned(), value.to_owned())
        };
        if let Some(body) = line.strip_prefix(">> ") {
            row.body = unescaped(body);
        } else if let Some(answer) = line.strip_prefix("<< ") {
            row.answer = unescaped(answer);
        } else if line == "> @admin" {
            row.admin = true;
        } else if let Some(part) = line.strip_prefix("> ") {
            if row.method.is_empty() {
                let (method, path) = part.split_once(' ').unwrap();
                (row.method, row.path) = (method.to_owned(), path.to_owned());
            } else {
                row.headers.push(pair(part));
            }
        } else if let Some(part) = line.strip_prefix("< ") {
            if row.status == 0 {
                row.status = part.parse().unwrap_or_else(|_| panic!("no status: {line:?}"));
            } else {
                row.expected.push(pair(part));
            }
        } else {
            panic!("not a line of a row: {line:?}");
        }
    }
    rows
}

/// Whether a text is what a pattern says.
fn matches(text: &str, pattern: &str) -> bool {
    let Some(start) = pattern.find('{') else { return text == pattern };
    let (before, rest) = pattern.split_at(start);
    let Some((kind, length)) =
        [("{uuid}", 36), ("{nanos}", 19), ("{time}", 20), ("{uid}", 0), ("{seconds}", 0), ("{length}", 0)]
            .into_iter()
            .find(|(kind, _)| rest.starts_with(kind))
    else {
        // a brace of JSON
        let (head, tail) = pattern.split_at(start + 1);
        return text.strip_prefix(head).is_some_and(|text| matches(text, tail));
    };
    let Some(text) = text.strip_prefix(before) else { return false };
    let end = if length > 0 {
        length
    } else {
        text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len())
    };
    let Some((found, text)) = text.split_at_checked(end) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = match kind {
        "{uuid}" => {
            found.split('-').map(str::len).eq([8, 4, 4, 4, 12])
                && found.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
                && found.as_bytes()[14] == b'4'
        }
        "{seconds}" => {
            found.split_once('.').is_some_and(|(whole, part)| digits(whole) && part.len() == 6 && digits(part))
        }
        "{time}" => found.ends_with('Z') && found.as_bytes()[10] == b'T',
        _ => digits(found),
    };
    fits && matches(text, &rest[kind.len()..])
}

fn holds(fixture: &Fixture, text: &str) {
    let mut wrong = Vec::new();
    for row in rows(text) {
        let authorization = fixture.platform.credentials().basic();
        let mut headers: Vec<(&str, &str)> =
            row.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if row.admin {
            headers.push(("Authorization", &authorization));
        }
        wrong.extend(difference(&row, &fixture.send(&row.method, &row.path, &headers, &row.body)));
    }
    assert!(wrong.is_empty(), "{} rows do not hold\n{}", wrong.len(), wrong.join("\n"));
}

/// An answer is what the lines of a row that begin with `<` say.
#[track_caller]
pub(super) fn expect(reply: &wire::Reply, answer: &str) {
    for row in rows(&format!("### the answer\n{answer}")) {
        let difference = difference(&row, reply);
        assert!(difference.is_none(), "{}", difference.unwrap());
    }
}

/// What is not as the row says, if anything.
fn difference(row: &Row, reply: &wire::Reply) -> Option<String> {
    assert!(reply.header("Date").is_some(), "{}: no Date", row.title);
    let got: Vec<_> = sorted(reply.headers.iter().filter(|(name, _)| name != "Date" && name != "Connection"));
    let expected = sorted(row.expected.iter());
    let length = reply.header("Content-Length").map(|length| length.parse().unwrap());
    let complete = row.method == "HEAD" || length == Some(reply.body.len());
    let same = complete
        && got.len() == expected.len()
        && got.iter().zip(&expected).all(|(got, expected)| got.0 == expected.0 && matches(&got.1, &expected.1));
    let holds = reply.status == row.status && same && matches(&reply.text(), &row.answer);
    (!holds).then(|| {
        format!(
            "### {}\n{} {}\n  expected {} {expected:?}\n           {:?}\n  got      {} {got:?}\n           {:?}",
            row.title,
            row.method,
            row.path,
            row.status,
            row.answer,
            reply.status,
            reply.text()
        )
    })
}

fn sorted<'a>(headers: impl Iterator<Item = &'a (String, String)>) -> Vec<(String, String)> {
    let mut headers: Vec<_> = headers.cloned().collect();
    headers.sort();
    headers
}

#[test]
fn every_call_of_a_function_is_answered_as_the_table_says() {
    let mut factorless = function("factorless", Handler::Plain, 1);
    factorless.info.labels.insert("com.openfaas.scale.factor".to_owned(), "0".to_owned());
    let fixture = Fixture::of([all_three(), vec![factorless]].concat());
    holds(&fixture, include_str!("conformance/calls.txt"));
    assert_eq!(fixture.answered("ftest", 405), 2, "the provider's refusals are counted, the look-up's are not");
    assert!(!fixture.was_called("nobody") && !fixture.was_called("factorless") && fixture.was_called("ftest"));
}

#[test]
fn every_address_of_the_api_is_answered_as_the_table_says() {
    holds(&Fixture::start(), include_str!("conformance/api.txt"));
}

#[test]
fn functions_come_change_and_go_as_the_table_says() {
    holds(&Fixture::start(), include_str!("conformance/functions.txt"));
}

#[test]
fn malformed_requests_are_answered_as_go_s_server_does() {
    let fixture = Fixture::start();
    for (request, status, text) in [
        ("GET /function/ftest HTTP/1.1\r\n\r\n", 400, "400 Bad Request: missing required Host header"),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "400 Bad Request: too many Host headers"),
        ("GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "400 Bad Request: malformed Host header"),
        ("GET /function/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "400 Bad Request"),
        ("GET /function/ftest% HTTP/1.1\r\nHost: a\r\n\r\n", 400, "400 Bad Request"),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200, ""),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, ""),
        ("GET http://a/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, ""),
    ] {
        let reply = wire::exchange(fixture.platform.gateway_address(), request.as_bytes());
        assert_eq!((reply.status, reply.text().as_str()), (status, text), "{request}");
        if status == 400 {
            assert_eq!(reply.header("Connection"), Some("close"), "{request}");
            assert_eq!(reply.header("Content-Type"), Some("text/plain; charset=utf-8"), "{request}");
        }
    }
}
