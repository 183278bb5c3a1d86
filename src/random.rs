//! One seed per run, one named stream of random numbers per purpose.
//!
//! Arms of the same repeat share the seed, so they meet the same load and the same luck: a stream is drawn from for one
//! purpose only, and what one arm does more of never shifts the numbers another purpose sees. No global generator exists.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// Seed of a run; everything random in it follows from this number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

/// A stream of random numbers (xoshiro256++, Blackman and Vigna 2019).
pub type Stream = Xoshiro256PlusPlus;

/// What a stream is drawn for. Each purpose has a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// When requests arrive, and the phase of workers.
    Arrivals,
    /// CPU and waiting work of load requests.
    Service,
    /// The same for probes, so that probing never changes the load's luck.
    ProbeService,
    /// Which replica a load request goes to.
    Routing,
    /// Which replica a probe goes to.
    ProbeRouting,
    /// How long a pod takes to become ready.
    StartUp,
    /// Inside a policy: phases that are not given, jitter of retries.
    Policy,
    /// The Unix time at which a run in virtual time begins.
    Epoch,
    /// How long the users of journeys think.
    Thinking,
    /// Which runs a bootstrap draws again.
    Resampling,
    /// Which differences a sign-flip test turns round, where there are too many to try all.
    SignFlips,
    /// In which order the arms of a repeat run by the wall clock.
    Order,
    /// What a search for settings tries next.
    Search,
    /// Which requests' handlers raise an exception.
    Raising,
}

impl Seed {
    /// The stream for one purpose.
    pub fn stream(self, purpose: Purpose) -> Stream {
        self.stream_of(purpose, 0)
    }

    /// The stream for one purpose and one of several entities (a generator, a function).
    pub fn stream_of(self, purpose: Purpose, entity: u64) -> Stream {
        let purpose = mix(purpose as u64 + 1);
        Stream::seed_from_u64(mix(self.0 ^ purpose) ^ mix(entity.wrapping_add(purpose)))
    }

    /// The seed of a repeat; repeats count from 1 and the first keeps the study's seed.
    #[must_use]
    pub fn of_repeat(self, repeat: u32) -> Self {
        if repeat <= 1 { self } else { Self(mix(self.0.wrapping_add(u64::from(repeat)))) }
    }

    /// A seed unrelated to this one, the same for the same one: of the A/A twin, which is to have luck of its own.
    #[must_use]
    pub fn of_twin(self) -> Self {
        Self(mix(mix(self.0) ^ 0x7477_696e))
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood 2014): neighbouring inputs give unrelated outputs.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::rand_core::Rng;

    use super::*;

    #[test]
    fn streams_differ_by_purpose_entity_and_seed_and_repeat_themselves() {
        let first = |seed: u64, purpose, entity| Seed(seed).stream_of(purpose, entity).next_u64();
        let base = first(1, Purpose::Service, 0);
        assert_eq!(base, first(1, Purpose::Service, 0));
        assert_ne!(base, first(1, Purpose::Routing, 0));
        assert_ne!(base, first(1, Purpose::Service, 1));
        assert_ne!(base, first(2, Purpose::Service, 0));
    }

    #[test]
    fn the_first_repeat_keeps_the_seed_of_the_study() {
        assert_eq!(Seed(7).of_repeat(1), Seed(7));
        assert_ne!(Seed(7).of_repeat(2), Seed(7).of_repeat(3));
        assert_ne!(Seed(7).of_twin(), Seed(7));
        assert_eq!(Seed(7).of_twin(), Seed(7).of_twin());
    }
}
