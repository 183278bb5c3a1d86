//! Which arm is taken, and what is said of it.

use super::*;
use crate::report::material::tests::material;

/// A study of two arms that missed the objective with these shares, and what the statistics say of misses and cost.
fn verdict(missed: [f64; 2], said: [(&str, f64); 2]) -> Verdict {
    let mut study = material(&["a", "b"], 8);
    for (arm, ratio) in study.arms.iter_mut().zip(missed) {
        for run in &mut arm.runs {
            if let Some(summary) = &mut run.summary {
                summary.slo_violation_ratio = Some(ratio);
            }
        }
    }
    let rows = [DECISIVE, COST].into_iter().zip(said).map(|(metric, (verdict, difference))| Comparison {
        metric: metric.to_owned(),
        arm_a: "a".to_owned(),
        arm_b: "b".to_owned(),
        n: Some(8),
        difference: Some(difference),
        ci_low: Some(difference - 0.01),
        ci_high: Some(difference + 0.01),
        p_holm: Some(0.03),
        verdict: verdict.to_owned(),
        ..Comparison::default()
    });
    Choice::of(&study, &rows.collect::<Vec<_>>()).verdict()
}

#[test]
fn an_arm_that_keeps_the_objective_is_taken_whatever_it_costs() {
    let verdict = verdict([0.03, 0.12], [("worse", 0.09), ("better", -100.0)]);
    assert_eq!(verdict.headline, "Take a.");
    assert_eq!(verdict.because[0], "Only a meets the objective.");
    assert!(
        verdict.sure[0].contains("a missed the objective 8 to 10 percentage points less often than b"),
        "{:?}",
        verdict.sure
    );
}

#[test]
fn of_two_that_keep_it_the_cheaper_one_is_taken() {
    let verdict = verdict([0.01, 0.04], [("worse", 0.03), ("better", -100.0)]);
    assert_eq!(verdict.headline, "Take b.");
    assert!(verdict.because[0].contains("the cheaper one"), "{:?}", verdict.because);
}

#[test]
fn of_two_that_dont_the_one_that_misses_it_less_is_taken_and_it_is_said() {
    let cheaper = verdict([0.31, 0.12], [("better", -0.19), ("better", -100.0)]);
    assert_eq!(cheaper.headline, "Take b, though none of them meets the objective.");
    let dearer = verdict([0.31, 0.12], [("better", -0.19), ("worse", 100.0)]);
    assert_eq!(dearer.headline, "Take b if the objective matters more than the price; none of them meets it.");
}

#[test]
fn what_is_not_told_apart_decides_nothing() {
    let open = verdict([0.31, 0.12], [("undecided: about 14 more runs would tell", -0.19), ("better", -9.0)]);
    assert_eq!(open.headline, "Undecided between a and b.");
    assert!(open.sure.iter().any(|said| said.contains("about 14 more runs")), "{:?}", open.sure);
    assert_eq!(verdict([0.03, 0.04], [("worse", 0.01), ("undecided", 3.0)]).headline, "Undecided between a and b.");
}

#[test]
fn many_arms_are_ranked_in_a_table_and_the_closest_rivals_are_spoken_of() {
    let mut study = material(&["a", "b", "c", "d"], 8);
    for (arm, (ratio, cost)) in study.arms.iter_mut().zip([(0.30, 90.0), (0.02, 200.0), (0.10, 100.0), (0.04, 150.0)]) {
        for summary in arm.runs.iter_mut().filter_map(|run| run.summary.as_mut()) {
            (summary.slo_violation_ratio, summary.replica_seconds) = (Some(ratio), Some(cost));
        }
    }
    let row = |metric: &str, a: &str, b: &str, difference: f64| Comparison {
        metric: metric.to_owned(),
        arm_a: a.to_owned(),
        arm_b: b.to_owned(),
        n: Some(8),
        difference: Some(difference),
        ci_low: Some(difference - 0.01),
        ci_high: Some(difference + 0.01),
        verdict: if difference < 0.0 { "better" } else { "worse" }.to_owned(),
        ..Comparison::default()
    };
    let rows = [
        row(DECISIVE, "a", "d", -0.26),
        row(COST, "a", "d", 60.0),
        row(DECISIVE, "b", "d", 0.02),
        row(COST, "b", "d", -50.0),
        row(DECISIVE, "c", "d", -0.06),
        row(COST, "c", "d", 50.0),
    ];
    let verdict = Choice::of(&study, &rows).verdict();
    assert_eq!((verdict.headline.as_str(), verdict.taken.as_deref()), ("Take d.", Some("d")));
    let names: Vec<&str> = verdict.ranking.iter().map(|arm| arm.name.as_str()).collect();
    assert_eq!(names, ["d", "b", "c", "a"]);
    assert_eq!(verdict.ranking[1].against, Some(("misses it less often", "costs more")));
    assert_eq!(verdict.ranking[3].against, Some(("misses it more often", "costs less")));
    assert!(verdict.sure.len() == 2 && verdict.sure[0].contains("than b") && verdict.sure[1].contains("than c"));
    assert!(choice_of_two_has_no_table());
}

fn choice_of_two_has_no_table() -> bool {
    verdict([0.03, 0.12], [("worse", 0.09), ("better", -100.0)]).ranking.is_empty()
}

#[test]
fn two_that_are_the_same_leave_the_choice() {
    let verdict = verdict([0.03, 0.03], [("equivalent", 0.0), ("equivalent", 1.0)]);
    assert_eq!(verdict.headline, "Take either: a and b are the same in what matters.");
}
