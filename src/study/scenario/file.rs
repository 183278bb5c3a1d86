//! From a path to the text of a scenario: everything that can be wrong before the first key is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::study::nearest::nearest;
use crate::study::problem::Problem;

/// The largest scenario file; a real one has a few kilobytes.
const BYTES_MAX: u64 = 1 << 20;

/// Reads the file as UTF-8 text, without a byte order mark.
pub(super) fn read(path: &Path) -> Result<String, Box<Problem>> {
    let problem = |what: &str, hint: String| Problem::new("", what, hint);
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(Box::new(problem("is a directory, not a scenario file", files_in(path))));
        }
        Ok(_) => {}
        Err(error) => return Err(Box::new(unreadable(path, &error))),
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| Box::new(unreadable(path, &error)))?;
    if bytes.len() as u64 > BYTES_MAX {
        let hint = "name a scenario file, such as scenarios/ftest.toml".to_owned();
        return Err(Box::new(problem("is larger than 1 MiB; that is no scenario", hint)));
    }
    text(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, Box<Problem>> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text)),
        Err(error) => {
            let bytes = error.as_bytes();
            let wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
            let what = if wide { "is UTF-16 text, not UTF-8" } else { "is not UTF-8 text" };
            let valid = error.utf8_error().valid_up_to();
            let line = bytes[..valid].split(|byte| *byte == b'\n').count() as u32;
            let hint = "save it as UTF-8; most editors can, and it is their default";
            Err(Box::new(Problem::new("", what, hint).at(Some(line))))
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound => Problem::new("", "does not exist", neighbour_hint(path)),
        io::ErrorKind::PermissionDenied => Problem::new("", "may not be read by you", "check the file's permissions"),
        _ => Problem::new("", format!("cannot be read: {error}"), "name a scenario file, such as scenarios/ftest.toml"),
    }
}

/// The scenario files in a directory, by name.
fn scenario_names(directory: &Path) -> Vec<String> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .map(|entries| {
            entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "toml"))
                .take(1_000)
                .collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}

fn neighbour_hint(path: &Path) -> String {
    let wanted = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let directory = path.parent().unwrap_or(Path::new(""));
    let names = scenario_names(directory);
    match nearest(wanted, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean {}?", directory.join(name).display()),
        None => "check the path; scenarios/quick.toml is a good first one".to_owned(),
    }
}

fn files_in(directory: &Path) -> String {
    match scenario_names(directory).as_slice() {
        [] => "name a scenario file, such as scenarios/ftest.toml".to_owned(),
        names => {
            let first: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
            format!("name a file in it, such as {}", first.join(", "))
        }
    }
}

/// A path as a message shows it: no control characters, not endless.
pub(super) fn shown(path: &Path) -> String {
    let text: String = path.display().to_string().chars().filter(|char| !char.is_control()).collect();
    if text.is_empty() { "\"\"".to_owned() } else { text }
}
