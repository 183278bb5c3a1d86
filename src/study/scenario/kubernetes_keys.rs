//! The keys of `[kubernetes]`: somebody's cluster, for `--target kubernetes`. What goes through its gateway is in `[openfaas]`.

use std::time::Duration;

use crate::policy::settings::{Kind, Parameter, Value};

use super::keys::{duration, text};

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
        text("load_image", "", "image of this program, for the pods of --load-pods"),
        text("load_namespace", "", "namespace of these pods; that of the functions if not given"),
        text("load_gateway", "http://gateway.openfaas:8080", "the gateway as these pods reach it"),
        duration(
            "load_ready_within",
            Duration::from_secs(1),
            Duration::from_secs(3_600),
            Duration::from_secs(60),
            "time from asking for these pods to the warm-up of the first run: images have to be there by then",
        ),
    ]);
    keys
}
