//! Which versions the programs are: asked before they are started, so that a wrong path is told at once.

use std::path::Path;
use std::time::Duration;

use super::child::Program;
use super::{ChainError, Options};
use crate::drive::live::clock::Clock;

/// How long a program may take to print its version.
const VERSION_WITHIN: Duration = Duration::from_secs(20);
/// Time between two looks at a program that prints its version.
const LOOK: Duration = Duration::from_millis(50);

/// What a program prints for `--version`.
pub(super) async fn version(
    options: &Options,
    name: &'static str,
    program: &Path,
    directory: &Path,
    clock: &Clock,
) -> Result<String, ChainError> {
    let log = directory.join(format!("{name}-version.log"));
    let args = ["--version".to_owned()];
    let mut running = Program::start(name, program, &args, log.clone(), options.leash.as_deref())
        .map_err(|source| ChainError::Run { program: program.display().to_string(), source })?;
    let deadline = clock.now() + VERSION_WITHIN;
    while running.ended().is_none() && clock.now() < deadline {
        clock.sleep_until(clock.now() + LOOK).await;
    }
    let text = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
    if !text.to_lowercase().contains(name) || version_number(&text).is_none() {
        return Err(ChainError::NoVersion { program: program.display().to_string(), name });
    }
    std::fs::remove_file(&log)?;
    Ok(text)
}

/// The number in what `--version` prints: `prometheus, version 2.42.0+ds (branch: ...)`.
pub(super) fn version_number(text: &str) -> Option<&str> {
    text.split_once("version ").and_then(|(_, rest)| rest.split_whitespace().next())
}
