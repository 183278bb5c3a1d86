//! What a search says in words: sentences, the block to paste, and the page that has it all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::TuneRecord;
use super::tables::{confirmation_table, interval, sensitivity_table, settings_table};

/// What was tried, what is recommended and why, and whether it beats the hand-set setting: a sentence each.
pub fn sentences(record: &TuneRecord) -> Vec<String> {
    let names: Vec<&str> = record.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    let seeds = record.search_seeds.len();
    let mut sentences = vec![format!(
        "{}, arm \"{}\" ({}): {} of at most {} settings tried, {} of them stopped early; {} runs with {seeds} {}.",
        names.join(", "),
        record.arm,
        record.policy,
        record.tried,
        record.budget,
        record.stopped,
        record.runs,
        if seeds == 1 { "seed" } else { "seeds" },
    )];
    match &record.recommendation {
        None if record.status == "partial" => {
            sentences.push("The search was interrupted before it had a recommendation.".to_owned());
        }
        None => sentences.push("There is no recommendation.".to_owned()),
        Some(recommendation) => {
            let is_hand_set = record.hand_set.as_ref().is_some_and(|hand| hand.setting == recommendation.tried.setting);
            let which = if is_hand_set {
                "The hand-set setting is recommended".to_owned()
            } else if recommendation.beats_hand_set {
                format!("Setting {} is recommended", recommendation.tried.setting)
            } else {
                format!("Setting {} came out best", recommendation.tried.setting)
            };
            sentences.push(format!("{which}: {}.", recommendation.reason));
            let seeds = record.confirmation_seeds.len();
            sentences.push(format!("On {seeds} seeds the search did not see, {}.", recommendation.verdict));
            if !is_hand_set {
                sentences.push(format!(
                    "Beside the hand-set setting, in pairs by seed: {} replica-seconds and {} points of SLO missed (95 % intervals).",
                    interval(&recommendation.replica_seconds_difference, 1.0, 1),
                    interval(&recommendation.slo_violation_difference, 100.0, 2),
                ));
            }
            if !is_hand_set && !recommendation.beats_hand_set {
                sentences.push("So keep the hand-set setting; the block is for who prefers this trade.".to_owned());
            }
        }
    }
    sentences
}

/// An arm as a scenario has it; the values are TOML already.
pub fn arm_block(arm: &BTreeMap<String, String>) -> String {
    let mut text = "[[arm]]\n".to_owned();
    let order = |key: &str| match key {
        "name" => 0,
        "policy" => 1,
        _ => 2,
    };
    let mut keys: Vec<&String> = arm.keys().collect();
    keys.sort_by_key(|key| (order(key), key.as_str()));
    for key in keys {
        // writing to a String cannot fail, here and below
        let _ = writeln!(text, "{key} = {}", arm[key]);
    }
    text
}

/// `recommended.toml`: the arm to paste, with what speaks for it.
pub(super) fn recommended_toml(record: &TuneRecord) -> String {
    let Some(recommendation) = &record.recommendation else { return String::new() };
    let mut text = String::new();
    for sentence in sentences(record) {
        for line in wrapped(&sentence, 110) {
            let _ = writeln!(text, "# {line}");
        }
    }
    text.push('\n');
    let block = arm_block(&recommendation.arm);
    for line in block.lines() {
        let name = line.split(" = ").next().unwrap_or_default();
        let searched = record.searched.iter().any(|setting| setting.name == name);
        match record.hand_set_arm.get(name).filter(|hand| searched && !line.ends_with(&format!(" = {hand}"))) {
            Some(hand) => {
                let _ = writeln!(text, "{line:<36}# hand-set: {hand}");
            }
            None => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    text
}

/// A text cut into lines of at most so many letters, between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= width) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `tune.md`: all of it to read.
pub(super) fn markdown(record: &TuneRecord) -> String {
    let names: Vec<&str> = record.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    let mut text = format!("# {}: settings of {}\n", names.join(", "), record.arm);
    for sentence in sentences(record) {
        let _ = write!(text, "\n{sentence}\n");
    }
    let mut table = |title: &str, cells: &[Vec<String>]| {
        let Some((head, lines)) = cells.split_first() else { return };
        let _ = write!(text, "\n## {title}\n\n| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
        for line in lines {
            let _ = writeln!(text, "| {} |", line.join(" | "));
        }
    };
    table("Search and confirmation", &confirmation_table(record));
    table("Settings", &settings_table(record));
    table("Sensitivity", &sensitivity_table(record));
    if !record.sensitivity.is_empty() {
        text.push_str(
            "\nShares: how much of the variance over the first look around goes with this setting alone (first-order effect; the rest is \
             interaction and luck). Rank: Spearman's correlation with the value.\n",
        );
    }
    if let Some(recommendation) = &record.recommendation {
        let _ = write!(text, "\n## To paste\n\n```toml\n{}```\n", arm_block(&recommendation.arm));
    }
    text.push_str("\n![cost against violations](charts/front.svg)\n");
    text
}
