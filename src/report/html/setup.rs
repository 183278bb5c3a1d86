//! What was run, on what, and how to run it again.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{SIMULATED, arm_name, close_table, moment, open_table};
use crate::report::charts::escape;
use crate::report::material::{Arm, Material};

pub(super) fn section(page: &mut String, material: &Material) {
    let record = &material.record;
    page.push_str("<section>\n<h2>Setup</h2>\n");
    settings(page, material);

    page.push_str("<div class=\"card\">\n<h3>Load and host</h3>\n<dl>\n");
    let mut fact = |what: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(page, "<dt>{what}</dt><dd>{}</dd>", escape(value));
        }
    };
    for load in &record.loads {
        fact("Load", load);
    }
    fact("Phases", &format!("{} s warm-up, load, {} s cool-down", record.warm_up_s, record.cool_down_s));
    if record.target != SIMULATED {
        fact("Started", &moment(record.started_unix_s));
        fact("Ended", &record.ended_unix_s.map(moment).unwrap_or_default());
    }
    fact("System", &record.host.system);
    if record.host.kept_awake {
        fact("Idle cores", "kept awake (--keep-awake)");
    }
    fact("Processor", &record.host.cpu);
    if record.host.cores > 0 {
        fact("Cores", &record.host.cores.to_string());
    }
    if record.host.memory_mib > 0 {
        fact("Memory", &format!("{} MiB", record.host.memory_mib));
    }
    page.push_str("</dl>\n</div>\n");

    if !record.notes.is_empty() {
        page.push_str("<div class=\"card\">\n<h3>Notes</h3>\n<ul class=\"notes\">\n");
        for note in &record.notes {
            let _ = writeln!(page, "<li>{}</li>", escape(note));
        }
        page.push_str("</ul>\n</div>\n");
    }
    again(page, material);
    page.push_str("</section>\n");
}

/// The arms' settings side by side.
fn settings(page: &mut String, material: &Material) {
    let arms: Vec<_> = material.record.arms.iter().filter(|arm| arm.aa_of.is_none()).collect();
    if arms.is_empty() {
        return;
    }
    page.push_str("<div class=\"card\">\n<h3>Settings of the arms</h3>\n");
    open_table(page, "Settings of the arms", "");
    page.push_str("<thead><tr><th scope=\"col\"></th>");
    for (place, arm) in arms.iter().enumerate() {
        let _ = write!(page, "<th scope=\"col\">{}</th>", arm_name(place, &arm.name));
    }
    page.push_str("</tr></thead>\n<tbody>\n<tr><th scope=\"row\">policy</th>");
    for arm in &arms {
        let _ = write!(page, "<td>{}</td>", escape(&arm.policy));
    }
    page.push_str("</tr>\n");
    let keys: BTreeSet<&String> = arms.iter().flat_map(|arm| arm.settings.keys()).collect();
    for key in keys {
        let _ = write!(page, "<tr><th scope=\"row\"><code>{}</code></th>", escape(key));
        for arm in &arms {
            let value = arm.settings.get(key).map_or_else(String::new, |value| escape(value));
            let _ = write!(page, "<td>{value}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n");
    close_table(page);
    page.push_str("</div>\n");
}

/// How to do it again.
fn again(page: &mut String, material: &Material) {
    let record = &material.record;
    let seeds: BTreeSet<u64> = material.arms.iter().flat_map(Arm::seeds).collect();
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    let _ = write!(
        page,
        "<div class=\"card\">\n<h3>How to reproduce it</h3>\n<pre role=\"region\" tabindex=\"0\" aria-label=\"The command\">{}</pre>\n<dl>\n<dt>Version</dt><dd>watchtower {}</dd>\n\
         <dt>Seed of the study</dt><dd>{}</dd>\n<dt>Seeds of the runs</dt><dd>{}</dd>\n</dl>\n",
        escape(&command_line(&without_threads(&record.command))),
        escape(&record.watchtower_version),
        record.seed,
        if seeds.is_empty() { "–".to_owned() } else { seeds.join(", ") },
    );
    if !record.scenario.is_empty() {
        let _ = write!(
            page,
            "<details>\n<summary>The scenario as resolved</summary>\n<pre role=\"region\" tabindex=\"0\" aria-label=\"The scenario\">{}</pre>\n</details>\n",
            escape(&record.scenario)
        );
    }
    page.push_str("<p class=\"hint\">Each run's rows are in <code>runs/</code> beside this page.</p>\n</div>\n");
}

/// The command without `--threads N`, which changes nothing in what is computed.
fn without_threads(words: &[String]) -> Vec<String> {
    let mut kept = Vec::with_capacity(words.len());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--threads" {
            words.next();
        } else if !word.starts_with("--threads=") {
            kept.push(word.clone());
        }
    }
    kept
}

/// The command as a shell would take it.
fn command_line(words: &[String]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            let plain = |sign: char| sign.is_ascii_alphanumeric() || "-_./:=,+@%".contains(sign);
            if !word.is_empty() && word.chars().all(plain) {
                word.clone()
            } else {
                format!("'{}'", word.replace('\'', "'\\''"))
            }
        })
        .collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_threads_computed_it_is_left_out() {
        let words = ["watchtower", "run", "--threads", "2", "a.toml", "--threads=3", "--seed", "2"].map(str::to_owned);
        assert_eq!(without_threads(&words).join(" "), "watchtower run a.toml --seed 2");
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let words = ["watchtower", "run", "my scenario.toml", "--arm", "it's", ""].map(str::to_owned);
        assert_eq!(command_line(&words), r"watchtower run 'my scenario.toml' --arm 'it'\''s' ''");
    }
}
