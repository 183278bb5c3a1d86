//! What the lookout promises: needs as queueing has them, no thrashing whatever comes, and a way on when it is blind.

use proptest::prelude::*;

use super::*;
use crate::policy::{FunctionInfo, Refusal};
use crate::random::Seed;
use crate::record::ErrorKind;
use crate::time::Epoch;

fn lookout(bounds: (u32, u32)) -> Box<dyn Policy> {
    let context = Context {
        epoch: Epoch::default(),
        load_start: Timestamp::ZERO,
        seed: Seed(1),
        functions: vec![FunctionInfo::default()],
        bounds: vec![bounds],
    };
    build(&Settings::defaults(&parameters()), &context)
}

/// A platform of fluid: replicas that bear so much each, a backlog, and nothing that is random.
struct World {
    policy: Box<dyn Policy>,
    desired: u32,
    /// Until when each of the replicas beyond the first starts.
    ready_at: Vec<Timestamp>,
    bears: f64,
    alone: f64,
    rate: f64,
    arrived: f64,
    answered: f64,
    spent: f64,
    has_counters: bool,
    has_probes: bool,
    is_refused: bool,
    /// What it asked for.
    scales: Vec<(Timestamp, u32, u32)>,
    /// What of it was granted.
    granted: Vec<(Timestamp, u32, u32)>,
    words: Vec<String>,
}

impl World {
    fn new(bears: f64, alone: f64) -> Self {
        Self {
            policy: lookout((1, 5)),
            desired: 1,
            ready_at: Vec::new(),
            bears,
            alone,
            rate: 0.0,
            arrived: 0.0,
            answered: 0.0,
            spent: 0.0,
            has_counters: true,
            has_probes: true,
            is_refused: false,
            scales: Vec::new(),
            granted: Vec::new(),
            words: Vec::new(),
        }
    }

    /// Four threads a replica, each request in one for 32 ms: what it bears can be told from light load on.
    fn threads() -> Self {
        Self::new(125.0, 0.037)
    }

    fn ready(&self, now: Timestamp) -> u32 {
        1 + self.ready_at.iter().filter(|at| **at <= now).count() as u32
    }

    fn in_flight(&self) -> f64 {
        self.arrived - self.answered
    }

    /// Lets the world and its policy live from `from` to `to`, in steps of a tenth of a second.
    fn live(&mut self, from: u64, to: u64) {
        if from == 0 {
            self.tell(Timestamp::ZERO, &Event::Started { replicas: vec![1] });
        }
        for tenth in from * 10 + 1..=to * 10 {
            let now = Timestamp::from_millis(tenth * 100);
            self.arrived += self.rate / 10.0;
            let lone = self.rate * self.alone;
            let most = f64::from(self.ready(now)) * self.bears / 10.0;
            self.answered += (self.in_flight() - lone).clamp(0.0, most);
            self.spent += self.in_flight() / 10.0;
            if self.policy.wake_at().is_some_and(|at| at <= now) {
                self.tell(now, &Event::Woken);
            }
        }
    }

    fn tell(&mut self, now: Timestamp, event: &Event) {
        let mut actions = Vec::new();
        self.policy.handle(now, event, &mut actions);
        for action in actions {
            let answer = match action {
                Action::Measure { function } => Event::Measured { function, sample: self.measure() },
                Action::ReadReplicas { function } => {
                    let status = ReplicaStatus { desired: self.desired, ready: self.ready(now) };
                    Event::Replicas { function, status: Some(status) }
                }
                Action::Probe => {
                    let waits = (self.in_flight() - self.rate * self.alone) / self.bears;
                    let latency = Duration::from_secs_f64(0.005 + waits.max(0.0));
                    let answer = if self.has_probes { Ok(200) } else { Err(ErrorKind::Refused) };
                    Event::ProbeDone(ProbeOutcome { sent: now, latency, answer })
                }
                Action::Scale { function, from, to, reason } => {
                    self.words.push(reason.text);
                    let refusal = Refusal::Unreachable("no".to_owned());
                    Event::ScaleAnswered { function, result: self.scale(now, from, to).ok_or(refusal) }
                }
                Action::Note { reason, .. } => {
                    self.words.push(reason.text);
                    continue;
                }
                Action::Judged(_) | Action::Scrape => continue,
            };
            self.tell(now, &answer);
        }
    }

    fn measure(&self) -> Option<Measurement> {
        self.has_counters.then(|| Measurement {
            in_flight: self.in_flight() as u32,
            answered: self.answered as u64,
            request_time: Duration::from_secs_f64(self.spent),
            pods: Vec::new(),
        })
    }

    fn scale(&mut self, now: Timestamp, from: u32, to: u32) -> Option<u32> {
        self.scales.push((now, from, to));
        if !self.is_refused {
            self.granted.push((now, from, to));
        }
        if self.is_refused {
            return None;
        }
        self.desired = to;
        self.ready_at.resize(to as usize - 1, now + Duration::from_secs(4));
        Some(to)
    }

    fn at(&mut self, rate: f64, from: u64, to: u64) -> u32 {
        self.rate = rate;
        self.live(from, to);
        self.desired
    }
}

#[test]
fn needs_are_erlangs_over_utilisation_and_a_backlog_keeps_new_arrivals_away_from_those_that_have_it() {
    let load = Load {
        arrivals: 200.0,
        expected: 200.0,
        each: 0.008,
        in_flight: 2.0,
        alone: 0.01,
        ready: 1.0,
        start_up: 4.5,
        concurrency: 4.0,
    };
    // 1.6 busy: 2.67 at 60 %, 1.6 at 100 %
    assert_eq!((load.by_load(0.6), load.by_load(1.0), load.by_backlog(10.0)), (3.0, 2.0, 0.0));
    // 110 in flight are 2 in service, 8 queued, 100 late; 4.5 s later 100 + 75 x 4.5 = 437.5, 43.75 a second over ten:
    // 200 / (125 - 43.75) = 2.46
    assert!((Load { in_flight: 110.0, ..load }.by_backlog(10.0) - 3.0).abs() < f64::EPSILON);
    // what one replica can't work off in the time calls for all there are
    assert!(Load { in_flight: 2_000.0, ..load }.by_backlog(10.0) > 1e5);
}

#[test]
fn a_jump_is_answered_within_a_second_or_two_and_its_end_after_the_hold() {
    let mut world = World::new(125.0, 0.01);
    assert_eq!(world.at(20.0, 0, 60), 1);
    assert!(world.at(300.0, 60, 63) >= 4, "{:?}", world.words);
    assert!(world.at(300.0, 63, 160) >= 3);
    // less than the jump took, and nothing of it once it is forgotten
    assert_eq!(world.at(20.0, 160, 260), 2, "{:?}", world.scales);
    assert_eq!(world.at(20.0, 260, 420), 1, "{:?}", world.scales);
    assert!(world.words.iter().all(|words| words.contains("requests/s arrive")), "{:?}", world.words);
}

#[test]
fn a_steady_load_is_left_alone() {
    for rate in [10.0, 70.0, 74.0, 76.0, 150.0, 220.0, 300.0] {
        let mut world = World::new(125.0, 0.01);
        world.at(rate, 0, 200);
        let before = world.scales.len();
        world.at(rate, 200, 1_200);
        assert!(world.scales.len() - before <= 1, "{rate} a second: {:?}", world.scales);
    }
}

#[test]
fn a_load_is_not_left_to_a_lone_replica_and_a_trickle_is() {
    for (rate, replicas) in [(2.0, 1), (20.0, 1), (30.0, 2), (60.0, 2)] {
        let mut world = World::threads();
        assert_eq!(world.at(rate, 0, 120), replicas, "{rate} a second: {:?}", world.words);
    }
}

#[test]
fn when_whoever_sent_is_gone_so_are_the_replicas_within_seconds() {
    let mut world = World::threads();
    assert!(world.at(300.0, 0, 120) >= 3);
    assert_eq!(world.at(0.0, 120, 125), 1, "{:?}", world.scales);
}

#[test]
fn a_load_that_has_jumped_twice_is_awaited_the_third_time_and_no_longer_than_it_is_remembered() {
    let mut world = World::threads();
    let mut now = 0;
    let mut low = Vec::new();
    for _ in 0..3 {
        low.push(world.at(30.0, now, now + 60));
        world.at(300.0, now + 60, now + 120);
        now += 120;
    }
    // 300 a second keep 2.4 replicas busy
    assert_eq!(low, [2, 2, 3], "{:?}", world.words);
    assert!(world.words.iter().any(|words| words.contains("it has jumped to of late")), "{:?}", world.words);
    assert_eq!(world.at(30.0, now, now + 400), 2, "{:?}", world.scales);
}

#[test]
fn a_lone_jump_is_awaited_too_and_less_of_it_the_longer_ago_it_was() {
    let mut world = World::threads();
    world.at(30.0, 0, 60);
    // 400 a second keep 3.2 replicas busy
    world.at(400.0, 60, 100);
    assert_eq!(world.at(30.0, 100, 150), 3, "{:?}", world.words);
    assert!(
        world.words.iter().any(|words| words.contains("not to be overrun by the 400 requests/s")),
        "{:?}",
        world.words
    );
    // before it is forgotten, less than twice what two bear is no reason for a third
    assert_eq!(world.at(30.0, 150, 200), 3, "{:?}", world.scales);
    assert_eq!(world.at(30.0, 200, 350), 2, "{:?}", world.scales);
}

#[test]
fn a_load_that_only_grows_has_not_jumped() {
    let mut world = World::threads();
    for second in 0..200_u64 {
        world.at(20.0 + 2.0 * second as f64, second, second + 1);
    }
    for second in 200..400_u64 {
        world.at(20.0 + 2.0 * (400 - second) as f64, second, second + 1);
    }
    assert_eq!(world.at(30.0, 400, 440), 2, "{:?}", world.scales);
}

#[test]
fn a_load_that_grows_finds_its_replicas_ready() {
    let mut world = World::threads();
    let mut most = 0.0_f64;
    for second in 0..300_u32 {
        let rate = 20.0 + f64::from(second);
        world.at(rate, u64::from(second), u64::from(second) + 1);
        let ready = world.ready(Timestamp::from_millis(u64::from(second) * 1_000 + 1_000));
        if second > 30 {
            most = most.max(rate / (125.0 * f64::from(ready)));
        }
    }
    assert!(most < 0.66, "{most} busy: {:?}", world.scales);
}

#[test]
fn without_counters_it_goes_by_probes_and_says_so() {
    let mut world = World::new(125.0, 0.01);
    world.at(20.0, 0, 30);
    world.has_counters = false;
    assert!(world.at(300.0, 30, 60) >= 3, "{:?}", world.words);
    assert_eq!(world.words.iter().filter(|words| words.contains("going by probes alone")).count(), 1);
    let most = world.at(300.0, 60, 90);
    assert!(world.at(20.0, 90, 600) < most, "{:?}", world.scales);
}

#[test]
fn blind_it_holds_for_a_minute_and_then_goes_to_the_most_it_needed_of_late() {
    let mut world = World::new(125.0, 0.01);
    world.at(20.0, 0, 30);
    let most = world.at(300.0, 30, 90);
    assert!(most >= 4);
    assert_eq!(world.at(20.0, 90, 450), 1);
    (world.has_counters, world.has_probes) = (false, false);
    assert_eq!(world.at(300.0, 450, 508), 1, "{:?}", world.scales);
    assert!(world.at(300.0, 508, 580) >= 4, "{:?}", world.scales);
    // and stays there
    let there = world.desired;
    assert_eq!(world.at(20.0, 580, 1_150), there);
}

#[test]
fn a_platform_that_refuses_is_asked_ever_more_seldom() {
    let mut world = World::new(125.0, 0.01);
    world.is_refused = true;
    world.at(300.0, 0, 300);
    // 5, 10, 20, 40, 60, 60, ... seconds apart
    assert!((6..=9).contains(&world.scales.len()), "{:?}", world.scales);
    assert_eq!(world.desired, 1);
}

#[test]
fn a_gateway_that_began_anew_is_no_drop_of_the_load() {
    let mut world = World::new(125.0, 0.01);
    let before = world.at(200.0, 0, 150);
    (world.arrived, world.answered, world.spent) = (2.0, 0.0, 0.0);
    assert_eq!(world.at(200.0, 150, 200), before, "{:?}", world.scales);
}

/// One second of the world.
#[derive(Clone, Debug)]
struct Second {
    rate: f64,
    has_counters: bool,
    has_probes: bool,
    is_refused: bool,
}

fn second() -> impl Strategy<Value = Second> {
    (0.0..800.0_f64, prop::bool::weighted(0.9), prop::bool::weighted(0.9), prop::bool::weighted(0.1))
        .prop_map(|(rate, has_counters, has_probes, is_refused)| Second { rate, has_counters, has_probes, is_refused })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_it_stays_within_bounds_and_no_minute_sees_more_than_two_changes_of_direction(
        seconds in prop::collection::vec((second(), 1_u64..40), 1..25),
        bears in 2.0..500.0_f64,
        alone in 0.001..1.0_f64,
    ) {
        let mut world = World::new(bears, alone);
        let mut now = 0;
        for (second, length) in seconds {
            world.has_counters = second.has_counters;
            world.has_probes = second.has_probes;
            world.is_refused = second.is_refused;
            world.at(second.rate, now, now + length);
            now += length;
        }
        prop_assert!(world.scales.iter().all(|(_, from, to)| (1..=5).contains(to) && from != to));
        let mut turns = Vec::new();
        let accepted = &world.granted;
        for pair in accepted.windows(2) {
            if (pair[0].2 > pair[0].1) != (pair[1].2 > pair[1].1) {
                turns.push(pair[1].0);
            }
        }
        for three in turns.windows(3) {
            prop_assert!(three[2].since(three[0]) >= Duration::from_secs(60), "{:?}", world.scales);
        }
    }
}
