//! Random counters through the emulated chain and through a literal reading of `PromQL` and of alerting rules.
//!
//! The model keeps every sample for ever and looks for what it needs at each evaluation; it shares no code with the policy
//! and sees only when scrapes were asked for. `WATCHTOWER_CASES` sets the number of random worlds.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use watchtower::policy::settings::{Settings, Value};
use watchtower::policy::{Action, Context, Counter, Event, FunctionInfo, registry};
use watchtower::random::Seed;
use watchtower::record::{EventKind, FunctionId};
use watchtower::time::{Epoch, Timestamp};

const USUAL_CASES: u32 = 10_000;
const MILLI: u64 = 1_000_000;
const SCRAPE: u64 = 5_000 * MILLI;
const EVALUATION: u64 = 15_000 * MILLI;

/// One reading of the counters.
#[derive(Clone, Debug)]
struct Reading {
    /// How late the driver wakes the policy for it, in microseconds.
    late_us: u64,
    /// How long the answer takes, in microseconds.
    took_us: u64,
    /// Nothing if it fails; else, for each function, what happened since the last one.
    counters: Option<[Since; 2]>,
}

#[derive(Clone, Copy, Debug)]
enum Since {
    /// So many more answers.
    More(u32),
    /// The gateway began again and has given so many answers since.
    Reset(u32),
    /// The series isn't there.
    Absent,
}

#[derive(Clone, Debug)]
struct World {
    unix_ns: u64,
    scrape_phase_us: u64,
    evaluation_phase_us: u64,
    hold_s: u64,
    readings: Vec<Reading>,
}

fn since() -> impl Strategy<Value = Since> {
    prop_oneof![
        // around the threshold of 25 answers in 5 s
        6 => (20_u32..31).prop_map(Since::More),
        2 => (0_u32..300).prop_map(Since::More),
        2 => Just(Since::More(0)),
        1 => (0_u32..60).prop_map(Since::Reset),
        1 => Just(Since::Absent),
    ]
}

fn reading() -> impl Strategy<Value = Reading> {
    let counters = prop_oneof![12 => [since(), since()].prop_map(Some), 1 => Just(None)];
    (0_u64..4_000, 0_u64..30_000, counters).prop_map(|(late_us, took_us, counters)| Reading {
        late_us,
        took_us,
        counters,
    })
}

fn world() -> impl Strategy<Value = World> {
    let holds = prop_oneof![3 => Just(5_u64), 1 => Just(0), 1 => Just(20)];
    // every third world evaluates at the very edge of its samples
    let edge = prop_oneof![2 => Just(None), 1 => (0_u64..4_000).prop_map(Some)];
    let phases = (0..SCRAPE / 1000, 0..EVALUATION / 1000, edge).prop_map(|(scrape, evaluation, edge)| match edge {
        Some(after) => (scrape, scrape + after),
        None => (scrape, evaluation),
    });
    (0..100_000 * EVALUATION, phases, holds, prop::collection::vec(reading(), 6..40)).prop_map(
        |(unix_ns, (scrape_phase_us, evaluation_phase_us), hold_s, readings)| World {
            unix_ns,
            scrape_phase_us,
            evaluation_phase_us,
            hold_s,
            readings,
        },
    )
}

/// A sample as the model keeps it.
#[derive(Clone, Copy, Debug)]
struct Stored {
    stamp_ms: i64,
    /// Nanosecond of the run at which it was stored.
    visible_from: u64,
    value: f64,
}

/// A change of an alert: the evaluation (its planned nanosecond of the run), the function, the new state.
type Change = (u64, usize, &'static str);

/// Drives the policy through the world; its alert notes, every sample, and the times at which anything happened.
fn driven(world: &World) -> (Vec<Change>, [Vec<Stored>; 2], Vec<u64>) {
    let policy = registry::find("openfaas-ce").unwrap();
    let parameters = (policy.parameters)();
    let mut settings = Settings::defaults(&parameters);
    for (name, value) in [
        ("scrape_phase", format!("{}us", world.scrape_phase_us)),
        ("evaluation_phase", format!("{}us", world.evaluation_phase_us)),
        ("for", format!("{}s", world.hold_s)),
    ] {
        settings.set(&parameters, name, Value::Owned(value)).unwrap();
    }
    let function = |name: &str| FunctionInfo { name: name.to_owned(), labels: BTreeMap::new() };
    let context = Context {
        epoch: Epoch::from_unix(Duration::from_nanos(world.unix_ns)),
        load_start: Timestamp::ZERO,
        seed: Seed(1),
        functions: vec![function("f0"), function("f1")],
        bounds: vec![(1, 5); 2],
    };
    let mut policy = (policy.build)(&settings, &context);
    let mut changes = Vec::new();
    let mut samples = [Vec::new(), Vec::new()];
    let mut happened = Vec::new();
    let mut totals: [Option<u32>; 2] = [None; 2];
    let mut readings = world.readings.iter();
    let mut pending: Option<(u64, Event)> = None;
    let mut late = 0;
    let mut is_over = false;
    let mut next = Some((0, Event::Started { replicas: vec![1, 1] }));
    while let Some((now, event)) = next {
        let mut actions = Vec::new();
        policy.handle(Timestamp::from_nanos(now), &event, &mut actions);
        happened.push(now);
        for action in actions {
            match action {
                Action::Scrape => {
                    let Some(reading) = readings.next() else {
                        is_over = true;
                        continue;
                    };
                    late = reading.late_us * 1000;
                    let answered = now + reading.took_us * 1000;
                    let stamp_ms = stamp_ms(world, now);
                    let counters = reading.counters.map(|counters| {
                        let mut scraped = Vec::new();
                        for (index, since) in counters.into_iter().enumerate() {
                            let total = match since {
                                Since::More(more) => totals[index].unwrap_or(0) + more,
                                Since::Reset(total) => total,
                                Since::Absent => continue,
                            };
                            totals[index] = Some(total);
                            let value = f64::from(total);
                            samples[index].push(Stored { stamp_ms, visible_from: answered, value });
                            let function = FunctionId(u16::try_from(index).unwrap());
                            scraped.push(Counter { function, code: 200, value });
                            scraped.push(Counter { function, code: 500, value: value * 3.0 });
                        }
                        scraped
                    });
                    pending = Some((answered, Event::Scraped(counters)));
                }
                Action::Note { kind: EventKind::Alert, reason, .. } => {
                    let text = reason.text.strip_prefix("alert of f").unwrap();
                    let state = ["pending", "firing", "dropped", "resolved"]
                        .into_iter()
                        .find(|state| text[2..].starts_with(state))
                        .unwrap();
                    changes.push((
                        planned(world, now, evaluations(world)).unwrap(),
                        usize::from(text.starts_with('1')),
                        state,
                    ));
                }
                // This chain ends at Alertmanager: replicas can't be read, which the gateway swallows.
                _ => {}
            }
        }
        if is_over {
            break;
        }
        let wake = policy.wake_at().map(|at| at.as_nanos().max(now) + late);
        next = match (pending.take(), wake) {
            (Some((at, event)), Some(wake)) if at > wake => {
                pending = Some((at, event));
                Some((wake, Event::Woken))
            }
            (Some(answer), _) => Some(answer),
            (None, wake) => wake.map(|wake| (wake, Event::Woken)),
        };
    }
    (changes, samples, happened)
}

/// The last point of a grid of Unix time at or before `now`, if the run has one by then.
fn planned(world: &World, now: u64, (period, phase_us): (u64, u64)) -> Option<u64> {
    let since = (world.unix_ns + now + period - phase_us * 1000 % period) % period;
    now.checked_sub(since)
}

fn scrapes(world: &World) -> (u64, u64) {
    (SCRAPE, world.scrape_phase_us)
}

fn evaluations(world: &World) -> (u64, u64) {
    (EVALUATION, world.evaluation_phase_us)
}

/// The millisecond under which a scrape is stored: the planned one if it is late by at most 2 ms.
fn stamp_ms(world: &World, asked: u64) -> i64 {
    let planned = planned(world, asked, scrapes(world)).unwrap();
    let stamp = if asked - planned <= 2 * MILLI { planned } else { asked };
    i64::try_from((world.unix_ns + stamp) / MILLI).unwrap()
}

/// `rate(counter[10s])` at `end_ms`, read off the text of the function in the Prometheus documentation and source.
fn literal_rate(samples: &[Stored], end_ms: i64) -> Option<f64> {
    let start_ms = end_ms - 10_000;
    let window: Vec<&Stored> =
        samples.iter().filter(|sample| start_ms <= sample.stamp_ms && sample.stamp_ms <= end_ms).collect();
    if window.len() < 2 {
        return None;
    }
    let first = window[0];
    let last = window[window.len() - 1];
    let mut result = last.value - first.value;
    let mut previous = first.value;
    for sample in &window[1..] {
        if sample.value < previous {
            result += previous;
        }
        previous = sample.value;
    }
    let sampled_interval = (last.stamp_ms - first.stamp_ms) as f64 / 1000.0;
    let average = sampled_interval / (window.len() - 1) as f64;
    let edge = |distance: f64| if distance >= average * 1.1 { average / 2.0 } else { distance };
    let mut duration_to_start = edge((first.stamp_ms - start_ms) as f64 / 1000.0);
    if result > 0.0 && first.value >= 0.0 {
        duration_to_start = duration_to_start.min(sampled_interval * (first.value / result));
    }
    let duration_to_end = edge((end_ms - last.stamp_ms) as f64 / 1000.0);
    let extrapolated = (sampled_interval + duration_to_start) + duration_to_end;
    let factor = extrapolated / sampled_interval / 10.0;
    Some(result * factor)
}

/// Every change of every alert, evaluation by evaluation, from the samples alone.
fn literal_changes(world: &World, samples: &[Vec<Stored>; 2], happened: &[u64]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut active_since: [Option<u64>; 2] = [None; 2];
    let mut fires = [false; 2];
    let mut times: Vec<u64> = happened.iter().filter_map(|at| planned(world, *at, evaluations(world))).collect();
    times.dedup();
    for ts in times {
        let Some(evaluated_at) = happened.iter().copied().find(|at| *at >= ts) else { continue };
        let end_ms = i64::try_from((world.unix_ns + ts) / MILLI).unwrap();
        // the policy names what became pending before what else changed
        let is_true: [bool; 2] = [0, 1].map(|index| {
            let stored: Vec<Stored> =
                samples[index].iter().filter(|sample| sample.visible_from <= evaluated_at).copied().collect();
            literal_rate(&stored, end_ms).is_some_and(|rate| rate > 5.0)
        });
        for index in [0, 1] {
            if is_true[index] && active_since[index].is_none() {
                active_since[index] = Some(ts);
                changes.push((ts, index, "pending"));
            }
        }
        for index in [0, 1] {
            match active_since[index] {
                Some(_) if !is_true[index] => {
                    changes.push((ts, index, if fires[index] { "resolved" } else { "dropped" }));
                    (active_since[index], fires[index]) = (None, false);
                }
                Some(since) if !fires[index] && ts - since >= world.hold_s * 1000 * MILLI => {
                    fires[index] = true;
                    changes.push((ts, index, "firing"));
                }
                _ => {}
            }
        }
    }
    changes
}

#[test]
fn alerts_change_at_the_same_evaluations_as_by_a_literal_reading_of_promql() {
    let asked: Option<u32> = std::env::var("WATCHTOWER_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(USUAL_CASES);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    // the usual worlds are the same every time; who asks for a number gets new ones
    let mut runner = match asked {
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
        Some(_) => TestRunner::new(config),
    };
    let mut seen: BTreeMap<&'static str, u32> = BTreeMap::new();
    let outcome = runner.run(&(world(),), |(world,)| {
        let (changes, samples, happened) = driven(&world);
        prop_assert_eq!(&changes, &literal_changes(&world, &samples, &happened));
        Ok(())
    });
    outcome.unwrap();
    // the worlds are worth something only if every kind of change occurs in them
    let mut runner = TestRunner::deterministic();
    for _ in 0..100 {
        let world = world().new_tree(&mut runner).unwrap().current();
        for (_, _, state) in driven(&world).0 {
            *seen.entry(state).or_default() += 1;
        }
    }
    assert!(seen.len() == 4 && seen.values().all(|times| *times >= 20), "{seen:?}");
}
