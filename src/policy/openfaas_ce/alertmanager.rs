//! Alertmanager as the chart configures it: one group for the alerts of all functions, flushed on a timer, and a log of
//! what the webhook was last told.
//!
//! ```text
//!   first alert --5 s--> flush --10 s + drift--> flush --10 s + drift--> ...      as long as the group exists
//!                          | something new, or the last word is too old
//!                          v
//!                        webhook --ok--> logged, resolved alerts forgotten
//!                          | 5xx, connection lost
//!                          +--0.5 s x 1.5^n +-50 %--> the whole group again, until 10 s after the flush
//! ```
//!
//! What a webhook does, and what its alerts are about, is unknown here: functions are only names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::RngExt;

use crate::random::Stream;
use crate::record::FunctionId;
use crate::time::Timestamp;

use super::prometheus::SentAlert;

/// Empty groups are looked for this often (dispatch.go `Run`), here counted from the run's start.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// The shortest time a flush has for its webhook (notify.go `MinTimeout`).
const SHORTEST_FLUSH_TIMEOUT: Duration = Duration::from_secs(10);
/// First wait between two attempts, its growth and its spread (defaults of cenkalti/backoff, as notify.go uses them).
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const BACKOFF_GROWTH: f64 = 1.5;
const BACKOFF_SPREAD: f64 = 0.5;

/// The intervals of the route, and how late its timer is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// From a group's first alert to its first flush.
    pub(super) group_wait: Duration,
    /// From one flush to the next.
    pub(super) group_interval: Duration,
    /// Nothing new is told again once the last word is older than this.
    pub(super) repeat_interval: Duration,
    /// By how much each flush is later than its interval.
    pub(super) flush_drift: Duration,
}

/// What a notification says of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// It fires.
    Firing,
    /// It is over.
    Resolved,
}

/// Why a flush notifies (notify.go `DedupStage.needsUpdate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// An alert fires that the last notification didn't name as firing.
    NewFiring,
    /// Nothing fires any more, but something did in the last notification.
    AllResolved,
    /// An alert is resolved that the last notification didn't name as resolved.
    NewResolved,
    /// Nothing is new, but the last notification is older than the repeat interval.
    Repeat,
}

/// One POST of the webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Post {
    /// Number of the POST, never used again.
    pub(super) id: u64,
    /// 1 for the first of a flush.
    pub(super) attempt: u32,
    /// Why the flush notifies.
    pub(super) why: Why,
    /// Every alert of the group.
    pub(super) alerts: Vec<(FunctionId, Status)>,
}

/// How a POST ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// With this HTTP status.
    Status(u16),
    /// Without an answer.
    ConnectionLost,
}

/// What came of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Notified; the log knows.
    Logged,
    /// Failed; the whole group is posted again then, unless the flush's time is over before.
    Retry(Timestamp),
    /// Failed for good; the next flush begins anew.
    Refused,
    /// The flush had already given up on it.
    TooLate,
}

/// What happened at a timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tick {
    /// Post this.
    Post(Post),
    /// A flush had nothing to tell.
    Quiet,
    /// A flush ran out of time after so many attempts.
    GaveUp {
        /// Attempts made.
        attempts: u32,
    },
    /// Empty groups were looked for.
    Swept,
}

/// The group and its log.
#[derive(Debug)]
pub(super) struct Alertmanager {
    timing: Timing,
    jitter: Stream,
    group: Option<Group>,
    /// What the webhook was last told. Survives the group.
    log: Option<LogEntry>,
    next_sweep: Timestamp,
    posts: u64,
    receipts: u64,
}

#[derive(Debug)]
struct Group {
    alerts: BTreeMap<FunctionId, Received>,
    next_flush: Timestamp,
    has_flushed: bool,
    delivery: Option<Delivery>,
}

#[derive(Clone, Copy, Debug)]
struct Received {
    ends_at: Timestamp,
    /// Number of the receipt, so that an alert received again during a flush is not forgotten after it.
    receipt: u64,
}

#[derive(Debug)]
struct LogEntry {
    at: Timestamp,
    firing: BTreeSet<FunctionId>,
    resolved: BTreeSet<FunctionId>,
}

/// A flush whose webhook is under way.
#[derive(Debug)]
struct Delivery {
    why: Why,
    alerts: Vec<(FunctionId, Status)>,
    /// Receipts of the resolved alerts, forgotten on success.
    resolved: Vec<(FunctionId, u64)>,
    deadline: Timestamp,
    attempts: u32,
    backoff: Duration,
    /// The earliest time of the next attempt, counted from the start of this one.
    next_attempt: Timestamp,
    waiting: Waiting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// For the answer to this POST.
    ForReply(u64),
    /// To post again.
    ToPost(Timestamp),
}

impl Alertmanager {
    /// Without alerts and with an empty log, started at `now`.
    pub(super) fn new(timing: Timing, jitter: Stream, now: Timestamp) -> Self {
        Self { timing, jitter, group: None, log: None, next_sweep: now + SWEEP_INTERVAL, posts: 0, receipts: 0 }
    }

    /// Takes an alert from Prometheus; the first makes the group.
    ///
    /// An alert that has fired for longer than the group's wait flushes a group that never did at once.
    pub(super) fn receive(&mut self, now: Timestamp, alert: &SentAlert) {
        self.receipts += 1;
        let wait = self.timing.group_wait;
        let group = self.group.get_or_insert_with(|| Group {
            alerts: BTreeMap::new(),
            next_flush: now + wait,
            has_flushed: false,
            delivery: None,
        });
        group.alerts.insert(alert.function, Received { ends_at: alert.ends_at, receipt: self.receipts });
        if !group.has_flushed && alert.starts_at + wait < now {
            group.next_flush = now;
        }
    }

    /// The next timer.
    pub(super) fn due(&self) -> Timestamp {
        self.group.as_ref().map_or(self.next_sweep, |group| group.due().min(self.next_sweep))
    }

    /// Does what is due at `now`: one thing, the earliest.
    pub(super) fn tick(&mut self, now: Timestamp) -> Option<Tick> {
        let group_due = self.group.as_ref().map(Group::due).filter(|due| *due <= now && *due <= self.next_sweep);
        if group_due.is_some() {
            return self.tick_group(now);
        }
        if self.next_sweep > now {
            return None;
        }
        while self.next_sweep <= now {
            self.next_sweep += SWEEP_INTERVAL;
        }
        if self.group.as_ref().is_some_and(|group| group.alerts.is_empty()) {
            self.group = None;
        }
        Some(Tick::Swept)
    }

    /// Takes the webhook's reply to a POST.
    pub(super) fn replied(&mut self, now: Timestamp, id: u64, reply: Reply) -> Outcome {
        let Some(group) = &mut self.group else { return Outcome::TooLate };
        let Some(delivery) = group.delivery.as_mut().filter(|delivery| delivery.waiting == Waiting::ForReply(id))
        else {
            return Outcome::TooLate;
        };
        match reply {
            Reply::Status(200..=299) => {
                self.log = Some(LogEntry {
                    at: now,
                    firing: with_status(&delivery.alerts, Status::Firing),
                    resolved: with_status(&delivery.alerts, Status::Resolved),
                });
                let resolved = std::mem::take(&mut delivery.resolved);
                group.forget(&resolved);
                group.delivery = None;
                Outcome::Logged
            }
            Reply::Status(500..=599) | Reply::ConnectionLost => {
                let at = delivery.next_attempt.max(now);
                delivery.waiting = Waiting::ToPost(at);
                Outcome::Retry(at)
            }
            Reply::Status(_) => {
                group.delivery = None;
                Outcome::Refused
            }
        }
    }

    fn tick_group(&mut self, now: Timestamp) -> Option<Tick> {
        let group = self.group.as_mut()?;
        if let Some(delivery) = &group.delivery {
            if delivery.deadline <= now {
                let attempts = delivery.attempts;
                group.delivery = None;
                return Some(Tick::GaveUp { attempts });
            }
            return Some(Tick::Post(self.post(now)?));
        }
        // The timer is armed again before the flush, so a slow webhook doesn't delay the next flush by its own time.
        group.next_flush = now + self.timing.group_interval + self.timing.flush_drift;
        group.has_flushed = true;
        let alerts: Vec<(FunctionId, Status)> = group
            .alerts
            .iter()
            .map(|(function, alert)| (*function, if alert.ends_at <= now { Status::Resolved } else { Status::Firing }))
            .collect();
        let resolved: Vec<(FunctionId, u64)> = group
            .alerts
            .iter()
            .filter(|(_, alert)| alert.ends_at <= now)
            .map(|(function, alert)| (*function, alert.receipt))
            .collect();
        let Some(why) = needs_notification(self.log.as_ref(), &alerts, now, self.timing.repeat_interval) else {
            group.forget(&resolved);
            return Some(Tick::Quiet);
        };
        group.delivery = Some(Delivery {
            why,
            alerts,
            resolved,
            deadline: now + self.timing.group_interval.max(SHORTEST_FLUSH_TIMEOUT),
            attempts: 0,
            backoff: FIRST_BACKOFF,
            next_attempt: now,
            waiting: Waiting::ToPost(now),
        });
        Some(Tick::Post(self.post(now)?))
    }

    /// Begins the next attempt of the delivery under way.
    fn post(&mut self, now: Timestamp) -> Option<Post> {
        let delivery = self.group.as_mut()?.delivery.as_mut()?;
        self.posts += 1;
        delivery.attempts += 1;
        let spread = BACKOFF_SPREAD * (2.0 * self.jitter.random::<f64>() - 1.0);
        delivery.next_attempt = now + delivery.backoff.mul_f64(1.0 + spread);
        delivery.backoff = delivery.backoff.mul_f64(BACKOFF_GROWTH);
        delivery.waiting = Waiting::ForReply(self.posts);
        Some(Post { id: self.posts, attempt: delivery.attempts, why: delivery.why, alerts: delivery.alerts.clone() })
    }
}

impl Group {
    /// The group's next timer. A flush waits for the one before it.
    fn due(&self) -> Timestamp {
        match &self.delivery {
            None => self.next_flush,
            Some(Delivery { waiting: Waiting::ToPost(at), deadline, .. }) => (*at).min(*deadline),
            Some(Delivery { deadline, .. }) => *deadline,
        }
    }

    fn forget(&mut self, resolved: &[(FunctionId, u64)]) {
        for (function, receipt) in resolved {
            if self.alerts.get(function).is_some_and(|alert| alert.receipt == *receipt) {
                self.alerts.remove(function);
            }
        }
    }
}

/// Whether a flush at `now` tells the webhook about `alerts`, and why.
fn needs_notification(
    log: Option<&LogEntry>,
    alerts: &[(FunctionId, Status)],
    now: Timestamp,
    repeat: Duration,
) -> Option<Why> {
    let firing = with_status(alerts, Status::Firing);
    let Some(log) = log else {
        return (!firing.is_empty()).then_some(Why::NewFiring);
    };
    if !firing.is_subset(&log.firing) {
        return Some(Why::NewFiring);
    }
    if firing.is_empty() {
        return (!log.firing.is_empty()).then_some(Why::AllResolved);
    }
    if !with_status(alerts, Status::Resolved).is_subset(&log.resolved) {
        return Some(Why::NewResolved);
    }
    (log.at + repeat < now).then_some(Why::Repeat)
}

fn with_status(alerts: &[(FunctionId, Status)], status: Status) -> BTreeSet<FunctionId> {
    alerts.iter().filter(|(_, is)| *is == status).map(|(function, _)| *function).collect()
}

#[cfg(test)]
mod tests {
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
                Alertmanager::new(self.timing, Seed(1).stream(Purpose::Policy), Timestamp::from_millis(0));
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
        let mut manager = Alertmanager::new(TIMING, Seed(1).stream(Purpose::Policy), Timestamp::ZERO);
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
            assert_eq!(world.post_times(126_000), expected, "latency {latency} ms, drift {drift} ms");
        }
    }

    #[test]
    fn an_alert_of_another_function_notifies_all_firing_functions() {
        let posts = World::new(&[(0, A, true), (12_000, B, true), (42_000, B, false)]).posts(46_000);
        let expected =
            [(5000, Why::NewFiring, "A+"), (15_003, Why::NewFiring, "A+B+"), (45_012, Why::NewResolved, "A+B-")];
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
        let expected =
            [(5000, Why::NewFiring, "A+"), (15_003, Why::AllResolved, "A-"), (25_006, Why::AllResolved, "A-")];
        assert_eq!(told(&posts), expected);
    }
}
