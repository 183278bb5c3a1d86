//! The tables of a search: as CSV for programs, and as cells for people.

use std::fmt::Write as _;

use super::super::rows::quote;
use super::directory::named;
use super::{Figures, Interval, Tried, TuneRecord};

/// Most rows of the front that people are shown; the file has all.
const FRONT_SHOWN: usize = 12;

/// `front.csv`: the front by rising cost, and what stands beside it: the hand-set, default and recommended setting.
pub(super) fn front_csv(record: &TuneRecord) -> String {
    let names: Vec<&str> = record.searched.iter().map(|setting| setting.name.as_str()).collect();
    let mut text = format!(
        "setting,role,{},replica_seconds,replica_seconds_se,slo_violation_ratio,slo_violation_ratio_se,meets_slo\n",
        names.join(",")
    );
    for (role, tried) in rows(record) {
        let values: Vec<String> = named(record, &tried.values).iter().map(|value| quote(value).into_owned()).collect();
        let Figures { replica_seconds, replica_seconds_se, slo_violation_ratio, slo_violation_ratio_se, meets_slo } =
            &tried.search;
        // writing to a String cannot fail, here and below
        let _ = writeln!(
            text,
            "{},{},{},{replica_seconds},{},{slo_violation_ratio},{},{meets_slo}",
            tried.setting,
            quote(&role),
            values.join(","),
            maybe(*replica_seconds_se),
            maybe(*slo_violation_ratio_se),
        );
    }
    text
}

/// `sensitivity.csv`: what each setting does.
pub(super) fn sensitivity_csv(record: &TuneRecord) -> String {
    let mut text = "setting,cost_share,cost_rank_correlation,violation_share,violation_rank_correlation\n".to_owned();
    for one in &record.sensitivity {
        let _ = writeln!(
            text,
            "{},{},{},{},{}",
            one.name,
            one.cost_share,
            maybe(one.cost_rank_correlation),
            one.violation_share,
            maybe(one.violation_rank_correlation)
        );
    }
    text
}

/// Each setting with its role: those with a name first, then the front by rising cost.
fn rows(record: &TuneRecord) -> Vec<(String, &Tried)> {
    let recommended = record.recommendation.as_ref().map(|recommendation| &recommendation.tried);
    let named: [(&str, Option<&Tried>); 3] =
        [("hand-set", record.hand_set.as_ref()), ("default", record.default.as_ref()), ("recommended", recommended)];
    let mut rows: Vec<(String, &Tried)> = Vec::new();
    for (name, tried) in named.into_iter().filter_map(|(name, tried)| Some((name, tried?))) {
        match rows.iter_mut().find(|(_, other)| other.setting == tried.setting) {
            Some((role, _)) => *role = format!("{role}, {name}"),
            None => rows.push((name.to_owned(), tried)),
        }
    }
    for tried in &record.front {
        match rows.iter_mut().find(|(_, other)| other.setting == tried.setting) {
            Some((role, _)) => role.push_str(", front"),
            None => rows.push(("front".to_owned(), tried)),
        }
    }
    rows
}

/// The settings with a name and some of the front, as cells: a head, then a line each.
pub fn settings_table(record: &TuneRecord) -> Vec<Vec<String>> {
    let mut head = vec!["setting".to_owned(), "no.".to_owned()];
    head.extend(record.searched.iter().map(|setting| setting.name.clone()));
    head.extend(["replica s", "SLO missed", "meets it"].map(str::to_owned));
    let (front, named_ones): (Vec<_>, Vec<_>) = rows(record).into_iter().partition(|(role, _)| role == "front");
    let shown = thinned(front);
    let line = |(role, tried): (String, &Tried)| {
        let mut line = vec![role, tried.setting.to_string()];
        line.extend(named(record, &tried.values));
        line.extend(figures(&tried.search));
        line
    };
    std::iter::once(head).chain(named_ones.into_iter().chain(shown).map(line)).collect()
}

/// Evenly spread members of a long front, both ends among them.
fn thinned<T>(front: Vec<T>) -> Vec<T> {
    let (count, last) = (front.len(), front.len().saturating_sub(1));
    let is_shown = |index: usize| {
        count <= FRONT_SHOWN
            || (0..FRONT_SHOWN).any(|step| (step * last + (FRONT_SHOWN - 1) / 2) / (FRONT_SHOWN - 1) == index)
    };
    front.into_iter().enumerate().filter(|(index, _)| is_shown(*index)).map(|(_, row)| row).collect()
}

/// Search and confirmation side by side, as cells; empty without a recommendation.
pub fn confirmation_table(record: &TuneRecord) -> Vec<Vec<String>> {
    let Some(recommendation) = &record.recommendation else { return Vec::new() };
    let line = |name: &str, seeds: usize, figures: [String; 3]| {
        let seeds = if seeds == 1 { "1 seed".to_owned() } else { format!("{seeds} seeds") };
        std::iter::once(name.to_owned()).chain([seeds]).chain(figures).collect::<Vec<String>>()
    };
    let (search, other) = (record.search_seeds.len(), record.confirmation_seeds.len());
    let mut lines = vec![["setting", "seeds", "replica s", "SLO missed", "meets it"].map(str::to_owned).to_vec()];
    if let Some(hand_set) = &record.hand_set {
        lines.push(line("hand-set, search", search, figures(&hand_set.search)));
    }
    lines.push(line("recommended, search", search, figures(&recommendation.tried.search)));
    lines.push(line("hand-set, confirmation", other, figures(&recommendation.hand_set_confirmation)));
    lines.push(line("recommended, confirmation", other, figures(&recommendation.confirmation)));
    let difference = [
        interval(&recommendation.replica_seconds_difference, 1.0, 1),
        interval(&recommendation.slo_violation_difference, 100.0, 2),
        String::new(),
    ];
    lines.push(line("difference (95 %)", other, difference));
    lines
}

/// What each setting does, as cells; empty if that is not known.
pub fn sensitivity_table(record: &TuneRecord) -> Vec<Vec<String>> {
    if record.sensitivity.is_empty() {
        return Vec::new();
    }
    let head = ["setting", "of the cost", "rank", "of SLO missed", "rank"].map(str::to_owned).to_vec();
    let mut sorted: Vec<_> = record.sensitivity.iter().collect();
    sorted.sort_by(|a, b| (b.cost_share + b.violation_share).total_cmp(&(a.cost_share + a.violation_share)));
    let rank = |rank: Option<f64>| rank.map_or_else(|| "-".to_owned(), |rank| format!("{rank:+.2}"));
    let line = |one: &super::SettingSensitivity| {
        vec![
            one.name.clone(),
            format!("{:.0} %", one.cost_share * 100.0),
            rank(one.cost_rank_correlation),
            format!("{:.0} %", one.violation_share * 100.0),
            rank(one.violation_rank_correlation),
        ]
    };
    std::iter::once(head).chain(sorted.into_iter().map(line)).collect()
}

fn figures(figures: &Figures) -> [String; 3] {
    let give = |se: Option<f64>, scale: f64, decimals: usize| {
        se.map_or_else(String::new, |se| format!(" ±{:.decimals$}", se * scale))
    };
    [
        format!("{:.1}{}", figures.replica_seconds, give(figures.replica_seconds_se, 1.0, 1)),
        format!("{:.2}{} %", figures.slo_violation_ratio * 100.0, give(figures.slo_violation_ratio_se, 100.0, 2)),
        if figures.meets_slo { "yes" } else { "no" }.to_owned(),
    ]
}

/// An interval in words: `-12.0 (-15.1 to -8.9)`.
pub(super) fn interval(interval: &Interval, scale: f64, decimals: usize) -> String {
    let signed = |value: f64| format!("{:+.decimals$}", value * scale);
    match (interval.ci_low, interval.ci_high) {
        (Some(low), Some(high)) => format!("{} ({} to {})", signed(interval.mean), signed(low), signed(high)),
        _ => signed(interval.mean),
    }
}

fn maybe(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
