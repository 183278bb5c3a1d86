//! What is seen of metrics: by when it was taken, how late, and over which window.

use super::*;
use crate::policy::settings::Value;

fn readings(every: &'static str, lag: &'static str) -> Readings {
    let parameters = parameters(Duration::from_secs(5));
    let mut settings = Settings::defaults(&parameters);
    for (name, value) in [("metrics_interval", every), ("metrics_lag", lag)] {
        settings.set(&parameters, name, Value::Text(value)).unwrap();
    }
    Readings::new(&settings, Duration::from_secs(60))
}

fn pod(replica: u32, cpu_millis: u64) -> PodSample {
    PodSample { replica: ReplicaId(replica), cpu_time: Duration::from_millis(cpu_millis), ..PodSample::default() }
}

fn sample(answered: u64, pods: &[PodSample]) -> Measurement {
    Measurement { in_flight: answered as u32 / 10, answered, pods: pods.to_vec(), ..Measurement::default() }
}

const AT: fn(u64) -> Timestamp = Timestamp::from_secs;
const WINDOW: Duration = Duration::from_secs(30);

#[test]
fn a_rate_is_taken_over_the_window_and_needs_two_readings() {
    let mut readings = readings("10s", "0s");
    assert_eq!(readings.answers_per_second(AT(0), WINDOW), None);
    for (at, answered) in [(0, 0), (10, 100), (20, 300), (30, 600), (40, 1_000)] {
        readings.told(AT(at), Some(&sample(answered, &[])));
        if at == 0 {
            assert_eq!(readings.answers_per_second(AT(at), WINDOW), None);
        }
    }
    assert_eq!(readings.answers_per_second(AT(40), WINDOW), Some((1_000.0 - 100.0) / 30.0));
    assert_eq!(readings.answers_per_second(AT(69), WINDOW), None, "one reading is left in the window");
    assert_eq!(readings.most_in_flight(AT(60), WINDOW), Some(100));
}

#[test]
fn what_is_seen_is_as_old_as_the_lag() {
    let mut readings = readings("10s", "15s");
    for (at, answered) in [(0, 0), (10, 100), (20, 300)] {
        readings.told(AT(at), Some(&sample(answered, &[])));
    }
    assert_eq!(readings.in_flight(AT(34), WINDOW), Some(10));
    assert_eq!(readings.in_flight(AT(35), WINDOW), Some(30));
    assert_eq!(readings.newest().unwrap().in_flight, 30);
}

#[test]
fn growth_counts_pods_that_came_and_went_for_as_long_as_they_were_seen() {
    let mut readings = readings("10s", "0s");
    readings.told(AT(0), Some(&sample(0, &[pod(0, 1_000)])));
    readings.told(AT(10), Some(&sample(0, &[pod(0, 6_000), pod(1, 3_000)])));
    readings.told(AT(20), Some(&sample(0, &[pod(1, 9_000)])));
    assert_eq!(readings.growth(AT(20), WINDOW, cpu), Some((5.0 + 3.0 + 6.0) / 20.0));
    let each = readings.each_growth(AT(20), cpu).unwrap();
    assert_eq!((each.at, each.span), (AT(20), Duration::from_secs(10)));
    assert_eq!(each.values.into_iter().collect::<Vec<_>>(), [(ReplicaId(1), 0.6)]);
}

#[test]
fn readings_are_asked_for_on_their_grid_and_none_twice() {
    let mut readings = readings("5s", "0s");
    readings.start(AT(1));
    let mut asked = Vec::new();
    for second in 0..30 {
        let mut actions = Vec::new();
        // slept through from 8 s to 17 s
        if !(8..17).contains(&second) {
            readings.ask(AT(second), &mut actions);
        }
        asked.extend(actions.iter().map(|_| second));
    }
    assert_eq!(asked, [1, 6, 17, 21, 26]);
}
