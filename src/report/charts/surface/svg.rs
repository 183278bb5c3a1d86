//! SVG: small, well formed, and without a reference to anything outside itself.

use std::convert::Infallible;
use std::fmt::Write as _;

use plotters::style::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};

use super::{baseline_below, point, weight};
use crate::report::charts::font::Weight;
use crate::report::charts::theme::Colour;

/// Appends SVG elements to a text.
pub(in crate::report::charts) struct Svg<'a> {
    out: &'a mut String,
    size: (u32, u32),
    /// Attributes of the `path` element that is still open: the next stroke of the same kind joins it.
    open: Option<String>,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl<'a> Svg<'a> {
    /// A surface of this size in units.
    pub(in crate::report::charts) fn new(out: &'a mut String, size: (u32, u32)) -> Self {
        Self { out, size, open: None }
    }

    fn close(&mut self) {
        if let Some(attributes) = self.open.take() {
            self.put(format_args!("\"{attributes}/>\n"));
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // writing to a String cannot fail
        let _ = self.out.write_fmt(text);
    }

    fn stroke(&mut self, points: impl Iterator<Item = BackendCoord>, style: &impl BackendStyle) {
        let color = style.color();
        let attributes =
            format!(" stroke=\"{}\" stroke-width=\"{}\"{}", css(color), style.stroke_width(), opacity("stroke", color));
        if self.open.as_ref() != Some(&attributes) {
            self.close();
            self.put(format_args!("<path fill=\"none\" d=\""));
            // strokes that let the ground through must not join: crossings would look different
            self.open = Some(attributes);
        }
        self.outline(points);
        if color.alpha < 1.0 {
            self.close();
        }
    }

    fn outline(&mut self, points: impl Iterator<Item = BackendCoord>) {
        let mut last: Option<BackendCoord> = None;
        for (x, y) in points {
            match last {
                None => self.put(format_args!("M{x} {y}")),
                Some(before) if before == (x, y) => {}
                Some((before, _)) if before == x => self.put(format_args!("V{y}")),
                Some((_, before)) if before == y => self.put(format_args!("H{x}")),
                Some(_) => self.put(format_args!("L{x} {y}")),
            }
            last = Some((x, y));
        }
    }
}

fn css(color: BackendColor) -> String {
    Colour(color.rgb.0, color.rgb.1, color.rgb.2).css()
}

fn opacity(of: &str, color: BackendColor) -> String {
    if color.alpha < 1.0 {
        format!(" {of}-opacity=\"{}\"", (color.alpha * 1000.0).round() / 1000.0)
    } else {
        String::new()
    }
}

/// The text with everything that means something in XML or HTML written as itself, and what XML forbids left out.
pub(in crate::report) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' | '\r' => safe.push(sign),
            '\u{fffe}' | '\u{ffff}' => {}
            other if other.is_control() => {}
            other => safe.push(other),
        }
    }
    safe
}

impl DrawingBackend for Svg<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        self.close();
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.stroke([from, to].into_iter(), style);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.stroke(path.into_iter(), style);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        let (left, right) = (from.0.min(to.0), from.0.max(to.0));
        let (top, bottom) = (from.1.min(to.1), from.1.max(to.1));
        if !fill {
            self.stroke([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)].into_iter(), style);
            return Ok(());
        }
        self.close();
        let color = style.color();
        self.put(format_args!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"{}\"{}/>\n",
            right - left,
            bottom - top,
            css(color),
            opacity("fill", color)
        ));
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        self.close();
        let color = style.color();
        if fill {
            self.put(format_args!(
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{}\"{}/>\n",
                css(color),
                opacity("fill", color)
            ));
        } else {
            self.put(format_args!(
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{}/>\n",
                css(color),
                style.stroke_width(),
                opacity("stroke", color)
            ));
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.close();
        let color = style.color();
        self.put(format_args!("<path fill=\"{}\"{} d=\"", css(color), opacity("fill", color)));
        self.outline(path.into_iter());
        self.put(format_args!("z\"/>\n"));
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        self.close();
        let (x, y) = point(at);
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => " text-anchor=\"middle\"",
            HPos::Right => " text-anchor=\"end\"",
        };
        let bold = if weight(style) == Weight::SemiBold { " font-weight=\"600\"" } else { "" };
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{}\" font-size=\"{}\"{anchor}{bold} fill=\"{}\"{}>{}</text>\n",
            (y + baseline_below(style)).round(),
            style.size(),
            css(style.color()),
            opacity("fill", style.color()),
            escape(text)
        ));
        Ok(())
    }
}
