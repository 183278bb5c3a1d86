//! `junit.xml`: runs and expectations as test cases, for the CI systems that read such files.
//!
//! A run that is not valid is an error (nothing can be said), an expectation that is not met a failure. Nothing of the wall
//! clock stands in it, so the same data give the same bytes.

use std::fmt::Write as _;

use super::super::directory::run_name;
use super::super::summary::{RunSummary, StudyRecord};
use super::judgement::{Judged, Verdict};

/// The file.
pub(in super::super) fn junit(record: &StudyRecord, runs: &[RunSummary], judged: &[Judged]) -> String {
    let errors = runs.iter().filter(|run| !run.valid).count();
    let count = |verdict| judged.iter().filter(|one| one.verdict == verdict).count();
    let (failures, skipped) = (count(Verdict::NotMet), count(Verdict::LeftOut));
    let tests = runs.len() + judged.len();
    let name = escaped(&record.name);
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"watchtower\" {counts}>\n  \
         <testsuite name=\"{name}\" {counts} skipped=\"{skipped}\">\n"
    );
    for run in runs {
        let case = escaped(&format!("run {} is valid", run_name(&run.arm, run.repeat)));
        let inner = (!run.valid).then(|| {
            let reasons = escaped(&run.invalid_because.join("; "));
            format!("<error message=\"{reasons}\" type=\"invalid\"/>")
        });
        test_case(&mut text, &format!("{name}.runs"), &case, inner);
    }
    for one in judged {
        let case = escaped(&format!("{} ({})", one.expectation, one.over.as_str()));
        let shown = escaped(&one.shown());
        let inner = match one.verdict {
            Verdict::Met => None,
            Verdict::NotMet => Some(format!("<failure message=\"measured: {shown}\" type=\"expectation\"/>")),
            Verdict::LeftOut => Some(format!("<skipped message=\"{shown}\"/>")),
        };
        test_case(&mut text, &format!("{name}.expect"), &case, inner);
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn test_case(text: &mut String, class: &str, name: &str, inner: Option<String>) {
    // writing to a string cannot fail
    let _ = match inner {
        None => writeln!(text, "    <testcase classname=\"{class}\" name=\"{name}\"/>"),
        Some(inner) => {
            writeln!(text, "    <testcase classname=\"{class}\" name=\"{name}\">\n      {inner}\n    </testcase>")
        }
    };
}

/// Text fit for an attribute: XML 1.0 has no place for most control characters, not even escaped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => out.push(' '),
            char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => {}
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::super::summary::ArmRecord;
    use super::super::{Expectation, Over, judge};
    use super::*;

    #[test]
    fn runs_and_expectations_are_test_cases() {
        let expect = ["a.errors == 0", "a.errors > 7", "b.errors < 1"];
        let record = StudyRecord {
            name: "gate".to_owned(),
            repeats: 1,
            arms: vec![ArmRecord { name: "a".to_owned(), ..ArmRecord::default() }],
            expect: expect.map(|formula| Expectation { over: Over::Every, formula: formula.to_owned() }).to_vec(),
            ..StudyRecord::default()
        };
        let valid = RunSummary { arm: "a".to_owned(), repeat: 1, valid: true, ..RunSummary::default() };
        let invalid = RunSummary {
            repeat: 2,
            valid: false,
            invalid_because: vec!["<late> & \"slow\"\u{1}\n".to_owned()],
            ..valid.clone()
        };
        let runs = [valid, invalid];
        insta::assert_snapshot!(junit(&record, &runs, &judge(&record, &runs)), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="watchtower" tests="5" failures="1" errors="1">
          <testsuite name="gate" tests="5" failures="1" errors="1" skipped="1">
            <testcase classname="gate.runs" name="run a-1 is valid"/>
            <testcase classname="gate.runs" name="run a-2 is valid">
              <error message="&lt;late&gt; &amp; &quot;slow&quot; " type="invalid"/>
            </testcase>
            <testcase classname="gate.expect" name="a.errors == 0 (every)"/>
            <testcase classname="gate.expect" name="a.errors &gt; 7 (every)">
              <failure message="measured: 0 &gt; 7" type="expectation"/>
            </testcase>
            <testcase classname="gate.expect" name="b.errors &lt; 1 (every)">
              <skipped message="an arm it names was not run (--arm)"/>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
