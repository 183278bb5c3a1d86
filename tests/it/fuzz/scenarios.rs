//! Scenario files.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Target;
use crate::scenario::{GOOD, study_of};

pub(super) const TOML: Target = Target {
    name: "scenario files",
    seeds,
    words: &[
        "[[load]]\n",
        "[[arm]]\n",
        "[slo]\n",
        "[run]\n",
        "[function]\n",
        "[function.model]\n",
        "[limits]\n",
        "[expect]\n",
        "name = ",
        "policy = \"watchtower\"\n",
        "policy = \"openfaas-ce\"\n",
        "policy = \"fixed\"\n",
        "hey = \"-z 10s\"\n",
        "start = \"1s\"\n",
        "repeats = ",
        "latency = ",
        "percentile = ",
        "\"",
        "'''",
        "\"\"\"",
        "#",
        "=",
        "\n",
        "{",
        "}",
        "[",
        "]",
        "true",
        "1979-05-27",
        "\"10s\"",
        "\"-1s\"",
        "\"auto\"",
        "é",
        "\u{0}",
    ],
    run,
};

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![GOOD.as_bytes().to_vec()];
    for name in ["ftest", "sleepy", "quick", "rate", "journeys"] {
        let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        seeds.push(std::fs::read(path).expect("a committed scenario"));
    }
    seeds
}

/// A scenario makes a study that can be described, or problems that each say what is wrong, where and what to do.
fn run(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    match study_of(&String::from_utf8_lossy(bytes)) {
        Ok(study) => {
            assert!(!study.describe().to_string().is_empty());
            study.duration_of_run().as_secs().checked_ilog2().hash(&mut hasher);
        }
        Err(error) => {
            assert!(!error.problems.is_empty());
            for problem in &error.problems {
                assert!(!problem.what.is_empty() && problem.line != Some(0), "{problem:?}");
                (problem.key.as_ref(), problem.place.as_str(), problem.what.len().min(24)).hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}
