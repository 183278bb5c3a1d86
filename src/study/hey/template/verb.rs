//! One verb of a format with its flags, applied to a value.

use super::duration::text as duration;
use super::float;
use super::format::{plain, quote};
use super::lex::code_point;
use super::value::{Nature, Value};

/// One verb with its flags.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are fmt's flags")]
pub(super) struct Spec {
    /// `%+v`: fields with their names.
    pub(super) named: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Spec {
    /// The value as this verb writes it.
    pub(super) fn write(self, verb: char, value: &Value) -> String {
        // a plus before v asks for names, not for signs
        let named = self.named || (self.plus && verb == 'v');
        Self { named, plus: self.plus && verb != 'v', ..self }.write_plain(verb, value)
    }

    fn write_plain(self, verb: char, value: &Value) -> String {
        if verb == 'T' {
            return self.pad(value.type_name().to_owned());
        }
        match value {
            Value::Nil if verb == 'v' => self.pad("<nil>".to_owned()),
            Value::Nil => format!("%!{verb}(<nil>)"),
            Value::Bool(bool) if matches!(verb, 't' | 'v') => self.pad(bool.to_string()),
            Value::Float(float) if "vbeEfFgGxX".contains(verb) => self.float(verb, *float),
            Value::Text(text) if "vsqxX".contains(verb) => self.text(verb, text),
            Value::Duration(nanos) if "vsqxX".contains(verb) && !(self.sharp && verb == 'v') => {
                let text = duration(*nanos);
                self.text(if verb == 'v' { 's' } else { verb }, &text)
            }
            Value::Int(int) | Value::Int64(int) | Value::Duration(int) if "vdboOxXcqU".contains(verb) => {
                self.int(verb, *int)
            }
            Value::Byte(byte) if "vdboOxXcqU".contains(verb) => {
                let verb = if self.sharp && verb == 'v' { 'x' } else { verb };
                self.int(verb, i64::from(*byte))
            }
            Value::Bool(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Int(_)
            | Value::Int64(_)
            | Value::Byte(_)
            | Value::Duration(_) => {
                format!("%!{verb}({}={})", value.type_name(), plain(value))
            }
            _ => self.compound(verb, value),
        }
    }

    fn compound(self, verb: char, value: &Value) -> String {
        let literal = self.sharp && verb == 'v';
        let each = |value: &Value| self.write(verb, value);
        let name = value.type_name();
        let pairs = value.pairs().unwrap_or_default();
        let separator = if literal { ", " } else { " " };
        match value.nature() {
            Nature::Map => {
                if literal && matches!(value, Value::Unmade(_)) {
                    return format!("{name}(nil)");
                }
                let entries: Vec<String> =
                    pairs.iter().map(|(key, value)| format!("{}:{}", each(key), each(value))).collect();
                let entries = entries.join(separator);
                if literal { format!("{name}{{{entries}}}") } else { format!("map[{entries}]") }
            }
            Nature::List => {
                if literal && matches!(value, Value::Unmade(_)) {
                    return format!("{name}(nil)");
                }
                let items: Vec<String> = pairs.iter().map(|(_, item)| each(item)).collect();
                let items = items.join(separator);
                if literal { format!("{name}{{{items}}}") } else { format!("[{items}]") }
            }
            _ => {
                let Value::Struct(of, values) = value else { return String::new() };
                let named = literal || self.named;
                let fields: Vec<String> = of
                    .fields
                    .iter()
                    .zip(values.iter())
                    .map(|(field, value)| if named { format!("{field}:{}", each(value)) } else { each(value) })
                    .collect();
                let fields = fields.join(separator);
                if literal { format!("{name}{{{fields}}}") } else { format!("{{{fields}}}") }
            }
        }
    }

    fn int(self, verb: char, int: i64) -> String {
        let magnitude = int.unsigned_abs();
        let (mut digits, prefix) = match verb {
            'b' => (format!("{magnitude:b}"), if self.sharp { "0b" } else { "" }),
            'o' => (format!("{magnitude:o}"), if self.sharp { "0" } else { "" }),
            'O' => (format!("{magnitude:o}"), "0o"),
            'x' => (format!("{magnitude:x}"), if self.sharp { "0x" } else { "" }),
            'X' => (format!("{magnitude:X}"), if self.sharp { "0X" } else { "" }),
            'c' | 'q' | 'U' => {
                let char = u32::try_from(int).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
                return self.pad(match verb {
                    'c' => char.to_string(),
                    'q' if char == '\'' => r"'\''".to_owned(),
                    'q' if char == '"' => "'\"'".to_owned(),
                    'q' => quote(&char.to_string()).replace('"', "'"),
                    _ if self.sharp => code_point(char),
                    _ => format!("U+{int:04X}"),
                });
            }
            _ => (magnitude.to_string(), ""),
        };
        if let Some(precision) = self.precision {
            digits = if precision == 0 && int == 0 { String::new() } else { format!("{digits:0>precision$}") };
        }
        let sign = self.sign(int < 0);
        if self.zero && !self.minus && self.precision.is_none() {
            let width = self.width.unwrap_or(0).saturating_sub(sign.len() + prefix.len());
            return format!("{sign}{prefix}{digits:0>width$}");
        }
        self.pad(format!("{sign}{prefix}{digits}"))
    }

    fn sign(self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    fn float(self, verb: char, value: f64) -> String {
        if !value.is_finite() {
            // fmt leaves room for a sign, and hey's tables show it: " NaN" is four wide
            let text = if value.is_nan() { "NaN" } else { "Inf" };
            let sign = if value.is_infinite() && value > 0.0 { self.sign(false) } else { self.sign(value < 0.0) };
            let sign = if value.is_infinite() && sign.is_empty() { "+" } else { sign };
            return Self { zero: false, ..self }.pad(format!("{sign}{text}"));
        }
        let magnitude = value.abs();
        let digits = match verb {
            'e' | 'E' => float::exponent(magnitude, Some(self.precision.unwrap_or(6))),
            'f' | 'F' => float::fixed(magnitude, Some(self.precision.unwrap_or(6))),
            'x' | 'X' => float::hexadecimal(magnitude),
            'b' => binary(magnitude),
            _ => float::general(magnitude, self.precision),
        };
        let digits = if verb.is_ascii_uppercase() { digits.to_ascii_uppercase() } else { digits };
        let sign = self.sign(value.is_sign_negative());
        if self.zero && !self.minus {
            let width = self.width.unwrap_or(0).saturating_sub(sign.len());
            return format!("{sign}{digits:0>width$}");
        }
        self.pad(format!("{sign}{digits}"))
    }

    fn text(self, verb: char, text: &str) -> String {
        let cut: String = match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_owned(),
        };
        let hex = |upper: bool| {
            let bytes = cut.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
            bytes.collect::<Vec<_>>().join(if self.space { " " } else { "" })
        };
        self.pad(match verb {
            'x' => hex(false),
            'X' => hex(true),
            'q' if self.sharp && !cut.contains('`') => format!("`{cut}`"),
            'q' => quote(&cut),
            'v' if self.sharp => quote(&cut),
            _ => cut,
        })
    }

    fn pad(self, text: String) -> String {
        let Some(width) = self.width else { return text };
        let missing = width.saturating_sub(text.chars().count());
        match (self.minus, self.zero) {
            (true, _) => text + &" ".repeat(missing),
            (false, true) => "0".repeat(missing) + &text,
            (false, false) => " ".repeat(missing) + &text,
        }
    }
}

/// `%b` of a float: the mantissa as an integer and a power of two.
fn binary(value: f64) -> String {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52) as i64 & 0x7ff, bits & ((1 << 52) - 1));
    let (mantissa, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    format!("{mantissa}p{exponent:+}")
}
