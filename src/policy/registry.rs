//! The policies by name: one table from which scenarios, schema, errors and documentation are made.

use super::objection::{self, Objection};
use super::settings::{Parameter, Settings};
use super::tuning::Tunable;
use super::{
    Context, Policy, exec, fixed, hpa, keda, kpa, lookout, native, openfaas_ce, openfaas_pro, timetable, watchtower,
};

/// Who scales while an arm of a policy runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaler {
    /// The policy itself: drivers carry out its actions, in virtual time too.
    Policy,
    /// The real Prometheus and Alertmanager, which a live driver starts beside the embedded gateway; the policy looks on.
    RealChain,
    /// The platform the function runs on, by an autoscaler of its own; the policy looks on.
    Platform,
    /// A program of the user's, which the driver starts and asks; in virtual time too.
    Program,
}

impl Scaler {
    /// Whether the policy decides by itself, so that it can be replayed and asked what it would have done.
    pub const fn is_pure(self) -> bool {
        matches!(self, Self::Policy)
    }

    /// Whether drivers carry out its actions, so that it can be simulated too.
    pub const fn can_be_simulated(self) -> bool {
        matches!(self, Self::Policy | Self::Program)
    }
}

/// One policy of the table.
pub struct PolicyInfo {
    /// The name in a scenario: `policy = "NAME"`.
    pub name: &'static str,
    /// One sentence: what it is.
    pub summary: &'static str,
    /// Whether it decides on probes: then it can be a shadow only where the arm itself probes.
    pub probes: bool,
    /// Its settings.
    pub parameters: fn() -> Vec<Parameter>,
    /// Those of them that a search for better ones may change.
    pub tuning: fn() -> Vec<Tunable>,
    /// What is wrong with settings that are allowed each by itself, on a platform that grants so many replicas at most.
    pub objection: fn(&Settings, u32) -> Option<Objection>,
    /// Makes one from complete settings.
    pub build: fn(&Settings, &Context) -> Box<dyn Policy>,
    /// Who scales.
    pub scaler: Scaler,
}

/// All policies, in the order in which they are documented.
pub static POLICIES: &[PolicyInfo] = &[
    PolicyInfo {
        name: "watchtower",
        summary: "the latency-probing watch tower of the seed project",
        probes: true,
        parameters: watchtower::parameters,
        tuning: watchtower::tuning,
        objection: watchtower::objection,
        build: watchtower::build,
        scaler: Scaler::Policy,
    },
    PolicyInfo {
        name: "openfaas-ce",
        summary: "the OpenFaaS Community Edition default: Prometheus, Alertmanager and gateway, emulated",
        probes: false,
        parameters: openfaas_ce::parameters,
        tuning: openfaas_ce::tuning,
        objection: objection::none,
        build: openfaas_ce::build,
        scaler: Scaler::Policy,
    },
    PolicyInfo {
        name: "openfaas-ce-real",
        summary: "the same chain for real: Prometheus and Alertmanager are started beside the embedded gateway and scale through it",
        probes: false,
        parameters: openfaas_ce::real::parameters,
        tuning: Vec::new,
        objection: objection::none,
        build: openfaas_ce::real::build,
        scaler: Scaler::RealChain,
    },
    PolicyInfo {
        name: "native",
        summary: "the platform's own autoscaler, which acts while the run records: the baseline on a real OpenFaaS",
        probes: false,
        parameters: native::parameters,
        tuning: Vec::new,
        objection: objection::none,
        build: native::build,
        scaler: Scaler::Platform,
    },
    PolicyInfo {
        name: "hpa",
        summary: "Kubernetes' Horizontal Pod Autoscaler (autoscaling/v2) on CPU, requests per second or concurrency",
        probes: false,
        parameters: hpa::parameters,
        tuning: hpa::tuning,
        objection: objection::none,
        build: hpa::build,
        scaler: Scaler::Policy,
    },
    PolicyInfo {
        name: "kpa",
        summary: "Knative's autoscaler: stable and panic windows over concurrency or requests per second",
        probes: false,
        parameters: kpa::parameters,
        tuning: kpa::tuning,
        objection: objection::none,
        build: kpa::build,
        scaler: Scaler::Policy,
    },
    PolicyInfo {
        name: "openfaas-pro",
        summary: "the autoscaler of OpenFaaS Pro, from its public documentation: rps, capacity or cpu",
        probes: false,
        parameters: openfaas_pro::parameters,
        tuning: openfaas_pro::tuning,
        objection: objection::none,
        build: openfaas_pro::build,
        scaler: Scaler::Policy,
    },
    PolicyInfo {
        name: "keda",
        summary: "KEDA: the HPA on a Prometheus query or on the HTTP add-on's pending requests",
        probes: false,
        parameters: keda::parameters,
        tuning: keda::tuning,
        objection: objection::none,
        build: keda::build,
        scaler: Scaler::Policy,
    },
    PolicyInfo {
        name: "lookout",
        summary: "ours: a probe and the gateway's own counters, and queueing arithmetic in place of thresholds",
        probes: true,
        parameters: lookout::parameters,
        tuning: lookout::tuning,
        objection: objection::none,
        build: lookout::build,
        scaler: Scaler::Policy,
    },
    PolicyInfo {
        name: "exec",
        summary: "your own autoscaler in any language: a program that gets events and answers actions as lines of JSON",
        probes: true,
        parameters: exec::parameters,
        tuning: Vec::new,
        objection: objection::none,
        build: exec::build,
        scaler: Scaler::Program,
    },
    PolicyInfo {
        name: "timetable",
        summary: "scheduled scaling: so many replicas from each time of a plan on, whatever the load is",
        probes: false,
        parameters: timetable::parameters,
        // a plan is made for a load; there is no range to search
        tuning: Vec::new,
        objection: timetable::objection,
        build: timetable::build,
        scaler: Scaler::Policy,
    },
    PolicyInfo {
        name: "fixed",
        summary: "a fixed number of replicas: the control arm",
        probes: false,
        parameters: fixed::parameters,
        tuning: fixed::tuning,
        objection: fixed::objection,
        build: fixed::build,
        scaler: Scaler::Policy,
    },
];

/// The policy of this name.
pub fn find(name: &str) -> Option<&'static PolicyInfo> {
    POLICIES.iter().find(|policy| policy.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use crate::time::{Epoch, Timestamp};

    #[test]
    fn every_policy_can_be_built_from_its_defaults_and_every_default_is_allowed() {
        for policy in POLICIES {
            let parameters = (policy.parameters)();
            for parameter in &parameters {
                assert_eq!(
                    parameter.check(parameter.default.clone()),
                    Ok(parameter.default.clone()),
                    "{}",
                    parameter.name
                );
                assert!(!parameter.doc.is_empty() && !parameter.doc.ends_with('.'), "{}", parameter.name);
            }
            let context = Context {
                epoch: Epoch::default(),
                load_start: Timestamp::ZERO,
                seed: Seed(1),
                functions: vec![crate::policy::FunctionInfo::default()],
                bounds: vec![(1, 5)],
            };
            (policy.build)(&Settings::defaults(&parameters), &context);
        }
    }
}
