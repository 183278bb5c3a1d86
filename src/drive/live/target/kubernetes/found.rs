//! What runs have left changed in a cluster, found by the notes on its objects: for a machine that has no journal of those runs.
//!
//! ```text
//!   objects --annotations--> one entry per run --no sign of life on its Leases--> kept in this machine's journal, paid as any other
//! ```
//!
//! Nothing is changed here.

use futures::future::try_join_all;

use super::cluster::{Cluster, Door};
use super::isolation::{Mark, is_id, mark_of, place_of, taken};
use super::objects::{Deployment, List, deployments};
use super::{Place, Way, failed, lease, rights};
use crate::drive::live::target::guest::GuestError;
use crate::drive::live::target::guest::journal::{ClusterDebt, Entry, Owed, Process};

/// Where notes are looked for.
#[derive(Clone, Debug)]
pub enum Search {
    /// On these objects, whether they are there or not, the function first; and on their Leases.
    Objects(Vec<Place>),
    /// On all Deployments of these namespaces.
    Namespaces(Vec<String>),
}

/// What one run left changed.
#[derive(Clone, Debug)]
pub struct Left {
    /// As the run's own journal would have it.
    pub entry: Entry,
    /// Where the run had silenced an alert, if that is noted. From here that may be another place.
    pub silenced_at: Option<String>,
}

impl Left {
    /// The debt itself.
    pub fn debt(&mut self) -> &mut ClusterDebt {
        match &mut self.entry.owed {
            Owed::Cluster(debt) => debt,
            Owed::Gateway(_) | Owed::Load(_) => unreachable!("it was found by the notes of a run"),
        }
    }
}

/// An object as it was found.
struct Seen {
    place: Place,
    mark: Option<Mark>,
    /// The run that has its Lease.
    holder: Option<String>,
}

/// A cluster in which notes are looked for.
#[derive(Debug)]
pub struct Finder {
    door: Door,
    cluster: Cluster,
}

impl Finder {
    /// At the end of this way.
    ///
    /// # Errors
    /// When it leads to no cluster.
    pub async fn at(way: &Way) -> Result<Self, GuestError> {
        let door = Door::find(way).await?;
        let cluster = door.open()?;
        Ok(Self { door, cluster })
    }

    /// The API server's address.
    pub fn cluster(&self) -> String {
        self.door.cluster()
    }

    /// What is noted on objects, one entry per run. Nothing is changed.
    ///
    /// # Errors
    /// When the objects can't be read.
    pub async fn look(&self, search: &Search) -> Result<Vec<Left>, GuestError> {
        let seen = match search {
            Search::Objects(places) => self.these(places).await?,
            Search::Namespaces(namespaces) => self.all_of(namespaces).await?,
        };
        let first = seen.first().map(|seen| seen.place.clone());
        let mut found: Vec<Left> = Vec::new();
        for Seen { place, mark, holder } in seen {
            let id = mark.as_ref().map(|mark| mark.id.clone());
            if let Some(mark) = mark {
                let of = mark.of.unwrap_or_else(|| place.clone());
                let left = self.of_run(&mut found, &mark.id, of);
                left.silenced_at = left.silenced_at.take().or(mark.silenced_at);
                left.debt().taken.push(taken(&place, Some(mark.replicas)));
            }
            if let Some(holder) = holder.filter(|holder| Some(holder) != id.as_ref()) {
                let of = first.clone().unwrap_or_else(|| place.clone());
                self.of_run(&mut found, &holder, of).debt().taken.push(taken(&place, None));
            }
        }
        for left in &mut found {
            let debt = left.debt();
            // the function first: the platform's autoscaler should find it as it left it
            debt.taken.sort_by_key(|taken| (&taken.namespace, &taken.deployment) != (&debt.namespace, &debt.function));
        }
        Ok(found)
    }

    /// What is found of this run, which is about this function.
    fn of_run<'a>(&self, found: &'a mut Vec<Left>, id: &str, of: Place) -> &'a mut Left {
        let index = found.iter().position(|left| left.entry.id == id).unwrap_or_else(|| {
            let debt = ClusterDebt {
                cluster: self.door.cluster(),
                kubeconfig: self.door.way.kubeconfig.clone(),
                context: self.door.way.context.clone(),
                namespace: of.namespace,
                function: of.deployment,
                taken: Vec::new(),
                silenced_at: None,
                ca_file: None,
            };
            let entry = Entry { id: id.to_owned(), process: Process::own(), owed: Owed::Cluster(debt) };
            found.push(Left { entry, silenced_at: None });
            found.len() - 1
        });
        &mut found[index]
    }

    async fn these(&self, places: &[Place]) -> Result<Vec<Seen>, GuestError> {
        let mut seen = Vec::new();
        for place in places {
            let mark = match self.cluster.get::<Deployment>(&place.path()).await {
                Ok(deployment) => mark_of(&deployment),
                Err(error) if error.is_missing() => None,
                Err(error) => return Err(failed(&format!("{place} can't be read"))(error)),
            };
            let holder = lease::holder(&self.cluster, place).await?.filter(|holder| is_id(holder));
            seen.push(Seen { place: place.clone(), mark, holder });
        }
        Ok(seen)
    }

    async fn all_of(&self, namespaces: &[String]) -> Result<Vec<Seen>, GuestError> {
        let mut seen = Vec::new();
        for namespace in namespaces {
            let what = failed(&format!("deployments of namespace {namespace} can't be listed"));
            let list: List<Deployment> = self.cluster.get(&deployments(namespace)).await.map_err(what)?;
            seen.extend(list.items.iter().map(|deployment| {
                let place = Place { namespace: namespace.clone(), deployment: deployment.metadata.name.clone() };
                Seen { place, mark: mark_of(deployment), holder: None }
            }));
        }
        Ok(seen)
    }

    /// Watches the run's Leases for as long as they last: whoever renews one is alive.
    ///
    /// # Errors
    /// When the run is alive, a right to put its objects back is missing, or the cluster does not answer.
    pub async fn is_dead(&self, left: &mut Left) -> Result<(), GuestError> {
        let places: Vec<Place> = left.debt().taken.iter().map(place_of).collect();
        rights::check(&self.cluster, &rights::to_put_back(&places)).await?;
        try_join_all(places.iter().map(|place| lease::is_silent(&self.cluster, place))).await.map(drop)
    }
}
