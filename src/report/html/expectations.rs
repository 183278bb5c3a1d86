//! What the scenario expects of its arms, and what became of it.

use std::fmt::Write as _;

use super::{close_table, open_table};
use crate::report::charts::escape;
use crate::report::material::Material;
use crate::study::results::expect::{Over, Verdict, judge};
use crate::study::results::summary::RunSummary;

pub(super) fn section(page: &mut String, material: &Material) {
    let runs: Vec<RunSummary> = material.summaries().cloned().collect();
    let judged = judge(&material.record, &runs);
    if judged.is_empty() {
        return;
    }
    let count = |verdict| judged.iter().filter(|one| one.verdict == verdict).count();
    let mut said = format!("{} of {} met", count(Verdict::Met), judged.len());
    if count(Verdict::LeftOut) > 0 {
        let _ = write!(said, ", {} left out", count(Verdict::LeftOut));
    }
    let _ = writeln!(
        page,
        "<section>\n<h2>Expectations</h2>\n<div class=\"card\">\n<p>{said}. Values are those of <code>comparison.csv</code>; what is \
         unknown, and a run that is not valid, meets nothing.</p>"
    );
    open_table(page, "Expectations of the scenario", "");
    page.push_str("<thead><tr>");
    for head in ["Expected", "Of", "Measured", "Met"] {
        let _ = write!(page, "<th scope=\"col\">{head}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for one in &judged {
        let verdict = match one.verdict {
            Verdict::Met => "<span class=\"yes\">✓ yes</span>",
            Verdict::NotMet => "<span class=\"no\">✗ no</span>",
            Verdict::LeftOut => "left out",
        };
        let of = match one.over {
            Over::Every => "every repeat",
            Over::Median => "medians",
        };
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\"><code>{}</code></th><td class=\"nowrap\">{of}</td><td class=\"wide-text\">{}</td>\
             <td class=\"nowrap\">{verdict}</td></tr>",
            escape(&one.expectation),
            escape(&one.shown()),
        );
    }
    page.push_str("</tbody>\n");
    close_table(page);
    page.push_str("</div>\n</section>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::material::tests::material;
    use crate::study::results::expect::Expectation;

    #[test]
    fn every_expectation_is_on_the_page_with_what_was_measured() {
        let mut material = material(&["watchtower", "openfaas-ce"], 1);
        let mut page = String::new();
        section(&mut page, &material);
        assert_eq!(page, "");
        material.record.expect = ["watchtower.scale_ups <= 4", "watchtower.errors > 0", "gone.errors == 0"]
            .map(|formula| Expectation { over: Over::Every, formula: formula.to_owned() })
            .to_vec();
        section(&mut page, &material);
        for part in
            ["1 of 3 met, 1 left out", "watchtower.scale_ups &lt;= 4", "0 &gt; 0", "✗ no", "✓ yes", "left out</td>"]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
