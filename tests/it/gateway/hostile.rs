//! Clients that mean harm, against the program as people start it: it stays, it answers the others, and a metered function is
//! as fast as the model says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit};

use super::{PATIENCE, until, wire};

/// Connections that are opened and left alone.
const IDLE: u64 = 10_000;
/// File descriptors left to the other tests of this process, and to the platform for everything else.
const SPARE: u64 = 3_000;
/// Metered calls of one measurement.
const CALLS: usize = 40;
/// Connections per kind of slow client.
const SLOW: usize = 50;

/// `watchtower serve` as a program of its own. Ends with the test.
struct Served {
    child: Child,
    /// Kept open, so that what it says breaks no pipe.
    _said: BufReader<ChildStderr>,
    gateway: SocketAddr,
}

impl Served {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "secret\n").unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_watchtower"))
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--password-file"])
            .arg(&password)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let gateway = line.trim().rsplit('/').next().and_then(|address| address.parse().ok());
        let gateway = gateway.unwrap_or_else(|| panic!("no address in {line:?}"));
        Self { child, _said: said, gateway }
    }

    /// The model's time of each call, and the clock's.
    fn meter(&self) -> (Vec<String>, Vec<Duration>) {
        let call = |_| {
            let began = Instant::now();
            let reply = wire::send(self.gateway, "GET", "/function/ftest?number=50", &[], b"");
            assert_eq!((reply.status, reply.body.len()), (200, 76));
            (reply.header("X-Duration-Seconds").unwrap().to_owned(), began.elapsed())
        };
        (0..CALLS).map(call).unzip()
    }

    fn open_files(&self) -> u64 {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, |files| files.count() as u64)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // it may have ended by itself, which the test has seen then
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// One round of everything that is over quickly. Nothing of it calls a function, or it would rightly take the model's time.
fn nuisance(gateway: SocketAddr) {
    let long = "x".repeat(10_240);
    let wrong = "Authorization: Basic YWRtaW46d3Jvbmc=";
    for request in [
        format!("GET /function/nobody/{long}?{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        "GET /function/%zz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET /function/%00%ff%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET /function/ftest/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET /function/..%2f..%2fsystem%2finfo HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "BREW /system/functions HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        format!("{long} / HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /system/functions HTTP/1.1\r\nHost: x\r\n{wrong}\r\n\r\n"),
        format!("POST /system/alert HTTP/1.1\r\nHost: x\r\n{wrong}\r\nContent-Length: 99999999999\r\n\r\n"),
        "POST /async-function/ftest HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n".to_owned()
            + &"x".repeat(300_000),
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            .to_owned(),
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(500),
    ] {
        let answer = super::robustness::throw(gateway, request.as_bytes());
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{:?}", &request[..request.len().min(80)]);
    }
}

/// Opens a connection and sends the beginning of something.
fn begin(gateway: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = wire::connect(gateway);
    stream.write_all(bytes).unwrap();
    stream
}

#[test]
fn hostile_clients_neither_take_the_platform_down_nor_slow_a_metered_function_beyond_the_model() {
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let idle = IDLE.min(limit.saturating_sub(SPARE));
    if idle < IDLE {
        eprintln!("only {idle} idle connections: the limit on open files is {limit} (`ulimit -n`)");
    }
    let (undisturbed, quiet) = Served::start().meter();

    let mut served = Served::start();
    let gateway = served.gateway;
    let open: Vec<TcpStream> = (0..idle).map(|_| TcpStream::connect(gateway).unwrap()).collect();
    until("all connections are served", || served.open_files() >= idle);
    let slow_head = (0..SLOW).map(|_| begin(gateway, b"GET /function/ftest HTTP/1.1\r\nHost: x\r\nX-Slow: "));
    // an unknown function's body is not waited for, so these are queued calls and known ones of another function
    let slow_body = (0..SLOW)
        .map(|_| begin(gateway, b"POST /async-function/sleepy HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx"));
    let slow_call = (0..SLOW).map(|_| {
        begin(gateway, b"POST /function/sleepy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n")
    });
    // they ask for much and read nothing
    let deaf = (0..SLOW).map(|_| begin(gateway, &b"GET /ui HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2_000)));
    let mut slow: Vec<TcpStream> = slow_head.chain(slow_body).chain(slow_call).chain(deaf).collect();

    let (over, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    let (disturbed, loud) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                nuisance(gateway);
                rounds.fetch_add(1, Ordering::Relaxed);
                for stream in slow.iter_mut().take(2 * SLOW) {
                    // one byte more; some were given up meanwhile
                    let _ = stream.write_all(b"x");
                }
            }
        });
        until("the nuisance is under way", || rounds.load(Ordering::Relaxed) > 0);
        let metered = served.meter();
        over.store(true, Ordering::Relaxed);
        metered
    });
    assert_eq!(disturbed, undisturbed, "the model's time of each call, to the microsecond");
    // a machine that is busy otherwise is so for both; the attacker itself takes a core of it
    let (quiet, loud) = (median(quiet), median(loud));
    assert!(loud <= 5 * quiet + Duration::from_millis(50), "calls took {quiet:?} undisturbed and {loud:?} disturbed");

    assert_eq!(served.child.try_wait().unwrap(), None, "it is still there");
    assert!(served.open_files() >= idle, "and so are those who did nothing");
    // one of the idle ones asks after all
    let mut patient = open.into_iter().next().unwrap();
    patient.set_read_timeout(Some(PATIENCE)).unwrap();
    patient.write_all(&wire::request("GET", "/healthz", &[], b"")).unwrap();
    let mut answer = Vec::new();
    patient.read_to_end(&mut answer).unwrap();
    assert_eq!(wire::parse(&answer).status, 200);
    drop(slow);
    until("the connections are gone", || served.open_files() < SPARE);
}

#[test]
fn a_long_address_is_served_and_a_longer_one_refused() {
    let fixture = super::Fixture::start();
    let reply = fixture.get(&format!("/function/ftest/{}?number=3&x={}", "y".repeat(10_240), "z".repeat(10_240)));
    assert_eq!((reply.status, reply.text().as_str()), (200, "{\"value\":6}\n"));
    assert_eq!(fixture.get(&format!("/function/ftest?x={}", "z".repeat(70_000))).status, 431);
    assert_eq!(fixture.answered("ftest", 200), 1);
}

#[test]
fn an_oversized_body_is_refused_while_it_comes() {
    let fixture = super::Fixture::start();
    let gateway = fixture.platform.gateway_address();
    let authorization = fixture.platform.credentials().basic();
    for (path, status) in [("/system/functions", 400), ("/system/scale-function/ftest", 400), ("/system/alert", 400)] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {authorization}\r\nContent-Length: 99999999\r\n\r\n"
        );
        let mut stream = begin(gateway, head.as_bytes());
        // five of them are more than is read; the rest never comes
        let _ = stream.write_all(&vec![b'x'; 5 << 20]);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        // a connection that is closed on unread bytes may lose the answer on its way
        if !answer.is_empty() {
            assert_eq!(wire::parse(&answer).status, status, "{path}");
        }
    }
    assert_eq!(fixture.replicas("ftest"), (1, 1));
}
