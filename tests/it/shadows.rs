//! Shadows: what another policy would have done under this very load, without touching it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use watchtower::drive::{Outcome, Phase, Plan, RecordError, Recorder, sim};
use watchtower::record::{EventKind, EventRow, GeneratorId, Lost, PlatformSample, ProbeRow, RequestRow};
use watchtower::study::plan::Study;
use watchtower::study::resolve::{self, Overrides};
use watchtower::study::scenario::Scenario;
use watchtower::time::{Epoch, Timestamp};

/// Every row of a run as text, events apart.
#[derive(Debug, Default, PartialEq)]
struct Rows {
    others: Vec<String>,
    events: Vec<EventRow>,
}

impl Rows {
    fn keep(&mut self, row: &impl std::fmt::Debug) {
        self.others.push(format!("{row:?}"));
    }

    /// Scalings of an actor: when, from, to, why.
    fn scales(&self, actor: &str) -> Vec<(Timestamp, Option<u32>, Option<u32>, &str)> {
        self.events
            .iter()
            .filter(|row| row.actor == actor && row.kind == EventKind::Scale)
            .map(|row| (row.at, row.from, row.to, row.reason.as_str()))
            .collect()
    }
}

impl Recorder for Rows {
    fn begin(&mut self, epoch: Epoch, load_start: Timestamp) -> Result<(), RecordError> {
        self.keep(&(epoch, load_start));
        Ok(())
    }

    fn phase(&mut self, at: Timestamp, phase: Phase) -> Result<(), RecordError> {
        self.keep(&(at, phase));
        Ok(())
    }

    fn request(&mut self, row: &RequestRow) -> Result<(), RecordError> {
        self.keep(row);
        Ok(())
    }

    fn lost(&mut self, at: Timestamp, generator: GeneratorId, lost: Lost) -> Result<(), RecordError> {
        self.keep(&(at, generator, lost));
        Ok(())
    }

    fn probe(&mut self, row: &ProbeRow) -> Result<(), RecordError> {
        self.keep(row);
        Ok(())
    }

    fn event(&mut self, row: &EventRow) -> Result<(), RecordError> {
        self.events.push(row.clone());
        Ok(())
    }

    fn second(&mut self, at: Timestamp, planned: u64, sample: &PlatformSample) -> Result<(), RecordError> {
        self.keep(&(at, planned, sample));
        Ok(())
    }
}

/// Two arms of each policy that scales, under a load that makes both scale, and what the arms say besides.
fn scenario(tower: &str, chain: &str) -> String {
    format!(
        r#"name = "t"
[slo]
latency = "75ms"
[[load]]
hey = "-z 100s -c 50 -q 5"
[[load]]
hey = "-z 100s -c 50 -q 5"
start = "500ms"
[[arm]]
name = "tower"
policy = "watchtower"
{tower}
[[arm]]
name = "tower-2"
policy = "watchtower"
[[arm]]
name = "ce"
policy = "openfaas-ce"
{chain}
[[arm]]
name = "ce.2"
policy = "openfaas-ce"
"#
    )
}

fn resolved(text: &str, overrides: &Overrides) -> Result<Study, String> {
    Scenario::parse("t.toml", text, PathBuf::new())
        .and_then(|scenario| resolve::resolve(&scenario, overrides))
        .map_err(|error| error.to_string())
}

fn study(text: &str) -> Study {
    resolved(text, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn run(plan: &Plan) -> (Rows, Outcome) {
    let mut rows = Rows::default();
    let epoch = Epoch::from_unix(Duration::from_secs(1_700_000_000));
    let outcome = sim::run(plan, epoch, &mut rows).expect("rows in memory can be kept");
    (rows, outcome)
}

#[test]
fn a_shadow_of_the_same_settings_decides_as_the_arm_itself_does() {
    let study = study(&scenario("shadows = [\"tower-2\", \"ce\"]", "shadows = [\"ce.2\"]"));
    for (arm, actor, shadow) in [(0, "watchtower", "shadow:tower-2"), (2, "openfaas-ce", "shadow:ce.2")] {
        let (rows, _) = run(&study.plan(arm, 1));
        assert!(rows.scales(actor).len() >= 3, "{:?}", rows.scales(actor));
        assert_eq!(rows.scales(shadow), rows.scales(actor));
    }
}

#[test]
fn nothing_a_shadow_decides_reaches_the_run() {
    let study = study(&scenario("shadows = [\"tower-2\", \"ce\"]", "shadows = [\"ce.2\"]"));
    for arm in [0, 2] {
        let with = study.plan(arm, 1);
        let (mut rows, outcome) = run(&with);
        let (alone, alone_outcome) = run(&Plan { shadows: Vec::new(), ..with });
        let all = rows.events.len();
        rows.events.retain(|row| row.of_shadow().is_none());
        assert!(all > alone.events.len());
        assert_eq!(rows.events, alone.events);
        assert_eq!(outcome, alone_outcome);
        assert!(rows.others == alone.others, "every request, probe and second is the same");
    }
}

#[test]
fn the_chain_in_the_shadow_of_the_tower_climbs_by_its_own_count() {
    let study = study(&scenario("shadows = [\"ce\"]", ""));
    let (rows, _) = run(&study.plan(0, 1));
    let steps: Vec<_> = rows.scales("shadow:ce").into_iter().map(|(_, from, to, _)| (from, to)).collect();
    assert_eq!(steps[..2], [(Some(1), Some(2)), (Some(2), Some(3))]);
    assert_eq!(steps.last().and_then(|(_, to)| *to), Some(1));
}

#[test]
fn shadows_are_named_by_arms_that_exist_and_see_enough() {
    let problems = |tower: &str, chain: &str, overrides: Overrides| {
        resolved(&scenario(tower, chain), &overrides).err().unwrap_or_else(|| "no problem".to_owned())
    };
    let none = Overrides::default;
    insta::assert_snapshot!(
        problems("shadows = [\"tower\", \"towr-2\", \"tower-2\", \"tower-2\", 7, \"who\"]", "shadows = \"tower\"", none()),
        @r#"
        t.toml:12: arm "tower": shadows = 7 is not a text
          hint: write the names of other arms: shadows = ["openfaas-ce"]
        t.toml:12: arm "tower": shadows = "tower" is the arm itself
          hint: add another [[arm]] with the same settings and name that one
        t.toml:12: arm "tower": shadows = "towr-2" is not an arm of this scenario
          hint: did you mean "tower-2"?
        t.toml:12: arm "tower": shadows = "tower-2" is there twice
          hint: leave one of them out
        t.toml:12: arm "tower": shadows = "who" is not an arm of this scenario
          hint: the scenario's other arms: tower-2, ce, ce.2
        t.toml:19: arm "ce": shadows = "tower" decides on probes, and this arm sends none that it could see
          hint: a shadow sends nothing itself, since probes are work for the function; make tower the arm and ce its shadow
        "#
    );
    insta::assert_snapshot!(problems("shadow_only = true", "shadow_only = true\nshadows = \"ce.2\"", none()), @r#"
    t.toml:12: arm "tower": shadow_only = true makes a shadow that no arm has
      hint: name it in another arm: shadows = ["tower"]
    t.toml:19: arm "ce": shadow_only = true makes a shadow that no arm has
      hint: name it in another arm: shadows = ["ce"]
    t.toml:20: arm "ce": shadows stand under an arm that is not run itself
      hint: leave them out, or take shadow_only away
    "#);
    let arms = vec!["ce".to_owned()];
    insta::assert_snapshot!(
        problems("shadows = \"ce\"", "shadow_only = true", Overrides { arms, ..none() }),
        @r#"
        t.toml: --arm ce is only a shadow
          hint: take its shadow_only away, or ask for the arm whose shadow it is
        "#
    );
    let all = "[[load]]\nhey = \"-n 1 -c 1\"\n[[arm]]\npolicy = \"fixed\"\nshadow_only = true\n[expect]\nevery = \"fixed.errors == 0\"\n";
    insta::assert_snapshot!(resolved(all, &none()).err().unwrap_or_default(), @r#"
    t.toml:5: arm "fixed": shadow_only = true makes a shadow that no arm has
      hint: name it in another arm: shadows = ["fixed"]
    t.toml:5: arm "fixed": shadow_only = true leaves no arm to run
      hint: let one of them run: take its shadow_only away, and name the others in its shadows
    t.toml:7: [expect]: every = "fixed.errors == 0" names fixed, which is only a shadow and has no runs
      hint: expect something of the arm whose shadow it is, or take shadow_only away
    "#);
}

#[test]
fn an_arm_that_is_only_a_shadow_is_not_run_and_comes_along_with_its_arm() {
    let text = scenario("shadows = [\"ce\"]", "shadow_only = true");
    let names = |study: &Study| study.arms.iter().map(|arm| arm.name.clone()).collect::<Vec<_>>();
    let whole = study(&text);
    assert_eq!(names(&whole), ["tower", "tower-2", "ce.2"]);
    let one = resolved(&text, &Overrides { arms: vec!["tower".to_owned()], ..Overrides::default() });
    let one = one.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((names(&one), one.shadows[0].len()), (vec!["tower".to_owned()], 1));
    // also where the shadow would run by itself
    let one = resolved(
        &text.replace("shadow_only = true", ""),
        &Overrides { arms: vec!["tower".to_owned()], ..Overrides::default() },
    );
    let one = one.unwrap_or_else(|error| panic!("{error}"));
    for study in [&whole, &one] {
        let again = self::study(study.resolved_toml());
        assert_eq!((names(&again), again.resolved_toml()), (names(study), study.resolved_toml()));
    }
}

#[test]
fn a_live_run_keeps_what_its_shadow_decides_and_does_not_do_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    // a chain that runs its timers a hundred times as fast
    let text = r#"name = "live"
[[load]]
hey = "-z 3s -c 4 -q 10"
[run]
warm_up = "1s"
cool_down = "1s"
[[arm]]
name = "one"
policy = "fixed"
shadows = ["ce"]
[[arm]]
name = "ce"
policy = "openfaas-ce"
shadow_only = true
threshold = 5
window = "400ms"
scrape_interval = "200ms"
evaluation_interval = "300ms"
for = "200ms"
group_wait = "100ms"
group_interval = "200ms"
repeat_interval = "400ms"
webhook_latency = "5ms"
[expect]
every = ["one.scale_ups == 0", "one.replicas_max == 1"]
"#;
    fs::write(dir.path().join("live.toml"), text).expect("a scenario file");
    let output = Command::new(env!("CARGO_BIN_EXE_watchtower"))
        .args(["run", "live.toml", "--out", "out", "--quiet"])
        .current_dir(dir.path())
        .output()
        .expect("the program starts");
    // a machine that stood still makes the run invalid (1); a shadow that scaled would be 3
    assert_ne!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
    let file = |name: &str| fs::read_to_string(dir.path().join("out").join(name)).unwrap_or_default();
    let events = file("runs/one-1/events.csv");
    assert!(events.contains("shadow:ce,scale,1,2,"), "{events}");
    let summary: serde_json::Value = serde_json::from_str(&file("runs/one-1/summary.json")).expect("JSON");
    assert_eq!(
        (&summary["scale_ups"], &summary["probes"]),
        (&0.into(), &0.into()),
        "what a shadow does is not counted"
    );
    assert!(file("comparison.csv").contains("ce: "), "{}", file("comparison.csv"));
    assert!(file("comparison.md").contains("## Shadows"));
    assert!(file("report.html").contains("of shadows, not carried out"));
    assert!(file("charts/replicas.svg").contains("ce, if it had decided"));
    assert!(summary["shadows"][0]["scale_ups"].as_u64().is_some_and(|ups| ups > 0), "{summary}");
    let timeline = file("runs/one-1/timeline.csv");
    let desired: Vec<&str> = timeline.lines().skip(1).filter_map(|line| line.split(',').nth(13)).collect();
    // a second before anything was known of the platform has no value
    assert!(desired.iter().all(|desired| matches!(*desired, "1" | "")), "{desired:?}");
}
