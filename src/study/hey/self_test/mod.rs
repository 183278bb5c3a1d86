//! `--self-test`: the generator against a server that knows its delays, so that a user learns how far this machine's numbers can be
//! trusted.
//!
//! ```text
//!   course: one exercise after the other --> findings (numbers only) --> verdict --> text, json
//!              |        ^
//!            load     yardstick
//! ```
//!
//! The generator is the one that sends every other load. Only [`run`] needs a clock; what follows from its numbers is pure.

mod course;
mod exercise;
mod findings;
mod json;
mod ladder;
mod machine;
mod pairs;
mod remedy;
mod text;
mod verdict;

use std::time::Duration;

pub use self::course::run;
pub use self::findings::{Added, Bursts, Closed, Findings, Loop, Mark, Pacing, Percentile, Stalled, Truth};
pub use self::json::{result, schema};
pub use self::machine::Machine;
pub use self::text::text;
pub use self::verdict::{Trust, Verdict, judge};

/// How long a self-test takes if `-z` doesn't say, at most and at least.
pub const LENGTH: Duration = Duration::from_secs(15);
/// The longest.
pub const LENGTH_MAX: Duration = Duration::from_secs(300);
/// The shortest: below, exercises would have too few requests to tell percentiles of.
pub const LENGTH_MIN: Duration = Duration::from_secs(2);
