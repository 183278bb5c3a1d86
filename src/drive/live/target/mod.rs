//! Where a function runs and is scaled, seen from a live run: an address to invoke it at, counters to scrape, replicas to
//! read and to set.
//!
//! ```text
//!   driver --- Target ---> embedded: rest ===HTTP===> platform (gateway; replicas modelled, or real processes)
//!                     |--> openfaas: rest ===HTTP===> somebody's OpenFaaS gateway
//!                     \--> kubernetes ======HTTP===> somebody's API server (rest for what goes through its gateway)
//! ```
//!
//! The embedded platform is reached by the same HTTP client as any other, so what works here works there. Nothing in this
//! room decides when to scale.

pub mod embedded;
pub mod exposition;
pub mod guest;
pub mod kubernetes;
pub mod openfaas;
pub mod platform;
pub mod process;
pub mod rest;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use self::rest::Rest;
use crate::model::Conditions;
use crate::policy::{Counter, Measurement, Refusal, ReplicaStatus};
use crate::record::{FunctionId, PlatformSample, ProcessRow};
use crate::time::Timestamp;

/// The namespace functions live in unless told otherwise.
pub const DEFAULT_NAMESPACE: &str = "openfaas-fn";

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where the functions of a run live. All are behind an OpenFaaS gateway, and what a target does not do in a way of its own goes through it.
pub trait Target: Send + Sync {
    /// The gateway in front of the functions.
    fn gateway(&self) -> &Rest;

    /// The address of a function with this query string (without `?`; empty for none).
    ///
    /// # Errors
    /// When the function is not one of the run's, or the query does not fit into an address.
    fn invoke_uri(&self, function: FunctionId, query: &str) -> Result<hyper::Uri, TargetError> {
        self.gateway().invoke_uri(function, query)
    }

    /// The gateway's counters of answers so far; `None` if they could not be had.
    fn scrape(&self) -> BoxFuture<'_, Option<Vec<Counter>>> {
        Box::pin(self.gateway().scraped())
    }

    /// Replicas of a function; `None` if they could not be read.
    fn replicas(&self, function: FunctionId) -> BoxFuture<'_, Option<ReplicaStatus>> {
        Box::pin(self.gateway().read_replicas(function))
    }

    /// Whether what stands before the functions answers, where that is another server than the one that tells of replicas.
    fn answers(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { true })
    }

    /// The platform's metrics of a function and its pods; `None` if there are none.
    fn measure(&self, _function: FunctionId) -> BoxFuture<'_, Option<Measurement>> {
        Box::pin(async { None })
    }

    /// Asks for this many replicas; the desired count the platform accepted, or why not.
    fn scale(&self, function: FunctionId, to: u32) -> BoxFuture<'_, Result<u32, Refusal>> {
        Box::pin(self.gateway().scale(function, to))
    }

    /// From now on these are the platform's circumstances. Only of a platform that is modelled; nothing happens on another.
    fn suffer(&self, _conditions: Conditions) {}

    /// A probe is asked for, and sets out. True if its way counts from now on, whatever leaving takes: a platform that is modelled makes up
    /// for that.
    fn probing(&self, _asked: Timestamp) -> bool {
        false
    }

    /// The probe is over that was asked for then, as [`Target::probing`] was told, and took this long from there; nothing if it got no answer.
    fn probed(&self, _asked: Timestamp, _took: Option<Duration>) {}

    /// So many of a function's replicas die now. Only on a platform of ours; nothing happens on another.
    fn crash(&self, _function: FunctionId, _replicas: u32) {}

    /// Each replica's process as it stands; none where there are none.
    fn processes(&self, _function: FunctionId) -> Vec<ProcessRow> {
        Vec::new()
    }

    /// The platform as it stands, for the record of each second.
    fn sample(&self, function: FunctionId) -> PlatformSample;

    /// One line for people: what this is and where.
    fn describe(&self) -> String;
}

/// Why a target can't be used. What to do about it stands in a line of its own.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A replica could not be started, or never became ready.
    #[error("the function can't be run as processes: {0}")]
    Replica(String),
    /// Someone else listens there.
    #[error(
        "{address} is in use (wanted for the {role})\n  hint: stop the program that listens there, or choose another address; port 0 takes any free one"
    )]
    AddressInUse {
        /// What it was wanted for: `gateway` or `metrics`.
        role: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The address can't be listened on.
    #[error(
        "can't listen on {address} for the {role}: {source}\n  hint: choose an address of this machine, such as 127.0.0.1:0"
    )]
    Listen {
        /// What it was wanted for: `gateway` or `metrics`.
        role: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no threads, no event queue or no random numbers.
    #[error("can't start the platform's {part}: {source}\n  hint: see `ulimit -a` for this machine's limits")]
    System {
        /// What was being started.
        part: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The metrics could not be set up.
    #[error("can't set up the metrics of the embedded platform: {0}")]
    Metrics(#[from] prometheus::Error),
    /// A platform without functions has nothing to run.
    #[error("the platform was given no function\n  hint: name at least one")]
    NoFunctions,
    /// The name can't stand in an address.
    #[error("function name {0:?} can't stand in an address\n  hint: use letters, digits, `-` and `_`")]
    BadName(String),
    /// Two functions of the same name.
    #[error("two functions are named {0:?}\n  hint: give one of them another name")]
    DuplicateName(String),
    /// The bounds or the start of a function's replicas contradict each other.
    #[error(
        "function {name:?}: {replicas} replicas to start with do not lie in {min} to {max}\n  hint: change one of them"
    )]
    BadReplicas {
        /// The function.
        name: String,
        /// Replicas at the start.
        replicas: u32,
        /// Fewest.
        min: u32,
        /// Most.
        max: u32,
    },
    /// The run has no such function.
    #[error("function {0} is not one of this target's: it has {1}")]
    UnknownFunction(u16, usize),
    /// Not an address this client can speak to.
    #[error("{url:?} is not a usable address ({why})\n  hint: write http://HOST:PORT or https://HOST")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The authorities that are to vouch for certificates can't be used.
    #[error("certificates can't be checked: {0}\n  hint: name a file of PEM certificates in ca_file")]
    Trust(String),
    /// The password or token can't be sent.
    #[error(
        "the password or token holds characters that can't stand in a header\n  hint: it is one line of plain text; check the file it comes from"
    )]
    BadSecret,
    /// The query string holds characters that can't stand in an address.
    #[error("query {query:?} can't stand in an address\n  hint: write special characters as %XX")]
    BadQuery {
        /// What was given.
        query: String,
    },
}
