//! What runs have changed on other people's platforms and not yet put back, on disk, written before the change: it outlives a `kill -9`.
//!
//! One file per run in one directory of the user's. An entry whose process is gone is someone's debt, which the next run on that
//! function or `watchtower restore` pays.

mod owed;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::owed::{Asked, ClusterDebt, GatewayDebt, LoadDebt, Owed, Taken, Unanswered};

/// The variable of the environment that names another directory.
const DIRECTORY_VARIABLE: &str = "WATCHTOWER_STATE_DIR";

/// One run's changes on one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Names the run: nothing else has the same.
    pub id: String,
    /// The process that made it.
    pub process: Process,
    /// What it changed, and where.
    #[serde(flatten)]
    pub owed: Owed,
}

impl Entry {
    /// The function it is about, or the Job.
    pub fn function(&self) -> &str {
        match &self.owed {
            Owed::Cluster(debt) => &debt.function,
            Owed::Gateway(debt) => &debt.function,
            Owed::Load(debt) => &debt.job,
        }
    }

    /// The platform.
    pub fn place(&self) -> &str {
        match &self.owed {
            Owed::Cluster(debt) => &debt.cluster,
            Owed::Gateway(debt) => &debt.gateway,
            Owed::Load(debt) => &debt.cluster,
        }
    }

    fn namespace(&self) -> &str {
        match &self.owed {
            Owed::Cluster(debt) => &debt.namespace,
            Owed::Gateway(debt) => &debt.namespace,
            Owed::Load(debt) => &debt.job_namespace,
        }
    }

    /// Whether it is about this function on this platform.
    pub(in crate::drive::live::target) fn is_about(&self, place: &str, namespace: &str, function: &str) -> bool {
        (self.place(), self.namespace(), self.function()) == (place, namespace, function)
    }
}

/// A process that can be told from a later one of the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in the kernel's ticks since boot; `None` where the kernel does not tell.
    pub started: Option<u64>,
}

impl Process {
    /// This one.
    pub(in crate::drive::live::target) fn own() -> Self {
        let pid = std::process::id();
        Self { pid, started: started(pid) }
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        match (self.started, started(self.pid)) {
            (Some(then), Some(now)) => then == now,
            // no /proc: a number that is taken is taken for it
            (None, _) => i32::try_from(self.pid)
                .is_ok_and(|pid| nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok()),
            (Some(_), None) => false,
        }
    }
}

/// Field 22 of `/proc/PID/stat` (proc(5)); the name in field 2 may hold spaces and brackets, so fields count from its last bracket.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Why the journal can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no place for it.
    #[error("there is no directory to note changes in: neither {DIRECTORY_VARIABLE}, XDG_STATE_HOME nor HOME is set")]
    NoPlace,
    /// A file can't be written or read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file is no entry.
    #[error("{path} is no entry of this version's journal: {source}")]
    Entry {
        /// Which.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The directory of all entries.
#[derive(Clone, Debug)]
pub struct Journal(PathBuf);

impl Journal {
    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// The user's: `$WATCHTOWER_STATE_DIR`, `$XDG_STATE_HOME/watchtower` or `~/.local/state/watchtower`.
    ///
    /// # Errors
    /// When none of the three is set.
    pub fn of_user() -> Result<Self, JournalError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        variable(DIRECTORY_VARIABLE)
            .or_else(|| variable("XDG_STATE_HOME").map(|state| state.join("watchtower")))
            .or_else(|| variable("HOME").map(|home| home.join(".local/state/watchtower")))
            .map(Self)
            .ok_or(JournalError::NoPlace)
    }

    /// At this place.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    /// All entries, the oldest first.
    ///
    /// # Errors
    /// When one can't be read: an unknown change must not be passed over.
    pub fn entries(&self) -> Result<Vec<Entry>, JournalError> {
        let listed = match fs::read_dir(&self.0) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(file_error(&self.0, source)),
        };
        let mut paths = Vec::new();
        for entry in listed {
            let path = entry.map_err(|source| file_error(&self.0, source))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        paths
            .into_iter()
            .map(|path| {
                let text = fs::read(&path).map_err(|source| file_error(&path, source))?;
                serde_json::from_slice(&text)
                    .map_err(|source| JournalError::Entry { path: path.display().to_string(), source })
            })
            .collect()
    }

    /// Keeps an entry, unless a run that goes on has one about the same function: its process then.
    ///
    /// Two that begin at the same time see each other's, and neither has changed anything yet.
    pub(super) fn claim(&self, entry: &Entry) -> Result<Result<(), Process>, JournalError> {
        self.keep(entry)?;
        let about = |other: &Entry| other.is_about(entry.place(), entry.namespace(), entry.function());
        let others = self.entries()?;
        let other = others.into_iter().find(|other| other.id != entry.id && about(other) && other.process.is_alive());
        let Some(other) = other else { return Ok(Ok(())) };
        self.strike(entry)?;
        Ok(Err(other.process))
    }

    /// Keeps an entry, so that it is there whatever happens next.
    pub(in crate::drive::live::target) fn keep(&self, entry: &Entry) -> Result<(), JournalError> {
        fs::create_dir_all(&self.0).map_err(|source| file_error(&self.0, source))?;
        let (path, unfinished) = (self.path(entry), self.unfinished(entry));
        let text = serde_json::to_vec_pretty(entry)
            .map_err(|source| JournalError::Entry { path: path.display().to_string(), source })?;
        let written = fs::File::create(&unfinished).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            // the name too is on disk
            fs::File::open(&self.0)?.sync_all()
        });
        written.map_err(|source| file_error(&path, source))
    }

    /// Strikes an entry out: what it says is put back.
    pub(super) fn strike(&self, entry: &Entry) -> Result<(), JournalError> {
        // whoever was killed while he wrote has left half of it
        for path in [self.unfinished(entry), self.path(entry)] {
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(file_error(&path, source)),
                _ => {}
            }
        }
        Ok(())
    }

    fn unfinished(&self, entry: &Entry) -> PathBuf {
        self.0.join(format!("{}.unfinished", entry.id))
    }

    fn path(&self, entry: &Entry) -> PathBuf {
        self.0.join(format!("{}.json", entry.id))
    }
}

fn file_error(path: &Path, source: io::Error) -> JournalError {
    JournalError::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::super::secret::SecretSource;
    use super::*;

    fn entry(id: &str) -> Entry {
        Entry {
            id: id.to_owned(),
            process: Process::own(),
            owed: Owed::Gateway(GatewayDebt {
                gateway: "http://127.0.0.1:8080".to_owned(),
                namespace: "openfaas-fn".to_owned(),
                function: "ftest".to_owned(),
                replicas: 2,
                alertmanager: None,
                secret: SecretSource::PasswordFile { user: "admin".into(), file: "password".into() },
                ca_file: None,
                unanswered: Vec::new(),
            }),
        }
    }

    fn of_a_cluster(id: &str) -> Entry {
        let taken = |deployment: &str, replicas| Taken {
            namespace: "openfaas-fn".to_owned(),
            deployment: deployment.to_owned(),
            replicas,
        };
        Entry {
            owed: Owed::Cluster(ClusterDebt {
                cluster: "https://127.0.0.1:6443/".to_owned(),
                kubeconfig: None,
                context: Some("lab".to_owned()),
                namespace: "openfaas-fn".to_owned(),
                function: "ftest".to_owned(),
                taken: vec![taken("ftest", Some(2)), taken("alertmanager", None)],
                silenced_at: None,
                ca_file: None,
            }),
            ..entry(id)
        }
    }

    fn of_a_load(id: &str) -> Entry {
        Entry {
            owed: Owed::Load(LoadDebt {
                cluster: "https://127.0.0.1:6443/".to_owned(),
                kubeconfig: Some("lab.yaml".to_owned()),
                context: None,
                job_namespace: "openfaas-fn".to_owned(),
                job: id.to_owned(),
            }),
            ..entry(id)
        }
    }

    #[test]
    fn what_was_kept_is_read_back_until_it_is_struck_out() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path().join("not/yet/there"));
        assert_eq!(journal.entries().unwrap(), []);
        journal.keep(&entry("2")).unwrap();
        journal.keep(&entry("1")).unwrap();
        journal.keep(&of_a_cluster("3")).unwrap();
        journal.keep(&of_a_load("4")).unwrap();
        assert_eq!(journal.entries().unwrap(), [entry("1"), entry("2"), of_a_cluster("3"), of_a_load("4")]);
        journal.strike(&entry("1")).unwrap();
        fs::write(journal.unfinished(&entry("1")), "{\"id\"").unwrap();
        journal.strike(&entry("1")).unwrap();
        assert!(!journal.unfinished(&entry("1")).exists());
        assert_eq!(journal.entries().unwrap(), [entry("2"), of_a_cluster("3"), of_a_load("4")]);
    }

    #[test]
    fn of_two_that_begin_on_one_function_the_second_to_be_noted_is_told_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path());
        assert_eq!(journal.claim(&entry("1")).unwrap(), Ok(()));
        assert_eq!(journal.claim(&entry("0")).unwrap(), Err(Process::own()));
        assert_eq!(journal.claim(&of_a_cluster("2")).unwrap(), Ok(()), "another place");
        let dead = Entry { process: Process { pid: u32::MAX, started: Some(1) }, ..entry("1") };
        journal.keep(&dead).unwrap();
        assert_eq!(journal.claim(&entry("3")).unwrap(), Ok(()));
        assert_eq!(journal.entries().unwrap(), [dead, of_a_cluster("2"), entry("3")]);
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("1.json"), "{\"id\": ").unwrap();
        let error = Journal::at(folder.path()).entries().unwrap_err().to_string();
        assert!(error.contains("1.json is no entry"), "{error}");
    }

    #[test]
    fn a_process_is_known_by_its_number_and_its_start() {
        let own = Process::own();
        assert!(own.is_alive());
        assert!(!Process { started: own.started.map(|ticks| ticks + 1), ..own.clone() }.is_alive());
        assert!(!Process { pid: u32::MAX, started: Some(1) }.is_alive());
    }
}
