//! What the users of journeys send: pure data, for the driver that lets goose send it and for the one in virtual time.

use std::sync::Arc;
use std::time::Duration;

use crate::schedule::journeys::{Ends, Settings};

use super::RequestPlan;

/// Users, their journeys, and the requests on them.
#[derive(Clone, Debug, PartialEq)]
pub struct JourneysPlan {
    /// Who goes when.
    pub settings: Arc<Settings>,
    /// What is sent, journey by journey as in the settings.
    pub journeys: Vec<JourneyPlan>,
}

/// One journey.
#[derive(Clone, Debug, PartialEq)]
pub struct JourneyPlan {
    /// Its name.
    pub name: String,
    /// Its requests, step by step as in the settings.
    pub steps: Vec<StepPlan>,
}

/// One request of a journey.
#[derive(Clone, Debug, PartialEq)]
pub struct StepPlan {
    /// Its name.
    pub name: String,
    /// What follows the function's address; empty, or something that begins with `/`.
    pub path: String,
    /// The query, without `?`; `None` for the function's own.
    pub query: Option<String>,
    /// What is sent. Time-out, connections and the way there are the whole load's.
    pub request: RequestPlan,
}

impl JourneysPlan {
    /// The same users, all there at once and for this long.
    #[must_use]
    pub fn steady(&self, duration: Duration) -> Self {
        let settings = Settings { ramp: Duration::ZERO, ends: Ends::After(duration), ..(*self.settings).clone() };
        Self { settings: Arc::new(settings), journeys: self.journeys.clone() }
    }

    /// All steps, numbered as [`StepId`](crate::schedule::StepId) numbers them.
    pub fn steps(&self) -> impl Iterator<Item = &StepPlan> {
        self.journeys.iter().flat_map(|journey| &journey.steps)
    }
}
