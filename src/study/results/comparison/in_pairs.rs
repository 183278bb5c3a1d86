//! What `comparison.md` says of arms two by two: which to take of many, every metric with its verdict, scores.

use std::fmt::Write as _;

use super::super::advice::sentence;
use super::super::conclusion::{Conclusion, ONE_BY_ONE, Standing, digits, more, standings};
use super::super::scores::Score;
use super::{Statistics, one_line, table};
use crate::stats::inference::verdict;
use crate::stats::scores::Competition;

/// More pairs of arms than anybody reads: how often each is the one to take, and what to do in a line per pair.
pub(super) fn many(concluded: &[Conclusion]) -> String {
    let head = ["arm", "to be taken against", "rivals taken instead", "open"].map(str::to_owned);
    let rows: Vec<Vec<String>> = standings(concluded)
        .into_iter()
        .map(|Standing { arm, taken, beaten, open }| vec![arm, taken.to_string(), beaten.to_string(), open.to_string()])
        .collect();
    let mut text = format!("**Verdict**, of two arms each:\n\n{}\n", table(&head, &rows, 1));
    let _ = writeln!(text, "<details>\n<summary>All {} pairs of arms</summary>\n", concluded.len());
    for one in concluded {
        let _ = writeln!(text, "- {}: {}", one_line(&one.headline), sentence(&one_line(&one.advice)));
    }
    text.push_str("\n</details>");
    text
}

/// Every judged metric of every two arms, and what A/A twins show. Of many pairs they are in `stats.csv` alone.
pub(super) fn statistics_tables(statistics: &Statistics) -> String {
    let mut pairs: Vec<(&str, &str, bool)> = Vec::new();
    for row in &statistics.rows {
        let pair = (row.arm_a.as_str(), row.arm_b.as_str(), row.is_aa);
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    if pairs.len() > ONE_BY_ONE + 1 {
        return "\n## Statistics\n\nEvery metric of every two arms: stats.csv.\n".to_owned();
    }
    pairs.into_iter().map(|(arm_a, arm_b, is_aa)| statistics_table(statistics, (arm_a, arm_b), is_aa)).collect()
}

fn statistics_table(statistics: &Statistics, (arm_a, arm_b): (&str, &str), is_aa: bool) -> String {
    let maybe = |number: Option<f64>| number.map(digits).unwrap_or_default();
    let mut rows = Vec::new();
    for row in statistics.rows.iter().filter(|row| row.arm_a == arm_a && row.arm_b == arm_b) {
        let Some(judged) = row.judged.filter(|judged| judged.verdict.is_some()) else { continue };
        let said = match judged.verdict {
            Some(verdict::Verdict::Undecided) => format!("undecided: {}", more(judged.more_pairs)),
            Some(verdict) => format!("**{}**", verdict.as_str()),
            None => String::new(),
        };
        rows.push(vec![
            row.metric.name.to_owned(),
            said,
            maybe(row.compared.difference),
            row.compared
                .interval
                .map_or(String::new(), |ends| format!("{} to {}", digits(ends.low), digits(ends.high))),
            maybe(row.compared.ratio),
            judged.p_holm.map_or(String::new(), |p| if p < 1e-4 { "< 0.0001".to_owned() } else { format!("{p:.4}") }),
            maybe(row.compared.cliffs_delta.filter(|_| row.compared.n > 1)),
            maybe(judged.margin),
            maybe(statistics.noise_floor(row.metric.name, arm_a)),
        ]);
    }
    if rows.is_empty() {
        return String::new();
    }
    let head = [
        "metric",
        "verdict",
        "difference",
        "95 % interval",
        "ratio",
        "p (Holm)",
        "Cliff's delta",
        "margin",
        "noise floor",
    ];
    let words = if is_aa {
        "Both are the same arm with luck of their own: what differs here is noise, and a verdict of better or worse would be false."
    } else {
        "Mean over the pairs of runs, the second arm less the first. The run is the unit: p95_ms here is the mean of the runs' own \
         p95. A difference within the margin does not matter; the noise floor is how far two sets of runs of one arm may lie apart."
    };
    let title = if is_aa { "Noise" } else { "Statistics" };
    let head = head.map(str::to_owned);
    format!(
        "\n## {title}: {} measured by {}\n\n{words}\n\n{}",
        one_line(arm_b),
        one_line(arm_a),
        table(&head, &rows, 2)
    )
}

/// Each arm against all others in one number, and what it hides.
pub(super) fn scores_table(scores: &[Score]) -> String {
    let base = scores.iter().filter(|score| score.against.is_none()).find_map(|score| score.base.as_deref());
    let over = format!("speed-up over {}", base.unwrap_or_default());
    let mut head = vec!["arm", "competition", "won, tied, lost", "told better, worse"];
    head.extend(base.map(|_| over.as_str()));
    let number = |value: Option<f64>| value.map(digits).unwrap_or_default();
    let rows: Vec<Vec<String>> = scores
        .iter()
        .filter(|score| score.against.is_none())
        .map(|score| {
            let Competition { won, tied, lost } = score.competition;
            let mut cells = vec![
                score.arm.clone(),
                number(score.competition.share()),
                format!("{won}, {tied}, {lost}"),
                format!("{}, {}", score.told_better, score.told_worse),
            ];
            cells.extend(base.map(|_| number(score.speed_up)));
            cells
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let words = "Six metrics against each other arm (elasticity, and requests that missed the objective) in one number: the share won, ties \
                 half; in how many the statistics tell better or worse. A score decides nothing; scores.csv has it by rival.";
    format!("\n## Scores\n\n{words}\n\n{}", table(&head.iter().map(ToString::to_string).collect::<Vec<_>>(), &rows, 1))
}
