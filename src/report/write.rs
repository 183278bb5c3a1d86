//! Puts charts and page beside the data they are made of.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::charts::data::Study;
use super::charts::{Chart, ChartError};
use super::differences::differences;
use super::html::{self, Edition};
use super::read::read;
use super::verdict::judge;
use crate::study::results::{Rebuilt, ResultsError, rebuild};

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The results can't be read at all.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A chart can't be drawn.
    #[error("{name}: {source}")]
    Chart {
        /// The chart's file name without ending, or `report`.
        name: &'static str,
        /// Why.
        source: ChartError,
    },
    /// A file can't be written.
    #[error("{path} could not be written ({source}); make room or give write permission, then try again")]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes `charts/` and `report.html` of a results directory, again if they exist, and returns the files in the order written.
///
/// Reads only what the runs left behind: the same data give the same bytes. A run whose files are missing or damaged is named in
/// the report, and the rest is drawn.
///
/// # Errors
/// When the directory holds no study that this program can read, or a file can't be written.
pub fn write(results: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let (material, comparisons) = read(results)?;
    let taken = judge(&material, &comparisons).taken;
    let study = Study { differences: differences(&comparisons, taken.as_deref()), ..material.chart_data() };
    let folder = results.join("charts");
    fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    let mut written = Vec::with_capacity(2 * Chart::ALL.len() + 1);
    for chart in Chart::ALL {
        let failed = |source| ReportError::Chart { name: chart.name(), source };
        let svg = chart.svg(&study).map_err(failed)?;
        let png = chart.png(&study).map_err(failed)?;
        written.push(put(folder.join(format!("{}.svg", chart.name())), svg.as_bytes())?);
        written.push(put(folder.join(format!("{}.png", chart.name())), &png)?);
    }
    let page = html::page(&material, &study, &comparisons, Edition::File)
        .map_err(|source| ReportError::Chart { name: "report", source })?;
    written.push(put(results.join("report.html"), page.as_bytes())?);
    Ok(written)
}

/// A study's report made again.
#[derive(Debug)]
pub struct Again {
    /// The files, in the order written.
    pub written: Vec<PathBuf>,
    /// Why statistics and tables were left as they are, if they were.
    pub left: Option<String>,
}

/// Everything that follows from the data, made again: statistics, tables and expectations, then [`write()`].
///
/// # Errors
/// As [`write()`].
pub fn again(results: &Path) -> Result<Again, ReportError> {
    let (mut written, left) = match rebuild(results)? {
        Rebuilt::Written(files) => (files, None),
        Rebuilt::Left(why) => (Vec::new(), Some(why)),
    };
    written.extend(write(results)?);
    Ok(Again { written, left })
}

/// Replaces a file whole: who looks at it meanwhile sees the old one or the new one.
pub(super) fn put(path: PathBuf, bytes: &[u8]) -> Result<PathBuf, ReportError> {
    let mut draft = path.clone().into_os_string();
    draft.push(".tmp");
    let draft = PathBuf::from(draft);
    let done = fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, &path));
    match done {
        Ok(()) => Ok(path),
        Err(source) => {
            // the draft is of no use; that it can't be removed either changes nothing
            let _ = fs::remove_file(&draft);
            Err(ReportError::Write { path, source })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::{Material, tests::material};
    use crate::study::results::columns;
    use crate::study::results::statistics::Statistics;
    use std::fmt::Write as _;

    /// Puts a made-up study on disk, as runs leave it behind.
    fn lay_down(folder: &Path, material: &Material) {
        let json = |value: String, path: &Path| fs::write(path, value).expect("a file");
        fs::create_dir_all(folder).expect("a folder");
        json(serde_json::to_string(&material.record).expect("a record"), &folder.join("study.json"));
        let comparison = columns::header() + &material.summaries().map(columns::row).collect::<String>();
        fs::write(folder.join("comparison.csv"), comparison).expect("a file");
        fs::write(folder.join("comparison.md"), "# ftest\n").expect("a file");
        let compared = material.summaries().cloned().collect::<Vec<_>>();
        let statistics = Statistics::of(&material.record, &compared);
        fs::write(folder.join("stats.csv"), statistics.csv()).expect("a file");
        fs::write(folder.join("effects.csv"), statistics.effects()).expect("a file");
        for run in material.arms.iter().flat_map(|arm| &arm.runs) {
            let folder = folder.join("runs").join(&run.name);
            fs::create_dir_all(&folder).expect("a folder");
            for file in ["latency.hgrm", "hey-1.txt", "hey-2.txt"] {
                fs::write(folder.join(file), "\n").expect("a file");
            }
            json(serde_json::to_string(&run.summary).expect("a summary"), &folder.join("summary.json"));
            let mut timeline =
                "t_s,planned,sent,completed,errors,lost,in_flight,p50_ms,p90_ms,p95_ms,p99_ms,max_ms,queue,\
                                desired,ready,starting,terminating,demand,utilisation,replica_seconds\n"
                    .to_owned();
            let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
            for second in &run.seconds {
                let _ = writeln!(
                    timeline,
                    "{},{},{},{},{},,,{},,{},{},,,{},{},,,{},,",
                    second.t_s,
                    second.planned as u64,
                    second.sent as u64,
                    number(second.delivered.map(|_| second.sent)),
                    number(second.delivered.map(|delivered| second.sent - delivered)),
                    number(second.p50_ms),
                    number(second.p95_ms),
                    number(second.p99_ms),
                    number(second.desired),
                    number(second.ready),
                    number(second.demand),
                );
            }
            fs::write(folder.join("timeline.csv"), timeline).expect("a file");
            let mut probes = "t_s,latency_ms,status,above,below,decision\n".to_owned();
            for probe in &run.probes {
                let _ = writeln!(probes, "{},{},200,0,0,hold", probe.t_s, probe.latency_ms);
            }
            fs::write(folder.join("probes.csv"), probes).expect("a file");
            let mut events = "t_s,actor,kind,from,to,reason,value\n".to_owned();
            let whole = |value: Option<u32>| value.map_or(String::new(), |value| value.to_string());
            for event in run.events.iter().flatten() {
                let (from, to) = (whole(event.from), whole(event.to));
                let _ =
                    writeln!(events, "{},{},{},{from},{to},\"{}\",", event.t_s, event.actor, event.kind, event.reason);
            }
            fs::write(folder.join("events.csv"), events).expect("a file");
        }
    }

    fn bytes(files: &[PathBuf]) -> Vec<Vec<u8>> {
        files.iter().map(|file| fs::read(file).expect("a file that was written")).collect()
    }

    #[test]
    fn the_same_data_give_the_same_bytes_wherever_they_lie() {
        let room = tempfile::tempdir().expect("a folder");
        let (here, there) = (room.path().join("here"), room.path().join("elsewhere"));
        let material = material(&["watchtower", "openfaas-ce"], 1);
        for folder in [&here, &there] {
            lay_down(folder, &material);
            fs::remove_file(folder.join("runs/watchtower-1/probes.csv")).expect("a file");
        }
        let written = write(&here).expect("a report");
        assert_eq!(written.len(), 2 * Chart::ALL.len() + 1);
        let first = bytes(&written);
        assert!(bytes(&write(&here).expect("a report")) == first);
        assert!(bytes(&write(&there).expect("a report")) == first);
        assert!(
            !fs::read_dir(here.join("charts")).expect("a folder").flatten().any(|file| file.path().ends_with(".tmp"))
        );
    }

    #[test]
    fn what_is_read_back_is_drawn_as_if_it_had_never_been_on_disk() {
        let room = tempfile::tempdir().expect("a folder");
        let material = material(&["watchtower", "openfaas-ce"], 2);
        lay_down(room.path(), &material);
        let (back, _) = read(room.path()).expect("results");
        assert_eq!(back.damages, [""; 0]);
        for chart in Chart::ALL {
            let drawn = |material: &Material| chart.svg(&material.chart_data()).expect("a drawing");
            assert!(drawn(&back) == drawn(&material), "{}", chart.name());
        }
    }

    #[test]
    fn a_damaged_run_is_named_and_the_rest_is_drawn() {
        let room = tempfile::tempdir().expect("a folder");
        let folder = room.path();
        lay_down(folder, &material(&["watchtower", "openfaas-ce"], 1));
        fs::write(folder.join("runs/watchtower-1/summary.json"), "{\"schema_version\": 1, \"arm\": ").expect("a file");
        fs::write(folder.join("runs/openfaas-ce-1/events.csv"), "t_s,actor\n1").expect("a file");
        fs::write(folder.join("stats.csv"), "metric\nx\n").expect("a file");
        write(folder).expect("a report");
        let page = fs::read_to_string(folder.join("report.html")).expect("a page");
        for named in ["runs/watchtower-1/summary.json", "runs/openfaas-ce-1/events.csv", "stats.csv"] {
            assert!(page.contains(named), "{named}");
        }
        assert!(page.contains("No verdict: there is no run of watchtower."));
        assert!(page.contains("openfaas-ce: p50"));
        assert!(!page.contains(&folder.display().to_string()), "no path of this machine is on the page");
    }

    #[test]
    fn a_killed_run_without_a_summary_still_shows_its_rows() {
        let room = tempfile::tempdir().expect("a folder");
        let folder = room.path();
        lay_down(folder, &material(&["watchtower", "openfaas-ce"], 1));
        fs::remove_file(folder.join("runs/openfaas-ce-1/summary.json")).expect("a file");
        let (material, _) = read(folder).expect("results");
        assert!(material.damages[0].contains("runs/openfaas-ce-1"), "{:?}", material.damages);
        assert!(material.chart_data().arms[1].course.is_some());
        write(folder).expect("a report");
    }

    #[test]
    fn a_run_of_another_layout_is_named_and_not_misread() {
        let room = tempfile::tempdir().expect("a folder");
        let mut material = material(&["watchtower", "openfaas-ce"], 1);
        if let Some(summary) = &mut material.arms[0].runs[0].summary {
            summary.schema_version = 9;
        }
        lay_down(room.path(), &material);
        let (back, _) = read(room.path()).expect("results");
        assert!(back.damages[0].contains("runs/watchtower-1/summary.json: is of layout 9"), "{:?}", back.damages);
        assert_eq!(back.arms[0].summaries().count(), 0);
    }

    /// Spoils something of a study: what the report then names, and whether the other arm is shown all the same.
    fn named_after(spoil: impl Fn(&Path)) -> (String, bool) {
        let room = tempfile::tempdir().expect("a folder");
        lay_down(room.path(), &material(&["watchtower", "openfaas-ce"], 2));
        spoil(room.path());
        let (back, _) = read(room.path()).expect("results");
        let data = back.chart_data();
        (back.damages.join("\n"), !data.arms[1].latency.is_empty() && data.arms[1].course.is_some())
    }

    #[test]
    fn a_whole_directory_has_nothing_to_name() {
        assert_eq!(named_after(|_| {}), (String::new(), true));
    }

    #[test]
    fn each_file_that_is_missing_is_named_and_the_rest_is_shown() {
        for file in [
            "comparison.csv",
            "comparison.md",
            "stats.csv",
            "runs/watchtower-2/summary.json",
            "runs/watchtower-2/timeline.csv",
            "runs/watchtower-2/events.csv",
            "runs/watchtower-2/probes.csv",
            "runs/watchtower-2/latency.hgrm",
            "runs/watchtower-2/hey-2.txt",
        ] {
            let (named, shown) = named_after(|folder| fs::remove_file(folder.join(file)).expect("a file"));
            assert!(named.contains(file) && shown, "{file}: {named}");
        }
    }

    #[test]
    fn each_file_that_is_cut_off_is_named_and_the_rest_is_shown() {
        for file in [
            "comparison.csv",
            "stats.csv",
            "runs/watchtower-2/summary.json",
            "runs/watchtower-2/timeline.csv",
            "runs/watchtower-2/events.csv",
            "runs/watchtower-2/probes.csv",
        ] {
            let (named, shown) = named_after(|folder| {
                let text = fs::read(folder.join(file)).expect("a file");
                fs::write(folder.join(file), &text[..text.len() - 7]).expect("a file");
            });
            assert!(named.contains(file) && shown, "{file}: {named}");
        }
    }

    #[test]
    fn numbers_that_were_changed_by_hand_are_named() {
        for (file, from, to) in [
            ("runs/watchtower-2/summary.json", "\"planned\":60000", "\"planned\":59000"),
            ("runs/watchtower-2/timeline.csv", "\n5,500,", "\n5,400,"),
            ("comparison.csv", ",60000,", ",61000,"),
        ] {
            let (named, shown) = named_after(|folder| {
                let text = fs::read_to_string(folder.join(file)).expect("a file");
                assert!(text.contains(from), "{file}");
                fs::write(folder.join(file), text.replacen(from, to, 1)).expect("a file");
            });
            assert!(named.contains("changed") && shown, "{file}: {named}");
        }
    }

    #[test]
    fn a_study_of_another_layout_is_refused_by_its_number() {
        let room = tempfile::tempdir().expect("a folder");
        lay_down(room.path(), &material(&["watchtower"], 1));
        let file = room.path().join("study.json");
        let text =
            fs::read_to_string(&file).expect("a file").replacen("\"schema_version\":1", "\"schema_version\":0", 1);
        fs::write(&file, text).expect("a file");
        let said = write(room.path()).expect_err("another layout").to_string();
        assert!(said.contains("study.json has results of layout 0, and this program reads layout 1"), "{said}");
    }

    #[test]
    fn a_directory_without_a_study_is_refused() {
        let room = tempfile::tempdir().expect("a folder");
        assert!(matches!(write(room.path()), Err(ReportError::Results(_))));
    }
}
