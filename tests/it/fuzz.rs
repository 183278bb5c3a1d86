//! Parsers of what others write, under mutated inputs: for a moment in every test run, for as long as one likes by `scripts/fuzz`.
//!
//! ```text
//!   corpus --> mutate --> target: its laws hold, or it panics --> an outcome nobody saw before joins the corpus
//! ```
//!
//! A target is a function from bytes to a fingerprint of what became of them; its laws are assertions. To add one, give it a file
//! below and a row in `TARGETS`. `FUZZ_SECONDS` gives each target that long instead of a thousand inputs, `FUZZ_SEED` other inputs;
//! an input that breaks a law is printed, and belongs into the target's seeds once the law holds again.

mod answers;
mod flags;
mod mutation;
mod scenarios;
mod summaries;
mod templates;
mod traces;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use watchtower::random::{Purpose, Seed};

use mutation::Mutator;

/// One parser under test.
struct Target {
    name: &'static str,
    /// Inputs to begin with.
    seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces that inputs of this kind are made of.
    words: &'static [&'static str],
    /// Feeds it one input, asserts its laws, and tells apart what became of it.
    run: fn(&[u8]) -> u64,
}

const TARGETS: &[Target] = &[
    answers::HEADS,
    answers::CHUNKS,
    flags::WORDS,
    scenarios::TOML,
    templates::TEMPLATES,
    templates::ADDRESSES,
    traces::FILES,
    summaries::TEXTS,
];

/// Inputs in an ordinary test run.
const INPUTS: u64 = 1_000;

/// Most inputs kept because what became of them was new.
const CORPUS_MAX: usize = 20_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

fn fuzz(target: &Target) {
    let limit = number("FUZZ_SECONDS").map(Duration::from_secs);
    let seed = number("FUZZ_SEED").unwrap_or(1);
    let mut mutator = Mutator::new(Seed(seed).stream(Purpose::Arrivals), target.words);
    let mut corpus = (target.seeds)();
    let mut outcomes = std::collections::BTreeSet::new();
    let begun = Instant::now();
    let (mut inputs, mut told) = (0_u64, begun);
    let mut run = |input: &[u8]| match catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        Ok(fingerprint) => outcomes.insert(fingerprint),
        Err(panic) => {
            eprintln!("{} breaks on {:?}", target.name, String::from_utf8_lossy(input));
            eprintln!("as bytes: {input:?}\nFUZZ_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    };
    for input in &corpus {
        run(input);
    }
    while limit.map_or(inputs < INPUTS, |limit| begun.elapsed() < limit) {
        let input = mutator.mutate(&corpus);
        inputs += 1;
        if run(&input) && corpus.len() < CORPUS_MAX {
            corpus.push(input);
        }
        if limit.is_some() && told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            println!("{}: {inputs} inputs, {} kept, {:.0?}", target.name, corpus.len(), begun.elapsed());
        }
    }
    println!("{}: {inputs} inputs in {:.0?}, {} kept, no law broken", target.name, begun.elapsed(), corpus.len());
}

#[test]
fn heads_of_answers_hold_their_laws() {
    fuzz(&TARGETS[0]);
}

#[test]
fn chunked_bodies_hold_their_laws() {
    fuzz(&TARGETS[1]);
}

#[test]
fn hey_s_flags_hold_their_laws() {
    fuzz(&TARGETS[2]);
}

#[test]
fn scenario_files_hold_their_laws() {
    fuzz(&TARGETS[3]);
}

#[test]
fn hey_s_templates_hold_their_laws() {
    fuzz(&TARGETS[4]);
}

#[test]
fn addresses_hold_their_laws() {
    fuzz(&TARGETS[5]);
}

#[test]
fn traces_hold_their_laws() {
    fuzz(&TARGETS[6]);
}

#[test]
fn summaries_of_hey_hold_their_laws() {
    fuzz(&TARGETS[7]);
}
