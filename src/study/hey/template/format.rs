//! Go's `fmt` for the values of templates: `%v` and its kin, and what `print` and `println` make of several.

use std::iter::Peekable;
use std::str::Chars;

use super::value::Value;
use super::verb::Spec;

pub(super) use crate::study::hey_flags::go::quote;

/// Widest padding and longest precision that Go takes.
const MOST: i64 = 1_000_000;

/// `fmt.Sprint`: a space between two values neither of which is a text.
pub(super) fn print(values: &[Value]) -> String {
    let mut text = String::new();
    for (at, value) in values.iter().enumerate() {
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        if at > 0 && !is_text(value) && !is_text(&values[at - 1]) {
            text.push(' ');
        }
        text.push_str(&plain(value));
    }
    text
}

/// `fmt.Sprintln`.
pub(super) fn print_line(values: &[Value]) -> String {
    values.iter().map(plain).collect::<Vec<_>>().join(" ") + "\n"
}

/// `%v`.
pub(super) fn plain(value: &Value) -> String {
    Spec::default().write('v', value)
}

/// `fmt.Sprintf`.
pub(super) fn print_format(format: &str, values: &[Value]) -> String {
    let mut formatter =
        Formatter { out: String::new(), chars: format.chars().peekable(), values, next: 0, jumped: false };
    formatter.run();
    formatter.out
}

struct Formatter<'a> {
    out: String,
    chars: Peekable<Chars<'a>>,
    values: &'a [Value],
    /// The value a verb takes next.
    next: usize,
    /// Whether a `[n]` chose a value, so that values left over are no mistake.
    jumped: bool,
}

impl Formatter<'_> {
    fn run(&mut self) {
        while let Some(char) = self.chars.next() {
            if char == '%' {
                self.verb();
            } else {
                self.out.push(char);
            }
        }
        let rest = self.values.get(self.next..).unwrap_or_default();
        if self.jumped || rest.is_empty() {
            return;
        }
        let shown = |value: &Value| match value {
            Value::Nil => "<nil>".to_owned(),
            value => format!("{}={}", value.type_name(), plain(value)),
        };
        let rest: Vec<String> = rest.iter().map(shown).collect();
        self.out.extend(["%!(EXTRA ", &rest.join(", "), ")"]);
    }

    fn verb(&mut self) {
        let mut spec = Spec::default();
        while let Some(flag) = self.chars.next_if(|flag| "+-# 0".contains(*flag)) {
            match flag {
                '+' => spec.plus = true,
                '-' => spec.minus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                _ => spec.zero = true,
            }
        }
        let mut good = self.index();
        if let Some(width) = self.number("%!(BADWIDTH)") {
            spec.minus |= width < 0;
            spec.width = Some(width.unsigned_abs() as usize);
        }
        if self.chars.next_if_eq(&'.').is_some() {
            good &= self.index();
            let precision = self.number("%!(BADPREC)").unwrap_or(0);
            spec.precision = usize::try_from(precision).ok();
        }
        good &= self.index();
        let Some(verb) = self.chars.next() else {
            self.out.push_str("%!(NOVERB)");
            return;
        };
        if verb == '%' {
            self.out.push('%');
            return;
        }
        let text = match self.values.get(self.next) {
            _ if !good => format!("%!{verb}(BADINDEX)"),
            None => format!("%!{verb}(MISSING)"),
            Some(value) => {
                self.next += 1;
                spec.write(verb, value)
            }
        };
        self.out.push_str(&text);
    }

    /// `[n]`: the value to take next; false if there is no such value.
    fn index(&mut self) -> bool {
        if self.chars.next_if_eq(&'[').is_none() {
            return true;
        }
        self.jumped = true;
        let mut digits = String::new();
        while let Some(char) = self.chars.next_if(|char| *char != ']') {
            digits.push(char);
        }
        self.chars.next();
        match digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
            Some(at) if at < self.values.len() => {
                self.next = at;
                true
            }
            _ => false,
        }
    }

    /// Digits, or `*` for the next value.
    fn number(&mut self, wrong: &str) -> Option<i64> {
        if self.chars.next_if_eq(&'*').is_some() {
            let value = self.values.get(self.next);
            self.next += 1;
            let number = match value {
                Some(Value::Int(int)) if int.abs() <= MOST => Some(*int),
                _ => None,
            };
            if number.is_none() {
                self.out.push_str(wrong);
            }
            return number;
        }
        let mut digits = String::new();
        while let Some(digit) = self.chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits.parse().ok().filter(|number| *number <= MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_go_s() {
        let float = |value: f64| Value::Float(value);
        for (format, values, text) in [
            ("%5.2f|%v", vec![float(575.0735), float(1.5)], "575.07|1.5"),
            ("%4.4f %4.4f", vec![float(f64::NAN), float(f64::INFINITY)], " NaN +Inf"),
            ("%d%%", vec![Value::Int(5)], "5%"),
            ("%05d|%-5d|%+d|%x|%#x|%b", [5, 5, 5, 255, 255, 5].map(Value::Int).to_vec(), "00005|5    |+5|ff|0xff|101"),
            ("%c %q %U", [97, 97, 97].map(Value::Int).to_vec(), "a 'a' U+0061"),
            ("%s %q %5s|%-5s|%.1s", ["a", "b", "c", "d", "ef"].map(Value::text).to_vec(), "a \"b\"     c|d    |e"),
            ("%d", vec![Value::text("a")], "%!d(string=a)"),
            ("%d %d", vec![Value::Int(1)], "1 %!d(MISSING)"),
            ("%d", vec![Value::Int(1), Value::text("a"), Value::Nil], "1%!(EXTRA string=a, <nil>)"),
            ("%", vec![], "%!(NOVERB)"),
            ("%*d|%-*d|", [4, 7, 4, 7].map(Value::Int).to_vec(), "   7|7   |"),
            ("%v %T %.1f", vec![Value::Floats([1.0, 2.5].into()); 3], "[1 2.5] []float64 [1.0 2.5]"),
            ("%v %s %d", vec![Value::Duration(1_738_908); 3], "1.738908ms 1.738908ms 1738908"),
            ("%#v %#v", vec![Value::Floats([1e20].into()), Value::text("a")], "[]float64{1e+20} \"a\""),
            ("%t %v", vec![Value::Bool(true), Value::Nil], "true <nil>"),
        ] {
            assert_eq!(print_format(format, &values), text, "{format}");
        }
    }

    #[test]
    fn a_space_stands_between_two_values_that_are_no_texts() {
        let values = [Value::Int(1), Value::Int(2), Value::text("a"), Value::text("b"), Value::Int(3)];
        assert_eq!(print(&values), "1 2ab3");
        assert_eq!(print_line(&values), "1 2 a b 3\n");
    }
}
