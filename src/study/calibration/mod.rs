//! A calibration as people get it: from a results directory or a live measurement to a model's text, a table, JSON and chart data.
//!
//! ```text
//!   recorded.rs: results directory --\
//!   drive::live::calibration --------> Measurement --drive::calibration--> Calibration --> toml, table, json (text.rs, json.rs)
//! ```

mod json;
pub mod recorded;
mod text;

use std::time::Duration;

use crate::drive::calibration::{Effort, Fit, Measurement, Misfit, Quantity, fit, judge};

/// What was measured, the model that comes nearest, and what speaks against it.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// The function's name for the model.
    pub name: String,
    /// What was measured, in words: an address, or a run of a results directory.
    pub source: String,
    /// The measurement.
    pub measurement: Measurement,
    /// The nearest model; `None` if there was too little to fit to.
    pub fit: Option<Fit>,
    /// What speaks against its being the function's.
    pub misfits: Vec<Misfit>,
    /// Times from asking for a pod until it was ready, if they were measured.
    pub start_ups: Vec<Duration>,
    /// What a reader should know of the measurement.
    pub notes: Vec<String>,
    /// Whether it was ended early.
    pub partial: bool,
}

impl Calibration {
    /// Fits and judges a measurement.
    pub fn of(name: String, source: String, measurement: Measurement, effort: Effort) -> Self {
        let fit = fit(&measurement, effort).ok();
        let misfits = judge(&measurement, fit.as_ref());
        let mut calibration =
            Self { name, source, measurement, fit, misfits, start_ups: Vec::new(), notes: Vec::new(), partial: false };
        calibration.notes = calibration.remarks();
        calibration
    }

    /// Whether the model is one of this function.
    pub fn fits(&self) -> bool {
        self.fit.is_some() && self.misfits.is_empty() && !self.partial
    }

    /// What can't be told from such a measurement.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let Some(fit) = &self.fit else { return remarks };
        let (cpu, wait) = (fit.best.get(Quantity::Cpu), fit.best.get(Quantity::Wait));
        if fit.best.workers == 1 {
            remarks.push(format!(
                "with one worker, CPU work and wait hold it alike: their sum, {:.3} ms, is measured, its parts are a guess",
                cpu + wait
            ));
        } else if f64::from(fit.best.workers) * cpu > 1.5 * (cpu + wait) {
            remarks.push(
                "the lock is the bottleneck long before the workers are: how much of the rest is wait and how much is transport hardly shows"
                    .to_owned(),
            );
        }
        if fit.workers.0 != fit.workers.1 {
            remarks.push(format!("{} to {} workers fit about as well", fit.workers.0, fit.workers.1));
        }
        if fit.cores.1.is_none() || fit.cores.1 != Some(fit.cores.0) {
            remarks.push(
                "the node's cores show only where requests fill them; give --cores N if you know them".to_owned(),
            );
        }
        remarks
    }

    /// Start-up as the model has it, in seconds: the shortest time, and what comes on top at most. Of times that are evenly spread the extremes
    /// of n lie a share of 2 / (n + 1) of the width inside.
    pub fn start_up(&self) -> Option<(f64, f64)> {
        let seconds: Vec<f64> = self.start_ups.iter().map(Duration::as_secs_f64).collect();
        let shortest = seconds.iter().copied().reduce(f64::min)?;
        let longest = seconds.iter().copied().fold(shortest, f64::max);
        let count = seconds.len() as f64;
        if count < 2.0 {
            return Some((shortest, 0.0));
        }
        let beyond = (longest - shortest) / (count - 1.0);
        Some(((shortest - beyond).max(0.0), longest - shortest + 2.0 * beyond))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::calibration::{Candidate, Design, measure_in_virtual_time};
    use crate::random::Seed;

    fn calibration() -> Calibration {
        let truth = Candidate { workers: 2, cores: 4, values: [1.0, 0.2, 0.1, 4.0, 0.2, 9.0, 0.1] };
        let plan = [
            (Design::Closed { parallel: 1 }, 60),
            (Design::Closed { parallel: 4 }, 80),
            (Design::Bursts { leaves: vec![Duration::ZERO; 4] }, 60),
        ];
        let measurement = measure_in_virtual_time(&truth, 1, &plan, Seed(1));
        let effort = Effort { times: 1.0, steps: 1, workers: Some(2), cores: Some(4), ..Effort::default() };
        Calibration::of("echo".to_owned(), "http://127.0.0.1/".to_owned(), measurement, effort)
    }

    #[test]
    fn the_model_written_is_a_part_of_a_scenario() {
        let calibration = calibration();
        let scenario = format!(
            "name = \"x\"\n{}\n[[load]]\nhey = \"-n 1 -c 1\"\n[[arm]]\npolicy = \"fixed\"\n",
            calibration.toml()
        );
        let value: toml::Value = toml::from_str(&scenario).expect("TOML");
        let model = &value["function"]["model"];
        assert_eq!(model["workers"].as_integer(), Some(2));
        for key in ["cpu", "wait", "probe_cpu"] {
            let text = model[key].as_str().expect("a duration");
            crate::time::parse_duration(text).expect("a duration");
        }
        assert_eq!(value["platform"]["cores"].as_integer(), Some(4));
    }

    #[test]
    fn start_up_reaches_beyond_the_times_seen() {
        let mut calibration = calibration();
        assert_eq!(calibration.start_up(), None);
        calibration.start_ups = [4, 5, 6].map(Duration::from_secs).into();
        let (fixed, width) = calibration.start_up().expect("measured");
        assert!((fixed - 3.0).abs() < 1e-9 && (width - 4.0).abs() < 1e-9, "{fixed} {width}");
    }

    #[test]
    fn what_is_partial_fits_nothing() {
        let mut calibration = calibration();
        calibration.partial = true;
        assert!(!calibration.fits());
        assert_eq!(calibration.json()["fits"], serde_json::Value::Bool(false));
    }
}
