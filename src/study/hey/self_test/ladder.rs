//! The search for the highest rate that is kept.

/// Steps between the last rate kept and the first that was not.
const HALVINGS: u32 = 3;

/// How far the search goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) from: f64,
    pub(super) to: f64,
}

/// Doubles the rate until one is not kept, then halves the distance (in ratio) a few times. The highest rate kept, and the lowest that was
/// not; each is `None` if there was none. `keeps` is asked for one rate after the other and ends the search with `None`.
pub(super) fn climb<E>(
    range: Range,
    mut keeps: impl FnMut(f64) -> Result<Option<bool>, E>,
) -> Result<(Option<f64>, Option<f64>), E> {
    let (mut kept, mut missed) = (None, None);
    let mut rate = range.from;
    while rate <= range.to {
        match keeps(rate)? {
            None => return Ok((kept, missed)),
            Some(true) => kept = Some(rate),
            Some(false) => {
                missed = Some(rate);
                break;
            }
        }
        rate *= 2.0;
    }
    let (Some(mut low), Some(mut high)) = (kept, missed) else { return Ok((kept, missed)) };
    for _ in 0..HALVINGS {
        let middle = two_digits((low * high).sqrt());
        match keeps(middle)? {
            None => break,
            Some(true) => low = middle,
            Some(false) => high = middle,
        }
    }
    Ok((Some(low), Some(high)))
}

/// Rounded to two significant digits: more would pretend to know more.
fn two_digits(rate: f64) -> f64 {
    let unit = 10_f64.powf(rate.log10().floor() - 1.0);
    (rate / unit).round() * unit
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const RANGE: Range = Range { from: 1_000.0, to: 64_000.0 };

    fn up_to(limit: f64) -> (Option<f64>, Option<f64>) {
        let Ok(found) = climb(RANGE, |rate| Ok::<_, Infallible>(Some(rate <= limit)));
        found
    }

    #[test]
    fn the_limit_lies_between_what_is_kept_and_what_is_not() {
        for limit in [1_000.0, 1_700.0, 5_000.0, 13_370.0, 39_000.0, 63_999.0] {
            let (kept, missed) = up_to(limit);
            let (kept, missed) = (kept.expect("some rate is kept"), missed.expect("some rate is not"));
            assert!(kept <= limit && limit < missed, "{kept} {limit} {missed}");
            // three halvings of a factor of two, but for the rounding
            assert!(missed / kept < 1.2, "{kept} {missed}");
        }
    }

    #[test]
    fn a_limit_outside_the_range_is_not_made_up() {
        assert_eq!(up_to(10.0), (None, Some(1_000.0)));
        assert_eq!(up_to(1e9), (Some(64_000.0), None));
    }

    #[test]
    fn a_search_that_is_ended_tells_what_it_knows() {
        let mut asked = 0;
        let Ok(found) = climb(RANGE, |_| {
            asked += 1;
            Ok::<_, Infallible>((asked < 3).then_some(true))
        });
        assert_eq!(found, (Some(2_000.0), None));
        let failed = climb(RANGE, |rate| if rate > 3_000.0 { Err("no") } else { Ok(Some(true)) });
        assert_eq!(failed, Err("no"));
    }
}
