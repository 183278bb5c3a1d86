//! What a scenario may set of the lookout, and what a search may.

use std::time::Duration;

use crate::policy::settings::Parameter;
use crate::policy::tuning::Tunable;

const HOUR: Duration = Duration::from_secs(3_600);

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    vec![
        Parameter::number(
            "utilisation",
            (0.1, 0.95),
            0.62,
            "of a replica",
            "how busy replicas should be: lower is faster and dearer",
        ),
        Parameter::number(
            "concurrency",
            (1.0, 10_000.0),
            4.0,
            "requests",
            "requests a replica works on at once: its threads; the python3 template has 4",
        ),
        Parameter::duration(
            "hold",
            (Duration::ZERO, HOUR),
            Duration::from_secs(30),
            "it goes down no farther than the highest need of this long; up it goes at once",
        ),
        Parameter::duration(
            "memory",
            (Duration::ZERO, HOUR),
            Duration::from_secs(300),
            "a load that has jumped within this time may jump again: so many are kept as bear that, and fewer the longer ago a lone jump was",
        ),
        Parameter::integer(
            "standby",
            (1, 1_000),
            2,
            "replicas",
            "at least so many while a load is there that one could bear: a jump does not meet a lone one",
        ),
        Parameter::duration(
            "drain",
            (Duration::from_secs(1), HOUR),
            Duration::from_secs(10),
            "how soon a backlog should be gone once new replicas are there",
        ),
        Parameter::duration(
            "interval",
            (Duration::from_millis(100), Duration::from_secs(60)),
            Duration::from_millis(500),
            "time between two looks at the gateway's counters and the replicas, and so between two decisions",
        ),
        Parameter::duration(
            "probe_interval",
            (Duration::from_millis(100), Duration::from_secs(60)),
            Duration::from_secs(2),
            "time between two probes; one that is not answered yet delays the next",
        ),
    ]
}

/// What a search may change.
pub fn tuning() -> Vec<Tunable> {
    vec![Tunable::linear("utilisation", 0.3, 0.9), Tunable::log("hold", 2.0, 120.0), Tunable::log("drain", 2.0, 60.0)]
}
