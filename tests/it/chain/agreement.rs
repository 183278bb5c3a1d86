//! The real chain under a load, and the emulated one twice: as the run's shadow, which reads the counters itself at the real
//! one's phase, and in a replay of the samples that the real Prometheus stored. All three make the same alerts at the same
//! evaluations, the same notifications, the same steps.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use watchtower::drive::live::chain::{Chain, GatewayView, Options, Programs, Rates};
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::companion::Companion;
use watchtower::drive::live::interrupt::Interrupt;
use watchtower::drive::live::probe::call_once;
use watchtower::drive::live::run::run;
use watchtower::drive::live::target::Target;
use watchtower::drive::live::target::embedded::Embedded;
use watchtower::drive::replay::{Recording, ReplayEvent, Sample, counters};
use watchtower::drive::{Arm, Outcome, Phase, Plan, RecordError, Recorder, RequestPlan};
use watchtower::policy::FunctionInfo;
use watchtower::policy::openfaas_ce::real::{Numbers, Phases};
use watchtower::policy::registry;
use watchtower::policy::settings::{Settings, Value};
use watchtower::record::{EventKind, EventRow, FunctionId, GeneratorId, Lost};
use watchtower::study::resolve::{self, Overrides};
use watchtower::study::scenario::Scenario;
use watchtower::time::Timestamp;

use super::are_installed;

/// How far apart the two chains' steps may be.
const TOLERANCE_S: f64 = 0.3;

/// A resolved alert and a flush that are nearer to each other than this come in an order that nobody can foretell.
const RACE_S: f64 = 0.1;

/// A load on one function, and perhaps on a second.
pub(super) struct Load {
    pub(super) name: &'static str,
    /// When each generator starts, and hey's flags.
    pub(super) generators: &'static [(&'static str, &'static str)],
    /// When a second function gets 20 requests a second, in seconds after the load's start.
    pub(super) second: Option<(u64, u64)>,
    pub(super) warm_up: &'static str,
    pub(super) cool_down: &'static str,
    pub(super) seed: u64,
}

impl Default for Load {
    fn default() -> Self {
        Self { name: "load", generators: &[], second: None, warm_up: "3s", cool_down: "9s", seed: 1 }
    }
}

/// An embedded platform with the real chain beside it, ready to run.
pub(super) struct Bench {
    plan: Plan,
    target: Arc<Embedded>,
    clock: Clock,
    chain: Chain,
    changes: UnboundedReceiver<EventRow>,
    second: Option<(u64, u64)>,
    phases: Phases,
    /// Gets logs if something broke.
    _directory: TempDir,
}

/// What a run brought.
pub(super) struct Seen {
    pub(super) events: Vec<EventRow>,
    pub(super) outcome: Outcome,
    /// Samples that Prometheus stored, by function.
    samples: BTreeMap<String, Vec<Sample>>,
}

#[derive(Default)]
struct Events(Vec<EventRow>);

impl Recorder for Events {
    fn phase(&mut self, _at: Timestamp, _phase: Phase) -> Result<(), RecordError> {
        Ok(())
    }
    fn lost(&mut self, _at: Timestamp, _generator: GeneratorId, _lost: Lost) -> Result<(), RecordError> {
        Ok(())
    }
    fn event(&mut self, row: &EventRow) -> Result<(), RecordError> {
        self.0.push(row.clone());
        Ok(())
    }
}

impl Bench {
    /// Starts all of it, with an emulated chain as the shadow, put in step. `metrics` says where Prometheus is to scrape, given where the platform counts.
    pub(super) async fn new(load: &Load, arm: &str, metrics: impl FnOnce(SocketAddr) -> SocketAddr) -> Self {
        let mut plan = plan(load, arm);
        let clock = Clock::start();
        let (events, changes) = unbounded_channel();
        let infos: Vec<FunctionInfo> = plan.functions.iter().map(|function| function.info.clone()).collect();
        let (actor, rates) = (plan.arm.policy.name, Rates::default());
        let view = GatewayView::new(actor, infos, rates.clone(), events.clone());
        let alerts = view.alerts(plan.arm.settings.duration("webhook_latency"));
        let target = Embedded::with_alerts(&plan.functions, plan.node, plan.seed, clock, events.clone(), alerts);
        let target = Arc::new(target.expect("the platform starts"));
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = Options {
            programs: Programs::find("prometheus", "prometheus-alertmanager").expect("installed"),
            numbers: Numbers::of(&plan.arm.settings, plan.seed),
            gateway: target.platform().gateway_address(),
            metrics: metrics(target.platform().metrics_address()),
            credentials: Some(target.platform().credentials().clone()),
            actor,
            rates,
            leash: Some(env!("CARGO_BIN_EXE_watchtower").into()),
            logs: directory.path().to_owned(),
        };
        let chain = Chain::start(options, clock, events).await.unwrap_or_else(|error| panic!("{error}"));
        let phases = chain.phases().await;
        let mut settings = emulated(&plan.arm.settings);
        phases.fit(&mut settings);
        let policy = registry::find("openfaas-ce").expect("it is there");
        plan.shadows = vec![Arm { name: "emulated".to_owned(), policy, settings }];
        Self { plan, target, clock, chain, changes, second: load.second, phases, _directory: directory }
    }

    /// Prometheus and Alertmanager.
    pub(super) fn process_ids(&self) -> Vec<u32> {
        self.chain.process_ids()
    }

    /// When the run has to begin for its requests to lie in the middle between scrapes: the shadow's scrapes are a few
    /// milliseconds from the real ones, and what is counted must not be.
    fn begin(&self) -> Timestamp {
        let scrape = self.phases.scrape.expect("it was scraped");
        let interval = self.plan.arm.settings.duration("scrape_interval");
        let warm_up = Duration::from_nanos((self.plan.warm_up.as_nanos() % interval.as_nanos()) as u64);
        let phase = (scrape + interval + Duration::from_millis(100)).saturating_sub(warm_up);
        self.clock.epoch().next_on_grid(self.clock.now(), interval, phase)
    }

    /// Runs it to its end and reads what Prometheus stored.
    pub(super) async fn run(self) -> Seen {
        self.clock.sleep_until(self.begin()).await;
        let Self { plan, target, clock, chain, changes, second, _directory, .. } = self;
        let (_never, mut interrupt) = Interrupt::by_hand();
        let mut events = Events::default();
        if let Some((from, to)) = second {
            let uri = target.invoke_uri(FunctionId(1), "number=50").expect("the second function");
            let start = clock.now() + plan.warm_up;
            tokio::spawn(async move {
                let (mut at, end) = (start + Duration::from_secs(from), start + Duration::from_secs(to));
                while at < end {
                    clock.sleep_until(at).await;
                    let uri = uri.clone();
                    tokio::spawn(async move { call_once(&clock, &uri, &RequestPlan::default()).await });
                    at += Duration::from_millis(50);
                }
            });
        }
        let prometheus = chain.addresses().prometheus;
        let outcome = run(&plan, target, &clock, changes, &mut events, &mut interrupt).await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{error}"));
        let samples = samples(prometheus, &outcome).await;
        Box::new(chain).end(false).await;
        Seen { events: events.0, outcome, samples }
    }
}

fn plan(load: &Load, arm: &str) -> Plan {
    let mut text = "name = \"t\"\n[function]\nname = \"ftest\"\nquery = \"number=50\"\n".to_owned();
    for (start, flags) in load.generators {
        let _ = writeln!(text, "[[load]]\nhey = \"{flags}\"\nstart = \"{start}\"");
    }
    let Load { warm_up, cool_down, seed, .. } = load;
    let _ = writeln!(
        text,
        "[run]\nseed = {seed}\nwarm_up = \"{warm_up}\"\ncool_down = \"{cool_down}\"\n[[arm]]\nname = \"real\"\n{arm}"
    );
    let scenario = Scenario::parse("t.toml", &text, PathBuf::new());
    let study = scenario.and_then(|scenario| resolve::resolve(&scenario, &Overrides::default()));
    let mut plan = study.unwrap_or_else(|error| panic!("{error}\n{text}")).plan(0, 1);
    if load.second.is_some() {
        let mut second = plan.functions[0].clone();
        "second".clone_into(&mut second.info.name);
        plan.functions.push(second);
    }
    plan
}

/// Every stored sample of the counter, with its own time.
async fn samples(prometheus: SocketAddr, outcome: &Outcome) -> BTreeMap<String, Vec<Sample>> {
    let mut stream = TcpStream::connect(prometheus).await.expect("prometheus runs");
    let head = "GET /api/v1/query?query=gateway_function_invocation_total%5B1h%5D HTTP/1.0\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let answer: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let load_start = outcome.epoch.unix_at(outcome.load_start).as_secs_f64();
    let mut samples: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for series in answer["data"]["result"].as_array().expect("series") {
        let label = |name: &str| series["metric"][name].as_str().expect("a label").to_owned();
        let code = label("code").parse().expect("a status");
        let function = label("function_name").split('.').next().expect("a name").to_owned();
        let values = series["values"].as_array().expect("values").iter();
        samples.entry(function).or_default().extend(values.map(|pair| Sample {
            t_s: pair[0].as_f64().expect("a time") - load_start,
            code,
            value: pair[1].as_str().and_then(|value| value.parse().ok()).expect("a value"),
        }));
    }
    samples
}

/// What a chain did, by kind: when, in seconds after the load's start, and what.
#[derive(Debug, Default, PartialEq)]
struct Deeds {
    alerts: Vec<(f64, String)>,
    notifications: Vec<(f64, String)>,
    steps: Vec<(f64, String)>,
}

impl Deeds {
    fn add(&mut self, t_s: f64, kind: EventKind, from: Option<u32>, to: Option<u32>, reason: &str) {
        match (kind, from, to) {
            (EventKind::Alert, ..) => {
                let (alert, _rate) = reason.split_once(": ").unwrap_or((reason, ""));
                self.alerts.push((t_s, alert.to_owned()));
            }
            (EventKind::Decision, None, None) if reason.starts_with("notification") => {
                // why it came is Alertmanager's secret
                let alerts = reason.split(", because").next().unwrap_or_default();
                self.notifications.push((t_s, alerts.to_owned()));
            }
            (EventKind::Scale | EventKind::Decision, Some(from), Some(to)) => {
                self.steps.push((t_s, format!("{from} -> {to} {}", without_rate(reason))));
            }
            _ => {}
        }
    }

    fn sorted(mut self) -> Self {
        for deeds in [&mut self.alerts, &mut self.notifications, &mut self.steps] {
            deeds.sort_by(|one, other| one.0.total_cmp(&other.0));
        }
        self
    }

    fn of(actor: &str, seen: &Seen) -> Self {
        let mut deeds = Self::default();
        for row in seen.events.iter().filter(|row| row.actor == actor) {
            deeds.add(row.at.seconds_since(seen.outcome.load_start), row.kind, row.from, row.to, &row.reason);
        }
        deeds.sorted()
    }

    /// How far apart the two are at most, or what differs. `interval` is that of Alertmanager's flushes.
    fn apart(&self, other: &Self, interval: f64) -> Result<Apart, String> {
        let mut most = Apart::default();
        for (own, theirs) in
            [(&self.alerts, &other.alerts), (&self.notifications, &other.notifications), (&self.steps, &other.steps)]
        {
            let same = own.len() == theirs.len() && own.iter().zip(theirs).all(|(own, theirs)| own.1 == theirs.1);
            for (own, theirs) in own.iter().zip(theirs) {
                let apart = (own.0 - theirs.0).abs();
                if other.raced(theirs) && (apart - interval).abs() <= TOLERANCE_S {
                    most.races += 1;
                } else {
                    most.seconds = most.seconds.max(apart);
                }
            }
            if !same || most.seconds > TOLERANCE_S {
                return Err(format!("{own:#?}\nagainst\n{theirs:#?}"));
            }
        }
        Ok(most)
    }

    /// Whether it tells of an alert that was resolved just when Alertmanager flushed. Evaluations are 15 s apart and flushes 10 s from
    /// 5 s on, so every other end of an alert meets one; which comes first is a matter of some milliseconds of two programs on a
    /// busy machine, and the next flush is an interval later.
    fn raced(&self, deed: &(f64, String)) -> bool {
        let ended =
            |alert: &&(f64, String)| alert.1.ends_with("resolved") && (0.0..RACE_S).contains(&(deed.0 - alert.0));
        deed.1.contains("resolved") && self.alerts.iter().any(|alert| ended(&alert))
    }

    fn replayed(events: &[ReplayEvent], end_s: f64) -> Self {
        let mut deeds = Self::default();
        for event in events.iter().filter(|event| event.t_s <= end_s) {
            deeds.add(event.t_s, event.kind, event.from, event.to, &event.reason.text);
        }
        deeds.sorted()
    }
}

/// How far two chains are apart.
#[derive(Clone, Copy, Debug, Default)]
struct Apart {
    seconds: f64,
    /// Notifications and steps that came a flush later, see [`Deeds::raced`].
    races: usize,
}

/// The reason of a step. The real chain's rate is asked for by us, and may be that of the evaluation before.
fn without_rate(reason: &str) -> String {
    match reason.find(" /s: ").and_then(|end| Some((reason[..end].rfind(" at ")?, end + " /s".len()))) {
        Some((start, end)) => format!("{}{}", &reason[..start], &reason[end..]),
        None => reason.replace(" without a rate", ""),
    }
}

/// The settings that both chains take.
fn emulated(real: &Settings) -> Settings {
    let parameters = (registry::find("openfaas-ce").expect("it is there").parameters)();
    let mut settings = Settings::defaults(&parameters);
    for (name, value) in real.iter().filter(|(name, _)| parameters.iter().any(|own| own.name == *name)) {
        // a phase that is left to the seed is fitted instead
        if value != &Value::Text("random") {
            settings.set(&parameters, name, value.clone()).expect("both take it");
        }
    }
    settings
}

/// The emulated chain on what the real one's Prometheus stored.
fn replayed(seen: &Seen, arm: &Arm) -> Deeds {
    let functions = seen.samples.iter().map(|(name, samples)| {
        Recording::new(FunctionInfo { name: name.clone(), ..FunctionInfo::default() }, samples.clone())
    });
    let recordings: Vec<Recording> = functions.collect();
    let load_start = seen.outcome.epoch.unix_at(seen.outcome.load_start);
    let replayed = counters(arm, watchtower::random::Seed(1), load_start, &recordings);
    let end_s = seen.outcome.end.seconds_since(seen.outcome.load_start);
    Deeds::replayed(&replayed.events, end_s)
}

/// One load through all of them: a line of the table of agreement.
async fn compared(load: Load, arm: &str) -> Result<String, String> {
    let bench = Bench::new(&load, arm, |metrics| metrics).await;
    let shadow = bench.plan.shadows[0].clone();
    let seen = bench.run().await;
    let broken: Vec<_> = seen.events.iter().filter(|row| row.kind == EventKind::Broken).collect();
    if !broken.is_empty() {
        return Err(format!("{}: {broken:#?}", load.name));
    }
    let real = Deeds::of("openfaas-ce-real", &seen);
    let interval = shadow.settings.duration("group_interval").as_secs_f64();
    let against = |what: &str, other: &Deeds| {
        real.apart(other, interval).map_err(|error| format!("{}, real chain and {what}:\n{error}", load.name))
    };
    let as_shadow = against("shadow", &Deeds::of("shadow:emulated", &seen))?;
    let in_replay = against("replay", &replayed(&seen, &shadow))?;
    let minutes = (seen.outcome.end - Timestamp::ZERO).as_secs_f64() / 60.0;
    let Deeds { alerts, notifications, steps } = &real;
    Ok(format!(
        "| {} | {minutes:.1} | {} | {} | {} | {:.0} | {:.0} | {} |",
        load.name,
        alerts.len(),
        notifications.len(),
        steps.len(),
        as_shadow.seconds * 1e3,
        in_replay.seconds * 1e3,
        as_shadow.races.max(in_replay.races),
    ))
}

/// Several loads side by side, each with programs of its own.
fn assert_agreement(loads: Vec<Load>, arm: &'static str) {
    let one = |load| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(compared(load, arm))
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = loads.into_iter().map(|load| scope.spawn(move || one(load))).collect();
        runs.into_iter().map(|run| run.join().unwrap_or_else(|_| Err("a panic, told above".to_owned()))).collect()
    });
    let (lines, failures): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    println!("| load | minutes | alerts | notifications | steps | shadow apart, ms | replay apart, ms | races |");
    lines.into_iter().flatten().for_each(|line| println!("{line}"));
    let failures: Vec<String> = failures.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The chart's intervals divided by five.
const FIVE_TIMES_AS_FAST: &str = r#"
policy = "openfaas-ce-real"
scrape_interval = "1s"
window = "2s"
evaluation_interval = "3s"
for = "1s"
resend_delay = "12s"
group_wait = "1s"
group_interval = "2s"
repeat_interval = "6s"
"#;

#[test]
fn the_real_and_the_emulated_chain_do_the_same_under_four_loads() {
    if !are_installed() {
        return;
    }
    let loads = vec![
        Load { name: "steady above", generators: &[("0s", "-z 30s -c 4 -q 5")], ..Load::default() },
        // above and below by a margin that a busy machine does not lose; the finest is for the chart's own pace
        Load {
            name: "hovering",
            generators: &[
                ("0s", "-z 30s -c 1 -q 3"),
                ("0s", "-z 7s -c 1 -q 5"),
                ("13s", "-z 7s -c 1 -q 5"),
                ("26s", "-z 4s -c 1 -q 5"),
            ],
            ..Load::default()
        },
        Load { name: "burst", generators: &[("0s", "-z 7s -c 20 -q 5")], ..Load::default() },
        Load {
            name: "two functions",
            generators: &[("0s", "-z 30s -c 4 -q 5")],
            second: Some((10, 22)),
            ..Load::default()
        },
    ];
    assert_agreement(loads, FIVE_TIMES_AS_FAST);
}

/// With `WATCHTOWER_LONG=1`: the chart's own intervals, evaluations at random phases, half an hour of the chain's time in ten
/// minutes.
#[test]
fn the_real_and_the_emulated_chain_do_the_same_for_half_an_hour_at_the_charts_own_pace() {
    if std::env::var_os("WATCHTOWER_LONG").is_none() {
        eprintln!("SKIPPED, ten minutes at the chart's own pace: WATCHTOWER_LONG=1 or scripts/test --long runs them");
        return;
    }
    if !are_installed() {
        return;
    }
    let arm = "policy = \"openfaas-ce-real\"\nevaluation_phase = \"random\"\n";
    for seed in 1..=3 {
        let load = || Load { warm_up: "15s", cool_down: "45s", seed, ..Load::default() };
        let steady: &[(&str, &str)] = &[("0s", "-z 2m -c 4 -q 5")];
        let loads = vec![
            Load { name: "steady above", generators: steady, ..load() },
            Load { name: "hovering", generators: &[("0s", "-z 2m -c 1 -q 5"), ("0s", "-z 2m -c 1 -q 0.12")], ..load() },
            Load { name: "burst", generators: &[("0s", "-z 20s -c 20 -q 5")], ..load() },
            Load { name: "two functions", generators: steady, second: Some((40, 90)), ..load() },
        ];
        assert_agreement(loads, arm);
    }
}
