//! How inputs are changed: bits, bytes, pieces moved, numbers made extreme, words of the format put in, inputs crossed.

use rand::{Rng, RngExt};
use watchtower::random::Stream;

/// Longest input; what grows beyond it is cut.
const LENGTH_MAX: usize = 4_096;

/// Numbers that parsers stumble over.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "00",
    "0x",
    "1e9",
    "1e400",
    "NaN",
    "inf",
    "-0",
    "127",
    "128",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
    "ffffffffffffffff",
    "1_000",
    "0.0000000001",
];

/// Makes inputs of others.
pub(super) struct Mutator {
    stream: Stream,
    words: &'static [&'static str],
}

impl Mutator {
    pub(super) fn new(stream: Stream, words: &'static [&'static str]) -> Self {
        Self { stream, words }
    }

    fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.stream.random_range(0..bound) }
    }

    /// One of the inputs, changed in one to eight places.
    pub(super) fn mutate(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(8) {
            self.change(&mut input, corpus);
        }
        input.truncate(LENGTH_MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(16)).min(input.len());
        match self.below(11) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.stream.next_u64() as u8,
            2 => drop(input.splice(at..end, [])),
            3 => {
                let piece = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            4 => {
                let byte = self.stream.next_u64() as u8;
                input.insert(at, byte);
            }
            5 => {
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            6 => {
                let number = NUMBERS[self.below(NUMBERS.len())];
                input.splice(at..end, number.bytes());
            }
            7 => {
                // a number that stands there
                let digits = |byte: &u8| byte.is_ascii_digit();
                if let Some(from) = input[at..].iter().position(digits).map(|from| at + from) {
                    let length = input[from..].iter().take_while(|byte| digits(byte)).count();
                    let number = NUMBERS[self.below(NUMBERS.len())];
                    input.splice(from..from + length, number.bytes());
                }
            }
            8 => {
                let times = self.below(40);
                let piece = input[at..end].repeat(times);
                input.splice(at..at, piece);
            }
            9 => input.truncate(at),
            _ => {
                let word = self.words[self.below(self.words.len())];
                let to = if self.below(2) == 0 { at } else { end };
                input.splice(at..to, word.bytes());
            }
        }
    }
}
