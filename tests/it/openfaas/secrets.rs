//! However a gateway's secret and its Alertmanager's are given, each is sent where it belongs and written nowhere: in no result, log,
//! message or note, of runs that go well, are let in no longer, or are killed.

use std::fs;
use std::process::Child;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use watchtower::drive::live::target::rest::Credentials;

use super::super::canaries::{are_nowhere, not_below};
use super::{CANARY, FIXED, House, text, until};

/// What must turn up nowhere: of the gateway a password ([`CANARY`]) and a token, of the Alertmanager the same.
const TOKEN: &str = "canary-bearer-5d20ee";
const ALERT_PASSWORD: &str = "canary-alerts-91c44b";
const ALERT_TOKEN: &str = "canary-silent-e0a237";
const SECRETS: [&str; 4] = [CANARY, TOKEN, ALERT_PASSWORD, ALERT_TOKEN];
/// Where they may be: the files that hold them for the tests.
const OWN: [&str; 4] = ["password", "token", "alert-password", "alert-token"];

/// The places secrets may come from, as `[openfaas]` has them: the gateway's, and the Alertmanager's.
const PLACES: [(&str, &str); 4] = [
    ("password_file = \"password\"", "alertmanager_token_env = \"ALERT_TOKEN\""),
    ("password_env = \"PASS\"", "alertmanager_token_file = \"alert-token\""),
    ("token_file = \"token\"", "alertmanager_password_env = \"ALERT_PASS\""),
    ("token_env = \"TOKEN\"", "alertmanager_user = \"tester\"\nalertmanager_password_file = \"alert-password\""),
];

const RUN: [&str; 6] = ["run", "guest.toml", "--target", "openfaas", "--out", "out"];

fn house((gateway, alertmanager): (&str, &str), load: &str, restore_within: &str) -> House {
    let house = House::with_a_front();
    for (file, secret) in [("token", TOKEN), ("alert-password", ALERT_PASSWORD), ("alert-token", ALERT_TOKEN)] {
        fs::write(house.dir.path().join(file), secret).expect("a file");
    }
    if gateway.starts_with("token") {
        let instead = house.platform.credentials().basic();
        house.weather(|weather| weather.token = Some((TOKEN.to_owned(), instead)));
    }
    house.alertmanager.asks_for(match alertmanager {
        place if place.contains("token") => format!("Bearer {ALERT_TOKEN}"),
        place => {
            let user = if place.contains("tester") { "tester" } else { "admin" };
            Credentials { user: user.to_owned(), password: ALERT_PASSWORD.to_owned() }.basic()
        }
    });
    house.scenario(load, FIXED, &format!("restore_within = \"{restore_within}\"\n{alertmanager}"));
    let path = house.dir.path().join("guest.toml");
    let scenario = fs::read_to_string(&path).expect("a scenario");
    fs::write(&path, scenario.replace(PLACES[0].0, gateway)).expect("a scenario");
    house
}

fn command(house: &House, args: &[&str]) -> std::process::Command {
    let mut command = house.command(args);
    command.env("PASS", CANARY).env("TOKEN", TOKEN).env("WATCHTOWER_LOG", "trace");
    command.env("ALERT_PASS", ALERT_PASSWORD).env("ALERT_TOKEN", ALERT_TOKEN);
    command
}

/// Starts it; all that it says goes to a file, since nobody reads it meanwhile.
fn start(house: &House, args: &[&str]) -> Child {
    let log = fs::File::create(house.dir.path().join("said.log")).expect("a file");
    let mut command = command(house, args);
    command.stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("the program starts")
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("the signal is sent");
}

fn said(house: &House) -> String {
    fs::read_to_string(house.dir.path().join("said.log")).expect("a log")
}

/// Nothing of what was said and written holds a secret.
#[track_caller]
fn nothing_told(house: &House) {
    assert!(not_below(house.dir.path(), &OWN, &SECRETS) > 1);
}

#[test]
fn a_run_that_goes_well_tells_no_secret() {
    for place in PLACES {
        let house = house(place, "-z 500ms -c 1 -q 5", "60s");
        let output = command(&house, &RUN).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{place:?}: {}", text(&output.stderr));
        assert_eq!(house.alertmanager.ever(), 1, "{place:?}");
        assert!(house.dir.path().join("out/report.html").exists());
        are_nowhere(&output, house.dir.path(), &OWN, &SECRETS);
        house.is_as_before();
    }
}

#[test]
fn a_run_that_is_let_in_no_longer_tells_no_secret() {
    for place in PLACES {
        let house = house(place, "-z 2s -c 2 -q 5", "1s");
        let mut child = start(&house, &RUN);
        house.until_under_way();
        house.weather(|weather| weather.expired = true);
        assert_eq!(child.wait().expect("it ends").code(), Some(1), "{place:?}: {}", said(&house));
        // the journal keeps what is owed
        assert_eq!(house.debts(), 1);
        nothing_told(&house);
    }
}

#[test]
fn a_run_that_is_killed_and_what_puts_it_back_tell_no_secret() {
    for place in PLACES {
        let house = house(place, "-z 60s -c 2 -q 5", "60s");
        let mut child = start(&house, &RUN);
        house.until_under_way();
        send(&child, Signal::SIGKILL);
        child.wait().expect("it ends");
        assert_eq!(house.debts(), 1);
        nothing_told(&house);
        let told = command(&house, &["restore", "--dry-run"]).output().expect("the program starts");
        are_nowhere(&told, house.dir.path(), &OWN, &SECRETS);
        let restored = command(&house, &["restore"]).output().expect("the program starts");
        assert_eq!(restored.status.code(), Some(0), "{place:?}: {}", text(&restored.stderr));
        are_nowhere(&restored, house.dir.path(), &OWN, &SECRETS);
        house.is_as_before();
    }
}

#[test]
fn a_password_in_an_address_is_refused_and_not_repeated() {
    for key in ["gateway", "metrics", "alertmanager"] {
        let house = House::new();
        house.scenario_with("-z 1s -c 1 -q 5", FIXED, "");
        let path = house.dir.path().join("guest.toml");
        let scenario = fs::read_to_string(&path).expect("a scenario");
        let kept: Vec<&str> = scenario.lines().filter(|line| !line.starts_with(key)).collect();
        let with_user = format!("[openfaas]\n{key} = \"http://admin:{CANARY}@127.0.0.1:9\"");
        fs::write(&path, kept.join("\n").replace("[openfaas]", &with_user)).expect("a scenario");
        for args in [&RUN[..], &["restore", "guest.toml"]] {
            let output = house.command(args).output().expect("the program starts");
            assert_eq!(output.status.code(), Some(2), "{key}: {}", text(&output.stderr));
            let said = text(&output.stderr);
            assert!(said.contains("user and password do not belong into the address"), "{said}");
            are_nowhere(&output, house.dir.path(), &["password", "guest.toml"], &[CANARY]);
        }
    }
}

#[test]
fn an_alertmanager_that_lets_nobody_in_is_named_and_nothing_is_changed() {
    for place in PLACES {
        let house = house(place, "-z 1s -c 1 -q 5", "60s");
        house.alertmanager.asks_for("Basic bm9ib2R5".to_owned());
        let output = command(&house, &RUN).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(1), "{place:?}: {}", text(&output.stderr));
        let said = text(&output.stderr);
        for part in ["the function's alert can't be silenced", "401 Unauthorized", "check user and password"] {
            assert!(said.contains(part), "{part}:\n{said}");
        }
        assert_eq!((house.alertmanager.ever(), house.front().asked().len()), (0, 0));
        are_nowhere(&output, house.dir.path(), &OWN, &SECRETS);
        house.is_as_before();
    }
}

#[test]
fn what_lets_in_to_an_alertmanager_is_looked_for_before_a_run_begins() {
    for (keys, parts) in [
        ("alertmanager_password_env = \"NOT_SET\"", ["alertmanager_password_env", "no variable NOT_SET"]),
        ("alertmanager_token_file = \"nowhere\"", ["alertmanager_token_file", "nowhere can't be read"]),
        (
            "alertmanager_token_env = \"A\"\nalertmanager_password_file = \"password\"",
            ["alertmanager_token_env", "is one place of a secret too many: alertmanager_password_file is another"],
        ),
    ] {
        let house = House::new();
        house.scenario("-z 1s -c 1 -q 5", FIXED, keys);
        let output = house.command(&RUN).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{keys}");
        let said = text(&output.stderr);
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}:\n{said}");
    }
    let house = House::new();
    house.scenario_with("-z 1s -c 1 -q 5", FIXED, "alertmanager_password_file = \"password\"");
    let output = house.command(&RUN).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("lets in nowhere: no Alertmanager is named"), "{said}");
}

#[test]
fn what_the_sidecar_says_and_shows_tells_no_secret() {
    for place in PLACES {
        let house = house(place, "-z 1s -c 1 -q 5", "60s");
        let (gateway, alertmanager) = place;
        let config = format!(
            "[autoscale]\nlisten = \"127.0.0.1:0\"\nlog_level = \"DEBUG\"\n[openfaas]\ngateway = \"http://{}\"\n{gateway}\n\
             alertmanager = \"http://{}\"\n{alertmanager}\n\
             [[function]]\nname = \"ftest\"\nquery = \"number=50\"\npolicy = \"watchtower\"\ncheck_frequency = 1\ntarget = 1\n\
             tolerance = 0.1\nscale_up_rounds = 1\n",
            house.gateway(),
            house.alertmanager.address
        );
        fs::write(house.dir.path().join("sidecar.toml"), config).expect("a configuration");
        house.weather(|weather| weather.slow = Duration::from_millis(5));
        let mut sidecar = start(&house, &["-vv", "autoscale", "--config", "sidecar.toml"]);
        until("it scales", || !house.front().asked().is_empty());
        house.weather(|weather| weather.expired = true);
        until("it is let in no longer", || said(&house).contains("401"));
        send(&sidecar, Signal::SIGTERM);
        assert_eq!(sidecar.wait().expect("it ends").code(), Some(143), "{}", said(&house));
        nothing_told(&house);
    }
}
