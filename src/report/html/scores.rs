//! Arms against each other in one number, beside the metrics it hides.

use std::fmt::Write as _;

use super::{arm_name, close_table, open_table};
use crate::report::charts::{escape, scale};
use crate::report::material::Material;
use crate::report::verdict::{Comparison, told_by};
use crate::stats::scores::{Competition, SCORED};
use crate::study::results::scores::{Measured, Score, contenders, scores};

/// Of more arms than these rivals are not told one by one.
const ONE_BY_ONE: usize = 6;

pub(super) fn section(page: &mut String, material: &Material, comparisons: &[Comparison]) {
    let measured: Vec<Measured<'_>> = comparisons.iter().filter_map(measured).collect();
    let (arms, base) = contenders(&material.record);
    let scores = scores(&measured, &arms, base);
    let together: Vec<&Score> = scores.iter().filter(|score| score.against.is_none()).collect();
    if together.is_empty() {
        return;
    }
    let base = together.iter().find_map(|score| score.base.as_deref());
    let rivals: Vec<&str> = together.iter().map(|score| score.arm.as_str()).collect();
    let is_short = (3..=ONE_BY_ONE).contains(&rivals.len());
    page.push_str(
        "<details class=\"card\">\n<summary>Scores<span class=\"hint\">several metrics in one number; decides nothing</span></summary>\n\
         <p>Six metrics against each other arm: five of elasticity, and the requests that missed the objective. <i>Competition</i> is the \
         share of them that an arm wins, a tie counting half. It does not tell by how much, nor whether that is chance: beside it stands \
         in how many of them the statistics tell the arms apart.</p>\n",
    );
    open_table(page, "Scores of the arms", "");
    let mut heads =
        vec!["Competition".to_owned(), "Won, tied, lost".to_owned(), "Told better".to_owned(), "Told worse".to_owned()];
    heads.extend(base.map(|base| format!("Times better than {base}")));
    if is_short {
        heads.extend(rivals.iter().map(|rival| format!("Against {rival}")));
    }
    page.push_str("<thead><tr><th scope=\"col\">Arm</th>");
    for head in heads {
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{}</th>", escape(&head));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| scale::digits(value, 3));
    for score in &together {
        let Competition { won, tied, lost } = score.competition;
        let mut cells = vec![
            number(score.competition.share()),
            format!("{won}, {tied}, {lost}"),
            score.told_better.to_string(),
            score.told_worse.to_string(),
        ];
        cells.extend(base.map(|_| number(score.speed_up)));
        if is_short {
            cells.extend(rivals.iter().map(|rival| {
                let one = scores.iter().find(|one| one.arm == score.arm && one.against.as_deref() == Some(*rival));
                number(one.and_then(|one| one.competition.share()))
            }));
        }
        let place = material.arms.iter().position(|arm| arm.name == score.arm).unwrap_or(0);
        let _ = write!(page, "<tr><th scope=\"row\">{}</th>", arm_name(place, &score.arm));
        for cell in cells {
            let _ = write!(page, "<td class=\"number\">{cell}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n");
    close_table(page);
    page.push_str("<p class=\"hint\">By rival: <a href=\"scores.csv\">scores.csv</a>.</p>\n</details>\n");
}

fn measured(row: &Comparison) -> Option<Measured<'_>> {
    (!row.is_aa && SCORED.contains(&row.metric.as_str())).then_some(())?;
    Some(Measured {
        metric: &row.metric,
        arm_a: &row.arm_a,
        arm_b: &row.arm_b,
        pairs: row.n.unwrap_or(0),
        mean_a: row.mean_a?,
        mean_b: row.mean_b?,
        told: told_by(row),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::tests::material;

    #[test]
    fn a_score_stands_with_what_it_hides_and_only_where_the_six_metrics_are_known() {
        let study = material(&["tower", "ce"], 8);
        let row = |(place, metric): (usize, &&str)| Comparison {
            metric: (*metric).to_owned(),
            arm_a: "tower".to_owned(),
            arm_b: "ce".to_owned(),
            n: Some(8),
            mean_a: Some(0.2),
            mean_b: Some(if place < 2 { 0.4 } else { 0.2 }),
            difference: Some(if place < 2 { 0.2 } else { 0.0 }),
            verdict: if place == 0 { "worse" } else { "undecided" }.to_owned(),
            ..Comparison::default()
        };
        let rows: Vec<Comparison> = SCORED.iter().enumerate().map(row).collect();
        let mut page = String::new();
        section(&mut page, &study, &rows);
        // tower wins 2 of 6 and ties 4: two thirds; the statistics tell one of them
        for cells in [
            "<td class=\"number\">0.667</td><td class=\"number\">2, 4, 0</td><td class=\"number\">1</td><td class=\"number\">0</td>",
            "<td class=\"number\">0.333</td><td class=\"number\">0, 4, 2</td>",
        ] {
            assert!(page.contains(cells), "{cells}: {page}");
        }
        page.clear();
        section(&mut page, &study, &rows[1..]);
        assert_eq!(page, "");
    }
}
