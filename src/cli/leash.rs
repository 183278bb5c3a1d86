//! `watchtower leash`: becomes another program that ends when the one that started it does.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::exit::ExitStatus;
use super::failure::Failure;

/// Become another program that is killed when the process that started it ends
///
/// Used for programs that watchtower starts, so that none is left behind, whatever happens. Linux only; elsewhere the program
/// runs as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The process that starts it
    #[arg(value_name = "PID")]
    holder: i32,

    /// The program and its arguments
    #[arg(required = true, value_name = "PROGRAM", trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

pub(super) fn run(args: &Args) -> Result<ExitStatus, Failure> {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::prctl::set_pdeathsig;
        use nix::sys::signal::Signal;
        use nix::unistd::getppid;

        set_pdeathsig(Signal::SIGKILL).map_err(|error| {
            Failure::new(ExitStatus::Failed, format!("can't tie the program to process {}: {error}", args.holder), None)
        })?;
        // it may have ended before the kernel was told
        if getppid().as_raw() != args.holder {
            let problem = format!("process {} has ended or did not start this one", args.holder);
            return Err(Failure::new(ExitStatus::Failed, problem, None));
        }
    }
    let (program, rest) =
        args.program.split_first().map_or_else(Default::default, |(first, rest)| (first.clone(), rest));
    let error = Command::new(&program).args(rest).exec();
    let problem = format!("can't run {}: {error}", program.to_string_lossy());
    Err(Failure::new(ExitStatus::Failed, problem, None))
}
