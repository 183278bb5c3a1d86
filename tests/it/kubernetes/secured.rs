//! The way to an API server by TLS: verified unless told otherwise, with a token or a certificate, from outside and from inside a pod.

use std::fs;
use std::net::SocketAddr;
use std::process::Output;

use rcgen::ExtendedKeyUsagePurpose::ClientAuth;

use super::super::autoscale::running::{Running, until};
use super::api::TOKEN;
use super::door::{self, Authority};
use super::sidecar::Yard;
use super::{FIXED, FUNCTIONS, House, succeeded, text};

impl House {
    /// A kubeconfig that leads to this door; `cluster` and `user` are what it says of them besides.
    fn leads_to(&self, door: SocketAddr, cluster: &str, user: &str) {
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: lab\nclusters:\n- name: lab\n  cluster:\n    server: https://{door}\n{cluster}\
             contexts:\n- name: lab\n  context: {{cluster: lab, user: tester}}\nusers:\n- name: tester\n  user:\n{user}"
        );
        self.write("kubeconfig", &kubeconfig);
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).expect("a file");
    }

    /// Once more, into the same directory.
    fn run_again(&self) -> Output {
        let _ = fs::remove_dir_all(self.dir.path().join("out"));
        self.run()
    }
}

#[test]
fn a_certificate_is_verified_by_default_and_one_of_a_strange_authority_is_refused_with_what_to_look_at() {
    let house = House::new();
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    let (own, strange) = (Authority::new(), Authority::new());
    let door = door::open(house.api.address, &own, None);
    house.write("ca.pem", &own.pem());
    house.write("strange.pem", &strange.pem());
    let token = format!("    token: {TOKEN}\n");
    // by this machine's own authorities, and by another cluster's
    for authorities in ["", "    certificate-authority: strange.pem\n"] {
        house.leads_to(door, authorities, &token);
        let output = house.run_again();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in ["invalid peer certificate", "are the authorities of the kubeconfig"] {
            assert!(said.contains(part), "{part}:\n{said}");
        }
        assert!(!said.contains(TOKEN), "{said}");
        assert_eq!(house.api.calls(), Vec::<String>::new());
    }
    house.leads_to(door, "    certificate-authority: ca.pem\n", &token);
    succeeded(&house.run_again());
    house.is_as_before();
}

#[test]
fn who_has_no_token_may_show_a_certificate() {
    let house = House::new();
    house.scenario("-z 1s -c 2 -q 5", FIXED, "");
    let (own, clients) = (Authority::new(), Authority::new());
    let door = door::open(house.api.address, &own, Some(&clients));
    house.api.weather(|weather| weather.certified = true);
    let (certificate, key) = clients.vouches_for("tester", ClientAuth);
    let (strange, strange_key) = Authority::new().vouches_for("tester", ClientAuth);
    for (name, text) in [
        ("ca.pem", own.pem()),
        ("tester.pem", certificate.pem()),
        ("tester.key", key.serialize_pem()),
        ("strange.pem", strange.pem()),
        ("strange.key", strange_key.serialize_pem()),
    ] {
        house.write(name, &text);
    }
    let shown = |name: &str| format!("    client-certificate: {name}.pem\n    client-key: {name}.key\n");
    house.leads_to(door, "    certificate-authority: ca.pem\n", &shown("strange"));
    let output = house.run_again();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("the API server could not be asked"), "{}", text(&output.stderr));
    assert_eq!(house.api.calls(), Vec::<String>::new());
    house.leads_to(door, "    certificate-authority: ca.pem\n", &shown("tester"));
    succeeded(&house.run_again());
    house.is_as_before();
}

#[test]
fn a_pod_finds_its_cluster_by_its_service_account_and_takes_a_new_token_when_the_old_one_is_refused() {
    let yard = Yard::new(1, &[1]);
    let own = Authority::new();
    let door = door::open(yard.api.address, &own, None);
    let account = yard.path("serviceaccount");
    fs::create_dir(&account).expect("a folder");
    let put = |name: &str, text: &str| fs::write(account.join(name), text).expect("a file");
    put("ca.crt", &own.pem());
    put("namespace", "openfaas");
    put("token", &format!("{TOKEN}-old"));
    yard.write("sidecar.toml", &yard.toml("lease = \"3s\"", "policy = \"fixed\"\nreplicas = 3"));
    let mut command = yard.command("nobody", &["--config", "sidecar.toml"]);
    command.env_remove("KUBECONFIG").env("WATCHTOWER_SERVICE_ACCOUNT", &account);
    command.env("KUBERNETES_SERVICE_HOST", door.ip().to_string());
    command.env("KUBERNETES_SERVICE_PORT", door.port().to_string());
    let running = Running::begin(command);
    until("it scales", || yard.api.replicas(FUNCTIONS, "ftest") == 3);
    assert_eq!(yard.api.ledger().by(&format!("{TOKEN}-old")), [3]);

    put("token", &format!("{TOKEN}-new"));
    yard.api.weather(|weather| weather.revoked.extend([format!("{TOKEN}-old")]));
    until("it renews with the new one", || yard.api.ledger().reigns.contains(&format!("{TOKEN}-new")));
    assert!(running.get("/metrics").contains("watchtower_autoscale_leader{function=\"ftest\"} 1"));
    let heard = running.ends(nix::sys::signal::Signal::SIGTERM).1;
    assert!(!heard.contains(TOKEN), "{heard}");
}

#[test]
fn what_is_no_pod_and_has_no_kubeconfig_is_told_what_to_name() {
    let yard = Yard::new(1, &[1]);
    yard.write("sidecar.toml", &yard.toml("", "policy = \"fixed\""));
    let mut command = yard.command("nobody", &["--config", "sidecar.toml"]);
    command.env_remove("KUBECONFIG").env_remove("KUBERNETES_SERVICE_HOST");
    let output = command.output().expect("it starts");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in ["no way to a cluster", "KUBERNETES_SERVICE_HOST is not set", "set KUBECONFIG"] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
}
