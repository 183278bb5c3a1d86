//! Statuses, headers and bytes.

use super::Fixture;

const FIFTY: &str = "{\"value\":30414093201713378043612608166064768844377641568960512000000000000}\n";
const HTML: Option<&str> = Some("text/html; charset=utf-8");
const JSON: Option<&str> = Some("application/json");
const TEXT: Option<&str> = Some("text/plain; charset=utf-8");

#[test]
fn functions_answer_in_the_templates_bytes() {
    let fixture = Fixture::start();
    let missing = "number is missing; ask for example with ?number=50";
    let not_found = "error finding function nobody.openfaas-fn: server returned non-200 status code (404) for function, nobody, body: ";
    for (path, status, content_type, body) in [
        ("/function/ftest?number=50", 200, JSON, FIFTY),
        ("/function/ftest.openfaas-fn?number=50", 200, JSON, FIFTY),
        ("/function/ftest/any/where?a=b&number=5%30", 200, JSON, FIFTY),
        ("/function/ftest?number=0", 200, JSON, "{\"value\":1}\n"),
        ("/function/ftest", 500, TEXT, missing),
        ("/function/ftest?number=x", 500, TEXT, "invalid literal for int() with base 10: 'x'"),
        ("/function/ftest?number=10001", 500, TEXT, "number is not from 0 to 10000"),
        ("/function/sleepy?number=0.001", 200, JSON, "{\"value\":\"Good Morning!\"}\n"),
        ("/function/sleepy?number=x", 500, TEXT, "could not convert string to float: 'x'"),
        ("/function/plain", 200, HTML, ""),
        ("/function/nobody", 404, TEXT, not_found),
        ("/function/", 404, TEXT, "404 page not found\n"),
    ] {
        let reply = fixture.get(path);
        assert_eq!((reply.status, reply.text().as_str()), (status, body), "{path}");
        assert_eq!(reply.header("Content-Type"), content_type, "{path}");
        assert_eq!(reply.header("Content-Length"), Some(body.len().to_string().as_str()), "{path}");
    }
    assert_eq!(FIFTY.len(), 76);
}

#[test]
fn an_answer_has_the_headers_of_the_gateway_the_watchdog_and_waitress() {
    let fixture = Fixture::start();
    let reply = fixture.get("/function/ftest?number=50");
    let mut names: Vec<&str> = reply.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "Connection",
        "Content-Length",
        "Content-Type",
        "Date",
        "Server",
        "X-Call-Id",
        "X-Duration-Seconds",
        "X-Served-By",
        "X-Start-Time",
        "X-Watchtower-Replica",
    ];
    assert_eq!(names, expected);
    assert_eq!(reply.header("Server"), Some("waitress"));
    assert_eq!(reply.header("X-Served-By"), Some("openfaas-community/0.27.8"));
    assert_eq!(reply.header("X-Watchtower-Replica"), Some("0"));
    assert_eq!(reply.header("X-Call-Id").unwrap().len(), 36);
    let (_, decimals) = reply.header("X-Duration-Seconds").unwrap().split_once('.').unwrap();
    assert_eq!(decimals.len(), 6);
    // nanoseconds since 1970 have 19 digits from 2001 to 2286
    let started = reply.header("X-Start-Time").unwrap();
    assert!(started.len() == 19 && started.parse::<u64>().is_ok(), "{started}");

    let with_id = fixture.send("GET", "/function/plain", &[("X-Call-Id", "mine")], "");
    assert_eq!(with_id.header("X-Call-Id"), None, "a call that has a number keeps it to itself");
    assert_eq!(fixture.get("/function/nobody").header("X-Served-By"), None, "the look-up comes before the middleware");
}

#[test]
fn methods_are_those_of_the_provider_and_of_flask() {
    let fixture = Fixture::start();
    for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
        let reply = fixture.send(method, "/function/ftest?number=50", &[], "a body that nobody reads");
        assert_eq!((reply.status, reply.text().as_str()), (200, FIFTY), "{method}");
    }
    let head = fixture.send("HEAD", "/function/ftest?number=50", &[], "");
    assert_eq!((head.status, head.header("Content-Length"), head.body.len()), (200, Some("76"), 0));
    let asked = fixture.send("OPTIONS", "/function/ftest", &[], "");
    let allowed = asked.header("Allow").unwrap();
    assert!(asked.status == 200 && allowed.contains("GET") && asked.body.is_empty(), "{asked:?}");
    for method in ["TRACE", "BREW"] {
        let reply = fixture.send(method, "/function/ftest", &[], "");
        assert_eq!((reply.status, reply.text().as_str()), (405, ""), "{method}");
    }
    assert_eq!(fixture.answered("ftest", 405), 2);
}

#[test]
fn a_probe_is_an_empty_200_whatever_the_case_of_its_header() {
    let fixture = Fixture::start();
    for name in ["Hey", "hey", "HEY"] {
        for path in
            ["/function/ftest?number=50", "/function/sleepy?number=20", "/function/sleepy?number=x", "/function/plain"]
        {
            let reply = fixture.send("GET", path, &[(name, "hey")], "");
            assert_eq!((reply.status, reply.text().as_str()), (200, ""), "{name} {path}");
            assert_eq!(reply.header("Content-Type"), HTML);
        }
    }
    assert_eq!(fixture.answered("sleepy", 200), 6, "probes are counted as any other request");
}

#[test]
fn system_addresses_answer_as_the_gateway_and_its_provider_do() {
    let fixture = Fixture::start();
    let scale = "/system/scale-function/ftest";
    let unknown = "Unable to lookup function deployment nobody";
    for (method, path, body, status, content_type, answer) in [
        ("GET", "/system/function/nobody", "", 404, None, ""),
        ("GET", "/system/function/ftest?namespace=other", "", 400, TEXT, "namespace must be: openfaas-fn\n"),
        ("GET", "/system/function/ftest.openfaas-fn", "", 404, None, ""),
        ("POST", scale, "{\"replicas\":1}", 202, None, ""),
        ("POST", scale, "null", 202, None, ""),
        ("POST", scale, "[3]", 400, TEXT, "Error unmarshalling request body\n"),
        ("POST", scale, "", 400, TEXT, "Error unmarshalling request body\n"),
        ("POST", scale, "{\"replicas\":-1}", 400, TEXT, "Error unmarshalling request body\n"),
        ("POST", "/system/scale-function/ftest?namespace=x", "{}", 400, TEXT, "namespace must be: openfaas-fn\n"),
        ("POST", "/system/scale-function/nobody", "{\"replicas\":2}", 500, TEXT, unknown),
        ("GET", "/system/namespaces", "", 200, JSON, "[\"openfaas-fn\"]"),
        ("GET", "/system/secrets", "", 200, JSON, "[]"),
        ("GET", "/system/logs?name=ftest", "", 200, None, ""),
        ("GET", "/healthz", "", 200, None, ""),
        ("DELETE", "/healthz", "", 405, None, ""),
        ("GET", scale, "", 405, None, ""),
        ("GET", "/metrics", "", 404, TEXT, "404 page not found\n"),
        ("GET", "/system/nothing", "", 404, TEXT, "404 page not found\n"),
    ] {
        let reply = fixture.admin(method, path, body);
        assert_eq!((reply.status, reply.text().as_str()), (status, answer), "{method} {path} {body}");
        assert_eq!(reply.header("Content-Type"), content_type, "{method} {path}");
    }
    let root = fixture.get("/");
    assert_eq!((root.status, root.header("Location")), (301, Some("/ui/")));
    let info: serde_json::Value = serde_json::from_slice(&fixture.admin("GET", "/system/info", "").body).unwrap();
    assert_eq!(info["provider"]["provider"], "faas-netes-ce");
    assert_eq!(info["provider"]["orchestration"], "kubernetes");
    assert_eq!(info["version"]["release"], "0.27.8");
}

#[test]
fn a_functions_status_is_the_providers_and_the_list_counts_invocations() {
    let fixture = Fixture::start();
    for _ in 0..3 {
        fixture.get("/function/ftest?number=3");
    }
    fixture.get("/function/ftest?number=x");
    let mut status = fixture.status("ftest");
    let created = status.as_object_mut().unwrap().remove("createdAt").unwrap();
    assert!(created.as_str().unwrap().ends_with('Z'), "{created}");
    let expected = serde_json::json!({
        "name": "ftest",
        "image": "watchtower/embedded/ftest",
        "namespace": "openfaas-fn",
        "labels": { "faas_function": "ftest" },
        "annotations": { "prometheus.io.scrape": "false" },
        "replicas": 1,
        "availableReplicas": 1,
    });
    assert_eq!(status, expected);
    let list: serde_json::Value = serde_json::from_slice(&fixture.admin("GET", "/system/functions", "").body).unwrap();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|function| function["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ftest", "sleepy", "plain"]);
    assert_eq!(list[0]["invocationCount"], 4, "over all statuses");
    assert_eq!(list[1].get("invocationCount"), None, "zeros are left out");
}

#[test]
fn system_asks_for_the_password_and_nothing_else_does() {
    let fixture = Fixture::start();
    let basic = |text: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    let addresses = ["/system/functions", "/system/function/ftest", "/system/info", "/system/secrets", "/ui/"];
    for path in addresses {
        for given in [
            basic("admin:wrong!"),
            basic("admin:secrets"),
            basic("root:secret"),
            basic("admin"),
            "Basic".to_owned(),
            "Basic ???".to_owned(),
            "Bearer secret".to_owned(),
        ] {
            let reply = fixture.send("GET", path, &[("Authorization", &given)], "");
            assert_eq!((reply.status, reply.text().as_str()), (401, "invalid credentials"), "{path} {given}");
            assert_eq!(reply.header("WWW-Authenticate"), Some("Basic realm=\"Restricted\""));
        }
        assert_eq!(fixture.get(path).status, 401, "{path}");
        assert_eq!(fixture.admin("GET", path, "").status, 200, "{path}");
    }
    for path in ["/system/scale-function/ftest", "/system/alert", "/system/functions"] {
        assert_eq!(fixture.send("POST", path, &[], "{\"replicas\":5}").status, 401, "{path}");
    }
    assert_eq!(fixture.replicas("ftest"), (1, 1), "nothing was scaled without the password");
    for path in ["/healthz", "/function/plain"] {
        assert_eq!(fixture.get(path).status, 200, "{path}");
    }
}
