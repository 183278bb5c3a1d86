//! One page that says it all: verdict, the course of the runs, numbers, charts, decisions, and how to do it again. One file, no request.
//!
//! ```text
//!   verdict      which arm, how sure, what it costs, what spoiled the data
//!   panel        the course of every run; a drawing (charts) where no script runs, page.js over uPlot where one does
//!   comparison   what each arm achieved      figures   charts      decisions, validity, setup
//! ```
//!
//! Everything that comes from files is escaped where it enters the page. The only scripts that may run are the two of this program,
//! named by their hash.

mod comparison;
mod decisions;
mod expectations;
mod figures;
mod panel;
mod scores;
mod setup;
mod statistics;
mod validity;
mod verdict;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use figures::Shown;
pub(super) use panel::{PanelRun, json, panel_run};

use super::charts::{self, ChartError, data::Study, escape, font, theme};
use super::material::Material;
use super::verdict::{Comparison, judge};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/page.js");
/// uPlot 1.6.32, as its authors publish it. <https://www.npmjs.com/package/uplot>
const UPLOT: &str = include_str!("html/uplot/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("html/uplot/uPlot.min.css");
const UPLOT_LICENCE: &str = include_str!("html/uplot/LICENSE");

/// How a page comes to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    /// A file, complete in itself.
    File,
    /// Served while the runs go on; it asks its server for what is new.
    Live,
}

/// Everything that is run, in one script: the library, its licence, and the page's own.
fn script() -> String {
    format!("/*\n{UPLOT_LICENCE}*/\n{UPLOT}\n{SCRIPT}")
}

/// Forbids the page whatever it does not need, so that it can't reach out even if a name got through unescaped.
fn policy(script: &str, edition: Edition) -> String {
    let hash = BASE64.encode(Sha256::digest(script));
    let connect = if edition == Edition::Live { "; connect-src 'self'" } else { "" };
    format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; font-src data:; img-src data:; base-uri 'none'; \
         form-action 'none'{connect}"
    )
}

/// The report as one HTML file.
pub(super) fn page(
    material: &Material,
    study: &Study,
    comparisons: &[Comparison],
    edition: Edition,
) -> Result<String, ChartError> {
    let record = &material.record;
    let name = escape(&record.name);
    let script = script();
    let mut page = String::with_capacity(900_000);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"generator\" content=\"watchtower {}\">\n<title>{name} · watchtower report</title>\n\
         <style>\n{}{UPLOT_STYLE}\n{STYLE}{}{}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#verdict\">To the verdict</a>\n",
        policy(&script, edition),
        escape(&record.watchtower_version),
        font::style_sheet(),
        charts::page_style(),
        colours(),
    );
    head(&mut page, material);
    page.push_str("<main>\n");
    if edition == Edition::Live {
        page.push_str("<p id=\"live\" class=\"card notice\" role=\"status\">Waiting for the next second …</p>\n");
    }
    let judged = judge(material, comparisons);
    part(&mut page, "verdict", |page| {
        verdict::section(page, &judged, material);
        damages(page, material);
        expectations::section(page, material);
        Ok(())
    })?;
    let (data, kept) = panel::panel_data(material, &judged.ranking);
    let shown = Shown::of(study, data.first());
    figures::panel(&mut page, &shown, kept)?;
    part(&mut page, "comparison", |page| comparison::section(page, material, study, comparisons))?;
    part(&mut page, "charts", |page| figures::section(page, &shown))?;
    decisions::section(&mut page, material);
    part(&mut page, "validity", |page| {
        validity::section(page, material);
        Ok(())
    })?;
    setup::section(&mut page, material);
    page.push_str("</main>\n");
    let _ = writeln!(
        page,
        "<footer><p>Made by watchtower {} from the files beside this page; <code>watchtower report</code> makes it again. The time panel \
         is drawn by uPlot (MIT licence, its text is in the page's source).</p></footer>",
        escape(&record.watchtower_version)
    );
    let _ = write!(
        page,
        "<script type=\"application/json\" id=\"data\">{}</script>\n<script>{script}</script>\n</body>\n</html>\n",
        json(&data)
    );
    Ok(page)
}

/// A piece of the page that is replaced whole while a run goes on.
fn part(
    page: &mut String,
    name: &str,
    write: impl FnOnce(&mut String) -> Result<(), ChartError>,
) -> Result<(), ChartError> {
    let _ = writeln!(page, "<div data-part=\"{name}\">");
    write(page)?;
    page.push_str("</div>\n");
    Ok(())
}

/// The target in virtual time. When and on how many threads it was computed is no part of its results, and the page is the same.
pub(in crate::report) const SIMULATED: &str = "simulated";

fn head(page: &mut String, material: &Material) {
    let record = &material.record;
    let _ = write!(page, "<header>\n<p class=\"kicker\">watchtower report</p>\n<h1>{}</h1>\n", escape(&record.name));
    if !record.description.is_empty() {
        let _ = writeln!(page, "<p class=\"lead\">{}</p>", escape(&record.description));
    }
    let runs = material.summaries().count();
    let arms = record.arms.iter().filter(|arm| arm.aa_of.is_none()).count();
    let facts = [
        ("Objective", figures::objective(record.slo_percentile, record.slo_latency_ms)),
        ("Target", target(&record.target)),
        ("Runs", format!("{runs} of {}", arms.max(1) as u64 * u64::from(record.repeats.max(1)))),
        ("Seed", record.seed.to_string()),
        if record.target == SIMULATED {
            ("Time", "virtual".to_owned())
        } else {
            ("Started", moment(record.started_unix_s))
        },
    ];
    page.push_str("<ul class=\"facts\">\n");
    for (what, value) in facts {
        let _ = writeln!(page, "<li><span>{what}</span> <b>{}</b></li>", escape(&value));
    }
    page.push_str("</ul>\n</header>\n");
}

/// The one word the command line has for a target, and what it is; the word alone if this version doesn't know it.
fn target(name: &str) -> String {
    let words = match name {
        SIMULATED => "a model in virtual time",
        "embedded" => "a model in real time behind a real gateway",
        "process" => "real functions on this machine",
        "openfaas" => "a gateway",
        "kubernetes" => "a cluster",
        _ => return name.to_owned(),
    };
    format!("{name}: {words}")
}

/// What could not be read.
fn damages(page: &mut String, material: &Material) {
    if material.damages.is_empty() {
        return;
    }
    page.push_str("<section class=\"card notice\">\n<h2>Files that are missing, damaged or changed</h2>\n<p>The rest is shown as far as it goes.</p>\n<ul>\n");
    for damage in &material.damages {
        let _ = writeln!(page, "<li>{}</li>", escape(damage));
    }
    page.push_str("</ul>\n</section>\n");
}

/// Style rules that give every arm's chip its colour, and the script its colours by name, on light and on dark.
fn colours() -> String {
    let mut light = String::new();
    let mut dark = String::new();
    let mut chips = String::new();
    let mut named = |name: &str, colour: theme::Colour| {
        let _ = write!(light, "--{name}:{};", colour.css());
        if let Some((_, on_dark)) = theme::DARK.iter().find(|(known, _)| *known == colour) {
            let _ = write!(dark, "--{name}:{};", on_dark.css());
        }
    };
    for place in 0..theme::ARMS_MANY {
        named(&format!("arm{place}"), theme::arm(place));
        let _ = writeln!(chips, ".arm{place}{{background:var(--arm{place})}}");
    }
    for (name, colour) in [("under", theme::UNDER), ("over", theme::OVER), ("load", theme::LOAD), ("axis", theme::AXIS)]
    {
        named(name, colour);
    }
    format!(
        ":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{chips}\
         @media print{{.chip{{print-color-adjust:exact}}}}\n"
    )
}

/// An arm's name with its colour.
fn arm_name(place: usize, name: &str) -> String {
    format!("<span class=\"chip arm{}\"></span>{}", place % theme::ARMS_MANY, escape(name))
}

/// Begins a table that scrolls inside its box, and names it for whom can't see it. `attributes` go to the table as they are.
fn open_table(page: &mut String, label: &str, attributes: &str) {
    let _ = writeln!(
        page,
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\">\n<table{attributes}>",
        escape(label)
    );
}

fn close_table(page: &mut String) {
    page.push_str("</table>\n</div>\n");
}

/// A point in time as UTC.
fn moment(unix_s: f64) -> String {
    jiff::Timestamp::from_second(unix_s.floor() as i64)
        .map_or_else(|_| "–".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// Seconds since the load's start, with a sign before it.
fn since_load(t_s: f64) -> String {
    let sign = if t_s < 0.0 { "−" } else { "" };
    format!("{sign}{:.1}\u{a0}s", t_s.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::Arm;
    use crate::report::material::tests::material;

    fn page_of(material: &Material) -> String {
        page(material, &material.chart_data(), &[], Edition::File).expect("a drawing")
    }

    #[test]
    fn the_page_loads_nothing_and_runs_only_its_own_script() {
        let page = page_of(&material(&["watchtower", "openfaas-ce"], 2));
        let (page, scripts) = page.split_once("<script").expect("a script");
        for outside in ["http:", "https:", "src=", "<link", "@import", "<iframe", "<img", "connect-src", "onclick="] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert_eq!(scripts.matches("</script>").count(), 2);
        let run = scripts.split_once("<script>").and_then(|(_, run)| run.split_once("</script>")).expect("a script").0;
        let hash = BASE64.encode(Sha256::digest(run));
        assert!(
            page.contains(&format!("script-src 'sha256-{hash}';")),
            "the one script that may run is the one that is there"
        );
        assert!(run.contains("Permission is hereby granted"), "the library's licence goes with it");
        assert_eq!(page.matches("url(").count(), page.matches("url(data:").count());
        assert_eq!(page.matches("@font-face").count(), 2, "the typeface is there once, in two weights");
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn names_from_files_are_escaped_wherever_they_stand() {
        let hostile = "<script>alert(\"x\")</script>&'\u{0}";
        let mut material = material(&["watchtower"], 1);
        for text in [
            &mut material.record.name,
            &mut material.record.description,
            &mut material.record.target,
            &mut material.record.watchtower_version,
            &mut material.record.scenario,
            &mut material.record.host.system,
            &mut material.record.host.cpu,
            &mut material.record.loads[0],
            &mut material.record.notes[0],
            &mut material.record.command[0],
            &mut material.record.arms[0].policy,
            &mut material.arms[0].runs[0].name,
        ] {
            hostile.clone_into(text);
        }
        hostile.clone_into(&mut material.record.arms[0].name);
        hostile.clone_into(&mut material.arms[0].name);
        material.record.arms[0].settings.insert(hostile.to_owned(), hostile.to_owned());
        material.damages.push(hostile.to_owned());
        if let Some(summary) = &mut material.arms[0].runs[0].summary {
            summary.invalid_because.push(hostile.to_owned());
            summary.error_kinds.insert(hostile.to_owned(), 1);
        }
        for event in material.arms[0].runs[0].events.iter_mut().flatten() {
            hostile.clone_into(&mut event.actor);
            hostile.clone_into(&mut event.reason);
        }
        let row = Comparison {
            metric: hostile.to_owned(),
            arm_a: hostile.to_owned(),
            arm_b: hostile.to_owned(),
            verdict: hostile.to_owned(),
            ..Comparison::default()
        };
        let page = page(&material, &material.chart_data(), &[row], Edition::File).expect("a drawing");
        assert_eq!(page.matches("<script").count(), 2);
        assert!(!page.contains("alert(\"x\")"));
        assert!(!page.contains('\u{0}'));
        assert!(page.contains("&lt;script&gt;alert(&quot;x&quot;)"));
    }

    #[test]
    fn the_verdict_comes_first_and_every_decision_has_its_reason() {
        let page = page_of(&material(&["watchtower", "openfaas-ce"], 1));
        let verdict = page.find("No verdict: one run per arm.").expect("a verdict");
        let page = page.split_once("<script").expect("a script").0;
        assert!(page.find("<h2").is_some_and(|first| verdict < first));
        assert_eq!(page.matches("2 probes in a row above 90 ms (118 ms, 132 ms)").count(), 2);
        assert!(page.contains("the platform grants at most 5 replicas"));
        assert!(!page.contains("warm-up</td>"), "phases are no decisions");
    }

    #[test]
    fn headings_descend_without_a_gap_and_every_element_is_closed() {
        let page = page_of(&material(&["watchtower", "openfaas-ce"], 3));
        let page = page.split_once("<script").expect("a script").0;
        let mut before = 1;
        for level in page.match_indices("<h").filter_map(|(at, _)| page[at + 2..at + 3].parse::<u32>().ok()) {
            assert!(level <= before + 1, "h{level} after h{before}");
            before = level;
        }
        for element in
            ["section", "figure", "table", "tbody", "thead", "tr", "td", "details", "summary", "div", "dl", "ul", "svg"]
        {
            let opened = page.matches(&format!("<{element}>")).count() + page.matches(&format!("<{element} ")).count();
            assert_eq!(opened, page.matches(&format!("</{element}>")).count(), "{element}");
        }
    }

    #[test]
    fn a_study_without_runs_and_one_with_broken_ones_still_make_a_page() {
        let mut material = material(&["watchtower", "openfaas-ce"], 1);
        material.arms[0].runs[0].summary = None;
        material.arms[0].runs[0].events = None;
        material.damages.push("runs/watchtower-1/summary.json: line 3: expected a value".to_owned());
        let page = page_of(&material);
        assert!(
            page.contains("expected a value") && page.contains("not readable") && page.contains("no run of watchtower")
        );
        material.arms = vec![Arm::default()];
        assert!(page_of(&material).contains("no run has ended"));
        material.arms.clear();
        page_of(&material);
    }

    /// Writes pages to look at, see `charts::tests::samples_to_look_at`.
    #[test]
    #[ignore = "for people's eyes"]
    fn samples_to_look_at() {
        let Ok(folder) = std::env::var("WATCHTOWER_SAMPLES") else { return };
        let eight: Vec<String> = (1..=8).map(|arm| format!("arm number {arm}")).collect();
        let eight: Vec<&str> = eight.iter().map(String::as_str).collect();
        let mut broken = material(&["watchtower", "openfaas-ce"], 1);
        broken.arms[0].runs[0].summary = None;
        broken.damages.push("runs/watchtower-1/summary.json: line 3: expected a value".to_owned());
        if let Some(summary) = &mut broken.arms[1].runs[0].summary {
            summary.valid = false;
            summary.invalid_because.push("the generator was late: 1 % of the requests left 12 ms or more after they could, and 10 ms is allowed: close other programs, lower -c or -q, or use --target simulated".to_owned());
        }
        for (name, material) in [
            ("two-arms", material(&["watchtower", "openfaas-ce"], 1)),
            ("repeated", material(&["watchtower", "openfaas-ce", "fixed-5"], 3)),
            ("eight-arms", material(&eight, 2)),
            ("broken", broken),
        ] {
            let folder = std::path::Path::new(&folder).join(name);
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join("report.html"), page_of(&material)).expect("a file");
        }
    }
}
