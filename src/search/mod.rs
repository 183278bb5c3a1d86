//! A search for settings that are good in two ways at once: a state machine that asks for evaluations and is told results.
//!
//! ```text
//!   design (Latin hypercube + what is known)     \
//!                                                 |--> wave of trials --> seed by seed: ask, tell --> hopeless ones stop
//!   forest (a surrogate) --> candidates by gain  /                                |
//!          ^----------------------------------------------------------------------'
//! ```
//!
//! Knows nothing of autoscalers: a point is a choice of one level per axis, a score two numbers that should be small. The same
//! seed and the same answers give the same questions, however long each answer takes and in whatever order they come in.

mod candidates;
mod design;
mod forest;
pub mod front;
pub mod race;
pub mod sensitivity;
pub mod space;

use std::collections::BTreeSet;

use crate::random::{Purpose, Seed, Stream};

use race::Race;
use space::{Point, Space};

/// What one trial is judged by; both should be small.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// What it costs.
    pub cost: f64,
    /// How much of what was promised it missed.
    pub missed: f64,
}

impl Score {
    /// Both, in this order.
    pub const fn both(self) -> [f64; 2] {
        [self.cost, self.missed]
    }

    /// Whether it is at least as good as another in both ways, and better in one.
    pub fn dominates(self, other: Self) -> bool {
        self.cost <= other.cost && self.missed <= other.missed && self != other
    }

    /// The mean of some; `None` of none.
    pub fn mean(scores: impl IntoIterator<Item = Self>) -> Option<Self> {
        let (count, sum) = scores.into_iter().fold((0_u32, Self::default()), |(count, sum), score| {
            (count + 1, Self { cost: sum.cost + score.cost, missed: sum.missed + score.missed })
        });
        let count = f64::from(count);
        (count > 0.0).then(|| Self { cost: sum.cost / count, missed: sum.missed / count })
    }
}

/// How much is searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Most trials, those that are known beforehand included.
    pub budget: usize,
    /// Seeds a trial is evaluated with if nothing stops it; at least 1.
    pub seeds: u32,
    /// Trials of the first wave; a space of no more points is looked at as a whole.
    pub design: usize,
    /// Trials of every later wave; at least 1.
    pub wave: usize,
    /// The share missed that counts as half of the way from nothing to everything: what is far beyond it is all alike.
    /// 0 if every difference counts the same.
    pub half: f64,
}

impl Extent {
    /// A fifth of the budget for the first look around, the rest in waves that are small enough to learn from and large enough to
    /// keep many cores busy. A space that is no larger than the budget is looked at as a whole.
    pub fn of(budget: usize, seeds: u32, space: &Space, half: f64) -> Self {
        let budget = budget.max(1);
        let wave = (budget / 20).clamp(4, 48);
        let least = (budget / 5).clamp(2 * space.axes().len() + 2, 120).min(budget);
        // no wave is cut short, so that a larger budget can go on from there
        let design = match usize::try_from(space.size()) {
            Ok(size) if size <= budget => size,
            _ => budget - (budget - least) / wave * wave,
        };
        Self { budget, seeds: seeds.max(1), design, wave, half }
    }

    /// The same with a larger budget, as far as whole waves go.
    #[must_use]
    pub fn enlarged(self, budget: usize) -> Self {
        Self {
            budget: self.design.max(self.design + budget.saturating_sub(self.design) / self.wave * self.wave),
            ..self
        }
    }
}

/// Where a trial comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was known before the search.
    Known,
    /// It is one of the first look around, which is spread evenly over the whole space.
    Design,
    /// The search made it of what it had learnt.
    Search,
}

/// What became of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is being evaluated.
    Running,
    /// It was evaluated with every seed.
    Complete,
    /// It was hopeless: another trial was better in both ways by a clear margin.
    Stopped {
        /// That trial.
        by: usize,
    },
}

/// One point that is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Where it is.
    pub point: Point,
    /// Where it comes from.
    pub origin: Origin,
    /// What it scored, by seed.
    pub scores: Vec<Score>,
    /// What became of it.
    pub fate: Fate,
}

impl Trial {
    /// The mean over the seeds so far.
    pub fn mean(&self) -> Option<Score> {
        Score::mean(self.scores.iter().copied())
    }
}

/// A question: how does this trial score with this seed?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which trial, from 0 in the order in which they were begun.
    pub trial: usize,
    /// Which of its seeds, from 0.
    pub seed: u32,
}

/// A search under way.
#[derive(Debug)]
pub struct Search {
    space: Space,
    extent: Extent,
    stream: Stream,
    trials: Vec<Trial>,
    seen: BTreeSet<Point>,
    /// The trials of the wave that are still evaluated, and the seed they are at.
    running: Vec<usize>,
    seed: u32,
    /// What was asked and is not answered.
    asked: Vec<Ask>,
}

impl Search {
    /// Begins with the points that are `known`, each once; they are evaluated with every seed whatever they score.
    pub fn new(space: Space, extent: Extent, known: &[Point], seed: Seed) -> Self {
        let mut search = Self {
            space,
            extent,
            stream: seed.stream(Purpose::Search),
            trials: Vec::new(),
            seen: BTreeSet::new(),
            running: Vec::new(),
            seed: 0,
            asked: Vec::new(),
        };
        for point in known {
            search.begin(point.clone(), Origin::Known);
        }
        let first = search.extent.design.saturating_sub(search.trials.len()).min(search.left());
        let points = if search.space.size() <= search.extent.design as u64 {
            search.space.all().collect()
        } else {
            design::latin_hypercube(&search.space, first, &search.seen, &mut search.stream)
        };
        for point in points {
            search.begin(point, Origin::Design);
        }
        search
    }

    /// Everything that was tried, in order.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// Where it searches.
    pub const fn space(&self) -> &Space {
        &self.space
    }

    /// How much it searches.
    pub const fn extent(&self) -> Extent {
        self.extent
    }

    /// The next questions, which do not depend on each other. None when the search is over.
    ///
    /// Asked again before they are answered, it repeats them.
    pub fn ask(&mut self) -> &[Ask] {
        if self.asked.is_empty() {
            if self.running.is_empty() {
                self.next_wave();
            }
            let seed = self.seed;
            self.asked = self.running.iter().map(|trial| Ask { trial: *trial, seed }).collect();
        }
        &self.asked
    }

    /// Answers all questions of the last [`Search::ask`], in their order.
    ///
    /// # Panics
    /// When there are more or fewer answers than questions, or a number is none: mistakes of the caller.
    pub fn tell(&mut self, scores: &[Score]) {
        assert_eq!(scores.len(), self.asked.len(), "each question has one answer");
        for (ask, score) in std::mem::take(&mut self.asked).into_iter().zip(scores) {
            assert!(score.both().iter().all(|number| number.is_finite()), "a score is two numbers");
            self.trials[ask.trial].scores.push(*score);
        }
        self.seed += 1;
        if self.seed >= self.extent.seeds {
            for trial in std::mem::take(&mut self.running) {
                self.trials[trial].fate = Fate::Complete;
            }
            return;
        }
        let race = Race::of(&self.trials);
        let trials = &mut self.trials;
        self.running.retain(|trial| match race.judge(trials, *trial) {
            Some(by) => {
                trials[*trial].fate = Fate::Stopped { by };
                false
            }
            None => true,
        });
    }

    fn left(&self) -> usize {
        self.extent.budget.saturating_sub(self.trials.len())
    }

    fn begin(&mut self, point: Point, origin: Origin) {
        if self.left() > 0 && self.seen.insert(point.clone()) {
            self.running.push(self.trials.len());
            self.trials.push(Trial { point, origin, scores: Vec::new(), fate: Fate::Running });
        }
    }

    fn next_wave(&mut self) {
        self.seed = 0;
        let wanted = self.extent.wave.min(self.left());
        if wanted > 0 {
            let points =
                candidates::propose(&self.space, &self.trials, &self.seen, wanted, self.extent.half, &mut self.stream);
            for point in points {
                self.begin(point, Origin::Search);
            }
        }
    }
}

#[cfg(test)]
mod laws;
