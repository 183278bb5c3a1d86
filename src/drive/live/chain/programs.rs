//! Where the two programs are on this machine. Nothing is started here.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Programs that are not there; at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}\n  hint: {}", self.what(), self.hint())]
pub struct NotInstalled {
    missing: Vec<Missing>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Missing {
    /// What was looked for.
    program: String,
    /// Debian's package of it.
    package: &'static str,
    /// The arm's setting that names it.
    setting: &'static str,
}

impl NotInstalled {
    /// What is wrong, without a word on what to do.
    pub fn what(&self) -> String {
        let programs: Vec<String> = self.missing.iter().map(|missing| format!("\"{}\"", missing.program)).collect();
        let verb = if programs.len() == 1 { "is" } else { "are" };
        format!("{} {verb} not installed on this machine", programs.join(" and "))
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        let listed = |word: fn(&Missing) -> &'static str| self.missing.iter().map(word).collect::<Vec<_>>();
        format!(
            "install what is missing (Debian, Ubuntu: apt-get install {}), or write where it is: {} = \"/PATH\"",
            listed(|missing| missing.package).join(" "),
            listed(|missing| missing.setting).join(" = \"/PATH\", ")
        )
    }
}

/// The two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    /// Prometheus.
    pub prometheus: PathBuf,
    /// Alertmanager.
    pub alertmanager: PathBuf,
}

impl Programs {
    /// Finds both by path or name.
    ///
    /// # Errors
    /// With what is not there.
    pub fn find(prometheus: &str, alertmanager: &str) -> Result<Self, NotInstalled> {
        let directories = env::var_os("PATH").unwrap_or_default();
        let mut missing = Vec::new();
        let mut find = |program: &str, package, setting| {
            let found = located(program, &directories);
            if found.is_none() {
                missing.push(Missing { program: program.to_owned(), package, setting });
            }
            found
        };
        let prometheus = find(prometheus, "prometheus", "prometheus");
        let alertmanager = find(alertmanager, "prometheus-alertmanager", "alertmanager");
        match (prometheus, alertmanager) {
            (Some(prometheus), Some(alertmanager)) => Ok(Self { prometheus, alertmanager }),
            _ => Err(NotInstalled { missing }),
        }
    }
}

/// The program as a shell would find it: a path as it is, a name in the directories.
fn located(program: &str, directories: &OsStr) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| is_program(path));
    }
    if program.is_empty() {
        return None;
    }
    env::split_paths(directories).map(|directory| directory.join(program)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_path_or_by_name_and_a_plain_file_is_none() {
        let here = OsStr::new("/nowhere:/bin:/usr/bin");
        assert_eq!(located("/bin/sh", OsStr::new("")), Some(PathBuf::from("/bin/sh")));
        assert_eq!(located("sh", here), Some(PathBuf::from("/bin/sh")));
        for missing in ["", "no-such-program", "/etc/passwd", "/bin", "../sh"] {
            assert_eq!(located(missing, here), None, "{missing:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_package_and_its_setting() {
        let missing = |prometheus, alertmanager| Programs::find(prometheus, alertmanager).unwrap_err().to_string();
        insta::assert_snapshot!(missing("/bin/sh", "no-such-alertmanager"), @r#"
        "no-such-alertmanager" is not installed on this machine
          hint: install what is missing (Debian, Ubuntu: apt-get install prometheus-alertmanager), or write where it is: alertmanager = "/PATH"
        "#);
        insta::assert_snapshot!(missing("no-such-prometheus", "/no/where"), @r#"
        "no-such-prometheus" and "/no/where" are not installed on this machine
          hint: install what is missing (Debian, Ubuntu: apt-get install prometheus prometheus-alertmanager), or write where it is: prometheus = "/PATH", alertmanager = "/PATH"
        "#);
    }
}
