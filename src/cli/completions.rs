//! `watchtower completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use super::exit::ExitStatus;
use super::output::Printer;

/// Print shell completions
///
/// For bash: watchtower completions bash > ~/.local/share/bash-completion/completions/watchtower
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> ExitStatus {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "watchtower", &mut text);
    Printer::result(&String::from_utf8_lossy(&text));
    ExitStatus::Done
}
