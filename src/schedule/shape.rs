//! Rates that change over time: their level, the requests they call for up to a moment, and the moment of the k-th one.
//!
//! ```text
//!   level     100 |      ____
//!                 |     |    |            pieces with a formula each, one after the other, again and again until the end
//!              20 |_____|    |_____
//!   integral      |         __.--'"       requests called for since the start
//!                 |  ___.--'
//!   inverse       the moment at which the integral reaches k: a closed formula, so nothing adds up and nothing drifts
//! ```
//!
//! Seconds and requests per second are floating-point numbers here; in a week of 100 000 requests per second they are good
//! to a nanosecond. What comes out is whole nanoseconds.

use std::f64::consts::TAU;
use std::time::Duration;

use crate::time::nanos;

/// Requests called for are counted with this slack, so that 0.1 a second for 30 s are three although `0.1 * 30` is a little less.
const SLACK: f64 = 1e-6;

fn slack(requests: f64) -> f64 {
    SLACK + requests * 1e-12
}

/// One formula for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece {
    /// From one level to another in a straight line; a constant if they are the same.
    Line {
        /// Requests per second at the beginning.
        from: f64,
        /// And at the end.
        to: f64,
        /// How long.
        length: Duration,
    },
    /// One whole swing of a cosine: begins and ends at `from`, and is at `to` half way.
    Swing {
        /// Requests per second at the beginning and at the end.
        from: f64,
        /// And half way.
        to: f64,
        /// How long.
        length: Duration,
    },
}

impl Piece {
    /// A constant level.
    pub const fn level(level: f64, length: Duration) -> Self {
        Self::Line { from: level, to: level, length }
    }

    /// How long it is.
    pub const fn length(&self) -> Duration {
        match self {
            Self::Line { length, .. } | Self::Swing { length, .. } => *length,
        }
    }

    /// Both levels it moves between.
    const fn levels(&self) -> (f64, f64) {
        let (Self::Line { from, to, .. } | Self::Swing { from, to, .. }) = *self;
        (from, to)
    }

    /// Requests per second `x` seconds into it.
    fn at(&self, x: f64) -> f64 {
        let l = self.length().as_secs_f64();
        match *self {
            Self::Line { from, to, .. } => from + (to - from) * x / l,
            Self::Swing { from, to, .. } => from + (to - from) * (1.0 - (TAU * x / l).cos()) / 2.0,
        }
    }

    /// Requests up to `x` seconds into it.
    fn requests(&self, x: f64) -> f64 {
        let l = self.length().as_secs_f64();
        match *self {
            Self::Line { from, to, .. } => x * (from + (to - from) * x / l / 2.0),
            Self::Swing { from, to, .. } => from * x + (to - from) / 2.0 * (x - l / TAU * (TAU * x / l).sin()),
        }
    }

    /// Seconds into it at which `requests` have been called for.
    fn when(&self, requests: f64) -> f64 {
        let l = self.length().as_secs_f64();
        let x = match *self {
            // the root of from x + (to - from) / 2l x^2 = requests, in the form that loses no digits when from = to
            Self::Line { from, to, .. } => {
                let root = (from * from + 2.0 * (to - from) / l * requests).max(0.0).sqrt();
                if from + root > 0.0 { 2.0 * requests / (from + root) } else { 0.0 }
            }
            Self::Swing { .. } => self.search(requests),
        };
        x.clamp(0.0, l)
    }

    /// Newton's steps, within what is known of the place: some five of them where halving takes sixty, which was two thirds of the
    /// time of a simulated run under a sine. Where they do not settle, because the rate is about zero there, halving finds the place.
    fn search(&self, requests: f64) -> f64 {
        let l = self.length().as_secs_f64();
        let (mut low, mut high) = (0.0, l);
        let mut x = (requests / self.requests(l) * l).clamp(0.0, l);
        for _ in 0..NEWTON_STEPS {
            let off = self.requests(x) - requests;
            if off < 0.0 {
                low = x;
            } else {
                high = x;
            }
            let next = x - off / self.at(x);
            // also false for what is no number
            if !(low..=high).contains(&next) {
                break;
            }
            let settled = (next - x).abs() <= l * SETTLED;
            x = next;
            if settled {
                return x;
            }
        }
        self.bisect(requests, low, high)
    }

    /// The integral never falls, so halving finds the place; sixty halvings of a week are less than a picosecond.
    fn bisect(&self, requests: f64, mut low: f64, mut high: f64) -> f64 {
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.requests(middle) < requests {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

/// Newton's steps that are tried; they double the digits each, so that is enough for all places but those without a slope.
const NEWTON_STEPS: u32 = 12;

/// Of a piece's length, the step below which the place is found: the next would be its square.
const SETTLED: f64 = 1e-12;

/// A rate over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    pieces: Vec<Piece>,
    /// Nanoseconds, and requests, from the beginning of the cycle to the end of each piece.
    ends: Vec<(u64, f64)>,
    duration: Duration,
}

/// Why pieces are no shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A level is negative or no number.
    #[error("a rate is below 0 or not a number")]
    Level,
    /// Nothing, or a piece without length, or no duration.
    #[error("a rate lasts no time")]
    Empty,
}

impl Shape {
    /// The pieces one after the other, again and again for as long as `duration`.
    ///
    /// # Errors
    /// When a level is no rate, or nothing lasts any time.
    pub fn new(pieces: Vec<Piece>, duration: Duration) -> Result<Self, ShapeError> {
        if duration.is_zero() || pieces.is_empty() || pieces.iter().any(|piece| piece.length().is_zero()) {
            return Err(ShapeError::Empty);
        }
        let is_rate = |level: f64| level.is_finite() && level >= 0.0;
        if pieces.iter().any(|piece| !is_rate(piece.levels().0) || !is_rate(piece.levels().1)) {
            return Err(ShapeError::Level);
        }
        let (mut time, mut requests) = (0_u64, 0.0);
        let ends = pieces
            .iter()
            .map(|piece| {
                time = time.saturating_add(nanos(piece.length()));
                requests += piece.requests(piece.length().as_secs_f64());
                (time, requests)
            })
            .collect();
        Ok(Self { pieces, ends, duration })
    }

    /// The pieces one after the other, once.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn once(pieces: Vec<Piece>) -> Result<Self, ShapeError> {
        let duration = pieces.iter().map(Piece::length).fold(Duration::ZERO, Duration::saturating_add);
        Self::new(pieces, duration)
    }

    /// The same level all the time.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn constant(level: f64, duration: Duration) -> Result<Self, ShapeError> {
        Self::once(vec![Piece::level(level, duration)])
    }

    /// A straight line between two levels.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn ramp(from: f64, to: f64, duration: Duration) -> Result<Self, ShapeError> {
        Self::once(vec![Piece::Line { from, to, length: duration }])
    }

    /// A base level but for a spike `at` some time, `length` long; what lies beyond the duration is cut.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn spike(base: f64, to: f64, at: Duration, length: Duration, duration: Duration) -> Result<Self, ShapeError> {
        let rest = duration.saturating_sub(at.saturating_add(length));
        let pieces = [Piece::level(base, at), Piece::level(to, length), Piece::level(base, rest)];
        Self::new(pieces.into_iter().filter(|piece| !piece.length().is_zero()).collect(), duration)
    }

    /// Two levels in turn; each period begins with `low`, and the part `high_share` of it, its end, is at `high`.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn square(
        low: f64,
        high: f64,
        high_share: f64,
        period: Duration,
        duration: Duration,
    ) -> Result<Self, ShapeError> {
        let at_high = period.mul_f64(high_share.clamp(0.0, 1.0)).min(period);
        let pieces = [Piece::level(low, period.saturating_sub(at_high)), Piece::level(high, at_high)];
        Self::new(pieces.into_iter().filter(|piece| !piece.length().is_zero()).collect(), duration)
    }

    /// Up and down between two levels as a cosine; each period begins at `from`.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn sine(from: f64, to: f64, period: Duration, duration: Duration) -> Result<Self, ShapeError> {
        Self::new(vec![Piece::Swing { from, to, length: period }], duration)
    }

    /// A straight line between two levels in each period, and a jump back.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn sawtooth(from: f64, to: f64, period: Duration, duration: Duration) -> Result<Self, ShapeError> {
        Self::new(vec![Piece::Line { from, to, length: period }], duration)
    }

    /// How long it lasts.
    pub const fn duration(&self) -> Duration {
        self.duration
    }

    /// The highest level that is reached, in requests per second.
    pub fn highest(&self) -> f64 {
        let mut begins = 0;
        let mut highest: f64 = 0.0;
        for (piece, (ends, _)) in self.pieces.iter().zip(&self.ends) {
            let seen = nanos(self.duration).saturating_sub(begins);
            if seen == 0 {
                break;
            }
            let top = if seen >= ends - begins {
                piece.levels().0.max(piece.levels().1)
            } else {
                // cut short: the levels in between are monotone, or rise to the middle and fall again
                let x = seen as f64 / 1e9;
                let half = piece.length().as_secs_f64() / 2.0;
                let turn = if matches!(piece, Piece::Swing { .. }) && x > half { piece.at(half) } else { 0.0 };
                piece.at(0.0).max(piece.at(x)).max(turn)
            };
            highest = highest.max(top);
            begins = *ends;
        }
        highest
    }

    /// Requests per second at `offset` from the start; 0 after the end.
    pub fn level(&self, offset: u64) -> f64 {
        if offset >= nanos(self.duration) {
            return 0.0;
        }
        let within = offset % self.cycle().0;
        let index = self.ends.partition_point(|(end, _)| *end <= within);
        self.pieces[index].at((within - self.begin(index).0) as f64 / 1e9)
    }

    /// Requests called for in the first `offset` nanoseconds; nothing is called for after the end.
    pub fn integral(&self, offset: u64) -> f64 {
        let offset = offset.min(nanos(self.duration));
        let (length, area) = self.cycle();
        let within = offset % length;
        let index = self.ends.partition_point(|(end, _)| *end <= within);
        let (begin, before) = self.begin(index);
        (offset / length) as f64 * area + before + self.pieces[index].requests((within - begin) as f64 / 1e9)
    }

    /// Requests called for in all.
    pub fn total(&self) -> f64 {
        self.integral(u64::MAX)
    }

    /// Whole requests called for in all.
    pub fn requests(&self) -> u64 {
        let total = self.total();
        (total + slack(total)) as u64
    }

    /// The offset from the start, in nanoseconds, at which the integral reaches `requests`; the end if it never does.
    pub fn inverse(&self, requests: f64) -> u64 {
        let (length, area) = self.cycle();
        let end = nanos(self.duration);
        if requests <= 0.0 {
            return 0;
        }
        if area <= 0.0 {
            return end;
        }
        // the end of a cycle rather than the beginning of the next: the earliest moment at which it is reached
        let slack = slack(requests).min(area * SLACK);
        let cycles = (((requests - slack) / area).ceil() - 1.0).max(0.0);
        let rest = requests - cycles * area;
        let index = self.ends.partition_point(|(_, reached)| *reached < rest - slack).min(self.pieces.len() - 1);
        let (begin, before) = self.begin(index);
        let x = self.pieces[index].when(rest - before);
        let offset = cycles as u128 * u128::from(length) + u128::from(begin) + (x * 1e9).round() as u128;
        u64::try_from(offset).unwrap_or(u64::MAX).min(end)
    }

    /// Length and requests of one cycle.
    fn cycle(&self) -> (u64, f64) {
        // never empty: the constructor sees to it
        self.ends.last().copied().unwrap_or((1, 0.0))
    }

    /// Where a piece begins in its cycle: nanoseconds, and requests before it.
    fn begin(&self, index: usize) -> (u64, f64) {
        index.checked_sub(1).map_or((0, 0.0), |before| self.ends[before])
    }
}

#[cfg(test)]
pub(in crate::schedule) mod laws;
