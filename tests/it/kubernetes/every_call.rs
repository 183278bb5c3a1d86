//! A run is ended at each of its calls to the API server: before it is done, when it is done and the answer half out, and after it. The
//! calls are counted in a run of the same scenario, and none is left out.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::mpsc::unbounded_channel;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::Target;
use watchtower::drive::live::target::guest::journal::Journal;
use watchtower::drive::live::target::guest::{Wish, Writer};
use watchtower::drive::live::target::kubernetes::{Access, Kubernetes, Way};
use watchtower::drive::live::target::openfaas;
use watchtower::record::FunctionId;

use super::api::{Moment, Then};
use super::{FIXED, House, succeeded, text};

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::During, Moment::After];

/// Points at which a run is ended in each way, at the very least.
const POINTS_LEAST: usize = 25;

/// Points that are tried at once: a run waits for nearly all of its time, and each has a cluster of its own.
const AT_ONCE: usize = 12;

/// With a run that is as short as one can be that still does everything.
fn house() -> House {
    let house = House::new();
    house.scenario("-n 1 -c 1", FIXED, "");
    let path = house.dir.path().join("guest.toml");
    let scenario = fs::read_to_string(&path).expect("a scenario");
    let short = scenario.replace("warm_up = \"300ms\"\ncool_down = \"100ms\"", "warm_up = \"0s\"\ncool_down = \"0s\"");
    assert_ne!(short, scenario);
    fs::write(&path, short).expect("a scenario");
    house
}

/// Calls of a run that nothing happens to.
fn calls() -> usize {
    let house = house();
    succeeded(&house.run());
    house.is_as_before();
    house.api.calls().len()
}

/// Does it for each point, several at once: most of a run is waiting.
fn at_each(points: Vec<(usize, Moment)>, test: impl Fn(usize, Moment) + Sync) {
    assert!(points.len() >= POINTS_LEAST, "{} points", points.len());
    let (queue, test) = (Mutex::new(points.into_iter()), &test);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("nobody panicked").next();
                    let Some((call, moment)) = next else { return };
                    test(call, moment);
                }
            });
        }
    });
}

fn points(calls: usize, moments: &[Moment]) -> Vec<(usize, Moment)> {
    (0..calls).flat_map(|call| moments.iter().map(move |moment| (call, *moment))).collect()
}

/// Starts a run that is sent a signal at a point.
fn signalled_at(house: &House, call: usize, moment: Moment, signal: Signal) -> Child {
    let pid: Arc<Mutex<Option<u32>>> = Arc::default();
    let whom = Arc::clone(&pid);
    house.api.hook(move |number, at| {
        if (number, at) != (call, moment) {
            return Then::GoOn;
        }
        // the first call comes when the process has long been started, if not always been noted
        let pid = loop {
            if let Some(pid) = *whom.lock().expect("nobody panicked") {
                break Pid::from_raw(pid.try_into().expect("a pid"));
            }
            thread::yield_now();
        };
        let _ = kill(pid, signal);
        if signal == Signal::SIGKILL { Then::Cut } else { Then::GoOn }
    });
    let child = house.start("out");
    *pid.lock().expect("nobody panicked") = Some(child.id());
    child
}

#[test]
fn killed_at_any_call_everything_is_as_before_after_the_next_start() {
    at_each(points(calls(), &MOMENTS), |call, moment| {
        let house = house();
        let child = signalled_at(&house, call, moment, Signal::SIGKILL);
        child.wait_with_output().expect("it ends");
        house.api.unhook();
        let restored = house.restore();
        assert_eq!(restored.status.code(), Some(0), "call {call}, {moment:?}: {}", text(&restored.stderr));
        println!("call {call}, {moment:?}");
        house.is_as_before();
    });
}

#[test]
fn killed_at_any_call_everything_is_as_before_after_a_start_elsewhere_that_knows_the_cluster_only() {
    at_each(points(calls(), &[Moment::After]), |call, moment| {
        let house = house();
        let child = signalled_at(&house, call, moment, Signal::SIGKILL);
        child.wait_with_output().expect("it ends");
        house.api.unhook();
        if house.state().exists() {
            fs::remove_dir_all(house.state()).expect("removed");
        }
        house.api.leases_last(1);
        let restored = house.command(&["restore", "guest.toml"]).output().expect("the program starts");
        assert_eq!(restored.status.code(), Some(0), "call {call}, {moment:?}: {}", text(&restored.stderr));
        println!("call {call}, {moment:?}");
        house.is_as_before();
    });
}

#[test]
fn asked_to_end_at_any_call_everything_is_as_before_when_it_has() {
    at_each(points(calls(), &[Moment::During]), |call, moment| {
        let house = house();
        let child = signalled_at(&house, call, moment, Signal::SIGTERM);
        let output = child.wait_with_output().expect("it ends");
        println!("call {call}, {moment:?}: {:?} {}", output.status, text(&output.stderr));
        house.is_as_before();
    });
}

#[test]
fn with_its_connection_cut_at_any_call_everything_is_as_before_when_it_has_ended() {
    at_each(points(calls(), &MOMENTS), |call, moment| {
        let house = house();
        house.api.hook(move |number, at| if (number, at) == (call, moment) { Then::Cut } else { Then::GoOn });
        let output = house.run();
        println!("call {call}, {moment:?}: {:?} {}", output.status, text(&output.stderr));
        house.is_as_before();
    });
}

/// Everything a run does at the cluster, in this process.
async fn whole_stay(house: &House) {
    let access = Access {
        way: Way {
            kubeconfig: Some(house.dir.path().join("kubeconfig").display().to_string()),
            context: Some("lab".to_owned()),
        },
        gateway: openfaas::Access {
            gateway: format!("http://{}", house.platform.gateway_address()),
            ..openfaas::Access::default()
        },
        ..Access::default()
    };
    let wish = Wish {
        functions: vec!["ftest".to_owned()],
        replicas: 1,
        bounds: (1, 5),
        writer: Writer::Policy,
        lasts: std::time::Duration::from_secs(10),
    };
    let (events, _rows) = unbounded_channel();
    let journal = Journal::at(house.state());
    let Ok((target, stay)) = Kubernetes::take_over(&access, wish, journal, Clock::start(), events).await else {
        return;
    };
    let _ = target.scale(FunctionId::STUDIED, 3).await;
    let _ = target.replicas(FunctionId::STUDIED).await;
    drop(target);
    let _ = stay.end().await;
}

#[test]
fn with_a_panic_at_any_call_everything_is_as_before_when_it_has_unwound() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let house = House::new();
    runtime().block_on(whole_stay(&house));
    house.is_as_before();
    at_each(points(house.api.calls().len(), &[Moment::Before, Moment::During]), |call, moment| {
        let house = House::new();
        let (sender, mut asked) = unbounded_channel();
        house.api.hook(move |number, at| {
            if (number, at) == (call, moment) {
                let _ = sender.send(());
            }
            Then::GoOn
        });
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            runtime().block_on(async {
                tokio::select! {
                    () = whole_stay(&house) => {}
                    Some(()) = asked.recv() => panic!("provoked at call {call}, {moment:?}"),
                }
            });
        }));
        println!("call {call}, {moment:?}: {}", if panicked.is_err() { "panicked" } else { "was over before" });
        house.is_as_before();
    });
}
