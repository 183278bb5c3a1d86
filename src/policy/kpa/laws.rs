//! The numbers of Knative's documentation and configuration, panic, and the rule against a literal model of it.

use proptest::prelude::*;

use super::*;

/// Defaults of `config-autoscaler`: 100 in flight at 70 %.
fn scaler(target: f64) -> Scaler {
    Scaler {
        target,
        panic_threshold: 2.0,
        max_up: 1_000.0,
        max_down: 2.0,
        stable_window: Duration::from_secs(60),
        delay: Duration::ZERO,
        panic: None,
        decisions: VecDeque::new(),
        is_new: true,
    }
}

const AT: fn(u64) -> Timestamp = Timestamp::from_secs;

#[test]
fn a_pod_more_for_each_seventy_requests_in_flight() {
    for (average, pods) in [(0.0, 0), (0.1, 1), (70.0, 1), (70.1, 2), (140.0, 2), (140.5, 3)] {
        assert_eq!(scaler(70.0).scale(AT(2), 1, average, 0.0), pods, "{average}");
    }
}

#[test]
fn the_sample_of_the_documentation_panics_to_as_many_pods_as_the_jump_needs() {
    // knative.dev, autoscale-go: 50 in parallel against a target of 10 at 70 % are 8 pods; two of one is where panic begins
    let mut scaler = scaler(7.0);
    assert_eq!(scaler.scale(AT(2), 1, 5.0, 50.0), 8);
    assert_eq!(scaler.panic, Some(Panic { since: AT(2), pods: 8 }));
    assert_eq!(scaler.scale(AT(4), 1, 9.0, 21.0), 8, "in panic it does not go down");
    assert_eq!(scaler.scale(AT(6), 8, 9.0, 64.0), 10);
    for second in (8..=64).step_by(2) {
        assert_eq!(scaler.scale(AT(second), 10, 12.0, 12.0), 10, "{second} s");
    }
    assert_eq!(scaler.scale(AT(66), 10, 12.0, 12.0), 5, "over: two pods are wanted, but no more than half go at once");
    assert_eq!(scaler.panic, None);
    assert_eq!(scaler.scale(AT(68), 5, 12.0, 12.0), 2);
}

#[test]
fn one_that_starts_where_pods_are_holds_them_for_a_window() {
    let mut scaler = scaler(70.0);
    assert_eq!(scaler.scale(AT(2), 4, 0.0, 0.0), 4);
    assert_eq!(scaler.scale(AT(62), 4, 0.0, 0.0), 4);
    assert_eq!(scaler.scale(AT(64), 4, 0.0, 0.0), 2);
}

#[test]
fn the_delay_keeps_the_highest_decision_of_its_window() {
    let mut scaler = Scaler { delay: Duration::from_secs(30), ..scaler(10.0) };
    let decisions: Vec<u32> = [(2, 18.0), (10, 5.0), (31, 5.0), (32, 5.0)]
        .map(|(at, average)| scaler.scale(AT(at), 2, average, average))
        .to_vec();
    // it started where two pods were, so the panic of the start holds them too
    assert_eq!(decisions, [2, 2, 2, 2]);
    let mut scaler = Scaler { delay: Duration::from_secs(30), is_new: false, ..scaler };
    scaler.panic = None;
    scaler.decisions.clear();
    let decisions: Vec<u32> = [(102, 18.0), (110, 5.0), (131, 5.0), (132, 5.0)]
        .map(|(at, average)| scaler.scale(AT(at), 2, average, average))
        .to_vec();
    assert_eq!(decisions, [2, 2, 2, 1]);
}

/// The rule as a list of assignments, in the order of the original's comments.
#[derive(Default)]
struct Literal {
    panic_time: Option<u64>,
    max_panic_pods: f64,
    history: Vec<(u64, f64)>,
    started: bool,
}

impl Literal {
    fn scale(&mut self, now: u64, ready: u32, stable: f64, panic: f64, target: f64, delay: u64) -> u32 {
        if !self.started && ready > 1 {
            self.panic_time = Some(now);
            self.max_panic_pods = f64::from(ready);
        }
        self.started = true;
        let ready = if ready == 0 { 1.0 } else { f64::from(ready) };
        let upper = ready * 1_000.0;
        let lower = (ready / 2.0).floor();
        let clamp = |x: f64| {
            if x < lower {
                lower
            } else if x > upper {
                upper
            } else {
                x
            }
        };
        let stable_pods = clamp((stable / target).ceil());
        let panic_pods = clamp((panic / target).ceil());
        let over = (panic / target).ceil() / ready >= 2.0;
        if over {
            self.panic_time = Some(now);
        } else if let Some(since) = self.panic_time
            && since + 60 < now
        {
            self.panic_time = None;
            self.max_panic_pods = 0.0;
        }
        let mut desired = stable_pods;
        if self.panic_time.is_some() {
            if panic_pods > desired {
                desired = panic_pods;
            }
            if desired > self.max_panic_pods {
                self.max_panic_pods = desired;
            }
            desired = self.max_panic_pods;
        }
        if delay > 0 {
            self.history.push((now, desired));
            desired = self
                .history
                .iter()
                .filter(|(at, _)| now - at < delay)
                .fold(0.0, |most: f64, (_, pods)| most.max(*pods));
        }
        desired as u32
    }
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_literal_model(
        target in 0.5_f64..100.0,
        delay in prop_oneof![Just(0_u64), 1_u64..120],
        ticks in proptest::collection::vec((0_u32..30, 0.0_f64..800.0, 0.0_f64..800.0, 1_u64..20), 1..60),
    ) {
        let mut ours = Scaler { delay: Duration::from_secs(delay), ..scaler(target) };
        let mut model = Literal::default();
        let mut now = 0;
        for (ready, stable, panic, gap) in ticks {
            now += gap;
            prop_assert_eq!(
                ours.scale(AT(now), ready, stable, panic),
                model.scale(now, ready, stable, panic, target, delay)
            );
        }
    }
}
