//! What a policy decided, as rows: the same words whichever driver carried it out.

use std::collections::{BTreeMap, VecDeque};

use crate::policy::{Reason, Refusal};
use crate::record::{EventKind, EventRow, FunctionId};
use crate::time::Timestamp;

/// Scalings asked for and not answered yet, and the rows they become.
#[derive(Debug)]
pub struct Decisions {
    actor: String,
    asked: BTreeMap<FunctionId, VecDeque<Asked>>,
}

#[derive(Debug)]
struct Asked {
    from: u32,
    to: u32,
    reason: Reason,
}

impl Decisions {
    /// For the decisions of one arm's policy.
    pub fn of(actor: impl Into<String>) -> Self {
        Self { actor: actor.into(), asked: BTreeMap::new() }
    }

    /// The policy asked for a scaling; keep it until the platform answers.
    pub fn asked(&mut self, function: FunctionId, from: u32, to: u32, reason: Reason) {
        self.asked.entry(function).or_default().push_back(Asked { from, to, reason });
    }

    /// The platform answered the oldest open scaling of this function.
    pub fn answered(&mut self, at: Timestamp, function: FunctionId, result: &Result<u32, Refusal>) -> EventRow {
        let asked = self.asked.entry(function).or_default().pop_front();
        let (from, to, reason) = match asked {
            Some(asked) => (Some(asked.from), Some(asked.to), asked.reason),
            None => (None, None, Reason::new("not asked for")),
        };
        match result {
            Ok(accepted) => {
                let kind = if from == Some(*accepted) { EventKind::Decision } else { EventKind::Scale };
                let text = match to {
                    Some(to) if to != *accepted => format!("{}; the platform made {to} into {accepted}", reason.text),
                    _ => reason.text,
                };
                self.row(at, kind, from, Some(*accepted), Reason { text, value: reason.value })
            }
            Err(refusal) => {
                let text = format!("{}; refused: {refusal}", reason.text);
                self.row(at, EventKind::Refused, from, to, Reason { text, value: reason.value })
            }
        }
    }

    /// Whether a scaling has not been answered yet.
    pub fn are_open(&self) -> bool {
        self.asked.values().any(|asked| !asked.is_empty())
    }

    /// Scalings that will not be answered any more: the run is over.
    pub fn unanswered(&mut self, at: Timestamp) -> Vec<EventRow> {
        let open: Vec<Asked> = std::mem::take(&mut self.asked).into_values().flatten().collect();
        open.into_iter()
            .map(|Asked { from, to, reason: Reason { text, value } }| {
                let text = format!("{text}; not answered when the run was over");
                self.row(at, EventKind::Refused, Some(from), Some(to), Reason { text, value })
            })
            .collect()
    }

    /// Something the policy wants on record.
    pub fn note(&self, at: Timestamp, kind: EventKind, from: Option<u32>, to: Option<u32>, reason: Reason) -> EventRow {
        self.row(at, kind, from, to, reason)
    }

    fn row(&self, at: Timestamp, kind: EventKind, from: Option<u32>, to: Option<u32>, reason: Reason) -> EventRow {
        EventRow { at, actor: self.actor.clone().into(), kind, from, to, reason: reason.text, value: reason.value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(3);

    fn asked(from: u32, to: u32) -> Decisions {
        let mut decisions = Decisions::of("watchtower");
        decisions.asked(FunctionId::STUDIED, from, to, Reason::with("probe took 97.0 ms", 97.0));
        decisions
    }

    #[test]
    fn a_scaling_is_recorded_with_what_the_platform_made_of_it() {
        let row = asked(4, 6).answered(NOW, FunctionId::STUDIED, &Ok(5));
        assert_eq!((row.kind, row.from, row.to), (EventKind::Scale, Some(4), Some(5)));
        assert_eq!(row.reason, "probe took 97.0 ms; the platform made 6 into 5");
    }

    #[test]
    fn a_scaling_to_the_same_count_is_a_decision_and_no_scaling() {
        assert_eq!(asked(4, 4).answered(NOW, FunctionId::STUDIED, &Ok(4)).kind, EventKind::Decision);
    }

    #[test]
    fn a_scaling_without_an_answer_is_recorded_when_the_run_is_over() {
        let mut decisions = asked(1, 2);
        assert!(decisions.are_open());
        let rows = decisions.unanswered(NOW);
        let kinds: Vec<_> = rows.iter().map(|row| (row.kind, row.from, row.to, row.reason.as_str())).collect();
        let reason = "probe took 97.0 ms; not answered when the run was over";
        assert_eq!(kinds, [(EventKind::Refused, Some(1), Some(2), reason)]);
        assert!(!decisions.are_open());
        decisions.asked(FunctionId::STUDIED, 1, 2, Reason::new("because"));
        decisions.answered(NOW, FunctionId::STUDIED, &Ok(2));
        assert!(!decisions.are_open());
    }

    #[test]
    fn a_refusal_keeps_the_reason_and_names_the_answer() {
        let refusal = Refusal::Status { status: 500, body: "no".to_owned() };
        let row = asked(1, 2).answered(NOW, FunctionId::STUDIED, &Err(refusal));
        assert_eq!((row.kind, row.to), (EventKind::Refused, Some(2)));
        assert_eq!(row.reason, "probe took 97.0 ms; refused: the platform answered 500: no");
    }
}
