//! The way to a cluster: from a kubeconfig, or from inside a pod; and one exchange with its API server at a time, each with a limit.
//!
//! Nothing here knows what is asked for. Messages name files and addresses and never what is in them: a kubeconfig holds secrets,
//! and the errors of its parser quote it.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{AsyncBufReadExt as _, StreamExt as _};
use hyper::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::WatchEvent;
use kube::{Client, Config};
use serde::de::DeserializeOwned;

use super::pod;
use super::told::told;
use crate::drive::live::target::guest::EXCHANGE;

/// Time for a connection to the API server; shorter than [`EXCHANGE`], so that it is told apart from a slow answer.
const CONNECT: Duration = Duration::from_secs(4);

/// Which cluster, and how to get there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Kubeconfig files, parted by colons; those of `KUBECONFIG`, or `~/.kube/config`, if not given.
    pub kubeconfig: Option<String>,
    /// A context of theirs; the current one if not given.
    pub context: Option<String>,
}

/// Why there is no way to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Neither a kubeconfig nor a pod's service account.
    #[error(
        "no way to a cluster: {kubeconfig}; and this is no pod of one ({pod})\n  hint: name a file in kubeconfig of [kubernetes], or set KUBECONFIG; a pod's service account is in the folder that WATCHTOWER_SERVICE_ACCOUNT names"
    )]
    Nowhere {
        /// What is wrong with the kubeconfig.
        kubeconfig: String,
        /// Why the service account can't be had.
        pod: String,
    },
    /// The kubeconfig can't be used.
    #[error("kubeconfig {file}: {why}\n  hint: `kubectl --kubeconfig {file} config get-contexts` shows what is in it")]
    File {
        /// Which.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client can't be made.
    #[error("the way to {cluster} can't be used: {why}")]
    Client {
        /// The API server's address.
        cluster: String,
        /// What is wrong.
        why: String,
    },
    /// The kubeconfig leads elsewhere than when a change was noted.
    #[error(
        "the kubeconfig leads to {now}, and what is to be put back is at {then}\n  hint: set KUBECONFIG to the file that led there"
    )]
    Elsewhere {
        /// Where it leads.
        now: String,
        /// Where it should.
        then: String,
    },
}

/// Why the API server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// It said no.
    #[error("the API server answered {code} {reason} to {what}: {message}{}", hint(*code))]
    Refused {
        /// What it was asked.
        what: String,
        /// Its status.
        code: u16,
        /// Its reason, a word.
        reason: String,
        /// What it said.
        message: String,
    },
    /// No complete answer in time.
    #[error("the API server gave no complete answer to {what} within {EXCHANGE:?}")]
    Timeout {
        /// What it was asked.
        what: String,
    },
    /// No connection, or it broke.
    #[error("the API server could not be asked to {what}: {why}")]
    Unreachable {
        /// What it was to be asked.
        what: String,
        /// What went wrong.
        why: String,
    },
    /// Not what it should be.
    #[error("the API server answered {what} with something else: {why}")]
    Answer {
        /// What it was asked.
        what: String,
        /// What is wrong with it.
        why: String,
    },
}

impl ApiError {
    pub(super) const fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Somebody else wrote in between.
    pub(super) fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    pub(super) fn is_missing(&self) -> bool {
        self.code() == Some(404)
    }

    /// A version too old to go on from.
    pub(super) fn is_gone(&self) -> bool {
        self.code() == Some(410)
    }
}

/// What is asked of who set the way up, where nobody known vouches for the API server.
const STRANGER: &str =
    "; are the authorities of the kubeconfig, or of the pod's service account, those of this cluster?";

const fn hint(code: u16) -> &'static str {
    match code {
        401 => "; is the token or the certificate still good?",
        403 => "; see docs/kubernetes.md for the rights a run needs",
        _ => "",
    }
}

/// Where the API server is and how to be let in, as read once: what a run began with it can end.
#[derive(Clone)]
pub(super) struct Door {
    config: Config,
    /// With everything that was left open filled in, so that it leads to the same place tomorrow.
    pub(super) way: Way,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("way", &self.way).finish_non_exhaustive()
    }
}

impl Door {
    /// Looks a way up.
    pub(super) async fn find(way: &Way) -> Result<Self, ConfigError> {
        let named =
            way.kubeconfig.clone().or_else(|| std::env::var("KUBECONFIG").ok().filter(|files| !files.is_empty()));
        let own = std::env::var("HOME").ok().map(|home| format!("{home}/.kube/config"));
        let (mut config, way) = match (named, own.filter(|file| Path::new(file).exists())) {
            (Some(files), _) | (None, Some(files)) => from_files(files, way.context.clone()).await?,
            (None, None) => {
                let kubeconfig = "there is no ~/.kube/config".to_owned();
                let config = Box::pin(pod::config()).await.map_err(|pod| ConfigError::Nowhere { kubeconfig, pod })?;
                (config, Way::default())
            }
        };
        config.connect_timeout = Some(CONNECT);
        // what is tried again, and how often, is decided where it is known what for
        config.default_retry = false;
        Ok(Self { config, way })
    }

    /// The API server's address.
    pub(super) fn cluster(&self) -> String {
        self.config.cluster_url.to_string()
    }

    /// A client. It belongs to the runtime it is made in.
    pub(super) fn open(&self) -> Result<Cluster, ConfigError> {
        let client = Client::try_from(self.config.clone());
        let client = client.map_err(|error| ConfigError::Client { cluster: self.cluster(), why: told(&error) })?;
        Ok(Cluster { client: Arc::new(Mutex::new(client)), config: Arc::new(self.config.clone()) })
    }
}

async fn from_files(files: String, context: Option<String>) -> Result<(Config, Way), ConfigError> {
    let problem = |why: String| ConfigError::File { file: files.clone(), why };
    let mut kubeconfig = Kubeconfig::default();
    for file in files.split(':').filter(|file| !file.is_empty()) {
        let read = Kubeconfig::read_from(file).map_err(|error| problem(of_kubeconfig(&error)))?;
        kubeconfig = kubeconfig.merge(read).map_err(|error| problem(of_kubeconfig(&error)))?;
    }
    let context = context.or_else(|| kubeconfig.current_context.clone());
    let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let config = config.map_err(|error| problem(of_kubeconfig(&error)))?;
    Ok((config, Way { kubeconfig: Some(files.clone()), context }))
}

/// What is wrong with a kubeconfig, without a word of what stands in it.
fn of_kubeconfig(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is not YAML, or not a kubeconfig".to_owned(),
        KubeconfigError::CurrentContextNotSet => "it has no current context, and none is named".to_owned(),
        KubeconfigError::LoadContext(context) => format!("it has no context {context:?}"),
        KubeconfigError::LoadClusterOfContext(cluster) => format!("it has no cluster {cluster:?}"),
        KubeconfigError::ReadConfig(why, _) => format!("it can't be read: {why}"),
        KubeconfigError::LoadCertificateAuthority(_)
        | KubeconfigError::LoadClientCertificate(_)
        | KubeconfigError::LoadClientKey(_)
        | KubeconfigError::ParseCertificates(_) => "a certificate or key of it can't be read".to_owned(),
        other => other.to_string(),
    }
}

/// A client of one API server.
#[derive(Clone)]
pub(super) struct Cluster {
    client: Arc<Mutex<Client>>,
    config: Arc<Config>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cluster")
    }
}

/// How a change is written down.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// The whole object.
    Whole,
    /// What changes of it (RFC 7396).
    Merge,
}

impl Cluster {
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.exchange(Method::GET, path, None).await
    }

    pub(super) async fn create<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, ApiError> {
        self.exchange(Method::POST, path, Some((Form::Whole, body))).await
    }

    pub(super) async fn replace<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, ApiError> {
        self.exchange(Method::PUT, path, Some((Form::Whole, body))).await
    }

    pub(super) async fn patch<T: DeserializeOwned>(&self, path: &str, body: &serde_json::Value) -> Result<T, ApiError> {
        self.exchange(Method::PATCH, path, Some((Form::Merge, body))).await
    }

    pub(super) async fn delete(&self, path: &str, body: &serde_json::Value) -> Result<(), ApiError> {
        let answer: Result<serde_json::Value, _> = self.exchange(Method::DELETE, path, Some((Form::Whole, body))).await;
        answer.map(drop)
    }

    /// Begins to read a stream of changes; how long it may be quiet is the reader's business.
    pub(super) async fn stream<T>(
        &self,
        path: &str,
    ) -> Result<BoxStream<'static, Result<WatchEvent<T>, ApiError>>, ApiError>
    where
        T: Clone + DeserializeOwned + Send + 'static,
    {
        let what = format!("GET {path}");
        let request = request(Method::GET, path, None).map_err(|why| unreachable(&what, why))?;
        let client = self.client();
        let begun = tokio::time::timeout(EXCHANGE, client.request_events::<T>(request)).await;
        let begun = begun.map_err(|_late| ApiError::Timeout { what: what.clone() })?;
        let stream = begun.map_err(|error| of_client(&what, error)).inspect_err(|error| {
            // whoever follows tries again
            self.is_let_in_anew(error);
        })?;
        Ok(stream.map(move |event| event.map_err(|error| of_client(&what, error))).boxed())
    }

    /// Begins to read a text that grows, line by line; how long it may be quiet is the reader's business.
    pub(super) async fn lines(&self, path: &str) -> Result<BoxStream<'static, Result<String, ApiError>>, ApiError> {
        let what = format!("GET {path}");
        let mut request = request(Method::GET, path, None).map_err(|why| unreachable(&what, why))?;
        // what is packed has no lines while it grows
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let client = self.client();
        let begun = tokio::time::timeout(EXCHANGE, client.request_stream(request)).await;
        let begun = begun.map_err(|_late| ApiError::Timeout { what: what.clone() })?;
        let text = begun.map_err(|error| of_client(&what, error))?;
        Ok(text.lines().map(move |line| line.map_err(|error| unreachable(&what, error.to_string()))).boxed())
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<(Form, &serde_json::Value)>,
    ) -> Result<T, ApiError> {
        let mut is_first = true;
        loop {
            // in a box: what waits for an exchange is large, and so would be whoever waits for that
            match Box::pin(self.exchange_once(method.clone(), path, body)).await {
                Err(error) if std::mem::take(&mut is_first) && self.is_let_in_anew(&error) => {}
                other => return other,
            }
        }
    }

    fn client(&self) -> Client {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether what was refused for its token may be tried again, with the token that its file has now: files are changed before what
    /// was in them expires, but a client reads them once a minute only.
    fn is_let_in_anew(&self, error: &ApiError) -> bool {
        if error.code() != Some(401) || self.config.auth_info.token_file.is_none() {
            return false;
        }
        let anew = Client::try_from(Config::clone(&self.config));
        anew.map(|client| *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client).is_ok()
    }

    async fn exchange_once<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<(Form, &serde_json::Value)>,
    ) -> Result<T, ApiError> {
        let what = format!("{method} {path}");
        let request = request(method, path, body).map_err(|why| unreachable(&what, why))?;
        let client = self.client();
        let text = tokio::time::timeout(EXCHANGE, client.request_text(request)).await;
        let text = text.map_err(|_late| ApiError::Timeout { what: what.clone() })?;
        let text = text.map_err(|error| of_client(&what, error))?;
        serde_json::from_str(&text).map_err(|error| ApiError::Answer { what, why: error.to_string() })
    }
}

fn unreachable(what: &str, why: String) -> ApiError {
    ApiError::Unreachable { what: what.to_owned(), why }
}

fn request(method: Method, path: &str, body: Option<(Form, &serde_json::Value)>) -> Result<Request<Vec<u8>>, String> {
    let mut request = Request::builder().method(method).uri(path);
    let bytes = match body {
        None => Vec::new(),
        Some((form, body)) => {
            let kind = match form {
                Form::Whole => "application/json",
                Form::Merge => "application/merge-patch+json",
            };
            request = request.header(CONTENT_TYPE, HeaderValue::from_static(kind));
            body.to_string().into_bytes()
        }
    };
    request.body(bytes).map_err(|error| format!("{path:?} can't stand in an address: {error}"))
}

fn of_client(what: &str, error: kube::Error) -> ApiError {
    match error {
        kube::Error::Api(status) => ApiError::Refused {
            what: what.to_owned(),
            code: status.code,
            reason: status.reason,
            message: status.message,
        },
        kube::Error::SerdeError(error) => ApiError::Answer { what: what.to_owned(), why: error.to_string() },
        other => {
            let why = told(&other);
            let is_strange = why.contains("invalid peer certificate");
            let hint = if is_strange { STRANGER } else { "" };
            unreachable(what, why + hint)
        }
    }
}
