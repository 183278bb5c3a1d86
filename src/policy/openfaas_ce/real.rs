//! The real chain as an arm: its settings, and the numbers a live driver starts the programs with.
//!
//! The programs decide, so the policy itself looks on. Everything an installation of the chart can be told has the name and
//! the default it has in the emulated chain; what follows from the programs themselves (drift, retention, the scrape's phase)
//! can't be set.

use std::time::Duration;

use crate::policy::onlooker::Onlooker;
use crate::policy::settings::{Kind, Parameter, Settings, Value};
use crate::policy::{Context, Policy};
use crate::random::{Purpose, Seed};

pub use super::alertmanager::SWEEP_INTERVAL;
use super::settings::{evaluation_phase, random_phases};

/// Settings of the emulated chain that the real programs don't have.
const NOT_SETTABLE: [&str; 5] = ["resolved_retention", "flush_drift", "scrape_phase", "sweep_phase", "phase_reference"];

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = super::parameters()
        .into_iter()
        .filter(|parameter| !NOT_SETTABLE.contains(&parameter.name))
        .map(|parameter| match parameter.name {
            // Alertmanager refuses a repeat interval of zero
            "repeat_interval" => Parameter {
                kind: Kind::Duration { min: Duration::from_millis(1), max: Duration::from_secs(86_400) },
                ..parameter
            },
            "webhook_latency" => Parameter {
                doc: "how long the gateway takes to answer a notification, its calls to the provider; above about three times Alertmanager's drift the period of steps is 40 s instead of 30 s",
                ..parameter
            },
            "evaluation_phase" => Parameter {
                doc: "when rules are evaluated: Unix time modulo the interval, reached to a few milliseconds by the rule file's name; \"chart\" is 7.891727015s as in an installed chart, \"plain-build\" 8.324404523s, \"random\" follows from the seed",
                ..parameter
            },
            _ => parameter,
        })
        .collect();
    let program =
        |name, default, doc| Parameter { name, kind: Kind::Text, default: Value::Text(default), unit: "", doc };
    parameters.extend([
        program("prometheus", "prometheus", "the program Prometheus: a path, or a name looked for in PATH"),
        program(
            "alertmanager",
            "prometheus-alertmanager",
            "the program Alertmanager: a path, or a name looked for in PATH",
        ),
    ]);
    parameters
}

/// Makes one.
pub fn build(_settings: &Settings, _context: &Context) -> Box<dyn Policy> {
    Box::new(Onlooker)
}

/// What the programs are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// Answers per second above which the alert becomes active.
    pub threshold: f64,
    /// Range of `rate`.
    pub window: Duration,
    /// Time between two scrapes.
    pub scrape_interval: Duration,
    /// Time between two evaluations.
    pub evaluation_interval: Duration,
    /// `for` of the rule.
    pub hold: Duration,
    /// `--rules.alert.resend-delay`.
    pub resend_delay: Duration,
    /// Alertmanager's `group_wait`.
    pub group_wait: Duration,
    /// Alertmanager's `group_interval`.
    pub group_interval: Duration,
    /// Alertmanager's `repeat_interval`.
    pub repeat_interval: Duration,
    /// How long the gateway takes to answer a notification.
    pub webhook_latency: Duration,
    /// When rules shall be evaluated: Unix time modulo the interval.
    pub evaluation_phase: Duration,
}

impl Numbers {
    /// From complete settings; `seed` decides what they leave to chance, as it does for the emulated chain.
    pub fn of(settings: &Settings, seed: Seed) -> Self {
        let (scrape_interval, evaluation_interval) =
            (settings.duration("scrape_interval"), settings.duration("evaluation_interval"));
        let mut stream = seed.stream(Purpose::Policy);
        let (_, random) = random_phases(&mut stream, scrape_interval, evaluation_interval);
        Self {
            threshold: settings.number("threshold"),
            window: settings.duration("window"),
            scrape_interval,
            evaluation_interval,
            hold: settings.duration("for"),
            resend_delay: settings.duration("resend_delay"),
            group_wait: settings.duration("group_wait"),
            group_interval: settings.duration("group_interval"),
            repeat_interval: settings.duration("repeat_interval"),
            webhook_latency: settings.duration("webhook_latency"),
            evaluation_phase: evaluation_phase(settings, random),
        }
    }
}

/// When the real programs do things: Unix time modulo the interval; `None` where it could not be learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Prometheus' scrapes.
    pub scrape: Option<Duration>,
    /// Its evaluations.
    pub evaluation: Option<Duration>,
    /// Alertmanager's looks for empty groups, modulo 30 s.
    pub sweep: Option<Duration>,
}

impl Phases {
    /// Puts the settings of an emulated chain in step with the real one, where they leave a phase at its default. Settings that
    /// count phases from the load's start are left alone.
    pub fn fit(&self, settings: &mut Settings) {
        if settings.word("phase_reference") != "unix" {
            return;
        }
        let parameters = super::parameters();
        for (name, phase) in
            [("scrape_phase", self.scrape), ("evaluation_phase", self.evaluation), ("sweep_phase", self.sweep)]
        {
            let default =
                parameters.iter().find(|parameter| parameter.name == name).map(|parameter| &parameter.default);
            let is_default = settings.iter().any(|(key, value)| key == name && Some(value) == default);
            if let Some(phase) = phase.filter(|_| is_default) {
                // all three take any duration
                let _ = settings.set(&parameters, name, Value::Duration(phase));
            }
        }
    }
}

/// The first setting whose duration is no whole number of milliseconds, which is what the programs count in.
pub fn finer_than_milliseconds(settings: &Settings) -> Option<&'static str> {
    const OURS: [&str; 2] = ["webhook_latency", "evaluation_phase"];
    settings.iter().find_map(|(name, value)| match value {
        Value::Duration(duration) if !OURS.contains(&name) => {
            (duration.subsec_nanos() % 1_000_000 != 0).then_some(name)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(given: &[(&str, &str)]) -> Settings {
        let parameters = parameters();
        let mut settings = Settings::defaults(&parameters);
        for (name, value) in given {
            settings.set(&parameters, name, Value::Owned((*value).to_owned())).unwrap();
        }
        settings
    }

    #[test]
    fn what_both_chains_can_be_told_has_one_name_and_one_default() {
        let emulated = crate::policy::openfaas_ce::parameters();
        let shared = |name: &str| emulated.iter().find(|parameter| parameter.name == name);
        let own: Vec<&str> = parameters().iter().filter(|own| shared(own.name).is_none()).map(|own| own.name).collect();
        assert_eq!(own, ["prometheus", "alertmanager"]);
        for parameter in parameters() {
            if let Some(same) = shared(parameter.name) {
                assert_eq!(parameter.default, same.default, "{}", parameter.name);
            }
        }
    }

    #[test]
    fn the_defaults_are_the_charts() {
        let numbers = Numbers::of(&settings(&[]), Seed(1));
        let secs = Duration::from_secs;
        assert_eq!(
            (numbers.scrape_interval, numbers.evaluation_interval, numbers.window, numbers.hold, numbers.resend_delay),
            (secs(5), secs(15), secs(10), secs(5), secs(60))
        );
        assert_eq!(
            (numbers.group_wait, numbers.group_interval, numbers.repeat_interval),
            (secs(5), secs(10), secs(30))
        );
        assert_eq!(numbers.evaluation_phase, Duration::from_nanos(7_891_727_015));
    }

    #[test]
    fn a_random_phase_follows_from_the_seed_and_lies_in_the_interval() {
        let phase = |seed| Numbers::of(&settings(&[("evaluation_phase", "random")]), Seed(seed)).evaluation_phase;
        assert_eq!(phase(3), phase(3));
        assert_ne!(phase(3), phase(4));
        assert!((1..50).all(|seed| phase(seed) < Duration::from_secs(15)));
    }

    #[test]
    fn an_emulated_chain_is_put_in_step_where_it_leaves_it_to_chance() {
        let parameters = crate::policy::openfaas_ce::parameters();
        let fitted = |given: &[(&str, &str)]| {
            let mut settings = Settings::defaults(&parameters);
            for (name, value) in given {
                settings.set(&parameters, name, Value::Owned((*value).to_owned())).unwrap();
            }
            let phase = |millis| Some(Duration::from_millis(millis));
            Phases { scrape: phase(376), evaluation: phase(8_324), sweep: None }.fit(&mut settings);
            ["scrape_phase", "evaluation_phase", "sweep_phase"].map(|name| settings.duration_or_word(name))
        };
        let [scrape, evaluation] = [376, 8_324].map(|millis| Ok(Duration::from_millis(millis)));
        assert_eq!(fitted(&[]), [scrape, evaluation, Err("start")]);
        assert_eq!(fitted(&[("evaluation_phase", "3s")]), [scrape, Ok(Duration::from_secs(3)), Err("start")]);
        assert_eq!(fitted(&[("phase_reference", "load")]), [Err("random"), Err("chart"), Err("start")]);
    }

    #[test]
    fn the_programs_count_whole_milliseconds() {
        assert_eq!(finer_than_milliseconds(&settings(&[("window", "1500us")])), Some("window"));
        assert_eq!(finer_than_milliseconds(&settings(&[("window", "1500ms"), ("webhook_latency", "10us")])), None);
    }
}
