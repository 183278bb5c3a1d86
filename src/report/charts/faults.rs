//! What went wrong on purpose, marked in the charts over time.

use super::canvas::{Canvas, Drawn, Rect, Stroke};
use super::course::{Rows, Time};
use super::data::{ArmSeries, Study};
use super::sheet::{Key, Mark};
use super::theme::{self, Colour};

/// A fault of the scenario, from when to when (in seconds since the load's start); a crash is over at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultSpan {
    /// Its kind and value, such as `slow-node (3 times)`.
    pub what: String,
    /// When it began.
    pub from: f64,
    /// When it ended; infinite if it didn't.
    pub to: f64,
}

impl FaultSpan {
    /// The faults that rows of events tell of: each with its time and what was said.
    pub(in crate::report) fn of<'a>(told: impl Iterator<Item = (f64, &'a str)>) -> Vec<Self> {
        let mut faults: Vec<Self> = Vec::new();
        for (t_s, said) in told {
            if let Some(what) = said.strip_suffix(" ends") {
                if let Some(open) = faults.iter_mut().find(|fault| fault.what == what && fault.to.is_infinite()) {
                    open.to = t_s;
                }
            } else if let Some((what, _)) = said.split_once(" begins") {
                faults.push(Self { what: what.to_owned(), from: t_s, to: f64::INFINITY });
            } else {
                faults.push(Self { what: said.to_owned(), from: t_s, to: t_s });
            }
        }
        faults
    }
}

/// How a fault is marked.
const FAULT: (Colour, f64) = (theme::MUTED, 0.16);

/// The key of the faults of all courses; `None` if there were none.
pub(super) fn fault_key(study: &Study) -> Option<Key> {
    let mut names: Vec<&str> = Vec::new();
    for fault in study.arms.iter().filter_map(|arm| arm.course.as_ref()).flat_map(|course| &course.faults) {
        if !names.contains(&fault.what.as_str()) {
            names.push(&fault.what);
        }
    }
    (!names.is_empty()).then(|| Key::new(format!("fault: {}", names.join(", ")), Mark::Area(FAULT.0, FAULT.1)))
}

/// Bands where a fault was on, behind what is drawn; a moment is as wide as a line.
pub(super) fn fault_bands(canvas: &Canvas<'_>, arm: &ArmSeries, rows: &Rows, time: &Time, plot: Rect) -> Drawn {
    let end = rows.end();
    for fault in arm.course.iter().flat_map(|course| &course.faults) {
        let left = time.x(plot, fault.from).clamp(plot.left, plot.right);
        let right = time.x(plot, fault.to.min(end)).clamp(left, plot.right);
        if right - left < 1.5 {
            canvas.line(&[(left, plot.top), (left, plot.bottom)], Stroke::new(FAULT.0, 1.5).dashed(2.0, 2.0))?;
        } else {
            canvas.rect(Rect { left, right, ..plot }, FAULT.0, FAULT.1)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_last_from_their_beginning_to_their_end_or_to_the_run_s_and_a_crash_is_a_moment() {
        let told = [
            (5.0, "slow-node (3 times) begins, for 20s"),
            (7.0, "crash (2 replicas)"),
            (9.0, "probes-fail begins, for 1h"),
            (25.0, "slow-node (3 times) ends"),
        ];
        let faults = FaultSpan::of(told.into_iter());
        let drawn: Vec<_> = faults.iter().map(|fault| (fault.what.as_str(), fault.from, fault.to)).collect();
        let expected =
            [("slow-node (3 times)", 5.0, 25.0), ("crash (2 replicas)", 7.0, 7.0), ("probes-fail", 9.0, f64::INFINITY)];
        assert_eq!(drawn, expected);
    }
}
