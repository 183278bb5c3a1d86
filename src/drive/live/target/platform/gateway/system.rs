//! `/system`: what runs, how many replicas it has, and how many it shall have.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::super::super::DEFAULT_NAMESPACE;
use super::super::super::rest::ACCEPTED_HEADER;
use super::super::functions::Function;
use super::super::server::Answer;
use super::{Gateway, answer};
use crate::time::Timestamp;

const ACCEPTED: HeaderName = HeaderName::from_static(ACCEPTED_HEADER);

/// A function's status; zeros and empty parts are left out (faas-provider `types/function_status.go`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionStatus<'a> {
    name: &'a str,
    image: String,
    namespace: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'a str, &'a str>,
    annotations: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    invocation_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    replicas: u64,
    #[serde(skip_serializing_if = "is_zero")]
    available_replicas: u64,
    created_at: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ScaleRequest {
    replicas: u64,
}

impl Gateway {
    /// Every function, with its answers so far.
    pub(super) fn list(&self) -> Answer {
        let counted = |function: &Function| self.metrics.invocations(&function.full_name);
        let all: Vec<_> = self.functions.iter().map(|function| self.describe(function, counted(function))).collect();
        json(&all)
    }

    /// One function, as the provider knows it: without its answers so far, which only the gateway's metrics hold.
    pub(super) fn status(&self, name: &str, namespace: Option<&str>) -> Answer {
        match self.functions.find(name, namespace.unwrap_or(DEFAULT_NAMESPACE)) {
            Some(function) => json(&self.describe(function, 0)),
            None => answer::empty(StatusCode::NOT_FOUND),
        }
    }

    /// Sets the desired replicas; only the name in the address counts.
    pub(super) fn scale(&self, name: &str, namespace: Option<&str>, body: Option<Bytes>) -> Answer {
        let Some(body) = body else {
            return answer::error(StatusCode::BAD_REQUEST, "Error reading request body");
        };
        let Ok(asked) = serde_json::from_slice::<Option<ScaleRequest>>(&body) else {
            return answer::error(StatusCode::BAD_REQUEST, "Error unmarshalling request body");
        };
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE);
        if namespace != DEFAULT_NAMESPACE {
            return answer::error(StatusCode::BAD_REQUEST, &format!("namespace must be: {DEFAULT_NAMESPACE}"));
        }
        let Some(function) = self.functions.find(name, namespace) else {
            let text = format!("Unable to lookup function deployment {name}");
            return answer::text(StatusCode::INTERNAL_SERVER_ERROR, &text);
        };
        let replicas = asked.unwrap_or_default().replicas;
        let accepted = self.clockwork.scale(function.id, u32::try_from(replicas).unwrap_or(u32::MAX));
        let mut done = answer::empty(StatusCode::ACCEPTED);
        done.headers_mut().insert(ACCEPTED, HeaderValue::from(accepted));
        done
    }

    fn describe<'a>(&self, function: &'a Function, invocation_count: u64) -> FunctionStatus<'a> {
        let status = self.clockwork.status(function.id);
        let mut labels: BTreeMap<&str, &str> =
            function.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        labels.insert("faas_function", &function.name);
        FunctionStatus {
            name: &function.name,
            image: format!("watchtower/embedded/{}", function.name),
            namespace: DEFAULT_NAMESPACE,
            labels,
            annotations: BTreeMap::new(),
            invocation_count,
            replicas: u64::from(status.desired),
            available_replicas: u64::from(status.ready),
            created_at: rfc3339(self.clockwork.clock().epoch().unix_at(Timestamp::ZERO).as_secs()),
        }
    }
}

/// Who the gateway says it is.
pub(super) fn info() -> Answer {
    json(&serde_json::json!({
        "provider": {
            "provider": "faas-netes-ce",
            "version": { "release": "0.18.8", "sha": "" },
            "orchestration": "kubernetes",
        },
        "version": {
            "commit_message": "embedded platform of watchtower",
            "release": "0.27.8",
            "sha": "",
        },
        "arch": std::env::consts::ARCH,
    }))
}

pub(super) fn namespaces() -> Answer {
    json(&[DEFAULT_NAMESPACE])
}

pub(super) fn secrets() -> Answer {
    json::<[(); 0]>(&[])
}

fn json<T: Serialize + ?Sized>(value: &T) -> Answer {
    match serde_json::to_vec(value) {
        Ok(body) => answer::typed(StatusCode::OK, "application/json", body.into()),
        Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
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
