//! What the charts over time share: the common time axis, steps, bands, and the seconds that missed the objective.

use super::canvas::{Canvas, Drawn, Rect, Spot, Stroke};
use super::data::{ArmSeries, Second, Study};
use super::scale::{self, Scale};
use super::sheet::Upright;
use super::theme::{self, Colour};

/// Most rows drawn of a course; more would be finer than the paper.
const ROWS: usize = 1200;

/// The rows of an arm's course as they are drawn.
pub(super) struct Rows {
    pub(super) seconds: Vec<Second>,
    /// How many seconds one row stands for.
    pub(super) group: usize,
}

impl Rows {
    pub(super) fn of(arm: &ArmSeries) -> Self {
        let (seconds, group) = arm.course.as_ref().map_or((Vec::new(), 1), |course| course.thinned(ROWS));
        Self { seconds, group }
    }

    /// When the last row ends; 0 without rows.
    pub(super) fn end(&self) -> f64 {
        self.seconds.len().checked_sub(1).map_or(0.0, |last| self.span(last).1)
    }

    /// From when to when each row holds.
    fn span(&self, index: usize) -> (f64, f64) {
        let from = self.seconds[index].t_s;
        let longest = from + self.group as f64;
        let next = self.seconds.get(index + 1).map_or(longest, |next| next.t_s.min(longest + 0.5));
        (from, if next > from { next } else { longest })
    }
}

/// The time axis of all panels.
pub(super) struct Time {
    scale: Scale,
    /// The longest time one drawn row stands for, over all arms.
    pub(super) group: usize,
}

impl Time {
    /// The axis that holds every course; `None` if there is none.
    pub(super) fn of(study: &Study, rows: &[Rows]) -> Option<Self> {
        let spans = rows.iter().filter_map(|rows| {
            let last = rows.seconds.len().checked_sub(1)?;
            Some((rows.seconds[0].t_s, rows.span(last).1))
        });
        let probes = study.arms.iter().filter_map(|arm| arm.course.as_ref()).flat_map(|course| &course.probes);
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for (from, to) in spans.chain(probes.map(|probe| (probe.t_s, probe.t_s))) {
            min = min.min(from);
            max = max.max(to);
        }
        let group = rows.iter().map(|rows| rows.group).max().unwrap_or(1);
        (min.is_finite() && max.is_finite())
            .then_some(Self { scale: Scale::Linear { min, max: if max > min { max } else { min + 1.0 } }, group })
    }

    pub(super) fn x(&self, plot: Rect, t_s: f64) -> f64 {
        plot.left + self.scale.place(t_s) * plot.width()
    }

    pub(super) fn ticks(&self, plot: Rect) -> Vec<(f64, String)> {
        let wanted = if plot.width() > 500.0 { 12 } else { 6 };
        scale::time_ticks(self.scale.min(), self.scale.max(), wanted)
            .into_iter()
            .map(|(t_s, label)| (self.x(plot, t_s), label))
            .collect()
    }

    /// The axis' title.
    pub(super) fn title(&self) -> String {
        match self.group {
            1 => "time since the load began".to_owned(),
            group => format!("time since the load began (each point: worst of {group} s)"),
        }
    }
}

/// Pieces of a step line: a value holds through its row; an unknown value ends the piece.
pub(super) fn steps(
    rows: &Rows,
    time: &Time,
    plot: Rect,
    up: &Upright,
    of: impl Fn(&Second) -> Option<f64>,
) -> Vec<Vec<Spot>> {
    let mut pieces: Vec<Vec<Spot>> = Vec::new();
    let mut piece: Vec<Spot> = Vec::new();
    for (index, second) in rows.seconds.iter().enumerate() {
        let Some(value) = of(second) else {
            pieces.push(std::mem::take(&mut piece));
            continue;
        };
        let (from, to) = rows.span(index);
        let y = up.y(plot, value);
        let (from, to) = ((time.x(plot, from), y), (time.x(plot, to), y));
        match piece.last_mut() {
            // the same value goes on: lengthen the step
            Some(end) if (end.1 - y).abs() < 1e-9 && (end.0 - from.0).abs() < 1e-6 => *end = to,
            _ => piece.extend([from, to]),
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| piece.len() > 1);
    pieces
}

/// Fills from each piece down to the plot's foot.
pub(super) fn fill_below(canvas: &Canvas<'_>, pieces: &[Vec<Spot>], plot: Rect, colour: Colour, alpha: f64) -> Drawn {
    for piece in pieces {
        let mut outline = piece.clone();
        outline.push((piece[piece.len() - 1].0, plot.bottom));
        outline.push((piece[0].0, plot.bottom));
        canvas.fill(&outline, colour, alpha)?;
    }
    Ok(())
}

/// Pieces of a curve through the middles of the rows: an unknown value ends the piece.
pub(super) fn curve(
    rows: &Rows,
    time: &Time,
    plot: Rect,
    up: &Upright,
    of: impl Fn(&Second) -> Option<f64>,
) -> Vec<Vec<Spot>> {
    let mut pieces: Vec<Vec<Spot>> = vec![Vec::new()];
    for (index, second) in rows.seconds.iter().enumerate() {
        let (from, to) = rows.span(index);
        match (of(second), pieces.last_mut()) {
            (Some(value), Some(piece)) => {
                piece.push((time.x(plot, f64::midpoint(from, to)), up.y(plot, value)));
            }
            _ => pieces.push(Vec::new()),
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// The area between two curves of the same rows.
pub(super) fn fill_between(
    canvas: &Canvas<'_>,
    upper: &[Vec<Spot>],
    lower: &[Vec<Spot>],
    colour: Colour,
    alpha: f64,
) -> Drawn {
    for (upper, lower) in upper.iter().zip(lower) {
        let outline: Vec<Spot> = upper.iter().chain(lower.iter().rev()).copied().collect();
        canvas.fill(&outline, colour, alpha)?;
    }
    Ok(())
}

/// The areas between two step lines of the same rows: `(from, to, lower, upper)`, where `of` knows both and the second is above.
pub(super) fn gaps(
    rows: &Rows,
    time: &Time,
    plot: Rect,
    up: &Upright,
    of: impl Fn(&Second) -> Option<(f64, f64)>,
) -> Vec<Rect> {
    let mut areas: Vec<Rect> = Vec::new();
    for (index, second) in rows.seconds.iter().enumerate() {
        let Some((low, high)) = of(second).filter(|(low, high)| high > low) else { continue };
        let (from, to) = rows.span(index);
        let area =
            Rect { left: time.x(plot, from), right: time.x(plot, to), top: up.y(plot, high), bottom: up.y(plot, low) };
        match areas.last_mut() {
            // the same gap goes on
            Some(last)
                if (last.right - area.left).abs() < 1e-6
                    && (last.top - area.top).abs() < 1e-9
                    && (last.bottom - area.bottom).abs() < 1e-9 =>
            {
                last.right = area.right;
            }
            _ => areas.push(area),
        }
    }
    areas
}

/// Whether a second's latency at the objective's percentile was above the objective, judged by the nearest column that
/// the timeline has; `None` if nothing was answered in it.
pub(super) fn missed(study: &Study, second: &Second) -> Option<bool> {
    judged(study).1(second).map(|value| value > study.slo_ms)
}

/// The percentile by which seconds are judged, and how to read it.
pub(super) fn judged(study: &Study) -> (&'static str, fn(&Second) -> Option<f64>) {
    match study.slo_percentile {
        percent if percent < 75.0 => ("p50", |second| second.p50_ms),
        percent if percent < 97.5 => ("p95", |second| second.p95_ms),
        _ => ("p99", |second| second.p99_ms),
    }
}

/// How many seconds of an arm's course missed the objective, of how many in which something was answered.
pub(super) fn missed_seconds(study: &Study, arm: &ArmSeries) -> (usize, usize) {
    let judged: Vec<bool> =
        arm.course.iter().flat_map(|course| &course.seconds).filter_map(|second| missed(study, second)).collect();
    (judged.iter().filter(|missed| **missed).count(), judged.len())
}

/// A strip under a plot, dark where the objective was missed.
pub(super) fn missed_strip(canvas: &Canvas<'_>, study: &Study, rows: &Rows, time: &Time, strip: Rect) -> Drawn {
    canvas.rect(strip, theme::GRID, 1.0)?;
    let mut run: Option<(f64, f64)> = None;
    for (index, second) in rows.seconds.iter().enumerate() {
        let (from, to) = rows.span(index);
        run = match (run, missed(study, second) == Some(true)) {
            (Some((start, end)), true) if (from - end).abs() < 1e-9 => Some((start, to)),
            (before, true) => {
                mark(canvas, time, strip, before)?;
                Some((from, to))
            }
            (before, false) => {
                mark(canvas, time, strip, before)?;
                None
            }
        };
    }
    mark(canvas, time, strip, run)
}

fn mark(canvas: &Canvas<'_>, time: &Time, strip: Rect, run: Option<(f64, f64)>) -> Drawn {
    let Some((from, to)) = run else { return Ok(()) };
    let left = time.x(strip, from);
    // a single second stays visible in a long run
    let right = time.x(strip, to).max(left + 0.75);
    canvas.rect(Rect { left, right, ..strip }, theme::INK, 1.0)
}

/// The start of the load, where there is something before it.
pub(super) fn load_start(canvas: &Canvas<'_>, time: &Time, plot: Rect) -> Drawn {
    let x = time.x(plot, 0.0);
    if x > plot.left + 0.5 && x < plot.right - 0.5 {
        canvas.line(&[(x, plot.top), (x, plot.bottom)], Stroke::new(theme::AXIS, 1.0))?;
    }
    Ok(())
}
