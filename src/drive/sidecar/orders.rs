//! What a sidecar's policy wants, and what it gets of it: within the bounds, not too often, and only while it leads.

use std::collections::VecDeque;
use std::time::Duration;

use super::{News, Sidecar, Task, Wishes};
use crate::policy::{Action, Event, Reason, Refusal, ReplicaStatus};
use crate::record::{EventKind, FunctionId};
use crate::time::Timestamp;

/// Over which scalings are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// Answers a policy is given at one instant before it has to wait a moment: whatever it is, it holds up nobody.
const ANSWERS_AT_ONCE: u32 = 1_000;

impl Sidecar {
    /// Hands an event to the policy, and what follows at once from what it wants.
    pub(super) fn tell(&mut self, now: Timestamp, event: Event, wishes: &mut Wishes) {
        let mut events = VecDeque::from([event]);
        let mut given = 0;
        while let Some(event) = events.pop_front() {
            let Some(policy) = &mut self.policy else { break };
            given += 1;
            let mut actions = Vec::new();
            policy.handle(now, &event, &mut actions);
            for action in actions {
                self.act(now, action, &mut events, wishes);
            }
            if given >= ANSWERS_AT_ONCE {
                self.note(now, EventKind::Failed, "the policy asks again and again at one moment", wishes);
                break;
            }
        }
        self.rested = now + Duration::from_millis(1);
    }

    fn act(&mut self, now: Timestamp, action: Action, events: &mut VecDeque<Event>, wishes: &mut Wishes) {
        let function = FunctionId::STUDIED;
        match action {
            Action::Probe => self.errand(Task::Probe, wishes),
            Action::Scrape => self.errand(Task::Scrape, wishes),
            Action::ReadReplicas { .. } if self.rules.dry_run => {
                let status = Some(ReplicaStatus { desired: self.expected, ready: self.expected });
                events.push_back(Event::Replicas { function, status });
            }
            Action::ReadReplicas { .. } => self.errand(Task::ReadReplicas, wishes),
            // a sidecar has no metrics of pods; which policies may be one is asked when it is set up
            Action::Measure { function } => events.push_back(Event::Measured { function, sample: None }),
            Action::Scale { from, to, reason, .. } => self.scale(now, (from, to), reason, events, wishes),
            Action::Judged(row) => {
                self.counts.probes += 1;
                self.counts.probes_failed += u64::from(row.answer != Ok(200));
                wishes.news.push(News::Probe(row));
            }
            Action::Note { kind, from, to, reason } => self.event(now, kind, from, to, reason, wishes),
        }
    }

    fn scale(
        &mut self,
        now: Timestamp,
        (from, to): (u32, u32),
        reason: Reason,
        events: &mut VecDeque<Event>,
        wishes: &mut Wishes,
    ) {
        let function = FunctionId::STUDIED;
        let (min, max) = self.rules.bounds;
        let bounded = to.clamp(min, max);
        let reason = if bounded == to {
            reason
        } else {
            Reason { text: format!("{}; {to} is outside {min} to {max}", reason.text), ..reason }
        };
        self.decisions.asked(function, from, bounded, reason);
        if let Some(why) = self.holds_back(now) {
            self.counts.held_back += 1;
            let result = Err(Refusal::HeldBack(why));
            let row = self.decisions.answered(now, function, &result);
            wishes.news.push(News::Event(row));
            events.push_back(Event::ScaleAnswered { function, result });
            return;
        }
        self.acted.push_back(now);
        self.scaling += 1;
        if self.rules.dry_run {
            let result = Ok(bounded);
            self.scaled(now, &result, false, wishes);
            self.expected = bounded;
            events.push_back(Event::ScaleAnswered { function, result });
        } else {
            self.errand(Task::Scale(bounded), wishes);
        }
    }

    /// Why it must not scale now.
    fn holds_back(&mut self, now: Timestamp) -> Option<String> {
        if self.leads_until.is_none_or(|until| now >= until) {
            return Some("leadership has run out".to_owned());
        }
        while self.acted.front().is_some_and(|at| *at + MINUTE <= now) {
            self.acted.pop_front();
        }
        let most = self.rules.actions_per_minute;
        (self.acted.len() >= most as usize).then(|| format!("{most} scalings in the last minute"))
    }
}
