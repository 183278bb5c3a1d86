//! What all charts share: title, legend, panels' axes, and labels that keep out of each other's way.

use super::canvas::{Canvas, Drawn, Rect, Spot, Stroke, Type};
use super::data::{ArmSeries, Study};
use super::font::{self, Weight};
use super::scale::{self, Scale};
use super::theme::{self, Colour};

/// One kind of chart over one study's data.
pub(super) trait Drawing {
    /// What it shows.
    fn title(&self) -> String;
    /// Whose data, and how much.
    fn subtitle(&self) -> String;
    /// The same in words with the numbers, for whom can't see it.
    fn description(&self) -> String;
    /// What the marks mean.
    fn legend(&self) -> Vec<Key>;
    /// Height of the body at this width, in points.
    fn height(&self, width: f64) -> f64;
    /// Draws the body.
    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn;
}

/// One entry of a legend.
pub(super) struct Key {
    pub(super) label: String,
    pub(super) mark: Mark,
}

/// What stands before a legend's label.
pub(super) enum Mark {
    /// A filled square.
    Area(Colour, f64),
    /// A piece of line.
    Line(Stroke),
    /// A dot.
    Dot(Colour),
    /// A ring.
    Ring(Colour),
}

impl Key {
    pub(super) fn new(label: impl Into<String>, mark: Mark) -> Self {
        Self { label: label.into(), mark }
    }
}

const MARGIN: f64 = 24.0;
/// On a page that has margins of its own.
const INLINE_MARGIN: f64 = 1.0;
const KEY_GAP: f64 = 18.0;
const KEY_MARK: f64 = 18.0;
const KEY_LINE: f64 = 18.0;

/// Where things stand on a sheet of a given width.
pub(super) struct Sheet {
    pub(super) width: f64,
    pub(super) height: f64,
    heading: bool,
    margin: f64,
    legend: Vec<(Spot, Key)>,
    body: Rect,
}

impl Sheet {
    /// Lays out a chart, with or without title and subtitle.
    pub(super) fn lay_out(drawing: &dyn Drawing, width: f64, heading: bool) -> Self {
        let margin = if heading { MARGIN } else { INLINE_MARGIN };
        let mut top = if heading { 66.0 } else { 2.0 };
        let legend = flow(drawing.legend(), margin, width - margin, top);
        if let Some(((_, last), _)) = legend.last() {
            top = last + KEY_LINE + 8.0;
        }
        let body_height = drawing.height(width - 2.0 * margin);
        let bottom = top + body_height;
        let body = Rect { left: margin, top, right: width - margin, bottom };
        let height = (bottom + if heading { 18.0 } else { 4.0 }).ceil();
        Self { width, height, heading, margin, legend, body }
    }

    pub(super) fn draw(&self, drawing: &dyn Drawing, canvas: &Canvas<'_>) -> Drawn {
        let paper = Rect { left: 0.0, top: 0.0, right: self.width, bottom: self.height };
        canvas.rect(paper, theme::PAPER, 1.0)?;
        if self.heading {
            let room = self.width - 2.0 * self.margin;
            let title = font::fit(&drawing.title(), Weight::SemiBold, theme::TITLE, room);
            canvas.text((self.margin, 33.0), &title, Type::new(theme::TITLE, theme::INK).semibold())?;
            let subtitle = font::fit(&drawing.subtitle(), Weight::Regular, theme::BODY, room);
            canvas.text((self.margin, 53.0), &subtitle, Type::new(theme::BODY, theme::MUTED))?;
        }
        for ((left, top), key) in &self.legend {
            draw_key(canvas, (*left, *top + KEY_LINE / 2.0), key)?;
        }
        drawing.draw(canvas, self.body)
    }
}

/// Places a legend's entries line by line.
fn flow(keys: Vec<Key>, left: f64, right: f64, top: f64) -> Vec<(Spot, Key)> {
    let (mut x, mut y) = (left, top);
    let mut placed = Vec::with_capacity(keys.len());
    for mut key in keys {
        key.label = font::fit(&key.label, Weight::Regular, theme::BODY, right - left - KEY_MARK - 6.0);
        let width = KEY_MARK + 6.0 + font::width(&key.label, Weight::Regular, theme::BODY);
        if x > left && x + width > right {
            x = left;
            y += KEY_LINE;
        }
        placed.push(((x, y), key));
        x += width + KEY_GAP;
    }
    placed
}

fn draw_key(canvas: &Canvas<'_>, (left, middle): Spot, key: &Key) -> Drawn {
    let centre = left + KEY_MARK / 2.0;
    match key.mark {
        Mark::Area(colour, alpha) => {
            let square = Rect { left, top: middle - 5.0, right: left + KEY_MARK, bottom: middle + 5.0 };
            canvas.rect(square, colour, alpha)?;
        }
        Mark::Line(stroke) => canvas.line(&[(left, middle), (left + KEY_MARK, middle)], stroke)?,
        Mark::Dot(colour) => canvas.dot((centre, middle), 3.0, colour)?,
        Mark::Ring(colour) => canvas.ring((centre, middle), 4.0, Stroke::new(colour, 1.75))?,
    }
    canvas.text((left + KEY_MARK + 6.0, middle), &key.label, Type::new(theme::BODY, theme::INK).middle())
}

/// The objective in words: `p95 within 75 ms`.
pub(super) fn objective(study: &Study) -> String {
    format!("{} within {}", percentile(study.slo_percentile), scale::latency(study.slo_ms))
}

/// A percentile's short name: `p95`, `p99.9`.
pub(super) fn percentile(percent: f64) -> String {
    format!("p{}", scale::digits(percent, 5))
}

/// Whose data it is: name, target, runs, seed.
pub(super) fn provenance(study: &Study) -> String {
    format!("{} on {} · {} · seed {}", study.name, study.target, runs(study), study.seed)
}

fn runs(study: &Study) -> String {
    let fewest = study.arms.iter().map(|arm| arm.runs).min().unwrap_or(0);
    let most = study.arms.iter().map(|arm| arm.runs).max().unwrap_or(0);
    match (fewest, most) {
        (0, 0) => "no runs".to_owned(),
        (1, 1) => "one run per arm".to_owned(),
        (0, 1) => "at most one run per arm".to_owned(),
        _ if fewest == most => format!("{most} runs per arm, merged"),
        _ => format!("{fewest} to {most} runs per arm, merged"),
    }
}

/// Which run a course over time shows, if there are more.
pub(super) fn first_run(study: &Study) -> String {
    if study.arms.iter().all(|arm| arm.runs <= 1) {
        return provenance(study);
    }
    let repeats: Vec<u32> =
        study.arms.iter().filter_map(|arm| arm.course.as_ref()).map(|course| course.repeat).collect();
    let which = match repeats.first() {
        Some(first) if repeats.iter().all(|repeat| repeat == first) => format!("repeat {first}"),
        Some(_) => "the first readable repeat of each arm".to_owned(),
        None => return provenance(study),
    };
    let most = study.arms.iter().map(|arm| arm.runs).max().unwrap_or(0);
    format!("{} on {} · {which} of {most}, not a mean · seed {}", study.name, study.target, study.seed)
}

/// A panel's heading: the arm's name, and what is to be said of it on the same line or, if it is too long, on the next.
pub(super) struct Heading<'a> {
    pub(super) arm: &'a ArmSeries,
    pub(super) said: String,
}

const HEADING_LINE: f64 = 17.0;
const HEADING_GAP: f64 = 8.0;

/// Room to the right of a plot for half of the last tick's label.
pub(super) const AFTER: f64 = 14.0;

impl Heading<'_> {
    fn name(&self, width: f64) -> String {
        font::fit(&self.arm.name, Weight::SemiBold, theme::HEADING, width - 18.0)
    }

    fn on_one_line(&self, width: f64) -> bool {
        let name = font::width(&self.name(width), Weight::SemiBold, theme::HEADING);
        // on narrow paper all headings take two lines, so that panels look alike
        width > 500.0 && 18.0 + name + 16.0 + font::width(&self.said, Weight::Regular, theme::BODY) <= width
    }

    /// Height it takes at this width.
    pub(super) fn height(&self, width: f64) -> f64 {
        if self.said.is_empty() || self.on_one_line(width) {
            HEADING_LINE + HEADING_GAP
        } else {
            2.0 * HEADING_LINE + HEADING_GAP
        }
    }

    pub(super) fn draw(&self, canvas: &Canvas<'_>, left: f64, right: f64, top: f64) -> Drawn {
        let baseline = top + 12.0;
        let colour = theme::arm(self.arm.colour);
        canvas.rect(Rect { left, top: baseline - 9.5, right: left + 10.0, bottom: baseline + 0.5 }, colour, 1.0)?;
        let name = self.name(right - left);
        canvas.text((left + 18.0, baseline), &name, Type::new(theme::HEADING, theme::INK).semibold())?;
        let kind = Type::new(theme::BODY, theme::MUTED);
        if self.on_one_line(right - left) {
            canvas.text((right, baseline), &self.said, kind.right())
        } else {
            let said = font::fit(&self.said, Weight::Regular, theme::SMALL, right - left);
            canvas.text((left, baseline + HEADING_LINE), &said, Type::new(theme::SMALL, theme::MUTED))
        }
    }
}

/// A vertical axis: a scale with its labelled ticks.
pub(super) struct Upright {
    pub(super) scale: Scale,
    pub(super) ticks: Vec<(f64, String)>,
}

impl Upright {
    pub(super) fn new(scale: Scale, wanted: usize, label: impl Fn(f64) -> String) -> Self {
        let ticks = scale.ticks(wanted).into_iter().map(|tick| (tick, label(tick))).collect();
        Self { scale, ticks }
    }

    /// Room its labels need to the left of a plot.
    pub(super) fn room(&self) -> f64 {
        let widths = self.ticks.iter().map(|(_, label)| font::width(label, Weight::Regular, theme::SMALL));
        widths.fold(0.0, f64::max) + 8.0
    }

    /// Where a value stands in a plot.
    pub(super) fn y(&self, plot: Rect, value: f64) -> f64 {
        plot.bottom - self.scale.place(value) * plot.height()
    }

    /// Grid lines and labels.
    pub(super) fn draw(&self, canvas: &Canvas<'_>, plot: Rect) -> Drawn {
        for (tick, label) in &self.ticks {
            let y = self.y(plot, *tick);
            let foot = (y - plot.bottom).abs() < 0.5;
            let stroke = if foot { Stroke::new(theme::AXIS, 1.0) } else { Stroke::new(theme::GRID, 1.0) };
            canvas.line(&[(plot.left, y), (plot.right, y)], stroke)?;
            canvas.text((plot.left - 7.0, y), label, Type::new(theme::SMALL, theme::MUTED).right().middle())?;
        }
        canvas.line(&[(plot.left, plot.bottom), (plot.right, plot.bottom)], Stroke::new(theme::AXIS, 1.0))
    }
}

/// Height that [`level_labels`] takes below a plot.
pub(super) const LEVEL_AXIS: f64 = 40.0;

/// Labels of a horizontal axis and its title, below a plot. Labels that would touch their neighbour are left out.
pub(super) fn level_labels(canvas: &Canvas<'_>, plot: Rect, ticks: &[(f64, String)], title: &str) -> Drawn {
    let mut free_from = f64::NEG_INFINITY;
    for (x, label) in ticks {
        let half = font::width(label, Weight::Regular, theme::SMALL) / 2.0;
        canvas.line(&[(*x, plot.bottom), (*x, plot.bottom + 4.0)], Stroke::new(theme::AXIS, 1.0))?;
        // the outermost labels stay on the sheet
        let at = x.min(plot.right + AFTER - half);
        if at - half >= free_from {
            canvas.text((at, plot.bottom + 8.0), label, Type::new(theme::SMALL, theme::MUTED).centred().hanging())?;
            free_from = at + half + 6.0;
        }
    }
    let spot = (f64::midpoint(plot.left, plot.right), plot.bottom + 27.0);
    let title = font::fit(title, Weight::Regular, theme::SMALL, plot.width());
    canvas.text(spot, &title, Type::new(theme::SMALL, theme::MUTED).centred().hanging())
}

/// Faint vertical lines at ticks.
pub(super) fn level_grid(canvas: &Canvas<'_>, plot: Rect, ticks: &[(f64, String)]) -> Drawn {
    for (x, _) in ticks {
        canvas.line(&[(*x, plot.top), (*x, plot.bottom)], Stroke::new(theme::GRID, 1.0))?;
    }
    Ok(())
}

/// Centres for labels that want to stand at `wanted` (centre, width), in order, moved apart so that none touch and all
/// stay between `min` and `max` if there is room.
pub(super) fn spread(wanted: &[(f64, f64)], gap: f64, min: f64, max: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].0.total_cmp(&wanted[*b].0));
    // clusters of touching labels, each centred on what its members want
    let mut clusters: Vec<(Vec<usize>, f64, f64)> = Vec::new();
    for index in order {
        let (centre, width) = wanted[index];
        let mut cluster = (vec![index], centre, width);
        cluster.1 = keep(cluster.1, cluster.2, min, max);
        while let Some(before) = clusters.pop() {
            if before.1 + before.2 / 2.0 + gap <= cluster.1 - cluster.2 / 2.0 {
                clusters.push(before);
                break;
            }
            let (few, many) = (before.0.len() as f64, cluster.0.len() as f64);
            let members: Vec<usize> = before.0.into_iter().chain(cluster.0).collect();
            let width = before.2 + gap + cluster.2;
            let centre = before.1.mul_add(few, cluster.1 * many) / (few + many);
            cluster = (members, keep(centre, width, min, max), width);
        }
        clusters.push(cluster);
    }
    let mut centres = vec![0.0; wanted.len()];
    for (members, centre, width) in clusters {
        let mut left = centre - width / 2.0;
        for index in members {
            centres[index] = left + wanted[index].1 / 2.0;
            left += wanted[index].1 + gap;
        }
    }
    centres
}

fn keep(centre: f64, width: f64, min: f64, max: f64) -> f64 {
    if width >= max - min { f64::midpoint(min, max) } else { centre.clamp(min + width / 2.0, max - width / 2.0) }
}

/// A remark where data should be.
pub(super) fn nothing(canvas: &Canvas<'_>, plot: Rect, remark: &str) -> Drawn {
    let spot = (f64::midpoint(plot.left, plot.right), f64::midpoint(plot.top, plot.bottom));
    let remark = font::fit(remark, Weight::Regular, theme::BODY, plot.width());
    canvas.text(spot, &remark, Type::new(theme::BODY, theme::MUTED).centred().middle())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spread_labels_never_touch_and_stay_inside(wanted in prop::collection::vec((0.0_f64..300.0, 5.0_f64..40.0), 1..6)) {
            let centres = spread(&wanted, 4.0, 0.0, 300.0);
            let mut spans: Vec<(f64, f64)> =
                centres.iter().zip(&wanted).map(|(centre, (_, width))| (centre - width / 2.0, centre + width / 2.0)).collect();
            spans.sort_by(|a, b| a.0.total_cmp(&b.0));
            prop_assert!(spans[0].0 >= -1e-9 && spans[spans.len() - 1].1 <= 300.0 + 1e-9);
            for pair in spans.windows(2) {
                prop_assert!(pair[1].0 - pair[0].1 >= 4.0 - 1e-9);
            }
        }
    }

    #[test]
    fn labels_with_room_stand_where_they_want() {
        assert_eq!(spread(&[(100.0, 20.0), (50.0, 20.0)], 4.0, 0.0, 300.0), [100.0, 50.0]);
    }
}
