//! Pixels: every shape is laid down by how much of each pixel it covers, so edges are smooth at any angle.
//!
//! plotters' own bitmap backend draws thick lines as whole pixels and letters on whole-pixel places, which shows.

use std::convert::Infallible;

use ab_glyph::{Font as _, ScaleFont as _};
use ab_glyph_rasterizer::Rasterizer;
use plotters::style::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};

use super::{baseline_below, point, weight};
use crate::report::charts::font;

/// Pixels in one unit: two per point.
const PIXELS: f64 = 2.0 / super::UNITS;

/// A picture of red, green and blue bytes.
pub(in crate::report::charts) struct Raster<'a> {
    rgb: &'a mut [u8],
    size: (u32, u32),
    width: usize,
    height: usize,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// A rectangle of whole pixels, inside the picture.
#[derive(Clone, Copy)]
struct Window {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl<'a> Raster<'a> {
    /// Width and height in pixels of a surface of this size in units.
    pub(in crate::report::charts) fn pixels(size: (u32, u32)) -> (u32, u32) {
        ((f64::from(size.0) * PIXELS).round() as u32, (f64::from(size.1) * PIXELS).round() as u32)
    }

    /// A surface of this size in units, on `rgb`, which holds three bytes for each of its [`Raster::pixels`].
    pub(in crate::report::charts) fn new(rgb: &'a mut [u8], size: (u32, u32)) -> Self {
        let (width, height) = Self::pixels(size);
        assert_eq!(rgb.len(), width as usize * height as usize * 3, "three bytes per pixel");
        Self { rgb, size, width: width as usize, height: height as usize }
    }

    /// The pixels that `min` to `max` touch.
    fn window(&self, min: (f64, f64), max: (f64, f64)) -> Option<Window> {
        let clip = |value: f64, limit: usize| (value.max(0.0) as usize).min(limit);
        let (left, right) = (clip(min.0.floor(), self.width), clip(max.0.ceil(), self.width));
        let (top, bottom) = (clip(min.1.floor(), self.height), clip(max.1.ceil(), self.height));
        (left < right && top < bottom).then_some(Window { left, top, width: right - left, height: bottom - top })
    }

    fn blend(&mut self, x: usize, y: usize, color: BackendColor, coverage: f32) {
        let weight = color.alpha as f32 * coverage.clamp(0.0, 1.0);
        if weight <= 0.0 || x >= self.width || y >= self.height {
            return;
        }
        let at = (y * self.width + x) * 3;
        let ink = [color.rgb.0, color.rgb.1, color.rgb.2];
        for (under, over) in self.rgb[at..at + 3].iter_mut().zip(ink) {
            let mixed = f32::from(*under) + (f32::from(over) - f32::from(*under)) * weight;
            *under = mixed.round() as u8;
        }
    }

    fn lay(&mut self, window: Window, mask: &[f32], color: BackendColor) {
        for (row, line) in mask.chunks_exact(window.width).enumerate() {
            for (column, coverage) in line.iter().enumerate() {
                if *coverage > 0.0 {
                    self.blend(window.left + column, window.top + row, color, *coverage);
                }
            }
        }
    }

    /// A line of this width through the points, with round joins and ends.
    fn stroke(&mut self, points: &[(f64, f64)], width: f64, color: BackendColor) {
        let half = width / 2.0;
        let reach = half + 1.0;
        let Some((min, max)) = bounds(points) else { return };
        let Some(window) = self.window((min.0 - reach, min.1 - reach), (max.0 + reach, max.1 + reach)) else { return };
        let mut mask = vec![0.0_f32; window.width * window.height];
        let alone = [points[0], points[0]];
        let segments = if points.len() == 1 { &alone[..] } else { points };
        for ends in segments.windows(2) {
            let Some((min, max)) = bounds(ends) else { continue };
            let Some(near) = self.window((min.0 - reach, min.1 - reach), (max.0 + reach, max.1 + reach)) else {
                continue;
            };
            for y in near.top..near.top + near.height {
                for x in near.left..near.left + near.width {
                    let away = distance((x as f64 + 0.5, y as f64 + 0.5), ends[0], ends[1]);
                    let coverage = (half + 0.5 - away).clamp(0.0, 1.0).min(width) as f32;
                    let cell = &mut mask[(y - window.top) * window.width + (x - window.left)];
                    *cell = cell.max(coverage);
                }
            }
        }
        self.lay(window, &mask, color);
    }

    fn fill(&mut self, points: &[(f64, f64)], color: BackendColor) {
        let Some((min, max)) = bounds(points) else { return };
        let Some(window) = self.window(min, max) else { return };
        let mut raster = Rasterizer::new(window.width, window.height);
        let inside =
            |(x, y): (f64, f64)| ab_glyph::point((x - window.left as f64) as f32, (y - window.top as f64) as f32);
        for (index, from) in points.iter().enumerate() {
            let to = points[(index + 1) % points.len()];
            raster.draw_line(inside(*from), inside(to));
        }
        let mut mask = vec![0.0_f32; window.width * window.height];
        raster.for_each_pixel(|index, coverage| mask[index] = coverage);
        self.lay(window, &mask, color);
    }
}

fn bounds(points: &[(f64, f64)]) -> Option<((f64, f64), (f64, f64))> {
    let first = *points.first()?;
    Some(points.iter().fold((first, first), |(min, max), at| {
        ((min.0.min(at.0), min.1.min(at.1)), (max.0.max(at.0), max.1.max(at.1)))
    }))
}

/// Distance of a point from the line between two others.
fn distance(point: (f64, f64), from: (f64, f64), to: (f64, f64)) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { ((point.0 - from.0) * dx + (point.1 - from.1) * dy) / length } else { 0.0 };
    let along = along.clamp(0.0, 1.0);
    (point.0 - from.0 - along * dx).hypot(point.1 - from.1 - along * dy)
}

fn pixels_of(at: BackendCoord) -> (f64, f64) {
    let (x, y) = point(at);
    (x * PIXELS, y * PIXELS)
}

impl DrawingBackend for Raster<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let points: Vec<(f64, f64)> = path.into_iter().map(pixels_of).collect();
        self.stroke(&points, f64::from(style.stroke_width()) * PIXELS, style.color());
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        let corners = [from, (to.0, from.1), to, (from.0, to.1), from];
        if !fill {
            return self.draw_path(corners, style);
        }
        let (from, to) = (pixels_of(from), pixels_of(to));
        let (left, right) = (from.0.min(to.0), from.0.max(to.0));
        let (top, bottom) = (from.1.min(to.1), from.1.max(to.1));
        let Some(window) = self.window((left, top), (right, bottom)) else { return Ok(()) };
        let part = |pixel: usize, from: f64, to: f64| ((pixel + 1) as f64).min(to) - (pixel as f64).max(from);
        let color = style.color();
        let whole_columns = (left.max(0.0).ceil() as usize).min(self.width)..(right.max(0.0) as usize).min(self.width);
        for y in window.top..window.top + window.height {
            let rows = part(y, top, bottom);
            // most of a large opaque rectangle needs no blending
            let plain = if color.alpha >= 1.0 && rows >= 1.0 { whole_columns.clone() } else { 0..0 };
            if !plain.is_empty() {
                let row = y * self.width;
                let ink = [color.rgb.0, color.rgb.1, color.rgb.2];
                self.rgb[(row + plain.start) * 3..(row + plain.end) * 3].as_chunks_mut::<3>().0.fill(ink);
            }
            for x in (window.left..window.left + window.width).filter(|x| !plain.contains(x)) {
                self.blend(x, y, color, (part(x, left, right) * rows) as f32);
            }
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        let (center, radius) = (pixels_of(center), f64::from(radius) * PIXELS);
        let half = f64::from(style.stroke_width()) * PIXELS / 2.0;
        let reach = radius + half + 1.0;
        let Some(window) = self.window((center.0 - reach, center.1 - reach), (center.0 + reach, center.1 + reach))
        else {
            return Ok(());
        };
        for y in window.top..window.top + window.height {
            for x in window.left..window.left + window.width {
                let away = (x as f64 + 0.5 - center.0).hypot(y as f64 + 0.5 - center.1);
                let beyond = if fill { away - radius } else { (away - radius).abs() - half };
                self.blend(x, y, style.color(), (0.5 - beyond) as f32);
            }
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let points: Vec<(f64, f64)> = path.into_iter().map(pixels_of).collect();
        self.fill(&points, style.color());
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let (weight, size) = (weight(style), style.size() * PIXELS);
        let length = font::width(text, weight, size);
        let (x, y) = pixels_of(at);
        let baseline = y + baseline_below(style) * PIXELS;
        let mut pen = match style.anchor().h_pos {
            HPos::Left => x,
            HPos::Center => x - length / 2.0,
            HPos::Right => x - length,
        };
        let outlines = font::outlines(weight);
        let scaled = outlines.as_scaled(font::scale(weight, size));
        for sign in text.chars() {
            let mut glyph = scaled.scaled_glyph(sign);
            glyph.position = ab_glyph::point(pen as f32, baseline as f32);
            pen += f64::from(scaled.h_advance(glyph.id));
            let Some(outline) = outlines.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|column, row, coverage| {
                let (x, y) = (corner.x + column as f32, corner.y + row as f32);
                if x >= 0.0 && y >= 0.0 {
                    self.blend(x as usize, y as usize, style.color(), coverage);
                }
            });
        }
        Ok(())
    }
}
