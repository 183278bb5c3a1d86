//! Whether the files of a results directory are all there and agree with each other. Much in them is told twice; where the two
//! differ, one was cut off or changed by hand.

use std::collections::BTreeMap;
use std::path::Path;

use crate::study::results::columns;
use crate::study::results::marks::{self, Marks};
use crate::study::results::summary::{RunSummary, StudyRecord};
use crate::study::results::{PUT_ASIDE, ProbeRecord, TimelineRecord, run_name};

/// Files that are not there though they should be. Of each run its name and whether it has a summary.
pub(super) fn missing(root: &Path, record: &StudyRecord, runs: &[(String, bool)]) -> Vec<String> {
    let mut said = Vec::new();
    let mut expect = |file: String, why: &str| {
        if !root.join(&file).exists() {
            said.push(format!("{file}: is missing{why}"));
        }
    };
    expect("comparison.csv".to_owned(), "");
    if record.status != "running" {
        expect("comparison.md".to_owned(), "");
        expect("stats.csv".to_owned(), ", and with it the statistics");
    }
    for (run, _) in runs.iter().filter(|(_, is_whole)| *is_whole) {
        expect(format!("runs/{run}/latency.hgrm"), "");
        for load in 1..=record.loads.len() {
            expect(format!("runs/{run}/hey-{load}.txt"), "");
        }
    }
    for file in put_aside(root) {
        said.push(format!(
            "{file}: was cut off, or its numbers were not those of the runs; it was made again, and what was there is {PUT_ASIDE}/{file}"
        ));
    }
    // rows of requests may be left out or thrown away, of all runs alike
    let has_requests = |run: &str| root.join("runs").join(run).join("requests.csv").exists();
    if runs.iter().any(|(run, _)| has_requests(run)) {
        for (run, _) in runs.iter().filter(|(run, _)| !has_requests(run)) {
            said.push(format!("runs/{run}/requests.csv: is missing, and other runs have theirs"));
        }
    }
    said
}

/// Files that are not what they were when they were complete, with what became of them: those that `files.json` marks, and these
/// themselves. What follows from the runs is left out: it is made again, and kept where it was damaged.
pub(super) fn breaches(root: &Path, runs: &[&RunSummary]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let study = marks_of(root, "", &mut found);
    let follows = |name: &str| !name.contains('/') && !["study.json", "comparison.csv", "demand.csv"].contains(&name);
    for (file, mark) in study.iter().flat_map(|marks| &marks.files).filter(|(file, _)| !follows(file)) {
        found.extend(mark.breach(&root.join(file)).map(|what| (file.clone(), what)));
    }
    for run in runs {
        let folder = format!("runs/{}/", run_name(&run.arm, run.repeat));
        let marks = marks_of(root, &folder, &mut found);
        for (name, mark) in marks.iter().flat_map(|marks| &marks.files) {
            let file = format!("{folder}{name}");
            // rows of requests may be thrown away, of all runs alike
            if name != "requests.csv" || root.join(&file).exists() {
                found.extend(mark.breach(&root.join(&file)).map(|what| (file, what)));
            }
        }
    }
    found
}

/// The marks of a folder; none if it has none, or if they can't be read, which is then found.
fn marks_of(root: &Path, folder: &str, found: &mut Vec<(String, String)>) -> Option<Marks> {
    Marks::read(&root.join(folder)).unwrap_or_else(|_| {
        let what = "was cut off or changed, and with it what tells whether the files beside it were";
        found.push((format!("{folder}{}", marks::NAME), what.to_owned()));
        None
    })
}

/// Files that were once found damaged and made again.
fn put_aside(root: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.join(PUT_ASIDE)) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Where a run's summary and its rows tell different things.
pub(super) fn contradictions(
    run: &str,
    summary: &RunSummary,
    timeline: Option<&[TimelineRecord]>,
    probes: Option<&[ProbeRecord]>,
) -> Vec<String> {
    let mut said = Vec::new();
    let mut compare = |what: &str, in_summary: u64, elsewhere: u64, place: &str| {
        if in_summary != elsewhere {
            said.push(format!(
                "runs/{run}: summary.json counts {in_summary} {what} and {place} {elsewhere}: one of them was cut off or changed"
            ));
        }
    };
    if let Some(rows) = timeline {
        let sum = |of: fn(&TimelineRecord) -> Option<u64>| rows.iter().filter_map(of).fold(0_u64, u64::saturating_add);
        compare("planned requests", summary.planned, sum(|row| row.planned), "timeline.csv");
        compare("answered requests", summary.completed, sum(|row| row.completed), "timeline.csv");
    }
    if let Some(rows) = probes {
        compare("probes", summary.probes, rows.len() as u64, "probes.csv");
    }
    let histogram = summary.latency_histogram_us.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    compare("answered requests", summary.completed, histogram, "its own histogram");
    said
}

/// Where `comparison.csv` and the summaries tell different things.
pub(super) fn comparison(root: &Path, summaries: &[&RunSummary]) -> Vec<String> {
    let path = root.join("comparison.csv");
    if !path.exists() {
        return Vec::new();
    }
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) => return vec![format!("comparison.csv: {error}")],
    };
    let mut said: Vec<String> =
        cut_off(&text).map(|problem| format!("comparison.csv: {problem}")).into_iter().collect();
    let written = match rows(&text) {
        Ok(rows) => rows,
        Err(error) => {
            said.push(format!("comparison.csv: {error}"));
            return said;
        }
    };
    let ours = columns::header() + &summaries.iter().map(|summary| columns::row(summary)).collect::<String>();
    let Ok(ours) = rows(ours.as_bytes()) else { return said };
    let key = |row: &Row| (row.get("arm").cloned(), row.get("repeat").cloned());
    let name = |row: &Row| {
        let of = |column: &str| row.get(column).map_or("?", String::as_str);
        format!("{}, repeat {}", of("arm"), of("repeat"))
    };
    for row in &ours {
        let Some(other) = written.iter().find(|other| key(other) == key(row)) else {
            said.push(format!("comparison.csv: the row of {} is missing", name(row)));
            continue;
        };
        // columns that only one of two versions knows tell nothing
        let differs =
            |(column, value): &(&String, &String)| other.get(*column).is_some_and(|there| !same(value, there));
        let columns: Vec<&str> = row.iter().filter(differs).map(|(column, _)| column.as_str()).collect();
        if !columns.is_empty() {
            said.push(format!(
                "comparison.csv: the row of {} differs from its summary.json in {}: one of them was changed",
                name(row),
                columns.join(", ")
            ));
        }
    }
    for row in written.iter().filter(|row| !ours.iter().any(|other| key(other) == key(row))) {
        said.push(format!("comparison.csv: {} has a row and no readable summary.json", name(row)));
    }
    said
}

type Row = BTreeMap<String, String>;

fn rows(text: &[u8]) -> Result<Vec<Row>, csv::Error> {
    csv::Reader::from_reader(text).deserialize().collect()
}

/// What is wrong with the end of a file of rows, if anything: each row ends with its line.
pub(super) fn cut_off(text: &[u8]) -> Option<&'static str> {
    (text.last() != Some(&b'\n')).then_some("the last line is incomplete")
}

/// Whether two cells tell the same; another version may have written a number with other digits.
fn same(one: &str, other: &str) -> bool {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() <= 1e-3 * one.abs().max(1.0),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> RunSummary {
        RunSummary {
            arm: "watchtower".to_owned(),
            repeat: 1,
            planned: 10,
            completed: 9,
            probes: 2,
            latency_histogram_us: vec![(10, 4), (20, 5)],
            ..RunSummary::default()
        }
    }

    #[test]
    fn counts_that_are_told_twice_must_agree() {
        let second = |planned, completed| TimelineRecord {
            planned: Some(planned),
            completed: Some(completed),
            ..TimelineRecord::default()
        };
        let whole = [second(6, 4), second(4, 5)];
        let probes = [ProbeRecord::default(), ProbeRecord::default()];
        assert_eq!(contradictions("w-1", &summary(), Some(&whole), Some(&probes)), [""; 0]);
        let said = contradictions("w-1", &summary(), Some(&whole[..1]), Some(&probes[..1])).join("\n");
        for part in [
            "counts 10 planned requests and timeline.csv 6",
            "counts 9 answered requests and timeline.csv 4",
            "2 probes and probes.csv 1",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let changed = RunSummary { completed: 8, ..summary() };
        assert!(contradictions("w-1", &changed, None, None)[0].contains("its own histogram 9"));
    }

    #[test]
    fn a_changed_a_missing_and_a_foreign_row_of_the_comparison_are_named() {
        let room = tempfile::tempdir().expect("a folder");
        let text =
            |summaries: &[RunSummary]| columns::header() + &summaries.iter().map(columns::row).collect::<String>();
        let (one, two) = (summary(), RunSummary { repeat: 2, ..summary() });
        let file = room.path().join("comparison.csv");
        std::fs::write(&file, text(&[one.clone(), two.clone()])).expect("a file");
        assert_eq!(comparison(room.path(), &[&one, &two]), [""; 0]);
        let changed = RunSummary { planned: 11, ..one.clone() };
        std::fs::write(&file, text(&[changed, RunSummary { repeat: 3, ..two.clone() }])).expect("a file");
        let said = comparison(room.path(), &[&one, &two]).join("\n");
        for part in [
            "row of watchtower, repeat 1 differs from its summary.json in planned",
            "row of watchtower, repeat 2 is missing",
            "watchtower, repeat 3 has a row and no",
        ] {
            assert!(said.contains(part), "{said}");
        }
        std::fs::write(&file, "arm,repeat\nx\n").expect("a file");
        assert!(comparison(room.path(), &[&one])[0].starts_with("comparison.csv: "));
    }
}
