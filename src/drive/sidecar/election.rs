//! Who leads where several sidecars are set on one function and a Lease says which of them: stood for, renewed and lost, pure.
//!
//! ```text
//!   candidate --nobody's, or its holder silent for a whole lease--> holder --fenced--> leads --renewed--+
//!       ^                                                             |                 |  ^-----------+
//!       +------------- somebody else's, or not renewed in time -------+-----------------+
//! ```
//!
//! Whether a holder is silent is seen by watching the Lease for as long as it lasts, never by comparing clocks of two machines (as
//! client-go's leader election does it). A leader counts from when it *sent* its renewal and begins nothing in the last two fifths of
//! the lease, so that what it began last is over before anybody else leads. One that stood still in the middle of a scaling and comes
//! back later is kept out by the fence: whoever takes over first writes on the scaled object, whose version is another one from then on,
//! and a scaling names the version it was decided on.

use std::time::Duration;

use crate::time::Timestamp;

/// The longest an exchange may take, however long the Lease lasts.
const EXCHANGE_MOST: Duration = Duration::from_secs(5);

/// How long a Lease lasts, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long its holder may be silent before it is anybody's.
    pub lasts: Duration,
}

impl Default for Terms {
    /// Fifteen seconds, as client-go's.
    fn default() -> Self {
        Self { lasts: Duration::from_secs(15) }
    }
}

impl Terms {
    /// Between two renewals, and between two looks at somebody else's: 2 s of 15, as client-go's.
    pub fn renew_every(self) -> Duration {
        self.lasts * 2 / 15
    }

    /// How long one exchange about the Lease, or one scaling, may take.
    pub fn exchange(self) -> Duration {
        (self.lasts / 3).min(EXCHANGE_MOST)
    }

    /// For how long after a renewal was sent something may be begun. With [`Terms::exchange`] it stays below the whole by a fifteenth.
    pub fn acts_for(self) -> Duration {
        self.lasts * 3 / 5
    }
}

/// A Lease as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who has it; nobody where it was given back.
    pub holder: Option<String>,
    /// How long its holder may be silent, as the holder says.
    pub lasts: Duration,
    /// Its version: another one after each write.
    pub version: String,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read the Lease.
    Read,
    /// Write it as ours where there was none.
    Create,
    /// Write it as ours over this version and no other.
    Replace(String),
    /// Write on the object that is scaled, so that its version is another one.
    Fence,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The Lease as it is; `None` where there is none.
    Read(Option<Lease>),
    /// It was written, and has this version.
    Written(String),
    /// The object has another version.
    Fenced,
    /// Somebody else was faster.
    Conflict,
    /// Refused or unanswered; whether it was carried out is not known.
    Failed,
}

#[derive(Clone, Debug)]
enum State {
    /// Somebody else's version of the Lease, since when it is known, and how long it lasts.
    Candidate {
        seen: Option<(String, Timestamp)>,
    },
    Holder {
        until: Timestamp,
        version: String,
        is_fenced: bool,
    },
}

/// One who stands for leadership. Has one step under way at a time.
#[derive(Clone, Debug)]
pub struct Election {
    terms: Terms,
    me: String,
    state: State,
    next: Step,
    /// When it is due.
    at: Timestamp,
    is_under_way: bool,
    /// When the last step was begun.
    begun: Timestamp,
}

impl Election {
    /// Stands for it under this name, which nobody else has.
    pub fn new(terms: Terms, me: String) -> Self {
        let state = State::Candidate { seen: None };
        Self { terms, me, state, next: Step::Read, at: Timestamp::ZERO, is_under_way: false, begun: Timestamp::ZERO }
    }

    /// When [`Election::wake`] is due; [`Timestamp::MAX`] while a step is under way.
    pub const fn wake_at(&self) -> Timestamp {
        if self.is_under_way { Timestamp::MAX } else { self.at }
    }

    /// Begins what is due.
    pub fn wake(&mut self, now: Timestamp) -> Option<Step> {
        if self.is_under_way || now < self.at {
            return None;
        }
        if matches!(self.state, State::Holder { until, .. } if until <= now) {
            // not renewed in time: from here on a candidate like any other
            (self.state, self.next) = (State::Candidate { seen: None }, Step::Read);
        }
        (self.is_under_way, self.begun) = (true, now);
        Some(self.next.clone())
    }

    /// Takes what became of the step that was begun.
    pub fn bring(&mut self, now: Timestamp, outcome: Outcome) {
        self.is_under_way = false;
        let (next, at) = match outcome {
            Outcome::Read(None) => {
                self.state = State::Candidate { seen: None };
                (Step::Create, now)
            }
            Outcome::Read(Some(lease)) => self.read(now, lease),
            Outcome::Written(version) => {
                let is_fenced = matches!(self.state, State::Holder { is_fenced: true, .. });
                let until = self.begun + self.terms.acts_for();
                self.state = State::Holder { until, version: version.clone(), is_fenced };
                if is_fenced {
                    (Step::Replace(version), self.begun + self.terms.renew_every())
                } else {
                    (Step::Fence, now)
                }
            }
            Outcome::Fenced => match &mut self.state {
                State::Holder { version, is_fenced, .. } => {
                    *is_fenced = true;
                    (Step::Replace(version.clone()), self.begun + self.terms.renew_every())
                }
                State::Candidate { .. } => (Step::Read, now),
            },
            // whoever always loses is not to be a burden
            Outcome::Conflict => (Step::Read, now + self.terms.renew_every() / 8),
            Outcome::Failed => (Step::Read, now + self.terms.renew_every()),
        };
        (self.next, self.at) = (next, at);
    }

    fn read(&mut self, now: Timestamp, lease: Lease) -> (Step, Timestamp) {
        let Lease { holder, lasts, version } = lease;
        match holder {
            Some(holder) if holder == self.me => (Step::Replace(version), now),
            None => {
                self.state = State::Candidate { seen: None };
                (Step::Replace(version), now)
            }
            Some(_) => {
                let since = match &self.state {
                    State::Candidate { seen: Some((seen, since)) } if *seen == version => *since,
                    _ => now,
                };
                self.state = State::Candidate { seen: Some((version.clone(), since)) };
                let over = since + lasts;
                if over <= now {
                    (Step::Replace(version), now)
                } else {
                    (Step::Read, (now + self.terms.renew_every()).min(over))
                }
            }
        }
    }

    /// Until when it may begin something, as long as nothing else is told; `None` while it does not lead. May have passed.
    pub const fn leads_until(&self) -> Option<Timestamp> {
        match self.state {
            State::Holder { until, is_fenced: true, .. } => Some(until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { lasts: Duration::from_secs(15) };

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn held(holder: &str, version: &str) -> Outcome {
        let holder = Some(holder.to_owned()).filter(|holder| !holder.is_empty());
        Outcome::Read(Some(Lease { holder, lasts: TERMS.lasts, version: version.to_owned() }))
    }

    fn written(version: &str) -> Outcome {
        Outcome::Written(version.to_owned())
    }

    /// Does steps one after another, each answered so many milliseconds after it was begun; what was begun when.
    fn course(election: &mut Election, answers: &[(u64, Outcome)]) -> Vec<(Timestamp, Step)> {
        let mut now = election.wake_at();
        let mut steps = Vec::new();
        for (after, outcome) in answers {
            now = now.max(election.wake_at());
            steps.push((now, election.wake(now).expect("it is due")));
            assert_eq!((election.wake(now), election.wake_at()), (None, Timestamp::MAX), "one at a time");
            now += Duration::from_millis(*after);
            election.bring(now, outcome.clone());
        }
        steps
    }

    #[test]
    fn who_finds_none_makes_one_fences_and_leads_for_nine_of_its_fifteen_seconds_from_when_it_asked() {
        let mut election = Election::new(TERMS, "a".to_owned());
        let steps = course(&mut election, &[(10, Outcome::Read(None)), (300, written("1")), (10, Outcome::Fenced)]);
        assert_eq!(steps, [(at(0), Step::Read), (at(10), Step::Create), (at(310), Step::Fence)]);
        assert_eq!(election.leads_until(), Some(at(9_010)));
        // and renews over the version it knows, without reading
        let steps = course(&mut election, &[(10, written("2"))]);
        assert_eq!(steps, [(at(2_310), Step::Replace("1".to_owned()))]);
        assert_eq!(election.leads_until(), Some(at(11_310)));
    }

    #[test]
    fn nobody_leads_before_the_fence_stands() {
        let mut election = Election::new(TERMS, "a".to_owned());
        course(&mut election, &[(10, Outcome::Read(None)), (10, written("1"))]);
        assert_eq!(election.leads_until(), None);
        let steps = course(&mut election, &[(10, Outcome::Failed), (10, held("a", "1")), (10, written("2"))]);
        assert_eq!(
            steps.iter().map(|(_, step)| step.clone()).collect::<Vec<_>>(),
            [Step::Fence, Step::Read, Step::Replace("1".to_owned())]
        );
        assert_eq!(election.leads_until(), None);
        course(&mut election, &[(10, Outcome::Fenced)]);
        assert!(election.leads_until().is_some());
    }

    #[test]
    fn another_ones_lease_is_taken_after_it_was_silent_for_as_long_as_it_says() {
        let mut election = Election::new(TERMS, "b".to_owned());
        let mut begun = Vec::new();
        let mut now = Timestamp::ZERO;
        // renewed once after five seconds, and never again
        loop {
            now = now.max(election.wake_at());
            let step = election.wake(now).expect("it is due");
            if step != Step::Read {
                begun.push((now, step));
                break;
            }
            election.bring(now, held("a", if now < at(5_000) { "1" } else { "2" }));
        }
        assert_eq!(begun, [(at(21_000), Step::Replace("2".to_owned()))]);
        // its holder was faster after all
        election.bring(now, Outcome::Conflict);
        assert_eq!(course(&mut election, &[(0, held("a", "3"))]), [(at(21_250), Step::Read)]);
        assert_eq!(election.leads_until(), None);
    }

    #[test]
    fn what_was_given_back_is_taken_at_once() {
        let mut election = Election::new(TERMS, "b".to_owned());
        let steps = course(&mut election, &[(10, held("", "7")), (10, written("8")), (10, Outcome::Fenced)]);
        assert_eq!(steps[1], (at(10), Step::Replace("7".to_owned())));
        assert!(election.leads_until().is_some());
    }

    #[test]
    fn a_leader_that_can_not_renew_stops_before_the_lease_ends_and_one_whose_lease_was_taken_stops_at_once() {
        let mut election = Election::new(TERMS, "a".to_owned());
        course(&mut election, &[(0, Outcome::Read(None)), (0, written("1")), (0, Outcome::Fenced)]);
        let lost: Vec<(u64, Outcome)> = vec![(100, Outcome::Failed); 6];
        course(&mut election, &lost);
        // the end of its leadership is the same however often it tried
        assert!(election.leads_until().is_none_or(|until| until == at(9_000)));
        let mut other = Election::new(TERMS, "a".to_owned());
        course(&mut other, &[(0, Outcome::Read(None)), (0, written("1")), (0, Outcome::Fenced)]);
        course(&mut other, &[(0, Outcome::Conflict), (0, held("b", "2"))]);
        assert_eq!(other.leads_until(), None);
    }

    #[test]
    fn what_a_leader_began_last_is_over_before_anybody_else_may_lead() {
        for lasts in [Duration::from_secs(2), Duration::from_secs(15), Duration::from_secs(600)] {
            let terms = Terms { lasts };
            assert!(terms.acts_for() + terms.exchange() < lasts);
            // and two renewals may fail
            assert!(3 * terms.renew_every() < terms.acts_for());
        }
    }
}
