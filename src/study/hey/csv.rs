//! `-o csv` to hey's byte, and the exact table beside it.

use std::fmt::Write;

use crate::record::RequestRow;
use crate::time::Timestamp;

/// The first line of hey's table. No newline: each row begins with one, and the last is followed by one.
pub const HEADER: &str = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset";

/// Adds the row of an answered request to `out`; one without an answer has none.
pub fn write_row(out: &mut String, row: &RequestRow, start: Timestamp) {
    let Ok(status) = row.answer else { return };
    let detail = &row.detail;
    let parts = [row.latency(), detail.dial, detail.lookup, detail.write, detail.wait, detail.read];
    out.push('\n');
    for part in parts {
        let _ = write!(out, "{:4.4},", part.as_secs_f64());
    }
    let _ = write!(out, "{status},{:4.4}", (row.sent - start).as_secs_f64());
}

/// The first line of the exact table, with its newline.
pub const EXACT_HEADER: &str =
    "worker,due_s,ready_s,sent_s,first_byte_s,done_s,dial_s,lookup_s,write_s,wait_s,read_s,status,error,size\n";

/// Adds the exact row of a request, answered or not, to `out`: seconds from the load's start, to the nanosecond. What is not
/// known is empty.
pub fn write_exact_row(out: &mut String, row: &RequestRow, start: Timestamp) {
    let _ = write!(out, "{}", u64::from(row.worker.0) + 1);
    let at = |time: Timestamp| format!("{:.9}", time.seconds_since(start));
    let times = [Some(row.due), Some(row.ready), Some(row.sent), row.first_byte, Some(row.done)];
    for time in times {
        let _ = write!(out, ",{}", time.map(at).unwrap_or_default());
    }
    let detail = &row.detail;
    for part in [detail.dial, detail.lookup, detail.write, detail.wait, detail.read] {
        let _ = write!(out, ",{:.9}", part.as_secs_f64());
    }
    let size = detail.size.map(|size| size.to_string()).unwrap_or_default();
    let _ = match row.answer {
        Ok(status) => writeln!(out, ",{status},,{size}"),
        Err(kind) => writeln!(out, ",,{kind},{size}"),
    };
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::{Detail, ErrorKind, GeneratorId, WorkerId};

    fn row(answer: crate::record::Answer) -> RequestRow {
        let ms = Timestamp::from_millis;
        RequestRow {
            generator: GeneratorId(0),
            worker: WorkerId(1),
            due: ms(1_000),
            ready: ms(1_050),
            sent: ms(1_051),
            first_byte: answer.is_ok().then(|| ms(1_060)),
            done: ms(1_061),
            answer,
            replica: None,
            detail: Detail { dial: Duration::from_micros(1_234), size: Some(5), ..Detail::default() },
        }
    }

    #[test]
    fn a_row_is_hey_s_and_failures_have_none() {
        let mut out = HEADER.to_owned();
        write_row(&mut out, &row(Ok(200)), Timestamp::from_millis(900));
        write_row(&mut out, &row(Err(ErrorKind::Refused)), Timestamp::ZERO);
        insta::assert_snapshot!(out, @r"
        response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
        0.0100,0.0012,0.0000,0.0000,0.0000,0.0000,200,0.1510
        ");
    }

    #[test]
    fn exact_rows_tell_failures_too_and_leave_empty_what_is_unknown() {
        let mut out = EXACT_HEADER.to_owned();
        write_exact_row(&mut out, &row(Ok(200)), Timestamp::from_millis(900));
        write_exact_row(&mut out, &row(Err(ErrorKind::Refused)), Timestamp::from_millis(900));
        insta::assert_snapshot!(out, @r"
        worker,due_s,ready_s,sent_s,first_byte_s,done_s,dial_s,lookup_s,write_s,wait_s,read_s,status,error,size
        2,0.100000000,0.150000000,0.151000000,0.160000000,0.161000000,0.001234000,0.000000000,0.000000000,0.000000000,0.000000000,200,,5
        2,0.100000000,0.150000000,0.151000000,,0.161000000,0.001234000,0.000000000,0.000000000,0.000000000,0.000000000,,refused,5
        ");
    }
}
