//! The platform as a running thing: its threads, its ports, its end.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::super::TargetError;
use super::super::rest::Credentials;
use super::alerts::Teller;
use super::clockwork::{Clockwork, Keeper};
use super::functions::Functions;
use super::gateway::Gateway;
use super::gateway::answer;
use super::metrics::Metrics;
use super::processes::{Pool, Wanted, Warden};
use super::replicas::Replicas;
use super::server::{Answer, listen, serve};
use super::ways::Ways;
use super::{Options, files, secret};
use crate::drive::FunctionPlan;
use crate::model::{Cluster, Conditions};
use crate::record::{FunctionId, Measurement, PlatformSample, ProcessRow};
use crate::time::Timestamp;

/// Threads that serve connections: enough for tens of thousands of requests a second, and the load generator keeps its own.
const WORKERS: usize = 2;
/// Threads for large factorials.
const BLOCKING_MAX: usize = 2;
/// How long connections that are answering get when the platform is dropped without having been stopped.
const DROP_GRACE: Duration = Duration::ZERO;
/// How long tasks get to notice that the platform ended.
const TASKS_GRACE: Duration = Duration::from_millis(200);

/// How long the first replicas may take to become ready, where they are processes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two readings of the replicas for the metrics (faas `gateway/main.go`, `servicePollInterval`).
const EXPORT_EVERY: Duration = Duration::from_secs(5);

/// A running platform. It has threads of its own and needs no runtime; dropping it ends it at once.
pub struct Platform {
    gateway: SocketAddr,
    metrics: SocketAddr,
    provider_metrics: Option<SocketAddr>,
    credentials: Credentials,
    replicas: Replicas,
    stop: watch::Sender<Option<Duration>>,
    server: Option<JoinHandle<()>>,
    /// Ends after the server, whose last answers it gives.
    _keeper: Kept,
}

/// What keeps the replicas going, and ends them with itself.
enum Kept {
    Model { _thread: Keeper },
    Processes { _warden: Warden },
}

impl Platform {
    /// Starts a platform; both ports are open when this returns.
    ///
    /// # Errors
    /// When an address is taken or can't be listened on, when a function can't be used, or when the system gives no threads.
    pub fn start(options: Options) -> Result<Self, TargetError> {
        files::raise_limit();
        let Options {
            listen,
            metrics,
            provider_metrics,
            password,
            functions: plans,
            node,
            real_way_back,
            seed,
            clock,
            on_change,
            alerts,
            upstream_timeout,
            processes,
        } = options;
        let created = clock.epoch().unix_at(clock.now());
        let functions = Functions::new(&plans, created)?;
        let system = |part| move |source| TargetError::System { part, source };
        let password = password.map_or_else(secret::password, Ok).map_err(system("password"))?;
        let credentials = Credentials { user: Credentials::USER.to_owned(), password };
        let attends = real_way_back.is_some();
        let (replicas, keeper) = match processes {
            None => {
                let models: Vec<_> = plans.into_iter().map(|plan| (plan.model, plan.replicas, plan.bounds)).collect();
                let cluster = Cluster::new(node, &models, seed);
                let ways = real_way_back.map(|taken| Ways::new(taken, node.transport));
                let clockwork = Arc::new(Clockwork::new(cluster, clock, on_change, ways));
                let thread = clockwork.keep().map_err(system("model thread"))?;
                (Replicas::Modelled(clockwork), Kept::Model { _thread: thread })
            }
            Some(processes) => {
                let wanted = |plan: &FunctionPlan| Wanted { replicas: plan.replicas, bounds: plan.bounds };
                let wanted: Vec<Wanted> = plans.iter().map(wanted).collect();
                let started = Pool::start(&processes, &wanted, seed, clock, on_change, PATIENCE);
                let (pool, warden) = started.map_err(|error| TargetError::Replica(error.to_string()))?;
                (Replicas::Processes(pool), Kept::Processes { _warden: warden })
            }
        };
        let (stop, stopped) = watch::channel(None);
        let metered = Metrics::new()?;
        let gateway = Gateway::new(
            functions,
            replicas.clone(),
            metered,
            credentials.clone(),
            stopped.clone(),
            Teller::new(alerts),
            upstream_timeout,
        );
        let gateway = Arc::new(gateway.map_err(system("call numbers"))?);

        let (started, addresses) = mpsc::channel();
        let server = std::thread::Builder::new().name("platform".to_owned());
        let wanted = Addresses { gateway: listen, metrics, provider_metrics };
        let server = server.spawn(move || run(wanted, &gateway, attends, &stopped, &started));
        let server = server.map_err(system("server thread"))?;
        // the thread ends without an answer only by a panic
        let lost = || system("server thread")(std::io::Error::other("it ended before its ports were open"));
        let Addresses { gateway, metrics, provider_metrics } = addresses.recv().map_err(|_| lost())??;
        Ok(Self {
            gateway,
            metrics,
            provider_metrics,
            credentials,
            replicas,
            stop,
            server: Some(server),
            _keeper: keeper,
        })
    }

    /// Where the gateway listens.
    pub fn gateway_address(&self) -> SocketAddr {
        self.gateway
    }

    /// Where the metrics are served.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics
    }

    /// Where the provider's own metrics are served, if they are.
    pub fn provider_metrics_address(&self) -> Option<SocketAddr> {
        self.provider_metrics
    }

    /// For the gateway's `/system` addresses.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The platform as it stands, as one of its functions sees it.
    ///
    /// # Panics
    /// When it has no such function.
    pub fn sample(&self, function: FunctionId) -> PlatformSample {
        self.replicas.sample(function)
    }

    /// The platform's metrics of a function.
    ///
    /// # Panics
    /// When it has no such function.
    pub fn measure(&self, function: FunctionId) -> Measurement {
        self.replicas.measure(function)
    }

    /// Each replica's process; none where they are modelled.
    pub fn processes(&self, function: FunctionId) -> Vec<ProcessRow> {
        self.replicas.processes(function)
    }

    /// From now on these are the circumstances of everything on it.
    pub fn suffer(&self, conditions: Conditions) {
        self.replicas.suffer(conditions);
    }

    /// A probe is asked for, by the platform's clock, and sets out. True if its way counts from then on.
    pub fn probing(&self, asked: Timestamp) -> bool {
        self.replicas.probing(asked)
    }

    /// The probe that was asked for then took this long from there, by its sender's clock; nothing if it got no answer.
    pub fn probed(&self, asked: Timestamp, took: Option<Duration>) {
        self.replicas.probed(asked, took);
    }

    /// So many of a function's pods die now, and others are started.
    ///
    /// # Panics
    /// When it has no such function.
    pub fn crash(&self, function: FunctionId, replicas: u32) {
        self.replicas.crash(function, replicas);
    }

    /// Ends the platform: no new connections, and up to `grace` for those that are answering. Blocks that long at most.
    pub fn stop(mut self, grace: Duration) {
        self.end(grace);
    }

    fn end(&mut self, grace: Duration) {
        self.stop.send_replace(Some(grace));
        if let Some(server) = self.server.take() {
            // a panic of the server was told when it happened
            let _ = server.join();
        }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.end(DROP_GRACE);
        }
    }
}

/// Its ports: those wanted, and then those it has.
#[derive(Clone, Copy)]
struct Addresses {
    gateway: SocketAddr,
    metrics: SocketAddr,
    provider_metrics: Option<SocketAddr>,
}

/// The server's thread: opens the ports, says so, and serves them until it is told to stop. If it attends, it asks the kernel when requests come.
fn run(
    wanted: Addresses,
    gateway: &Arc<Gateway>,
    attends: bool,
    stopped: &watch::Receiver<Option<Duration>>,
    started: &mpsc::Sender<Result<Addresses, TargetError>>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_MAX)
        .thread_name("platform-http")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(source) => {
            let _ = started.send(Err(TargetError::System { part: "threads", source }));
            return;
        }
    };
    runtime.block_on(async {
        let (front, back, side, open) = match open(wanted) {
            Ok(listeners) => listeners,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        if started.send(Ok(open)).is_err() {
            return;
        }
        let (functions, clock) = (Arc::clone(gateway), attends.then(|| gateway.clock()));
        let front =
            serve(front, clock, stopped.clone(), move |request, peer| Arc::clone(&functions).answer(request, peer));
        let (worker, exporter) = (Arc::clone(gateway), Arc::clone(gateway));
        tokio::spawn(async move { worker.work_off_queue().await });
        tokio::spawn(async move { export(&exporter).await });
        let back = answer_with(back, gateway, stopped, Gateway::metrics_text, || answer::text(StatusCode::OK, "OK"));
        let side = side.map(|side| {
            tokio::spawn(answer_with(side, gateway, stopped, Gateway::provider_metrics_text, || {
                answer::empty(StatusCode::OK)
            }))
        });
        // on the workers: this thread only waits
        let (front, back) = (tokio::spawn(front), tokio::spawn(back));
        let _ = (front.await, back.await);
        if let Some(side) = side {
            let _ = side.await;
        }
    });
    runtime.shutdown_timeout(TASKS_GRACE);
}

/// Counts replicas for the metrics now and then, until the runtime ends.
async fn export(gateway: &Gateway) {
    let mut ticks = tokio::time::interval(EXPORT_EVERY);
    // the gateway's ticker fires after its period for the first time
    ticks.tick().await;
    loop {
        ticks.tick().await;
        gateway.count_replicas();
    }
}

type Listeners = (TcpListener, TcpListener, Option<TcpListener>, Addresses);

fn open(wanted: Addresses) -> Result<Listeners, TargetError> {
    let front = listen("gateway", wanted.gateway)?;
    let back = listen("metrics", wanted.metrics)?;
    let side = wanted.provider_metrics.map(|address| listen("provider's metrics", address)).transpose()?;
    let local =
        |listener: &TcpListener| listener.local_addr().map_err(|source| TargetError::System { part: "ports", source });
    let open = Addresses {
        gateway: local(&front)?,
        metrics: local(&back)?,
        provider_metrics: side.as_ref().map(local).transpose()?,
    };
    Ok((front, back, side, open))
}

/// Serves a port of metrics.
fn answer_with(
    listener: TcpListener,
    gateway: &Arc<Gateway>,
    stopped: &watch::Receiver<Option<Duration>>,
    text: fn(&Gateway) -> Answer,
    alive: fn() -> Answer,
) -> impl Future<Output = ()> + Send + 'static {
    let gateway = Arc::clone(gateway);
    serve(listener, None, stopped.clone(), move |request, _| {
        let gateway = Arc::clone(&gateway);
        async move { Ok(metrics(&request, || text(&gateway), alive)) }
    })
}

/// A port of metrics: the text format for any method, and a sign of life.
fn metrics(request: &Request<Incoming>, text: impl FnOnce() -> Answer, alive: fn() -> Answer) -> Answer {
    match (request.method(), request.uri().path()) {
        (_, "/metrics") => text(),
        (&Method::GET, "/healthz") => alive(),
        (_, "/healthz") => answer::empty(StatusCode::METHOD_NOT_ALLOWED),
        _ => answer::not_found(),
    }
}
