//! What the two programs are told, as the chart of gateway 0.27.8 tells them (`prometheus-cfg.yaml`, `alertmanager-cfg.yaml`,
//! `alertmanager-dep.yaml`).
//!
//! Left out is what has no effect on scaling: Prometheus' scrape of itself, inhibition between severities that no alert has,
//! and a child route that demands a label that no alert has.

use std::net::SocketAddr;
use std::time::Duration;

use crate::policy::openfaas_ce::real::Numbers;

/// The rule group of the chart.
pub(super) const GROUP: &str = "openfaas";
/// Its rule.
pub(super) const ALERT: &str = "APIHighInvocationRate";

/// Text as both programs read it whatever is in it: JSON strings are YAML strings.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A duration as both programs read it.
pub(super) fn millis(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

/// `prometheus.yml`.
pub(super) fn prometheus(numbers: &Numbers, rules: &str, metrics: SocketAddr, alertmanager: SocketAddr) -> String {
    format!(
        "\
global:
  scrape_interval: 15s
  evaluation_interval: {evaluation}
  external_labels:
    monitor: faas-monitor
rule_files:
  - {rules}
scrape_configs:
  - job_name: openfaas-pods
    scrape_interval: {scrape}
    static_configs:
      - targets: [\"{metrics}\"]
alerting:
  alertmanagers:
    - static_configs:
        - targets: [\"{alertmanager}\"]
",
        evaluation = millis(numbers.evaluation_interval),
        rules = quoted(rules),
        scrape = millis(numbers.scrape_interval),
    )
}

/// The left side of the rule: answers with status 200 per second, by function.
pub(super) fn expression(numbers: &Numbers) -> String {
    let window = millis(numbers.window);
    format!("sum(rate(gateway_function_invocation_total{{code=\"200\"}}[{window}])) BY (function_name)")
}

/// The rule file.
pub(super) fn rules(numbers: &Numbers) -> String {
    let Numbers { threshold, hold, .. } = numbers;
    format!(
        "\
groups:
  - name: {GROUP}
    rules:
      - alert: {ALERT}
        expr: {expression} > {threshold}
        for: {hold}
        labels:
          service: gateway
          severity: major
        annotations:
          description: High invocation total on \"{{{{$labels.function_name}}}}\"
          summary: High invocation total on \"{{{{$labels.function_name}}}}\"
",
        expression = expression(numbers),
        hold = millis(*hold),
    )
}

/// `alertmanager.yml`. `login` is a user and the file that holds the password, where the gateway asks for one.
pub(super) fn alertmanager(numbers: &Numbers, gateway: SocketAddr, login: Option<(&str, &str)>) -> String {
    let login = login.map_or_else(String::new, |(user, file)| {
        format!(
            "        http_config:\n          basic_auth:\n            username: {}\n            password_file: {}\n",
            quoted(user),
            quoted(file)
        )
    });
    format!(
        "\
route:
  group_by: [alertname, cluster, service]
  group_wait: {wait}
  group_interval: {interval}
  repeat_interval: {repeat}
  receiver: scale-up
receivers:
  - name: scale-up
    webhook_configs:
      - url: http://{gateway}/system/alert
        send_resolved: true
{login}",
        wait = millis(numbers.group_wait),
        interval = millis(numbers.group_interval),
        repeat = millis(numbers.repeat_interval),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::openfaas_ce::real;
    use crate::policy::settings::Settings;
    use crate::random::Seed;

    fn numbers() -> Numbers {
        Numbers::of(&Settings::defaults(&real::parameters()), Seed(1))
    }

    fn port(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn prometheus_is_told_what_the_chart_tells_it() {
        insta::assert_snapshot!(prometheus(&numbers(), "/t/a \"b\".yml", port(8082), port(9093)), @r#"
        global:
          scrape_interval: 15s
          evaluation_interval: 15000ms
          external_labels:
            monitor: faas-monitor
        rule_files:
          - "/t/a \"b\".yml"
        scrape_configs:
          - job_name: openfaas-pods
            scrape_interval: 5000ms
            static_configs:
              - targets: ["127.0.0.1:8082"]
        alerting:
          alertmanagers:
            - static_configs:
                - targets: ["127.0.0.1:9093"]
        "#);
        insta::assert_snapshot!(rules(&numbers()), @r#"
        groups:
          - name: openfaas
            rules:
              - alert: APIHighInvocationRate
                expr: sum(rate(gateway_function_invocation_total{code="200"}[10000ms])) BY (function_name) > 5
                for: 5000ms
                labels:
                  service: gateway
                  severity: major
                annotations:
                  description: High invocation total on "{{$labels.function_name}}"
                  summary: High invocation total on "{{$labels.function_name}}"
        "#);
    }

    #[test]
    fn alertmanager_posts_to_the_gateway_with_its_password_where_it_asks_for_one() {
        insta::assert_snapshot!(alertmanager(&numbers(), port(8080), Some(("admin", "/t/password"))), @r#"
        route:
          group_by: [alertname, cluster, service]
          group_wait: 5000ms
          group_interval: 10000ms
          repeat_interval: 30000ms
          receiver: scale-up
        receivers:
          - name: scale-up
            webhook_configs:
              - url: http://127.0.0.1:8080/system/alert
                send_resolved: true
                http_config:
                  basic_auth:
                    username: "admin"
                    password_file: "/t/password"
        "#);
        assert!(!alertmanager(&numbers(), port(8080), None).contains("basic_auth"));
    }
}
