//! The keys of `[kubernetes]`: somebody's cluster, for `--target kubernetes`. What goes through its gateway is in `[openfaas]`.

use crate::policy::settings::{Kind, Parameter, Value};

use super::keys::text;

/// Words for what is done about the platform's own autoscaler while an arm of this program scales.
pub(in crate::study) const ISOLATIONS: [&str; 3] = ["alertmanager-off", "alert-silenced", "none"];

/// Of these keys, those that say which cluster it is: all that a sidecar needs.
pub(super) fn way() -> Vec<Parameter> {
    vec![
        text(
            "kubeconfig",
            "",
            "kubeconfig file; relative paths start from the scenario; KUBECONFIG or ~/.kube/config if not given, and the service account inside a pod",
        ),
        text("context", "", "context of the kubeconfig; its current one if not given"),
    ]
}

/// Keys of `[kubernetes]`: somebody's cluster, for `--target kubernetes`.
pub(super) fn kubernetes() -> Vec<Parameter> {
    let mut keys = way();
    keys.extend([
        Parameter {
            name: "isolation",
            kind: Kind::Choice(&ISOLATIONS),
            default: Value::Text(ISOLATIONS[0]),
            unit: "",
            doc: "how the platform's own autoscaler is kept from scaling while an arm of this program does: its Alertmanager is scaled to 0, or the function's alert is silenced there (needs alertmanager in [openfaas])",
        },
        text("alertmanager", "alertmanager", "Deployment of the Alertmanager"),
        text("alertmanager_namespace", "openfaas", "where it lives"),
    ]);
    keys
}
