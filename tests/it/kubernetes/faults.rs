//! What goes wrong in mid-run: the run goes on or ends with a clear message, the record says what happened, and everything is as it was
//! found, at once or when it can be.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::openfaas::lines;
use super::{FIXED, FUNCTIONS, House, PLATFORM, succeeded, text, until};

/// Rows of requests, so that nothing recorded is lost.
fn rows(house: &House) -> usize {
    lines(&house.dir.path().join("out/runs/three-1/requests.csv"))
}

#[test]
fn an_api_server_that_is_down_for_half_a_minute_is_a_gap_in_the_record_and_no_more() {
    let house = House::new();
    house.scenario("-z 36s -c 2 -q 5", FIXED, "");
    let child = house.start("out");
    house.until_under_way("three-1");
    house.api.weather(|weather| weather.down = true);
    std::thread::sleep(Duration::from_secs(30));
    house.api.weather(|weather| weather.down = false);
    succeeded(&child.wait_with_output().expect("it ends"));
    let failed = house.reasons("three-1", "failed");
    assert!(failed.iter().any(|reason| reason.starts_with("replicas can't be read: ")), "{failed:?}");
    let gaps =
        house.events("three-1").into_iter().filter(|row| row["reason"].starts_with("replicas can be read again"));
    let gaps: Vec<f64> = gaps.map(|row| row["value"].parse().expect("seconds")).collect();
    assert!(matches!(gaps[..], [gap] if (25.0..36.0).contains(&gap)), "{gaps:?}");
    assert!(rows(&house) > 300, "{}", rows(&house));
    house.is_as_before();
}

#[test]
fn a_conflict_on_every_second_write_is_read_anew_and_tried_again() {
    let house = House::new();
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    house.api.weather(|weather| weather.conflict_every = Some(2));
    succeeded(&house.run());
    house.is_as_before();
}

#[test]
fn a_gateway_that_is_down_is_in_the_requests_and_the_cluster_is_put_back() {
    let house = House::new();
    house.scenario("-z 3s -c 2 -q 5", FIXED, "");
    let child = house.start("out");
    house.until_under_way("three-1");
    let House { dir, api, platform } = house;
    platform.stop(Duration::from_millis(100));
    child.wait_with_output().expect("it ends");
    let house = House { dir, api, platform: super::gateway(([127, 0, 0, 1], 0).into()) };
    let requests = std::fs::read_to_string(house.dir.path().join("out/runs/three-1/requests.csv")).expect("requests");
    assert!(requests.contains("refused") && requests.contains(",200,"), "{requests}");
    house.is_as_before();
}

#[test]
fn pods_that_never_become_ready_end_the_run_before_it_begins_and_are_told() {
    let house = House::new();
    house.scenario_with("-z 1s -c 2 -q 5", FIXED, "ready_within = \"1s\"", "");
    let text_of = std::fs::read_to_string(house.dir.path().join("guest.toml")).expect("a scenario");
    let with_four = text_of.replace("[function]\n", "[function]\nreplicas = 4\n");
    std::fs::write(house.dir.path().join("guest.toml"), with_four).expect("a scenario");
    house.api.weather(|weather| weather.never_ready = true);
    let output = house.run();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("ftest has 2 of 4 replicas ready after 1s") && said.contains("raise ready_within"), "{said}");
    house.is_as_before();
}

#[test]
fn a_second_writer_makes_the_run_invalid_and_is_named() {
    let house = House::new();
    house.scenario("-z 3s -c 2 -q 5", FIXED, "");
    let child = house.start("out");
    house.until_under_way("three-1");
    house.api.scale(FUNCTIONS, "ftest", 5);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert_eq!(house.reasons("three-1", "broken"), ["someone else set 5 replicas where this run had asked for 3"]);
    house.is_as_before();
}

#[test]
fn a_token_that_expires_is_named_with_what_to_type_and_nothing_recorded_is_lost() {
    let house = House::new();
    house.scenario_with("-z 3s -c 2 -q 5", FIXED, "restore_within = \"1s\"", "");
    let child = house.start("out");
    house.until_under_way("three-1");
    house.api.weather(|weather| weather.expired = true);
    house.api.cut_all();
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    for part in
        ["401 Unauthorized", "is the token or the certificate still good?", "scale deployment/ftest --replicas=2"]
    {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    assert!(rows(&house) > 25, "{}", rows(&house));
    let failed = house.reasons("three-1", "failed");
    assert!(failed.iter().any(|reason| reason.contains("not left as it was found")), "{failed:?}");
    house.api.weather(|weather| weather.expired = false);
    succeeded(&house.restore());
    house.is_as_before();
}

#[test]
fn a_watch_that_goes_silent_is_noticed_and_what_it_left_out_is_read() {
    let house = House::new();
    house.scenario("-z 12s -c 2 -q 5", FIXED, "");
    let child = house.start("out");
    house.until_under_way("three-1");
    until("they are ready", || house.api.deployment(FUNCTIONS, "ftest")["status"]["readyReplicas"] == 3);
    std::thread::sleep(Duration::from_millis(500));
    house.api.weather(|weather| weather.silent = true);
    house.api.scale(FUNCTIONS, "ftest", 5);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let failed = house.reasons("three-1", "failed");
    assert!(failed.iter().any(|reason| reason.starts_with("the watch had gone silent")), "{failed:?}");
    assert_eq!(house.reasons("three-1", "broken"), ["someone else set 5 replicas where this run had asked for 3"]);
    house.is_as_before();
}

#[test]
fn a_watch_that_broke_goes_on_and_one_whose_version_is_forgotten_begins_with_a_list() {
    for forgotten in [false, true] {
        let house = House::new();
        house.scenario("-z 5s -c 2 -q 5", "[[arm]]\npolicy = \"native\"\n", "");
        let child = house.start("out");
        let requests = house.dir.path().join("out/runs/native-1/requests.csv");
        until("the load", || lines(&requests) > 5);
        let newest = house.api.store().lock().version;
        if forgotten {
            house.api.weather(|weather| weather.compacted = newest + 1);
        }
        house.api.cut_all();
        house.api.scale(FUNCTIONS, "ftest", 4);
        if forgotten {
            // from the list on, versions are known again
            std::thread::sleep(Duration::from_secs(1));
            house.api.weather(|weather| weather.compacted = 0);
        }
        succeeded(&child.wait_with_output().expect("it ends"));
        let scales: Vec<_> = house.events("native-1").into_iter().filter(|row| row["kind"] == "scale").collect();
        assert_eq!(scales.iter().map(|row| row["to"].as_str()).collect::<Vec<_>>(), ["4"]);
        house.is_as_before();
    }
}

#[test]
fn a_lease_that_somebody_else_takes_ends_all_scaling_and_what_is_his_is_left_to_him() {
    let house = House::new();
    house.scenario("-z 8s -c 2 -q 5", FIXED, "");
    let child = house.start("out");
    house.until_under_way("three-1");
    {
        let mut objects = house.api.store().lock();
        let key = super::store::key("leases", FUNCTIONS, "watchtower-ftest");
        let mut lease = objects.all.get(&key).cloned().expect("a Lease");
        lease["spec"]["holderIdentity"] = serde_json::json!("somebody");
        objects.put(&key, lease);
    }
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let broken = house.reasons("three-1", "broken");
    assert!(
        broken.iter().any(|reason| reason.starts_with("somebody took the Lease on deployment ftest")),
        "{broken:?}"
    );
    assert_eq!(house.api.leases(), [("watchtower-ftest".to_owned(), "\"somebody\"".to_owned())]);
    assert_eq!(house.api.replicas(PLATFORM, "alertmanager"), 1);
}

#[test]
fn slow_answers_change_nothing() {
    let house = House::new();
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    house.api.weather(|weather| weather.slow = Duration::from_millis(100));
    succeeded(&house.run());
    house.is_as_before();
}

#[test]
fn a_server_that_refuses_every_change_ends_the_run_and_is_not_asked_for_ever() {
    let house = House::new();
    house.scenario_with("-z 1s -c 2 -q 5", FIXED, "restore_within = \"1s\"", "");
    house.api.weather(|weather| weather.conflict_every = Some(1));
    let output = house.run();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("what is changed can't be noted on deployment ftest") && said.contains("409"), "{said}");
    let writes =
        house.api.calls().iter().filter(|call| call.starts_with("PATCH") || call.starts_with("DELETE")).count();
    assert!(writes < 60, "{writes}");
    house.api.weather(|weather| weather.conflict_every = None);
    succeeded(&house.restore());
    house.is_as_before();
}

#[test]
fn pods_that_never_become_ready_in_mid_run_are_recorded_as_asked_for_and_not_ready() {
    let house = House::new();
    house.scenario("-z 3s -c 2 -q 5", FIXED, "");
    house.api.weather(|weather| weather.never_ready = true);
    succeeded(&house.run());
    assert_eq!(house.reasons("three-1", "ready"), [""; 0]);
    let timeline = house.dir.path().join("out/runs/three-1/timeline.csv");
    let mut reader = csv::Reader::from_path(timeline).expect("timeline.csv");
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(|row| row.expect("a row")).collect();
    let last = rows.last().expect("a second");
    assert_eq!((last["desired"].as_str(), last["ready"].as_str(), last["starting"].as_str()), ("3", "1", "2"));
    house.is_as_before();
}
