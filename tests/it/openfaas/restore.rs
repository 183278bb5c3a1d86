//! However a run ends, the gateway is as before: at once, or after the next start.

use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::mpsc::unbounded_channel;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::Target;
use watchtower::drive::live::target::guest::journal::Journal;
use watchtower::drive::live::target::guest::{SecretSource, Wish, Writer};
use watchtower::drive::live::target::openfaas::{Access, OpenFaas};
use watchtower::record::FunctionId;

use super::{FIXED, House, gateway, lines, text, until};

fn signalled(house: &House, signal: Signal) -> Option<i32> {
    let child = house.start();
    until("the load", || lines(&house.dir.path().join("out/runs/three-1/requests.csv")) > 5);
    until("three replicas", || house.replicas() == 3);
    assert_eq!(house.alertmanager.silenced(), [("APIHighInvocationRate".to_owned(), "ftest.openfaas-fn".to_owned())]);
    assert_eq!(house.debts(), 1);
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("the signal is sent");
    child.wait_with_output().expect("it ends").status.code()
}

#[test]
fn asked_to_end_a_run_puts_back_what_it_changed() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let house = House::new();
        house.scenario("-z 60s -c 2 -q 5", FIXED, "");
        assert_eq!(signalled(&house, signal), Some(code));
        house.is_as_before();
    }
}

#[test]
fn a_killed_run_is_put_back_by_restore_and_by_the_next_run() {
    let house = House::new();
    house.scenario("-z 60s -c 2 -q 5", FIXED, "");
    assert_eq!(signalled(&house, Signal::SIGKILL), None);
    assert_eq!((house.replicas(), house.debts()), (3, 1));

    let told = house.command(&["restore", "--dry-run"]).output().expect("the program starts");
    assert!(text(&told.stdout).starts_with("would put back ftest at http://127.0.0.1:"), "{}", text(&told.stdout));
    assert_eq!(house.debts(), 1);
    let restored = house.command(&["restore"]).output().expect("the program starts");
    assert_eq!(restored.status.code(), Some(0), "{}", text(&restored.stderr));
    house.is_as_before();

    let house = House::new();
    house.scenario("-z 60s -c 2 -q 5", FIXED, "");
    assert_eq!(signalled(&house, Signal::SIGKILL), None);
    std::fs::remove_dir_all(house.dir.path().join("out")).expect("removed");
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    let output = house.run();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    house.is_as_before();
}

#[test]
fn a_gateway_that_is_gone_is_told_with_what_to_type_and_put_back_when_it_is_there_again() {
    let house = House::new();
    house.scenario("-z 4s -c 2 -q 5", FIXED, "restore_within = \"1s\"");
    let child = house.start();
    until("three replicas", || house.replicas() == 3);
    let address = house.platform.gateway_address();
    let House { dir, platform, alertmanager, calls, .. } = house;
    platform.stop(Duration::from_millis(100));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("could not be put back as it was") && said.contains("watchtower restore"), "{said}");
    let typed = format!("curl -u admin:\"$(cat {})\" -d", dir.path().join("password").display());
    assert!(said.contains(&typed) && said.contains("\"replicas\":2}"), "{said}");

    // nobody took its port meanwhile, or there is nothing to test
    if TcpListener::bind(address).is_err() {
        return;
    }
    let house = House { dir, platform: gateway(address), alertmanager, front: None, calls };
    assert_eq!((house.replicas(), house.debts()), (1, 1));
    let restored = house.command(&["restore"]).output().expect("the program starts");
    assert_eq!(restored.status.code(), Some(0), "{}", text(&restored.stderr));
    house.is_as_before();
}

#[test]
fn a_function_that_another_run_drives_is_left_to_it() {
    let house = House::new();
    house.scenario("-z 60s -c 2 -q 5", FIXED, "");
    let first = house.start();
    until("the load", || lines(&house.dir.path().join("out/runs/three-1/requests.csv")) > 5);
    let mut second = house.command(&["run", "guest.toml", "--target", "openfaas", "--out", "second"]);
    let second = second.output().expect("the program starts");
    assert_eq!(second.status.code(), Some(1));
    let said = text(&second.stderr);
    assert!(said.contains(&format!("another watchtower (process {}) is driving ftest", first.id())), "{said}");
    let told = house.command(&["restore"]).output().expect("the program starts");
    assert!(text(&told.stderr).contains("is left alone"), "{}", text(&told.stderr));
    kill(Pid::from_raw(first.id().try_into().expect("a pid")), Signal::SIGTERM).expect("the signal is sent");
    first.wait_with_output().expect("it ends");
    house.is_as_before();
}

#[test]
fn a_function_that_is_not_there_is_named_and_nothing_is_changed() {
    let house = House::new();
    house.scenario("-z 1s -c 2 -q 5", FIXED, "namespace = \"elsewhere\"");
    let output = house.run();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the function can't be found"), "{}", text(&output.stderr));
    assert_eq!(house.alertmanager.ever(), 0);
    house.is_as_before();
}

/// The gateway carries the scaling to three out late, and a run is asked to end meanwhile.
fn ended_while_scaling(takes: Duration) -> House {
    let house = House::with_a_front();
    house.scenario("-z 60s -c 2 -q 5", FIXED, "");
    house.weather(|weather| weather.takes = Some((3, takes)));
    let child = house.start();
    until("three are asked for", || house.front().asked().last() == Some(&3));
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), Signal::SIGINT).expect("the signal is sent");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(!house.front().is_busy(), "it was waited for");
    assert_eq!(house.front().asked(), [1, 3, 2]);
    house.is_as_before();
    house
}

#[test]
fn a_scaling_under_way_when_a_run_is_asked_to_end_is_waited_for_and_recorded_and_comes_before_putting_back() {
    let house = ended_while_scaling(Duration::from_secs(4));
    let scaled = house.events("three-1").into_iter().filter(|row| row["kind"] == "scale" && row["actor"] == "fixed");
    assert_eq!(scaled.map(|row| row["to"].clone()).collect::<Vec<_>>(), ["3"]);
}

#[test]
fn a_scaling_that_the_gateway_carries_out_after_nobody_waits_for_its_answer_comes_before_putting_back_too() {
    let house = ended_while_scaling(Duration::from_secs(9));
    let refused = house.reasons("three-1", "refused");
    assert!(
        matches!(&refused[..], [reason] if reason.ends_with("no complete answer within 5s; the gateway may still do it")),
        "{refused:?}"
    );
}

/// A run in this process that asks for three replicas and panics while the gateway thinks about it.
#[test]
fn a_panic_while_a_scaling_is_under_way_leaves_nothing_changed() {
    let house = House::with_a_front();
    let access = Access {
        gateway: format!("http://{}", house.gateway()),
        secret: SecretSource::PasswordFile { user: "admin".to_owned(), file: house.dir.path().join("password") },
        ..Access::default()
    };
    let wish = Wish {
        functions: vec!["ftest".to_owned()],
        replicas: 1,
        bounds: (1, 5),
        writer: Writer::Policy,
        lasts: Duration::from_secs(10),
    };
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (events, _rows) = unbounded_channel();
            let journal = Journal::at(house.state());
            let taken = OpenFaas::take_over(&access, wish, journal, Clock::start(), events).await;
            let (target, _stay) = taken.expect("it is taken over");
            house.weather(|weather| weather.takes = Some((3, Duration::from_secs(3))));
            let asked = tokio::time::timeout(Duration::from_secs(1), target.scale(FunctionId::STUDIED, 3)).await;
            assert!(asked.is_err(), "there is no answer yet");
            panic!("provoked");
        });
    }));
    assert!(panicked.is_err() && !house.front().is_busy());
    assert_eq!(house.front().asked(), [1, 3, 2]);
    house.is_as_before();
}
