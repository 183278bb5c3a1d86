//! A program is asked and heard; whatever it does wrong is told, with its last words, and hangs nobody.

use super::*;
use crate::policy::{FunctionInfo, Reason, ReplicaStatus};
use crate::random::Seed;
use crate::record::FunctionId;
use crate::time::Epoch;

const STARTED: Timestamp = Timestamp::ZERO;

/// A policy whose program is this shell script.
fn policy(script: &str) -> Box<dyn Policy> {
    let parameters = crate::policy::exec::parameters();
    let mut settings = Settings::defaults(&parameters);
    let text = crate::policy::settings::Value::Owned(format!("sh -c '{script}'"));
    settings.set(&parameters, "command", text).unwrap();
    let short = crate::policy::settings::Value::Text("300ms");
    settings.set(&parameters, "answer_within", short.clone()).unwrap();
    let context = Context {
        epoch: Epoch::default(),
        load_start: Timestamp::from_secs(5),
        seed: Seed(7),
        functions: vec![FunctionInfo { name: "ftest".to_owned(), ..FunctionInfo::default() }],
        bounds: vec![(1, 5)],
    };
    start(&settings, &context)
}

fn started() -> Event {
    Event::Started { replicas: vec![2] }
}

/// What a policy makes of the start and of being woken: its actions and how it failed.
fn run(script: &str) -> (Vec<Action>, String) {
    let mut policy = policy(script);
    let mut actions = Vec::new();
    policy.handle(STARTED, &started(), &mut actions);
    policy.handle(Timestamp::from_secs(1), &Event::Woken, &mut actions);
    policy.handle(Timestamp::from_secs(2), &Event::Woken, &mut actions);
    (actions, policy.failure().unwrap_or_default())
}

#[test]
fn each_event_is_a_line_and_its_answer_the_actions() {
    // says on its standard output what it was told, as the reason of a note
    let mut policy = policy(
        r#"while read -r line; do echo "{\"actions\":[{\"do\":\"scale\",\"to\":3},{\"do\":\"probe\"}],\"wake_at\":7000000000}"; done"#,
    );
    let mut actions = Vec::new();
    policy.handle(STARTED, &started(), &mut actions);
    let reason = Reason { text: "the program gave no reason".to_owned(), value: None };
    let scale = |from| Action::Scale { function: FunctionId::STUDIED, from, to: 3, reason: reason.clone() };
    assert_eq!(actions, [scale(2), Action::Probe], "{:?}", policy.failure());
    assert_eq!(policy.wake_at(), Some(Timestamp::from_secs(7)));
    // a scaling starts from what was heard of last
    let status = Some(ReplicaStatus { desired: 4, ready: 1 });
    actions.clear();
    policy.handle(STARTED, &Event::Replicas { function: FunctionId::STUDIED, status }, &mut actions);
    assert_eq!(actions[0], scale(4));
    assert_eq!(policy.failure(), None);
}

#[test]
fn the_first_event_carries_what_is_known_of_the_run() {
    let (_, failure) = run(r#"read -r line; echo "$line" | cut -c1-290 >&2; exit 3"#);
    for part in
        ["\"protocol\":1", "\"max_replicas\":5", "ftest", "\"replicas\":[2]", "\"seed\":7", "\"load_start\":5000000000"]
    {
        assert!(failure.contains(part), "{part} is not in {failure}");
    }
}

#[test]
fn whatever_a_program_does_wrong_is_told_with_its_last_words() {
    let ok = r#"echo "{}""#;
    for (script, parts) in [
        ("echo oh no >&2; exit 3", vec!["ended with exit code 3", "\"started\"", "oh no"]),
        (&format!("read -r x; {ok}; echo bye >&2"), vec!["ended with exit code 0", "\"woken\"", "bye"]),
        (
            &format!("read -r x; {ok}; read -r x; echo wait >&2; sleep 60"),
            vec!["did not answer \"woken\" within 300ms", "wait"],
        ),
        ("read -r x; echo garbage", vec!["answered \"started\" with `garbage`", "no JSON", "said nothing"]),
        (r#"read -r x; echo "[]"; cat"#, vec!["no object"]),
        (r#"read -r x; echo "{\"actions\":[{\"do\":\"dance\"}]}"; cat"#, vec!["\"dance\"", "may be probe"]),
        (r#"read -r x; echo "{\"actions\":[{\"do\":\"scale\"}]}"; cat"#, vec!["has no \"to\""]),
        (r#"read -r x; echo "{\"actions\":[{\"do\":\"scale\",\"to\":-1}]}"; cat"#, vec!["\"to\" is no whole number"]),
        (r#"read -r x; echo "{\"actoins\":[]}"; cat"#, vec!["\"actoins\" is unknown"]),
        (r#"read -r x; echo "{\"actions\":[{\"do\":\"measure\",\"function\":1}]}"; cat"#, vec!["a function there isn"]),
        ("yes", vec!["answered"]),
        ("kill -9 $$", vec!["signal: 9"]),
        ("tr -d \"\\\\n\" </dev/zero", vec!["more than 1048576 bytes"]),
    ] {
        let (_, failure) = run(script);
        for part in parts {
            assert!(failure.contains(part), "{script}: {part} is not in {failure}");
        }
    }
}

#[test]
fn a_program_that_is_not_there_is_a_failure_and_no_panic() {
    let parameters = crate::policy::exec::parameters();
    let mut settings = Settings::defaults(&parameters);
    let text = crate::policy::settings::Value::Text("/no/such/program --now");
    settings.set(&parameters, "command", text).unwrap();
    let context = Context {
        epoch: Epoch::default(),
        load_start: Timestamp::ZERO,
        seed: Seed(1),
        functions: Vec::new(),
        bounds: Vec::new(),
    };
    let failure = start(&settings, &context).failure().unwrap();
    assert!(failure.contains("/no/such/program --now") && failure.contains("can't be started"), "{failure}");
}

#[test]
fn an_ended_program_leaves_no_process_behind() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pid");
    let script = format!(r#"sleep 300 & echo $! >{}; read -r x; echo "{{}}"; read -r x; sleep 300"#, file.display());
    let (_, failure) = run(&script);
    assert!(failure.contains("did not answer"), "{failure}");
    let child: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
    // its own children go with it: gone, or a zombie that waits for its new parent
    let is_gone = || {
        let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        state.is_empty() || state.contains(") Z")
    };
    while !is_gone() {
        std::thread::yield_now();
    }
}
