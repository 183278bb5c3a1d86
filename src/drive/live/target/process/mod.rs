//! What real replicas need before the first can start: a Python with Flask and waitress, and the functions' folders.
//!
//! ```text
//!   python3 --venv, once--> environment (in the user's cache) --> platform::Processes --> the platform's replicas
//!   handler.py of ftest and sleepy, serve.py (in this program) --> a folder of the run
//! ```
//!
//! The replicas themselves are the platform's business: the gateway in front of them is the same.

mod environment;

use std::fs;
use std::io;
use std::path::PathBuf;

use tempfile::TempDir;

use super::platform::Processes;
pub use environment::{Environment, EnvironmentError, Recipe};

/// The program that serves a folder, and the built-in functions' handlers.
const SERVER: &str = include_str!("serve.py");
const BUILT_IN: [(&str, &str); 2] = [
    ("ftest", include_str!("../../../../../functions/ftest/handler.py")),
    ("sleepy", include_str!("../../../../../functions/sleepy/handler.py")),
];

/// The files of a run's replicas. They are gone when this is dropped.
#[derive(Debug)]
pub struct Workshop {
    directory: TempDir,
}

impl Workshop {
    /// Lays the files out in a temporary directory.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn set_up() -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("watchtower-").tempdir()?;
        fs::write(directory.path().join("serve.py"), SERVER)?;
        for (name, handler) in BUILT_IN {
            let folder = directory.path().join(name);
            fs::create_dir(&folder)?;
            fs::write(folder.join("handler.py"), handler)?;
        }
        Ok(Self { directory })
    }

    /// Replicas of functions that are built in, by their names.
    pub fn processes<'a>(
        &self,
        environment: &Environment,
        functions: impl IntoIterator<Item = &'a str>,
        leash: Option<PathBuf>,
    ) -> Processes {
        let folders = functions.into_iter().map(|function| self.directory.path().join(function)).collect();
        Processes { folders, ..self.processes_of(environment, Vec::new(), leash) }
    }

    /// Replicas of functions with folders of their own, each with its `handler.py`.
    pub fn processes_of(&self, environment: &Environment, folders: Vec<PathBuf>, leash: Option<PathBuf>) -> Processes {
        Processes {
            python: environment.python().to_owned(),
            server: self.directory.path().join("serve.py"),
            folders,
            leash,
            log: self.directory.path().join("replicas.log"),
        }
    }
}
