//! Recorded counters as they come in time: readings with the flat tail behind them, answers one by one.
//!
//! ```text
//!   gateway A    x     x     x                               its series ends there
//!   gateway B                   x     x     x     .     .    goes on flat: it was there to the end
//!   readings     AB    AB    AB AB    AB    AB    AB    AB   who has no sample in a reading is not a number there
//! ```
//!
//! Every reading names all series of its function in one order, so that a series is known by its place; the value that is no
//! number is Prometheus' own sign for "no sample here" (its stale marker).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::policy::Counter;
use crate::record::FunctionId;
use crate::time::{Epoch, Timestamp};

use super::recording::{Answered, Counted, Recording, Series};
use super::{reading_time, timestamp};

/// Time between the flat readings of the tail if the recording is too short to tell its own.
const USUAL_SPACING: Duration = Duration::from_secs(5);
/// Readings closer than this are not continued in the tail at their own spacing.
const SHORTEST_SPACING: Duration = Duration::from_millis(100);

/// Readings by time. Samples of one instant are one reading.
pub(super) type Readings = BTreeMap<Timestamp, Vec<Counter>>;

/// All readings of all functions, and flat ones after them until `end`.
pub(super) fn readings(epoch: Epoch, load_start: Timestamp, recordings: &[Recording], end: Timestamp) -> Readings {
    let mut all = Readings::new();
    for (function, recording) in by_id(recordings) {
        let Counted::Readings(series) = &recording.counted else { continue };
        let mut series: Vec<(u16, BTreeMap<Timestamp, f64>)> =
            series.iter().map(|series| (series.code, placed(epoch, load_start, series))).collect();
        series.retain(|(_, samples)| !samples.is_empty());
        series.sort_by_key(|(code, _)| *code);
        continue_flat(&mut series, end);
        let mut own: BTreeMap<Timestamp, Vec<Counter>> = BTreeMap::new();
        for (place, (_, samples)) in series.iter().enumerate() {
            for (at, value) in samples {
                let row = own.entry(*at).or_insert_with(|| {
                    let absent = |(code, _): &(u16, _)| Counter { function, code: *code, value: f64::NAN };
                    series.iter().map(absent).collect()
                });
                row[place].value = *value;
            }
        }
        for (at, row) in own {
            all.entry(at).or_default().extend(row);
        }
    }
    all
}

/// All answers of all functions, in order of time.
pub(super) fn answers(load_start: Timestamp, recordings: &[Recording]) -> Vec<(Timestamp, FunctionId, u16)> {
    let mut all = Vec::new();
    for (function, recording) in by_id(recordings) {
        let Counted::Answers(answers) = &recording.counted else { continue };
        let finite = answers.iter().filter(|answered| answered.t_s.is_finite());
        all.extend(finite.map(|Answered { t_s, code }| (timestamp(load_start, *t_s), function, *code)));
    }
    all.sort_unstable();
    all
}

fn by_id(recordings: &[Recording]) -> impl Iterator<Item = (FunctionId, &Recording)> {
    recordings
        .iter()
        .enumerate()
        .map(|(index, recording)| (FunctionId(index.try_into().unwrap_or(u16::MAX)), recording))
}

fn placed(epoch: Epoch, load_start: Timestamp, series: &Series) -> BTreeMap<Timestamp, f64> {
    let finite = series.samples.iter().filter(|(t_s, _)| t_s.is_finite());
    finite.map(|(t_s, value)| (reading_time(epoch, load_start, *t_s), *value)).collect()
}

/// Lets the series that were there to the end of the function's recording go on unchanged.
fn continue_flat(series: &mut [(u16, BTreeMap<Timestamp, f64>)], end: Timestamp) {
    let own: Vec<Option<Duration>> = series.iter().map(|(_, samples)| spacing(samples)).collect();
    let usual = own.iter().flatten().min().copied().unwrap_or(USUAL_SPACING);
    let Some(last) = series.iter().filter_map(|(_, samples)| samples.keys().next_back().copied()).max() else { return };
    for ((_, samples), spacing) in series.iter_mut().zip(own) {
        let spacing = spacing.unwrap_or(usual);
        let Some((at, value)) = samples.last_key_value().map(|(at, value)| (*at, *value)) else { continue };
        // two gateways are read at different moments of the interval, and one reading may be missing
        if at + 2 * spacing < last {
            continue;
        }
        let mut at = at + spacing;
        while at <= end {
            samples.insert(at, value);
            at += spacing;
        }
    }
}

/// The usual time between two samples of a series: the median.
fn spacing(samples: &BTreeMap<Timestamp, f64>) -> Option<Duration> {
    let times = samples.keys().zip(samples.keys().skip(1));
    let mut gaps: Vec<Duration> =
        times.map(|(one, next)| *next - *one).filter(|gap| *gap >= SHORTEST_SPACING).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied()
}
