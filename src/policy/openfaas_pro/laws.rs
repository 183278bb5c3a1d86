//! The documentation's worked examples, the down window, and the rule against a literal model of it.

use proptest::prelude::*;

use super::*;

fn pro(target: f64, proportion: f64, down_window: u64) -> Pro {
    Pro {
        kind: Kind::Rate,
        target,
        proportion,
        down_window: Duration::from_secs(down_window),
        bounds: (1, 20),
        decisions: VecDeque::new(),
    }
}

const AT: fn(u64) -> Timestamp = Timestamp::from_secs;

#[test]
fn the_documentation_s_examples() {
    // docs.openfaas.com, architecture/autoscaling: 15 in flight at 5 each are 3, 25 are 5, 90 at 100 x 0.7 are 2
    for (load, target, proportion, replicas) in [
        (15.0, 5.0, 1.0, 3),
        (25.0, 5.0, 1.0, 5),
        (90.0, 100.0, 0.7, 2),
        (70.0, 100.0, 0.7, 1),
        (45.0, 50.0, 0.9, 1),
        (0.0, 50.0, 0.9, 0),
    ] {
        assert_eq!(wanted(load, target, proportion), replicas, "{load} at {target} x {proportion}");
    }
}

#[test]
fn up_at_once_and_down_to_the_highest_of_the_window() {
    let mut without = pro(10.0, 1.0, 0);
    let at_once: Vec<u32> =
        [(15, 35.0), (30, 5.0), (45, 500.0)].map(|(at, load)| without.desired(AT(at), load).1).to_vec();
    assert_eq!(at_once, [4, 1, 20]);
    let mut with = pro(10.0, 1.0, 60);
    let held: Vec<u32> = [(15, 35.0), (30, 5.0), (45, 15.0), (60, 5.0), (75, 5.0), (90, 5.0), (105, 5.0)]
        .map(|(at, load)| with.desired(AT(at), load).1)
        .to_vec();
    assert_eq!(held, [4, 4, 4, 4, 2, 2, 1]);
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_literal_model(
        target in 1_u32..200,
        tenths in 1_u32..=10,
        down_window in 0_u64..120,
        loads in proptest::collection::vec((0_u32..4_000, 1_u64..40), 1..50),
    ) {
        let mut ours = pro(f64::from(target), f64::from(tenths) / 10.0, down_window);
        let mut past: Vec<(u64, u32)> = Vec::new();
        let mut now = 0;
        for (load, gap) in loads {
            now += gap;
            // in whole numbers: the fewest replicas of which each bears a tenth of target x tenths
            let needed = (0..=40_000).find(|replicas| replicas * target * tenths >= load * 10).unwrap_or(u32::MAX);
            past.push((now, needed.clamp(1, 20)));
            let highest = past.iter().filter(|(at, _)| *at == now || now - at < down_window).map(|(_, replicas)| *replicas).max();
            prop_assert_eq!(ours.desired(AT(now), f64::from(load)), (needed, highest.unwrap_or(1)));
        }
    }
}
