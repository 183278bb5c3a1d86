//! Several load machines at one gateway: together they send what one would have sent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{FIXED, House, text, until};

const COUNTS: [&str; 6] = ["planned", "sent", "completed", "errors", "lost_busy", "lost_late"];

#[test]
fn four_machines_send_together_what_one_sends_and_one_of_them_scales() {
    let house = House::new();
    // by count, so that no slow answer loses a request
    house.scenario("-n 160 -c 8 -q 5", FIXED, "");
    let one = house.run();
    assert_eq!(one.status.code(), Some(0), "{}", text(&one.stderr));

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let at = (now + Duration::from_secs(10)).as_secs_f64().to_string();
    let shards: Vec<_> = (1..=4)
        .map(|number| {
            let (shard, out) = (format!("{number}/4"), format!("s{number}"));
            let mut command = house.command(&["run", "guest.toml", "--target", "openfaas", "--shard", &shard]);
            command.args(["--start-at", &at, "--out", &out]).spawn().expect("the program starts")
        })
        .collect();
    until("the first shard has scaled", || house.replicas() == 3);
    for shard in shards {
        let output = shard.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    house.is_as_before();
    // the arm was alone once in each study: only one machine sees to that
    assert_eq!(house.alertmanager.ever(), 2);

    let merged = house.command(&["merge", "s3", "s1", "s4", "s2", "--out", "all"]).output().expect("it starts");
    assert_eq!(merged.status.code(), Some(0), "{}", text(&merged.stderr));
    let (one, all) = (house.comparison("out"), house.comparison("all"));
    for count in COUNTS {
        assert_eq!(all[0][count], one[0][count], "{count}");
    }
    assert_eq!(all[0]["sent"], "160");
    assert_eq!(all[0]["replicas_max"], "3");
    let sent: Vec<String> = ["s1", "s2", "s3", "s4"].map(|shard| house.comparison(shard)[0]["sent"].clone()).to_vec();
    assert_eq!(sent, ["40", "40", "40", "40"]);
    let rows = super::lines(&house.dir.path().join("all/runs/three-1/requests.csv"));
    assert_eq!(rows, 161);
    // only the first one wrote down that it scaled
    assert!(text(&std::fs::read(house.dir.path().join("all/study.json")).expect("study.json")).contains("4 machines"));
}

#[test]
fn a_load_that_began_elsewhere_in_time_makes_the_whole_invalid_and_is_named() {
    let house = House::new();
    house.scenario("-n 8 -c 4 -q 5", FIXED, "");
    for number in ["1", "2"] {
        let (shard, out) = (format!("{number}/2"), format!("s{number}"));
        let output = house.command(&["run", "guest.toml", "--target", "openfaas", "--shard", &shard, "--out", &out]);
        let output = { output }.output().expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let merged = house.command(&["merge", "s1", "s2", "--out", "all"]).output().expect("it starts");
    assert_eq!(merged.status.code(), Some(1), "{}", text(&merged.stderr));
    let row = &house.comparison("all")[0];
    assert_eq!((row["valid"].as_str(), row["sent"].as_str()), ("false", "8"));
    assert!(row["invalid_because"].starts_with("the load of shard 2/2 began"), "{}", row["invalid_because"]);
}
