//! What each arm did to the number of replicas, under the load that made it do so.

use super::canvas::{Canvas, Drawn, Rect, Spot, Stroke, Type};
use super::course::{Rows, Time, fill_below, judged, load_start, missed_seconds, missed_strip, steps};
use super::data::{ArmSeries, Second, Study};
use super::faults::{fault_bands, fault_key};
use super::scale::{self, Scale};
use super::sheet::{
    AFTER, Drawing, Heading, Key, LEVEL_AXIS, Mark, Upright, first_run, level_grid, level_labels, nothing,
};
use super::theme;

pub(super) struct Replicas<'a>(pub(super) &'a Study);

const LOAD_HEADING: f64 = 24.0;
const LOAD: f64 = 56.0;
const STRIP: f64 = 6.0;
const STRIP_GAP: f64 = 4.0;
const GAP: f64 = 18.0;

impl Replicas<'_> {
    fn plot_height(&self) -> f64 {
        match self.0.arms.len() {
            0 | 1 => 190.0,
            2 => 110.0,
            3 => 88.0,
            _ => 66.0,
        }
    }

    fn heading<'b>(&self, arm: &'b ArmSeries) -> Heading<'b> {
        Heading { arm, said: self.said(arm) }
    }

    fn said(&self, arm: &ArmSeries) -> String {
        let Some(course) = &arm.course else { return "no timeline".to_owned() };
        let most = course
            .seconds
            .iter()
            .filter_map(|second| second.ready)
            .fold(None, |most: Option<f64>, ready| Some(most.map_or(ready, |most| most.max(ready))));
        let ready =
            most.map_or("replicas unknown".to_owned(), |most| format!("at most {} ready", scale::digits(most, 6)));
        let (missed, of) = missed_seconds(self.0, arm);
        let percentile = judged(self.0).0;
        format!("{ready} · {percentile} over {} in {missed} of {of} s", scale::latency(self.0.slo_ms))
    }

    /// Names and colours of all shadows, each once.
    fn shadows(&self) -> Vec<(&str, usize)> {
        let mut all: Vec<(&str, usize)> = Vec::new();
        for shadow in self.0.arms.iter().filter_map(|arm| arm.course.as_ref()).flat_map(|course| &course.shadows) {
            if !all.iter().any(|(name, _)| *name == shadow.name) {
                all.push((&shadow.name, shadow.colour));
            }
        }
        all
    }

    fn knows(&self, of: impl Fn(&Second) -> bool) -> bool {
        self.0.arms.iter().filter_map(|arm| arm.course.as_ref()).flat_map(|course| &course.seconds).any(of)
    }
}

impl Drawing for Replicas<'_> {
    fn title(&self) -> String {
        "Replicas over time".to_owned()
    }

    fn subtitle(&self) -> String {
        first_run(self.0)
    }

    fn description(&self) -> String {
        let arms: Vec<String> = self.0.arms.iter().map(|arm| format!("{}: {}", arm.name, self.said(arm))).collect();
        let shadows = match self.shadows()[..] {
            [] => String::new(),
            ref names => {
                let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
                format!(" Dashed: what {} would have asked for.", names.join(", "))
            }
        };
        format!(
            "Desired and ready replicas over time, one panel per arm, under the planned load. {}.{shadows}",
            arms.join("; ")
        )
    }

    fn legend(&self) -> Vec<Key> {
        let mut keys = vec![
            Key::new("ready", Mark::Area(theme::MUTED, 0.35)),
            Key::new("desired", Mark::Line(Stroke::new(theme::INK, 1.25))),
        ];
        if self.knows(|second| second.demand.is_some()) {
            keys.push(Key::new("demand", Mark::Line(Stroke::new(theme::INK, 1.25).dashed(2.0, 3.0))));
        }
        for (name, colour) in self.shadows() {
            keys.push(Key::new(format!("{name}, if it had decided"), Mark::Line(shadow(colour))));
        }
        keys.extend(fault_key(self.0));
        let missed = format!("{} over {}", judged(self.0).0, scale::latency(self.0.slo_ms));
        keys.push(Key::new(missed, Mark::Area(theme::INK, 1.0)));
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
            .map(|arm| GAP + self.heading(arm).height(width - AFTER) + self.plot_height() + STRIP_GAP + STRIP)
            .sum();
        LOAD_HEADING + LOAD + arms + LEVEL_AXIS
    }

    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        let study = self.0;
        let rows: Vec<Rows> = study.arms.iter().map(Rows::of).collect();
        let Some(time) = Time::of(study, &rows) else { return nothing(canvas, body, "no timeline could be read") };
        let all = || rows.iter().flat_map(|rows| &rows.seconds);
        let replicas =
            |second: &Second| [second.ready, second.desired, second.demand].into_iter().flatten().fold(0.0, f64::max);
        let shadows = study.arms.iter().filter_map(|arm| arm.course.as_ref()).flat_map(|course| &course.shadows);
        let shadows = shadows.flat_map(|shadow| shadow.desired.iter().map(|(_, desired)| *desired));
        let most = all().map(replicas).chain(shadows).fold(1.0, f64::max);
        let rate = all().map(|second| second.planned).fold(0.0, f64::max);
        let load_up = Upright::new(Scale::from_zero(rate, 2), 2, scale::short);
        let mut up = Upright::new(Scale::from_zero(most.ceil(), 4), 4, scale::short);
        up.ticks.retain(|(tick, _)| tick.fract().abs() < 1e-9);
        let left = body.left + up.room().max(load_up.room());
        let right = body.right - AFTER;

        let mut plot = Rect { left, top: body.top + LOAD_HEADING, right, bottom: body.top + LOAD_HEADING + LOAD };
        let ticks = time.ticks(plot);
        canvas.text(
            (body.left, body.top + 11.0),
            "planned requests per second",
            Type::new(theme::SMALL, theme::MUTED),
        )?;
        level_grid(canvas, plot, &ticks)?;
        load_up.draw(canvas, plot)?;
        if let Some(rows) = rows.iter().find(|rows| !rows.seconds.is_empty()) {
            fill_below(
                canvas,
                &steps(rows, &time, plot, &load_up, |second| Some(second.planned)),
                plot,
                theme::LOAD,
                1.0,
            )?;
        }

        let mut foot = plot.bottom;
        for (arm, rows) in study.arms.iter().zip(&rows) {
            let top = foot + GAP;
            let heading = self.heading(arm);
            heading.draw(canvas, body.left, right, top)?;
            let top = top + heading.height(right - body.left);
            plot = Rect { left, top, right, bottom: top + self.plot_height() };
            fault_bands(canvas, arm, rows, &time, plot)?;
            level_grid(canvas, plot, &ticks)?;
            up.draw(canvas, plot)?;
            load_start(canvas, &time, plot)?;
            if rows.seconds.is_empty() {
                nothing(canvas, plot, "no timeline could be read")?;
            }
            let colour = theme::arm(arm.colour);
            let ready = steps(rows, &time, plot, &up, |second| second.ready);
            fill_below(canvas, &ready, plot, colour, 0.28)?;
            for piece in steps(rows, &time, plot, &up, |second| second.demand) {
                canvas.line(&piece, Stroke::new(theme::INK, 1.25).dashed(2.0, 3.0))?;
            }
            for piece in steps(rows, &time, plot, &up, |second| second.desired) {
                canvas.line(&piece, Stroke::new(theme::INK, 1.25))?;
            }
            // on top of desired: where both agree only ready shows
            for piece in &ready {
                canvas.line(piece, Stroke::new(colour, 2.25))?;
            }
            for shadow_of in arm.course.iter().flat_map(|course| &course.shadows) {
                let end = time.x(plot, rows.end());
                canvas.line(&outline(&shadow_of.desired, &time, plot, &up, end), shadow(shadow_of.colour))?;
            }
            let strip = Rect { top: plot.bottom + STRIP_GAP, bottom: plot.bottom + STRIP_GAP + STRIP, ..plot };
            missed_strip(canvas, study, rows, &time, strip)?;
            foot = strip.bottom;
        }
        level_labels(canvas, Rect { bottom: foot, ..plot }, &ticks, &time.title())
    }
}

/// How a shadow is drawn.
fn shadow(colour: usize) -> Stroke {
    Stroke::new(theme::arm(colour), 1.75).dashed(5.0, 3.5)
}

/// A step line through these values, up to `end`.
fn outline(values: &[(f64, f64)], time: &Time, plot: Rect, up: &Upright, end: f64) -> Vec<Spot> {
    let mut line = Vec::with_capacity(2 * values.len());
    for (index, (t_s, value)) in values.iter().enumerate() {
        let next = values.get(index + 1).map_or(end, |(t_s, _)| time.x(plot, *t_s));
        let (from, y) = (time.x(plot, *t_s).min(end), up.y(plot, *value));
        line.extend([(from, y), (next.min(end).max(from), y)]);
    }
    line
}
