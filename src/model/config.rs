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
    /// CPU work of a request that carries the header `Hey` and returns at once: the template's own share.
    pub probe_cpu: Work,
    /// Time a worker thread is held without using CPU (a sleep, a call to elsewhere). A request may bring its own.
    pub wait: Work,
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
    fn default() -> Self {
        Self {
            workers: 4,
            connections: 98,
            cpu: Work { mean: Duration::from_micros(1_450), cv: 3.0 },
            probe_cpu: Work { mean: Duration::from_micros(1_450), cv: 3.0 },
            wait: Work::NONE,
            start_up: StartUp::default(),
            termination: Duration::from_secs(1),
        }
    }
}

impl Default for NodeModel {
    /// Fitted to the seed's tables: reference/watchtower.md, "What the seed's own numbers tell".
    fn default() -> Self {
        Self {
            cores: 4,
            gateway_cpu: Work { mean: Duration::from_micros(4_100), cv: 3.0 },
            transport: Duration::from_millis(7),
        }
    }
}
