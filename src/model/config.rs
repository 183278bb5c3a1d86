//! What the platform model is made of, as numbers a scenario can set.

use std::time::Duration;

/// Work of one kind per request: log-normally distributed, constant if the spread is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Mean.
    pub mean: Duration,
    /// Coefficient of variation: standard deviation over mean.
    pub cv: f64,
}

impl Work {
    /// No work at all.
    pub const NONE: Self = Self { mean: Duration::ZERO, cv: 0.0 };

    /// The same amount every time.
    pub const fn constant(mean: Duration) -> Self {
        Self { mean, cv: 0.0 }
    }
}

/// One function: what a replica of it is as a queueing system.
///
/// Defaults are the python3-http-debian template of `OpenFaaS` (reference/openfaas-ce.md, section 4).
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionModel {
    /// Worker threads per replica over one FIFO queue; waitress has 4.
    pub workers: u32,
    /// Connections a replica serves at once; waitress' limit of 100 leaves 98 for clients, others wait in the backlog.
    pub connections: u32,
    /// CPU work of a request in the replica, serialised by the interpreter lock.
    pub cpu: Work,
    /// CPU work of a request that carries the header `Hey` and skips the handler's work: the template's own share, and
    /// what its sender costs where that runs on the same node.
    pub probe_cpu: Work,
    /// Time a worker thread is held without using CPU (a sleep, a call to elsewhere). A request may bring its own.
    pub wait: Work,
    /// Share of load requests, 0 to 1, whose handler raises an exception after its work: Flask answers 500 and the process lives on.
    pub raises: f64,
    /// Requests a replica's watchdog has in it at once (its `max_inflight`); the others are answered 429. 0 for no limit.
    pub max_inflight: u32,
    /// How long after a pod is ready its process listens: until then the watchdog answers 500 (of-watchdog#92). Pods that are
    /// there when the run begins listen.
    pub listens_after: Duration,
    /// How long a pod takes to become ready: a fixed part and two uniform parts, see [`StartUp`].
    pub start_up: StartUp,
    /// How long a removed pod lingers (and costs) before it is gone. Its requests are cut at once.
    pub termination: Duration,
}

/// Start-up of a pod: `fixed + U(0, container) + U(0, probe)`.
///
/// reference/openfaas-ce.md 3.4: sandbox, image check and container start take 1 s + U(0, 1 s); readiness is then probed every
/// 2 s after an initial 2 s, which makes 2 s + U(0, 2 s). Together 3 to 6 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartUp {
    /// The part that is always there.
    pub fixed: Duration,
    /// Width of the uniform part of starting the container.
    pub container: Duration,
    /// Width of the uniform part of waiting for the next readiness probe.
    pub probe: Duration,
}

/// The node all replicas and the gateway path share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeModel {
    /// CPU cores.
    pub cores: u32,
    /// CPU work of a request on the gateway path (gateway, provider, watchdog), spread over any core.
    pub gateway_cpu: Work,
    /// Time a request spends in transport, there and back, without using CPU.
    pub transport: Duration,
}

impl Default for StartUp {
    fn default() -> Self {
        Self { fixed: Duration::from_secs(3), container: Duration::from_secs(1), probe: Duration::from_secs(2) }
    }
}

impl Default for FunctionModel {
    /// The function `ftest` of the original project; `cpu` and `probe_cpu` are fitted as [`NodeModel::default`] says.
    ///
    /// 0.28 ms of CPU per request is what Flask and waitress took for 50! on a fast core (measured: 2 700 to 3 500 requests/s), so
    /// the fit found what the function costs by itself; that only the gateway path is dear is why replicas hardly mattered. The
    /// 15 ms of a probe can't be the template's work. The original started a process of hey for each, on the busy node, which had to
    /// resolve and dial first, and hey counts that. With the template's work alone the watch tower would mostly stay at one
    /// replica, while the original reports five.
    fn default() -> Self {
        Self {
            workers: 4,
            connections: 98,
            cpu: Work { mean: Duration::from_micros(280), cv: 2.0 },
            probe_cpu: Work { mean: Duration::from_millis(15), cv: 0.5 },
            wait: Work::NONE,
            raises: 0.0,
            max_inflight: 0,
            listens_after: Duration::ZERO,
            start_up: StartUp::default(),
            termination: Duration::from_secs(1),
        }
    }
}

impl Default for NodeModel {
    /// Fitted to the two latency tables of the original project (`cargo run --release --no-default-features --example fit`).
    ///
    /// Four cores were given. Free were the work on the gateway path and in the replica (mean and spread), the transport, a probe's
    /// work, and how far apart the two terminals were started, which the original doesn't tell and which decides how their bursts
    /// meet. `docs/platform.md` has the outcome row by row.
    ///
    /// Each number is plausible by itself. Generator, watch tower and cluster shared one machine, so what a request costs outside of
    /// the replica is the work of the client, of whatever forwarded the port, of three Go programs (gateway, provider, watchdog) and of
    /// the kernel between them: 6.6 ms together. Bursts of fifty keep four cores busy for 86 of every 100 ms, which is why
    /// replicas were not the bottleneck. 11.8 ms of transport lie in all those hand-overs; the fastest request of 30 000 takes
    /// 12.2 ms (published: 10.3 and 8.4).
    fn default() -> Self {
        Self {
            cores: 4,
            gateway_cpu: Work { mean: Duration::from_micros(6_600), cv: 1.7 },
            transport: Duration::from_micros(11_800),
        }
    }
}
