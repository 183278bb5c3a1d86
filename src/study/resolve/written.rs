//! The scenario written out again, with every default in it: what `study.json` keeps.

use std::fmt::Write as _;

use crate::policy::settings::{Settings, Value};
use crate::policy::tuning::Scale;
use crate::study::plan::{Premises, Study};
use crate::study::results::expect::{Expectation, Over, parse};
use crate::study::scenario::load_keys::telling_keys;
use crate::study::scenario::{RangeForm, RangeSection, Scenario};
use crate::time::format_duration;

/// The scenario of a study as TOML; reading it gives the same study.
pub(super) fn scenario(study: &Study, scenario: &Scenario) -> String {
    let mut out = String::new();
    line(&mut out, "name", &text(&study.name));
    line(&mut out, "description", &text(&study.description));
    table(&mut out, "[function]", &scenario.function.settings);
    if !scenario.labels.is_empty() {
        out.push_str("\n[function.labels]\n");
        for (label, (value, _)) in &scenario.labels {
            line(&mut out, &text(label), &text(value));
        }
    }
    table(&mut out, "[function.model]", &scenario.model.settings);
    table(&mut out, "[slo]", &scenario.slo.settings);
    for (load, journeys) in scenario.loads.iter().zip(&scenario.journeys) {
        out.push_str("\n[[load]]\n");
        let telling = telling_keys(load);
        settings(&mut out, load.settings.iter().filter(|(key, _)| telling.contains(key)));
        for journey in journeys {
            out.push_str("\n[[load.journey]]\n");
            settings(&mut out, journey.section.settings.iter().filter(|(_, value)| !is_empty(value)));
            for step in &journey.steps {
                out.push_str("\n[[load.journey.step]]\n");
                settings(&mut out, step.settings.iter().filter(|(_, value)| !is_empty(value)));
            }
        }
    }
    // that nothing measures the noise goes without saying, unless the file says it
    let is_told = |(key, value): &(&str, &Value)| {
        *key != "aa" || scenario.run.is_given("aa") || matches!(value, Value::Switch(true))
    };
    out.push_str("\n[run]\n");
    settings(&mut out, scenario.run.settings.iter().filter(is_told));
    if study.until.is_some() {
        table(&mut out, "[run.until]", &scenario.until.settings);
    }
    table(&mut out, "[platform]", &scenario.platform.settings);
    let on_premises = [
        (study.premises.is_some(), "[openfaas]", &scenario.openfaas),
        (matches!(study.premises, Some(Premises::Cluster(_))), "[kubernetes]", &scenario.kubernetes),
    ];
    for (_, header, section) in on_premises.into_iter().filter(|(is_used, ..)| *is_used) {
        let _ = writeln!(out, "\n{header}");
        settings(&mut out, section.settings.iter().filter(|(_, value)| !is_empty(value)));
    }
    table(&mut out, "[limits]", &scenario.limits.settings);
    if study.price.is_some() {
        table(&mut out, "[price]", &scenario.price.settings);
    }
    for (section, fault) in scenario.faults.iter().zip(&study.faults) {
        let kind = fault.trouble.kind();
        out.push_str("\n[[fault]]\n");
        let is_its_own = |key: &str| match key {
            "kind" | "start" => true,
            "duration" => kind.lasts,
            key => kind.value == Some(key),
        };
        settings(&mut out, section.settings.iter().filter(|(key, _)| is_its_own(key)));
    }
    for arm in &scenario.arms {
        out.push_str("\n[[arm]]\n");
        line(&mut out, "name", &text(arm.name()));
        line(&mut out, "policy", &text(arm.policy.map_or("", |policy| policy.name)));
        if arm.is_shadow_only() {
            line(&mut out, "shadow_only", "true");
        }
        if !arm.shadows.is_empty() {
            let names: Vec<String> = arm.shadows.iter().map(|(name, _)| text(name)).collect();
            line(&mut out, "shadows", &format!("[{}]", names.join(", ")));
        }
        settings(&mut out, arm.settings.iter());
    }
    tune(&mut out, scenario);
    expect(&mut out, study);
    out
}

/// Whether a text only stands for "not given".
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.is_empty(),
        Value::Owned(text) => text.is_empty(),
        _ => false,
    }
}

/// How arms are tuned, if the file says anything of it; ranges of arms that are left out with them.
fn tune(out: &mut String, scenario: &Scenario) {
    if scenario.tune.line.is_none() {
        return;
    }
    table(out, "[tune]", &scenario.tune.settings);
    let has = |name: &str| scenario.arms.iter().any(|arm| arm.settings.iter().any(|(setting, _)| setting == name));
    let ranges: Vec<&RangeSection> = scenario.ranges.iter().filter(|range| has(&range.name)).collect();
    if !ranges.is_empty() {
        out.push_str("\n[tune.ranges]\n");
    }
    for range in ranges {
        let text = match &range.form {
            RangeForm::Values(values) => {
                format!("[{}]", values.iter().map(value).collect::<Vec<_>>().join(", "))
            }
            RangeForm::Between { from, to, scale } => {
                let scale = if *scale == Scale::Log { "log" } else { "linear" };
                format!("{{ from = {}, to = {}, scale = {} }}", value(from), value(to), text(scale))
            }
        };
        line(out, &range.name, &text);
    }
}

/// What is expected of the arms that run: the file names no others, so a formula on another one would be a fault.
fn expect(out: &mut String, study: &Study) {
    let runs = |expectation: &&Expectation| {
        parse(&expectation.formula).is_ok_and(|formula| {
            formula.operands().iter().all(|operand| study.arms.iter().any(|arm| arm.name == operand.arm))
        })
    };
    let mut header = "\n[expect]\n";
    for over in Over::ALL {
        let formulas: Vec<String> = study
            .expect
            .iter()
            .filter(|expectation| expectation.over == over)
            .filter(runs)
            .map(|expectation| text(&expectation.formula))
            .collect();
        if !formulas.is_empty() {
            out.push_str(std::mem::take(&mut header));
            line(out, over.as_str(), &format!("[{}]", formulas.join(", ")));
        }
    }
}

fn table(out: &mut String, header: &str, values: &Settings) {
    // writing to a string cannot fail, here and below
    let _ = writeln!(out, "\n{header}");
    settings(out, values.iter());
}

fn settings<'a>(out: &mut String, settings: impl Iterator<Item = (&'static str, &'a Value)>) {
    for (key, set) in settings {
        line(out, key, &value(set));
    }
}

/// A value as TOML writes it.
pub(in crate::study) fn value(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => format!("{number:?}"),
        Value::Switch(switch) => switch.to_string(),
        Value::Text(word) => text(word),
        Value::Owned(word) => text(word),
        Value::Duration(duration) => text(&format_duration(*duration)),
    }
}

fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {value}");
}

/// A text as TOML writes it, escapes included.
fn text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
