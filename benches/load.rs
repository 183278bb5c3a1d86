//! What the load generator can do on this machine: requests a second, and microseconds of lateness.
//!
//! ```text
//! cargo bench --bench load                                              both, against a small server in this process
//! cargo bench --bench load -- --url http://127.0.0.1:8080/ -z 5s -c 50          as fast as it goes
//! cargo bench --bench load -- --url http://127.0.0.1:8080/ -z 5s -c 1 -q 250    paced
//! cargo bench --bench load -- --url http://127.0.0.1:8080/ -z 5s -c 64 --rate 250    an open loop of so many a second
//! cargo bench --bench load -- --serve                                   the small server alone; GET /gaps/250 tells how even a rate was
//! cargo bench --bench load -- --keep-awake                              no load: idle cores are kept awake until it is killed, for other programs
//! cargo bench --bench load -- -n 10000000 --record DIR                          every row on disk (scripts/bench-memory)
//! ```
//!
//! One line per run, `key=value` pairs, for `scripts/bench-load` and for eyes.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::disallowed_methods, reason = "a benchmark has threads")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use hdrhistogram::Histogram;
use nix::sys::resource::{UsageWho, getrusage};
use tokio::sync::mpsc::unbounded_channel;
use watchtower::drive::live::awake::Awake;
use watchtower::drive::live::clock::Clock;
use watchtower::drive::live::load::{Engine, Keep, Load, Options, Report};
use watchtower::drive::{GeneratorPlan, Outcome, Recorder, RequestPlan, SchedulePlan, Tally};
use watchtower::record::{PlatformSample, RequestRow};
use watchtower::schedule::hey::Settings;
use watchtower::schedule::open::{Bound, WhenFull};
use watchtower::schedule::rate::{Rate, Spacing};
use watchtower::schedule::shape::Shape;
use watchtower::stats::slo::Slo;
use watchtower::study::results::summary::StudyRecord;
use watchtower::study::results::{ResultsDir, RunAbout, RunWriter};
use watchtower::time::{Epoch, Timestamp, parse_duration};

/// hey's flags, as far as they matter here.
#[expect(clippy::struct_excessive_bools, reason = "they are switches")]
#[derive(Parser)]
struct Args {
    /// Where to send; a server in this process if it is left out.
    #[arg(long)]
    url: Option<hyper::Uri>,
    /// Workers.
    #[arg(short, default_value_t = 50)]
    connections: u32,
    /// Requests a second of one worker; 0 for as many as it can.
    #[arg(short, default_value_t = 0.0)]
    q: f64,
    /// An open loop of so many requests a second, at most -c of them under way.
    #[arg(long)]
    rate: Option<f64>,
    /// The small server alone, until it is killed: prints its address.
    #[arg(long)]
    serve: bool,
    /// How long.
    #[arg(short, default_value = "2s", value_parser = parse_duration)]
    z: Duration,
    /// Requests in all, instead of a time.
    #[arg(short)]
    n: Option<u64>,
    /// hyper's client instead of our own.
    #[arg(long)]
    hyper: bool,
    /// Report every row instead of folding it where it is made.
    #[arg(long)]
    rows: bool,
    /// Write the rows into this directory of results, as a study does.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Keep idle cores awake meanwhile; without --url until it is killed, for other programs.
    #[arg(long)]
    keep_awake: bool,
    /// What cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is made of the rows.
struct Sums {
    answered: u64,
    errors: u64,
    latency: Histogram<u64>,
    lateness: Histogram<u64>,
    /// Lateness of the first request of each burst, and the time from it to the last, in nanoseconds.
    first: Histogram<u64>,
    span: Histogram<u64>,
    burst: Option<(Timestamp, Timestamp, Timestamp)>,
}

impl Sums {
    fn new() -> Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, 100_000_000_000, 3);
        Ok(Self {
            answered: 0,
            errors: 0,
            latency: histogram()?,
            lateness: histogram()?,
            first: histogram()?,
            span: histogram()?,
            burst: None,
        })
    }

    fn add(&mut self, rows: &[RequestRow]) {
        for row in rows {
            match row.answer {
                Ok(_) => self.answered += 1,
                Err(_) => self.errors += 1,
            }
            self.latency.saturating_record(row.latency().as_nanos() as u64);
            self.lateness.saturating_record(row.lateness().as_nanos() as u64);
            match &mut self.burst {
                Some((due, first, last)) if *due == row.due => {
                    *first = row.sent.min(*first);
                    *last = row.sent.max(*last);
                }
                _ => {
                    self.end_burst();
                    self.burst = Some((row.due, row.sent, row.sent));
                }
            }
        }
    }

    fn end_burst(&mut self) {
        if let Some((due, first, last)) = self.burst.take() {
            self.first.saturating_record((first - due).as_nanos() as u64);
            self.span.saturating_record((last - first).as_nanos() as u64);
        }
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.serve {
        println!("{}", serve()?);
        loop {
            std::thread::park();
        }
    }
    let awake = args.keep_awake.then(Awake::keep).transpose()?;
    if awake.is_some() && args.url.is_none() {
        loop {
            std::thread::park();
        }
    }
    let Some(url) = &args.url else {
        let url: hyper::Uri = format!("http://{}/", serve()?).parse()?;
        if args.record.is_some() {
            return measure(&args, &url, None);
        }
        measure(&Args { q: 0.0, ..Args::parse() }, &url, None)?;
        return measure(&Args { connections: 1, q: 250.0, ..Args::parse() }, &url, None);
    };
    measure(&args, url, awake.as_ref())
}

fn measure(args: &Args, url: &hyper::Uri, awake: Option<&Awake>) -> Result<()> {
    let (requests, duration) = args.n.map_or((200, Some(args.z)), |requests| (requests, None));
    let schedule = match args.rate {
        None => SchedulePlan::Hey(Settings::new(requests, args.connections, args.q, duration)?),
        Some(rate) => {
            let rate = Rate { shape: Arc::new(Shape::constant(rate, args.z)?), spacing: Spacing::Even };
            SchedulePlan::Rate(rate, Bound { max_in_flight: args.connections, when_full: WhenFull::Wait })
        }
    };
    let plan = GeneratorPlan { schedule, request: RequestPlan::default(), start: Duration::ZERO };
    let sums = Arc::new(Mutex::new(Sums::new()?));
    let fold = Arc::clone(&sums);
    let add = move |rows: &[RequestRow]| {
        if let Ok(mut sums) = fold.lock() {
            sums.add(rows);
        }
    };
    let mut run = args.record.as_deref().map(Recording::begin).transpose()?;
    let keep = if args.rows || run.is_some() { Keep::Rows } else { Keep::Folded(Box::new(add.clone())) };
    let engine = if args.hyper { Engine::Hyper } else { Engine::Plain };

    let clock = Clock::start();
    let (sender, mut reports) = unbounded_channel();
    let load_start = clock.now() + Duration::from_millis(100);
    let before = (cpu_time()?, awake.and_then(Awake::cpu_time).unwrap_or_default());
    let load =
        Load::start_with(Options { engine, keep, ..Options::default() }, clock, url, &[plan], load_start, sender)?;
    let (mut tally, mut stalls) = (Tally::default(), 0);
    while let Some(report) = reports.blocking_recv() {
        match report {
            Report::Requests(rows) => {
                add(&rows);
                run.as_mut().map_or(Ok(()), |run| run.keep(&rows))?;
            }
            Report::Stall { .. } => stalls += 1,
            Report::Finished { tally: all, .. } => tally = all,
            Report::Lost { .. } | Report::Failed { .. } => {}
        }
    }
    drop(load);
    if let Some(run) = run {
        run.end(load_start, clock.now(), tally)?;
    }
    let kept = awake.and_then(Awake::cpu_time).unwrap_or_default().saturating_sub(before.1);
    let cpu = cpu_time()?.saturating_sub(before.0).saturating_sub(kept);
    let mut sums = sums.lock().ok().context("the fold did not panic")?;
    sums.end_burst();

    let done = sums.answered + sums.errors;
    let seconds = tally.duration.as_secs_f64();
    print!("rps={:.0} requests={done} errors={} seconds={seconds:.3} ", done as f64 / seconds, sums.errors);
    print!("cpu_percent={:.2} ", cpu.as_secs_f64() / seconds * 100.0);
    print!("awake_percent={:.1} ", kept.as_secs_f64() / seconds * 100.0);
    print!("cpu_s_per_million={:.2} ", cpu.as_secs_f64() * 1e6 / done.max(1) as f64);
    let peak = getrusage(UsageWho::RUSAGE_SELF)?.max_rss() / 1024;
    print!("peak_mb={peak} stalls={stalls} lost_busy={} lost_late={}", tally.lost.busy, tally.lost.late);
    let mut series = vec![("latency", &sums.latency), ("late", &sums.lateness)];
    if args.q > 0.0 {
        series.extend([("first_late", &sums.first), ("burst_span", &sums.span)]);
    }
    for (name, histogram) in series {
        for (label, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)] {
            print!(" {name}_{label}_us={:.1}", histogram.value_at_quantile(quantile) as f64 / 1e3);
        }
    }
    println!();
    Ok(())
}

/// The rows of one run on their way to the disk.
struct Recording(RunWriter);

impl Recording {
    fn begin(directory: &Path) -> Result<Self> {
        let slo = Slo { latency: Duration::from_millis(75), percentile: 95.0 };
        let about = RunAbout { loads: vec!["bench".to_owned()], ..RunAbout::of("load", "none", "bench", slo) };
        let mut run = ResultsDir::create(directory, &StudyRecord::default())?.run(about)?;
        run.begin(Epoch::default(), Timestamp::ZERO)?;
        Ok(Self(run))
    }

    fn keep(&mut self, rows: &[RequestRow]) -> Result<()> {
        rows.iter().try_for_each(|row| self.0.request(row)).context("a row is kept")
    }

    fn end(self, load_start: Timestamp, end: Timestamp, tally: Tally) -> Result<()> {
        let outcome = Outcome {
            epoch: Epoch::default(),
            load_start,
            load_end: end,
            end,
            generators: vec![tally],
            stalled: Duration::ZERO,
            interrupted: false,
            last_sample: PlatformSample::default(),
        };
        self.0.finish(&outcome)?;
        Ok(())
    }
}

/// CPU time of this process so far.
fn cpu_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let of = |time: nix::sys::time::TimeVal| Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1_000);
    Ok(of(usage.user_time()) + of(usage.system_time()))
}

/// Starts a server that answers every request with an empty 200, and `/gaps/RATE` with how even the requests since the last
/// such question were.
fn serve() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (clock, arrivals) = (Clock::start(), Arc::new(Mutex::new(Vec::new())));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let arrivals = Arc::clone(&arrivals);
            std::thread::spawn(move || answer(stream, clock, &arrivals));
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream, clock: Clock, arrivals: &Mutex<Vec<Timestamp>>) {
    let mut buffer = [0; 4096];
    // the load sends one request at a time, in one piece
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let now = clock.now();
        let Ok(mut arrivals) = arrivals.lock() else { return };
        let head = String::from_utf8_lossy(&buffer[..length]);
        let asked = head.strip_prefix("GET /gaps/").and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
        let body = if let Some(rate) = asked {
            gaps(&std::mem::take(&mut *arrivals), rate)
        } else {
            arrivals.push(now);
            String::new()
        };
        drop(arrivals);
        // in one piece, or Nagle's algorithm holds the rest back for 40 ms
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// How far the gaps between requests are from those of an even rate, in microseconds.
fn gaps(arrivals: &[Timestamp], rate: f64) -> String {
    let period = 1e6 / rate;
    let distance = |pair: &[Timestamp]| ((pair[1] - pair[0]).as_secs_f64() * 1e6 - period).abs();
    let mut distances: Vec<f64> = arrivals.windows(2).map(distance).collect();
    distances.sort_by(f64::total_cmp);
    let at = |quantile: f64| distances.get((quantile * (distances.len().max(1) - 1) as f64) as usize).unwrap_or(&0.0);
    format!(
        "requests={} gap_p50_us={:.1} gap_p90_us={:.1} gap_p99_us={:.1} gap_max_us={:.1}\n",
        arrivals.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    )
}
