//! Every scaling decision, with its reason.

use std::fmt::Write as _;

use super::{arm_name, close_table, open_table, since_load};
use crate::record::EventRow;
use crate::report::charts::escape;
use crate::report::material::{Event, Material, Run};

/// Kinds of events that are decisions about replicas.
const SHOWN: [&str; 2] = ["scale", "refused"];

/// Decisions of one run that are written out; the others are in its file.
const MOST: usize = 400;

pub(super) fn section(page: &mut String, material: &Material) {
    if material.arms.iter().all(|arm| arm.runs.is_empty()) {
        return;
    }
    page.push_str("<section>\n<h2>Scaling decisions</h2>\n");
    for (place, arm) in material.arms.iter().enumerate() {
        for (index, run) in arm.runs.iter().enumerate() {
            let repeat = if arm.runs.len() > 1 { format!(", repeat {}", run.repeat) } else { String::new() };
            let open = if index == 0 { " open" } else { "" };
            let decisions: Option<Vec<&Event>> = run
                .events
                .as_ref()
                .map(|events| events.iter().filter(|event| SHOWN.contains(&event.kind.as_str())).collect());
            let of_shadows = |event: &&&Event| event.actor.starts_with(EventRow::SHADOW);
            let shadows = decisions.iter().flatten().filter(of_shadows).count();
            let mut count = match decisions.as_ref().map(|decisions| decisions.len() - shadows) {
                None => "not readable".to_owned(),
                Some(0) => "none".to_owned(),
                Some(1) => "one decision".to_owned(),
                Some(count) => format!("{count} decisions"),
            };
            if shadows > 0 {
                let _ = write!(count, ", and {shadows} of shadows, not carried out");
            }
            let _ = writeln!(
                page,
                "<details class=\"card\"{open}>\n<summary>{}{repeat}<span class=\"hint\">{count}</span></summary>",
                arm_name(place, &arm.name)
            );
            if let Some(decisions) = decisions.filter(|decisions| !decisions.is_empty()) {
                table(page, &arm.name, &decisions, run);
            }
            page.push_str("</details>\n");
        }
    }
    page.push_str("</section>\n");
}

fn table(page: &mut String, arm: &str, decisions: &[&Event], run: &Run) {
    open_table(page, &format!("Scaling decisions of {arm}, repeat {}", run.repeat), "");
    page.push_str(
        "<thead><tr><th scope=\"col\" class=\"number\">Time</th><th scope=\"col\">Replicas</th><th scope=\"col\">Who</th>\
         <th scope=\"col\">Why</th></tr></thead>\n<tbody>\n",
    );
    let replicas = |count: Option<u32>| count.map_or("–".to_owned(), |count| count.to_string());
    for decision in decisions.iter().take(MOST) {
        let refused = if decision.kind == "refused" { " <span class=\"no\">refused</span>" } else { "" };
        let row = if decision.actor.starts_with(EventRow::SHADOW) { "<tr class=\"shadow\">" } else { "<tr>" };
        let _ = writeln!(
            page,
            "{row}<td class=\"number\">{}</td><td class=\"nowrap\">{} → {}{refused}</td><td class=\"nowrap\">{}</td>\
             <td class=\"wide-text\">{}</td></tr>",
            since_load(decision.t_s),
            replicas(decision.from),
            replicas(decision.to),
            escape(&decision.actor),
            escape(&decision.reason),
        );
    }
    page.push_str("</tbody>\n");
    close_table(page);
    if decisions.len() > MOST {
        let _ = writeln!(
            page,
            "<p class=\"hint\">{} more are in <code>runs/{}/events.csv</code>.</p>",
            decisions.len() - MOST,
            escape(&run.name)
        );
    }
}
