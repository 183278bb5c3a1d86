//! A plan as it is written, `1 at 0s, 3 at 1m, 1 at 5m`, and what it says of a time.

use std::time::Duration;

use crate::policy::objection::{Objection, RAISE_MAX};
use crate::policy::settings::{Settings, Syntax};
use crate::time::{format_duration, parse_duration};

/// Most entries of a plan: one every nine seconds of a day.
const ENTRIES_MAX: usize = 10_000;

/// Most replicas of an entry, as of `fixed`.
const REPLICAS_MAX: u32 = 10_000;

/// The shortest plan that repeats itself; a shorter one would be nothing but scalings.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// How a plan is written.
pub(super) static SYNTAX: Syntax = Syntax {
    allowed: "counts of replicas with their times, such as \"1 at 0s, 3 at 1m, 1 at 5m\"",
    check: |text| read(text).map(drop),
};

/// So many replicas from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From when on, since the load's start; in a plan that repeats itself, since the start of each round.
    pub at: Duration,
    /// How many.
    pub replicas: u32,
}

/// Counts of replicas, each from a time on; once, or over and over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// In order of time, no two at one; one at least.
    entries: Vec<Entry>,
    /// How long a round lasts, if there are several; all entries lie within.
    every: Option<Duration>,
}

impl Plan {
    /// The plan of a policy's settings.
    pub fn of(settings: &Settings) -> Self {
        // the text was checked when it was set, and an empty plan plans nothing
        Self::new(read(settings.text("plan")).unwrap_or_default(), settings.duration("every"))
    }

    /// A plan of entries in order; a round of no length is the only one.
    ///
    /// What lies beyond its round never comes and is left out, and no round is shorter than a second ([`Plan::objection`] says so beforehand).
    fn new(mut entries: Vec<Entry>, every: Duration) -> Self {
        let every = (!every.is_zero()).then(|| every.max(EVERY_MIN));
        entries.retain(|entry| every.is_none_or(|every| entry.at < every));
        Self { entries, every }
    }

    /// What is wrong with settings that are right each by itself.
    pub(super) fn objection(settings: &Settings, replicas_max: u32) -> Option<Objection> {
        let entries = read(settings.text("plan")).unwrap_or_default();
        let every = settings.duration("every");
        if let Some(Entry { at, replicas }) = entries.iter().find(|entry| entry.replicas > replicas_max) {
            let what = format!(
                "has {replicas} at {}, more than the {replicas_max} replicas the platform grants",
                format_duration(*at)
            );
            return Some(Objection { key: "plan", what, hint: RAISE_MAX });
        }
        if every.is_zero() {
            return None;
        }
        if every < EVERY_MIN {
            let hint = "a round lasts a second at least; 0s is a plan without rounds";
            return Some(Objection { key: "every", what: "is too short".to_owned(), hint });
        }
        let beyond = entries.iter().find(|entry| entry.at >= every)?;
        let what = format!("begins the plan again before it comes to {}", format_duration(beyond.at));
        Some(Objection { key: "every", what, hint: "make it longer than the plan, or leave out what never comes" })
    }

    /// What holds at a time since the load's start; nothing before the first entry.
    pub fn at(&self, since: Duration) -> Option<Entry> {
        let (round, within) = self.round(since);
        match self.begun(within) {
            // a later round begins with what the one before it ended with
            0 if round.is_zero() => None,
            0 => self.entries.last().copied(),
            begun => self.entries.get(begun - 1).copied(),
        }
    }

    /// When the next entry begins after a time since the load's start, if ever.
    pub fn next(&self, since: Duration) -> Option<Duration> {
        let (round, within) = self.round(since);
        match self.entries.get(self.begun(within)) {
            Some(entry) => Some(round + entry.at),
            None => Some(round.saturating_add(self.every?).saturating_add(self.entries.first()?.at)),
        }
    }

    /// The start of the round that a time lies in, and how far into it that is.
    fn round(&self, since: Duration) -> (Duration, Duration) {
        let Some(every) = self.every else { return (Duration::ZERO, since) };
        let within = Duration::from_nanos((since.as_nanos() % every.as_nanos()) as u64);
        (since.saturating_sub(within), within)
    }

    /// Entries that have begun so far into a round.
    fn begun(&self, within: Duration) -> usize {
        self.entries.partition_point(|entry| entry.at <= within)
    }
}

/// Reads entries.
///
/// # Errors
/// With the entry that is none, as a sentence that follows `plan = ...`.
fn read(text: &str) -> Result<Vec<Entry>, String> {
    let written: Vec<&str> = text.split(',').map(str::trim).collect();
    if written.len() > ENTRIES_MAX {
        return Err(format!("has {} entries; the most is {ENTRIES_MAX}", written.len()));
    }
    let mut entries: Vec<Entry> = Vec::new();
    for (number, words) in (1..).zip(written.iter().copied()) {
        // a comma at the end is no entry
        if words.is_empty() && number == written.len() && number > 1 {
            continue;
        }
        let refused = |wrong: String| format!("is refused at entry {number}, \"{words}\": {wrong}");
        let entry = entry(words).map_err(refused)?;
        if entries.last().is_some_and(|last| entry.at <= last.at) {
            return Err(refused("its time is not after the one before it".to_owned()));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(words: &str) -> Result<Entry, String> {
    let [count, "at", time] = words.split_whitespace().collect::<Vec<&str>>()[..] else {
        return Err("it is not a count of replicas and a time, as 3 at 1m is".to_owned());
    };
    let replicas = match count.parse() {
        Ok(replicas) if (1..=REPLICAS_MAX).contains(&replicas) => replicas,
        _ => return Err(format!("\"{count}\" is no count of replicas from 1 to {REPLICAS_MAX}")),
    };
    let at = parse_duration(time).map_err(|error| format!("\"{time}\" {error}"))?;
    Ok(Entry { at, replicas })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::settings::Value;

    const fn of(replicas: u32, secs: u64) -> Entry {
        Entry { at: Duration::from_secs(secs), replicas }
    }

    #[test]
    fn a_plan_is_counts_with_their_times() {
        let plan = read("1 at 0s, 3 at 1m,\n 12 at 1m30s,").unwrap();
        assert_eq!(plan, [of(1, 0), of(3, 60), of(12, 90)]);
        assert_eq!(read("2 at 0"), Ok(vec![of(2, 0)]));
    }

    #[test]
    fn what_is_no_entry_is_named() {
        for (text, wrong) in [
            ("", "is refused at entry 1, \"\": it is not a count of replicas and a time, as 3 at 1m is"),
            ("1 at 0s, 3", "is refused at entry 2, \"3\": it is not a count of replicas and a time, as 3 at 1m is"),
            (
                "1 for 60s",
                "is refused at entry 1, \"1 for 60s\": it is not a count of replicas and a time, as 3 at 1m is",
            ),
            ("0 at 0s", "is refused at entry 1, \"0 at 0s\": \"0\" is no count of replicas from 1 to 10000"),
            ("many at 0s", "is refused at entry 1, \"many at 0s\": \"many\" is no count of replicas from 1 to 10000"),
            ("1 at -6s", "is refused at entry 1, \"1 at -6s\": \"-6s\" is negative; a duration is at least 0"),
            ("1 at 60s, 2 at 1m", "is refused at entry 2, \"2 at 1m\": its time is not after the one before it"),
        ] {
            assert_eq!(read(text).unwrap_err(), wrong);
        }
        assert!(read("1 at 60").unwrap_err().starts_with("is refused at entry 1, \"1 at 60\": \"60\" has no unit"));
        assert!(read(&"1 at 0s,".repeat(ENTRIES_MAX + 1)).unwrap_err().ends_with("the most is 10000"));
    }

    #[test]
    fn rounds_that_are_shorter_than_the_plan_or_than_a_second_are_objected_to() {
        let parameters = crate::policy::timetable::parameters();
        let objection = |plan: &'static str, every: Duration| {
            let mut settings = Settings::defaults(&parameters);
            settings.set(&parameters, "plan", Value::Text(plan)).unwrap();
            settings.set(&parameters, "every", Value::Duration(every)).unwrap();
            Plan::objection(&settings, 5).map(|objection| (objection.key, objection.what))
        };
        let minute = Duration::from_secs(60);
        assert_eq!(objection("1 at 0s, 5 at 59s", minute), None);
        assert_eq!(
            objection("1 at 0s, 5 at 1m", minute),
            Some(("every", "begins the plan again before it comes to 1m".to_owned()))
        );
        assert_eq!(objection("1 at 0s", Duration::from_millis(3)), Some(("every", "is too short".to_owned())));
        assert_eq!(
            objection("1 at 0s, 6 at 1m", Duration::ZERO),
            Some(("plan", "has 6 at 1m, more than the 5 replicas the platform grants".to_owned()))
        );
    }
}
