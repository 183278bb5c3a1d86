//! A study whose load comes from pods is ended at each of its calls to the API server, those about its pods as well as those of its run:
//! neither Job nor pods nor Lease nor anything else of it is left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use watchtower::drive::live::target::guest::journal::Journal;
use watchtower::drive::live::target::kubernetes::pods::{Ear, LoadPods, Order};

use super::super::points::{MOMENTS, Moment, Then, at_each, points, signalled_at};
use super::jobs::Controller;
use super::load::IMAGE;
use super::{House, access, succeeded, text};

/// A study as short as one can be: its load begins at a time that is told to the pods beforehand, which is most of it.
fn house() -> (House, Controller) {
    let house = House::new();
    house.with_pods("-n 1 -c 1", Duration::from_secs(3));
    house.shorten();
    let controller = Controller::start(&house.api, house.dir.path());
    (house, controller)
}

fn start(house: &House) -> Child {
    let mut command = house.command(&["run", "guest.toml", "--target", "kubernetes", "--out", "out", "--no-report"]);
    command.args(["--load-pods", "1", "--load-image", IMAGE]).spawn().expect("the program starts")
}

#[track_caller]
fn nothing_is_left(house: &House, controller: &Controller) {
    house.has_no_load();
    house.is_as_before();
    assert_eq!(controller.count(), 0, "pods");
}

/// Calls of a study that nothing happens to.
fn calls() -> usize {
    let (house, controller) = house();
    succeeded(&start(&house).wait_with_output().expect("it ends"));
    nothing_is_left(&house, &controller);
    let seen = house.api.calls();
    println!("{seen:#?}");
    seen.len()
}

/// After each call: what a kill before the next one finds is the same.
#[test]
fn killed_after_any_call_nothing_is_left_after_the_next_start() {
    at_each(points(calls(), &[Moment::After]), |point| {
        let (house, controller) = house();
        let child = signalled_at(house.api.points(), point, Signal::SIGKILL, || start(&house));
        child.wait_with_output().expect("it ends");
        house.api.points().unhook();
        let restored = house.restore();
        assert_eq!(restored.status.code(), Some(0), "{point:?}: {}", text(&restored.stderr));
        println!("{point:?}");
        nothing_is_left(&house, &controller);
    });
}

#[test]
fn asked_to_end_at_any_call_nothing_is_left_when_it_has() {
    at_each(points(calls(), &[Moment::During]), |point| {
        let (house, controller) = house();
        let child = signalled_at(house.api.points(), point, Signal::SIGTERM, || start(&house));
        let output = child.wait_with_output().expect("it ends");
        println!("{point:?}: {:?} {}", output.status, text(&output.stderr));
        nothing_is_left(&house, &controller);
    });
}

/// Hears nothing of what pods say.
struct Deaf;

impl Ear for Deaf {
    fn hear(&self, _pod: u32, _line: &str) {}

    fn has_all(&self, _pod: u32) -> bool {
        false
    }

    fn last_words(&self, _pod: u32) -> Option<String> {
        None
    }
}

/// Everything that is done about pods, in this process; what they do is not the question.
async fn whole_load(house: &House) {
    let order = Order {
        pods: 2,
        image: IMAGE.to_owned(),
        args: vec!["--version".to_owned()],
        scenario: String::new(),
        lasts: Duration::from_secs(60),
    };
    let journal = Journal::at(house.state());
    let Ok((pods, stay)) = LoadPods::start(&access(house), "ftest", &order, journal).await else { return };
    let _ = pods.running(Duration::from_secs(10)).await;
    let (_over, is_over) = watch::channel(true);
    pods.heard(Arc::new(Deaf), is_over, Duration::from_secs(1)).await;
    drop(pods);
    let _ = stay.end().await;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Calls of [`whole_load`] that nothing happens to.
fn calls_about_pods() -> usize {
    let house = House::new();
    let controller = Controller::start(&house.api, house.dir.path());
    runtime().block_on(whole_load(&house));
    nothing_is_left(&house, &controller);
    house.api.calls().len()
}

#[test]
fn with_its_connection_cut_at_any_call_about_pods_none_is_left_when_it_has_ended() {
    at_each(points(calls_about_pods(), &MOMENTS), |point| {
        let house = House::new();
        let controller = Controller::start(&house.api, house.dir.path());
        house.api.points().hook(move |number, at| if (number, at) == point { Then::Cut } else { Then::GoOn });
        runtime().block_on(whole_load(&house));
        println!("{point:?}");
        nothing_is_left(&house, &controller);
    });
}

#[test]
fn with_a_panic_at_any_call_about_pods_none_is_left_when_it_has_unwound() {
    at_each(points(calls_about_pods(), &[Moment::Before, Moment::During]), |point| {
        let house = House::new();
        let controller = Controller::start(&house.api, house.dir.path());
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
                    () = whole_load(&house) => {}
                    Some(()) = asked.recv() => panic!("provoked at {point:?}"),
                }
            });
        }));
        println!("{point:?}: {}", if panicked.is_err() { "panicked" } else { "was over before" });
        nothing_is_left(&house, &controller);
    });
}
