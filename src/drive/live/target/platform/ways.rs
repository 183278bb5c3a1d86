//! How the real way of a request to the platform and back is made up for by the modelled one.
//!
//! ```text
//!   sent --------- comes ---- read, handled ........ at the gateway | ... | leaves the model ....... | written -- read by its sender
//!         real, no time    real          the rest of the way in                  modelled way back      real, measured beforehand
//! ```
//!
//! The kernel notes when a request comes, which over the loopback is when it is sent. So it is at the modelled gateway just as long after that
//! as the model says, however long threads took to wake up for it. What its answer takes back can't be known when it leaves: the usual time
//! is measured before the run, and the model's transport is that much shorter.
//!
//! A probe dials first, and comes when threads, caches and cores have slept for a second. Each begins after the one before: were each 0.15 ms
//! longer than modelled, the thirtieth would come 4.5 ms late, and to a load that comes in bursts it would be another probe. So its way counts
//! from when it was asked for, and what its answer takes back is guessed from those before it.

use std::time::Duration;

use crate::time::Timestamp;

/// Of a deviation this share is believed at least: eight probes that agree move most of it. Of the first ones more, as the mean of all
/// and of what was assumed before the run would have it.
const GAIN: f64 = 0.125;

/// No deviation counts for more than this, in seconds: one probe that met a standstill says nothing of the next.
const LARGEST: f64 = 0.5e-3;

/// The ways there and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    /// The modelled way in.
    way_in: Duration,
    /// The real way back of an answer, by which the model's transport is shorter.
    taken: Duration,
    /// The same of an answer to a probe, until its sender has it.
    back: Duration,
    /// How many probes were learnt from.
    learnt: u32,
}

impl Ways {
    /// What the real way back usually takes, and the transport that is left of the model's.
    pub(super) fn new(taken: Duration, transport: Duration) -> Self {
        Self { way_in: transport / 2, taken, back: taken, learnt: 0 }
    }

    /// When a request is at the gateway that came then.
    pub(super) fn at_gateway(&self, came: Timestamp) -> Timestamp {
        came + self.way_in
    }

    /// When a probe is at the gateway that was asked for then.
    pub(super) fn probe_at_gateway(&self, asked: Timestamp) -> Timestamp {
        asked + (self.way_in + self.taken).saturating_sub(self.back)
    }

    /// A probe took so long from when it was asked for until its sender had the answer; until that left the model it was `left`.
    pub(super) fn learn(&mut self, took: Duration, left: Duration) {
        self.learnt = self.learnt.saturating_add(1);
        let gain = GAIN.max(1.0 / (1.0 + f64::from(self.learnt)));
        let back = self.back.as_secs_f64();
        let deviation = took.as_secs_f64() - left.as_secs_f64() - back;
        let next = back + gain * deviation.clamp(-LARGEST, LARGEST);
        self.back = Duration::from_secs_f64(next.clamp(0.0, (self.way_in + self.taken).as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// In all; what the answers' real way back takes of it, and what the model has.
    const TRANSPORT: Duration = Duration::from_millis(10);
    const TAKEN: Duration = Duration::from_micros(150);
    const MODELLED: Duration = Duration::from_micros(9_850);
    const SERVED: Duration = Duration::from_millis(40);

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    fn begun() -> Ways {
        Ways::new(TAKEN, MODELLED)
    }

    /// A probe that takes so long there and back: what it takes in all.
    fn probe(ways: &mut Ways, there: Duration, back: Duration) -> Duration {
        let asked = Timestamp::from_secs(7);
        let left = ways.probe_at_gateway(asked).max(asked + there) + SERVED + MODELLED / 2 - asked;
        ways.learn(left + back, left);
        left + back
    }

    #[test]
    fn a_request_takes_what_the_model_says_however_late_it_was_read() {
        let came = Timestamp::from_secs(7);
        for read in [50, 400, 4_900] {
            let gateway = begun().at_gateway(came).max(came + micros(read));
            assert_eq!(gateway + SERVED + MODELLED / 2 + TAKEN - came, TRANSPORT + SERVED, "{read}");
        }
    }

    #[test]
    fn probes_come_to_take_what_the_model_says_however_long_their_way() {
        let mut ways = begun();
        for _ in 0..60 {
            probe(&mut ways, micros(400), micros(180));
        }
        for there in [200, 400, 1_700, 4_800] {
            let off = probe(&mut ways, micros(there), micros(180)).as_secs_f64() - (TRANSPORT + SERVED).as_secs_f64();
            assert!(off.abs() < 2e-6, "{there}: {off}");
        }
    }

    #[test]
    fn one_that_is_later_than_the_model_has_it_takes_longer_and_is_not_learnt_from() {
        let mut ways = begun();
        for _ in 0..20 {
            probe(&mut ways, micros(400), TAKEN);
        }
        let before = ways.back;
        assert!(probe(&mut ways, micros(9_000), TAKEN) > TRANSPORT + SERVED + micros(3_800));
        assert_eq!(ways.back, before);
    }

    #[test]
    fn a_standstill_moves_the_guess_by_little() {
        let mut ways = begun();
        for _ in 0..20 {
            probe(&mut ways, micros(400), micros(180));
        }
        let before = ways.back;
        probe(&mut ways, micros(400), Duration::from_secs(3));
        assert!(ways.back < before + micros(70));
    }

    #[test]
    fn the_first_probes_say_most() {
        let mut ways = begun();
        for _ in 0..3 {
            probe(&mut ways, micros(400), micros(500));
        }
        assert!(ways.back > micros(400));
    }

    proptest! {
        /// Nothing makes a probe be at the gateway before it was asked for, or later than there is transport.
        #[test]
        fn a_way_is_never_negative_nor_longer_than_there_is_transport(probes in prop::collection::vec((0_u64..200_000, 0_u64..200_000), 0..200)) {
            let (mut ways, asked) = (begun(), Timestamp::from_secs(1));
            for (took, left) in probes {
                ways.learn(micros(took), micros(left));
                let at = ways.probe_at_gateway(asked);
                prop_assert!(at >= asked && at <= asked + TRANSPORT);
            }
        }
    }
}
