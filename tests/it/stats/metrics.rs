//! Metrics against an independent reference: `NumPy` on drawn loads and step functions (scripts/reference-metrics).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use watchtower::stats::elasticity::elasticity;
use watchtower::stats::inference::correlation::lag;
use watchtower::stats::latency::{Latencies, LatencyHistogram};
use watchtower::stats::percentile::percentile;
use watchtower::stats::scores::{deviation, worst};
use watchtower::stats::slo::{Slo, SloCount};
use watchtower::stats::step_fn::StepFn;
use watchtower::stats::step_response::{longest_cycle, reversals, step_response, steps_taken, total_change};
use watchtower::stats::windows::Windows;
use watchtower::time::Timestamp;

use super::{exactly, numbers, rows};

fn reference() -> Value {
    serde_json::from_str(include_str!("metrics.json")).expect("JSON")
}

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

fn ms(value: &Value) -> Duration {
    Duration::from_millis(whole(value))
}

fn cases<'a>(reference: &'a Value, of: &str, fewest: usize) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let cases = rows(&reference[of]);
    assert!(cases.len() >= fewest, "the reference of {of} is whole");
    cases.iter().map(|case| (case["name"].as_str().unwrap_or_default(), case))
}

#[test]
fn percentiles_and_means_agree_with_numpy() {
    let reference = reference();
    for (name, case) in cases(&reference, "percentiles", 8) {
        let values: Vec<u64> = rows(&case["values"]).iter().map(whole).collect();
        let mut latencies = Latencies::new(2_000);
        let mut rounded = LatencyHistogram::new();
        for value in &values {
            latencies.record(Duration::from_micros(*value));
            rounded.record(Duration::from_micros(*value));
        }
        let sorted = latencies.sorted();
        for (percent, wanted) in numbers(&case["percents"]).into_iter().zip(rows(&case["found"])) {
            let of = format!("{name}: p{percent}");
            assert_eq!(percentile(&values, percent), wanted.as_u64(), "{of}");
            assert_eq!(sorted.percentile(percent).map(|found| found.as_micros() as u64), wanted.as_u64(), "{of}");
            let rough = rounded.percentile(percent).map(|found| found.as_micros() as f64);
            match (rough, wanted.as_f64()) {
                (Some(rough), Some(wanted)) => {
                    assert!(rough >= wanted && rough <= wanted * 1.001 + 1.0, "{of}: {rough} for {wanted}");
                }
                (rough, wanted) => assert_eq!(rough, wanted, "{of}"),
            }
        }
        // whole nanoseconds, so a mean of microseconds is right to a thousandth of one
        let mean = rounded.mean().map(|mean| mean.as_nanos() as f64 / 1e3);
        match (mean, case["mean"].as_f64()) {
            (Some(mean), Some(wanted)) => assert!((mean - wanted).abs() <= 5.1e-4, "{name}: mean {mean} for {wanted}"),
            (mean, wanted) => assert_eq!(mean, wanted, "{name}"),
        }
    }
}

#[test]
fn what_is_said_of_the_objective_agrees_with_numpy() {
    let reference = reference();
    let latency = ms(&reference["limit_ms"]);
    for (name, case) in cases(&reference, "objective", 29) {
        let slo = Slo { latency, percentile: case["percentile"].as_f64().expect("a percentile") };
        let start = Timestamp::from_secs(15);
        let (mut windows, mut count) = (Windows::new(slo, start), SloCount::new(slo));
        let mut planned = 0;
        for request in rows(&case["requests"]) {
            let (due, latency, is_ok) = (ms(&request[0]), ms(&request[1]), request[2] == Value::Bool(true));
            windows.request(start + due, latency, is_ok);
            count.record(latency, is_ok);
            planned += 1;
        }
        for lost in rows(&case["lost"]) {
            windows.lost(start + ms(&lost[0]), whole(&lost[1]));
            planned += whole(&lost[1]);
        }
        let of = |what: &str| format!("{name}: {what}");
        exactly(count.violation_ratio(planned), &case["violation_ratio"], &of("violations"));
        exactly(count.apdex(planned), &case["apdex"], &of("Apdex"));
        exactly(windows.missed_ratio(1), &case["missed_1s"], &of("seconds"));
        exactly(windows.missed_ratio(10), &case["missed_10s"], &of("windows"));
        exactly(windows.time_weighted_error(), &case["itae"], &of("ITAE"));
        let spells = windows.spells().map(|spells| {
            let told = |spell: watchtower::stats::windows::Spell| (spell.from, spell.length, spell.is_over);
            spells.into_iter().map(told).collect::<Vec<_>>()
        });
        let wanted = case["spells"].as_array().map(|spells| {
            let told =
                |spell: &Value| (whole(&spell[0]) as u32, whole(&spell[1]) as u32, spell[2] == Value::Bool(true));
            spells.iter().map(told).collect::<Vec<_>>()
        });
        assert_eq!(spells, wanted, "{}", of("spells"));
    }
}

fn step_fn(steps: &Value) -> StepFn {
    let mut function = StepFn::constant(whole(&steps[0]) as u32);
    for step in &rows(steps)[1..] {
        function.set(Timestamp::ZERO + ms(&step[0]), whole(&step[1]) as u32);
    }
    function
}

#[test]
fn elasticity_and_step_responses_agree_with_numpy() {
    let reference = reference();
    for (name, case) in cases(&reference, "steps", 26) {
        let (demand, supply) = (step_fn(&case["demand"]), step_fn(&case["supply"]));
        let (from, to) = (Timestamp::ZERO, Timestamp::ZERO + ms(&case["span"]));
        let of = |what: &str| format!("{name}: {what}");
        exactly(supply.mean(from, to), &case["mean"], &of("mean"));
        exactly(Some(supply.integral(from, to)), &case["integral"], &of("integral"));
        assert_eq!(u64::from(supply.max(from, to)), whole(&case["most"]), "{}", of("most"));
        let found = elasticity(&demand, &supply, from, to);
        for (what, found) in [
            ("theta_u", found.map(|found| found.theta_u)),
            ("theta_o", found.map(|found| found.theta_o)),
            ("theta_o_supply", found.and_then(|found| found.theta_o_supply)),
            ("accuracy_u", found.map(|found| found.accuracy_u)),
            ("accuracy_o", found.map(|found| found.accuracy_o)),
            ("tau_u", found.map(|found| found.tau_u)),
            ("tau_o", found.map(|found| found.tau_o)),
            ("jitter_per_min", found.map(|found| found.jitter_per_min)),
            ("instability", found.map(|found| found.instability)),
        ] {
            exactly(found, &case[what], &of(what));
        }
        assert_eq!(u64::from(reversals(&supply, from, to)), whole(&case["reversals"]), "{}", of("reversals"));
        assert_eq!(u64::from(steps_taken(&supply, from, to)), whole(&case["taken"]), "{}", of("steps"));
        assert_eq!(total_change(&supply, from, to), whole(&case["changed"]), "{}", of("change"));
        let millis = |duration: Duration| duration.as_millis() as f64;
        exactly(longest_cycle(&supply, from, to).map(millis), &case["cycle_ms"], &of("cycle"));
        let response = step_response(&supply, from, to);
        exactly(response.map(|found| found.overshoot), &case["overshoot"], &of("overshoot"));
        exactly(response.map(|found| millis(found.settling)), &case["settling_ms"], &of("settling"));
        exactly(response.map(|found| millis(found.rise)), &case["rise_ms"], &of("rise"));
    }
}

#[test]
fn scores_agree_with_numpy() {
    let reference = reference();
    assert!(rows(&reference["norms"]).len() > 10);
    for case in rows(&reference["norms"]) {
        let values = numbers(&case[0]);
        exactly(deviation(&values), &case[1], &format!("norm of {values:?}"));
        exactly(worst(&values), &case[2], &format!("largest of {values:?}"));
    }
}

#[test]
fn lags_agree_with_numpy() {
    let reference = reference();
    let pairs = |value: &Value| -> Vec<(i64, f64)> {
        rows(value)
            .iter()
            .map(|pair| (pair[0].as_i64().expect("a second"), pair[1].as_f64().expect("a value")))
            .collect()
    };
    for (name, case) in cases(&reference, "lags", 9) {
        let users: BTreeMap<i64, f64> = pairs(&case["users"]).into_iter().collect();
        assert_eq!(lag(&pairs(&case["probes"]), &users, 10), case["lag"].as_i64(), "{name}");
    }
}
