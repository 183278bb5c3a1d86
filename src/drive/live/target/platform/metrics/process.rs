//! What every program with Prometheus' Go client tells of itself beside its own metrics (`client_golang`, `collectors` and
//! `promhttp`): its process and its scrapes. Of a Go runtime nothing is told, since there is none.

use std::fs;

use hyper::StatusCode;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{SysconfVar, sysconf};
use prometheus::{Gauge, IntCounterVec, IntGauge, Opts, Registry};

/// Gauges by name, help, and where in [`Standing`] they are read.
type Read = fn(&Standing) -> f64;
const GAUGES: [(&str, &str, Read); 6] = [
    ("process_max_fds", "Maximum number of open file descriptors.", |standing| standing.files_max),
    ("process_open_fds", "Number of open file descriptors.", |standing| standing.files),
    ("process_resident_memory_bytes", "Resident memory size in bytes.", |standing| standing.resident),
    ("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", |standing| {
        standing.started
    }),
    ("process_virtual_memory_bytes", "Virtual memory size in bytes.", |standing| standing.virtual_size),
    ("process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes.", |standing| {
        standing.virtual_max
    }),
];

/// The metrics of this process and of its scrapes.
pub(super) struct Process {
    cpu: prometheus::Counter,
    gauges: Vec<(Gauge, Read)>,
    scrapes: IntCounterVec,
    in_flight: IntGauge,
}

/// The process as the kernel sees it.
struct Standing {
    cpu_seconds: f64,
    started: f64,
    virtual_size: f64,
    virtual_max: f64,
    resident: f64,
    files: f64,
    files_max: f64,
}

impl Process {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let cpu =
            prometheus::Counter::new("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.")?;
        registry.register(Box::new(cpu.clone()))?;
        let mut gauges = Vec::with_capacity(GAUGES.len());
        for (name, help, read) in GAUGES {
            let gauge = Gauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            gauges.push((gauge, read));
        }
        let scrapes =
            Opts::new("promhttp_metric_handler_requests_total", "Total number of scrapes by HTTP status code.");
        let scrapes = IntCounterVec::new(scrapes, &["code"])?;
        registry.register(Box::new(scrapes.clone()))?;
        for code in ["200", "500", "503"] {
            // there from the first scrape on
            scrapes.with_label_values(&[code]).inc_by(0);
        }
        let in_flight =
            IntGauge::new("promhttp_metric_handler_requests_in_flight", "Current number of scrapes being served.")?;
        registry.register(Box::new(in_flight.clone()))?;
        Ok(Self { cpu, gauges, scrapes, in_flight })
    }

    /// A scrape begins: everything is read anew, as far as the system tells.
    pub(super) fn begin_scrape(&self) {
        self.in_flight.inc();
        let Some(standing) = Standing::read() else { return };
        self.cpu.inc_by((standing.cpu_seconds - self.cpu.get()).max(0.0));
        for (gauge, read) in &self.gauges {
            gauge.set(read(&standing));
        }
    }

    /// It was answered.
    pub(super) fn end_scrape(&self, status: StatusCode) {
        self.in_flight.dec();
        self.scrapes.with_label_values(&[status.as_str()]).inc();
    }
}

impl Standing {
    /// From `/proc`; `None` where there is none.
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // the program's name may hold anything but ends with the last bracket; fields are counted from the state, the third
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let system = |name| sysconf(name).ok().flatten().map(|value| value as f64);
        let tick = system(SysconfVar::CLK_TCK)?;
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        let most = |resource| getrlimit(resource).map_or(0.0, |(soft, _)| soft as f64);
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / tick,
            started: boot + field(22)? / tick,
            virtual_size: field(23)?,
            virtual_max: most(Resource::RLIMIT_AS),
            resident: field(24)? * system(SysconfVar::PAGE_SIZE)?,
            // the listing itself has one open
            files: fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1)) as f64,
            files_max: most(Resource::RLIMIT_NOFILE),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::live::clock::Clock;

    #[test]
    fn the_process_tells_of_itself_what_the_system_knows() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let standing = Standing::read().unwrap();
        let now = Clock::unix_now().as_secs_f64();
        // the kernel counts boot in whole seconds
        assert!(standing.started > 1.7e9 && standing.started < now + 1.0, "{}", standing.started);
        assert!(standing.resident > 1e5 && standing.virtual_size >= standing.resident);
        assert!(standing.files >= 3.0 && standing.files_max >= standing.files);
        assert!(standing.cpu_seconds >= 0.0);
    }

    #[test]
    fn scrapes_are_counted_by_their_status_and_while_they_last() {
        let registry = Registry::new();
        let process = Process::register(&registry).unwrap();
        process.begin_scrape();
        assert_eq!(process.in_flight.get(), 1);
        process.end_scrape(StatusCode::OK);
        assert_eq!(process.in_flight.get(), 0);
        let counted = ["200", "500", "503"].map(|code| process.scrapes.with_label_values(&[code]).get());
        assert_eq!(counted, [1, 0, 0]);
    }
}
