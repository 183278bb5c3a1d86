//! Load from pods: an Indexed Job of which each pod sends a share of a load, begun for a study and gone after it.
//!
//! ```text
//!   rights --> dead studies' Jobs deleted --> noted on disk --> ConfigMap, Job --> pods run --logs--> whoever listens
//!                                                                                             |
//!                                              struck out <-- ConfigMap, Job and pods gone <--+
//! ```
//!
//! What the pods run, and what their lines mean, is not known here: they are handed words of a command line and a file, and their logs
//! are read through the API server, so that no port has to be open anywhere. They have no service account and no secret.

mod course;
mod debt;
mod logs;
mod manifest;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::cluster::{Cluster, Door};
use super::objects::Place;
use super::{Access, failed, rights};
use crate::drive::live::clock::Clock;
use crate::drive::live::target::guest::journal::{Entry, Journal, LoadDebt, Owed, Process};
use crate::drive::live::target::guest::{GuestError, Stay, settle};

use self::course::{Course, look};
use self::debt::Owing;

pub(in crate::drive::live::target) use self::debt::debt;
pub use self::logs::{Ear, Lost};
pub use self::manifest::SCENARIO;

/// Between two looks at what the pods say.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Where the pods of a load are, and what they reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The program's image.
    pub image: Option<String>,
    /// The namespace they are in; that of the functions if not given.
    pub namespace: Option<String>,
    /// The gateway as they reach it.
    pub gateway: String,
    /// From their being asked for to the first run's warm-up.
    pub ready_within: Duration,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            image: None,
            namespace: None,
            gateway: "http://gateway.openfaas:8080".to_owned(),
            ready_within: Duration::from_secs(60),
        }
    }
}

/// What pods are to do.
#[derive(Clone, Debug)]
pub struct Order {
    /// How many there are to be.
    pub pods: u32,
    /// The image of the program.
    pub image: String,
    /// The words of its command line; each pod knows its own number from 0 as `JOB_COMPLETION_INDEX`.
    pub args: Vec<String>,
    /// What they find at [`SCENARIO`].
    pub scenario: String,
    /// How long they may take in all; then the cluster ends them.
    pub lasts: Duration,
}

/// Pods that send a load. Dropping it ends the reading, not the pods; that is the [`Stay`]'s.
#[derive(Debug)]
pub struct LoadPods {
    cluster: Cluster,
    namespace: String,
    name: String,
    count: u32,
    course: watch::Receiver<Course>,
    looking: AbortHandle,
}

impl Drop for LoadPods {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl LoadPods {
    /// Has the cluster start them. What the study's own runs need to be allowed is asked for too, since they begin later.
    ///
    /// # Errors
    /// When the cluster, a right or the journal is missing. Nothing is left changed then.
    pub async fn start(
        access: &Access,
        function: &str,
        order: &Order,
        journal: Journal,
    ) -> Result<(Self, Stay), GuestError> {
        let door = Door::find(&access.way).await?;
        let cluster = door.open()?;
        let namespace = access.load.namespace.clone().unwrap_or_else(|| access.gateway.namespace.clone());
        let function = Place { namespace: access.gateway.namespace.clone(), deployment: function.to_owned() };
        let off = Some(&access.alertmanager).filter(|_| access.isolation == super::Isolation::Scale);
        let mut needed = rights::load(&namespace);
        needed.extend(rights::needed(&function, off));
        rights::check(&cluster, &needed).await?;

        let within = access.gateway.restore_within;
        for entry in journal.entries()? {
            let is_dead = !entry.process.is_alive() && entry.place() == door.cluster();
            if is_dead && matches!(entry.owed, Owed::Load(_)) {
                settle(debt(&entry).await?.as_ref(), &journal, within).await?;
            }
        }

        let process = Process::own();
        let name = format!("watchtower-load-{}-{}", Clock::unix_now().as_millis(), process.pid);
        let owed = LoadDebt {
            cluster: door.cluster(),
            kubeconfig: door.way.kubeconfig.clone(),
            context: door.way.context.clone(),
            job_namespace: namespace.clone(),
            job: name.clone(),
        };
        let entry = Entry { id: name.clone(), process, owed: Owed::Load(owed.clone()) };
        let stay = Stay::begin(Arc::new(Owing::new(entry, owed, door)), journal, within)?;
        let made = async {
            let what = || failed("the pods of the load can't be had");
            let (maps, map) = (manifest::maps(&namespace), manifest::map(&namespace, &name, order));
            cluster.create::<Value>(&maps, &map).await.map_err(what())?;
            let (jobs, job) = (manifest::jobs(&namespace), manifest::job(&namespace, &name, order));
            cluster.create::<Value>(&jobs, &job).await.map_err(what())
        };
        if let Err(error) = made.await {
            // what stopped it is the better message
            let _ = stay.end().await;
            return Err(error);
        }
        let (tell, course) = watch::channel(Course::of(order.pods));
        let looking = tokio::spawn(look(cluster.clone(), manifest::pods(&namespace, &name), tell)).abort_handle();
        Ok((Self { cluster, namespace, name, count: order.pods, course, looking }, stay))
    }

    /// The Job's name, for messages.
    pub fn name(&self) -> String {
        format!("{} in namespace {}", self.name, self.namespace)
    }

    /// Waits until all of them run.
    ///
    /// # Errors
    /// With those that don't by then, or that have ended, and what the cluster says of each.
    pub async fn running(&self, within: Duration) -> Result<(), GuestError> {
        let mut course = self.course.clone();
        let all = course.wait_for(|course| course.are_all_running() || course.has_one_ended());
        let in_time = tokio::time::timeout(within, all).await;
        let seen = self.course.borrow().clone();
        if matches!(in_time, Ok(Ok(_))) && seen.are_all_running() {
            return Ok(());
        }
        Err(GuestError::NoPods { job: self.name(), waited: within, pods: seen.not_running() })
    }

    /// Reads what each of them says until it has said all, is lost, or `over` holds for so long; those that are lost, with the reason.
    pub async fn heard(&self, ear: Arc<dyn Ear>, over: watch::Receiver<bool>, patience: Duration) -> Vec<Lost> {
        let reading = (0..self.count).map(|pod| {
            let path = |name: &str| manifest::log(&self.namespace, name);
            logs::read(self.cluster.clone(), pod, path, self.course.clone(), Arc::clone(&ear))
        });
        let all = futures::future::join_all(reading);
        let mut over = over;
        let late = async {
            // whoever would say so is gone: that is an end too
            let _ = over.wait_for(|over| *over).await;
            sleep(patience).await;
        };
        tokio::select! {
            lost = all => lost.into_iter().flatten().collect(),
            () = late => (0..self.count).filter(|pod| !ear.has_all(*pod)).map(|pod| Lost {
                pod,
                name: self.course.borrow().name(pod),
                why: format!("had not said all {:.0} s after the end", patience.as_secs_f64()),
            }).collect(),
        }
    }
}
