//! Files and paths that are no scenario.

use std::path::Path;

use watchtower::study::resolve::{self, Overrides};

use super::{GOOD, problems, study_of};

#[test]
fn lines_are_counted_alike_with_any_line_ending_and_a_byte_order_mark_is_no_text() {
    let text = GOOD.replace("tolerance = 0.2", "tolerance = 2");
    let with_returns = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(problems(study_of(&with_returns)), problems(study_of(&text)));
    assert_eq!(problems(study_of(&format!("\u{feff}{GOOD}"))), "no problem");
}

/// What is said about a file of these bytes, by its bare name.
fn problems_of_file(name: &str, bytes: &[u8]) -> String {
    let Ok(directory) = tempfile::tempdir() else { panic!("there is a directory for the test") };
    let path = directory.path().join(name);
    assert!(std::fs::write(&path, bytes).is_ok(), "the file is written");
    let text = problems(resolve::load(&path, &Overrides::default()));
    text.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn a_file_that_is_no_scenario_at_all_says_so() {
    insta::assert_snapshot!(problems_of_file("empty.toml", b""), @r#"
    empty.toml: has no [[load]], so nothing would be measured
      hint: add [[load]] and hey = "-z 2m -c 50 -q 5"
    empty.toml: has no [[arm]], so there is no autoscaler to measure
      hint: add [[arm]] and policy = "watchtower", and another with policy = "openfaas-ce"
    "#);
    insta::assert_snapshot!(problems_of_file("latin1.toml", b"name = \"t\"\n# w\xe4chter\n"), @r#"
    latin1.toml:2: is not UTF-8 text
      hint: save it as UTF-8; most editors can, and it is their default
    "#);
    insta::assert_snapshot!(problems_of_file("utf16.toml", b"\xff\xfen\0a\0m\0e\0"), @r#"
    utf16.toml:1: is UTF-16 text, not UTF-8
      hint: save it as UTF-8; most editors can, and it is their default
    "#);
    insta::assert_snapshot!(problems_of_file("image.png", b"\x89PNG\r\n\x1a\n\0\0"), @r#"
    image.png:1: is not UTF-8 text
      hint: save it as UTF-8; most editors can, and it is their default
    "#);
    insta::assert_snapshot!(problems_of_file("huge.toml", &vec![b'#'; (1 << 20) + 1]), @r#"
    huge.toml: is larger than 1 MiB; that is no scenario
      hint: name a scenario file, such as scenarios/ftest.toml
    "#);
    insta::assert_snapshot!(problems_of_file("page.toml", b"<!DOCTYPE html>\n<html></html>\n"), @r#"
    page.toml:1: is not TOML: key with no value, expected `=`
      hint: the line reads: <!DOCTYPE html>
    page.toml:2: is not TOML: key with no value, expected `=`
      hint: the line reads: <html></html>
    "#);
    insta::assert_snapshot!(problems_of_file("two words.toml", GOOD.replacen("name = \"t\"\n", "", 1).as_bytes()), @r#"
    two words.toml: name is not given, and the file's own, "two words", is not a file name that works everywhere
      hint: write name = "..." at the top of the file
    "#);
}

#[test]
fn a_path_that_leads_to_no_file_says_what_is_there_instead() {
    let directory = tempfile::tempdir().expect("a directory for the test");
    std::fs::write(directory.path().join("ftest.toml"), GOOD).expect("the file is written");
    let said = |name: &str| {
        let text = problems(resolve::load(&directory.path().join(name), &Overrides::default()));
        text.replace(&directory.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(said(""), @r#"
    DIR/: is a directory, not a scenario file
      hint: name a file in it, such as ftest.toml
    "#);
    insta::assert_snapshot!(said("ftset.toml"), @r#"
    DIR/ftset.toml: does not exist
      hint: did you mean DIR/ftest.toml?
    "#);
    insta::assert_snapshot!(said("nothing-like-it"), @r#"
    DIR/nothing-like-it: does not exist
      hint: check the path; scenarios/quick.toml is a good first one
    "#);
    insta::assert_snapshot!(said("ftest.toml/x"), @r#"
    DIR/ftest.toml/x: cannot be read: Not a directory (os error 20)
      hint: name a scenario file, such as scenarios/ftest.toml
    "#);
    insta::assert_snapshot!(problems(resolve::load(Path::new(""), &Overrides::default())), @r#"
    "": does not exist
      hint: check the path; scenarios/quick.toml is a good first one
    "#);
}

#[test]
fn a_file_of_brackets_or_dots_is_refused_and_not_followed_to_its_depths() {
    for text in [
        "a = ".to_owned() + &"[".repeat(100_000),
        "a.".repeat(100_000) + "b = 1",
        "[".to_owned() + &"a.".repeat(100_000) + "b]\nc = 1",
    ] {
        assert_ne!(problems(study_of(&text)), "no problem");
    }
}
