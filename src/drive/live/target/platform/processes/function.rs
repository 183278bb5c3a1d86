//! The replicas of one function: how many there are of each kind, who goes next, and who is gone.

use std::time::Duration;

use super::replica::{Launch, Replica};
use super::{BACK_OFF, OnChange, PodChange, Turn, Wanted};
use crate::record::{FunctionId, ProcessState};
use crate::time::Timestamp;

/// A process that was told to end and has not is killed: the grace of a pod.
const GRACE: Duration = Duration::from_secs(30);

pub(super) struct Function {
    pub(super) launch: Launch,
    pub(super) bounds: (u32, u32),
    pub(super) desired: u32,
    pub(super) replicas: Vec<Replica>,
    pub(super) next: u32,
    pub(super) in_flight: u32,
    pub(super) answered: u64,
    /// Time spent at the gateway by all requests, up to when they were counted last.
    request_time: Duration,
    counted_to: Timestamp,
    /// CPU time and time lived of those that are gone.
    pub(super) used_before: Duration,
    pub(super) lived_before: Duration,
    /// Nobody is started before.
    pub(super) rested: Timestamp,
}

impl Function {
    /// A request comes to the gateway at `now` (1) or leaves it (-1).
    pub(super) fn count(&mut self, now: Timestamp, change: i32) {
        self.request_time = self.time_spent(now);
        self.counted_to = now;
        self.in_flight = self.in_flight.saturating_add_signed(change);
        self.answered += u64::from(change < 0);
    }

    /// Time spent at the gateway by all requests up to now.
    pub(super) fn time_spent(&self, now: Timestamp) -> Duration {
        self.request_time + (now - self.counted_to) * self.in_flight
    }

    pub(super) fn new(launch: Launch, wanted: Wanted) -> Self {
        Self {
            launch,
            bounds: wanted.bounds,
            desired: wanted.replicas.clamp(wanted.bounds.0, wanted.bounds.1.max(wanted.bounds.0)),
            replicas: Vec::new(),
            next: 0,
            in_flight: 0,
            request_time: Duration::ZERO,
            counted_to: Timestamp::ZERO,
            answered: 0,
            used_before: Duration::ZERO,
            lived_before: Duration::ZERO,
            rested: Timestamp::ZERO,
        }
    }

    pub(super) fn ready(&self) -> u32 {
        self.replicas.iter().filter(|replica| replica.state() == ProcessState::Ready).count() as u32
    }

    /// Those that are not told to go.
    pub(super) fn alive(&self) -> u32 {
        self.replicas.iter().filter(|replica| replica.leaving.is_none()).count() as u32
    }

    /// Ends what is too much: those that are not ready first, the youngest of them before the others, then those that became ready
    /// last, as a `ReplicaSet` does.
    pub(super) fn shed(&mut self, id: FunctionId, now: Timestamp, on_change: &mut OnChange) {
        while self.alive() > self.desired {
            let from = self.ready();
            let Some(surplus) = self.surplus() else { break };
            let (replica, cut) = (surplus.id, surplus.in_flight);
            surplus.terminate(now);
            let turn = Turn::Terminated { cut };
            on_change(&PodChange { at: now, function: id, replica, from, to: self.ready(), turn });
        }
    }

    /// Who goes next, if somebody has to.
    fn surplus(&mut self) -> Option<&mut Replica> {
        let rank = |replica: &Replica| (replica.ready.is_none(), replica.ready.map(|(at, _)| at), replica.id);
        self.replicas.iter_mut().filter(|replica| replica.leaving.is_none()).max_by_key(|replica| rank(replica))
    }

    pub(super) fn used(&self) -> Duration {
        self.used_before + self.replicas.iter().map(|replica| replica.usage.cpu_time).sum::<Duration>()
    }

    /// Requests in replicas beyond the threads that waitress has.
    pub(super) fn waiting(&self) -> u32 {
        const THREADS: u32 = 4;
        let held = self.in_flight.saturating_sub(self.replicas.iter().map(|replica| replica.in_flight).sum());
        held + self.replicas.iter().map(|replica| replica.in_flight.saturating_sub(THREADS)).sum::<u32>()
    }

    /// Takes those that are gone off the list. One that was not told to go died by itself.
    pub(super) fn bury(&mut self, id: FunctionId, now: Timestamp, on_change: &mut OnChange) {
        let mut place = 0;
        while place < self.replicas.len() {
            let from = self.ready();
            let replica = &mut self.replicas[place];
            if !replica.look() {
                if replica.leaving.is_some_and(|told| now - told > GRACE) {
                    replica.kill();
                }
                place += 1;
                continue;
            }
            let gone = self.replicas.remove(place);
            self.used_before += gone.usage.cpu_time;
            self.lived_before += now - gone.asked;
            if gone.leaving.is_none() {
                let turn = Turn::Died { cut: gone.in_flight };
                if gone.ready.is_none() {
                    self.rested = now + BACK_OFF;
                }
                let to = self.ready();
                on_change(&PodChange { at: now, function: id, replica: gone.id, from, to, turn });
            }
        }
    }
}
