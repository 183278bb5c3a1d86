//! Steps of a rate as they are written: `20 for 30s, 20 to 100 for 1m`.

use std::time::Duration;

use crate::schedule::shape::Piece;
use crate::study::scenario::load_keys::RATE_MAX;
use crate::time::{format_duration, parse_duration};

/// Most steps of one load.
const STEPS_MAX: usize = 10_000;

/// Reads steps.
///
/// # Errors
/// With the step that is none, as a sentence that follows `steps = ...`.
pub(super) fn read(text: &str) -> Result<Vec<Piece>, String> {
    let steps: Vec<&str> = text.split(',').map(str::trim).collect();
    if steps.len() > STEPS_MAX {
        return Err(format!("has {} steps; the most is {STEPS_MAX}", steps.len()));
    }
    let mut pieces = Vec::new();
    for (number, step) in (1..).zip(steps.iter().copied()) {
        // a comma at the end is no step
        if step.is_empty() && number == steps.len() && number > 1 {
            continue;
        }
        pieces.push(piece(step).map_err(|wrong| format!("is refused at step {number}, \"{step}\": {wrong}"))?);
    }
    Ok(pieces)
}

fn piece(step: &str) -> Result<Piece, String> {
    let words: Vec<&str> = step.split_whitespace().collect();
    let (from, to, length) = match words.as_slice() {
        [level, "for", length] => (*level, *level, *length),
        [from, "to", to, "for", length] => (*from, *to, *length),
        _ => return Err("it is neither a level and a duration nor two levels and a duration".to_owned()),
    };
    let (from, to) = (level(from)?, level(to)?);
    let length = parse_duration(length).map_err(|error| format!("\"{length}\" {error}"))?;
    if length.is_zero() {
        return Err("it lasts no time".to_owned());
    }
    Ok(Piece::Line { from, to, length })
}

fn level(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(level) if (0.0..=RATE_MAX).contains(&level) => Ok(level),
        Ok(_) => Err(format!("\"{word}\" is no rate from 0 to {RATE_MAX} requests per second")),
        Err(_) => Err(format!("\"{word}\" is not a number")),
    }
}

/// Steps in words.
pub(super) fn words(pieces: &[Piece]) -> String {
    const SHOWN: usize = 6;
    let mut words: Vec<String> = pieces.iter().take(SHOWN).map(one).collect();
    if pieces.len() > SHOWN {
        let length: Duration = pieces.iter().map(Piece::length).sum();
        words.push(format!("and {} more ({} in all)", pieces.len() - SHOWN, format_duration(length)));
    }
    words.join(", ")
}

fn one(piece: &Piece) -> String {
    match *piece {
        Piece::Line { from, to, length } if from.to_bits() == to.to_bits() => {
            format!("{from}/s for {}", format_duration(length))
        }
        Piece::Line { from, to, length } | Piece::Swing { from, to, length } => {
            format!("{from}/s to {to}/s in {}", format_duration(length))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_levels_and_slopes_with_their_durations() {
        let steps = read("20 for 30s, 20 to 100.5 for 1m,\n 0 for 500ms,").unwrap();
        assert_eq!(
            steps,
            [
                Piece::level(20.0, Duration::from_secs(30)),
                Piece::Line { from: 20.0, to: 100.5, length: Duration::from_secs(60) },
                Piece::level(0.0, Duration::from_millis(500)),
            ]
        );
        assert_eq!(words(&steps), "20/s for 30s, 20/s to 100.5/s in 1m, 0/s for 500ms");
    }

    #[test]
    fn what_is_no_step_is_named() {
        for (text, wrong) in [
            ("", "is refused at step 1, \"\": it is neither a level and a duration nor two levels and a duration"),
            (
                "20 for 30s, 30s",
                "is refused at step 2, \"30s\": it is neither a level and a duration nor two levels and a duration",
            ),
            ("twenty for 30s", "is refused at step 1, \"twenty for 30s\": \"twenty\" is not a number"),
            (
                "-1 for 30s",
                "is refused at step 1, \"-1 for 30s\": \"-1\" is no rate from 0 to 1000000 requests per second",
            ),
            ("20 for 0s", "is refused at step 1, \"20 for 0s\": it lasts no time"),
        ] {
            assert_eq!(read(text).unwrap_err(), wrong);
        }
        assert!(read("20 for 30").unwrap_err().starts_with("is refused at step 1, \"20 for 30\": \"30\" "));
    }
}
