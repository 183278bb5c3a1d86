//! A run is ended at each of its calls to the gateway and to the Alertmanager: before it is done, when it is done and the answer half
//! out, and after it. What was asked for may also be done when nobody waits for it any more: a gateway knows no versions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::mpsc::unbounded_channel;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::Target;
use watchtower::drive::live::target::guest::journal::Journal;
use watchtower::drive::live::target::guest::{Alertmanager, SecretSource, Wish, Writer};
use watchtower::drive::live::target::openfaas::{Access, OpenFaas};
use watchtower::record::FunctionId;

use super::super::points::{MOMENTS, Moment, Then, at_each, killed_and_served_late, points, signalled_at};
use super::{FIXED, House, text, until};

/// When the gateway gives a scaling up. Longer than any machine takes to do what it was asked for, and than [`LATE`].
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// So long after the death of a run what it asked for is done.
const LATE: Duration = Duration::from_secs(1);

/// With a run that is as short as one can be that still does everything.
fn house() -> House {
    let house = House::with_a_front();
    house.scenario("-n 1 -c 1", FIXED, &format!("write_timeout = \"{}s\"", WRITE_TIMEOUT.as_secs()));
    house.shorten();
    house
}

/// Calls of a run that nothing happens to.
fn calls() -> usize {
    let house = house();
    let output = house.start().wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    house.is_as_before();
    let seen = house.calls.seen();
    println!("{seen:#?}");
    seen.len()
}

/// As it was found, also when all that was asked for is done.
#[track_caller]
fn is_as_before_for_good(house: &House) {
    until("all calls are over", || house.calls.are_all_over());
    house.is_as_before();
}

#[track_caller]
fn is_put_back_by_the_next_start(house: &House) {
    house.calls.unhook();
    let restored = house.command(&["restore"]).output().expect("the program starts");
    assert_eq!(restored.status.code(), Some(0), "{}", text(&restored.stderr));
    is_as_before_for_good(house);
}

#[test]
fn killed_at_any_call_everything_is_as_before_after_the_next_start() {
    at_each(points(calls(), &MOMENTS), |point| {
        let house = house();
        let child = signalled_at(&house.calls, point, Signal::SIGKILL, || house.start());
        child.wait_with_output().expect("it ends");
        println!("{point:?}");
        is_put_back_by_the_next_start(&house);
    });
}

#[test]
fn killed_at_any_call_that_is_carried_out_after_its_death_everything_is_as_before_after_the_next_start() {
    at_each(points(calls(), &MOMENTS), |point| {
        let house = house();
        let child = killed_and_served_late(&house.calls, point, LATE, || house.start());
        child.wait_with_output().expect("it ends");
        println!("{point:?}");
        is_put_back_by_the_next_start(&house);
    });
}

#[test]
fn asked_to_end_at_any_call_everything_is_as_before_when_it_has() {
    at_each(points(calls(), &[Moment::Before, Moment::During]), |point| {
        let house = house();
        let child = signalled_at(&house.calls, point, Signal::SIGTERM, || house.start());
        let output = child.wait_with_output().expect("it ends");
        println!("{point:?}: {:?} {}", output.status, text(&output.stderr));
        is_as_before_for_good(&house);
    });
}

#[test]
fn with_its_connection_cut_at_any_call_everything_is_as_before_when_it_has_ended() {
    at_each(points(calls(), &MOMENTS), |point| {
        let house = house();
        house.calls.hook(move |number, at| if (number, at) == point { Then::Cut } else { Then::GoOn });
        let output = house.start().wait_with_output().expect("it ends");
        println!("{point:?}: {:?} {}", output.status, text(&output.stderr));
        is_as_before_for_good(&house);
    });
}

/// Everything a run does at the gateway, in this process.
async fn whole_stay(house: &House) {
    let access = Access {
        gateway: format!("http://{}", house.gateway()),
        alertmanager: Some(Alertmanager {
            address: format!("http://{}", house.alertmanager.address),
            secret: SecretSource::None,
        }),
        secret: SecretSource::PasswordFile { user: "admin".to_owned(), file: house.dir.path().join("password") },
        write_timeout: WRITE_TIMEOUT,
        ..Access::default()
    };
    let wish = Wish {
        functions: vec!["ftest".to_owned()],
        replicas: 1,
        bounds: (1, 5),
        writer: Writer::Policy,
        lasts: Duration::from_secs(10),
    };
    let (events, _rows) = unbounded_channel();
    let journal = Journal::at(house.state());
    let Ok((target, stay)) = OpenFaas::take_over(&access, wish, journal, Clock::start(), events).await else {
        return;
    };
    let _ = target.scale(FunctionId::STUDIED, 3).await;
    drop(target);
    let _ = stay.end().await;
}

#[test]
fn with_a_panic_at_any_call_everything_is_as_before_when_it_has_unwound() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let house = House::with_a_front();
    runtime().block_on(whole_stay(&house));
    house.is_as_before();
    at_each(points(house.calls.seen().len(), &MOMENTS), |point| {
        let house = House::with_a_front();
        let (sender, mut asked) = unbounded_channel();
        house.calls.hook(move |number, at| {
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
        is_as_before_for_good(&house);
    });
}
