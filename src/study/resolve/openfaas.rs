//! `[openfaas]`: where a gateway is and how to be let in. Looked at closely only where it is used: on `--target openfaas`, and on
//! `--target kubernetes` for what goes through the gateway.

use std::path::{Path, PathBuf};

use crate::drive::live::target::guest::{Alertmanager, SecretSource};
use crate::drive::live::target::openfaas::Access;
use crate::drive::live::target::rest;
use crate::drive::{GeneratorPlan, Trust};
use crate::study::problem::Problem;
use crate::study::scenario::{Scenario, Section};

/// The keys by which somebody is let in: each of the places names one secret, and one of them will do.
struct Keys {
    user: &'static str,
    places: [&'static str; 4],
    /// Where such a secret is found.
    hint: &'static str,
}

/// The keys that each name a place of the gateway's secret.
pub(super) const PLACES: [&str; 4] = ["password_file", "password_env", "token_file", "token_env"];

const OF_THE_GATEWAY: Keys = Keys {
    user: "user",
    places: PLACES,
    hint: "faas-cli login shows where it is kept; the chart keeps it in the secret basic-auth, namespace openfaas",
};

const OF_THE_ALERTMANAGER: Keys = Keys {
    user: "alertmanager_user",
    places: [
        "alertmanager_password_file",
        "alertmanager_password_env",
        "alertmanager_token_file",
        "alertmanager_token_env",
    ],
    hint: "it is the one of its --web.config.file, or of the proxy before it",
};

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
    let alertmanager_secret = secret(section, &OF_THE_ALERTMANAGER, &path, problems);
    let alertmanager = text("alertmanager");
    if let (None, Some(key)) = (&alertmanager, OF_THE_ALERTMANAGER.given(section)) {
        let hint = "write alertmanager = \"http://HOST:9093\" too, or leave it out";
        problems.push(section.problem(key, "lets in nowhere: no Alertmanager is named", hint));
    }
    let access = Access {
        gateway: settings.text("gateway").trim_end_matches('/').to_owned(),
        metrics: text("metrics"),
        alertmanager: alertmanager.map(|address| Alertmanager { address, secret: alertmanager_secret }),
        namespace: settings.text("namespace").to_owned(),
        secret: secret(section, &OF_THE_GATEWAY, &path, problems),
        ca_file: path("ca_file"),
        ready_within: settings.duration("ready_within"),
        restore_within: settings.duration("restore_within"),
        write_timeout: settings.duration("write_timeout"),
    };
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

impl Keys {
    /// The first of the places that is given.
    fn given(&self, section: &Section) -> Option<&'static str> {
        self.places.into_iter().find(|key| section.is_given(key))
    }
}

/// The place of a secret, which has one by now.
fn secret(
    section: &Section,
    keys: &Keys,
    path: &dyn Fn(&str) -> Option<PathBuf>,
    problems: &mut Vec<Problem>,
) -> SecretSource {
    let Some(first) = keys.given(section) else { return SecretSource::None };
    if let Some(second) = keys.places.into_iter().find(|key| *key != first && section.is_given(key)) {
        let what = format!("is one place of a secret too many: {first} is another");
        problems.push(section.problem(second, what, "leave one of them out"));
    }
    let (user, variable) = (section.settings.text(keys.user).to_owned(), section.settings.text(first).to_owned());
    let file = path(first).unwrap_or_default();
    let [password_file, password_env, token_file, _] = keys.places;
    let source = match first {
        key if key == password_file => SecretSource::PasswordFile { user, file },
        key if key == password_env => SecretSource::PasswordEnv { user, variable },
        key if key == token_file => SecretSource::TokenFile { file },
        _ => SecretSource::TokenEnv { variable },
    };
    if let Err(error) = source.read() {
        problems.push(section.problem(first, format!("holds no secret: {error}"), keys.hint));
    }
    source
}

/// Somebody's gateway is trusted as `[openfaas]` says, by the load and by probes too: hey verifies nothing, but a run that sends
/// passwords there had better.
pub(super) fn trust(access: &Access, generators: &mut [GeneratorPlan]) {
    let trust = access.trust().unwrap_or(Trust::System);
    for generator in generators {
        generator.request.client.trust = trust.clone();
    }
}
