//! What readings of a function tell of its replicas: rows for changes, a sample at any time, the cost.
//!
//! Readings are counts and no pods, so a pod that comes and another that goes between two readings are not seen. Nothing here reads
//! anything.

use std::borrow::Cow;
use std::time::Duration;

use crate::policy::ReplicaStatus;
use crate::record::{EventKind, EventRow, PlatformSample};
use crate::time::Timestamp;

/// Who may scale the function during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The run's own policy and nobody else: a change it did not ask for breaks the measurement.
    Policy,
    /// The platform's own autoscaler: its changes are what the run is there to record.
    Platform,
    /// Another machine that makes the load together with this one.
    Another,
}

/// A function's replicas as last seen.
#[derive(Debug)]
pub(in crate::drive::live::target) struct Watch {
    writer: Writer,
    /// What was last asked for and accepted.
    asked: u32,
    /// Between which counts a scaling that has not been answered may end, where the platform may grant less than it is asked for.
    open: Option<(u32, u32)>,
    status: ReplicaStatus,
    seen: Timestamp,
    lived: Duration,
    /// Since when readings fail.
    lost: Option<Timestamp>,
}

impl Watch {
    /// From a first reading, which shows what was asked for.
    pub(in crate::drive::live::target) fn new(writer: Writer, at: Timestamp, status: ReplicaStatus) -> Self {
        Self { writer, asked: status.desired, open: None, status, seen: at, lived: Duration::ZERO, lost: None }
    }

    /// The run's policy asks for this many; what it had asked for before.
    pub(in crate::drive::live::target) const fn ask(&mut self, count: u32) -> u32 {
        self.open = None;
        std::mem::replace(&mut self.asked, count)
    }

    /// The same of a platform that may grant a part of the step only, until [`Watch::ask`] says which.
    pub(in crate::drive::live::target) fn ask_at_most(&mut self, count: u32) -> u32 {
        let before = self.ask(count);
        let from = self.status.desired;
        self.open = Some((from.min(count), from.max(count)));
        before
    }

    /// Replicas asked for, by whomever, as last seen.
    pub(in crate::drive::live::target) const fn desired(&self) -> u32 {
        self.status.desired
    }

    /// A reading, or why there was none.
    pub(in crate::drive::live::target) fn read(
        &mut self,
        at: Timestamp,
        reading: Result<ReplicaStatus, String>,
    ) -> Vec<EventRow> {
        let status = match reading {
            Ok(status) => status,
            Err(_) if self.lost.is_some() => return Vec::new(),
            Err(why) => {
                self.lost = Some(at);
                return vec![row(at, EventKind::Failed, None, format!("replicas can't be read: {why}"), None)];
            }
        };
        let mut rows = Vec::new();
        if let Some(since) = self.lost.take() {
            let gap = (at - since).as_secs_f64();
            let reason = format!("replicas can be read again; for {gap:.1} s they were not known");
            rows.push(row(at, EventKind::Failed, None, reason, Some(gap)));
        }
        let before = self.status;
        self.lived = self.lived_until(at);
        (self.status, self.seen) = (status, at);
        let (from, to) = (before.desired, status.desired);
        let is_open = self.open.is_some_and(|(fewest, most)| (fewest..=most).contains(&to));
        if from != to && to != self.asked && !is_open {
            rows.push(match self.writer {
                Writer::Platform => {
                    let reason = format!("the platform's own autoscaler set {to} replicas");
                    row(at, EventKind::Scale, Some((from, to)), reason, None)
                }
                Writer::Another => {
                    let reason = format!("the run's first machine, or the platform, set {to} replicas");
                    row(at, EventKind::Scale, Some((from, to)), reason, None)
                }
                Writer::Policy => {
                    let asked = self.asked;
                    let reason = format!("someone else set {to} replicas where this run had asked for {asked}");
                    row(at, EventKind::Broken, Some((from, to)), reason, None)
                }
            });
            self.ask(to);
        }
        let (from, to) = (before.ready, status.ready);
        if from != to {
            let kind = if to > from { EventKind::Ready } else { EventKind::Terminated };
            let reason = format!("{to} of {} replicas are ready, {from} were", status.desired);
            rows.push(row(at, kind, Some((from, to)), reason, None));
        }
        rows
    }

    /// The platform as it stands: what was last seen goes on.
    pub(in crate::drive::live::target) fn sample(&self, at: Timestamp) -> PlatformSample {
        let ReplicaStatus { desired, ready } = self.status;
        PlatformSample {
            queue: 0,
            desired,
            ready,
            starting: desired.saturating_sub(ready),
            terminating: ready.saturating_sub(desired),
            cpu_time: None,
            replica_time: self.lived_until(at),
        }
    }

    /// A replica costs from when it is asked for until it is gone, so the larger of both counts is paid for.
    fn lived_until(&self, at: Timestamp) -> Duration {
        self.lived + (at - self.seen) * self.status.desired.max(self.status.ready)
    }
}

/// A row of the platform's, from and to a count where it changes one.
pub(in crate::drive::live::target) fn row(
    at: Timestamp,
    kind: EventKind,
    change: Option<(u32, u32)>,
    reason: String,
    value: Option<f64>,
) -> EventRow {
    let (from, to) = change.unzip();
    EventRow { at, actor: Cow::Borrowed("platform"), kind, from, to, reason, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn status(desired: u32, ready: u32) -> ReplicaStatus {
        ReplicaStatus { desired, ready }
    }

    fn kinds(rows: &[EventRow]) -> Vec<(EventKind, Option<u32>, Option<u32>)> {
        rows.iter().map(|row| (row.kind, row.from, row.to)).collect()
    }

    #[test]
    fn what_the_run_asked_for_is_no_news_and_what_it_brings_is() {
        let mut watch = Watch::new(Writer::Policy, Timestamp::ZERO, status(1, 1));
        watch.ask(3);
        assert!(watch.read(Timestamp::from_secs(1), Ok(status(3, 1))).is_empty());
        let rows = watch.read(Timestamp::from_secs(5), Ok(status(3, 3)));
        assert_eq!(kinds(&rows), [(EventKind::Ready, Some(1), Some(3))]);
        watch.ask(1);
        let rows = watch.read(Timestamp::from_secs(6), Ok(status(1, 1)));
        assert_eq!(kinds(&rows), [(EventKind::Terminated, Some(3), Some(1))]);
    }

    #[test]
    fn a_change_nobody_here_asked_for_breaks_a_policys_run_and_is_the_platforms_own_in_a_recorded_one() {
        for (writer, kind) in [(Writer::Policy, EventKind::Broken), (Writer::Platform, EventKind::Scale)] {
            let mut watch = Watch::new(writer, Timestamp::ZERO, status(1, 1));
            let rows = watch.read(Timestamp::from_secs(1), Ok(status(3, 1)));
            assert_eq!(kinds(&rows), [(kind, Some(1), Some(3))]);
            // told once
            assert!(watch.read(Timestamp::from_secs(2), Ok(status(3, 1))).is_empty());
        }
    }

    #[test]
    fn a_step_that_was_granted_in_part_is_nobody_elses_while_it_has_not_been_answered() {
        let mut watch = Watch::new(Writer::Policy, Timestamp::ZERO, status(2, 2));
        watch.ask_at_most(7);
        assert!(watch.read(Timestamp::from_secs(1), Ok(status(5, 2))).is_empty());
        watch.ask(5);
        let rows = watch.read(Timestamp::from_secs(2), Ok(status(6, 2)));
        assert_eq!(kinds(&rows), [(EventKind::Broken, Some(5), Some(6))]);
        watch.ask_at_most(7);
        let rows = watch.read(Timestamp::from_secs(3), Ok(status(1, 2)));
        assert_eq!(kinds(&rows), [(EventKind::Broken, Some(6), Some(1))]);
    }

    #[test]
    fn replicas_cost_from_being_asked_for_until_they_are_gone() {
        let mut watch = Watch::new(Writer::Policy, Timestamp::ZERO, status(1, 1));
        watch.ask(3);
        watch.read(Timestamp::from_secs(10), Ok(status(3, 1)));
        watch.read(Timestamp::from_secs(14), Ok(status(3, 3)));
        watch.ask(1);
        watch.read(Timestamp::from_secs(20), Ok(status(1, 3)));
        watch.read(Timestamp::from_secs(22), Ok(status(1, 1)));
        // 10 s of one, 10 s of three, 2 s of three that go, 8 s of one
        let sample = watch.sample(Timestamp::from_secs(30));
        assert_eq!(sample.replica_time, Duration::from_secs(10 + 30 + 6 + 8));
    }

    #[test]
    fn a_gap_in_the_readings_is_told_at_both_ends_and_what_was_seen_goes_on_meanwhile() {
        let mut watch = Watch::new(Writer::Policy, Timestamp::ZERO, status(2, 2));
        let lost = || Err("no connection".to_owned());
        assert_eq!(watch.read(Timestamp::from_secs(1), lost()).len(), 1);
        assert!(watch.read(Timestamp::from_secs(2), lost()).is_empty());
        assert_eq!(watch.sample(Timestamp::from_secs(3)).ready, 2);
        let rows = watch.read(Timestamp::from_secs(4), Ok(status(2, 2)));
        assert_eq!(rows.iter().map(|row| row.value).collect::<Vec<_>>(), [Some(3.0)]);
        assert_eq!(watch.sample(Timestamp::from_secs(4)).replica_time, Duration::from_secs(8));
    }
}
