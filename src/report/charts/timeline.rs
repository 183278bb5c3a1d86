//! One run second by second: the load, the replicas against what it took, and what users met.

use super::canvas::{Canvas, Drawn, Rect, Stroke};
use super::course::{Rows, Time, curve, fill_below, fill_between, gaps, load_start, steps};
use super::data::{ArmSeries, Second, Study};
use super::faults::{fault_bands, fault_key};
use super::scale::{self, Scale};
use super::sheet::{
    AFTER, Drawing, Heading, Key, LEVEL_AXIS, Mark, Upright, first_run, level_grid, level_labels, nothing,
};
use super::theme;

pub(super) struct Timeline<'a>(pub(super) &'a Study);

const LOAD: f64 = 36.0;
const REPLICAS: f64 = 66.0;
const BETWEEN: f64 = 14.0;
const GAP: f64 = 20.0;
const UNDER_ALPHA: f64 = 0.8;
const OVER_ALPHA: f64 = 0.75;

impl Timeline<'_> {
    fn has_demand(&self) -> bool {
        let courses = self.0.arms.iter().filter_map(|arm| arm.course.as_ref());
        courses.flat_map(|course| &course.seconds).any(|second| second.demand.is_some())
    }

    fn plot_height(&self) -> f64 {
        match self.0.arms.len() {
            0 | 1 => 230.0,
            2 => 140.0,
            3 => 110.0,
            _ => 88.0,
        }
    }

    fn said(arm: &ArmSeries) -> String {
        let Some(course) = &arm.course else { return "no timeline".to_owned() };
        let sum = |of: fn(&Second) -> f64| course.seconds.iter().map(of).sum::<f64>().round() as u64;
        let (planned, sent) = (sum(|second| second.planned), sum(|second| second.sent));
        let probes = match course.probes.len() {
            0 => String::new(),
            1 => " · one probe".to_owned(),
            probes => format!(" · {} probes", scale::count(probes as u64)),
        };
        format!("{} of {} planned sent{probes}", scale::count(sent), scale::count(planned))
    }
}

fn heading(arm: &ArmSeries) -> Heading<'_> {
    Heading { arm, said: Timeline::said(arm) }
}

impl Drawing for Timeline<'_> {
    fn title(&self) -> String {
        "Load, replicas and latency over time".to_owned()
    }

    fn subtitle(&self) -> String {
        first_run(self.0)
    }

    fn description(&self) -> String {
        let arms: Vec<String> = self.0.arms.iter().map(|arm| format!("{}: {}", arm.name, Self::said(arm))).collect();
        format!(
            "Three panels per arm over time: requests per second, replicas asked for and ready against demand, percentiles of \
             latency. {}.",
            arms.join("; ")
        )
    }

    fn legend(&self) -> Vec<Key> {
        let mut keys = vec![
            Key::new("requests/s planned", Mark::Area(theme::LOAD, 1.0)),
            Key::new("delivered", Mark::Line(Stroke::new(theme::MUTED, 1.5))),
            Key::new("replicas ready", Mark::Line(Stroke::new(theme::MUTED, 2.25))),
            Key::new("asked for", Mark::Line(Stroke::new(theme::INK, 1.25))),
        ];
        if self.has_demand() {
            keys.extend([
                Key::new("demand", Mark::Line(Stroke::new(theme::INK, 1.25).dashed(2.0, 3.0))),
                Key::new("too few", Mark::Area(theme::UNDER, UNDER_ALPHA)),
                Key::new("too many", Mark::Area(theme::OVER, OVER_ALPHA)),
            ]);
        }
        keys.extend([
            Key::new("latency p50", Mark::Line(Stroke::new(theme::MUTED, 1.75))),
            Key::new("to p95", Mark::Area(theme::MUTED, 0.34)),
            Key::new("to p99", Mark::Area(theme::MUTED, 0.14)),
            Key::new(
                format!("SLO {}", scale::latency(self.0.slo_ms)),
                Mark::Line(Stroke::new(theme::INK, 1.25).dashed(5.0, 4.0)),
            ),
        ]);
        if self.0.arms.iter().filter_map(|arm| arm.course.as_ref()).any(|course| !course.probes.is_empty()) {
            keys.push(Key::new("probe", Mark::Dot(theme::INK)));
        }
        keys.extend(fault_key(self.0));
        keys
    }

    fn height(&self, width: f64) -> f64 {
        if self.0.arms.iter().all(|arm| arm.course.is_none()) {
            return 120.0;
        }
        let arms: f64 = self
            .0
            .arms
            .iter()
            .map(|arm| {
                heading(arm).height(width - AFTER) + LOAD + BETWEEN + REPLICAS + BETWEEN + self.plot_height() + GAP
            })
            .sum();
        arms - GAP + LEVEL_AXIS
    }

    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        let study = self.0;
        let rows: Vec<Rows> = study.arms.iter().map(Rows::of).collect();
        let Some(time) = Time::of(study, &rows) else { return nothing(canvas, body, "no timeline could be read") };
        let rate = rows
            .iter()
            .flat_map(|rows| &rows.seconds)
            .map(|second| second.planned.max(second.sent))
            .fold(0.0, f64::max);
        let load_up = Upright::new(Scale::from_zero(rate, 1), 1, scale::short);
        let up = Upright::new(latency_scale(study, &rows), 4, scale::latency);
        let replicas_up = replicas_axis(&rows);
        let left = body.left + up.room().max(load_up.room()).max(replicas_up.room());
        let right = body.right - AFTER;
        let mut plot = Rect { left, top: body.top, right, bottom: body.top };
        let ticks = time.ticks(plot);
        for (index, (arm, rows)) in study.arms.iter().zip(&rows).enumerate() {
            let top = plot.bottom + if index > 0 { GAP } else { 0.0 };
            let heading = heading(arm);
            heading.draw(canvas, body.left, right, top)?;
            let top = top + heading.height(right - body.left);
            let load = Rect { left, top, right, bottom: top + LOAD };
            let top = load.bottom + BETWEEN;
            let replicas = Rect { left, top, right, bottom: top + REPLICAS };
            let top = replicas.bottom + BETWEEN;
            plot = Rect { left, top, right, bottom: top + self.plot_height() };
            for panel in [load, replicas, plot] {
                fault_bands(canvas, arm, rows, &time, panel)?;
                level_grid(canvas, panel, &ticks)?;
            }
            load_up.draw(canvas, load)?;
            replicas_up.draw(canvas, replicas)?;
            up.draw(canvas, plot)?;
            load_start(canvas, &time, plot)?;
            if rows.seconds.is_empty() {
                nothing(canvas, plot, "no timeline could be read")?;
                continue;
            }
            draw_load(canvas, arm, rows, &time, load, &load_up)?;
            draw_replicas(canvas, arm, rows, &time, replicas, &replicas_up)?;
            draw_latency(canvas, study, arm, rows, &time, plot, &up)?;
        }
        level_labels(canvas, plot, &ticks, &time.title())
    }
}

/// Wide enough for the bands and the objective; probes beyond it are drawn at its edge.
fn latency_scale(study: &Study, rows: &[Rows]) -> Scale {
    let all = || rows.iter().flat_map(|rows| &rows.seconds);
    let max = all().filter_map(|second| second.p99_ms.or(second.p95_ms)).fold(study.slo_ms * 1.2, f64::max);
    let mut medians: Vec<f64> = all().filter_map(|second| second.p50_ms).filter(|ms| *ms > 0.0).collect();
    medians.sort_by(f64::total_cmp);
    let min = medians.first().copied().unwrap_or(study.slo_ms);
    let typical = medians.get(medians.len() / 2).copied().unwrap_or(study.slo_ms).min(study.slo_ms);
    Scale::of_curve(min, typical, max, 4)
}

fn draw_load(canvas: &Canvas<'_>, arm: &ArmSeries, rows: &Rows, time: &Time, plot: Rect, up: &Upright) -> Drawn {
    fill_below(canvas, &steps(rows, time, plot, up, |second| Some(second.planned)), plot, theme::LOAD, 1.0)?;
    let underway = |second: &Second| second.planned > 0.0 || second.delivered.is_some_and(|rate| rate > 0.0);
    for piece in steps(rows, time, plot, up, |second| second.delivered.filter(|_| underway(second))) {
        canvas.line(&piece, Stroke::new(theme::arm(arm.colour), 1.5))?;
    }
    Ok(())
}

/// Ticks at whole replicas.
fn replicas_axis(rows: &[Rows]) -> Upright {
    let of = |second: &Second| [second.ready, second.desired, second.demand].into_iter().flatten().fold(1.0, f64::max);
    let most = rows.iter().flat_map(|rows| &rows.seconds).map(of).fold(1.0, f64::max);
    let mut up = Upright::new(Scale::from_zero(most.ceil(), 3), 3, scale::short);
    up.ticks.retain(|(tick, _)| tick.fract().abs() < 1e-9);
    up
}

fn draw_replicas(canvas: &Canvas<'_>, arm: &ArmSeries, rows: &Rows, time: &Time, plot: Rect, up: &Upright) -> Drawn {
    for area in gaps(rows, time, plot, up, |second| second.demand.zip(second.ready)) {
        canvas.rect(area, theme::OVER, OVER_ALPHA)?;
    }
    for area in gaps(rows, time, plot, up, |second| second.ready.zip(second.demand)) {
        canvas.rect(area, theme::UNDER, UNDER_ALPHA)?;
    }
    for piece in steps(rows, time, plot, up, |second| second.demand) {
        canvas.line(&piece, Stroke::new(theme::INK, 1.25).dashed(2.0, 3.0))?;
    }
    for piece in steps(rows, time, plot, up, |second| second.desired) {
        canvas.line(&piece, Stroke::new(theme::INK, 1.25))?;
    }
    for piece in steps(rows, time, plot, up, |second| second.ready) {
        canvas.line(&piece, Stroke::new(theme::arm(arm.colour), 2.25))?;
    }
    // a tick above the panel for every change that was asked for: up points up
    for scaling in arm.course.iter().flat_map(|course| &course.scalings) {
        let at = time.x(plot, scaling.t_s);
        let (foot, tip) =
            if scaling.to > scaling.from { (plot.top - 2.0, plot.top - 9.0) } else { (plot.top - 9.0, plot.top - 2.0) };
        canvas.fill(&[(at - 3.5, foot), (at + 3.5, foot), (at, tip)], theme::arm(arm.colour), 1.0)?;
    }
    Ok(())
}

fn draw_latency(
    canvas: &Canvas<'_>,
    study: &Study,
    arm: &ArmSeries,
    rows: &Rows,
    time: &Time,
    plot: Rect,
    up: &Upright,
) -> Drawn {
    let colour = theme::arm(arm.colour);
    // a second that knows one percentile knows them all, so the three curves break at the same places
    let known = |second: &Second| second.p50_ms.is_some() && second.p95_ms.is_some() && second.p99_ms.is_some();
    let of = |read: fn(&Second) -> Option<f64>| {
        curve(rows, time, plot, up, move |second| if known(second) { read(second) } else { None })
    };
    let (p50, p95, p99) = (of(|second| second.p50_ms), of(|second| second.p95_ms), of(|second| second.p99_ms));
    fill_between(canvas, &p99, &p95, colour, 0.14)?;
    fill_between(canvas, &p95, &p50, colour, 0.34)?;
    for piece in &p95 {
        canvas.line(piece, Stroke::new(colour, 0.75).alpha(0.8))?;
    }
    let slo = up.y(plot, study.slo_ms);
    canvas.line(&[(plot.left, slo), (plot.right, slo)], Stroke::new(theme::INK, 1.25).dashed(5.0, 4.0))?;
    for piece in &p50 {
        canvas.line(piece, Stroke::new(colour, 1.75))?;
    }
    for probe in arm.course.iter().flat_map(|course| &course.probes) {
        canvas.dot((time.x(plot, probe.t_s), up.y(plot, probe.latency_ms)), 1.75, theme::INK)?;
    }
    Ok(())
}
