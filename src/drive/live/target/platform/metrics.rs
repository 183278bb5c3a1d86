//! The gateway's metrics, under the names and labels of gateway 0.27.8 (faas `gateway/metrics/metrics.go`).

mod process;
pub(super) mod provider;

use std::time::Duration;

use hyper::StatusCode;
use prometheus::core::Collector;
use prometheus::proto::{Metric, MetricFamily};
use prometheus::{
    DEFAULT_BUCKETS, Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};

use self::process::Process;
use self::provider::Provider;

/// Counters of answers, by function (as `NAME.NAMESPACE`) and status.
pub(super) struct Metrics {
    registry: Registry,
    seconds: HistogramVec,
    total: IntCounterVec,
    started: IntCounterVec,
    replicas: IntGaugeVec,
    process: Process,
    provider: Provider,
}

impl Metrics {
    /// The type of the text format.
    pub(super) const CONTENT_TYPE: &'static str = prometheus::TEXT_FORMAT;

    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let by_code = &["function_name", "code"];
        let by_function = &["function_name"];
        let seconds =
            HistogramOpts::new("gateway_functions_seconds", "Function time taken").buckets(DEFAULT_BUCKETS.to_vec());
        let total = Opts::new("gateway_function_invocation_total", "Function metrics");
        let started =
            Opts::new("gateway_function_invocation_started", "The total number of function HTTP requests started.");
        let replicas = Opts::new("gateway_service_count", "Current count of replicas for function");
        let registry = Registry::new();
        let metrics = Self {
            process: Process::register(&registry)?,
            provider: Provider::new()?,
            registry,
            seconds: HistogramVec::new(seconds, by_code)?,
            total: IntCounterVec::new(total, by_code)?,
            started: IntCounterVec::new(started, by_function)?,
            replicas: IntGaugeVec::new(replicas, by_function)?,
        };
        metrics.registry.register(Box::new(metrics.seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.total.clone()))?;
        metrics.registry.register(Box::new(metrics.started.clone()))?;
        metrics.registry.register(Box::new(metrics.replicas.clone()))?;
        Ok(metrics)
    }

    /// What the provider counts.
    pub(super) fn provider(&self) -> &Provider {
        &self.provider
    }

    /// A request of a known function came in.
    pub(super) fn started(&self, function: &str) {
        self.started.with_label_values(&[function]).inc();
    }

    /// It was answered.
    pub(super) fn completed(&self, function: &str, status: StatusCode, took: Duration) {
        let labels = &[function, status.as_str()];
        self.total.with_label_values(labels).inc();
        self.seconds.with_label_values(labels).observe(took.as_secs_f64());
    }

    /// Answers of a function so far, over all statuses.
    pub(super) fn invocations(&self, function: &str) -> u64 {
        let of_function = |metric: &&Metric| {
            metric.get_label().iter().any(|label| label.name() == "function_name" && label.value() == function)
        };
        let families = self.total.collect();
        let metrics = families.iter().flat_map(MetricFamily::get_metric);
        metrics.filter(of_function).map(|metric| metric.get_counter().get_value() as u64).sum()
    }

    /// The desired replicas, by function, until they are read again. Functions that are not named have no series any more.
    pub(super) fn set_replicas(&self, replicas: &[(String, u32)]) {
        self.replicas.reset();
        for (function, replicas) in replicas {
            self.replicas.with_label_values(&[function]).set(i64::from(*replicas));
        }
    }

    /// Everything in the text format.
    pub(super) fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        self.process.begin_scrape();
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        let status = if encoded.is_ok() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
        self.process.end_scrape(status);
        encoded.map(|()| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_the_gateways_names_and_labels() {
        let metrics = Metrics::new().unwrap();
        metrics.started("ftest.openfaas-fn");
        metrics.completed("ftest.openfaas-fn", StatusCode::OK, Duration::from_millis(20));
        metrics.set_replicas(&[("gone.openfaas-fn".to_owned(), 1)]);
        metrics.set_replicas(&[("ftest.openfaas-fn".to_owned(), 3)]);
        let text = String::from_utf8(metrics.text().unwrap()).unwrap();
        let text: String = text.split_inclusive('\n').filter(|line| line.contains("gateway_")).collect();
        insta::assert_snapshot!(text, @r#"
        # HELP gateway_function_invocation_started The total number of function HTTP requests started.
        # TYPE gateway_function_invocation_started counter
        gateway_function_invocation_started{function_name="ftest.openfaas-fn"} 1
        # HELP gateway_function_invocation_total Function metrics
        # TYPE gateway_function_invocation_total counter
        gateway_function_invocation_total{code="200",function_name="ftest.openfaas-fn"} 1
        # HELP gateway_functions_seconds Function time taken
        # TYPE gateway_functions_seconds histogram
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="0.005"} 0
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="0.01"} 0
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="0.025"} 1
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="0.05"} 1
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="0.1"} 1
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="0.25"} 1
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="0.5"} 1
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="1"} 1
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="2.5"} 1
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="5"} 1
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="10"} 1
        gateway_functions_seconds_bucket{code="200",function_name="ftest.openfaas-fn",le="+Inf"} 1
        gateway_functions_seconds_sum{code="200",function_name="ftest.openfaas-fn"} 0.02
        gateway_functions_seconds_count{code="200",function_name="ftest.openfaas-fn"} 1
        # HELP gateway_service_count Current count of replicas for function
        # TYPE gateway_service_count gauge
        gateway_service_count{function_name="ftest.openfaas-fn"} 3
        "#);
        assert_eq!(metrics.invocations("ftest.openfaas-fn"), 1);
        assert_eq!(metrics.invocations("sleepy.openfaas-fn"), 0);
    }
}
