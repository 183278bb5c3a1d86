//! The programs live as long as their run, whatever ends it.

use std::path::PathBuf;
use std::process::{Child, Output};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::agreement::{Bench, Load};
use super::{FAST, House, are_installed, is_dead, text, until};

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a process id")), signal).expect("the process is there");
}

fn ended(child: Child) -> Output {
    child.wait_with_output().expect("it ends")
}

#[test]
fn the_real_chain_scales_its_arm_and_leaves_nothing_behind() {
    if !are_installed() {
        return;
    }
    let house = House::with(FAST, 14);
    let output = ended(house.start());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(house.is_clean(), "{:?}", house.processes());
    assert!(!house.run_directory().join("prometheus.log").exists(), "logs are kept only if something broke");

    let events = house.events();
    let of =
        |kind: &str| events.iter().filter(|row| row[1] == "openfaas-ce-real" && row[2] == kind).collect::<Vec<_>>();
    let ready = of("phase").iter().find(|row| row[5].contains("are ready")).map(|row| row[0].parse::<f64>().unwrap());
    assert!(ready.is_some_and(|at| at <= -2.0), "ready before the warm-up: {ready:?}");
    let alerts: Vec<&str> = of("alert").iter().map(|row| row[5].split(':').next().unwrap()).collect();
    assert_eq!(alerts, ["alert of ftest pending", "alert of ftest firing", "alert of ftest resolved"]);
    let steps: Vec<(&str, &str)> = of("scale").iter().map(|row| (row[3].as_str(), row[4].as_str())).collect();
    assert_eq!(steps[0], ("1", "2"), "{steps:?}");
    assert_eq!(steps.last().unwrap().1, "1", "{steps:?}");
    let firing = of("scale")[0][5].clone();
    let (rate, rule) = firing.strip_prefix("firing at ").and_then(|rest| rest.split_once(" /s: ")).unwrap();
    assert!((5.0..40.0).contains(&rate.parse::<f64>().unwrap()), "{firing}");
    assert_eq!(rule, "1 + 10 % of 5, rounded up to 1, at most 5, is 2");
    assert_eq!(of("scale").last().unwrap()[5], "resolved without a rate: back to the minimum of 1");
    let notifications = of("decision").iter().filter(|row| row[5] == "notification: ftest firing").count();
    assert!(notifications >= 2, "{events:?}");

    let summary = house.summary();
    assert_eq!(summary["valid"], true, "{}", summary["invalid_because"]);
    assert_eq!(summary["scale_ups"].as_u64().unwrap() + summary["scale_downs"].as_u64().unwrap(), steps.len() as u64);
}

#[test]
fn a_run_that_is_interrupted_ends_the_programs() {
    if !are_installed() {
        return;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let house = House::with(FAST, 60);
            let child = house.start();
            house.heard("load,");
            assert_eq!(house.processes().len(), 2, "{:?}", house.processes());
            send(&child, Signal::SIGINT);
            let output = ended(child);
            assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
            assert!(house.is_clean(), "{:?}", house.processes());
            assert!(house.summary()["partial"].as_bool().unwrap());
        });
        scope.spawn(|| {
            let house = House::with(FAST, 60);
            let child = house.start();
            until("both programs run", || house.processes().len() == 2);
            assert!(!house.read("events.csv").contains("are ready"), "they take 5 s, so this is before");
            send(&child, Signal::SIGTERM);
            let output = ended(child);
            assert_eq!(output.status.code(), Some(143), "{}", text(&output.stderr));
            assert!(house.is_clean(), "{:?}", house.processes());
        });
    });
}

#[test]
fn a_run_that_is_killed_takes_the_programs_with_it() {
    if !are_installed() {
        return;
    }
    let house = House::with(FAST, 60);
    let child = house.start();
    until("both programs run", || house.processes().len() == 2);
    send(&child, Signal::SIGKILL);
    ended(child);
    until("no program is left", || house.processes().is_empty());
}

#[test]
fn a_panic_beside_the_chain_ends_the_programs() {
    if !are_installed() {
        return;
    }
    let (sender, ids) = std::sync::mpsc::channel();
    let panicked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let load = Load { generators: &[("0s", "-z 5s -c 1 -q 5")], ..Load::default() };
            let bench = Bench::new(&load, FAST, |metrics| metrics).await;
            sender.send(bench.process_ids()).expect("the test listens");
            // a panic without its message
            std::panic::resume_unwind(Box::new(()));
        });
    });
    assert!(panicked.join().is_err());
    let ids = ids.recv().expect("both were started");
    assert_eq!(ids.len(), 2);
    for id in ids {
        assert!(is_dead(&PathBuf::from(format!("/proc/{id}"))), "{id}");
    }
}

#[test]
fn a_replay_asks_no_real_programs() {
    let house = House::with(FAST, 1);
    let output = house.command(&["replay", "--policy", "openfaas-ce-real", "--counter", "no.csv"]).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(text(&output.stderr), @r"
    error: --policy openfaas-ce-real: it is not computed by this program, so it can't be asked about the past
      hint: use --policy openfaas-ce, the same chain emulated
    ");
}

#[test]
fn programs_that_are_not_installed_are_named_with_their_packages_before_anything_starts() {
    let house = House::with("policy = \"openfaas-ce-real\"\nalertmanager = \"/no/alertmanager\"\n", 1);
    for args in [&["check", "chain.toml"][..], &["run", "chain.toml", "--out", "out"]] {
        let output = house.command(args).env("PATH", "/nowhere").output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2));
        insta::allow_duplicates! {
            insta::assert_snapshot!(text(&output.stderr), @r#"
            error: chain.toml:15: arm "real": policy = "openfaas-ce-real" starts real programs, and "prometheus" and "/no/alertmanager" are not installed on this machine
              hint: install what is missing (Debian, Ubuntu: apt-get install prometheus prometheus-alertmanager), or write where it is: prometheus = "/PATH", alertmanager = "/PATH"
            "#);
        }
    }
    assert!(!house.dir.path().join("out").exists());
}

#[test]
fn an_arm_of_real_programs_is_refused_in_virtual_time_by_name() {
    let house = House::with(FAST, 1);
    let output = house.command(&["run", "chain.toml", "--target", "simulated"]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(told.contains("arm \"real\": policy = \"openfaas-ce-real\""), "{told}");
    assert!(told.contains("--target embedded"), "{told}");
}

#[test]
fn what_is_no_prometheus_is_told_and_the_results_say_that_the_run_failed() {
    if !are_installed() {
        return;
    }
    for (programs, says) in [
        ("prometheus = \"/bin/true\"", "/bin/true does not say which version of prometheus it is"),
        ("alertmanager = \"/bin/echo\"", "/bin/echo does not say which version of alertmanager it is"),
        // both say their version, and then don't know the other's flags
        ("prometheus = \"ALERTMANAGER\"", "does not say which version of prometheus it is"),
    ] {
        let house = House::with(
            &format!(
                "policy = \"openfaas-ce-real\"\n{}\n",
                programs.replace("ALERTMANAGER", "/usr/bin/prometheus-alertmanager")
            ),
            1,
        );
        let output = house.command(&["run", "chain.toml", "--out", "out"]).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
        assert!(house.is_clean());
        let study = std::fs::read_to_string(house.dir.path().join("out/study.json")).expect("study.json");
        assert!(study.contains("\"status\": \"failed\""), "{study}");
    }
}

#[test]
fn a_program_that_ends_as_it_starts_is_quoted_and_its_output_kept() {
    if !are_installed() {
        return;
    }
    let house = House::with(FAST, 1);
    let fake = house.dir.path().join("prometheus");
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && { echo prometheus, version 9.9; exit; }\necho no room for this tsdb; exit 7\n";
    std::fs::write(&fake, script).expect("a script");
    std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("permissions");
    let scenario = std::fs::read_to_string(house.dir.path().join("chain.toml")).expect("the scenario");
    std::fs::write(house.dir.path().join("chain.toml"), format!("{scenario}prometheus = {fake:?}\n")).expect("written");
    let output = ended(house.start());
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("prometheus ended as it started, with exit code 7; its last words:\n    no room for this tsdb"),
        "{told}"
    );
    assert_eq!(house.read("prometheus.log"), "no room for this tsdb\n");
    assert!(house.is_clean());
}
