//! A value with what the measurement leaves open.

/// An estimate with its interval, which holds the truth in 95 of 100 measurements if the model is right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// From the 2.5th to the 97.5th percentile of resampled estimates, and never without the estimate itself.
    pub(super) fn of(value: f64, mut resampled: Vec<f64>) -> Self {
        resampled.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * resampled.len().saturating_sub(1) as f64).round() as usize;
            resampled.get(place).copied().unwrap_or(value)
        };
        Self { value, low: at(0.025).min(value), high: at(0.975).max(value) }
    }

    /// Whether the interval holds a value.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Half its width over its value: how sure the estimate is; infinite of an estimate of 0.
    pub fn uncertainty(&self) -> f64 {
        if self.value > 0.0 { (self.high - self.low) / 2.0 / self.value } else { f64::INFINITY }
    }
}
