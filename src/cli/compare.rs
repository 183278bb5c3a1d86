//! `watchtower compare`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::exit::ExitStatus;
use super::failure::Failure;
use super::fit::Width;
use super::output::Printer;
use super::table;
use crate::stats::inference::MIN_PAIRS;
use crate::stats::inference::compared::Test;
use crate::study::results::across::{Across, Source, across};
use crate::study::results::{ResultsDir, ResultsError};

/// Compare results directories: of different days, hosts, targets or versions, with statistics
///
/// Arms of the same name are compared, or every arm with every other where no name occurs twice. What else differs is said on
/// standard error; directories with different objectives, or without a valid run, are refused (exit code 2).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results directories, as `watchtower run` made them
    #[arg(required = true, num_args = 2.., value_name = "RESULTS")]
    results: Vec<PathBuf>,

    /// Print the comparison as JSON: warnings, conclusions, and every metric
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, printer: Printer) -> Result<ExitStatus, Failure> {
    let sources = args.results.iter().map(|path| source(path)).collect::<Result<Vec<_>, _>>().map_err(|error| {
        let wrong = matches!(error, ResultsError::NotResults(_) | ResultsError::Version { .. });
        Failure::from_error(if wrong { ExitStatus::Usage } else { ExitStatus::Failed }, &error, None)
    })?;
    let found = across(&sources).map_err(|error| Failure::from_error(ExitStatus::Usage, &error, None))?;
    for warning in &found.warnings {
        printer.warn(warning);
    }
    Printer::result(&if args.json { json(&found)? } else { text(&found) });
    Ok(ExitStatus::Done)
}

/// A directory, its name short enough for a table.
fn source(path: &Path) -> Result<Source, ResultsError> {
    let (directory, record) = ResultsDir::open(path)?;
    let label = path.components().as_path().display().to_string();
    Ok(Source { label, record, runs: directory.summaries()? })
}

fn text(found: &Across) -> String {
    let width = Width::of_stdout();
    let mut text = table::arms(&found.runs, width);
    match table::concluded(&found.conclusions, width) {
        Some(said) => text.push_str(&said),
        // writing to a string can't fail
        None => drop(writeln!(text, "no verdict: at least {MIN_PAIRS} valid runs of each arm are needed")),
    }
    text
}

fn json(found: &Across) -> Result<String, Failure> {
    let rows: Vec<_> = found
        .statistics
        .rows
        .iter()
        .map(|row| {
            let interval = row.compared.interval;
            let judged = row.judged;
            serde_json::json!({
                "metric": row.metric.name,
                "arm_a": row.arm_a,
                "arm_b": row.arm_b,
                "n": row.compared.n,
                "paired": row.compared.is_paired,
                "mean_a": row.compared.mean_a,
                "mean_b": row.compared.mean_b,
                "difference": row.compared.difference,
                "ci_low": interval.map(|interval| interval.low),
                "ci_high": interval.map(|interval| interval.high),
                "ratio": row.compared.ratio,
                "test": judged.and_then(|judged| judged.test).map(Test::as_str),
                "p": judged.and_then(|judged| judged.p),
                "p_holm": judged.and_then(|judged| judged.p_holm),
                "cliffs_delta": row.compared.cliffs_delta,
                "margin": judged.and_then(|judged| judged.margin),
                "more_pairs": judged.and_then(|judged| judged.more_pairs),
                "verdict": row.verdict(),
            })
        })
        .collect();
    let all = serde_json::json!({ "warnings": found.warnings, "conclusions": found.conclusions, "metrics": rows });
    serde_json::to_string_pretty(&all).map_err(|error| Failure::from_error(ExitStatus::Failed, &error, None))
}
