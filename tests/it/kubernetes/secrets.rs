//! However a kubeconfig lets a run in, what lets it in is written nowhere: in no result, log, message, journal, Lease or annotation.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Child;

use nix::sys::signal::Signal;
use watchtower::drive::live::target::rest::Credentials;

use super::super::canaries::{are_nowhere, not_below, not_in};
use super::super::openfaas::alertmanager::Alertmanager;
use super::api::TOKEN;
use super::restore::signal;
use super::{FIXED, House, text};

/// Where they may be: the files that hold them for the tests.
const OWN: [&str; 4] = ["kubeconfig", "token", "key.pem", "plugin"];
const RUN: [&str; 6] = ["run", "guest.toml", "--target", "kubernetes", "--out", "out"];

/// A way to be let in: the user's part of a kubeconfig, and what must turn up nowhere.
struct Entry {
    name: &'static str,
    user: String,
    secrets: Vec<String>,
}

const ENTRIES: usize = 6;

fn entries(house: &House) -> [Entry; ENTRIES] {
    let place = |name: &str| house.dir.path().join(name).display().to_string();
    fs::write(place("token"), TOKEN).expect("a file");
    let plugin = format!(
        "#!/bin/sh\necho '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"{TOKEN}\"}}}}'\n"
    );
    fs::write(place("plugin"), plugin).expect("a file");
    fs::set_permissions(place("plugin"), fs::Permissions::from_mode(0o700)).expect("allowed");
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate =
        rcgen::CertificateParams::new(Vec::new()).expect("a certificate").self_signed(&key).expect("signed");
    fs::write(place("key.pem"), key.serialize_pem()).expect("a file");
    fs::write(place("cert.pem"), certificate.pem()).expect("a file");
    let in_the_key = key.serialize_pem().lines().nth(1).expect("a line of it").to_owned();
    let coded = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    let coded_key = coded(&key.serialize_pem());
    let token = TOKEN.to_owned();
    [
        Entry { name: "token", user: format!("token: {TOKEN}"), secrets: vec![token.clone()] },
        Entry { name: "token file", user: format!("tokenFile: {}", place("token")), secrets: vec![token.clone()] },
        Entry { name: "password", user: format!("username: tester, password: {TOKEN}"), secrets: vec![token.clone()] },
        Entry {
            name: "plugin",
            user: format!(
                "exec: {{apiVersion: client.authentication.k8s.io/v1, command: {}, interactiveMode: Never}}",
                place("plugin")
            ),
            secrets: vec![token.clone()],
        },
        // whoever has a certificate is let in by its key; the stand-in, which speaks no TLS, by the token beside it
        Entry {
            name: "key",
            user: format!(
                "client-certificate-data: {}, client-key-data: {coded_key}, token: {TOKEN}",
                coded(&certificate.pem())
            ),
            secrets: vec![token.clone(), in_the_key.clone(), coded_key[40..80].to_owned()],
        },
        Entry {
            name: "key file",
            user: format!(
                "client-certificate: {}, client-key: {}, token: {TOKEN}",
                place("cert.pem"),
                place("key.pem")
            ),
            secrets: vec![token, in_the_key],
        },
    ]
}

fn written(house: &House, user: &str, server: &str) {
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: lab\n  cluster: {{server: \"{server}\"}}\ncontexts:\n- name: lab\n  context: {{cluster: lab, user: tester}}\n\
         users:\n- name: tester\n  user: {{{user}}}\n"
    );
    fs::write(house.dir.path().join("kubeconfig"), kubeconfig).expect("a file");
}

fn house() -> House {
    let house = House::new();
    house.scenario_with("-z 60s -c 2 -q 5", FIXED, "restore_within = \"1s\"", "");
    house
}

fn command(house: &House, args: &[&str]) -> std::process::Command {
    let mut command = house.command(args);
    command.env("WATCHTOWER_LOG", "trace");
    command
}

/// Starts a run; all that it says goes to a file, since nobody reads it meanwhile.
fn start(house: &House) -> Child {
    let log = fs::File::create(house.dir.path().join("said.log")).expect("a file");
    command(house, &RUN).stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("the program starts")
}

/// Nothing that was said, written or kept in the cluster holds a secret.
#[track_caller]
fn nothing_told(house: &House, secrets: &[&str]) {
    assert!(not_below(house.dir.path(), &OWN, secrets) > 1);
    nothing_told_by_objects(house, secrets);
}

#[track_caller]
fn nothing_told_by_objects(house: &House, secrets: &[&str]) {
    let objects = house.api.store().lock();
    for object in objects.all.values().chain(objects.changes.iter().map(|change| &change.object)) {
        not_in("an object", &object.to_string(), secrets);
    }
}

/// Does it for each way to be let in, in a house of its own: with its name and what must turn up nowhere.
fn by_each_way(test: impl Fn(&House, &str, &[&str])) {
    for index in 0..ENTRIES {
        let house = house();
        let Entry { name, user, secrets } = entries(&house).into_iter().nth(index).expect("a way");
        written(&house, &user, &format!("http://{}", house.api.address));
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        test(&house, name, &secrets);
    }
}

#[test]
fn runs_that_are_killed_put_back_and_ended_tell_nothing_of_what_lets_them_in() {
    by_each_way(|house, name, secrets| {
        let mut child = start(house);
        house.until_under_way("three-1");
        signal(&child, Signal::SIGKILL);
        child.wait().expect("it ends");
        assert_eq!(house.debts(), 1, "{name}");
        nothing_told(house, secrets);
        let restored = command(house, &["restore"]).output().expect("the program starts");
        assert_eq!(restored.status.code(), Some(0), "{name}: {}", text(&restored.stderr));
        are_nowhere(&restored, house.dir.path(), &OWN, secrets);
        house.is_as_before();

        fs::remove_dir_all(house.dir.path().join("out")).expect("removed");
        house.scenario("-z 500ms -c 1 -q 5", FIXED, "");
        let output = command(house, &RUN).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
        assert!(house.dir.path().join("out/report.html").exists());
        are_nowhere(&output, house.dir.path(), &OWN, secrets);
        nothing_told(house, secrets);
        house.is_as_before();
    });
}

#[test]
fn a_run_that_is_let_in_no_longer_tells_nothing_of_what_let_it_in() {
    by_each_way(|house, name, secrets| {
        let mut child = start(house);
        house.until_under_way("three-1");
        house.api.weather(|weather| weather.expired = true);
        signal(&child, Signal::SIGTERM);
        let code = child.wait().expect("it ends").code();
        assert_eq!((code, house.debts()), (Some(1), 1), "{name}");
        nothing_told(house, secrets);
    });
}

/// What lets in to the Alertmanager.
const ALERT_PASSWORD: &str = "canary-quiet-6d20bf";

#[test]
fn a_run_that_silences_an_alert_tells_nothing_of_what_lets_it_in_to_the_alertmanager() {
    let alertmanager = Alertmanager::start();
    alertmanager.asks_for(Credentials { user: "tester".to_owned(), password: ALERT_PASSWORD.to_owned() }.basic());
    let house = House::new();
    fs::write(house.dir.path().join("alert-password"), ALERT_PASSWORD).expect("a file");
    let there = format!(
        "alertmanager = \"http://{}\"\nalertmanager_user = \"tester\"\nalertmanager_password_file = \"alert-password\"",
        alertmanager.address
    );
    house.scenario_with("-z 60s -c 2 -q 5", FIXED, &there, "isolation = \"alert-silenced\"");
    let (own, secrets) = (["kubeconfig", "alert-password"], [TOKEN, ALERT_PASSWORD]);
    let mut child = start(&house);
    house.until_under_way("three-1");
    assert_eq!(alertmanager.silenced().len(), 1);
    signal(&child, Signal::SIGKILL);
    child.wait().expect("it ends");
    assert!(not_below(house.dir.path(), &own, &secrets) > 1);
    // by the journal, and from another machine by what stands on the objects
    for (way, is_elsewhere) in [(&["restore", "--dry-run"][..], false), (&["restore", "guest.toml"], true)] {
        if is_elsewhere {
            fs::remove_dir_all(house.state()).expect("removed");
            house.api.leases_last(1);
        }
        let restored = command(&house, way).output().expect("the program starts");
        assert_eq!(restored.status.code(), Some(0), "{}", text(&restored.stderr));
        are_nowhere(&restored, house.dir.path(), &own, &secrets);
    }
    nothing_told_by_objects(&house, &secrets);
    assert_eq!(alertmanager.silenced().len(), 0);
    house.is_as_before();
}

#[test]
fn what_cannot_let_anybody_in_is_named_and_not_repeated() {
    let house = house();
    let place = |name: &str| house.dir.path().join(name).display().to_string();
    let there = format!("http://{}", house.api.address);
    let secured = format!("https://{}", house.api.address);
    let coded = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    let plugin = format!("#!/bin/sh\necho '{{\"token\": \"{TOKEN}\"'\necho {TOKEN} >&2\nexit 3\n");
    fs::write(place("plugin"), plugin).expect("a file");
    fs::set_permissions(place("plugin"), fs::Permissions::from_mode(0o700)).expect("allowed");
    let exec = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: {}, interactiveMode: Never}}",
        place("plugin")
    );
    for (user, server) in [
        (format!("token: {TOKEN}"), &secured),
        (format!("client-certificate-data: {0}, client-key-data: {0}", coded(TOKEN)), &secured),
        (format!("client-certificate-data: {TOKEN}, client-key-data: {TOKEN}"), &secured),
        (format!("client-certificate-data: {TOKEN}, client-key-data: {TOKEN}"), &there),
        (format!("token: x{TOKEN}"), &there),
        (format!("token: [{TOKEN}]"), &there),
        (exec, &there),
    ] {
        written(&house, &user, server);
        let output = command(&house, &RUN).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(1), "{user}: {}", text(&output.stderr));
        are_nowhere(&output, house.dir.path(), &OWN, &[TOKEN]);
        fs::remove_dir_all(house.dir.path().join("out")).expect("removed");
    }
    house.is_as_before();
}
