//! How well the generator kept time: the measurement's own error.

use super::canvas::{Canvas, Drawn, Rect};
use super::data::{ArmSeries, Study};
use super::distribution::{Panel, Panels};
use super::scale;
use super::sheet::{Drawing, Key, Mark, provenance};
use super::theme;

pub(super) struct Lateness<'a>(pub(super) &'a Study);

impl Lateness<'_> {
    fn panels(&self) -> Panels<'_> {
        Panels {
            arms: self
                .0
                .arms
                .iter()
                .map(|arm| Panel { arm, said: said(arm), bars: &arm.lateness, outline: None })
                .collect(),
            limit: self
                .0
                .lateness_limit_us
                .map(|limit| (format!("limit of p99 {}", scale::latency(limit / 1e3)), limit)),
            axis: "sent minus ready: how late a request left",
            empty: "no request left",
        }
    }

    /// In virtual time a request leaves at the very moment it is ready.
    fn exact(&self) -> bool {
        self.0.arms.iter().all(|arm| arm.lateness.max().unwrap_or(0) == 0)
    }
}

fn said(arm: &ArmSeries) -> String {
    if arm.lateness.is_empty() {
        return "nothing sent".to_owned();
    }
    let quantile = |share| scale::latency(arm.lateness.quantile(share).unwrap_or(0) as f64 / 1e3);
    format!("p50 {} · p99 {} · at most {}", quantile(0.5), quantile(0.99), quantile(1.0))
}

impl Drawing for Lateness<'_> {
    fn title(&self) -> String {
        "How late the load generator itself was".to_owned()
    }

    fn subtitle(&self) -> String {
        let sent: u64 = self.0.arms.iter().map(|arm| arm.lateness.count()).sum();
        format!("{} · {} requests sent", provenance(self.0), scale::count(sent))
    }

    fn description(&self) -> String {
        let arms: Vec<String> = self.0.arms.iter().map(|arm| format!("{}: {}", arm.name, said(arm))).collect();
        format!("Histograms of the time from when a request could leave to when it left. {}.", arms.join("; "))
    }

    fn legend(&self) -> Vec<Key> {
        if self.exact() {
            return Vec::new();
        }
        vec![Key::new("share of requests", Mark::Area(theme::MUTED, 0.85))]
    }

    fn height(&self, width: f64) -> f64 {
        if self.exact() { 120.0 } else { self.panels().height(width) }
    }

    fn draw(&self, canvas: &Canvas<'_>, body: Rect) -> Drawn {
        if self.exact() {
            let sent = self.0.arms.iter().any(|arm| !arm.lateness.is_empty());
            let remark = if sent { "every request left exactly when it could" } else { "no request left" };
            return super::sheet::nothing(canvas, body, remark);
        }
        self.panels().draw(canvas, body)
    }
}
