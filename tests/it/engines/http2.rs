//! HTTP/2 by hand, frame by frame: what a good server sends, and every misbehaviour that HTTP/1.1 does not have.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;
use tokio_rustls::rustls::ServerConfig;
use watchtower::drive::live::load::Engine;
use watchtower::record::{Answer, ErrorKind};

use super::line::{Line, certificate};
use super::server::{Below, Step};
use super::{Case, good, run_on, send};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200`, by its number in the static table of RFC 7541.
const OK: &[u8] = &[0x88];

/// One thing to do with a request.
#[derive(Clone)]
enum Act {
    /// A frame on the request's stream.
    Frame(u8, u8, Vec<u8>),
    /// A frame on no stream.
    Connection(u8, Vec<u8>),
    Bytes(Vec<u8>),
    /// Over and over, until the other side has gone.
    Forever(u8, u8, Vec<u8>),
    Hang,
    Close,
    Cut,
    Reset,
}

type Manner = dyn Fn(usize, usize) -> Vec<Act> + Send + Sync;

struct Server {
    address: SocketAddr,
    thread: JoinHandle<(usize, usize)>,
    ended: Arc<Mutex<bool>>,
}

impl Server {
    fn start(manner: Arc<Manner>) -> Self {
        let (_, config) = certificate(&["localhost"], &["h2"]);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let ended = Arc::new(Mutex::new(false));
        let over = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            let mut connections: Vec<JoinHandle<usize>> = Vec::new();
            for stream in listener.incoming().flatten() {
                if *over.lock().expect("no panic") {
                    break;
                }
                let (manner, config, number) = (Arc::clone(&manner), Arc::clone(&config), connections.len());
                connections.push(thread::spawn(move || {
                    let mut requests = 0;
                    // whatever ends it, the connection is over
                    drop(serve(stream, &config, number, &*manner, &mut requests));
                    requests
                }));
            }
            let accepted = connections.len();
            (accepted, connections.into_iter().map(|connection| connection.join().expect("no panic")).sum())
        });
        Self { address, thread, ended }
    }

    /// Connections and requests, once the other side has closed every connection.
    fn end(self) -> (usize, usize) {
        *self.ended.lock().expect("no panic") = true;
        drop(TcpStream::connect(self.address));
        self.thread.join().expect("no panic")
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn serve(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    connection: usize,
    manner: &Manner,
    requests: &mut usize,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut line = Line::secured(stream, config);
    let mut preface = [0; PREFACE.len()];
    line.read_exact(&mut preface)?;
    assert_eq!(preface, PREFACE);
    line.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    loop {
        let mut head = [0; 9];
        line.read_exact(&mut head)?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        line.read_exact(&mut payload)?;
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match kind {
            SETTINGS if flags == 0 => line.write_all(&frame(SETTINGS, 1, 0, &[]))?,
            PING if flags == 0 => line.write_all(&frame(PING, 1, 0, &payload))?,
            // all of a request is there: the bodies of these tests are short
            HEADERS | DATA if flags & END_STREAM != 0 => {
                let number = *requests;
                *requests += 1;
                for act in manner(connection, number) {
                    if !perform(&mut line, stream, &act)? {
                        return Ok(());
                    }
                }
            }
            _ => {}
        }
    }
}

fn perform(line: &mut Line, stream: u32, act: &Act) -> io::Result<bool> {
    match act {
        Act::Frame(kind, flags, payload) => line.write_all(&frame(*kind, *flags, stream, payload))?,
        Act::Connection(kind, payload) => line.write_all(&frame(*kind, 0, 0, payload))?,
        Act::Bytes(bytes) => line.write_all(bytes)?,
        Act::Forever(kind, flags, payload) => loop {
            line.write_all(&frame(*kind, *flags, stream, payload))?;
        },
        Act::Hang => {
            let mut piece = [0; 4096];
            while line.read(&mut piece)? > 0 {}
            return Ok(false);
        }
        Act::Close | Act::Cut => {
            if matches!(act, Act::Close) {
                line.say_goodbye()?;
            }
            line.socket().shutdown(Shutdown::Both)?;
            return Ok(false);
        }
        Act::Reset => {
            SockRef::from(line.socket()).set_linger(Some(Duration::ZERO))?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// 200 with a body.
fn answered() -> Vec<Act> {
    vec![Act::Frame(HEADERS, END_HEADERS, OK.to_vec()), Act::Frame(DATA, END_STREAM, b"ok".to_vec())]
}

fn goaway(last: u32, code: u32) -> Act {
    Act::Connection(GOAWAY, [last.to_be_bytes(), code.to_be_bytes()].concat())
}

fn reset(code: u32) -> Act {
    Act::Frame(RST_STREAM, 0, code.to_be_bytes().to_vec())
}

/// What became of requests over HTTP/2, the words of the first failure, connections and requests at the server.
fn requests(name: &'static str, manner: Arc<Manner>, expected: &[Answer], post: bool) -> (String, usize, usize) {
    let in_vain = expected.contains(&Err(ErrorKind::Timeout));
    let case = Case::by(name, Arc::new(|_, _| Vec::new()), expected).asked(|request| {
        request.client.http2 = true;
        if post {
            "POST".clone_into(&mut request.method);
        }
        if in_vain {
            request.timeout = Some(Duration::from_millis(200));
        }
    });
    let server = Server::start(manner);
    let uri = format!("https://{}/", server.address).parse().expect("a URI");
    let (rows, failures) = send(&case, Engine::Plain, &uri);
    let answers: Vec<Answer> = rows.iter().map(|row| row.answer).collect();
    assert_eq!(answers, expected, "{name}: {failures:?}");
    let (accepted, arrived) = server.end();
    (failures.first().map(|failure| failure.why.clone()).unwrap_or_default(), accepted, arrived)
}

#[test]
fn a_good_server_serves_all_requests_of_a_worker_on_one_connection() {
    let (_, accepted, arrived) = requests("good", Arc::new(|_, _| answered()), &[Ok(200); 5], false);
    assert_eq!((accepted, arrived), (1, 5));
    let (_, accepted, arrived) = requests("posted", Arc::new(|_, _| answered()), &[Ok(200); 3], true);
    assert_eq!((accepted, arrived), (1, 3));
    let bodiless = |_, _| vec![Act::Frame(HEADERS, END_HEADERS | END_STREAM, vec![0x8e])];
    let (_, accepted, _) = requests("500 without a body", Arc::new(bodiless), &[Ok(500); 3], false);
    assert_eq!(accepted, 1);
}

#[test]
fn a_server_that_does_not_choose_http2_is_spoken_to_in_http1() {
    for protocols in [&[][..], &["http/1.1"]] {
        let (_, config) = certificate(&["localhost"], protocols);
        let case = Case::new("declined", &[good()], Ok(200)).asked(|request| request.client.http2 = true);
        let result = run_on(Below::Tls(config), "https", &case, Engine::Plain);
        assert!(result.rows.iter().all(|row| row.0 == Ok(200)), "{protocols:?}: {:?}", result.rows);
        assert_eq!(result.accepted, 1);
    }
    // and on http:// the flag changes nothing, as with hey
    let case = Case::new("plain", &[good()], Ok(200)).asked(|request| request.client.http2 = true);
    assert!(run_on(Below::Tcp, "http", &case, Engine::Plain).rows.iter().all(|row| row.0 == Ok(200)));
}

#[test]
fn a_server_that_insists_on_http2_refuses_who_did_not_offer_it() {
    let (_, config) = certificate(&["localhost"], &["h2"]);
    let case = Case::new("not offered", &[Step::Close], Err(ErrorKind::Closed));
    let result = run_on(Below::Tls(config), "https", &case, Engine::Plain);
    assert!(result.rows.iter().all(|row| row.0.is_err()), "{:?}", result.rows);
}

#[test]
fn misbehaviour_over_http2_is_one_kind_of_error_counted_once() {
    let headers = || Act::Frame(HEADERS, END_HEADERS, OK.to_vec());
    let cases: Vec<(&'static str, Vec<Act>, ErrorKind)> = vec![
        ("closed", vec![Act::Close], ErrorKind::Closed),
        ("cut", vec![Act::Cut], ErrorKind::Closed),
        ("reset", vec![Act::Reset], ErrorKind::Reset),
        ("closed inside the body", vec![headers(), Act::Frame(DATA, 0, b"o".to_vec()), Act::Close], ErrorKind::CutBody),
        ("cut inside the body", vec![headers(), Act::Frame(DATA, 0, b"o".to_vec()), Act::Cut], ErrorKind::CutBody),
        ("the stream is reset", vec![reset(2), Act::Hang], ErrorKind::Reset),
        ("the stream is reset inside the body", vec![headers(), reset(2), Act::Hang], ErrorKind::Reset),
        ("goodbye with an error", vec![goaway(0, 2), Act::Close], ErrorKind::Closed),
        ("garbage", vec![Act::Bytes(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()), Act::Hang], ErrorKind::Protocol),
        ("a frame longer than any", vec![Act::Bytes(vec![0xff; 9]), Act::Hang], ErrorKind::Protocol),
        ("data before the head", vec![Act::Frame(DATA, END_STREAM, b"ok".to_vec()), Act::Hang], ErrorKind::Protocol),
        ("a head that is none", vec![Act::Frame(HEADERS, END_HEADERS, vec![0xff; 5]), Act::Hang], ErrorKind::Protocol),
        (
            "heads without end",
            // a header that the table has, again and again
            vec![Act::Frame(HEADERS, 0, OK.to_vec()), Act::Forever(CONTINUATION, 0, vec![0x90; 1_000])],
            ErrorKind::TooLarge,
        ),
    ];
    for (name, acts, kind) in cases {
        let manner = move |_: usize, _: usize| acts.clone();
        let (_, _, arrived) = requests(name, Arc::new(manner), &[Err(kind); 3], true);
        assert_eq!(arrived, 3, "{name}: nothing is sent twice");
    }
    for (name, acts) in
        [("silence", vec![Act::Hang]), ("half a body", vec![headers(), Act::Frame(DATA, 0, b"o".to_vec()), Act::Hang])]
    {
        let manner = move |_: usize, _: usize| acts.clone();
        requests(name, Arc::new(manner), &[Err(ErrorKind::Timeout); 2], false);
    }
}

#[test]
fn what_a_server_says_it_did_nothing_with_goes_again_on_a_new_connection() {
    let refused = |_: usize, number: usize| if number == 0 { answered() } else { vec![reset(7), Act::Hang] };
    let (_, accepted, arrived) = requests("refused stream", Arc::new(refused), &[Ok(200); 3], true);
    assert_eq!((accepted, arrived), (3, 5));
    // a server that says goodbye behind an answer gets the next request on a new connection, and only there
    let leaving = |_: usize, _: usize| [answered(), vec![goaway(1, 0)]].concat();
    let (_, _, arrived) = requests("goodbye", Arc::new(leaving), &[Ok(200); 3], true);
    assert_eq!(arrived, 3);
}

#[test]
fn failures_over_http2_say_what_the_server_said() {
    let (why, ..) = requests("reset", Arc::new(|_, _| vec![reset(2), Act::Hang]), &[Err(ErrorKind::Reset)], true);
    assert_eq!(why, "stream error: INTERNAL_ERROR; received from peer");
    let goodbye = |_: usize, _: usize| vec![goaway(0, 2), Act::Close];
    let (why, ..) = requests("goodbye", Arc::new(goodbye), &[Err(ErrorKind::Closed)], true);
    assert_eq!(why, "http2: server sent GOAWAY and closed the connection; ErrCode=INTERNAL_ERROR");
}
