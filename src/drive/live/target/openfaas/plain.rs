//! A gateway as it is: read, scaled and called, with nothing taken over and nothing put back. For who stays, not for a run.

use super::Access;
use crate::drive::live::target::Target;
use crate::drive::live::target::guest::GuestError;
use crate::drive::live::target::rest::Rest;
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
    fn gateway(&self) -> &Rest {
        &self.rest
    }

    fn sample(&self, _function: FunctionId) -> PlatformSample {
        PlatformSample::default()
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}
