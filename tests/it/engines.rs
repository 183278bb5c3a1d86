//! Both engines against the same servers, good ones and every misbehaviour: the same answers, errors, sizes, connections and
//! bytes, nothing counted twice, nothing left open, nothing that hangs.

#![expect(clippy::disallowed_methods, reason = "a server under test lives in real time")]
#![expect(clippy::expect_used, reason = "a test that can't be set up should stop where it stands")]

mod http2;
mod line;
mod on_the_way;
mod secured;
mod server;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::load::{Engine, Failure, Keep, Load, Options, Report};
use watchtower::drive::{GeneratorPlan, RequestPlan, SchedulePlan};
use watchtower::record::{Answer, ErrorKind, ReplicaId, RequestRow};
use watchtower::schedule::hey::Settings;

use server::{Below, Manner, Server, Step, say};

/// One server and what is sent to it.
struct Case {
    name: &'static str,
    manner: Arc<Manner>,
    request: RequestPlan,
    requests: u64,
    /// Requests a second; 0 for one after the other.
    rate: f64,
    expected: Vec<Answer>,
    /// Whether connections and requests are counted too: what times out may not have arrived on a machine that stood still.
    counted: bool,
}

impl Case {
    /// Three requests of one worker, one after the other, each treated the same.
    fn new(name: &'static str, steps: &[Step], expected: Answer) -> Self {
        let steps = steps.to_vec();
        let manner = Arc::new(move |_: usize, _: usize| steps.clone());
        Self::by(name, manner, &[expected; 3])
    }

    fn by(name: &'static str, manner: Arc<Manner>, expected: &[Answer]) -> Self {
        // a time-out that only a hanging engine meets
        let request = RequestPlan { timeout: Some(Duration::from_secs(60)), ..RequestPlan::default() };
        let requests = expected.len() as u64;
        Self { name, manner, request, requests, rate: 0.0, expected: expected.to_vec(), counted: true }
    }

    /// The first request on a connection is answered, later ones are treated so.
    fn on_used_connections(name: &'static str, steps: &[Step], expected: &[Answer]) -> Self {
        let steps = steps.to_vec();
        Self::by(name, Arc::new(move |_, number| if number == 0 { vec![good()] } else { steps.clone() }), expected)
    }

    fn asked(self, change: impl FnOnce(&mut RequestPlan)) -> Self {
        let mut request = self.request;
        change(&mut request);
        Self { request, ..self }
    }

    /// Two requests, with a time-out that they are meant to meet.
    fn in_vain(self) -> Self {
        let mut case = self.asked(|request| request.timeout = Some(Duration::from_millis(100)));
        case.expected.truncate(2);
        Self { counted: false, requests: 2, ..case }
    }

    fn at_rate(self, rate: f64) -> Self {
        Self { rate, ..self }
    }
}

/// Sends the client elsewhere.
fn redirect(status: &str, location: &str) -> Step {
    say(&format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
}

fn good() -> Step {
    say("HTTP/1.1 200 OK\r\nX-Watchtower-Replica: 3\r\nContent-Length: 2\r\n\r\nok")
}

/// A head with that many headers.
fn headers(count: usize) -> String {
    let more: Vec<String> = (1..count).map(|number| format!("X-{number}: y\r\n")).collect();
    format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{}\r\n", more.concat())
}

fn good_servers() -> Vec<Case> {
    let ok = Ok(200);
    let mut cases = vec![
        Case::new("sized", &[good()], ok),
        Case::new("empty", &[say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")], ok),
        Case::new("one byte at a time", &[Step::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec())], ok),
        Case::new(
            "chunked",
            &[
                say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhel"),
                say("lo\r\n0\r\nExpires: 0\r\n\r\n"),
            ],
            ok,
        ),
        Case::new("packed", &[say("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")], ok),
        Case::new("until closed", &[say("HTTP/1.1 200 OK\r\n\r\nuntil the end"), Step::Close], ok),
        Case::new("old", &[say("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), Step::Close], ok),
        Case::new(
            "old that stays",
            &[say("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")],
            ok,
        ),
        Case::new("says it closes", &[say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")], ok),
        Case::new(
            "interim",
            &[
                say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
                say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            ],
            ok,
        ),
        Case::new("no content", &[say("HTTP/1.1 204 No Content\r\n\r\n")], Ok(204)),
        Case::new("not modified", &[say("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")], Ok(304)),
        Case::new("busy", &[say("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")], Ok(503)),
        Case::new("no reason", &[say("HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n")], Ok(500)),
        Case::new("redirect", &[redirect("302 Found", "/")], Ok(302)).asked(|request| request.client.redirects = false),
        Case::new("redirect to nowhere", &[say("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")], Ok(302)),
        Case::new("bare line feeds", &[say("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")], ok),
        Case::new("many headers", &[say(&headers(100))], ok),
        Case::new(
            "a megabyte",
            &[say("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"), Step::Say(vec![b'x'; 1_000_000])],
            ok,
        ),
        Case::new(
            "a long head",
            &[say(&format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: {}\r\n\r\nok", "y".repeat(60_000)))],
            ok,
        ),
        Case::new("head", &[say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")], ok)
            .asked(|request| "HEAD".clone_into(&mut request.method)),
        Case::new("posted", &[good()], ok).asked(|request| {
            "POST".clone_into(&mut request.method);
            request.body = b"number=50".to_vec();
        }),
        Case::new("never kept", &[good()], ok).asked(|request| request.keep_alive = false),
        Case::new("closed behind the answer", &[good(), Step::Close], ok),
        Case::new("more than was said", &[say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay")], ok),
    ];
    // at 8 requests a second a connection idles for 125 ms in between
    let unasked = say("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    cases.push(
        Case::new("closed while idle", &[good(), Step::Wait(Duration::from_millis(5)), Step::Close], ok).at_rate(8.0),
    );
    cases.push(
        Case::new("unasked while idle", &[good(), Step::Wait(Duration::from_millis(5)), unasked, Step::Hang], ok)
            .at_rate(8.0),
    );
    cases
}

fn bad_servers() -> Vec<Case> {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let failed = |kind: ErrorKind| Err(kind);
    let mut cases = vec![
        Case::new("closed", &[Step::Close], failed(ErrorKind::Closed)),
        Case::new("reset", &[Step::Reset], failed(ErrorKind::Reset)),
        Case::new("cut head", &[say("HTTP/1.1 200 OK\r\nContent-Le"), Step::Close], failed(ErrorKind::Closed)),
        Case::new("cut body", &[say(head), say("0123456789"), Step::Close], failed(ErrorKind::CutBody)),
        Case::new("no body", &[say(head), Step::Close], failed(ErrorKind::CutBody)),
        Case::new("cut chunk", &[say(chunked), say("64\r\n0123456789"), Step::Close], failed(ErrorKind::CutBody)),
        Case::new("no last chunk", &[say(chunked), say("2\r\nok\r\n"), Step::Close], failed(ErrorKind::CutBody)),
        Case::new("garbage", &[say("garbage\r\n\r\n")], failed(ErrorKind::Protocol)),
        Case::new("garbage without an end", &[say("\0\u{1}\u{2}garbage")], failed(ErrorKind::Protocol)),
        Case::new("another protocol", &[say("SSH-2.0-OpenSSH_9.2\r\n")], failed(ErrorKind::Protocol)),
        Case::new("a garbled chunk", &[say(chunked), say("many\r\n")], failed(ErrorKind::Protocol)),
        Case::new(
            "a chunk beyond all sizes",
            &[say(chunked), say("11111111111111111\r\n")],
            failed(ErrorKind::Protocol),
        ),
        Case::new("no number", &[say("HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok")], failed(ErrorKind::Protocol)),
        Case::new(
            "two lengths",
            &[say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")],
            failed(ErrorKind::Protocol),
        ),
        Case::new(
            "chunks in HTTP/1.0",
            &[say("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")],
            failed(ErrorKind::Protocol),
        ),
        Case::new("a bad header", &[say("HTTP/1.1 200 OK\r\nno colon\r\n\r\n")], failed(ErrorKind::Protocol)),
        Case::new("too many headers", &[say(&headers(129))], failed(ErrorKind::TooLarge)),
        Case::new(
            "a header without end",
            &[say("HTTP/1.1 200 OK\r\nX: "), Step::Forever(vec![b'y'; 1_000])],
            failed(ErrorKind::TooLarge),
        ),
        Case::new(
            "headers without end",
            &[say("HTTP/1.1 200 OK\r\n"), Step::Forever(b"X: y\r\n".to_vec())],
            failed(ErrorKind::TooLarge),
        ),
        Case::new(
            "extensions without end",
            &[say(chunked), say("5;"), Step::Forever(vec![b'y'; 1_000])],
            failed(ErrorKind::Protocol),
        ),
        Case::new("silence", &[Step::Hang], failed(ErrorKind::Timeout)).in_vain(),
        Case::new("half a head", &[say("HTTP/1.1 200 OK\r\n"), Step::Hang], failed(ErrorKind::Timeout)).in_vain(),
        Case::new("half a body", &[say(head), say("01234"), Step::Hang], failed(ErrorKind::Timeout)).in_vain(),
        Case::new("half a chunk", &[say(chunked), say("5\r\nab"), Step::Hang], failed(ErrorKind::Timeout)).in_vain(),
        Case::new(
            "a body without end",
            &[say(chunked), Step::Forever(format!("3e8\r\n{}\r\n", "x".repeat(1_000)).into_bytes())],
            failed(ErrorKind::Timeout),
        )
        .in_vain(),
        Case::new(
            "a head that drips without end",
            &[say("HTTP/1.1 200 OK\r\n"), Step::Drip("X: y\r\n".repeat(10_000).into_bytes())],
            failed(ErrorKind::Timeout),
        )
        .in_vain(),
    ];
    // what dies on a used connection goes again on a new one, if it may be repeated
    for (name, step, kind) in
        [("closed when used", Step::Close, ErrorKind::Closed), ("reset when used", Step::Reset, ErrorKind::Reset)]
    {
        cases.push(Case::on_used_connections(name, std::slice::from_ref(&step), &[Ok(200); 4]));
        let answers = [Ok(200), Err(kind), Ok(200), Err(kind)];
        let post = |request: &mut RequestPlan| "POST".clone_into(&mut request.method);
        cases.push(Case::on_used_connections(name, &[step], &answers).asked(post));
    }
    let silent = Case::on_used_connections("silence when used", &[Step::Hang], &[Ok(200), Err(ErrorKind::Timeout)]);
    cases.push(silent.in_vain().asked(|request| request.timeout = Some(Duration::from_millis(500))));
    let answers = [Ok(200), Err(ErrorKind::Closed), Ok(200)];
    cases.push(Case::on_used_connections("cut head when used", &[say("HTTP/1.1"), Step::Close], &answers));
    cases
}

/// What a load made of a case, for comparison.
#[derive(Debug, PartialEq)]
struct Result {
    rows: Vec<(Answer, Option<ReplicaId>, Option<u64>, bool)>,
    accepted: usize,
    requests: Vec<String>,
}

fn run(case: &Case, engine: Engine) -> Result {
    run_on(Below::Tcp, "http", case, engine)
}

fn run_on(below: Below, scheme: &str, case: &Case, engine: Engine) -> Result {
    let server = Server::start_on(below, Arc::clone(&case.manner));
    let (rows, _) = send(case, engine, &server.uri(scheme));
    let (accepted, requests) = server.end();
    let told = |row: &RequestRow| (row.answer, row.replica, row.detail.size, row.first_byte.is_some());
    // hyper answers an old server in kind; Go and our own engine stay with what they speak
    let requests =
        requests.iter().map(|text| text.replace("HTTP/1.0", "HTTP/1.1").replace("Connection: keep-alive\r\n", ""));
    Result { rows: rows.iter().map(told).collect(), accepted, requests: requests.collect() }
}

/// Sends a case's requests; what became of each, and how those that failed did.
fn send(case: &Case, engine: Engine, uri: &hyper::Uri) -> (Vec<RequestRow>, Vec<Failure>) {
    let plan = GeneratorPlan {
        schedule: SchedulePlan::Hey(Settings::new(case.requests, 1, case.rate, None).expect("valid flags")),
        request: case.request.clone(),
        start: Duration::ZERO,
    };
    let clock = Clock::start();
    let (sender, mut reports) = unbounded_channel();
    let options = Options { engine, ..Options::default() };
    let load = Load::start_with(options, clock, uri, &[plan], clock.now(), sender).expect("a load");
    let mut rows: Vec<RequestRow> = Vec::new();
    let mut sent = None;
    while let Some(report) = reports.blocking_recv() {
        match report {
            Report::Requests(more) => rows.extend(more),
            Report::Finished { tally, .. } => sent = Some(tally.sent),
            Report::Lost { .. } | Report::Stall { .. } | Report::Failed { .. } => {}
        }
    }
    let failures: Vec<Failure> = load.failures().into_values().collect();
    drop(load);
    assert_eq!(sent, Some(rows.len() as u64), "{} through {engine:?}: each request is counted once", case.name);
    for row in &rows {
        assert!(row.sent <= row.first_byte.unwrap_or(row.sent), "{} through {engine:?}", case.name);
        assert!(row.first_byte.unwrap_or(row.sent) <= row.done, "{} through {engine:?}", case.name);
        assert!(row.answer.is_err() || row.first_byte.is_some(), "{} through {engine:?}", case.name);
        let waited = row.answer != Err(ErrorKind::Timeout) || Some(row.latency()) >= case.request.timeout;
        assert!(waited, "{} through {engine:?} gave up after {:?}", case.name, row.latency());
        let parts = row.detail.dial + row.detail.write + row.detail.wait + row.detail.read;
        assert!(parts <= row.latency(), "{} through {engine:?}: {:?}", case.name, row.detail);
        let told = row.answer.err().is_none_or(|kind| failures.iter().any(|failure| failure.kind == kind));
        assert!(told, "{} through {engine:?}: {failures:?}", case.name);
    }
    (rows, failures)
}

fn agree(cases: Vec<Case>) {
    for case in cases {
        let (plain, hyper) = (run(&case, Engine::Plain), run(&case, Engine::Hyper));
        let answers = |result: &Result| result.rows.iter().map(|row| row.0).collect::<Vec<_>>();
        assert_eq!(answers(&plain), case.expected, "{} through our own", case.name);
        assert_eq!(answers(&hyper), case.expected, "{} through hyper", case.name);
        if case.counted {
            assert_eq!(plain, hyper, "{}", case.name);
        }
    }
}

#[test]
fn good_servers_are_served_alike_by_both_engines() {
    agree(good_servers());
}

#[test]
fn misbehaviour_is_one_kind_of_error_counted_once_by_both_engines() {
    agree(bad_servers());
}

#[test]
fn an_answer_that_comes_before_the_request_was_read_counts_and_ends_the_connection() {
    // the body is longer than all buffers on the way, and nobody reads it: read, it might all be gone before the answer is seen,
    // and the connection fit for the next request
    let refused = say("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    let unread = Step::Wait(Duration::from_millis(300));
    let case = Case::new("early", &[refused, unread, Step::Close], Ok(413)).asked(|request| {
        "POST".clone_into(&mut request.method);
        request.body = vec![b'x'; 50_000_000];
    });
    for engine in [Engine::Plain, Engine::Hyper] {
        let early = run(&case, engine);
        assert!(early.rows.iter().all(|row| row.0 == Ok(413)), "{engine:?}: {:?}", early.rows);
        assert_eq!((early.accepted, early.requests.len()), (3, 3), "{engine:?}");
    }
}

#[test]
fn an_answer_is_seen_while_the_request_is_still_being_written() {
    // the server reads on after its answer, slowly: whoever looks for the answer only when all is written sees it late
    let refused = say("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    let case =
        Case::by("read on", Arc::new(move |_, _| vec![refused.clone(), Step::Sip]), &[Ok(413)]).asked(|request| {
            "POST".clone_into(&mut request.method);
            request.body = vec![b'x'; 60_000_000];
        });
    for engine in [Engine::Plain, Engine::Hyper] {
        let server = Server::start(Arc::clone(&case.manner));
        let (rows, _) = send(&case, engine, &server.uri("http"));
        assert_eq!(rows[0].answer, Ok(413), "{engine:?}");
        let drained = server.drained();
        server.end();
        let drained = drained.load(Ordering::SeqCst);
        assert!(drained < 30_000_000, "{engine:?} wrote {drained} bytes before it saw that nobody wanted them");
    }
}

#[test]
fn where_nobody_listens_both_engines_are_refused() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for engine in [Engine::Plain, Engine::Hyper] {
        for (uri, kind) in
            [(format!("http://{closed}/"), ErrorKind::Refused), ("http://no..such.name/".to_owned(), ErrorKind::Dns)]
        {
            let folded = Arc::new(Mutex::new(Vec::new()));
            let rows = Arc::clone(&folded);
            let keep = Keep::Folded(Box::new(move |more| rows.lock().expect("no panic").extend_from_slice(more)));
            let plan = GeneratorPlan {
                schedule: SchedulePlan::Hey(Settings::new(4, 2, 0.0, None).expect("valid flags")),
                request: RequestPlan::default(),
                start: Duration::ZERO,
            };
            let clock = Clock::start();
            let (sender, mut reports) = unbounded_channel();
            let uri = uri.parse().expect("a URI");
            let options = Options { engine, keep, ..Options::default() };
            let _load = Load::start_with(options, clock, &uri, &[plan], clock.now(), sender).expect("a load");
            while let Some(report) = reports.blocking_recv() {
                assert!(!matches!(report, Report::Requests(_)), "rows are folded, not reported");
            }
            let answers: Vec<Answer> = folded.lock().expect("no panic").iter().map(|row| row.answer).collect();
            assert_eq!(answers, [Err(kind); 4], "{uri} through {engine:?}");
        }
    }
}
