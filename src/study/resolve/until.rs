//! `[run.until]`: how long to repeat, and `[run] aa`: whether the noise is measured.

use crate::drive::Arm;
use crate::stats::inference::MIN_PAIRS;
use crate::stats::metric::{self, METRICS};
use crate::study::nearest::nearest;
use crate::study::problem::Problem;
use crate::study::scenario::Scenario;
use crate::study::until::{HalfWidth, Until};

use super::Overrides;

/// Whether the interval decides how many repeats there are; not if the command line says how many.
pub(super) fn until(scenario: &Scenario, overrides: &Overrides, problems: &mut Vec<Problem>) -> Option<Until> {
    let section = &scenario.until;
    section.line?;
    let name = section.settings.text("metric");
    let metric = metric::find(name);
    if metric.is_none() {
        let names = || METRICS.iter().map(|metric| metric.name);
        problems.push(if name.is_empty() {
            section.missing("metric", "is not given", "name a column of comparison.csv, such as \"p95_ms\"")
        } else {
            // "p95" is near many names by its letters, and the beginning of one
            let begun = names().find(|known| known.starts_with(name));
            let hint = match begun.or_else(|| nearest(name, names())) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => format!("known are {}", names().collect::<Vec<_>>().join(", ")),
            };
            section.problem("metric", "is not a metric of a run", hint)
        });
    }
    let text = section.settings.text("half_width");
    let half_width = HalfWidth::parse(text);
    if half_width.is_none() {
        let hint = "write \"5%\" for a twentieth of the first arm's mean, or a number in the metric's unit, in quotes";
        problems.push(if text.is_empty() {
            section.missing("half_width", "is not given", hint)
        } else {
            section.problem("half_width", "is neither a share nor a number above 0", hint)
        });
    }
    let most = section.settings.count("most");
    let least = scenario.run.settings.count("repeats").max(MIN_PAIRS as u32);
    if least > most {
        let what = format!("is less than [run] repeats = {least}, which are made before the first look");
        problems.push(section.problem("most", what, "raise it, or lower repeats"));
    }
    let until = Until { metric: metric?, half_width: half_width?, least, most };
    overrides.repeats.is_none().then_some(until)
}

/// The A/A twin of the first arm, if the noise is to be measured: by the scenario's word, or else in virtual time where there are
/// repeats enough to make something of it.
pub(super) fn twin(
    scenario: &mut Scenario,
    overrides: &Overrides,
    repeats: u32,
    arms: &[Arm],
    problems: &mut Vec<Problem>,
) -> Option<Arm> {
    let given = scenario.run.is_given("aa").then(|| scenario.run.settings.switch("aa"));
    let wanted = overrides.aa.or(given);
    let aa = wanted.unwrap_or_else(|| overrides.target.is_virtual() && repeats >= MIN_PAIRS as u32);
    // a switch is always allowed there
    let _ = scenario.run.settings.set(&super::keys::run(), "aa", super::Value::Switch(aa));
    let first = arms.first().filter(|_| aa)?;
    let name = format!("{}-aa", first.name);
    if arms.iter().any(|arm| arm.name == name) {
        let what = format!("gives arm \"{}\" a twin named \"{name}\", and there is an arm of that name", first.name);
        problems.push(scenario.run.problem("aa", what, "give that arm another name, or write aa = false"));
        return None;
    }
    Some(Arm { name, ..first.clone() })
}
