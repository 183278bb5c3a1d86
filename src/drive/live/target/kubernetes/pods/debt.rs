//! The Job of a load as something owed: deleted with its pods, by whoever comes to it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{LOOK_EVERY, manifest};
use crate::drive::live::target::BoxFuture;
use crate::drive::live::target::guest::journal::{Entry, LoadDebt, Owed};
use crate::drive::live::target::guest::{Debt, GuestError};
use crate::drive::live::target::kubernetes::cluster::{ApiError, Cluster, Door};
use crate::drive::live::target::kubernetes::isolation::kubectl;
use crate::drive::live::target::kubernetes::{ConfigError, Way, failed};

/// How long one attempt waits for the pods to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// A Job that is to be deleted, with the way there.
pub(super) struct Owing {
    entry: Entry,
    debt: LoadDebt,
    door: Door,
    what: String,
}

impl Owing {
    pub(super) fn new(entry: Entry, debt: LoadDebt, door: Door) -> Self {
        let what = format!("job {}", debt.job);
        Self { entry, debt, door, what }
    }

    async fn delete(&self) -> Result<(), GuestError> {
        let cluster = self.door.open()?;
        let LoadDebt { job_namespace: namespace, job, .. } = &self.debt;
        let what = || failed(&format!("job {job} in namespace {namespace} can't be deleted"));
        let path = format!("{}/{job}", manifest::jobs(namespace));
        // the Job stays visible until its pods are gone
        gone(&cluster, &path, "Foreground").await.map_err(what())?;
        let deadline = Instant::now() + GONE_WITHIN;
        while is_there(&cluster, &path).await.map_err(what())? {
            if Instant::now() >= deadline {
                return Err(GuestError::Lingers {
                    job: job.clone(),
                    namespace: namespace.clone(),
                    waited: GONE_WITHIN,
                });
            }
            sleep(LOOK_EVERY).await;
        }
        gone(&cluster, &format!("{}/{job}", manifest::maps(namespace)), "Background").await.map_err(what())
    }
}

/// Deletes an object; one that is not there is gone already.
async fn gone(cluster: &Cluster, path: &str, propagation: &str) -> Result<(), ApiError> {
    let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation });
    match cluster.delete(path, &options).await {
        Err(error) if error.is_missing() => Ok(()),
        other => other,
    }
}

async fn is_there(cluster: &Cluster, path: &str) -> Result<bool, ApiError> {
    match cluster.get::<Value>(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_missing() => Ok(false),
        Err(error) => Err(error),
    }
}

impl Debt for Owing {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn put_back(&self) -> BoxFuture<'_, Result<(), GuestError>> {
        Box::pin(self.delete())
    }

    fn place(&self) -> &str {
        &self.debt.cluster
    }

    fn function(&self) -> &str {
        &self.what
    }

    fn commands(&self) -> String {
        let LoadDebt { kubeconfig, context, job_namespace, job, .. } = &self.debt;
        let kubectl = kubectl(kubeconfig.as_deref(), context.as_deref());
        format!("    {kubectl} -n {job_namespace} delete job/{job} configmap/{job} --ignore-not-found")
    }
}

/// What an entry says is owed to a cluster.
///
/// # Errors
/// When there is no way to it any more.
pub(in crate::drive::live::target) async fn debt(entry: &Entry) -> Result<Arc<dyn Debt>, GuestError> {
    let Owed::Load(debt) = &entry.owed else { unreachable!("only a load from pods comes here") };
    let way = Way { kubeconfig: debt.kubeconfig.clone(), context: debt.context.clone() };
    let door = Door::find(&way).await?;
    if door.cluster() != debt.cluster {
        return Err(ConfigError::Elsewhere { now: door.cluster(), then: debt.cluster.clone() }.into());
    }
    Ok(Arc::new(Owing::new(entry.clone(), debt.clone(), door)))
}
