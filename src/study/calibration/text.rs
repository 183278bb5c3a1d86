//! A calibration as text: the part of a scenario that it is for, and a table for a terminal.

use std::fmt::Write as _;
use std::time::Duration;

use super::Calibration;
use crate::drive::calibration::{FigureKind, FittedPhase, Interval, Quantity};
use crate::time::format_duration;

/// How unsure an estimate may be before the text says that it is a guess.
const GUESS: f64 = 0.5;

impl Calibration {
    /// `[function.model]` and `[platform]` for a scenario, each number with its interval. Empty without a fit.
    pub fn toml(&self) -> String {
        let Some(fit) = &self.fit else { return String::new() };
        let mut text = format!(
            "# Measured by watchtower calibrate: {}\n# Intervals hold the truth in 95 of 100 measurements, if the model is right.\n",
            self.source
        );
        for remark in &self.notes {
            // writing to a String cannot fail
            let _ = writeln!(text, "# Note: {remark}.");
        }
        let name = toml::Value::String(self.name.clone());
        let _ = writeln!(text, "[function]\nname = {name}\n\n[function.model]");
        let (fewest, most) = fit.workers;
        let range = if fewest == most { "no other number fits".to_owned() } else { format!("{fewest} to {most} fit") };
        line(&mut text, "workers", &fit.best.workers.to_string(), &range);
        for quantity in [Quantity::Cpu, Quantity::CpuCv, Quantity::Wait, Quantity::WaitCv] {
            value_line(&mut text, quantity, fit.interval(quantity));
        }
        if let Some(share) = fit.serialised {
            let _ = writeln!(
                text,
                "# of the CPU work of a request, {:.0} % is serialised by the lock ({:.0} to {:.0} %); the rest is gateway_cpu",
                share.value * 100.0,
                share.low * 100.0,
                share.high * 100.0
            );
        }
        let cpu = quoted(fit.interval(Quantity::Cpu).value);
        line(&mut text, "probe_cpu", &cpu, "not measured: as cpu");
        line(&mut text, "probe_cpu_cv", &format!("{:.3}", fit.interval(Quantity::CpuCv).value), "not measured");
        if let Some((fixed, width)) = self.start_up() {
            let seen = format!("{} start-ups, {}", self.start_ups.len(), seen(&self.start_ups));
            line(&mut text, "start_up", &quoted(fixed * 1e3), &seen);
            line(&mut text, "start_up_container", "\"0s\"", "not told apart from the next");
            line(&mut text, "start_up_probe", &quoted(width * 1e3), "what comes on top at most");
        }
        text.push_str("\n[platform]\n");
        let told = match fit.cores {
            (fewest, Some(most)) if fewest == most => "no other number fits".to_owned(),
            (fewest, Some(most)) => format!("{fewest} to {most} fit"),
            (fewest, None) => format!("{fewest} and more fit"),
        };
        line(&mut text, "cores", &fit.best.cores.to_string(), &told);
        for quantity in [Quantity::GatewayCpu, Quantity::GatewayCpuCv, Quantity::Transport] {
            value_line(&mut text, quantity, fit.interval(quantity));
        }
        text
    }

    /// The estimates and the phases beside the model, for a terminal.
    pub fn table(&self) -> String {
        let mut rows = vec![["quantity".to_owned(), "estimate".to_owned(), "95 % interval".to_owned(), String::new()]];
        let mut text = String::new();
        if let Some(fit) = &self.fit {
            let range = |low: u32, high: Option<u32>| match high {
                Some(high) if high == low => low.to_string(),
                Some(high) => format!("{low} to {high}"),
                None => format!("{low} and more"),
            };
            let (fewest, most) = fit.workers;
            rows.push(["workers".into(), fit.best.workers.to_string(), range(fewest, Some(most)), String::new()]);
            for quantity in [Quantity::Cpu, Quantity::CpuCv, Quantity::Wait, Quantity::WaitCv] {
                rows.push(row(quantity, fit.interval(quantity)));
            }
            if let Some(share) = fit.serialised {
                let percent = |share: f64| format!("{:.0} %", share * 100.0);
                let interval = format!("{} to {}", percent(share.low), percent(share.high));
                rows.push(["serialised share of CPU work".into(), percent(share.value), interval, String::new()]);
            }
            rows.push(["cores".into(), fit.best.cores.to_string(), range(fit.cores.0, fit.cores.1), String::new()]);
            for quantity in [Quantity::GatewayCpu, Quantity::GatewayCpuCv, Quantity::Transport] {
                rows.push(row(quantity, fit.interval(quantity)));
            }
            if let Some((fixed, width)) = self.start_up() {
                let interval = seen(&self.start_ups);
                rows.push(["start-up".into(), format!("{fixed:.2} s + up to {width:.2} s"), interval, String::new()]);
            }
            text.push_str(&columns(&rows));
            text.push('\n');
            let head =
                ["phase", "answers", "measured ms: mean, p50, p95", "model ms: mean, p50, p95"].map(str::to_owned);
            let phases = fit.phases.iter().map(|phase| self.phase_row(phase));
            text.push_str(&columns(&std::iter::once(head).chain(phases).collect::<Vec<_>>()));
        }
        text
    }

    fn phase_row(&self, fitted: &FittedPhase) -> [String; 4] {
        let words = fitted.design.words();
        let measured = self.measurement.phases.iter().find(|phase| phase.design == fitted.design);
        let mut replies: Vec<f64> = measured.map_or_else(Vec::new, |phase| latencies(&phase.replies));
        let mut modelled = latencies(&fitted.replies);
        [words, replies.len().to_string(), three(&mut replies), three(&mut modelled)]
    }
}

pub(super) fn latencies(replies: &[crate::drive::calibration::Reply]) -> Vec<f64> {
    replies.iter().map(crate::drive::calibration::Reply::latency_ms).collect()
}

/// Mean, median and 95th percentile.
fn three(latencies: &mut [f64]) -> String {
    latencies.sort_by(f64::total_cmp);
    let at = |percent| crate::stats::percentile::percentile(latencies, percent).unwrap_or(f64::NAN);
    let mean = latencies.iter().sum::<f64>() / latencies.len().max(1) as f64;
    format!("{mean:.2}, {:.2}, {:.2}", at(50.0), at(95.0))
}

fn seen(start_ups: &[Duration]) -> String {
    let seconds = |duration: Option<&Duration>| duration.map_or(0.0, Duration::as_secs_f64);
    format!("{:.2} s to {:.2} s seen", seconds(start_ups.iter().min()), seconds(start_ups.iter().max()))
}

fn line(text: &mut String, key: &str, value: &str, comment: &str) {
    let assignment = format!("{key} = {value}");
    let _ = writeln!(text, "{assignment:<32} # {comment}");
}

fn value_line(text: &mut String, quantity: Quantity, interval: Interval) {
    let Interval { value, low, high } = interval;
    let (shown, range) = if quantity.is_spread() {
        (format!("{value:.3}"), format!("{low:.3} to {high:.3}"))
    } else {
        (quoted(value), format!("{low:.3} to {high:.3} ms"))
    };
    line(text, quantity.key(), &shown, &(range + guess(interval)));
}

fn guess(interval: Interval) -> &'static str {
    if interval.uncertainty() > GUESS { ", little more than a guess" } else { "" }
}

/// Milliseconds as a scenario writes them, to the microsecond.
fn quoted(ms: f64) -> String {
    format!("\"{}\"", format_duration(Duration::from_micros((ms * 1e3).round().max(0.0) as u64)))
}

fn row(quantity: Quantity, interval: Interval) -> [String; 4] {
    let unit = if quantity.is_spread() { "" } else { " ms" };
    let Interval { value, low, high } = interval;
    let remark = if interval.uncertainty() > GUESS { "a guess" } else { "" };
    [quantity.key().to_owned(), format!("{value:.3}{unit}"), format!("{low:.3} to {high:.3}{unit}"), remark.to_owned()]
}

/// Rows with their columns under each other.
fn columns(rows: &[[String; 4]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A figure's name in JSON.
pub(super) fn figure_name(kind: FigureKind) -> String {
    match kind {
        FigureKind::Mean => "mean".to_owned(),
        FigureKind::Percentile(percent) => format!("p{percent}"),
        FigureKind::Rank(rank) => format!("answer_{rank}"),
        FigureKind::RankSpread(rank) => format!("answer_{rank}_spread"),
    }
}
