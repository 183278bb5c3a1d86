//! A source file as the rules see it: its words and marks without comments and texts, and the paths it names.

use std::collections::BTreeMap;

/// A word or a mark (`::` is one mark) and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path into this crate or into std, from its root, and the line that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// The words and marks of a Rust source.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().collect();
    let at = |index: usize| letters.get(index).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let (mut i, mut line) = (0, 1);
    while i < letters.len() {
        let start = i;
        match letters[i] {
            '/' if at(i + 1) == '/' => {
                while i < letters.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => i = after_block_comment(&letters, i),
            '"' => i = after_text(&letters, i),
            '\'' => i = after_quote(&letters, i),
            first if first.is_alphanumeric() || first == '_' => {
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                let word: String = letters[start..i].iter().collect();
                let raw = word.ends_with('r') && word.len() <= 2;
                match (raw, word.as_str(), at(i)) {
                    (true, _, '"' | '#') if after_raw_text(&letters, i).is_some() => {
                        i = after_raw_text(&letters, i).unwrap_or(i);
                    }
                    (_, "b" | "c", '"') => i = after_text(&letters, i),
                    (_, "b", '\'') => i = after_quote(&letters, i),
                    _ => tokens.push(Token { text: word, line }),
                }
            }
            ':' if at(i + 1) == ':' => {
                tokens.push(Token { text: "::".to_owned(), line });
                i += 2;
            }
            other => {
                if !other.is_whitespace() {
                    tokens.push(Token { text: other.to_string(), line });
                }
                i += 1;
            }
        }
        line += letters[start..i].iter().filter(|letter| **letter == '\n').count();
    }
    tokens
}

fn after_block_comment(letters: &[char], start: usize) -> usize {
    let (mut i, mut depth) = (start, 0);
    while i < letters.len() {
        match (letters[i], letters.get(i + 1)) {
            ('/', Some('*')) => (i, depth) = (i + 2, depth + 1),
            ('*', Some('/')) => (i, depth) = (i + 2, depth - 1),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

/// After the text whose opening quote stands at `start`.
fn after_text(letters: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < letters.len() && letters[i] != '"' {
        i += if letters[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(letters.len())
}

/// After the raw text whose first hash or quote stands at `start`; `None` if it is none (a raw word such as `r#type`).
fn after_raw_text(letters: &[char], start: usize) -> Option<usize> {
    let hashes = letters[start..].iter().take_while(|letter| **letter == '#').count();
    let mut i = start + hashes;
    (letters.get(i) == Some(&'"')).then_some(())?;
    loop {
        i += 1;
        let end = letters.get(i..)?;
        if end.first() == Some(&'"') && end.iter().skip(1).take_while(|letter| **letter == '#').count() >= hashes {
            return Some(i + 1 + hashes);
        }
    }
}

/// After the character, or only after the mark of a lifetime.
fn after_quote(letters: &[char], start: usize) -> usize {
    match (letters.get(start + 1), letters.get(start + 2)) {
        (Some('\\'), _) => {
            let closing = letters.iter().skip(start + 3).position(|letter| *letter == '\'');
            closing.map_or(letters.len(), |closing| start + 3 + closing + 1)
        }
        (_, Some('\'')) => start + 3,
        _ => start + 1,
    }
}

/// Every path into this crate or std that a file names, by `use` or in passing. `module` is where the file stands.
pub(crate) fn paths(tokens: &[Token], module: &[String], children: &[String]) -> Vec<Named> {
    let mut walk = Walk { tokens, named: Vec::new(), aliases: BTreeMap::new() };
    let mut here = module.to_vec();
    let mut opened = Vec::new();
    let mut depth = 0;
    let mut i = 0;
    while i < tokens.len() {
        let follows_path = i > 0 && walk.is(i - 1, "::");
        // a tree ends one mark before where the loop goes on
        match tokens[i].text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if opened.last() == Some(&depth) {
                    opened.pop();
                    here.pop();
                }
            }
            "mod" if walk.is(i + 2, "{") => {
                here.push(tokens[i + 1].text.clone());
                opened.push(depth);
            }
            // who may see a thing is no use of theirs
            "in" if i > 1 && walk.is(i - 1, "(") && walk.is(i - 2, "pub") => {
                while i < tokens.len() && !walk.is(i, ")") {
                    i += 1;
                }
            }
            "crate" if walk.is(i + 1, "::") => i = walk.tree(i + 2, &[]) - 1,
            "std" if walk.is(i + 1, "::") && !follows_path => i = walk.tree(i, &[]) - 1,
            "self" | "super" if walk.is(i + 1, "::") && !follows_path => {
                let mut base = here.clone();
                while (walk.is(i, "self") || walk.is(i, "super")) && walk.is(i + 1, "::") {
                    if walk.is(i, "super") {
                        base.pop();
                    }
                    i += 2;
                }
                i = walk.tree(i, &base) - 1;
            }
            name if walk.is(i + 1, "::") && !follows_path => {
                let base = if let Some(path) = walk.aliases.get(name) {
                    path.clone()
                } else if here == module && children.iter().any(|child| child == name) {
                    [module, &[name.to_owned()]].concat()
                } else {
                    i += 1;
                    continue;
                };
                i = walk.tree(i + 2, &base) - 1;
            }
            _ => {}
        }
        i += 1;
    }
    walk.named
}

struct Walk<'a> {
    tokens: &'a [Token],
    named: Vec<Named>,
    /// What a name stands for after a `use`.
    aliases: BTreeMap<String, Vec<String>>,
}

impl Walk<'_> {
    fn is(&self, index: usize, text: &str) -> bool {
        self.tokens.get(index).is_some_and(|token| token.text == text)
    }

    /// Reads a path, with groups, from `start` on; gives where it ends.
    fn tree(&mut self, start: usize, base: &[String]) -> usize {
        let mut path = base.to_vec();
        let mut i = start;
        while let Some(token) = self.tokens.get(i) {
            match token.text.as_str() {
                "{" => {
                    i += 1;
                    while i < self.tokens.len() && !self.is(i, "}") {
                        i = if self.is(i, ",") { i + 1 } else { self.tree(i, &path).max(i + 1) };
                    }
                    return i + 1;
                }
                "self" => {}
                word if word.starts_with(|first: char| first.is_alphabetic() || first == '_') => {
                    path.push(word.to_owned());
                }
                // a glob, or type arguments
                _ => {
                    let line = token.line;
                    self.named.push(Named { path, line });
                    return i + usize::from(self.is(i, "*"));
                }
            }
            let line = token.line;
            i += 1;
            if self.is(i, "::") {
                i += 1;
                continue;
            }
            let renamed = self.is(i, "as");
            let alias =
                if renamed { self.tokens.get(i + 1).map(|token| token.text.clone()) } else { path.last().cloned() };
            if let Some(alias) = alias {
                self.aliases.insert(alias, path.clone());
            }
            self.named.push(Named { path, line });
            return i + if renamed { 2 } else { 0 };
        }
        i
    }
}
