//! The program itself: started with pipes, asked and heard line by line, ended for good.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Longest answer.
const LONGEST_LINE: usize = 1 << 20;
/// So many lines it may be ahead; a program that writes more waits in its pipe.
const AHEAD: usize = 4;
/// Last words: so many lines of so many characters.
const LAST_LINES: usize = 8;
const LAST_LINE: usize = 300;
/// How long a program that has closed its output may take to end, and its last words to come.
const FAREWELL: Duration = Duration::from_millis(300);
const LOOKS: u32 = 30;

/// Why there is no answer.
pub(super) enum Silence {
    /// It takes too long.
    Late,
    /// It closed its output: how it ended.
    Ended(String),
    /// The line was longer than this.
    TooLong(usize),
}

/// What a thread does.
type Work = Box<dyn FnOnce() + Send>;

enum Heard {
    Line(String),
    TooLong,
}

/// A running program. Dropping it kills it, with all of its process group.
pub(super) struct Child {
    process: std::process::Child,
    questions: Sender<String>,
    answers: Receiver<Heard>,
    last_words: Arc<Mutex<VecDeque<String>>>,
    /// Tells when its standard error is closed.
    errors_closed: Receiver<()>,
}

impl Child {
    /// Starts it in a process group of its own, so that Ctrl-C reaches us alone.
    pub(super) fn start(program: &str, arguments: &[String], directory: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        if !directory.as_os_str().is_empty() {
            command.current_dir(directory);
        }
        let mut process = command.spawn()?;
        let missing = || io::Error::other("it has no pipes");
        let input = process.stdin.take().ok_or_else(missing)?;
        let output = process.stdout.take().ok_or_else(missing)?;
        let errors = process.stderr.take().ok_or_else(missing)?;
        let (questions, asked) = channel::<String>();
        let (heard, answers) = sync_channel(AHEAD);
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        let (closed, errors_closed) = sync_channel(1);
        let tail = Arc::clone(&last_words);
        // each ends with its pipe, or with us
        let threads: [(&str, Work); 3] = [
            ("exec-in", Box::new(move || write_lines(input, &asked))),
            ("exec-out", Box::new(move || while_lines(output, LONGEST_LINE, |line| heard.send(line).is_ok()))),
            (
                "exec-err",
                Box::new(move || {
                    while_lines(errors, LONGEST_LINE, |line| {
                        keep(&tail, line);
                        true
                    });
                    let _ = closed.send(());
                }),
            ),
        ];
        for (name, body) in threads {
            if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(body) {
                end(&mut process);
                return Err(error);
            }
        }
        Ok(Self { process, questions, answers, last_words, errors_closed })
    }

    /// A line it wrote without being asked.
    pub(super) fn unasked(&self) -> Option<String> {
        match self.answers.try_recv() {
            Ok(Heard::Line(line)) => Some(line),
            Ok(Heard::TooLong) => Some(format!("a line of more than {LONGEST_LINE} bytes")),
            Err(_) => None,
        }
    }

    /// Asks; a program that no longer reads shows by not answering.
    pub(super) fn tell(&self, line: String) {
        let _ = self.questions.send(line);
    }

    /// Waits for the next line.
    pub(super) fn answer(&mut self, within: Duration) -> Result<String, Silence> {
        match self.answers.recv_timeout(within) {
            Ok(Heard::Line(line)) => Ok(line),
            Ok(Heard::TooLong) => Err(Silence::TooLong(LONGEST_LINE)),
            Err(RecvTimeoutError::Timeout) => Err(Silence::Late),
            Err(RecvTimeoutError::Disconnected) => Err(Silence::Ended(self.how_it_ended())),
        }
    }

    fn how_it_ended(&mut self) -> String {
        // its output is closed; that of its errors closes with its end
        let _ = self.errors_closed.recv_timeout(FAREWELL);
        for _ in 0..LOOKS {
            match self.process.try_wait() {
                Ok(Some(status)) => {
                    return match status.code() {
                        Some(code) => format!("with exit code {code}"),
                        None => format!("({status})"),
                    };
                }
                // its pipes close a moment before it is gone
                Ok(None) => thread::sleep(FAREWELL / LOOKS),
                Err(_) => break,
            }
        }
        "its output".to_owned()
    }

    /// Ends it; the last lines of its standard error.
    pub(super) fn end(mut self) -> Vec<String> {
        end(&mut self.process);
        let _ = self.errors_closed.recv_timeout(FAREWELL);
        self.last_words.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut std::process::Child) {
    // what has ended already can't be reached, and that is as well
    if let Ok(group) = i32::try_from(process.id())
        && matches!(process.try_wait(), Ok(None))
    {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = process.kill();
    let _ = process.wait();
}

fn write_lines(mut input: impl Write, lines: &Receiver<String>) {
    while let Ok(line) = lines.recv() {
        if writeln!(input, "{line}").and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

/// Hands on each line for as long as somebody wants it. What follows a line that is too long is read and thrown away.
fn while_lines(output: impl Read, longest: usize, mut hand_on: impl FnMut(Heard) -> bool) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        match output.by_ref().take(longest as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.len() > longest => {
                hand_on(Heard::TooLong);
                let _ = io::copy(&mut output, &mut io::sink());
                return;
            }
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                if !hand_on(Heard::Line(text.trim_end_matches(['\n', '\r']).to_owned())) {
                    return;
                }
            }
        }
    }
}

fn keep(tail: &Mutex<VecDeque<String>>, heard: Heard) {
    let Heard::Line(line) = heard else { return };
    if line.trim().is_empty() {
        return;
    }
    let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
    tail.push_back(line.chars().filter(|char| !char.is_control()).take(LAST_LINE).collect());
    if tail.len() > LAST_LINES {
        tail.pop_front();
    }
}
