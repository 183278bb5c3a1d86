//! User journeys: users who walk through a list of requests, think between them, and begin again.
//!
//! ```text
//!   user 0   |[first]--think--[second]-think-[first]---...       a closed loop: the next request is due when the last one
//!   user 1   |      [first]----think----[second]---...           was answered and the user has thought about it
//!             <ramp>
//! ```
//!
//! Order and assignment are those of goose 0.19 (`allocate_transactions` and `weight_scenario_users` in its `lib.rs`, with its
//! default round-robin scheduler), so that the live driver, where goose itself walks, and virtual time see the same requests.
//! How long users think is drawn here, from the run's seed, for both.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;

use crate::random::{Purpose, Seed, Stream};
use crate::record::{Lost, WorkerId};
use crate::time::{Timestamp, nanos};

use super::share::Share;
use super::{Call, Next, Schedule, StepId, Turn};

/// How long a user thinks after an answer: any time in between, all as likely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Think {
    /// At least.
    pub min: Duration,
    /// At most.
    pub max: Duration,
}

impl Think {
    fn draw(self, stream: &mut Stream) -> Duration {
        let (min, max) = (nanos(self.min), nanos(self.max.max(self.min)));
        if min == max { self.min } else { Duration::from_nanos(stream.random_range(min..=max)) }
    }

    /// The mean of it.
    pub fn mean(self) -> Duration {
        (self.min.saturating_add(self.max)) / 2
    }
}

/// One request of a journey, as far as time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How often it comes in a round, against the other steps; at least 1.
    pub weight: u32,
    /// What follows its answer.
    pub think: Think,
}

/// What some of the users do over and over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// How many of the users take it, against the other journeys; at least 1.
    pub weight: u32,
    /// Its requests; at least one.
    pub steps: Vec<Step>,
}

/// When users have done enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// This long after the last of them started.
    After(Duration),
    /// When each has walked its journey this often.
    Rounds(u64),
}

/// Users and their journeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many users; at least 1.
    pub users: u32,
    /// User k of n starts at k/n of this.
    pub ramp: Duration,
    /// When they stop.
    pub ends: Ends,
    /// What they do; at least one.
    pub journeys: Vec<Journey>,
}

impl Settings {
    /// The journey of each user, in the order in which they start. goose deals users out in turn and takes them from the end.
    pub fn assignment(&self) -> Vec<usize> {
        let dealt = deal(&self.journeys.iter().map(|journey| journey.weight).collect::<Vec<_>>());
        (0..self.users as usize).rev().map(|place| dealt[place % dealt.len()]).collect()
    }

    /// The steps of one round of a journey, in order.
    fn round(&self, journey: usize) -> Vec<usize> {
        deal(&self.journeys[journey].steps.iter().map(|step| step.weight).collect::<Vec<_>>())
    }

    /// Requests in all; `None` if the answers decide.
    pub fn planned(&self) -> Option<u64> {
        let Ends::Rounds(rounds) = self.ends else { return None };
        let lengths: Vec<u64> = (0..self.journeys.len()).map(|journey| self.round(journey).len() as u64).collect();
        let of_all: u64 = self.assignment().into_iter().map(|journey| lengths[journey]).sum();
        Some(of_all.saturating_mul(rounds))
    }

    /// From the first user's start to the last one's end, an answer taking `alone`: an estimate where the answers decide.
    pub fn duration(&self, alone: Duration) -> Duration {
        let busy = match self.ends {
            Ends::After(duration) => duration,
            Ends::Rounds(rounds) => {
                let length = |journey: usize| {
                    let steps = &self.journeys[journey].steps;
                    let round = self.round(journey);
                    let thought: f64 = round.iter().map(|step| steps[*step].think.mean().as_secs_f64()).sum();
                    (thought + alone.as_secs_f64() * round.len() as f64) * rounds as f64
                };
                let longest = (0..self.journeys.len()).map(length).fold(0.0, f64::max);
                // longer than what a duration holds: refused by the resolver
                Duration::try_from_secs_f64(longest).unwrap_or(Duration::MAX)
            }
        };
        self.ramp.saturating_add(busy)
    }

    fn ends_at(&self, start: Timestamp) -> Timestamp {
        match self.ends {
            Ends::After(duration) => start + self.ramp.saturating_add(duration),
            Ends::Rounds(_) => Timestamp::MAX,
        }
    }
}

/// Things dealt out in turn until each was dealt as often as its weight says, weights divided by what they share:
/// 3 and 1 give 0 1 0 0, 2 and 2 give 0 1.
fn deal(weights: &[u32]) -> Vec<usize> {
    let shared = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
    let mut left: Vec<u32> = weights.iter().map(|weight| weight / shared).collect();
    let mut dealt = Vec::with_capacity(left.iter().map(|weight| *weight as usize).sum());
    while left.iter().any(|weight| *weight > 0) {
        for (thing, weight) in left.iter_mut().enumerate().filter(|(_, weight)| **weight > 0) {
            *weight -= 1;
            dealt.push(thing);
        }
    }
    dealt
}

fn greatest_common_divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

/// The schedule of users on their journeys. A worker is a user.
#[derive(Clone, Debug)]
pub struct Journeys {
    settings: Arc<Settings>,
    start: Timestamp,
    stop: Timestamp,
    /// The steps of a round of each journey, by their number among all steps of the load, with what follows each.
    rounds: Vec<Vec<(StepId, Think)>>,
    /// Of a share its own only.
    users: Vec<User>,
    share: Share,
}

#[derive(Clone, Debug)]
struct User {
    journey: usize,
    luck: Stream,
    /// Requests handed out.
    called: u64,
    /// The last of them.
    step: StepId,
    /// How long it will think after it.
    pause: Duration,
}

impl Journeys {
    /// Users of one load of a run who start from `start` on.
    pub fn new(settings: Arc<Settings>, start: Timestamp, seed: Seed, generator: u64) -> Self {
        let mut first = 0;
        let mut rounds = Vec::with_capacity(settings.journeys.len());
        for (index, journey) in settings.journeys.iter().enumerate() {
            let step = |step: usize| (StepId(first + step as u32), journey.steps[step].think);
            rounds.push(settings.round(index).into_iter().map(step).collect());
            first += journey.steps.len() as u32;
        }
        let user = |(number, journey): (u64, usize)| User {
            journey,
            luck: seed.stream_of(Purpose::Thinking, generator << 32 | number),
            called: 0,
            step: StepId::default(),
            pause: Duration::ZERO,
        };
        let users = (0..).zip(settings.assignment()).map(user).collect();
        Self { settings, start, stop: Timestamp::MAX, rounds, users, share: Share::WHOLE }
    }

    /// What is left of it for one of several machines.
    #[must_use]
    pub fn share(mut self, share: Share) -> Self {
        let mut number = 0..;
        self.users.retain(|_| number.next().is_some_and(|number| share.has(number)));
        Self { share, ..self }
    }

    /// Requests of a user in all, if rounds are counted.
    fn quota(&self, user: &User) -> Option<u64> {
        match self.settings.ends {
            Ends::Rounds(rounds) => Some(rounds.saturating_mul(self.rounds[user.journey].len() as u64)),
            Ends::After(_) => None,
        }
    }

    /// When a user makes its first request.
    fn starts(&self, worker: WorkerId) -> Timestamp {
        let number = self.share.nth(worker.0.into());
        let ramp = u128::from(nanos(self.settings.ramp)) * u128::from(number) / u128::from(self.settings.users);
        self.start + Duration::from_nanos(ramp as u64)
    }
}

impl Schedule for Journeys {
    fn boxed_clone(&self) -> Box<dyn Schedule> {
        Box::new(self.clone())
    }

    fn workers(&self) -> u32 {
        self.users.len() as u32
    }

    fn number(&self, worker: WorkerId) -> WorkerId {
        WorkerId(self.share.nth(worker.0.into()) as u32)
    }

    fn start(&self) -> Timestamp {
        self.start
    }

    fn next(&mut self, worker: WorkerId, turn: Turn) -> Next {
        let user = &self.users[worker.0 as usize];
        let due = if user.called == 0 { self.starts(worker) } else { turn.free + user.pause };
        let quota = self.quota(user);
        let is_over = quota == Some(user.called) || due >= self.settings.ends_at(self.start) || turn.free >= self.stop;
        if is_over {
            // a user who is asked again has nothing left over a second time
            let unused = quota.map_or(0, |quota| quota - user.called);
            let user = &mut self.users[worker.0 as usize];
            user.called = quota.unwrap_or(user.called);
            return Next::Finished { lost: Lost::default(), unused };
        }
        let round = &self.rounds[user.journey];
        let (step, think) = round[(user.called % round.len() as u64) as usize];
        let user = &mut self.users[worker.0 as usize];
        user.called += 1;
        user.step = step;
        user.pause = think.draw(&mut user.luck);
        // a user who is there late is so because its generator was
        Next::Call(Call { due, ready: due, lost: Lost::default() })
    }

    fn step(&self, worker: WorkerId) -> StepId {
        self.users[worker.0 as usize].step
    }

    fn stop(&mut self, at: Timestamp) {
        self.stop = self.stop.min(at);
    }

    fn planned(&self) -> Option<u64> {
        self.users.iter().map(|user| self.quota(user)).sum()
    }

    fn planned_before(&self, _at: Timestamp) -> Option<u64> {
        None
    }

    fn period(&self) -> Option<Duration> {
        None
    }

    fn last_due(&self) -> Option<Timestamp> {
        None
    }
}

#[cfg(test)]
mod laws;
