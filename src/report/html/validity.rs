//! Whether the runs can be trusted, run by run.

use std::fmt::Write as _;

use super::{arm_name, close_table, open_table};
use crate::report::charts::{escape, scale};
use crate::report::material::{Material, Run};
use crate::study::results::summary::RunSummary;

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
    for head in ["Planned", "Sent", "Lost, busy", "Lost, late", "Lateness p99", "Standstills"] {
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{head}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (place, arm) in material.arms.iter().enumerate() {
        for run in &arm.runs {
            let mut name = arm_name(place, &arm.name);
            if repeated {
                let _ = write!(name, " <span class=\"nowrap\">#{}</span>", run.repeat);
            }
            line(page, &name, run);
        }
    }
    page.push_str("</tbody>\n");
    close_table(page);
    page.push_str("</div>\n</section>\n");
}

fn line(page: &mut String, name: &str, run: &Run) {
    let Some(summary) = &run.summary else {
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{name}</th><td class=\"no\">unknown</td><td colspan=\"6\">it never ended, or its summary can't be read</td></tr>"
        );
        return;
    };
    let valid = match (summary.valid, summary.partial) {
        (true, false) => "<span class=\"yes\">✓ yes</span>",
        (true, true) => "<span class=\"no\">cut short</span>",
        (false, _) => "<span class=\"no\">✗ no</span>",
    };
    let _ = writeln!(
        page,
        "<tr><th scope=\"row\">{name}</th><td class=\"nowrap\">{valid}</td><td class=\"number\">{}</td>\
         <td class=\"number\">{}<span class=\"range\">{}</span></td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
         <td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
        scale::count(summary.planned),
        scale::count(summary.sent),
        share(summary.sent, summary.planned),
        scale::count(summary.lost_busy),
        scale::count(summary.lost_late),
        summary.lateness_us.get("p99").map_or("–".to_owned(), |us| scale::latency(us / 1e3)),
        scale::latency(summary.stalled_s * 1e3),
    );
    for reason in reasons(summary) {
        let _ = writeln!(page, "<tr><td></td><td colspan=\"7\" class=\"wide-text\">{}</td></tr>", escape(&reason));
    }
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
    if !errors.is_empty() || !codes.is_empty() {
        reasons.push(format!("Errors: {}.", [errors, codes].concat().join(", ")));
    }
    reasons
}

fn share(sent: u64, planned: u64) -> String {
    if planned == 0 { "–".to_owned() } else { scale::percent(sent as f64 / planned as f64) }
}
