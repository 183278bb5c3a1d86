//! A model that may be the measured function's: what is searched over.

use std::time::Duration;

use crate::model::{FunctionModel, NodeModel, StartUp, Work};

/// What is searched over smoothly; the rest (workers, cores) is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Time on the way, there and back, that holds no worker.
    Transport,
    /// Mean CPU work on the way, on any core.
    GatewayCpu,
    /// Its spread.
    GatewayCpuCv,
    /// Mean CPU work in the replica, under its lock.
    Cpu,
    /// Its spread.
    CpuCv,
    /// Mean time a worker is held without CPU.
    Wait,
    /// Its spread.
    WaitCv,
}

impl Quantity {
    /// All of them, in the order of [`Candidate::values`].
    pub const ALL: [Self; 7] =
        [Self::Transport, Self::GatewayCpu, Self::GatewayCpuCv, Self::Cpu, Self::CpuCv, Self::Wait, Self::WaitCv];

    /// Whether it is a spread (a plain number) and not a time in milliseconds.
    pub const fn is_spread(self) -> bool {
        matches!(self, Self::GatewayCpuCv | Self::CpuCv | Self::WaitCv)
    }

    /// The key a scenario has it under.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::GatewayCpu => "gateway_cpu",
            Self::GatewayCpuCv => "gateway_cpu_cv",
            Self::Cpu => "cpu",
            Self::CpuCv => "cpu_cv",
            Self::Wait => "wait",
            Self::WaitCv => "wait_cv",
        }
    }
}

/// One model: counted numbers, and the values of [`Quantity::ALL`] (times in milliseconds).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Worker threads of a replica.
    pub workers: u32,
    /// Cores of the node.
    pub cores: u32,
    /// Values in the order of [`Quantity::ALL`].
    pub values: [f64; 7],
}

/// The largest spread that is searched: beyond it a log-normal law is all tail.
const SPREAD_MAX: f64 = 4.0;

impl Candidate {
    /// The value of a quantity.
    pub fn get(&self, quantity: Quantity) -> f64 {
        self.values[quantity as usize]
    }

    /// The same with another value.
    #[must_use]
    pub fn with(mut self, quantity: Quantity, value: f64) -> Self {
        self.values[quantity as usize] = value;
        self
    }

    /// The candidate that a known model is.
    pub fn of(function: &FunctionModel, node: &NodeModel) -> Self {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        Self {
            workers: function.workers,
            cores: node.cores,
            values: [
                ms(node.transport),
                ms(node.gateway_cpu.mean),
                node.gateway_cpu.cv,
                ms(function.cpu.mean),
                function.cpu.cv,
                ms(function.wait.mean),
                function.wait.cv,
            ],
        }
    }

    /// The function's model. Pods start and end at once: replicas are told of, not waited for.
    pub fn function(&self) -> FunctionModel {
        let cpu = self.work(Quantity::Cpu, Quantity::CpuCv);
        FunctionModel {
            workers: self.workers,
            cpu,
            probe_cpu: cpu,
            wait: self.work(Quantity::Wait, Quantity::WaitCv),
            start_up: StartUp { fixed: Duration::ZERO, container: Duration::ZERO, probe: Duration::ZERO },
            termination: Duration::ZERO,
            ..FunctionModel::default()
        }
    }

    /// The node's model.
    pub fn node(&self) -> NodeModel {
        NodeModel {
            cores: self.cores,
            gateway_cpu: self.work(Quantity::GatewayCpu, Quantity::GatewayCpuCv),
            transport: millis(self.get(Quantity::Transport)),
        }
    }

    /// The share of all CPU work that the interpreter lock lets one request at a time do; `None` if there is no CPU work.
    pub fn serialised_share(&self) -> Option<f64> {
        let (cpu, gateway) = (self.get(Quantity::Cpu), self.get(Quantity::GatewayCpu));
        (cpu + gateway > 0.0).then(|| cpu / (cpu + gateway))
    }

    /// Mean time of a request that is alone, in milliseconds.
    pub fn alone_ms(&self) -> f64 {
        [Quantity::Transport, Quantity::GatewayCpu, Quantity::Cpu, Quantity::Wait]
            .map(|part| self.get(part))
            .iter()
            .sum()
    }

    /// Brings every value into the range in which it means something.
    pub(super) fn clamp(&mut self) {
        for (value, quantity) in self.values.iter_mut().zip(Quantity::ALL) {
            let most = if quantity.is_spread() { SPREAD_MAX } else { 3.6e6 };
            *value = if value.is_finite() { value.clamp(0.0, most) } else { 0.0 };
        }
    }

    fn work(&self, mean: Quantity, cv: Quantity) -> Work {
        Work { mean: millis(self.get(mean)), cv: self.get(cv) }
    }
}

/// Milliseconds as a duration, to the nanosecond.
pub(super) fn millis(ms: f64) -> Duration {
    Duration::from_nanos((ms * 1e6).round().max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_of_a_model_makes_that_model() {
        let function = FunctionModel {
            workers: 3,
            cpu: Work { mean: Duration::from_micros(2_500), cv: 0.25 },
            wait: Work { mean: Duration::from_millis(40), cv: 0.5 },
            ..FunctionModel::default()
        };
        let node = NodeModel::default();
        let candidate = Candidate::of(&function, &node);
        assert_eq!(candidate.node(), node);
        let made = candidate.function();
        assert_eq!((made.workers, made.cpu, made.wait), (function.workers, function.cpu, function.wait));
        let way = (node.transport + node.gateway_cpu.mean).as_secs_f64() * 1e3;
        assert!((candidate.alone_ms() - (way + 2.5 + 40.0)).abs() < 1e-9);
    }
}
