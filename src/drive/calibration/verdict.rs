//! Whether a measurement is one of such a function at all, and if not, why.
//!
//! Some faults are seen in the measurement itself: answers that are no good ones, two kinds of answers, a pace that changes in the middle of
//! a phase, a throughput that rises for ever. What is left is judged by the distance between measurement and model.

use std::fmt;

use crate::record::Answer;

use super::figures::{Figure, FigureKind};
use super::fit::Fit;
use super::measurement::{Design, Measurement, Phase, Reply};

/// Why a model is none of the measured function.
#[derive(Clone, Debug, PartialEq)]
pub enum Misfit {
    /// No good answer came at all.
    NoAnswer {
        /// The most frequent other answer, and how many there were in all.
        most: Option<(Answer, u64)>,
    },
    /// Some requests were turned away.
    TurnedAway {
        /// The first phase in which that happened, in words.
        phase: String,
        /// The most frequent such answer.
        answer: Answer,
        /// How many, of how many requests of that phase.
        count: u64,
        /// All requests of that phase.
        of: u64,
        /// Whether it happened only when several requests were under way.
        only_parallel: bool,
    },
    /// Answers of two kinds, one much faster than the other.
    TwoKinds {
        /// Median of the faster ones, in milliseconds, and their share.
        fast: (f64, f64),
        /// Median of the slower ones.
        slow_ms: f64,
    },
    /// The pace changed within a phase.
    Unsteady {
        /// Which, in words.
        phase: String,
        /// Mean latency of its first third and of its last, in milliseconds.
        means: (f64, f64),
    },
    /// Answers come faster than the work of a function takes: what was measured is this program and the network.
    TooFast {
        /// Mean latency of a request that is alone, in milliseconds.
        alone_ms: f64,
    },
    /// More parallelism raised the throughput to the end: nothing was found that queues.
    NothingQueues {
        /// Requests at once, at most.
        parallel: u32,
        /// Throughput then, over that with one request at a time.
        gain: f64,
    },
    /// A figure of the best model is far from the measured one.
    Far {
        /// Its phase, in words.
        phase: String,
        /// The figure.
        figure: Figure,
        /// What that may come from.
        hint: &'static str,
    },
}

/// Faster and slower answers are of two kinds if so many times lie between neighbours, with this share on either side.
const KINDS_APART: f64 = 3.0;
const KIND_AT_LEAST: f64 = 0.04;
/// A pace that changes by more than this within a phase is no steady one.
const UNSTEADY: f64 = 0.35;
/// Twice the parallelism gives less than this much more throughput where something queues.
const STILL_RISING: f64 = 0.85;
/// A mean latency in milliseconds below which this program's own sockets are most of it.
const TOO_FAST_MS: f64 = 0.3;
/// How far a model's mean or median may be from the measured one; other figures get twice that.
const FAR: f64 = 0.15;
/// And standard errors.
const FAR_ERRORS: f64 = 5.0;
/// And milliseconds.
const FAR_MS: f64 = 1.0;

/// All that speaks against the measured thing being such a function; `fit` where there is one.
pub fn judge(measurement: &Measurement, fit: Option<&Fit>) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    if measurement.replies() == 0 {
        let all = measurement.phases.iter().flat_map(|phase| &phase.failed);
        let most = all.max_by_key(|(_, count)| **count).map(|(answer, count)| (*answer, *count));
        return vec![Misfit::NoAnswer { most }];
    }
    misfits.extend(turned_away(measurement));
    misfits.extend(two_kinds(measurement));
    misfits.extend(measurement.phases.iter().find_map(unsteady));
    misfits.extend(too_fast(measurement));
    misfits.extend(nothing_queues(measurement));
    misfits.extend(fit.and_then(|fit| far(measurement, fit)));
    misfits
}

fn turned_away(measurement: &Measurement) -> Option<Misfit> {
    let failures = |phase: &&Phase| phase.failures() * 200 > phase.replies.len() as u64;
    let phase = measurement.phases.iter().find(failures)?;
    let (answer, _) = phase.failed.iter().max_by_key(|(_, count)| **count)?;
    let alone_failed = measurement.alone().is_some_and(|alone| alone.failures() > 0);
    Some(Misfit::TurnedAway {
        phase: phase.design.words(),
        answer: *answer,
        count: phase.failures(),
        of: phase.failures() + phase.replies.len() as u64,
        only_parallel: !alone_failed,
    })
}

fn two_kinds(measurement: &Measurement) -> Option<Misfit> {
    let alone = measurement.alone()?;
    let mut latencies: Vec<f64> = alone.replies.iter().map(Reply::latency_ms).collect();
    latencies.sort_by(f64::total_cmp);
    let count = latencies.len();
    let least = ((count as f64 * KIND_AT_LEAST).ceil() as usize).max(2);
    if count < 2 * least || count < 20 {
        return None;
    }
    // where neighbours are furthest apart
    let place = (least..=count - least).max_by(|a, b| {
        let ratio = |place: usize| latencies[place] / latencies[place - 1].max(1e-6);
        ratio(*a).total_cmp(&ratio(*b))
    })?;
    let apart = latencies[place] / latencies[place - 1].max(1e-6);
    (apart > KINDS_APART && latencies[place] - latencies[place - 1] > FAR_MS).then(|| Misfit::TwoKinds {
        fast: (latencies[place / 2], place as f64 / count as f64),
        slow_ms: latencies[usize::midpoint(place, count)],
    })
}

fn unsteady(phase: &Phase) -> Option<Misfit> {
    if matches!(phase.design, Design::Recorded(_)) {
        // the load itself may change
        return None;
    }
    let groups = phase.groups();
    if groups.len() < 9 {
        return None;
    }
    let means: Vec<f64> = groups
        .iter()
        .map(|group| group.iter().map(Reply::latency_ms).sum::<f64>() / group.len().max(1) as f64)
        .collect();
    let third = means.len() / 3;
    let of = |part: &[f64]| {
        let mean = part.iter().sum::<f64>() / part.len() as f64;
        let variance = part.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (part.len() as f64 - 1.0);
        (mean, variance / part.len() as f64)
    };
    let ((first, first_error), (last, last_error)) = (of(&means[..third]), of(&means[means.len() - third..]));
    let away = (first - last).abs();
    let is_unsteady =
        away > UNSTEADY * first.min(last) && away > FAR_MS && away > FAR_ERRORS * (first_error + last_error).sqrt();
    is_unsteady.then(|| Misfit::Unsteady { phase: phase.design.words(), means: (first, last) })
}

fn too_fast(measurement: &Measurement) -> Option<Misfit> {
    let alone_ms = measurement.alone()?.mean_ms()?;
    (alone_ms < TOO_FAST_MS).then_some(Misfit::TooFast { alone_ms })
}

fn nothing_queues(measurement: &Measurement) -> Option<Misfit> {
    let mut levels: Vec<(u32, f64)> = measurement
        .closed()
        .filter_map(|(parallel, phase)| Some((parallel, f64::from(parallel) / phase.mean_ms()?)))
        .collect();
    levels.sort_by_key(|(parallel, _)| *parallel);
    let [(first, alone), .., (before, less), (parallel, most)] = levels.as_slice() else { return None };
    if *first != 1 || most <= less {
        return None;
    }
    let rise = (most / less).ln() / (f64::from(*parallel) / f64::from(*before)).ln();
    (rise > STILL_RISING).then(|| Misfit::NothingQueues { parallel: *parallel, gain: most / alone })
}

fn far(measurement: &Measurement, fit: &Fit) -> Option<Misfit> {
    let mut worst: Option<(f64, Misfit)> = None;
    for phase in &fit.phases {
        for figure in &phase.figures {
            let tolerance = match figure.kind {
                FigureKind::Mean => FAR,
                FigureKind::Percentile(percent) if (25.0..=75.0).contains(&percent) => FAR,
                FigureKind::RankSpread(_) => continue,
                _ => 2.0 * FAR,
            };
            let away = (figure.measured - figure.modelled).abs();
            let allowed = (tolerance * figure.measured).max(FAR_ERRORS * figure.error).max(FAR_MS);
            let excess = away / allowed;
            if excess > 1.0 && worst.as_ref().is_none_or(|(most, _)| excess > *most) {
                let hint = hint(measurement, &phase.design, figure);
                worst = Some((excess, Misfit::Far { phase: phase.design.words(), figure: *figure, hint }));
            }
        }
    }
    worst.map(|(_, misfit)| misfit)
}

/// What a residual may come from, by its phase and sign.
fn hint(measurement: &Measurement, design: &Design, figure: &Figure) -> &'static str {
    let slower = figure.measured > figure.modelled;
    match design {
        Design::Closed { parallel: 1 } if slower => {
            "one at a time it is slower than under load: a cache that fills, a sleeping connection, a processor that saves power"
        }
        Design::Closed { .. } if slower => {
            "it is slowed down under steady load: a rate limit, or a neighbour on its node"
        }
        Design::Bursts { .. } if slower => {
            "bursts are slowed down: a limit on connections, or a platform that starts something for them"
        }
        Design::Recorded(_) if measurement.phases.len() == 1 => {
            "the load was served by something this model does not know: other functions on the node, cold starts, other replicas"
        }
        _ => {
            "answers under load are faster than the work of a lone request allows: a cache, or answers shared among requests"
        }
    }
}

impl fmt::Display for FigureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("the mean"),
            Self::Percentile(percent) => write!(f, "the {percent}th percentile"),
            Self::Rank(rank) => write!(f, "answer {rank} of a burst"),
            Self::RankSpread(rank) => write!(f, "the spread of answer {rank} of a burst"),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |answer: &Answer| match answer {
            Ok(status) => format!("status {status}"),
            Err(kind) => format!("no answer ({kind})"),
        };
        match self {
            Self::NoAnswer { most: None } => f.write_str("nothing was answered"),
            Self::NoAnswer { most: Some((answer, count)) } => write!(
                f,
                "no good answer came, {count} times {} : the time measured would be that of an error page, not of the function's work",
                words(answer)
            ),
            Self::TurnedAway { phase, answer, count, of, only_parallel } => {
                write!(f, "{phase}: {count} of {of} requests ended with {}; ", words(answer))?;
                f.write_str(if *only_parallel {
                    "it turns away what it can't serve at once (a queue limit or a rate limit), where the model lets requests wait"
                } else {
                    "the model has no errors, so it can't be one of this"
                })
            }
            Self::TwoKinds { fast: (fast_ms, share), slow_ms } => write!(
                f,
                "one at a time, {:.0} % of the answers take about {fast_ms:.2} ms and the others about {slow_ms:.2} ms, with nothing between: \
                 a cache that is hit and missed, or two different requests; the model has one kind of work",
                share * 100.0
            ),
            Self::Unsteady { phase, means: (first, last) } => write!(
                f,
                "{phase}: the mean latency goes from {first:.2} ms to {last:.2} ms within the phase, under the same load: \
                 a rate limit that sets in, a cache that fills, or another load beside this one; the model has one pace"
            ),
            Self::TooFast { alone_ms } => write!(
                f,
                "one at a time it answers within {alone_ms:.2} ms, most of which is this program and the network: \
                 a cache, a static page, or an answer of something before the function"
            ),
            Self::NothingQueues { parallel, gain } => write!(
                f,
                "{parallel} requests at once have {gain:.1} times the throughput of one at a time and it still rises, so nothing was found that queues: \
                 a cache, a static page, or a pool with more workers than that"
            ),
            Self::Far { phase, figure, hint } => write!(
                f,
                "{phase}: {} is {:.2} ms, and the nearest model says {:.2} ms ({:+.0} %): {hint}",
                figure.kind,
                figure.measured,
                figure.modelled,
                (figure.modelled / figure.measured - 1.0) * 100.0
            ),
        }
    }
}
