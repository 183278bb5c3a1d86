//! Phases out of rows of requests: what a generator measured.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::record::RequestRow;
use crate::time::Timestamp;

use super::experiment::{settle, stretch};
use super::measurement::{Design, Phase, Reply};

/// Whether an answer tells of the function's work.
fn is_good(row: &RequestRow) -> bool {
    matches!(row.answer, Ok(status) if (200..300).contains(&status))
}

fn count_failed(phase: &mut Phase, rows: &[RequestRow]) {
    for row in rows.iter().filter(|row| !is_good(row)) {
        *phase.failed.entry(row.answer).or_default() += 1;
    }
}

impl Phase {
    /// Callers that called again as soon as they were answered. Their first calls, which dialled and came all at once, are left out.
    pub fn of_callers(parallel: u32, rows: &[RequestRow]) -> Self {
        let dialled = |row: &&RequestRow| row.detail.dial.is_zero();
        let good = || rows.iter().filter(|row| is_good(row));
        // who dials for every request has nothing else
        let all_dial = good().filter(dialled).count() * 2 < good().count();
        let mut replies: Vec<Reply> = good().filter(|row| all_dial || dialled(row)).map(reply).collect();
        replies.sort_by_key(|reply| reply.done);
        if parallel > 1 {
            settle(&mut replies, parallel);
        } else {
            stretch(&mut replies);
        }
        let mut phase = Self::new(Design::Closed { parallel }, replies);
        count_failed(&mut phase, rows);
        phase
    }

    /// Bursts of as many workers in step. Bursts that are incomplete, that dialled or that met what was left of the one before are left out.
    pub fn of_bursts(size: u32, rows: &[RequestRow]) -> Self {
        let mut bursts: BTreeMap<Timestamp, Vec<&RequestRow>> = BTreeMap::new();
        for row in rows {
            bursts.entry(row.due).or_default().push(row);
        }
        let mut leaves = vec![Duration::ZERO; size as usize];
        let (mut replies, mut group, mut busy_until) = (Vec::new(), 0, Timestamp::ZERO);
        for (due, mut burst) in bursts {
            let from_idle = due >= busy_until;
            busy_until = burst.iter().map(|row| row.done).fold(busy_until, Timestamp::max);
            let whole =
                burst.len() == size as usize && burst.iter().all(|row| is_good(row) && row.detail.dial.is_zero());
            if !whole || !from_idle {
                continue;
            }
            burst.sort_by_key(|row| row.sent);
            for (leave, row) in leaves.iter_mut().zip(&burst) {
                *leave += row.sent - burst[0].sent;
            }
            replies.extend(burst.iter().map(|row| Reply { group, ..reply(row) }));
            group += 1;
        }
        for leave in &mut leaves {
            *leave /= group.max(1);
        }
        let mut phase = Self::new(Design::Bursts { leaves }, replies);
        count_failed(&mut phase, rows);
        phase
    }
}

fn reply(row: &RequestRow) -> Reply {
    Reply { sent: row.sent, done: row.done, group: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Detail, ErrorKind, GeneratorId, WorkerId};

    fn row(due_ms: u64, sent_ms: u64, done_ms: u64) -> RequestRow {
        let at = Timestamp::from_millis;
        RequestRow {
            generator: GeneratorId(0),
            worker: WorkerId(0),
            due: at(due_ms),
            ready: at(due_ms),
            sent: at(sent_ms),
            first_byte: None,
            done: at(done_ms),
            answer: Ok(200),
            replica: None,
            detail: Detail::default(),
        }
    }

    #[test]
    fn a_burst_counts_if_it_is_whole_and_found_the_function_idle() {
        let rows = [
            row(0, 0, 10),
            row(0, 2, 130),
            // the first of this one came while the burst before was under way
            row(100, 100, 140),
            row(100, 100, 150),
            row(200, 200, 210),
            row(200, 204, 220),
            row(300, 300, 310),
        ];
        let phase = Phase::of_bursts(2, &rows);
        assert_eq!(phase.replies.len(), 4);
        assert_eq!(phase.design, Design::Bursts { leaves: vec![Duration::ZERO, Duration::from_millis(3)] });
    }

    #[test]
    fn what_is_no_good_answer_is_counted_and_not_timed() {
        let mut rows: Vec<RequestRow> = (0..30).map(|number| row(0, number, number + 5)).collect();
        rows[3].answer = Ok(503);
        rows[4].answer = Err(ErrorKind::Reset);
        rows[5].answer = Ok(301);
        let phase = Phase::of_callers(1, &rows);
        assert_eq!((phase.replies.len(), phase.failures()), (27, 3));
        assert_eq!(phase.failed.get(&Ok(503)), Some(&1));
    }
}
