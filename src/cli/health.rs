//! Whether the numbers can be trusted, for a terminal: what became of the planned requests, how late the generator was, who had the
//! CPU.

use std::fmt::Write as _;

use super::fit::{Width, aligned, wrapped};
use crate::study::results::explanation::{explanations, explanations_of_arms};
use crate::study::results::run_name;
use crate::study::results::summary::{CpuSummary, RunSummary};

type Cell = fn(&RunSummary) -> Option<String>;

const COLUMNS: [(&str, Cell); 12] = [
    ("run", |run| Some(run_name(&run.arm, run.repeat))),
    ("completed", |run| Some(run.completed.to_string())),
    ("lost busy", |run| Some(run.lost_busy.to_string())),
    ("lost late", |run| Some(run.lost_late.to_string())),
    ("late p50", |run| late(run, "p50")),
    ("late p99", |run| late(run, "p99")),
    ("late max", |run| late(run, "max")),
    ("stood still", |run| Some(format!("{:.2} s", run.stalled_s))),
    ("CPU generator", |run| share(run, |cpu| Some((cpu.mean.generator, cpu.worst.generator)))),
    ("platform", |run| share(run, |cpu| cpu.mean.platform.zip(cpu.worst.platform))),
    ("process", |run| share(run, |cpu| Some((cpu.mean.process, cpu.worst.process)))),
    ("others", |run| share(run, |cpu| Some((cpu.mean.others, cpu.worst.others)))),
];

fn late(run: &RunSummary, key: &str) -> Option<String> {
    run.lateness_us.get(key).map(|us| if *us < 1_000.0 { format!("{us:.0} us") } else { format!("{:.1} ms", us / 1e3) })
}

/// Mean and worst second, in percent of the machine.
fn share(run: &RunSummary, of: fn(&CpuSummary) -> Option<(f64, f64)>) -> Option<String> {
    let (mean, worst) = of(run.cpu.as_ref()?)?;
    Some(format!("{} (max {:.0}) %", percent(mean), worst * 100.0))
}

fn percent(share: f64) -> String {
    let decimals = usize::from(share < 0.095);
    format!("{:.decimals$}", share * 100.0)
}

/// A line per run, and below what is needed to read the numbers. Nothing where there is nothing to tell: in virtual time nobody is
/// late.
pub(super) fn health(runs: &[RunSummary], width: Width) -> String {
    let mut text = generators(runs, width);
    let lines = if runs.iter().any(|run| run.repeat > 1) {
        explanations_of_arms(runs)
    } else {
        let of = |run: &RunSummary| {
            let name = run_name(&run.arm, run.repeat);
            explanations(run).into_iter().map(move |words| format!("{name}: {words}"))
        };
        runs.iter().flat_map(of).collect()
    };
    for line in lines {
        let _ = writeln!(text, "{}", wrapped(&line, width));
    }
    text
}

/// The table of runs that had a generator.
fn generators(runs: &[RunSummary], width: Width) -> String {
    let runs: Vec<&RunSummary> = runs.iter().filter(|run| run.target != "simulated").collect();
    if runs.is_empty() {
        return String::new();
    }
    let head = COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let row = |run: &RunSummary| COLUMNS.iter().map(|(_, cell)| cell(run).unwrap_or_else(|| "-".to_owned())).collect();
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(runs.iter().copied().map(row)).collect();
    let mut text = aligned(&lines, 1, width);
    if runs.iter().any(|run| run.cpu.is_none()) {
        text.push_str("CPU: unknown where the load lasted no whole second, or the system keeps no /proc\n");
    }
    let awake = runs.iter().filter_map(|run| Some(run.cpu.as_ref()?.mean.awake)).fold(0.0, f64::max);
    if awake > 0.0 {
        let _ = writeln!(
            text,
            "kept awake: idle cores, with up to {} % of the machine, which is in no other share",
            percent(awake)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::results::summary::CpuPart;

    #[test]
    fn every_planned_request_is_accounted_for_and_unknown_shares_are_dashes() {
        let mut run = RunSummary {
            arm: "watchtower".into(),
            repeat: 1,
            planned: 60_000,
            sent: 59_000,
            completed: 58_998,
            lost_busy: 990,
            lost_late: 10,
            stalled_s: 0.0211,
            lateness_us: [("p50".to_owned(), 14.2), ("p99".to_owned(), 96.0), ("max".to_owned(), 21_100.0)].into(),
            ..RunSummary::default()
        };
        let unknown = RunSummary { arm: "ce".into(), ..run.clone() };
        let mean = CpuPart { generator: 0.012, platform: None, process: 0.004, others: 0.31, ..CpuPart::default() };
        let worst = CpuPart { generator: 0.021, platform: None, process: 0.01, others: 0.97, ..CpuPart::default() };
        run.cpu = Some(CpuSummary { seconds: 120, mean, worst });
        let mut awake = run.clone();
        awake.cpu = Some(CpuSummary { seconds: 120, mean: CpuPart { awake: 0.93, ..mean }, worst });
        assert!(
            health(&[awake], Width::UNBOUNDED)
                .ends_with("kept awake: idle cores, with up to 93 % of the machine, which is in no other share\n")
        );
        insta::assert_snapshot!(health(&[run, unknown], Width::UNBOUNDED), @r"
        run           completed  lost busy  lost late  late p50  late p99  late max  stood still  CPU generator  platform        process         others
        watchtower-1      58998        990         10     14 us     96 us   21.1 ms       0.02 s  1.2 (max 2) %         -  0.4 (max 1) %  31 (max 97) %
        ce-1              58998        990         10     14 us     96 us   21.1 ms       0.02 s              -         -              -              -
        CPU: unknown where the load lasted no whole second, or the system keeps no /proc
        ");
    }
}
