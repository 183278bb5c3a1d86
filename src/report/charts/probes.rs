//! What the probes saw beside what the users of the same second saw.

use super::canvas::{Canvas, Drawn, Rect, Stroke, Type};
use super::data::{ArmSeries, Study};
use super::scale::{self, Scale};
use super::sheet::{AFTER, Drawing, Key, LEVEL_AXIS, Mark, Upright, level_grid, level_labels, nothing, provenance};
use super::theme;

pub(super) struct Probes<'a>(pub(super) &'a Study);

/// Most dots drawn of an arm; more would only blacken the paper.
const DOTS: usize = 400;

fn known(arm: &ArmSeries) -> impl Iterator<Item = (f64, f64)> {
    let usable = |value: f64| value.is_finite() && value > 0.0;
    arm.probe_pairs.iter().copied().filter(move |(probe, users)| usable(*probe) && usable(*users))
}

/// The median of how many times as long users waited as the probe said.
fn bias(arm: &ArmSeries) -> Option<f64> {
    let mut ratios: Vec<f64> = known(arm).map(|(probe, users)| users / probe).collect();
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.len().checked_sub(1)? / 2;
    Some(if ratios.len() % 2 == 1 { ratios[middle] } else { f64::midpoint(ratios[middle], ratios[middle + 1]) })
}

impl Probes<'_> {
    fn said(&self) -> Vec<String> {
        let said = |arm: &ArmSeries| {
            let bias = bias(arm)?;
            Some(format!(
                "{}: users waited {} times as long as the probe said (median)",
                arm.name,
                scale::digits(bias, 3)
            ))
        };
        self.0.arms.iter().filter_map(said).collect()
    }
}

impl Drawing for Probes<'_> {
    fn title(&self) -> String {
        "What the probes saw against what users saw".to_owned()
    }

    fn subtitle(&self) -> String {
        let probes = self.0.arms.iter().map(|arm| known(arm).count()).sum::<usize>() as u64;
        format!("{} · {} probes under load", provenance(self.0).replace(", merged", ""), scale::count(probes))
    }

    fn description(&self) -> String {
        let said = self.said().join("; ");
        format!(
            "A dot per probe: its latency across, the median latency of the requests of the same second up. {said}."
        )
    }

    fn legend(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self
            .0
            .arms
            .iter()
            .filter(|arm| known(arm).next().is_some())
            .map(|arm| {
                let bias = bias(arm)
                    .map_or(String::new(), |bias| format!(": users waited {} × as long", scale::digits(bias, 2)));
                Key::new(format!("{}{bias}", arm.name), Mark::Dot(theme::arm(arm.colour)))
            })
            .collect();
        keys.push(Key::new("both the same", Mark::Line(Stroke::new(theme::MUTED, 1.5))));
        keys.push(Key::new(
            format!("SLO {}", scale::latency(self.0.slo_ms)),
            Mark::Line(Stroke::new(theme::INK, 1.25).dashed(5.0, 4.0)),
        ));
        keys
    }

    fn height(&self, width: f64) -> f64 {
        match self.0.arms.iter().flat_map(known).next() {
            None => 120.0,
            Some(_) if width > 600.0 => 340.0,
            Some(_) => 300.0,
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        let all = || self.0.arms.iter().flat_map(known).flat_map(|(probe, users)| [probe, users]);
        let Some(max) = all().reduce(f64::max) else { return nothing(canvas, body, "no probe was sent under load") };
        let min = all().fold(max, f64::min);
        let slo = self.0.slo_ms;
        let (low, high) = if slo > 0.0 { (min.min(slo), max.max(slo)) } else { (min, max) };
        // both axes are the same, so that the line of equal values is the diagonal
        let both = Scale::spanning(low * 0.9, (high * 1.1).max(low * 0.9 + 1e-6));
        let up = Upright::new(both, 6, scale::latency);
        let plot = Rect {
            left: body.left + up.room(),
            top: body.top + 26.0,
            right: body.right - AFTER,
            bottom: body.bottom - LEVEL_AXIS,
        };
        let x = |ms: f64| plot.left + both.place(ms).clamp(0.0, 1.0) * plot.width();
        let y = |ms: f64| up.y(plot, ms).clamp(plot.top, plot.bottom);
        let wanted = if body.width() > 600.0 { 9 } else { 5 };
        let ticks: Vec<(f64, String)> =
            both.ticks(wanted).into_iter().map(|tick| (x(tick), scale::latency(tick))).collect();
        level_grid(canvas, plot, &ticks)?;
        up.draw(canvas, plot)?;
        level_labels(canvas, plot, &ticks, "latency of a probe")?;
        let words = "median latency of the requests answered in the same second";
        canvas.text((body.left, body.top + 11.0), words, Type::new(theme::SMALL, theme::MUTED))?;
        let line = [(x(both.min()), y(both.min())), (x(both.max()), y(both.max()))];
        canvas.line(&line, Stroke::new(theme::MUTED, 1.5))?;
        if slo > 0.0 {
            let stroke = Stroke::new(theme::INK, 1.25).dashed(5.0, 4.0);
            canvas.line(&[(x(slo), plot.top), (x(slo), plot.bottom)], stroke)?;
            canvas.line(&[(plot.left, y(slo)), (plot.right, y(slo))], stroke)?;
        }
        for arm in &self.0.arms {
            let every = known(arm).count().div_ceil(DOTS).max(1);
            for (probe, users) in known(arm).step_by(every) {
                canvas.dot((x(probe), y(users)), 2.5, theme::arm(arm.colour))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bias_is_the_middle_ratio_of_users_to_probes() {
        let arm = |pairs: &[(f64, f64)]| ArmSeries { probe_pairs: pairs.to_vec(), ..ArmSeries::default() };
        assert_eq!(bias(&arm(&[])), None);
        assert_eq!(bias(&arm(&[(10.0, 20.0), (10.0, 5.0), (10.0, 40.0)])), Some(2.0));
        assert_eq!(bias(&arm(&[(10.0, 20.0), (10.0, 40.0), (0.0, 1.0), (f64::NAN, 1.0)])), Some(3.0));
    }
}
