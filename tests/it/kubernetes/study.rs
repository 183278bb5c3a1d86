//! What is recorded on somebody's cluster, what is refused, and what is asked for beforehand.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;

use super::super::openfaas::alertmanager::Alertmanager;
use super::super::openfaas::real_alertmanager::{Real, its_alert};
use super::restore::signal;
use super::{FIXED, FUNCTIONS, House, PLATFORM, TOKEN, succeeded, text};

#[test]
fn a_fixed_arm_is_alone_scales_and_leaves_everything_as_it_was() {
    let house = House::new();
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    let child = house.start("out");
    house.until_under_way("three-1");
    assert_eq!(house.api.replicas(PLATFORM, "alertmanager"), 0);
    assert_eq!(house.mark(FUNCTIONS, "ftest")["replicas"], 2);
    assert_eq!(house.mark(PLATFORM, "alertmanager")["replicas"], 1);
    assert_eq!(house.mark(FUNCTIONS, "ftest")["id"], house.mark(PLATFORM, "alertmanager")["id"]);
    let leases: Vec<String> = house.api.leases().into_iter().map(|(name, _)| name).collect();
    assert_eq!(leases, ["watchtower-alertmanager", "watchtower-ftest"]);
    let output = child.wait_with_output().expect("it ends");
    succeeded(&output);
    house.is_as_before();

    let told = house.reasons("three-1", "cluster");
    assert!(
        told.iter()
            .any(|told| told == "Deployment ftest: ScalingReplicaSet: Scaled up replica set ftest-6fb787b4f6 to 3"),
        "{told:?}"
    );
    let words: BTreeSet<(String, String)> =
        house.events("three-1").into_iter().map(|row| (row["actor"].clone(), row["kind"].clone())).collect();
    for (actor, kind) in [("fixed", "scale"), ("platform", "ready"), ("run", "phase"), ("platform", "cluster")] {
        assert!(words.contains(&(actor.to_owned(), kind.to_owned())), "{actor} {kind}: {words:?}");
    }
}

#[test]
fn each_missing_right_is_named_before_anything_is_changed() {
    let house = House::new();
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    house
        .api
        .weather(|weather| weather.denied.extend(["update deployments/scale".to_owned(), "watch events".to_owned()]));
    let output = house.run();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    for right in [
        "update deployments/scale.apps \"ftest\" in namespace openfaas-fn",
        "update deployments/scale.apps \"alertmanager\" in namespace openfaas",
        "watch events in namespace openfaas-fn",
        "docs/kubernetes.md",
    ] {
        assert!(said.contains(right), "{right}:\n{said}");
    }
    assert!(!said.contains("get deployments"), "{said}");
    assert!(
        house.api.calls().iter().all(|call| call.ends_with("/selfsubjectaccessreviews")),
        "{:?}",
        house.api.calls()
    );
    house.is_as_before();
}

#[test]
fn the_native_arm_is_recorded_and_the_alertmanager_is_let_be() {
    let house = House::new();
    house.scenario("-z 3s -c 2 -q 5", "[[arm]]\npolicy = \"native\"\n", "");
    let child = house.start("out");
    let requests = house.dir.path().join("out/runs/native-1/requests.csv");
    super::until("the load", || super::super::openfaas::lines(&requests) > 5);
    assert_eq!((house.api.replicas(PLATFORM, "alertmanager"), house.api.replicas(FUNCTIONS, "ftest")), (1, 1));
    house.api.scale(FUNCTIONS, "ftest", 4);
    succeeded(&child.wait_with_output().expect("it ends"));
    let scales: Vec<_> = house.events("native-1").into_iter().filter(|row| row["kind"] == "scale").collect();
    let scales: Vec<_> =
        scales.iter().map(|row| (row["actor"].as_str(), row["from"].as_str(), row["to"].as_str())).collect();
    assert_eq!(scales, [("platform", "1", "4")]);
    house.is_as_before();
}

#[test]
fn where_only_the_alert_is_silenced_the_alertmanager_goes_on_and_no_right_in_its_namespace_is_needed() {
    let house = House::new();
    let alertmanager = Alertmanager::start();
    let there = format!("alertmanager = \"http://{}\"", alertmanager.address);
    house.scenario_with("-z 1s -c 2 -q 5", FIXED, &there, "isolation = \"alert-silenced\"");
    let child = house.start("out");
    house.until_under_way("three-1");
    assert_eq!(alertmanager.silenced(), [("APIHighInvocationRate".to_owned(), "ftest.openfaas-fn".to_owned())]);
    assert_eq!(house.api.replicas(PLATFORM, "alertmanager"), 1);
    succeeded(&child.wait_with_output().expect("it ends"));
    assert_eq!((alertmanager.silenced().len(), alertmanager.ever()), (0, 1));
    assert!(!house.api.calls().iter().any(|call| call.contains("/namespaces/openfaas/")), "{:?}", house.api.calls());
    house.is_as_before();
}

#[test]
fn a_real_alertmanager_goes_on_with_one_alert_silenced_until_the_run_is_over_or_put_back() {
    let Some(real) = Real::start() else { return };
    let house = House::new();
    let there = format!("alertmanager = \"http://{}\"", real.address);
    house.scenario_with("-z 60s -c 2 -q 5", FIXED, &there, "isolation = \"alert-silenced\"");
    let child = house.start("out");
    house.until_under_way("three-1");
    assert_eq!((real.unheard(), house.api.replicas(PLATFORM, "alertmanager")), (its_alert().to_vec(), 1));
    signal(&child, Signal::SIGKILL);
    child.wait_with_output().expect("it ends");
    assert_eq!(real.unheard(), its_alert());
    succeeded(&house.restore());
    assert_eq!((real.unheard(), real.silences()), (Vec::new(), vec!["expired".to_owned()]));
    house.is_as_before();
}

#[test]
fn arms_that_would_be_second_writers_are_refused_with_what_to_take_instead() {
    let house = House::new();
    house.scenario(
        "-z 1s -c 2 -q 5",
        "[[arm]]\npolicy = \"openfaas-ce\"\n[[arm]]\npolicy = \"hpa\"\n",
        "isolation = \"alert-silenced\"",
    );
    let refused = house.run();
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    for part in [
        "would be a second writer beside the platform's own autoscaler on --target kubernetes",
        "use policy = \"native\"",
        "reads the platform's metrics of each pod",
        "needs the address of the Alertmanager",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    assert_eq!(house.api.calls().len(), 0);
}

#[test]
fn a_kubeconfig_that_leads_nowhere_is_named_and_never_quoted() {
    let house = House::new();
    for (written, said) in [
        (format!("users: [{{name: a, user: {{token: {TOKEN}"), "it is not YAML, or not a kubeconfig"),
        ("apiVersion: v1\nkind: Config\n".to_owned(), "it has no context \"lab\""),
    ] {
        std::fs::write(house.dir.path().join("kubeconfig"), written).expect("a file");
        house.scenario("-z 1s -c 2 -q 5", FIXED, "");
        let output = house.run();
        assert_eq!(output.status.code(), Some(1));
        let all = text(&output.stderr);
        assert!(all.contains(said) && all.contains("kubeconfig: ") && !all.contains(TOKEN), "{all}");
        std::fs::remove_dir_all(house.dir.path().join("out")).expect("removed");
    }
}
