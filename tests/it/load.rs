//! The load generator against a server that watches it: how many requests arrive, when, on which connections, with which bytes.

#![expect(clippy::disallowed_methods, reason = "a server under test lives in real time")]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on says why and fails")]
#![expect(clippy::print_stderr, reason = "a comparison that is skipped must not look like one that was made")]

mod hey;
mod journeys;
mod memory;
mod open;
mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::load::{Load, LoadError, Report, RequestError};
use watchtower::drive::live::probe::{call_once, probe};
use watchtower::drive::{GeneratorPlan, RequestPlan, SchedulePlan, Tally};
use watchtower::record::{ErrorKind, GeneratorId, Lost, ReplicaId, RequestRow, WorkerId};
use watchtower::schedule::hey::Settings;
use watchtower::time::Timestamp;

use server::{Act, Hit, Server};

/// What a load reported, sorted by kind.
#[derive(Debug, Default)]
struct Record {
    rows: Vec<RequestRow>,
    lost: Lost,
    stalled: bool,
    finished: Vec<(GeneratorId, Tally)>,
}

impl Record {
    /// Everything until the load is over.
    fn of(mut reports: UnboundedReceiver<Report>) -> Self {
        let mut record = Self::default();
        while let Some(report) = reports.blocking_recv() {
            match report {
                Report::Requests(rows) => {
                    assert!((1..=256).contains(&rows.len()));
                    record.rows.extend(rows);
                }
                Report::Lost { lost, .. } => {
                    record.lost.busy += lost.busy;
                    record.lost.late += lost.late;
                }
                Report::Stall { from, to } => {
                    assert!(to - from > Duration::from_millis(20));
                    record.stalled = true;
                }
                Report::Finished { generator, tally } => record.finished.push((generator, tally)),
                Report::Failed { generator, why } => panic!("load {}: {why}", generator.0 + 1),
            }
        }
        record
    }

    /// The count of the only generator, after checking that it agrees with the rows and that nothing planned is missing.
    fn tally(&self) -> Tally {
        let [(GeneratorId(0), tally)] = self.finished[..] else { panic!("one generator: {:?}", self.finished) };
        assert_eq!(tally.sent, self.rows.len() as u64);
        assert_eq!(tally.lost, self.lost);
        assert_eq!(tally.sent + tally.lost.busy + tally.lost.late + tally.unused, tally.planned, "{tally:?}");
        tally
    }

    /// The answers of a load whose every request fails.
    fn errors(&self) -> Vec<ErrorKind> {
        self.rows.iter().map(|row| row.answer.expect_err("no request succeeds")).collect()
    }
}

fn hey(requests: u64, duration: &str, workers: u32, rate: f64) -> GeneratorPlan {
    let duration = (!duration.is_empty()).then(|| watchtower::time::parse_duration(duration).expect("a duration"));
    GeneratorPlan {
        schedule: SchedulePlan::Hey(Settings::new(requests, workers, rate, duration).expect("valid flags")),
        request: RequestPlan::default(),
        start: Duration::ZERO,
    }
}

fn with(plan: GeneratorPlan, change: impl FnOnce(&mut RequestPlan)) -> GeneratorPlan {
    let mut plan = plan;
    change(&mut plan.request);
    plan
}

fn start(clock: Clock, server: &Server, plans: &[GeneratorPlan]) -> (Load, UnboundedReceiver<Report>, Timestamp) {
    let (sender, reports) = unbounded_channel();
    let load_start = clock.now() + Duration::from_millis(50);
    let load = Load::start(clock, &server.uri("/function/ftest?number=50"), plans, load_start, sender);
    (load.expect("a load"), reports, load_start)
}

/// One generator against the server, to its end.
fn run(clock: Clock, server: &Server, plan: GeneratorPlan) -> (Record, Timestamp) {
    let (_load, reports, load_start) = start(clock, server, &[plan]);
    (Record::of(reports), load_start)
}

fn count_by<K: Ord>(items: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

#[test]
fn four_workers_at_ten_a_second_send_bursts_of_four_on_the_grid() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    let (record, load_start) = run(clock, &server, hey(200, "1s", 4, 10.0));
    let (tally, hits) = (record.tally(), server.hits());
    assert_eq!(tally.planned, 40);
    assert_eq!(tally.period, Some(Duration::from_millis(100)));
    assert_eq!(hits.len() as u64, tally.sent);

    // at the server: the k-th request of a worker never comes before the k-th tick, the first one period after the start
    for connection in 0..4 {
        let of_worker = hits.iter().filter(|hit| hit.connection == connection);
        for (number, hit) in of_worker.enumerate() {
            let tick = load_start + Duration::from_millis(100) * (number as u32 + 1);
            assert!(hit.at >= tick, "request {number} came {:?} early", tick - hit.at);
        }
    }
    for row in &record.rows {
        let since_start = row.due - load_start;
        assert!(since_start.as_nanos().is_multiple_of(100_000_000) && since_start >= Duration::from_millis(100));
        assert!(row.due <= row.ready && row.ready <= row.sent && row.sent <= row.done);
        assert_eq!(row.answer, Ok(200));
        assert_eq!(row.detail.size, Some(2));
        assert!(row.first_byte.is_some_and(|first_byte| row.sent <= first_byte && first_byte <= row.done));
    }
    // a machine that stands still loses ticks, and says so; otherwise there are exactly ten bursts of four
    if record.lost == Lost::default() {
        assert_eq!(tally.sent, 40);
        assert_eq!(count_by(record.rows.iter().map(|row| row.due)).into_values().collect::<Vec<_>>(), [4; 10]);
    }
}

#[test]
fn a_load_by_count_sends_exactly_that_many() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    let (record, load_start) = run(clock, &server, hey(23, "", 5, 0.0));
    let tally = record.tally();
    // the remainder of -n over -c is dropped
    assert_eq!((tally.planned, tally.sent, tally.unused), (20, 20, 0));
    assert_eq!(tally.lost, Lost::default());
    let hits = server.hits();
    assert_eq!(count_by(hits.iter().map(|hit| hit.connection)).into_values().collect::<Vec<_>>(), [4; 5]);
    assert!(hits.iter().all(|hit| hit.at >= load_start));
    assert_eq!(count_by(record.rows.iter().map(|row| row.worker)).len(), 5);
}

#[test]
fn ticks_that_pass_while_the_server_is_slow_are_lost_busy_and_counted() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Late(Duration::from_millis(350)));
    let (record, _) = run(clock, &server, hey(200, "1s", 2, 10.0));
    let tally = record.tally();
    assert_eq!(tally.planned, 20);
    assert!(tally.lost.busy > 0, "{tally:?}");
    assert_eq!(server.hits().len() as u64, tally.sent);
    // one request at a time per worker, and the remembered tick leaves as soon as the worker is free
    for worker in 0..2 {
        let rows: Vec<_> = record.rows.iter().filter(|row| row.worker == WorkerId(worker)).collect();
        for pair in rows.windows(2) {
            assert!(pair[1].ready >= pair[0].done && pair[1].due < pair[1].ready, "{pair:?}");
        }
    }
}

#[test]
fn a_closed_loop_that_ends_by_time_completes_what_is_under_way() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Late(Duration::from_millis(120)));
    let (load, reports, load_start) = start(clock, &server, &[hey(200, "200ms", 3, 0.0)]);
    assert_eq!(load.planned_before(Timestamp::MAX), None);
    let record = Record::of(reports);
    let tally = record.tally();
    assert!(record.rows.iter().all(|row| row.answer == Ok(200)));
    assert!(record.rows.iter().all(|row| row.ready < load_start + Duration::from_millis(200)));
    assert_eq!((load.sent(), load.in_flight()), (tally.sent, 0));
    let last = record.rows.iter().map(|row| row.done).max().expect("rows");
    assert!(tally.duration >= last - load_start);
}

#[test]
fn each_misbehaviour_has_its_name_and_is_counted_once() {
    for (act, kind) in [
        (Act::Close, ErrorKind::Closed),
        (Act::CutHead, ErrorKind::Closed),
        (Act::Reset, ErrorKind::Reset),
        (Act::CutBody, ErrorKind::CutBody),
        (Act::CutChunk, ErrorKind::CutBody),
        (Act::Garbage, ErrorKind::Protocol),
        (Act::GarbledChunk, ErrorKind::Protocol),
        (Act::Silence, ErrorKind::Timeout),
        (Act::SilentBody, ErrorKind::Timeout),
    ] {
        let clock = Clock::start();
        let server = Server::that(clock, act);
        let plan = with(hey(6, "", 2, 0.0), |request| request.timeout = Some(Duration::from_millis(300)));
        // only silence may take until the time-out
        let waits = matches!(act, Act::Silence | Act::SilentBody);
        let plan = if waits { plan } else { with(plan, |request| request.timeout = Some(Duration::from_secs(60))) };
        let (record, _) = run(clock, &server, plan);
        assert_eq!(record.tally().sent, 6, "{act:?}");
        assert_eq!(record.errors(), [kind; 6], "{act:?}");
        let arrived = server.hits().len();
        // what timed out may not have arrived on a machine that stood still
        assert!(arrived == 6 || (waits && arrived < 6), "{act:?}: {arrived}; nothing is resent from a new connection");
        let began = matches!(act, Act::CutBody | Act::CutChunk | Act::SilentBody);
        assert!(!began || record.rows.iter().all(|row| row.first_byte.is_some()), "{act:?}");
    }
}

#[test]
fn no_connection_is_refused_or_not_found() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for (uri, kind) in [
        (format!("http://{closed}/"), ErrorKind::Refused),
        // an empty label: no resolver is asked
        ("http://no..such.name/".to_owned(), ErrorKind::Dns),
    ] {
        let (sender, reports) = unbounded_channel();
        let clock = Clock::start();
        let uri = uri.parse().expect("a URI");
        let _load = Load::start(clock, &uri, &[hey(4, "", 2, 0.0)], clock.now(), sender).expect("a load");
        let record = Record::of(reports);
        assert_eq!(record.tally().sent, 4);
        assert_eq!(record.errors(), [kind; 4], "{uri}");
    }
}

#[test]
fn a_worker_keeps_one_connection_for_all_its_requests() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    let (record, _) = run(clock, &server, hey(40, "", 4, 0.0));
    assert_eq!(record.tally().sent, 40);
    assert_eq!(server.accepted(), 4);
    // the dial is part of the first request's latency and of no other's
    let dialled: Vec<_> = record.rows.iter().filter(|row| row.detail.dial > Duration::ZERO).collect();
    assert_eq!(dialled.len(), 4);
    assert!(dialled.iter().all(|row| row.latency() >= row.detail.dial));
}

#[test]
fn without_keep_alive_every_request_has_a_connection_and_says_so() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    let (record, _) = run(clock, &server, with(hey(12, "", 3, 0.0), |request| request.keep_alive = false));
    assert_eq!(record.tally().sent, 12);
    assert_eq!(server.accepted(), 12);
    assert!(server.hits().iter().all(|hit| hit.head.contains("\r\nConnection: close\r\n")));
    assert!(record.rows.iter().all(|row| row.answer == Ok(200)));
}

#[test]
fn a_connection_the_server_closed_between_requests_costs_a_dial_and_no_error() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::AnswerAndClose);
    let (record, _) = run(clock, &server, hey(12, "", 3, 0.0));
    assert_eq!(record.tally().sent, 12);
    assert!(record.rows.iter().all(|row| row.answer == Ok(200)), "{:?}", record.rows);
    assert_eq!(server.hits().len(), 12);
}

#[test]
fn a_request_that_dies_on_a_used_connection_is_sent_once_more_on_a_new_one() {
    for act in [Act::Close, Act::Reset] {
        let clock = Clock::start();
        // the first answer on a connection is good, the second request on it dies
        let server = Server::start(clock, move |_, number| if number == 0 { Act::Answer } else { act });
        let (record, _) = run(clock, &server, hey(5, "", 1, 0.0));
        assert_eq!(record.tally().sent, 5, "{act:?}");
        assert!(record.rows.iter().all(|row| row.answer == Ok(200)), "{act:?}: {:?}", record.rows);
        // requests 2 to 5 arrive twice
        assert_eq!(server.hits().len(), 9, "{act:?}");

        // what may change something at the server is not repeated, as in Go
        let server = Server::start(clock, move |_, number| if number == 0 { Act::Answer } else { act });
        let plan = with(hey(2, "", 1, 0.0), |request| request.method = "POST".to_owned());
        let (record, _) = run(clock, &server, plan);
        assert_eq!(record.tally().sent, 2);
        assert!(record.rows[0].is_ok() && record.rows[1].answer.is_err(), "{act:?}: {:?}", record.rows);
        assert_eq!(server.hits().len(), 2, "{act:?}");
    }
}

#[test]
fn the_answer_tells_status_replica_and_size() {
    let clock = Clock::start();
    let server = Server::start(clock, |_, number| match number {
        0 => Act::Head("HTTP/1.1 503 Busy\r\nX-Watchtower-Replica: 7\r\nContent-Length: 0\r\n\r\n"),
        1 => Act::Head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        2 => Act::Head("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
        _ => Act::Head("HTTP/1.0 404 Not Found\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nnot"),
    });
    let (record, _) = run(clock, &server, hey(4, "", 1, 0.0));
    let told: Vec<_> = record.rows.iter().map(|row| (row.answer, row.replica, row.detail.size)).collect();
    assert_eq!(
        told,
        [
            (Ok(503), Some(ReplicaId(7)), Some(0)),
            (Ok(200), None, None),
            (Ok(204), None, None),
            (Ok(404), None, Some(3)),
        ]
    );
    assert_eq!(server.accepted(), 1);
}

#[test]
fn stopping_completes_what_is_under_way_and_accounts_for_the_rest() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Late(Duration::from_millis(50)));
    let mut later = hey(200, "60s", 2, 10.0);
    later.start = Duration::from_secs(3_600);
    let (load, reports, load_start) = start(clock, &server, &[hey(200, "60s", 4, 10.0), later]);
    assert_eq!(load.planned_before(load_start + Duration::from_millis(250)), Some(8));
    for _ in 0..8 {
        server.next_hit();
    }
    load.stop();
    load.stop();
    let record = Record::of(reports);
    assert!(record.rows.iter().all(|row| row.answer == Ok(200)));
    let tallies: BTreeMap<_, _> = record.finished.iter().copied().collect();
    let (first, second) = (tallies[&GeneratorId(0)], tallies[&GeneratorId(1)]);
    assert_eq!(first.planned, 2_400);
    assert_eq!(first.sent + first.lost.busy + first.lost.late + first.unused, first.planned);
    assert!(first.sent >= 8 && first.unused > 2_000, "{first:?}");
    // one that had not begun never does
    assert_eq!((second.planned, second.sent, second.unused), (1_200, 0, 1_200));
}

#[test]
fn giving_up_reports_what_is_under_way_as_abandoned() {
    let clock = Clock::start();
    // the first four requests are answered, then silence
    let server = Server::start(clock, |_, number| if number == 0 { Act::Answer } else { Act::Silence });
    let (load, reports, _) = start(clock, &server, &[hey(200, "60s", 4, 20.0)]);
    for _ in 0..8 {
        server.next_hit();
    }
    load.abort();
    let record = Record::of(reports);
    let tally = record.tally();
    assert_eq!((tally.planned, tally.sent), (4_800, 8));
    let abandoned = record.rows.iter().filter(|row| row.answer == Err(ErrorKind::Abandoned)).count();
    assert_eq!(abandoned, 4, "{:?}", record.rows);

    // before the start there is nothing under way
    let (load, reports, _) =
        start(clock, &server, &[GeneratorPlan { start: Duration::from_secs(60), ..hey(20, "", 4, 0.0) }]);
    load.abort();
    let tally = Record::of(reports).tally();
    assert_eq!((tally.planned, tally.sent, tally.unused), (20, 0, 20));
}

#[test]
fn what_can_not_be_called_is_refused_before_anything_starts() {
    let (sender, mut reports) = unbounded_channel();
    let clock = Clock::start();
    let uri = "ftp://127.0.0.1/".parse().expect("a URI");
    let refused = Load::start(clock, &uri, &[hey(4, "", 2, 0.0)], clock.now(), sender);
    let Err(LoadError::Request(RequestError::Scheme(text))) = refused else { panic!("FTP is not spoken") };
    assert_eq!(text, "ftp://127.0.0.1/");
    assert_eq!(reports.blocking_recv(), None);
}

fn on_runtime<T>(future: impl Future<Output = T> + Send + 'static) -> T
where
    T: Send + 'static,
{
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    // spawned, since a live run probes from tasks
    runtime.block_on(async { tokio::spawn(future).await.expect("no panic") })
}

#[test]
fn a_probe_takes_a_new_connection_and_carries_the_header_hey() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    let uri = server.uri("/function/ftest");
    let outcomes = on_runtime(async move {
        let limit = Duration::from_secs(20);
        [probe(&clock, &uri, limit).await, probe(&clock, &uri, limit).await]
    });
    for outcome in outcomes {
        let outcome = outcome.expect("an address");
        assert_eq!(outcome.answer, Ok(200));
        assert!(outcome.latency > Duration::ZERO);
    }
    let hits = server.hits();
    assert_eq!(hits.iter().map(|hit| hit.connection).collect::<Vec<_>>(), [0, 1]);
    // hey 0.1.4 -n 1 -c 1 -H "Hey: hey", as it arrives
    let expected = format!(
        "GET /function/ftest HTTP/1.1\r\nHost: {}\r\nUser-Agent: hey/0.0.1\r\nContent-Type: text/html\r\nHey: hey\r\n\
         Accept-Encoding: gzip\r\n\r\n",
        server.address
    );
    assert!(hits.iter().all(|hit| hit.head == expected), "{hits:?}");
}

#[test]
fn a_probe_that_gets_no_answer_says_why() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Silence);
    let uri = server.uri("/");
    let limit = Duration::from_millis(100);
    let outcome = on_runtime(async move { probe(&clock, &uri, limit).await }).expect("an address");
    assert_eq!(outcome.answer, Err(ErrorKind::Timeout));
    assert!(outcome.latency >= limit);
    let refused = on_runtime(async move { probe(&clock, &"ftp://host/".parse().expect("a URI"), limit).await });
    assert!(matches!(refused, Err(RequestError::Scheme(_))));
}

#[test]
fn a_request_by_itself_is_the_load_s_own() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    let uri = server.uri("/function/ftest?number=50");
    let exchange =
        on_runtime(async move { call_once(&clock, &uri, &RequestPlan::default()).await }).expect("a request");
    assert_eq!(exchange.answer, Ok(200));
    let (record, _) = run(clock, &server, hey(1, "", 1, 0.0));
    assert_eq!(record.tally().sent, 1);
    let [Hit { head: one, .. }, Hit { head: other, .. }] = &server.hits()[..] else { panic!("two requests") };
    assert_eq!(one, other);
}
