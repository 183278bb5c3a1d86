//! Floating-point numbers as Go writes them (strconv.FormatFloat).

/// `%e`: one digit, a point, `precision` digits, an exponent of two digits at least; the shortest digits without a precision.
pub(super) fn exponent(value: f64, precision: Option<usize>) -> String {
    let text = precision.map_or_else(|| format!("{value:e}"), |precision| format!("{value:.precision$e}"));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(("+", exponent), |digits| ("-", digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `%f`.
pub(super) fn fixed(value: f64, precision: Option<usize>) -> String {
    precision.map_or_else(|| format!("{value}"), |precision| format!("{value:.precision$}"))
}

/// From which exponent `%g` writes the shortest digits as `%e`.
const SHORTEST: i32 = 6;

/// `%g`: `%e` for exponents below -4 or not below the precision, `%f` otherwise; no zeros at the end.
pub(super) fn general(value: f64, precision: Option<usize>) -> String {
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let digits = precision.map(|precision| precision.max(1) - 1);
    let scientific = exponent(value, digits);
    let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    // with the shortest digits, or with fewer digits than asked for, the digits there are decide (strconv/ftoa.go)
    let shown = mantissa.chars().filter(char::is_ascii_digit).count() as i32;
    let limit = match precision {
        None => SHORTEST,
        Some(precision) => {
            let precision = precision.max(1) as i32;
            if precision > shown && shown > power { shown } else { precision }
        }
    };
    if power < -4 || power >= limit {
        let (sign, power) = if power < 0 { ('-', -power) } else { ('+', power) };
        return format!("{mantissa}e{sign}{power:02}");
    }
    match digits {
        None => fixed(value, None),
        Some(digits) => {
            let text = fixed(value, Some((digits as i32 - power).max(0) as usize));
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
    }
}

/// `%x`: a hexadecimal mantissa and a binary exponent.
pub(super) fn hexadecimal(value: f64) -> String {
    if value == 0.0 {
        return "0x0p+00".to_owned();
    }
    let bits = value.abs().to_bits();
    let (mut exponent, mut fraction) = ((bits >> 52) as i32 - 1023, bits << 12);
    if exponent == -1023 {
        // subnormal: shift until the leading one is out
        let shift = fraction.leading_zeros();
        fraction = fraction.checked_shl(shift + 1).unwrap_or(0);
        exponent = -1023 - shift as i32;
    }
    let digits = format!("{fraction:016x}");
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    let (sign, power) = if exponent < 0 { ('-', -exponent) } else { ('+', exponent) };
    format!("{}0x1{point}{digits}p{sign}{power:02}", if value < 0.0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_go_s() {
        for (value, shortest) in [
            (0.0, "0"),
            (575.073_551_907_289, "575.073551907289"),
            (0.000_080_124, "8.0124e-05"),
            (123_456.0, "123456"),
            (1_234_567.0, "1.234567e+06"),
            (1e20, "1e+20"),
            (-1.5, "-1.5"),
        ] {
            assert_eq!(general(value, None), shortest);
        }
        assert_eq!(general(1_234_567.0, Some(3)), "1.23e+06");
        assert_eq!(general(100_000.0, Some(10)), "100000");
        assert_eq!(general(0.5, Some(3)), "0.5");
        assert_eq!(exponent(1234.5, Some(2)), "1.23e+03");
        assert_eq!(hexadecimal(2.5), "0x1.4p+01");
        assert_eq!(hexadecimal(1.0), "0x1p+00");
    }
}
