//! KEDA's scalers give a total, and the HPA divides it: thresholds, and what each trigger sees.

use super::*;
use crate::policy::{Context, Measurement, PodSample};
use crate::random::Seed;
use crate::record::ReplicaId;
use crate::time::Epoch;

const AT: fn(u64) -> Timestamp = Timestamp::from_secs;

fn verdict(
    settings: &[(&str, crate::policy::settings::Value)],
    current: u32,
    rows: &[(u64, u64, u32, u64)],
) -> Verdict {
    let parameters = parameters();
    let mut complete = Settings::defaults(&parameters);
    for (name, value) in settings {
        complete.set(&parameters, name, value.clone()).unwrap();
    }
    let context = Context {
        epoch: Epoch::default(),
        load_start: Timestamp::ZERO,
        seed: Seed(1),
        functions: Vec::new(),
        bounds: vec![(1, 100)],
    };
    let window = complete.duration("window");
    let mut readings = Readings::new(&complete, window);
    for (at, answered, in_flight, request_secs) in rows {
        let pod = PodSample {
            replica: ReplicaId(0),
            request_time: Duration::from_secs(*request_secs),
            ..PodSample::default()
        };
        let sample =
            Measurement { in_flight: *in_flight, answered: *answered, pods: vec![pod], ..Measurement::default() };
        readings.told(AT(*at), Some(&sample));
    }
    let mut rule = Keda {
        is_rate: complete.word("metric") == "rps",
        is_http: complete.word("trigger") == "http",
        threshold: complete.number("threshold"),
        window,
        horizontal: Horizontal::new(&complete, context.studied_bounds()),
    };
    let now = rows.last().map_or(AT(0), |(at, ..)| AT(*at));
    rule.decide(now, ReplicaStatus { desired: current, ready: current }, &readings)
}

fn replicas(verdict: &Verdict) -> Option<u32> {
    match verdict {
        Verdict::Scale(to, _) => Some(*to),
        Verdict::Keep | Verdict::Blind(_) => None,
    }
}

#[test]
fn replicas_are_the_query_s_total_over_the_threshold() {
    use crate::policy::settings::Value::{Number, Text};
    // 6 000 answers in a minute are 100 a second, two replicas of 50; 30 in flight now; 1 200 s of requests in it are 20 at a time
    let minute = [(0, 0, 5, 0), (60, 6_000, 30, 1_200)];
    for (settings, to) in [
        (vec![], Some(2)),
        (vec![("threshold", Number(25.0))], Some(4)),
        (vec![("threshold", Number(95.0))], None),
        (vec![("metric", Text("concurrency")), ("threshold", Number(10.0))], Some(2)),
        (vec![("trigger", Text("http")), ("metric", Text("concurrency")), ("threshold", Number(10.0))], Some(3)),
    ] {
        assert_eq!(replicas(&verdict(&settings, 1, &minute)), to, "{settings:?}");
    }
}

#[test]
fn without_a_value_nothing_changes() {
    assert!(matches!(verdict(&[], 3, &[]), Verdict::Blind(_)));
    assert!(matches!(verdict(&[], 3, &[(60, 100, 5, 0)]), Verdict::Blind(_)), "a rate needs two readings");
}
