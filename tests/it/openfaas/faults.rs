//! What goes wrong at a gateway in mid-run: the run goes on or ends with a clear message, the record says what happened, nothing recorded
//! is lost, and everything is as it was found.

use std::fs;
use std::thread;
use std::time::Duration;

use super::{FIXED, House, lines, text, until};

/// A watch tower that always wants more.
const GREEDY: &str = "[[arm]]\nname = \"three\"\npolicy = \"watchtower\"\ncheck_frequency = 1\ntarget = 1\ntolerance = 0.1\n\
                      scale_up_rounds = 1\nscale_up_increment = 1.0\nsettle = \"100ms\"\n";

fn rows(house: &House) -> usize {
    lines(&house.dir.path().join("out/runs/three-1/requests.csv"))
}

#[test]
fn a_gateway_that_is_down_for_ten_seconds_is_a_gap_in_the_record_and_failed_requests() {
    let house = House::with_a_front();
    house.scenario("-z 16s -c 2 -q 5", FIXED, "");
    let child = house.start();
    house.until_under_way();
    house.weather(|weather| weather.down = true);
    thread::sleep(Duration::from_secs(10));
    house.weather(|weather| weather.down = false);
    let output = child.wait_with_output().expect("it ends");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output.stderr));
    let failed = house.reasons("three-1", "failed");
    assert!(failed.iter().any(|reason| reason.starts_with("replicas can't be read: ")), "{failed:?}");
    let gaps = house.events("three-1").into_iter();
    let gaps = gaps.filter(|row| row["reason"].starts_with("replicas can be read again"));
    let gaps: Vec<f64> = gaps.map(|row| row["value"].parse().expect("seconds")).collect();
    assert!(matches!(gaps[..], [gap] if (7.0..16.0).contains(&gap)), "{gaps:?}");
    let requests = fs::read_to_string(house.dir.path().join("out/runs/three-1/requests.csv")).expect("requests");
    let after = requests.lines().rev().take(3).all(|row| row.contains(",200,"));
    assert!(after && rows(&house) > 100, "{requests}");
    house.is_as_before();
}

#[test]
fn a_refusal_of_every_second_scaling_is_recorded_and_the_next_attempt_is_made() {
    let house = House::with_a_front();
    // the first is that to the one replica a run begins with
    house.weather(|weather| (weather.refuse_every, weather.slow) = (Some(2), Duration::from_millis(5)));
    house.scenario("-z 8s -c 2 -q 5", GREEDY, "");
    let output = house.run();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let refused = house.reasons("three-1", "refused");
    let words = "refused: the platform answered 500: unable to update function deployment";
    assert!(refused.iter().any(|reason| reason.ends_with(words)), "{refused:?}");
    let events = house.events("three-1");
    let scaled = events.iter().rfind(|row| row["kind"] == "scale" && row["actor"] == "watchtower");
    assert_eq!(scaled.map(|row| row["to"].as_str()), Some("5"), "{:?}", house.front().asked());
    house.is_as_before();
}

#[test]
fn a_password_that_is_no_longer_good_is_named_with_what_to_type_and_nothing_recorded_is_lost() {
    let house = House::with_a_front();
    house.scenario("-z 3s -c 2 -q 5", FIXED, "restore_within = \"1s\"");
    let child = house.start();
    house.until_under_way();
    house.weather(|weather| weather.expired = true);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    for part in ["401 Unauthorized", "check user and password, or the token", "\"replicas\":2}", "watchtower restore"] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    assert!(rows(&house) > 20, "{}", rows(&house));
    let failed = house.reasons("three-1", "failed");
    assert!(failed.iter().any(|reason| reason.contains("not left as it was found")), "{failed:?}");
    house.weather(|weather| weather.expired = false);
    let restored = house.command(&["restore"]).output().expect("the program starts");
    assert_eq!(restored.status.code(), Some(0), "{}", text(&restored.stderr));
    house.is_as_before();
}

#[test]
fn replicas_that_never_become_ready_end_the_run_before_it_begins_and_are_told() {
    let house = House::with_a_front();
    house.weather(|weather| weather.never_ready = true);
    house.scenario("-z 1s -c 2 -q 5", FIXED, "ready_within = \"1s\"");
    let output = house.run();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("ftest has 0 of 1 replicas ready after 1s") && said.contains("raise ready_within"), "{said}");
    house.is_as_before();
}

#[test]
fn slow_answers_change_nothing() {
    let house = House::with_a_front();
    house.weather(|weather| weather.slow = Duration::from_millis(100));
    house.scenario("-z 2s -c 2 -q 2", FIXED, "");
    let output = house.run();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    house.is_as_before();
}

#[test]
fn a_gateway_that_is_not_there_is_named_before_anything_is_changed() {
    let house = House::with_a_front();
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    house.weather(|weather| weather.down = true);
    let output = house.run();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("the function can't be found") && said.contains(&house.gateway().to_string()), "{said}");
    assert_eq!((house.alertmanager.ever(), house.front().asked().len()), (0, 0));
    house.is_as_before();
}

#[test]
fn an_arm_that_is_not_alone_says_so_to_whoever_starts_it_and_in_the_record() {
    let house = House::new();
    house.scenario_with("-z 1s -c 2 -q 5", FIXED, "");
    let output = house.run();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let words = "not isolated: no alertmanager is named in [openfaas], so the platform's own autoscaler may scale ftest.openfaas-fn";
    assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    let phases = house.reasons("three-1", "phase");
    assert!(phases.iter().any(|reason| reason.starts_with(words)), "{phases:?}");
    assert_eq!(house.alertmanager.ever(), 0);

    let house = House::new();
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    let output = house.run();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("isolated"), "{}", text(&output.stderr));
    let phases = house.reasons("three-1", "phase");
    let words = format!(
        "isolated: the alert APIHighInvocationRate of ftest.openfaas-fn is silenced at http://{}, and no other",
        house.alertmanager.address
    );
    assert!(phases.contains(&words), "{phases:?}");

    // the baseline is there to be scaled by it
    fs::remove_dir_all(house.dir.path().join("out")).expect("removed");
    house.scenario_with("-z 1s -c 2 -q 5", "[[arm]]\npolicy = \"native\"\n", "");
    let output = house.run();
    assert!(!text(&output.stderr).contains("isolated"), "{}", text(&output.stderr));
    until("nothing is under way", || house.debts() == 0);
}
