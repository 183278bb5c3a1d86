//! What the time panel is drawn from in the browser: the course of every run, thinned so that the page stays small.

use serde::Serialize;

use crate::report::charts::data::{Course, FaultSpan, Second};
use crate::report::material::{Material, Run};
use crate::report::verdict::Ranked;

/// Rows in all, over all runs: a row takes about 40 bytes of the page.
const ROWS: usize = 20_000;
/// Most rows of one run, and fewest that still show anything.
const ROWS_OF_RUN: (usize, usize) = (80, 1200);

/// Arms that can be looked at together: of more the best are drawn at first.
const ARMS_AT_ONCE: usize = 4;

/// All courses, as the page's script reads them.
#[derive(Debug, Serialize)]
pub(in crate::report) struct PanelData<'a> {
    slo: f64,
    arms: Vec<&'a str>,
    /// Places of the arms that are drawn before anybody chooses.
    first: Vec<usize>,
    runs: Vec<PanelRun>,
}

impl PanelData<'_> {
    /// Places of the arms that are drawn before anybody chooses.
    pub(super) fn first(&self) -> &[usize] {
        &self.first
    }
}

/// One run. Columns have a value per row; the first row begins at `t0`, and each stands for `group` seconds.
#[derive(Debug, Serialize)]
pub(in crate::report) struct PanelRun {
    arm: usize,
    repeat: u32,
    valid: bool,
    live: bool,
    group: usize,
    t0: f64,
    planned: Vec<Option<f64>>,
    delivered: Vec<Option<f64>>,
    ready: Vec<Option<f64>>,
    desired: Vec<Option<f64>>,
    demand: Vec<Option<f64>>,
    p50: Vec<Option<f64>>,
    p95: Vec<Option<f64>>,
    p99: Vec<Option<f64>>,
    /// Changes of the replicas asked for: time, before, after.
    marks: Vec<(f64, u32, u32)>,
    /// What went wrong on purpose: from, to (none: to the end), what.
    faults: Vec<(f64, Option<f64>, String)>,
}

/// What of the runs is in the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kept {
    /// Runs in the page, of so many that have a course.
    pub(super) runs: (usize, usize),
    /// The longest time one row stands for.
    pub(super) group: usize,
}

/// The courses of a study and what was left out of them. `ranking`: the arms, best first, where they are ranked.
pub(super) fn panel_data<'a>(material: &'a Material, ranking: &[Ranked]) -> (PanelData<'a>, Kept) {
    let with_course = || {
        let of_arm = |(place, arm): (usize, &'_ crate::report::material::Arm)| {
            arm.runs.iter().filter(|run| !run.seconds.is_empty()).map(|run| (place, run.clone())).collect::<Vec<_>>()
        };
        let mut runs: Vec<(usize, Run)> = material.arms.iter().enumerate().flat_map(of_arm).collect();
        // what is left out are the last repeats, of all arms alike
        runs.sort_by_key(|(place, run)| (run.repeat, *place));
        runs
    };
    let all = with_course();
    let most = (ROWS / all.len().max(1)).clamp(ROWS_OF_RUN.0, ROWS_OF_RUN.1);
    let runs: Vec<PanelRun> =
        all.iter().take(ROWS / ROWS_OF_RUN.0).map(|(place, run)| panel_run(*place, run, most, false)).collect();
    let kept = Kept { runs: (runs.len(), all.len()), group: runs.iter().map(|run| run.group).max().unwrap_or(1) };
    let arms: Vec<&str> = material.arms.iter().map(|arm| arm.name.as_str()).collect();
    let first = first(&arms, ranking);
    (PanelData { slo: material.record.slo_latency_ms, arms, first, runs }, kept)
}

/// All arms, or the best of many.
fn first(arms: &[&str], ranking: &[Ranked]) -> Vec<usize> {
    if arms.len() <= ARMS_AT_ONCE {
        return (0..arms.len()).collect();
    }
    let ranked = ranking.iter().filter_map(|ranked| arms.iter().position(|arm| *arm == ranked.name));
    let mut first: Vec<usize> = ranked.collect();
    first.extend((0..arms.len()).filter(|place| !ranking.iter().any(|ranked| ranked.name == arms[*place])));
    first.truncate(ARMS_AT_ONCE);
    first
}

/// One run in at most about `most` rows. `live`: it goes on.
pub(in crate::report) fn panel_run(arm: usize, run: &Run, most: usize, live: bool) -> PanelRun {
    let (seconds, group) = thinned(&evenly(&run.seconds), most);
    let column = |of: fn(&Second) -> Option<f64>| seconds.iter().map(|second| of(second).and_then(short)).collect();
    PanelRun {
        arm,
        repeat: run.repeat,
        valid: run.summary.as_ref().is_none_or(|summary| summary.valid),
        live,
        group,
        t0: seconds.first().map_or(0.0, |first| first.t_s),
        planned: column(|second| Some(second.planned)),
        delivered: column(|second| second.delivered),
        ready: column(|second| second.ready),
        desired: column(|second| second.desired),
        demand: column(|second| second.demand),
        p50: column(|second| second.p50_ms),
        p95: column(|second| second.p95_ms),
        p99: column(|second| second.p99_ms),
        marks: run.scalings().map(|scaling| (scaling.t_s, scaling.from, scaling.to)).collect(),
        faults: FaultSpan::of(run.faults())
            .into_iter()
            .map(|fault| (fault.from, Some(fault.to).filter(|to| to.is_finite()), fault.what))
            .collect(),
    }
}

/// The seconds with those that are missing between them, so that a row's place tells its time.
fn evenly(seconds: &[Second]) -> Vec<Second> {
    /// A gap longer than this is no gap but a damaged file, and is not filled.
    const LONGEST_GAP: f64 = 86_400.0;
    let Some(first) = seconds.first() else { return Vec::new() };
    let mut even: Vec<Second> = Vec::with_capacity(seconds.len());
    for second in seconds {
        let place = (second.t_s - first.t_s).round();
        if !(0.0..=even.len() as f64 + LONGEST_GAP).contains(&place) || place < even.len() as f64 {
            continue;
        }
        while (even.len() as f64) < place {
            even.push(Second { t_s: first.t_s + even.len() as f64, ..Second::default() });
        }
        even.push(*second);
    }
    even
}

fn thinned(seconds: &[Second], most: usize) -> (Vec<Second>, usize) {
    Course { seconds: seconds.to_vec(), ..Course::default() }.thinned(most)
}

/// Three digits that matter: finer than a pixel, and short to write.
fn short(value: f64) -> Option<f64> {
    if !value.is_finite() {
        return None;
    }
    if value == 0.0 || (value.fract() == 0.0 && value.abs() < 1e9) {
        return Some(value);
    }
    format!("{value:.2e}").parse().ok()
}

/// A value as JSON that may stand inside a script element.
pub(in crate::report) fn json(value: &impl Serialize) -> String {
    // plain numbers and texts in structs of our own: serialising them can't fail
    serde_json::to_string(value).unwrap_or_default().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::tests::material;

    #[test]
    fn sixty_runs_of_any_length_stay_small() {
        let mut study = material(&["watchtower", "openfaas-ce"], 30);
        for run in study.arms.iter_mut().flat_map(|arm| &mut arm.runs) {
            let first = run.seconds.clone();
            run.seconds = (0..8000)
                .map(|t| Second { t_s: f64::from(t) - 15.0, ..first[(t as usize * 7) % first.len()] })
                .collect();
        }
        let (data, kept) = panel_data(&study, &[]);
        assert_eq!(kept.runs, (60, 60));
        assert_eq!(kept.group, 25);
        assert!(json(&data).len() < 1_200_000, "{}", json(&data).len());
    }

    #[test]
    fn too_many_runs_leave_out_the_last_repeats_of_all_arms_alike() {
        let mut study = material(&["watchtower", "openfaas-ce"], 1);
        for arm in &mut study.arms {
            let one = arm.runs[0].clone();
            arm.runs =
                (1..=200).map(|repeat| Run { repeat, seconds: one.seconds[..5].to_vec(), ..one.clone() }).collect();
        }
        let (data, kept) = panel_data(&study, &[]);
        assert_eq!(kept.runs, (250, 400));
        assert!(data.runs.iter().all(|run| run.repeat <= 125));
    }

    #[test]
    fn of_many_arms_the_best_are_drawn_first() {
        let names: Vec<String> = (0..9).map(|arm| format!("arm-{arm}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let ranked = ["arm-7", "arm-2"].map(|name| Ranked { name: name.to_owned(), ..Ranked::default() });
        assert_eq!(first(&names, &ranked), [7, 2, 0, 1]);
        assert_eq!(first(&names[..4], &ranked), [0, 1, 2, 3]);
    }

    #[test]
    fn a_row_stands_at_its_time_even_if_seconds_are_missing() {
        let second = |t_s: f64| Second { t_s, planned: t_s, ..Second::default() };
        let even = evenly(&[second(-2.0), second(-1.0), second(2.0), second(1.0), second(3.0), second(1e30)]);
        let times: Vec<f64> = even.iter().map(|second| second.t_s).collect();
        assert_eq!(times, [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn nothing_in_the_data_can_end_its_script_element() {
        assert_eq!(json(&["</script>"]), "[\"\\u003c/script>\"]");
    }
}
