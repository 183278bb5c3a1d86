//! What the generator measured beside what the server knows, request by request.

use crate::drive::live::load::Served;
use crate::record::RequestRow;

/// A request, as both sides saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) row: RequestRow,
    pub(super) served: Served,
}

/// Puts rows and answers together by the number that each answer carries. The second value is how many of either are left over: rows
/// without an answer of the server's, answers that no row tells of, and rows that tell of one that another row told of.
pub(super) fn pairs(rows: &[RequestRow], served: &[Served]) -> (Vec<Pair>, u64) {
    let mut waiting: Vec<Option<Served>> = Vec::new();
    let mut left_over = 0;
    for one in served {
        let place = one.number as usize;
        if waiting.len() <= place {
            waiting.resize(place + 1, None);
        }
        left_over += u64::from(waiting[place].replace(*one).is_some());
    }
    let mut pairs = Vec::with_capacity(rows.len());
    for row in rows {
        let number = row.answer.ok().and(row.replica);
        match number.and_then(|number| waiting.get_mut(number.0 as usize)?.take()) {
            Some(served) => pairs.push(Pair { row: *row, served }),
            None => left_over += 1,
        }
    }
    left_over += waiting.iter().flatten().count() as u64;
    (pairs, left_over)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::{Detail, ErrorKind, GeneratorId, ReplicaId, WorkerId};
    use crate::time::Timestamp;

    /// A request that was due, ready and sent at `sent`, and done at `done`, microseconds; the server's answer has this number.
    pub(in super::super) fn row(number: u32, sent: u64, done: u64) -> RequestRow {
        let at = |micros: u64| Timestamp::from_nanos(micros * 1_000);
        RequestRow {
            generator: GeneratorId(0),
            worker: WorkerId(0),
            due: at(sent),
            ready: at(sent),
            sent: at(sent),
            first_byte: Some(at(done)),
            done: at(done),
            answer: Ok(200),
            replica: Some(ReplicaId(number)),
            detail: Detail::default(),
        }
    }

    pub(in super::super) fn served(number: u32, came: u64, left: u64) -> Served {
        let at = |micros: u64| Timestamp::from_nanos(micros * 1_000);
        Served { number, came: at(came), left: at(left) }
    }

    #[test]
    fn each_request_finds_its_own_answer_whatever_the_order() {
        let (pairs, left_over) = pairs(&[row(1, 0, 9), row(0, 1, 5)], &[served(0, 2, 4), served(1, 1, 8)]);
        assert_eq!(left_over, 0);
        assert!(pairs.iter().all(|pair| pair.row.replica == Some(ReplicaId(pair.served.number))));
        assert_eq!(pairs.len(), 2);
    }

    #[test]
    fn whatever_has_no_counterpart_is_counted() {
        let failed = RequestRow { answer: Err(ErrorKind::Closed), ..row(0, 0, 9) };
        for (rows, answers, left_over) in [
            (vec![], vec![], 0),
            (vec![row(0, 0, 9)], vec![], 1),
            (vec![], vec![served(3, 0, 9)], 1),
            (vec![row(0, 0, 9), row(0, 0, 9)], vec![served(0, 1, 2)], 1),
            // an answer that did not arrive is two things left over: the row, and the answer
            (vec![failed], vec![served(0, 1, 2)], 2),
            (vec![RequestRow { replica: None, ..row(0, 0, 9) }], vec![served(0, 1, 2)], 2),
        ] {
            assert_eq!(pairs(&rows, &answers).1, left_over, "{rows:?} {answers:?}");
        }
    }
}
