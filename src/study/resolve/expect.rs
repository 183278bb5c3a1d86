//! What a scenario expects: formulas that can be read, over arms that run and columns that hold numbers.

use crate::study::nearest::nearest;
use crate::study::problem::Problem;
use crate::study::results::expect::{Expectation, Operand, is_column_of_words, number_columns, parse};
use crate::study::scenario::{ArmSection, Expected, Scenario};

/// The expectations, in the scenario's order. Those on arms that are not asked to run are kept: they are judged as left out.
///
/// Called before the arms are thinned out by the command line: an arm is known if the file has it.
pub(super) fn expectations(scenario: &Scenario, problems: &mut Vec<Problem>) -> Vec<Expectation> {
    for (index, expected) in scenario.expect.iter().enumerate() {
        let twin = scenario.expect[..index]
            .iter()
            .find(|other| (other.over, &other.formula) == (expected.over, &expected.formula));
        if let Some(twin) = twin {
            let what = format!("is there twice, the other is on line {}", twin.line);
            problems.push(problem(expected, what, "leave one of them out"));
            continue;
        }
        match parse(&expected.formula) {
            Ok(formula) => {
                for operand in formula.operands() {
                    problems.extend(arm_problem(scenario, expected, operand));
                    problems.extend(column_problem(expected, operand));
                }
            }
            Err(error) => {
                let text = error.to_string();
                // the error's text is "what; remedy"
                let (what, remedy) = text.split_once("; ").unwrap_or((&text, ""));
                problems.push(problem(expected, what, remedy));
            }
        }
    }
    let expectation =
        |expected: &Expected| Expectation { over: expected.over, formula: expected.formula.trim().to_owned() };
    scenario.expect.iter().map(expectation).collect()
}

fn problem(expected: &Expected, what: impl Into<String>, hint: impl Into<String>) -> Problem {
    let Expected { over, formula, line } = expected;
    let shown: String = formula.chars().filter(|char| !char.is_control()).take(80).collect();
    Problem::new("[expect]", what, hint).at(Some(*line)).key(over.as_str()).value(format!("\"{shown}\""))
}

fn arm_problem(scenario: &Scenario, expected: &Expected, operand: &Operand) -> Option<Problem> {
    let arm = &operand.arm;
    let known: Vec<&str> = scenario.arms.iter().map(ArmSection::name).filter(|name| !name.is_empty()).collect();
    if let Some(found) = scenario.arms.iter().find(|known| known.name() == arm) {
        let hint = "expect something of the arm whose shadow it is, or take shadow_only away";
        let only = found.is_shadow_only();
        return only.then(|| problem(expected, format!("names {arm}, which is only a shadow and has no runs"), hint));
    }
    let listed = format!("its arms: {}", known.join(", "));
    let hint = match nearest(arm, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant}.{}? {listed}", operand.column),
        None if arm.contains('-') => format!("names may hold hyphens, so a minus stands between spaces; {listed}"),
        None => listed,
    };
    Some(problem(expected, format!("names {arm}, which is not an arm of this scenario"), hint))
}

fn column_problem(expected: &Expected, operand: &Operand) -> Option<Problem> {
    let column = operand.column.as_str();
    if number_columns().any(|known| known == column) {
        return None;
    }
    if is_column_of_words(column) {
        let what = format!("names {column}, which holds words and not numbers");
        return Some(problem(expected, what, "runs that are not valid meet nothing; compare a column of numbers"));
    }
    let longer = |known: &&str| known.starts_with(column);
    let hint = match nearest(column, number_columns()).or_else(|| number_columns().find(longer)) {
        _ if column.contains('-') => "names may hold hyphens, so a minus stands between spaces".to_owned(),
        Some(meant) => format!("did you mean {}.{meant}?", operand.arm),
        None => format!("known are {}", number_columns().collect::<Vec<_>>().join(", ")),
    };
    Some(problem(expected, format!("names {column}, which is not a column of comparison.csv"), hint))
}
