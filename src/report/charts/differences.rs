//! How far two arms are apart, metric by metric, with the interval of each and the noise of two equal arms.

use super::canvas::{Canvas, Drawn, Rect, Stroke, Type};
use super::data::{Difference, Study};
use super::font::{self, Weight};
use super::scale::{self, Scale};
use super::sheet::{AFTER, Drawing, Key, LEVEL_AXIS, Mark, level_grid, level_labels, nothing};
use super::theme;

pub(super) struct Differences<'a>(pub(super) &'a Study);

const ROW: f64 = 26.0;
/// On narrow paper the metric stands above its row.
const ROW_NARROW: f64 = 40.0;
const HEADING: f64 = 38.0;
/// Beyond this a row is cut: an interval of ten times the mean would flatten all others.
const FARTHEST: f64 = 2.0;

impl Differences<'_> {
    fn known(&self) -> Vec<&Difference> {
        let is_known = |row: &&Difference| row.relative.is_finite() && row.low.is_finite() && row.high.is_finite();
        self.0.differences.iter().filter(is_known).collect()
    }

    /// The rows, pair by pair.
    fn pairs(&self) -> Vec<(&str, &str, Vec<&Difference>)> {
        let mut pairs: Vec<(&str, &str, Vec<&Difference>)> = Vec::new();
        for row in self.known() {
            match pairs.iter_mut().find(|(a, b, _)| *a == row.arm_a && *b == row.arm_b) {
                Some((_, _, rows)) => rows.push(row),
                None => pairs.push((&row.arm_a, &row.arm_b, vec![row])),
            }
        }
        pairs
    }
}

fn signed(share: f64) -> String {
    let sign = if share < 0.0 { "−" } else { "+" };
    // less than a chart can show
    let size = if share.abs() < 5e-5 { 0.0 } else { share.abs() * 100.0 };
    let digits = scale::digits(size, if size < 100.0 { 2 } else { 3 });
    format!("{}{digits}\u{a0}%", if size > 0.0 { sign } else { "" })
}

impl Drawing for Differences<'_> {
    fn title(&self) -> String {
        "How far the arms are apart".to_owned()
    }

    fn subtitle(&self) -> String {
        let n = self.0.arms.iter().map(|arm| arm.runs).min().unwrap_or(0);
        format!(
            "{} on {} · up to {n} pairs of runs · 95 % intervals · seed {}",
            self.0.name, self.0.target, self.0.seed
        )
    }

    fn description(&self) -> String {
        let said: Vec<String> = self
            .known()
            .iter()
            .map(|row| {
                format!(
                    "{}, {} against {}: {} ({} to {}), {}",
                    row.metric,
                    row.arm_b,
                    row.arm_a,
                    signed(row.relative),
                    signed(row.low),
                    signed(row.high),
                    if row.told { "told from chance" } else { "not told from chance" },
                )
            })
            .collect();
        format!(
            "Differences of paired runs in percent of the first arm's mean, with their intervals. {}.",
            said.join("; ")
        )
    }

    fn legend(&self) -> Vec<Key> {
        let mut keys = vec![
            Key::new("told from chance", Mark::Dot(theme::INK)),
            Key::new("not told from chance", Mark::Ring(theme::MUTED)),
            Key::new("95 % interval", Mark::Line(Stroke::new(theme::INK, 2.0))),
        ];
        if self.known().iter().any(|row| row.noise.is_some()) {
            keys.push(Key::new("two equal arms (A/A)", Mark::Area(theme::LOAD, 1.0)));
        }
        keys
    }

    fn height(&self, width: f64) -> f64 {
        let pairs = self.pairs();
        if pairs.is_empty() {
            return 120.0;
        }
        let row = if width > 600.0 { ROW } else { ROW_NARROW };
        pairs.iter().map(|(_, _, rows)| HEADING + rows.len() as f64 * row).sum::<f64>() + LEVEL_AXIS + 6.0
    }

    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        let pairs = self.pairs();
        if pairs.is_empty() {
            return nothing(canvas, body, "the runs were not compared: it takes at least six pairs of valid runs");
        }
        let wide = body.width() > 600.0;
        let known = || pairs.iter().flat_map(|(_, _, rows)| rows);
        let noise = known().filter_map(|row| row.noise).flat_map(|(from, to)| [from.abs(), to.abs()]);
        let reach = known().flat_map(|row| [row.low.abs(), row.high.abs()]).chain(noise);
        let reach = reach.filter(|far| far.is_finite()).fold(0.02, f64::max).min(FARTHEST) * 1.08;
        let across = Scale::Linear { min: -reach, max: reach };
        let longest = known().map(|row| font::width(&row.metric, Weight::Regular, theme::BODY)).fold(0.0, f64::max);
        let names = if wide { longest.min(body.width() * 0.36) + 14.0 } else { 8.0 };
        let numbers = if wide { 74.0 } else { 58.0 };
        let (left, right) = (body.left + names, body.right - AFTER - numbers);
        let x = |share: f64| left + across.place(share.clamp(-reach, reach)) * (right - left);
        let ticks: Vec<(f64, String)> = across
            .ticks(if wide { 7 } else { 4 })
            .into_iter()
            .map(|tick| (x(tick), if tick.abs() < 1e-9 { "0".to_owned() } else { signed(tick) }))
            .collect();
        let row_height = if wide { ROW } else { ROW_NARROW };
        let mut top = body.top;
        let mut plot = Rect { left, top, right, bottom: top };
        for (arm_a, arm_b, rows) in &pairs {
            let words = format!("{arm_b} against {arm_a}");
            let words = font::fit(&words, Weight::SemiBold, theme::HEADING, body.width());
            canvas.text((body.left, top + 22.0), &words, Type::new(theme::HEADING, theme::INK).semibold())?;
            plot = Rect { top: top + HEADING - 6.0, bottom: top + HEADING + rows.len() as f64 * row_height, ..plot };
            level_grid(canvas, plot, &ticks)?;
            canvas.line(&[(x(0.0), plot.top), (x(0.0), plot.bottom)], Stroke::new(theme::INK, 1.25))?;
            for (index, row) in rows.iter().enumerate() {
                let row_top = top + HEADING + index as f64 * row_height;
                let middle = if wide { row_top + ROW / 2.0 } else { row_top + 27.0 };
                let kind = Type::new(theme::BODY, theme::INK);
                if wide {
                    let metric = font::fit(&row.metric, Weight::Regular, theme::BODY, names - 14.0);
                    canvas.text((body.left, middle), &metric, kind.middle())?;
                } else {
                    let metric = font::fit(&row.metric, Weight::Regular, theme::BODY, body.width());
                    // over the line of no difference
                    let width = font::width(&metric, Weight::Regular, theme::BODY);
                    let behind = Rect {
                        left: body.left,
                        right: body.left + width + 4.0,
                        top: row_top + 2.0,
                        bottom: row_top + 17.0,
                    };
                    canvas.rect(behind, theme::PAPER, 1.0)?;
                    canvas.text((body.left, row_top + 13.0), &metric, kind)?;
                }
                draw_row(canvas, row, middle, x, reach)?;
                let said = Type::new(theme::SMALL, if row.told { theme::INK } else { theme::MUTED });
                canvas.text((body.right - 2.0, middle), &signed(row.relative), said.right().middle())?;
            }
            top = plot.bottom;
        }
        canvas.line(&[(plot.left, plot.bottom), (plot.right, plot.bottom)], Stroke::new(theme::AXIS, 1.0))?;
        level_labels(canvas, plot, &ticks, "difference in percent of the first arm's mean")
    }
}

fn draw_row(canvas: &Canvas<'_>, row: &Difference, middle: f64, x: impl Fn(f64) -> f64, reach: f64) -> Drawn {
    if let Some((from, to)) = row.noise.filter(|(from, to)| from.is_finite() && to.is_finite()) {
        let band = Rect { left: x(from), right: x(to), top: middle - 8.0, bottom: middle + 8.0 };
        canvas.rect(band, theme::LOAD, 1.0)?;
    }
    let colour = if row.told { theme::INK } else { theme::MUTED };
    canvas.line(&[(x(row.low), middle), (x(row.high), middle)], Stroke::new(colour, 2.0))?;
    for (end, points) in [(row.low, -1.0), (row.high, 1.0)] {
        let at = x(end);
        if end.abs() > reach {
            // the interval goes on beyond the paper
            canvas.line(
                &[(at - points * 4.0, middle - 4.0), (at, middle), (at - points * 4.0, middle + 4.0)],
                Stroke::new(colour, 2.0),
            )?;
        } else {
            canvas.line(&[(at, middle - 4.0), (at, middle + 4.0)], Stroke::new(colour, 2.0))?;
        }
    }
    let at = (x(row.relative), middle);
    if row.told { canvas.dot(at, 4.0, colour) } else { canvas.ring(at, 4.0, Stroke::new(colour, 2.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_written_with_their_sign() {
        let said = [0.41, -0.07, 0.0, 3.5, -0.000_000_1].map(signed).join(" | ").replace('\u{a0}', " ");
        assert_eq!(said, "+41 % | −7 % | 0 % | +350 % | 0 %");
    }
}
