//! The laws a queueing system obeys whatever its numbers, checked in debug builds while it runs.
//!
//! Two books are kept of the same thing: the model's own counters (who waits, how many threads are busy, CPU time used), added up over
//! time, and the time each request was seen to spend at each station, added up over requests. Little's law says that they agree at
//! every moment, for any arrivals and any service; so do the utilisation law for CPU time, and the conservation of flow. Times are whole
//! nanoseconds, so agreement means equality.

use crate::time::{Timestamp, nanos};

use super::cluster::Cluster;
use super::request::Stage;

/// Where a request spends its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Station {
    /// In transport or on the gateway path.
    Way,
    /// Held, in a backlog or in a queue.
    Waiting,
    /// In a thread.
    Thread,
}

const STATIONS: usize = 3;

fn station(stage: Stage) -> Option<Station> {
    match stage {
        Stage::Free => None,
        Stage::Travelling => Some(Station::Way),
        Stage::Held | Stage::Backlog | Stage::Queued => Some(Station::Waiting),
        Stage::Served => Some(Station::Thread),
    }
}

/// The second book.
#[derive(Clone, Debug, Default)]
pub(super) struct Audit {
    /// Where each slot's request is, and since when.
    places: Vec<Option<(Station, Timestamp)>>,
    inside: [u64; STATIONS],
    /// Time spent at a station by those that left it, in nanoseconds.
    spent: [u128; STATIONS],
    /// The model's own counters over time, in nanoseconds.
    counted: [u128; STATIONS],
    arrived: u64,
    /// Requests that were answered; each once.
    answered: u64,
    /// Answers that reached their senders.
    delivered: u64,
    /// CPU work that was begun, and that was finished, in nanoseconds, and how many pieces of it there were.
    begun: f64,
    finished: f64,
    pieces: f64,
    /// How many requests were queued, by replica slot, and the number of the last of them that a thread took.
    queued: Vec<u64>,
    taken: Vec<u64>,
    /// The number of each slot's request in its queue.
    numbers: Vec<u64>,
}

impl Audit {
    pub(super) fn arrived(&mut self) {
        self.arrived += 1;
    }

    pub(super) fn answered(&mut self) {
        self.answered += 1;
    }

    pub(super) fn delivered(&mut self) {
        self.delivered += 1;
    }

    /// A request comes to another stage.
    pub(super) fn moved(&mut self, now: Timestamp, slot: u32, stage: Stage) {
        let slot = slot as usize;
        if slot >= self.places.len() {
            self.places.resize(slot + 1, None);
        }
        let next = station(stage);
        if self.places[slot].map(|(before, _)| before) == next {
            return;
        }
        if let Some((before, since)) = self.places[slot] {
            self.inside[before as usize] -= 1;
            self.spent[before as usize] += u128::from(nanos(now - since));
        }
        if let Some(next) = next {
            self.inside[next as usize] += 1;
        }
        self.places[slot] = next.map(|next| (next, now));
    }

    pub(super) fn begun(&mut self, work: f64) {
        self.begun += work;
        self.pieces += 1.0;
    }

    pub(super) fn finished(&mut self, work: f64) {
        self.finished += work;
    }

    /// A request is put at the end of a replica's queue.
    pub(super) fn queued(&mut self, replica: u32, slot: u32) {
        let (replica, slot) = (replica as usize, slot as usize);
        if replica >= self.queued.len() {
            self.queued.resize(replica + 1, 0);
            self.taken.resize(replica + 1, 0);
        }
        if slot >= self.numbers.len() {
            self.numbers.resize(slot + 1, 0);
        }
        self.queued[replica] += 1;
        self.numbers[slot] = self.queued[replica];
    }

    /// A thread takes it from there.
    pub(super) fn taken(&mut self, replica: u32, slot: u32) {
        let (last, number) = (&mut self.taken[replica as usize], self.numbers[slot as usize]);
        assert!(number > *last, "a replica's queue is first in, first out: {number} came after {last}");
        *last = number;
    }

    /// Lets time pass over the model's own counters.
    pub(super) fn pass(&mut self, counters: [u64; STATIONS], nanos: u64) {
        for (counted, counter) in self.counted.iter_mut().zip(counters) {
            *counted += u128::from(counter) * u128::from(nanos);
        }
    }
}

impl Cluster {
    /// The model's own counters: on their way, waiting, in a thread.
    pub(super) fn counters(&self) -> [u64; STATIONS] {
        let waiting: u64 = self.functions.iter().map(|function| u64::from(function.waiting)).sum();
        let busy: u64 = self.replicas.iter().map(|replica| u64::from(replica.busy())).sum();
        [self.requests.len() - waiting - busy, waiting, busy]
    }

    /// Panics if a law is broken. Made for debug builds; looks at every request inside.
    pub(crate) fn assert_laws(&self) {
        let audit = &self.audit;
        let counters = self.counters();
        assert_eq!(audit.inside, counters, "who is where: by request, and by the model's counters");
        let mut spent = audit.spent;
        for (station, since) in audit.places.iter().flatten() {
            spent[*station as usize] += u128::from(nanos(self.now - *since));
        }
        assert_eq!(spent, audit.counted, "Little's law: time spent by requests, and numbers present over time");

        // a request that was answered over its limit may still hold its thread
        let overdue = self.requests.overdue();
        let inside: u64 = counters.iter().sum();
        assert_eq!(
            audit.arrived,
            audit.answered + inside - overdue,
            "conservation of flow: what came in was answered or is still inside"
        );
        assert_eq!(
            audit.answered,
            audit.delivered + self.lines.outbound.len() as u64,
            "conservation of flow: what was answered has reached its sender or is on its way back"
        );

        // work ends on whole nanoseconds, at most one late for each piece that shares the node
        let (used, rounding) = (self.node.used(), 4.0 * audit.pieces + 1.0);
        assert!(
            audit.finished <= used + rounding && used <= audit.begun + rounding,
            "utilisation law: {used} ns of CPU time used, for work of {} ns finished and {} ns begun",
            audit.finished,
            audit.begun
        );
    }
}
