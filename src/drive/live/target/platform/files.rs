//! How many connections this process may have open: each takes a file descriptor.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit on open files to the hard one, as Go programs do when they start. Best effort: where it is not
/// possible, fewer connections can be served at once.
pub(super) fn raise_limit() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_err() {
        tracing::debug!(soft, hard, "the limit on open files stays as it is");
    }
}
