//! Load from pods: together they send what one machine would have sent, what is lost is named, and nothing of them is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Output;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use super::jobs::{Controller, pid};
use super::{FIXED, FUNCTIONS, House, succeeded, text, until};

/// By count, so that no slow answer loses a request.
const LOAD: &str = "-n 160 -c 8 -q 5";
/// By then all pods run.
const IN_TIME: Duration = Duration::from_secs(10);
pub(super) const IMAGE: &str = "registry.example.org/watchtower:0.1.0";

impl House {
    pub(super) fn with_pods(&self, load: &str, ready_within: Duration) {
        let pods = format!(
            "load_gateway = \"http://{}\"\nload_ready_within = \"{}s\"",
            self.platform.gateway_address(),
            ready_within.as_secs()
        );
        self.scenario(load, FIXED, &pods);
    }

    fn pods(&self, pods: &str, out: &str) -> std::process::Child {
        let args =
            ["run", "guest.toml", "--target", "kubernetes", "--load-pods", pods, "--load-image", IMAGE, "--out", out];
        self.command(&args).spawn().expect("the program starts")
    }

    /// Neither Job nor `ConfigMap` nor pod.
    #[track_caller]
    pub(super) fn has_no_load(&self) {
        let objects = self.api.store().lock();
        let left: Vec<_> =
            objects.all.keys().filter(|(kind, ..)| ["jobs", "configmaps", "pods"].contains(&kind.as_str())).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    fn row(&self, out: &str) -> BTreeMap<String, String> {
        let mut reader =
            csv::Reader::from_path(self.dir.path().join(out).join("comparison.csv")).expect("comparison.csv");
        reader.deserialize().next().expect("a run").expect("a row")
    }

    /// Which request of which worker was due when.
    fn due(&self, out: &str) -> BTreeSet<(String, String, String)> {
        let mut reader =
            csv::Reader::from_path(self.dir.path().join(out).join("runs/three-1/requests.csv")).expect("requests.csv");
        let rows = reader.deserialize::<BTreeMap<String, String>>().map(|row| row.expect("a row"));
        rows.map(|row| (row["generator"].clone(), row["worker"].clone(), row["due_s"].clone())).collect()
    }

    fn study(&self, out: &str) -> String {
        fs::read_to_string(self.dir.path().join(out).join("study.json")).expect("study.json")
    }
}

/// What was added up of a run's answers: how many, in how many seconds.
fn answered(house: &House, out: &str) -> (String, u64) {
    let run = house.dir.path().join(out).join("runs/three-1");
    let hgrm = fs::read_to_string(run.join("latency.hgrm")).expect("latency.hgrm");
    let total = hgrm.lines().find(|line| line.contains("Total count")).expect("a total");
    let total = total.split("Total count").nth(1).unwrap_or_default().trim_matches([' ', '=', ']']).to_owned();
    let mut timeline = csv::Reader::from_path(run.join("timeline.csv")).expect("timeline.csv");
    let rows = timeline.deserialize::<BTreeMap<String, String>>().map(|row| row.expect("a row"));
    let completed = rows.map(|row| row["completed"].parse::<u64>().unwrap_or(0)).sum();
    (total, completed)
}

#[test]
fn four_pods_send_together_what_one_machine_sends_and_nothing_of_them_is_left() {
    let house = House::new();
    house.with_pods(LOAD, IN_TIME);
    succeeded(&house.start("one").wait_with_output().expect("it ends"));

    let controller = Controller::start(&house.api, house.dir.path());
    let child = house.pods("4", "all");
    until("four pods", || controller.count() == 4);
    let marks: Vec<_> = house
        .api
        .store()
        .lock()
        .all
        .iter()
        .filter(|((kind, ..), _)| kind == "jobs")
        .map(|(_, job)| job.clone())
        .collect();
    let pod = &marks[0]["spec"]["template"]["spec"];
    assert_eq!(
        (pod["containers"][0]["image"].as_str(), &pod["automountServiceAccountToken"]),
        (Some(IMAGE), &serde_json::json!(false))
    );
    let output = child.wait_with_output().expect("it ends");
    succeeded(&output);
    house.has_no_load();
    house.is_as_before();

    let (one, all) = (house.row("one"), house.row("all"));
    for count in ["planned", "sent", "completed", "errors", "lost_busy", "lost_late", "replicas_max", "valid"] {
        assert_eq!(all[count], one[count], "{count}");
    }
    assert_eq!((all["sent"].as_str(), all["replicas_max"].as_str()), ("160", "3"));
    assert_eq!(house.due("all"), house.due("one"));
    assert_eq!(answered(&house, "all"), answered(&house, "one"));
    assert_eq!(answered(&house, "all").1, 160);
    let study = house.study("all");
    for said in ["made by 4 machines", "laid beside the gateway's", "as the one that led them saw them"] {
        assert!(study.contains(said), "{said}: {study}");
    }
    // the pods only sent: each call of the cluster's was the leader's
    assert!(house.api.calls().iter().any(|call| call.contains("/scale")));
    let left: Vec<_> = fs::read_dir(house.dir.path()).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert!(!left.iter().any(|name| name.display().to_string().contains(".watchtower-shards")), "{left:?}");
}

#[test]
fn a_lost_pod_is_named_makes_the_run_invalid_and_the_others_part_is_kept() {
    let house = House::new();
    house.with_pods(LOAD, IN_TIME);
    let controller = Controller::start(&house.api, house.dir.path());
    let child = house.pods("2", "out");
    until("two pods", || controller.count() == 2);
    house_is_led(&house);
    assert!(controller.signal(1, Signal::SIGKILL));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    house.has_no_load();
    house.is_as_before();
    let row = house.row("out");
    assert_eq!((row["valid"].as_str(), row["sent"].as_str()), ("false", "80"));
    let why = &row["invalid_because"];
    assert!(why.contains("shard 2 of 2 was lost (pod watchtower-load-") && why.contains("exit code 137"), "{why}");
    assert!(text(&output.stderr).contains("shard 2 of 2 was lost"), "{}", text(&output.stderr));
}

/// Waits until the function has been taken over.
fn house_is_led(house: &House) {
    until("the arm's replicas", || house.api.replicas(FUNCTIONS, "ftest") == 3);
}

#[test]
fn whatever_ends_the_leader_the_pods_are_gone_afterwards() {
    for (by, code) in [(Signal::SIGTERM, Some(143)), (Signal::SIGKILL, None)] {
        let house = House::new();
        house.with_pods("-z 60s -c 4 -q 5", IN_TIME);
        let controller = Controller::start(&house.api, house.dir.path());
        let child = house.pods("2", "out");
        house_is_led(&house);
        kill(pid(&child), by).expect("sent");
        let output: Output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), code, "{}", text(&output.stderr));
        if by == Signal::SIGKILL {
            assert_eq!((controller.count(), house.debts()), (2, 2));
            let told = house.command(&["restore", "--dry-run"]).output().expect("the program starts");
            assert!(text(&told.stdout).contains("the load's job watchtower-load-"), "{}", text(&told.stdout));
            succeeded(&house.restore());
        } else {
            // what was led so far is there, and says that it is a part
            assert!(house.study("out").contains("\"status\": \"partial\""));
        }
        house.has_no_load();
        house.is_as_before();
        assert_eq!(controller.count(), 0);
    }
}

#[test]
fn pods_that_do_not_come_are_named_and_the_function_is_let_be() {
    let house = House::new();
    // no controller: nobody starts them
    house.with_pods(LOAD, Duration::from_secs(1));
    let output = house.pods("2", "out").wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    for part in
        ["not all pods of job watchtower-load-", "number 1: the cluster has not started it", "load_ready_within"]
    {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    assert!(!house.api.calls().iter().any(|call| call.contains("/deployments")), "{:?}", house.api.calls());
    house.has_no_load();
    house.is_as_before();
}

#[test]
fn what_pods_need_is_asked_for_before_the_first_of_them_is_there() {
    let house = House::new();
    house.with_pods(LOAD, IN_TIME);
    house.api.weather(|weather| {
        weather.denied.extend([
            "create jobs".to_owned(),
            "get pods/log".to_owned(),
            "update deployments/scale".to_owned(),
        ]);
    });
    let output = house.pods("2", "out").wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    for right in [
        "create jobs.batch in namespace openfaas-fn",
        "get pods/log in namespace openfaas-fn",
        "update deployments/scale.apps \"ftest\" in namespace openfaas-fn",
    ] {
        assert!(said.contains(right), "{right}:\n{said}");
    }
    assert!(
        house.api.calls().iter().all(|call| call.ends_with("/selfsubjectaccessreviews")),
        "{:?}",
        house.api.calls()
    );

    for (args, part) in [
        (vec!["--target", "kubernetes", "--load-pods", "2"], "needs an image"),
        (vec!["--target", "embedded", "--load-pods", "2", "--load-image", IMAGE], "the target is embedded"),
        (
            vec!["--target", "kubernetes", "--load-pods", "9", "--load-image", IMAGE],
            "more shards than load 1 has workers",
        ),
        (vec!["--target", "kubernetes", "--shard", "1/2"], "--load-pods N"),
    ] {
        let args: Vec<&str> = ["run", "guest.toml"].into_iter().chain(args).collect();
        let refused = house.command(&args).output().expect("the program starts");
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
        assert!(text(&refused.stderr).contains(part), "{part}: {}", text(&refused.stderr));
    }
}
