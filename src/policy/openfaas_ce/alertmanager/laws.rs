//! The laws of the Alertmanager, each with made-up times.

use super::*;
use crate::random::{Purpose, Seed};

const A: FunctionId = FunctionId(0);
const B: FunctionId = FunctionId(1);
const TIMING: Timing = Timing {
    group_wait: Duration::from_secs(5),
    group_interval: Duration::from_secs(10),
    repeat_interval: Duration::from_secs(30),
    flush_drift: Duration::from_millis(3),
};

/// Alerts as they come in (millisecond, function, still firing), and how the webhook replies to each POST.
struct World {
    timing: Timing,
    incoming: Vec<(u64, FunctionId, bool)>,
    latency: u64,
    replies: Vec<Reply>,
}

impl World {
    fn new(incoming: &[(u64, FunctionId, bool)]) -> Self {
        Self { timing: TIMING, incoming: incoming.to_vec(), latency: 50, replies: Vec::new() }
    }

    /// POSTs until `end`, in milliseconds, with their alerts.
    fn posts(self, end: u64) -> Vec<(u64, Why, String)> {
        let mut manager =
            Alertmanager::new(self.timing, Seed(1).stream(Purpose::Policy), Timestamp::ZERO + SWEEP_INTERVAL);
        let mut started: BTreeMap<FunctionId, Timestamp> = BTreeMap::new();
        let mut incoming = self.incoming.iter().peekable();
        let mut replies = self.replies.into_iter();
        let mut reply_at: Option<(Timestamp, u64)> = None;
        let mut posts = Vec::new();
        loop {
            let alert_at = incoming.peek().map_or(Timestamp::MAX, |(at, ..)| Timestamp::from_millis(*at));
            let answered = reply_at.map_or(Timestamp::MAX, |(at, _)| at);
            let now = manager.due().min(alert_at).min(answered);
            if now > Timestamp::from_millis(end) {
                return posts;
            }
            if answered == now {
                let (_, id) = reply_at.take().unwrap();
                manager.replied(now, id, replies.next().unwrap_or(Reply::Status(200)));
            } else if manager.due() == now {
                if let Some(Tick::Post(post)) = manager.tick(now) {
                    reply_at = Some((now + Duration::from_millis(self.latency), post.id));
                    posts.push((now.as_nanos() / 1_000_000, post.why, text(&post.alerts)));
                }
            } else {
                let (_, function, firing) = incoming.next().unwrap();
                let starts_at = *started.entry(*function).or_insert(now);
                let ends_at = if *firing { now + Duration::from_secs(240) } else { now };
                manager.receive(now, &SentAlert { function: *function, starts_at, ends_at });
                if !firing {
                    started.remove(function);
                }
            }
        }
    }

    fn post_times(self, end: u64) -> Vec<u64> {
        self.posts(end).into_iter().map(|(at, ..)| at).collect()
    }
}

/// `A+B-`: A fires, B is resolved.
fn text(alerts: &[(FunctionId, Status)]) -> String {
    let name = |function| if function == A { 'A' } else { 'B' };
    let sign = |status| if status == Status::Firing { '+' } else { '-' };
    alerts.iter().flat_map(|(function, status)| [name(*function), sign(*status)]).collect()
}

fn told(posts: &[(u64, Why, String)]) -> Vec<(u64, Why, &str)> {
    posts.iter().map(|(at, why, alerts)| (*at, *why, alerts.as_str())).collect()
}

#[test]
fn the_first_alert_of_a_group_waits_five_seconds() {
    assert_eq!(World::new(&[(1000, A, true)]).post_times(20_000), [6000]);
}

#[test]
fn an_old_alert_flushes_a_new_group_at_once() {
    let mut manager = Alertmanager::new(TIMING, Seed(1).stream(Purpose::Policy), Timestamp::ZERO + SWEEP_INTERVAL);
    let now = Timestamp::from_secs(100);
    let ends_at = Timestamp::from_secs(300);
    manager.receive(now, &SentAlert { function: A, starts_at: Timestamp::from_secs(95), ends_at });
    assert_eq!(
        manager.group.as_ref().unwrap().next_flush,
        Timestamp::from_secs(105),
        "exactly the wait is not over it"
    );
    manager.receive(now, &SentAlert { function: B, starts_at: Timestamp::from_secs(94), ends_at });
    assert_eq!(manager.group.as_ref().unwrap().next_flush, now);
}

#[test]
fn a_repeat_slips_to_the_next_flush_unless_the_webhook_was_faster_than_the_drift() {
    // latency of the webhook and drift per flush in ms, times of the first four POSTs
    for (latency, drift, expected) in [
        (50, 3, [5000, 45_012, 85_024, 125_036]),
        (8, 3, [5000, 35_009, 65_018, 95_027]),
        (9, 3, [5000, 45_012, 85_024, 125_036]),
        (0, 0, [5000, 45_000, 85_000, 125_000]),
        (3, 5, [5000, 35_015, 65_030, 95_045]),
    ] {
        let timing = Timing { flush_drift: Duration::from_millis(drift), ..TIMING };
        let resent: Vec<_> = [0, 75_000].map(|at| (at, A, true)).to_vec();
        let world = World { timing, latency, ..World::new(&resent) };
        assert_eq!(world.post_times(126_000)[..4], expected, "latency {latency} ms, drift {drift} ms");
    }
}

#[test]
fn an_alert_of_another_function_notifies_all_firing_functions() {
    let posts = World::new(&[(0, A, true), (12_000, B, true), (42_000, B, false)]).posts(46_000);
    let expected = [(5000, Why::NewFiring, "A+"), (15_003, Why::NewFiring, "A+B+"), (45_012, Why::NewResolved, "A+B-")];
    assert_eq!(told(&posts), expected);
}

#[test]
fn the_end_of_the_last_alert_is_told_at_the_next_flush_and_only_once() {
    let resolved = [(0, A, true), (30_000, A, false), (105_000, A, false), (180_000, A, false)];
    let posts = World::new(&resolved).posts(300_000);
    assert_eq!(told(&posts), [(5000, Why::NewFiring, "A+"), (35_009, Why::AllResolved, "A-")]);
}

#[test]
fn what_was_resolved_and_told_is_told_again_while_another_function_fires() {
    // B is resolved at 30 s; Prometheus says so again at 105 s, when the last notification no longer names B
    let incoming = [(0, A, true), (0, B, true), (30_000, B, false), (60_000, A, true), (105_000, B, false)];
    let posts = World::new(&incoming).posts(110_000);
    let expected = [
        (5000, Why::NewFiring, "A+B+"),
        (35_009, Why::NewResolved, "A+B-"),
        (75_021, Why::Repeat, "A+"),
        (105_030, Why::NewResolved, "A+B-"),
    ];
    assert_eq!(told(&posts), expected);
}

#[test]
fn what_began_and_ended_between_two_flushes_is_not_told() {
    let posts = World::new(&[(0, A, true), (4000, A, false)]).posts(60_000);
    assert_eq!(posts, []);
}

#[test]
fn an_alert_counts_as_resolved_once_its_validity_is_over() {
    // nothing is heard after the first word: valid for 240 s
    let posts = World::new(&[(0, A, true)]).posts(300_000);
    let last = posts.last().unwrap();
    assert_eq!((last.0, last.1), (245_072, Why::AllResolved));
}

#[test]
fn an_alert_resolved_at_the_instant_of_a_flush_is_seen_by_it_only_if_it_came_first() {
    let seen = |at| World::new(&[(0, A, true), (at, A, false)]).posts(40_000).last().unwrap().0;
    assert_eq!(seen(15_002), 15_003);
    assert_eq!(seen(15_003), 25_006);
}

#[test]
fn an_empty_group_lives_until_the_sweep_and_keeps_its_timer() {
    // empty from 15.003 s on, swept at 30 s
    let again = |at| World::new(&[(0, A, true), (10_000, A, false), (at, A, true)]).posts(60_000)[2].0;
    assert_eq!(again(29_000), 35_009, "the old group's next flush");
    assert_eq!(again(31_000), 36_000, "a new group waits");
}

#[test]
fn a_failing_webhook_is_posted_again_after_a_growing_wait_and_logged_only_on_success() {
    let world = World {
        replies: vec![Reply::Status(500), Reply::ConnectionLost, Reply::Status(503)],
        ..World::new(&[(0, A, true)])
    };
    let times = world.post_times(12_000);
    assert_eq!(times.len(), 4);
    for (step, pair) in times.windows(2).enumerate() {
        let wait = 500.0 * 1.5_f64.powi(i32::try_from(step).unwrap());
        let (least, most) = (wait * 0.5 - 1.0, wait * 1.5 + 1.0);
        let waited = (pair[1] - pair[0]) as f64;
        assert!(waited >= least && waited <= most, "{times:?}");
    }
}

#[test]
fn retries_end_ten_seconds_after_the_flush_and_the_next_flush_begins_anew() {
    let world = World { replies: vec![Reply::Status(500); 100], ..World::new(&[(0, A, true)]) };
    let posts = world.posts(40_000);
    let flushes: Vec<u64> = [5000, 15_003, 25_006, 35_009].to_vec();
    assert!(flushes.iter().all(|flush| posts.iter().any(|(at, ..)| at == flush)), "{posts:?}");
    assert!(posts.iter().all(|(_, why, _)| *why == Why::NewFiring));
}

#[test]
fn a_webhook_that_never_answers_is_given_up_when_its_time_is_over() {
    let world = World { latency: 60_000, ..World::new(&[(0, A, true)]) };
    assert_eq!(world.post_times(30_000), [5000, 15_003, 25_006]);
}

#[test]
fn a_client_error_is_not_retried_before_the_next_flush() {
    let world = World { replies: vec![Reply::Status(401), Reply::Status(404)], ..World::new(&[(0, A, true)]) };
    assert_eq!(world.post_times(40_000), [5000, 15_003, 25_006]);
}

#[test]
fn a_resolved_alert_is_kept_until_its_notification_succeeded() {
    let replies = vec![Reply::Status(200), Reply::Status(404)];
    let world = World { replies, ..World::new(&[(0, A, true), (10_000, A, false)]) };
    let posts = world.posts(60_000);
    let expected = [(5000, Why::NewFiring, "A+"), (15_003, Why::AllResolved, "A-"), (25_006, Why::AllResolved, "A-")];
    assert_eq!(told(&posts), expected);
}
