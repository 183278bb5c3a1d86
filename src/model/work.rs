//! Drawing amounts of work and start-up times.

use std::time::Duration;

use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::rand_core::Rng;

use crate::random::{Purpose, Seed, Stream};
use crate::time::nanos;

use super::request::Arrival;
use super::{FunctionModel, StartUp, Work};

/// A [`Work`] ready to draw from, in nanoseconds.
#[derive(Clone, Copy, Debug)]
enum Law {
    Constant(f64),
    LogNormal { mu: f64, sigma: f64 },
}

impl Law {
    fn new(work: Work) -> Self {
        let mean = nanos(work.mean) as f64;
        if mean > 0.0 && work.cv > 0.0 {
            // mean = exp(mu + sigma^2 / 2), cv^2 = exp(sigma^2) - 1
            let variance = (work.cv * work.cv).ln_1p();
            Self::LogNormal { mu: mean.ln() - variance / 2.0, sigma: variance.sqrt() }
        } else {
            Self::Constant(mean)
        }
    }

    #[inline]
    fn draw(&self, stream: &mut Stream) -> f64 {
        match *self {
            Self::Constant(work) => work,
            Self::LogNormal { mu, sigma } => log_normal(mu, sigma, stream),
        }
    }
}

fn log_normal(mu: f64, sigma: f64, stream: &mut Stream) -> f64 {
    let normal: f64 = StandardNormal.sample(stream);
    (mu + sigma * normal).exp()
}

/// What one request needs, drawn when it arrives, so that the n-th request of a run meets the same luck under every arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Need {
    /// CPU work on the gateway path, in nanoseconds.
    pub(super) gateway: f64,
    /// CPU work in the replica, in nanoseconds.
    pub(super) cpu: f64,
    /// Waiting work, in nanoseconds.
    pub(super) wait: u64,
    /// Uniform over all values: chooses the replica.
    pub(super) route: u64,
    /// Whether the handler raises an exception.
    pub(super) raises: bool,
}

/// The streams of one function.
#[derive(Clone, Debug)]
pub(super) struct Luck {
    gateway: Law,
    cpu: Law,
    probe_cpu: Law,
    wait: Law,
    /// Share of requests whose handler raises.
    raises: f64,
    service: Stream,
    routing: Stream,
    raising: Stream,
    probe_service: Stream,
    probe_routing: Stream,
}

impl Luck {
    pub(super) fn new(gateway_cpu: Work, function: &FunctionModel, seed: Seed, entity: u64) -> Self {
        Self {
            gateway: Law::new(gateway_cpu),
            cpu: Law::new(function.cpu),
            probe_cpu: Law::new(function.probe_cpu),
            wait: Law::new(function.wait),
            raises: function.raises,
            service: seed.stream_of(Purpose::Service, entity),
            routing: seed.stream_of(Purpose::Routing, entity),
            raising: seed.stream_of(Purpose::Raising, entity),
            probe_service: seed.stream_of(Purpose::ProbeService, entity),
            probe_routing: seed.stream_of(Purpose::ProbeRouting, entity),
        }
    }

    /// Draws from now on what another model says, from the same streams.
    pub(super) fn follow(&mut self, function: &FunctionModel) {
        self.cpu = Law::new(function.cpu);
        self.probe_cpu = Law::new(function.probe_cpu);
        self.wait = Law::new(function.wait);
        self.raises = function.raises;
    }

    #[inline]
    pub(super) fn draw(&mut self, arrival: &Arrival) -> Need {
        if arrival.probe {
            return Need {
                gateway: self.gateway.draw(&mut self.probe_service),
                cpu: self.probe_cpu.draw(&mut self.probe_service),
                wait: 0,
                route: self.probe_routing.next_u64(),
                raises: false,
            };
        }
        Need {
            gateway: self.gateway.draw(&mut self.service),
            cpu: self.cpu.draw(&mut self.service),
            wait: arrival.wait.map_or_else(|| self.wait.draw(&mut self.service) as u64, nanos),
            route: self.routing.next_u64(),
            raises: self.raises > 0.0 && uniform(&mut self.raising) < self.raises,
        }
    }
}

impl StartUp {
    /// How long one pod takes to become ready.
    pub(super) fn draw(&self, stream: &mut Stream) -> Duration {
        self.fixed + self.container.mul_f64(uniform(stream)) + self.probe.mul_f64(uniform(stream))
    }
}

/// Uniform in [0, 1): the 53 bits a double can hold.
fn uniform(stream: &mut Stream) -> f64 {
    (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(work: Work, draws: u32) -> (f64, f64) {
        let (law, mut stream) = (Law::new(work), Seed(11).stream(Purpose::Service));
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..draws {
            let draw = law.draw(&mut stream) / 1e6;
            sum += draw;
            squares += draw * draw;
        }
        let mean = sum / f64::from(draws);
        (mean, (squares / f64::from(draws) - mean * mean).sqrt() / mean)
    }

    #[test]
    fn log_normal_work_has_the_mean_and_the_spread_asked_for() {
        for cv in [0.3, 1.0] {
            let (mean, spread) = moments(Work { mean: Duration::from_millis(10), cv }, 100_000);
            assert!((mean - 10.0).abs() < 0.15, "cv {cv}: mean {mean}");
            assert!((spread - cv).abs() < 0.05 * cv, "cv {cv}: spread {spread}");
        }
    }

    #[test]
    fn without_spread_work_is_the_same_every_time() {
        let (mean, spread) = moments(Work::constant(Duration::from_millis(3)), 10);
        assert!((mean - 3.0).abs() < 1e-12 && spread.abs() < 1e-6);
    }

    #[test]
    fn probes_leave_the_luck_of_the_load_alone() {
        let arrival = |probe| Arrival {
            request: super::super::RequestId(0),
            function: crate::record::FunctionId::STUDIED,
            probe,
            wait: None,
        };
        let model = FunctionModel::default();
        let gateway = Work { mean: Duration::from_millis(1), cv: 1.0 };
        let mut without = Luck::new(gateway, &model, Seed(3), 0);
        let mut with = without.clone();
        for _ in 0..20 {
            with.draw(&arrival(true));
            assert_eq!(with.draw(&arrival(false)), without.draw(&arrival(false)));
        }
    }
}
