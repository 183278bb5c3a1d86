//! What a policy did to the desired count, or what a shadow would have done.

use super::summary::ShadowSummary;
use crate::record::{EventKind, EventRow};
use crate::time::Timestamp;

/// Scalings so far.
#[derive(Debug, Default)]
pub(super) struct Scaling {
    /// To more.
    pub(super) ups: u32,
    /// To fewer.
    pub(super) downs: u32,
    /// The first to more since the load's start.
    pub(super) first_up: Option<Timestamp>,
    /// Most replicas desired at a scaling.
    most: Option<u32>,
}

impl Scaling {
    /// Counts an event, if it is a scaling.
    pub(super) fn event(&mut self, row: &EventRow, load_start: Timestamp) {
        let (EventKind::Scale, Some(from), Some(to)) = (row.kind, row.from, row.to) else { return };
        self.ups += u32::from(to > from);
        self.downs += u32::from(to < from);
        self.most = self.most.max(Some(to.max(from)));
        if to > from && row.at >= load_start && self.first_up.is_none() {
            self.first_up = Some(row.at);
        }
    }

    /// As the summary of a run tells it.
    pub(super) fn of_shadow(&self, name: &str, load_start: Timestamp) -> ShadowSummary {
        ShadowSummary {
            name: name.to_owned(),
            scale_ups: self.ups,
            scale_downs: self.downs,
            first_scale_up_s: self.first_up.map(|at| at.seconds_since(load_start)),
            desired_max: self.most,
        }
    }
}
