//! What `[kubernetes]` says of the pods that make a load (`--load-pods`), and whether a study can be made by some.

use crate::drive::live::target::kubernetes::pods::Site;
use crate::drive::live::target::rest::check_address;
use crate::study::plan::Study;
use crate::study::problem::Problem;
use crate::study::scenario::Section;

use super::kubernetes::is_name;

/// What a `ConfigMap` may hold is 1 MiB, with some room for the rest of it.
const SCENARIO_MAX: usize = 1_000_000;

/// Where pods are to be and what they reach.
pub(super) fn site(section: &Section, problems: &mut Vec<Problem>) -> Site {
    let settings = &section.settings;
    let text = |key: &str| Some(settings.text(key).to_owned()).filter(|text| !text.is_empty());
    if text("load_namespace").is_some_and(|name| !is_name(&name)) {
        let hint = "use small letters, digits and hyphens";
        problems.push(section.problem("load_namespace", "is no name of Kubernetes'", hint));
    }
    if let Err(error) = check_address(settings.text("load_gateway")) {
        let error = error.to_string();
        let (what, hint) = error.split_once("\n  hint: ").unwrap_or((&error, "write http://HOST:PORT"));
        problems.push(section.problem("load_gateway", format!("can't be used: {what}"), hint));
    }
    Site {
        image: text("load_image"),
        namespace: text("load_namespace"),
        gateway: settings.text("load_gateway").trim_end_matches('/').to_owned(),
        ready_within: settings.duration("load_ready_within"),
    }
}

/// Why pods can't make the load of this study on a cluster, with what to do, if so.
pub fn objection(study: &Study) -> Option<(String, &'static str)> {
    if study.resolved_toml() != study.resolved_without_secrets() {
        let hint = "leave them out of the loads' flags: pods are told the scenario by a ConfigMap, which anybody there may read";
        return Some(("would hand credentials of the scenario to the cluster".to_owned(), hint));
    }
    if study.generators.iter().any(|generator| matches!(generator.schedule, crate::drive::SchedulePlan::Trace(..))) {
        let hint = "send shards from machines that have the file, with --shard (docs/shards.md)";
        return Some(("has a trace among its loads, whose file pods don't have".to_owned(), hint));
    }
    if study.resolved_toml().len() > SCENARIO_MAX {
        return Some(("has a scenario that no ConfigMap holds".to_owned(), "make it shorter than 1 MB"));
    }
    None
}
