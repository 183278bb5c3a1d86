//! Arms and the function under test.

use super::{Case, GOOD, messages, problems, study_of};

#[test]
fn arms_have_a_policy_and_a_name_of_their_own_that_names_files() {
    messages(&[
        Case {
            instead_of: r#"name = "tower""#,
            write: r#"name = "control""#,
            message: r#"t.toml:23: arm "control": name = "control" is the name of two arms, the other is on line 17
  hint: give each [[arm]] a name of its own, for example by what is different about it"#,
        },
        Case {
            instead_of: r#"name = "tower""#,
            write: r#"name = "Control""#,
            message: r#"t.toml:23: arm "control": name = "control" is the name of two arms, the other is on line 17
  hint: give each [[arm]] a name of its own, for example by what is different about it"#,
        },
        Case {
            instead_of: r#"name = "tower""#,
            write: r#"name = "a/b""#,
            message: r#"t.toml:18: arm "a/b": name = "a/b" has a slash in it, but it names files
  hint: use letters, digits, hyphens, underscores and dots, at most 64, beginning with a letter or digit"#,
        },
        Case {
            instead_of: r#"name = "tower""#,
            write: r#"name = """#,
            message: r#"t.toml:18: arm 1: name = "" is empty, but it names files
  hint: use letters, digits, hyphens, underscores and dots, at most 64, beginning with a letter or digit"#,
        },
        Case {
            instead_of: r#"name = "tower""#,
            write: r#"name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx""#,
            message: r#"t.toml:18: arm "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...": name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... is too long for a file name
  hint: use letters, digits, hyphens, underscores and dots, at most 64, beginning with a letter or digit"#,
        },
        Case {
            instead_of: r#"name = "tower""#,
            write: r#"name = "aux""#,
            message: r#"t.toml:18: arm "aux": name = "aux" is a name that Windows keeps for a device
  hint: use letters, digits, hyphens, underscores and dots, at most 64, beginning with a letter or digit"#,
        },
        Case {
            instead_of: r#"name = "tower""#,
            write: r#"name = "..""#,
            message: r#"t.toml:18: arm "..": name = ".." is not a file name that works everywhere
  hint: use letters, digits, hyphens, underscores and dots, at most 64, beginning with a letter or digit"#,
        },
        Case {
            instead_of: r#"name = "tower""#,
            write: r#"name = "wäch ter""#,
            message: r#"t.toml:18: arm "wäch ter": name = "wäch ter" is not a file name that works everywhere
  hint: use letters, digits, hyphens, underscores and dots, at most 64, beginning with a letter or digit"#,
        },
        Case {
            instead_of: r#"name = "tower""#,
            write: r#"name = "two\nlines""#,
            message: r#"t.toml:18: arm "two...": name = "two\nlines" is not a file name that works everywhere
  hint: use letters, digits, hyphens, underscores and dots, at most 64, beginning with a letter or digit"#,
        },
        Case {
            instead_of: r#"policy = "watchtower""#,
            write: r#"policy = "watchtowr""#,
            message: r#"t.toml:19: arm "tower": policy = "watchtowr" is no policy
  hint: did you mean "watchtower"? known policies: ALL"#,
        },
        Case {
            instead_of: r#"policy = "watchtower""#,
            write: r#"policy = "autopilot""#,
            message: r#"t.toml:19: arm "tower": policy = "autopilot" is no policy
  hint: known policies: ALL"#,
        },
        Case {
            instead_of: r#"policy = "watchtower""#,
            write: "",
            message: r#"t.toml:17: arm "tower": policy is not given
  hint: write policy = "watchtower"; known policies: ALL"#,
        },
        Case {
            instead_of: r#"policy = "watchtower""#,
            write: "policy = 3",
            message: r#"t.toml:19: arm "tower": policy = 3 is not a text
  hint: allowed is a text in quotes"#,
        },
        Case {
            instead_of: r#"policy = "fixed""#,
            write: r#"policy = "fixed"
replicas = 6"#,
            message: r#"t.toml:25: arm "control": replicas = 6 is more than the 5 replicas the platform grants, it would have 5 and not 6
  hint: raise [platform] max_replicas if yours is not the Community Edition"#,
        },
        Case {
            instead_of: r#"policy = "fixed""#,
            write: r#"policy = "fixed"
replicas = 0"#,
            message: r#"t.toml:25: arm "control": replicas = 0 is out of range
  hint: allowed is a whole number from 1 to 10000 (replicas); the default is 1"#,
        },
        Case {
            instead_of: r#"policy = "fixed""#,
            write: r#"policy = "timetable"
plan = "1 at 0s, 3 for 1m""#,
            message: r#"t.toml:25: arm "control": plan = "1 at 0s, 3 for 1m" is refused at entry 2, "3 for 1m": it is not a count of replicas and a time, as 3 at 1m is
  hint: write counts of replicas with their times, such as "1 at 0s, 3 at 1m, 1 at 5m""#,
        },
        Case {
            instead_of: r#"policy = "fixed""#,
            write: r#"policy = "timetable"
plan = 3"#,
            message: r#"t.toml:25: arm "control": plan = 3 is not a text
  hint: allowed is counts of replicas with their times, such as "1 at 0s, 3 at 1m, 1 at 5m"; the default is "1 at 0s""#,
        },
        Case {
            instead_of: r#"policy = "fixed""#,
            write: r#"policy = "timetable"
plan = "1 at 0s, 6 at 1m""#,
            message: r#"t.toml:25: arm "control": plan = "1 at 0s, 6 at 1m" has 6 at 1m, more than the 5 replicas the platform grants
  hint: raise [platform] max_replicas if yours is not the Community Edition"#,
        },
        Case {
            instead_of: r#"policy = "fixed""#,
            write: r#"policy = "timetable"
plan = "1 at 0s, 5 at 1m"
every = "1m""#,
            message: r#"t.toml:26: arm "control": every = "1m" begins the plan again before it comes to 1m
  hint: make it longer than the plan, or leave out what never comes"#,
        },
        Case {
            instead_of: r#"name = "control"
policy = "fixed""#,
            write: r#"policy = "watchtower"
[[arm]]
policy = "watchtower""#,
            message: r#"t.toml:24: arm "watchtower": name = "watchtower" (from its policy) is the name of two arms, the other is on line 22
  hint: give each [[arm]] a name of its own, for example by what is different about it"#,
        },
        Case {
            instead_of: "tolerance = 0.2",
            write: "min_replicas = 4
max_replicas = 3",
            message: r#"t.toml:20: arm "tower": min_replicas = 4 is more than max_replicas = 3
  hint: lower it, or raise max_replicas"#,
        },
    ]);
}

#[test]
fn a_function_needs_a_query_it_can_answer_labels_that_agree_and_a_model() {
    messages(&[
        Case {
            instead_of: r#"name = "ftest""#,
            write: r#"name = "ftset""#,
            message: r#"t.toml:4: [function]: name = "ftset" is not a built-in function
  hint: did you mean "ftest"? built in are ftest and sleepy; any other function needs a [function.model] with its cpu and wait"#,
        },
        Case {
            instead_of: r#"name = "ftest""#,
            write: r#"name = "resize""#,
            message: r#"t.toml:4: [function]: name = "resize" is not a built-in function
  hint: built in are ftest and sleepy; any other function needs a [function.model] with its cpu and wait"#,
        },
        Case {
            instead_of: r#"name = "ftest""#,
            write: r#"name = "My Function""#,
            message: r#"t.toml:4: [function]: name = "My Function" is not a function's name
  hint: use small letters, digits and hyphens, at most 63, as Kubernetes does"#,
        },
        Case {
            instead_of: r#"name = "ftest""#,
            write: r#"name = "sleepy""#,
            message: r#"t.toml:5: [function]: query = "number=50" is no number of seconds from 0 to 30 for sleepy
  hint: write query = "number=0.75""#,
        },
        Case {
            instead_of: r#"name = "ftest""#,
            write: r#"name = "ftest"
replicas = 9"#,
            message: "t.toml:5: [function]: replicas = 9 is outside of what the labels and the platform allow, 1 to 5
  hint: change replicas, the labels com.openfaas.scale.min and .max, or [platform] max_replicas",
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"query = "?number=50""#,
            message: r#"t.toml:5: [function]: query = "?number=50" begins with a question mark
  hint: leave the question mark out"#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"query = "n=50""#,
            message: r#"t.toml:5: [function]: query = "n=50" has no number, so the function would answer 500
  hint: write query = "number=50" for ftest, "number=0.75" for sleepy"#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"query = "number=-5""#,
            message: r#"t.toml:5: [function]: query = "number=-5" is no whole number from 0 to 10000 for ftest
  hint: write query = "number=50""#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"query = "number=100000""#,
            message: r#"t.toml:5: [function]: query = "number=100000" is no whole number from 0 to 10000 for ftest
  hint: write query = "number=50""#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"query = "number=5 0""#,
            message: r#"t.toml:5: [function]: query = "number=5 0" has characters that cannot stand in an address
  hint: percent-encode them: %20 for a space"#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"labels = { "com.openfaas.scale.min" = "4", "com.openfaas.scale.max" = "3" }"#,
            message: "t.toml:5: [function.labels]: com.openfaas.scale.min = 4 is more than the most, 3
  hint: lower it, or raise com.openfaas.scale.max",
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"labels = { "com.openfaas.scale.max" = "8" }"#,
            message: r#"t.toml:5: [function.labels]: com.openfaas.scale.max = "8" is no whole number from 1 to 5
  hint: the platform grants 1 to 5 replicas; raise [platform] max_replicas if yours is not the Community Edition"#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"labels = { "com.openfaas.scale.factor" = 0 }"#,
            message: r#"t.toml:5: [function.labels]: com.openfaas.scale.factor = "0" is no whole number from 1 to 100
  hint: it is the step of the Community Edition's autoscaler in percent of the most replicas"#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"labels = { "com.openfaas.scale.mx" = "5" }"#,
            message: r#"t.toml:5: [function.labels]: com.openfaas.scale.mx = "5" is not a label OpenFaaS knows
  hint: did you mean "com.openfaas.scale.max"?"#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"labels = { com.openfaas.scale.max = "5" }"#,
            message: r#"t.toml:5: [function.labels]: com is not a label's value
  hint: put the label's name in quotes, since it has dots in it: "com.openfaas.scale.max" = "5""#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"replicas = 2
labels = { "com.openfaas.scale.min" = "3" }"#,
            message: "t.toml:5: [function]: replicas = 2 is outside of what the labels and the platform allow, 3 to 5
  hint: change replicas, the labels com.openfaas.scale.min and .max, or [platform] max_replicas",
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"labels = { "com.openfaas.scale.min" = "many" }"#,
            message: r#"t.toml:5: [function.labels]: com.openfaas.scale.min = "many" is no whole number from 1 to 5
  hint: the platform grants 1 to 5 replicas; raise [platform] max_replicas if yours is not the Community Edition"#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"model = { cpus = "1ms" }"#,
            message: r#"t.toml:5: [function.model]: cpus is not a known key
  hint: did you mean "cpu"?"#,
        },
        Case {
            instead_of: r#"query = "number=50""#,
            write: r#"model = { workers = 0, wait_cv = inf, cpu = "-1ms" }"#,
            message: r#"t.toml:5: [function.model]: cpu = "-1ms" is negative
  hint: a duration is at least 0
t.toml:5: [function.model]: wait_cv = inf is out of range
  hint: allowed is a number from 0 to 100; the default is 0.0
t.toml:5: [function.model]: workers = 0 is out of range
  hint: allowed is a whole number from 1 to 10000 (threads); the default is 4"#,
        },
        Case {
            instead_of: r#"name = "t""#,
            write: r#"name = "t/u""#,
            message: r#"t.toml:1: name = "t/u" has a slash in it, but it names files
  hint: use letters, digits, hyphens, underscores and dots, at most 64, beginning with a letter or digit"#,
        },
    ]);
}

#[test]
fn a_slow_function_needs_an_objective_of_its_own() {
    let text = GOOD
        .replace("ftest", "sleepy")
        .replace("number=50", "number=5")
        .replace("[slo]\nlatency = \"75ms\"\npercentile = 95\n", "");
    insta::assert_snapshot!(problems(study_of(&text)), @r#"
    t.toml: [slo]: latency is not given, and only ftest has a default
      hint: write [slo] and latency = "...": how fast "sleepy" should answer
    "#);
}

#[test]
fn sleepy_waits_for_what_its_query_says() {
    let text = GOOD.replace("ftest", "sleepy").replace("number=50\"", "number=0.75\"\nmodel = { wait = \"2s\" }");
    insta::assert_snapshot!(problems(study_of(&text)), @r#"
    t.toml:6: [function.model]: wait = "2s" is not the 750ms of the query, and sleepy waits for that
      hint: leave it out, or change [function] query
    "#);
    assert_eq!(problems(study_of(&text.replace("\"2s\"", "\"0.75s\""))), "no problem");
}
