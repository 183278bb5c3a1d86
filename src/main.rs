//! The `watchtower` command.

fn main() {}
