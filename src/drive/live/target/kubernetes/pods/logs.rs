//! What a pod says, line by line, read through the API server from its log while it grows.
//!
//! A stream that breaks is begun anew, from the beginning of the log: whoever listens knows what it has heard.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::watch;
use tokio::time::sleep;

use super::LOOK_EVERY;
use super::course::{Course, Stage};
use crate::drive::live::target::kubernetes::cluster::Cluster;

/// Before a log is asked for again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How often the log of a pod that is over is asked for before what it lacks counts as never said.
const TRIES: u32 = 20;

/// Who listens to pods.
pub trait Ear: Send + Sync {
    /// A pod said this; of a log that is read again, again.
    fn hear(&self, pod: u32, line: &str);

    /// Whether all that a pod had to say was heard.
    fn has_all(&self, pod: u32) -> bool;

    /// The last words for people that were heard of a pod.
    fn last_words(&self, pod: u32) -> Option<String>;
}

/// A pod that did not say all it had to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its number, from 0.
    pub pod: u32,
    /// What the cluster calls it.
    pub name: String,
    /// What became of it.
    pub why: String,
}

/// Listens to a pod until it has said all, or is over without.
pub(super) async fn read(
    cluster: Cluster,
    pod: u32,
    path: impl Fn(&str) -> String,
    mut course: watch::Receiver<Course>,
    ear: Arc<dyn Ear>,
) -> Option<Lost> {
    let mut tries = 0;
    loop {
        // nobody looks any more: what is known last is all there will be
        let started = course.wait_for(|course| course.pod(pod).stage != Stage::Pending).await;
        let seen = started.map(|course| course.pod(pod)).unwrap_or_default();
        let heard = hear(&cluster, pod, &path(&seen.name), ear.as_ref()).await;
        if ear.has_all(pod) {
            return None;
        }
        let is_over = seen.stage == Stage::Over;
        if let Err(error) = &heard {
            tracing::warn!("what {} says can't be read: {error}", seen.name);
        }
        // a log that was read to its end after its pod was over will not grow
        if is_over && (heard.is_ok() || tries >= TRIES) {
            let words = [Some(seen.words), ear.last_words(pod)];
            let words: Vec<String> = words.into_iter().flatten().filter(|words| !words.is_empty()).collect();
            return Some(Lost { pod, name: seen.name, why: words.join("; it said last: ") });
        }
        tries += u32::from(is_over);
        sleep(if heard.is_ok() { LOOK_EVERY } else { AGAIN_AFTER }).await;
    }
}

async fn hear(cluster: &Cluster, pod: u32, path: &str, ear: &dyn Ear) -> Result<(), super::super::ApiError> {
    let mut lines = cluster.lines(path).await?;
    while let Some(line) = lines.next().await {
        ear.hear(pod, &line?);
        if ear.has_all(pod) {
            return Ok(());
        }
    }
    Ok(())
}
