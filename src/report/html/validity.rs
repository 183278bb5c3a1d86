//! Whether the runs can be trusted, run by run.

use std::fmt::Write as _;

use super::{arm_name, close_table, open_table};
use crate::report::charts::{escape, scale};
use crate::report::material::{Material, Run};
use crate::study::results::explanation::explanations;
use crate::study::results::summary::{CpuPart, RunSummary};

/// Heads of the numbers.
const HEADS: [&str; 8] =
    ["Planned", "Sent", "Completed", "Lost, busy", "Lost, late", "Lateness p50", "Lateness p99", "Standstills"];

/// Heads of the shares of CPU.
const CPU_HEADS: [&str; 7] =
    ["Generator", "Its busiest thread", "Platform", "Rest of this process", "Other programs", "All", "Kept awake"];

pub(super) fn section(page: &mut String, material: &Material) {
    if material.arms.iter().all(|arm| arm.runs.is_empty()) {
        return;
    }
    page.push_str(
        "<section>\n<h2>Validity</h2>\n<div class=\"card\">\n<p>A run counts if every planned request is accounted for (sent, or not \
         sent because the system was slow) and the generator kept time. Unequal load or a late generator would compare \
         something else than autoscalers.</p>\n",
    );
    let repeated = material.arms.iter().any(|arm| arm.runs.len() > 1);
    open_table(page, "Validity of the runs", "");
    page.push_str("<thead><tr><th scope=\"col\">Run</th><th scope=\"col\">Valid</th>");
    for head in HEADS {
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{head}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (place, arm) in material.arms.iter().chain(&material.twins).enumerate() {
        for run in &arm.runs {
            line(page, &run_name(place, &arm.name, run, repeated), run);
        }
    }
    page.push_str("</tbody>\n");
    close_table(page);
    cpu_table(page, material, repeated);
    page.push_str("</div>\n</section>\n");
}

fn run_name(place: usize, arm: &str, run: &Run, repeated: bool) -> String {
    let mut name = arm_name(place, arm);
    if repeated {
        let _ = write!(name, " <span class=\"nowrap\">#{}</span>", run.repeat);
    }
    name
}

/// Who had the CPU, of the runs of which that is known.
fn cpu_table(page: &mut String, material: &Material, repeated: bool) {
    let known = material.arms.iter().enumerate().flat_map(|(place, arm)| {
        arm.runs.iter().filter_map(move |run| {
            let cpu = run.summary.as_ref()?.cpu?;
            Some((run_name(place, &arm.name, run, repeated), cpu))
        })
    });
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        page.push_str(
            "<p>Who used the CPU of this machine is unknown: the load lasted no whole second, took place in virtual time, or the \
             system keeps no /proc.</p>\n",
        );
        return;
    }
    page.push_str(
        "<p>Who used the CPU of this machine during the load: mean, and the worst second below it. 100 % is all cores, of the busiest \
         thread one core. Above the limits of the scenario a run is suspect.</p>\n",
    );
    open_table(page, "CPU during the load", "");
    page.push_str("<thead><tr><th scope=\"col\">Run</th>");
    // a column for what most runs don't have
    let awake = known.iter().any(|(_, cpu)| cpu.mean.awake > 0.0);
    let columns = CPU_HEADS.len() - usize::from(!awake);
    for head in &CPU_HEADS[..columns] {
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{head}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (name, cpu) in known {
        let _ = write!(page, "<tr><th scope=\"row\">{name}</th>");
        let parts = [
            (|part| Some(part.generator)) as fn(&CpuPart) -> Option<f64>,
            |part| Some(part.generator_thread),
            |part| part.platform,
            |part| Some(part.process),
            |part| Some(part.others),
            |part| Some(part.total),
            |part| Some(part.awake),
        ];
        for of in &parts[..columns] {
            let cell = match of(&cpu.mean).zip(of(&cpu.worst)) {
                Some((mean, worst)) => {
                    format!("{}<span class=\"range\">max {}</span>", scale::percent(mean), scale::percent(worst))
                }
                None => "–".to_owned(),
            };
            let _ = write!(page, "<td class=\"number\">{cell}</td>");
        }
        page.push_str("</tr>\n");
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
    let valid = match (summary.valid, summary.partial) {
        (true, false) if !summary.suspect_because.is_empty() => "<span class=\"yes\">✓ yes, but</span>",
        (true, false) => "<span class=\"yes\">✓ yes</span>",
        (true, true) => "<span class=\"no\">cut short</span>",
        (false, _) => "<span class=\"no\">✗ no</span>",
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
    for reason in reasons(summary) {
        let _ = writeln!(page, "<tr><td></td><td colspan=\"9\" class=\"wide-text\">{}</td></tr>", escape(&reason));
    }
}

fn late(summary: &RunSummary, key: &str) -> String {
    summary.lateness_us.get(key).map_or("–".to_owned(), |us| scale::latency(us / 1e3))
}

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
    reasons.extend(explanations(summary));
    if !errors.is_empty() || !codes.is_empty() {
        reasons.push(format!("Errors: {}.", [errors, codes].concat().join(", ")));
    }
    reasons
}

fn share(sent: u64, planned: u64) -> String {
    if planned == 0 { "–".to_owned() } else { scale::percent(sent as f64 / planned as f64) }
}
