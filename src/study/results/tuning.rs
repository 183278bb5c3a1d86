//! The directory of a search for settings: what is in it, written as it comes and read back.
//!
//! ```text
//! tune.json          TuneRecord                 written when the search begins, again when it ends
//! evaluations.csv    a row per run              appended in the search's order, so a search that was cut short goes on from it
//! confirmation.csv   a row per run              written when the search ends, like all that follow
//! front.csv, sensitivity.csv, recommended.toml, tune.md       tables.rs, text.rs
//! ```
//!
//! Nothing of the wall clock is in it but the command as it was typed: the same search gives the same files.

mod directory;
mod tables;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use directory::{EvaluationRow, TuneDir};
pub use tables::{confirmation_table, sensitivity_table, settings_table};
pub use text::{arm_block, sentences};

/// Version of the layout of such a directory.
pub const TUNE_SCHEMA_VERSION: u64 = 1;

/// `tune.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TuneRecord {
    /// [`TUNE_SCHEMA_VERSION`].
    pub schema_version: u64,
    /// The version that wrote it.
    pub watchtower_version: String,
    /// `running`, `done`, `partial` or `failed`.
    pub status: String,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// The scenarios.
    pub scenarios: Vec<TunedScenario>,
    /// The arm.
    pub arm: String,
    /// Its policy.
    pub policy: String,
    /// Seed of the search.
    pub seed: u64,
    /// Seeds of its runs.
    pub search_seeds: Vec<u64>,
    /// Seeds of the confirmation.
    pub confirmation_seeds: Vec<u64>,
    /// Most settings to try.
    pub budget: u64,
    /// How many of them are the first look around.
    pub design: u64,
    /// How many each later wave has.
    pub wave: u64,
    /// How much cost counts in a compromise.
    pub cost_weight: f64,
    /// How much violations do.
    pub violation_weight: f64,
    /// The settings that are searched.
    pub searched: Vec<SearchedSetting>,
    /// The arm's whole block as the scenario has it.
    pub hand_set_arm: BTreeMap<String, String>,
    /// Settings that were tried.
    pub tried: u64,
    /// Those of them that were stopped because they were hopeless.
    pub stopped: u64,
    /// Runs of the search.
    pub runs: u64,
    /// The hand-set setting.
    pub hand_set: Option<Tried>,
    /// The policy's defaults, where they differ from it.
    pub default: Option<Tried>,
    /// What nothing that was tried is better than in both ways, by rising cost.
    pub front: Vec<Tried>,
    /// What each setting does; empty if too few were tried to tell.
    pub sensitivity: Vec<SettingSensitivity>,
    /// What is recommended; `None` while the search goes on.
    pub recommendation: Option<Recommendation>,
}

/// One scenario of a search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TunedScenario {
    /// The file as it was named.
    pub file: String,
    /// Its name.
    pub name: String,
    /// The objective's latency.
    pub slo_latency_ms: f64,
    /// The objective's percentile.
    pub slo_percentile: f64,
    /// The scenario as resolved, without secrets.
    pub scenario: String,
}

/// A setting that is searched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchedSetting {
    /// Its name.
    pub name: String,
    /// Its unit, if it has one.
    pub unit: String,
    /// The values it may take.
    pub levels: Vec<String>,
}

/// A setting that was tried, with its means over the search's seeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Its number in `evaluations.csv`.
    pub setting: u64,
    /// The values of what is searched.
    pub values: BTreeMap<String, String>,
    /// What it was on the seeds of the search.
    pub search: Figures,
}

/// What a setting cost and missed on some seeds: means over seeds and scenarios.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Cost.
    pub replica_seconds: f64,
    /// Its standard error over the seeds; `None` with one seed.
    pub replica_seconds_se: Option<f64>,
    /// Share of the planned requests that were slow, failed or lost.
    pub slo_violation_ratio: f64,
    /// Its standard error over the seeds.
    pub slo_violation_ratio_se: Option<f64>,
    /// Whether the mean share meets the objective of every scenario.
    pub meets_slo: bool,
}

/// What one searched setting does to cost and violations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SettingSensitivity {
    /// Its name.
    pub name: String,
    /// Share of the cost's variance that goes with it alone.
    pub cost_share: f64,
    /// Rank correlation with the cost.
    pub cost_rank_correlation: Option<f64>,
    /// Share of the violations' variance that goes with it alone.
    pub violation_share: f64,
    /// Rank correlation with the violations.
    pub violation_rank_correlation: Option<f64>,
}

/// What is recommended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Which setting.
    pub tried: Tried,
    /// The arm's whole block with it.
    pub arm: BTreeMap<String, String>,
    /// Why this one.
    pub reason: String,
    /// Whether it beats the hand-set setting, on the confirmation's seeds.
    pub beats_hand_set: bool,
    /// The same in words.
    pub verdict: String,
    /// What it was on seeds the search did not see.
    pub confirmation: Figures,
    /// What the hand-set setting was on them.
    pub hand_set_confirmation: Figures,
    /// Recommended less hand-set, in pairs by seed.
    pub replica_seconds_difference: Interval,
    /// The same for the share of violations.
    pub slo_violation_difference: Interval,
}

/// A mean difference with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The interval's lower end.
    pub ci_low: Option<f64>,
    /// The interval's upper end.
    pub ci_high: Option<f64>,
}
