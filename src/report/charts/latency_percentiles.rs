//! Latency at every percentile, all arms over each other, with the tail drawn out as `HdrHistogram`'s plots do.

use super::canvas::{Canvas, Drawn, Rect, Spot, Stroke, Type};
use super::data::{Distribution, Study};
use super::font::{self, Weight};
use super::latency_histogram::said;
use super::scale::{self, Scale};
use super::sheet::{
    AFTER, Drawing, Key, LEVEL_AXIS, Mark, Upright, level_grid, level_labels, nothing, objective, provenance,
};
use super::theme;

pub(super) struct LatencyPercentiles<'a>(pub(super) &'a Study);

/// Widths of the first and of the last curve.
const WIDTHS: (f64, f64) = (4.5, 2.0);

/// How wide a curve is drawn: each narrower than those before it, so that of curves that lie on each other all are seen.
fn width(order: usize, of: usize) -> f64 {
    match of {
        0 | 1 => 2.25,
        _ => WIDTHS.0 + (WIDTHS.1 - WIDTHS.0) * order as f64 / (of - 1) as f64,
    }
}

/// Points along a curve.
const STEPS: usize = 320;

/// Percentiles that are labelled.
const TICKS: [f64; 8] = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999];

impl LatencyPercentiles<'_> {
    fn distributions(&self) -> impl Iterator<Item = &Distribution> {
        self.0.arms.iter().flat_map(|arm| [&arm.latency, &arm.due])
    }

    /// One request in how many the axis ends at: a percentile finer than the data has no meaning.
    fn finest(&self) -> f64 {
        self.distributions().map(Distribution::count).max().map_or(100.0, |count| (count as f64).clamp(100.0, 1e7))
    }
}

/// Where one request in `of` stands on the axis, from 0 to 1.
fn place(of: f64, finest: f64) -> f64 {
    (of.ln() / finest.ln()).clamp(0.0, 1.0)
}

/// The curve's points: (place on the axis, latency in milliseconds).
fn curve(all: &Distribution, finest: f64) -> Vec<(f64, f64)> {
    let count = all.count() as f64;
    let mut points = Vec::with_capacity(STEPS + 2);
    let mut seen = 0_u64;
    let mut step = 0;
    for (value, count_here) in all.iter() {
        seen += count_here;
        let reached =
            if seen == all.count() { place(count, finest) } else { place(count / (count - seen as f64), finest) };
        // one point per step of the axis is as fine as the eye can see
        while step <= STEPS && step as f64 / STEPS as f64 <= reached {
            points.push((step as f64 / STEPS as f64, value as f64 / 1e3));
            step += 1;
        }
    }
    if let Some(max) = all.max() {
        points.push((place(count, finest), max as f64 / 1e3));
    }
    points
}

impl Drawing for LatencyPercentiles<'_> {
    fn title(&self) -> String {
        "Latency by percentile".to_owned()
    }

    fn subtitle(&self) -> String {
        let answered: u64 = self.0.arms.iter().map(|arm| arm.latency.count()).sum();
        format!("{} · {} answered requests", provenance(self.0), scale::count(answered))
    }

    fn description(&self) -> String {
        let arms: Vec<String> = self.0.arms.iter().map(|arm| format!("{}: {}", arm.name, said(self.0, arm))).collect();
        format!("Curves of latency over percentile with the tail drawn out, one per arm. {}.", arms.join("; "))
    }

    fn legend(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self
            .0
            .arms
            .iter()
            .map(|arm| Key::new(arm.name.clone(), Mark::Line(Stroke::new(theme::arm(arm.colour), 2.25))))
            .collect();
        keys.push(Key::new("from sent", Mark::Line(Stroke::new(theme::MUTED, 2.0))));
        keys.push(Key::new("from due", Mark::Line(Stroke::new(theme::MUTED, 1.5).dashed(5.0, 4.0))));
        keys.push(Key::new(format!("objective: {}", objective(self.0)), Mark::Ring(theme::INK)));
        keys
    }

    fn height(&self, width: f64) -> f64 {
        if width > 600.0 { 340.0 } else { 300.0 }
    }

    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        let study = self.0;
        let Some(max) = self.distributions().filter_map(Distribution::max).max() else {
            return nothing(canvas, body, "no request was answered");
        };
        let min = self.distributions().filter_map(Distribution::min).min().unwrap_or(max) as f64 / 1e3;
        let typical = self.distributions().filter_map(|all| all.quantile(0.5)).min().unwrap_or(max) as f64 / 1e3;
        let max = (max as f64 / 1e3).max(study.slo_ms);
        let up = Upright::new(Scale::of_curve(min, typical.min(study.slo_ms), max, 6), 6, scale::latency);
        let plot = Rect {
            left: body.left + up.room(),
            top: body.top + 8.0,
            right: body.right - AFTER,
            bottom: body.bottom - LEVEL_AXIS,
        };
        let finest = self.finest();
        let x = |place: f64| plot.left + place * plot.width();
        let ticks: Vec<(f64, String)> = TICKS
            .iter()
            .map(|percent| (percent, 100.0 / (100.0 - percent)))
            .filter(|(_, of)| *of <= finest * 1.001)
            .map(|(percent, of)| (x(place(of, finest)), format!("{}\u{a0}%", scale::digits(*percent, 7))))
            .collect();
        level_grid(canvas, plot, &ticks)?;
        up.draw(canvas, plot)?;
        level_labels(canvas, plot, &ticks, "this share of the requests was answered within …")?;

        let slo = up.y(plot, study.slo_ms);
        canvas.line(&[(plot.left, slo), (plot.right, slo)], Stroke::new(theme::INK, 1.25).dashed(5.0, 4.0))?;
        let mut taken: Vec<Spot> = Vec::new();
        for (order, arm) in study.arms.iter().enumerate() {
            let stroke = Stroke::new(theme::arm(arm.colour), width(order, study.arms.len()));
            let spots = |all: &Distribution| -> Vec<Spot> {
                curve(all, finest).into_iter().map(|(place, ms)| (x(place), up.y(plot, ms))).collect()
            };
            let (due, sent) = (spots(&arm.due), spots(&arm.latency));
            canvas.line(&due, Stroke { width: stroke.width * 0.65, ..stroke }.dashed(5.0, 4.0))?;
            canvas.line(&sent, stroke)?;
            taken.extend(due.into_iter().chain(sent));
        }
        let at = (x(place(100.0 / (100.0 - study.slo_percentile.clamp(0.0, 99.999_9)), finest)), slo);
        canvas.ring(at, 5.0, Stroke::new(theme::INK, 2.0))?;
        let label = format!("SLO {}", scale::latency(study.slo_ms));
        let (spot, right) = free_corner(plot, slo, font::width(&label, Weight::SemiBold, theme::SMALL), &taken);
        let kind = Type::new(theme::SMALL, theme::INK).semibold().middle();
        canvas.text(spot, &label, if right { kind.right() } else { kind })
    }
}

/// Where a label of this width beside the line at height `line` is crossed by the fewest of the `taken` spots: its anchor,
/// and whether that is its right end.
fn free_corner(plot: Rect, line: f64, width: f64, taken: &[Spot]) -> (Spot, bool) {
    let corners = [(line - 10.0, true), (line + 10.0, true), (line - 10.0, false), (line + 10.0, false)];
    let crossed = |(middle, right): (f64, bool)| {
        let left = if right { plot.right - 8.0 - width } else { plot.left + 8.0 };
        let outside = !(plot.top..=plot.bottom).contains(&(middle - 6.0)) || middle + 6.0 > plot.bottom;
        let hits = taken
            .iter()
            .filter(|(x, y)| (left - 4.0..=left + width + 4.0).contains(x) && (y - middle).abs() < 10.0)
            .count();
        if outside { usize::MAX } else { hits }
    };
    let (middle, right) = corners.into_iter().min_by_key(|corner| crossed(*corner)).unwrap_or((line - 10.0, true));
    ((if right { plot.right - 8.0 } else { plot.left + 8.0 }, middle), right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_curves_that_lie_on_each_other_the_wider_one_shows_on_both_sides() {
        let widths: Vec<f64> = (0..3).map(|order| width(order, 3)).collect();
        assert_eq!(widths, [4.5, 3.25, 2.0]);
    }

    #[test]
    fn a_curve_rises_from_the_fastest_to_the_slowest() {
        let all = Distribution::new((1..=1000_u64).map(|value| (value * 1000, 1)));
        let points = curve(&all, 1000.0);
        assert!((points[0].1 - 1.0).abs() < 1e-9);
        assert!(points.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1));
        // p90: one request in ten stands at a third of an axis that ends at one in a thousand
        let at_p90 = points.iter().find(|(place, _)| *place >= 1.0 / 3.0).expect("the axis goes beyond p90");
        assert!((at_p90.1 - 900.0).abs() < 15.0, "{at_p90:?}");
        assert!((points[points.len() - 1].1 - 1000.0).abs() < 1e-9);
    }
}
