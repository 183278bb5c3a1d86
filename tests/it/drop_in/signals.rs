//! Ctrl-C and SIGTERM while a load runs.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::server::{Server, Speech};

fn started(server: &Server, flags: &[&str], path: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_watchtower"))
        .arg("hey")
        .args(flags)
        .arg(format!("http://{}/{path}", server.address))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("the signal is sent");
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn ctrl_c_lets_requests_complete_and_prints_the_summary() {
    let server = Server::start(Speech::Plain);
    let child = started(&server, &["-z", "60s", "-c", "2"], "late/300");
    until("a request", || server.requests().len() >= 2);
    send(&child, Signal::SIGINT);
    let output = child.wait_with_output().expect("it ends");
    let sent = server.requests().len();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output).contains(&format!("[200]\t{sent} responses")), "{}", text(&output));
    assert!(!text(&output).contains("Error distribution"), "{}", text(&output));
}

#[test]
fn a_second_ctrl_c_ends_at_once_with_what_is_there() {
    let server = Server::start(Speech::Plain);
    let mut child = started(&server, &["-z", "60s", "-c", "3", "-t", "0"], "hang");
    until("the requests", || server.requests().len() == 3);
    let begun = Instant::now();
    // two that come before the first was taken are one, so it is pressed until the program has ended
    until("the end", || {
        send(&child, Signal::SIGINT);
        std::thread::sleep(Duration::from_millis(100));
        child.try_wait().expect("a child").is_some()
    });
    let output = child.wait_with_output().expect("it ends");
    // the server answers after 30 s
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output).contains("Error distribution:\n  [3]\tGet"), "{}", text(&output));
}

#[test]
fn sigterm_ends_it_without_a_summary() {
    use std::os::unix::process::ExitStatusExt;
    let server = Server::start(Speech::Plain);
    let child = started(&server, &["-z", "60s", "-c", "2"], "");
    until("a request", || !server.requests().is_empty());
    send(&child, Signal::SIGTERM);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.signal(), text(&output).as_str()), (Some(15), ""));
}
