//! The keys of `[openfaas]`: somebody's gateway, for `--target openfaas` and for what goes through it on `--target kubernetes`.

use std::time::Duration;

use crate::drive::live::target::DEFAULT_NAMESPACE;
use crate::drive::live::target::openfaas::Access;
use crate::drive::live::target::rest::Credentials;
use crate::policy::settings::Parameter;

use super::keys::{duration, text};

/// Keys of `[openfaas]`: somebody's gateway, for `--target openfaas`.
pub(super) fn openfaas() -> Vec<Parameter> {
    let access = Access::default();
    vec![
        text("gateway", "http://127.0.0.1:8080", "base address of the gateway"),
        text("metrics", "", "base address of the gateway's metrics (its port 8082), for policies that read counters"),
        text(
            "alertmanager",
            "",
            "base address of the Alertmanager, whose alert of the function is silenced while an arm of this program scales; not given: the platform's own autoscaler goes on scaling",
        ),
        text("namespace", DEFAULT_NAMESPACE, "where the functions live"),
        text("user", Credentials::USER, "whose password it is"),
        text("password_file", "", "file that holds the gateway's password; relative paths start from the scenario"),
        text("password_env", "", "variable of the environment that holds the gateway's password"),
        text("token_file", "", "file that holds a bearer token instead of a password"),
        text("token_env", "", "variable of the environment that holds a bearer token instead of a password"),
        text("alertmanager_user", Credentials::USER, "whose password at the Alertmanager it is"),
        text(
            "alertmanager_password_file",
            "",
            "file that holds the Alertmanager's password, where one is asked for; relative paths start from the scenario",
        ),
        text("alertmanager_password_env", "", "variable of the environment that holds the Alertmanager's password"),
        text(
            "alertmanager_token_file",
            "",
            "file that holds a bearer token for the Alertmanager instead of a password",
        ),
        text(
            "alertmanager_token_env",
            "",
            "variable of the environment that holds a bearer token for the Alertmanager instead of a password",
        ),
        text(
            "ca_file",
            "",
            "PEM file of the authorities that vouch for the gateway's certificate and the Alertmanager's; this machine's own if not given",
        ),
        duration(
            "ready_within",
            Duration::from_secs(1),
            Duration::from_secs(3_600),
            access.ready_within,
            "how long the function may take to have the replicas a run begins with",
        ),
        duration(
            "restore_within",
            Duration::from_secs(1),
            Duration::from_secs(3_600),
            access.restore_within,
            "how long putting everything back as it was is tried at the end of a run",
        ),
        duration(
            "write_timeout",
            Duration::from_secs(1),
            Duration::from_secs(3_600),
            access.write_timeout,
            "the gateway's own write timeout (gateway.writeTimeout of the chart): a scaling without an answer is waited for so long before anything is put back",
        ),
    ]
}
