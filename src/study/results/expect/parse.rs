//! From `0.5 * openfaas-ce.p95_ms >= watchtower.p95_ms` to a [`Formula`].
//!
//! ```text
//!   formula = term comparison term        term   = factor {("+" | "-") factor}
//!   factor  = atom {("*" | "/") atom}     atom   = number | arm.column | "-" atom | "(" term ")"
//! ```
//!
//! An arm's name may hold hyphens and dots, so a word goes on as long as a name could: a minus that subtracts stands between
//! spaces, and the column is what follows the last dot.

use super::formula::{Comparison, Formula, Operand, Sign, Term};

/// Longest formula; one that a person can read has a fraction of it.
const CHARS_MAX: usize = 1_000;
/// Deepest nesting of brackets and signs.
const DEPTH_MAX: u32 = 32;

/// What keeps a text from being a formula: what, then what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There is no text.
    #[error("is empty; write \"ARM.COLUMN < NUMBER\"")]
    Empty,
    /// There is too much of it.
    #[error("is longer than {CHARS_MAX} characters; split it into several")]
    TooLong,
    /// Brackets within brackets within brackets.
    #[error("is nested more than {DEPTH_MAX} deep; take some brackets away")]
    TooDeep,
    /// Nothing is compared.
    #[error("compares nothing; write one of < <= > >= == != between two values")]
    NoComparison,
    /// More than one comparison.
    #[error("compares twice; write two expectations")]
    TwoComparisons,
    /// A single equals sign.
    #[error("has a single =; write == to ask for equal values")]
    SingleEquals,
    /// No column of an arm stands in it.
    #[error("names no arm, so no run could change it; write ARM.COLUMN, such as watchtower.p95_ms")]
    NoArm,
    /// A word without a dot.
    #[error("has {0:?}, which is neither a number nor ARM.COLUMN; {hint}", hint = spaces(.0))]
    Word(String),
    /// A number that is none.
    #[error("has {0:?}, which is beyond the largest number; write a smaller one")]
    TooLarge(String),
    /// Something else should stand here.
    #[error("has {found} where {wanted} should stand; check the formula there")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What could.
        wanted: &'static str,
    },
}

fn spaces(word: &str) -> &'static str {
    if word.contains('-') {
        "names may hold hyphens, so a minus stands between spaces"
    } else {
        "write the arm's name, a dot and a column of comparison.csv"
    }
}

/// Reads a formula.
///
/// # Errors
/// When it is none; the error says what to write instead.
pub fn parse(text: &str) -> Result<Formula, ParseError> {
    if text.trim().is_empty() {
        return Err(ParseError::Empty);
    }
    if text.chars().count() > CHARS_MAX {
        return Err(ParseError::TooLong);
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
    let left = parser.term()?;
    let comparison = match parser.take() {
        Some(Token::Comparison(comparison)) => comparison,
        Some(other) => return Err(unexpected(Some(&other), "a comparison")),
        None => return Err(ParseError::NoComparison),
    };
    let right = parser.term()?;
    match parser.take() {
        None => {}
        Some(Token::Comparison(_)) => return Err(ParseError::TwoComparisons),
        Some(other) => return Err(unexpected(Some(&other), "a sign or the end")),
    }
    let formula = Formula { left, comparison, right };
    if formula.operands().is_empty() { Err(ParseError::NoArm) } else { Ok(formula) }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Column(Operand),
    Comparison(Comparison),
    Sign(Sign),
    Open,
    Close,
}

fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let two = |second: char| rest[first.len_utf8()..].starts_with(second);
        let (token, length) = match first {
            '<' if two('=') => (Token::Comparison(Comparison::AtMost), 2),
            '<' => (Token::Comparison(Comparison::Less), 1),
            '>' if two('=') => (Token::Comparison(Comparison::AtLeast), 2),
            '>' => (Token::Comparison(Comparison::More), 1),
            '=' if two('=') => (Token::Comparison(Comparison::Equal), 2),
            '=' => return Err(ParseError::SingleEquals),
            '!' if two('=') => (Token::Comparison(Comparison::Unequal), 2),
            '+' => (Token::Sign(Sign::Plus), 1),
            '-' => (Token::Sign(Sign::Minus), 1),
            '*' => (Token::Sign(Sign::Times), 1),
            '/' => (Token::Sign(Sign::Over), 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            first if first.is_ascii_alphanumeric() || first == '.' => {
                let length = rest.find(|char| !is_of_word(char)).unwrap_or(rest.len());
                (word(&rest[..length])?, length)
            }
            other => {
                return Err(ParseError::Unexpected {
                    found: format!("{other:?}"),
                    wanted: "a value, a sign or a comparison",
                });
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// What names of arms, columns and numbers are made of.
fn is_of_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.')
}

fn word(word: &str) -> Result<Token, ParseError> {
    let is_number = word.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if let Some(number) = is_number.then(|| word.parse::<f64>().ok()).flatten() {
        return if number.is_finite() { Ok(Token::Number(number)) } else { Err(ParseError::TooLarge(word.to_owned())) };
    }
    match word.rsplit_once('.') {
        Some((arm, column)) if !arm.is_empty() && !column.is_empty() => {
            Ok(Token::Column(Operand { arm: arm.to_owned(), column: column.to_owned() }))
        }
        _ => Err(ParseError::Word(word.to_owned())),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: u32,
}

impl Parser {
    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn take_sign(&mut self, among: [Sign; 2]) -> Option<Sign> {
        match self.tokens.get(self.next) {
            Some(Token::Sign(sign)) if among.contains(sign) => {
                self.next += 1;
                Some(*sign)
            }
            _ => None,
        }
    }

    fn term(&mut self) -> Result<Term, ParseError> {
        let mut term = self.factor()?;
        while let Some(sign) = self.take_sign([Sign::Plus, Sign::Minus]) {
            term = Term::Pair(Box::new(term), sign, Box::new(self.factor()?));
        }
        Ok(term)
    }

    fn factor(&mut self) -> Result<Term, ParseError> {
        let mut factor = self.atom()?;
        while let Some(sign) = self.take_sign([Sign::Times, Sign::Over]) {
            factor = Term::Pair(Box::new(factor), sign, Box::new(self.atom()?));
        }
        Ok(factor)
    }

    fn atom(&mut self) -> Result<Term, ParseError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(ParseError::TooDeep);
        }
        let atom = match self.take() {
            Some(Token::Number(number)) => Term::Number(number),
            Some(Token::Column(operand)) => Term::Column(operand),
            Some(Token::Sign(Sign::Minus)) => Term::Minus(Box::new(self.atom()?)),
            Some(Token::Open) => {
                let term = self.term()?;
                match self.take() {
                    Some(Token::Close) => term,
                    other => return Err(unexpected(other.as_ref(), "a closing bracket")),
                }
            }
            other => return Err(unexpected(other.as_ref(), "a number or ARM.COLUMN")),
        };
        self.depth -= 1;
        Ok(atom)
    }
}

fn unexpected(found: Option<&Token>, wanted: &'static str) -> ParseError {
    let found = match found {
        None => "its end".to_owned(),
        Some(Token::Number(number)) => number.to_string(),
        Some(Token::Column(operand)) => operand.to_string(),
        Some(Token::Comparison(comparison)) => comparison.as_str().to_owned(),
        Some(Token::Sign(Sign::Plus)) => "+".to_owned(),
        Some(Token::Sign(Sign::Minus)) => "-".to_owned(),
        Some(Token::Sign(Sign::Times)) => "*".to_owned(),
        Some(Token::Sign(Sign::Over)) => "/".to_owned(),
        Some(Token::Open) => "an opening bracket".to_owned(),
        Some(Token::Close) => "a closing bracket".to_owned(),
    };
    ParseError::Unexpected { found, wanted }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Both sides with every column worth 2, and the arms that are named.
    fn read(text: &str) -> (f64, &'static str, f64, Vec<String>) {
        let formula = parse(text).unwrap_or_else(|error| panic!("{text} {error}"));
        let value = |term: &Term| term.value(&|_| Ok(2.0)).unwrap();
        let arms = formula.operands().iter().map(|operand| operand.arm.clone()).collect();
        (value(&formula.left), formula.comparison.as_str(), value(&formula.right), arms)
    }

    #[test]
    fn formulas_are_read_as_they_are_in_arithmetic() {
        let arms = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (text, left, comparison, right, named) in [
            ("watchtower.p95_ms < 120", 2.0, "<", 120.0, arms(&["watchtower"])),
            ("a.x<=b.x", 2.0, "<=", 2.0, arms(&["a", "b"])),
            ("openfaas-ce.p95_ms >= 0.5 * v1.2_b.p95_ms", 2.0, ">=", 1.0, arms(&["openfaas-ce", "v1.2_b"])),
            ("1 + 2 * 3 - a.x / 4 != 0", 6.5, "!=", 0.0, arms(&["a"])),
            ("(1 + 2) * 3 == a.x", 9.0, "==", 2.0, arms(&["a"])),
            ("8 / 2 / 2 - 1 - 1 > -a.x", 0.0, ">", -2.0, arms(&["a"])),
            ("- - 2.5e-3 < 0.x", 0.0025, "<", 2.0, arms(&["0"])),
            (".5 < a-1.x", 0.5, "<", 2.0, arms(&["a-1"])),
        ] {
            assert_eq!(read(text), (left, comparison, right, named), "{text}");
        }
    }

    #[test]
    fn what_is_no_formula_is_told_with_what_to_write() {
        let said = |text: &str| parse(text).expect_err(text).to_string();
        let deep = format!("{}a.x < 1", "(".repeat(40));
        let long = format!("a.x < {}", "1".repeat(1_000));
        let texts = [
            "  ",
            "a.x",
            "a.x < 1 < 2",
            "a.x = 1",
            "1 < 2",
            "watchtower < 1",
            "a.x-1 < 2-1",
            "a.x < ",
            "a.x < (1",
            "a.x 1 < 2",
            "a.x < 1 )",
            "a.x < 1 2",
            "a.x < 1e999",
            "ä.x < 1",
            "a.x ! 1",
            deep.as_str(),
            long.as_str(),
        ];
        insta::assert_snapshot!(texts.map(said).join("\n"), @r#"
        is empty; write "ARM.COLUMN < NUMBER"
        compares nothing; write one of < <= > >= == != between two values
        compares twice; write two expectations
        has a single =; write == to ask for equal values
        names no arm, so no run could change it; write ARM.COLUMN, such as watchtower.p95_ms
        has "watchtower", which is neither a number nor ARM.COLUMN; write the arm's name, a dot and a column of comparison.csv
        has "2-1", which is neither a number nor ARM.COLUMN; names may hold hyphens, so a minus stands between spaces
        has its end where a number or ARM.COLUMN should stand; check the formula there
        has its end where a closing bracket should stand; check the formula there
        has 1 where a comparison should stand; check the formula there
        has a closing bracket where a sign or the end should stand; check the formula there
        has 2 where a sign or the end should stand; check the formula there
        has "1e999", which is beyond the largest number; write a smaller one
        has 'ä' where a value, a sign or a comparison should stand; check the formula there
        has '!' where a value, a sign or a comparison should stand; check the formula there
        is nested more than 32 deep; take some brackets away
        is longer than 1000 characters; split it into several
        "#);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_breaks_the_reader(text in "[-a-z0-9_.<>=!+*/() äß]{0,80}") {
            let _ = parse(&text);
        }
    }
}
