//! What the metrics ports tell.

use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::target::platform::{Options, Platform};
use watchtower::random::Seed;

use super::Fixture;

#[test]
fn metrics_have_a_port_of_their_own_and_count_by_code() {
    let fixture = Fixture::start();
    for path in ["/function/ftest?number=5", "/function/ftest?number=5", "/function/ftest", "/function/nobody"] {
        fixture.get(path);
    }
    assert_eq!(fixture.answered("ftest", 200), 2);
    assert_eq!(fixture.answered("ftest", 500), 1);
    assert_eq!(fixture.series("gateway_function_invocation_started{function_name=\"ftest.openfaas-fn\"}"), 3);
    assert_eq!(fixture.series("gateway_functions_seconds_count{code=\"200\",function_name=\"ftest.openfaas-fn\"}"), 2);
    assert!(!fixture.metrics().contains("nobody"), "an unknown function is not counted");
    let metrics = fixture.platform.metrics_address();
    let send = |method, path| super::wire::send(metrics, method, path, &[], b"");
    assert_eq!(send("GET", "/metrics").header("Content-Type"), Some("text/plain; version=0.0.4"));
    assert_eq!(send("GET", "/healthz").text(), "OK");
    assert_eq!(send("POST", "/metrics").status, 200, "promhttp takes any method");
    assert_eq!(send("POST", "/healthz").status, 405);
    assert_eq!(send("GET", "/function/ftest").status, 404);
}

#[test]
fn the_gateway_s_series_have_its_labels_and_the_default_buckets_of_prometheus_clients() {
    let fixture = Fixture::start();
    fixture.get("/function/ftest?number=5");
    let metrics = fixture.metrics();
    let bounds: Vec<&str> = metrics
        .lines()
        .filter_map(|line| {
            line.strip_prefix("gateway_functions_seconds_bucket{code=\"200\",function_name=\"ftest.openfaas-fn\",le=\"")
        })
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(bounds, ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]);
    for (name, kind) in [
        ("gateway_functions_seconds", "histogram"),
        ("gateway_function_invocation_total", "counter"),
        ("gateway_function_invocation_started", "counter"),
    ] {
        assert!(metrics.contains(&format!("# TYPE {name} {kind}\n")), "{name}:\n{metrics}");
    }
}

#[test]
fn replicas_are_counted_every_five_seconds_as_they_are_desired_and_the_process_tells_of_itself() {
    let fixture = Fixture::start();
    let count = |name: &str| fixture.series(&format!("gateway_service_count{{function_name=\"{name}.openfaas-fn\"}}"));
    assert!(!fixture.metrics().contains("gateway_service_count{"), "the first reading is after five seconds");
    fixture.scale("ftest", 4);
    fixture.admin("DELETE", "/system/functions", "{\"functionName\":\"sleepy\"}");
    super::until("they were read", || count("ftest") > 0);
    assert_eq!((count("ftest"), count("plain")), (4, 3));
    let metrics = fixture.metrics();
    assert!(!metrics.contains("sleepy"), "a function that is gone is counted no more");
    for name in [
        "process_cpu_seconds_total ",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "process_start_time_seconds ",
        "promhttp_metric_handler_requests_in_flight 1\n",
        "promhttp_metric_handler_requests_total{code=\"503\"} 0\n",
    ] {
        assert!(metrics.contains(&format!("\n{name}")), "{name}:\n{metrics}");
    }
}

#[test]
fn the_provider_counts_what_it_was_asked_by_clients_and_by_the_gateway() {
    let mut options = Options::new(super::all_three(), super::node(), Seed(1), Clock::start());
    options.password = Some("secret".to_owned());
    options.provider_metrics = Some(([127, 0, 0, 1], 0).into());
    let platform = Platform::start(options).unwrap();
    let authorization = platform.credentials().basic();
    let send = |method: &str, path: &str, body: &str| {
        let headers = [("Authorization", authorization.as_str())];
        super::wire::send(platform.gateway_address(), method, path, &headers, body.as_bytes()).status
    };
    send("GET", "/function/ftest?number=3", "");
    send("GET", "/function/nobody", "");
    send("GET", "/system/function/ftest", "");
    send("GET", "/system/function/ftest?namespace=dev", "");
    send("POST", "/system/scale-function/ftest", "{\"replicas\":2}");
    send("POST", "/system/scale-function/ftest", "no JSON: the gateway keeps it to itself");
    send("POST", "/system/functions", "{}");
    let firing = "{\"alerts\":[{\"status\":\"firing\",\"labels\":{\"function_name\":\"ftest\"}}]}";
    assert_eq!(send("POST", "/system/alert", firing), 200);
    let provider = platform.provider_metrics_address().unwrap();
    let text = super::wire::send(provider, "GET", "/metrics", &[], b"").text();
    // the gateway's exporter asks too, in its own time
    let counted = text.lines().filter(|line| line.starts_with("provider_http_requests_total{"));
    let counted: Vec<_> =
        counted.filter(|line| !line.contains("200\",method=\"GET\",path=\"/system/functions\"")).collect();
    insta::assert_snapshot!(counted.join("\n"), @r#"
    provider_http_requests_total{code="200",method="GET",path="/system/function"} 3
    provider_http_requests_total{code="202",method="POST",path="/system/scale-function"} 2
    provider_http_requests_total{code="400",method="GET",path="/system/function"} 1
    provider_http_requests_total{code="400",method="POST",path="/system/functions"} 1
    provider_http_requests_total{code="404",method="GET",path="/system/function"} 1
    "#);
    assert!(text.contains("provider_http_request_duration_seconds_bucket{code=\"202\",method=\"POST\",path=\"/system/scale-function\",le=\"0.005\"}"));
    assert_eq!(super::wire::send(provider, "GET", "/healthz", &[], b"").body, b"");
}
