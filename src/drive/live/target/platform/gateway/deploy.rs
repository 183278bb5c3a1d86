//! Functions that are deployed, updated and deleted (faas-netes `pkg/handlers/{deploy,update,delete,validate}.go`).
//!
//! Every check is made in the provider's order and told in its words. What it would ask a registry is judged by the image's
//! name alone (`image`), and Kubernetes' own refusals are those a client meets in practice.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Deserialize;

use super::super::super::DEFAULT_NAMESPACE;
use super::super::functions::{FUNCTION_LABEL, FUNCTIONS_MAX, Function, Resources, Spec};
use super::super::image::Image;
use super::super::server::Answer;
use super::super::{quantity, tuning};
use super::answer::Refused;
use super::json::object;
use super::system::check_namespace;
use super::{Gateway, answer};
use crate::drive::Handler;
use crate::model::FunctionModel;
use crate::time::nanos;

/// Fewest and most replicas the Community Edition grants (faas-netes `replica_reader.go`, `informers.go`).
const BOUNDS: (u32, u32) = (1, 5);
/// Longest value of a label, and with it a function's name.
const LABEL_MAX: usize = 63;
const MIN_LABEL: &str = "com.openfaas.scale.min";

type Texts = BTreeMap<String, String>;

/// What a client asks for; `null` stands for an absent part. Of the environment only the watchdog's limit has a model, constraints and the
/// like have none.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Deployment {
    service: Option<String>,
    image: Option<String>,
    namespace: Option<String>,
    env_process: Option<String>,
    env_vars: Option<Texts>,
    secrets: Option<Vec<String>>,
    labels: Option<Texts>,
    annotations: Option<Texts>,
    limits: Option<Amounts>,
    requests: Option<Amounts>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Amounts {
    memory: Option<String>,
    cpu: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Deletion {
    function_name: Option<String>,
}

fn bad(text: String) -> Refused {
    (StatusCode::BAD_REQUEST, text)
}

impl Gateway {
    /// POST: a new function.
    pub(super) fn deploy(&self, body: Option<Bytes>) -> Answer {
        match self.create(&body.unwrap_or_default()) {
            Ok(()) => answer::empty(StatusCode::ACCEPTED),
            Err((status, text)) => answer::error(status, &text),
        }
    }

    fn create(&self, body: &[u8]) -> Result<(), Refused> {
        let asked: Deployment = object(body, "types.FunctionDeployment")
            .map_err(|error| bad(format!("failed to unmarshal request: {error}")))?;
        let name = asked.validate().map_err(bad)?.to_owned();
        check_namespace(asked.namespace.as_deref()).map_err(bad)?;
        self.secrets_exist(&asked).map_err(|error| bad(format!("unable to fetch secrets: {error}")))?;
        let handler = image_handler(asked.image()).map_err(bad)?;
        let spec = asked.spec().map_err(|error| bad(format!("failed create Deployment spec: {error}")))?;
        let model = asked.model().map_err(bad)?;
        let mut functions = self.functions.change();
        if functions.len() >= FUNCTIONS_MAX {
            let text = format!(
                "unable to create function, maximum: {FUNCTIONS_MAX}, visit https://openfaas.com/pricing to upgrade to OpenFaaS Standard"
            );
            return Err(bad(text));
        }
        let failed = |error: String| (StatusCode::INTERNAL_SERVER_ERROR, format!("unable create Deployment: {error}"));
        if !self.replicas.takes_functions() {
            return Err(failed("the process target runs the scenario's functions and no others".to_owned()));
        }
        if functions.iter().any(|function| function.name == name) {
            return Err(failed(format!("deployments.apps \"{name}\" already exists")));
        }
        kubernetes_takes(&name, &spec.labels).map_err(failed)?;
        let replicas = asked.min_replicas().unwrap_or(1);
        let numbers_used_up =
            || failed("no more functions can be told apart in this run of the platform; start it again".to_owned());
        let id = self.replicas.deploy(&model, replicas, BOUNDS).ok_or_else(numbers_used_up)?;
        let clock = self.replicas.clock();
        let created = clock.epoch().unix_at(clock.now());
        functions.push(Arc::new(Function::new(id, name, BOUNDS, created, spec, handler)));
        Ok(())
    }

    /// PUT: another image, labels or whatever, and always a rolling restart.
    pub(super) fn update(&self, body: Option<Bytes>) -> Answer {
        match self.replace(&body.unwrap_or_default()) {
            Ok(status) => answer::empty(status),
            Err((status, text)) => answer::error(status, &text),
        }
    }

    /// A refusal that is logged only, and answered 200, is `Ok` as it is with the provider.
    fn replace(&self, body: &[u8]) -> Result<StatusCode, Refused> {
        let asked: Deployment = object(body, "types.FunctionDeployment")
            .map_err(|error| bad(format!("unable to unmarshal request: {error}")))?;
        let name = asked.validate().map_err(bad)?;
        check_namespace(asked.namespace.as_deref()).map_err(bad)?;
        asked.annotations().map_err(bad)?;
        let model = asked.model().map_err(bad)?;
        let missing = |status, error: String| {
            (status, format!("unable update Deployment: {name}.{DEFAULT_NAMESPACE}, error: {error}"))
        };
        let mut functions = self.functions.change();
        let Some(place) = functions.iter().position(|function| function.name == name) else {
            return Err(missing(StatusCode::NOT_FOUND, format!("deployments.apps \"{name}\" not found")));
        };
        let ignored = |error: String| {
            tracing::warn!(function = name, %error, "an update was not carried out");
            Ok(StatusCode::OK)
        };
        let (handler, mut spec) = match image_handler(asked.image()).and_then(|handler| Ok((handler, asked.spec()?))) {
            Ok(read) => read,
            Err(error) => return ignored(error),
        };
        self.secrets_exist(&asked).map_err(|error| missing(StatusCode::BAD_REQUEST, error))?;
        // a new label makes it another revision even if nothing else changed
        let clock = self.replicas.clock();
        let uid = nanos(clock.epoch().unix_at(clock.now())) % 1_000_000_000;
        spec.labels.entry("uid".to_owned()).or_insert_with(|| uid.to_string());
        if let Err(error) = kubernetes_takes(name, &spec.labels) {
            return ignored(error);
        }
        let updated = functions[place].updated(spec, handler);
        self.replicas.update(updated.id, &model, asked.min_replicas());
        functions[place] = Arc::new(updated);
        Ok(StatusCode::ACCEPTED)
    }

    /// DELETE: its pods go at once.
    pub(super) fn delete(&self, namespace: Option<&str>, body: Option<Bytes>) -> Answer {
        if namespace == Some("kube-system") {
            return answer::error(StatusCode::UNAUTHORIZED, "unable to list within the kube-system namespace");
        }
        if let Err(refusal) = check_namespace(namespace) {
            return answer::error(StatusCode::BAD_REQUEST, &refusal);
        }
        let asked = object::<Deletion>(&body.unwrap_or_default(), "types.DeleteFunctionRequest");
        let name = asked.ok().and_then(|asked| asked.function_name).filter(|name| !name.is_empty());
        let Some(name) = name else { return answer::empty(StatusCode::BAD_REQUEST) };
        let mut functions = self.functions.change();
        let Some(place) = functions.iter().position(|function| function.name == name) else {
            return answer::text(StatusCode::NOT_FOUND, &format!("deployments.apps \"{name}\" not found"));
        };
        self.replicas.remove(functions.remove(place).id);
        answer::empty(StatusCode::ACCEPTED)
    }

    fn secrets_exist(&self, asked: &Deployment) -> Result<(), String> {
        let missing = asked.secrets.iter().flatten().find(|name| !self.secrets.has(name));
        missing.map_or(Ok(()), |name| Err(format!("secrets \"{name}\" not found")))
    }
}

/// What the image's functions answer.
///
/// # Errors
/// What is no image, or none that anyone can pull.
fn image_handler(image: &str) -> Result<Handler, String> {
    let image = Image::parse(image)?;
    if !image.is_public() {
        return Err("the Community Edition license agreement only supports public images".to_owned());
    }
    Ok(image.handler())
}

impl Deployment {
    fn image(&self) -> &str {
        self.image.as_deref().unwrap_or_default()
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// The name, if the request is one the Community Edition takes.
    fn validate(&self) -> Result<&str, String> {
        self.check().map_err(|why| format!("validation failed: {why}"))
    }

    fn check(&self) -> Result<&str, String> {
        let name = self.service.as_deref().unwrap_or_default();
        if name.is_empty() {
            return Err("service: is required".to_owned());
        }
        if !is_dns_label(name) {
            return Err(format!("service: ({name}) is invalid, must be a valid DNS entry"));
        }
        if self.image().is_empty() {
            return Err("image: is required".to_owned());
        }
        let unavailable = |label: &str| Err(format!("com.openfaas.scale.{label} not available for Community Edition"));
        if self.label("com.openfaas.scale.zero") == Some("true") {
            return unavailable("zero");
        }
        for label in ["zero-duration", "target", "type"] {
            if self.label(&format!("com.openfaas.scale.{label}")).is_some() {
                return unavailable(label);
            }
        }
        for label in ["max", "min"] {
            let value = self.label(&format!("com.openfaas.scale.{label}")).and_then(|value| value.parse::<i64>().ok());
            if value.is_some_and(|value| value > i64::from(BOUNDS.1)) {
                return Err(format!("com.openfaas.scale.{label} is set too high for Community Edition"));
            }
        }
        Ok(name)
    }

    fn annotations(&self) -> Result<Texts, String> {
        let annotations = self.annotations.clone().unwrap_or_default();
        if annotations.get("topic").is_some_and(|topic| topic.contains(',')) {
            return Err("the topic annotation may only support one value in the Community Edition".to_owned());
        }
        let unsupported = |key: &&String| key.contains("amazonaws.com") || key.contains("gke.io");
        match annotations.keys().find(unsupported) {
            Some(key) => Err(format!("annotation {key:?} is not supported in the Community Edition")),
            None => Ok(annotations),
        }
    }

    /// What its status will tell.
    fn spec(&self) -> Result<Spec, String> {
        let mut labels = self.labels.clone().unwrap_or_default();
        let name = self.service.as_deref().unwrap_or_default();
        labels.entry(FUNCTION_LABEL.to_owned()).or_insert_with(|| name.to_owned());
        let mut secrets = self.secrets.clone().unwrap_or_default();
        secrets.sort();
        let (limits, requests) = resources(self.limits.as_ref(), self.requests.as_ref())?;
        let spec = Spec {
            image: self.image().to_owned(),
            env_process: self.env_process.clone().unwrap_or_default(),
            secrets,
            labels,
            annotations: self.annotations()?,
            limits,
            requests,
        };
        Ok(spec.unscraped())
    }

    fn model(&self) -> Result<FunctionModel, String> {
        let none = Texts::new();
        let (labels, annotations) = (self.labels.as_ref(), self.annotations.as_ref());
        let model = tuning::model(labels.unwrap_or(&none), annotations.unwrap_or(&none));
        let mut model = model.map_err(|why| format!("validation failed: {why}"))?;
        if model.max_inflight == 0 {
            // what is no number is none (of-watchdog `config/config.go`)
            let limit = self.env_vars.as_ref().and_then(|variables| variables.get("max_inflight")?.parse().ok());
            model.max_inflight = limit.unwrap_or(0);
        }
        Ok(model)
    }

    /// Replicas a label asks for from the start.
    fn min_replicas(&self) -> Option<u32> {
        self.label(MIN_LABEL)?.parse().ok().filter(|replicas| *replicas > 0)
    }
}

/// Limits and requests, in the provider's order of reading them; nothing and zero are the same.
fn resources(
    limits: Option<&Amounts>,
    requests: Option<&Amounts>,
) -> Result<(Option<Resources>, Option<Resources>), String> {
    let amount = |text: Option<&String>| match text.filter(|text| !text.is_empty()) {
        Some(text) => quantity::canonical(text).map_err(str::to_owned),
        None => Ok("0".to_owned()),
    };
    let memory = |amounts: Option<&Amounts>| amount(amounts.and_then(|amounts| amounts.memory.as_ref()));
    let cpu = |amounts: Option<&Amounts>| amount(amounts.and_then(|amounts| amounts.cpu.as_ref()));
    let given = |memory: String, cpu: String| (memory != "0" || cpu != "0").then_some(Resources { memory, cpu });
    Ok((given(memory(limits)?, cpu(limits)?), given(memory(requests)?, cpu(requests)?)))
}

/// RFC 1123: small letters, digits and hyphens inside.
fn is_dns_label(name: &str) -> bool {
    let end = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (first, last) = (name.as_bytes().first(), name.as_bytes().last());
    first.is_some_and(end) && last.is_some_and(end) && name.bytes().all(|byte| end(&byte) || byte == b'-')
}

/// What Kubernetes would refuse of a name and of labels.
fn kubernetes_takes(name: &str, labels: &Texts) -> Result<(), String> {
    let invalid = |field: &str, value: &str, why: &str| {
        Err(format!("Deployment.apps \"{name}\" is invalid: {field}: Invalid value: {value:?}: {why}"))
    };
    if name.len() > LABEL_MAX {
        return invalid("spec.template.labels", name, "must be no more than 63 characters");
    }
    if labels.get(FUNCTION_LABEL).is_some_and(|label| label != name) {
        let selected = format!("{FUNCTION_LABEL}={}", labels[FUNCTION_LABEL]);
        return invalid("spec.template.metadata.labels", &selected, "`selector` does not match template `labels`");
    }
    for (key, value) in labels {
        let (prefix, short) = key.split_once('/').map_or((None, key.as_str()), |(prefix, short)| (Some(prefix), short));
        let prefix_fits = prefix.is_none_or(|prefix| prefix.split('.').all(is_dns_label) && prefix.len() <= 253);
        if short.is_empty() || !is_label_text(short) || !prefix_fits {
            let why = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
            return invalid("spec.template.labels", key, why);
        }
        if value.len() > LABEL_MAX {
            return invalid("spec.template.labels", value, "must be no more than 63 characters");
        }
        if !is_label_text(value) {
            let why = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
            return invalid("spec.template.labels", value, why);
        }
    }
    Ok(())
}

fn is_label_text(text: &str) -> bool {
    let end = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.len() <= LABEL_MAX
        && end(bytes.first())
        && end(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}
