//! The charts of the page, each with what to look for in it.

use std::fmt::Write as _;

use super::panel::Kept;
use crate::report::charts::data::Study;
use crate::report::charts::{Chart, ChartError, escape, scale, theme};

/// Width at which a chart is drawn that shares a row of the page with another.
const HALF: f64 = 640.0;

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
        Chart::Outcomes => {
            "Cheaper runs lie to the left, runs that kept more of their promise further down: the best place is the lower left. An arm \
             above and to the right of another is beaten in both."
        }
        Chart::Differences => {
            "Each row holds the second arm against the first, run by run under the same load. An interval that crosses the zero line is \
             not told from chance. A grey band, where there is one, is how far apart runs of one and the same arm lie (A/A)."
        }
        Chart::Probes => {
            "On the diagonal a probe met what users met. Dots above it: users waited longer than the probe said, so a policy that \
             steers by probes sees less than its users do."
        }
        Chart::Replicas => {
            "A gap between desired and ready is start-up time. The dark strip marks seconds in which the latency percentile lay above \
             the objective."
        }
        Chart::Timeline => {
            "Grey above the line of delivered requests is load that failed, or never left because its worker was still waiting; where \
             that line goes on after the plan has ended, slow replies had held requests back. Triangles mark each change of the \
             replicas asked for. Demand is the fewest replicas that meet the objective at that load: what lies below it is \
             filled dark (too few), what lies above it light (too many). Percentiles are those of the requests answered in each second, \
             from sent; the dashed line is the objective."
        }
        Chart::Lateness => {
            "How much later than possible the generator itself sent each request: the error of the measurement. It has to be small against \
             the latencies above."
        }
    }
}

/// A study as its page draws it.
pub(super) struct Shown<'a> {
    all: &'a Study,
    /// The arms for charts in which each has a panel of its own, where all would be too many under each other.
    few: Option<Study>,
}

impl<'a> Shown<'a> {
    /// `first`: places of the arms that come before others.
    pub(super) fn of(all: &'a Study, first: &[usize]) -> Self {
        let few =
            || Study { arms: first.iter().filter_map(|place| all.arms.get(*place)).cloned().collect(), ..all.clone() };
        Self { all, few: (first.len() < all.arms.len()).then(few) }
    }

    fn study(&self, chart: Chart) -> &Study {
        match (chart, &self.few) {
            (Chart::Timeline | Chart::LatencyHistogram | Chart::Replicas | Chart::Lateness, Some(few)) => few,
            _ => self.all,
        }
    }

    /// What a chart leaves out, in a sentence after a space.
    fn left_out(&self, chart: Chart) -> String {
        let (drawn, all) = (self.study(chart).arms.len(), self.all.arms.len());
        if drawn < all { format!(" {drawn} of {all} arms are drawn here; the files have all.") } else { String::new() }
    }
}

/// Whether a chart would show anything; the page leaves out those that wouldn't.
fn has_data(chart: Chart, study: &Study) -> bool {
    match chart {
        Chart::Differences => !study.differences.is_empty(),
        Chart::Probes => study.arms.iter().any(|arm| !arm.probe_pairs.is_empty()),
        // the time panel shows more of the same
        Chart::Replicas => {
            study.arms.iter().filter_map(|arm| arm.course.as_ref()).any(|course| !course.shadows.is_empty())
        }
        Chart::Outcomes => study.arms.iter().any(|arm| !arm.outcomes.is_empty()),
        // in virtual time nothing is late
        Chart::Lateness => study.arms.iter().any(|arm| arm.lateness.max().is_some_and(|us| us > 0)),
        Chart::Timeline | Chart::LatencyHistogram | Chart::LatencyPercentiles => true,
    }
}

/// The time panel: a drawing, and the place where a script puts more.
pub(super) fn panel(page: &mut String, shown: &Shown<'_>, kept: Kept) -> Result<(), ChartError> {
    page.push_str("<section>\n<h2>Over time</h2>\n");
    let chart = Chart::Timeline;
    let mut said = shown.left_out(chart);
    if kept.runs.0 < kept.runs.1 {
        let _ = write!(
            said,
            " The page holds the first {} of {} runs; charts can be made of the others' timeline.csv.",
            kept.runs.0, kept.runs.1
        );
    }
    if kept.group > 1 {
        let _ = write!(
            said,
            " To keep the page small a point stands for up to {} s: rates are means, latencies the worst second's, replicas the last.",
            kept.group
        );
    }
    figure(page, shown.study(chart), chart, theme::WIDE, &said, true)?;
    page.push_str("</section>\n");
    Ok(())
}

/// What the arms achieved for how much, beside the numbers of the same.
/// `layout`: the class of their box, under each other or beside.
pub(super) fn beside_the_comparison(page: &mut String, study: &Study, layout: &str) -> Result<(), ChartError> {
    let _ = writeln!(page, "<div class=\"{layout}\">");
    for chart in [Chart::Outcomes, Chart::Differences].into_iter().filter(|chart| has_data(*chart, study)) {
        let more = match chart {
            Chart::Differences if study.arms.len() > 3 => {
                " Each arm is held against the one to take, or else against the first; every pair is in stats.csv."
            }
            _ => "",
        };
        figure(page, study, chart, HALF, more, false)?;
    }
    page.push_str("</div>\n");
    Ok(())
}

/// All other charts.
pub(super) fn section(page: &mut String, shown: &Shown<'_>) -> Result<(), ChartError> {
    page.push_str("<section>\n<h2>Charts</h2>\n<div class=\"pairs\">\n");
    let shown_before = [Chart::Timeline, Chart::Outcomes, Chart::Differences];
    for chart in Chart::ALL.into_iter().filter(|chart| !shown_before.contains(chart)) {
        if has_data(chart, shown.study(chart)) {
            figure(page, shown.study(chart), chart, HALF, &shown.left_out(chart), false)?;
        }
    }
    page.push_str("</div>\n</section>\n");
    Ok(())
}

fn figure(
    page: &mut String,
    study: &Study,
    chart: Chart,
    width: f64,
    more: &str,
    scripted: bool,
) -> Result<(), ChartError> {
    let wide = chart.inline_svg(study, width)?.replacen("class=\"chart\"", "class=\"chart wide\"", 1);
    let narrow = chart.inline_svg(study, theme::NARROW)?.replacen("class=\"chart\"", "class=\"chart narrow\"", 1);
    let file = chart.name();
    let interactive = if scripted { "<div class=\"interactive\" hidden></div>\n" } else { "" };
    let _ = writeln!(
        page,
        "<figure class=\"card\" id=\"{file}\">\n<h3>{}</h3>\n<p class=\"about\">{}</p>\n{interactive}<div class=\"drawn\">{wide}{narrow}</div>\
         <figcaption>{}{more} Files: <a href=\"charts/{file}.svg\">SVG</a>, <a href=\"charts/{file}.png\">PNG</a>.</figcaption>\n</figure>",
        escape(&chart.title(study)),
        escape(&chart.subtitle(study)),
        caption(chart),
    );
    Ok(())
}

/// The objective in words.
pub(super) fn objective(percentile: f64, latency_ms: f64) -> String {
    format!("{}\u{a0}% of requests within {}", scale::digits(percentile, 5), scale::latency(latency_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::tests::material;

    #[test]
    fn of_many_arms_charts_with_a_panel_for_each_have_a_few() {
        let all = material(&["a", "b", "c"], 1).chart_data();
        let shown = Shown::of(&all, &[2, 0]);
        let names = |chart: Chart| shown.study(chart).arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(Chart::Timeline), ["c", "a"]);
        assert_eq!(names(Chart::LatencyPercentiles), ["a", "b", "c"]);
        assert_eq!(shown.left_out(Chart::Timeline), " 2 of 3 arms are drawn here; the files have all.");
        assert_eq!(Shown::of(&all, &[0, 1, 2]).left_out(Chart::Timeline), "");
    }
}
