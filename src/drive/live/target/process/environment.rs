//! The Python environment of the replicas: made once, kept in the user's cache, the same versions everywhere.
//!
//! It is made beside its place and moved there when it is whole, so that one that exists is complete, however many make it at once and
//! whatever ends them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Packages and their versions.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// The oldest Python that these packages run on.
const PYTHON_MIN: (u32, u32) = (3, 10);

/// A Python with everything that replicas import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    python: PathBuf,
}

/// Why there is none. What to do about it stands in a line of its own.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// No Python.
    #[error(
        "python3 can't be run: {0}\n  hint: install Python 3.10 or newer, on Debian with apt-get install python3 python3-venv, or set PYTHON to its path"
    )]
    NoPython(String),
    /// Too old a Python.
    #[error(
        "{python} is Python {found}, and the functions' packages need 3.10\n  hint: install a newer one, or set PYTHON to its path"
    )]
    OldPython {
        /// Which.
        python: String,
        /// Its version.
        found: String,
    },
    /// The module venv, or what it needs, is missing.
    #[error(
        "{python} can't make a virtual environment: {words}\n  hint: install its venv module, on Debian with apt-get install python3-venv"
    )]
    NoVenv {
        /// Which.
        python: String,
        /// Its last words.
        words: String,
    },
    /// The packages could not be installed.
    #[error(
        "the functions' Python packages can't be installed: {words}\n  hint: pip must reach PyPI or what PIP_INDEX_URL names; once is enough, the environment is kept in {place}"
    )]
    NoPackages {
        /// pip's last words.
        words: String,
        /// Where it was to be.
        place: PathBuf,
    },
    /// A file or directory.
    #[error("{path}: {source}\n  hint: set XDG_CACHE_HOME to a directory that can be written to")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// An environment that may have to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    python: PathBuf,
    cache: PathBuf,
    /// Where it is kept.
    place: PathBuf,
}

impl Environment {
    /// Its interpreter.
    pub fn python(&self) -> &Path {
        &self.python
    }
}

impl Recipe {
    /// The environment for this machine's Python: `PYTHON` if that is set, `python3` otherwise.
    ///
    /// # Errors
    /// When there is none, or it is too old.
    pub fn find() -> Result<Self, EnvironmentError> {
        let python = std::env::var_os("PYTHON").filter(|path| !path.is_empty()).unwrap_or_else(|| "python3".into());
        let python = PathBuf::from(python);
        let version = version(&python)?;
        let cache = cache();
        let place = cache.join(format!("python-{}-{:016x}", version.replace('.', "-"), fingerprint(REQUIREMENTS)));
        Ok(Self { python, cache, place })
    }

    /// Where it is kept.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// What a person is told while it is made.
    pub fn what_is_made(&self) -> String {
        let place = self.place.display();
        format!("making a Python environment with Flask and waitress in {place}: this is done once and takes some 20 s")
    }

    /// The environment, if it was made before.
    pub fn made(&self) -> Option<Environment> {
        let python = self.place.join("bin/python");
        python.exists().then_some(Environment { python })
    }

    /// Makes it. Blocks for as long as that takes.
    ///
    /// # Errors
    /// When Python can't, or the packages can't be had.
    pub fn make(&self) -> Result<Environment, EnvironmentError> {
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| EnvironmentError::File { path, source }
        };
        fs::create_dir_all(&self.cache).map_err(file(&self.cache))?;
        let new = tempfile::Builder::new().prefix("new-").tempdir_in(&self.cache).map_err(file(&self.cache))?;
        make(&self.python, new.path(), &self.place)?;
        match fs::rename(new.path(), &self.place) {
            Ok(()) => drop(new.keep()),
            // somebody else may have been faster
            Err(source) if self.made().is_none() => return Err(file(&self.place)(source)),
            Err(_) => {}
        }
        Ok(Environment { python: self.place.join("bin/python") })
    }
}

/// The version of a Python, as `3.11`.
fn version(python: &Path) -> Result<String, EnvironmentError> {
    let output = run(python, &["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    let output = output.map_err(|error| EnvironmentError::NoPython(error.to_string()))?;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let parts = found.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match parts {
        Some(parts) if parts >= PYTHON_MIN => Ok(found),
        Some(_) => Err(EnvironmentError::OldPython { python: python.display().to_string(), found }),
        None => Err(EnvironmentError::NoPython(format!("{} tells no version", python.display()))),
    }
}

/// Makes an environment in a directory that exists; its place is for messages.
fn make(python: &Path, directory: &Path, place: &Path) -> Result<(), EnvironmentError> {
    let no_venv = |words: String| EnvironmentError::NoVenv { python: python.display().to_string(), words };
    let made = run(python, &["-m", "venv", &directory.display().to_string()]);
    let made = made.map_err(|error| no_venv(error.to_string()))?;
    if !made.status.success() {
        return Err(no_venv(last_words(&made)));
    }
    let no_packages = |words: String| EnvironmentError::NoPackages { words, place: place.to_owned() };
    let list = directory.join("requirements.txt");
    fs::write(&list, REQUIREMENTS).map_err(|source| EnvironmentError::File { path: list.clone(), source })?;
    let list = list.display().to_string();
    let args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r", &list];
    let installed = run(&directory.join("bin/python"), &args).map_err(|error| no_packages(error.to_string()))?;
    if installed.status.success() { Ok(()) } else { Err(no_packages(last_words(&installed))) }
}

fn run(program: &Path, args: &[&str]) -> io::Result<Output> {
    Command::new(program).args(args).stdin(Stdio::null()).output()
}

/// The last line a program wrote.
fn last_words(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let all = String::from_utf8_lossy(&all);
    all.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim().to_owned()
}

/// Where environments are kept.
fn cache() -> PathBuf {
    let of = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = of("XDG_CACHE_HOME").or_else(|| of("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("watchtower")
}

/// Tells one list of requirements from another: FNV-1a, which stays the same from version to version.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_fnv_1a() {
        // published test values (draft-eastlake-fnv, appendix C)
        assert_eq!(fingerprint(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fingerprint("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn without_a_python_it_is_said_what_to_install() {
        let error = version(Path::new("/nowhere/python3")).unwrap_err().to_string();
        assert!(error.contains("apt-get install python3 python3-venv"), "{error}");
        let error = version(Path::new("/bin/true")).unwrap_err().to_string();
        assert!(error.contains("tells no version"), "{error}");
    }

    #[test]
    fn without_venv_it_is_said_what_to_install() {
        let directory = tempfile::tempdir().unwrap();
        let error = make(Path::new("/bin/false"), directory.path(), Path::new("/x")).unwrap_err().to_string();
        assert!(error.contains("/bin/false can't make a virtual environment: it says nothing"), "{error}");
        assert!(error.contains("apt-get install python3-venv"), "{error}");
    }

    #[test]
    fn every_package_has_one_version() {
        let lines = REQUIREMENTS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        assert!(lines.clone().count() >= 8 && lines.clone().all(|line| line.split("==").count() == 2));
    }
}
