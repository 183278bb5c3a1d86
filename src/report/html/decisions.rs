//! Every scaling decision, with its reason, in one table that can be filtered.

use std::fmt::Write as _;

use super::{arm_name, close_table, open_table, since_load};
use crate::record::EventRow;
use crate::report::charts::escape;
use crate::report::material::{Event, Material, Run};

/// Kinds of events that are decisions about replicas.
const SHOWN: [&str; 2] = ["scale", "refused"];

/// Decisions that are written out in all, and fewest of a run: the others are in its file.
const MOST: usize = 3000;
const MOST_OF_RUN: (usize, usize) = (20, 400);

/// More than these are put on paper of the first repeat only, which is the one that the drawing of the course shows too.
const ON_PAPER: usize = 60;

/// One decision in its run.
struct Decision<'a> {
    place: usize,
    arm: &'a str,
    run: &'a Run,
    event: &'a Event,
}

impl Decision<'_> {
    fn is_of_shadow(&self) -> bool {
        self.event.actor.starts_with(EventRow::SHADOW)
    }
}

pub(super) fn section(page: &mut String, material: &Material) {
    let runs: Vec<(usize, &str, &Run)> = material
        .arms
        .iter()
        .enumerate()
        .flat_map(|(place, arm)| arm.runs.iter().map(move |run| (place, arm.name.as_str(), run)))
        .collect();
    if runs.is_empty() {
        return;
    }
    let most = (MOST / runs.len()).clamp(MOST_OF_RUN.0, MOST_OF_RUN.1);
    page.push_str(
        "<section id=\"decisions\" data-part=\"decisions\">\n<h2>Scaling decisions</h2>\n<div class=\"card\">\n",
    );
    let mut shown: Vec<Decision<'_>> = Vec::new();
    let mut said: Vec<String> = Vec::new();
    for (place, arm, run) in runs {
        let Some(events) = &run.events else {
            said.push(format!("The decisions of {} are not readable.", run.name));
            continue;
        };
        let decisions = || events.iter().filter(|event| SHOWN.contains(&event.kind.as_str()));
        let all = decisions().count();
        if all > most {
            said.push(format!("{} more are in runs/{}/events.csv.", all - most, run.name));
        }
        shown.extend(decisions().take(most).map(|event| Decision { place, arm, run, event }));
    }
    if shown.is_empty() {
        page.push_str("<p>No run scaled anything.</p>\n");
    } else {
        let of_shadows = shown.iter().filter(|decision| decision.is_of_shadow()).count();
        let shadows = if of_shadows > 0 {
            format!(" {of_shadows} of {} are of shadows, not carried out.", shown.len())
        } else {
            String::new()
        };
        let _ = writeln!(
            page,
            "<p>Each change of the replicas asked for with the numbers behind it, and each that was refused.{shadows}</p>"
        );
        table(page, &shown);
    }
    if said.len() > 6 {
        let rest = said.len() - 5;
        said.truncate(5);
        said.push(format!("So have {rest} further runs."));
    }
    if !said.is_empty() {
        let _ = writeln!(page, "<p class=\"hint\">{}</p>", escape(&said.join(" ")));
    }
    page.push_str("</div>\n</section>\n");
}

fn table(page: &mut String, decisions: &[Decision<'_>]) {
    open_table(page, "Scaling decisions", " class=\"long\"");
    page.push_str(
        "<thead><tr><th scope=\"col\">Arm</th><th scope=\"col\" class=\"number\">Repeat</th><th scope=\"col\" class=\"number\">Time</th>\
         <th scope=\"col\">Replicas</th><th scope=\"col\">Who</th><th scope=\"col\">Why</th></tr></thead>\n<tbody>\n",
    );
    let replicas = |count: Option<u32>| count.map_or("–".to_owned(), |count| count.to_string());
    let first = first_on_paper(decisions);
    for decision in decisions {
        let Decision { place, arm, run, event } = decision;
        let of_shadow = decision.is_of_shadow();
        let refused = event.kind == "refused";
        let kind = match (of_shadow, refused) {
            (true, _) => "shadow",
            (false, true) => "refused",
            (false, false) if event.to < event.from => "down",
            (false, false) => "up",
        };
        let _ = writeln!(
            page,
            "<tr{} data-arm=\"{}\" data-repeat=\"{}\" data-kind=\"{kind}\" data-t=\"{}\"><td class=\"nowrap\">{}</td>\
             <td class=\"number\">{}</td><td class=\"number when\">{}</td><td class=\"nowrap\">{} → {}{}</td>\
             <td class=\"nowrap\">{}</td><td class=\"wide-text\">{}</td></tr>",
            match (of_shadow, first.is_some_and(|first| run.repeat != first)) {
                (false, false) => "",
                (true, false) => " class=\"shadow\"",
                (false, true) => " class=\"later\"",
                (true, true) => " class=\"shadow later\"",
            },
            escape(arm),
            run.repeat,
            event.t_s,
            arm_name(*place, arm),
            run.repeat,
            since_load(event.t_s),
            replicas(event.from),
            replicas(event.to),
            if refused { " <span class=\"no\">refused</span>" } else { "" },
            escape(&event.actor),
            escape(&event.reason),
        );
    }
    page.push_str("</tbody>\n");
    close_table(page);
    if let Some(first) = first {
        let _ = writeln!(
            page,
            "<p class=\"hint paper\">On paper only repeat {first} is told; each run's are in its events.csv.</p>"
        );
    }
}

/// The repeat that is put on paper, if not all are.
fn first_on_paper(decisions: &[Decision<'_>]) -> Option<u32> {
    let repeats = || decisions.iter().map(|decision| decision.run.repeat);
    let first = repeats().min()?;
    (decisions.len() > ON_PAPER && repeats().any(|repeat| repeat != first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::tests::material;

    #[test]
    fn many_decisions_are_cut_per_run_and_the_file_is_named() {
        let mut study = material(&["watchtower", "openfaas-ce"], 1);
        let event = study.arms[0].runs[0].events.as_ref().map(|events| events[1].clone()).expect("events");
        study.arms[0].runs[0].events = Some(vec![event; 1000]);
        let mut page = String::new();
        section(&mut page, &study);
        assert_eq!(page.matches("<tr").count(), 1 + 400 + 4);
        assert!(page.contains("600 more are in runs/watchtower-1/events.csv."));
        study.arms[1].runs[0].events = None;
        page.clear();
        section(&mut page, &study);
        assert!(page.contains("The decisions of openfaas-ce-1 are not readable."));
    }

    #[test]
    fn of_many_decisions_paper_has_the_first_repeats() {
        let page = |repeats: u32| {
            let mut page = String::new();
            section(&mut page, &material(&["watchtower", "openfaas-ce"], repeats));
            page
        };
        // four decisions in a run
        assert!(!page(7).contains("later") && !page(7).contains("On paper"));
        let many = page(8);
        assert_eq!(many.matches("<tr class=\"later\"").count(), 2 * 7 * 4);
        assert!(many.contains("On paper only repeat 1 is told"));
    }
}
