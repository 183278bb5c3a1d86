//! What every answer is read as, however the network cuts it.

use proptest::prelude::*;

use super::*;

/// What became of an answer that came in pieces of `cut` bytes, and whether the connection may be used again.
fn read_to(method: &Method, text: &[u8], cut: usize, then_closed: bool) -> (Outcome, bool) {
    let mut answer = Answer::to(method, true);
    let mut buffer: Vec<u8> = Vec::new();
    for piece in text.chunks(cut) {
        buffer.extend_from_slice(piece);
        match answer.take(&buffer) {
            Ok(taken) => drop(buffer.drain(..taken)),
            Err(kind) => return (Some(Err(kind)), false),
        }
        if let Some(head) = answer.whole() {
            return (Some(Ok(head)), answer.keeps_open() && buffer.is_empty());
        }
    }
    (then_closed.then(|| answer.closed(&buffer)), answer.keeps_open())
}

/// What came of an answer; `None` if it goes on.
type Outcome = Option<Result<Head, ErrorKind>>;

#[expect(clippy::unnecessary_wraps, reason = "tables read better")]
fn ok(status: u16, size: Option<u64>) -> Outcome {
    Some(Ok(Head { status, replica: None, size }))
}

#[expect(clippy::unnecessary_wraps, reason = "tables read better")]
fn failed(kind: ErrorKind) -> Outcome {
    Some(Err(kind))
}

/// Method, answer, whether the connection closes after it; what it is, and whether the connection is kept.
type Case = (Method, &'static str, bool, Outcome, bool);

fn cases() -> Vec<Case> {
    let get = || Method::GET;
    vec![
        (get(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, ok(200, Some(2)), true),
        (get(), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false, ok(200, Some(0)), true),
        (get(), "HTTP/1.1 503\r\nContent-Length: 2\r\nConnection: Close\r\n\r\nok", false, ok(503, Some(2)), false),
        (get(), "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", false, ok(200, Some(2)), true),
        (get(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay", false, ok(200, Some(2)), false),
        (get(), "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, ok(200, Some(2)), false),
        (
            get(),
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
            false,
            ok(200, Some(0)),
            true,
        ),
        (
            get(),
            "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
            false,
            ok(200, Some(0)),
            false,
        ),
        (
            get(),
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f.",
            false,
            ok(200, None),
            true,
        ),
        (get(), "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false, ok(200, Some(2)), true),
        (
            get(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            false,
            ok(200, None),
            true,
        ),
        (
            get(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 9\r\n\r\n0\r\n\r\n",
            false,
            ok(200, Some(9)),
            true,
        ),
        (get(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", true, ok(200, None), false),
        (get(), "HTTP/1.1 200 OK\r\n\r\nuntil the end", true, ok(200, None), false),
        (get(), "HTTP/1.1 200 OK\r\n\r\nuntil the end", false, None, false),
        (get(), "HTTP/1.1 204 No Content\r\n\r\n", false, ok(204, None), true),
        (get(), "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false, ok(304, Some(7)), true),
        (
            get(),
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
            false,
            ok(204, None),
            true,
        ),
        (get(), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", false, ok(101, None), false),
        (Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", false, ok(200, Some(2)), true),
        (Method::HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, ok(200, None), true),
        (Method::CONNECT, "HTTP/1.1 200 OK\r\n\r\n", false, ok(200, None), false),
        (Method::CONNECT, "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", false, ok(407, Some(2)), true),
        (get(), "", true, failed(ErrorKind::Closed), false),
        (get(), "HTTP/1.1 200 OK\r\nContent-Le", true, failed(ErrorKind::Closed), false),
        (get(), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", true, failed(ErrorKind::CutBody), true),
        (get(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", true, failed(ErrorKind::CutBody), true),
        (get(), "garbage\r\n\r\n", false, failed(ErrorKind::Protocol), false),
        (get(), "HTTP/1.1 20x OK\r\n\r\n", false, failed(ErrorKind::Protocol), false),
        (get(), "HTTP/1.1 099 OK\r\n\r\n", false, failed(ErrorKind::Protocol), false),
        (get(), "HTTP/2.0 200 OK\r\n\r\n", false, failed(ErrorKind::Protocol), false),
        (get(), "HTTP/1.1 200 OK\r\nbad header\r\n\r\n", false, failed(ErrorKind::Protocol), false),
        (
            get(),
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            false,
            failed(ErrorKind::Protocol),
            false,
        ),
        (get(), "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", false, failed(ErrorKind::Protocol), false),
        (
            get(),
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
            false,
            failed(ErrorKind::Protocol),
            false,
        ),
        (
            get(),
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            false,
            failed(ErrorKind::Protocol),
            false,
        ),
        (
            get(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n",
            false,
            failed(ErrorKind::Protocol),
            false,
        ),
    ]
}

#[test]
fn every_form_of_answer_is_read_however_it_is_cut() {
    for (method, text, then_closed, expected, kept) in cases() {
        for cut in [usize::MAX, 7, 3, 2, 1] {
            let cut = cut.min(text.len().max(1));
            let (outcome, keeps_open) = read_to(&method, text.as_bytes(), cut, then_closed);
            assert_eq!(outcome, expected, "{method} {text:?} in pieces of {cut}");
            // bytes behind the answer are only seen if they came with it
            if cut >= text.len() && !matches!(expected, Some(Err(_))) {
                assert_eq!(keeps_open, kept, "{method} {text:?}");
            }
        }
    }
}

#[test]
fn heads_may_have_many_headers_but_neither_too_many_nor_too_long_ones() {
    let with = |headers: usize| {
        let more: Vec<String> = (1..headers).map(|number| format!("X-{number}: y\r\n")).collect();
        format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{}\r\n", more.concat())
    };
    for (headers, expected) in
        [(32, ok(200, Some(0))), (33, ok(200, Some(0))), (128, ok(200, Some(0))), (129, failed(ErrorKind::TooLarge))]
    {
        assert_eq!(read_to(&Method::GET, with(headers).as_bytes(), 1_000, false).0, expected, "{headers} headers");
    }
    let long = |length: usize| format!("HTTP/1.1 204 No\r\nX: {}\r\n\r\n", "y".repeat(length - 24));
    for (length, expected) in [(HEAD_MAX - 1, ok(204, None)), (HEAD_MAX + 1, failed(ErrorKind::TooLarge))] {
        let text = long(length);
        assert_eq!(text.len(), length);
        assert_eq!(read_to(&Method::GET, text.as_bytes(), 1_000, false).0, expected, "{length} bytes");
    }
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(HEAD_MAX / 25 + 1);
    assert_eq!(read_to(&Method::GET, endless.as_bytes(), 999, false).0, failed(ErrorKind::TooLarge), "interim heads");
}

proptest! {
    /// Nothing that comes over the wire makes it panic, take more than there is, or ask for more than it promised.
    #[test]
    fn any_bytes_are_an_answer_or_an_error(
        start in prop::sample::select(vec![
            "", "HTTP/1.1 ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n",
        ]),
        rest in prop::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(b'\r'), 1 => Just(b'\n'), 1 => Just(b'0')], 0..200),
        cut in 1_usize..40,
    ) {
        let text = [start.as_bytes(), &rest].concat();
        let mut answer = Answer::to(&Method::GET, true);
        let mut buffer: Vec<u8> = Vec::new();
        for piece in text.chunks(cut) {
            buffer.extend_from_slice(piece);
            let Ok(taken) = answer.take(&buffer) else { break };
            prop_assert!(taken <= buffer.len());
            buffer.drain(..taken);
            prop_assert!(answer.whole().is_some() || buffer.len() < HEAD_MAX);
        }
    }

    /// However it is cut, the same bytes end the same way.
    #[test]
    fn cutting_changes_nothing(which in 0..cases().len(), cut in 1_usize..60) {
        let (method, text, then_closed, expected, _) = cases().swap_remove(which);
        prop_assert_eq!(read_to(&method, text.as_bytes(), cut, then_closed).0, expected);
    }
}
