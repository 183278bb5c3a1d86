//! A list of objects followed by the API server's watch: what it tells, and what becomes of it when it breaks.
//!
//! ```text
//!   list --version--> watch --events, bookmarks--> told
//!     ^                 |  connection lost, or ended: watch again from the last version
//!     +--- 410: too old +  quiet for long: listed again, and what a live watch would have told is told as missed
//! ```
//!
//! What an object means is the listener's business.

use std::time::Duration;

use futures::StreamExt as _;
use kube::core::WatchEvent;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use super::cluster::{ApiError, Cluster};
use super::objects::{List, Meta};

/// The first wait before a new attempt, doubled with each.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest of these waits: an API server that is back is noticed soon.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The server ends a watch after so long by itself, which tells a dead connection from a quiet one.
const WATCH_SECS: u32 = 290;
/// What was on its way while a list was read has this long to arrive.
const GRACE: Duration = Duration::from_secs(1);

/// An object that can be followed.
pub(super) trait Followed: Clone + DeserializeOwned + Send + 'static {
    fn meta(&self) -> &Meta;
}

/// What is told of the objects.
#[derive(Debug)]
pub(super) enum News<T> {
    /// All there are.
    All(Vec<T>),
    /// One is new, or another than before.
    One(T),
    /// One is no more.
    Gone(T),
    /// The server can't be asked, for this reason; told with each attempt that fails.
    Lost(String),
    /// The watch had told nothing of what a list then showed, for at most so long.
    Silent(Duration),
}

/// What is followed.
#[derive(Clone, Debug)]
pub(super) struct Course {
    /// The path of the list, with its query if it has one.
    pub(super) path: String,
    /// Quiet for so long, a watch is doubted.
    pub(super) quiet: Duration,
    /// Whether what was there before it is told.
    pub(super) past: bool,
}

/// Follows until it is aborted, or until the listener answers `false`.
pub(super) async fn follow<T: Followed>(cluster: &Cluster, course: &Course, mut told: impl FnMut(News<T>) -> bool) {
    let mut wait = FIRST_WAIT;
    loop {
        let list: List<T> = match cluster.get(&course.list_path()).await {
            Ok(list) => list,
            Err(error) => {
                if !told(News::Lost(error.to_string())) {
                    return;
                }
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
                continue;
            }
        };
        wait = FIRST_WAIT;
        let mut versions = Versions { list: list.metadata.resource_version, object: newest(&list.items) };
        if course.past && !told(News::All(list.items)) {
            return;
        }
        if let After::Stop = watched(cluster, course, &mut versions, &mut told).await {
            return;
        }
    }
}

impl Course {
    /// Where the past does not matter, of the list only its version does.
    fn list_path(&self) -> String {
        if self.past { self.path.clone() } else { format!("{}?limit=1", self.path) }
    }
}

enum After {
    List,
    Stop,
}

/// Where a watch goes on from, and the object last seen.
struct Versions {
    list: String,
    object: Option<String>,
}

fn newest<T: Followed>(items: &[T]) -> Option<String> {
    items.last().map(|item| item.meta().resource_version.clone())
}

fn watch_path(course: &Course, version: &str) -> String {
    let mark = if course.path.contains('?') { '&' } else { '?' };
    format!(
        "{}{mark}watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECS}&resourceVersion={version}",
        course.path
    )
}

/// Watches from a version on, again and again, until a list is needed.
async fn watched<T: Followed>(
    cluster: &Cluster,
    course: &Course,
    versions: &mut Versions,
    told: &mut impl FnMut(News<T>) -> bool,
) -> After {
    let mut wait = FIRST_WAIT;
    let mut was_lost = false;
    loop {
        let mut stream = match cluster.stream::<T>(&watch_path(course, &versions.list)).await {
            // that nothing changed meanwhile is news too
            Ok(_) if was_lost && course.past => return After::List,
            Ok(stream) => stream,
            Err(error) if error.is_gone() => return After::List,
            Err(error) => {
                was_lost = true;
                if !told(News::Lost(error.to_string())) {
                    return After::Stop;
                }
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
                continue;
            }
        };
        let mut suspicion: Option<List<T>> = None;
        loop {
            let patience = if suspicion.is_some() { GRACE } else { course.quiet };
            let Ok(next) = timeout(patience, stream.next()).await else {
                if let Some(list) = suspicion.take() {
                    versions.list = list.metadata.resource_version;
                    versions.object = newest(&list.items);
                    if !told(News::Silent(course.quiet + GRACE)) || !told(News::All(list.items)) {
                        return After::Stop;
                    }
                    break;
                }
                match doubted::<T>(cluster, course, versions).await {
                    Ok(Doubt::Unfounded) => {}
                    Ok(Doubt::Founded(list)) => suspicion = Some(list),
                    // a new attempt tells what is wrong
                    Ok(Doubt::Unknown) | Err(_) => break,
                }
                continue;
            };
            // ended, or broken: gone on with where it stopped
            let Some(Ok(event)) = next else { break };
            wait = FIRST_WAIT;
            suspicion = None;
            let goes_on = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    versions.seen(&object);
                    told(News::One(object))
                }
                WatchEvent::Deleted(object) => {
                    versions.seen(&object);
                    told(News::Gone(object))
                }
                WatchEvent::Bookmark(bookmark) => {
                    versions.list = bookmark.metadata.resource_version;
                    true
                }
                // too old, or something worse: a list helps in both cases
                WatchEvent::Error(_) => return After::List,
            };
            if !goes_on {
                return After::Stop;
            }
        }
        // a server that ends every watch at once is not to be run down
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

impl Versions {
    fn seen<T: Followed>(&mut self, object: &T) {
        self.list.clone_from(&object.meta().resource_version);
        self.object = Some(object.meta().resource_version.clone());
    }
}

enum Doubt<T> {
    Unfounded,
    Founded(List<T>),
    /// There is too much to be listed: the watch is begun anew, which costs nothing and loses nothing.
    Unknown,
}

async fn doubted<T: Followed>(cluster: &Cluster, course: &Course, versions: &Versions) -> Result<Doubt<T>, ApiError> {
    if !course.past {
        return Ok(Doubt::Unknown);
    }
    let list: List<T> = cluster.get(&course.path).await?;
    Ok(if newest(&list.items) == versions.object { Doubt::Unfounded } else { Doubt::Founded(list) })
}
