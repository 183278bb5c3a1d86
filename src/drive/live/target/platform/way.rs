//! How much of a request's way to the platform and back is a real one.
//!
//! ```text
//!   what a client measures = the real way + what the model says with its transport shortened by the real way
//! ```
//!
//! Connections that are kept cost the same throughout a run. A probe dials, and comes when threads, caches and cores have slept for a
//! second: what that takes depends on what else the machine does, and each probe begins after the one before. Were each 0.15 ms longer than
//! modelled, the thirtieth would come 4.5 ms late, and to a load that comes in bursts it would be another probe. So theirs is followed.

use std::time::Duration;

/// Of a request's way, what is real: the model's transport is to be that much shorter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Over a connection that is there already.
    pub kept: Duration,
    /// With the dialling of one.
    pub dialled: Duration,
}

/// Of a deviation this share is believed at least: eight probes that agree move most of it. Of the first ones more, as the mean of all
/// and of what was measured before the run would have it.
const GAIN: f64 = 0.125;

/// No deviation counts for more than this, in seconds: one probe that met a standstill says nothing of the next.
const LARGEST: f64 = 0.5e-3;

/// The real way of probes, as it is measured from probe to probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct WayOfProbes {
    /// Of all requests, over a connection that is there already.
    kept: Duration,
    /// By how much a probe comes sooner than another request.
    sooner: Duration,
    /// The most the model has to give for that.
    most: Duration,
    /// How many probes were learnt from.
    learnt: u32,
}

impl WayOfProbes {
    /// What was measured before, and the transport that is left.
    pub(super) fn new(way: Way, transport: Duration) -> Self {
        let most = transport / 2;
        Self { kept: way.kept, sooner: way.dialled.saturating_sub(way.kept).min(most), most, learnt: 0 }
    }

    /// By how much a probe comes sooner than another request.
    pub(super) fn sooner(&self) -> Duration {
        self.sooner
    }

    /// A probe took so long by its sender's clock, of which `modelled` was the model's.
    pub(super) fn learn(&mut self, took: Duration, modelled: Duration) {
        self.learnt = self.learnt.saturating_add(1);
        let gain = GAIN.max(1.0 / (1.0 + f64::from(self.learnt)));
        let sooner = self.sooner.as_secs_f64();
        let deviation = took.as_secs_f64() - modelled.as_secs_f64() - self.kept.as_secs_f64() - sooner;
        let next = sooner + gain * deviation.clamp(-LARGEST, LARGEST);
        self.sooner = Duration::from_secs_f64(next.clamp(0.0, self.most.as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODELLED: Duration = Duration::from_millis(40);

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    fn begun(dialled: u64) -> WayOfProbes {
        WayOfProbes::new(Way { kept: micros(250), dialled: micros(dialled) }, Duration::from_millis(10))
    }

    #[test]
    fn probes_come_to_take_what_the_model_says_whatever_was_measured_first() {
        for (first, real) in [(250, 800), (620, 770), (900, 400), (600, 600)] {
            let mut way = begun(first);
            for _ in 0..60 {
                way.learn(MODELLED + micros(real), MODELLED);
            }
            let off = (way.sooner() + micros(250)).as_secs_f64() - micros(real).as_secs_f64();
            assert!(off.abs() < 2e-6, "{first} {real}: {off}");
        }
    }

    #[test]
    fn a_standstill_moves_it_by_little() {
        let mut way = begun(600);
        for _ in 0..20 {
            way.learn(MODELLED + micros(600), MODELLED);
        }
        let before = way.sooner();
        way.learn(Duration::from_secs(3), MODELLED);
        assert!(way.sooner() < before + micros(70));
    }

    #[test]
    fn the_first_probes_say_most() {
        let mut way = begun(600);
        for _ in 0..3 {
            way.learn(MODELLED + micros(900), MODELLED);
        }
        assert!(way.sooner() + micros(250) > micros(800));
    }

    proptest! {
        /// Nothing makes a probe later than other requests, or sooner than sent.
        #[test]
        fn a_way_is_never_negative_nor_longer_than_there_is_transport(probes in prop::collection::vec((0_u64..200_000, 0_u64..200_000), 0..200)) {
            let mut way = begun(600);
            for (latency, modelled) in probes {
                way.learn(micros(latency), micros(modelled));
                prop_assert!(way.sooner() <= Duration::from_millis(5));
            }
        }
    }
}
