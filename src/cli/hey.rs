//! `watchtower hey`, and the program itself when it is called `hey`.
//!
//! Nothing here goes through clap: hey's command line has Go's rules and hey's own words for what is wrong.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::exit::ExitStatus;
use super::output::Printer;
use crate::drive::live::clock::Clock;
use crate::record::RequestRow;
use crate::study::hey::command::{Command, Output, Refusal, Task};
use crate::study::hey::measured::Measured;
use crate::study::hey::run::{Progress, Watch, run as send};
use crate::study::hey::self_test::{self, Trust};
use crate::study::hey::{cores, csv, json, tables, usage};
use crate::study::hey_flags::without_secrets;
use crate::study::hey_judgement::{Asked, Verdict, judge_all};
use crate::study::results::percentile_text;
use crate::time::Timestamp;

/// Send load as hey does: its flags, its summary, and more
///
/// A drop-in for the load generator hey: `watchtower hey -z 2m -c 50 -q 5 URL`. Under the name hey (a link or a copy) the program is
/// this command. `watchtower hey -help` lists the flags, hey's and ours; docs/hey.md says how they differ.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct Args {
    /// hey's flags and the address
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAGS... URL")]
    pub(super) words: Vec<OsString>,
}

/// hey's words in a whole command line: those after the program's name if that is `hey`, or after `watchtower hey`.
pub(super) fn words(mut line: impl Iterator<Item = OsString>) -> Option<Vec<OsString>> {
    let program = line.next()?;
    let is_hey = Path::new(&program).file_stem().is_some_and(|name| name == "hey");
    if is_hey || line.next().is_some_and(|word| word == "hey") { Some(line.collect()) } else { None }
}

/// The command; its exit codes are hey's.
pub(super) fn run(words: Vec<OsString>) -> ExitCode {
    let words: Result<Vec<String>, OsString> = words.into_iter().map(OsString::into_string).collect();
    let words = match words {
        Ok(words) => words,
        Err(word) => {
            Printer::complaint(&format!(
                "{} is not UTF-8; put such bytes into a file and send it with -D\n",
                word.display()
            ));
            return ExitCode::from(2);
        }
    };
    match Task::parse(&words) {
        Ok(Task::Send(command)) => measure(&command, &words),
        Ok(Task::Judge { files, asked, json }) => judge(&files, asked, json),
        Ok(Task::SelfTest { length, json, keep_awake }) => self_test(length, json, keep_awake),
        Err(refusal) => refuse(&refusal),
    }
}

/// Exit code 0 if each of them kept its flags, 1 if one did not, 2 if a file is no summary.
fn judge(files: &[String], asked: Asked, json: bool) -> ExitCode {
    let printer = Printer::new(false);
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        match std::fs::read_to_string(file) {
            Ok(text) => texts.push((file.clone(), text)),
            Err(error) => {
                printer.error(&format!("--judge {file}: {error}\n  hint: name a file that holds a summary of hey's"));
                return ExitStatus::Usage.into();
            }
        }
    }
    let judgements = match judge_all(&texts, asked) {
        Ok(judgements) => judgements,
        Err((file, error)) => {
            printer.error(&format!("--judge {file}: {error}"));
            return ExitStatus::Usage.into();
        }
    };
    // plain numbers and texts can always be written
    let json = json.then(|| serde_json::to_string_pretty(&judgements).unwrap_or_default());
    Printer::result(&json.unwrap_or_else(|| judgements.to_string()));
    let kept = judgements.summaries.iter().all(|one| one.verdict == Verdict::Kept);
    if kept { ExitStatus::Done.into() } else { ExitStatus::Failed.into() }
}

/// Exit code 0 if numbers of this machine can be trusted, to the precision it says, 1 if not or if it could not be found out.
fn self_test(length: Duration, json: bool, keep_awake: bool) -> ExitCode {
    let printer = Printer::new(false);
    let interactive = printer.is_interactive();
    let mut tell = |what: &str| {
        if interactive {
            Printer::complaint(&format!("\r\x1b[Kself-test: {what}"));
        }
    };
    let found = self_test::run(length, keep_awake, &mut tell);
    if interactive {
        Printer::complaint("\r\x1b[K");
    }
    let findings = match found {
        Ok(findings) => findings,
        Err(error) => {
            printer.error(&error.to_string());
            return ExitStatus::Failed.into();
        }
    };
    let verdict = self_test::judge(&findings);
    Printer::result(&if json {
        // plain numbers and texts can always be written
        serde_json::to_string_pretty(&self_test::result(&findings, &verdict)).unwrap_or_default()
    } else {
        self_test::text(&findings, &verdict)
    });
    if verdict.trust == Trust::Unfit { ExitStatus::Failed.into() } else { ExitStatus::Done.into() }
}

fn refuse(refusal: &Refusal) -> ExitCode {
    let cores = cores::available();
    let (text, code) = match refusal {
        Refusal::Help => (usage::help(cores), 0),
        Refusal::Flag(error) => (format!("{error}\n{}", usage::usage(cores)), 2),
        Refusal::Usage(message) if message.is_empty() => (format!("{}\n", usage::usage(cores)), 1),
        Refusal::Usage(message) => (format!("{message}\n\n{}\n", usage::usage(cores)), 1),
        Refusal::File(message) => (format!("{message}\n"), 1),
        Refusal::Template(message) => (format!("panic: {message}\n"), 2),
        Refusal::Conflict(message) => (format!("{message}\n"), 2),
    };
    Printer::complaint(&text);
    ExitCode::from(code)
}

fn measure(command: &Command, words: &[String]) -> ExitCode {
    let printer = Printer::new(false);
    if !command.ignored.is_empty() {
        let ignored = without_secrets(&command.ignored);
        printer.warn(&format!("ignored as hey ignores it: {ignored}\n  hint: write flags before the address"));
    }
    if let Some(count) = command.cores
        && !cores::limit(count)
    {
        printer.warn(&format!("-cpus {count} has no effect: this system keeps no process to some of its cores"));
    }
    let (mut onlooker, mut files) = match (Onlooker::new(command), Files::create(command)) {
        (Ok(onlooker), Ok(files)) => (onlooker, files),
        (Err(problem), _) | (_, Err(problem)) => {
            printer.error(&problem);
            return ExitStatus::Usage.into();
        }
    };
    let measured = match send(command, &mut onlooker) {
        Ok(measured) => measured,
        Err(error) => {
            printer.error(&error.to_string());
            return ExitStatus::Failed.into();
        }
    };
    let kept = onlooker.end();
    Printer::bytes(text(command, words, &measured).as_bytes());
    let written = files.write(&measured);
    let mut status = ExitStatus::Done;
    for rule in &command.options.expectations {
        let value = measured.number(rule.metric());
        if !rule.is_met(value) {
            let value = value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
            printer.warn(&format!("not met: {rule} ({} is {value})", rule.metric()));
            status = ExitStatus::NotMet;
        }
    }
    for problem in [kept, written].into_iter().filter_map(Result::err) {
        printer.error(&problem);
        status = ExitStatus::Failed;
    }
    status.into()
}

/// What goes to standard output once the load is over.
fn text(command: &Command, words: &[String], measured: &Measured) -> String {
    let options = &command.options;
    let mut text = match &command.output {
        // it has gone out row by row
        Output::Csv => return String::new(),
        Output::Json => {
            let json = json::result(command, words, measured);
            // a value of plain maps, lists and numbers can always be written
            return serde_json::to_string_pretty(&json).unwrap_or_default() + "\n";
        }
        Output::Template(template) => match template.render(measured) {
            Ok(text) => return text,
            Err(error) => {
                // as Go's log has it
                Printer::complaint(&format!("{} error: {error}\n", log_time()));
                return String::new();
            }
        },
        Output::Summary => measured.summary.text(measured.total()),
    };
    if options.due || !options.percentiles.is_empty() {
        text.push_str(&tables::latency_table(measured, &options.percentiles));
    }
    if options.health {
        text.push_str(&tables::health_table(measured));
    }
    text
}

/// The time as Go's log writes it.
fn log_time() -> String {
    let now = Clock::unix_now();
    let time = jiff::Timestamp::from_second(now.as_secs().cast_signed()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y/%m/%d %H:%M:%S").to_string()
}

/// Files written once the load is over. They are made before, so that a name that can't be written costs no load.
struct Files {
    hdr: Option<(String, File)>,
    hdr_due: Option<(String, File)>,
}

impl Files {
    fn create(command: &Command) -> Result<Self, String> {
        let options = &command.options;
        let open = |flag: &str, path: &Option<String>| path.as_ref().map(|path| create(flag, path)).transpose();
        Ok(Self { hdr: open("--hdr", &options.hdr)?, hdr_due: open("--hdr-due", &options.hdr_due)? })
    }

    fn write(&mut self, measured: &Measured) -> Result<(), String> {
        let due = measured.due.as_ref().unwrap_or(measured.summary.latencies());
        for (target, latencies) in [(&mut self.hdr, measured.summary.latencies()), (&mut self.hdr_due, due)] {
            if let Some((path, file)) = target {
                let text = percentile_text(latencies.histogram());
                file.write_all(text.as_bytes()).map_err(|error| format!("{path}: {error}"))?;
            }
        }
        Ok(())
    }
}

fn create(flag: &str, path: &str) -> Result<(String, File), String> {
    match File::create(path) {
        Ok(file) => Ok((path.to_owned(), file)),
        Err(error) => Err(format!("{flag} {path}: {error}\n  hint: name a file in a directory that exists")),
    }
}

/// Writes rows as they come, and shows how far the load is.
struct Onlooker {
    /// `-o csv`, on standard output; each row begins with its newline.
    csv: bool,
    /// `--csv-exact`.
    exact: Option<(String, BufWriter<File>)>,
    problem: Option<String>,
    progress: bool,
    line: String,
}

impl Onlooker {
    fn new(command: &Command) -> Result<Self, String> {
        let exact = match &command.options.csv_exact {
            None => None,
            Some(path) => {
                let (path, file) = create("--csv-exact", path)?;
                let mut file = BufWriter::new(file);
                // a full disk shows again at the first rows
                let _ = file.write_all(csv::EXACT_HEADER.as_bytes());
                Some((path, file))
            }
        };
        let csv = matches!(command.output, Output::Csv);
        if csv {
            Printer::bytes(csv::HEADER.as_bytes());
        }
        let progress = command.options.progress && std::io::stderr().is_terminal();
        Ok(Self { csv, exact, problem: None, progress, line: String::new() })
    }

    fn end(mut self) -> Result<(), String> {
        if self.csv {
            Printer::bytes(b"\n");
        }
        if self.progress {
            Printer::complaint("\r\x1b[K");
        }
        if let Some((path, mut file)) = self.exact.take()
            && let Err(error) = file.flush()
        {
            self.problem = Some(format!("--csv-exact {path}: {error}"));
        }
        self.problem.map_or(Ok(()), Err)
    }
}

impl Watch for Onlooker {
    fn wants_rows(&self) -> bool {
        self.csv || self.exact.is_some()
    }

    fn rows(&mut self, rows: &[RequestRow], start: Timestamp) {
        if self.csv {
            self.line.clear();
            for row in rows {
                csv::write_row(&mut self.line, row, start);
            }
            Printer::bytes(self.line.as_bytes());
        }
        if let Some((path, file)) = &mut self.exact {
            self.line.clear();
            for row in rows {
                csv::write_exact_row(&mut self.line, row, start);
            }
            if let Err(error) = file.write_all(self.line.as_bytes()) {
                self.problem = Some(format!("--csv-exact {path}: {error}"));
                self.exact = None;
            }
        }
    }

    fn goes_on(&mut self, progress: &Progress) {
        if self.progress {
            let seconds = progress.elapsed.as_secs();
            let what = if progress.draining { ", draining (Ctrl-C again gives up)" } else { "" };
            Printer::complaint(&format!(
                "\r\x1b[K{seconds} s  {} sent, {} under way{what}",
                progress.sent, progress.in_flight
            ));
        }
    }
}
