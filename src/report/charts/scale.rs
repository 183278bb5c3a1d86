//! From values to places on paper: linear and logarithmic scales, their ticks, and numbers as people write them.

/// A scale between two values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Equal differences are equally long.
    Linear {
        /// Value at the start.
        min: f64,
        /// Value at the end; above `min`.
        max: f64,
    },
    /// Equal ratios are equally long.
    Log {
        /// Value at the start; above 0.
        min: f64,
        /// Value at the end; above `min`.
        max: f64,
    },
}

/// A range of more than this ratio is drawn on a logarithmic scale.
const LOG_FROM: f64 = 12.0;

impl Scale {
    /// From 0 to a round number at or above `max`; for empty data, to 1.
    pub fn from_zero(max: f64, ticks: usize) -> Self {
        let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
        let step = round_step(max, ticks);
        Self::Linear { min: 0.0, max: (max / step - 1e-9).ceil().max(1.0) * step }
    }

    /// The scale that shows values from `min` to `max` (both above 0) best: logarithmic if they differ by an order.
    pub fn spanning(min: f64, max: f64) -> Self {
        let (min, max) = (min.max(1e-9), max.max(1e-9));
        let (min, max) = if max > min { (min, max) } else { (max, min) };
        if max / min > LOG_FROM {
            Self::Log { min: min / 1.08, max: max * 1.08 }
        } else {
            // at least a tenth of the value wide, so that equal values stand in the middle of something
            let margin = (max - min).max(max * 0.1) * 0.05;
            Self::Linear { min: (min - margin).max(0.0), max: max + margin }
        }
    }

    /// From 0 if that shows it well, else logarithmic: for curves of values from `min` to `max` with the weight on `typical`.
    pub fn of_curve(min: f64, typical: f64, max: f64, ticks: usize) -> Self {
        if typical > 0.0 && max / typical > LOG_FROM {
            Self::Log { min: (min.max(max / 1e5) / 1.25).max(1e-6), max: max * 1.15 }
        } else {
            Self::from_zero(max * 1.04, ticks)
        }
    }

    /// Value at the start.
    pub const fn min(self) -> f64 {
        match self {
            Self::Linear { min, .. } | Self::Log { min, .. } => min,
        }
    }

    /// Value at the end.
    pub const fn max(self) -> f64 {
        match self {
            Self::Linear { max, .. } | Self::Log { max, .. } => max,
        }
    }

    /// Where a value stands, from 0 at the start to 1 at the end; values outside stand at the nearer end.
    pub fn place(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { min, max } => (value - min) / (max - min),
            Self::Log { min, max } => (value.max(min) / min).ln() / (max / min).ln(),
        };
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// The value that stands at a place from 0 to 1.
    pub fn value(self, place: f64) -> f64 {
        match self {
            Self::Linear { min, max } => min + (max - min) * place,
            Self::Log { min, max } => min * (max / min).powf(place),
        }
    }

    /// Ascending edges of this many equally long bins.
    pub fn edges(self, bins: usize) -> Vec<f64> {
        (0..=bins).map(|edge| self.value(edge as f64 / bins.max(1) as f64)).collect()
    }

    /// Round values inside the scale, about `wanted` of them.
    pub fn ticks(self, wanted: usize) -> Vec<f64> {
        match self {
            Self::Linear { min, max } => linear_ticks(min, max, wanted),
            Self::Log { min, max } => log_ticks(min, max, wanted),
        }
    }
}

/// The step of 1, 2 or 5 times a power of ten that divides `span` into at most about `wanted` parts.
fn round_step(span: f64, wanted: usize) -> f64 {
    let rough = span / wanted.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    for factor in [1.0, 2.0, 5.0] {
        if rough <= factor * power * 1.000_001 {
            return factor * power;
        }
    }
    10.0 * power
}

fn linear_ticks(min: f64, max: f64, wanted: usize) -> Vec<f64> {
    let step = round_step(max - min, wanted);
    let first = (min / step - 1e-9).ceil() as i64;
    let last = (max / step + 1e-9).floor() as i64;
    (first..=last.min(first + 100)).map(|index| index as f64 * step).collect()
}

fn log_ticks(min: f64, max: f64, wanted: usize) -> Vec<f64> {
    let first = min.log10().floor() as i32;
    let last = max.log10().ceil() as i32;
    let inside = |factors: &[f64], every: i32| -> Vec<f64> {
        (first..=last)
            .filter(|power| power.rem_euclid(every) == 0)
            .flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)))
            .filter(|tick| (min * 0.999..=max * 1.001).contains(tick))
            .collect()
    };
    let sets: [(&[f64], i32); 6] = [
        (&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0], 1),
        (&[1.0, 2.0, 5.0], 1),
        (&[1.0, 3.0], 1),
        (&[1.0], 1),
        (&[1.0], 2),
        (&[1.0], 3),
    ];
    sets.iter()
        .map(|(factors, every)| inside(factors, *every))
        .find(|ticks| ticks.len() <= wanted.max(2) && ticks.len() >= 2)
        .unwrap_or_else(|| linear_ticks(min, max, wanted))
}

/// A latency, given in milliseconds, with its unit and at most three digits that matter: `250 µs`, `64.5 ms`, `1.2 s`.
pub fn latency(ms: f64) -> String {
    if !ms.is_finite() {
        return "–".to_owned();
    }
    let (value, unit) = match ms.abs() {
        0.0 => (0.0, "ms"),
        size if size < 0.999_5 => (ms * 1e3, "µs"),
        size if size < 999.5 => (ms, "ms"),
        size if size < 599_500.0 => (ms / 1e3, "s"),
        size if size < 6e6 => (ms / 60e3, "min"),
        _ => (ms / 3.6e6, "h"),
    };
    format!("{}\u{a0}{unit}", digits(value, 3))
}

/// Labels for ticks of latency, given in milliseconds.
pub fn latency_ticks(ticks: &[f64]) -> Vec<String> {
    ticks.iter().map(|tick| latency(*tick)).collect()
}

/// A number with at most this many digits that matter and no idle zeros; whole numbers keep all theirs.
pub fn digits(value: f64, matter: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let before = value.abs().log10().floor() as i32 + 1;
    let decimals = (matter - before).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A count as people write it: thousands apart.
pub fn count(value: u64) -> String {
    let plain = value.to_string();
    let mut text = String::with_capacity(plain.len() + plain.len() / 3);
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A large number in short: `500`, `1.2k`, `3M`.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 999_500.0 => format!("{}M", digits(value / 1e6, 3)),
        size if size >= 10_000.0 => format!("{}k", digits(value / 1e3, 3)),
        _ => digits(value, 4),
    }
}

/// A share (0 to 1) as a percentage of two digits that matter.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value > 0.0 && value < 0.01 {
        return "<\u{2009}0.01\u{a0}%".to_owned();
    }
    // 99.997 % must not become 100 %
    let text = if value > 99.0 && value < 100.0 { digits(value.min(99.99), 4) } else { digits(value, 2) };
    format!("{text}\u{a0}%")
}

/// Ticks of time for a span in seconds, about `wanted` of them, with their labels.
pub fn time_ticks(min: f64, max: f64, wanted: usize) -> Vec<(f64, String)> {
    const STEPS: [f64; 22] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
        14_400.0, 21_600.0, 43_200.0, 86_400.0, 604_800.0,
    ];
    let span = (max - min).max(1e-3);
    let step = STEPS.iter().copied().find(|step| span / step <= wanted.max(1) as f64).unwrap_or(span);
    let first = (min / step - 1e-9).ceil() as i64;
    let last = (max / step + 1e-9).floor() as i64;
    (first..=last.min(first + 100)).map(|index| index as f64 * step).map(|tick| (tick, moment(tick, step))).collect()
}

/// A moment in the finest unit its step needs: `30 s`, `2 min`, `1:30 min`, `3 h`.
fn moment(seconds: f64, step: f64) -> String {
    let sign = if seconds < -1e-9 { "−" } else { "" };
    let size = seconds.abs();
    if size < 1e-9 {
        return "0".to_owned();
    }
    let whole = size.round() as u64;
    if step >= 86_400.0 {
        format!("{sign}{}\u{a0}d", digits(size / 86_400.0, 3))
    } else if step >= 1800.0 {
        format!("{sign}{}\u{a0}h", digits(size / 3600.0, 3))
    } else if step >= 60.0 || (size >= 60.0 && whole.is_multiple_of(60)) {
        format!("{sign}{}\u{a0}min", digits(size / 60.0, 3))
    } else if size >= 60.0 {
        format!("{sign}{}:{:02}\u{a0}min", whole / 60, whole % 60)
    } else {
        format!("{sign}{}\u{a0}s", digits(size, 3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn latencies_are_written_with_the_unit_people_would_use() {
        let said: Vec<String> =
            [0.0, 0.25, 1.0, 64.5, 99.97, 999.4, 999.6, 1200.0, 61_000.0, 600_000.0].map(latency).to_vec();
        assert_eq!(
            said.join(" | ").replace('\u{a0}', " "),
            "0 ms | 250 µs | 1 ms | 64.5 ms | 100 ms | 999 ms | 1 s | 1.2 s | 61 s | 10 min"
        );
    }

    #[test]
    fn a_share_below_one_hundred_percent_never_reads_as_all() {
        assert_eq!(percent(0.999_97).replace('\u{a0}', " "), "99.99 %");
        assert_eq!(percent(1.0).replace('\u{a0}', " "), "100 %");
        assert_eq!(percent(0.0).replace('\u{a0}', " "), "0 %");
        assert_eq!(percent(0.041_6).replace('\u{a0}', " "), "4.2 %");
    }

    #[test]
    fn ticks_of_time_are_those_of_a_clock() {
        let labels = |min, max| {
            let ticks = time_ticks(min, max, 9).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
            ticks.join(" ").replace('\u{a0}', "_")
        };
        assert_eq!(labels(-15.0, 180.0), "0 30_s 1_min 1:30_min 2_min 2:30_min 3_min");
        assert_eq!(labels(0.0, 7200.0), "0 15_min 30_min 45_min 60_min 75_min 90_min 105_min 120_min");
        assert_eq!(labels(0.0, 0.0), "0");
    }

    proptest! {
        #[test]
        fn a_scale_has_a_few_ticks_all_inside(min in 1e-3_f64..1e6, ratio in 1.0_f64..1e9, wanted in 3_usize..10) {
            for scale in [Scale::spanning(min, min * ratio), Scale::from_zero(min, wanted), Scale::of_curve(min, min * 1.1, min * ratio, wanted)] {
                let ticks = scale.ticks(wanted);
                prop_assert!((1..=2 * wanted + 2).contains(&ticks.len()), "{scale:?} {ticks:?}");
                prop_assert!(ticks.is_sorted());
                for tick in ticks {
                    prop_assert!(tick >= scale.min() * 0.99 - 1e-9 && tick <= scale.max() * 1.01, "{scale:?} {tick}");
                }
            }
        }

        #[test]
        fn places_and_values_are_each_others_inverse(min in 1e-3_f64..1e6, ratio in 1.01_f64..1e9, place in 0.0_f64..1.0) {
            for scale in [Scale::Linear { min, max: min * ratio }, Scale::Log { min, max: min * ratio }] {
                prop_assert!((scale.place(scale.value(place)) - place).abs() < 1e-6);
            }
        }
    }
}
