//! `[kubernetes]`: which cluster, and what is done there about the platform's own autoscaler.

use std::path::Path;

use crate::drive::live::target::kubernetes::{Access, Isolation, Place, Way};
use crate::study::problem::Problem;
use crate::study::scenario::{ISOLATIONS, Scenario, Section};

use super::{load_pods, openfaas};

/// Whether Kubernetes takes this for the name of an object.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The way to the cluster that a `[kubernetes]` names; relative paths start from `directory`.
pub(in crate::study) fn way_of_section(section: &Section, directory: &Path, problems: &mut Vec<Problem>) -> Way {
    let text = |key: &str| Some(section.settings.text(key).to_owned()).filter(|text| !text.is_empty());
    let kubeconfig = text("kubeconfig").map(|file| directory.join(file));
    if let Some(file) = kubeconfig.as_ref().filter(|file| !file.is_file()) {
        let what = format!("names no file: there is no {}", file.display());
        let hint = "name a kubeconfig, or leave it out to take that of kubectl";
        problems.push(section.problem("kubeconfig", what, hint));
    }
    // what a killed run noted is read from any directory
    let kubeconfig = kubeconfig.map(|file| std::path::absolute(&file).unwrap_or(file).display().to_string());
    Way { kubeconfig, context: text("context") }
}

/// The access of a study on `--target kubernetes`. Whether the cluster can be reached shows when a run begins.
pub(super) fn access(scenario: &Scenario, problems: &mut Vec<Problem>) -> Access {
    let section = &scenario.kubernetes;
    let settings = &section.settings;
    let way = way_of_section(section, &scenario.directory, problems);
    let gateway = openfaas::access(scenario, problems);
    let isolation = match settings.word("isolation") {
        word if word == ISOLATIONS[0] => Isolation::Scale,
        word if word == ISOLATIONS[1] => Isolation::Silence,
        _ => Isolation::Nothing,
    };
    if isolation == Isolation::Silence && gateway.alertmanager.is_none() {
        let hint = "write [openfaas] and alertmanager = \"http://HOST:9093\", its address from here";
        problems.push(section.problem("isolation", "needs the address of the Alertmanager", hint));
    }
    for key in ["alertmanager", "alertmanager_namespace"] {
        if !is_name(settings.text(key)) {
            problems.push(section.problem(key, "is no name of Kubernetes'", "use small letters, digits and hyphens"));
        }
    }
    let place = |namespace: &str, deployment: &str| Place {
        namespace: settings.text(namespace).to_owned(),
        deployment: settings.text(deployment).to_owned(),
    };
    let load = load_pods::site(section, problems);
    Access { way, gateway, isolation, alertmanager: place("alertmanager_namespace", "alertmanager"), load }
}
