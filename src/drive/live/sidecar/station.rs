//! What a sidecar shows of itself: `/metrics` in Prometheus' text format (0.0.4), `/healthz` for whoever restarts it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::BEAT;
use crate::drive::live::clock::Clock;
use crate::drive::sidecar::{Counts, Sidecar, Standing};
use crate::policy::ReplicaStatus;
use crate::time::Timestamp;

/// Connections at once.
const CONNECTIONS_MAX: usize = 32;
/// Time for the headers of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A loop that was silent for so long hangs.
const HANGS_AFTER: Duration = BEAT.saturating_mul(6);

/// One function's sidecar as it stood last.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    beat: Timestamp,
    standing: Standing,
    counts: Counts,
    known: Option<ReplicaStatus>,
    wanted: u32,
    is_dry: bool,
}

/// All sidecars of a process, by function.
#[derive(Clone, Debug)]
pub struct Board {
    clock: Clock,
    reports: Arc<Mutex<BTreeMap<String, Report>>>,
    reloads: Arc<Mutex<(u64, u64)>>,
}

impl Board {
    /// An empty one.
    pub fn new(clock: Clock) -> Self {
        Self { clock, reports: Arc::default(), reloads: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Report>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A function's sidecar stands so now.
    pub fn put(&self, function: &str, sidecar: &Sidecar, is_dry: bool) {
        let report = Report {
            beat: self.clock.now(),
            standing: sidecar.standing(),
            counts: sidecar.counts(),
            known: sidecar.known(),
            wanted: sidecar.wanted(),
            is_dry,
        };
        self.lock().insert(function.to_owned(), report);
    }

    /// A function has a sidecar no longer.
    pub fn remove(&self, function: &str) {
        self.lock().remove(function);
    }

    /// The configuration was read again, and was good or was not.
    pub fn reloaded(&self, is_good: bool) {
        let mut reloads = self.reloads.lock().unwrap_or_else(PoisonError::into_inner);
        if is_good {
            reloads.0 += 1;
        } else {
            reloads.1 += 1;
        }
    }

    fn healthz(&self) -> (StatusCode, String) {
        let now = self.clock.now();
        let (mut status, mut text) = (StatusCode::OK, String::new());
        for (function, report) in &*self.lock() {
            let silent = now - report.beat;
            let word = if silent > HANGS_AFTER {
                status = StatusCode::SERVICE_UNAVAILABLE;
                "hangs"
            } else {
                report.standing.as_str()
            };
            // writing to a string can't fail, here and below
            let _ = writeln!(text, "{function}: {word}");
        }
        (status, if text.is_empty() { "no function\n".to_owned() } else { text })
    }

    fn metrics(&self) -> String {
        let reports = self.lock().clone();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, of: &dyn Fn(&Report) -> Samples| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (function, report) in &reports {
                for (labels, value) in of(report) {
                    if let Some(value) = value {
                        let comma = if labels.is_empty() { "" } else { "," };
                        let _ = writeln!(text, "{name}{{function=\"{}\"{comma}{labels}}} {value}", escaped(function));
                    }
                }
            }
        };
        let number = |value: u64| Some(value as f64);
        family(
            "watchtower_autoscale_scalings_total",
            "counter",
            "Scalings that were asked for, by what became of them.",
            &|report| {
                let Counts { ups, downs, unchanged, refused, unanswered, .. } = report.counts;
                vec![
                    ("result=\"up\"", number(ups)),
                    ("result=\"down\"", number(downs)),
                    ("result=\"unchanged\"", number(unchanged)),
                    ("result=\"refused\"", number(refused)),
                    ("result=\"unanswered\"", number(unanswered)),
                ]
            },
        );
        family(
            "watchtower_autoscale_held_back_total",
            "counter",
            "Scalings that were not asked for: too many in a minute, or leadership had run out.",
            &|report| vec![("", number(report.counts.held_back))],
        );
        family("watchtower_autoscale_probes_total", "counter", "Probes judged.", &|report| {
            let Counts { probes, probes_failed, .. } = report.counts;
            vec![("result=\"answered\"", number(probes - probes_failed)), ("result=\"failed\"", number(probes_failed))]
        });
        family(
            "watchtower_autoscale_platform_losses_total",
            "counter",
            "How often the platform was lost.",
            &|report| vec![("", number(report.counts.losses))],
        );
        family(
            "watchtower_autoscale_foreign_scalings_total",
            "counter",
            "How often somebody else set the replicas.",
            &|report| vec![("", number(report.counts.meddlings))],
        );
        family("watchtower_autoscale_replicas", "gauge", "Replicas as the platform told of them last.", &|report| {
            let of = |count: fn(ReplicaStatus) -> u32| report.known.map(|known| f64::from(count(known)));
            vec![("kind=\"desired\"", of(|known| known.desired)), ("kind=\"ready\"", of(|known| known.ready))]
        });
        family(
            "watchtower_autoscale_wanted_replicas",
            "gauge",
            "Replicas it last asked for or saw; in a dry run those it would have.",
            &|report| vec![("", report.known.map(|_| f64::from(report.wanted)))],
        );
        family("watchtower_autoscale_standing", "gauge", "How it stands: 1 for the word that holds.", &|report| {
            let is = |standing| Some(f64::from(u8::from(report.standing == standing)));
            vec![
                ("standing=\"standby\"", is(Standing::Standby)),
                ("standing=\"looking\"", is(Standing::Looking)),
                ("standing=\"leading\"", is(Standing::Leading)),
                ("standing=\"lost\"", is(Standing::Lost)),
            ]
        });
        family("watchtower_autoscale_leader", "gauge", "Whether it is the one that scales its function.", &|report| {
            let leads = report.standing != Standing::Standby && !report.is_dry;
            vec![("", Some(f64::from(u8::from(leads))))]
        });
        family("watchtower_autoscale_dry_run", "gauge", "Whether it only says what it would do.", &|report| {
            vec![("", Some(f64::from(u8::from(report.is_dry))))]
        });
        let (good, bad) = *self.reloads.lock().unwrap_or_else(PoisonError::into_inner);
        let name = "watchtower_autoscale_reloads_total";
        let _ = writeln!(text, "# HELP {name} Times the configuration was read again.\n# TYPE {name} counter");
        let _ = writeln!(text, "{name}{{result=\"taken\"}} {good}\n{name}{{result=\"refused\"}} {bad}");
        text
    }
}

/// Samples of one function: further labels, and a value where there is one.
type Samples = Vec<(&'static str, Option<f64>)>;

/// A label's value, as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The address at which a board can be read. It closes when it is dropped.
#[derive(Debug)]
pub struct Station {
    address: SocketAddr,
    doors: AbortHandle,
}

impl Station {
    /// Opens it; port 0 takes one that is free. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When the address can't be listened at.
    pub async fn open(address: SocketAddr, board: Board) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let doors = tokio::spawn(serve(listener, board)).abort_handle();
        Ok(Self { address, doors })
    }

    /// Where it can be read.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.doors.abort();
    }
}

async fn serve(listener: TcpListener, board: Board) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.ok();
        let Ok((stream, _)) = listener.accept().await else {
            // out of files, or the reader went away: the next one may have more luck
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let board = board.clone();
        let service = service_fn(move |request| {
            let answer = answer(&request, &board);
            async move { Ok::<_, Infallible>(answer) }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
        tokio::spawn(async move {
            // a reader that goes away in the middle is no news to anybody
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

fn answer<B>(request: &Request<B>, board: &Board) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return made(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match request.uri().path() {
        "/metrics" => made(StatusCode::OK, board.metrics()),
        "/healthz" => {
            let (status, text) = board.healthz();
            made(status, text)
        }
        _ => made(StatusCode::NOT_FOUND, "there are /metrics and /healthz\n".to_owned()),
    }
}

fn made(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
