//! Names of studies and arms: they become directories, on any file system.

use std::path::Path;

use crate::study::problem::Problem;
use crate::study::scenario::{ArmSection, Scenario};

const CHARS_MAX: usize = 64;

const HINT: &str = "use letters, digits, hyphens, underscores and dots, at most 64, beginning with a letter or digit";

/// Why a name can't be a directory's on every common system.
fn fault(name: &str) -> Option<&'static str> {
    /// Devices of Windows, whatever follows a dot.
    const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = name.split('.').next().unwrap_or_default().to_lowercase();
    let port = ["com", "lpt"].iter().any(|port| {
        stem.strip_prefix(port)
            .is_some_and(|number| number.len() == 1 && number.chars().all(|char| char.is_ascii_digit()))
    });
    if name.trim().is_empty() {
        Some("is empty, but it names files")
    } else if name.contains(['/', '\\']) {
        Some("has a slash in it, but it names files")
    } else if name.chars().count() > CHARS_MAX {
        Some("is too long for a file name")
    } else if !name.chars().all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char))
        || !name.starts_with(|char: char| char.is_ascii_alphanumeric())
        || name.ends_with('.')
    {
        Some("is not a file name that works everywhere")
    } else if RESERVED.contains(&stem.as_str()) || port {
        Some("is a name that Windows keeps for a device")
    } else {
        None
    }
}

/// The study's name: as given, or the file's without its ending.
pub(super) fn study_name(scenario: &Scenario, problems: &mut Vec<Problem>) -> String {
    if scenario.top.is_given("name") {
        let name = scenario.top.settings.text("name");
        if let Some(fault) = fault(name) {
            problems.push(scenario.top.problem("name", fault, HINT));
        }
        return name.to_owned();
    }
    let wrong_already =
        problems.iter().any(|problem| problem.place.is_empty() && problem.key.as_deref() == Some("name"));
    let name = Path::new(&scenario.file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if let Some(fault) = fault(name).filter(|_| !wrong_already) {
        let what = format!("is not given, and the file's own, \"{name}\", {fault}");
        problems.push(scenario.top.missing("name", what, "write name = \"...\" at the top of the file"));
    }
    name.to_owned()
}

/// Every arm has a name that is its own, also where capitals don't count.
pub(super) fn arm_names(arms: &[ArmSection], problems: &mut Vec<Problem>) {
    for (index, arm) in arms.iter().enumerate() {
        let given = arm.section.is_given("name");
        let name = if given { arm.section.settings.text("name") } else { arm.name() };
        if !given && name.is_empty() {
            // there is no policy either, which is a problem already
            continue;
        }
        if let Some(fault) = fault(name).filter(|_| given) {
            problems.push(arm.section.problem("name", fault, HINT));
            continue;
        }
        let Some(twin) = arms[..index].iter().find(|other| other.name().eq_ignore_ascii_case(name)) else { continue };
        let what = match twin.section.line {
            Some(line) => format!("is the name of two arms, the other is on line {line}"),
            None => "is the name of two arms".to_owned(),
        };
        let hint = "give each [[arm]] a name of its own, for example by what is different about it";
        let mut problem = arm.section.problem("name", what, hint);
        if !given {
            problem = problem.value(format!("\"{name}\" (from its policy)"));
        }
        problems.push(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_work_on_every_file_system() {
        for name in ["watchtower", "openfaas-ce", "a", "v1.2_b", "0", "com", "console", "lpt10"] {
            assert_eq!(fault(name), None, "{name}");
        }
        let long = "x".repeat(65);
        for name in [
            "",
            " ",
            "a/b",
            "a\\b",
            "..",
            ".a",
            "-a",
            "a.",
            "a b",
            "ä",
            "CON",
            "nul.txt",
            "Com1",
            long.as_str(),
            "a\nb",
        ] {
            assert!(fault(name).is_some(), "{name}");
        }
    }
}
