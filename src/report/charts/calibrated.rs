//! A measured function beside its model: phase by phase, where the latencies lie.

use super::canvas::{Canvas, Drawn, Rect, Stroke};
use super::data::{Calibrated, CalibratedPhase};
use super::scale::{self, Scale};
use super::sheet::{AFTER, Drawing, Key, LEVEL_AXIS, Mark, Upright, level_labels, nothing};
use super::theme::{self, Colour};
use crate::stats::percentile::percentile;

const MEASURED: Colour = theme::arm(0);
const MODELLED: Colour = theme::arm(1);
/// Half of the distance between the two of a phase, and half of a box's width, as shares of the phase's room.
const BESIDE: f64 = 0.17;
const BOX: f64 = 0.11;

/// 5th, 25th, 50th, 75th and 95th percentile.
fn five(sorted: &[f64]) -> Option<[f64; 5]> {
    let at = |percent| percentile(sorted, percent);
    Some([at(5.0)?, at(25.0)?, at(50.0)?, at(75.0)?, at(95.0)?])
}

impl Calibrated {
    fn all(&self) -> impl Iterator<Item = [f64; 5]> {
        self.phases.iter().flat_map(|phase| [five(&phase.measured), five(&phase.modelled)]).flatten()
    }
}

impl Drawing for Calibrated {
    fn title(&self) -> String {
        let fits = if self.fits { "" } else { " (does not fit)" };
        format!("Model against measurement: {}{fits}", self.name)
    }

    fn subtitle(&self) -> String {
        let answers: usize = self.phases.iter().map(|phase| phase.measured.len()).sum();
        format!("{} · {} answers", self.source, scale::count(answers as u64))
    }

    fn description(&self) -> String {
        let said = |phase: &CalibratedPhase| {
            let [_, _, measured, _, _] = five(&phase.measured)?;
            let [_, _, modelled, _, _] = five(&phase.modelled)?;
            let (measured, modelled) = (scale::latency(measured), scale::latency(modelled));
            Some(format!("{}: median {measured} measured, {modelled} by the model", phase.label))
        };
        let phases: Vec<String> = self.phases.iter().filter_map(said).collect();
        format!("Latencies of each phase of the measurement beside the model's. {}.", phases.join("; "))
    }

    fn legend(&self) -> Vec<Key> {
        vec![
            Key::new("measured", Mark::Area(MEASURED, 0.85)),
            Key::new("model", Mark::Area(MODELLED, 0.85)),
            Key::new("p25 to p75, with the median; lines from p5 to p95", Mark::Line(Stroke::new(theme::MUTED, 1.5))),
        ]
    }

    fn height(&self, width: f64) -> f64 {
        if width > 600.0 { 340.0 } else { 300.0 }
    }

    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        let max = self.all().map(|five| five[4]).fold(0.0, f64::max);
        let min = self.all().map(|five| five[0]).fold(f64::INFINITY, f64::min);
        if max <= 0.0 || self.phases.is_empty() {
            return nothing(canvas, body, "no request was answered well");
        }
        let up = Upright::new(Scale::spanning(min, max), 6, scale::latency);
        let plot = Rect {
            left: body.left + up.room(),
            top: body.top + 8.0,
            right: body.right - AFTER,
            bottom: body.bottom - LEVEL_AXIS,
        };
        up.draw(canvas, plot)?;
        let room = plot.width() / self.phases.len() as f64;
        let middle = |place: usize| plot.left + (place as f64 + 0.5) * room;
        let labels: Vec<(f64, String)> =
            self.phases.iter().enumerate().map(|(place, phase)| (middle(place), phase.label.clone())).collect();
        level_labels(
            canvas,
            plot,
            &labels,
            "requests at once (×n: callers that call again; bursts: all at a time, from idle)",
        )?;
        for (place, phase) in self.phases.iter().enumerate() {
            for (latencies, side, colour) in [(&phase.measured, -1.0, MEASURED), (&phase.modelled, 1.0, MODELLED)] {
                let Some([low, quarter, median, three_quarters, high]) = five(latencies) else { continue };
                let x = middle(place) + side * BESIDE * room;
                let half = (BOX * room).min(14.0);
                let y = |ms: f64| up.y(plot, ms);
                canvas.line(&[(x, y(low)), (x, y(high))], Stroke::new(colour, 1.5))?;
                let (top, bottom) = (y(three_quarters), y(quarter).max(y(three_quarters) + 1.0));
                canvas.rect(Rect { left: x - half, top, right: x + half, bottom }, colour, 0.85)?;
                canvas.line(&[(x - half, y(median)), (x + half, y(median))], Stroke::new(theme::INK, 1.75))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::Figure;

    fn phase(label: &str, from: f64, to: f64) -> CalibratedPhase {
        let latencies =
            |shift: f64| (0..100).map(|place| from + (to - from) * f64::from(place) / 100.0 + shift).collect();
        CalibratedPhase { label: label.to_owned(), measured: latencies(0.0), modelled: latencies(0.3) }
    }

    #[test]
    fn a_calibration_is_drawn_whatever_there_is_of_it() {
        let named = |phases| Calibrated { name: "f".to_owned(), source: "here".to_owned(), fits: true, phases };
        let empty = CalibratedPhase { label: "×2".to_owned(), measured: Vec::new(), modelled: Vec::new() };
        for calibrated in [named(Vec::new()), named(vec![empty.clone()]), named(vec![phase("×1", 5.0, 9.0), empty])] {
            let figure = Figure::Calibrated(calibrated);
            let svg = figure.svg().expect("a drawing");
            assert!(svg.contains("Model against measurement") && !svg.contains("NaN"));
            assert!(figure.png().expect("a drawing").starts_with(b"\x89PNG"));
        }
    }
}
