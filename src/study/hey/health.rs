//! Whether the generator kept time: the limits of a study's runs, for one load.

use std::time::Duration;

use crate::study::results::Limits;
use crate::study::results::about::KEEP_AWAKE;
use crate::study::results::validity::max_lateness_for;
use crate::time::format_duration;

use super::measured::Measured;

/// What is to be done about a generator that stood still.
const GIVE_ROOM: &str = "close other programs, lower -c or -q, or use a machine with more cores";

/// What is to be done about one that was late.
fn give_room(measured: &Measured) -> String {
    if measured.may_doze { format!("{KEEP_AWAKE}, {GIVE_ROOM}") } else { GIVE_ROOM.to_owned() }
}

/// Why the load was not the one the flags ask for, each with its numbers and what to change; empty if the generator kept time.
///
/// A slow system is no fault: requests lost because their worker still waited are accounted for.
pub fn faults(measured: &Measured) -> Vec<String> {
    let limits = Limits { max_lateness_p99: max_lateness_for(measured.tally.period), ..Limits::default() };
    let tally = &measured.tally;
    let mut faults = Vec::new();
    if let Some(planned) = measured.planned().filter(|planned| *planned > 0) {
        let accounted = (tally.sent + tally.lost.busy) as f64 / planned as f64;
        if accounted < limits.min_accounted {
            faults.push(format!(
                "{} of {planned} planned requests were never sent because the generator was behind: {}",
                tally.lost.late,
                give_room(measured),
            ));
        }
    }
    if let Some(p99) = measured.lateness.percentile(99.0).filter(|p99| *p99 > limits.max_lateness_p99) {
        // to the hundredth of a millisecond: more would pretend to know more
        let p99 = Duration::from_micros(p99.as_micros() as u64 / 10 * 10);
        faults.push(format!(
            "1 % of the requests left {} or more after they could, and {} is allowed: {}",
            format_duration(p99),
            format_duration(limits.max_lateness_p99),
            give_room(measured),
        ));
    }
    if measured.stalled > limits.max_stall {
        faults.push(format!(
            "the generator or its host stood still for {:.2} s in all, and {:.2} s is allowed: {GIVE_ROOM}",
            measured.stalled.as_secs_f64(),
            limits.max_stall.as_secs_f64()
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::Tally;
    use crate::record::Lost;
    use crate::schedule::hey::Settings;
    use crate::time::{Epoch, Timestamp};

    fn measured(change: impl FnOnce(&mut Measured)) -> Measured {
        let pacing = Settings::new(200, 10, 5.0, Some(Duration::from_secs(20))).expect("flags");
        let mut measured = Measured::new(&pacing, Timestamp::ZERO, Epoch::default(), false);
        let period = pacing.period();
        measured.tally = Tally { planned: 1_000, sent: 1_000, period, ..Tally::default() };
        measured.lateness.record(Duration::from_micros(60));
        change(&mut measured);
        measured
    }

    #[test]
    fn a_slow_system_is_no_fault_of_the_generator() {
        assert_eq!(faults(&measured(|_| {})), [""; 0]);
        let slow = |measured: &mut Measured| (measured.tally.sent, measured.tally.lost.busy) = (10, 990);
        assert_eq!(faults(&measured(slow)), [""; 0]);
    }

    #[test]
    fn each_fault_is_named_with_its_numbers_and_what_to_change() {
        let late = measured(|measured| {
            (measured.tally.sent, measured.tally.lost) = (900, Lost { busy: 0, late: 100 });
            measured.lateness.record(Duration::from_millis(12));
            measured.stalled = Duration::from_secs(1);
        });
        let mut dozing = late.clone();
        dozing.may_doze = true;
        assert_eq!(
            faults(&dozing).iter().filter(|fault| fault.contains("--keep-awake")).count(),
            2,
            "not of a standstill"
        );
        insta::assert_snapshot!(faults(&late).join("\n"), @r"
        100 of 1000 planned requests were never sent because the generator was behind: close other programs, lower -c or -q, or use a machine with more cores
        1 % of the requests left 12ms or more after they could, and 10ms is allowed: close other programs, lower -c or -q, or use a machine with more cores
        the generator or its host stood still for 1.00 s in all, and 0.50 s is allowed: close other programs, lower -c or -q, or use a machine with more cores
        ");
    }
}
