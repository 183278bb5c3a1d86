//! `watchtower autoscale` as a program that goes on, and what it said so far.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A sidecar that runs, and what it said so far.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) said: Arc<Mutex<Vec<Value>>>,
    heard: Arc<Mutex<String>>,
}

impl Running {
    /// Starts it.
    pub(crate) fn begin(mut command: Command) -> Self {
        command.stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let (said, heard) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::<Mutex<String>>::default());
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let (lines, words) = (Arc::clone(&said), Arc::clone(&heard));
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(serde_json::from_str(&line).expect("a line of JSON"));
            }
        });
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut words = words.lock().unwrap();
                words.push_str(&line);
                words.push('\n');
            }
        });
        Self { child, said, heard }
    }

    /// What it decided so far: from, to.
    pub(crate) fn scaled(&self) -> Vec<(u64, u64)> {
        let said = self.said.lock().unwrap();
        let step = |line: &Value| Some((line["from"].as_u64()?, line["to"].as_u64()?));
        said.iter().filter(|line| line["event"] == "scale").filter_map(step).collect()
    }

    pub(crate) fn events(&self, event: &str) -> Vec<Value> {
        self.said.lock().unwrap().iter().filter(|line| line["event"] == event).cloned().collect()
    }

    pub(crate) fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).expect("it runs");
    }

    /// Where the metrics are.
    fn station(&self) -> String {
        until("it says where its metrics are", || self.heard().contains("metrics  http://"));
        let heard = self.heard();
        let rest = heard.split("metrics  http://").nth(1).expect("it was said");
        rest.split('/').next().expect("an address").to_owned()
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.station()).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    pub(crate) fn ends(mut self, signal: Signal) -> (i32, String) {
        self.signal(signal);
        let status = self.child.wait().expect("it ends");
        (status.code().unwrap_or(-1), self.heard())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits, with a bound, until it holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
