//! The one typeface, carried along so that charts look the same on every machine.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The family's name in SVG and CSS.
pub const FAMILY: &str = "Inter";

const REGULAR: &[u8] = include_bytes!("font/Inter-Regular.ttf");
const SEMIBOLD: &[u8] = include_bytes!("font/Inter-SemiBold.ttf");

/// Height of the capitals, as a share of the size: what text is centred by.
pub const CAP_HEIGHT: f64 = 0.7275;

/// How heavy text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// For reading.
    Regular,
    /// For names and headings.
    SemiBold,
}

/// The outlines of a weight.
pub fn outlines(weight: Weight) -> &'static FontRef<'static> {
    static FACES: LazyLock<[FontRef<'static>; 2]> = LazyLock::new(|| {
        [REGULAR, SEMIBOLD].map(|bytes| {
            #[expect(clippy::expect_used, reason = "the two files are part of the program; a test reads them")]
            FontRef::try_from_slice(bytes).expect("the fonts inside the program can be read")
        })
    });
    match weight {
        Weight::Regular => &FACES[0],
        Weight::SemiBold => &FACES[1],
    }
}

/// The scale at which a font of this size (its em) is drawn.
pub fn scale(weight: Weight, size: f64) -> PxScale {
    let font = outlines(weight);
    let em = font.units_per_em().unwrap_or(2048.0);
    PxScale::from(size as f32 * font.height_unscaled() / em)
}

/// Width of a text, in the unit of `size`.
pub fn width(text: &str, weight: Weight, size: f64) -> f64 {
    let font = outlines(weight).as_scaled(scale(weight, size));
    text.chars().map(|sign| f64::from(font.h_advance(font.glyph_id(sign)))).sum()
}

/// The text, shortened with an ellipsis to at most `room`.
pub fn fit(text: &str, weight: Weight, size: f64, room: f64) -> String {
    if width(text, weight, size) <= room {
        return text.to_owned();
    }
    let mut short = text.to_owned();
    while short.pop().is_some() {
        let candidate = format!("{}…", short.trim_end());
        if width(&candidate, weight, size) <= room {
            return candidate;
        }
    }
    String::new()
}

/// A style sheet that brings both weights along, as data.
pub fn style_sheet() -> String {
    let mut css = String::new();
    for (weight, bytes) in [(400, REGULAR), (600, SEMIBOLD)] {
        css.push_str("@font-face{font-family:");
        css.push_str(FAMILY);
        css.push_str(";font-style:normal;font-weight:");
        css.push_str(&weight.to_string());
        css.push_str(";src:url(data:font/ttf;base64,");
        STANDARD.encode_string(bytes, &mut css);
        css.push_str(") format(\"truetype\")}\n");
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_know_every_sign_that_charts_use_and_their_figures_line_up() {
        for weight in [Weight::Regular, Weight::SemiBold] {
            for sign in "AZaz09 ·–—…≤≥×±µ→↑↓%θτ\u{2009}".chars() {
                assert_ne!(outlines(weight).glyph_id(sign).0, 0, "{sign:?}");
            }
            let digits: Vec<f64> = "0123456789".chars().map(|digit| width(&digit.to_string(), weight, 10.0)).collect();
            assert!(digits.iter().all(|digit| (digit - digits[0]).abs() < 1e-6));
        }
    }

    #[test]
    fn a_text_too_long_for_its_room_ends_in_an_ellipsis() {
        let short = fit("an arm with a very long name", Weight::SemiBold, 13.0, 80.0);
        assert!(short.ends_with('…') && width(&short, Weight::SemiBold, 13.0) <= 80.0);
        assert_eq!(fit("short", Weight::Regular, 13.0, 80.0), "short");
        assert_eq!(fit("short", Weight::Regular, 13.0, 1.0), "");
    }
}
