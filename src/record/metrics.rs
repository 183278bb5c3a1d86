//! What is measured beside the rows: a platform's metrics of a function, and who used the machine.

use std::time::Duration;

use super::ReplicaId;
use crate::time::Timestamp;

/// What a platform's metrics tell of one function at one moment: running totals, from whose differences rates are taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurement {
    /// Requests at the gateway or beyond, those held for want of a ready replica included.
    pub in_flight: u32,
    /// Answers given so far, of any status.
    pub answered: u64,
    /// Time spent there by all requests so far; its growth over time is the average number in flight, and over the growth of
    /// `answered` the average latency. Where the platform counts only requests it has answered, theirs.
    pub request_time: Duration,
    /// Pods that are not on their way down, those in service first.
    pub pods: Vec<PodSample>,
}

/// One pod's metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PodSample {
    /// Which.
    pub replica: ReplicaId,
    /// When it was asked for.
    pub asked: Timestamp,
    /// Since when it is in service; `None` if it is not yet.
    pub ready: Option<Timestamp>,
    /// CPU time it has used.
    pub cpu_time: Duration,
    /// Requests in it: in its backlog, its queue and its threads.
    pub in_flight: u32,
    /// Time spent in it by all requests so far; its growth over time is the average concurrency.
    pub request_time: Duration,
    /// Requests it has served.
    pub answered: u64,
}

/// Who used how much of the machine's CPU over some time. 1 is all cores, all the time, except where it says otherwise.
///
/// What the kernel does in interrupts is in nobody's share, or in everybody's: kernels differ in whom they charge for it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuShares {
    /// The threads that generate load.
    pub generator: f64,
    /// The busiest of these threads, of a single core: near 1 the generator was the bottleneck.
    pub generator_thread: f64,
    /// The platform's threads, and processes that this one started. `None` where the platform runs elsewhere.
    pub platform: Option<f64>,
    /// The rest of this process: policies, recording, the command line.
    pub process: f64,
    /// All other programs, and what a hypervisor took for other machines.
    pub others: f64,
    /// The part of `others` that a hypervisor took.
    pub stolen: f64,
    /// The machine as a whole, interrupts included, but not what keeps its cores awake.
    pub total: f64,
    /// What keeps idle cores awake: nobody's work, and in no other share.
    pub awake: f64,
}
