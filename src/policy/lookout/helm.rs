//! When a wish is acted upon: up at once, down with patience, and never to and fro.
//!
//! ```text
//!   up      whenever more are needed
//!   down    to the highest need of the hold, or since the load changed; long after the last change of direction; not to a count that
//!           was too few
//! ```
//!
//! No minute sees more than two changes of direction: a way down waits until the last change is long past, and the way up after it, should
//! it be needed so soon, for the little that is left of that minute. The first way up of all changes no direction.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::time::Timestamp;

/// Between a change of direction and the next one downwards.
const CALM: Duration = Duration::from_secs(50);
/// So long sees no more than two changes of direction.
const MINUTE: Duration = Duration::from_secs(60);
/// How long a count that was too few is remembered.
const REMEMBERED: Duration = Duration::from_secs(600);
/// It may be enough at a rate this much below the one it failed at.
const EASED: f64 = 0.9;
/// After a refusal: the first pause, and the longest.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// An answer that is not there after this long is lost.
const LOST: Duration = Duration::from_secs(30);

/// A scaling that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    at: Timestamp,
    from: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

#[derive(Debug)]
pub(super) struct Helm {
    hold: Duration,
    /// Needs of the hold, with their times.
    needs: VecDeque<(Timestamp, u32)>,
    way: Option<Way>,
    /// The last two changes of direction, the last one first.
    turned: [Option<Timestamp>; 2],
    /// Counts that were too few: when, and at which rate.
    too_few: BTreeMap<u32, (Timestamp, f64)>,
    asked: Option<Asked>,
    /// After a refusal nothing is asked before this time, and the pause after the next one.
    rests: Option<Timestamp>,
    pause: Duration,
}

impl Helm {
    pub(super) fn new(hold: Duration) -> Self {
        Self {
            hold,
            needs: VecDeque::new(),
            way: None,
            turned: [None; 2],
            too_few: BTreeMap::new(),
            asked: None,
            rests: None,
            pause: PAUSE,
        }
    }

    /// So many are needed to stay as calm as it is, and what was needed before `valid` tells nothing of that.
    pub(super) fn needs(&mut self, now: Timestamp, replicas: u32, valid: Duration) {
        self.needs.push_back((now, replicas));
        let longest = self.hold.min(valid);
        self.needs.retain(|(at, _)| now.since(*at) <= longest);
    }

    /// What was needed until now is needed no more.
    pub(super) fn forget(&mut self) {
        self.needs.clear();
        self.too_few.clear();
    }

    /// This count was too few at this rate.
    pub(super) fn was_too_few(&mut self, now: Timestamp, replicas: u32, rate: f64) {
        let entry = self.too_few.entry(replicas).or_insert((now, rate));
        *entry = (now, entry.1.min(rate));
    }

    /// Whether anything may be asked for now.
    pub(super) fn is_free(&mut self, now: Timestamp) -> bool {
        self.asked = self.asked.filter(|asked| now.since(asked.at) < LOST);
        self.asked.is_none() && self.rests.is_none_or(|until| now >= until)
    }

    /// Whether it may go up now; a third change of direction within a minute waits.
    pub(super) fn may_go_up(&self, now: Timestamp) -> bool {
        self.way == Some(Way::Up) || self.may_turn(now)
    }

    fn may_turn(&self, now: Timestamp) -> bool {
        self.turned[1].is_none_or(|turned| now.since(turned) >= MINUTE)
    }

    /// How far down it may go from `desired` at this rate; `desired` if not at all.
    pub(super) fn lowest(&mut self, now: Timestamp, desired: u32, rate: f64) -> u32 {
        let is_soon = self.turned[0].is_some_and(|turned| now.since(turned) < CALM);
        if self.way != Some(Way::Down) && (is_soon || !self.may_turn(now)) {
            return desired;
        }
        self.too_few.retain(|_, (at, _)| now.since(*at) <= REMEMBERED);
        let Some(highest) = self.needs.iter().map(|(_, replicas)| *replicas).max() else { return desired };
        let failed = |replicas: &u32| self.too_few.get(replicas).is_some_and(|(_, failed)| rate > EASED * failed);
        (highest..desired).find(|replicas| !failed(replicas)).unwrap_or(desired)
    }

    /// It was asked for.
    pub(super) fn asks(&mut self, now: Timestamp, from: u32) {
        self.asked = Some(Asked { at: now, from });
    }

    /// It was accepted as so many, or refused. Whether there will be more than there were.
    pub(super) fn answered(&mut self, now: Timestamp, accepted: Option<u32>) -> bool {
        let asked = self.asked.take();
        let Some(accepted) = accepted else {
            self.rests = Some(now + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            return false;
        };
        (self.rests, self.pause) = (None, PAUSE);
        let Some(from) = asked.map(|asked| asked.from).filter(|from| *from != accepted) else { return false };
        let way = if accepted > from { Way::Up } else { Way::Down };
        if self.way.replace(way).is_some_and(|before| before != way) {
            self.turned = [Some(now), self.turned[0]];
        }
        way == Way::Up
    }
}
