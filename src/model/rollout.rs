//! Functions that come, change and go while the platform runs.
//!
//! ```text
//!   deploy --> pods start (3..6 s each) --> in service
//!   update --> one new pod starts beside the old ones, takes an old one's place when it is ready, and so on
//!   remove --> all pods out of service at once
//! ```
//!
//! Work is drawn when a request arrives, before its replica is known: in a roll-out every request is the work of the newest
//! revision that has been in service, whichever pod it meets. What a scaling adds in mid-roll-out is of the new revision;
//! Kubernetes shares it out among old and new and then replaces the old ones.

use crate::record::FunctionId;
use crate::time::Timestamp;

use super::FunctionModel;
use super::cluster::Cluster;
use super::pods::Revision;

impl Cluster {
    /// A new function with this many replicas, within `bounds`; none of them is ready yet. `None` if there are as many
    /// functions as can be numbered, removed ones included.
    pub fn deploy(
        &mut self,
        now: Timestamp,
        model: &FunctionModel,
        replicas: u32,
        bounds: (u32, u32),
    ) -> Option<FunctionId> {
        let function = self.add(model, bounds)?;
        self.scale(now, function, replicas);
        Some(function)
    }

    /// Replaces the pods of a function one by one by pods of this model; the revision that makes. `replicas` sets the
    /// desired count as well.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn update(
        &mut self,
        now: Timestamp,
        function: FunctionId,
        model: &FunctionModel,
        replicas: Option<u32>,
    ) -> u32 {
        let updated = &mut self.functions[usize::from(function.0)];
        let revision = updated.pods.renew(model.start_up, model.termination);
        updated.models.insert(revision, model.clone());
        if let Some(replicas) = replicas {
            updated.pods.ask(replicas);
        }
        self.settle_pods(now, function);
        revision.0
    }

    /// Removes a function: its pods leave at once, and what they held is cut. Its number is not used again.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn remove(&mut self, now: Timestamp, function: FunctionId) {
        let removed = &mut self.functions[usize::from(function.0)];
        removed.removed = true;
        removed.pods.retire();
        self.settle_pods(now, function);
    }

    /// The newest revision of a function that has been in service; 0 before its first update is.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn revision(&self, function: FunctionId) -> u32 {
        self.functions[usize::from(function.0)].serving.0
    }

    /// How many requests at once the watchdogs of that revision let into a replica; 0 for any number.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn max_inflight(&self, function: FunctionId) -> u32 {
        let function = &self.functions[usize::from(function.0)];
        function.models.get(&function.serving).map_or(0, |model| model.max_inflight)
    }

    /// A pod of this revision came into service.
    pub(super) fn serve_revision(&mut self, function: FunctionId, revision: Revision) {
        let function = &mut self.functions[usize::from(function.0)];
        if revision > function.serving {
            function.serving = revision;
            if let Some(model) = function.models.get(&revision) {
                function.luck.follow(model);
            }
        }
        let oldest = function.pods.oldest().min(function.serving);
        function.models.retain(|revision, _| *revision >= oldest);
    }
}
