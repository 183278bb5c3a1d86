//! A page shown in a browser while something goes on: one address, the page, and news as server-sent events.
//!
//! It has a thread of its own and does nothing while nobody looks: what is shown is made there, when it is asked for, so that a
//! run is not held up by its reader. It knows nothing of what it shows.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Connections at once: a few readers with a few tabs each.
const CONNECTIONS_MAX: usize = 64;
/// News that wait for one reader; who falls further behind is let go, and its browser comes back.
const WAITING_MAX: usize = 32;
/// Time for the headers of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// After the last news, so that readers can fetch the page once more.
const GRACE: Duration = Duration::from_millis(1500);

/// And then, for answers under way to be finished.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What is shown.
pub trait Exhibit: Send + Sync + 'static {
    /// A file of the page by its path (`/` is the page itself): its media type and content; `None` if there is none.
    fn file(&self, path: &str) -> Option<(&'static str, Vec<u8>)>;
}

/// An event as its readers get it: its name, and how its data are made if anybody reads.
struct News {
    event: &'static str,
    data: Box<dyn FnOnce() -> String + Send>,
}

/// An open showcase. It closes when it is dropped.
pub struct Showcase {
    address: SocketAddr,
    news: Option<mpsc::UnboundedSender<News>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Showcase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Showcase").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Showcase {
    /// Opens a showcase at an address; port 0 takes one that is free.
    ///
    /// # Errors
    /// When the address can't be listened at.
    pub fn open(address: SocketAddr, exhibit: impl Exhibit) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (news, heard) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new()
            .name("showcase".to_owned())
            .spawn(move || runtime.block_on(serve(listener, Arc::new(exhibit), heard)))?;
        Ok(Self { address, news: Some(news), thread: Some(thread) })
    }

    /// Where it can be seen.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells all readers something. The data are made on the showcase's thread, and only if there are readers.
    pub fn tell(&self, event: &'static str, data: impl FnOnce() -> String + Send + 'static) {
        if let Some(news) = &self.news {
            // fails only if the thread is gone, and then nobody reads
            let _ = news.send(News { event, data: Box::new(data) });
        }
    }
}

impl Drop for Showcase {
    fn drop(&mut self) {
        drop(self.news.take());
        if let Some(thread) = self.thread.take() {
            // a showcase that panicked shows nothing any more; the run it showed is not its business
            let _ = thread.join();
        }
    }
}

/// Everybody who waits for news.
type Readers = Arc<Mutex<Vec<mpsc::Sender<Bytes>>>>;

async fn serve(listener: std::net::TcpListener, exhibit: Arc<dyn Exhibit>, mut news: mpsc::UnboundedReceiver<News>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let readers = Readers::default();
    let (stop, stopped) = oneshot::channel::<()>();
    let doors = tokio::spawn(accept(listener, exhibit, Arc::clone(&readers), stopped));
    while let Some(News { event, data }) = news.recv().await {
        let nobody = readers.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if nobody {
            continue;
        }
        let message = message(event, &data());
        let mut readers = readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|reader| reader.try_send(message.clone()).is_ok());
    }
    let anybody = !readers.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
    if anybody {
        tokio::time::sleep(GRACE).await;
    }
    let _ = stop.send(());
    let _ = doors.await;
}

/// An event in the words of `text/event-stream`. A browser passes over one without data.
fn message(event: &str, data: &str) -> Bytes {
    let mut text = format!("event: {event}\n");
    for line in data.lines() {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    Bytes::from(text)
}

async fn accept(
    listener: tokio::net::TcpListener,
    exhibit: Arc<dyn Exhibit>,
    readers: Readers,
    mut stopped: oneshot::Receiver<()>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let door = async {
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            biased;
            _ = &mut stopped => break,
            accepted = door => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // out of files, or the reader went away: the next one may have more luck
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (exhibit, readers) = (Arc::clone(&exhibit), Arc::clone(&readers));
        let service = service_fn(move |request| {
            let answer = answer(&request, &*exhibit, &readers);
            async move { Ok::<_, Infallible>(answer) }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // a reader that goes away in the middle is no news to anybody
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    // no more news; answers under way may finish
    readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let _ = tokio::time::timeout(LAST_ANSWERS, graceful.shutdown()).await;
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

fn answer(request: &Request<Incoming>, exhibit: &dyn Exhibit, readers: &Readers) -> Answer {
    if !names_this_machine(request.headers().get(HOST)) {
        return text(StatusCode::FORBIDDEN, "this page is asked for by its address, or as localhost\n");
    }
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
    }
    if request.uri().path() == "/events" {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        readers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        return made(StatusCode::OK, "text/event-stream", Feed(receiver).boxed());
    }
    match exhibit.file(request.uri().path()) {
        Some((kind, content)) => made(StatusCode::OK, kind, Full::new(Bytes::from(content)).boxed()),
        None => text(StatusCode::NOT_FOUND, "there is no such file\n"),
    }
}

/// A page of somebody else's must not read this one by a name of its own that leads here.
fn names_this_machine(host: Option<&HeaderValue>) -> bool {
    let Some(host) = host.and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn text(status: StatusCode, words: &'static str) -> Answer {
    made(status, "text/plain; charset=utf-8", Full::new(Bytes::from_static(words.as_bytes())).boxed())
}

fn made(status: StatusCode, kind: &'static str, body: BoxBody<Bytes, Infallible>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    answer
}

/// A body that goes on as long as there are news.
struct Feed(mpsc::Receiver<Bytes>);

impl Body for Feed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|news| news.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    struct Greeting;

    impl Exhibit for Greeting {
        fn file(&self, path: &str) -> Option<(&'static str, Vec<u8>)> {
            (path == "/").then(|| ("text/html; charset=utf-8", b"<p>hello".to_vec()))
        }
    }

    fn open() -> Showcase {
        Showcase::open(SocketAddr::from(([127, 0, 0, 1], 0)), Greeting).expect("a free port")
    }

    /// Sends a request as it stands and reads to the end.
    fn asked(showcase: &Showcase, request: &str) -> String {
        let mut stream = TcpStream::connect(showcase.address()).expect("a listener");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    #[test]
    fn the_page_is_there_and_nothing_else() {
        let showcase = open();
        let get = |path: &str, host: &str| {
            asked(&showcase, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
        };
        let page = get("/", "127.0.0.1:1");
        assert!(page.starts_with("HTTP/1.1 200") && page.ends_with("<p>hello"), "{page}");
        assert!(get("/", "LOCALHOST").starts_with("HTTP/1.1 200"));
        assert!(get("/", "[::1]:80").starts_with("HTTP/1.1 200"));
        assert!(get("/../study.json", "localhost").starts_with("HTTP/1.1 404"));
        assert!(get("/", "evil.example").starts_with("HTTP/1.1 403"));
        let post =
            asked(&showcase, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert!(post.starts_with("HTTP/1.1 405"), "{post}");
    }

    #[test]
    fn readers_hear_what_is_told_and_the_end() {
        let showcase = open();
        let mut stream = TcpStream::connect(showcase.address()).expect("a listener");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a request");
        let mut seen = String::new();
        let mut until = |wanted: &str| {
            let mut bytes = [0; 1024];
            while !seen.contains(wanted) {
                let count = stream.read(&mut bytes).expect("news");
                assert!(count > 0, "{wanted:?} never came: {seen}");
                seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        };
        until("text/event-stream");
        showcase.tell("second", || "one\ntwo".to_owned());
        until("event: second\ndata: one\ndata: two\n\n");
        drop(showcase);
        // the last piece of a body in chunks
        until("0\r\n\r\n");
    }

    #[test]
    fn what_nobody_reads_is_not_made() {
        let showcase = open();
        let (made, was_made) = std::sync::mpsc::channel();
        showcase.tell("second", move || {
            let _ = made.send(());
            String::new()
        });
        drop(showcase);
        assert!(was_made.recv().is_err());
    }
}
