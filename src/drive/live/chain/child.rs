//! One program of ours: started with its output in a file, ended whatever happens to us.
//!
//! It has a process group of its own, so that Ctrl-C reaches us alone and we decide when it ends. Dropping it kills it; should
//! we be killed ourselves, the kernel does, because it was started through `watchtower leash`.

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::Signal;

/// A running program.
pub(super) struct Program {
    /// What it is called in events and messages.
    pub(super) name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it. `leash` is the program through which it is started, [`None`] for none.
    pub(super) fn start(
        name: &'static str,
        program: &Path,
        args: &[String],
        log: PathBuf,
        leash: Option<&Path>,
    ) -> io::Result<Self> {
        let out = File::options().create(true).append(true).open(&log)?;
        let mut command = match leash {
            Some(leash) => {
                let mut command = Command::new(leash);
                command.arg("leash").arg(std::process::id().to_string()).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(args).stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0);
        Ok(Self { name, child: command.spawn()?, log })
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, in words; `None` while it runs.
    pub(super) fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(status) => status.map(in_words),
            Err(error) => Some(format!("it can't be waited for: {error}")),
        }
    }

    /// The file with its output.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// The end of its output, for messages.
    pub(super) fn last_words(&self) -> String {
        const LINES: usize = 3;
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n    ")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // one that has ended already, or can't be reached any more, is no worry
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("with exit code {code}"),
        (None, Some(number)) => match Signal::try_from(number) {
            Ok(signal) => format!("killed by {signal}"),
            Err(_) => format!("killed by signal {number}"),
        },
        (None, None) => "for an unknown reason".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    use super::*;

    fn sleeper(directory: &Path) -> Program {
        let args = ["-c".to_owned(), "echo hello; exec sleep 60".to_owned()];
        Program::start("sleeper", Path::new("/bin/sh"), &args, directory.join("log"), None).unwrap()
    }

    #[test]
    fn dropping_a_program_ends_it_and_its_output_stays() {
        let directory = tempfile::tempdir().unwrap();
        let mut program = sleeper(directory.path());
        let pid = Pid::from_raw(i32::try_from(program.id()).unwrap());
        assert_eq!(program.ended(), None);
        while program.last_words().is_empty() {
            std::thread::yield_now();
        }
        drop(program);
        // reaped, too: no process of this number is ours any more
        assert!(kill(pid, None).is_err());
        assert_eq!(std::fs::read_to_string(directory.path().join("log")).unwrap(), "hello\n");
    }

    #[test]
    fn how_a_program_ended_is_told_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let words = |command: &str| {
            let args = ["-c".to_owned(), command.to_owned()];
            let log = directory.path().join("log");
            let mut program = Program::start("shell", Path::new("/bin/sh"), &args, log, None).unwrap();
            program.child.wait().unwrap();
            program.ended()
        };
        assert_eq!(words("exit 3").as_deref(), Some("with exit code 3"));
        assert_eq!(words("kill -9 $$").as_deref(), Some("killed by SIGKILL"));
    }
}
