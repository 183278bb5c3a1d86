//! `/system`: what runs, how many replicas it has, and how many it shall have.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::super::super::DEFAULT_NAMESPACE;
use super::super::super::rest::ACCEPTED_HEADER;
use super::super::functions::{Function, Resources};
use super::super::metrics::provider::SCALE;
use super::super::server::Answer;
use super::json::{json, object};
use super::{Gateway, answer};

const ACCEPTED: HeaderName = HeaderName::from_static(ACCEPTED_HEADER);

/// A function's status; zeros and empty parts are left out (faas-provider `types/function_status.go`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionStatus<'a> {
    name: &'a str,
    image: &'a str,
    namespace: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    env_process: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    secrets: &'a [String],
    labels: &'a BTreeMap<String, String>,
    annotations: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<ResourceStatus<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<ResourceStatus<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    invocation_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    replicas: u64,
    #[serde(skip_serializing_if = "is_zero")]
    available_replicas: u64,
    created_at: String,
}

#[derive(Serialize)]
struct ResourceStatus<'a> {
    memory: &'a str,
    cpu: &'a str,
}

impl<'a> From<&'a Resources> for ResourceStatus<'a> {
    fn from(resources: &'a Resources) -> Self {
        Self { memory: &resources.memory, cpu: &resources.cpu }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ScaleRequest {
    replicas: Option<u64>,
}

/// The Community Edition has one namespace.
///
/// # Errors
/// The provider's refusal of any other.
pub(super) fn check_namespace(namespace: Option<&str>) -> Result<(), String> {
    match namespace {
        None | Some("" | DEFAULT_NAMESPACE) => Ok(()),
        Some(_) => Err(format!("namespace must be: {DEFAULT_NAMESPACE}")),
    }
}

impl Gateway {
    /// Every function, with its answers so far.
    pub(super) fn list(&self, namespace: Option<&str>) -> Answer {
        if let Err(refusal) = check_namespace(namespace) {
            // the gateway wraps the provider's error, new line and all, into one of its own
            return answer::error(StatusCode::BAD_REQUEST, &format!("{refusal}\n"));
        }
        let functions = self.functions.all();
        let counted = |function: &Function| self.metrics.invocations(&function.full_name);
        let all: Vec<_> = functions.iter().map(|function| self.describe(function, counted(function))).collect();
        json(&all)
    }

    /// One function, as the provider knows it: without its answers so far, which only the gateway's metrics hold.
    pub(super) fn status(&self, name: &str, namespace: Option<&str>) -> Answer {
        if let Err(refusal) = check_namespace(namespace) {
            return answer::error(StatusCode::BAD_REQUEST, &refusal);
        }
        match self.functions.find(name) {
            Some(function) => json(&self.describe(&function, 0)),
            None => answer::empty(StatusCode::NOT_FOUND),
        }
    }

    /// Sets the desired replicas; only the name in the address counts.
    pub(super) fn scale(&self, name: &str, namespace: Option<&str>, body: Option<Bytes>) -> Answer {
        let Some(body) = body else {
            return answer::error(StatusCode::BAD_REQUEST, "Error reading request body");
        };
        let Ok(asked) = object::<ScaleRequest>(&body, "types.ScaleServiceRequest") else {
            return answer::error(StatusCode::BAD_REQUEST, "Error unmarshalling request body");
        };
        let began = self.replicas.clock().now();
        let answer = self.set_replicas(name, namespace, asked.replicas.unwrap_or_default());
        self.provided(&Method::POST, SCALE, answer.status(), began);
        answer
    }

    fn set_replicas(&self, name: &str, namespace: Option<&str>, asked: u64) -> Answer {
        if let Err(refusal) = check_namespace(namespace) {
            return answer::error(StatusCode::BAD_REQUEST, &refusal);
        }
        let Some(function) = self.functions.find(name) else {
            let text = format!("Unable to lookup function deployment {name}");
            return answer::text(StatusCode::INTERNAL_SERVER_ERROR, &text);
        };
        let accepted = self.replicas.scale(function.id, u32::try_from(asked).unwrap_or(u32::MAX));
        let mut done = answer::empty(StatusCode::ACCEPTED);
        done.headers_mut().insert(ACCEPTED, HeaderValue::from(accepted));
        done
    }

    fn describe<'a>(&self, function: &'a Function, invocation_count: u64) -> FunctionStatus<'a> {
        let replicas = self.replicas.status(function.id);
        let spec = &function.spec;
        FunctionStatus {
            name: &function.name,
            image: &spec.image,
            namespace: DEFAULT_NAMESPACE,
            env_process: &spec.env_process,
            secrets: &spec.secrets,
            labels: &spec.labels,
            annotations: &spec.annotations,
            limits: spec.limits.as_ref().map(ResourceStatus::from),
            requests: spec.requests.as_ref().map(ResourceStatus::from),
            invocation_count,
            replicas: u64::from(replicas.desired),
            available_replicas: u64::from(replicas.ready),
            created_at: rfc3339(function.created.as_secs()),
        }
    }
}

/// Who answers, in the order of Go's structs (faas-provider `types/requests.go`, faas `types/inforequest.go`).
#[derive(Serialize)]
struct GatewayInfo {
    provider: ProviderInfo,
    version: VersionInfo,
    arch: &'static str,
}

#[derive(Serialize)]
struct ProviderInfo {
    provider: &'static str,
    version: VersionInfo,
    orchestration: &'static str,
}

#[derive(Serialize)]
struct VersionInfo {
    #[serde(skip_serializing_if = "str::is_empty")]
    commit_message: &'static str,
    sha: &'static str,
    release: &'static str,
}

/// Who the gateway says it is. The commits are left empty: this is no build of theirs.
pub(super) fn info() -> Answer {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json(&GatewayInfo {
        provider: ProviderInfo {
            provider: "faas-netes-ce",
            version: VersionInfo { commit_message: "", sha: "", release: "0.18.8" },
            orchestration: "kubernetes",
        },
        version: VersionInfo { commit_message: "embedded platform of watchtower", sha: "", release: "0.27.8" },
        arch,
    })
}

/// Namespaces can't be made or changed in the Community Edition (faas-provider `serve.go`).
pub(super) fn namespace(method: &Method) -> Answer {
    if method == Method::GET {
        let text = "Feature not implemented in this version of OpenFaaS";
        return answer::error(StatusCode::NOT_IMPLEMENTED, text);
    }
    answer::empty(StatusCode::METHOD_NOT_ALLOWED)
}

/// There are no pages; the headers are those of the gateway's file server (faas `handlers/cors.go`).
pub(super) fn ui() -> Answer {
    let mut answer = answer::text(StatusCode::OK, "the embedded platform has no pages: ask /system/functions");
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("raw.githubusercontent.com"));
    answer
}

/// A Unix time in whole seconds as RFC 3339 writes it, in UTC.
///
/// Days to a date by Howard Hinnant's `civil_from_days` ("chrono-Compatible Low-Level Date Algorithms"): years begin in
/// March there, so that a leap day is a year's last.
fn rfc3339(unix: u64) -> String {
    const ERA_DAYS: u64 = 146_097;
    let (days, second) = (unix / 86_400 + 719_468, unix % 86_400);
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_time_is_written_as_a_date() {
        // GNU date -u -d @N
        for (unix, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(unix), text);
        }
    }
}
