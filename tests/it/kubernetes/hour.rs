//! An hour of two sidecars on one Deployment under random faults, in virtual time, by the rules of the stand-in's own store: versions,
//! conflicts, a Lease that runs out. Out of bounds never, two that act never, memory flat, and their counts are what the server saw.
//!
//! Requests are lost on their way there or back, come late, some only after their sender has long given up; processes stand still and
//! die; the API server and the gateway go away, each by itself; somebody else scales.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use rand::RngExt as _;
use serde_json::{Value, json};
use watchtower::drive::sidecar::election::{Election, Lease, Outcome, Step, Terms};
use watchtower::drive::sidecar::{Brought, Counts, Errand, Sidecar, Standing, Task, Wishes};
use watchtower::policy::{Event, ProbeOutcome, Refusal, ReplicaStatus};
use watchtower::random::{Purpose, Seed, Stream};
use watchtower::record::{ErrorKind, FunctionId};
use watchtower::time::Timestamp;

use super::FUNCTIONS;
use super::api::{Request, carried_out};
use super::store::{Answer, Objects, key};
use crate::autoscale::chaos::{BOUNDS, PER_MINUTE, sidecar};

const HOUR: Timestamp = Timestamp::from_secs(3_600);
/// Nothing goes wrong any more from [`HOUR`] on, and whoever leads has to come back until then.
const END: Timestamp = Timestamp::from_secs(4_200);
const CONFLICTS_MOST: u32 = 10;
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/openfaas-fn/deployments/ftest";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/openfaas-fn/leases";

type Id = usize;

/// One request of a sidecar's process.
#[derive(Clone, Debug)]
enum Ask {
    Elect(Step),
    Look(Errand),
    Probe(u64),
    /// The scale is read, and then set over the version that was read.
    ReadScale(Scaling),
    SetScale(Scaling, String),
}

#[derive(Clone, Debug)]
struct Scaling {
    reign: u64,
    to: u32,
    attempts: u32,
}

/// What is going to happen. A sidecar that crashed has another number afterwards.
#[derive(Clone, Debug)]
enum What {
    Wake(Id),
    Stand(Id),
    Arrives(Id, u64, Ask),
    /// An answer is back; `None` for the end of patience.
    Comes(Id, u64, Ask, Option<Answer>),
    ApiOut(bool),
    GatewayOut(bool),
    Meddle,
    Crash,
    Born,
}

/// One process.
struct Process {
    sidecar: Sidecar,
    election: Election,
    /// What it still waits for, and until when.
    waits: BTreeMap<u64, Timestamp>,
    /// Until when it stands still.
    frozen: Timestamp,
    /// When it decided to scale.
    decided: Vec<Timestamp>,
    leads: bool,
    /// Accepted by the server, and of these those that it never learned of.
    accepted: u64,
    unheard: u64,
    most_memory: usize,
}

struct World {
    now: Timestamp,
    luck: Stream,
    agenda: BinaryHeap<Reverse<(Timestamp, u64)>>,
    whats: BTreeMap<u64, What>,
    next: u64,
    objects: Objects,
    processes: BTreeMap<Id, Process>,
    born: Id,
    /// Whose the Lease is, and until when.
    holder: Option<(Id, Timestamp)>,
    /// Who began to act last.
    acting: Option<Id>,
    api_is_out: bool,
    gateway_is_out: bool,
    latency_ms: u64,
    /// Scalings by those who had the Lease no longer, which the fence or the version turned away.
    turned_away: u64,
    scalings: u64,
    reigns: u64,
    total: Counts,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut objects = Objects::default();
        let deployment = json!({
            "metadata": { "name": "ftest", "namespace": FUNCTIONS },
            "spec": { "replicas": 2 },
            "status": { "replicas": 2, "readyReplicas": 2 },
        });
        objects.put(&key("deployments", FUNCTIONS, "ftest"), deployment);
        let mut world = Self {
            now: Timestamp::ZERO,
            luck: Seed(seed).stream(Purpose::Policy),
            agenda: BinaryHeap::new(),
            whats: BTreeMap::new(),
            next: 0,
            objects,
            processes: BTreeMap::new(),
            born: 0,
            holder: None,
            acting: None,
            api_is_out: false,
            gateway_is_out: false,
            latency_ms: 75,
            turned_away: 0,
            scalings: 0,
            reigns: 0,
            total: Counts::default(),
        };
        world.push(Duration::ZERO, What::Born);
        world.push(Duration::from_millis(300), What::Born);
        world.push(Duration::from_secs(60), What::ApiOut(true));
        world.push(Duration::from_secs(150), What::GatewayOut(true));
        world.push(Duration::from_secs(40), What::Meddle);
        world.push(Duration::from_secs(200), What::Crash);
        world
    }

    fn push(&mut self, after: Duration, what: What) -> u64 {
        self.next += 1;
        self.whats.insert(self.next, what);
        self.agenda.push(Reverse((self.now + after, self.next)));
        self.next
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.now < HOUR && self.luck.random_range(0..100_u32) < percent
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.luck.random_range(from..to))
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

    /// A request leaves: it may be lost, or come late. Its sender waits for `patience`.
    fn send(&mut self, id: Id, ask: Ask, patience: Duration) {
        // a process may stand still between its last look at the clock and the wire, and be there when nobody expects it any more
        let is_late = self.chance(2);
        let delay = if is_late { self.millis(100, 60_000) } else { self.millis(1, 40) };
        let is_lost = self.chance(3);
        let number = self.push(patience, What::Comes(id, 0, ask.clone(), None));
        // the two are told apart by what is pushed last; both know the number by which the sender waits
        if let Some(What::Comes(_, waits, ..)) = self.whats.get_mut(&number) {
            *waits = number;
        }
        let until = self.now + patience;
        if let Some(process) = self.processes.get_mut(&id) {
            process.waits.insert(number, until);
        }
        if !is_lost {
            self.push(delay, What::Arrives(id, number, ask));
        }
    }

    /// Does something in a process, unless it stands still: then it does so when that is over.
    fn with(&mut self, id: Id, what: What, act: impl FnOnce(&mut Process, Timestamp, &mut Wishes)) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&id) else { return };
        if process.frozen > now {
            let wait = process.frozen - now;
            self.push(wait, what);
            return;
        }
        let mut wishes = Wishes::default();
        act(process, now, &mut wishes);
        let until = process.election.leads_until().filter(|until| now < *until);
        process.sidecar.lead(now, until, &mut wishes);
        process.most_memory = process.most_memory.max(process.sidecar.memory());
        if !std::mem::replace(&mut process.leads, until.is_some()) && until.is_some() {
            self.acting = Some(id);
            self.reigns += 1;
        }
        process
            .decided
            .extend(wishes.errands.iter().filter(|errand| matches!(errand.task, Task::Scale(_))).map(|_| now));
        let wake = process.sidecar.wake_at().min(until.unwrap_or(Timestamp::MAX));
        for errand in wishes.errands {
            let Errand { reign, task } = errand;
            match task {
                Task::Scale(to) => {
                    self.send(id, Ask::ReadScale(Scaling { reign, to, attempts: 0 }), terms().exchange());
                }
                Task::Probe => self.send(id, Ask::Probe(reign), Duration::from_secs(20)),
                Task::Look | Task::ReadReplicas => self.send(id, Ask::Look(errand), Duration::from_secs(5)),
                Task::Scrape => unreachable!("the watch tower reads no counters"),
            }
        }
        if wake < Timestamp::MAX {
            self.push((wake - now).max(Duration::from_millis(1)), What::Wake(id));
        }
    }

    fn happen(&mut self, what: What) {
        match what.clone() {
            What::Wake(id) => self.with(id, what, |process, now, wishes| {
                if process.sidecar.wake_at() <= now {
                    process.sidecar.wake(now, wishes);
                }
            }),
            What::Stand(id) => self.stand(id, what),
            What::Arrives(id, number, ask) => self.arrive(id, number, ask),
            What::Comes(id, number, ask, answer) => self.come(id, number, ask, answer, what),
            What::ApiOut(begins) => {
                self.api_is_out = begins && self.now < HOUR;
                let wait = if begins { self.millis(5_000, 90_000) } else { self.millis(60_000, 400_000) };
                self.push(wait, What::ApiOut(!begins));
            }
            What::GatewayOut(begins) => {
                self.gateway_is_out = begins && self.now < HOUR;
                let wait = if begins { self.millis(5_000, 90_000) } else { self.millis(60_000, 400_000) };
                self.push(wait, What::GatewayOut(!begins));
            }
            What::Meddle if self.now < HOUR => {
                let replicas = self.luck.random_range(0..9_u32);
                let wish = json!({ "spec": { "replicas": replicas } });
                self.serve("PUT", &format!("{DEPLOYMENT}/scale"), JSON, &wish);
                let wait = self.millis(60_000, 600_000);
                self.push(wait, What::Meddle);
            }
            What::Crash if self.now < HOUR => {
                let ids: Vec<Id> = self.processes.keys().copied().collect();
                let id = ids[self.luck.random_range(0..ids.len())];
                if self.chance(50) {
                    let dead = self.processes.remove(&id).expect("it lives");
                    self.bury(&dead);
                    let wait = self.millis(1_000, 30_000);
                    self.push(wait, What::Born);
                } else {
                    let wait = self.millis(2_000, 40_000);
                    self.processes.get_mut(&id).expect("it lives").frozen = self.now + wait;
                }
                let wait = self.millis(60_000, 300_000);
                self.push(wait, What::Crash);
            }
            What::Meddle | What::Crash => {}
            What::Born => {
                let id = self.born;
                self.born += 1;
                let process = Process {
                    sidecar: sidecar(id as u64),
                    election: Election::new(terms(), format!("sidecar-{id}")),
                    waits: BTreeMap::new(),
                    frozen: Timestamp::ZERO,
                    decided: Vec::new(),
                    leads: false,
                    accepted: 0,
                    unheard: 0,
                    most_memory: 0,
                };
                self.processes.insert(id, process);
                self.push(Duration::from_millis(10), What::Stand(id));
            }
        }
    }

    /// The next step of an election, if one is due.
    fn stand(&mut self, id: Id, what: What) {
        let mut step = None;
        self.with(id, what, |process, now, _| step = process.election.wake(now));
        if let Some(step) = step {
            self.send(id, Ask::Elect(step), terms().exchange());
        }
    }

    /// What the stand-in makes of a request.
    fn serve(&mut self, method: &str, path: &str, kind: &str, body: &Value) -> Answer {
        carried_out(&mut self.objects, &Request::by_hand(method, path, kind, body))
    }

    fn desired(&self) -> u32 {
        let deployment = &self.objects.all[&key("deployments", FUNCTIONS, "ftest")];
        deployment["spec"]["replicas"].as_u64().expect("a count") as u32
    }

    /// A request is at a server.
    fn arrive(&mut self, id: Id, number: u64, ask: Ask) {
        let is_out = if matches!(ask, Ask::Probe(_)) { self.gateway_is_out } else { self.api_is_out };
        if is_out {
            return;
        }
        let answer = match &ask {
            Ask::Probe(_) => {
                let step = self.luck.random_range(0..=60);
                self.latency_ms = (self.latency_ms + step).saturating_sub(30).clamp(5, 250);
                (200, Value::Null)
            }
            // a look asks the gateway too
            Ask::Look(Errand { task: Task::Look, .. }) if self.gateway_is_out => return,
            Ask::Look(_) => (200, json!(self.desired())),
            Ask::Elect(step) => self.elect(id, step),
            Ask::ReadScale(_) => self.serve("GET", &format!("{DEPLOYMENT}/scale"), "", &Value::Null),
            Ask::SetScale(scaling, version) => self.set_scale(id, number, scaling.to, version),
        };
        let delay = if let Ask::Probe(_) = ask { Duration::from_millis(self.latency_ms) } else { self.millis(1, 20) };
        // an answer may be lost on its way back
        if !self.chance(2) {
            self.push(delay, What::Comes(id, number, ask, Some(answer)));
        }
    }

    fn elect(&mut self, id: Id, step: &Step) -> Answer {
        let one = format!("{LEASES}/watchtower-ftest");
        if *step == Step::Read {
            return self.serve("GET", &one, "", &Value::Null);
        }
        if *step == Step::Fence {
            // another one each time, so that the version is another one in any case
            let fence = format!("sidecar-{id} {}", self.next);
            let mark = json!({ "metadata": { "annotations": { "watchtower/leader": fence } } });
            return self.serve("PATCH", DEPLOYMENT, MERGE, &mark);
        }
        let mut lease = json!({
            "metadata": { "name": "watchtower-ftest", "namespace": FUNCTIONS },
            "spec": { "holderIdentity": format!("sidecar-{id}"), "leaseDurationSeconds": terms().lasts.as_secs() },
        });
        // each renewal is another object
        lease["spec"]["renewTime"] = json!(self.now.as_nanos());
        let answer = match step {
            Step::Replace(version) => {
                lease["metadata"]["resourceVersion"] = json!(version);
                self.serve("PUT", &one, JSON, &lease)
            }
            _ => self.serve("POST", LEASES, JSON, &lease),
        };
        if answer.0 < 300 {
            self.holder = Some((id, self.now + terms().lasts));
        }
        answer
    }

    fn set_scale(&mut self, id: Id, number: u64, to: u32, version: &str) -> Answer {
        assert!((BOUNDS.0..=BOUNDS.1).contains(&to), "{} asked for {to}", self.now);
        let now = self.now;
        let deadline = self.processes.get(&id).and_then(|process| process.waits.get(&number).copied());
        let is_waited_for = deadline.is_some_and(|deadline| now <= deadline);
        let wish = json!({ "metadata": { "resourceVersion": version }, "spec": { "replicas": to } });
        let answer = if self.chance(10) {
            // somebody wrote in between: a label, say
            let change = json!({ "metadata": { "labels": { "touched": now.as_nanos().to_string() } } });
            self.serve("PATCH", DEPLOYMENT, MERGE, &change);
            self.serve("PUT", &format!("{DEPLOYMENT}/scale"), JSON, &wish)
        } else if self.chance(4) {
            (500, Value::Null)
        } else {
            self.serve("PUT", &format!("{DEPLOYMENT}/scale"), JSON, &wish)
        };
        if answer.0 < 300 {
            self.scalings += 1;
            // however late it comes: nobody else has begun to act since
            assert!(self.acting == Some(id), "{now}: {id} scales while {:?} acts", self.acting);
            if is_waited_for {
                // and as long as anybody waits for it, the Lease is its own and has not run out
                let holds = self.holder.is_some_and(|(holder, until)| holder == id && now < until);
                assert!(holds, "{now}: {id} scales, and the Lease is {:?}", self.holder);
            }
            if let Some(process) = self.processes.get_mut(&id) {
                process.accepted += 1;
                process.unheard += 1;
            }
        } else if self.holder.is_none_or(|(holder, until)| holder != id || now >= until) {
            self.turned_away += 1;
        }
        answer
    }

    /// An answer is back, or is waited for no longer.
    fn come(&mut self, id: Id, number: u64, ask: Ask, answer: Option<Answer>, what: What) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        if process.frozen <= self.now && process.waits.remove(&number).is_none() {
            return;
        }
        let latency = Duration::from_millis(self.latency_ms);
        let (function, sent) = (FunctionId::STUDIED, self.now);
        match ask {
            Ask::Elect(step) => {
                self.with(id, what, |process, now, _| process.election.bring(now, outcome(&step, answer)));
                // due at once, or later: one who waits for it comes back
                if let Some(process) = self.processes.get(&id)
                    && process.election.wake_at() < Timestamp::MAX
                {
                    let wait = process.election.wake_at() - self.now;
                    self.push(wait, What::Stand(id));
                }
            }
            Ask::Look(Errand { reign, task }) => {
                let count = answer.and_then(|(_, count)| count.as_u64()).map(|count| count as u32);
                let status = count.map(|count| ReplicaStatus { desired: count, ready: count });
                let brought = match task {
                    Task::Look => Brought::Looked(status),
                    _ => Brought::Answer(Event::Replicas { function, status }),
                };
                self.with(id, what, |process, now, wishes| process.sidecar.bring(now, reign, brought, wishes));
            }
            Ask::Probe(reign) => {
                let answer = if answer.is_some() { Ok(200) } else { Err(ErrorKind::Connect) };
                let brought = Brought::Answer(Event::ProbeDone(ProbeOutcome { sent, latency, answer }));
                self.with(id, what, |process, now, wishes| process.sidecar.bring(now, reign, brought, wishes));
            }
            Ask::ReadScale(scaling) | Ask::SetScale(scaling, _) => self.scaled(id, scaling, answer, what),
        }
    }

    /// The next step of a scaling, as the kubernetes target takes it: read, look whether one still leads, set, and again on a conflict.
    fn scaled(&mut self, id: Id, mut scaling: Scaling, answer: Option<Answer>, what: What) {
        let is_read = matches!(&what, What::Comes(_, _, Ask::ReadScale(_), _));
        let (mut next, Scaling { reign, to, .. }) = (None, scaling.clone());
        self.with(id, what, |process, now, wishes| {
            let leads = process.election.leads_until().is_some_and(|until| now < until);
            let result = match answer {
                None => Err(Refusal::Unreachable("no answer".to_owned())),
                Some((200, _)) if is_read && !leads => Err(Refusal::HeldBack("leadership has run out".to_owned())),
                Some((200, scale)) if is_read => {
                    let version = scale["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
                    next = Some(Ask::SetScale(scaling.clone(), version));
                    return;
                }
                Some((409, _)) if scaling.attempts < CONFLICTS_MOST => {
                    scaling.attempts += 1;
                    next = Some(Ask::ReadScale(scaling.clone()));
                    return;
                }
                Some((200, _)) => {
                    process.unheard -= 1;
                    Ok(to)
                }
                Some((status, _)) => Err(Refusal::Status { status, body: String::new() }),
            };
            let brought = Brought::Answer(Event::ScaleAnswered { function: FunctionId::STUDIED, result });
            process.sidecar.bring(now, reign, brought, wishes);
        });
        if let Some(next) = next {
            self.send(id, next, terms().exchange());
        }
    }

    fn bury(&mut self, process: &Process) {
        let Counts { ups, downs, losses, held_back, meddlings, .. } = process.sidecar.counts();
        self.total.ups += ups;
        self.total.downs += downs;
        self.total.losses += losses;
        self.total.held_back += held_back;
        self.total.meddlings += meddlings;
        assert!(process.most_memory <= 2 * PER_MINUTE as usize + 1, "it remembers {}", process.most_memory);
        let mut windows = process.decided.windows(PER_MINUTE as usize + 1);
        let busy = windows.find(|at| at[PER_MINUTE as usize] - at[0] < Duration::from_secs(60));
        assert_eq!(busy, None);
    }
}

/// What the server's answer to a step of an election comes to.
fn outcome(step: &Step, answer: Option<Answer>) -> Outcome {
    let version = |object: &Value| object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    match (step, answer) {
        (Step::Read, Some((200, lease))) => {
            let holder = lease["spec"]["holderIdentity"].as_str().map(str::to_owned);
            Outcome::Read(Some(Lease { holder, lasts: terms().lasts, version: version(&lease) }))
        }
        (Step::Read, Some((404, _))) => Outcome::Read(None),
        (Step::Fence, Some((200, _))) => Outcome::Fenced,
        (Step::Create | Step::Replace(_), Some((200 | 201, lease))) => Outcome::Written(version(&lease)),
        (_, Some((404 | 409, _))) => Outcome::Conflict,
        (_, Some(_) | None) => Outcome::Failed,
    }
}

fn terms() -> Terms {
    Terms::default()
}

#[test]
fn an_hour_of_faults_in_a_cluster_breaks_no_rule_and_is_counted_as_the_server_saw_it() {
    let (mut scalings, mut turned_away, mut reigns, mut total) = (0, 0, 0, Counts::default());
    for seed in 0..12 {
        println!("seed {seed}");
        let mut world = World::new(seed);
        world.run();
        let living = std::mem::take(&mut world.processes);
        for (id, process) in &living {
            world.bury(process);
            let Counts { ups, downs, unchanged, unanswered, .. } = process.sidecar.counts();
            // what the server granted is what was counted as granted, and what nobody heard of
            assert_eq!(process.accepted, ups + downs + unchanged + process.unheard, "seed {seed}, sidecar {id}");
            assert!(process.unheard <= unanswered, "seed {seed}, sidecar {id}");
            assert!(!process.sidecar.is_scaling());
        }
        // the faults were over long before the end: one of them leads, and the other does not
        let standing: Vec<Standing> = living.values().map(|process| process.sidecar.standing()).collect();
        let leads = living.values().find(|process| process.sidecar.standing() == Standing::Leading);
        let leaders = standing.iter().filter(|standing| **standing == Standing::Leading).count();
        assert_eq!((standing.len(), leaders), (2, 1), "seed {seed}: {standing:?}");
        let known = leads.and_then(|process| process.sidecar.known()).map(|known| known.desired);
        assert_eq!(known, Some(world.desired()), "seed {seed}");
        scalings += world.scalings;
        turned_away += world.turned_away;
        reigns += world.reigns;
        total.losses += world.total.losses;
        total.held_back += world.total.held_back;
        total.meddlings += world.total.meddlings;
    }
    // and there was something to hold out against
    let Counts { losses, held_back, meddlings, .. } = total;
    println!(
        "{scalings} scalings, {turned_away} turned away, {reigns} reigns, {losses} losses, {held_back} held back, {meddlings} meddlings"
    );
    assert!(scalings > 1_000 && reigns > 100 && losses > 20 && held_back > 100 && meddlings > 20);
}
