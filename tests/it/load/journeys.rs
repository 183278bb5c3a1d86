//! Journeys as goose walks them, seen from the server: order, addresses, pauses, failures, and how they end.

use std::sync::Arc;

use watchtower::drive::journeys::{JourneyPlan, JourneysPlan, StepPlan};
use watchtower::random::Seed;
use watchtower::schedule::journeys::{Ends, Journey, Journeys, Settings, Step, Think};
use watchtower::schedule::{Next, Schedule, Turn};

use super::*;

const THINK: Duration = Duration::from_millis(30);

/// A step of a weight, with the end of its path as its name.
fn step(name: &str, weight: u32) -> (Step, StepPlan) {
    let think = Think { min: THINK, max: THINK };
    let plan = StepPlan {
        name: name.to_owned(),
        path: format!("/{name}"),
        query: (name != "front").then(|| format!("number={weight}")),
        request: RequestPlan::default(),
    };
    (Step { weight, think }, plan)
}

fn journeys(users: u32, ends: Ends, journeys: Vec<(u32, Vec<(Step, StepPlan)>)>) -> GeneratorPlan {
    let (timed, plans) = journeys
        .into_iter()
        .map(|(weight, steps)| {
            let (steps, plans) = steps.into_iter().unzip();
            (Journey { weight, steps }, JourneyPlan { name: "journey".to_owned(), steps: plans })
        })
        .unzip();
    let settings = Arc::new(Settings { users, ramp: Duration::ZERO, ends, journeys: timed });
    GeneratorPlan {
        schedule: SchedulePlan::Goose(JourneysPlan { settings, journeys: plans }),
        request: RequestPlan::default(),
        start: Duration::ZERO,
    }
}

fn settings(plan: &GeneratorPlan) -> &JourneysPlan {
    let SchedulePlan::Goose(plan) = &plan.schedule else { panic!("a load of journeys") };
    plan
}

/// The paths each user takes in virtual time.
fn expected(plan: &GeneratorPlan) -> Vec<Vec<String>> {
    let plan = settings(plan);
    let names: Vec<&str> = plan.steps().map(|step| step.name.as_str()).collect();
    let mut schedule = Journeys::new(Arc::clone(&plan.settings), Timestamp::ZERO, Seed(1), 0);
    let walk = |user| {
        let mut names_of_user = Vec::new();
        while let Next::Call(_) = schedule.next(WorkerId(user), Turn::first(Timestamp::ZERO)) {
            names_of_user.push(names[schedule.step(WorkerId(user)).0 as usize].to_owned());
        }
        names_of_user
    };
    (0..plan.settings.users).map(walk).collect()
}

#[test]
fn goose_sends_the_steps_in_the_order_of_the_schedule_over_a_connection_per_user() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    let (timing, mut order) = step("order", 1);
    order.request.method = "POST".to_owned();
    order.request.body = b"{}".to_vec();
    order.request.headers.push(("X-Team".to_owned(), "shop".to_owned()));
    let plan = journeys(
        5,
        Ends::Rounds(2),
        vec![(3, vec![step("front", 1), step("item", 2)]), (1, vec![step("basket", 1), (timing, order)])],
    );
    let (record, start) = run(clock, &server, plan.clone());
    let tally = record.tally();
    assert_eq!((tally.planned, tally.unused), (28, 0));

    let hits = server.hits();
    let mut walked: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for hit in &hits {
        let line = hit.head.lines().next().expect("a request line");
        let (path, query) = line.split_whitespace().nth(1).and_then(|target| target.split_once('?')).expect(line);
        let name = path.strip_prefix("/function/ftest/").expect(line);
        walked.entry(hit.connection).or_default().push(name.to_owned());
        let number = match name {
            "front" => "number=50",
            "item" => "number=2",
            _ => "number=1",
        };
        assert_eq!(query, number, "{line}");
        let has = |header: &str| hit.head.to_lowercase().lines().any(|line| line == header);
        assert!(has("user-agent: hey/0.0.1") && has("accept-encoding: gzip"), "{}", hit.head);
        assert_eq!(has("x-team: shop"), name == "order", "{}", hit.head);
        assert_eq!((line.starts_with("POST "), has("content-length: 2")), (name == "order", name == "order"), "{line}");
    }
    let mut walked: Vec<_> = walked.into_values().collect();
    let mut expected = expected(&plan);
    walked.sort();
    expected.sort();
    assert_eq!(walked, expected);

    for user in (0..5).map(WorkerId) {
        let rows: Vec<_> = record.rows.iter().filter(|row| row.worker == user).collect();
        assert_eq!(rows[0].due, start);
        for pair in rows.windows(2) {
            assert_eq!(pair[1].due, pair[0].done + THINK);
        }
        for row in rows {
            let first_byte = row.first_byte.expect("it was answered");
            assert!(row.due <= row.sent && row.sent < first_byte && first_byte <= row.done, "{row:?}");
            assert!(row.detail.wait <= first_byte - row.sent, "{row:?}");
            assert_eq!((row.answer, row.detail.size), (Ok(200), Some(2)));
        }
    }
}

#[test]
fn each_failure_of_goose_s_client_is_one_of_our_kinds() {
    let clock = Clock::start();
    let acts = [
        Act::Close,
        Act::Reset,
        Act::CutBody,
        Act::CutChunk,
        Act::Garbage,
        Act::Silence,
        Act::SilentBody,
        Act::Head("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nX-Watchtower-Replica: 7\r\n\r\n"),
        Act::Head("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"),
    ];
    let server = Server::start(clock, move |connection, _| acts[connection]);
    let users = acts.len() as u32;
    let plan = journeys(users, Ends::Rounds(1), vec![(1, vec![step("front", 1)])]);
    let (record, _) = run(clock, &server, with(plan, |request| request.timeout = Some(Duration::from_millis(400))));
    assert_eq!(record.tally().sent, u64::from(users));
    let answers = count_by(record.rows.iter().map(|row| row.answer));
    assert_eq!(
        answers,
        BTreeMap::from([
            (Ok(503), 1),
            (Err(ErrorKind::Redirect), 1),
            (Err(ErrorKind::Closed), 1),
            (Err(ErrorKind::Reset), 1),
            (Err(ErrorKind::CutBody), 2),
            (Err(ErrorKind::Timeout), 2),
            (Err(ErrorKind::Protocol), 1),
        ])
    );
    let replica = record.rows.iter().find(|row| row.answer == Ok(503)).and_then(|row| row.replica);
    assert_eq!(replica, Some(ReplicaId(7)));
    // time to the end, not to the head
    let cut = record.rows.iter().find(|row| row.answer == Err(ErrorKind::Timeout) && row.first_byte.is_some());
    assert!(cut.is_some_and(|row| row.latency() >= Duration::from_millis(400)));
}

#[test]
fn a_refused_connection_is_told_in_words() {
    let clock = Clock::start();
    let (sender, reports) = unbounded_channel();
    let plan = journeys(1, Ends::Rounds(1), vec![(1, vec![step("front", 1)])]);
    let uri = "http://127.0.0.1:1/function/ftest".parse().expect("a URI");
    let load = Load::start(clock, &uri, &[plan], clock.now(), sender).expect("a load");
    let record = Record::of(reports);
    assert_eq!(record.errors(), [ErrorKind::Refused]);
    let words: Vec<String> = load.failures().values().map(ToString::to_string).collect();
    assert_eq!(words, ["Get \"http://127.0.0.1:1/function/ftest/front\": connect: connection refused"]);
}

#[test]
fn a_stop_ends_users_who_think_and_what_they_had_left_is_unused() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    // of rounds it is known how many were planned; else so many more as there are users who have had their answer and think
    for (ends, planned) in [(Ends::Rounds(4), 12..=12), (Ends::After(Duration::from_secs(1_000)), 3..=6)] {
        let (mut timing, plan) = step("front", 1);
        timing.think = Think { min: Duration::from_secs(600), max: Duration::from_secs(900) };
        let plan = journeys(3, ends, vec![(1, vec![(timing, plan)])]);
        let (load, reports, _) = start(clock, &server, &[plan]);
        for _ in 0..3 {
            server.next_hit();
        }
        load.stop();
        let tally = Record::of(reports).tally();
        assert!(planned.contains(&tally.planned), "{ends:?}: {tally:?}");
        assert_eq!((tally.sent, tally.unused), (3, tally.planned - 3), "{ends:?}");
    }
}

#[test]
fn giving_up_reports_requests_under_way_once() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Silence);
    let plan = journeys(3, Ends::After(Duration::from_secs(600)), vec![(1, vec![step("front", 1)])]);
    let (load, reports, _) = start(clock, &server, &[plan]);
    for _ in 0..3 {
        server.next_hit();
    }
    load.abort();
    let record = Record::of(reports);
    assert_eq!(record.errors(), [ErrorKind::Abandoned; 3]);
    let tally = record.tally();
    assert_eq!((tally.planned, tally.sent), (3, 3));
}

#[test]
fn goose_and_a_rate_of_our_own_run_side_by_side() {
    let clock = Clock::start();
    let server = Server::that(clock, Act::Answer);
    let goose = journeys(2, Ends::After(Duration::from_millis(300)), vec![(1, vec![step("front", 1)])]);
    let (load, reports, start) = start(clock, &server, &[goose, hey(10, "", 2, 20.0)]);
    let record = Record::of(reports);
    let of = |id| record.finished.iter().find(|(generator, _)| *generator == GeneratorId(id)).expect("it ended").1;
    assert_eq!(of(1).sent, 10);
    let sent = record.rows.iter().filter(|row| row.generator == GeneratorId(0)).count() as u64;
    assert!(sent >= 2 && (of(0).planned, of(0).sent) == (sent, sent), "{:?}", of(0));
    assert!(
        record
            .rows
            .iter()
            .filter(|row| row.generator == GeneratorId(0))
            .all(|row| row.due < start + Duration::from_millis(300))
    );
    // journeys plan what they send
    assert_eq!(load.planned_before(start + Duration::from_secs(60)), Some(10 + sent));
}
