//! `metrics.csv`: what a policy was told of the platform's metrics.

use super::error::ResultsError;
use super::rows::RowFile;
use crate::record::{FunctionId, Measurement};
use crate::time::Timestamp;

/// Its head.
pub(super) const HEAD: &str = "t_s,function,in_flight,answered,request_time_s,replica,asked_s,ready_s,replica_cpu_s,\
                               replica_in_flight,replica_request_time_s,replica_answered";
/// Columns of a pod; empty in the one row of a function that has none.
const POD_COLUMNS: usize = 7;

/// A row per pod.
pub(super) fn write(
    rows: &mut RowFile,
    origin: Timestamp,
    at: Timestamp,
    function: FunctionId,
    sample: &Measurement,
) -> Result<(), ResultsError> {
    let none = std::iter::once(None).filter(|_| sample.pods.is_empty());
    for pod in sample.pods.iter().map(Some).chain(none) {
        rows.row(|out| {
            out.time(at, origin).count(function.0.into()).count(sample.in_flight.into()).count(sample.answered);
            out.nanos(sample.request_time);
            let Some(pod) = pod else {
                for _ in 0..POD_COLUMNS {
                    out.unknown();
                }
                return;
            };
            out.count(pod.replica.0.into()).time(pod.asked, origin);
            match pod.ready {
                Some(at) => out.time(at, origin),
                None => out.unknown(),
            };
            out.nanos(pod.cpu_time).count(pod.in_flight.into()).nanos(pod.request_time).count(pod.answered);
        })?;
    }
    Ok(())
}
