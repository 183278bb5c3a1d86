//! The keys of a `[[fault]]`. Which kinds there are stands with the faults themselves ([`crate::drive::faults`]).

use std::time::Duration;

use crate::drive::faults::NAMES;
use crate::policy::settings::{Kind, Parameter, Value};

use super::keys::{LONGEST, duration, integer, number};

/// Keys whose default only stands for "not given".
const WITHOUT_DEFAULT: [&str; 2] = ["kind", "duration"];

/// The largest factor: beyond it a fault is one that never ends.
const FACTOR_MAX: f64 = 1_000.0;

/// Whether a parameter is a fault's and its default only stands for "not given".
pub(super) fn is_without_default(parameter: &Parameter) -> bool {
    WITHOUT_DEFAULT.contains(&parameter.name) && keys().contains(parameter)
}

/// Keys of `[[fault]]`, of all its kinds.
pub(super) fn keys() -> Vec<Parameter> {
    vec![
        Parameter {
            name: "kind",
            kind: Kind::Choice(&NAMES),
            default: Value::Text(NAMES[0]),
            unit: "",
            doc: "what goes wrong",
        },
        duration("start", Duration::ZERO, LONGEST, Duration::ZERO, "when it begins, counted from the load's start"),
        duration(
            "duration",
            Duration::ZERO,
            LONGEST,
            Duration::ZERO,
            "how long it lasts; a crash is over at once and has none",
        ),
        number(
            "factor",
            1.0,
            FACTOR_MAX,
            2.0,
            "",
            "of slow-start and slow-node: how many times as long as usual it takes",
        ),
        integer("replicas", 1, 10_000, 1, "replicas", "of a crash: how many die, those longest in service first"),
    ]
}
