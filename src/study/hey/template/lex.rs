//! A template's text cut into tokens (Go's `text/template/parse`, lex.go).

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    End,
    Text,
    LeftDelim,
    RightDelim,
    Space,
    Assign,
    Declare,
    Pipe,
    LeftParen,
    RightParen,
    /// Any other printable character, such as a comma.
    Char,
    Text_,
    RawText,
    CharConstant,
    Number,
    Bool,
    Nil,
    Dot,
    Field,
    Variable,
    Identifier,
    Keyword,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Offset in bytes.
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) text: String,
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const KEYWORDS: [&str; 9] = ["block", "break", "continue", "define", "else", "end", "if", "range", "template"];

fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n')
}

fn is_word(char: char) -> bool {
    char == '_' || char.is_alphanumeric()
}

/// A character as Go's `%#U` shows it.
pub(super) fn code_point(char: char) -> String {
    let code = format!("U+{:04X}", char as u32);
    if char.is_control() { code } else { format!("{code} '{char}'") }
}

/// All tokens, up to the end or the first error.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), parens: 0 };
    if let Err((at, message)) = lexer.run() {
        lexer.push_at(Kind::Error, at, message);
    }
    lexer.tokens
}

type Failure = (usize, String);

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    parens: usize,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        loop {
            let Some(found) = self.rest().find(LEFT) else {
                self.text_until(self.text.len());
                self.push_at(Kind::End, self.text.len(), String::new());
                return Ok(());
            };
            let left = self.at + found;
            let after = left + LEFT.len();
            let trims = has_left_trim(&self.text[after..]);
            let text = &self.text[self.at..left];
            let kept = if trims { text.trim_end_matches(is_space) } else { text };
            self.text_until(self.at + kept.len());
            self.at = left;
            let inside = after + if trims { 2 } else { 0 };
            if self.text[inside..].starts_with("/*") {
                self.at = inside;
                self.comment(left)?;
                continue;
            }
            self.push(Kind::LeftDelim, after);
            self.at = inside;
            self.parens = 0;
            self.action()?;
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn text_until(&mut self, end: usize) {
        if end > self.at {
            self.push(Kind::Text, end);
        }
    }

    fn push(&mut self, kind: Kind, end: usize) {
        let text = self.text[self.at..end].to_owned();
        self.push_at(kind, self.at, text);
        self.at = end;
    }

    fn push_at(&mut self, kind: Kind, at: usize, text: String) {
        let line = 1 + self.text[..at].matches('\n').count();
        self.tokens.push(Token { kind, at, line, text });
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, Failure> {
        Err((self.at, message.into()))
    }

    fn comment(&mut self, left: usize) -> Result<(), Failure> {
        let Some(end) = self.rest().find("*/") else { return Err((left, "unclosed comment".to_owned())) };
        self.at += end + 2;
        let Some((length, trims)) = self.right_delim() else {
            return self.fail("comment ends before closing delimiter");
        };
        self.at += length;
        if trims {
            self.skip_spaces();
        }
        Ok(())
    }

    fn skip_spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(is_space).len();
    }

    /// The length of a right delimiter right here, with its trim marker, and whether it has one.
    fn right_delim(&self) -> Option<(usize, bool)> {
        let rest = self.rest();
        let mut chars = rest.chars();
        if chars.next().is_some_and(is_space) && rest[1..].starts_with("-}}") {
            return Some((2 + RIGHT.len(), true));
        }
        rest.starts_with(RIGHT).then_some((RIGHT.len(), false))
    }

    /// From behind a left delimiter to behind the right one.
    fn action(&mut self) -> Result<(), Failure> {
        loop {
            if let Some((length, trims)) = self.right_delim() {
                if self.parens > 0 {
                    return self.fail("unclosed left paren");
                }
                let end = self.at + length;
                self.at = end - RIGHT.len();
                self.push(Kind::RightDelim, end);
                if trims {
                    self.skip_spaces();
                }
                return Ok(());
            }
            let Some(char) = self.peek() else { return self.fail("unclosed action") };
            match char {
                char if is_space(char) => self.spaces(),
                '=' => self.push(Kind::Assign, self.at + 1),
                ':' if self.rest().starts_with(":=") => self.push(Kind::Declare, self.at + 2),
                ':' => return self.fail("expected :="),
                '|' => self.push(Kind::Pipe, self.at + 1),
                '(' => {
                    self.parens += 1;
                    self.push(Kind::LeftParen, self.at + 1);
                }
                ')' => {
                    self.push(Kind::RightParen, self.at + 1);
                    let Some(parens) = self.parens.checked_sub(1) else { return self.fail("unexpected right paren") };
                    self.parens = parens;
                }
                '"' => self.quoted('"', Kind::Text_, "unterminated quoted string")?,
                '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant")?,
                '`' => self.raw()?,
                '$' => self.dotted(Kind::Variable)?,
                '.' if !self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => self.dotted(Kind::Field)?,
                '.' | '+' | '-' | '0'..='9' => self.number()?,
                char if is_word(char) => self.word()?,
                char if char.is_ascii() && !char.is_control() => self.push(Kind::Char, self.at + 1),
                char => return self.fail(format!("unrecognized character in action: {}", code_point(char))),
            }
        }
    }

    fn spaces(&mut self) {
        let mut end = self.at;
        for char in self.rest().chars().take_while(|char| is_space(*char)) {
            // the space before a trim marker belongs to the delimiter
            if self.text[end + 1..].starts_with("-}}") {
                break;
            }
            end += char.len_utf8();
        }
        self.push(Kind::Space, end);
    }

    fn quoted(&mut self, quote: char, kind: Kind, open: &str) -> Result<(), Failure> {
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some((_, '\n')) | None => break,
                    Some(_) => {}
                },
                '\n' => break,
                char if char == quote => {
                    self.push(kind, self.at + at + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.fail(open)
    }

    fn raw(&mut self) -> Result<(), Failure> {
        match self.rest()[1..].find('`') {
            Some(length) => {
                self.push(Kind::RawText, self.at + length + 2);
                Ok(())
            }
            None => self.fail("unterminated raw quoted string"),
        }
    }

    /// `.`, `.Name`, `$` or `$name`.
    fn dotted(&mut self, kind: Kind) -> Result<(), Failure> {
        let word = self.rest()[1..].chars().take_while(|char| is_word(*char)).map(char::len_utf8).sum::<usize>();
        let end = self.at + 1 + word;
        self.terminated(end)?;
        self.push(if word == 0 && kind == Kind::Field { Kind::Dot } else { kind }, end);
        Ok(())
    }

    fn word(&mut self) -> Result<(), Failure> {
        let end = self.at + self.rest().chars().take_while(|char| is_word(*char)).map(char::len_utf8).sum::<usize>();
        self.terminated(end)?;
        let kind = match &self.text[self.at..end] {
            "true" | "false" => Kind::Bool,
            "nil" => Kind::Nil,
            "with" => Kind::Keyword,
            word if KEYWORDS.contains(&word) => Kind::Keyword,
            _ => Kind::Identifier,
        };
        self.push(kind, end);
        Ok(())
    }

    /// Whether a word may end here.
    fn terminated(&self, end: usize) -> Result<(), Failure> {
        match self.text[end..].chars().next() {
            Some(char) if !is_space(char) && !".,|:()".contains(char) && !self.text[end..].starts_with(RIGHT) => {
                self.fail(format!("bad character {}", code_point(char)))
            }
            _ => Ok(()),
        }
    }

    fn number(&mut self) -> Result<(), Failure> {
        let rest = self.rest();
        let mut at = usize::from(rest.starts_with(['+', '-']));
        let lower = rest.to_ascii_lowercase();
        let (digits, exponent) = match lower.get(at..at + 2) {
            Some("0x") => ("0123456789abcdef_", 'p'),
            Some("0o") => ("01234567_", '\0'),
            Some("0b") => ("01_", '\0'),
            _ => ("0123456789_", 'e'),
        };
        if digits.len() != 11 {
            at += 2;
        }
        let run = |at: &mut usize| {
            let length = lower[*at..].chars().take_while(|char| digits.contains(*char)).count();
            *at += length;
        };
        run(&mut at);
        if lower[at..].starts_with('.') {
            at += 1;
            run(&mut at);
        }
        if lower[at..].starts_with(exponent) {
            at += 1;
            at += usize::from(lower[at..].starts_with(['+', '-']));
            at += lower[at..].chars().take_while(|char| char.is_ascii_digit() || *char == '_').count();
        }
        if let Some(next) = rest[at..].chars().next().filter(|char| is_word(*char)) {
            let wrong = &rest[..at + next.len_utf8()];
            return self.fail(format!("bad number syntax: {}", super::format::quote(wrong)));
        }
        self.push(Kind::Number, self.at + at);
        Ok(())
    }
}

/// Whether what follows a left delimiter begins with a trim marker.
fn has_left_trim(after: &str) -> bool {
    let mut chars = after.chars();
    chars.next() == Some('-') && chars.next().is_some_and(is_space)
}
