//! The embedded platform: an `OpenFaaS`-compatible gateway on loopback in front of modelled replicas.
//!
//! ```text
//!   request --> gateway (hyper) --> clockwork: model::Cluster, held to the wall clock --> handler's answer --> response
//!   scraper --> metrics (a port of its own)          \--> pods ready, pods removed --> on_change
//! ```
//!
//! Real HTTP and real bytes, modelled capacity: how long a request takes is the model's say alone, so two cores can host
//! five saturated replicas, and results don't measure the host. Usable by itself (`watchtower serve`). Its statuses, headers
//! and bodies are those of gateway 0.27.8 with faas-netes 0.18.8 and the python3-http-debian template. No autoscaler lives
//! here, and nothing here knows of a load generator.

mod alerts;
mod clockwork;
mod factorial;
mod files;
mod functions;
mod gateway;
mod handlers;
mod image;
mod metrics;
mod probes;
mod processes;
mod python;
mod quantity;
mod replicas;
mod secret;
mod server;
mod service;
mod stalling;
mod tuning;
mod ways;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::drive::FunctionPlan;
use crate::drive::live::clock::Clock;
use crate::model::NodeModel;
use crate::random::Seed;
use crate::record::{FunctionId, ReplicaId};
use crate::time::Timestamp;

pub use alerts::{AlertTurn, Alerts, Notified, OnAlert};
pub use processes::Processes;
pub use service::Platform;

/// What a platform is started with.
pub struct Options {
    /// Where the gateway listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Where the metrics are served.
    pub metrics: SocketAddr,
    /// Where the provider's own metrics are served; `None` for nowhere.
    pub provider_metrics: Option<SocketAddr>,
    /// Password of the user `admin`; `None` draws one.
    pub password: Option<String>,
    /// What runs on it; at least one.
    pub functions: Vec<FunctionPlan>,
    /// The node they share.
    pub node: NodeModel,
    /// What an answer's real way back takes, by which the node's transport is already shorter: what the way here takes is then made up for
    /// as well. `None` where nobody measured it: the model's transport comes on top of the real one.
    pub real_way_back: Option<Duration>,
    /// Seed of everything random in the model.
    pub seed: Seed,
    /// The run's clock: changes are reported in its time.
    pub clock: Clock,
    /// Told of every pod that enters or leaves service, in order; called with the model locked, so it must be quick.
    pub on_change: OnChange,
    /// How notifications at `/system/alert` are taken.
    pub alerts: Alerts,
    /// How long the gateway waits for a function's answer.
    pub upstream_timeout: Duration,
    /// How replicas are run as real processes; `None` models them.
    pub processes: Option<Processes>,
}

/// How long the gateway waits for a function's answer in the chart (`gateway.upstreamTimeout`).
const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(60);

impl Options {
    /// On any free port of 127.0.0.1, with a password of its own, telling nobody of its pods.
    pub fn new(functions: Vec<FunctionPlan>, node: NodeModel, seed: Seed, clock: Clock) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: any,
            metrics: any,
            provider_metrics: None,
            password: None,
            functions,
            node,
            real_way_back: None,
            seed,
            clock,
            on_change: Box::new(|_| ()),
            alerts: Alerts::default(),
            upstream_timeout: UPSTREAM_TIMEOUT,
            processes: None,
        }
    }
}

/// Told of every [`PodChange`].
pub type OnChange = Box<dyn FnMut(&PodChange) + Send>;

/// A pod entered or left service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodChange {
    /// When.
    pub at: Timestamp,
    /// Whose pod.
    pub function: FunctionId,
    /// Which.
    pub replica: ReplicaId,
    /// Ready replicas before.
    pub from: u32,
    /// And after.
    pub to: u32,
    /// What happened to it.
    pub turn: Turn,
}

/// What happened to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is in the router from now on.
    Ready {
        /// Time since it was asked for.
        after: Duration,
    },
    /// It was taken out of the router, and its process died.
    Terminated {
        /// Requests that died with it.
        cut: u32,
    },
    /// Its process died by itself; another pod is started.
    Died {
        /// Requests that died with it.
        cut: u32,
    },
}
