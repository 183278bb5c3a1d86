//! An hour of two sidecars on one function under random faults, in virtual time: out of bounds never, two leaders never, memory flat, and
//! their counts are what the server saw.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use rand::RngExt as _;
use watchtower::drive::Arm;
use watchtower::drive::sidecar::{Brought, Counts, Errand, Rules, Sidecar, Standing, Task, Wishes};
use watchtower::policy::registry;
use watchtower::policy::settings::{Settings, Value};
use watchtower::policy::{Event, FunctionInfo, ProbeOutcome, Refusal, ReplicaStatus};
use watchtower::random::{Purpose, Seed, Stream};
use watchtower::record::{ErrorKind, FunctionId};
use watchtower::time::{Epoch, Timestamp};

const HOUR: Timestamp = Timestamp::from_secs(3_600);
/// After it nothing goes wrong any more, and whoever leads has to come back.
const CALM: Timestamp = Timestamp::from_secs(3_900);
const END: Timestamp = Timestamp::from_secs(4_200);
pub(crate) const BOUNDS: (u32, u32) = (1, 5);
pub(crate) const PER_MINUTE: u32 = 4;
/// How long the server grants leadership, and how long before its end nobody may act any more: a request is under way for less.
const LEASE: Duration = Duration::from_secs(15);
const MARGIN: Duration = Duration::from_secs(6);
const RENEW_EVERY: Duration = Duration::from_secs(4);

type Id = usize;

/// What is going to happen. A sidecar that crashed has another number afterwards.
#[derive(Clone, Debug)]
enum What {
    Wake(Id),
    /// A request is at the server.
    Arrives(Id, Errand, bool),
    Brings(Id, u64, Brought),
    Renew(Id),
    Granted(Id, Option<Timestamp>),
    Outage(bool),
    Meddle,
    Crash,
    Born,
}

struct World {
    now: Timestamp,
    luck: Stream,
    agenda: BinaryHeap<Reverse<(Timestamp, u64)>>,
    whats: BTreeMap<u64, What>,
    next: u64,
    sidecars: BTreeMap<Id, Sidecar>,
    born: Id,
    /// Until when a sidecar's process stands still.
    frozen: BTreeMap<Id, Timestamp>,
    seen: BTreeMap<Id, Seen>,
    replicas: u32,
    lease: (Option<Id>, Timestamp),
    is_out: bool,
    latency_ms: u64,
    most_memory: usize,
}

/// What the server saw of one sidecar's scalings, and what became of the answers.
#[derive(Debug, Default)]
struct Seen {
    at: Vec<Timestamp>,
    accepted: u64,
    refused: u64,
    lost: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            now: Timestamp::ZERO,
            luck: Seed(seed).stream(Purpose::Policy),
            agenda: BinaryHeap::new(),
            whats: BTreeMap::new(),
            next: 0,
            sidecars: BTreeMap::new(),
            born: 0,
            frozen: BTreeMap::new(),
            seen: BTreeMap::new(),
            replicas: 2,
            lease: (None, Timestamp::ZERO),
            is_out: false,
            latency_ms: 75,
            most_memory: 0,
        };
        world.push(Duration::ZERO, What::Born);
        world.push(Duration::from_millis(300), What::Born);
        world.push(Duration::from_secs(60), What::Outage(true));
        world.push(Duration::from_secs(40), What::Meddle);
        world.push(Duration::from_secs(200), What::Crash);
        world
    }

    fn push(&mut self, after: Duration, what: What) {
        self.next += 1;
        self.whats.insert(self.next, what);
        self.agenda.push(Reverse((self.now + after, self.next)));
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.now < HOUR && self.luck.random_range(0..100_u32) < percent
    }

    fn secs(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.luck.random_range(from * 1_000..to * 1_000))
    }

    fn run(&mut self) {
        while let Some(Reverse((at, number))) = self.agenda.pop() {
            if at > END {
                break;
            }
            self.now = at;
            let what = self.whats.remove(&number).expect("it was put there");
            self.happen(what);
        }
    }

    /// Does something with a sidecar, unless its process stands still: then it does so when that is over.
    fn with(&mut self, id: Id, what: What, act: impl FnOnce(&mut Sidecar, Timestamp, &mut Wishes)) {
        if let Some(until) = self.frozen.get(&id).copied().filter(|until| *until > self.now) {
            return self.push(until - self.now, what);
        }
        let Some(sidecar) = self.sidecars.get_mut(&id) else { return };
        let mut wishes = Wishes::default();
        act(sidecar, self.now, &mut wishes);
        self.most_memory = self.most_memory.max(sidecar.memory());
        let wake = sidecar.wake_at();
        for errand in wishes.errands {
            let delay = Duration::from_millis(self.luck.random_range(1..40));
            // what is lost on its way there never arrives, and its sender learns of it after its time-out
            let is_lost = self.is_out || self.chance(3);
            self.push(delay, What::Arrives(id, errand, is_lost));
        }
        if wake < Timestamp::MAX {
            self.push((wake - self.now).max(Duration::from_millis(1)), What::Wake(id));
        }
    }

    fn happen(&mut self, what: What) {
        match what.clone() {
            What::Wake(id) => self.with(id, what, |sidecar, now, wishes| {
                if sidecar.wake_at() <= now {
                    sidecar.wake(now, wishes);
                }
            }),
            What::Brings(id, reign, brought) => {
                self.with(id, what, |sidecar, now, wishes| sidecar.bring(now, reign, brought, wishes));
            }
            What::Granted(id, until) => self.with(id, what, |sidecar, now, wishes| {
                sidecar.lead(now, until.filter(|until| now < *until), wishes);
            }),
            What::Arrives(id, errand, is_lost) => self.arrive(id, errand, is_lost),
            What::Renew(id) => self.renew(id),
            What::Outage(begins) => {
                self.is_out = begins && self.now < HOUR;
                let wait = if begins { self.secs(5, 90) } else { self.secs(60, 400) };
                self.push(wait, What::Outage(!begins));
            }
            What::Meddle => {
                if self.now < HOUR {
                    self.replicas = self.luck.random_range(0..9);
                    let wait = self.secs(100, 900);
                    self.push(wait, What::Meddle);
                }
            }
            What::Crash => {
                if self.now < HOUR {
                    let ids: Vec<Id> = self.sidecars.keys().copied().collect();
                    let id = ids[self.luck.random_range(0..ids.len())];
                    if self.chance(50) {
                        self.sidecars.remove(&id);
                        let wait = self.secs(1, 30);
                        self.push(wait, What::Born);
                    } else {
                        let until = self.now + self.secs(2, 40);
                        self.frozen.insert(id, until);
                    }
                    let wait = self.secs(60, 300);
                    self.push(wait, What::Crash);
                }
            }
            What::Born => {
                let id = self.born;
                self.born += 1;
                self.sidecars.insert(id, sidecar(id as u64));
                self.seen.insert(id, Seen::default());
                self.push(Duration::from_millis(10), What::Renew(id));
            }
        }
    }

    /// A sidecar asks for the lease; what it may count on is reckoned from when it asked, and ends before the server's grant does.
    fn renew(&mut self, id: Id) {
        if !self.sidecars.contains_key(&id) {
            return;
        }
        if let Some(until) = self.frozen.get(&id).copied().filter(|until| *until > self.now) {
            return self.push(until - self.now, What::Renew(id));
        }
        self.push(RENEW_EVERY, What::Renew(id));
        if self.is_out || self.chance(5) {
            return;
        }
        let (holder, until) = self.lease;
        if holder == Some(id) || self.now >= until {
            self.lease = (Some(id), self.now + LEASE);
            let sure = self.now + LEASE - MARGIN;
            self.push(Duration::from_millis(20), What::Granted(id, Some(sure)));
        } else {
            self.push(Duration::from_millis(20), What::Granted(id, None));
        }
    }

    fn arrive(&mut self, id: Id, Errand { reign, task }: Errand, is_lost: bool) {
        // an answer may be lost on its way back
        let is_lost_after = !is_lost && self.chance(2);
        let timeout = Duration::from_secs(5);
        let function = FunctionId::STUDIED;
        let status = Some(ReplicaStatus { desired: self.replicas, ready: self.replicas });
        let is_gone = is_lost || is_lost_after;
        let (delay, brought) = match task {
            Task::Look => (Duration::from_millis(5), Brought::Looked(status.filter(|_| !is_gone))),
            Task::ReadReplicas => {
                let status = status.filter(|_| !is_gone);
                (Duration::from_millis(5), Brought::Answer(Event::Replicas { function, status }))
            }
            Task::Scrape => (Duration::from_millis(5), Brought::Answer(Event::Scraped(None))),
            Task::Probe => {
                let step = self.luck.random_range(0..=60);
                self.latency_ms = (self.latency_ms + step).saturating_sub(30).clamp(5, 250);
                let latency = Duration::from_millis(self.latency_ms);
                let answer = if is_gone { Err(ErrorKind::Connect) } else { Ok(200) };
                (latency, Brought::Answer(Event::ProbeDone(ProbeOutcome { sent: self.now, latency, answer })))
            }
            Task::Scale(to) => {
                let result = self.scale(id, to, is_lost, is_lost_after);
                let delay = if is_gone { timeout } else { Duration::from_millis(5) };
                (delay, Brought::Answer(Event::ScaleAnswered { function, result }))
            }
        };
        let delay = if is_gone && !matches!(task, Task::Probe) { timeout } else { delay };
        self.push(delay, What::Brings(id, reign, brought));
    }

    fn scale(&mut self, id: Id, to: u32, is_lost: bool, is_lost_after: bool) -> Result<u32, Refusal> {
        assert!((BOUNDS.0..=BOUNDS.1).contains(&to), "{} asked for {to}", self.now);
        let refuses = self.chance(10);
        let seen = self.seen.get_mut(&id).expect("it was born");
        seen.at.push(self.now);
        if is_lost {
            seen.lost += 1;
            return Err(Refusal::Unreachable("no answer".to_owned()));
        }
        // the lease may be over, but nobody else may have it
        let (holder, until) = self.lease;
        assert!(holder == Some(id) || self.now >= until, "{}: {id} scales while {holder:?} leads", self.now);
        let result = if refuses {
            Err(Refusal::Status { status: if to.is_multiple_of(2) { 500 } else { 409 }, body: String::new() })
        } else {
            self.replicas = to;
            Ok(to)
        };
        if is_lost_after {
            seen.lost += 1;
            return Err(Refusal::Unreachable("no answer".to_owned()));
        }
        seen.accepted += u64::from(result.is_ok());
        seen.refused += u64::from(result.is_err());
        result
    }
}

/// A watch tower that is eager to scale, within these bounds.
pub(crate) fn sidecar(seed: u64) -> Sidecar {
    let policy = registry::find("watchtower").expect("it is registered");
    let parameters = (policy.parameters)();
    let mut settings = Settings::defaults(&parameters);
    for (name, value) in
        [("check_frequency", 1), ("scale_up_rounds", 1), ("scale_down_rounds", 2), ("max_replicas", 40)]
    {
        settings.set(&parameters, name, Value::Integer(value)).expect("allowed");
    }
    settings.set(&parameters, "scale_up_increment", Value::Owned("auto".to_owned())).expect("allowed");
    let arm = Arm { name: "watchtower".to_owned(), policy, settings };
    let function = FunctionInfo { name: "ftest".to_owned(), ..FunctionInfo::default() };
    let rules = Rules { bounds: BOUNDS, actions_per_minute: PER_MINUTE, dry_run: false };
    Sidecar::new(arm, function, Epoch::default(), rules, Seed(seed))
}

#[test]
fn an_hour_of_faults_breaks_no_rule_and_is_counted_as_the_server_saw_it() {
    let (mut scalings, mut losses, mut held_back, mut meddlings) = (0, 0, 0, 0);
    for seed in 0..24 {
        let mut world = World::new(seed);
        world.run();
        assert!(world.most_memory <= 2 * PER_MINUTE as usize + 1, "seed {seed}: it remembers {}", world.most_memory);
        for (id, seen) in &world.seen {
            let busy = seen.at.windows(PER_MINUTE as usize + 1).find(|at| {
                // requests are up to 40 ms under way
                at[PER_MINUTE as usize] - at[0] < Duration::from_millis(59_900)
            });
            assert_eq!(busy, None, "seed {seed}, sidecar {id}");
            scalings += seen.at.len();
        }
        for (id, sidecar) in &world.sidecars {
            let Counts { ups, downs, unchanged, refused, unanswered, .. } = sidecar.counts();
            let seen = &world.seen[id];
            let counted = (ups + downs + unchanged, refused, unanswered);
            assert_eq!(counted, (seen.accepted, seen.refused, seen.lost), "seed {seed}, sidecar {id}");
            assert!(!sidecar.is_scaling());
            losses += sidecar.counts().losses;
            held_back += sidecar.counts().held_back;
            meddlings += sidecar.counts().meddlings;
        }
        // the faults were over long before the end: one of them leads, and the other does not
        let standing: Vec<Standing> = world.sidecars.values().map(Sidecar::standing).collect();
        let leaders = standing.iter().filter(|standing| **standing == Standing::Leading).count();
        assert_eq!((standing.len(), leaders), (2, 1), "seed {seed}: {standing:?}");
        let leads = world.sidecars.values().find(|sidecar| sidecar.standing() == Standing::Leading);
        assert_eq!(leads.and_then(Sidecar::known).map(|known| known.desired), Some(world.replicas));
        assert!(world.now > CALM);
    }
    // and there was something to hold out against
    assert!(
        scalings > 1_000 && losses > 20 && held_back > 100 && meddlings > 20,
        "{scalings} {losses} {held_back} {meddlings}"
    );
}

#[test]
fn a_dry_run_asks_for_nothing_and_decides_as_if_it_were_granted() {
    let policy = registry::find("watchtower").expect("it is registered");
    let parameters = (policy.parameters)();
    let arm = Arm { name: "watchtower".to_owned(), policy, settings: Settings::defaults(&parameters) };
    let rules = Rules { bounds: (1, 5), actions_per_minute: 12, dry_run: true };
    let mut sidecar = Sidecar::new(arm, FunctionInfo::default(), Epoch::default(), rules, Seed(1));
    let mut wishes = Wishes::default();
    sidecar.lead(Timestamp::ZERO, Some(Timestamp::MAX), &mut wishes);
    let mut now = Timestamp::ZERO;
    let mut decided = Vec::new();
    // ten probes above the band, then the twelve below it that bring it down, and one more
    let latencies = [100_u64; 10].into_iter().chain([20; 13]);
    let mut latencies = latencies.map(Duration::from_millis);
    let mut over = false;
    while !over {
        for errand in std::mem::take(&mut wishes.errands) {
            let brought = match errand.task {
                Task::Look => Brought::Looked(Some(ReplicaStatus { desired: 1, ready: 1 })),
                Task::Probe => {
                    let Some(latency) = latencies.next() else {
                        over = true;
                        continue;
                    };
                    Brought::Answer(Event::ProbeDone(ProbeOutcome { sent: now, latency, answer: Ok(200) }))
                }
                other => panic!("a dry run asks for {other:?}"),
            };
            sidecar.bring(now, errand.reign, brought, &mut wishes);
        }
        if wishes.errands.is_empty() {
            now = sidecar.wake_at().max(now);
            sidecar.wake(now, &mut wishes);
        }
        for news in wishes.news.drain(..) {
            if let watchtower::drive::sidecar::News::Event(row) = news {
                decided.extend(row.from.zip(row.to));
            }
        }
    }
    // the table of the policy: two rounds above, one more by a fifth; at five every further one fails; twelve rounds below, down to one
    assert_eq!(decided, [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1)]);
    assert_eq!((sidecar.counts().ups, sidecar.counts().downs, sidecar.wanted()), (4, 1, 1));
    assert_eq!(sidecar.known(), Some(ReplicaStatus { desired: 1, ready: 1 }));
}
