//! Who used the CPU of this machine while the load ran.

use std::fmt::Write as _;

use super::{Placed, READ_AT_ONCE, close_table, open_table};
use crate::report::charts::scale;
use crate::study::results::summary::CpuPart;

/// Heads of the shares.
const HEADS: [&str; 7] =
    ["Generator", "Its busiest thread", "Platform", "Rest of this process", "Other programs", "All", "Kept awake"];

/// Who had the CPU, of the runs of which that is known.
pub(super) fn section(page: &mut String, runs: &[Placed<'_>], repeated: bool) {
    let known: Vec<_> =
        runs.iter().filter_map(|placed| Some((placed.name(repeated), placed.run.summary.as_ref()?.cpu?))).collect();
    if known.is_empty() {
        page.push_str(
            "<p>Who used the CPU of this machine is unknown: the load lasted no whole second, took place in virtual time, or the \
             system keeps no /proc.</p>\n",
        );
        return;
    }
    let is_folded = known.len() > READ_AT_ONCE;
    if is_folded {
        let worst = |of: fn(&CpuPart) -> f64| known.iter().map(|(_, cpu)| of(&cpu.worst)).fold(0.0, f64::max);
        let _ = writeln!(
            page,
            "<p>Of this machine's CPU other programs took at most {} in a second, and the generator's busiest thread at most {} of a \
             core.</p>\n<details>\n<summary>Who used the CPU<span class=\"hint\">run by run</span></summary>",
            scale::percent(worst(|part| part.others)),
            scale::percent(worst(|part| part.generator_thread)),
        );
    }
    page.push_str(
        "<p>Who used the CPU of this machine during the load: mean, and the worst second below it. 100 % is all cores, of the busiest \
         thread one core. Above the limits of the scenario a run is suspect.</p>\n",
    );
    open_table(page, "CPU during the load", "");
    page.push_str("<thead><tr><th scope=\"col\">Run</th>");
    // a column for what most runs don't have
    let awake = known.iter().any(|(_, cpu)| cpu.mean.awake > 0.0);
    let columns = HEADS.len() - usize::from(!awake);
    for head in &HEADS[..columns] {
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{head}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (name, cpu) in known {
        let _ = write!(page, "<tr><th scope=\"row\">{name}</th>");
        let parts = [
            (|part| Some(part.generator)) as fn(&CpuPart) -> Option<f64>,
            |part| Some(part.generator_thread),
            |part| part.platform,
            |part| Some(part.process),
            |part| Some(part.others),
            |part| Some(part.total),
            |part| Some(part.awake),
        ];
        for of in &parts[..columns] {
            let cell = match of(&cpu.mean).zip(of(&cpu.worst)) {
                Some((mean, worst)) => {
                    format!("{}<span class=\"range\">max {}</span>", scale::percent(mean), scale::percent(worst))
                }
                None => "–".to_owned(),
            };
            let _ = write!(page, "<td class=\"number\">{cell}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n");
    close_table(page);
    if is_folded {
        page.push_str("</details>\n");
    }
}
