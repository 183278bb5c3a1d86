//! A study whose load comes from pods: this machine leads and sends nothing, a Job's pods send a share each, and what all of them recorded
//! is united.
//!
//! ```text
//!   pods asked for --> all running --> the study: led from here (shard 0/N) | shards 1/N+0 ... in the pods --> logs
//!                                                    \_______________________|________________________________/
//!                                                                       union --> results; pods gone
//! ```
//!
//! A pod that is lost makes every run invalid, by its name; what the others sent is kept. May not enter: how a pod is begun, and what a
//! union is.

use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::plan::{Premises, Study};
use super::results::ResultsError;
use super::results::shards::{LostShard, MergeError, Parcel, Shards};
use super::results::statistics::Statistics;
use super::results::summary::StudyRecord;
use super::runner::{Conduct, Observer, StudyEnd, StudyError, TAKE_OVER, run_study, time_in_step};
use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::live::target::guest::GuestError;
use crate::drive::live::target::guest::journal::{Journal, JournalError};
use crate::drive::live::target::kubernetes::Access;
use crate::drive::live::target::kubernetes::pods::{Ear, LoadPods, Lost, Order, SCENARIO};
use crate::schedule::share::Share;
use crate::stats::demand::DemandCurve;

/// How long after the study's end pods may take to end, and to say what they recorded.
const PATIENCE: Duration = Duration::from_secs(180);

/// Why a study could not be made with pods.
#[derive(Debug, thiserror::Error)]
pub enum PodsError {
    /// The pods could not be had, or are not gone.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// Changes can't be noted, so no pod was asked for.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The study itself failed.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// What the pods sent can't be united.
    #[error("{source}\n  hint: what was recorded is in {}", .kept.display())]
    Merge {
        /// Where the shards are.
        kept: PathBuf,
        /// Why.
        source: Box<MergeError>,
    },
    /// Results can't be written.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// Files can't be made where results are to be.
    #[error("{path} can't be used: {source}")]
    Room {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Which pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// How many.
    pub pods: u32,
    /// Of which image.
    pub image: String,
}

/// A study to be made, and where it ends up.
pub struct Led<'a> {
    /// The study; its share is that of a leader.
    pub study: &'a Study,
    /// Its `study.json` as it begins.
    pub record: &'a StudyRecord,
    /// What the load asks for.
    pub demand: &'a DemandCurve,
    /// Its results directory, which does not exist yet.
    pub results: &'a Path,
    /// How it is carried out.
    pub conduct: Conduct,
}

/// Makes a study with pods of its cluster. What was recorded so far is in its results directory whatever ends it.
///
/// # Errors
/// When pods can't be had, the study fails, or their recordings can't be united.
///
/// # Panics
/// When the study is on no cluster: [`objection_to_pods`](super::resolve::objection_to_pods) says so beforehand.
pub async fn run_with_pods(
    led: &Led<'_>,
    wish: &Wish,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
) -> Result<(StudyRecord, StudyEnd), PodsError> {
    let Some(Premises::Cluster(access)) = &led.study.premises else { panic!("pods are of a cluster") };
    let room = Room::beside(led.results)?;
    let before_load = access.load.ready_within + TAKE_OVER + led.study.warm_up;
    let start_at = Clock::unix_now() + before_load;
    let order = Order {
        pods: wish.pods,
        image: wish.image.clone(),
        args: words(wish.pods, start_at),
        scenario: led.study.resolved_without_secrets().to_owned(),
        lasts: before_load + time_in_step(led.study) + 2 * PATIENCE,
    };
    let function = led.study.functions.first().map_or("", |function| function.info.name.as_str());
    let (pods, stay) = LoadPods::start(access, function, &order, Journal::of_user()?).await?;
    observer.prepares(&format!(
        "{} pods are asked for (job {}); the load begins {:.0} s from now",
        wish.pods,
        pods.name(),
        before_load.as_secs_f64()
    ));
    let made = Box::pin(with_pods(led, access, &pods, start_at, &room, observer, interrupt)).await;
    let gone = stay.end().await;
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            room.keep_what_was_led(led.results)?;
            return Err(error);
        }
    };
    let (record, end) = match made {
        Made::Whole(lost) => room.unite(led, wish.pods, &lost)?,
        Made::Cut(end) => {
            room.keep_what_was_led(led.results)?;
            (led.record.clone(), StudyEnd { results: led.results.to_owned(), ..end })
        }
    };
    gone?;
    Ok((record, end))
}

/// How it went.
enum Made {
    /// To its end, but for these pods.
    Whole(Vec<Lost>),
    /// It was interrupted.
    Cut(StudyEnd),
}

async fn with_pods(
    led: &Led<'_>,
    access: &Access,
    pods: &LoadPods,
    start_at: Duration,
    room: &Room,
    observer: &mut dyn Observer,
    interrupt: &mut Interrupt,
) -> Result<Made, PodsError> {
    let cut = || StudyEnd {
        results: led.results.to_owned(),
        runs: Vec::new(),
        statistics: Statistics::default(),
        interrupted: true,
    };
    let mut asked = interrupt.clone();
    tokio::select! {
        running = pods.running(access.load.ready_within) => running?,
        () = asked.wait() => return Ok(Made::Cut(cut())),
    }
    let (over, is_over) = watch::channel(false);
    let ear: Arc<dyn Ear> = Arc::clone(&room.parcels) as Arc<dyn Ear>;
    let mut hearing = pin!(pods.heard(ear, is_over, PATIENCE));
    let mut lost = None;
    let end = {
        let conduct = Conduct { start_at: Some(start_at), ..led.conduct };
        let path = room.leader();
        let mut leading = pin!(run_study(led.study, led.record, led.demand, &path, conduct, observer, interrupt));
        loop {
            tokio::select! {
                end = &mut leading => break end?,
                heard = &mut hearing, if lost.is_none() => lost = Some(heard),
            }
        }
    };
    if end.interrupted {
        return Ok(Made::Cut(end));
    }
    if let Some(lost) = lost {
        return Ok(Made::Whole(lost));
    }
    over.send_replace(true);
    tokio::select! {
        lost = &mut hearing => Ok(Made::Whole(lost)),
        () = asked.wait() => Ok(Made::Cut(StudyEnd { interrupted: true, ..end })),
    }
}

/// The command line of each pod.
fn words(pods: u32, start_at: Duration) -> Vec<String> {
    let (shard, at) = (format!("job/{pods}+0"), format!("{:.3}", start_at.as_secs_f64()));
    let words = ["run", SCENARIO, "--target", "kubernetes", "--shard", &shard, "--start-at", &at];
    let kept = ["--rows", "none", "--out", "/work/shard", "--pack", "--quiet"];
    words.into_iter().chain(kept).map(str::to_owned).collect()
}

/// Where shards are until they are united: beside the results, so that they are on the same disk.
struct Room {
    folder: tempfile::TempDir,
    parcels: Arc<Parcels>,
}

impl Room {
    fn beside(results: &Path) -> Result<Self, PodsError> {
        let parent = results.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let failed = |source| PodsError::Room { path: parent.to_owned(), source };
        fs::create_dir_all(parent).map_err(failed)?;
        let folder = tempfile::Builder::new().prefix(".watchtower-shards-").tempdir_in(parent).map_err(failed)?;
        Ok(Self { folder, parcels: Arc::default() })
    }

    fn leader(&self) -> PathBuf {
        self.folder.path().join("0")
    }

    /// What this machine recorded becomes the results, where there will be no union.
    fn keep_what_was_led(&self, results: &Path) -> Result<(), PodsError> {
        let led = self.leader();
        if !led.exists() {
            return Ok(());
        }
        fs::rename(&led, results).map_err(|source| PodsError::Room { path: results.to_owned(), source })
    }

    fn unite(self, led: &Led<'_>, pods: u32, lost: &[Lost]) -> Result<(StudyRecord, StudyEnd), PodsError> {
        let united = self.united(led, pods, lost);
        united.map_err(|source| PodsError::Merge { kept: self.folder.keep(), source: Box::new(source) })
    }

    fn united(&self, led: &Led<'_>, pods: u32, lost: &[Lost]) -> Result<(StudyRecord, StudyEnd), MergeError> {
        let mut paths = vec![self.leader()];
        let mut lost: Vec<LostShard> = lost.iter().map(of_pod).collect();
        let mut parcels = std::mem::take(&mut *self.parcels.lock());
        for pod in 0..pods {
            let number = pod + 1;
            if lost.iter().any(|lost| lost.number == number) {
                continue;
            }
            let path = self.folder.path().join(number.to_string());
            let unpacked = parcels.get_mut(pod as usize).and_then(Option::take).map(|parcel| parcel.unpack(&path));
            match unpacked {
                Some(Ok(())) => paths.push(path),
                Some(Err(error @ MergeError::Damaged { .. })) => {
                    lost.push(LostShard { number, why: first_line(&error) });
                }
                Some(Err(error)) => return Err(error),
                None => lost.push(LostShard { number, why: "it said nothing".to_owned() }),
            }
        }
        let shards = Shards::open_without(&paths, &lost)?;
        let (record, runs) = shards.unite(led.results, led.record.command.clone())?;
        let statistics = Statistics::of(&record, &runs);
        Ok((record, StudyEnd { results: led.results.to_owned(), runs, statistics, interrupted: false }))
    }
}

/// Without the hint, which is about files.
fn first_line(error: &MergeError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn of_pod(lost: &Lost) -> LostShard {
    let Lost { pod, name, why } = lost;
    LostShard { number: pod + 1, why: format!("pod {name}: {why}") }
}

/// What the pods say, by their numbers.
#[derive(Debug, Default)]
struct Parcels(Mutex<Vec<Option<Parcel>>>);

impl Parcels {
    fn lock(&self) -> MutexGuard<'_, Vec<Option<Parcel>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of<T>(&self, pod: u32, ask: impl FnOnce(&mut Parcel) -> T) -> Option<T> {
        let mut parcels = self.lock();
        let place = pod as usize;
        if parcels.len() <= place {
            parcels.resize_with(place + 1, || None);
        }
        if parcels[place].is_none() {
            let made = Parcel::new(format!("the log of pod {pod}"));
            parcels[place] = made.inspect_err(|error| tracing::warn!("{error}")).ok();
        }
        parcels[place].as_mut().map(ask)
    }
}

impl Ear for Parcels {
    fn hear(&self, pod: u32, line: &str) {
        if let Some(Err(error)) = self.of(pod, |parcel| parcel.take(line)) {
            tracing::warn!("{error}");
        }
    }

    fn has_all(&self, pod: u32) -> bool {
        self.of(pod, |parcel| parcel.is_whole()).unwrap_or(false)
    }

    fn last_words(&self, pod: u32) -> Option<String> {
        self.of(pod, |parcel| parcel.words())
    }
}

/// The share of whoever leads so many pods.
pub fn leaders_share(pods: u32) -> Option<Share> {
    Share::led_apart(0, pods)
}
