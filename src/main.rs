//! The `watchtower` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    watchtower::cli::main()
}
