//! What goose does to the whole process, undone: its handler for Ctrl-C, its logger, its ports, what it prints.

use goose::config::GooseConfiguration;

/// Keeps goose from taking Ctrl-C: who asks for a handler of its kind first has it, and goose's own attempt fails without harm.
///
/// goose's handler (`setup_ctrlc_handler` in its `util.rs`) ends the process with exit code 1 at the second Ctrl-C, and replaces
/// tokio's, which is then deaf. So this comes before any signal of tokio's is listened to: those that come after it are woken
/// beside it.
pub(in crate::drive::live) fn keep_interrupts() {
    // a second time there is one already
    let _ = ctrlc::set_handler(|| {});
}

/// Nothing on standard output, no port, no log.
pub(super) fn silence(configuration: &mut GooseConfiguration) {
    keep_interrupts();
    configuration.no_telnet = true;
    configuration.no_print_metrics = true;
    configuration.no_status_codes = true;
    // only warnings: each request that fails is one, and the logger below has no ear for them
    configuration.quiet = 2;
    // whoever sets the first logger has it; without one goose would log to standard output
    let _ = log::set_logger(&NOBODY);
}

/// A logger that hears nothing.
struct Nobody;

static NOBODY: Nobody = Nobody;

impl log::Log for Nobody {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        false
    }

    fn log(&self, _: &log::Record<'_>) {}

    fn flush(&self) {}
}

/// The log's level, put back when this is dropped: goose sets its own, whoever's logger it is.
pub(super) struct LogLevel(log::LevelFilter);

impl LogLevel {
    /// As it is now.
    pub(super) fn kept() -> Self {
        Self(log::max_level())
    }
}

impl Drop for LogLevel {
    fn drop(&mut self) {
        log::set_max_level(self.0);
    }
}
