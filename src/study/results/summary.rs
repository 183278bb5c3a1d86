//! What is known of a study and of each of its runs, as `study.json` and `summary.json` keep it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::expect::Expectation;
use crate::record::CpuShares;
use crate::stats::cpu::CpuUse;

/// Version of the results layout; readers refuse what they don't know.
pub const SCHEMA_VERSION: u32 = 1;

/// `study.json`: the scenario as resolved and everything needed to repeat the study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StudyRecord {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program.
    pub watchtower_version: String,
    /// The scenario's name.
    pub name: String,
    /// The scenario's description.
    pub description: String,
    /// Where the runs took place: `embedded`, `simulated`, ...
    pub target: String,
    /// `running`, `done`, `partial` (interrupted) or `failed`.
    pub status: String,
    /// The command line as typed.
    pub command: Vec<String>,
    /// Seed of the study; repeats derive theirs.
    pub seed: u64,
    /// Seed of each repeat, in order.
    #[serde(default)]
    pub seeds: Vec<u64>,
    /// Repeats asked for.
    pub repeats: u32,
    /// Unix time of the start, in seconds.
    pub started_unix_s: f64,
    /// Unix time of the end, in seconds; absent while running.
    pub ended_unix_s: Option<f64>,
    /// Latency of the service level objective, in milliseconds.
    pub slo_latency_ms: f64,
    /// Its percentile.
    pub slo_percentile: f64,
    /// The arms, in the scenario's order.
    pub arms: Vec<ArmRecord>,
    /// Load sources as hey would be called, or in words.
    pub loads: Vec<String>,
    /// Warm-up before the load, in seconds.
    pub warm_up_s: f64,
    /// Observation after the load, in seconds.
    pub cool_down_s: f64,
    /// The machine it ran on.
    pub host: HostRecord,
    /// Sentences a reader must know (what is not isolated, why demand is unknown).
    pub notes: Vec<String>,
    /// Which of several machines' parts of the load it is, as `I/N`; absent for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// The currency of `cost`, if the scenario has prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// What the scenario expects of its arms, in its order.
    #[serde(default)]
    pub expect: Vec<Expectation>,
    /// The scenario file as resolved, with every default filled in, as TOML.
    pub scenario: String,
}

/// One arm in `study.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmRecord {
    /// Name.
    pub name: String,
    /// Policy.
    pub policy: String,
    /// Its settings as text, defaults included.
    pub settings: BTreeMap<String, String>,
    /// Arms that decided beside it without effect.
    #[serde(default)]
    pub shadows: Vec<String>,
    /// The arm whose A/A twin it is: the same policy and settings with luck of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aa_of: Option<String>,
}

/// The machine a study ran on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostRecord {
    /// Operating system and kernel.
    pub system: String,
    /// CPU model.
    pub cpu: String,
    /// Usable CPU cores.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Whether its cores were kept awake while the runs went on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept_awake: bool,
}

/// `summary.json` of one run; `comparison.csv` is made of these.
///
/// What is unknown is `None` and stays empty in CSV; it is never 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Arm.
    pub arm: String,
    /// Its policy.
    pub policy: String,
    /// The arm whose A/A twin it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aa_of: Option<String>,
    /// Repeat, from 1.
    pub repeat: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Where it took place.
    pub target: String,
    /// Whether the numbers can be trusted: every planned request is accounted for and the generator kept time.
    pub valid: bool,
    /// Why not, in sentences that say what to change.
    pub invalid_because: Vec<String>,
    /// What makes the numbers doubtful without proving them wrong, in sentences that say what to change.
    #[serde(default)]
    pub suspect_because: Vec<String>,
    /// Cut short by Ctrl-C or SIGTERM.
    pub partial: bool,
    /// Unix time of the run's start, in seconds.
    pub started_unix_s: f64,
    /// Unix time of the load's start, in seconds.
    #[serde(default)]
    pub load_started_unix_s: Option<f64>,
    /// Requests the schedules called for.
    pub planned: u64,
    /// That left.
    pub sent: u64,
    /// That were answered, with any status.
    pub completed: u64,
    /// No answer, or a status of 400 and above.
    pub errors: u64,
    /// Never sent because their worker still waited for an answer.
    pub lost_busy: u64,
    /// Never sent because the generator was late.
    pub lost_late: u64,
    /// Sent later than due because no worker was free: counted in `sent`, and their wait in the latency from due.
    #[serde(default)]
    pub held_back: u64,
    /// How long those waited, on average, in milliseconds.
    #[serde(default)]
    pub held_back_mean_ms: Option<f64>,
    /// How long the one that waited longest did, in milliseconds.
    #[serde(default)]
    pub held_back_max_ms: Option<f64>,
    /// Load start to last answer, in seconds.
    pub duration_s: f64,
    /// Requests sent per second of `duration_s`.
    pub rps: Option<f64>,
    /// Latency from leaving, as hey counts: key `mean`, `p10`, `p25`, `p50`, `p75`, `p90`, `p95`, `p99`, `p999`, `max`, in milliseconds.
    pub latency_ms: BTreeMap<String, f64>,
    /// Latency from due: the same keys.
    pub due_ms: BTreeMap<String, f64>,
    /// Share of planned requests that were slow (from due), failed or lost.
    pub slo_violation_ratio: Option<f64>,
    /// Apdex with the SLO's latency as T, from due, over planned.
    pub apdex: Option<f64>,
    /// Ready replicas, mean over the load.
    pub replicas_mean: Option<f64>,
    /// Most ready replicas.
    pub replicas_max: Option<u32>,
    /// Time lived by all replicas, starting and terminating included, from the load's start to the run's end, in seconds.
    pub replica_seconds: Option<f64>,
    /// Scalings to more.
    pub scale_ups: u32,
    /// Scalings to fewer.
    pub scale_downs: u32,
    /// First scale-up after the load's start, in seconds.
    pub first_scale_up_s: Option<f64>,
    /// What its shadows would have done.
    #[serde(default)]
    pub shadows: Vec<ShadowSummary>,
    /// From the load's end until desired replicas were back at the fewest, in seconds.
    pub back_to_min_s: Option<f64>,
    /// Under-provisioning accuracy, divided by demand.
    pub theta_u: Option<f64>,
    /// Over-provisioning accuracy, divided by demand.
    pub theta_o: Option<f64>,
    /// Share of time with too few replicas.
    pub tau_u: Option<f64>,
    /// Share of time with too many.
    pub tau_o: Option<f64>,
    /// Share of time in which supply and demand move differently.
    pub instability: Option<f64>,
    /// Further measures, by their columns; what can't be said of the run is not in it.
    #[serde(default)]
    pub measures: BTreeMap<String, f64>,
    /// Probes sent.
    pub probes: u64,
    /// Median latency of the answered probes, in milliseconds.
    pub probe_p50_ms: Option<f64>,
    /// How late the generator was (sent minus ready), in microseconds: `p50`, `p90`, `p99`, `p999`, `max`.
    pub lateness_us: BTreeMap<String, f64>,
    /// Standstills of the generator or the host, in seconds.
    pub stalled_s: f64,
    /// Who used the machine's CPU during the load; absent where that is not known.
    #[serde(default)]
    pub cpu: Option<CpuSummary>,
    /// Whether percentiles come from a histogram of three significant digits: beyond a million latencies not each one is kept.
    #[serde(default)]
    pub latencies_rounded: bool,
    /// Fewest replicas that meet the SLO under this load, if known.
    pub demand: Option<u32>,
    /// Answers by status.
    pub status_codes: BTreeMap<u16, u64>,
    /// Errors by kind.
    pub error_kinds: BTreeMap<String, u64>,
    /// Load sources.
    pub generators: Vec<GeneratorSummary>,
    /// Latency from leaving: (upper value of the bucket in microseconds, count), three significant digits.
    pub latency_histogram_us: Vec<(u64, u64)>,
    /// Latency from due, likewise.
    pub due_histogram_us: Vec<(u64, u64)>,
    /// Lateness of the generator, likewise.
    pub lateness_histogram_us: Vec<(u64, u64)>,
}

/// Who used the machine's CPU, over the whole seconds of the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuSummary {
    /// Whole seconds counted.
    pub seconds: u32,
    /// Mean over them.
    pub mean: CpuPart,
    /// Each part in its own worst second.
    pub worst: CpuPart,
}

/// Shares of the machine, 0 to 1 (all cores), except where it says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuPart {
    /// The threads that generate load.
    pub generator: f64,
    /// The busiest of these threads, of a single core.
    pub generator_thread: f64,
    /// The platform; unknown where it runs elsewhere.
    pub platform: Option<f64>,
    /// The rest of this process.
    pub process: f64,
    /// All other programs, and what a hypervisor took for other machines.
    pub others: f64,
    /// The part of `others` that a hypervisor took.
    pub stolen: f64,
    /// The machine as a whole, interrupts included, but not what kept its cores awake.
    pub total: f64,
    /// What kept idle cores awake; in no other part.
    #[serde(default)]
    pub awake: f64,
}

impl CpuSummary {
    /// `None` if not a single whole second was seen.
    pub(super) fn of(cpu: &CpuUse) -> Option<Self> {
        (cpu.seconds > 0).then(|| Self {
            seconds: cpu.seconds,
            mean: CpuPart::of(&cpu.mean),
            worst: CpuPart::of(&cpu.worst),
        })
    }
}

impl CpuPart {
    fn of(shares: &CpuShares) -> Self {
        let CpuShares { generator, generator_thread, platform, process, others, stolen, total, awake } = *shares;
        Self { generator, generator_thread, platform, process, others, stolen, total, awake }
    }
}

/// What a shadow would have done in a run: decisions that were kept and never carried out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShadowSummary {
    /// The arm whose policy it is.
    pub name: String,
    /// Scalings to more.
    pub scale_ups: u32,
    /// Scalings to fewer.
    pub scale_downs: u32,
    /// Its first scale-up after the load's start, in seconds.
    pub first_scale_up_s: Option<f64>,
    /// Most replicas it would have asked for; `None` if it scaled nothing.
    pub desired_max: Option<u32>,
}

/// One load source of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorSummary {
    /// From 1.
    pub generator: u32,
    /// As hey would be called, or in words.
    pub load: String,
    /// Requests its schedule called for.
    pub planned: u64,
    /// That left.
    pub sent: u64,
    /// Never sent, worker busy.
    pub lost_busy: u64,
    /// Never sent, generator late.
    pub lost_late: u64,
    /// Sent later than due because no worker was free.
    #[serde(default)]
    pub held_back: u64,
    /// How long the one that waited longest did, in seconds.
    #[serde(default)]
    pub held_back_max_s: f64,
    /// Its start to its last answer, in seconds.
    pub duration_s: f64,
}
