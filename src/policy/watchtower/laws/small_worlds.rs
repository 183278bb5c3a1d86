//! Every sequence of a few probes in every small world, held against the rule written a second time.

use super::*;

/// The original's rule once more, as plainly as it can be written: three lists of three, whole numbers only.
#[derive(Clone, Copy, Debug)]
struct Literal {
    above: u32,
    below: u32,
    replicas: u32,
}

/// Increments as `(numerator, denominator)`; `None` is `auto`.
const INCREMENTS: [Option<(u32, u32)>; 3] = [Some((1, 5)), Some((1, 1)), None];

impl Literal {
    /// Takes a latency in milliseconds; the target is 75 and the band 60 to 90. Gives the count that was sent.
    fn probe(&mut self, latency: u32, case: &Case) -> Option<u32> {
        let mut sent = None;
        if latency < 60 {
            self.below += 1;
            self.above = 0;
            if self.below >= case.down_rounds && self.replicas != 1 {
                let replicas = match case.down {
                    Some((part, whole)) => (self.replicas * (whole - part)).div_ceil(whole),
                    None => (self.replicas * latency).div_ceil(75),
                };
                sent = Some(replicas.max(1));
            }
        } else if latency > 90 {
            self.above += 1;
            self.below = 0;
            if self.above >= case.up_rounds && self.replicas != 5 {
                let replicas = match case.up {
                    Some((part, whole)) => (self.replicas * (whole + part)).div_ceil(whole),
                    None => (self.replicas * latency).div_ceil(75),
                };
                sent = Some(replicas.min(5));
            }
        } else {
            self.above = 0;
            self.below = 0;
        }
        sent
    }

    /// What the platform made of it.
    fn scaled(&mut self, sent: Option<u32>, platform: Platform) {
        let Some(sent) = sent else { return };
        if platform == Platform::Obeys {
            self.replicas = sent;
        }
        if platform != Platform::Refuses && self.replicas == sent {
            self.above = 0;
            self.below = 0;
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    up_rounds: u32,
    down_rounds: u32,
    up: Option<(u32, u32)>,
    down: Option<(u32, u32)>,
    platform: Platform,
}

/// Every sequence of `depth` probes from here on, sharing what they have in common.
fn explore(world: &World, literal: Literal, case: &Case, depth: u32) -> u32 {
    if depth == 0 {
        return 0;
    }
    let mut seen = 0;
    for latency in [100, 75, 20] {
        let (mut world, mut literal) = (world.clone(), literal);
        world.probe(u64::from(latency) * 1000, Ok(200));
        let from = literal.replicas;
        let sent = literal.probe(latency, case);
        let expected: Vec<_> = sent.map(|to| (from, to)).into_iter().collect();
        assert_eq!(scales(&world.done), expected, "{case:?} {literal:?}");
        let counted = world.judged().first().map(|row| (row.above, row.below));
        assert_eq!(counted, Some((literal.above, literal.below)), "{case:?} {literal:?}");
        literal.scaled(sent, case.platform);
        assert_eq!(world.desired, literal.replicas, "{case:?} {literal:?}");
        let left = world.tower.rounds;
        assert_eq!((left.above, left.below), (literal.above, literal.below), "{case:?} {literal:?}");
        seen += 1 + explore(&world, literal, case, depth - 1);
    }
    seen
}

#[test]
fn every_small_world_goes_as_the_literal_rule_says() {
    let value = |increment: Option<(u32, u32)>| match increment {
        Some((part, whole)) => Value::Number(f64::from(part) / f64::from(whole)),
        None => Value::Owned("auto".to_owned()),
    };
    let mut seen = 0;
    for (platform, depth) in [(Platform::Obeys, 6), (Platform::Refuses, 4), (Platform::Ignores, 4)] {
        for (up_rounds, down_rounds) in (1..=3).flat_map(|up| (1..=3).map(move |down| (up, down))) {
            for (up, down) in INCREMENTS.into_iter().flat_map(|up| INCREMENTS.map(|down| (up, down))) {
                let case = Case { up_rounds, down_rounds, up, down, platform };
                let settings = settings(&[
                    ("scale_up_rounds", Value::Integer(i64::from(up_rounds))),
                    ("scale_down_rounds", Value::Integer(i64::from(down_rounds))),
                    ("scale_up_increment", value(up)),
                    ("scale_down_increment", value(down)),
                ]);
                for replicas in 1..=5 {
                    let mut world = World::new(&settings, replicas);
                    world.platform = platform;
                    seen += explore(&world, Literal { above: 0, below: 0, replicas }, &case, depth);
                }
            }
        }
    }
    assert_eq!(seen, 81 * 5 * (1_092 + 120 + 120), "probes judged");
}
