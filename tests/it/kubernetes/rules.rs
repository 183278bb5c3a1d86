//! The stand-in answers as the API server of the transcript did (kubectl 1.20 and its server, recorded in the reference).

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::api::{Api, TOKEN};

const FAIL: &str = "/apis/apps/v1/namespaces/openfaas-fn/deployments/fail";

fn ask(api: &Api, method: &str, path: &str, kind: &str, body: &str, token: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(api.address).expect("a connection");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.shutdown(std::net::Shutdown::Write).expect("half closed");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let code = text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let (_, body) = text.split_once("\r\n\r\n").expect("a body");
    (code, serde_json::from_str(body).expect("JSON"))
}

#[test]
fn what_may_not_be_is_refused_in_the_servers_own_words() {
    let api = Api::start();
    api.store().deploy("openfaas-fn", "fail", 2);
    let scale = &format!("{FAIL}/scale");
    let merge = "application/merge-patch+json";
    let wish = |replicas: i32| json!({ "spec": { "replicas": replicas } }).to_string();
    let outdated = json!({ "metadata": { "resourceVersion": "0" }, "spec": { "replicas": 1 } }).to_string();
    let modified = "Operation cannot be fulfilled on deployments.apps \"fail\": the object has been modified; please apply your changes to the latest version and try again";
    let below =
        "Scale.autoscaling \"fail\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0";
    for (method, path, kind, body, token, code, reason, message) in [
        ("PATCH", scale, merge, wish(-1), TOKEN, 422, "Invalid", below),
        (
            "PATCH",
            scale,
            "application/json",
            wish(1),
            TOKEN,
            415,
            "UnsupportedMediaType",
            "415: Unsupported Media Type",
        ),
        ("PUT", scale, "application/json", outdated, TOKEN, 409, "Conflict", modified),
        ("PATCH", scale, merge, wish(1), "wrong", 401, "Unauthorized", "Unauthorized"),
        (
            "GET",
            &"/apis/apps/v1/namespaces/openfaas-fn/deployments/nosuch".to_owned(),
            "",
            String::new(),
            TOKEN,
            404,
            "NotFound",
            "deployments.apps \"nosuch\" not found",
        ),
    ] {
        let (given, body) = ask(&api, method, path, kind, &body, token);
        let said = (given, body["reason"].as_str().unwrap_or_default(), body["message"].as_str().unwrap_or_default());
        assert_eq!(said, (code, reason, message), "{method} {path}");
        assert_eq!((&body["kind"], &body["status"]), (&json!("Status"), &json!("Failure")));
    }
    api.weather(|weather| weather.denied.extend(["get deployments".to_owned()]));
    assert_eq!(ask(&api, "GET", FAIL, "", "", TOKEN).0, 403);
}

#[test]
fn every_change_has_a_version_of_its_own_and_none_that_changes_nothing() {
    let api = Api::start();
    api.store().deploy("openfaas-fn", "fail", 2);
    let version = |body: &Value| body["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse::<u64>().ok());
    let (_, before) = ask(&api, "GET", &format!("{FAIL}/scale"), "", "", TOKEN);
    let merge = "application/merge-patch+json";
    let same = ask(&api, "PATCH", &format!("{FAIL}/scale"), merge, "{\"spec\":{\"replicas\":2}}", TOKEN).1;
    assert_eq!(version(&same), version(&before));
    let more = ask(&api, "PATCH", &format!("{FAIL}/scale"), merge, "{\"spec\":{\"replicas\":3}}", TOKEN).1;
    assert!(version(&more) > version(&before));
    assert_eq!(
        (&more["kind"], &more["apiVersion"], &more["spec"]["replicas"]),
        (&json!("Scale"), &json!("autoscaling/v1"), &json!(3))
    );
    assert_eq!(more["status"]["replicas"], 2, "pods follow");
}
