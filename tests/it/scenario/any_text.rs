//! Random and mutated scenarios.

use std::time::Duration;

use proptest::prelude::*;

use super::{GOOD, study_of};

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(study_of(&text).is_err());
    }

    #[test]
    fn a_scenario_with_pieces_cut_out_and_put_in_never_makes_it_panic(
        cuts in prop::collection::vec((0_usize..2_000, 0_usize..12, "[-a-z0-9 .=\"'\\[\\]{}#\n\u{e4}]{0,8}"), 1..6),
    ) {
        let mut chars: Vec<char> = GOOD.chars().collect();
        for (at, length, piece) in cuts {
            let from = at % (chars.len() + 1);
            let to = (from + length).min(chars.len());
            chars.splice(from..to, piece.chars());
        }
        let text: String = chars.into_iter().collect();
        if let Err(error) = study_of(&text) {
            prop_assert!(!error.problems.is_empty());
            prop_assert!(error.problems.iter().all(|problem| !problem.what.is_empty() && problem.line != Some(0)));
        }
    }

    #[test]
    fn any_flags_for_hey_are_taken_or_refused_without_a_panic(
        words in prop::collection::vec("(-[ncqztHadTm]|--?[a-z2=-]{0,6}|[0-9]{1,20}(s|m|h)?|-?[0-9.e]{1,6}|[\"'\\\\:a-z]{0,5})", 0..8),
    ) {
        let mut scenario: toml::Table = GOOD.parse().expect("it is TOML");
        scenario["load"][0]["hey"] = toml::Value::String(words.join(" "));
        if let Ok(study) = study_of(&scenario.to_string()) {
            prop_assert!(study.duration_of_run() <= Duration::from_secs(7 * 86_400));
            study.describe().to_string();
        }
    }
}
