//! Cost against violations: everything a search tried, its front, and the settings that have a name.

use super::canvas::{Canvas, Drawn, Rect, Spot, Stroke, Type};
use super::font::{self, Weight};
use super::places::{Crowd, leader};
use super::scale::{self, Scale};
use super::sheet::{AFTER, Drawing, Key, LEVEL_AXIS, Mark, level_grid, level_labels, nothing};
use super::theme::{self, Colour};

/// What a search for settings found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tradeoff {
    /// The scenarios' names.
    pub name: String,
    /// The arm's name.
    pub arm: String,
    /// Seed of the search.
    pub seed: u64,
    /// Share of the planned requests that may miss the objective, if it is the same in every scenario.
    pub allowed: Option<f64>,
    /// Everything that was tried.
    pub tried: Vec<TriedSetting>,
    /// What nothing is better than in both ways, by rising cost.
    pub front: Vec<TriedSetting>,
    /// The setting the scenario has.
    pub hand_set: Option<TriedSetting>,
    /// The policy's defaults.
    pub default: Option<TriedSetting>,
    /// The recommended setting.
    pub recommended: Option<TriedSetting>,
}

/// One setting that was tried: means over its runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TriedSetting {
    /// Cost, in replica-seconds.
    pub cost: f64,
    /// Share of the planned requests that missed the objective.
    pub missed: f64,
    /// Whether it was stopped before it had met every seed.
    pub is_stopped: bool,
}

/// Shares that may be labelled.
const TICKS: [f64; 11] = [0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0];

const FRONT: Colour = theme::arm(0);
const HAND_SET: Colour = theme::arm(1);
const RECOMMENDED: Colour = theme::arm(2);

/// Share of the cost axis beyond which what nobody would choose is not drawn: it would press all else into a corner.
const CROWDED: f64 = 3.0;

impl Tradeoff {
    fn named(&self) -> [(&'static str, Option<TriedSetting>, Colour); 3] {
        [
            ("hand-set", self.hand_set, HAND_SET),
            ("default", self.default, theme::MUTED),
            ("recommended", self.recommended, RECOMMENDED),
        ]
    }

    /// Ends of the cost axis: all of the front and whatever has a name, and of the rest what is not much dearer.
    fn costs(&self) -> Option<(f64, f64)> {
        let named = self.named().into_iter().filter_map(|(_, setting, _)| setting);
        let (min, max) = self
            .front
            .iter()
            .copied()
            .chain(named)
            .map(|setting| setting.cost)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), cost| (min.min(cost), max.max(cost)));
        if !(min.is_finite() && max.is_finite()) {
            return None;
        }
        let most = self.tried.iter().map(|setting| setting.cost).fold(max, f64::max);
        Some((min, most.min(max + (CROWDED - 1.0) * (max - min).max(0.1 * max))))
    }

    fn most_missed(&self) -> f64 {
        let named = self.named().into_iter().filter_map(|(_, setting, _)| setting);
        let shown = self.front.iter().copied().chain(named).map(|setting| setting.missed).fold(0.0, f64::max);
        let tried = self.tried.iter().map(|setting| setting.missed).fold(shown, f64::max);
        // room for the line of the objective
        tried.max(self.allowed.unwrap_or(0.0) * 1.5).clamp(1e-4, 1.0)
    }
}

/// Places on the sheet.
struct Axes {
    plot: Rect,
    across: Scale,
    most: f64,
}

impl Axes {
    fn x(&self, cost: f64) -> f64 {
        self.plot.left + self.across.place(cost) * self.plot.width()
    }

    /// By the square root, so that small shares, which matter most, have room and none is still at the foot.
    fn y(&self, missed: f64) -> f64 {
        self.plot.bottom - (missed.max(0.0) / self.most).sqrt().min(1.0) * self.plot.height()
    }

    fn spot(&self, setting: TriedSetting) -> Spot {
        (self.x(setting.cost), self.y(setting.missed))
    }
}

impl Drawing for Tradeoff {
    fn title(&self) -> String {
        format!("Cost against violations: {}", self.arm)
    }

    fn subtitle(&self) -> String {
        let stopped = self.tried.iter().filter(|setting| setting.is_stopped).count();
        format!(
            "{} in virtual time · {} settings tried, {} stopped early · seed {}",
            self.name,
            scale::count(self.tried.len() as u64),
            scale::count(stopped as u64),
            self.seed
        )
    }

    fn description(&self) -> String {
        let said = |(name, setting, _): (&str, Option<TriedSetting>, Colour)| {
            let setting = setting?;
            Some(format!(
                "{name}: {} replica-seconds, {} missed",
                scale::digits(setting.cost, 4),
                scale::percent(setting.missed)
            ))
        };
        let named: Vec<String> = self.named().into_iter().filter_map(said).collect();
        format!(
            "A dot per setting, its cost to the right and the share of requests that missed the objective upwards; {} of them are on \
             the front. {}.",
            self.front.len(),
            named.join("; ")
        )
    }

    fn legend(&self) -> Vec<Key> {
        let mut keys = vec![
            Key::new("tried", Mark::Area(theme::AXIS, 0.8)),
            Key::new("stopped early", Mark::Area(theme::LOAD, 0.9)),
            Key::new("front: nothing is better in both ways", Mark::Line(Stroke::new(FRONT, 2.0))),
        ];
        if let Some(allowed) = self.allowed {
            let label = format!("objective: at most {} missed", scale::percent(allowed));
            keys.push(Key::new(label, Mark::Line(Stroke::new(theme::INK, 1.25).dashed(5.0, 4.0))));
        }
        keys
    }

    fn height(&self, width: f64) -> f64 {
        if width > 600.0 { 420.0 } else { 340.0 }
    }

    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        let Some((min, max)) = self.costs() else {
            return nothing(canvas, body, "no setting was tried to its end");
        };
        let most = self.most_missed();
        let ticks: Vec<f64> = ticks(most);
        let labels: Vec<String> = ticks.iter().map(|tick| scale::percent(*tick)).collect();
        let room = labels.iter().map(|label| font::width(label, Weight::Regular, theme::SMALL)).fold(0.0, f64::max);
        let plot = Rect {
            left: body.left + room + 8.0,
            top: body.top + 28.0,
            right: body.right - AFTER,
            bottom: body.bottom - LEVEL_AXIS,
        };
        let title = "requests that were slow, failed or lost";
        canvas.text((body.left, body.top + 8.0), title, Type::new(theme::SMALL, theme::MUTED).middle())?;
        let margin = (max - min).max(0.02 * max).max(1e-9) * 0.04;
        let across = Scale::Linear { min: (min - margin).max(0.0), max: max + margin };
        let axes = Axes { plot, across, most };
        let level: Vec<(f64, String)> =
            across.ticks(7).into_iter().map(|tick| (axes.x(tick), scale::short(tick))).collect();
        level_grid(canvas, plot, &level)?;
        for (tick, label) in ticks.iter().zip(&labels) {
            let y = axes.y(*tick);
            let stroke = if *tick > 0.0 { theme::GRID } else { theme::AXIS };
            canvas.line(&[(plot.left, y), (plot.right, y)], Stroke::new(stroke, 1.0))?;
            canvas.text((plot.left - 7.0, y), label, Type::new(theme::SMALL, theme::MUTED).right().middle())?;
        }
        level_labels(canvas, plot, &level, "cost: replica-seconds from the load's start, mean of all runs")?;
        self.draw_settings(canvas, &axes, max)?;
        self.draw_named(canvas, &axes)
    }
}

/// Labels that stand apart from each other on the axis.
fn ticks(most: f64) -> Vec<f64> {
    let mut ticks: Vec<f64> = vec![0.0];
    for tick in TICKS.into_iter().rev().filter(|tick| *tick <= most * 1.001) {
        let apart = |other: &f64| ((other / most).sqrt() - (tick / most).sqrt()).abs() > 0.075;
        if ticks.iter().all(apart) {
            ticks.push(tick);
        }
    }
    ticks.sort_by(f64::total_cmp);
    ticks
}

impl Tradeoff {
    fn draw_settings(&self, canvas: &Canvas<'_>, axes: &Axes, max: f64) -> Drawn {
        let shown = |is_stopped: bool| {
            self.tried.iter().filter(move |setting| setting.is_stopped == is_stopped && setting.cost <= max)
        };
        for setting in shown(true) {
            canvas.speck(axes.spot(*setting), 2.5, theme::LOAD, 0.9)?;
        }
        for setting in shown(false) {
            canvas.speck(axes.spot(*setting), 2.75, theme::AXIS, 0.8)?;
        }
        if let Some(allowed) = self.allowed {
            let y = axes.y(allowed);
            let stroke = Stroke::new(theme::INK, 1.25).dashed(5.0, 4.0);
            canvas.line(&[(axes.plot.left, y), (axes.plot.right, y)], stroke)?;
        }
        // between two settings of the front the better one in cost is the best there is
        let mut stairs: Vec<Spot> = Vec::new();
        for setting in &self.front {
            let spot = axes.spot(*setting);
            if let Some((_, before)) = stairs.last().copied() {
                stairs.push((spot.0, before));
            }
            stairs.push(spot);
        }
        canvas.line(&stairs, Stroke::new(FRONT, 2.0))?;
        for setting in &self.front {
            canvas.dot(axes.spot(*setting), 3.0, FRONT)?;
        }
        Ok(())
    }

    /// Settings with a name: a mark each, and labels that keep out of the marks' way.
    fn draw_named(&self, canvas: &Canvas<'_>, axes: &Axes) -> Drawn {
        let mut named: Vec<(String, Spot, Colour)> = Vec::new();
        for (name, setting, colour) in self.named() {
            let Some(setting) = setting else { continue };
            let spot = axes.spot(setting);
            match named.iter_mut().find(|(_, other, _)| *other == spot) {
                // one setting with two names is marked once
                Some((label, _, shade)) => {
                    label.push_str(", ");
                    label.push_str(name);
                    *shade = colour;
                }
                None => named.push((name.to_owned(), spot, colour)),
            }
        }
        let marks: Vec<Spot> = named.iter().map(|(_, spot, _)| *spot).collect();
        let crowd = Crowd { plot: axes.plot, marks: &marks, dots: &[] };
        let mut taken: Vec<Rect> = Vec::new();
        for (label, spot, colour) in &named {
            let size = (font::width(label, Weight::SemiBold, theme::BODY) + 8.0, 16.0);
            let back = crowd.place(size, *spot, &taken);
            if let Some(line) = leader(*spot, back) {
                canvas.line(&line, Stroke::new(theme::MUTED, 0.75))?;
            }
            canvas.rect(back, theme::PAPER, 0.85)?;
            let middle = f64::midpoint(back.top, back.bottom);
            canvas.text((back.left + 4.0, middle), label, Type::new(theme::BODY, *colour).semibold().middle())?;
            taken.push(back);
        }
        for (_, spot, colour) in &named {
            canvas.dot(*spot, 5.5, *colour)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_shares_stand_apart_and_reach_from_none_to_the_most() {
        assert_eq!(ticks(1.0), [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0]);
        assert_eq!(ticks(0.02), [0.0, 0.001, 0.005, 0.01, 0.02]);
    }

    #[test]
    fn what_is_far_dearer_than_anything_worth_having_does_not_stretch_the_axis() {
        let at = |cost| TriedSetting { cost, missed: 0.1, is_stopped: false };
        let chart = Tradeoff { front: vec![at(100.0), at(200.0)], tried: vec![at(90_000.0)], ..Tradeoff::default() };
        assert_eq!(chart.costs(), Some((100.0, 400.0)));
        assert_eq!(Tradeoff::default().costs(), None);
    }
}
