//! The real Prometheus and Alertmanager as an arm: their life and death with a run, and what they do against what the emulated
//! chain does.
//!
//! Most tests run the chart's intervals five or ten times as fast; what the programs don't let themselves be told (Prometheus'
//! 5 s until it looks at its targets, Alertmanager's 30 s between two sweeps) stays.

mod agreement;
mod faults;
mod life;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use watchtower::drive::live::chain::Programs;

/// Whether both programs are here; says so if they are not.
fn are_installed() -> bool {
    let found = Programs::find("prometheus", "prometheus-alertmanager");
    if let Err(error) = &found {
        eprintln!("SKIPPED, the real chain is not tested: {error}");
    }
    found.is_ok()
}

/// The chart's intervals divided by ten.
const FAST: &str = r#"
policy = "openfaas-ce-real"
scrape_interval = "500ms"
window = "1s"
evaluation_interval = "1500ms"
for = "500ms"
resend_delay = "6s"
group_wait = "500ms"
group_interval = "1s"
repeat_interval = "3s"
"#;

/// A folder with a scenario, whose temporary directory holds nothing but what a run puts there.
struct House {
    dir: TempDir,
}

impl House {
    /// With an arm `real` of these settings under 20 requests a second.
    fn with(arm: &str, seconds: u32) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let scenario = format!(
            "name = \"chain\"\n[function]\nname = \"ftest\"\nquery = \"number=50\"\n[[load]]\nhey = \"-z {seconds}s -c 4 -q 5\"\n\
             [run]\nwarm_up = \"2s\"\ncool_down = \"6s\"\n[limits]\nmax_stall = \"60s\"\nmax_lateness = \"10s\"\n\
             [[arm]]\nname = \"real\"\n{arm}"
        );
        fs::write(dir.path().join("chain.toml"), scenario).expect("a scenario file");
        fs::create_dir(dir.path().join("tmp")).expect("a directory");
        Self { dir }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchtower"));
        command.args(args).current_dir(self.dir.path()).env("TMPDIR", self.temporary()).stdin(Stdio::null());
        command
    }

    fn start(&self) -> Child {
        let mut command = self.command(&["run", "chain.toml", "--out", "out"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    }

    fn temporary(&self) -> PathBuf {
        self.dir.path().join("tmp")
    }

    fn run_directory(&self) -> PathBuf {
        self.dir.path().join("out/runs/real-1")
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.run_directory().join(file)).unwrap_or_default()
    }

    fn summary(&self) -> serde_json::Value {
        serde_json::from_str(&self.read("summary.json")).expect("summary.json")
    }

    /// Rows of events.csv: time, actor, kind, from, to, reason, value.
    fn events(&self) -> Vec<Vec<String>> {
        let text = self.read("events.csv");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
    }

    /// Waits until an event says this.
    fn heard(&self, text: &str) {
        until(text, || self.read("events.csv").contains(text));
    }

    /// The processes of this house's programs, found by what they were told.
    fn processes(&self) -> Vec<Process> {
        let place = self.temporary().to_string_lossy().into_owned();
        let folders = fs::read_dir("/proc").expect("/proc").filter_map(|entry| Some(entry.ok()?.path()));
        let found = folders.filter_map(|folder| {
            let id = folder.file_name()?.to_str()?.parse().ok()?;
            let told = fs::read(folder.join("cmdline")).ok()?;
            let told = String::from_utf8_lossy(&told).replace('\0', " ");
            (told.contains(&place) && !is_dead(&folder)).then_some(Process { id, told })
        });
        found.collect()
    }

    /// The process that was told to read this file.
    fn reader_of(&self, file: &str) -> i32 {
        self.processes().into_iter().find(|process| process.told.contains(file)).expect("the program runs").id
    }

    /// Nothing that a run started or wrote beside its results is left.
    fn is_clean(&self) -> bool {
        self.processes().is_empty() && fs::read_dir(self.temporary()).expect("the directory").next().is_none()
    }
}

#[derive(Debug)]
struct Process {
    id: i32,
    told: String,
}

/// Ended, and only not yet asked for by whoever should.
fn is_dead(folder: &Path) -> bool {
    let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z') || rest.starts_with('X'))
}

/// Waits, with a bound, until `ready` says so.
fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !ready() {
        assert!(Instant::now() < deadline, "{what}: not within 90 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
