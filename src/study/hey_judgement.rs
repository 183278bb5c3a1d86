//! Whether a hey kept its own flags: judged from the summary it printed.
//!
//! ```text
//!   summary --HeyOutput::parse--> what came     \
//!   flags   --hey::Settings-----> what was asked  }--> missing --bounds--> what slow requests explain --> Judgement
//! ```
//!
//! hey does not say how many requests it left out, or why. A paced hey loses ticks while its worker waits for a slow answer, which
//! is a result; what slow answers can't explain was lost by the generator or its host, which makes the numbers those of another
//! load. Pure arithmetic: texts come in, words go out.

mod bounds;
mod output;
mod words;

use std::time::Duration;

use serde::Serialize;

use crate::schedule::hey::Settings;

pub use bounds::Explained;
pub use output::{Bin, HeyOutput, OutputError};

/// Share of the planned requests that may be missing without an explanation: the same as for our own runs, where 99.9 % must be
/// accounted for.
const UNEXPLAINED_MAX: f64 = 0.001;

/// How much longer than allowed a run may take: the same as the standstill our own runs may have.
const EXCESS_MAX: Duration = Duration::from_millis(500);

/// What hey was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// `-n`, `-c`, `-q`, `-z`.
    pub pacing: Settings,
    /// `-t`; `None` for no time-out.
    pub timeout: Option<Duration>,
}

/// What became of what hey was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// Where the summary came from.
    pub name: String,
    /// Requests the flags call for; `None` where the answers decide (no `-q`).
    pub planned: Option<u64>,
    /// Requests that were sent and ended, errors included.
    pub counted: u64,
    /// Errors among them.
    pub errors: u64,
    /// Planned and never sent.
    pub missing: Option<u64>,
    /// How many of the missing slow requests account for; `None` where nothing can be missing.
    pub explained: Option<Explained>,
    /// From start to last answer, in seconds.
    pub total_s: f64,
    /// Longest such time that the flags and the latencies allow, in seconds; `None` if nothing bounds it.
    pub total_most_s: Option<f64>,
    /// How much longer than `-z` it took, in seconds; `None` without `-z`.
    pub overshoot_s: Option<f64>,
    /// How much longer than allowed it took, in seconds.
    pub excess_s: f64,
    /// Time in which an undisturbed hey sends what is missing without an explanation, in seconds: how long it stood still, in all.
    pub standstill_s: Option<f64>,
    /// The conclusion.
    pub verdict: Verdict,
    /// What was asked for.
    #[serde(skip)]
    pub asked: Asked,
}

/// Whether a hey kept its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything planned was sent, or not sent because the system was slow.
    Kept,
    /// More is missing than slow requests can well explain, though some unlikely order of them would.
    Doubtful,
    /// No order of slow requests explains what is missing, or how long it took: the generator or its host stood still.
    Stalled,
    /// The run was over before its time: Ctrl-C, most likely.
    CutShort,
    /// More requests than the flags call for: these are not the flags of this summary.
    OtherFlags,
}

/// Judges one summary.
pub fn judge(name: &str, output: &HeyOutput, asked: Asked) -> Judgement {
    let Asked { pacing, timeout } = asked;
    let counted = output.counted();
    let planned = pacing.planned();
    let missing = planned.map(|planned| planned.saturating_sub(counted));
    // by count nothing is lost: a slow system makes the run longer
    let explained = pacing
        .duration()
        .and(pacing.period())
        .map(|period| bounds::explained(output, period, timeout, pacing.workers()));
    let most = bounds::longest_total(output, pacing.period(), pacing.duration(), pacing.planned_per_worker(), timeout);
    let excess = most.map_or(Duration::ZERO, |most| output.total.saturating_sub(most));
    let standstill = missing.zip(explained).zip(pacing.period()).map(|((missing, explained), period)| {
        let workers = f64::from(pacing.workers());
        missing.saturating_sub(explained.on_tick) as f64 * period.as_secs_f64() / workers
    });
    Judgement {
        name: name.to_owned(),
        planned,
        counted,
        errors: output.errors,
        missing,
        explained,
        total_s: output.total.as_secs_f64(),
        total_most_s: most.map(|most| most.as_secs_f64()),
        overshoot_s: pacing.duration().map(|duration| output.total.as_secs_f64() - duration.as_secs_f64()),
        excess_s: excess.as_secs_f64(),
        standstill_s: standstill,
        verdict: verdict(output, asked, explained, excess),
        asked,
    }
}

fn verdict(output: &HeyOutput, asked: Asked, explained: Option<Explained>, excess: Duration) -> Verdict {
    let Asked { pacing, .. } = asked;
    let counted = output.counted();
    // one more per worker may slip in at the end of -z
    let slip = pacing.duration().map_or(0, |_| u64::from(pacing.workers()));
    if pacing.planned().is_some_and(|planned| counted > planned + slip) {
        return Verdict::OtherFlags;
    }
    if pacing.duration().is_some_and(|duration| output.total < duration) {
        return Verdict::CutShort;
    }
    if excess > EXCESS_MAX {
        return Verdict::Stalled;
    }
    let Some(planned) = pacing.planned() else { return Verdict::Kept };
    let missing = planned.saturating_sub(counted);
    if pacing.duration().is_none() {
        return if missing == 0 { Verdict::Kept } else { Verdict::CutShort };
    }
    let allowed = (planned as f64 * UNEXPLAINED_MAX) as u64;
    let explained = explained.unwrap_or_default();
    if explained.most.is_some_and(|most| missing > most.saturating_add(allowed)) {
        Verdict::Stalled
    } else if missing > explained.on_tick.saturating_add(allowed) {
        Verdict::Doubtful
    } else {
        Verdict::Kept
    }
}

/// One or several summaries judged by the same flags.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgements {
    /// Each summary, in the order given.
    pub summaries: Vec<Judgement>,
    /// Whether they can be compared; `None` for a single one.
    pub comparable: Option<bool>,
    /// The conclusion in words.
    pub conclusion: String,
}

/// Judges summaries (a name and a text each) of heys that were all given these flags.
///
/// # Errors
/// At the first text that is no summary of hey's, with its name.
pub fn judge_all(texts: &[(String, String)], asked: Asked) -> Result<Judgements, (String, OutputError)> {
    let judged = |(name, text): &(String, String)| match HeyOutput::parse(text) {
        Ok(output) => Ok(judge(name, &output, asked)),
        Err(error) => Err((name.clone(), error)),
    };
    let summaries = texts.iter().map(judged).collect::<Result<Vec<_>, _>>()?;
    let comparable = (summaries.len() > 1).then(|| summaries.iter().all(|one| one.verdict == Verdict::Kept));
    let conclusion = words::conclusion(&summaries);
    Ok(Judgements { summaries, comparable, conclusion })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two summaries this project's original published for `hey -z 2m -c 50 -q 5`: with its autoscaler and with that of the
    /// Community Edition.
    const WATCHTOWER: &str = include_str!("hey_judgement/published_watchtower.txt");
    const OPENFAAS_CE: &str = include_str!("hey_judgement/published_openfaas_ce.txt");

    fn asked(n: u64, c: u32, q: f64, z: &str) -> Asked {
        let duration = (!z.is_empty()).then(|| crate::time::parse_duration(z).expect("a duration"));
        Asked { pacing: Settings::new(n, c, q, duration).expect("flags"), timeout: Some(Duration::from_secs(20)) }
    }

    fn published() -> Judgements {
        let texts = [("watchtower", WATCHTOWER), ("openfaas-ce", OPENFAAS_CE)];
        let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned()));
        judge_all(&texts, asked(200, 50, 5.0, "2m")).expect("summaries")
    }

    #[test]
    fn the_published_pair_is_not_comparable_because_the_first_generator_stalled() {
        let judgements = published();
        let [first, second] = &judgements.summaries[..] else { panic!("two") };
        // hey.md section 12: 8 to 15 requests over 400 ms explain some 25 of 1212 at most, 45 requests some 45 of 196
        assert_eq!((first.planned, first.counted, first.missing), (Some(30_000), 28_788, Some(1_212)));
        let explained = first.explained.expect("paced by time");
        assert!((explained.least, explained.on_tick) == (8, 16) && explained.on_tick <= 25, "{explained:?}");
        assert!(explained.most.is_some_and(|most| most < 150), "{explained:?}");
        assert_eq!(first.verdict, Verdict::Stalled);
        assert!((first.overshoot_s.expect("-z") - 1.704).abs() < 1e-3);
        assert!((first.excess_s - 0.879).abs() < 1e-3, "{}", first.excess_s);

        assert_eq!((second.missing, second.verdict), (Some(196), Verdict::Doubtful));
        let explained = second.explained.expect("paced by time");
        assert_eq!((explained.least, explained.on_tick), (45, 45));
        assert!(second.excess_s == 0.0 && second.overshoot_s.expect("-z") < 0.1);
        assert_eq!(judgements.comparable, Some(false));
    }

    #[test]
    fn the_published_pair_in_words() {
        insta::assert_snapshot!(published(), @r"
        watchtower
          planned           30000   50 workers, 600 requests each, every 200ms
          counted           28788   28788 answers, 0 errors
          missing            1212   4.04 % of the planned
          slow requests   8 to 16   of these, if each left on its tick; at most 124 in whatever order they came
          unexplained        1196   as if hey had stood still for 4.78 s in all
          total          121.70 s   flags and latencies allow 120.83 s, so it is 0.88 s too long
          hey or its host stood still: no order of slow answers explains this, so the load was not the one the flags ask for

        openfaas-ce
          planned           30000   50 workers, 600 requests each, every 200ms
          counted           29804   29804 answers, 0 errors
          missing             196   0.65 % of the planned
          slow requests        45   of these, if each left on its tick; at most 171 in whatever order they came
          unexplained         151   as if hey had stood still for 0.60 s in all
          total          120.10 s   flags and latencies allow up to 120.80 s
          doubtful: slow answers explain what is missing only if nearly all of them followed one another at a single worker; more likely, hey or its host stood still

        Not comparable: the generator stalled in watchtower, and the generator most likely stalled in openfaas-ce; run it again on a machine with idle cores, one generator per machine or all in one `watchtower run`, which counts what was lost and why.
        ");
    }

    fn summary(total: &str, slowest: &str, bins: &str, answers: u64) -> String {
        format!(
            "Summary:\n Total: {total} secs\n Slowest: {slowest} secs\n Fastest: 0.0100 secs\n Requests/sec: 1.0\n\
             Response time histogram:\n{bins}\nStatus code distribution:\n [200] {answers} responses\n"
        )
    }

    fn verdict_of(text: &str, asked: Asked) -> Verdict {
        judge("one", &HeyOutput::parse(text).expect("a summary"), asked).verdict
    }

    #[test]
    fn a_slow_system_is_no_fault_of_hey() {
        // ten workers at two a second for ten seconds; each request took between 1.4 and 1.5 s, so each lost one tick
        let text = summary("11.9", "1.5000", " 0.010 [1] |\n 1.500 [100] |", 101);
        assert_eq!(verdict_of(&text, asked(200, 10, 2.0, "10s")), Verdict::Kept);
    }

    #[test]
    fn the_law_of_each_verdict() {
        let quick = |answers: u64, total: &str| {
            summary(total, "0.0200", &format!(" 0.010 [1] |\n 0.020 [{}] |", answers - 1), answers)
        };
        let paced = asked(200, 10, 10.0, "10s");
        for (answers, total, verdict) in [
            (1_000, "10.01", Verdict::Kept),
            (999, "10.01", Verdict::Kept),
            (998, "10.01", Verdict::Stalled),
            // a period, a request and half a second may pass after the end
            (1_000, "10.61", Verdict::Kept),
            (1_000, "10.63", Verdict::Stalled),
            (1_010, "10.01", Verdict::Kept),
            (1_011, "10.01", Verdict::OtherFlags),
            (400, "4.02", Verdict::CutShort),
        ] {
            assert_eq!(verdict_of(&quick(answers, total), paced), verdict, "{answers} in {total} s");
        }
        // by count, nothing may be missing
        let counted = asked(205, 50, 5.0, "");
        assert_eq!(verdict_of(&quick(200, "0.82"), counted), Verdict::Kept);
        assert_eq!(verdict_of(&quick(199, "0.82"), counted), Verdict::CutShort);
        assert_eq!(verdict_of(&quick(200, "9.82"), counted), Verdict::Stalled);
        // without -q only the end can tell
        let closed = asked(200, 10, 0.0, "10s");
        assert_eq!(verdict_of(&quick(77, "10.02"), closed), Verdict::Kept);
        assert_eq!(verdict_of(&quick(77, "10.60"), closed), Verdict::Stalled);
    }

    #[test]
    fn a_text_that_is_no_summary_is_named() {
        let texts = [("a.csv".to_owned(), "response-time\n0.1\n".to_owned())];
        let (name, error) = judge_all(&texts, asked(200, 50, 5.0, "2m")).expect_err("no summary");
        assert_eq!((name.as_str(), error), ("a.csv", OutputError::Missing("Total:")));
    }
}
