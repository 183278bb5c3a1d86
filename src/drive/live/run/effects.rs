//! What a policy asks for, started: each effect is a task of its own, and comes back to the loop as an input.

use std::sync::Arc;
use std::time::Duration;

use super::{Answer, Run};
use crate::drive::live::probe;
use crate::drive::live::target::Target;
use crate::drive::{PolicyFailure, RecordError};
use crate::policy::{Action, Event, ProbeOutcome};
use crate::record::ErrorKind;
use crate::time::Timestamp;

/// Up to here the loop counts as prompt. A turn of it takes a tenth of a millisecond; what is longer is a machine that stood still, and
/// the policy is told how late it is.
const HARDLY_LATE: Duration = Duration::from_millis(5);

impl Run<'_> {
    /// What time somebody is told who wished to be woken at `wish`: that one, if this loop is hardly late. Who begins what comes next
    /// when he was told would else fall behind by each turn's tenth of a millisecond.
    pub(super) fn as_wished(&self, wish: Timestamp, now: Timestamp) -> Timestamp {
        told_at(wish, self.told, now)
    }

    /// Hands one event to the policy and starts all that it asks for; one that stalls is told later.
    pub(super) fn tell(&mut self, now: Timestamp, event: &Event) -> Result<(), RecordError> {
        self.told = now;
        if self.faults.policy_stalls() {
            self.missed.push(event.clone());
            return Ok(());
        }
        if let Event::Measured { function, sample: Some(sample) } = event {
            self.recorder.metrics(now, *function, sample)?;
        }
        let mut actions = Vec::new();
        self.policy.handle(now, event, &mut actions);
        if let Some(why) = self.policy.failure() {
            return Err(RecordError(Box::new(PolicyFailure(why))));
        }
        for action in actions {
            match action {
                Action::Probe if self.faults.probes_fail() => self.answer_at_once(refused(now)),
                Action::Probe => self.probe(now),
                Action::Scrape if self.faults.counters_vanish() => self.answer_at_once(Event::Scraped(None)),
                Action::Scrape => self.effect(|target| async move { Event::Scraped(target.scrape().await) }),
                Action::ReadReplicas { function } => self.effect(move |target| async move {
                    Event::Replicas { function, status: target.replicas(function).await }
                }),
                Action::Measure { function } if self.faults.counters_vanish() => {
                    self.answer_at_once(Event::Measured { function, sample: None });
                }
                Action::Measure { function } => self.effect(move |target| async move {
                    Event::Measured { function, sample: target.measure(function).await }
                }),
                Action::Scale { function, from, to, reason } => {
                    self.decisions.asked(function, from, to, reason);
                    match self.faults.refusal() {
                        Some(refusal) => {
                            self.answer_at_once(Event::ScaleAnswered { function, result: Err(refusal) });
                        }
                        None => self.effect(move |target| async move {
                            Event::ScaleAnswered { function, result: target.scale(function, to).await }
                        }),
                    }
                }
                Action::Judged(row) => self.recorder.probe(&row)?,
                Action::Note { kind, from, to, reason } => {
                    let kind = self.faults.excuse(now, kind);
                    let row = self.decisions.note(now, kind, from, to, reason);
                    self.recorder.event(&row)?;
                }
            }
        }
        Ok(())
    }

    /// What is known without asking anybody comes back as an input all the same: one event, then all its actions.
    fn answer_at_once(&self, event: Event) {
        // nobody listens any more when the run is over
        let _ = self.answers.send(Answer::Policy(event));
    }

    fn effect<F, Fut>(&self, effect: F)
    where
        F: FnOnce(Arc<dyn Target>) -> Fut,
        Fut: Future<Output = Event> + Send + 'static,
    {
        let event = effect(Arc::clone(&self.target));
        let answers = self.answers.clone();
        tokio::spawn(async move {
            // nobody listens any more when the run is over
            let _ = answers.send(Answer::Policy(event.await));
        });
    }

    fn probe(&self, asked: Timestamp) {
        let (prober, answers) = (self.prober.clone(), self.answers.clone());
        let target = Arc::clone(&self.target);
        let counts = target.probing(asked);
        tokio::spawn(async move {
            let mut outcome = prober.probe().await;
            if counts {
                // what it left later than asked for is a part of its way, as the platform sees it
                outcome.latency += outcome.sent - asked;
                outcome.sent = asked;
                target.probed(asked, outcome.answer.is_ok().then_some(outcome.latency));
            }
            let _ = answers.send(Answer::Policy(Event::ProbeDone(outcome)));
        });
    }

    pub(super) fn warm_up(&self) {
        let (clock, uri, answers) = (self.clock, self.uri.clone(), self.answers.clone());
        let request = self.plan.generators.first().map(|generator| generator.request.clone()).unwrap_or_default();
        tokio::spawn(async move {
            let answer = match probe::call_once(&clock, &uri, &request).await {
                Ok(exchange) => exchange.answer,
                Err(_) => Err(ErrorKind::Connect),
            };
            let _ = answers.send(Answer::WarmUp(answer));
        });
    }
}

/// The time wished for if it has just come, later than what was told last; else now.
fn told_at(wish: Timestamp, told: Timestamp, now: Timestamp) -> Timestamp {
    let has_just_come = wish <= now && now - wish <= HARDLY_LATE;
    if wish > told && has_just_come { wish } else { now }
}

/// What comes of a probe that finds nobody.
fn refused(now: Timestamp) -> Event {
    Event::ProbeDone(ProbeOutcome { sent: now, latency: Duration::ZERO, answer: Err(ErrorKind::Refused) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_kept_to_while_the_loop_is_hardly_late_and_time_never_goes_back() {
        let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
        let wish = at(100);
        assert_eq!(told_at(wish, at(0), at(100)), wish, "on time");
        assert_eq!(told_at(wish, at(99), at(105)), wish, "hardly late");
        assert_eq!(told_at(wish, at(0), at(106)), at(106), "a machine that stood still is no secret");
        assert_eq!(told_at(wish, at(100), at(101)), at(101), "that moment has been told of");
        assert_eq!(told_at(wish, at(103), at(104)), at(104), "as has a later one");
        assert_eq!(told_at(wish, at(0), at(98)), at(98), "it has not come yet");
    }
}
