//! The page while the runs go on: the same, made of what the results directory holds at that moment.

use std::path::Path;

use serde::Serialize;

use super::charts::data::Study;
use super::differences::differences;
use super::html::{self, Edition, panel_run};
use super::read::{glance, run_under_way};
use super::verdict::judge;
use super::write::ReportError;

/// Most rows of the run under way that are sent each second.
const ROWS: usize = 1200;

/// The page as it stands, for a reader who asks again when something changes.
///
/// # Errors
/// When the directory holds no study yet, or a chart can't be drawn.
pub fn page(results: &Path) -> Result<String, ReportError> {
    let (material, comparisons) = glance(results)?;
    let taken = judge(&material, &comparisons).taken;
    let study = Study { differences: differences(&comparisons, taken.as_deref()), ..material.chart_data() };
    html::page(&material, &study, &comparisons, Edition::Live)
        .map_err(|source| ReportError::Chart { name: "report", source })
}

/// What a reader of the page is told every second.
#[derive(Debug, Serialize)]
struct News<'a> {
    said: &'a str,
    run: Option<html::PanelRun>,
}

/// What is told of a run under way: a sentence, and its course so far, where it can be read. JSON.
pub fn news(results: &Path, said: &str, run: Option<&str>) -> String {
    let run = run.and_then(|name| {
        let (arm, run) = run_under_way(results, name)?;
        Some(panel_run(arm, &run, ROWS, true))
    });
    html::json(&News { said, run })
}

/// A file that the page refers to, by its path after the page's address: charts and the study's tables, nothing else.
pub fn file(results: &Path, path: &str) -> Option<(&'static str, Vec<u8>)> {
    let name = path.strip_prefix('/')?;
    let kind = match name.rsplit_once('.')?.1 {
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "csv" => "text/csv; charset=utf-8",
        _ => return None,
    };
    let is_plain = |name: &str| {
        !name.starts_with('.') && name.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.'))
    };
    let allowed = match name.split_once('/') {
        Some(("charts", chart)) => is_plain(chart),
        Some(_) => false,
        None => matches!(name, "comparison.csv" | "stats.csv" | "scores.csv"),
    };
    let content = allowed.then(|| std::fs::read(results.join(name)).ok())??;
    Some((kind, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_charts_and_tables_are_handed_out() {
        let room = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(room.path().join("charts")).expect("a folder");
        for name in ["charts/timeline.svg", "stats.csv", "study.json", "secret.csv"] {
            std::fs::write(room.path().join(name), name).expect("a file");
        }
        assert_eq!(file(room.path(), "/charts/timeline.svg").map(|(kind, _)| kind), Some("image/svg+xml"));
        assert!(file(room.path(), "/stats.csv").is_some());
        for path in ["/study.json", "/secret.csv", "/charts/../secret.csv", "/charts/gone.svg", "//stats.csv", "/", ""]
        {
            assert!(file(room.path(), path).is_none(), "{path}");
        }
    }
}
