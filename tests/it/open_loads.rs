//! Rates and traces in a scenario: what is refused, how they are described, that they are written down and read back as they
//! are, and that the driver in virtual time sends what was called for.

use std::fs;
use std::path::Path;
use std::time::Duration;

use watchtower::drive::{Outcome, RecordError, Recorder, sim};
use watchtower::record::{GeneratorId, Lost, PlatformSample, RequestRow};
use watchtower::study::plan::Study;
use watchtower::study::resolve::{self, Overrides};
use watchtower::study::scenario::Scenario;
use watchtower::study::schedule_file;
use watchtower::time::{Epoch, Timestamp};

/// A scenario with these loads, whose relative paths start from `directory`.
fn study_in(directory: &Path, loads: &str) -> Result<Study, String> {
    let text = format!(
        "name = \"t\"\n[run]\nwarm_up = \"0s\"\ncool_down = \"0s\"\n[[arm]]\npolicy = \"fixed\"\n[[load]]\n{loads}\n"
    );
    Scenario::parse("t.toml", &text, directory.to_owned())
        .and_then(|scenario| resolve::resolve(&scenario, &Overrides::default()))
        .map_err(|error| error.to_string())
}

fn study(loads: &str) -> Study {
    study_in(Path::new(""), loads).unwrap_or_else(|error| panic!("{loads}: {error}"))
}

/// A directory with a trace of each kind.
fn traces() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let minutes = |of: &dyn Fn(u32) -> String| (1..=1440).map(of).collect::<Vec<_>>().join(",");
    let row = |name: &str, every: u32| {
        let counts = minutes(&|minute| if minute % every == 0 { "3" } else { "0" }.to_owned());
        format!("o,a,{name},http,{counts}\n")
    };
    let head = minutes(&|minute| minute.to_string());
    let day = format!("HashOwner,HashApp,HashFunction,Trigger,{head}\n{}{}", row("rare", 7), row("often", 2));
    for (file, text) in [
        ("times.csv", "time_s,what\n0.5,a\n0.25,b\n3.000000001,c\n"),
        ("counts.csv", "count\n4\n0\n7\n"),
        ("day.csv", &day),
        ("broken.csv", "count\n4\nfour\n"),
    ] {
        fs::write(directory.path().join(file), text).expect("written");
    }
    directory
}

#[test]
fn bad_values_are_answered_with_key_value_and_remedy() {
    let traces = traces();
    let mut said = String::new();
    for load in [
        "rate = 250",
        "rate = -5\nduration = \"1m\"",
        "rate = 2e6\nduration = \"1m\"",
        "rate = 0\nduration = \"1m\"",
        "rate = 250\nduration = \"0s\"",
        "rate = 250\nduration = 60",
        "rate = 250\nduration = \"8d\"",
        "rate = 1e6\nduration = \"1h\"",
        "rate = 5\nduration = \"1m\"\nshape = \"sin\"",
        "rate = 5\nduration = \"1m\"\nshape = \"sine\"",
        "rate = 5\nduration = \"1m\"\nshape = \"spike\"\nto = 50\nspike_at = \"55s\"\nspike_for = \"10s\"",
        "rate = 5\nduration = \"1m\"\nto = 50",
        "rate = 5\nduration = \"1m\"\nshape = \"ramp\"\nto = 50\nperiod = \"5s\"",
        "rate = 5\nduration = \"1m\"\nshape = \"square\"\nto = 50\nperiod = \"5s\"\nhigh_share = 40",
        "rate = 5\nduration = \"1m\"\narrivals = \"uniform\"",
        "rate = 5\nduration = \"1m\"\nmax_in_flight = 0",
        "rate = 5\nduration = \"1m\"\nwhen_full = \"fail\"",
        "rate = 5\nduration = \"1m\"\nphase = \"spread\"",
        "rate = 5\nduration = \"1m\"\nrequest = \"-c 5 -m POST\"",
        "rate = 5\nduration = \"1m\"\nrequest = \"-o csv\"",
        "rate = 5\nduration = \"1m\"\nhey = \"-z 1m\"",
        "rate = 5\nduration = \"1m\"\nmax_in_flight = 6000\n[[load]]\nrate = 5\nduration = \"1m\"\nmax_in_flight = 6000",
        "steps = \"20 for 30s, 100\"",
        "steps = \"20 for 30s\"\nshape = \"ramp\"\nto = 5",
        "hey = \"-z 1m -c 5\"\nphase = \"spread\"",
        "hey = \"-z 1m -c 5 -q 5\"\nduration = \"1m\"\nmax_in_flight = 5",
        "trace = \"missing.csv\"",
        "trace = \"\"",
        "trace = \"broken.csv\"",
        "trace = \"times.csv\"\nbin = \"1m\"\narrivals = \"poisson\"",
        "trace = \"times.csv\"\ngenerator = 3",
        "trace = \"counts.csv\"\nfunction_rank = 2",
        "trace = \"counts.csv\"\nfrom = \"3m\"",
        "trace = \"counts.csv\"\nduration = \"4m\"",
        "trace = \"counts.csv\"\nspeed = 0",
        "trace = \"counts.csv\"\nfrom = \"60s\"\nduration = \"60s\"",
        "trace = \"day.csv\"\nfunction_hash = \"none\"",
        "trace = \"day.csv\"\nfunction_rank = 3",
        "trace = \"day.csv\"\nbin = \"1m\"",
    ] {
        let error = study_in(traces.path(), load).map(|study| study.loads).expect_err(load);
        said += &error.replace(&traces.path().display().to_string(), "DIR").replace("t.toml:", "");
        said.push('\n');
    }
    insta::assert_snapshot!(said, @r##"
    7: load 1: duration is not given
      hint: write how long the load lasts, such as duration = "2m"
    8: load 1: rate = -5 is out of range
      hint: allowed is a number from 0 to 1000000 (requests per second)
    8: load 1: rate = 2e6 is out of range
      hint: allowed is a number from 0 to 1000000 (requests per second)
    8: load 1: rate = 0 calls for no request in 1m
      hint: raise the rate, or make the load longer
    9: load 1: duration = "0s" is no time
      hint: write how long the load lasts, such as duration = "2m"
    9: load 1: duration = 60 has no unit
      hint: write "60s" for seconds or "60ms" for milliseconds, in quotes
    9: load 1: duration = "8d" is too long
      hint: allowed is a duration from "0s" to "168h"
    8: load 1: rate = 1e6 calls for 3600000000 requests; the most is 1000000000
      hint: lower the rate, or make the load shorter
    10: load 1: shape = "sin" is not known
      hint: did you mean "sine"? allowed is "constant" or "ramp" or "spike" or "square" or "sine" or "sawtooth"
    7: load 1: to is not given, and the shape needs it
      hint: write the other level in requests per second, such as to = 200
    7: load 1: period is not given, and the shape needs it
      hint: write how long one turn takes, such as period = "1m"
    13: load 1: spike_for = "10s" ends after the load, which lasts 1m
      hint: let the spike begin earlier or be shorter, or raise duration
    10: load 1: to = 50 has no meaning for a rate of shape "constant"
      hint: leave it out, or write shape = "ramp" or "spike" or "square" or "sine" or "sawtooth"
    12: load 1: period = "5s" has no meaning for a rate of shape "ramp"
      hint: leave it out, or write shape = "square" or "sine" or "sawtooth"
    13: load 1: high_share = 40 is not a fraction
      hint: write 0.2 for 20 %, without quotes; allowed is 0 to 1
    10: load 1: arrivals = "uniform" is for the counts of a trace
      hint: write "even" or "poisson"
    10: load 1: max_in_flight = 0 is out of range
      hint: allowed is a whole number from 1 to 10000 (requests); the default is 1000
    10: load 1: when_full = "fail" is not known
      hint: allowed is "wait" or "drop"; the default is "wait"
    10: load 1: phase = "spread" has no meaning for a rate load
      hint: leave it out; it belongs to hey
    10: load 1: request = "-c 5 -m POST" is refused: -c paces hey, and this is no hey
      hint: leave it out; max_in_flight bounds the requests under way
    10: load 1: request = "-o csv" is refused: -o chooses an output format, but a study writes its own files
      hint: leave it out; requests.csv and hey-1.txt are always written
    8: load 1: rate = 5 is one kind of load too many: this one has hey
      hint: leave one of them out, or write a [[load]] of its own for rate
    7: the [[load]]s: ask for 12000 requests under way (max_in_flight) together; the most is 10000
      hint: lower max_in_flight
    8: load 1: steps = "20 for 30s, 100" is refused at step 2, "100": it is neither a level and a duration nor two levels and a duration
      hint: write levels with their durations, as in "20 for 30s, 20 to 100 for 1m, 100 for 30s"
    9: load 1: shape = "ramp" has no meaning beside steps, which are a shape themselves
      hint: leave it out
    10: load 1: to = 5 has no meaning beside steps, which are a shape themselves
      hint: leave it out
    9: load 1: phase = "spread" has no meaning for workers that send as fast as they can
      hint: give hey a pace with -q, or leave phase out
    9: load 1: duration = "1m" has no meaning for a hey load
      hint: leave it out: -z is how long hey goes on
    10: load 1: max_in_flight = 5 has no meaning for a hey load
      hint: leave it out: -c is how many requests hey has under way
    8: load 1: trace = "missing.csv" is refused: DIR/missing.csv does not exist
      hint: the path is looked up beside the scenario file
    8: load 1: trace = "" names no file
      hint: write a CSV's path, looked up beside the scenario
    8: load 1: trace = "broken.csv" is refused: DIR/broken.csv:3: column 1 (count): "four" is not a count
      hint: a count is a whole number from 0 to 1000000000
    9: load 1: bin = "1m" has no meaning for a trace of recorded times
      hint: leave it out
    10: load 1: arrivals = "poisson" has no meaning for a trace of recorded times
      hint: leave it out
    8: load 1: trace = "times.csv" is refused: DIR/times.csv:1: has no column generator
      hint: leave generator out: the file is one load
    9: load 1: function_rank = 2 has no meaning for a trace of counts
      hint: leave it out
    9: load 1: from = "3m" begins 3m into a recording of 3m
      hint: begin earlier; from counts in the trace's own time
    9: load 1: duration = "4m" is longer than the recording, which lasts 3m from there
      hint: write a shorter time, or leave it out to play all of it
    9: load 1: speed = 0 is out of range
      hint: allowed is a number from 0.001 to 1000000; the default is 1.0
    8: load 1: trace = "counts.csv" holds no request
      hint: take another part of it with from and duration, or raise scale
    8: load 1: trace = "day.csv" is refused: DIR/day.csv has no function "none"
      hint: copy a HashFunction from the file, or choose one by function_rank = 1
    8: load 1: trace = "day.csv" is refused: DIR/day.csv has 2 functions, so none of rank 3
      hint: lower function_rank
    9: load 1: bin = "1m" has no meaning for a day of Azure Functions, whose bins are minutes
      hint: leave it out
    "##);
}

/// Every kind of load.
const LOADS: [&str; 17] = [
    "rate = 250\nduration = \"2m\"",
    "rate = 0.5\nduration = \"1m\"\narrivals = \"poisson\"\nmax_in_flight = 20\nwhen_full = \"drop\"",
    "rate = 10\nto = 200\nshape = \"ramp\"\nduration = \"1m\"\nstart = \"500ms\"",
    "rate = 10\nto = 200\nshape = \"spike\"\nspike_at = \"20s\"\nspike_for = \"10s\"\nduration = \"1m\"",
    "rate = 10\nto = 200\nshape = \"square\"\nperiod = \"20s\"\nhigh_share = 0.25\nduration = \"1m\"",
    "rate = 10\nto = 200\nshape = \"sine\"\nperiod = \"20s\"\nduration = \"1m\"",
    "rate = 10\nto = 200\nshape = \"sawtooth\"\nperiod = \"20s\"\nduration = \"1m\"",
    "steps = \"20 for 30s, 20 to 100 for 1m, 0 for 500ms\"",
    "steps = \"20 for 3s, 5 for 2s\"\nduration = \"20s\"\nrequest = \"-m POST -d text -a user:secret\"",
    "hey = \"-z 10s -c 5 -q 5\"\nphase = \"spread\"",
    "hey = \"-z 10s -c 5 -q 5\"\nphase = \"random\"",
    "trace = \"times.csv\"",
    "trace = \"counts.csv\"",
    "trace = \"counts.csv\"\nbin = \"10s\"\nfrom = \"5s\"\nduration = \"1s\"\nspeed = 20\nscale = 10\narrivals = \"uniform\"",
    "trace = \"counts.csv\"\narrivals = \"poisson\"",
    "trace = \"day.csv\"\nfunction_rank = 2\nspeed = 60",
    "trace = \"day.csv\"\nfunction_hash = \"often\"\nfrom = \"8h\"\nduration = \"10m\"",
];

#[test]
fn loads_are_described_in_words() {
    let traces = traces();
    let mut words = Vec::new();
    for load in LOADS {
        let study = study_in(traces.path(), load).unwrap_or_else(|error| panic!("{load}: {error}"));
        let text = study.describe().to_string();
        let runs = text.lines().find(|line| line.starts_with("  runs")).unwrap_or_default();
        let requests = runs.split("(seed 1), ").last().unwrap_or_default().replace(" each", "");
        words.push(format!("{}  [{requests}; {:?}]", study.loads[0], study.duration_of_run()));
    }
    insta::assert_snapshot!(words.join("\n"), @r##"
    rate 250/s for 2m, evenly spaced, at most 1000 in flight, others held back  [30000 requests; 120.01868s]
    rate 0.5/s for 1m, arriving as a Poisson process, at most 20 in flight, others dropped  [about 30 requests; 60.01868s]
    rate from 10/s to 200/s in 1m, evenly spaced, at most 1000 in flight, others held back, from 500ms  [6300 requests; 60.51868s]
    rate 10/s for 1m with a spike of 200/s at 20s for 10s, evenly spaced, at most 1000 in flight, others held back  [2500 requests; 60.01868s]
    rate 10/s and 200/s in turn for 1m (period 20s, 25 % of it at 200/s), evenly spaced, at most 1000 in flight, others held back  [3450 requests; 60.01868s]
    rate between 10/s and 200/s as a sine for 1m (period 20s), evenly spaced, at most 1000 in flight, others held back  [6300 requests; 60.01868s]
    rate from 10/s to 200/s again and again for 1m (period 20s), evenly spaced, at most 1000 in flight, others held back  [6300 requests; 60.01868s]
    rate 20/s for 30s, 20/s to 100/s in 1m, 0/s for 500ms, evenly spaced, at most 1000 in flight, others held back  [4200 requests; 90.51868s]
    rate 20/s for 3s, 5/s for 2s, again and again for 20s, evenly spaced, at most 1000 in flight, others held back, sent with -m POST -d text -a ***  [280 requests; 20.01868s]
    hey -z 10s -c 5 -q 5, workers evenly spread over their period  [250 requests; 10.21868s]
    hey -z 10s -c 5 -q 5, workers at random places of their period  [250 requests; 10.21868s]
    trace times.csv: 3 requests in 3s, at most 1000 in flight, others held back  [3 requests; 3.018680001s]
    trace counts.csv: 11 requests in 3m, evenly spaced in each bin of 1m, at most 1000 in flight, others held back  [11 requests; 180.01868s]
    trace counts.csv: 55 requests in 1s, at random times in each bin of 10s, from 5s on, 20 times as fast, 10 requests for each recorded, at most 1000 in flight, others held back  [55 requests; 1.01868s]
    trace counts.csv: 11 requests in 3m, arriving as a Poisson process in each bin of 1m, at most 1000 in flight, others held back  [about 11 requests; 180.01868s]
    trace day.csv (function rare, rank 2): 615 requests in 24m, evenly spaced in each bin of 1m, 60 times as fast, at most 1000 in flight, others held back  [615 requests; 1440.01868s]
    trace day.csv (function often): 15 requests in 10m, evenly spaced in each bin of 1m, from 8h on, at most 1000 in flight, others held back  [15 requests; 600.01868s]
    "##);
}

#[test]
fn the_resolved_scenario_gives_the_same_loads_again() {
    let traces = traces();
    for load in LOADS {
        let study = study_in(traces.path(), load).unwrap_or_else(|error| panic!("{load}: {error}"));
        let text = study.resolved_toml();
        let again = Scenario::parse("again.toml", text, traces.path().to_owned())
            .and_then(|scenario| resolve::resolve(&scenario, &Overrides::default()))
            .unwrap_or_else(|error| panic!("{load}\n{text}\n{error}"));
        assert_eq!((&study.generators, &study.loads), (&again.generators, &again.loads), "{text}");
        assert_eq!(again.resolved_toml(), text);
        assert!(!study.resolved_without_secrets().contains("secret"));
    }
}

/// When each request of a load is due.
fn dues(study: &Study, directory: &Path, name: &str) -> Vec<(u32, String)> {
    let file = directory.join(name);
    let count = schedule_file::write(study, 1, &file).expect("written");
    let text = fs::read_to_string(&file).expect("it can be read");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("generator,time_s,worker"));
    let rows: Vec<(u32, String)> = lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            (fields[0].parse().expect("a number"), fields[1].to_owned())
        })
        .collect();
    assert_eq!(rows.len() as u64, count);
    rows
}

#[test]
fn a_schedule_written_out_and_read_back_is_the_same_load() {
    let traces = traces();
    for (number, load) in LOADS.iter().enumerate() {
        let study = study_in(traces.path(), load).unwrap_or_else(|error| panic!("{load}: {error}"));
        let written = dues(&study, traces.path(), &format!("written-{number}.csv"));
        let replay = study_in(traces.path(), &format!("trace = \"written-{number}.csv\"")).expect("it is a trace");
        let again = dues(&replay, traces.path(), &format!("again-{number}.csv"));
        assert_eq!(written, again, "{load}");
    }
}

#[test]
fn one_load_of_several_can_be_replayed_alone() {
    let traces = traces();
    let both = format!("{}\n[[load]]\n{}", LOADS[1], LOADS[9]);
    let written = dues(&study_in(traces.path(), &both).expect("it resolves"), traces.path(), "both.csv");
    let second = study_in(traces.path(), "trace = \"both.csv\"\ngenerator = 2").expect("it is a trace");
    let times = |rows: &[(u32, String)], of: u32| -> Vec<String> {
        rows.iter().filter(|(generator, _)| *generator == of).map(|(_, time)| time.clone()).collect()
    };
    assert_eq!(times(&written, 2), times(&dues(&second, traces.path(), "second.csv"), 1));
    assert_eq!(times(&written, 2).len(), 250);
}

#[test]
fn a_load_without_a_schedule_and_a_file_that_exists_are_refused() {
    let traces = traces();
    let file = traces.path().join("times.csv");
    let error = schedule_file::write(&study(LOADS[0]), 1, &file).expect_err("it exists").to_string();
    assert!(error.ends_with("times.csv exists\n  hint: choose another file"), "{error}");
    let closed = study("hey = \"-z 10s -c 5\"");
    let error = schedule_file::write(&closed, 1, &traces.path().join("new.csv")).expect_err("no schedule");
    assert!(error.to_string().starts_with("load 1 has no schedule"), "{error}");
    assert!(!traces.path().join("new.csv").exists());
}

#[derive(Default)]
struct Rows {
    requests: Vec<RequestRow>,
    lost: u64,
    planned: Vec<u64>,
}

impl Recorder for Rows {
    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.requests.push(*row);
        Ok(())
    }

    fn lost(&mut self, _at: Timestamp, _generator: GeneratorId, lost: Lost) -> Result<(), RecordError> {
        self.lost += lost.busy + lost.late;
        Ok(())
    }

    fn second(&mut self, _at: Timestamp, planned: u64, _sample: &PlatformSample) -> Result<(), RecordError> {
        self.planned.push(planned);
        Ok(())
    }
}

fn simulated(study: &Study) -> (Rows, Outcome) {
    let mut rows = Rows::default();
    let outcome = sim::run(&study.plan(0, 1), Epoch::default(), &mut rows).expect("it runs");
    (rows, outcome)
}

#[test]
fn in_virtual_time_every_kind_of_load_sends_what_it_planned_when_it_was_due() {
    let traces = traces();
    for (number, load) in LOADS.iter().enumerate() {
        // a day of minutes is long, and the day played fast is the same code
        if load.contains("function_hash") {
            continue;
        }
        let study = study_in(traces.path(), load).unwrap_or_else(|error| panic!("{load}: {error}"));
        let (rows, outcome) = simulated(&study);
        let tally = outcome.generators[0];
        assert_eq!(tally.sent + tally.lost.busy + tally.lost.late + tally.unused, tally.planned, "{load}");
        assert_eq!((tally.sent, rows.lost), (rows.requests.len() as u64, tally.lost.busy + tally.lost.late), "{load}");
        assert_eq!(tally.held_back.count, rows.requests.iter().filter(|row| row.ready > row.due).count() as u64);
        let mut sent: Vec<u64> = rows.requests.iter().map(|row| row.due.as_nanos()).collect();
        sent.sort_unstable();
        if tally.lost == Lost::default() {
            let written = dues(&study, traces.path(), &format!("sim-{number}.csv"));
            let due = |time: &str| time.replace('.', "").parse::<u64>().expect("digits");
            assert_eq!(sent, written.iter().map(|(_, time)| due(time)).collect::<Vec<_>>(), "{load}");
        }
        for (planned, second) in rows.planned.iter().zip(1..) {
            let before = sent.partition_point(|due| *due < second * 1_000_000_000) as u64;
            assert!(*planned >= before && *planned <= before + tally.lost.busy, "{load}: second {second}");
        }
        assert!(
            outcome.load_end
                >= Timestamp::ZERO + study.generators[0].schedule.duration(Duration::ZERO).min(tally.duration)
        );
    }
}

#[test]
fn the_bound_holds_back_or_drops_and_tells_how_much() {
    // more than the node's cores can pass through the gateway
    let load =
        |when_full: &str| format!("rate = 900\nduration = \"10s\"\nmax_in_flight = 20\nwhen_full = \"{when_full}\"");
    let (rows, outcome) = simulated(&study(&load("wait")));
    let tally = outcome.generators[0];
    assert_eq!((tally.planned, tally.sent), (9_000, 9_000));
    assert!(tally.held_back.count > 1_000, "{tally:?}");
    assert!(tally.held_back.longest > Duration::from_secs(1), "{tally:?}");
    let longest = rows.requests.iter().map(|row| row.ready - row.due).max();
    assert_eq!(longest, Some(tally.held_back.longest));

    let (rows, outcome) = simulated(&study(&load("drop")));
    let tally = outcome.generators[0];
    assert_eq!(tally.sent + tally.lost.busy, 9_000);
    assert!(tally.lost.busy > 500 && tally.lost.late == 0, "{tally:?}");
    assert!(rows.requests.iter().all(|row| row.ready == row.due));
}

#[test]
fn a_quiet_end_is_part_of_the_load() {
    let (_, outcome) = simulated(&study("steps = \"50 for 2s, 0 for 6s\""));
    assert_eq!((outcome.load_start, outcome.load_end), (Timestamp::ZERO, Timestamp::from_secs(8)));
    assert_eq!(outcome.generators[0].duration, Duration::from_secs(8));
}

#[test]
fn arms_of_a_repeat_meet_the_same_arrivals_and_repeats_meet_others() {
    let study = study("rate = 50\nduration = \"10s\"\narrivals = \"poisson\"");
    let dues = |repeat: u32| {
        let mut rows = Rows::default();
        sim::run(&study.plan(0, repeat), Epoch::default(), &mut rows).expect("it runs");
        rows.requests.iter().map(|row| row.due).collect::<Vec<_>>()
    };
    assert_eq!(dues(1), dues(1));
    assert_ne!(dues(1), dues(2));
}
