//! hey's report as a value: what `.` is in a template (hey 0.1.4, report.go).
//!
//! Names and meaning are hey's, also where they are swapped: `ConnMax` holds the smallest and `ConnMin` the largest, and so on for
//! each part of the way.

use std::collections::BTreeMap;

use crate::stats::hey_summary::{DetailRow, HistogramRow};
use crate::study::hey::measured::{Columns, Measured};
use crate::time::nanos;

use super::value::{Struct, Value};

static REPORT: Struct = Struct {
    name: "requester.Report",
    list: "[]requester.Report",
    fields: &[
        "AvgTotal",
        "Fastest",
        "Slowest",
        "Average",
        "Rps",
        "AvgConn",
        "AvgDNS",
        "AvgReq",
        "AvgRes",
        "AvgDelay",
        "ConnMax",
        "ConnMin",
        "DnsMax",
        "DnsMin",
        "ReqMax",
        "ReqMin",
        "ResMax",
        "ResMin",
        "DelayMax",
        "DelayMin",
        "Lats",
        "ConnLats",
        "DnsLats",
        "ReqLats",
        "ResLats",
        "DelayLats",
        "Offsets",
        "StatusCodes",
        "Total",
        "ErrorDist",
        "StatusCodeDist",
        "SizeTotal",
        "SizeReq",
        "NumRes",
        "LatencyDistribution",
        "Histogram",
    ],
};

static DISTRIBUTION: Struct = Struct {
    name: "requester.LatencyDistribution",
    list: "[]requester.LatencyDistribution",
    fields: &["Percentage", "Latency"],
};

pub(super) static BUCKET: Struct =
    Struct { name: "requester.Bucket", list: "[]requester.Bucket", fields: &["Mark", "Count", "Frequency"] };

/// The report of a load.
pub(super) fn report(measured: &Measured) -> Value {
    let summary = &measured.summary;
    let latencies = summary.latencies();
    let answered = latencies.count();
    let total = measured.total();
    let seconds = |value: Option<std::time::Duration>| Value::Float(value.unwrap_or_default().as_secs_f64());
    let [dial, lookup, write, wait, read] = summary.details();
    let smallest_and_largest = |row: DetailRow| [Value::Float(row.fastest), Value::Float(row.slowest)];
    let none = Columns::default();
    let columns = measured.columns.as_ref().unwrap_or(&none);
    let floats = |column: &[f64]| Value::Floats(column.into());
    let codes: BTreeMap<i64, i64> =
        summary.status_codes().iter().map(|(status, count)| (i64::from(*status), *count as i64)).collect();
    let errors: BTreeMap<String, i64> =
        summary.errors().iter().map(|(text, count)| (text.clone(), *count as i64)).collect();
    let any = |value: Value, unmade: &'static str| if answered > 0 { value } else { Value::Unmade(unmade) };

    let mut values = vec![
        Value::Float(latencies.sum_secs()),
        seconds(latencies.histogram().min()),
        seconds(latencies.histogram().max()),
        Value::Float(latencies.sum_secs() / answered as f64),
        Value::Float((answered + summary.failures()) as f64 / total.as_secs_f64()),
    ];
    values.extend([dial, lookup, write, read, wait].map(|row| Value::Float(row.average)));
    values.extend([dial, lookup, write, read, wait].into_iter().flat_map(smallest_and_largest));
    values.extend(
        [
            &columns.latencies,
            &columns.dials,
            &columns.lookups,
            &columns.writes,
            &columns.reads,
            &columns.waits,
            &columns.offsets,
        ]
        .map(|column| floats(column)),
    );
    values.extend([
        Value::Ints(columns.status_codes.iter().map(|status| i64::from(*status)).collect()),
        Value::Duration(nanos(total) as i64),
        Value::TextMap(errors.into()),
        any(Value::IntMap(codes.into()), "map[int]int"),
        Value::Int64(summary.size_total() as i64),
        Value::Int64(summary.size_total().checked_div(answered).unwrap_or(0) as i64),
        Value::Int64((answered + summary.failures()) as i64),
        any(distribution(measured), DISTRIBUTION.list),
        any(histogram(&summary.histogram(), answered), BUCKET.list),
    ]);
    Value::Struct(&REPORT, values.into())
}

fn distribution(measured: &Measured) -> Value {
    let rows = measured.summary.distribution();
    let row = |percentage: u64, latency: f64| {
        Value::Struct(&DISTRIBUTION, [Value::Int(percentage as i64), Value::Float(latency)].into())
    };
    Value::Structs(&DISTRIBUTION, rows.iter().map(|one| row(one.percentage, one.latency)).collect())
}

fn histogram(rows: &[HistogramRow], answered: u64) -> Value {
    let row = |row: &HistogramRow| {
        let frequency = row.count as f64 / answered as f64;
        let values = [Value::Float(row.mark), Value::Int(row.count as i64), Value::Float(frequency)];
        Value::Struct(&BUCKET, values.into())
    };
    Value::Structs(&BUCKET, rows.iter().map(row).collect())
}
