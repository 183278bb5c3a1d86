//! Drawing in points with floating coordinates, on any plotters backend.

use std::fmt;

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, RGBAColor, ShapeStyle, TextStyle};
use plotters_backend::DrawingBackend;

use super::font::{FAMILY, Weight};
use super::surface::UNITS;
use super::theme::{self, Colour};

/// Why a chart could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the chart could not be drawn: {0}")]
pub struct ChartError(String);

impl ChartError {
    pub(super) fn new(cause: impl fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

pub(super) type Drawn = Result<(), ChartError>;

/// A place, in points from the top left.
pub(super) type Spot = (f64, f64);

/// A rectangle, in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Rect {
    pub(super) fn width(self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(self) -> f64 {
        self.bottom - self.top
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) colour: Colour,
    /// Width in points; drawn in quarters of a point.
    pub(super) width: f64,
    /// 0 to 1.
    pub(super) alpha: f64,
    /// Length of dashes and of the gaps between them, in points.
    pub(super) dash: Option<(f64, f64)>,
}

impl Stroke {
    pub(super) const fn new(colour: Colour, width: f64) -> Self {
        Self { colour, width, alpha: 1.0, dash: None }
    }

    pub(super) const fn dashed(self, dash: f64, gap: f64) -> Self {
        Self { dash: Some((dash, gap)), ..self }
    }

    pub(super) const fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

/// How a text looks and which of its points stands on its spot.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) weight: Weight,
    pub(super) colour: Colour,
    pub(super) across: HPos,
    pub(super) down: VPos,
}

impl Type {
    pub(super) const fn new(size: f64, colour: Colour) -> Self {
        Self { size, weight: Weight::Regular, colour, across: HPos::Left, down: VPos::Bottom }
    }

    pub(super) const fn semibold(self) -> Self {
        Self { weight: Weight::SemiBold, ..self }
    }

    pub(super) const fn right(self) -> Self {
        Self { across: HPos::Right, ..self }
    }

    pub(super) const fn centred(self) -> Self {
        Self { across: HPos::Center, ..self }
    }

    /// Centred on its spot's height, rather than standing on it.
    pub(super) const fn middle(self) -> Self {
        Self { down: VPos::Center, ..self }
    }

    /// Hanging below its spot.
    pub(super) const fn hanging(self) -> Self {
        Self { down: VPos::Top, ..self }
    }
}

/// What a canvas asks of a surface; any plotters backend can do it.
trait Surface {
    fn rect(&self, corners: [(i32, i32); 2], style: ShapeStyle) -> Drawn;
    fn polygon(&self, corners: Vec<(i32, i32)>, style: ShapeStyle) -> Drawn;
    fn path(&self, points: Vec<(i32, i32)>, style: ShapeStyle) -> Drawn;
    fn circle(&self, centre: (i32, i32), radius: i32, style: ShapeStyle) -> Drawn;
    fn text(&self, text: &str, style: &TextStyle<'_>, at: (i32, i32)) -> Drawn;
}

impl<DB: DrawingBackend> Surface for DrawingArea<DB, Shift> {
    fn rect(&self, corners: [(i32, i32); 2], style: ShapeStyle) -> Drawn {
        self.draw(&Rectangle::new(corners, style)).map_err(ChartError::new)
    }

    fn polygon(&self, corners: Vec<(i32, i32)>, style: ShapeStyle) -> Drawn {
        self.draw(&Polygon::new(corners, style)).map_err(ChartError::new)
    }

    fn path(&self, points: Vec<(i32, i32)>, style: ShapeStyle) -> Drawn {
        self.draw(&PathElement::new(points, style)).map_err(ChartError::new)
    }

    fn circle(&self, centre: (i32, i32), radius: i32, style: ShapeStyle) -> Drawn {
        self.draw(&Circle::new(centre, radius, style)).map_err(ChartError::new)
    }

    fn text(&self, text: &str, style: &TextStyle<'_>, at: (i32, i32)) -> Drawn {
        self.draw_text(text, style, at).map_err(ChartError::new)
    }
}

/// A drawing area of any backend, used in points.
pub(super) struct Canvas<'a> {
    surface: &'a dyn Surface,
}

fn units(value: f64) -> i32 {
    (value * UNITS).round() as i32
}

fn place((x, y): Spot) -> (i32, i32) {
    (units(x), units(y))
}

fn colour(colour: Colour, alpha: f64) -> RGBAColor {
    RGBAColor(colour.0, colour.1, colour.2, alpha)
}

impl<'a> Canvas<'a> {
    pub(super) const fn new<DB: DrawingBackend>(area: &'a DrawingArea<DB, Shift>) -> Self {
        Self { surface: area }
    }

    pub(super) fn rect(&self, rect: Rect, fill: Colour, alpha: f64) -> Drawn {
        let style = ShapeStyle { color: colour(fill, alpha), filled: true, stroke_width: 0 };
        let corners = [place((rect.left, rect.top)), place((rect.right, rect.bottom))];
        if corners[0].0 == corners[1].0 || corners[0].1 == corners[1].1 {
            return Ok(());
        }
        self.surface.rect(corners, style)
    }

    pub(super) fn fill(&self, outline: &[Spot], fill: Colour, alpha: f64) -> Drawn {
        if outline.len() < 3 {
            return Ok(());
        }
        let style = ShapeStyle { color: colour(fill, alpha), filled: true, stroke_width: 0 };
        let points: Vec<(i32, i32)> = outline.iter().copied().map(place).collect();
        self.surface.polygon(points, style)
    }

    pub(super) fn line(&self, spots: &[Spot], stroke: Stroke) -> Drawn {
        if spots.is_empty() {
            return Ok(());
        }
        if let [alone] = spots {
            // a line through one spot has no length, and would not be drawn
            return self.disc(*alone, stroke.width / 2.0, stroke.colour);
        }
        let Some((dash, gap)) = stroke.dash else { return self.solid(spots, stroke) };
        for piece in dashes(spots, dash, gap) {
            self.solid(&piece, stroke)?;
        }
        Ok(())
    }

    fn solid(&self, spots: &[Spot], stroke: Stroke) -> Drawn {
        let width = (stroke.width * UNITS).round().max(1.0) as u32;
        let style = ShapeStyle { color: colour(stroke.colour, stroke.alpha), filled: false, stroke_width: width };
        let points: Vec<(i32, i32)> = spots.iter().copied().map(place).collect();
        self.surface.path(points, style)
    }

    /// A disc, with a rim of paper so that it stands out from what is under it.
    pub(super) fn dot(&self, at: Spot, radius: f64, fill: Colour) -> Drawn {
        self.disc(at, radius + 0.75, theme::PAPER)?;
        self.disc(at, radius, fill)
    }

    /// A small disc among many, which may lie over each other.
    pub(super) fn speck(&self, at: Spot, radius: f64, fill: Colour, alpha: f64) -> Drawn {
        let style = ShapeStyle { color: colour(fill, alpha), filled: true, stroke_width: 0 };
        self.surface.circle(place(at), units(radius), style)
    }

    fn disc(&self, at: Spot, radius: f64, fill: Colour) -> Drawn {
        let style = ShapeStyle { color: colour(fill, 1.0), filled: true, stroke_width: 0 };
        self.surface.circle(place(at), units(radius), style)
    }

    pub(super) fn ring(&self, at: Spot, radius: f64, stroke: Stroke) -> Drawn {
        self.disc(at, radius, theme::PAPER)?;
        let width = (stroke.width * UNITS).round().max(1.0) as u32;
        let style = ShapeStyle { color: colour(stroke.colour, stroke.alpha), filled: false, stroke_width: width };
        self.surface.circle(place(at), units(radius), style)
    }

    pub(super) fn text(&self, at: Spot, text: &str, kind: Type) -> Drawn {
        let weight = if kind.weight == Weight::SemiBold { FontStyle::Bold } else { FontStyle::Normal };
        let font = FontDesc::new(FontFamily::Name(FAMILY), kind.size * UNITS, weight);
        let ink = colour(kind.colour, 1.0);
        let style = TextStyle::from(font).color(&ink).pos(Pos::new(kind.across, kind.down));
        self.surface.text(text, &style, place(at))
    }
}

/// Cuts a line into dashes, which go round its corners.
fn dashes(spots: &[Spot], dash: f64, gap: f64) -> Vec<Vec<Spot>> {
    let (dash, gap) = (dash.max(0.5), gap.max(0.5));
    let mut pieces = Vec::new();
    let mut piece = vec![spots[0]];
    let (mut drawing, mut left) = (true, dash);
    for ends in spots.windows(2) {
        let (mut from, to) = (ends[0], ends[1]);
        let mut length = (to.0 - from.0).hypot(to.1 - from.1);
        while length > left {
            let share = left / length;
            from = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            length -= left;
            if drawing {
                piece.push(from);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![from];
            }
            drawing = !drawing;
            left = if drawing { dash } else { gap };
        }
        left -= length;
        if drawing {
            piece.push(to);
        }
    }
    if drawing && piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_go_on_round_a_corner() {
        let pieces = dashes(&[(0.0, 0.0), (3.0, 0.0), (3.0, 10.0)], 4.0, 2.0);
        assert_eq!(pieces[0], [(0.0, 0.0), (3.0, 0.0), (3.0, 1.0)]);
        assert_eq!(pieces[1], [(3.0, 3.0), (3.0, 7.0)]);
        assert_eq!(pieces[2], [(3.0, 9.0), (3.0, 10.0)]);
        assert_eq!(pieces.len(), 3);
    }
}
