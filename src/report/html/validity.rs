//! Whether the runs can be trusted: how many are sound, which are not and why, and every run by itself, folded away where they are many.

mod cpu;

use std::fmt::Write as _;

use super::{arm_name, close_table, open_table};
use crate::report::charts::{escape, scale};
use crate::report::material::{Arm, Material, Run};
use crate::study::results::explanation::{explanations, explanations_of_arms};
use crate::study::results::summary::RunSummary;

/// More runs than these are not read one by one: their list is folded, and what is not sound stands before it.
const READ_AT_ONCE: usize = 8;

/// Heads of a run's numbers.
const HEADS: [&str; 8] =
    ["Planned", "Sent", "Completed", "Lost, busy", "Lost, late", "Lateness p50", "Lateness p99", "Standstills"];

/// Heads of an arm's.
const HEADS_OF_ARM: [&str; 8] = [
    "Runs",
    "Sound",
    "Suspect",
    "Not valid",
    "Never sent: slow",
    "Never sent: late",
    "Lateness p99, worst",
    "Standstills, worst",
];

/// What a run is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    Sound,
    /// It counts, and something was in its way.
    Suspect,
    /// It does not count.
    NotValid,
    /// It never ended, or its summary can't be read.
    Unknown,
}

impl Worth {
    fn of(run: &Run) -> Self {
        match &run.summary {
            None => Self::Unknown,
            Some(summary) if !summary.valid || summary.partial => Self::NotValid,
            Some(summary) if !summary.suspect_because.is_empty() => Self::Suspect,
            Some(_) => Self::Sound,
        }
    }
}

/// A run with the place and the name of its arm.
struct Placed<'a> {
    place: usize,
    arm: &'a str,
    run: &'a Run,
}

impl Placed<'_> {
    fn name(&self, repeated: bool) -> String {
        let mut name = arm_name(self.place, self.arm);
        if repeated {
            let _ = write!(name, " <span class=\"nowrap\">#{}</span>", self.run.repeat);
        }
        name
    }
}

pub(super) fn section(page: &mut String, material: &Material) {
    let arms = || material.arms.iter().chain(&material.twins).enumerate();
    let runs: Vec<Placed<'_>> =
        arms().flat_map(|(place, arm)| arm.runs.iter().map(move |run| Placed { place, arm: &arm.name, run })).collect();
    if runs.is_empty() {
        return;
    }
    let repeated = material.arms.iter().any(|arm| arm.runs.len() > 1);
    page.push_str("<section id=\"validity\">\n<h2>Validity</h2>\n<div class=\"card\">\n");
    standing(page, &runs);
    page.push_str(
        "<p>A run counts if every planned request is accounted for (sent, or not sent because the system was slow) and the generator \
         kept time. Unequal load or a late generator would compare something else than autoscalers.</p>\n",
    );
    if runs.len() <= READ_AT_ONCE {
        list(page, "Validity of the runs", runs.iter(), repeated, &reasons_and_explanations);
    } else {
        let unsound: Vec<&Placed<'_>> = runs.iter().filter(|run| Worth::of(run.run) != Worth::Sound).collect();
        if !unsound.is_empty() {
            list(page, "Runs that are not sound", unsound.iter().copied().take(READ_AT_ONCE), repeated, &reasons);
            if unsound.len() > READ_AT_ONCE {
                let more = unsound.len() - READ_AT_ONCE;
                let _ = writeln!(page, "<p class=\"hint\">{more} more are marked in the list of all runs.</p>");
            }
        }
        by_arm(page, &arms().filter(|(_, arm)| !arm.runs.is_empty()).collect::<Vec<_>>());
        how_to_read(page, material);
        let _ = writeln!(
            page,
            "<details>\n<summary>Every run<span class=\"hint\">{}, one by one</span></summary>",
            scale::count(runs.len() as u64)
        );
        list(page, "Validity of the runs", runs.iter(), repeated, &reasons);
        page.push_str("</details>\n");
    }
    cpu::section(page, &runs, repeated);
    page.push_str("</div>\n</section>\n");
}

/// How many runs are sound, in a sentence.
fn standing(page: &mut String, runs: &[Placed<'_>]) {
    let count = |worth| runs.iter().filter(|run| Worth::of(run.run) == worth).count();
    let sound = count(Worth::Sound);
    let all = runs.len();
    let said = match (sound, all) {
        (1, 1) => "The run is sound".to_owned(),
        (sound, all) if sound == all => format!("All {all} runs are sound"),
        (0, 1) => "The run is not sound".to_owned(),
        (sound, all) => format!("{sound} of {all} runs are sound"),
    };
    let others: Vec<String> = [
        (Worth::NotValid, "not valid and left out"),
        (Worth::Suspect, "suspect: kept, and something was in the way"),
        (Worth::Unknown, "unknown: never ended, or not readable"),
    ]
    .into_iter()
    .filter(|(worth, _)| count(*worth) > 0)
    .map(|(worth, words)| format!("{} {words}", count(worth)))
    .collect();
    let others = if others.is_empty() { String::new() } else { format!(" {}.", others.join("; ")) };
    let class = if sound == all { "yes" } else { "no" };
    let mark = if sound == all { "✓" } else { "!" };
    let _ = writeln!(page, "<p><strong class=\"{class}\">{mark} {said}.</strong>{others}</p>");
}

/// An arm in a line: how many runs of it are sound, and the worst of what may spoil them.
fn by_arm(page: &mut String, arms: &[(usize, &Arm)]) {
    open_table(page, "Validity by arm", "");
    page.push_str("<thead><tr><th scope=\"col\">Arm</th>");
    for head in HEADS_OF_ARM {
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{head}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (place, arm) in arms {
        let count = |worth| arm.runs.iter().filter(|run| Worth::of(run) == worth).count().to_string();
        let not_valid =
            arm.runs.iter().filter(|run| matches!(Worth::of(run), Worth::NotValid | Worth::Unknown)).count();
        let sum = |of: fn(&RunSummary) -> u64| arm.summaries().map(of).sum::<u64>();
        let planned = sum(|run| run.planned);
        let unsent = |lost: u64| {
            if lost == 0 {
                "0".to_owned()
            } else {
                format!("{}<span class=\"range\">{}</span>", scale::count(lost), share(lost, planned))
            }
        };
        let worst = |of: fn(&RunSummary) -> Option<f64>| {
            let worst = arm.summaries().filter_map(of).reduce(f64::max);
            worst.map_or_else(|| "–".to_owned(), scale::latency)
        };
        let _ = write!(page, "<tr><th scope=\"row\">{}</th>", arm_name(*place, &arm.name));
        for cell in [
            arm.runs.len().to_string(),
            count(Worth::Sound),
            count(Worth::Suspect),
            not_valid.to_string(),
            unsent(sum(|run| run.lost_busy)),
            unsent(sum(|run| run.lost_late)),
            worst(|run| run.lateness_us.get("p99").map(|us| us / 1e3)),
            worst(|run| Some(run.stalled_s * 1e3)),
        ] {
            let _ = write!(page, "<td class=\"number\">{cell}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n");
    close_table(page);
}

/// What must be known to read the numbers, by arm: repeated runs have the same to explain.
fn how_to_read(page: &mut String, material: &Material) {
    let runs: Vec<RunSummary> = material.summaries().cloned().collect();
    let said = explanations_of_arms(&runs);
    if said.is_empty() {
        return;
    }
    page.push_str("<p>How to read their numbers:</p>\n<ul class=\"notes\">\n");
    for line in said {
        let _ = writeln!(page, "<li>{}.</li>", escape(&line));
    }
    page.push_str("</ul>\n");
}

/// A line per run, and below it what is said of it.
fn list<'a>(
    page: &mut String,
    label: &str,
    runs: impl Iterator<Item = &'a Placed<'a>>,
    repeated: bool,
    said: &dyn Fn(&RunSummary) -> Vec<String>,
) {
    open_table(page, label, "");
    page.push_str("<thead><tr><th scope=\"col\">Run</th><th scope=\"col\">Valid</th>");
    for head in HEADS {
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{head}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for placed in runs {
        line(page, &placed.name(repeated), placed.run);
        for reason in placed.run.summary.iter().flat_map(said) {
            let _ = writeln!(page, "<tr><td></td><td colspan=\"9\" class=\"wide-text\">{}</td></tr>", escape(&reason));
        }
    }
    page.push_str("</tbody>\n");
    close_table(page);
}

fn line(page: &mut String, name: &str, run: &Run) {
    let Some(summary) = &run.summary else {
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{name}</th><td class=\"no\">unknown</td><td colspan=\"8\">it never ended, or its summary can't be read</td></tr>"
        );
        return;
    };
    let valid = match (Worth::of(run), summary.partial) {
        (_, true) => "<span class=\"no\">cut short</span>",
        (Worth::Suspect, _) => "<span class=\"yes\">✓ yes, but</span>",
        (Worth::Sound, _) => "<span class=\"yes\">✓ yes</span>",
        (Worth::NotValid | Worth::Unknown, _) => "<span class=\"no\">✗ no</span>",
    };
    let _ = writeln!(
        page,
        "<tr><th scope=\"row\">{name}</th><td class=\"nowrap\">{valid}</td><td class=\"number\">{}</td>\
         <td class=\"number\">{}<span class=\"range\">{}</span></td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
         <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
        scale::count(summary.planned),
        scale::count(summary.sent),
        share(summary.sent, summary.planned),
        scale::count(summary.completed),
        scale::count(summary.lost_busy),
        scale::count(summary.lost_late),
        late(summary, "p50"),
        late(summary, "p99"),
        scale::latency(summary.stalled_s * 1e3),
    );
}

fn late(summary: &RunSummary, key: &str) -> String {
    summary.lateness_us.get(key).map_or("–".to_owned(), |us| scale::latency(us / 1e3))
}

/// Why a run is not valid or suspect, and what errors it saw.
fn reasons(summary: &RunSummary) -> Vec<String> {
    let errors: Vec<String> =
        summary.error_kinds.iter().map(|(kind, count)| format!("{} {kind}", scale::count(*count))).collect();
    let codes: Vec<String> = summary
        .status_codes
        .iter()
        .filter(|(code, _)| **code >= 400)
        .map(|(code, count)| format!("{} × status {code}", scale::count(*count)))
        .collect();
    let mut reasons = summary.invalid_because.clone();
    reasons.extend(summary.suspect_because.iter().map(|reason| format!("Suspect: {reason}")));
    if !errors.is_empty() || !codes.is_empty() {
        reasons.push(format!("Errors: {}.", [errors, codes].concat().join(", ")));
    }
    reasons
}

/// These, and how to read the run's numbers.
fn reasons_and_explanations(summary: &RunSummary) -> Vec<String> {
    [reasons(summary), explanations(summary)].concat()
}

fn share(part: u64, planned: u64) -> String {
    if planned == 0 { "–".to_owned() } else { scale::percent(part as f64 / planned as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::tests::material;

    fn written(material: &Material) -> String {
        let mut page = String::new();
        section(&mut page, material);
        page
    }

    #[test]
    fn few_runs_are_listed_and_many_are_folded() {
        let few = written(&material(&["watchtower", "openfaas-ce"], 4));
        assert!(few.contains("All 8 runs are sound") && !few.contains("<details>"), "{few}");
        let many = written(&material(&["watchtower", "openfaas-ce"], 30));
        let (open, folded) = many.split_once("<details>").expect("a fold");
        assert!(open.contains("✓ All 60 runs are sound."));
        assert_eq!(open.matches("<tr>").count(), 1 + 2, "a head and a line per arm");
        assert_eq!(folded.matches("✓ yes").count(), 60);
    }

    #[test]
    fn what_is_not_sound_stands_before_the_fold_with_its_reason() {
        let mut study = material(&["watchtower", "openfaas-ce"], 30);
        let mut summary = |arm: usize, run: usize, change: &dyn Fn(&mut RunSummary)| {
            study.arms[arm].runs[run].summary.as_mut().map(change).expect("a summary");
        };
        summary(0, 4, &|run| {
            run.valid = false;
            run.invalid_because = vec!["the generator was late".to_owned()];
        });
        summary(1, 7, &|run| run.suspect_because = vec!["other programs took 60 % of the machine".to_owned()]);
        study.arms[1].runs[8].summary = None;
        let page = written(&study);
        let open = page.split_once("<details>").expect("a fold").0;
        for said in [
            "57 of 60 runs are sound.",
            "1 not valid and left out",
            "1 suspect",
            "1 unknown",
            "the generator was late",
            "other programs took 60 % of the machine",
            "it never ended",
        ] {
            assert!(open.contains(said), "{said}: {open}");
        }
    }

    #[test]
    fn of_many_that_are_not_sound_only_the_first_stand_before_the_fold() {
        let mut study = material(&["watchtower"], 40);
        for run in study.arms[0].runs.iter_mut().filter_map(|run| run.summary.as_mut()) {
            run.suspect_because = vec!["busy".to_owned()];
        }
        let page = written(&study);
        let open = page.split_once("<details>").expect("a fold").0;
        assert_eq!(open.matches("Suspect: busy").count(), READ_AT_ONCE);
        assert!(open.contains("0 of 40 runs are sound") && open.contains("32 more are marked"), "{open}");
    }
}
