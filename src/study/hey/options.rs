//! The flags that hey lacks, read by Go's rules like its own.

use crate::schedule::hey::Phase;
use crate::study::hey_flags::go::boolean;
use crate::study::hey_flags::{FlagError, Kind, MoreFlags, ValueError};

use super::expectation::Expectation;

/// One flag of ours.
#[derive(Clone, Copy, Debug)]
pub struct OptionInfo {
    /// Without hyphens.
    pub name: &'static str,
    /// What stands for its value in help texts; empty for a switch.
    pub value: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// All of them, in the order in which help shows them.
pub const OPTIONS: &[OptionInfo] = &[
    OptionInfo {
        name: "json",
        value: "",
        doc: "Print the result as JSON instead of the summary (`watchtower schema --hey` describes it).",
    },
    OptionInfo {
        name: "due",
        value: "",
        doc: "Add latencies counted from when a request was due (with -q), beside hey's own.",
    },
    OptionInfo { name: "percentiles", value: "LIST", doc: "Add these percentiles of the latency, such as 50,90,99.9." },
    OptionInfo {
        name: "health",
        value: "",
        doc: "Add what the generator did: planned, sent and lost requests, how late it was, its CPU.",
    },
    OptionInfo { name: "hdr", value: "FILE", doc: "Write the latency distribution for HdrHistogram's plotter." },
    OptionInfo { name: "hdr-due", value: "FILE", doc: "The same, counted from when a request was due." },
    OptionInfo {
        name: "csv-exact",
        value: "FILE",
        doc: "Write every request, failed ones too: due, ready, sent, first byte, done, status, error.",
    },
    OptionInfo {
        name: "expect",
        value: "RULE",
        doc: "Exit with 3 unless the rule holds, such as \"p95_ms < 120\" or \"errors == 0\". Repeatable.",
    },
    OptionInfo {
        name: "phase",
        value: "WORD",
        doc: "How the workers' ticks lie (with -q): sync (hey's bursts), spread (evenly) or random.",
    },
    OptionInfo { name: "seed", value: "N", doc: "What --phase random draws from. Default is 1." },
    OptionInfo {
        name: "judge",
        value: "FILE",
        doc: "Judge a summary that hey printed, by the flags it was given; sends nothing. Repeatable.",
    },
    OptionInfo {
        name: "self-test",
        value: "",
        doc: "Test how far numbers of this machine can be trusted; takes no address (-z: how long).",
    },
    OptionInfo {
        name: "keep-awake",
        value: "",
        doc: "Keep idle cores from sleeping, so that requests leave on time (Linux; for guests of hypervisors).",
    },
    OptionInfo { name: "progress", value: "", doc: "Show the progress on standard error, if that is a terminal." },
];

/// Our flags as given.
#[expect(clippy::struct_excessive_bools, reason = "they are switches")]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// `--json`.
    pub json: bool,
    /// `--due`.
    pub due: bool,
    /// `--percentiles`: each above 0 and at most 100; empty if not given.
    pub percentiles: Vec<f64>,
    /// `--health`.
    pub health: bool,
    /// `--hdr`.
    pub hdr: Option<String>,
    /// `--hdr-due`.
    pub hdr_due: Option<String>,
    /// `--csv-exact`.
    pub csv_exact: Option<String>,
    /// `--expect`, each.
    pub expectations: Vec<Expectation>,
    /// `--progress`.
    pub progress: bool,
    /// `--phase`, if given.
    pub phase: Option<Phase>,
    /// `--seed`, if given.
    pub seed: Option<u64>,
    /// `--judge`, each.
    pub judged: Vec<String>,
    /// `--self-test`.
    pub self_test: bool,
    /// `--keep-awake`.
    pub keep_awake: bool,
}

impl MoreFlags for Options {
    fn kind(&self, name: &str) -> Option<Kind> {
        let option = OPTIONS.iter().find(|option| option.name == name)?;
        Some(if option.value.is_empty() { Kind::Switch } else { Kind::Value })
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), FlagError> {
        let unfit = |reason: String| FlagError::Unfit { flag: name.to_owned(), value: value.to_owned(), reason };
        let switch = || {
            let refused =
                |error: ValueError| FlagError::Boolean { flag: name.to_owned(), value: value.to_owned(), error };
            boolean(value).map_err(refused)
        };
        let file = || {
            if value.is_empty() {
                Err(unfit("write the name of a file".to_owned()))
            } else {
                Ok(Some(value.to_owned()))
            }
        };
        match name {
            "json" => self.json = switch()?,
            "due" => self.due = switch()?,
            "health" => self.health = switch()?,
            "progress" => self.progress = switch()?,
            "self-test" => self.self_test = switch()?,
            "keep-awake" => self.keep_awake = switch()?,
            "hdr" => self.hdr = file()?,
            "hdr-due" => self.hdr_due = file()?,
            "csv-exact" => self.csv_exact = file()?,
            "percentiles" => self.percentiles = percentiles(value).map_err(unfit)?,
            "judge" => self.judged.extend(file()?),
            "phase" => self.phase = Some(phase(value).map_err(unfit)?),
            "seed" => {
                let seed = value.parse().map_err(|_| unfit("write a whole number from 0, such as 7".to_owned()));
                self.seed = Some(seed?);
            }
            "expect" => self.expectations.push(value.parse().map_err(unfit)?),
            _ => return Err(FlagError::NotDefined(name.to_owned())),
        }
        Ok(())
    }
}

fn phase(word: &str) -> Result<Phase, String> {
    let phases = [Phase::Sync, Phase::Spread, Phase::Random];
    let found = phases.into_iter().find(|phase| phase.as_str() == word);
    found.ok_or_else(|| format!("write one of {}", phases.map(Phase::as_str).join(", ")))
}

fn percentiles(list: &str) -> Result<Vec<f64>, String> {
    let one = |text: &str| {
        let percent: Option<f64> = text.trim().parse().ok().filter(|percent| *percent > 0.0 && *percent <= 100.0);
        percent.ok_or_else(|| format!("{text:?} is no percentile; write numbers above 0 up to 100, such as 50,90,99.9"))
    };
    list.split(',').map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::hey_flags::Flags;

    fn parse(words: &[&str]) -> Result<Options, FlagError> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let mut options = Options::default();
        Flags::parse_with(&words, &mut options).map(|_| options)
    }

    #[test]
    fn our_flags_follow_go_s_rules() {
        let options = parse(&["--json", "-health=false", "-c", "3", "--percentiles=50,99.9", "-hdr", "a.hgrm"]);
        let options = options.expect("valid flags");
        assert!(options.json && !options.health);
        assert_eq!((options.percentiles.as_slice(), options.hdr.as_deref()), ([50.0, 99.9].as_slice(), Some("a.hgrm")));
    }

    #[test]
    fn every_flag_can_be_set_and_no_other() {
        for option in OPTIONS {
            let value = match option.name {
                "percentiles" => "50",
                "expect" => "errors == 0",
                "phase" => "spread",
                "seed" => "7",
                _ if option.value.is_empty() => "true",
                _ => "file",
            };
            let options = parse(&[&format!("--{}={value}", option.name)]).expect(option.name);
            assert_ne!(options, Options::default(), "{}", option.name);
        }
        assert_eq!(parse(&["--jsn"]).expect_err("unknown").to_string(), "flag provided but not defined: -jsn");
    }

    #[test]
    fn a_value_that_does_not_fit_says_what_does() {
        for (words, text) in [
            (
                ["--percentiles", "50,,90"],
                r#"invalid value "50,,90" for flag --percentiles: "" is no percentile; write numbers above 0 up to 100, such as 50,90,99.9"#,
            ),
            (
                ["--percentiles", "0"],
                r#"invalid value "0" for flag --percentiles: "0" is no percentile; write numbers above 0 up to 100, such as 50,90,99.9"#,
            ),
            (["--phase", "late"], r#"invalid value "late" for flag --phase: write one of sync, spread, random"#),
            (["--seed", "-1"], r#"invalid value "-1" for flag --seed: write a whole number from 0, such as 7"#),
            (["--hdr", ""], r#"invalid value "" for flag --hdr: write the name of a file"#),
        ] {
            let error = parse(&words).expect_err("no value");
            assert_eq!(error.to_string(), text);
            assert!(error.is_syntax());
        }
    }
}
