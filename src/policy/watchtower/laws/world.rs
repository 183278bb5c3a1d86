//! The watch tower in front of a platform that answers at once, in made-up time.

use super::*;

/// What the platform does with a scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    Obeys,
    Refuses,
    /// Accepts and does nothing, as when another writer puts the old count back.
    Ignores,
}

/// The tower in front of a platform that answers at once.
#[derive(Clone)]
pub(super) struct World {
    pub(super) tower: WatchTower,
    pub(super) now: Timestamp,
    pub(super) platform: Platform,
    pub(super) readable: bool,
    pub(super) desired: u32,
    /// Everything the tower did since this was last taken, but probing and reading.
    pub(super) done: Vec<Action>,
    pub(super) reads: u32,
    pub(super) probing: bool,
}

impl World {
    pub(super) fn new(settings: &Settings, desired: u32) -> Self {
        let mut world = Self {
            tower: WatchTower::new(settings),
            now: Timestamp::ZERO,
            platform: Platform::Obeys,
            readable: true,
            desired,
            done: Vec::new(),
            reads: 0,
            probing: false,
        };
        world.feed(&Event::Started { replicas: vec![desired] });
        world
    }

    /// One event, its actions, and the platform's answers to them.
    pub(super) fn feed(&mut self, event: &Event) {
        let mut actions = Vec::new();
        self.tower.handle(self.now, event, &mut actions);
        for action in actions {
            match action {
                Action::Probe => {
                    assert!(!self.probing, "a second probe in flight");
                    self.probing = true;
                }
                Action::ReadReplicas { function } => {
                    self.reads += 1;
                    // not the number of ready ones, which is what the tower must not look at
                    let status = self.readable.then_some(ReplicaStatus { desired: self.desired, ready: 77 });
                    self.feed(&Event::Replicas { function, status });
                }
                Action::Scale { function, to, .. } => {
                    self.done.push(action);
                    let result = match self.platform {
                        Platform::Refuses => Err(Refusal::Unreachable("nobody there".to_owned())),
                        Platform::Ignores => Ok(to),
                        Platform::Obeys => {
                            self.desired = to;
                            Ok(to)
                        }
                    };
                    self.feed(&Event::ScaleAnswered { function, result });
                }
                other => self.done.push(other),
            }
        }
    }

    pub(super) fn wake(&mut self) {
        self.now = self.tower.wake_at().unwrap();
        self.feed(&Event::Woken);
    }

    /// Answers the probe in flight when its time is over, then lets time pass until the next one leaves.
    pub(super) fn probe(&mut self, micros: u64, answer: Result<u16, ErrorKind>) {
        assert!(self.probing);
        self.probing = false;
        let outcome = ProbeOutcome { sent: self.now, latency: Duration::from_micros(micros), answer };
        self.now += outcome.latency;
        self.feed(&Event::ProbeDone(outcome));
        while !self.probing {
            self.wake();
        }
    }

    /// Probes of these latencies in milliseconds, and what was made of each.
    pub(super) fn decisions(&mut self, millis: &[f64]) -> Vec<String> {
        for millis in millis {
            self.probe((millis * 1000.0) as u64, Ok(200));
        }
        self.judged().into_iter().map(|row| row.decision.into_owned()).collect()
    }

    pub(super) fn judged(&mut self) -> Vec<ProbeRow> {
        let row = |action| if let Action::Judged(row) = action { Some(row) } else { None };
        std::mem::take(&mut self.done).into_iter().filter_map(row).collect()
    }
}
