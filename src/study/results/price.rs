//! What a replica's time costs in money and memory, by the scenario's `[price]`.

use serde::{Deserialize, Serialize};

/// Prices of one replica.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The currency, for people.
    pub currency: String,
    /// Of a replica for a second, in that currency; `None` if no price is given.
    pub replica_second: Option<f64>,
    /// Memory reserved for a replica, in GB; `None` if it is not given.
    pub memory_gb: Option<f64>,
}

impl Price {
    /// What this many replica-seconds cost.
    pub fn of(&self, replica_seconds: f64) -> Option<f64> {
        self.replica_second.map(|price| price * replica_seconds)
    }
}
