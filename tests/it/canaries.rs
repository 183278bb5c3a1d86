//! Secrets that must turn up nowhere, and the search for them.

use std::fs;
use std::path::Path;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A secret as it would look if it got out: plain, or in the header that carries it.
fn looks(secret: &str) -> Vec<String> {
    let coded = |text: String| {
        let code = STANDARD.encode(text);
        // what follows in a longer text may change the end
        code.trim_end_matches('=')[..code.len() - 4].to_owned()
    };
    let mut looks = vec![secret.to_owned()];
    looks.extend(["", "admin:", "tester:"].map(|user| coded(format!("{user}{secret}"))));
    looks
}

/// Fails if one of the secrets is in a text.
#[track_caller]
pub(crate) fn not_in(what: &str, text: &str, secrets: &[&str]) {
    for secret in secrets {
        for look in looks(secret) {
            assert!(!text.contains(&look), "{what} tells {look}:\n{text}");
        }
    }
}

/// Fails if one of the secrets is in what a program said, or in a file below `directory` that was not named `but`.
#[track_caller]
pub(crate) fn are_nowhere(output: &Output, directory: &Path, but: &[&str], secrets: &[&str]) {
    not_in("standard output", &String::from_utf8_lossy(&output.stdout), secrets);
    not_in("standard error", &String::from_utf8_lossy(&output.stderr), secrets);
    not_below(directory, but, secrets);
}

/// Fails if one of the secrets is in a file below `directory` that was not named `but`; how many files there are.
#[track_caller]
pub(crate) fn not_below(directory: &Path, but: &[&str], secrets: &[&str]) -> usize {
    let mut searched = 0;
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            searched += not_below(&path, but, secrets);
        } else if !but.contains(&name.as_str()) {
            let bytes = fs::read(&path).expect("a file");
            not_in(&path.display().to_string(), &String::from_utf8_lossy(&bytes), secrets);
            searched += 1;
        }
    }
    searched
}

#[test]
fn what_is_searched_for_is_found_in_every_coat() {
    let told = |text: &str| std::panic::catch_unwind(|| not_in("it", text, &["canary-1234567"])).is_err();
    assert!(told("a canary-1234567 here") && !told("a canary-123456"));
    for user in ["", "admin:", "tester:"] {
        assert!(told(&STANDARD.encode(format!("{user}canary-1234567"))));
        assert!(told(&STANDARD.encode(format!("{user}canary-1234567\n"))));
    }
}
