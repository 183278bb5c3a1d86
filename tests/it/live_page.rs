//! `run --live` as a browser sees it: an address on standard error, the page while the run goes on, and its end with the command.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

const SCENARIO: &str = r#"
name = "watched"
[function]
name = "ftest"
query = "number=50"
[[load]]
hey = "-z 2s -c 2 -q 5"
[run]
warm_up = "1s"
cool_down = "1s"
[limits]
max_lateness = "1s"
max_stall = "10s"
[[arm]]
name = "one"
policy = "fixed"
replicas = 1
"#;

/// Asks the page's server for something and reads until it closes.
fn asked(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the page's server");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn the_page_is_there_while_the_run_goes_on_and_ends_with_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("watched.toml"), SCENARIO).expect("a scenario file");
    // the scenario after the option: what is no address is a scenario
    let mut program = Command::new(env!("CARGO_BIN_EXE_watchtower"))
        .args(["run", "--quiet", "--out", "out", "--live", "watched.toml"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut said = BufReader::new(program.stderr.take().expect("its standard error"));
    let mut line = String::new();
    said.read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("live at http://").and_then(|rest| rest.strip_suffix('/')).expect(&line);
    assert!(address.starts_with("127.0.0.1:"), "on loopback: {address}");

    // a reader of the news stays to the end and then sees the stream closed
    let news = asked(address, "/events");
    let after = |event: &str| {
        let at = news.find(&format!("event: {event}\n")).unwrap_or_else(|| panic!("no {event} in {news}"));
        &news[at..]
    };
    assert!(after("second").contains("Run 1 of 1: one, repeat 1"), "{news}");
    assert!(news.contains("\"planned\":["), "the course of the run comes with the seconds: {news}");
    assert!(after("run").contains("event: end\n"), "the end comes last: {news}");
    assert!(after("end").contains("The study is over"), "{news}");

    let status = program.wait().expect("an end");
    assert_eq!(status.code(), Some(0));
    assert!(TcpStream::connect(address).is_err(), "nothing listens any more");
    let page = fs::read_to_string(dir.path().join("out/report.html")).expect("the report stays");
    assert!(!page.contains("id=\"live\""), "and is the page without a server");
}

#[test]
fn the_page_shows_what_there_is_and_hands_out_nothing_else() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("watched.toml"), SCENARIO).expect("a scenario file");
    let mut program = Command::new(env!("CARGO_BIN_EXE_watchtower"))
        .args(["run", "watched.toml", "--quiet", "--out", "out", "--live=127.0.0.1:0"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let mut said = BufReader::new(program.stderr.take().expect("its standard error"));
    said.read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("live at http://").and_then(|rest| rest.strip_suffix('/')).expect(&line);
    let page = asked(address, "/");
    assert!(page.starts_with("HTTP/1.1 200"), "{}", &page[..page.len().min(300)]);
    assert!(page.contains("being prepared") || page.contains("id=\"live\""));
    for path in ["/study.json", "/runs/one-1/requests.csv", "/../watched.toml"] {
        assert!(asked(address, path).starts_with("HTTP/1.1 404"), "{path}");
    }
    assert_eq!(program.wait().expect("an end").code(), Some(0));
}
