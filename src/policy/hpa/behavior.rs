//! How fast replicas may follow: stabilisation windows and scaling policies of `spec.behavior` (Kubernetes' `horizontal.go`).
//!
//! ```text
//!   proposal --> stabilised: the lowest of a window on the way up, the highest on the way down
//!            --> limited: so many pods or per cent in a period, counted from what there was when it began
//!            --> bounds
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// Which of several scaling policies counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest.
    Min,
    /// None: this direction is off.
    Disabled,
}

/// One direction's part of the behaviour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direction {
    /// Stabilisation window.
    pub(super) window: Duration,
    /// Pods a period may change; 0 for no such policy.
    pub(super) pods: u32,
    /// Per cent a period may change; 0 for no such policy.
    pub(super) percent: u32,
    /// The period of both.
    pub(super) period: Duration,
    /// Which of them counts.
    pub(super) select: Select,
}

/// Both directions, and what was proposed and done before.
#[derive(Clone, Debug)]
pub(super) struct Behavior {
    up: Direction,
    down: Direction,
    bounds: (u32, u32),
    /// Proposals by time.
    proposals: VecDeque<(Timestamp, u32)>,
    /// Replicas added and removed by time.
    added: VecDeque<(Timestamp, u32)>,
    removed: VecDeque<(Timestamp, u32)>,
}

/// What of a proposal is done, and what held it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limited {
    /// Replicas.
    pub(super) replicas: u32,
    /// What changed the proposal last, if anything did.
    pub(super) by: Option<&'static str>,
}

impl Behavior {
    pub(super) fn new(up: Direction, down: Direction, bounds: (u32, u32)) -> Self {
        let (proposals, added, removed) = Default::default();
        Self { up, down, bounds, proposals, added, removed }
    }

    /// The scaling was done.
    pub(super) fn scaled(&mut self, now: Timestamp, from: u32, to: u32) {
        let events = if to > from { &mut self.added } else { &mut self.removed };
        events.push_back((now, to.abs_diff(from)));
        let longest = self.up.period.max(self.down.period);
        for events in [&mut self.added, &mut self.removed] {
            events.retain(|(at, _)| now.since(*at) < longest);
        }
    }

    /// What of this proposal is done with `current` replicas.
    pub(super) fn limit(&mut self, now: Timestamp, current: u32, proposed: u32) -> Limited {
        let (min, max) = self.bounds;
        if current > max || current < min {
            return Limited { replicas: current.clamp(min, max), by: Some("the bounds") };
        }
        if self.proposals.is_empty() {
            // what was before the first proposal counts as one
            self.proposals.push_back((now, current));
        }
        let stable = self.stabilised(now, current, proposed);
        self.proposals.push_back((now, proposed));
        let limited =
            if stable > current { self.limit_up(now, current, stable) } else { self.limit_down(now, current, stable) };
        let by = if limited.replicas == stable && stable != proposed {
            Some("the stabilisation window")
        } else {
            limited.by
        };
        Limited { by, ..limited }
    }

    fn stabilised(&mut self, now: Timestamp, current: u32, proposed: u32) -> u32 {
        let (up, down) = (self.up.window, self.down.window);
        let longest = up.max(down);
        self.proposals.retain(|(at, _)| now.since(*at) < longest.max(Duration::from_nanos(1)));
        let within = |window: Duration| {
            let recent = self.proposals.iter().filter(move |(at, _)| now.since(*at) < window);
            recent.map(|(_, replicas)| *replicas).chain([proposed])
        };
        let lowest = within(up).min().unwrap_or(proposed);
        let highest = within(down).max().unwrap_or(proposed);
        // no farther up than the lowest, no farther down than the highest
        current.max(lowest).min(highest)
    }

    fn limit_up(&self, now: Timestamp, current: u32, wanted: u32) -> Limited {
        let Direction { pods, percent, period, select, .. } = self.up;
        let start = self.period_start(now, current, period);
        let by_pods = (pods > 0).then(|| start.saturating_add(pods));
        // the whole number before the slash is exact: ceil(start x (1 + percent / 100))
        let by_percent = (percent > 0).then(|| share_up(start, 100 + u64::from(percent)));
        let allowed = match select {
            Select::Disabled => current,
            Select::Max => by_pods.max(by_percent).unwrap_or(current),
            Select::Min => by_pods.into_iter().chain(by_percent).min().unwrap_or(current),
        };
        bound_by(wanted, wanted.min(allowed.max(current)), wanted.min(allowed.max(current)).min(self.bounds.1))
    }

    fn limit_down(&self, now: Timestamp, current: u32, wanted: u32) -> Limited {
        let Direction { pods, percent, period, select, .. } = self.down;
        let start = self.period_start(now, current, period);
        let by_pods = (pods > 0).then(|| start.saturating_sub(pods));
        // cut to whole pods as the original does, so that 10 % of 72 takes 8
        let by_percent = (percent > 0).then(|| (u64::from(start) * (100 - u64::from(percent.min(100))) / 100) as u32);
        let allowed = match select {
            Select::Disabled => current,
            Select::Max => by_pods.into_iter().chain(by_percent).min().unwrap_or(current),
            Select::Min => by_pods.max(by_percent).unwrap_or(current),
        };
        let slowed = wanted.max(allowed.min(current));
        bound_by(wanted, slowed, slowed.max(self.bounds.0))
    }

    /// Replicas there were when the period began, given those of now.
    fn period_start(&self, now: Timestamp, current: u32, period: Duration) -> u32 {
        let recent = |events: &VecDeque<(Timestamp, u32)>| -> u32 {
            events.iter().filter(|(at, _)| now.since(*at) < period).map(|(_, change)| *change).sum()
        };
        current.saturating_add(recent(&self.removed)).saturating_sub(recent(&self.added))
    }
}

fn bound_by(wanted: u32, slowed: u32, replicas: u32) -> Limited {
    let by = if replicas != slowed {
        Some("the bounds")
    } else if slowed != wanted {
        Some("the scaling policies")
    } else {
        None
    };
    Limited { replicas, by }
}

fn share_up(start: u32, percent: u64) -> u32 {
    u32::try_from((u64::from(start) * percent).div_ceil(100)).unwrap_or(u32::MAX)
}
