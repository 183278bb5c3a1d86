//! A command in words, split as a shell splits them; nothing else of a shell is done.

/// Words are separated by blanks; what is in quotes stays together, and a backslash takes the next character as it is (inside
/// single quotes it is one itself). A quote that is not closed ends with the text.
pub(super) fn split(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = command.chars();
    while let Some(char) = chars.next() {
        match (char, quote) {
            (char, Some(open)) if char == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            ('"' | '\'', None) => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (blank, None) if blank.is_whitespace() => words.extend(word.take()),
            (char, _) => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_a_shell_s() {
        assert_eq!(split("python3  my.py --up 2 "), ["python3", "my.py", "--up", "2"]);
        assert_eq!(split(r#"sh -c 'echo "a b"' "c d" e\ f """#), ["sh", "-c", "echo \"a b\"", "c d", "e f", ""]);
        assert_eq!(split("\"open end"), ["open end"]);
        assert!(split("  ").is_empty());
    }
}
