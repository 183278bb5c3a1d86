//! `[[fault]]`: what is wrong with one is said, what is right is described, written out and read again.

use watchtower::drive::faults::{KINDS, Trouble};
use watchtower::study::resolve::Overrides;
use watchtower::study::target_kind::TargetKind;

use super::{GOOD, good, problems, study_of, study_with};

fn with(fault: &str) -> String {
    GOOD.replacen("[[arm]]", &format!("{fault}\n[[arm]]"), 1)
}

#[test]
fn what_is_wrong_with_a_fault_is_said_with_a_way_out() {
    let of = |fault: &str| problems(study_of(&with(fault)));
    insta::assert_snapshot!(of("[[fault]]\nstart = \"1s\""), @r#"
    t.toml:17: fault 1: kind is not given
      hint: write kind = "probes-fail"; known kinds: probes-fail, counters-vanish, scaling-refused, never-ready, slow-start, crash, slow-node, policy-stalls
    "#);
    insta::assert_snapshot!(of("[[fault]]\nkind = \"slow-nod\"\nduration = \"1s\""), @r#"
    t.toml:18: fault 1: kind = "slow-nod" is not known
      hint: did you mean "slow-node"? allowed is "probes-fail" or "counters-vanish" or "scaling-refused" or "never-ready" or "slow-start" or "crash" or "slow-node" or "policy-stalls"
    "#);
    insta::assert_snapshot!(of("[[fault]]\nkind = \"never-ready\"\n[[fault]]\nkind = \"never-ready\"\nduration = \"0s\""), @r#"
    t.toml:17: fault 1: duration is not given
      hint: write how long it lasts, such as duration = "30s"
    t.toml:21: fault 2: duration = "0s" is no time at all
      hint: write how long it lasts, such as "30s"
    "#);
    insta::assert_snapshot!(of("[[fault]]\nkind = \"crash\"\nduration = \"3s\"\nfactor = 3\n[[fault]]\nkind = \"slow-start\"\nduration = \"3s\"\nfactor = 1\nreplicas = 2"), @r#"
    t.toml:19: fault 1: duration = "3s" means nothing for a crash, which is over at once
      hint: leave it out
    t.toml:20: fault 1: factor = 3 means nothing for crash
      hint: leave it out; it belongs to slow-start and slow-node
    t.toml:24: fault 2: factor = 1 changes nothing
      hint: write a number above 1, such as 3
    t.toml:25: fault 2: replicas = 2 means nothing for slow-start
      hint: leave it out; it belongs to crash
    "#);
    insta::assert_snapshot!(of("[[fault]]\nkind = \"probes-fail\"\nstart = 5\nduration = \"soon\""), @r#"
    t.toml:19: fault 1: start = 5 has no unit
      hint: write "5s" for seconds or "5ms" for milliseconds, in quotes
    t.toml:20: fault 1: duration = "soon" is not a duration
      hint: write a number with a unit, such as "75ms", "1.5s" or "1m30s"
    "#);
    insta::assert_snapshot!(of("[[fault]]\nkind = \"crash\"\nstart = \"71s\""), @r#"
    t.toml:19: fault 1: start = "71s" is when the run is over: about 1 min 10 s after the load's start
      hint: write a shorter time, or lengthen [run] cool_down
    "#);
    insta::assert_snapshot!(of("[fault]\nkind = \"crash\""), @r#"
    t.toml:17: [fault] is a single table, but there may be several
      hint: write [[fault]] with double brackets, once for each
    "#);
}

#[test]
fn a_fault_of_the_platform_needs_a_modelled_one_and_a_fault_of_the_policy_a_policy_of_ours() {
    let crash = with("[[fault]]\nkind = \"crash\"");
    let process = Overrides { target: TargetKind::Kubernetes, ..Overrides::default() };
    let said = problems(study_with(&crash, &process));
    assert!(said.contains("kind = \"crash\" befalls a modelled platform, which kubernetes is not"), "{said}");
    let real = with("[[fault]]\nkind = \"counters-vanish\"\nduration = \"5s\"\n[[fault]]\nkind = \"crash\"")
        .replace("policy = \"fixed\"", "policy = \"openfaas-ce-real\"");
    let said = problems(study_of(&real));
    assert!(
        said.contains("kind = \"counters-vanish\" befalls a policy of this program, and arm \"control\" is"),
        "{said}"
    );
    assert!(!said.contains("kind = \"crash\""), "{said}");
}

#[test]
fn faults_are_told_by_check_and_written_out_as_they_are() {
    let study = good(&with(
        "[[fault]]\nkind = \"slow-node\"\nstart = \"2s\"\nduration = \"5s\"\nfactor = 3\n[[fault]]\nkind = \"crash\"\nstart = \"4s\"\nreplicas = 2\n[[fault]]\nkind = \"policy-stalls\"\nduration = \"1s\"",
    ));
    let told = study.describe().to_string();
    let told: Vec<&str> = told.lines().filter(|line| line.contains("  fault ")).collect();
    assert_eq!(
        told,
        [
            "  fault      slow-node (3 times) 2s after the load's start, for 5s",
            "  fault      crash (2 replicas) 4s after the load's start",
            "  fault      policy-stalls 0s after the load's start, for 1s",
        ]
    );
    let again = good(study.resolved_toml());
    assert_eq!((again.resolved_toml(), &again.faults), (study.resolved_toml(), &study.faults));
    assert_eq!(study.plan(1, 3).faults, study.faults, "every run of every arm has them");
    assert_eq!(study.faults[0].trouble, Trouble::SlowNode(3.0));
}

#[test]
fn every_kind_is_known_to_scenarios_and_needs_no_more_than_it_says() {
    for kind in &KINDS {
        let duration = if kind.lasts { "duration = \"1s\"" } else { "" };
        let study = good(&with(&format!("[[fault]]\nkind = \"{}\"\n{duration}", kind.name)));
        assert_eq!(study.faults[0].trouble.kind(), kind);
    }
}
