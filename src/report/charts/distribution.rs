//! Histograms of all arms on the same bins and the same axes, one panel above the other.

use super::canvas::{Canvas, Drawn, Rect, Spot, Stroke, Type};
use super::data::{ArmSeries, Distribution};
use super::font::{self, Weight};
use super::scale::{self, Scale};
use super::sheet::{AFTER, Heading, LEVEL_AXIS, Upright, level_grid, level_labels, nothing, spread};
use super::theme;

/// One arm's panel. Values are in microseconds.
pub(super) struct Panel<'a> {
    pub(super) arm: &'a ArmSeries,
    pub(super) said: String,
    /// Drawn as bars.
    pub(super) bars: &'a Distribution,
    /// Drawn as an outline over the bars.
    pub(super) outline: Option<&'a Distribution>,
}

/// All panels.
pub(super) struct Panels<'a> {
    pub(super) arms: Vec<Panel<'a>>,
    /// A vertical line with its label: what values are held against, in microseconds.
    pub(super) limit: Option<(String, f64)>,
    pub(super) axis: &'a str,
    pub(super) empty: &'a str,
}

const MARKS: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];
const MARK_ROW: f64 = 17.0;
const GAP: f64 = 16.0;

impl Panels<'_> {
    fn plot_height(&self) -> f64 {
        match self.arms.len() {
            0 | 1 => 250.0,
            2 => 128.0,
            3 => 100.0,
            _ => 76.0,
        }
    }

    pub(super) fn height(&self, width: f64) -> f64 {
        if self.arms.is_empty() {
            return 120.0;
        }
        let panels: f64 = self
            .arms
            .iter()
            .map(|panel| panel.heading().height(width - AFTER) + MARK_ROW + self.plot_height() + GAP)
            .sum();
        panels - GAP + LEVEL_AXIS
    }

    fn across(&self) -> Option<Scale> {
        let all = || self.arms.iter().flat_map(|panel| std::iter::once(panel.bars).chain(panel.outline));
        let min = all().filter_map(Distribution::min).min()? as f64;
        let max = all().filter_map(Distribution::max).max()? as f64;
        let limit = self.limit.as_ref().map(|(_, value)| value.max(1.0));
        Some(Scale::spanning(limit.unwrap_or(min).min(min.max(1.0)), limit.unwrap_or(max).max(max.max(1.0))))
    }

    pub(super) fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        let Some(across) = self.across() else { return nothing(canvas, body, self.empty) };
        let bins = if body.width() > 600.0 { 72 } else { 40 };
        let edges = across.edges(bins);
        let shares: Vec<Vec<f64>> = self.arms.iter().map(|panel| panel.bars.shares(&edges)).collect();
        let highest = shares.iter().flatten().copied().fold(0.0, f64::max);
        let up = Upright::new(Scale::from_zero(highest, 3), 3, scale::percent);
        let (left, right) = (body.left + up.room(), body.right - AFTER);
        let wanted = if body.width() > 600.0 { 12 } else { 6 };
        let x = |value: f64| left + across.place(value) * (right - left);
        let ticks: Vec<(f64, String)> =
            across.ticks(wanted).into_iter().map(|tick| (x(tick), scale::latency(tick / 1e3))).collect();
        let mut top = body.top;
        for (index, (panel, shares)) in self.arms.iter().zip(&shares).enumerate() {
            let heading = panel.heading();
            heading.draw(canvas, body.left, right, top)?;
            top += heading.height(right - body.left) + MARK_ROW;
            let plot = Rect { left, top, right, bottom: top + self.plot_height() };
            level_grid(canvas, plot, &ticks)?;
            up.draw(canvas, plot)?;
            if panel.bars.is_empty() {
                nothing(canvas, plot, self.empty)?;
            } else {
                panel.draw_bars(canvas, plot, &up, shares)?;
                if let Some(outline) = panel.outline {
                    draw_outline(canvas, plot, &up, &outline.shares(&edges))?;
                }
                let limit = self.limit.as_ref().map(|(label, value)| (label.as_str(), *value));
                panel.draw_marks(canvas, plot, x, limit)?;
            }
            top = plot.bottom + GAP;
            if index + 1 == self.arms.len() {
                level_labels(canvas, plot, &ticks, self.axis)?;
            }
        }
        Ok(())
    }
}

impl<'a> Panel<'a> {
    fn heading(&self) -> Heading<'a> {
        Heading { arm: self.arm, said: self.said.clone() }
    }

    fn draw_bars(&self, canvas: &Canvas<'_>, plot: Rect, up: &Upright, shares: &[f64]) -> Drawn {
        let step = plot.width() / shares.len() as f64;
        let colour = theme::arm(self.arm.colour);
        for (bin, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let left = plot.left + bin as f64 * step;
            // a single request stays visible
            let top = up.y(plot, *share).min(plot.bottom - 1.0);
            canvas.rect(
                Rect { left: left + 0.25, top, right: left + step - 0.25, bottom: plot.bottom },
                colour,
                0.85,
            )?;
        }
        Ok(())
    }

    /// Lines at the percentiles and at the limit, with labels above the plot that keep clear of each other.
    fn draw_marks(&self, canvas: &Canvas<'_>, plot: Rect, x: impl Fn(f64) -> f64, limit: Option<(&str, f64)>) -> Drawn {
        let mut marks: Vec<(&str, f64, bool)> = MARKS
            .iter()
            .filter_map(|(label, share)| self.bars.quantile(*share).map(|value| (*label, x(value as f64), false)))
            .collect();
        if let Some((label, value)) = limit {
            marks.push((label, x(value), true));
        }
        let weight = |is_limit: bool| if is_limit { Weight::SemiBold } else { Weight::Regular };
        let wanted: Vec<(f64, f64)> = marks
            .iter()
            .map(|(label, at, is_limit)| (*at, font::width(label, weight(*is_limit), theme::SMALL)))
            .collect();
        let centres = spread(&wanted, 7.0, plot.left, plot.right + AFTER);
        for ((label, at, is_limit), centre) in marks.into_iter().zip(centres) {
            let foot = plot.top - 5.0;
            let stroke = Stroke::new(theme::INK, if is_limit { 1.5 } else { 1.0 });
            let line = [(at, plot.top), (at, plot.bottom)];
            canvas.line(&line, if is_limit { stroke.dashed(5.0, 4.0) } else { stroke })?;
            canvas.line(&[(centre, foot), (at, plot.top)], Stroke::new(theme::INK, 1.0))?;
            let kind = Type::new(theme::SMALL, theme::INK).centred();
            canvas.text((centre, foot - 2.5), label, if is_limit { kind.semibold() } else { kind })?;
        }
        Ok(())
    }
}

fn draw_outline(canvas: &Canvas<'_>, plot: Rect, up: &Upright, shares: &[f64]) -> Drawn {
    let step = plot.width() / shares.len().max(1) as f64;
    let mut spots: Vec<Spot> = Vec::with_capacity(shares.len() * 2 + 2);
    for (bin, share) in shares.iter().enumerate() {
        let left = plot.left + bin as f64 * step;
        let y = up.y(plot, *share);
        spots.extend([(left, y), (left + step, y)]);
    }
    canvas.line(&spots, Stroke::new(theme::INK, 1.25))
}
