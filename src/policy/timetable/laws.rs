//! What a timetable promises: its plan to the moment, bounds that are the platform's, and no quarrel with whoever says no.

use proptest::prelude::*;

use super::*;
use crate::policy::{FunctionInfo, Refusal};
use crate::random::Seed;
use crate::time::Epoch;

/// When the load starts in all of these.
const WARM_UP: Duration = Duration::from_secs(15);

fn timetable(plan: &str, every: Duration) -> Box<dyn Policy> {
    let parameters = parameters();
    let mut settings = Settings::defaults(&parameters);
    settings.set(&parameters, "plan", Value::Owned(plan.to_owned())).unwrap();
    settings.set(&parameters, "every", Value::Duration(every)).unwrap();
    let context = Context {
        epoch: Epoch::default(),
        load_start: Timestamp::ZERO + WARM_UP,
        seed: Seed(1),
        functions: vec![FunctionInfo::default()],
        bounds: vec![(1, 5)],
    };
    build(&settings, &context)
}

/// A platform that grants, clamps, refuses and can't be read, as it is told.
struct World {
    policy: Box<dyn Policy>,
    desired: u32,
    most: u32,
    is_refused: bool,
    is_unreadable: bool,
    /// What was asked for, granted or not: when, from, to.
    asked: Vec<(Timestamp, u32, u32)>,
    /// What of it was granted.
    granted: Vec<(Timestamp, u32, u32)>,
    words: Vec<String>,
}

impl World {
    fn new(policy: Box<dyn Policy>, desired: u32) -> Self {
        Self {
            policy,
            desired,
            most: u32::MAX,
            is_refused: false,
            is_unreadable: false,
            asked: Vec::new(),
            granted: Vec::new(),
            words: Vec::new(),
        }
    }

    fn start(&mut self) {
        self.tell(Timestamp::ZERO, Event::Started { replicas: vec![self.desired] });
    }

    /// Lets time pass up to and with `until`.
    fn live(&mut self, until: Timestamp) {
        while let Some(at) = self.policy.wake_at().filter(|at| *at <= until) {
            self.tell(at, Event::Woken);
        }
    }

    fn tell(&mut self, now: Timestamp, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut actions = Vec::new();
            self.policy.handle(now, &event, &mut actions);
            for action in actions {
                match action {
                    Action::ReadReplicas { function } => {
                        let status = ReplicaStatus { desired: self.desired, ready: self.desired };
                        events.push(Event::Replicas { function, status: (!self.is_unreadable).then_some(status) });
                    }
                    Action::Scale { function, from, to, reason } => {
                        self.asked.push((now, from, to));
                        self.words.push(reason.text);
                        let result = if self.is_refused {
                            Err(Refusal::Status { status: 500, body: "no".to_owned() })
                        } else {
                            let accepted = to.min(self.most);
                            self.granted.push((now, self.desired, accepted));
                            self.desired = accepted;
                            Ok(accepted)
                        };
                        events.push(Event::ScaleAnswered { function, result });
                    }
                    other => panic!("a timetable neither probes nor measures: {other:?}"),
                }
            }
        }
        assert!(self.policy.wake_at().is_none_or(|at| at > now), "it would wake at {now} for ever");
    }

    fn most_turns_in_a_minute(steps: &[(Timestamp, u32, u32)]) -> usize {
        let steps: Vec<_> = steps.iter().filter(|(_, from, to)| from != to).collect();
        let turns: Vec<Timestamp> = steps
            .windows(2)
            .filter(|pair| (pair[0].2 > pair[0].1) != (pair[1].2 > pair[1].1))
            .map(|pair| pair[1].0)
            .collect();
        let minute = Duration::from_secs(60);
        let within = |from: Timestamp| turns.iter().filter(|at| (from..from + minute).contains(*at)).count();
        turns.iter().map(|from| within(*from)).max().unwrap_or(0)
    }
}

/// What a plan says, read off literally: second by second, from the first round's first second on, with a finger on the list.
fn literal(entries: &[(u64, u32)], every: Option<u64>, second: u64) -> Option<u32> {
    let mut holds = None;
    for now in 0..=second {
        let within = every.map_or(now, |every| now % every);
        for (at, replicas) in entries {
            if *at == within {
                holds = Some(*replicas);
            }
        }
    }
    holds
}

/// Entries at whole seconds, in order.
fn entries(longest: u64) -> impl Strategy<Value = Vec<(u64, u32)>> {
    prop::collection::btree_map(0..longest, 1_u32..=7, 1..8).prop_map(|entries| entries.into_iter().collect())
}

fn written(entries: &[(u64, u32)]) -> String {
    let written: Vec<String> = entries.iter().map(|(at, replicas)| format!("{replicas} at {at}s")).collect();
    written.join(", ")
}

proptest! {
    /// At each moment the platform has what the plan says then, the bounds of the platform apart; before its first time, what it had.
    #[test]
    fn what_is_desired_is_what_the_plan_says(
        entries in entries(200),
        repeats in prop::option::of(1_u64..100),
        (first, most) in (1_u32..=7).prop_flat_map(|most| (1..=most, Just(most))),
    ) {
        // a round is longer than its plan
        let every = repeats.map(|longer| entries.last().map_or(0, |(at, _)| *at) + longer);
        let policy = timetable(&written(&entries), Duration::from_secs(every.unwrap_or(0)));
        let mut world = World::new(policy, first);
        world.most = most;
        world.start();
        for second in 0..=600 {
            // in the middle of each second of the run, so that entries lie between
            let at = Timestamp::from_millis(second * 1_000 + 500);
            world.live(at);
            let since = at.since(Timestamp::ZERO + WARM_UP).as_secs();
            let planned = literal(&entries, every, since).map(|replicas| replicas.min(most));
            prop_assert_eq!(world.desired, planned.unwrap_or(first), "{} s after the load's start", since);
        }
    }

    /// A platform that refuses, clamps, is set by others and can't be read at random times is never asked for what is not planned then; what
    /// it grants turns round no more than twice a minute where the plan's own times are a minute apart; and once it listens
    /// again, it has what is planned within seconds.
    #[test]
    fn refusals_and_others_make_it_late_but_not_restless(
        counts in prop::collection::vec(1_u32..=7, 1..7),
        troubles in prop::collection::vec((any::<bool>(), any::<bool>(), prop::option::of(1_u32..=5)), 60),
    ) {
        let entries: Vec<(u64, u32)> = (0..).step_by(60).zip(counts).collect();
        let mut world = World::new(timetable(&written(&entries), Duration::ZERO), 1);
        world.most = 5;
        world.start();
        for (seven, (is_refused, is_unreadable, _)) in troubles.iter().enumerate() {
            (world.is_refused, world.is_unreadable) = (*is_refused, *is_unreadable);
            world.live(Timestamp::from_secs(7 * (seven as u64 + 1)));
        }
        prop_assert!(World::most_turns_in_a_minute(&world.granted) <= 2, "{:?}", world.granted);
        for (at, _, to) in &world.asked {
            let since = at.since(Timestamp::ZERO + WARM_UP).as_secs();
            prop_assert_eq!(Some(*to), literal(&entries, None, since));
        }
        // refusals were no burden: each of them took five seconds
        let refused = world.asked.len() - world.granted.len();
        prop_assert!(refused <= 7 * 60 / 5 + entries.len(), "{} refusals in seven minutes", refused);
        (world.is_refused, world.is_unreadable) = (false, false);
        let end = Timestamp::from_secs(7 * 60) + AGAIN;
        world.live(end);
        let planned = literal(&entries, None, end.since(Timestamp::ZERO + WARM_UP).as_secs());
        prop_assert_eq!(Some(world.desired), planned.map(|replicas| replicas.min(5)));

        // somebody else's scalings are left alone until the plan's next time
        let mut world = World::new(timetable("2 at 0s, 3 at 5m", Duration::ZERO), 1);
        world.start();
        for (seven, (_, _, others)) in troubles.iter().enumerate() {
            world.desired = others.unwrap_or(world.desired);
            world.live(Timestamp::from_secs(7 * (seven as u64 + 1)));
        }
        prop_assert!(world.asked.len() <= 2, "{:?}", world.asked);
    }
}

#[test]
fn what_is_planned_for_the_loads_start_is_there_when_it_starts() {
    let mut world = World::new(timetable("3 at 0s, 1 at 1m", Duration::ZERO), 1);
    world.start();
    assert_eq!(world.granted, [(Timestamp::ZERO, 1, 3)]);
    assert_eq!(world.policy.wake_at(), Some(Timestamp::ZERO + WARM_UP + Duration::from_secs(60)));
    world.live(Timestamp::from_secs(1_000));
    assert_eq!(world.granted[1..], [(Timestamp::from_secs(75), 3, 1)]);
    assert_eq!(world.policy.wake_at(), None, "a plan that is over has nothing to do");
    assert_eq!(world.words, ["the plan has 3 from 0s on", "the plan has 1 from 1m on"]);
}

#[test]
fn a_plan_that_repeats_itself_keeps_its_last_count_until_its_first_time() {
    let mut world = World::new(timetable("3 at 10s, 2 at 40s", Duration::from_secs(60)), 1);
    world.start();
    world.live(Timestamp::from_secs(15 + 9));
    assert_eq!(world.desired, 1, "nothing is planned before the first time");
    world.live(Timestamp::from_secs(15 + 175));
    let at = |secs: u64| Timestamp::from_secs(15 + secs);
    assert_eq!(
        world.granted,
        [(at(10), 1, 3), (at(40), 3, 2), (at(70), 2, 3), (at(100), 3, 2), (at(130), 2, 3), (at(160), 3, 2)]
    );
}

#[test]
fn a_refusal_is_asked_again_every_five_seconds_for_what_is_planned_by_then() {
    let mut world = World::new(timetable("1 at 0s, 4 at 1m, 2 at 68s", Duration::ZERO), 1);
    world.is_refused = true;
    world.start();
    world.live(Timestamp::from_secs(15 + 79));
    let seconds: Vec<(u64, u32)> =
        world.asked.iter().map(|(at, _, to)| (at.since(Timestamp::ZERO + WARM_UP).as_secs(), *to)).collect();
    assert_eq!(seconds, [(60, 4), (65, 4), (68, 2), (73, 2), (78, 2)]);
    assert_eq!(world.words[1], "the plan has 4 from 1m on; asked again after a refusal");
    assert_eq!(world.words[2], "the plan has 2 from 68s on");
    world.is_refused = false;
    world.live(Timestamp::from_secs(1_000));
    assert_eq!(world.granted, [(Timestamp::from_secs(15 + 83), 1, 2)]);
}

#[test]
fn more_than_the_platform_grants_is_asked_for_once() {
    let mut world = World::new(timetable("1 at 0s, 7 at 1m", Duration::ZERO), 1);
    world.most = 5;
    world.start();
    world.live(Timestamp::from_secs(10_000));
    assert_eq!(world.granted, [(Timestamp::from_secs(15 + 60), 1, 5)]);
}

#[test]
fn it_notes_nothing_and_asks_for_nothing_but_replicas_whatever_it_is_told() {
    let mut policy = timetable("2 at 0s", Duration::ZERO);
    let mut actions = Vec::new();
    for event in [Event::Woken, Event::Scraped(None), Event::Measured { function: FunctionId::STUDIED, sample: None }] {
        policy.handle(Timestamp::ZERO, &event, &mut actions);
    }
    assert_eq!(actions, []);
}
