//! The functions a platform runs: their names, labels, and the ranges in which alerts scale them.

use super::super::rest::is_name;
use super::super::{DEFAULT_NAMESPACE, TargetError};
use crate::drive::{FunctionPlan, Handler};
use crate::record::FunctionId;

/// One function.
pub(super) struct Function {
    pub(super) id: FunctionId,
    pub(super) name: String,
    /// As counters call it: `NAME.NAMESPACE`.
    pub(super) full_name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) handler: Handler,
    /// Replicas at the start.
    pub(super) replicas: u32,
    pub(super) bounds: (u32, u32),
}

/// How alerts scale a function, from its labels (faas `gateway/scaling/ranges.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ranges {
    min: u64,
    max: u64,
    /// Percent of the most replicas that one alert adds.
    factor: u64,
}

/// The functions of a platform, by [`FunctionId`].
pub(super) struct Functions(Vec<Function>);

impl Functions {
    /// Checks and names them.
    ///
    /// # Errors
    /// When there is none, or two have one name, or a name or a count can't be used.
    pub(super) fn new(plans: &[FunctionPlan]) -> Result<Self, TargetError> {
        if plans.is_empty() {
            return Err(TargetError::NoFunctions);
        }
        let mut functions: Vec<Function> = Vec::with_capacity(plans.len());
        for (id, plan) in (0..).map(FunctionId).zip(plans) {
            let name = plan.info.name.clone();
            if !is_name(&name) {
                return Err(TargetError::BadName(name));
            }
            if functions.iter().any(|function| function.name == name) {
                return Err(TargetError::DuplicateName(name));
            }
            let (min, max) = plan.bounds;
            if !(min..=max).contains(&plan.replicas) {
                return Err(TargetError::BadReplicas { name, replicas: plan.replicas, min, max });
            }
            functions.push(Function {
                id,
                full_name: format!("{name}.{DEFAULT_NAMESPACE}"),
                labels: plan.info.labels.clone().into_iter().collect(),
                handler: plan.handler,
                replicas: plan.replicas,
                bounds: plan.bounds,
                name,
            });
        }
        Ok(Self(functions))
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Function> {
        self.0.iter()
    }

    /// The function of this name in this namespace.
    pub(super) fn find(&self, name: &str, namespace: &str) -> Option<&Function> {
        self.0.iter().find(|function| namespace == DEFAULT_NAMESPACE && function.name == name)
    }
}

/// `NAME` or `NAME.NAMESPACE`, taken apart at the last dot.
pub(super) fn split_namespace(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or((name, DEFAULT_NAMESPACE))
}

impl Function {
    /// The value of its scaling factor's label, if it is a number.
    pub(super) fn factor(&self) -> Option<i64> {
        let label = self.labels.iter().find(|(name, _)| name == "com.openfaas.scale.factor");
        label.and_then(|(_, value)| value.parse().ok())
    }

    /// How alerts scale it.
    ///
    /// # Errors
    /// A factor outside 1 to 100 fails every reading of the function, and with it every invocation (faas
    /// `gateway/plugin/external.go`).
    pub(super) fn ranges(&self) -> Result<Ranges, String> {
        // 1, 5 and 10 are the gateway's; negative numbers wrap around as its unsigned ones do
        let label = |key: &str, default: u64| {
            let value = self.labels.iter().find(|(name, _)| name == key);
            value.and_then(|(_, value)| value.parse::<i64>().ok()).map_or(default, |value| value as u64)
        };
        let factor = label("com.openfaas.scale.factor", 10);
        if !(1..=100).contains(&factor) {
            return Err(format!("bad scaling factor: {factor}, is not in range of [0 - 100]"));
        }
        Ok(Ranges { min: label("com.openfaas.scale.min", 1), max: label("com.openfaas.scale.max", 5), factor })
    }
}

impl Ranges {
    /// Replicas after one alert: a step up to the most for a firing one, the fewest for any other. `limit` is what the
    /// platform grants at most.
    ///
    /// No lower clamp for a firing alert: a count above the most comes down.
    pub(super) fn after_alert(self, firing: bool, current: u64, limit: u64) -> u64 {
        let most = self.max.min(limit);
        let step = (most * self.factor).div_ceil(100);
        if firing && step > 0 { current.saturating_add(step).min(most) } else { self.min }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(labels: &[(&str, &str)]) -> Function {
        Function {
            id: FunctionId(0),
            name: "f".into(),
            full_name: "f.openfaas-fn".into(),
            labels: labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            handler: Handler::Plain,
            replicas: 1,
            bounds: (1, 5),
        }
    }

    #[test]
    fn a_firing_alert_steps_up_to_the_most_and_any_other_goes_to_the_fewest() {
        // factor 1-20 -> 1, 21-40 -> 2, 41-60 -> 3, 61-80 -> 4, 81-100 -> 5, as gateway 0.27.8 computes for most 5
        for (factor, step) in [(1, 1), (10, 1), (20, 1), (21, 2), (40, 2), (41, 3), (60, 3), (61, 4), (81, 5), (100, 5)]
        {
            let ranges = Ranges { min: 1, max: 5, factor };
            assert_eq!(ranges.after_alert(true, 0, 5), step, "factor {factor}");
        }
        let ranges = Ranges { min: 2, max: 4, factor: 10 };
        for (firing, current, after) in [(true, 2, 3), (true, 4, 4), (true, 5, 4), (false, 4, 2), (false, 1, 2)] {
            assert_eq!(ranges.after_alert(firing, current, 5), after);
        }
        assert_eq!(Ranges { min: 1, max: 0, factor: 10 }.after_alert(true, 3, 5), 1, "no step without a most");
        assert_eq!(Ranges { min: 1, max: 50, factor: 10 }.after_alert(true, 5, 5), 5, "the platform's limit holds");
    }

    #[test]
    fn labels_that_are_no_numbers_fall_back_and_a_bad_factor_fails_the_reading() {
        let ranges = function(&[("com.openfaas.scale.min", "two"), ("com.openfaas.scale.max", "3")]).ranges();
        assert_eq!(ranges, Ok(Ranges { min: 1, max: 3, factor: 10 }));
        for (factor, shown) in [("0", "0"), ("101", "101"), ("-1", "18446744073709551615")] {
            let error = function(&[("com.openfaas.scale.factor", factor)]).ranges();
            assert_eq!(error, Err(format!("bad scaling factor: {shown}, is not in range of [0 - 100]")));
        }
    }

    #[test]
    fn a_name_is_parted_from_its_namespace_at_the_last_dot() {
        for (name, parts) in
            [("ftest", ("ftest", "openfaas-fn")), ("ftest.dev", ("ftest", "dev")), ("a.b.c", ("a.b", "c"))]
        {
            assert_eq!(split_namespace(name), parts);
        }
    }
}
