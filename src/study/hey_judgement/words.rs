//! A judgement as a person reads it.

use std::fmt::{self, Write as _};

use super::{Judgement, Judgements, Verdict};
use crate::time::format_duration;

/// What to do about a generator that could not keep up.
const REMEDY: &str = "run it again on a machine with idle cores, one generator per machine or all in one `watchtower run`, which counts \
                      what was lost and why";

impl fmt::Display for Judgements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for summary in &self.summaries {
            writeln!(f, "{summary}")?;
        }
        write!(f, "{}", self.conclusion)
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        let pacing = &self.asked.pacing;
        match self.planned {
            Some(planned) => {
                let workers = format!("{} workers", pacing.workers());
                let each = match (pacing.period(), pacing.planned_per_worker()) {
                    (Some(period), Some(each)) => format!("{each} requests each, every {}", format_duration(period)),
                    (_, each) => format!("{} requests each, one after the other", each.unwrap_or(0)),
                };
                writeln!(f, "  planned        {planned:>8}   {workers}, {each}")?;
            }
            None => writeln!(f, "  planned         unknown   without -q only the answers decide")?,
        }
        writeln!(
            f,
            "  counted        {:>8}   {} answers, {} errors",
            self.counted,
            self.counted - self.errors,
            self.errors
        )?;
        if let (Some(missing), Some(planned)) = (self.missing, self.planned) {
            writeln!(f, "  missing        {missing:>8}   {} of the planned", percent(missing, planned))?;
            if let Some(explained) = self.explained.filter(|_| missing > 0) {
                let (least, on_tick) = (explained.least.min(missing), explained.on_tick.min(missing));
                let range = if least == on_tick { least.to_string() } else { format!("{least} to {on_tick}") };
                let most = match explained.most {
                    Some(most) => format!("at most {} in whatever order they came", most.min(missing)),
                    None => "without a time-out (-t 0) nothing bounds what errors took".to_owned(),
                };
                writeln!(f, "  slow requests  {range:>8}   of these, if each left on its tick; {most}")?;
                let unexplained = missing - on_tick;
                if let Some(standstill) = self.standstill_s.filter(|_| unexplained > 0) {
                    writeln!(
                        f,
                        "  unexplained    {unexplained:>8}   as if hey had stood still for {standstill:.2} s in all"
                    )?;
                }
            }
        }
        let allowed = match self.total_most_s {
            Some(most) if self.excess_s > 0.0 => {
                format!("flags and latencies allow {most:.2} s, so it is {:.2} s too long", self.excess_s)
            }
            Some(most) => format!("flags and latencies allow up to {most:.2} s"),
            None => "nothing bounds it".to_owned(),
        };
        writeln!(f, "  total        {:>8.2} s   {allowed}", self.total_s)?;
        writeln!(f, "  {}", self.sentence())
    }
}

impl Judgement {
    /// The conclusion about this one.
    fn sentence(&self) -> String {
        match self.verdict {
            Verdict::Kept => match self.missing {
                Some(missing) if missing > 0 && self.explained.is_some_and(|explained| explained.least > 0) => {
                    "hey kept its flags as far as the system let it: what is missing was lost to slow answers, and its percentiles leave \
                     that waiting out"
                        .to_owned()
                }
                _ => "hey kept its flags".to_owned(),
            },
            Verdict::Doubtful => {
                "doubtful: slow answers explain what is missing only if nearly all of them followed one another at a single worker; more \
                 likely, hey or its host stood still"
                    .to_owned()
            }
            Verdict::Stalled => {
                "hey or its host stood still: no order of slow answers explains this, so the load was not the one the flags ask for"
                    .to_owned()
            }
            Verdict::CutShort => "the run was over before its time (Ctrl-C?): it says nothing about the whole load".to_owned(),
            Verdict::OtherFlags => {
                "more requests than these flags call for: give the flags that this summary was made with".to_owned()
            }
        }
    }
}

/// What follows for all of them.
pub(super) fn conclusion(summaries: &[Judgement]) -> String {
    let names = |verdict: Verdict| {
        let names: Vec<&str> =
            summaries.iter().filter(|one| one.verdict == verdict).map(|one| one.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(" and "))
    };
    let mut reasons = Vec::new();
    for (verdict, what) in [
        (Verdict::Stalled, "the generator stalled in"),
        (Verdict::Doubtful, "the generator most likely stalled in"),
        (Verdict::CutShort, "the load was cut short in"),
        (Verdict::OtherFlags, "the flags don't fit"),
    ] {
        reasons.extend(names(verdict).map(|names| format!("{what} {names}")));
    }
    let reasons = reasons.join(", and ");
    match (summaries.len(), reasons.is_empty()) {
        (0, _) => "nothing was given to judge".to_owned(),
        (1, true) => "The numbers are those of the load that was asked for.".to_owned(),
        (1, false) => format!("Don't compare this run with any other: {reasons}; {REMEDY}."),
        (_, true) => {
            let counts: Vec<u64> = summaries.iter().map(|one| one.counted).collect();
            let (fewest, most) = (counts.iter().copied().min().unwrap_or(0), counts.iter().copied().max().unwrap_or(0));
            let mut text = "Comparable: each hey kept its flags.".to_owned();
            if most - fewest > most / 1000 {
                let _ = write!(
                    text,
                    " But they were answered {fewest} to {most} requests: the slower system got fewer, and hey's percentiles leave out \
                     what the lost ones would have waited; latencies from due (`watchtower run`) don't."
                );
            }
            text
        }
        (_, false) => format!("Not comparable: {reasons}; {REMEDY}."),
    }
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "0 %".to_owned() } else { format!("{:.2} %", part as f64 / whole as f64 * 100.0) }
}
