//! Amounts of CPU and memory as Kubernetes reads and shows them (`apimachinery/pkg/api/resource`).

/// What the provider says of a text that is no quantity.
pub(super) const MALFORMED: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// Decimal suffixes, largest first, by their power of ten.
const DECIMAL: [(&str, i32); 10] =
    [("E", 18), ("P", 15), ("T", 12), ("G", 9), ("M", 6), ("k", 3), ("", 0), ("m", -3), ("u", -6), ("n", -9)];
/// Binary suffixes, largest first, by their power of two.
const BINARY: [(&str, u32); 6] = [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
/// Amounts are counted in thousand-millionths, the smallest there are.
const NANO: i128 = 1_000_000_000;
/// Digits read of a number: more than fit into any amount.
const DIGITS_MAX: usize = 18;

/// The canonical form of a quantity: the largest suffix that leaves a whole number (`1000m` is `1`, `1024Mi` is `1Gi`).
///
/// # Errors
/// [`MALFORMED`].
pub(super) fn canonical(text: &str) -> Result<String, &'static str> {
    let end = text.find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, '.' | '+' | '-')));
    let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
    let digits = nanos(number).ok_or(MALFORMED)?;
    if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        let amount = digits.checked_mul(1 << power).ok_or(MALFORMED)?;
        let whole = amount / NANO;
        // below 1024, and with a fraction, Kubernetes falls back to the decimal suffixes
        let fits = |power: u32| whole != 0 && whole % (1 << power) == 0;
        let binary = BINARY.iter().find(|(_, power)| amount % NANO == 0 && fits(*power));
        return Ok(binary.map_or_else(|| decimal(amount), |(name, power)| format!("{}{name}", whole >> power)));
    }
    let power = match DECIMAL.iter().find(|(name, _)| *name == suffix) {
        Some((_, power)) => *power,
        None => suffix.strip_prefix(['e', 'E']).and_then(|power| power.parse().ok()).ok_or(MALFORMED)?,
    };
    let scale = 10_i128.checked_pow(power.unsigned_abs()).ok_or(MALFORMED)?;
    let amount = if power < 0 {
        // what is below the smallest amount is rounded up
        digits.div_euclid(scale) + i128::from(digits.rem_euclid(scale) > 0)
    } else {
        digits.checked_mul(scale).ok_or(MALFORMED)?
    };
    Ok(decimal(amount))
}

fn decimal(amount: i128) -> String {
    let whole_in = |power: i32| {
        let unit = 10_i128.pow((power + 9).unsigned_abs());
        (amount % unit == 0).then(|| amount / unit)
    };
    if amount == 0 {
        return "0".to_owned();
    }
    let largest = DECIMAL.iter().find_map(|(name, power)| whole_in(*power).map(|whole| format!("{whole}{name}")));
    largest.unwrap_or_default()
}

/// A decimal number in thousand-millionths, rounded up.
fn nanos(number: &str) -> Option<i128> {
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    if whole.len() > DIGITS_MAX {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let (kept, rest) = fraction.split_at(fraction.len().min(9));
    let kept: i128 = format!("{kept:0<9}").parse().ok()?;
    let amount = whole * NANO + kept + i128::from(rest.bytes().any(|byte| byte != b'0'));
    Some(if negative { -amount } else { amount })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_shown_with_the_largest_suffix_that_leaves_it_whole() {
        for (text, shown) in [
            ("128Mi", "128Mi"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("100", "100"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("100m", "100m"),
            ("1e3", "1k"),
            ("5E", "5E"),
            ("0", "0"),
            ("0Mi", "0"),
            ("1.5Ki", "1536"),
            ("-2", "-2"),
            (".5", "500m"),
            ("0.0000000001", "1n"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(shown), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "x", "1x", "1 Mi", "--1", "1.2.3", ".", "Mi", "1e", "99999999999999999999", "1e40", "9E99"] {
            assert_eq!(canonical(text), Err(MALFORMED), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_a_canonical_one_is_its_own(text in "[-+0-9.eEinumkKMGTP]{0,24}") {
            if let Ok(shown) = canonical(&text) {
                proptest::prop_assert_eq!(canonical(&shown), Ok(shown));
            }
        }
    }
}
