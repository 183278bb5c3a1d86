//! A load that changes over time as levels: what is on in each second, and a load that stays there.

use std::sync::Arc;
use std::time::Duration;

use super::super::plan::Study;
use crate::drive::{GeneratorPlan, SchedulePlan};
use crate::schedule::rate::{Rate, Spacing};
use crate::schedule::shape::Shape;
use crate::time::nanos;

/// Steps from nothing to a load source's highest rate. Between two steps demand is that of the higher one, so it is never put too
/// low, and by at most a twentieth of the highest rate too high.
const STEPS: f64 = 20.0;

/// How long the model is asked about a level.
const STEADY: Duration = Duration::from_secs(60);

/// Over how many seconds a recorded load is averaged: shorter, and a handful of requests would be a rate.
const WINDOW: u64 = 10;

const SECOND: u64 = 1_000_000_000;

/// The level of each load source: 0 while it is silent, 1 while a closed loop is on, and up to [`STEPS`] for an open one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(Vec<u32>);

/// A level with the second from which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) from: u64,
    pub(super) level: Level,
}

/// The levels of a study's load, one after the other; at least one.
pub(super) fn of(study: &Study) -> Vec<Begun> {
    let ends: Vec<Duration> = study.load_durations().collect();
    let seconds = ends.iter().max().map_or(0, |end| nanos(*end).div_ceil(SECOND));
    let sources: Vec<Source> =
        study.generators.iter().zip(ends).map(|(generator, end)| Source::of(generator, end)).collect();
    let mut levels: Vec<Begun> = Vec::new();
    for second in 0..seconds.max(1) {
        let level = Level(sources.iter().map(|source| source.level(second)).collect());
        if levels.last().is_none_or(|last| last.level != level) {
            levels.push(Begun { from: second, level });
        }
    }
    // an answer that is still on its way when a closed loop ends is no level of its own
    if levels.len() > 1 && levels.last().is_some_and(|last| last.from + 1 == seconds) {
        levels.pop();
    }
    levels
}

impl Level {
    /// Requests per second it calls for; `None` where only the answers decide.
    pub(super) fn rate(&self, study: &Study) -> Option<f64> {
        let on = self.0.iter().zip(&study.generators).filter(|(level, _)| **level > 0);
        on.map(|(level, generator)| match &generator.schedule {
            SchedulePlan::Hey(settings) => settings.rate(),
            SchedulePlan::Goose(_) => None,
            SchedulePlan::Rate(..) | SchedulePlan::Trace(..) => Some(rate(generator, *level)),
        })
        .sum()
    }

    /// Load sources that stay at this level.
    pub(super) fn generators(&self, study: &Study) -> Vec<GeneratorPlan> {
        let on = || self.0.iter().zip(&study.generators).filter(|(level, _)| **level > 0);
        let first = on().map(|(_, generator)| generator.start).min().unwrap_or_default();
        let steady = |(level, generator): (&u32, &GeneratorPlan)| {
            let (schedule, start) = match &generator.schedule {
                SchedulePlan::Hey(settings) => {
                    // the bursts of two terminals lie to each other as in the load itself
                    let period = settings.period().map_or(u64::MAX, |period| nanos(period).max(1));
                    let start = Duration::from_nanos(nanos(generator.start.saturating_sub(first)) % period);
                    (SchedulePlan::Hey(settings.lasting(STEADY)), start)
                }
                SchedulePlan::Goose(plan) => (SchedulePlan::Goose(plan.steady(STEADY)), Duration::ZERO),
                SchedulePlan::Rate(rate, bound) => {
                    (SchedulePlan::Rate(constant(generator, *level, rate.spacing)?, *bound), Duration::ZERO)
                }
                SchedulePlan::Trace(_, bound) => {
                    (SchedulePlan::Rate(constant(generator, *level, Spacing::Poisson)?, *bound), Duration::ZERO)
                }
            };
            Some(GeneratorPlan { schedule, start, ..generator.clone() })
        };
        on().filter_map(steady).collect()
    }
}

/// Requests per second of an open load source at a level.
fn rate(generator: &GeneratorPlan, level: u32) -> f64 {
    highest(generator) * f64::from(level) / STEPS
}

fn constant(generator: &GeneratorPlan, level: u32, spacing: Spacing) -> Option<Rate> {
    let shape = Shape::constant(rate(generator, level), STEADY).ok()?;
    Some(Rate { shape: Arc::new(shape), spacing })
}

/// The highest rate of an open load source, averaged where it is recorded.
fn highest(generator: &GeneratorPlan) -> f64 {
    match &generator.schedule {
        SchedulePlan::Hey(settings) => settings.rate().unwrap_or_default(),
        SchedulePlan::Goose(_) => 0.0,
        SchedulePlan::Rate(rate, _) => rate.shape.highest(),
        SchedulePlan::Trace(trace, _) => {
            let windows = 0..nanos(trace.duration()).div_ceil(WINDOW * SECOND);
            windows
                .map(|window| trace.requests_between(window * WINDOW * SECOND, (window + 1) * WINDOW * SECOND))
                .fold(0.0, |highest: f64, requests| highest.max(requests / WINDOW as f64))
        }
    }
}

/// A load source with what is needed to ask for its level often.
struct Source<'a> {
    generator: &'a GeneratorPlan,
    end: Duration,
    highest: f64,
}

impl<'a> Source<'a> {
    fn of(generator: &'a GeneratorPlan, end: Duration) -> Self {
        Self { generator, end, highest: highest(generator) }
    }

    /// Its level in a second of the load, looked at in the middle.
    fn level(&self, second: u64) -> u32 {
        let middle = second * SECOND + SECOND / 2;
        let Some(offset) = middle.checked_sub(nanos(self.generator.start)) else { return 0 };
        let rate = match &self.generator.schedule {
            // one that ends by its count is on for as long as it takes
            SchedulePlan::Hey(settings) => {
                return u32::from(settings.duration().is_none() || middle < nanos(self.end));
            }
            // all its users, from the first one's start
            SchedulePlan::Goose(_) => return u32::from(middle < nanos(self.end)),
            SchedulePlan::Rate(rate, _) => rate.shape.level(offset),
            SchedulePlan::Trace(trace, _) => {
                let window = offset / SECOND / WINDOW * WINDOW * SECOND;
                trace.requests_between(window, window + WINDOW * SECOND) / WINDOW as f64
            }
        };
        // what rounding leaves above a step belongs to it
        if rate > 0.0 { ((rate / self.highest * STEPS - 1e-9).ceil() as u32).max(1) } else { 0 }
    }
}
