//! What is tuned: scenarios with one arm, the settings that are searched with their levels, seeds and extent.

use std::collections::BTreeMap;

use crate::policy::registry::PolicyInfo;
use crate::policy::settings::{Parameter, Settings, Value};
use crate::policy::tuning::{Levels, Tunable};
use crate::random::Seed;
use crate::search::Extent;
use crate::search::space::{Axis, Point, Space};
use crate::study::plan::Study;
use crate::study::resolve::{toml_value, tune_levels};
use crate::study::results::ResultsError;
use crate::study::results::tuning::{SearchedSetting, TUNE_SCHEMA_VERSION, TuneRecord, TunedScenario};
use crate::time::format_duration;

use super::Wishes;

/// Why there is nothing to tune, or why it could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// Two scenarios have the same name, which tells them apart in files.
    #[error("two scenarios are called \"{0}\"\n  hint: give each file once, and each scenario a name of its own")]
    SameName(String),
    /// The arm is not the same one in every scenario.
    #[error(
        "arm \"{arm}\" is not the same in {first} and in {other}: {what}\n  hint: one setting is searched for all scenarios, so let the arm begin alike in each"
    )]
    NotTheSame {
        /// The arm.
        arm: String,
        /// The first scenario.
        first: String,
        /// One it differs in.
        other: String,
        /// How.
        what: String,
    },
    /// Nothing can be searched.
    #[error(
        "arm \"{arm}\" ({policy}) has no setting to search\n  hint: give values to try in the scenario: [tune.ranges] and a setting of the arm"
    )]
    NothingToSearch {
        /// The arm.
        arm: String,
        /// Its policy.
        policy: &'static str,
    },
    /// A range doesn't fit the arm that is tuned.
    #[error("[tune.ranges]: {setting} {what}\n  hint: allowed is {allowed}")]
    Range {
        /// The setting.
        setting: String,
        /// What is wrong.
        what: String,
        /// What is allowed.
        allowed: String,
    },
    /// What was begun is not what is asked for now.
    #[error("{path} was begun with {what}\n  hint: {hint}")]
    Other {
        /// The directory.
        path: String,
        /// What differs.
        what: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// Files could not be written or read.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A thread ended before its run did.
    #[error("a simulation ended before its time; this is a fault of watchtower, please report it")]
    SimulationDied,
}

/// What the command line asks for instead of the scenario's `[tune]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `--budget`.
    pub budget: Option<u32>,
    /// `--seeds`.
    pub seeds: Option<u32>,
}

/// A setting that is searched.
#[derive(Clone, Debug, PartialEq)]
pub struct TunedSetting {
    /// What it is.
    pub parameter: Parameter,
    /// The values it may take.
    pub levels: Levels,
}

/// Everything a search needs to know.
#[derive(Clone)]
pub struct Tuning {
    /// The scenarios, each with the arm alone.
    pub studies: Vec<Study>,
    /// The arm's name.
    pub arm: String,
    /// Its policy.
    pub policy: &'static PolicyInfo,
    /// Its settings as the scenario has them.
    pub hand_set: Settings,
    /// What is searched.
    pub settings: Vec<TunedSetting>,
    /// How much.
    pub extent: Extent,
    /// The rest of the scenario's wishes.
    pub wishes: Wishes,
    /// Seed of the search, and the first of its runs.
    pub seed: Seed,
}

impl Tuning {
    /// What is tuned of these scenarios, of each of which the arm alone is left. The first one's `[tune]` and seed count.
    ///
    /// # Errors
    /// When the scenarios don't go together, or nothing can be searched.
    ///
    /// # Panics
    /// Without a scenario, or with one without an arm: mistakes of the caller.
    pub fn new(studies: Vec<Study>, options: Options) -> Result<Self, TuneError> {
        let first = &studies[0];
        let arm = first.arms[0].clone();
        for (index, other) in studies.iter().enumerate().skip(1) {
            if studies[..index].iter().any(|earlier| earlier.name == other.name) {
                return Err(TuneError::SameName(other.name.clone()));
            }
            if let Some(what) = difference(&arm.settings, arm.policy, other) {
                let (first, other) = (first.name.clone(), other.name.clone());
                return Err(TuneError::NotTheSame { arm: arm.name, first, other, what });
            }
        }
        let mut wishes = first.tune.clone();
        wishes.budget = options.budget.unwrap_or(wishes.budget);
        wishes.seeds = options.seeds.unwrap_or(wishes.seeds);
        let bounds = bounds(&studies);
        let settings = searched(arm.policy, &arm.settings, first, &wishes, bounds)?;
        if settings.is_empty() {
            return Err(TuneError::NothingToSearch { arm: arm.name, policy: arm.policy.name });
        }
        let allowed = studies.iter().map(allowed).sum::<f64>() / studies.len() as f64;
        let extent = Extent::of(wishes.budget as usize, wishes.seeds, &space_of(&settings), allowed);
        let seed = first.seed;
        Ok(Self { arm: arm.name, policy: arm.policy, hand_set: arm.settings, settings, extent, wishes, seed, studies })
    }

    /// Makes it go on with what was begun, whose rows are in the directory at `path`: the same search, with the same or a larger budget.
    ///
    /// # Errors
    /// When it is another search.
    pub fn go_on_with(&mut self, begun: &TuneRecord, path: &str) -> Result<(), TuneError> {
        let files: Vec<String> = begun.scenarios.iter().map(|scenario| scenario.file.clone()).collect();
        let asked = self.record(&files);
        let texts = |record: &TuneRecord| {
            record.scenarios.iter().map(|scenario| scenario.scenario.clone()).collect::<Vec<String>>()
        };
        let same = "give what it was begun with, or begin anew with --out";
        let what = if asked.arm != begun.arm {
            Some((format!("arm \"{}\", not \"{}\"", begun.arm, asked.arm), same))
        } else if asked.seed != begun.seed {
            Some((format!("seed {}, not {}", begun.seed, asked.seed), same))
        } else if asked.search_seeds != begun.search_seeds {
            Some((format!("{} seeds, not {}", begun.search_seeds.len(), asked.search_seeds.len()), same))
        } else if texts(&asked) != texts(begun) || self.studies.len() != begun.scenarios.len() {
            Some(("other scenarios: a file has changed since, or is another one".to_owned(), same))
        } else if asked.searched != begun.searched {
            Some(("other values to try".to_owned(), "go on with the version of watchtower that began it"))
        } else if asked.budget < begun.budget {
            let what = format!("a budget of {}, which is more than {}", begun.budget, asked.budget);
            Some((what, "leave --budget out, or give a larger one"))
        } else {
            None
        };
        if let Some((what, hint)) = what {
            return Err(TuneError::Other { path: path.to_owned(), what, hint });
        }
        // the first look around and the waves stay as long as they were, so that the questions are the same
        let wanted = self.extent.budget;
        self.extent = Extent {
            budget: begun.budget as usize,
            design: begun.design as usize,
            wave: (begun.wave as usize).max(1),
            ..self.extent
        };
        if wanted > self.extent.budget {
            self.extent = self.extent.enlarged(wanted);
        }
        Ok(())
    }

    /// The space that is searched.
    pub fn space(&self) -> Space {
        space_of(&self.settings)
    }

    /// What is known beforehand: the hand-set settings, and the policy's defaults as far as they are among the levels.
    pub fn known(&self) -> [Point; 2] {
        let hand = self.point(&self.hand_set);
        let defaults = Settings::defaults(&(self.policy.parameters)());
        let default =
            self.settings.iter().zip(&hand).map(|(setting, hand)| level(setting, &defaults).unwrap_or(*hand)).collect();
        [hand, default]
    }

    /// The settings at a point.
    pub fn at(&self, point: &Point) -> Settings {
        let parameters = (self.policy.parameters)();
        let mut settings = self.hand_set.clone();
        for (setting, value) in self.settings.iter().zip(self.values(point)) {
            // every level was checked when it became one
            let _ = settings.set(&parameters, setting.parameter.name, value.clone());
        }
        settings
    }

    /// The values at a point, in the order of the settings that are searched.
    pub fn values(&self, point: &Point) -> Vec<&Value> {
        self.settings.iter().zip(point).filter_map(|(setting, level)| setting.levels.get(usize::from(*level))).collect()
    }

    /// The seeds of the search.
    pub fn search_seeds(&self) -> Vec<Seed> {
        (1..=self.extent.seeds).map(|repeat| self.seed.of_repeat(repeat)).collect()
    }

    /// Those the recommendation is confirmed with: the repeats after the search's.
    pub fn confirmation_seeds(&self) -> Vec<Seed> {
        let from = self.extent.seeds;
        (from + 1..=from + self.wishes.confirmation).map(|repeat| self.seed.of_repeat(repeat)).collect()
    }

    /// Share of the requests that may miss a study's objective.
    pub fn allowed(&self) -> Vec<f64> {
        self.studies.iter().map(allowed).collect()
    }

    /// The arm with these settings as a scenario has it: keys and their values as TOML.
    pub fn arm_block(&self, settings: &Settings) -> BTreeMap<String, String> {
        let defaults = Settings::defaults(&(self.policy.parameters)());
        let is_told = |name: &str, value: &Value| {
            // what is a default and stays one need not be written
            let searched = self.settings.iter().any(|setting| setting.parameter.name == name);
            searched || defaults.iter().all(|(other, default)| other != name || default != value)
        };
        let head = [("name", &self.arm), ("policy", &self.policy.name.to_owned())]
            .map(|(key, word)| (key.to_owned(), toml_value(&Value::Owned(word.clone()))));
        let told = settings.iter().filter(|(name, value)| is_told(name, value));
        head.into_iter().chain(told.map(|(name, value)| (name.to_owned(), toml_value(value)))).collect()
    }

    /// What the record of such a search begins with; `files` are the scenarios as they were named.
    pub fn record(&self, files: &[String]) -> TuneRecord {
        let numbers = |seeds: Vec<Seed>| seeds.into_iter().map(|seed| seed.0).collect();
        let scenario = |(file, study): (&String, &Study)| TunedScenario {
            file: file.clone(),
            name: study.name.clone(),
            slo_latency_ms: study.slo.latency.as_secs_f64() * 1e3,
            slo_percentile: study.slo.percentile,
            scenario: study.resolved_without_secrets().to_owned(),
        };
        let searched = |setting: &TunedSetting| SearchedSetting {
            name: setting.parameter.name.to_owned(),
            unit: setting.parameter.unit.to_owned(),
            levels: setting.levels.numbers().iter().chain(setting.levels.words()).map(value_text).collect(),
        };
        TuneRecord {
            schema_version: TUNE_SCHEMA_VERSION,
            watchtower_version: env!("CARGO_PKG_VERSION").to_owned(),
            status: "running".to_owned(),
            scenarios: files.iter().zip(&self.studies).map(scenario).collect(),
            arm: self.arm.clone(),
            policy: self.policy.name.to_owned(),
            seed: self.seed.0,
            search_seeds: numbers(self.search_seeds()),
            confirmation_seeds: numbers(self.confirmation_seeds()),
            budget: self.extent.budget as u64,
            design: self.extent.design as u64,
            wave: self.extent.wave as u64,
            cost_weight: self.wishes.cost_weight,
            violation_weight: self.wishes.violation_weight,
            searched: self.settings.iter().map(searched).collect(),
            hand_set_arm: self.arm_block(&self.hand_set),
            ..TuneRecord::default()
        }
    }

    fn point(&self, settings: &Settings) -> Point {
        self.settings.iter().map(|setting| level(setting, settings).unwrap_or(0)).collect()
    }
}

fn space_of(settings: &[TunedSetting]) -> Space {
    let axis = |setting: &TunedSetting| Axis::new(setting.levels.numbers().len(), setting.levels.words().len());
    Space::new(settings.iter().map(axis).collect())
}

/// The values at a point as text.
pub(super) fn values_text(tuning: &Tuning, point: &Point) -> Vec<String> {
    tuning.values(point).into_iter().map(value_text).collect()
}

/// A value as text, words and durations without quotes.
fn value_text(value: &Value) -> String {
    match value {
        Value::Text(word) => (*word).to_owned(),
        Value::Owned(word) => word.clone(),
        Value::Duration(duration) => format_duration(*duration),
        other => other.to_string(),
    }
}

fn allowed(study: &Study) -> f64 {
    1.0 - study.slo.percentile / 100.0
}

/// The level of a setting's value; `None` if it is not among them.
fn level(setting: &TunedSetting, settings: &Settings) -> Option<u16> {
    let (_, value) = settings.iter().find(|(name, _)| *name == setting.parameter.name)?;
    setting.levels.position(value).and_then(|level| u16::try_from(level).ok())
}

/// In what an arm of another study is not the same.
fn difference(settings: &Settings, policy: &PolicyInfo, other: &Study) -> Option<String> {
    let arm = &other.arms[0];
    if arm.policy.name != policy.name {
        return Some(format!("its policy is {} in the one and {} in the other", policy.name, arm.policy.name));
    }
    let pairs = settings.iter().zip(arm.settings.iter());
    pairs
        .filter(|(one, other)| one != other)
        .map(|((name, one), (_, other))| format!("{name} is {one} in the one and {other} in the other"))
        .next()
}

/// The bounds of replicas that every platform grants.
fn bounds(studies: &[Study]) -> (u32, u32) {
    let all = studies.iter().filter_map(|study| study.functions.first()).map(|function| function.bounds);
    all.fold((1, u32::MAX), |(min, max), bounds| (min.max(bounds.0), max.min(bounds.1)))
}

/// The settings that are searched: those of the scenario's ranges, and the policy's own others that mean something.
fn searched(
    policy: &'static PolicyInfo,
    hand_set: &Settings,
    study: &Study,
    wishes: &Wishes,
    bounds: (u32, u32),
) -> Result<Vec<TunedSetting>, TuneError> {
    let tunables = (policy.tuning)();
    let defaults = Settings::defaults(&(policy.parameters)());
    let value = |settings: &Settings, name: &str| {
        settings.iter().find(|(setting, _)| *setting == name).map(|(_, value)| value.clone())
    };
    let mut searched = Vec::new();
    for parameter in (policy.parameters)() {
        let name = parameter.name;
        let mut levels = match wishes.ranges.iter().find(|(setting, _)| setting == name) {
            Some((_, form)) => tune_levels(&parameter, form).map_err(|what| TuneError::Range {
                setting: name.to_owned(),
                what,
                allowed: parameter.kind.to_string(),
            })?,
            None => match tunables.iter().find(|one| one.name == name && applies(one, hand_set, wishes)) {
                Some(tunable) => {
                    let mut levels = tunable.levels(&parameter, study.slo.latency, bounds);
                    // a policy's own default belongs to its own range
                    if let Some(default) = value(&defaults, name) {
                        levels.insert(default);
                    }
                    levels
                }
                None => Levels::default(),
            },
        };
        if levels.is_empty() {
            continue;
        }
        if let Some(hand_set) = value(hand_set, name) {
            levels.insert(hand_set);
        }
        if levels.len() > 1 {
            searched.push(TunedSetting { parameter, levels });
        }
    }
    Ok(searched)
}

/// Whether a setting means something: the one it depends on has that word, or is itself searched.
fn applies(tunable: &Tunable, hand_set: &Settings, wishes: &Wishes) -> bool {
    tunable.when.is_none_or(|(setting, word)| {
        hand_set.word(setting) == word || wishes.ranges.iter().any(|(name, _)| name == setting)
    })
}
