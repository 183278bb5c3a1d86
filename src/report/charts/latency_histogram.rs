//! How latencies are distributed, arm under arm.

use super::canvas::{Canvas, Drawn, Rect, Stroke};
use super::data::{ArmSeries, Study};
use super::distribution::{Panel, Panels};
use super::scale;
use super::sheet::{Drawing, Key, Mark, objective, provenance};
use super::theme;

pub(super) struct LatencyHistogram<'a>(pub(super) &'a Study);

impl LatencyHistogram<'_> {
    fn panels(&self) -> Panels<'_> {
        let study = self.0;
        Panels {
            arms: study
                .arms
                .iter()
                .map(|arm| Panel { arm, said: said(study, arm), bars: &arm.latency, outline: Some(&arm.due) })
                .collect(),
            limit: Some((format!("SLO {}", scale::latency(study.slo_ms)), study.slo_ms * 1e3)),
            axis: "latency of an answered request",
            empty: "no request was answered",
        }
    }
}

/// Percentiles in figures, and how many requests missed the objective.
pub(super) fn said(study: &Study, arm: &ArmSeries) -> String {
    let Some([p50, p95, p99]) = arm.percentiles_ms() else { return "nothing answered".to_owned() };
    let latency = scale::latency;
    let mut said = format!("p50 {} · p95 {} · p99 {}", latency(p50), latency(p95), latency(p99));
    if let Some(ratio) = arm.slo_violation_ratio {
        said = format!("{said} · {} missed {}", scale::percent(ratio), scale::latency(study.slo_ms));
    }
    said
}

impl Drawing for LatencyHistogram<'_> {
    fn title(&self) -> String {
        "How long requests took".to_owned()
    }

    fn subtitle(&self) -> String {
        let answered: u64 = self.0.arms.iter().map(|arm| arm.latency.count()).sum();
        format!(
            "{} · {} answered requests · objective: {}",
            provenance(self.0),
            scale::count(answered),
            objective(self.0)
        )
    }

    fn description(&self) -> String {
        let arms: Vec<String> = self.0.arms.iter().map(|arm| format!("{}: {}", arm.name, said(self.0, arm))).collect();
        format!("Histograms of latency on the same bins, one per arm. {}.", arms.join("; "))
    }

    fn legend(&self) -> Vec<Key> {
        vec![
            Key::new("share of requests, latency from sent", Mark::Area(theme::MUTED, 0.85)),
            Key::new("the same, from due", Mark::Line(Stroke::new(theme::INK, 1.25))),
        ]
    }

    fn height(&self, width: f64) -> f64 {
        self.panels().height(width)
    }

    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        self.panels().draw(canvas, body)
    }
}
