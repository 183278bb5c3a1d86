//! `watchtower replay` on every kind of recording: what it says, and what it refuses.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// A probing arm with two shadows, and an arm that doesn't probe: everything a run can be asked about afterwards.
const STUDY: &str = r#"
name = "asked"
[function]
name = "ftest"
replicas = 2
[function.labels]
"com.openfaas.scale.max" = "4"
[function.model]
cpu = "20ms"
[[load]]
hey = "-z 70s -c 10 -q 3"
[run]
warm_up = "7s"
cool_down = "40s"
repeats = 2
[platform]
max_replicas = 4
[[arm]]
name = "tower"
policy = "watchtower"
check_frequency = 1
target = 30
max_replicas = 4
scale_up_rounds = 2
shadows = ["chain", "eager"]
[[arm]]
name = "eager"
policy = "watchtower"
check_frequency = 1
target = 30
max_replicas = 4
scale_up_rounds = 1
shadow_only = true
[[arm]]
name = "chain"
policy = "openfaas-ce"
evaluation_phase = "random"
"#;

struct House {
    dir: TempDir,
}

impl House {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).expect("a file");
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.output().expect("the program starts")
    }

    /// Exit code, standard output, standard error.
    fn replay(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let output = self.run(&[&["replay"][..], args].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// Rows of the CSV after its head.
    fn rows(&self, args: &[&str]) -> Vec<Vec<String>> {
        let (code, out, err) = self.replay(args);
        assert_eq!(code, Some(0), "{err}");
        rows(&out)
    }

    fn refused(&self, args: &[&str]) -> String {
        let (code, out, err) = self.replay(args);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}: {err}");
        assert!(err.contains("hint: "), "{args:?}: {err}");
        err
    }
}

fn rows(csv: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}

/// When, from, to and why.
type Scale = (f64, String, String, String);
type Scales = Vec<Scale>;

fn scales(rows: &[Vec<String>]) -> Scales {
    let scales = rows.iter().filter(|row| row[1] == "scale");
    scales.map(|row| (row[0].parse().expect("a time"), row[2].clone(), row[3].clone(), row[4].clone())).collect()
}

/// The study in virtual time, made once; its directory is `asked` in the house.
fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let house = House::new();
        house.write("asked.toml", STUDY);
        let output = house.run(&["run", "asked.toml", "--target", "simulated", "--out", "asked", "--quiet"]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        house
    })
}

/// The scalings that a run's `events.csv` has of an actor.
fn recorded(run: &str, actor: &str) -> Scales {
    let events =
        fs::read_to_string(house().dir.path().join("asked/runs").join(run).join("events.csv")).expect("events");
    let own: Vec<Vec<String>> = rows(&events)
        .into_iter()
        .filter(|row| row[1] == actor)
        .map(|row| vec![row[0].clone(), row[2].clone(), row[3].clone(), row[4].clone(), row[5].clone()])
        .collect();
    scales(&own)
}

/// The same scalings for the same reasons, at most `apart` seconds apart. A run's rows have the time of the platform's answer.
fn assert_same(replayed: &Scales, recorded: &Scales, apart: f64) {
    let same = |(one, other): (&Scale, &Scale)| {
        (one.0 - other.0).abs() <= apart && (&one.1, &one.2, &one.3) == (&other.1, &other.2, &other.3)
    };
    let agree = replayed.len() == recorded.len() && replayed.iter().zip(recorded).all(same);
    assert!(agree, "{replayed:#?}\nagainst\n{recorded:#?}");
}

#[test]
fn a_replay_of_a_run_with_its_own_arm_decides_what_the_run_decided() {
    for run in ["tower-1", "tower-2"] {
        let (arm, repeat) = run.split_once('-').expect("ARM-REPEAT");
        let replayed = house().rows(&["--policy", arm, "--counter", "asked", "--arm", arm, "--repeat", repeat]);
        let recorded = recorded(run, "watchtower");
        assert!(!recorded.is_empty());
        assert_same(&scales(&replayed), &recorded, 0.01);
    }
    // the run ends 40 s after its load: a replay goes on, and may find one more scaling there
    let replayed = house().rows(&["--policy", "chain", "--counter", "asked/runs/chain-2"]);
    let recorded = recorded("chain-2", "openfaas-ce");
    assert!(recorded.len() >= 2, "{recorded:?}");
    let end = recorded.last().expect("some").0 + 1.0;
    let before: Scales = scales(&replayed).into_iter().filter(|scale| scale.0 < end).collect();
    let times_and_counts =
        |scales: &Scales| scales.iter().map(|(_, from, to, _)| (from.clone(), to.clone())).collect::<Vec<_>>();
    assert_eq!(times_and_counts(&before), times_and_counts(&recorded));
    assert!(before.iter().zip(&recorded).all(|(one, other)| (one.0 - other.0).abs() < 0.01), "{before:?} {recorded:?}");
}

/// A quiet load with a spike, under every policy that reads the platform's metrics.
const MEASURED: &str = r#"
name = "measured"
[function]
name = "ftest"
[function.model]
cpu = "8ms"
start_up = "1s"
[platform]
cores = 8
[slo]
latency = "100ms"
percentile = 95
[[load]]
rate = 60
to = 260
shape = "spike"
spike_at = "4s"
spike_for = "10s"
duration = "DURATION"
arrivals = "poisson"
[run]
warm_up = "2s"
cool_down = "COOL"
[limits]
max_lateness = "1m"
max_stall = "1m"
[[arm]]
name = "lookout"
policy = "lookout"
ARMS
"#;

const MORE_ARMS: &str = r#"
[[arm]]
name = "hpa"
policy = "hpa"
metric = "cpu"
sync_period = "5s"
[[arm]]
name = "kpa"
policy = "kpa"
[[arm]]
name = "keda"
policy = "keda"
sync_period = "5s"
[[arm]]
name = "pro"
policy = "openfaas-pro"
evaluation_interval = "5s"
"#;

/// (when, from, to) of a scaling.
type Step = (f64, String, String);

/// The scalings that the run's files have of its policy, those of its replay up to the run's end, and that end.
fn run_and_replay(house: &House, out: &str, arm: &str) -> (Vec<Step>, Vec<Step>, f64) {
    let folder = house.dir.path().join(out).join("runs").join(format!("{arm}-1"));
    let events = rows(&fs::read_to_string(folder.join("events.csv")).expect("events"));
    let end: f64 = events.last().expect("some")[0].parse().expect("a time");
    let own = |row: &&Vec<String>| row[2] == "scale" && row[1] != "platform";
    let ran = events.iter().filter(own).map(|row| (row[0].parse().expect("a time"), row[3].clone(), row[4].clone()));
    let replayed = scales(&house.rows(&["--policy", arm, "--counter", &folder.display().to_string()]));
    let replayed = replayed.into_iter().filter(|scale| scale.0 <= end).map(|(at, from, to, _)| (at, from, to));
    (ran.collect(), replayed.collect(), end)
}

fn assert_same_decisions(house: &House, out: &str, arm: &str, apart: f64) {
    let (ran, replayed, end) = run_and_replay(house, out, arm);
    assert!(!ran.is_empty(), "{arm} never scaled");
    // of a scaling just before the end, the other one's may have been due after it
    let shorter = ran.len().min(replayed.len());
    let same = ran[shorter..].iter().chain(&replayed[shorter..]).all(|rest| rest.0 + apart > end)
        && ran
            .iter()
            .zip(&replayed)
            .all(|(one, other)| (one.0 - other.0).abs() <= apart && (&one.1, &one.2) == (&other.1, &other.2));
    assert!(same, "{arm} in the run: {ran:#?}\nreplayed: {replayed:#?}");
}

#[test]
fn policies_that_read_metrics_decide_in_a_replay_what_they_decided_in_the_run() {
    let house = House::new();
    let study = MEASURED.replace("DURATION", "60s").replace("COOL", "30s").replace("ARMS", MORE_ARMS);
    house.write("measured.toml", &study);
    let output = house.run(&["run", "measured.toml", "--target", "simulated", "--out", "out", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for arm in ["lookout", "hpa", "kpa", "keda", "pro"] {
        // a scaling is granted at once in a replay and some milliseconds later in a run: a hold may end one look of half a second apart
        assert_same_decisions(&house, "out", arm, 0.6);
    }
    // another one's metrics are as good: what would OpenFaaS Pro have done where ours scaled?
    let rows = house.rows(&["--policy", "pro", "--counter", "out/runs/lookout-1"]);
    assert!(!scales(&rows).is_empty(), "{rows:?}");
}

/// The same policy, by the clock: what it decided on the embedded target it decides again on what it was told there.
#[test]
fn a_run_by_the_clock_is_decided_again_in_its_replay() {
    let house = House::new();
    let study = MEASURED.replace("DURATION", "18s").replace("COOL", "2s").replace("ARMS", "");
    house.write("measured.toml", &study);
    let output = house.run(&["run", "measured.toml", "--out", "out", "--quiet"]);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    assert_same_decisions(&house, "out", "lookout", 1.1);
}

#[test]
fn a_replay_of_a_run_with_another_policy_decides_what_a_shadow_of_it_decided() {
    let eager = house().rows(&["--policy", "eager", "--counter", "asked/runs/tower-1"]);
    let shadow = recorded("tower-1", "shadow:eager");
    assert!(!shadow.is_empty());
    assert_same(&scales(&eager), &shadow, 0.01);
    let chain = scales(&house().rows(&["--policy", "chain", "--counter", "asked/runs/tower-1"]));
    let shadow = recorded("tower-1", "shadow:chain");
    assert!(shadow.len() >= 2);
    assert!(chain.len() >= shadow.len(), "{chain:?}");
    for (one, other) in chain.iter().zip(&shadow) {
        assert!((one.0 - other.0).abs() < 0.01 && (&one.1, &one.2) == (&other.1, &other.2), "{one:?} {other:?}");
    }
}

#[test]
fn an_arm_of_the_study_brings_its_settings_and_set_changes_them() {
    let json = |args: &[&str]| -> Value {
        let (code, out, err) =
            house().replay(&[&["--counter", "asked", "--arm", "tower", "--repeat", "2", "--json"], args].concat());
        assert_eq!(code, Some(0), "{err}");
        serde_json::from_str(&out).expect("JSON")
    };
    let own = json(&["--policy", "eager"]);
    assert_eq!((&own["policy"], &own["settings_of_arm"]), (&"watchtower".into(), &"eager".into()));
    assert_eq!((&own["settings"]["scale_up_rounds"], &own["settings"]["target"]), (&1.into(), &30.into()));
    let changed = json(&["--policy", "eager", "--set", "scale_up_rounds=3"]);
    assert_eq!((&changed["settings"]["scale_up_rounds"], &changed["settings"]["target"]), (&3.into(), &30.into()));
    let default = json(&["--policy", "watchtower"]);
    assert_eq!((&default["settings_of_arm"], &default["settings"]["target"]), (&Value::Null, &75.into()));

    let summary = fs::read_to_string(house().dir.path().join("asked/runs/tower-2/summary.json")).expect("a summary");
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    assert_eq!(own["seed"], summary["seed"]);
    assert_eq!(own["start_unix_s"].as_f64().map(f64::round), summary["load_started_unix_s"].as_f64().map(f64::round));
    let recorded = &own["recorded"];
    assert_eq!((&recorded["arm"], &recorded["repeat"]), (&"tower".into(), &2.into()));
    let function = &recorded["functions"][0];
    assert_eq!(
        (&function["function"], &function["replicas"], &function["replicas_max"]),
        (&"ftest".into(), &2.into(), &4.into())
    );
    assert_eq!(function["labels"]["com.openfaas.scale.max"], "4");
    // every load request, every probe, and one warm-up request each 3 s of 7 s
    let answered = summary["completed"].as_u64().expect("a count") + summary["probes"].as_u64().expect("a count") + 3;
    assert_eq!(function["answers"].as_u64(), Some(answered));
    assert_eq!(recorded["probes"], summary["probes"]);
    let unknown = recorded["unknown"].to_string();
    assert!(unknown.contains("when the gateway counted") && unknown.contains("the 3 warm-up requests"), "{unknown}");
    assert!(own["end_s"].as_f64().is_some_and(|end| end > 70.0));
}

#[test]
fn a_directory_of_results_is_asked_about_one_of_its_runs() {
    let house = house();
    for (args, words) in [
        (&["--counter", "asked"][..], "asked holds 4 runs: tower-1, tower-2, chain-1, chain-2"),
        (&["--counter", "asked", "--arm", "tower"], "asked holds 2 runs: tower-1, tower-2"),
        (&["--counter", "asked", "--arm", "tover"], "did you mean --arm tower?"),
        (&["--counter", "asked", "--arm", "tower", "--repeat", "3"], "asked has no such run; there are tower-1"),
        (&["--counter", "asked/runs/tower-1", "--arm", "chain"], "has no such run"),
        (&["--counter", "asked/runs"], "is neither a results directory nor one of its runs"),
        (&["--counter", "f=asked"], "give it alone, without a function's name"),
        (&["--counter", "asked", "--counter", "asked"], "give it alone"),
    ] {
        let said = house.refused(&[&["--policy", "openfaas-ce"], args].concat());
        assert!(said.contains(words), "{args:?}: {said}");
    }
    let said = house.refused(&["--policy", "watchtower", "--counter", "asked/runs/chain-1"]);
    assert!(said.contains("decides on the latency of its probes, and the run chain-1 holds none"), "{said}");
    let said = house.refused(&["--policy", "openfaas-ce-real", "--counter", "asked/runs/chain-1"]);
    assert!(said.contains("it is not computed by this program"), "{said}");
    let said = house.refused(&["--policy", "towr", "--counter", "asked/runs/chain-1"]);
    assert!(said.contains("did you mean \"tower\"?"), "{said}");
}

#[test]
fn a_run_without_rows_and_a_run_that_was_killed_say_what_is_missing() {
    let house = House::new();
    house.write("asked.toml", STUDY);
    let args = [
        "run",
        "asked.toml",
        "--target",
        "simulated",
        "--out",
        "folded",
        "--rows",
        "none",
        "--arm",
        "chain",
        "--repeats",
        "1",
    ];
    assert_eq!(house.run(&args).status.code(), Some(0));
    let said = house.refused(&["--policy", "openfaas-ce", "--counter", "folded"]);
    assert!(said.contains("folded/runs/chain-1 has no requests.csv") && said.contains("--rows none"), "{said}");

    let killed: PathBuf = house.dir.path().join("killed");
    let args = ["run", "asked.toml", "--target", "simulated", "--out", "killed", "--arm", "chain", "--repeats", "1"];
    assert_eq!(house.run(&args).status.code(), Some(0));
    fs::remove_file(killed.join("runs/chain-1/summary.json")).expect("it was there");
    let said = house.refused(&["--policy", "openfaas-ce", "--counter", "killed"]);
    assert!(said.contains("give the Unix time of its load's start: --start-unix"), "{said}");
    let (code, out, err) = house.replay(&["--policy", "chain", "--counter", "killed", "--start-unix", "1767225600"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(!scales(&rows(&out)).is_empty() && err.contains("what came after the run was killed"), "{err}");

    let file = killed.join("runs/chain-1/requests.csv");
    let mut text = fs::read_to_string(&file).expect("rows");
    text.push_str("1,2,soon\n");
    fs::write(&file, text).expect("written");
    let (code, _, err) = house.replay(&["--policy", "chain", "--counter", "killed", "--start-unix", "1767225600"]);
    assert!(code == Some(1) && err.contains("requests.csv, line "), "{code:?} {err}");
}

/// Counters as a Prometheus has them: 20 answers a second each, `ftest` from its start on, `other` from `late_s` on.
fn answer(start: f64, late_s: f64) -> String {
    let values = |from_s: f64| {
        let values = (0..40_u32).map(|step| 0.376 + 5.0 * f64::from(step)).filter(|at| *at >= from_s);
        let values = values.map(|at| format!(r#"[{:.3},"{:.0}"]"#, start + at, 1000.0 + 20.0 * (at - from_s)));
        values.collect::<Vec<_>>().join(",")
    };
    let series = |function: &str, from_s: f64| {
        format!(
            r#"{{"metric":{{"__name__":"gateway_function_invocation_total","code":"200","function_name":"{function}.openfaas-fn","instance":"127.0.0.1:8082","job":"openfaas-pods"}},"values":[{}]}}"#,
            values(from_s)
        )
    };
    let list = [series("ftest", 0.0), series("other", late_s)].join(",");
    format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{list}]}},"warnings":["partial"]}}"#)
}

#[test]
fn prometheus_own_answer_is_replayed_in_its_own_time() {
    let house = House::new();
    // a start on the grid of 15 s; rules are evaluated at 8 s of it
    let start = 1_795_457_220.0;
    house.write("both.json", &answer(start, 60.0));
    let settings = ["--policy", "openfaas-ce", "--set", "evaluation_phase=8"];
    let (code, out, err) = house.replay(&[&settings[..], &["--counter", "both.json"]].concat());
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("times count from the first sample, Unix time 1795457220.376"), "{err}");
    assert!(out.starts_with("t_s,kind,from,to,reason,function\n"), "{out}");
    let first = |rows: &[Vec<String>], function: &str| {
        let row = rows.iter().find(|row| row[1] == "scale" && row[5] == function).expect("a scaling");
        row[0].parse::<f64>().expect("a time")
    };
    let sampled = rows(&out);
    // pending at 8 s, firing at 23 s, notified at 28 s, 50 ms to the gateway; 0.376 s after that start
    assert!((first(&sampled, "ftest") - 27.674).abs() < 1e-9, "{sampled:?}");
    let timed = house.rows(&[&settings[..], &["--counter", "both.json", "--start-unix", "1795457220"]].concat());
    assert!((first(&timed, "ftest") - 28.05).abs() < 1e-9);
    assert_eq!(timed.len(), sampled.len());

    let one = house.rows(&[&settings[..], &["--counter", "other=both.json", "--start-unix", "1795457220"]].concat());
    // its second sample is there at the evaluation of 68 s
    let alone = scales(&one);
    assert!((alone[0].0 - 88.05).abs() < 1e-9, "{alone:?}");
    assert!(one.iter().all(|row| row.len() == 5 && !row[4].contains("ftest")));
}

#[test]
fn files_that_do_not_fit_together_are_told_apart() {
    let house = House::new();
    house.write("both.json", &answer(1_795_457_220.0, 60.0));
    house.write("one.csv", "t_s,code,value\n0,200,1\n5,200,2\n");
    house.write("none.csv", "t_s,code,value\n");
    house.write("cut.json", "{\"status\":\"success\",\"data\":{\"resul");
    house.write("a=b.csv", "t_s,code,value\n0,200,1\n5,200,2\n");
    for (args, words) in [
        (
            &["--counter", "both.json", "--counter", "x=one.csv"][..],
            "one.csv counts from its load's start, and both.json in Unix time",
        ),
        (&["--counter", "both.json", "--counter", "ftest=both.json"], "both.json: counters of ftest were given before"),
        (&["--counter", "third=both.json"], "no series of \"third\"; there are ftest.openfaas-fn, other.openfaas-fn"),
        (&["--counter", "cut.json"], "cut.json: line 1: not the JSON"),
        (&["--counter", "one.csv", "--arm", "x"], "leave out --arm and --repeat"),
        (&["--counter", "nowhere.csv"], "nowhere.csv: No such file"),
        (
            &["--counter", "one.csv", "--policy", "watchtower"],
            "decides on the latency of its probes, and recorded counters hold none",
        ),
        (&["--counter", "one.csv", "--start-unix", "1795457220000"], "must be seconds, not milliseconds"),
    ] {
        let policy: &[&str] = if args.contains(&"--policy") { &[] } else { &["--policy", "openfaas-ce"] };
        let (code, out, err) = house.replay(&[policy, args].concat());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}: {err}");
        assert!(err.contains(words), "{args:?}: {err}");
    }
    let rows = house.rows(&[
        "--policy",
        "openfaas-ce",
        "--counter",
        "both.json",
        "--counter",
        "x=one.csv",
        "--start-unix",
        "1795457220",
    ]);
    assert!(!rows.is_empty());
    assert_eq!(house.rows(&["--policy", "openfaas-ce", "--counter", "a=b.csv"]), Vec::<Vec<String>>::new());
    let (code, out, err) = house.replay(&["--policy", "openfaas-ce", "--counter", "none.csv"]);
    assert_eq!((code, out.as_str()), (Some(0), "t_s,kind,from,to,reason\n"), "{err}");
    assert!(err.contains("none.csv holds no samples"), "{err}");
}
