//! The keys of `[price]`: what a replica costs.

use crate::policy::settings::Parameter;

use super::keys::{number, text};

/// Largest price, vCPUs and GB of a replica: beyond it is a slip of the pen.
const MOST: f64 = 1_000_000.0;

/// Keys of `[price]`.
pub(super) fn price() -> Vec<Parameter> {
    let price = |name, unit, doc| number(name, 0.0, MOST, 0.0, unit, doc);
    vec![
        text("currency", "", "the currency of the prices, for people: EUR, USD"),
        price("replica_hour", "of the currency", "price of one replica for an hour, starting and terminating included"),
        price("vcpu", "vCPUs", "CPU reserved for a replica, which vcpu_second is the price of"),
        price("vcpu_second", "of the currency", "price of one vCPU for a second"),
        price("memory", "GB", "memory reserved for a replica, which gb_second is the price of"),
        price("gb_second", "of the currency", "price of one GB for a second"),
    ]
}
