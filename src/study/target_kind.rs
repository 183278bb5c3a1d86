//! Where the function of a study runs and is scaled.

use std::fmt;
use std::str::FromStr;

/// The targets a study can be run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetKind {
    /// An OpenFaaS-compatible gateway in this process, in front of modelled replicas.
    #[default]
    Embedded,
    /// The same model in virtual time.
    Simulated,
    /// Replicas as real processes behind the embedded gateway.
    Process,
    /// Any OpenFaaS gateway, by its REST API.
    Openfaas,
    /// Deployments of a Kubernetes cluster.
    Kubernetes,
}

impl TargetKind {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 5] = [Self::Embedded, Self::Simulated, Self::Process, Self::Openfaas, Self::Kubernetes];

    /// The name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Simulated => "simulated",
            Self::Process => "process",
            Self::Openfaas => "openfaas",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Whether this version can run a study on it.
    pub const fn is_available(self) -> bool {
        matches!(self, Self::Embedded | Self::Simulated | Self::Process | Self::Openfaas | Self::Kubernetes)
    }

    /// Whether replicas there are the model's, so that what the model says holds for it.
    pub const fn is_modelled(self) -> bool {
        matches!(self, Self::Embedded | Self::Simulated)
    }

    /// Whether runs on it take virtual time: as long as they take to compute.
    pub const fn is_virtual(self) -> bool {
        matches!(self, Self::Simulated)
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no target; known are embedded, simulated, process, openfaas and kubernetes")]
pub struct UnknownTarget(pub String);

impl FromStr for TargetKind {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_found_by_its_name_and_no_other() {
        for kind in TargetKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("Embedded".parse::<TargetKind>().is_err());
    }
}
