//! The same rule once more, told step by step as Kubernetes' documentation and comments tell it: slow, and without anything shared with
//! what it judges but the types of its input.

use std::cmp::Ordering;

use super::{Direction, Group, Select, Target};

/// Average of values against a target, by the definition of each kind of metric.
fn ratio(values: &[i64], target: Target) -> f64 {
    let mut sum = 0;
    let mut count = 0;
    for value in values {
        sum += value;
        count += 1;
    }
    match target {
        Target::Utilization { percent, request } => (sum * 100 / (count * request)) as f64 / percent as f64,
        Target::AverageValue(target) => (sum / count) as f64 / target as f64,
    }
}

pub(super) fn propose(current: u32, groups: &[Group], target: Target) -> Option<u32> {
    let mut with_metric = Vec::new();
    let (mut missing, mut unready) = (0, 0);
    for group in groups {
        match group {
            Group::Ready(value) => with_metric.push(*value),
            Group::Missing => missing += 1,
            Group::Unready => unready += 1,
        }
    }
    if with_metric.is_empty() {
        return None;
    }
    let first = ratio(&with_metric, target);
    let direction = |ratio: f64| {
        if ratio > 1.0 {
            1
        } else if ratio < 1.0 {
            -1
        } else {
            0
        }
    };
    let is_small = |ratio: f64| (ratio - 1.0).abs() <= 0.1;
    let unready_count = unready > 0 && direction(first) > 0;
    if missing == 0 && !unready_count {
        if is_small(first) {
            return Some(current);
        }
        return Some((first * with_metric.len() as f64).ceil() as u32);
    }
    let mut all = with_metric.clone();
    for _ in 0..missing {
        match (direction(first), target) {
            (-1, Target::Utilization { percent, request }) => all.push(request * percent.max(100) / 100),
            (-1, Target::AverageValue(target)) => all.push(target),
            (0, Target::Utilization { .. }) => {}
            _ => all.push(0),
        }
    }
    if unready_count {
        all.extend(vec![0; unready]);
    }
    let second = ratio(&all, target);
    if is_small(second) || direction(first) * direction(second) < 0 {
        return Some(current);
    }
    let replicas = (second * all.len() as f64).ceil() as u32;
    let goes_back = (direction(second) < 0 && replicas > current) || (direction(second) > 0 && replicas < current);
    Some(if goes_back { current } else { replicas })
}

/// Keeps all that ever was and looks through it each time.
pub(super) struct Behavior {
    up: Direction,
    down: Direction,
    bounds: (u32, u32),
    proposals: Vec<(u64, u32)>,
    changes: Vec<(u64, i64)>,
}

impl Behavior {
    pub(super) fn new(up: Direction, down: Direction, bounds: (u32, u32)) -> Self {
        Self { up, down, bounds, proposals: Vec::new(), changes: Vec::new() }
    }

    pub(super) fn scaled(&mut self, now: u64, from: u32, to: u32) {
        self.changes.push((now, i64::from(to) - i64::from(from)));
    }

    pub(super) fn limit(&mut self, now: u64, current: u32, proposal: u32) -> u32 {
        if current < self.bounds.0 {
            return self.bounds.0;
        }
        if current > self.bounds.1 {
            return self.bounds.1;
        }
        if self.proposals.is_empty() {
            self.proposals.push((now, current));
        }
        let (mut lowest, mut highest) = (proposal, proposal);
        for (at, other) in &self.proposals {
            if now - at < self.up.window.as_secs() && *other < lowest {
                lowest = *other;
            }
            if now - at < self.down.window.as_secs() && *other > highest {
                highest = *other;
            }
        }
        self.proposals.push((now, proposal));
        let mut wanted = current;
        if wanted < lowest {
            wanted = lowest;
        }
        if wanted > highest {
            wanted = highest;
        }
        match wanted.cmp(&current) {
            Ordering::Greater => {
                let most = self.reach(now, current, self.up, 1.0);
                wanted.min(most.max(current)).min(self.bounds.1)
            }
            Ordering::Less => {
                let fewest = self.reach(now, current, self.down, -1.0);
                wanted.max(fewest.min(current)).max(self.bounds.0)
            }
            Ordering::Equal => current,
        }
    }

    /// How far the policies of one direction reach.
    fn reach(&self, now: u64, current: u32, way: Direction, sign: f64) -> u32 {
        let recent = self.changes.iter().filter(|(at, _)| now - at < way.period.as_secs()).map(|(_, change)| change);
        let start = (i64::from(current) - recent.sum::<i64>()).max(0) as f64;
        let mut reaches = Vec::new();
        if way.pods > 0 {
            reaches.push((start + sign * f64::from(way.pods)).max(0.0));
        }
        if way.percent > 0 {
            let exact = start * (100.0 + sign * f64::from(way.percent)) / 100.0;
            reaches.push(if sign > 0.0 { (exact - 1e-9).ceil() } else { (exact + 1e-9).floor().max(0.0) });
        }
        let far = |a: &f64, b: &f64| (a * sign).total_cmp(&(b * sign));
        let chosen = match way.select {
            Select::Disabled => None,
            Select::Max => reaches.into_iter().max_by(far),
            Select::Min => reaches.into_iter().min_by(far),
        };
        chosen.map_or(current, |reach| reach as u32)
    }
}
