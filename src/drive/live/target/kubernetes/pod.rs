//! The way to a cluster from inside one of its pods: the API server's address from the environment, who one is from the folder of a
//! service account.
//!
//! Read here and not by kube's own hand, since that folder may be elsewhere (a projected token, a shell into a pod's volumes, a test).
//! The token is read anew by the client each minute and after it was refused, the certificates each minute.

use std::env;
use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

/// Where every pod has its service account, unless it is told not to.
const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The variable of the environment that names another folder.
pub(super) const FOLDER_VARIABLE: &str = "WATCHTOWER_SERVICE_ACCOUNT";

/// The way from the environment of this process.
///
/// # Errors
/// With what is missing, when this is no pod of a cluster.
pub(super) async fn config() -> Result<Config, String> {
    let folder = env::var_os(FOLDER_VARIABLE).map_or_else(|| PathBuf::from(FOLDER), PathBuf::from);
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let host = variable("KUBERNETES_SERVICE_HOST")?;
    let port = variable("KUBERNETES_SERVICE_PORT")?;
    from(&server(&host, &port), &folder).await
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(|| format!("{name} is not set"))
}

/// An address with colons of its own stands in brackets.
fn server(host: &str, port: &str) -> String {
    if host.contains(':') { format!("https://[{host}]:{port}") } else { format!("https://{host}:{port}") }
}

async fn from(server: &str, folder: &Path) -> Result<Config, String> {
    let authorities = folder.join("ca.crt");
    // where pods have no namespace of their own to tell, none is needed: each object here is named with its own
    let namespace = std::fs::read_to_string(folder.join("namespace")).unwrap_or_default();
    for file in [folder.join("token"), authorities.clone()] {
        std::fs::metadata(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "pod",
        "clusters": [{ "name": "pod", "cluster": { "server": server, "certificate-authority": authorities } }],
        "users": [{ "name": "pod", "user": { "tokenFile": folder.join("token") } }],
        "contexts": [{ "name": "pod", "context": {
            "cluster": "pod", "user": "pod", "namespace": Some(namespace.trim()).filter(|name| !name.is_empty()),
        } }],
    });
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig).map_err(|error| error.to_string())?;
    let read = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = read.map_err(|error| format!("{server}, {}: {error}", folder.display()))?;
    config.root_cert_file = Some(authorities);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_sixth_version_stands_in_brackets() {
        assert_eq!(server("10.96.0.1", "443"), "https://10.96.0.1:443");
        assert_eq!(server("fd00::1", "6443"), "https://[fd00::1]:6443");
    }

    #[tokio::test]
    async fn a_service_account_has_a_token_file_its_authorities_and_a_namespace() {
        let folder = tempfile::tempdir().unwrap();
        let certificate = rcgen::generate_simple_self_signed(vec!["10.96.0.1".to_owned()]).unwrap();
        for (name, text) in [("ca.crt", certificate.cert.pem()), ("namespace", "openfaas\n".to_owned())] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let missing = from("https://10.96.0.1:443", folder.path()).await.unwrap_err();
        assert!(missing.contains("token"), "{missing}");
        std::fs::write(folder.path().join("token"), "canary").unwrap();
        let config = from("https://10.96.0.1:443", folder.path()).await.unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://10.96.0.1:443/");
        assert_eq!((config.default_namespace.as_str(), config.accept_invalid_certs), ("openfaas", false));
        assert_eq!(config.root_cert_file, Some(folder.path().join("ca.crt")));
        assert!(config.root_cert.is_some_and(|certificates| certificates.len() == 1));
        assert_eq!(config.auth_info.token_file, Some(folder.path().join("token").display().to_string()));
    }
}
