//! What the statistics of repeated runs say: arms in pairs, metric by metric.

use std::fmt::Write as _;

use super::{close_table, open_table};
use crate::report::charts::{escape, scale};
use crate::report::verdict::Comparison;
use crate::stats::metric;
use crate::study::results::conclusion::DECISIVE;

/// Of more pairs of arms than these only the metrics that decide are told: all others are in the file.
const IN_FULL: usize = 6;

pub(super) fn section(page: &mut String, comparisons: &[Comparison]) {
    let is_told = |row: &&Comparison| metric::find(&row.metric).is_none_or(|metric| metric.judged.is_some());
    let mut pairs: Vec<(&str, &str, Vec<&Comparison>)> = Vec::new();
    // what is noise stands behind what is not
    let mut rows: Vec<&Comparison> = comparisons.iter().filter(is_told).collect();
    rows.sort_by_key(|row| row.is_aa);
    for row in rows {
        match pairs.iter_mut().find(|(a, b, _)| *a == row.arm_a && *b == row.arm_b) {
            Some((_, _, rows)) => rows.push(row),
            None => pairs.push((&row.arm_a, &row.arm_b, vec![row])),
        }
    }
    if pairs.is_empty() {
        return;
    }
    let is_short = pairs.len() > IN_FULL;
    if is_short {
        let decides = |row: &Comparison| DECISIVE.iter().any(|(metric, _)| *metric == row.metric);
        for (_, _, rows) in &mut pairs {
            rows.retain(|row| decides(row));
        }
    }
    let told = if is_short { ", by the metrics that decide" } else { "" };
    let count = if pairs.len() == 1 { "one pair of arms".to_owned() } else { format!("{} pairs of arms", pairs.len()) };
    let _ = write!(
        page,
        "<details class=\"card\">\n<summary>Statistics<span class=\"hint\">{count}{told}</span></summary>\n\
         <p>Runs are the unit: each gives one number, and arms are compared over runs. p is corrected for the number of comparisons (Holm).</p>\n",
    );
    open_table(page, "Statistics of the repeated runs", "");
    page.push_str(
        "<thead><tr><th scope=\"col\">Metric</th><th scope=\"col\">Verdict</th><th scope=\"col\" class=\"number\">Pairs</th>\
         <th scope=\"col\" class=\"number\">Means</th><th scope=\"col\" class=\"number\">Difference</th>\
         <th scope=\"col\" class=\"number\">95 % interval</th><th scope=\"col\" class=\"number\">p</th></tr></thead>\n",
    );
    for (arm_a, arm_b, rows) in &pairs {
        let noise = if rows.iter().any(|row| row.is_aa) {
            "<span class=\"hint\">the same arm with luck of its own: what differs here is noise</span>"
        } else {
            ""
        };
        let _ = writeln!(
            page,
            "<tbody class=\"group\"><tr><th scope=\"rowgroup\" colspan=\"7\">{} measured by {}{noise}</th></tr>",
            escape(arm_b),
            escape(arm_a)
        );
        for row in rows {
            line(page, row);
        }
        page.push_str("</tbody>\n");
    }
    close_table(page);
    page.push_str("<p class=\"hint\">All metrics: <a href=\"stats.csv\">stats.csv</a>.</p>\n</details>\n");
}

fn line(page: &mut String, row: &Comparison) {
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| scale::digits(value, 4));
    let _ = writeln!(
        page,
        "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{} | {}</td>\
         <td class=\"number\">{}</td><td class=\"number\">{} … {}</td><td class=\"number\">{}</td></tr>",
        escape(&row.metric),
        escape(&row.verdict),
        row.n.map_or("–".to_owned(), |n| n.to_string()),
        number(row.mean_b),
        number(row.mean_a),
        number(row.difference),
        number(row.ci_low),
        number(row.ci_high),
        row.p_holm.map_or("–".to_owned(), |p| scale::digits(p, 2)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(metric: &str, arm_a: &str, arm_b: &str, is_aa: bool) -> Comparison {
        let verdict = "undecided".to_owned();
        let [metric, arm_a, arm_b] = [metric, arm_a, arm_b].map(str::to_owned);
        Comparison { metric, arm_a, arm_b, verdict, is_aa, ..Comparison::default() }
    }

    fn written(rows: &[Comparison]) -> String {
        let mut page = String::new();
        section(&mut page, rows);
        page
    }

    #[test]
    fn rows_stand_by_pairs_and_noise_comes_last() {
        let pairs = [("a", "a-aa", true), ("a", "b", false)];
        let rows = ["p95_ms", "planned", "apdex"].map(|metric| pairs.map(|(a, b, aa)| row(metric, a, b, aa))).concat();
        let page = written(&rows);
        let (arms, noise) = (page.find("b measured by a<"), page.find("a-aa measured by a<"));
        assert!(arms.is_some() && arms < noise, "{page}");
        assert_eq!(page.matches("<code>p95_ms").count(), 2);
        assert!(!page.contains("planned"), "neither more nor less of it is better");
        assert_eq!(written(&[]), "");
    }

    #[test]
    fn of_many_pairs_only_what_decides_is_told() {
        let names: Vec<String> = (0..14).map(|arm| format!("arm-{arm}")).collect();
        let mut rows = Vec::new();
        for metric in metric::METRICS {
            for (place, a) in names.iter().enumerate() {
                rows.extend(names[place + 1..].iter().map(|b| row(metric.name, a, b, false)));
            }
        }
        let page = written(&rows);
        assert!(page.contains("91 pairs of arms, by the metrics that decide"));
        assert_eq!(page.matches("<code>").count(), 91 * DECISIVE.len());
        assert!(page.len() < 150_000, "{}", page.len());
    }
}
