//! The platform as a target: everything a driver asks of it goes over HTTP.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::{Fixture, all_three, node};
use watchtower::drive::RequestPlan;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::probe::{call_once, probe};
use watchtower::drive::live::target::embedded::Embedded;
use watchtower::drive::live::target::rest::{Credentials, Options, Rest, RestError};
use watchtower::drive::live::target::{Target, TargetError};
use watchtower::policy::{Counter, Refusal, ReplicaStatus};
use watchtower::random::Seed;
use watchtower::record::{EventKind, FunctionId, ReplicaId};

const FTEST: FunctionId = FunctionId(0);

#[tokio::test]
async fn a_driver_invokes_probes_scrapes_scales_and_hears_of_pods() {
    let clock = Clock::start();
    let (sender, mut events) = unbounded_channel();
    let target = Embedded::start(&all_three(), node(), Seed(1), clock, sender).unwrap();
    assert!(target.describe().starts_with("embedded platform at http://127.0.0.1:"), "{}", target.describe());
    assert_eq!(target.scrape().await, Some(vec![]), "a series exists from its first answer on");

    let uri = target.invoke_uri(FTEST, "number=50").unwrap();
    let answered = call_once(&clock, &uri, &RequestPlan::default()).await.unwrap();
    assert_eq!((answered.answer, answered.detail.size, answered.replica), (Ok(200), Some(76), Some(ReplicaId(0))));
    let failing = target.invoke_uri(FTEST, "").unwrap();
    assert_eq!(call_once(&clock, &failing, &RequestPlan::default()).await.unwrap().answer, Ok(500));
    assert_eq!(probe(&clock, &failing, Duration::from_secs(5)).await.unwrap().answer, Ok(200));
    let counter = |code, value| Counter { function: FTEST, code, value };
    assert_eq!(target.scrape().await, Some(vec![counter(200, 2.0), counter(500, 1.0)]));

    assert_eq!(target.replicas(FTEST).await, Some(ReplicaStatus { desired: 1, ready: 1 }));
    assert_eq!(target.scale(FTEST, 9).await, Ok(5), "the accepted count, not the one asked for");
    assert_eq!(target.replicas(FTEST).await.unwrap().desired, 5);
    for ready in 2..=5 {
        let row = events.recv().await.unwrap();
        assert_eq!((row.kind, row.from, row.to), (EventKind::Ready, Some(ready - 1), Some(ready)));
        assert_eq!(row.reason, format!("pod {} ready 0.1 s after it was asked for", ready - 1));
        assert_eq!(row.actor, "platform");
    }
    let sample = target.sample(FTEST);
    assert_eq!((sample.desired, sample.ready, sample.starting, sample.terminating), (5, 5, 0, 0));
    assert!(sample.replica_time > Duration::ZERO && sample.cpu_time.is_some());
    assert_eq!(target.scale(FTEST, 4).await, Ok(4));
    assert_eq!(events.recv().await.unwrap().kind, EventKind::Terminated);

    assert!(matches!(target.invoke_uri(FunctionId(3), ""), Err(TargetError::UnknownFunction(3, 3))));
    assert_eq!(target.replicas(FunctionId(3)).await, None);
    // dropping it here, inside a runtime, must not block or panic
    drop(target);
    assert!(events.recv().await.is_none());
}

fn client(fixture: &Fixture, change: impl FnOnce(&mut Options)) -> Rest {
    let mut options = Options {
        gateway: format!("http://{}", fixture.platform.gateway_address()),
        metrics: Some(format!("http://{}", fixture.platform.metrics_address())),
        authorization: Some(fixture.platform.credentials().clone().into()),
        functions: vec!["ftest".to_owned(), "nobody".to_owned()],
        timeout: super::PATIENCE,
        ..Options::default()
    };
    change(&mut options);
    Rest::new(options).unwrap()
}

#[tokio::test]
async fn a_refusal_carries_what_the_gateway_said() {
    let fixture = Fixture::start();
    let rest = client(&fixture, |_| ());
    let body = "Unable to lookup function deployment nobody".to_owned();
    assert_eq!(rest.scale(FunctionId(1), 2).await, Err(Refusal::Status { status: 500, body }));
    let error = rest.replicas(FunctionId(1)).await.unwrap_err();
    assert!(error.to_string().ends_with("answered 404 Not Found: ; is the function deployed?"), "{error}");

    let password = "wrong".to_owned();
    let stranger =
        client(&fixture, |options| options.authorization = Some(Credentials { user: "admin".into(), password }.into()));
    let error = stranger.replicas(FTEST).await.unwrap_err().to_string();
    assert!(error.ends_with("invalid credentials; check user and password, or the token"), "{error}");
    let status = Refusal::Status { status: 401, body: "invalid credentials".to_owned() };
    assert_eq!(stranger.scale(FTEST, 2).await, Err(status));
}

#[tokio::test]
async fn a_gateway_that_cannot_be_reached_or_is_none_is_named() {
    let fixture = Fixture::start();
    // bound and never accepted from: the kernel takes the connection, nobody answers
    let silent = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let slow = client(&fixture, |options| {
        options.timeout = Duration::from_millis(20);
        options.gateway = silent;
    });
    assert!(matches!(slow.replicas(FTEST).await, Err(RestError::Timeout { .. } | RestError::Connect { .. })));

    let nowhere = client(&fixture, |options| {
        let free = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap().local_addr().unwrap();
        options.gateway = format!("http://{free}");
        options.metrics = None;
    });
    let error = nowhere.replicas(FTEST).await.unwrap_err();
    assert!(matches!(error, RestError::Connect { .. }), "{error}");
    assert!(
        matches!(nowhere.scale(FTEST, 2).await, Err(Refusal::Unreachable(why)) if why.contains("can't connect to"))
    );
    assert!(matches!(nowhere.scrape().await, Err(RestError::NoMetrics)));

    let swapped = client(&fixture, |options| {
        let gateway = std::mem::take(&mut options.gateway);
        options.gateway = options.metrics.replace(gateway).unwrap();
    });
    assert!(matches!(swapped.scrape().await, Err(RestError::Status { .. })));
    assert!(matches!(swapped.replicas(FTEST).await, Err(RestError::Status { .. })));
}
