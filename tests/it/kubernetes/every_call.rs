//! A run is ended at each of its calls to the API server: before it is done, when it is done and the answer half out, and after it. The
//! calls are counted in a run of the same scenario, and none is left out.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::signal::Signal;
use tokio::sync::mpsc::unbounded_channel;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::Target;
use watchtower::drive::live::target::guest::journal::Journal;
use watchtower::drive::live::target::guest::{Wish, Writer};
use watchtower::drive::live::target::kubernetes::Kubernetes;
use watchtower::record::FunctionId;

use super::super::points::{MOMENTS, Moment, Then, at_each, points, signalled_at};
use super::{FIXED, House, access, succeeded, text};

/// With a run that is as short as one can be that still does everything.
fn house() -> House {
    let house = House::new();
    house.scenario("-n 1 -c 1", FIXED, "");
    house.shorten();
    house
}

/// Calls of a run that nothing happens to.
fn calls() -> usize {
    let house = house();
    succeeded(&house.run());
    house.is_as_before();
    house.api.calls().len()
}

#[test]
fn killed_at_any_call_everything_is_as_before_after_the_next_start() {
    at_each(points(calls(), &MOMENTS), |point| {
        let house = house();
        let child = signalled_at(house.api.points(), point, Signal::SIGKILL, || house.start("out"));
        child.wait_with_output().expect("it ends");
        house.api.points().unhook();
        let restored = house.restore();
        assert_eq!(restored.status.code(), Some(0), "{point:?}: {}", text(&restored.stderr));
        println!("{point:?}");
        house.is_as_before();
    });
}

#[test]
fn killed_at_any_call_everything_is_as_before_after_a_start_elsewhere_that_knows_the_cluster_only() {
    at_each(points(calls(), &[Moment::After]), |point| {
        let house = house();
        let child = signalled_at(house.api.points(), point, Signal::SIGKILL, || house.start("out"));
        child.wait_with_output().expect("it ends");
        house.api.points().unhook();
        if house.state().exists() {
            fs::remove_dir_all(house.state()).expect("removed");
        }
        house.api.leases_last(1);
        let restored = house.command(&["restore", "guest.toml"]).output().expect("the program starts");
        assert_eq!(restored.status.code(), Some(0), "{point:?}: {}", text(&restored.stderr));
        println!("{point:?}");
        house.is_as_before();
    });
}

#[test]
fn asked_to_end_at_any_call_everything_is_as_before_when_it_has() {
    at_each(points(calls(), &[Moment::During]), |point| {
        let house = house();
        let child = signalled_at(house.api.points(), point, Signal::SIGTERM, || house.start("out"));
        let output = child.wait_with_output().expect("it ends");
        println!("{point:?}: {:?} {}", output.status, text(&output.stderr));
        house.is_as_before();
    });
}

#[test]
fn with_its_connection_cut_at_any_call_everything_is_as_before_when_it_has_ended() {
    at_each(points(calls(), &MOMENTS), |point| {
        let house = house();
        house.api.points().hook(move |number, at| if (number, at) == point { Then::Cut } else { Then::GoOn });
        let output = house.run();
        println!("{point:?}: {:?} {}", output.status, text(&output.stderr));
        house.is_as_before();
    });
}

/// Everything a run does at the cluster, in this process.
async fn whole_stay(house: &House) {
    let wish = Wish {
        functions: vec!["ftest".to_owned()],
        replicas: 1,
        bounds: (1, 5),
        writer: Writer::Policy,
        lasts: std::time::Duration::from_secs(10),
    };
    let (events, _rows) = unbounded_channel();
    let journal = Journal::at(house.state());
    let Ok((target, stay)) = Kubernetes::take_over(&access(house), wish, journal, Clock::start(), events).await else {
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
    at_each(points(house.api.calls().len(), &[Moment::Before, Moment::During]), |point| {
        let house = House::new();
        let (sender, mut asked) = unbounded_channel();
        house.api.points().hook(move |number, at| {
            if (number, at) == point {
                let _ = sender.send(());
            }
            Then::GoOn
        });
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            runtime().block_on(async {
                tokio::select! {
                    () = whole_stay(&house) => {}
                    Some(()) = asked.recv() => panic!("provoked at {point:?}"),
                }
            });
        }));
        println!("{point:?}: {}", if panicked.is_err() { "panicked" } else { "was over before" });
        house.is_as_before();
    });
}
