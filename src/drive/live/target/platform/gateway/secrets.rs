//! Secrets, by name (faas-netes `pkg/handlers/secrets.go`): a deployment may name those there are. Their values are not kept,
//! since no function reads them.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::super::super::DEFAULT_NAMESPACE;
use super::super::server::Answer;
use super::answer;
use super::json::{json, object};

/// Longest name Kubernetes takes.
const NAME_MAX: usize = 253;
/// Secrets kept; more than any installation has.
const SECRETS_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Secrets(Mutex<BTreeSet<String>>);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    name: Option<String>,
    namespace: Option<String>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    namespace: &'static str,
}

impl Secrets {
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().contains(name)
    }

    /// Lists, creates, replaces or deletes, as the method says.
    pub(super) fn answer(&self, method: &Method, namespace: Option<&str>, body: Option<Bytes>) -> Answer {
        if method == Method::GET {
            if namespace.is_some_and(|namespace| namespace != DEFAULT_NAMESPACE) {
                return answer::empty(StatusCode::BAD_REQUEST);
            }
            let names = self.names();
            let all: Vec<_> = names.iter().map(|name| Listed { name, namespace: DEFAULT_NAMESPACE }).collect();
            return json(&all);
        }
        answer::empty(match object::<Asked>(&body.unwrap_or_default(), "types.Secret") {
            Ok(asked) if asked.namespace.as_deref().is_none_or(|namespace| namespace == DEFAULT_NAMESPACE) => {
                self.change(method, &asked.name.unwrap_or_default())
            }
            _ => StatusCode::BAD_REQUEST,
        })
    }

    fn change(&self, method: &Method, name: &str) -> StatusCode {
        if name.trim().is_empty() {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        let mut names = self.names();
        match (method, names.contains(name)) {
            (&Method::DELETE, true) => {
                names.remove(name);
                StatusCode::ACCEPTED
            }
            (&Method::POST, true) => StatusCode::CONFLICT,
            (&Method::POST, false) if !is_subdomain(name) => StatusCode::UNPROCESSABLE_ENTITY,
            (&Method::POST, false) if names.len() >= SECRETS_MAX => StatusCode::INTERNAL_SERVER_ERROR,
            (&Method::POST, false) => {
                names.insert(name.to_owned());
                StatusCode::ACCEPTED
            }
            (_, true) => StatusCode::ACCEPTED,
            (_, false) => StatusCode::NOT_FOUND,
        }
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// RFC 1123: labels of small letters, digits and hyphens, parted by dots.
fn is_subdomain(name: &str) -> bool {
    let end = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        end(bytes.first()) && end(bytes.last()) && bytes.iter().all(inner)
    };
    name.len() <= NAME_MAX && name.split('.').all(label)
}
