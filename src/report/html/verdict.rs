//! The first thing on the page: which arm, how sure, at what cost, what spoiled the data; and many arms in a table, best first.

use std::fmt::Write as _;

use super::{arm_name, close_table, open_table};
use crate::report::charts::{escape, scale};
use crate::report::material::Material;
use crate::report::verdict::Verdict;

pub(super) fn section(page: &mut String, verdict: &Verdict, material: &Material) {
    let class = if verdict.warning { "card verdict warning" } else { "card verdict" };
    let _ = writeln!(
        page,
        "<section id=\"verdict\" class=\"{class}\" aria-label=\"Verdict\">\n<strong>{}</strong>",
        escape(&verdict.headline)
    );
    for sentence in &verdict.because {
        let _ = writeln!(page, "<p>{}</p>", escape(sentence));
    }
    let has_runs = material.arms.iter().any(|arm| !arm.runs.is_empty());
    let run_by_run = if has_runs { " <a href=\"#validity\">Run by run</a>" } else { "" };
    page.push_str("<dl class=\"answers\">\n");
    for (question, answer, more) in [
        ("How sure?", &verdict.sure, ""),
        ("What does it cost?", &verdict.cost, ""),
        ("What spoiled the data?", &verdict.spoiled, run_by_run),
    ] {
        if !answer.is_empty() {
            let said: Vec<String> = answer.iter().map(|sentence| escape(sentence)).collect();
            let said = said.join("</p><p>");
            let _ = writeln!(page, "<div><dt>{question}</dt><dd><p>{said}{more}</p></dd></div>");
        }
    }
    page.push_str("</dl>\n");
    table(page, verdict, material);
    page.push_str("</section>\n");
}

/// All arms, where they are too many for sentences.
fn table(page: &mut String, verdict: &Verdict, material: &Material) {
    if verdict.ranking.is_empty() {
        return;
    }
    open_table(page, "All arms, best first", " class=\"ranking\"");
    page.push_str(
        "<thead><tr><th scope=\"col\">All arms, best first</th><th scope=\"col\">Keeps the objective</th>\
         <th scope=\"col\" class=\"number\">Requests that missed it</th><th scope=\"col\" class=\"number\">Replica-seconds a run</th>",
    );
    if let Some(taken) = &verdict.taken {
        let _ = write!(page, "<th scope=\"col\">Against {}</th>", escape(taken));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for arm in &verdict.ranking {
        let place = material.arms.iter().position(|known| known.name == arm.name).unwrap_or(0);
        let name = arm_name(place, &arm.name);
        let name = if verdict.taken.as_ref() == Some(&arm.name) { format!("<b>{name}</b>") } else { name };
        let keeps = if arm.keeps { "<span class=\"yes\">✓ yes</span>" } else { "<span class=\"no\">✗ no</span>" };
        let cost = arm.cost.map_or_else(|| "–".to_owned(), |cost| scale::count(cost.round().max(0.0) as u64));
        let money = arm
            .money
            .as_ref()
            .map_or_else(String::new, |money| format!("<span class=\"range\">{}</span>", escape(money)));
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{name}</th><td class=\"nowrap\">{keeps}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{cost}{money}</td>",
            arm.missed.map_or_else(|| "–".to_owned(), scale::percent),
        );
        if verdict.taken.is_some() {
            let words = arm.against.map_or_else(String::new, |(missed, cost)| format!("{missed}, {cost}"));
            let _ = write!(page, "<td>{words}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n");
    close_table(page);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::tests::material;
    use crate::report::verdict::Ranked;

    #[test]
    fn the_arm_to_take_comes_first_and_each_other_is_held_against_it() {
        let study = material(&["a", "b"], 1);
        let arm = |name: &str, against| Ranked {
            name: name.to_owned(),
            keeps: name == "b",
            missed: Some(0.031),
            cost: Some(1234.4),
            money: Some("0.2 EUR".to_owned()),
            against,
        };
        let ranking = vec![arm("b", None), arm("a", Some(("misses it more often", "costs less")))];
        let verdict = Verdict { taken: Some("b".to_owned()), ranking, ..Verdict::default() };
        let mut page = String::new();
        table(&mut page, &verdict, &study);
        for part in [
            "<th scope=\"col\">Against b</th>",
            "misses it more often, costs less",
            "3.1\u{a0}%",
            "0.2 EUR",
            "✓ yes",
            "✗ no",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(page.find("arm1").is_some_and(|b| page.find("arm0").is_some_and(|a| b < a)), "{page}");
        page.clear();
        table(&mut page, &Verdict::default(), &study);
        assert_eq!(page, "");
    }
}
