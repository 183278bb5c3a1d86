//! The laws of the gateway's alert handler.

use super::*;

const F: FunctionId = FunctionId(0);
const G: FunctionId = FunctionId(1);

fn order(function: FunctionId, status: Status) -> Order {
    Order { function, status, rate: Some(20.0) }
}

fn gateway() -> Gateway {
    let function = |name: &str| FunctionInfo { name: name.to_owned(), labels: BTreeMap::new() };
    Gateway::new(&[function("ftest"), function("other")], Duration::from_millis(50))
}

fn ready(desired: u32) -> ReplicaStatus {
    ReplicaStatus { desired, ready: desired }
}

/// Actions in short: `read 0`, `scale 0 1->2`, `failed`, `decision`.
fn short(actions: &mut Vec<Action>) -> Vec<String> {
    let text = |action: Action| match action {
        Action::ReadReplicas { function } => format!("read {}", function.0),
        Action::Scale { function, from, to, .. } => format!("scale {} {from}->{to}", function.0),
        Action::Note { kind, .. } => kind.as_str().to_owned(),
        other => format!("{other:?}"),
    };
    actions.drain(..).map(text).collect()
}

#[test]
fn replicas_are_read_at_the_post_and_the_scaling_leaves_a_latency_later() {
    let (mut gateway, mut actions) = (gateway(), Vec::new());
    gateway.post(Timestamp::from_secs(1), 7, vec![order(F, Status::Firing)], &mut actions);
    assert_eq!(short(&mut actions), ["read 0"]);
    gateway.replicas(F, Some(ready(1)), &mut actions);
    let leaves = Timestamp::from_millis(1050);
    assert_eq!((short(&mut actions), gateway.due()), (vec![], Some(leaves)));
    assert_eq!(gateway.tick(Timestamp::from_millis(1049), &mut actions), None);
    assert_eq!(gateway.tick(leaves, &mut actions), None);
    assert_eq!((short(&mut actions), gateway.due()), (vec!["scale 0 1->2".to_owned()], None));
    gateway.scaled(F, Ok(()), &mut actions);
    assert_eq!(gateway.tick(Timestamp::from_millis(1060), &mut actions), Some((7, Reply::Status(200))));
}

#[test]
fn alerts_are_processed_one_after_another() {
    let (mut gateway, mut actions) = (gateway(), Vec::new());
    let orders = vec![order(F, Status::Firing), order(G, Status::Resolved)];
    gateway.post(Timestamp::ZERO, 1, orders, &mut actions);
    gateway.replicas(F, Some(ready(1)), &mut actions);
    gateway.tick(Timestamp::from_millis(50), &mut actions);
    assert_eq!(short(&mut actions), ["read 0", "scale 0 1->2"]);
    gateway.scaled(F, Ok(()), &mut actions);
    gateway.replicas(G, Some(ready(4)), &mut actions);
    gateway.tick(Timestamp::from_millis(80), &mut actions);
    assert_eq!(short(&mut actions), ["read 1", "scale 1 4->1"]);
}

#[test]
fn what_is_already_there_is_not_asked_for() {
    let (mut gateway, mut actions) = (gateway(), Vec::new());
    gateway.post(Timestamp::ZERO, 1, vec![order(F, Status::Firing)], &mut actions);
    gateway.replicas(F, Some(ready(5)), &mut actions);
    assert_eq!(short(&mut actions), ["read 0", "decision"]);
    let reply_at = Timestamp::from_millis(50);
    assert_eq!(gateway.due(), Some(reply_at));
    assert_eq!(gateway.tick(reply_at, &mut actions), Some((1, Reply::Status(200))));
}

#[test]
fn a_failing_read_is_swallowed() {
    let (mut gateway, mut actions) = (gateway(), Vec::new());
    let orders = vec![order(F, Status::Firing), order(G, Status::Firing)];
    gateway.post(Timestamp::ZERO, 1, orders, &mut actions);
    gateway.replicas(F, None, &mut actions);
    assert_eq!(short(&mut actions), ["read 0", "failed", "read 1"]);
    gateway.replicas(G, None, &mut actions);
    assert_eq!(gateway.tick(Timestamp::from_millis(50), &mut actions), Some((1, Reply::Status(200))));
}

#[test]
fn a_refused_scaling_makes_the_reply_a_500_after_the_other_alerts() {
    let (mut gateway, mut actions) = (gateway(), Vec::new());
    let orders = vec![order(F, Status::Firing), order(G, Status::Firing)];
    gateway.post(Timestamp::ZERO, 1, orders, &mut actions);
    gateway.replicas(F, Some(ready(1)), &mut actions);
    gateway.tick(Timestamp::from_millis(50), &mut actions);
    let refusal = Refusal::Status { status: 409, body: String::new() };
    gateway.scaled(F, Err(&refusal), &mut actions);
    gateway.replicas(G, Some(ready(1)), &mut actions);
    gateway.tick(Timestamp::from_millis(60), &mut actions);
    gateway.scaled(G, Ok(()), &mut actions);
    assert_eq!(gateway.tick(Timestamp::from_millis(60), &mut actions), Some((1, Reply::Status(500))));
}

#[test]
fn a_scaling_without_an_answer_ends_the_handler_and_its_connection() {
    let (mut gateway, mut actions) = (gateway(), Vec::new());
    let orders = vec![order(F, Status::Firing), order(G, Status::Firing)];
    gateway.post(Timestamp::ZERO, 1, orders, &mut actions);
    gateway.replicas(F, Some(ready(1)), &mut actions);
    gateway.tick(Timestamp::from_millis(50), &mut actions);
    short(&mut actions);
    gateway.scaled(F, Err(&Refusal::Unreachable("refused".into())), &mut actions);
    assert_eq!(gateway.tick(Timestamp::from_millis(50), &mut actions), Some((1, Reply::ConnectionLost)));
    assert_eq!(short(&mut actions), Vec::<String>::new());
}

#[test]
fn answers_nobody_waits_for_change_nothing() {
    let (mut gateway, mut actions) = (gateway(), Vec::new());
    gateway.replicas(F, Some(ready(1)), &mut actions);
    gateway.scaled(F, Ok(()), &mut actions);
    assert_eq!((gateway.due(), actions), (None, Vec::new()));
}
