//! The known word a mistyped one was probably meant to be.

/// The candidate nearest to `word`, if one is near enough to be a slip of the finger.
///
/// Upper and lower case count as equal, and so do `-` and `_`: `CHECK_FREQUENCY` and `scale-up-rounds` are near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let word = plain(word);
    // longer than any word we know: nothing is near, and the distance would cost its square
    if word.len() > 100 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (word.len().max(candidate.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        let known = ["tolerance", "target", "check_frequency", "scale_up_rounds"];
        for (typed, meant) in [
            ("tolerence", Some("tolerance")),
            ("CHECK_FREQUENCY", Some("check_frequency")),
            ("scale-up-round", Some("scale_up_rounds")),
            ("traget", Some("target")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }
}
