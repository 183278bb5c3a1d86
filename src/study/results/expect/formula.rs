//! A formula: two terms over columns of arms, compared.

use std::fmt;

/// `left comparison right`.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    /// What is measured, usually.
    pub left: Term,
    /// How both sides compare.
    pub comparison: Comparison,
    /// What it is measured against.
    pub right: Term,
}

/// One side of a formula.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A number as written.
    Number(f64),
    /// A column of an arm.
    Column(Operand),
    /// The opposite of a term.
    Minus(Box<Term>),
    /// Two terms with a sign between.
    Pair(Box<Term>, Sign, Box<Term>),
}

/// A column of an arm: `watchtower.p95_ms`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operand {
    /// The arm.
    pub arm: String,
    /// A column of `comparison.csv`.
    pub column: String,
}

/// The four signs of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
    /// `/`
    Over,
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

impl Comparison {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::Unequal => "!=",
        }
    }

    /// Whether two numbers compare like this.
    #[expect(clippy::float_cmp, reason = "numbers as files have them are equal or not: replica counts, rounded ratios")]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
            Self::Equal => left == right,
            Self::Unequal => left != right,
        }
    }

    /// By how much the comparison holds: the smaller, the closer; negative where it does not.
    pub fn slack(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Less | Self::AtMost => right - left,
            Self::More | Self::AtLeast => left - right,
            Self::Equal => -(left - right).abs(),
            Self::Unequal => (left - right).abs(),
        }
    }
}

impl Formula {
    /// Every column of an arm that stands in it, from left to right.
    pub fn operands(&self) -> Vec<&Operand> {
        let mut operands = Vec::new();
        self.left.operands(&mut operands);
        self.right.operands(&mut operands);
        operands
    }
}

impl Term {
    fn operands<'a>(&'a self, found: &mut Vec<&'a Operand>) {
        match self {
            Self::Number(_) => {}
            Self::Column(operand) => found.push(operand),
            Self::Minus(term) => term.operands(found),
            Self::Pair(left, _, right) => {
                left.operands(found);
                right.operands(found);
            }
        }
    }

    /// Its value, with what stands in the columns.
    ///
    /// # Errors
    /// With why there is none: what `column` says, or a division by zero.
    pub fn value(&self, column: &impl Fn(&Operand) -> Result<f64, String>) -> Result<f64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Column(operand) => column(operand),
            Self::Minus(term) => Ok(-term.value(column)?),
            Self::Pair(left, sign, right) => {
                let (left, right) = (left.value(column)?, right.value(column)?);
                let value = match sign {
                    Sign::Plus => left + right,
                    Sign::Minus => left - right,
                    Sign::Times => left * right,
                    Sign::Over if right == 0.0 => return Err("it divides by zero".to_owned()),
                    Sign::Over => left / right,
                };
                if value.is_finite() { Ok(value) } else { Err("it goes beyond the largest number".to_owned()) }
            }
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.arm, self.column)
    }
}
