//! However a gateway's secret is given, it is sent to the gateway and written nowhere: in no result, log, message or note, of runs that
//! go well, are let in no longer, or are killed.

use std::fs;
use std::process::Child;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::canaries::{are_nowhere, not_below};
use super::{CANARY, FIXED, House, text, until};

/// A token that must turn up nowhere.
const TOKEN: &str = "canary-bearer-5d20ee";
/// Where they may be: the files that hold them for the tests.
const OWN: [&str; 2] = ["password", "token"];

/// The places a secret may come from, as `[openfaas]` has them.
const PLACES: [&str; 4] =
    ["password_file = \"password\"", "password_env = \"PASS\"", "token_file = \"token\"", "token_env = \"TOKEN\""];

const RUN: [&str; 6] = ["run", "guest.toml", "--target", "openfaas", "--out", "out"];

fn house(place: &str, load: &str, restore_within: &str) -> House {
    let house = House::with_a_front();
    fs::write(house.dir.path().join("token"), TOKEN).expect("a file");
    if place.starts_with("token") {
        let instead = house.platform.credentials().basic();
        house.weather(|weather| weather.token = Some((TOKEN.to_owned(), instead)));
    }
    house.scenario(load, FIXED, &format!("restore_within = \"{restore_within}\""));
    let path = house.dir.path().join("guest.toml");
    let scenario = fs::read_to_string(&path).expect("a scenario");
    fs::write(&path, scenario.replace(PLACES[0], place)).expect("a scenario");
    house
}

fn command(house: &House, args: &[&str]) -> std::process::Command {
    let mut command = house.command(args);
    command.env("PASS", CANARY).env("TOKEN", TOKEN).env("WATCHTOWER_LOG", "trace");
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
    assert!(not_below(house.dir.path(), &OWN, &[CANARY, TOKEN]) > 1);
}

#[test]
fn a_run_that_goes_well_tells_no_secret() {
    for place in PLACES {
        let house = house(place, "-z 500ms -c 1 -q 5", "60s");
        let output = command(&house, &RUN).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{place}: {}", text(&output.stderr));
        assert!(house.dir.path().join("out/report.html").exists());
        are_nowhere(&output, house.dir.path(), &OWN, &[CANARY, TOKEN]);
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
        assert_eq!(child.wait().expect("it ends").code(), Some(1), "{place}: {}", said(&house));
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
        are_nowhere(&told, house.dir.path(), &OWN, &[CANARY, TOKEN]);
        let restored = command(&house, &["restore"]).output().expect("the program starts");
        assert_eq!(restored.status.code(), Some(0), "{place}: {}", text(&restored.stderr));
        are_nowhere(&restored, house.dir.path(), &OWN, &[CANARY, TOKEN]);
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
fn what_the_sidecar_says_and_shows_tells_no_secret() {
    for place in PLACES {
        let house = house(place, "-z 1s -c 1 -q 5", "60s");
        let config = format!(
            "[autoscale]\nlisten = \"127.0.0.1:0\"\nlog_level = \"DEBUG\"\n[openfaas]\ngateway = \"http://{}\"\n{place}\n\
             [[function]]\nname = \"ftest\"\nquery = \"number=50\"\npolicy = \"watchtower\"\ncheck_frequency = 1\ntarget = 1\n\
             tolerance = 0.1\nscale_up_rounds = 1\n",
            house.gateway()
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
