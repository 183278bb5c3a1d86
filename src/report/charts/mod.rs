//! Charts: from plain values to SVG and PNG, by the same drawing code.
//!
//! ```text
//!   data ---> timeline, replicas, latency_histogram, latency_percentiles,
//!                |            outcomes, differences, probes, lateness                   what is drawn
//!                |            sheet, distribution, course, scale, theme, font           how it looks
//!                v
//!             canvas ---> surface::svg, surface::raster                                 on what
//! ```
//!
//! The only place that knows plotters. No file is read or written here, no clock and no system font is asked, so the same
//! data give the same bytes.

mod calibrated;
mod canvas;
mod course;
pub mod data;
mod differences;
mod distribution;
mod faults;
pub mod font;
mod latency_histogram;
mod latency_percentiles;
mod lateness;
mod outcomes;
mod places;
mod probes;
mod replicas;
#[cfg(test)]
pub(crate) mod sample;
pub mod scale;
mod sheet;
mod surface;
pub mod theme;
mod timeline;
mod tradeoff;

use std::fmt::Write as _;

use plotters::drawing::IntoDrawingArea;

use canvas::Canvas;
pub use canvas::ChartError;
use data::Study;
use sheet::{Drawing, Sheet};
use surface::UNITS;
use surface::raster::Raster;
use surface::svg::Svg;
pub(in crate::report) use surface::svg::escape;
pub use tradeoff::{Tradeoff, TriedSetting};

/// The charts of a study, in the order in which a report shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chart {
    /// Load, replicas and latency over time.
    Timeline,
    /// What each run achieved for how much.
    Outcomes,
    /// How far the arms are apart, metric by metric.
    Differences,
    /// Arms under each other, same bins.
    LatencyHistogram,
    /// Latency by percentile with the tail drawn out, arms over each other.
    LatencyPercentiles,
    /// What the probes saw beside what users saw.
    Probes,
    /// Desired and ready replicas over time.
    Replicas,
    /// Lateness of the generator.
    Lateness,
}

impl Chart {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Timeline,
        Self::Outcomes,
        Self::Differences,
        Self::LatencyHistogram,
        Self::LatencyPercentiles,
        Self::Probes,
        Self::Replicas,
        Self::Lateness,
    ];

    /// The name of its files, without an ending.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Outcomes => "cost_and_objective",
            Self::Differences => "differences",
            Self::LatencyHistogram => "latency_histogram",
            Self::LatencyPercentiles => "latency_percentiles",
            Self::Probes => "probes",
            Self::Replicas => "replicas",
            Self::Lateness => "lateness",
        }
    }

    /// What it shows.
    pub fn title(self, study: &Study) -> String {
        self.drawing(study).title()
    }

    /// Whose data it shows, and how much.
    pub fn subtitle(self, study: &Study) -> String {
        self.drawing(study).subtitle()
    }

    /// The same in words with the numbers, for whom can't see it.
    pub fn description(self, study: &Study) -> String {
        self.drawing(study).description()
    }

    /// A complete SVG file: title, description and typeface inside, nothing outside.
    ///
    /// # Errors
    /// When the drawing itself fails.
    pub fn svg(self, study: &Study) -> Result<String, ChartError> {
        svg_file(&*self.drawing(study))
    }

    /// An SVG element for a page that brings its own heading and [`page_style`]: no title, no typeface.
    ///
    /// # Errors
    /// When the drawing itself fails.
    pub fn inline_svg(self, study: &Study, width: f64) -> Result<String, ChartError> {
        let drawing = self.drawing(study);
        let sheet = Sheet::lay_out(&*drawing, width, false);
        let elements = elements(&*drawing, &sheet)?;
        let description = escape(&drawing.description());
        Ok(format!(
            "<svg class=\"chart\" {} role=\"img\" aria-label=\"{description}\">\n{elements}</svg>\n",
            frame(&sheet)
        ))
    }

    /// A PNG file, two pixels per point.
    ///
    /// # Errors
    /// When the drawing or its compression fails.
    pub fn png(self, study: &Study) -> Result<Vec<u8>, ChartError> {
        png_file(&*self.drawing(study))
    }

    fn drawing(self, study: &Study) -> Box<dyn Drawing + '_> {
        match self {
            Self::Outcomes => Box::new(outcomes::Outcomes(study)),
            Self::Differences => Box::new(differences::Differences(study)),
            Self::Probes => Box::new(probes::Probes(study)),
            Self::LatencyHistogram => Box::new(latency_histogram::LatencyHistogram(study)),
            Self::LatencyPercentiles => Box::new(latency_percentiles::LatencyPercentiles(study)),
            Self::Replicas => Box::new(replicas::Replicas(study)),
            Self::Timeline => Box::new(timeline::Timeline(study)),
            Self::Lateness => Box::new(lateness::Lateness(study)),
        }
    }
}

/// A chart that is not of a study.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// Cost against violations of everything a search for settings tried.
    Tradeoff(Tradeoff),
    /// Latencies of a measured function beside those of its model.
    Calibrated(data::Calibrated),
}

impl Figure {
    /// A complete SVG file, as [`Chart::svg`].
    ///
    /// # Errors
    /// When the drawing itself fails.
    pub fn svg(&self) -> Result<String, ChartError> {
        svg_file(self.drawing())
    }

    /// A PNG file, as [`Chart::png`].
    ///
    /// # Errors
    /// When the drawing or its compression fails.
    pub fn png(&self) -> Result<Vec<u8>, ChartError> {
        png_file(self.drawing())
    }

    fn drawing(&self) -> &dyn Drawing {
        match self {
            Self::Tradeoff(tradeoff) => tradeoff,
            Self::Calibrated(calibrated) => calibrated,
        }
    }
}

fn svg_file(drawing: &dyn Drawing) -> Result<String, ChartError> {
    let sheet = Sheet::lay_out(drawing, theme::WIDE, true);
    let elements = elements(drawing, &sheet)?;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" {} role=\"img\" aria-labelledby=\"t d\">\n\
         <title id=\"t\">{}</title>\n<desc id=\"d\">{}</desc>\n<style>\n{}{TEXT_RULE}\n</style>\n{elements}</svg>\n",
        frame(&sheet),
        escape(&drawing.title()),
        escape(&drawing.description()),
        font::style_sheet(),
    ))
}

fn png_file(drawing: &dyn Drawing) -> Result<Vec<u8>, ChartError> {
    let sheet = Sheet::lay_out(drawing, theme::WIDE, true);
    let (width, height) = Raster::pixels(units(&sheet));
    let mut rgb = vec![0xff_u8; width as usize * height as usize * 3];
    {
        let area = Raster::new(&mut rgb, units(&sheet)).into_drawing_area();
        sheet.draw(drawing, &Canvas::new(&area))?;
        area.present().map_err(ChartError::new)?;
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Default);
    let mut writer = encoder.write_header().map_err(ChartError::new)?;
    writer.write_image_data(&rgb).map_err(ChartError::new)?;
    writer.finish().map_err(ChartError::new)?;
    Ok(file)
}

/// How text and lines look that don't say so themselves.
const TEXT_RULE: &str = "svg text{font-family:Inter,system-ui,sans-serif;font-kerning:none}\n\
                         svg path{stroke-linejoin:round;stroke-linecap:round}";

/// The style sheet for a page with inline charts: how they look, and their colours on a dark page.
pub fn page_style() -> String {
    let mut css = format!("{TEXT_RULE}\n@media screen and (prefers-color-scheme:dark){{\n");
    for (light, dark) in theme::DARK {
        for property in ["fill", "stroke"] {
            // writing to a String cannot fail
            let _ = writeln!(css, ".chart [{property}=\"{}\"]{{{property}:{}}}", light.css(), dark.css());
        }
    }
    css.push_str("}\n");
    css
}

fn units(sheet: &Sheet) -> (u32, u32) {
    ((sheet.width * UNITS).round() as u32, (sheet.height * UNITS).round() as u32)
}

fn frame(sheet: &Sheet) -> String {
    let (width, height) = units(sheet);
    format!("width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\"", sheet.width, sheet.height)
}

fn elements(drawing: &dyn Drawing, sheet: &Sheet) -> Result<String, ChartError> {
    let mut elements = String::new();
    {
        let area = Svg::new(&mut elements, units(sheet)).into_drawing_area();
        sheet.draw(drawing, &Canvas::new(&area))?;
        area.present().map_err(ChartError::new)?;
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_however_odd_stop_a_chart() {
        for (what, study) in sample::odd_ones() {
            for chart in Chart::ALL {
                chart.svg(&study).unwrap_or_else(|error| panic!("{what}: {error}"));
                chart.inline_svg(&study, theme::NARROW).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(chart.png(&study).unwrap_or_else(|error| panic!("{what}: {error}")).starts_with(b"\x89PNG"));
                assert!(!chart.description(&study).contains("NaN"), "{what}");
            }
        }
    }

    #[test]
    fn an_svg_file_is_well_formed_and_refers_to_nothing_outside_itself() {
        for (what, study) in sample::odd_ones().into_iter().chain([("two arms", sample::two_arms())]) {
            for chart in Chart::ALL {
                let svg = chart.svg(&study).expect("a drawing");
                check_xml(&svg).unwrap_or_else(|fault| panic!("{what}, {}: {fault}", chart.name()));
                let addresses = svg.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
                assert!(!addresses.contains("http"), "{what}");
                assert!(!addresses.contains("href"), "{what}");
                assert_eq!(addresses.matches("url(").count(), addresses.matches("url(data:").count(), "{what}");
                assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{what}");
            }
        }
    }

    #[test]
    fn the_same_data_give_the_same_bytes() {
        let study = sample::two_arms();
        for chart in Chart::ALL {
            assert!(chart.svg(&study).expect("a drawing") == chart.svg(&study.clone()).expect("a drawing"));
            assert!(chart.png(&study).expect("a drawing") == chart.png(&study.clone()).expect("a drawing"));
        }
    }

    /// Checks that elements are closed in order, attributes quoted, and nothing stands unescaped.
    fn check_xml(text: &str) -> Result<(), String> {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find('<') {
            let (before, tag) = rest.split_at(start);
            check_entities(before)?;
            let end = tag.find('>').ok_or("a tag without an end")?;
            let inside = &tag[1..end];
            if inside.contains('<') || inside.matches('"').count() % 2 != 0 {
                return Err(format!("a broken tag: {inside}"));
            }
            if let Some(name) = inside.strip_prefix('/') {
                if open.pop() != Some(name) {
                    return Err(format!("{name} closes what is not open"));
                }
            } else if !inside.ends_with('/') {
                open.push(inside.split_whitespace().next().unwrap_or_default());
            }
            check_entities(inside)?;
            rest = &tag[end + 1..];
        }
        if let Some(sign) = text.chars().find(|sign| sign.is_control() && !"\t\n\r".contains(*sign)) {
            return Err(format!("{sign:?} is not allowed in XML"));
        }
        if open.is_empty() { Ok(()) } else { Err(format!("{open:?} stay open")) }
    }

    fn check_entities(text: &str) -> Result<(), String> {
        for part in text.split('&').skip(1) {
            if !["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|entity| part.starts_with(entity)) {
                return Err(format!("a bare & before {:?}", part.chars().take(12).collect::<String>()));
            }
        }
        Ok(())
    }

    /// Writes samples to look at: `cargo test samples_to_look_at -- --ignored`, into the directory named by
    /// `WATCHTOWER_SAMPLES`.
    #[test]
    #[ignore = "for people's eyes"]
    fn samples_to_look_at() {
        let Ok(folder) = std::env::var("WATCHTOWER_SAMPLES") else { return };
        let studies = sample::odd_ones().into_iter().chain([("two arms", sample::two_arms())]);
        for (what, study) in studies {
            let folder = std::path::Path::new(&folder).join(what.replace([' ', ','], "-"));
            std::fs::create_dir_all(&folder).expect("a folder");
            for chart in Chart::ALL {
                std::fs::write(folder.join(format!("{}.svg", chart.name())), chart.svg(&study).expect("a drawing"))
                    .expect("a file");
                std::fs::write(folder.join(format!("{}.png", chart.name())), chart.png(&study).expect("a drawing"))
                    .expect("a file");
            }
        }
    }
}
