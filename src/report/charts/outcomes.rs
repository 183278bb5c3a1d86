//! What each run achieved and what it cost, with the arms no other beats in both.

use super::canvas::{Canvas, Drawn, Rect, Spot, Stroke, Type};
use super::data::{ArmSeries, Outcome, Study};
use super::font::{self, Weight};
use super::places::{Crowd, leader};
use super::scale::{self, Scale};
use super::sheet::{AFTER, Drawing, Key, LEVEL_AXIS, Mark, Upright, level_grid, level_labels, nothing, provenance};
use super::theme;

pub(super) struct Outcomes<'a>(pub(super) &'a Study);

/// An arm's mean over its valid runs.
struct Mean<'a> {
    arm: &'a ArmSeries,
    replica_seconds: f64,
    missed: f64,
}

fn is_known(outcome: &Outcome) -> bool {
    outcome.replica_seconds.is_finite() && outcome.missed.is_finite()
}

impl<'a> Mean<'a> {
    fn of(arm: &'a ArmSeries) -> Option<Self> {
        let known: Vec<&Outcome> =
            arm.outcomes.iter().filter(|outcome| is_known(outcome)).filter(|outcome| outcome.is_valid).collect();
        let mean = |of: fn(&Outcome) -> f64| known.iter().map(|outcome| of(outcome)).sum::<f64>() / known.len() as f64;
        (!known.is_empty()).then(|| Self {
            arm,
            replica_seconds: mean(|outcome| outcome.replica_seconds),
            missed: mean(|outcome| outcome.missed),
        })
    }

    /// Whether another arm is at least as good in both and better in one.
    fn is_beaten(&self, all: &[Self]) -> bool {
        all.iter().any(|other| {
            other.missed <= self.missed
                && other.replica_seconds <= self.replica_seconds
                && (other.missed < self.missed || other.replica_seconds < self.replica_seconds)
        })
    }
}

impl Outcomes<'_> {
    fn known(&self) -> impl Iterator<Item = (&ArmSeries, &Outcome)> {
        self.0
            .arms
            .iter()
            .flat_map(|arm| arm.outcomes.iter().filter(|outcome| is_known(outcome)).map(move |outcome| (arm, outcome)))
    }

    fn means(&self) -> Vec<Mean<'_>> {
        self.0.arms.iter().filter_map(Mean::of).collect()
    }

    /// Share of requests that may miss the objective.
    fn allowed(&self) -> f64 {
        (1.0 - self.0.slo_percentile / 100.0).clamp(0.0, 1.0)
    }
}

impl Drawing for Outcomes<'_> {
    fn title(&self) -> String {
        "Cost against objective".to_owned()
    }

    fn subtitle(&self) -> String {
        provenance(self.0).replace(", merged", "")
    }

    fn description(&self) -> String {
        let means = self.means();
        let said: Vec<String> = means
            .iter()
            .map(|mean| {
                let beaten = if mean.is_beaten(&means) { ", beaten by another arm in both" } else { "" };
                format!(
                    "{}: {} missed for {} replica-seconds{beaten}",
                    mean.arm.name,
                    scale::percent(mean.missed),
                    scale::digits(mean.replica_seconds, 4),
                )
            })
            .collect();
        format!(
            "A dot per run: its cost across, the share of requests that missed the objective up. {}.",
            said.join("; ")
        )
    }

    fn legend(&self) -> Vec<Key> {
        let mut keys = vec![
            Key::new("a run", Mark::Dot(theme::MUTED)),
            Key::new("mean of an arm's valid runs", Mark::Ring(theme::MUTED)),
            Key::new("not beaten in both", Mark::Line(Stroke::new(theme::MUTED, 1.5))),
        ];
        if self.known().any(|(_, outcome)| !outcome.is_valid) {
            keys.push(Key::new("run that is not valid", Mark::Dot(theme::AXIS)));
        }
        keys.push(Key::new(
            format!("{} may miss", scale::percent(self.allowed())),
            Mark::Line(Stroke::new(theme::INK, 1.25).dashed(5.0, 4.0)),
        ));
        keys
    }

    fn height(&self, width: f64) -> f64 {
        match self.known().next() {
            None => 120.0,
            Some(_) if width > 600.0 => 330.0,
            Some(_) => 290.0,
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        let costs = || self.known().map(|(_, outcome)| outcome.replica_seconds);
        let Some(dearest) = costs().reduce(f64::max) else { return nothing(canvas, body, "no run has ended") };
        let cheapest = costs().fold(dearest, f64::min);
        let missed = self.known().map(|(_, outcome)| outcome.missed).fold(self.allowed() * 1.3, f64::max);
        let up = Upright::new(Scale::from_zero(missed * 1.04, 5), 5, scale::percent);
        // cost need not begin at zero: what matters is how far the arms are apart
        let room = (dearest - cheapest).max(dearest * 0.05).max(1e-9) * 0.12;
        let across = Scale::Linear { min: (cheapest - room).max(0.0), max: dearest + room };
        let top = body.top + 30.0;
        let plot =
            Rect { left: body.left + up.room(), top, right: body.right - AFTER, bottom: body.bottom - LEVEL_AXIS };
        let x = |value: f64| plot.left + across.place(value) * plot.width();
        let wanted = if body.width() > 600.0 { 9 } else { 5 };
        let ticks: Vec<(f64, String)> =
            across.ticks(wanted).into_iter().map(|tick| (x(tick), scale::short(tick))).collect();
        level_grid(canvas, plot, &ticks)?;
        up.draw(canvas, plot)?;
        level_labels(canvas, plot, &ticks, "replica-seconds (cheaper to the left)")?;
        let words = "requests that missed the objective (better below)";
        canvas.text((body.left, body.top + 11.0), words, Type::new(theme::SMALL, theme::MUTED))?;
        let allowed = up.y(plot, self.allowed());
        canvas.line(&[(plot.left, allowed), (plot.right, allowed)], Stroke::new(theme::INK, 1.25).dashed(5.0, 4.0))?;

        let means = self.means();
        let spot = |mean: &Mean<'_>| (x(mean.replica_seconds), up.y(plot, mean.missed));
        front(canvas, &means, spot)?;
        let mut dots: Vec<Spot> = Vec::new();
        for (arm, outcome) in self.known() {
            let colour = if outcome.is_valid { theme::arm(arm.colour) } else { theme::AXIS };
            let dot = (x(outcome.replica_seconds), up.y(plot, outcome.missed));
            canvas.dot(dot, 2.75, colour)?;
            dots.push(dot);
        }
        let rings: Vec<Spot> = means.iter().map(spot).collect();
        labels(canvas, plot, &means, &rings, &dots)?;
        for (mean, ring) in means.iter().zip(&rings) {
            canvas.ring(*ring, 6.0, Stroke::new(theme::arm(mean.arm.colour), 2.5))?;
        }
        Ok(())
    }
}

/// A step line through the arms that no other beats: what lies right of and above it is beaten.
fn front<'a>(canvas: &Canvas<'_>, means: &[Mean<'a>], spot: impl Fn(&Mean<'a>) -> Spot) -> Drawn {
    let mut best: Vec<Spot> = means.iter().filter(|mean| !mean.is_beaten(means)).map(&spot).collect();
    best.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut line: Vec<Spot> = Vec::with_capacity(2 * best.len());
    for at in best {
        if let Some(last) = line.last().copied() {
            line.push((at.0, last.1));
        }
        line.push(at);
    }
    if line.len() > 1 { canvas.line(&line, Stroke::new(theme::MUTED, 1.5)) } else { Ok(()) }
}

/// Names beside the means: what is farther from its mean than a line's height has a line to it.
fn labels(canvas: &Canvas<'_>, plot: Rect, means: &[Mean<'_>], rings: &[Spot], dots: &[Spot]) -> Drawn {
    let crowd = Crowd { plot, marks: rings, dots };
    let mut taken: Vec<Rect> = Vec::new();
    for (mean, at) in means.iter().zip(rings) {
        let name = font::fit(&mean.arm.name, Weight::SemiBold, theme::SMALL, plot.width() * 0.45);
        let width = font::width(&name, Weight::SemiBold, theme::SMALL);
        let place = crowd.place((width + 6.0, 14.0), *at, &taken);
        if let Some(line) = leader(*at, place) {
            canvas.line(&line, Stroke::new(theme::MUTED, 0.75))?;
        }
        // dots of runs may lie here
        canvas.rect(place, theme::PAPER, 0.85)?;
        let kind = Type::new(theme::SMALL, theme::INK).semibold().middle();
        canvas.text((place.left + 3.0, f64::midpoint(place.top, place.bottom)), &name, kind)?;
        taken.push(place);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(outcomes: &[(f64, f64)]) -> ArmSeries {
        let outcome = |(replica_seconds, missed): &(f64, f64)| Outcome {
            replica_seconds: *replica_seconds,
            missed: *missed,
            is_valid: true,
        };
        ArmSeries { outcomes: outcomes.iter().map(outcome).collect(), ..ArmSeries::default() }
    }

    #[test]
    fn an_arm_is_beaten_by_one_that_is_as_good_in_both_and_better_in_one() {
        let arms = [arm(&[(100.0, 0.10)]), arm(&[(200.0, 0.02)]), arm(&[(150.0, 0.10), (250.0, 0.10)])];
        let means: Vec<Mean<'_>> = arms.iter().filter_map(Mean::of).collect();
        let beaten: Vec<bool> = means.iter().map(|mean| mean.is_beaten(&means)).collect();
        assert_eq!(beaten, [false, false, true]);
    }

    #[test]
    fn what_an_invalid_run_shows_is_no_part_of_the_mean() {
        let mut one = arm(&[(100.0, 0.10), (900.0, 0.90)]);
        one.outcomes[1].is_valid = false;
        assert!(Mean::of(&one).is_some_and(|mean| (mean.replica_seconds - 100.0).abs() < 1e-9));
        one.outcomes[0].is_valid = false;
        assert!(Mean::of(&one).is_none());
    }
}
