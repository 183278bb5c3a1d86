//! A gateway as it is: read, scaled and called, with nothing taken over and nothing put back. For who stays, not for a run.

use super::Access;
use crate::drive::live::target::guest::GuestError;
use crate::drive::live::target::rest::Rest;
use crate::drive::live::target::{BoxFuture, Target, TargetError};
use crate::policy::{Counter, Refusal, ReplicaStatus};
use crate::record::{FunctionId, PlatformSample};

/// A gateway and some of its functions.
#[derive(Clone, Debug)]
pub struct Plain {
    rest: Rest,
    description: String,
}

impl Plain {
    /// The functions of these names. Nothing is sent yet.
    ///
    /// # Errors
    /// When an address, a name, the password or the file of authorities can't be used.
    pub fn open(access: &Access, functions: &[String]) -> Result<Self, GuestError> {
        let description = format!("OpenFaaS gateway at {} ({})", access.gateway, functions.join(", "));
        Ok(Self { rest: access.rest(functions)?, description })
    }
}

impl Target for Plain {
    fn invoke_uri(&self, function: FunctionId, query: &str) -> Result<hyper::Uri, TargetError> {
        self.rest.invoke_uri(function, query)
    }

    fn scrape(&self) -> BoxFuture<'_, Option<Vec<Counter>>> {
        Box::pin(self.rest.scraped())
    }

    fn replicas(&self, function: FunctionId) -> BoxFuture<'_, Option<ReplicaStatus>> {
        Box::pin(self.rest.read_replicas(function))
    }

    fn scale(&self, function: FunctionId, to: u32) -> BoxFuture<'_, Result<u32, Refusal>> {
        Box::pin(self.rest.scale(function, to))
    }

    fn sample(&self, _function: FunctionId) -> PlatformSample {
        PlatformSample::default()
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}
