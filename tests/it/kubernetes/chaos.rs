//! Two sidecars as programs on one Deployment, and everything that may go wrong does, at random: what the stand-in accepts, it accepts
//! from whoever has the Lease and from nobody else; what they count is what it saw; they don't grow.
//!
//! Half a minute of faults; `WATCHTOWER_CHAOS_SECS=3600` makes it an hour, `WATCHTOWER_CHAOS_SEED` repeats one. In compressed time: `hour`.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rand::RngExt as _;
use watchtower::random::{Purpose, Seed, Stream};

use super::super::autoscale::running::{Running, until};
use super::FUNCTIONS;
use super::sidecar::{Yard, token};

/// Where this machine stood still for longer than this, that a Lease had run out by a little says nothing.
const STALL: Duration = Duration::from_millis(700);

/// What a sidecar may come to need beyond what it had after its first seconds, in KiB.
const GROWTH_KIB: u64 = 16 * 1024;

struct Chaos {
    yard: Yard,
    luck: Stream,
    living: BTreeMap<String, Running>,
    born: u32,
}

/// Resident memory of a process.
fn resident_kib(running: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux tells it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a count")
}

/// One of a sidecar's numbers.
fn metric(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}:\n{metrics}"));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a count")
}

fn scalings(metrics: &str, result: &str) -> u64 {
    metric(metrics, &format!("watchtower_autoscale_scalings_total{{function=\"ftest\",result=\"{result}\"}}"))
}

impl Chaos {
    fn begin(&mut self) {
        let who = format!("s{}", self.born);
        self.born += 1;
        let running = self.yard.start(&who, &["--config", "sidecar.toml"]);
        self.living.insert(who, running);
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.luck.random_range(from..to))
    }

    fn somebody(&mut self) -> String {
        let names: Vec<&String> = self.living.keys().collect();
        names[self.luck.random_range(0..names.len())].clone()
    }

    fn fault(&mut self) {
        let which = self.luck.random_range(0..9_u32);
        let lasts = self.millis(200, 3_000);
        let api = &self.yard.api;
        match which {
            0 => {
                api.weather(|weather| weather.down = true);
                thread::sleep(lasts * 2);
                api.weather(|weather| weather.down = false);
            }
            1 => {
                api.weather(|weather| weather.slow = Duration::from_millis(700));
                thread::sleep(lasts);
                api.weather(|weather| weather.slow = Duration::ZERO);
            }
            2 => {
                api.weather(|weather| weather.conflict_every = Some(2));
                thread::sleep(lasts);
                api.weather(|weather| weather.conflict_every = None);
            }
            3 => {
                self.yard.gateway.be_gone(true);
                thread::sleep(lasts * 2);
                self.yard.gateway.be_gone(false);
            }
            4 => {
                let replicas = self.luck.random_range(0..9);
                self.yard.api.scale(FUNCTIONS, "ftest", replicas);
            }
            5 => {
                let who = self.somebody();
                let stands = self.millis(500, 9_000);
                self.living[&who].signal(Signal::SIGSTOP);
                thread::sleep(stands);
                self.living[&who].signal(Signal::SIGCONT);
            }
            6 => {
                let who = self.somebody();
                // killed, whatever it was about to do
                drop(self.living.remove(&who));
                self.begin();
            }
            7 => {
                let newest = api.store().lock().version;
                api.weather(|weather| weather.compacted = newest + 1);
                api.cut_all();
                thread::sleep(Duration::from_millis(500));
                api.weather(|weather| weather.compacted = 0);
            }
            _ => {
                api.weather(|weather| weather.silent = true);
                thread::sleep(lasts);
                api.weather(|weather| weather.silent = false);
            }
        }
    }
}

/// Fewer scalings than that say nothing.
const ENOUGH: usize = 5;

#[test]
fn two_sidecars_under_random_faults_never_scale_without_the_lease_and_count_what_the_server_saw() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = number("WATCHTOWER_CHAOS_SEED").unwrap_or(7);
    let lasts = Duration::from_secs(number("WATCHTOWER_CHAOS_SECS").unwrap_or(30));
    println!("seed {seed}");
    let mut luck = Seed(seed).stream(Purpose::Policy);
    // now above the band and now below it, with no order to it
    let late: Vec<u64> = (0..20_000).map(|_| if luck.random_bool(0.5) { 120 } else { 1 }).collect();
    let yard = Yard::new(2, &late);
    let function = "policy = \"watchtower\"\ncheck_frequency = 1\ntarget = 50\nscale_up_rounds = 1\nscale_down_rounds = 1\n\
                    scale_up_increment = 0.5\nscale_down_increment = 0.5\nsettle = \"0s\"\nat_most = 5";
    yard.write("sidecar.toml", &yard.toml("lease = \"6s\"\nactions_per_minute = 40", function));

    // how long this machine stands still, since the stand-in's own threads do so with it
    let (stalled, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let watching = (Arc::clone(&stalled), Arc::clone(&is_over));
    let watch = thread::spawn(move || {
        while !watching.1.load(Ordering::Relaxed) {
            let before = Instant::now();
            thread::sleep(Duration::from_millis(20));
            watching.0.fetch_max(before.elapsed().as_millis() as u64, Ordering::Relaxed);
        }
    });

    let mut chaos = Chaos { yard, luck, living: BTreeMap::new(), born: 0 };
    chaos.begin();
    chaos.begin();
    until("one of them scales", || !chaos.yard.api.ledger().scalings.is_empty());
    let at_first: BTreeMap<String, u64> =
        chaos.living.iter().map(|(who, running)| (who.clone(), resident_kib(running))).collect();
    let begun = Instant::now();
    // on a full machine there may be little to hold out against in that time: it goes on until there was
    let is_enough = |chaos: &Chaos| chaos.yard.api.ledger().scalings.len() > ENOUGH;
    while begun.elapsed() < lasts || (!is_enough(&chaos) && begun.elapsed() < lasts * 4) {
        chaos.fault();
        let rest = chaos.millis(100, 2_000);
        thread::sleep(rest);
    }

    // the faults are over: one leads, and goes on scaling; the other stands by
    let Chaos { yard, living, .. } = chaos;
    let standing = |how: &str| {
        living.values().filter(|running| running.get("/healthz").contains(&format!("ftest: {how}"))).count()
    };
    until("one leads", || (standing("leading"), standing("standby")) == (1, 1));
    let before = yard.api.ledger().scalings.len();
    until("it scales", || yard.api.ledger().scalings.len() > before);
    is_over.store(true, Ordering::Relaxed);
    watch.join().expect("it watched");
    let has_stalled = Duration::from_millis(stalled.load(Ordering::Relaxed)) > STALL;
    if has_stalled {
        println!("SKIPPED: that no Lease had run out, since this machine stood still for {stalled:?} ms");
    }

    let ledger = yard.api.ledger();
    for scaling in &ledger.scalings {
        assert!((1..=5).contains(&scaling.to), "{scaling:?}");
        let (holder, is_over) = scaling.holder.clone().unwrap_or_else(|| panic!("nobody leads: {scaling:?}"));
        assert_eq!(holder, scaling.token, "another one leads: {scaling:?}");
        assert!(!is_over || has_stalled, "its Lease has run out: {scaling:?}");
    }
    for (who, running) in living {
        // what is counted and what is seen are read at two moments: it has to stand still between them
        let metrics = loop {
            let (known, metrics) = (yard.api.ledger().by(&token(&who)).len(), running.get("/metrics"));
            let unanswered = scalings(&metrics, "unanswered");
            let granted: u64 = ["up", "down", "unchanged"].iter().map(|result| scalings(&metrics, result)).sum();
            thread::sleep(Duration::from_millis(300));
            if yard.api.ledger().by(&token(&who)).len() == known && running.get("/metrics") == metrics {
                let known = known as u64;
                assert!((granted..=granted + unanswered).contains(&known), "{who}: {granted} {unanswered} {known}");
                break metrics;
            }
        };
        println!(
            "{who}: {} scalings, {} refused",
            yard.api.ledger().by(&token(&who)).len(),
            scalings(&metrics, "refused")
        );
        if let Some(at_first) = at_first.get(&who) {
            let now = resident_kib(&running);
            assert!(now < at_first + GROWTH_KIB, "{who}: {at_first} KiB at first, {now} KiB now");
        }
    }
    println!("{} scalings under {} reigns, {} refused", ledger.scalings.len(), ledger.reigns.len(), ledger.refused);
    assert!(ledger.scalings.len() > ENOUGH, "there was nothing to hold out against");
}
