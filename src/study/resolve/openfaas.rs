//! `[openfaas]`: where a gateway is and how to be let in. Looked at closely only where it is used: on `--target openfaas`, and on
//! `--target kubernetes` for what goes through the gateway.

use std::path::{Path, PathBuf};

use crate::drive::live::target::guest::SecretSource;
use crate::drive::live::target::openfaas::Access;
use crate::drive::live::target::rest;
use crate::drive::{GeneratorPlan, Trust};
use crate::study::problem::Problem;
use crate::study::scenario::{Scenario, Section};

/// The keys that each name a place of a secret.
pub(super) const PLACES: [&str; 4] = ["password_file", "password_env", "token_file", "token_env"];

/// The way to the gateway that a scenario names.
pub(super) fn access(scenario: &Scenario, problems: &mut Vec<Problem>) -> Access {
    of_section(&scenario.openfaas, &scenario.directory, problems)
}

/// The access that an `[openfaas]` describes; relative paths start from `directory`.
pub(in crate::study) fn of_section(section: &Section, directory: &Path, problems: &mut Vec<Problem>) -> Access {
    let settings = &section.settings;
    let text = |key: &str| Some(settings.text(key).to_owned()).filter(|text| !text.is_empty());
    // what a killed run noted is read from any directory
    let path = |key: &str| {
        let file = text(key).map(|file| directory.join(file))?;
        Some(std::path::absolute(&file).unwrap_or(file))
    };
    let access = Access {
        gateway: settings.text("gateway").trim_end_matches('/').to_owned(),
        metrics: text("metrics"),
        alertmanager: text("alertmanager"),
        namespace: settings.text("namespace").to_owned(),
        secret: secret(section, &path, problems),
        ca_file: path("ca_file"),
        ready_within: settings.duration("ready_within"),
        restore_within: settings.duration("restore_within"),
    };
    if let Err(error) = access.secret.read() {
        let key = PLACES.into_iter().find(|key| section.is_given(key)).unwrap_or("password_file");
        let hint =
            "faas-cli login shows where it is kept; the chart keeps it in the secret basic-auth, namespace openfaas";
        problems.push(section.problem(key, format!("holds no secret: {error}"), hint));
    }
    if let Err(error) = access.trust() {
        problems.push(section.problem("ca_file", format!("names no certificates: {error}"), "name a PEM file"));
    }
    for key in ["gateway", "metrics", "alertmanager"] {
        if let Some(url) = text(key)
            && let Err(error) = rest::check_address(&url)
        {
            let error = error.to_string();
            let (what, hint) = error.split_once("\n  hint: ").unwrap_or((&error, "write http://HOST:PORT"));
            let problem = section.problem(key, format!("can't be used: {what}"), hint);
            let shown = rest::shown_address(&url);
            problems.push(if shown == url { problem } else { problem.value(format!("{shown:?}")) });
        }
    }
    access
}

fn secret(section: &Section, path: &dyn Fn(&str) -> Option<PathBuf>, problems: &mut Vec<Problem>) -> SecretSource {
    let given: Vec<&str> = PLACES.into_iter().filter(|key| section.is_given(key)).collect();
    if let [first, second, ..] = given.as_slice() {
        let what = format!("is one place of a secret too many: {first} is another");
        problems.push(section.problem(second, what, "leave one of them out"));
    }
    let user = section.settings.text("user").to_owned();
    let text = |key: &str| section.settings.text(key).to_owned();
    match given.first() {
        Some(&"password_file") => SecretSource::PasswordFile { user, file: path("password_file").unwrap_or_default() },
        Some(&"password_env") => SecretSource::PasswordEnv { user, variable: text("password_env") },
        Some(&"token_file") => SecretSource::TokenFile { file: path("token_file").unwrap_or_default() },
        Some(&"token_env") => SecretSource::TokenEnv { variable: text("token_env") },
        _ => SecretSource::None,
    }
}

/// Somebody's gateway is trusted as `[openfaas]` says, by the load and by probes too: hey verifies nothing, but a run that sends
/// passwords there had better.
pub(super) fn trust(access: &Access, generators: &mut [GeneratorPlan]) {
    let trust = access.trust().unwrap_or(Trust::System);
    for generator in generators {
        generator.request.client.trust = trust.clone();
    }
}
