//! hey's pacing flags.

use std::time::Duration;

use super::phase::Phase;
use crate::time::nanos;

/// hey's largest count, used when `-z` is given (2^31 - 1).
const UNBOUNDED: u64 = i32::MAX as u64;

/// hey's pacing flags, checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub(super) requests: u64,
    pub(super) duration: Option<Duration>,
    pub(super) workers: u32,
    pub(super) period: Option<Duration>,
    pub(super) phase: Phase,
}

/// Why flags make no schedule. The texts are hey's own where hey has one.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// `-c` is 0.
    #[error("-c cannot be smaller than 1")]
    NoWorkers,
    /// `-n` is 0.
    #[error("-n and -c cannot be smaller than 1")]
    NoRequests,
    /// Fewer requests than workers.
    #[error("-n cannot be less than -c")]
    FewerRequestsThanWorkers,
    /// A rate that leaves no whole microsecond between two requests (hey hangs on it), or is no number.
    #[error("-q {0} is out of range; it counts requests per second and worker, from 0 (no limit) to 1000000")]
    Rate(f64),
}

impl Settings {
    /// From hey's flags: `requests` (`-n`) counts only without `duration` (`-z`); a `rate` (`-q`) of 0 or less means no limit.
    ///
    /// # Errors
    /// When hey itself would refuse the flags, or hang on them.
    pub fn new(requests: u64, workers: u32, rate: f64, duration: Option<Duration>) -> Result<Self, SettingsError> {
        let duration = duration.filter(|duration| !duration.is_zero());
        if workers < 1 {
            return Err(if duration.is_some() { SettingsError::NoWorkers } else { SettingsError::NoRequests });
        }
        if duration.is_none() {
            if requests < 1 {
                return Err(SettingsError::NoRequests);
            }
            if requests < u64::from(workers) {
                return Err(SettingsError::FewerRequestsThanWorkers);
            }
        }
        if rate.is_nan() || rate > 1e6 {
            return Err(SettingsError::Rate(rate));
        }
        // hey truncates the period to whole microseconds; slower than one request in 100 years is no rate
        let period = (rate > 0.0).then(|| Duration::from_micros((1e6 / rate).min(3.2e15) as u64));
        let requests = if duration.is_some() { UNBOUNDED } else { requests };
        Ok(Self { requests, duration, workers, period, phase: Phase::default() })
    }

    /// The same with workers out of step.
    #[must_use]
    pub const fn with_phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// The same for another time, if it ends by time at all.
    #[must_use]
    pub const fn lasting(self, duration: Duration) -> Self {
        if self.duration.is_some() { Self { duration: Some(duration), ..self } } else { self }
    }

    /// Requests per second of all workers together, while none of them loses a tick; `None` if only the answers decide.
    pub fn rate(&self) -> Option<f64> {
        self.period.map(|period| f64::from(self.workers) / period.as_secs_f64())
    }

    /// How the workers' ticks lie to each other.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// `-c`: concurrent workers.
    pub const fn workers(&self) -> u32 {
        self.workers
    }

    /// `-z`: how long, if the load ends by time.
    pub const fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// The time between two requests of one worker: `1 / -q`, in whole microseconds.
    pub const fn period(&self) -> Option<Duration> {
        self.period
    }

    /// Requests of one worker; `None` if only the answers decide.
    pub fn planned_per_worker(&self) -> Option<u64> {
        let cap = self.requests / u64::from(self.workers);
        match (self.duration, self.period) {
            // ticks k with (k - 1) periods < z: at the end a worker that waits still sends
            (Some(duration), Some(period)) => Some(nanos(duration).div_ceil(nanos(period)).min(cap)),
            (Some(_), None) => None,
            (None, _) => Some(cap),
        }
    }

    /// Requests in all; `None` if only the answers decide.
    pub fn planned(&self) -> Option<u64> {
        self.planned_per_worker().map(|each| each * u64::from(self.workers))
    }
}
