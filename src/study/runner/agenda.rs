//! Which run comes next: repeat by repeat, the arms of each in their order, up to a goal that may be put off.

use std::collections::VecDeque;

use crate::study::plan::Study;
use crate::study::results::summary::{RunSummary, StudyRecord};

/// A run to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// Its place in the study's order, from 0.
    pub(super) index: u64,
    /// From 1.
    pub(super) repeat: u32,
    /// Index into the study's arms.
    pub(super) arm: usize,
}

/// The runs of a study in order.
pub(super) struct Agenda<'a> {
    study: &'a Study,
    /// Repeats to make before it is asked whether that is enough.
    goal: u32,
    repeat: u32,
    arms: VecDeque<usize>,
    index: u64,
}

impl<'a> Agenda<'a> {
    pub(super) fn new(study: &'a Study) -> Self {
        let goal = study.until.map_or(study.repeats, |until| until.least.min(until.most));
        Self { study, goal, repeat: 0, arms: VecDeque::new(), index: 0 }
    }

    /// The next run up to the goal.
    pub(super) fn next(&mut self) -> Option<Next> {
        if self.arms.is_empty() && self.repeat < self.goal {
            self.repeat += 1;
            self.arms = self.study.order(self.repeat).into();
        }
        let arm = self.arms.pop_front()?;
        self.index += 1;
        Some(Next { index: self.index - 1, repeat: self.repeat, arm })
    }

    /// Once all runs up to the goal were made: whether more are wanted, by what they show.
    pub(super) fn goes_on(&mut self, record: &StudyRecord, runs: &[RunSummary]) -> bool {
        let next = self.study.until.and_then(|until| until.next(self.goal, record, runs));
        if let Some(goal) = next {
            self.goal = goal;
        }
        next.is_some()
    }
}
