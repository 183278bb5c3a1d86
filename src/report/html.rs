//! One page that says it all: verdict, numbers, charts, decisions, and how to do it again. One file, no request, no script.
//!
//! Everything that comes from files is escaped where it enters the page.

mod comparison;
mod decisions;
mod expectations;
mod setup;
mod validity;

use std::fmt::Write as _;

use super::charts::{self, Chart, ChartError, data::Study, escape, font, scale, theme};
use super::material::Material;
use super::verdict::{Comparison, Verdict, judge};

const STYLE: &str = include_str!("html/style.css");

/// Forbids the page whatever it does not need, so that it can't reach out even if a name got through unescaped.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; base-uri 'none'; form-action 'none'";

/// The report as one HTML file.
pub(super) fn page(material: &Material, study: &Study, comparisons: &[Comparison]) -> Result<String, ChartError> {
    let record = &material.record;
    let name = escape(&record.name);
    let mut page = String::with_capacity(600_000);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"generator\" content=\"watchtower {}\">\n<title>{name} · watchtower report</title>\n\
         <style>\n{}{STYLE}{}{}</style>\n</head>\n<body>\n",
        escape(&record.watchtower_version),
        font::style_sheet(),
        charts::page_style(),
        chips(),
    );
    head(&mut page, material);
    page.push_str("<main>\n");
    verdict(&mut page, &judge(material, comparisons));
    damages(&mut page, material);
    expectations::section(&mut page, material);
    comparison::section(&mut page, material, study, comparisons);
    figures(&mut page, study)?;
    validity::section(&mut page, material);
    decisions::section(&mut page, material);
    setup::section(&mut page, material);
    page.push_str("</main>\n");
    let _ = writeln!(
        page,
        "<footer><p>Made by watchtower {} from the files beside this page; <code>watchtower report</code> makes it again.</p></footer>",
        escape(&record.watchtower_version)
    );
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

/// The target in virtual time. When and on how many threads it was computed is no part of its results, and the page is the same.
const SIMULATED: &str = "simulated";

fn head(page: &mut String, material: &Material) {
    let record = &material.record;
    let _ = write!(page, "<header>\n<p class=\"kicker\">watchtower report</p>\n<h1>{}</h1>\n", escape(&record.name));
    if !record.description.is_empty() {
        let _ = writeln!(page, "<p class=\"lead\">{}</p>", escape(&record.description));
    }
    let runs = material.summaries().count();
    let facts = [
        (
            "Objective",
            format!("p{} within {}", scale::digits(record.slo_percentile, 5), scale::latency(record.slo_latency_ms)),
        ),
        ("Target", record.target.clone()),
        ("Runs", format!("{runs} of {}", record.arms.len().max(1) as u64 * u64::from(record.repeats.max(1)))),
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

fn verdict(page: &mut String, verdict: &Verdict) {
    let class = if verdict.warning { "card verdict warning" } else { "card verdict" };
    let _ = writeln!(
        page,
        "<section class=\"{class}\" aria-label=\"Verdict\">\n<strong>{}</strong>",
        escape(&verdict.headline)
    );
    for sentence in &verdict.because {
        let _ = writeln!(page, "<p>{}</p>", escape(sentence));
    }
    page.push_str("</section>\n");
}

/// What could not be read.
fn damages(page: &mut String, material: &Material) {
    if material.damages.is_empty() {
        return;
    }
    page.push_str("<section class=\"card notice\">\n<h3>Not everything could be read</h3>\n<ul>\n");
    for damage in &material.damages {
        let _ = writeln!(page, "<li>{}</li>", escape(damage));
    }
    page.push_str("</ul>\n</section>\n");
}

/// What to look for in each chart.
const fn caption(chart: Chart) -> &'static str {
    match chart {
        Chart::LatencyHistogram => {
            "All arms share bins and axes. Bars count from when a request left, as hey does; the outline counts from when it was due. \
             Where the outline lies to the right of the bars, requests waited for a busy worker before they could leave."
        }
        Chart::LatencyPercentiles => {
            "The objective is met where a curve passes below the ring. Each step to the right looks at a tail ten times as rare; \
             a curve ends where the data end."
        }
        Chart::Replicas => {
            "A gap between desired and ready is start-up time. The dark strip marks seconds in which the latency percentile lay above \
             the objective."
        }
        Chart::Timeline => {
            "Grey above the line of requests sent is load that never left because its worker was still waiting. Percentiles are those \
             of the requests answered in each second, from sent."
        }
        Chart::Lateness => {
            "How much later than possible the generator itself sent each request: the error of the measurement. It has to be small against \
             the latencies above."
        }
    }
}

fn figures(page: &mut String, study: &Study) -> Result<(), ChartError> {
    page.push_str("<section>\n<h2>Charts</h2>\n");
    for chart in Chart::ALL {
        let wide = chart.inline_svg(study, theme::WIDE)?.replacen("class=\"chart\"", "class=\"chart wide\"", 1);
        let narrow = chart.inline_svg(study, theme::NARROW)?.replacen("class=\"chart\"", "class=\"chart narrow\"", 1);
        let file = chart.name();
        let _ = writeln!(
            page,
            "<figure class=\"card\" id=\"{file}\">\n<h3>{}</h3>\n<p class=\"about\">{}</p>\n{wide}{narrow}\
             <figcaption>{} Files: <a href=\"charts/{file}.svg\">SVG</a>, <a href=\"charts/{file}.png\">PNG</a>.</figcaption>\n</figure>",
            escape(&chart.title(study)),
            escape(&chart.subtitle(study)),
            caption(chart),
        );
    }
    page.push_str("</section>\n");
    Ok(())
}

/// Style rules that give every arm's chip its colour, on light and on dark.
fn chips() -> String {
    let mut css = String::new();
    let mut dark = String::new();
    for place in 0..theme::ARMS_MANY {
        let light = theme::arm(place);
        let _ = writeln!(css, ".arm{place}{{background:{}}}", light.css());
        if let Some((_, on_dark)) = theme::DARK.iter().find(|(colour, _)| *colour == light) {
            let _ = writeln!(dark, ".arm{place}{{background:{}}}", on_dark.css());
        }
    }
    format!(
        "{css}@media screen and (prefers-color-scheme:dark){{\n{dark}}}\n@media print{{.chip{{print-color-adjust:exact}}}}\n"
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
        page(material, &material.chart_data(), &[]).expect("a drawing")
    }

    #[test]
    fn the_page_loads_nothing_and_runs_nothing() {
        let page = page_of(&material(&["watchtower", "openfaas-ce"], 2));
        for outside in ["http:", "https:", "src=", "<script", "<link", "@import", "<iframe", "<img"] {
            assert!(!page.contains(outside), "{outside}");
        }
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
        let page = page(&material, &material.chart_data(), &[row]).expect("a drawing");
        assert!(!page.contains("<script") && !page.contains("alert(\""));
        assert!(!page.contains('\u{0}'));
        assert!(page.contains("&lt;script&gt;alert(&quot;x&quot;)"));
    }

    #[test]
    fn the_verdict_comes_first_and_every_decision_has_its_reason() {
        let page = page_of(&material(&["watchtower", "openfaas-ce"], 1));
        let verdict = page.find("No verdict: one run per arm.").expect("a verdict");
        assert!(page.find("<h2").is_some_and(|first| verdict < first));
        assert_eq!(page.matches("2 probes in a row above 90 ms (118 ms, 132 ms)").count(), 2);
        assert!(page.contains("the platform grants at most 5 replicas"));
        assert!(!page.contains("warm-up</td>"), "phases are no decisions");
    }

    #[test]
    fn headings_descend_without_a_gap_and_every_element_is_closed() {
        let page = page_of(&material(&["watchtower", "openfaas-ce"], 3));
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
