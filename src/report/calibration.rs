//! The chart of a calibration: the model beside the measurement.

use std::fs;
use std::path::{Path, PathBuf};

use super::charts::Figure;
use super::charts::data::Calibrated;
use super::write::{ReportError, put};

/// Writes `charts/calibration.svg` and `.png` into a directory, again if they exist, and returns the files.
///
/// # Errors
/// When a file can't be written.
pub fn write_calibration(directory: &Path, calibrated: Calibrated) -> Result<Vec<PathBuf>, ReportError> {
    let figure = Figure::Calibrated(calibrated);
    let failed = |source| ReportError::Chart { name: "calibration", source };
    let (svg, png) = (figure.svg().map_err(failed)?, figure.png().map_err(failed)?);
    let folder = directory.join("charts");
    fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    Ok(vec![put(folder.join("calibration.svg"), svg.as_bytes())?, put(folder.join("calibration.png"), &png)?])
}
