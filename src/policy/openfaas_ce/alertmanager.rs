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

/// Empty groups are looked for this often (dispatch.go `Run`), counted from Alertmanager's start.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
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
    /// Without alerts and with an empty log; empty groups are first looked for at `next_sweep`.
    pub(super) fn new(timing: Timing, jitter: Stream, next_sweep: Timestamp) -> Self {
        Self { timing, jitter, group: None, log: None, next_sweep, posts: 0, receipts: 0 }
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
mod laws;
