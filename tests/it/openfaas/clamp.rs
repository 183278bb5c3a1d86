//! A gateway of the Community Edition grants 1 to 5 replicas and does not say so: what became of a wish is read back, recorded, told to
//! the policy, and not asked for again and again.

use std::time::Duration;

use super::{House, text};

/// More than the gateway grants.
const SEVEN: &str = "[platform]\nmax_replicas = 7\n[[arm]]\nname = \"seven\"\npolicy = \"fixed\"\nreplicas = 7\n";

/// Wants one more with each probe, up to seven.
const GREEDY: &str = "[platform]\nmax_replicas = 7\n[[arm]]\nname = \"greedy\"\npolicy = \"watchtower\"\nmax_replicas = 7\n\
                      check_frequency = 1\ntarget = 1\ntolerance = 0.1\nscale_up_rounds = 1\nscale_up_increment = 1.0\nsettle = \"100ms\"\n";

#[test]
fn seven_that_became_five_are_recorded_as_five_and_nobody_elses_doing() {
    let house = House::with_a_front();
    house.scenario("-z 3s -c 2 -q 5", SEVEN, "");
    let output = house.run();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let scaled: Vec<_> = house.events("seven-1").into_iter().filter(|row| row["kind"] == "scale").collect();
    let [row] = &scaled[..] else { panic!("{scaled:?}") };
    assert_eq!((row["actor"].as_str(), row["from"].as_str(), row["to"].as_str()), ("fixed", "1", "5"));
    assert!(row["reason"].ends_with("; the platform made 7 into 5"), "{}", row["reason"]);
    assert_eq!(house.reasons("seven-1", "broken"), [""; 0]);
    assert_eq!(house.front().asked(), [1, 7, 2]);
    assert_eq!(house.comparison("out")[0]["replicas_max"], "5");
    house.is_as_before();
}

#[test]
fn a_policy_that_wants_ever_more_is_told_the_truth_and_the_gateway_is_not_pestered() {
    let house = House::with_a_front();
    house.weather(|weather| weather.slow = Duration::from_millis(5));
    house.scenario("-z 12s -c 2 -q 5", GREEDY, "");
    let output = house.run();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let events = house.events("greedy-1");
    let by_it = |kind: &str| {
        events.iter().filter(|row| row["actor"] == "watchtower" && row["kind"] == kind).collect::<Vec<_>>()
    };
    // 1, 2, 4 and then no more than 5
    let scaled: Vec<_> = by_it("scale").iter().map(|row| row["to"].as_str()).collect();
    assert_eq!(scaled, ["2", "4", "5"]);
    assert!(by_it("decision").iter().any(|row| row["reason"].ends_with("; the platform made 7 into 5")), "{events:?}");
    let asked = house.front().asked();
    let beyond = asked.iter().filter(|count| **count > 5).count();
    assert!(beyond <= 2, "{asked:?}");
    assert_eq!(house.reasons("greedy-1", "broken"), [""; 0]);
    house.is_as_before();
}

#[test]
fn a_run_that_would_begin_with_more_than_the_gateway_grants_is_refused_with_the_reason() {
    let house = House::with_a_front();
    let arms = "[platform]\nmax_replicas = 7\n[[arm]]\nname = \"three\"\npolicy = \"fixed\"\nreplicas = 3\n";
    house.scenario("-z 1s -c 2 -q 5", arms, "");
    let path = house.dir.path().join("guest.toml");
    let scenario = std::fs::read_to_string(&path).expect("a scenario");
    std::fs::write(&path, scenario.replace("[function]\n", "[function]\nreplicas = 7\n")).expect("a scenario");
    let output = house.run();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    let words = "the gateway made 7 replicas of ftest into 5";
    assert!(said.contains(words) && said.contains("the Community Edition grants 1 to 5"), "{said}");
    house.is_as_before();
}
