//! Unknown keys, wrong values, wrong tables, text that is no TOML.

use super::{Case, GOOD, messages, problems, study_of};

#[test]
fn a_key_that_is_not_known_is_named_with_the_one_that_was_meant() {
    messages(&[
        Case {
            instead_of: "tolerance = 0.2",
            write: "tolerence = 0.2",
            message: r#"t.toml:20: arm "tower": tolerence is not a known key
  hint: did you mean "tolerance"?"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: "SCALE_UP_ROUNDS = 2",
            message: r#"t.toml:20: arm "tower": SCALE_UP_ROUNDS is not a known key
  hint: did you mean "scale_up_rounds"?"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: r#"url = "http://localhost:8080/function/ftest""#,
            message: r#"t.toml:20: arm "tower": url is not an arm's to set
  hint: leave it out: the address comes from [function] and the target"#,
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: r#"warmup = "5s""#,
            message: r#"t.toml:15: [run]: warmup is not a known key
  hint: did you mean "warm_up"?"#,
        },
        Case {
            instead_of: "percentile = 95",
            write: "repeats = 3",
            message: r#"t.toml:9: [slo]: repeats is not a known key
  hint: "repeats" belongs in [run]"#,
        },
        Case {
            instead_of: r#"name = "t""#,
            write: r#"name = "t"
colour = "red""#,
            message: "t.toml:2: colour is not a known key
  hint: known here: name, description, function, slo, load, run, platform, openfaas, kubernetes, limits, price, fault, arm, tune, expect",
        },
        Case {
            instead_of: "[slo]",
            write: "[sla]",
            message: r#"t.toml:7: sla is not a known key
  hint: did you mean "slo"?"#,
        },
        Case {
            instead_of: r#"name = "t""#,
            write: r#"name = "t"
warm_up = "5s""#,
            message: r#"t.toml:2: warm_up is not a known key
  hint: "warm_up" belongs in [run]"#,
        },
    ]);
}

#[test]
fn a_value_of_the_wrong_type_says_what_is_allowed() {
    messages(&[
        Case {
            instead_of: "tolerance = 0.2",
            write: "tolerance = 1.4",
            message: r#"t.toml:20: arm "tower": tolerance = 1.4 is not a fraction
  hint: write 0.2 for 20 %, without quotes; allowed is 0 to 1"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: r#"tolerance = "20 %""#,
            message: r#"t.toml:20: arm "tower": tolerance = "20 %" is not a fraction
  hint: write 0.2 for 20 %, without quotes; allowed is 0 to 1"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: "tolerance = nan",
            message: r#"t.toml:20: arm "tower": tolerance = nan is not a fraction
  hint: write 0.2 for 20 %, without quotes; allowed is 0 to 1"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: "tolerance = -inf",
            message: r#"t.toml:20: arm "tower": tolerance = -inf is not a fraction
  hint: write 0.2 for 20 %, without quotes; allowed is 0 to 1"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: r#"scale_up_increment = "automatic""#,
            message: r#"t.toml:20: arm "tower": scale_up_increment = "automatic" is neither a fraction nor "auto"
  hint: write 0.2 for 20 %, or "auto"; allowed is 0 to 1"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: "check_frequency = 0",
            message: r#"t.toml:20: arm "tower": check_frequency = 0 is out of range
  hint: allowed is a whole number of at least 1 (seconds); the default is 5"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: "check_frequency = 2.5",
            message: r#"t.toml:20: arm "tower": check_frequency = 2.5 is not a whole number
  hint: allowed is a whole number of at least 1 (seconds); the default is 5"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: r#"check_frequency = "5s""#,
            message: r#"t.toml:20: arm "tower": check_frequency = "5s" is not a whole number
  hint: allowed is a whole number of at least 1 (seconds); the default is 5"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: "target = 99999999999999999999",
            message: r#"t.toml:20: arm "tower": target = 99999999999999999999 is beyond the largest number that fits into 64 bits
  hint: allowed is a whole number of at least 1 (milliseconds); the default is 75"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: r#"failed_probes = "abov""#,
            message: r#"t.toml:20: arm "tower": failed_probes = "abov" is not known
  hint: did you mean "above"? allowed is "ignore" or "above""#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: "settle = [1, 2]",
            message: r#"t.toml:20: arm "tower": settle = [1, 2] is a list
  hint: allowed is a duration from "0s" to "10m"; the default is "1s""#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: "settle = 2026-01-01",
            message: r#"t.toml:20: arm "tower": settle = 2026-01-01 is a date
  hint: allowed is a duration from "0s" to "10m"; the default is "1s""#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: r#"settle = "2h""#,
            message: r#"t.toml:20: arm "tower": settle = "2h" is too long
  hint: allowed is a duration from "0s" to "10m"; the default is "1s""#,
        },
        Case {
            instead_of: r#"latency = "75ms""#,
            write: "latency = 75",
            message: r#"t.toml:8: [slo]: latency = 75 has no unit
  hint: write "75s" for seconds or "75ms" for milliseconds, in quotes"#,
        },
        Case {
            instead_of: r#"latency = "75ms""#,
            write: r#"latency = "75""#,
            message: r#"t.toml:8: [slo]: latency = "75" has no unit
  hint: write for example "75s" for seconds or "75ms" for milliseconds"#,
        },
        Case {
            instead_of: r#"latency = "75ms""#,
            write: r#"latency = "75 parsecs""#,
            message: r#"t.toml:8: [slo]: latency = "75 parsecs" has the unknown unit " parsecs"
  hint: known are ns, us, ms, s, m, h and d"#,
        },
        Case {
            instead_of: r#"latency = "75ms""#,
            write: r#"latency = "0s""#,
            message: r#"t.toml:8: [slo]: latency = "0s" is too short
  hint: allowed is a duration from "1us" to "168h"; the default is "75ms""#,
        },
        Case {
            instead_of: r#"latency = "75ms""#,
            write: "latency = true",
            message: r#"t.toml:8: [slo]: latency = true is not a duration
  hint: allowed is a duration from "1us" to "168h"; the default is "75ms""#,
        },
        Case {
            instead_of: "percentile = 95",
            write: "percentile = 100",
            message: "t.toml:9: [slo]: percentile = 100 is out of range
  hint: write a number above 0 and below 100, such as 95",
        },
        Case {
            instead_of: "percentile = 95",
            write: "percentile = 0",
            message: "t.toml:9: [slo]: percentile = 0 is out of range
  hint: write a number above 0 and below 100, such as 95",
        },
        Case {
            instead_of: "percentile = 95",
            write: "percentile = 950",
            message: "t.toml:9: [slo]: percentile = 950 is out of range
  hint: allowed is a number from 0 to 100 (%); the default is 95.0",
        },
        Case {
            instead_of: "percentile = 95",
            write: "percentile = nan",
            message: "t.toml:9: [slo]: percentile = nan is not a number
  hint: allowed is a number from 0 to 100 (%); the default is 95.0",
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: r#"warm_up = "-5s""#,
            message: r#"t.toml:15: [run]: warm_up = "-5s" is negative
  hint: a duration is at least 0"#,
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: r#"warm_up = """#,
            message: r#"t.toml:15: [run]: warm_up = "" is empty
  hint: write a number with a unit, such as "75ms" or "2m""#,
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: r#"warm_up = "9999999d""#,
            message: r#"t.toml:15: [run]: warm_up = "9999999d" is too long
  hint: the longest duration is 100 years"#,
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: r#"warm_up_every = "0s""#,
            message: r#"t.toml:15: [run]: warm_up_every = "0s" is too short
  hint: allowed is a duration from "10ms" to "168h"; the default is "3s""#,
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: "repeats = 0",
            message: "t.toml:15: [run]: repeats = 0 is out of range
  hint: allowed is a whole number from 1 to 1000 (runs per arm); the default is 1",
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: "seed = -1",
            message: "t.toml:15: [run]: seed = -1 is out of range
  hint: allowed is a whole number from 0 to 9223372036854775807; the default is 1",
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: "cool_down = { secs = 3 }",
            message: r#"t.toml:15: [run]: cool_down = { secs = 3 } is a table
  hint: allowed is a duration from "0s" to "168h"; the default is "1m""#,
        },
        Case {
            instead_of: "[run]",
            write: r#"[limits]
max_lateness = "soon"
[run]"#,
            message: r#"t.toml:15: [limits]: max_lateness = "soon" is neither a duration nor a known word
  hint: allowed is a duration such as "2s", or "auto"; the default is "auto""#,
        },
        Case {
            instead_of: r#"name = "t""#,
            write: "name = 7",
            message: "t.toml:1: name = 7 is not a text
  hint: allowed is a text in quotes",
        },
    ]);
}

#[test]
fn what_is_no_toml_is_shown_with_its_line() {
    messages(&[
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: "warm_up = 5s",
            message: r#"t.toml:15: is not TOML: string values must be quoted, expected literal string
  hint: texts and durations stand in quotes: warm_up = "5s""#,
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: r#"warm_up = "5s"#,
            message: r#"t.toml:15: is not TOML: invalid basic string, expected `"`
  hint: the line reads: warm_up = "5s"#,
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: "warm_up =",
            message: "t.toml:15: is not TOML: string values must be quoted, expected literal string
  hint: write a value after warm_up =",
        },
        Case {
            instead_of: r#"warm_up = "5s""#,
            write: r#"warm_up = "5s"
warm_up = "6s""#,
            message: r#"t.toml:16: warm_up = "6s" is there twice
  hint: leave one of them out; only [[load]] and [[arm]] may come several times"#,
        },
        Case {
            instead_of: "[run]",
            write: "[slo]",
            message: "t.toml:14: [slo] is there twice
  hint: leave one of them out; only [[load]] and [[arm]] may come several times",
        },
        Case {
            instead_of: "[run]",
            write: "[run",
            message: "t.toml:14: is not TOML: unclosed table, expected `]`
  hint: the line reads: [run",
        },
        Case {
            instead_of: r#"[slo]
latency = "75ms""#,
            write: "[slo]
latency = 75ms",
            message: r#"t.toml:8: is not TOML: string values must be quoted, expected literal string
  hint: texts and durations stand in quotes: latency = "75ms""#,
        },
    ]);
}

#[test]
fn tables_of_the_wrong_shape_say_which_brackets_to_write() {
    messages(&[
        Case {
            instead_of: "[[load]]",
            write: "[load]",
            message: "t.toml:11: [load] is a single table, but there may be several
  hint: write [[load]] with double brackets, once for each",
        },
        Case {
            instead_of: "[run]",
            write: "[[run]]",
            message: "t.toml:14: [run] is a list, but there is one only
  hint: write [run] with single brackets, once",
        },
        Case {
            instead_of: r#"name = "t""#,
            write: r#"name = "t"
limits = 3"#,
            message: "t.toml:2: limits = 3 is not a table
  hint: write [limits] on a line of its own, and its keys below",
        },
        Case {
            instead_of: r#"[[load]]
hey = "-z 10s -c 5 -q 5"
"#,
            write: "",
            message: r#"t.toml: has no [[load]], so nothing would be measured
  hint: add [[load]] and hey = "-z 2m -c 50 -q 5""#,
        },
        Case {
            instead_of: r#"[[arm]]
name = "tower"
policy = "watchtower"
tolerance = 0.2

[[arm]]
name = "control"
policy = "fixed"
"#,
            write: "",
            message: r#"t.toml: has no [[arm]], so there is no autoscaler to measure
  hint: add [[arm]] and policy = "watchtower", and another with policy = "openfaas-ce""#,
        },
        Case {
            instead_of: r#"name = "t""#,
            write: r#"name = "t"
load = ["-z 2m"]"#,
            message: "t.toml:12: [[load]] is there twice
  hint: leave one of them out; only [[load]] and [[arm]] may come several times",
        },
    ]);
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_lines() {
    let text = GOOD
        .replace("percentile = 95", "percentile = 0")
        .replace("-c 5 -q 5", "-c 0 -q 5")
        .replace("warm_up", "warmup")
        .replace("tolerance = 0.2", "tolerance = 1.4\ntarget = 0")
        .replace("\"fixed\"", "\"fixd\"");
    insta::assert_snapshot!(problems(study_of(&text)), @r#"
    t.toml:9: [slo]: percentile = 0 is out of range
      hint: write a number above 0 and below 100, such as 95
    t.toml:12: load 1: hey = "-z 10s -c 0 -q 5" is refused: -c cannot be smaller than 1
      hint: write at least -n 1 -c 1, or end by time with -z 2m
    t.toml:15: [run]: warmup is not a known key
      hint: did you mean "warm_up"?
    t.toml:20: arm "tower": tolerance = 1.4 is not a fraction
      hint: write 0.2 for 20 %, without quotes; allowed is 0 to 1
    t.toml:21: arm "tower": target = 0 is out of range
      hint: allowed is a whole number of at least 1 (milliseconds); the default is 75
    t.toml:25: arm "control": policy = "fixd" is no policy
      hint: did you mean "fixed"? known policies: ALL
    "#);
}
