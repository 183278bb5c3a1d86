//! The hash `XXH64` with seed 0 (Yann Collet's specification, xxhash.com), with which Prometheus spreads its rule groups.

const PRIMES: [u64; 5] =
    [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];

/// The hash of these bytes.
pub(super) fn xxh64(bytes: &[u8]) -> u64 {
    let [first, second, _, _, fifth] = PRIMES;
    let mut stripes = bytes.chunks_exact(32);
    let mut hash = if bytes.len() < 32 {
        fifth
    } else {
        let mut lanes = [first.wrapping_add(second), second, 0, 0_u64.wrapping_sub(first)];
        for stripe in &mut stripes {
            for (lane, word) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
                *lane = round(*lane, little_endian(word));
            }
        }
        let mut hash = 0_u64;
        for (lane, turn) in lanes.iter().zip([1, 7, 12, 18]) {
            hash = hash.wrapping_add(lane.rotate_left(turn));
        }
        lanes.iter().fold(hash, |hash, lane| (hash ^ round(0, *lane)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]))
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    finish(hash, stripes.remainder())
}

/// What is left of less than 32 bytes, and the last mixing.
fn finish(mut hash: u64, rest: &[u8]) -> u64 {
    let [first, second, third, fourth, fifth] = PRIMES;
    let mut words = rest.chunks_exact(8);
    for word in &mut words {
        hash = (hash ^ round(0, little_endian(word))).rotate_left(27).wrapping_mul(first).wrapping_add(fourth);
    }
    let mut rest = words.remainder();
    if rest.len() >= 4 {
        let (half, tail) = rest.split_at(4);
        hash =
            (hash ^ little_endian(half).wrapping_mul(first)).rotate_left(23).wrapping_mul(second).wrapping_add(third);
        rest = tail;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(fifth)).rotate_left(11).wrapping_mul(first);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(second);
    hash = (hash ^ (hash >> 29)).wrapping_mul(third);
    hash ^ (hash >> 32)
}

const fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_published_examples() {
        // of the reference implementation: the empty text and "a" as in its own tests, the others as `xxhsum -H64` prints them
        for (text, hash) in [
            ("", 0xef46_db37_51d8_e999),
            ("a", 0xd24e_c4f1_a98c_6e5b),
            ("abc", 0x44bc_2cf5_ad77_0999),
            ("Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
        ] {
            assert_eq!(xxh64(text.as_bytes()), hash, "{text:?}");
        }
    }
}
