//! The functions a platform runs: what is known of each, and who they are at this moment.
//!
//! A function is looked up for every request, deployed and changed seldom: readers take a reference and let go.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::super::rest::is_name;
use super::super::{DEFAULT_NAMESPACE, TargetError};
use crate::drive::{FunctionPlan, Handler};
use crate::policy::openfaas_ce::ranges::Ranges;
use crate::record::FunctionId;

/// Most functions of a Community Edition (faas-netes `replica_reader.go`, `MaxFunctions`).
pub(super) const FUNCTIONS_MAX: usize = 15;

/// The label that selects a function's pods.
pub(super) const FUNCTION_LABEL: &str = "faas_function";

/// One function.
#[derive(Clone)]
pub(super) struct Function {
    pub(super) id: FunctionId,
    pub(super) name: String,
    /// As counters call it: `NAME.NAMESPACE`.
    pub(super) full_name: String,
    /// Fewest and most replicas the platform grants.
    pub(super) bounds: (u32, u32),
    /// Unix time.
    pub(super) created: Duration,
    pub(super) spec: Spec,
    /// What each of its revisions answers, from the first on.
    handlers: Vec<Handler>,
}

/// What a deployment says of a function, as far as its status tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) image: String,
    pub(super) env_process: String,
    pub(super) secrets: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) limits: Option<Resources>,
    pub(super) requests: Option<Resources>,
}

/// CPU and memory, in Kubernetes' canonical form; `0` for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resources {
    pub(super) memory: String,
    pub(super) cpu: String,
}

/// The functions of a platform, in the order in which they came.
pub(super) struct Functions(RwLock<Vec<Arc<Function>>>);

impl Functions {
    /// Those a platform starts with.
    ///
    /// # Errors
    /// When there is none, or two have one name, or a name or a count can't be used.
    pub(super) fn new(plans: &[FunctionPlan], created: Duration) -> Result<Self, TargetError> {
        if plans.is_empty() {
            return Err(TargetError::NoFunctions);
        }
        let mut functions: Vec<Arc<Function>> = Vec::with_capacity(plans.len());
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
            let mut labels: BTreeMap<String, String> = plan.info.labels.clone().into_iter().collect();
            labels.insert(FUNCTION_LABEL.to_owned(), name.clone());
            let spec = Spec { image: format!("watchtower/embedded/{name}"), labels, ..Spec::default() };
            functions.push(Arc::new(Function::new(id, name, plan.bounds, created, spec.unscraped(), plan.handler)));
        }
        Ok(Self(RwLock::new(functions)))
    }

    /// All of them as they are now.
    pub(super) fn all(&self) -> Vec<Arc<Function>> {
        self.read().clone()
    }

    /// The function of this name.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Function>> {
        self.read().iter().find(|function| function.name == name).cloned()
    }

    /// For changes: nobody else looks up or changes a function meanwhile.
    pub(super) fn change(&self) -> RwLockWriteGuard<'_, Vec<Arc<Function>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Arc<Function>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Function {
    /// A function of one revision.
    pub(super) fn new(
        id: FunctionId,
        name: String,
        bounds: (u32, u32),
        created: Duration,
        spec: Spec,
        handler: Handler,
    ) -> Self {
        let full_name = format!("{name}.{DEFAULT_NAMESPACE}");
        Self { id, name, full_name, bounds, created, spec, handlers: vec![handler] }
    }

    /// The same function with another revision.
    pub(super) fn updated(&self, spec: Spec, handler: Handler) -> Self {
        let mut updated = Self { spec, ..self.clone() };
        updated.handlers.push(handler);
        updated
    }

    /// What a revision answers; beyond the last, what the last does.
    pub(super) fn handler(&self, revision: u32) -> Handler {
        let known = self.handlers.get(revision as usize).or(self.handlers.last());
        known.copied().unwrap_or(Handler::Plain)
    }

    /// How alerts scale it.
    ///
    /// # Errors
    /// A bad factor, which fails every reading of the function.
    pub(super) fn ranges(&self) -> Result<Ranges, String> {
        let ranges = Ranges::of(&self.spec.labels);
        let bad = |factor: i64| format!("bad scaling factor: {}, is not in range of [0 - 100]", factor.cast_unsigned());
        ranges.factor().map(|_| ranges).map_err(bad)
    }
}

impl Spec {
    /// Pods are not scraped unless the annotations say so (faas-netes `deploy.go`, `buildAnnotations`).
    pub(super) fn unscraped(mut self) -> Self {
        self.annotations.entry("prometheus.io.scrape".to_owned()).or_insert_with(|| "false".to_owned());
        self
    }
}

/// `NAME` or `NAME.NAMESPACE`, taken apart at the last dot.
pub(super) fn split_namespace(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or((name, DEFAULT_NAMESPACE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_parted_from_its_namespace_at_the_last_dot() {
        for (name, parts) in
            [("ftest", ("ftest", "openfaas-fn")), ("ftest.dev", ("ftest", "dev")), ("a.b.c", ("a.b", "c"))]
        {
            assert_eq!(split_namespace(name), parts);
        }
    }

    #[test]
    fn a_bad_factor_fails_the_reading_in_the_gateways_words() {
        for (factor, shown) in [("0", "0"), ("101", "101"), ("-1", "18446744073709551615")] {
            let labels = BTreeMap::from([("com.openfaas.scale.factor".to_owned(), factor.to_owned())]);
            let spec = Spec { labels, ..Spec::default() };
            let function = Function::new(FunctionId(0), "f".into(), (1, 5), Duration::ZERO, spec, Handler::Plain);
            let error = function.ranges().map(|_| ());
            assert_eq!(error, Err(format!("bad scaling factor: {shown}, is not in range of [0 - 100]")));
        }
    }

    #[test]
    fn every_revision_keeps_its_handler() {
        let first = Function::new(FunctionId(0), "f".into(), (1, 5), Duration::ZERO, Spec::default(), Handler::Plain);
        let second = first.updated(Spec::default(), Handler::Ftest);
        assert_eq!(
            [0, 1, 2].map(|revision| second.handler(revision)),
            [Handler::Plain, Handler::Ftest, Handler::Ftest]
        );
        assert_eq!(first.handler(1), Handler::Plain);
    }
}
