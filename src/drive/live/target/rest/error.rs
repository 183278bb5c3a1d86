//! Why a gateway did not tell what it was asked.

use std::time::Duration;

use hyper::{StatusCode, Uri};

use crate::drive::live::target::exposition::ExpositionError;

/// Why the gateway did not tell what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// No connection.
    #[error("can't connect to {address}: {source}; is the gateway running, or its port forwarded?")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Too slow.
    #[error("{uri} gave no complete answer within {timeout:?}")]
    Timeout {
        /// What was asked.
        uri: Uri,
        /// The limit.
        timeout: Duration,
    },
    /// No TLS on the connection, or a certificate nobody vouches for.
    #[error(
        "no TLS with {address}: {source}; is its certificate signed by an authority this machine trusts, or named in ca_file?"
    )]
    Tls {
        /// Host and port.
        address: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The connection broke, or what came was not HTTP.
    #[error("{uri}: {source}")]
    Http {
        /// What was asked.
        uri: Uri,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another status than expected.
    #[error("{uri} answered {status}: {body}{}", hint(*status))]
    Status {
        /// What was asked.
        uri: Uri,
        /// The status.
        status: StatusCode,
        /// The beginning of the body.
        body: String,
    },
    /// Not the JSON it should be.
    #[error("{uri} did not answer with a function's status: {source}; is this the address of a gateway?")]
    Json {
        /// What was asked.
        uri: Uri,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Not the text format.
    #[error("{uri}: {source}")]
    Metrics {
        /// What was asked.
        uri: Uri,
        /// What is wrong with it.
        source: ExpositionError,
    },
    /// There is nothing to scrape.
    #[error("no metrics address was given, so counters can't be read: name the gateway's metrics port (8082)")]
    NoMetrics,
    /// A function the client was not told of.
    #[error("function {0} was not named to this client")]
    UnknownFunction(u16),
}

impl RestError {
    /// Whether what was asked for may be done all the same: it was sent, and no answer was heard.
    pub(in crate::drive::live::target) fn leaves_open(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Http { .. } => true,
            Self::Status { status, .. } => is_given_up_on_the_way(status.as_u16()),
            _ => false,
        }
    }
}

/// Whether this is what a proxy says while the server behind it may still be at work.
pub(in crate::drive::live::target) fn is_given_up_on_the_way(status: u16) -> bool {
    matches!(status, 502 | 504)
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "; check user and password, or the token",
        StatusCode::NOT_FOUND => "; is the function deployed?",
        _ => "",
    }
}
