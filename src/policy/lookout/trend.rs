//! How fast requests arrive at this moment, and whether that grows, steps or jumps; what chance explains is none of these.
//!
//! ```text
//!   window    the longest one that no shorter one contradicts, and of it what came after a step
//!   slope     between the halves of the window, shrunk by what chance may make of it
//! ```
//!
//! Counts of independent requests stray by their square root (Poisson); that is the measure of chance everywhere here.

use std::time::Duration;

use super::book::{Book, Flow, LONGEST, SLACK};

/// Shorter windows, in milliseconds.
const SHORTER: [u64; 7] = [32_000, 16_000, 8_000, 4_000, 2_000, 1_000, 500];
/// A shorter window contradicts a longer one if its count is so many standard deviations off.
const CONTRADICTS: f64 = 5.0;
/// A slope counts as far as it exceeds so many of its standard deviations (shrunk as James and Stein do, 1961).
const SLOPE_STRAYS: f64 = 1.5;
/// No slope is told of a shorter window, in seconds.
const SLOPE_FROM: f64 = 15.0;
/// A step is most of the change of a window between two of its quarters, and so many standard deviations of it.
const STEP_SHARE: f64 = 0.75;
const STEP_STRAYS: f64 = 3.0;
/// A jump is seen between two rates over this long each, as far as it exceeds so many of its standard deviations.
const JUMP: Duration = Duration::from_secs(3);
const JUMP_STRAYS: f64 = 3.0;
/// With fewer requests before it, a load has begun, not jumped.
const BEGUN: f64 = 3.0;
/// A rate is steady if it has been there for so long and will not change by more than this part within as long again.
const STEADY: Duration = Duration::from_secs(32);
const STEADY_PART: f64 = 0.1;

/// The rate of arrivals at the last reading, and how it changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    /// Requests per second.
    pub(super) now: f64,
    /// By how much that grows in a second, as far as it is no chance.
    pub(super) slope: f64,
    /// Standard deviation of the rate, as far as it is chance that independent requests come when they do.
    pub(super) stray: f64,
    /// For how long it has been so, as far as that can be told.
    pub(super) since: Duration,
}

impl Rate {
    /// Nobody comes.
    const NONE: Self = Self { now: 0.0, slope: 0.0, stray: 0.0, since: Duration::ZERO };

    /// What it may be `secs` from now, if it goes on growing, or turns as fast as it falls; no more than can be told.
    pub(super) fn ahead(&self, secs: f64) -> f64 {
        (self.now - self.stray).max(0.0) + self.slope.abs() * secs
    }

    /// What it is at most, as far as that can be told.
    pub(super) fn at_most(&self) -> f64 {
        self.now + self.stray
    }

    /// Whether it has been the same for long.
    pub(super) fn is_steady(&self) -> bool {
        self.since + SLACK >= STEADY && self.slope.abs() * STEADY.as_secs_f64() <= STEADY_PART * self.now
    }
}

impl Book {
    /// The rate of arrivals; `None` with a single reading.
    pub(super) fn rate(&self) -> Option<Rate> {
        if self.is_silent() {
            return Some(Rate::NONE);
        }
        let mut flow = self.flow(LONGEST)?;
        for millis in SHORTER {
            let shorter = self.flow(Duration::from_millis(millis))?;
            let expected = flow.arrivals * shorter.secs;
            if (shorter.arrivals * shorter.secs - expected).abs() > CONTRADICTS * expected.sqrt() + 1.0 {
                flow = shorter;
            }
        }
        let flow = self.since_step(flow.secs).unwrap_or(flow);
        let slope = self.slope(flow.secs).unwrap_or(0.0);
        let now = (flow.arrivals + slope * flow.secs / 2.0).max(0.0);
        let since = Duration::from_secs_f64(flow.secs);
        Some(Rate { now, slope, stray: (now / flow.secs).sqrt(), since })
    }

    /// What came since the first step in the last `secs`; `None` without one. A trend changes by as much in each quarter.
    fn since_step(&self, secs: f64) -> Option<Flow> {
        let end = self.end()?;
        let place = |part: f64| self.place(Duration::from_secs_f64(secs * part));
        let places = [place(1.0)?, place(0.75)?, place(0.5)?, place(0.25)?, end];
        let quarter = |at: usize| self.between(places[at], places[at + 1]);
        let quarters = [quarter(0)?, quarter(1)?, quarter(2)?, quarter(3)?];
        let whole = quarters[3].arrivals - quarters[0].arrivals;
        let step = quarters.windows(2).position(|pair| {
            let change = pair[1].arrivals - pair[0].arrivals;
            let is_most = change * whole > 0.0 && change.abs() > STEP_SHARE * whole.abs();
            is_most && change.abs() > STEP_STRAYS * deviation(&pair[0], &pair[1])
        })?;
        self.between(places[step + 1], end)
    }

    /// How much the rate grew in a second over the last `secs`, as far as chance doesn't explain it.
    fn slope(&self, secs: f64) -> Option<f64> {
        if secs < SLOPE_FROM {
            return None;
        }
        let middle = self.place(Duration::from_secs_f64(secs / 2.0))?;
        let newer = self.between(middle, self.end()?)?;
        let older = self.between(self.place(Duration::from_secs_f64(secs))?, middle)?;
        let grown = newer.arrivals - older.arrivals;
        let strays = SLOPE_STRAYS * deviation(&older, &newer) / grown;
        let is_sure = 1.0 - strays * strays;
        (is_sure > 0.0).then(|| grown / (f64::midpoint(newer.secs, older.secs)) * is_sure)
    }

    /// By how much the rate is higher than it was `secs` ago, as far as chance doesn't explain it; `None` where it is not.
    pub(super) fn jump(&self, secs: f64) -> Option<f64> {
        let before = JUMP.max(Duration::from_secs_f64(secs));
        let newer = self.flow(JUMP)?;
        let older = self.between(self.place(before + JUMP)?, self.place(before)?)?;
        if older.arrivals * older.secs < BEGUN {
            return None;
        }
        let jump = newer.arrivals - older.arrivals - JUMP_STRAYS * deviation(&older, &newer);
        (jump > 0.0).then_some(jump)
    }
}

/// Standard deviation of the difference of two rates, as far as it is chance.
fn deviation(one: &Flow, other: &Flow) -> f64 {
    (one.arrivals / one.secs + other.arrivals / other.secs).sqrt()
}
