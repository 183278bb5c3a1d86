//! Where a sidecar acts, and by whose leave: on a gateway, by a lock of this machine; in a cluster, by a Lease.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::config::{Config, FunctionConfig};
use super::crew::CrewError;
use crate::drive::live::clock::Clock;
use crate::drive::live::probe::Prober;
use crate::drive::live::sidecar::{Leadership, LockError, Way};
use crate::drive::live::target::guest::GuestError;
use crate::drive::live::target::kubernetes::Candidacy;
use crate::drive::live::target::kubernetes::plain::Ways;
use crate::drive::live::target::openfaas::plain::Plain;
use crate::drive::live::target::{Target, TargetError};
use crate::record::FunctionId;
use crate::time::Timestamp;

/// A platform that was looked at and not touched.
pub(super) struct Stage {
    ground: Ground,
    prober: Prober,
}

enum Ground {
    Gateway(Plain),
    Cluster(Ways),
}

/// By whose leave a sidecar acts. What is held is given back when it ends.
pub(super) enum Lead {
    /// Who does nothing needs nobody's leave.
    Always,
    Lock(Leadership),
    Lease(Candidacy),
}

impl Lead {
    /// Until when it leads.
    pub(super) fn watched(&self) -> watch::Receiver<Option<Timestamp>> {
        match self {
            Self::Always => watch::channel(Some(Timestamp::MAX)).1,
            Self::Lock(leadership) => leadership.watched(),
            Self::Lease(candidacy) => candidacy.watched(),
        }
    }

    /// Lets others lead.
    pub(super) async fn end(self) {
        match self {
            Self::Always => {}
            Self::Lock(leadership) => drop(leadership),
            Self::Lease(candidacy) => candidacy.end().await,
        }
    }
}

impl Stage {
    /// Looks at what a function needs. An API server that does not answer is waited for later, as a gateway is.
    pub(super) async fn find(
        config: &Config,
        function: &FunctionConfig,
        clock: Clock,
        is_dry: bool,
    ) -> Result<Self, CrewError> {
        let name = &function.name;
        let platform = |source: GuestError| CrewError::Gateway { function: name.clone(), source: Box::new(source) };
        let address = |source: TargetError| CrewError::Target { function: name.clone(), source };
        let plain = Plain::open(&config.access, std::slice::from_ref(name)).map_err(platform)?;
        let uri = plain.invoke_uri(FunctionId::STUDIED, &function.query).map_err(address)?;
        let trust = config.access.trust().map_err(platform)?;
        let prober = Prober::new(clock, &uri, trust);
        let prober = prober.map_err(|source| CrewError::Probe { function: name.clone(), source })?;
        let Some(way) = &config.cluster else { return Ok(Self { ground: Ground::Gateway(plain), prober }) };
        let ways = Ways::find(way, &config.access, name, clock).await.map_err(platform)?;
        match ways.missing_rights(is_dry).await {
            Ok(missing) if missing.is_empty() => {}
            Ok(missing) => return Err(CrewError::Rights { function: name.clone(), missing }),
            Err(error) => {
                tracing::warn!("{name}: rights can't be asked for, and the API server is waited for: {error}");
            }
        }
        Ok(Self { ground: Ground::Cluster(ways), prober })
    }

    /// Begins to act there, or to stand by.
    pub(super) fn enter(
        self,
        config: &Config,
        function: &FunctionConfig,
        is_dry: bool,
        locks: &Path,
    ) -> Result<(Way, Lead), LockError> {
        let (target, lead): (Arc<dyn Target>, Lead) = match self.ground {
            Ground::Gateway(plain) if is_dry => (Arc::new(plain), Lead::Always),
            Ground::Gateway(plain) => (Arc::new(plain), Lead::Lock(lock(config, function, locks)?)),
            Ground::Cluster(ways) if is_dry => (Arc::new(ways.look()), Lead::Always),
            Ground::Cluster(ways) => {
                let (plain, candidacy) = ways.stand(config.terms);
                (Arc::new(plain), Lead::Lease(candidacy))
            }
        };
        Ok((Way { target, prober: self.prober }, lead))
    }
}

fn lock(config: &Config, function: &FunctionConfig, locks: &Path) -> Result<Leadership, LockError> {
    let access = &config.access;
    let name = format!("{}/{}/{}", access.gateway, access.namespace, function.name);
    Leadership::claim(locks, &name)
}
