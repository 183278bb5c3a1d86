//! A line of flags split into words, as a shell would for its quotes; nothing is expanded.

/// Why a line doesn't split into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// A quote that is never closed.
    #[error("has a {0} that is never closed")]
    OpenQuote(char),
    /// A backslash with nothing after it.
    #[error("ends in a backslash")]
    LastBackslash,
}

/// Splits at white space; `'...'` keeps everything, `"..."` everything but backslashes before `"` and `\`, and outside of quotes a
/// backslash keeps the character after it.
///
/// # Errors
/// When a quote is left open.
pub fn words(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(char) => word.push(char),
                        None => return Err(WordsError::OpenQuote('\'')),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') if matches!(chars.peek(), Some('"' | '\\')) => word.extend(chars.next()),
                        Some(char) => word.push(char),
                        None => return Err(WordsError::OpenQuote('"')),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next().ok_or(WordsError::LastBackslash)?),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together_and_nothing_is_expanded() {
        for (line, expected) in [
            ("-z 2m  -c\t50\n-q 5", vec!["-z", "2m", "-c", "50", "-q", "5"]),
            (r#"-H "Hey: hey" -d '{"a": "b"}'"#, vec!["-H", "Hey: hey", "-d", r#"{"a": "b"}"#]),
            (r#"-T '' -d "a \"b\" \n $HOME""#, vec!["-T", "", "-d", r#"a "b" \n $HOME"#]),
            (r"-a us\ er:'pa'ss", vec!["-a", "us er:pass"]),
            ("", vec![]),
        ] {
            assert_eq!(words(line).as_deref(), Ok(&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]));
        }
        assert_eq!(words("-d 'a"), Err(WordsError::OpenQuote('\'')));
        assert_eq!(words("-d \"a"), Err(WordsError::OpenQuote('"')));
        assert_eq!(words("-d a\\"), Err(WordsError::LastBackslash));
    }
}
