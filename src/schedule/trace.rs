//! Recorded load: the times at which requests came, or how many came in each bin, cut and scaled.
//!
//! ```text
//!   recorded      | . .. .   |..  .  ....|  .   .|      times, or counts 4 7 2
//!   from, how long     [.   |..  .  .]                  a part of it
//!   speed 2            [.|. . .]                        in half the time
//!   scale 0.5          [ | .  .]                        every second request
//! ```
//!
//! Scaling keeps totals: the number of requests up to any moment is what was recorded up to then times the scale, rounded.
//! Nothing is read here; `study` reads files.

use std::sync::Arc;
use std::time::Duration;

use crate::random::Stream;
use crate::time::nanos;

use super::arrivals::{Source, poisson, uniform};

/// How requests are spread inside a bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// At equal distances, the first and the last half a distance from the ends.
    Even,
    /// Each at a time of its own, all equally likely: what a Poisson process looks like when its count is known.
    Uniform,
    /// A Poisson process of the bin's rate, so that the count too is a matter of chance.
    Poisson,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq)]
pub enum Recording {
    /// When each request came: nanoseconds since the recording's start, ascending.
    Times(Vec<u64>),
    /// How many came in each bin.
    Counts {
        /// By bin.
        counts: Vec<u64>,
        /// How long a bin is; not zero.
        bin: Duration,
        /// How they are spread inside.
        inside: Inside,
    },
}

/// Which part of a recording is played, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playback {
    /// Where it begins, in the recording's time.
    pub from: Duration,
    /// How long it is played; to the recording's end if not given.
    pub duration: Option<Duration>,
    /// Recorded seconds in a second; above 0.
    pub speed: f64,
    /// Requests for each recorded one; above 0.
    pub scale: f64,
}

impl Default for Playback {
    /// All of it, as it was.
    fn default() -> Self {
        Self { from: Duration::ZERO, duration: None, speed: 1.0, scale: 1.0 }
    }
}

/// A recording as it is played.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    arrivals: Played,
    duration: Duration,
}

#[derive(Clone, Debug, PartialEq)]
enum Played {
    Times(Arc<[u64]>),
    Bins(Arc<Bins>),
}

/// Why a recording can't be played so.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum TraceError {
    /// It begins where nothing is recorded any more.
    #[error("begins {} into a recording of {}", crate::time::format_duration(*from), crate::time::format_duration(*length))]
    From {
        /// Where it would begin.
        from: Duration,
        /// What there is.
        length: Duration,
    },
    /// It is longer than what is left.
    #[error("is longer than the recording, which lasts {} from there", crate::time::format_duration(*left))]
    Duration {
        /// What there is, as played.
        left: Duration,
    },
    /// No request is in it.
    #[error("holds no request")]
    Empty,
}

impl Trace {
    /// A recording, cut and scaled.
    ///
    /// # Errors
    /// When the part asked for isn't there, or there is no request in it.
    pub fn new(recording: &Recording, playback: Playback) -> Result<Self, TraceError> {
        let length = match recording {
            Recording::Times(times) => Duration::from_nanos(times.last().copied().unwrap_or(0)),
            Recording::Counts { counts, bin, .. } => {
                bin.saturating_mul(u32::try_from(counts.len()).unwrap_or(u32::MAX))
            }
        };
        let Playback { from, duration, speed, scale } = playback;
        if from > length || (from == length && !from.is_zero()) {
            return Err(TraceError::From { from, length });
        }
        let played = |recorded: u64| (recorded as f64 / speed).round() as u64;
        let left = Duration::from_nanos(played(nanos(length.saturating_sub(from))));
        // a microsecond is what a scaled duration may be rounded by
        if duration.is_some_and(|duration| duration > left + Duration::from_micros(1)) {
            return Err(TraceError::Duration { left });
        }
        let window = Window { from: nanos(from), end: duration.map_or(u64::MAX, nanos), speed };
        let duration = duration.unwrap_or(left);
        let (arrivals, any) = match recording {
            Recording::Times(times) => {
                let times = window.times(times, scale);
                let any = !times.is_empty();
                (Played::Times(times.into()), any)
            }
            Recording::Counts { counts, bin, inside } => {
                let bins = window.bins(counts, nanos(*bin), *inside, scale);
                let any = bins.expected() > 0.0;
                (Played::Bins(Arc::new(bins)), any)
            }
        };
        if any { Ok(Self { arrivals, duration }) } else { Err(TraceError::Empty) }
    }

    /// How long it is played.
    pub const fn duration(&self) -> Duration {
        self.duration
    }

    /// Requests, or how many are expected where chance decides.
    pub fn requests(&self) -> f64 {
        match &self.arrivals {
            Played::Times(times) => times.len() as f64,
            Played::Bins(bins) => bins.expected(),
        }
    }

    /// Whether another seed gives another number of requests.
    pub fn count_is_random(&self) -> bool {
        matches!(&self.arrivals, Played::Bins(bins) if bins.inside == Inside::Poisson)
    }

    /// The highest rate: of a bin, or of the recorded times on average.
    pub fn highest(&self) -> f64 {
        match &self.arrivals {
            Played::Times(times) => {
                times.len() as f64 / times.last().map_or(1.0, |last| (*last as f64 / 1e9).max(1e-9))
            }
            Played::Bins(bins) => bins.highest(),
        }
    }

    /// Requests between two offsets, in nanoseconds, the first included; of a bin its share, in proportion.
    pub fn requests_between(&self, from: u64, to: u64) -> f64 {
        match &self.arrivals {
            Played::Times(times) => {
                let before = |offset: u64| times.partition_point(|at| *at < offset);
                before(to).saturating_sub(before(from)) as f64
            }
            Played::Bins(bins) => bins.between(from, to),
        }
    }

    /// Its arrivals.
    pub fn source(&self) -> Source {
        match &self.arrivals {
            Played::Times(times) => Source::Times(Arc::clone(times)),
            Played::Bins(bins) => Source::Bins(Arc::clone(bins)),
        }
    }
}

/// The part of a recording that is played.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// In the recording's nanoseconds.
    from: u64,
    /// In played ones.
    end: u64,
    speed: f64,
}

impl Window {
    /// A recorded moment in played time, which may lie beyond the end.
    fn played(&self, recorded: u64) -> u64 {
        let since = recorded.saturating_sub(self.from);
        // exact where nothing is scaled, however long the recording
        if (self.speed - 1.0).abs() < f64::EPSILON { since } else { (since as f64 / self.speed).round() as u64 }
    }

    /// Request j of the scaled ones comes when `scale` times the recorded requests reach j. Between two recorded requests that
    /// is in proportion, so twice the load has a request half way between every two.
    fn times(&self, times: &[u64], scale: f64) -> Vec<u64> {
        let first = times.partition_point(|at| *at < self.from);
        let cut: Vec<u64> = times[first..].iter().map(|at| self.played(*at)).take_while(|at| *at <= self.end).collect();
        if (scale - 1.0).abs() < f64::EPSILON {
            return cut;
        }
        let count = (cut.len() as f64 * scale + 1e-6) as u64;
        (1..=count)
            .map(|number| {
                let place = number as f64 / scale;
                let whole = (place + 1e-9).floor();
                let share = (place - whole).max(0.0);
                let at = |place: f64| match place as usize {
                    0 => 0,
                    place => cut[place.min(cut.len()) - 1],
                };
                let (before, after) = (at(whole), at(whole + 1.0));
                before + ((after - before) as f64 * share).round() as u64
            })
            .collect()
    }

    fn bins(&self, counts: &[u64], bin: u64, inside: Inside, scale: f64) -> Bins {
        let (mut edges, mut expected) = (vec![0], Vec::new());
        for (index, count) in counts.iter().enumerate() {
            let (begin, end) = (bin * index as u64, bin.saturating_mul(index as u64 + 1));
            let edge = self.played(end).min(self.end);
            let whole = (self.played(end) as f64 - begin_of(begin, self.from, self.speed)).max(1.0);
            let Some(last) = edges.last().copied().filter(|last| edge > *last) else { continue };
            // a bin that is cut gives its share
            let share = ((edge - last) as f64 / whole).min(1.0);
            edges.push(edge);
            expected.push(*count as f64 * scale * if share > 1.0 - 1e-9 { 1.0 } else { share });
        }
        Bins::new(edges, expected, inside)
    }
}

/// Where a bin begins in played nanoseconds, also if that is before the cut.
fn begin_of(recorded: u64, from: u64, speed: f64) -> f64 {
    (recorded as f64 - from as f64) / speed
}

/// Bins with how many requests each calls for.
#[derive(Clone, Debug, PartialEq)]
pub struct Bins {
    /// One more than there are bins, ascending.
    edges: Vec<u64>,
    expected: Vec<f64>,
    /// Whole requests up to the end of each bin.
    up_to: Vec<u64>,
    inside: Inside,
}

impl Bins {
    fn new(edges: Vec<u64>, expected: Vec<f64>, inside: Inside) -> Self {
        let mut sum = 0.0;
        let up_to = expected
            .iter()
            .map(|expected| {
                sum += expected;
                // rounded as a whole, so that no bin's rounding adds to another's
                (sum + 0.5).floor() as u64
            })
            .collect();
        Self { edges, expected, up_to, inside }
    }

    pub(super) fn len(&self) -> usize {
        self.expected.len()
    }

    pub(super) fn begins(&self, bin: usize) -> u64 {
        self.edges[bin]
    }

    fn expected(&self) -> f64 {
        match self.inside {
            Inside::Even | Inside::Uniform => self.up_to.last().copied().unwrap_or(0) as f64,
            Inside::Poisson => self.expected.iter().sum(),
        }
    }

    fn highest(&self) -> f64 {
        let rate = |(expected, edges): (&f64, &[u64])| expected * 1e9 / (edges[1] - edges[0]) as f64;
        self.expected.iter().zip(self.edges.windows(2)).map(rate).fold(0.0, f64::max)
    }

    fn between(&self, from: u64, to: u64) -> f64 {
        let first = self.edges.partition_point(|edge| *edge <= from).saturating_sub(1);
        let bins = self.expected.iter().zip(self.edges.windows(2)).skip(first);
        bins.take_while(|(_, edges)| edges[0] < to)
            .map(|(expected, edges)| {
                let inside = to.min(edges[1]).saturating_sub(from.max(edges[0]));
                expected * inside as f64 / (edges[1] - edges[0]) as f64
            })
            .sum()
    }

    /// Adds the arrivals of a bin, in order.
    pub(super) fn fill(&self, bin: usize, stream: Stream, offsets: &mut Vec<u64>) {
        let (begin, width) = (self.edges[bin], self.edges[bin + 1] - self.edges[bin]);
        // never the next bin's first nanosecond
        let at = |share: f64| begin + ((width as f64 * share) as u64).min(width - 1);
        let count = self.up_to[bin] - bin.checked_sub(1).map_or(0, |before| self.up_to[before]);
        match self.inside {
            Inside::Even => offsets.extend((0..count).map(|index| at((index as f64 + 0.5) / count as f64))),
            Inside::Uniform => {
                let mut stream = stream;
                offsets.extend((0..count).map(|_| at(uniform(&mut stream))));
                offsets.sort_unstable();
            }
            Inside::Poisson => {
                let expected = self.expected[bin];
                offsets.extend(poisson(0.0, expected, stream).map(|place| at(place / expected)));
            }
        }
    }
}

#[cfg(test)]
mod laws;
