//! The two papers a chart is drawn on: an SVG text and a picture of pixels.
//!
//! Both are plotters backends and are handed the same calls in the same units, a quarter of a point each, so that
//! whole-number coordinates are fine enough for curves. Text is placed by its baseline on both: `VPos::Bottom` puts the
//! anchor on the baseline, `VPos::Center` in the middle of the capitals, `VPos::Top` at their top.

pub(super) mod raster;
pub(super) mod svg;

use plotters::style::FontStyle;
use plotters::style::text_anchor::VPos;
use plotters_backend::{BackendCoord, BackendTextStyle};

use super::font::{CAP_HEIGHT, Weight};

/// Units of a surface in one point.
pub(super) const UNITS: f64 = 4.0;

fn weight<S: BackendTextStyle>(style: &S) -> Weight {
    match style.style() {
        FontStyle::Bold => Weight::SemiBold,
        _ => Weight::Regular,
    }
}

/// How far below the anchor the baseline lies, in units.
fn baseline_below<S: BackendTextStyle>(style: &S) -> f64 {
    let capitals = style.size() * CAP_HEIGHT;
    match style.anchor().v_pos {
        VPos::Top => capitals,
        VPos::Center => capitals / 2.0,
        VPos::Bottom => 0.0,
    }
}

fn point(at: BackendCoord) -> (f64, f64) {
    (f64::from(at.0), f64::from(at.1))
}
