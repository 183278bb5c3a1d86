//! What to try next: points near the front, children of good points and a few from anywhere, of which those are taken that a
//! surrogate thinks would add most to the front; and some children it isn't asked about.
//!
//! The gain is counted from an optimistic guess (mean less some spreads), with some points of a wave bolder than others. A point
//! once chosen counts as if it had scored its guess, so that a wave does not try the same idea many times.

use std::collections::BTreeSet;

use rand::RngExt;

use super::forest::{Forest, Guess};
use super::front::{front, gain};
use super::race::Race;
use super::space::{Point, Space};
use super::{Fate, Score, Trial};
use crate::random::Stream;

/// A space of so many points is looked through as a whole.
const WHOLE: u64 = 4_096;

/// Children and points from anywhere, where it isn't.
const CHILDREN: usize = 400;
const ANYWHERE: usize = 150;

/// How many spreads below the mean a guess is taken, one point of a wave after the other.
const BOLDNESS: [f64; 6] = [0.5, 1.0, 0.0, 2.0, 0.5, 4.0];

/// How much longer than the front an axis is, so that it pays to go on beyond the ends of the front.
const BEYOND: f64 = 0.5;

/// One point in so many of a wave is a child of the front whatever the surrogate thinks of it, which may be wrong.
const UNSEEN_EVERY: usize = 4;

/// Points to try, none of them `seen`, the most promising first; fewer than `wanted` only if there are no more.
pub(super) fn propose(
    space: &Space,
    trials: &[Trial],
    seen: &BTreeSet<Point>,
    wanted: usize,
    half: f64,
    stream: &mut Stream,
) -> Vec<Point> {
    let race = Race::of(trials);
    let known: Vec<(&Trial, Score)> =
        trials.iter().filter_map(|trial| Some((trial, bent(race.adjusted(trial)?, half)))).collect();
    let complete: Vec<(&Trial, Score)> =
        known.iter().filter(|(trial, _)| trial.fate == Fate::Complete).copied().collect();
    let scores: Vec<Score> = complete.iter().map(|(_, score)| *score).collect();
    let on_front = front(&scores);
    let parents: Vec<&Point> = on_front.iter().map(|index| &complete[*index].0.point).collect();
    let pool = pool(space, seen, &parents, trials, stream);

    let places: Vec<Vec<f64>> = known.iter().map(|(trial, _)| space.place(&trial.point)).collect();
    let column = |of: fn(&Score) -> f64| known.iter().map(|(_, score)| of(score)).collect::<Vec<_>>();
    let cost = Forest::grow(&places, &column(|score| score.cost), stream);
    let missed = Forest::grow(&places, &column(|score| score.missed), stream);
    let mut guesses: Vec<(Point, Guess, Guess)> = pool
        .into_iter()
        .map(|point| {
            let place = space.place(&point);
            let (cost, missed) = (cost.guess(&place), missed.guess(&place));
            (point, cost, missed)
        })
        .collect();

    let worst = worst(&on_front.iter().map(|index| scores[*index]).collect::<Vec<_>>(), &scores);
    let mut reached: Vec<Score> = on_front.iter().map(|index| scores[*index]).collect();
    let mut chosen = Vec::with_capacity(wanted);
    while chosen.len() < wanted && !guesses.is_empty() {
        if chosen.len() % UNSEEN_EVERY == UNSEEN_EVERY - 1 {
            let (one, other) = (parents[draw(parents.len(), stream)], parents[draw(parents.len(), stream)]);
            let child = space.child(one, other, stream);
            if !seen.contains(&child) && !chosen.contains(&child) {
                guesses.retain(|(point, ..)| *point != child);
                chosen.push(child);
                continue;
            }
        }
        let bold = BOLDNESS[chosen.len() % BOLDNESS.len()];
        let value = |(_, cost, missed): &(Point, Guess, Guess)| {
            let guess = Score { cost: cost.mean - bold * cost.spread, missed: missed.mean - bold * missed.spread };
            let gain = gain(guess, &reached, worst);
            // what gains nothing is ranked by how far it is from gaining
            if gain > 0.0 { gain } else { -behind(guess, &reached, worst) }
        };
        let values: Vec<f64> = guesses.iter().map(value).collect();
        let Some(best) = (0..values.len()).max_by(|a, b| values[*a].total_cmp(&values[*b]).then(b.cmp(a))) else {
            break;
        };
        let (point, cost, missed) = guesses.swap_remove(best);
        reached.push(Score { cost: cost.mean, missed: missed.mean });
        let on_it = front(&reached);
        reached = on_it.into_iter().map(|index| reached[index]).collect();
        chosen.push(point);
    }
    chosen
}

/// A score in which what is missed beyond `half` counts less and less.
fn bent(score: Score, half: f64) -> Score {
    if half > 0.0 && score.missed > 0.0 {
        Score { missed: score.missed / (score.missed + half), ..score }
    } else {
        score
    }
}

/// The corner that a front's area is counted from: a little worse than the front's worst in each way.
fn worst(on_front: &[Score], all: &[Score]) -> Score {
    let beyond = |of: fn(&Score) -> f64| {
        let range = |scores: &[Score]| {
            scores
                .iter()
                .map(of)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(value), max.max(value)))
        };
        let (mut min, max) = range(on_front);
        let mut length = max - min;
        if length <= 0.0 {
            // a front of one point is as long as everything that is known
            let most = range(all);
            (min, length) = (most.0, most.1 - most.0);
        }
        let least = if length > 0.0 { length } else { min.abs().max(1.0) };
        max + BEYOND * least
    };
    Score { cost: beyond(|score| score.cost), missed: beyond(|score| score.missed) }
}

/// How far a guess is from adding anything, as a share of the axes.
fn behind(guess: Score, reached: &[Score], worst: Score) -> f64 {
    let scale = |value: f64| if value.abs() > 0.0 { value.abs() } else { 1.0 };
    let distance = |score: &Score| {
        ((guess.cost - score.cost) / scale(worst.cost)).min((guess.missed - score.missed) / scale(worst.missed))
    };
    reached.iter().map(distance).fold(0.0, f64::max)
        + ((guess.cost - worst.cost) / scale(worst.cost))
            .max((guess.missed - worst.missed) / scale(worst.missed))
            .max(0.0)
}

/// Points to choose from, each once, in order.
fn pool(
    space: &Space,
    seen: &BTreeSet<Point>,
    parents: &[&Point],
    trials: &[Trial],
    stream: &mut Stream,
) -> Vec<Point> {
    if space.size() <= WHOLE {
        return space.all().filter(|point| !seen.contains(point)).collect();
    }
    let mut pool: BTreeSet<Point> = BTreeSet::new();
    for parent in parents {
        pool.extend(space.neighbours(parent, 2));
    }
    for _ in 0..CHILDREN {
        let one = parents[draw(parents.len(), stream)];
        // now and then the other parent is one that is not on the front
        let is_good = stream.random::<f64>() < 0.7;
        let other =
            if is_good { parents[draw(parents.len(), stream)] } else { &trials[draw(trials.len(), stream)].point };
        pool.insert(space.child(one, other, stream));
    }
    for _ in 0..ANYWHERE {
        pool.insert(space.random(stream));
    }
    pool.into_iter().filter(|point| !seen.contains(point)).collect()
}

/// An index below `count`, which is at least 1: where something was tried, something is on the front.
fn draw(count: usize, stream: &mut Stream) -> usize {
    stream.random_range(0..count)
}
