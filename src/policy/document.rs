//! The policies as a page to read: the registry's table as Markdown, so that what is documented is what is there.
//!
//! Text from a table and nothing else; who writes it to a file is above.

use std::fmt::Write as _;

use super::registry::PolicyInfo;
use super::settings::Parameter;

const HEAD: &str = "\
# Policies

<!-- Made from the program's own table (src/policy/registry.rs). To change this page change the table, then run
     UPDATE_DOCS=1 cargo test --test it policies_document -->

An arm of a scenario names one of these and may set what its table lists; what it does not set has its default.

```toml
[[arm]]
name = \"patient\"
policy = \"watchtower\"
scale_up_rounds = 4
```

Durations are texts with a unit (`\"1s\"`, `\"1m30s\"`); fractions are numbers, 0.2 for 20 %.
";

/// The page docs/policies.md: each policy with its summary and its settings.
pub fn markdown(policies: &[PolicyInfo]) -> String {
    let mut page = HEAD.to_owned();
    for policy in policies {
        let parameters = (policy.parameters)();
        push(&mut page, format_args!("\n## {}\n\n{}.\n", policy.name, capitalised(policy.summary)));
        if parameters.is_empty() {
            push(&mut page, format_args!("\nIt has no settings.\n"));
            continue;
        }
        page.push_str(
            "\n| setting | what it may be | default | unit | what it does |\n| --- | --- | --- | --- | --- |\n",
        );
        for parameter in &parameters {
            row(&mut page, parameter);
        }
        let mut searched: Vec<String> = (policy.tuning)().iter().map(|one| format!("`{}`", one.name)).collect();
        searched.dedup();
        if !searched.is_empty() {
            push(&mut page, format_args!("\n`watchtower tune` searches {}.\n", searched.join(", ")));
        }
    }
    page
}

fn row(page: &mut String, parameter: &Parameter) {
    let Parameter { name, kind, default, unit, doc } = parameter;
    let kind = cell(&kind.to_string());
    push(page, format_args!("| `{name}` | {kind} | `{default}` | {} | {} |\n", cell(unit), cell(doc)));
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    // a String takes everything
    let _ = page.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::registry::{POLICIES, Scaler};
    use crate::policy::settings::{Kind, Settings, Value};
    use crate::policy::{Context, Policy, fixed, objection};

    fn build(settings: &Settings, context: &Context) -> Box<dyn Policy> {
        fixed::build(settings, context)
    }

    #[test]
    fn a_policy_is_its_summary_and_a_row_per_setting() {
        let wait = || {
            vec![Parameter {
                name: "wait",
                kind: Kind::Choice(&["a|b", "c"]),
                default: Value::Text("c"),
                unit: "",
                doc: "what for",
            }]
        };
        let policies = [
            PolicyInfo {
                name: "one",
                summary: "the first one",
                probes: false,
                parameters: wait,
                tuning: Vec::new,
                objection: objection::none,
                build,
                scaler: Scaler::Policy,
            },
            PolicyInfo {
                name: "two",
                summary: "the other",
                probes: false,
                parameters: Vec::new,
                tuning: Vec::new,
                objection: objection::none,
                build,
                scaler: Scaler::Policy,
            },
        ];
        let page = markdown(&policies);
        insta::assert_snapshot!(page.strip_prefix(HEAD).unwrap(), @r#"
        ## one

        The first one.

        | setting | what it may be | default | unit | what it does |
        | --- | --- | --- | --- | --- |
        | `wait` | "a\|b" or "c" | `"c"` |  | what for |

        ## two

        The other.

        It has no settings.
        "#);
    }

    #[test]
    fn every_setting_of_every_policy_is_on_the_page() {
        let page = markdown(POLICIES);
        for policy in POLICIES {
            assert!(page.contains(&format!("\n## {}\n", policy.name)));
            for parameter in (policy.parameters)() {
                assert!(page.contains(&format!("\n| `{}` | ", parameter.name)), "{}", parameter.name);
            }
        }
    }
}
