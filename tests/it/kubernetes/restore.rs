//! However a run ends, the cluster is as before: at once, or after the next start.

use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::openfaas::alertmanager::Alertmanager;
use super::{FIXED, FUNCTIONS, House, PLATFORM, succeeded, text};

pub(super) fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("the signal is sent");
}

fn signalled(house: &House, by: Signal) -> Option<i32> {
    let child = house.start("out");
    house.until_under_way("three-1");
    signal(&child, by);
    child.wait_with_output().expect("it ends").status.code()
}

#[test]
fn asked_to_end_a_run_puts_back_what_it_changed() {
    for (by, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let house = House::new();
        house.scenario("-z 60s -c 2 -q 5", FIXED, "");
        assert_eq!(signalled(&house, by), Some(code));
        house.is_as_before();
    }
}

#[test]
fn a_killed_run_is_put_back_by_restore_and_by_the_next_run() {
    let house = House::new();
    house.scenario("-z 60s -c 2 -q 5", FIXED, "");
    assert_eq!(signalled(&house, Signal::SIGKILL), None);
    assert_eq!((house.api.replicas(FUNCTIONS, "ftest"), house.api.replicas(PLATFORM, "alertmanager")), (3, 0));
    let told = house.command(&["restore", "--dry-run"]).output().expect("the program starts");
    let said = text(&told.stdout);
    assert!(said.contains("(ftest 2 replicas, alertmanager 1 replica, its Lease free)"), "{said}");
    assert_eq!(house.debts(), 1);
    succeeded(&house.restore());
    house.is_as_before();

    assert_eq!(std::fs::remove_dir_all(house.dir.path().join("out")).ok(), Some(()));
    assert_eq!(signalled(&house, Signal::SIGKILL), None);
    std::fs::remove_dir_all(house.dir.path().join("out")).expect("removed");
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    succeeded(&house.run());
    house.is_as_before();
}

#[test]
fn a_run_that_was_killed_elsewhere_is_put_back_from_what_stands_on_the_objects() {
    let house = House::new();
    house.scenario("-z 60s -c 2 -q 5", FIXED, "");
    assert_eq!(signalled(&house, Signal::SIGKILL), None);
    // another machine has no such journal: it waits for a sign of life, and finds the notes
    std::fs::remove_dir_all(house.state()).expect("removed");
    house.api.leases_last(1);
    std::fs::remove_dir_all(house.dir.path().join("out")).expect("removed");
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    succeeded(&house.run());
    house.is_as_before();
}

/// A run that was killed, on a machine whose journal is lost.
fn killed_elsewhere(openfaas: &str, extra: &str) -> House {
    let house = House::new();
    house.scenario_with("-z 60s -c 2 -q 5", FIXED, openfaas, extra);
    assert_eq!(signalled(&house, Signal::SIGKILL), None);
    std::fs::remove_dir_all(house.state()).expect("removed");
    house.api.leases_last(1);
    house
}

/// The ways to say which cluster.
const WAYS: [&[&str]; 2] = [&["guest.toml"], &["--kubeconfig", "kubeconfig", "--context", "lab"]];

#[test]
fn what_stands_on_the_objects_is_told_and_put_back_where_the_journal_is_lost() {
    for way in WAYS {
        let house = killed_elsewhere("", "");
        let id = house.mark(FUNCTIONS, "ftest")["id"].as_str().expect("an id").to_owned();
        let nothing = house.restore();
        assert!(text(&nothing.stderr).contains("nothing to put back"), "{}", text(&nothing.stderr));

        let told = house.command(&["restore", "--dry-run"]).args(way).output().expect("the program starts");
        succeeded(&told);
        let said = format!(
            "would put back ftest in namespace openfaas-fn at http://{}/ (ftest 2 replicas, alertmanager 1 replica, its Lease free), as run {id} noted there\n",
            house.api.address
        );
        assert_eq!(text(&told.stdout), said);
        assert_eq!((house.api.replicas(FUNCTIONS, "ftest"), house.api.replicas(PLATFORM, "alertmanager")), (3, 0));
        assert_eq!(house.debts(), 0);

        let restored = house.command(&["restore"]).args(way).output().expect("the program starts");
        succeeded(&restored);
        assert_eq!(
            text(&restored.stdout),
            said.replace("would put back", "put back").replace(&format!(", as run {id} noted there"), "")
        );
        house.is_as_before();
        let again = house.command(&["restore"]).args(way).output().expect("the program starts");
        succeeded(&again);
        assert!(text(&again.stderr).contains("nothing to put back"), "{}", text(&again.stderr));
    }
}

#[test]
fn a_run_that_goes_on_elsewhere_is_left_alone_by_what_stands_on_the_objects() {
    let house = House::new();
    house.scenario("-z 60s -c 2 -q 5", FIXED, "");
    let child = house.start("out");
    house.until_under_way("three-1");
    for way in WAYS {
        let mut elsewhere = house.command(&["restore"]);
        let elsewhere = elsewhere.args(way).env("WATCHTOWER_STATE_DIR", house.dir.path().join("other"));
        let output = elsewhere.output().expect("the program starts");
        succeeded(&output);
        assert!(text(&output.stderr).contains("is left alone: "), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
        assert_eq!((house.api.replicas(FUNCTIONS, "ftest"), house.api.replicas(PLATFORM, "alertmanager")), (3, 0));
    }
    signal(&child, Signal::SIGTERM);
    child.wait_with_output().expect("it ends");
    house.is_as_before();
}

#[test]
fn an_alert_that_was_silenced_is_heard_again_where_the_scenario_says_where() {
    let alertmanager = Alertmanager::start();
    let there = format!("alertmanager = \"http://{}\"", alertmanager.address);
    for (way, silenced) in WAYS.into_iter().zip([0, 1]) {
        let house = killed_elsewhere(&there, "isolation = \"alert-silenced\"");
        assert_eq!(alertmanager.silenced().len(), 1);
        let restored = house.command(&["restore"]).args(way).output().expect("the program starts");
        succeeded(&restored);
        assert_eq!(alertmanager.silenced().len(), silenced);
        assert_eq!(text(&restored.stderr).contains("it is heard again when the silence ends"), silenced == 1);
        house.is_as_before();
    }
}

#[test]
fn rights_that_putting_back_takes_are_named_and_what_cannot_be_listed_is_said() {
    let house = killed_elsewhere("", "");
    house.api.weather(|weather| weather.denied.extend(["update deployments/scale".to_owned()]));
    let output = house.command(&["restore", "guest.toml"]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("update deployments/scale.apps \"ftest\" in namespace openfaas-fn"), "{said}");
    house.api.weather(|weather| weather.denied = ["list deployments".to_owned()].into());
    let output = house.command(&["restore", "--context", "lab", "--kubeconfig", "kubeconfig"]).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("deployments of namespace openfaas-fn can't be listed") && said.contains("403"), "{said}");
    assert_eq!((house.api.replicas(FUNCTIONS, "ftest"), house.debts()), (3, 0));
    // a scenario names the objects, which need not be listed then
    succeeded(&house.command(&["restore", "guest.toml"]).output().expect("the program starts"));
    house.is_as_before();
}

#[test]
fn what_could_not_be_put_back_is_this_machines_debt_from_then_on() {
    let house = killed_elsewhere("", "");
    // it may ask whether it may, and may not
    house.api.weather(|weather| weather.refused.extend(["patch deployments".to_owned()]));
    let output = house.command(&["restore", "guest.toml", "--within", "1s"]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("could not be put back as it was") && said.contains("watchtower restore"), "{said}");
    assert_eq!(house.debts(), 1);
    house.api.weather(|weather| weather.refused.clear());
    succeeded(&house.restore());
    house.is_as_before();
}

#[test]
fn a_note_that_is_not_one_of_ours_is_left_as_it_is() {
    let house = House::new();
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    for note in ["yes", "{\"id\":\"../../evil\",\"replicas\":9}", "{\"id\":\"\",\"replicas\":9}"] {
        house.api.annotate(FUNCTIONS, "ftest", note);
        let output = house.command(&["restore", "guest.toml"]).output().expect("the program starts");
        succeeded(&output);
        assert!(text(&output.stderr).contains("is not one of ours"), "{}", text(&output.stderr));
        assert_eq!((house.api.replicas(FUNCTIONS, "ftest"), house.debts()), (2, 0));
    }
}

#[test]
fn a_function_that_another_run_drives_is_left_to_it_on_this_machine_and_on_others() {
    let house = House::new();
    house.scenario("-z 60s -c 2 -q 5", FIXED, "");
    let first = house.start("out");
    house.until_under_way("three-1");
    let second = house.start("second").wait_with_output().expect("it ends");
    assert_eq!(second.status.code(), Some(1));
    let said = text(&second.stderr);
    assert!(said.contains(&format!("another watchtower (process {}) is driving ftest", first.id())), "{said}");
    let told = house.restore();
    assert!(text(&told.stderr).contains("is left alone"), "{}", text(&told.stderr));

    let mut elsewhere = house.command(&["run", "guest.toml", "--target", "kubernetes", "--out", "third"]);
    let elsewhere = elsewhere.env("WATCHTOWER_STATE_DIR", house.dir.path().join("other")).output().expect("it starts");
    assert_eq!(elsewhere.status.code(), Some(1));
    let said = text(&elsewhere.stderr);
    assert!(said.contains("is driving ftest at namespace openfaas-fn"), "{said}");
    assert_eq!((house.api.replicas(FUNCTIONS, "ftest"), house.api.replicas(PLATFORM, "alertmanager")), (3, 0));

    signal(&first, Signal::SIGTERM);
    first.wait_with_output().expect("it ends");
    house.is_as_before();
}

#[test]
fn a_cluster_that_is_gone_is_told_with_what_to_type_and_put_back_when_it_is_there_again() {
    let house = House::new();
    house.scenario_with("-z 3s -c 2 -q 5", FIXED, "restore_within = \"1s\"", "");
    let child = house.start("out");
    house.until_under_way("three-1");
    house.api.weather(|weather| weather.down = true);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    let kubectl = format!("kubectl --kubeconfig {} --context lab", house.dir.path().join("kubeconfig").display());
    for part in [
        "could not be put back as it was".to_owned(),
        "watchtower restore".to_owned(),
        format!("{kubectl} -n openfaas-fn scale deployment/ftest --replicas=2"),
        format!("{kubectl} -n openfaas scale deployment/alertmanager --replicas=1"),
        format!("{kubectl} -n openfaas annotate deployment/alertmanager watchtower/restore-"),
        format!("{kubectl} -n openfaas-fn delete lease watchtower-ftest"),
    ] {
        assert!(said.contains(&part), "{part}:\n{said}");
    }
    house.api.weather(|weather| weather.down = false);
    assert_eq!(house.debts(), 1);
    succeeded(&house.restore());
    house.is_as_before();
}

#[test]
fn a_function_that_is_not_there_is_named_and_nothing_is_changed() {
    let house = House::new();
    house.scenario_with("-z 1s -c 2 -q 5", FIXED, "namespace = \"elsewhere\"", "");
    let output = house.run();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("deployment ftest in namespace elsewhere can't be found"), "{said}");
    house.is_as_before();
}
