//! `demand.csv`: what the model was asked, and what it said.

use std::fmt::Write as _;
use std::path::Path;

use super::directory::replace_file;
use super::error::ResultsError;
use crate::stats::demand::{Demand, DemandCurve};

/// The file's name.
pub(super) const NAME: &str = "demand.csv";

/// Writes the demand of a study's load: a row per stretch, the last one up to the load's end. `beyond_limit` is how many replicas
/// were not enough where not even the platform's limit was.
pub(super) fn write(directory: &Path, curve: &DemandCurve) -> Result<(), ResultsError> {
    replace_file(&directory.join(NAME), text(curve).as_bytes())
}

fn text(curve: &DemandCurve) -> String {
    let mut text = "from_s,rate_rps,demand,beyond_limit\n".to_owned();
    for stretch in curve.stretches() {
        let rate = stretch.rate.map(|rate| format!("{rate:.3}")).unwrap_or_default();
        let (demand, beyond) = match stretch.demand {
            Demand::Replicas(replicas) => (replicas.to_string(), String::new()),
            Demand::BeyondLimit(limit) => (String::new(), limit.to_string()),
            Demand::Unknown => Default::default(),
        };
        // writing to a String can't fail
        let _ = writeln!(text, "{},{rate},{demand},{beyond}", stretch.from);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::demand::Stretch;

    #[test]
    fn what_is_unknown_is_empty() {
        let stretch = |from, rate, demand| Stretch { from, rate, demand };
        let curve = DemandCurve::new(vec![
            stretch(0, Some(40.0), Demand::Replicas(2)),
            stretch(10, Some(200.0), Demand::BeyondLimit(5)),
            stretch(25, None, Demand::Unknown),
        ]);
        insta::assert_snapshot!(text(&curve), @r"
        from_s,rate_rps,demand,beyond_limit
        0,40.000,2,
        10,200.000,,5
        25,,,
        ");
    }
}
