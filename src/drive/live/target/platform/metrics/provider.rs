//! The provider's own metrics (faas-provider `metrics.go`): what it was asked, by the gateway and on behalf of its clients.
//! Calls of functions are not among them, and no Community Edition scrapes them.

use std::time::Duration;

use hyper::{Method, StatusCode};
use prometheus::{DEFAULT_BUCKETS, Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

/// The name of every function's status address.
pub(in super::super) const STATUS: &str = "/system/function";
/// The name of every function's scaling address.
pub(in super::super) const SCALE: &str = "/system/scale-function";

/// Requests the provider answered, by status, method and address.
pub(in super::super) struct Provider {
    registry: Registry,
    total: IntCounterVec,
    seconds: HistogramVec,
}

impl Provider {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let labels = &["code", "method", "path"];
        let total =
            IntCounterVec::new(Opts::new("provider_http_requests_total", "Total number of HTTP requests."), labels)?;
        let seconds =
            HistogramOpts::new("provider_http_request_duration_seconds", "Seconds spent serving HTTP requests.")
                .buckets(DEFAULT_BUCKETS.to_vec());
        let seconds = HistogramVec::new(seconds, labels)?;
        let registry = Registry::new();
        registry.register(Box::new(total.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { registry, total, seconds })
    }

    /// A request was answered.
    pub(in super::super) fn answered(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        let labels = &[status.as_str(), method.as_str(), path];
        self.total.with_label_values(labels).inc();
        self.seconds.with_label_values(labels).observe(took.as_secs_f64());
    }

    /// Everything in the text format.
    pub(in super::super) fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}
