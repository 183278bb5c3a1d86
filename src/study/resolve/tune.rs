//! `[tune]`: how long to search, with how many seeds, and how far.

use crate::policy::settings::{Parameter, Value};
use crate::policy::tuning::{Levels, Scale};
use crate::study::nearest::nearest;
use crate::study::problem::Problem;
use crate::study::scenario::{ArmSection, RangeForm, RangeSection, Scenario};
use crate::study::tune::Wishes;

/// What the scenario wishes of a search.
pub(super) fn wishes(scenario: &Scenario, problems: &mut Vec<Problem>) -> Wishes {
    let settings = &scenario.tune.settings;
    for range in &scenario.ranges {
        problems.extend(problem(range, &scenario.arms));
    }
    let (cost_weight, violation_weight) = (settings.number("cost_weight"), settings.number("violation_weight"));
    if cost_weight + violation_weight <= 0.0 {
        problems.push(scenario.tune.problem(
            "cost_weight",
            "leaves nothing to weigh",
            "let one of both weights be above 0",
        ));
    }
    Wishes {
        budget: settings.count("budget"),
        seeds: settings.count("seeds"),
        confirmation: settings.count("confirmation"),
        cost_weight,
        violation_weight,
        ranges: scenario.ranges.iter().map(|range| (range.name.clone(), range.form.clone())).collect(),
    }
}

/// What is wrong with a range, if anything: some arm has the setting, and may have these values.
fn problem(range: &RangeSection, arms: &[ArmSection]) -> Option<Problem> {
    let parameters: Vec<Parameter> =
        arms.iter().filter_map(|arm| arm.policy).flat_map(|policy| (policy.parameters)()).collect();
    let with_name: Vec<&Parameter> = parameters.iter().filter(|parameter| parameter.name == range.name).collect();
    let Some(first) = with_name.first() else {
        let hint = match nearest(&range.name, parameters.iter().map(|parameter| parameter.name)) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "name a setting of one of the arms; docs/policies.md lists them".to_owned(),
        };
        return Some(range.problem("is no setting of any arm", hint));
    };
    let hint = |parameter: &Parameter| format!("allowed is {}", parameter.kind);
    // arms of different policies may mean different things by one name; one of them has to be meant
    let refused = with_name.iter().find_map(|parameter| levels(parameter, &range.form).err());
    match refused {
        Some(what) if with_name.iter().all(|parameter| levels(parameter, &range.form).is_err()) => {
            Some(range.problem(what, hint(first)))
        }
        _ => None,
    }
}

/// The levels a range gives a setting.
///
/// # Errors
/// With what is wrong with it, to follow the key and the value in a message.
pub(in crate::study) fn levels(parameter: &Parameter, form: &RangeForm) -> Result<Levels, String> {
    let check = |value: &Value| {
        parameter.check(value.clone()).map_err(|_refused| format!("has {value}, which the setting can't be"))
    };
    match form {
        RangeForm::Values(values) => {
            let mut levels = Levels::default();
            for value in values {
                levels.insert(check(value)?);
            }
            Ok(levels)
        }
        RangeForm::Between { from, to, scale } => {
            let number = |value: &Value| match check(value)? {
                Value::Integer(number) => Ok(number as f64),
                Value::Number(number) => Ok(number),
                Value::Duration(duration) => Ok(duration.as_secs_f64()),
                _ => Err(format!("has {value}, which is no number")),
            };
            let (min, max) = (number(from)?, number(to)?);
            if min >= max {
                return Err("ends before it begins".to_owned());
            }
            if *scale == Scale::Log && min < 0.0 {
                return Err("has equal ratios below 0".to_owned());
            }
            Ok(Levels::between(parameter, min, max, *scale))
        }
    }
}
