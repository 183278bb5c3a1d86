//! Programs and requests as people have them: faas-cli, curl, hey, Prometheus.

use std::process::Command;

use serde_json::json;

use super::{Fixture, until, wire};

/// A request as faas-cli sends it (its `proxy/client.go`): its name, JSON where there is a body, gzip welcome.
fn faas_cli(fixture: &Fixture, method: &str, path: &str, body: &str) -> wire::Reply {
    let authorization = fixture.platform.credentials().basic();
    let mut headers = vec![
        ("User-Agent", "faas-cli/0.16.30"),
        ("Authorization", authorization.as_str()),
        ("Accept-Encoding", "gzip"),
    ];
    if !body.is_empty() {
        headers.push(("Content-Type", "application/json"));
    }
    fixture.send(method, path, &headers, body)
}

#[test]
fn faas_cli_logs_in_deploys_describes_scales_invokes_and_removes() {
    let fixture = Fixture::start();
    // login asks for the list
    assert_eq!(faas_cli(&fixture, "GET", "/system/functions", "").status, 200);
    // deploy updates first, and deploys if there is nothing to update
    let spec = json!({
        "service": "figlet",
        "image": "ghcr.io/openfaas/figlet:latest",
        "envProcess": "figlet",
        "envVars": { "write_debug": "true" },
        "labels": {},
        "annotations": { "watchtower.model.start_up": "10ms", "watchtower.model.start_up_container": "0", "watchtower.model.start_up_probe": "0" },
    })
    .to_string();
    assert_eq!(faas_cli(&fixture, "PUT", "/system/functions", &spec).status, 404);
    assert_eq!(faas_cli(&fixture, "POST", "/system/functions", &spec).status, 202);
    assert_eq!(faas_cli(&fixture, "PUT", "/system/functions", &spec).status, 202);
    // describe
    let described: serde_json::Value =
        serde_json::from_slice(&faas_cli(&fixture, "GET", "/system/function/figlet?usage=1", "").body).unwrap();
    assert_eq!(
        (&described["envProcess"], &described["image"]),
        (&json!("figlet"), &json!("ghcr.io/openfaas/figlet:latest"))
    );
    // scale, list, namespaces, version, secrets, logs
    let scale = json!({ "serviceName": "figlet", "replicas": 3 }).to_string();
    assert_eq!(faas_cli(&fixture, "POST", "/system/scale-function/figlet", &scale).status, 202);
    let list: serde_json::Value =
        serde_json::from_slice(&faas_cli(&fixture, "GET", "/system/functions", "").body).unwrap();
    assert_eq!(list[3]["replicas"], 3);
    for (path, status) in [
        ("/system/namespaces", 200),
        ("/system/info", 200),
        ("/system/secrets", 200),
        ("/system/logs?follow=false&name=figlet&tail=100", 200),
    ] {
        assert_eq!(faas_cli(&fixture, "GET", path, "").status, status, "{path}");
    }
    // invoke: no password, a POST with the standard input, and the same queued
    let invoke = [("User-Agent", "faas-cli/0.16.30 (openfaas; linux; amd64)"), ("Content-Type", "text/plain")];
    assert_eq!(fixture.send("POST", "/function/figlet", &invoke, "hello").status, 200);
    assert_eq!(fixture.send("POST", "/async-function/figlet", &invoke, "hello").status, 202);
    until("both are answered", || fixture.answered("figlet", 200) == 2);
    let delete = json!({ "functionName": "figlet" }).to_string();
    assert_eq!(faas_cli(&fixture, "DELETE", "/system/functions", &delete).status, 202);
    assert_eq!(faas_cli(&fixture, "GET", "/system/function/figlet", "").status, 404);
}

/// The output of a program, or `None`, told, if it is not installed.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) => {
            eprintln!("SKIPPED: {program} can't be run ({error}); install it with apt-get install {program}");
            None
        }
    }
}

#[test]
fn curl_calls_a_function_and_reads_the_api() {
    let fixture = Fixture::start();
    let gateway = format!("http://{}", fixture.platform.gateway_address());
    let Some(answer) = output("curl", &["-sSi", &format!("{gateway}/function/ftest?number=4")]) else { return };
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n{\"value\":24}\n"), "{answer}");
    let list = output("curl", &["-sSfu", "admin:secret", &format!("{gateway}/system/functions")]).unwrap();
    assert!(list.starts_with("[{\"name\":\"ftest\""), "{list}");
    // a body large enough that curl asks first (Expect: 100-continue)
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    std::fs::write(&file, "x".repeat(2 << 20)).unwrap();
    let body = format!("@{}", file.display());
    let post = ["-sSf", "--data-binary", &body, "-o", "/dev/null", "-w", "%{http_code} %{size_upload}"];
    let posted = output("curl", &[post.as_slice(), &[&format!("{gateway}/function/plain")]].concat());
    assert_eq!(posted.as_deref(), Some("200 2097152"));
    let followed = output("curl", &["-sSfL", &format!("{gateway}//function//ftest?number=3")]).unwrap();
    assert_eq!(followed, "{\"value\":6}\n");
}

#[test]
fn hey_sees_only_answers() {
    let fixture = Fixture::start();
    let url = format!("http://{}/function/ftest?number=50", fixture.platform.gateway_address());
    let Some(report) = output("hey", &["-n", "200", "-c", "20", &url]) else { return };
    assert!(report.contains("[200]\t200 responses"), "{report}");
    assert_eq!(fixture.answered("ftest", 200), 200);
}

/// A child that does not outlive its test.
struct Child(std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn prometheus_scrapes_the_metrics_and_the_community_editions_rule_finds_its_series() {
    let fixture = Fixture::start();
    for _ in 0..3 {
        fixture.get("/function/ftest?number=3");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("prometheus.yml");
    let target = fixture.platform.metrics_address();
    let text = format!(
        "scrape_configs:\n  - job_name: openfaas-pods\n    scrape_interval: 1s\n    static_configs:\n      - targets: [\"{target}\"]\n"
    );
    std::fs::write(&config, text).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address={port}"))
        .stderr(std::process::Stdio::null())
        .spawn();
    let _child = match child {
        Ok(child) => Child(child),
        Err(error) => {
            eprintln!("SKIPPED: prometheus can't be run ({error}); install it with apt-get install prometheus");
            return;
        }
    };
    let query = |expression: &str| -> serde_json::Value {
        if std::net::TcpStream::connect(port).is_err() {
            return serde_json::Value::Null;
        }
        let reply = wire::send(port, "GET", &format!("/api/v1/query?query={expression}"), &[], b"");
        serde_json::from_slice(&reply.body).unwrap_or_default()
    };
    // sum(gateway_function_invocation_total{code="200"}) by (function_name)
    let expression = "sum%28gateway_function_invocation_total%7Bcode%3D%22200%22%7D%29%20by%20%28function_name%29";
    until("the calls are in Prometheus", || query(expression)["data"]["result"][0]["value"][1] == "3");
    let found = &query(expression)["data"]["result"][0];
    assert_eq!(found["metric"], json!({ "function_name": "ftest.openfaas-fn" }));
    assert_eq!(query("up")["data"]["result"][0]["value"][1], "1");
}
