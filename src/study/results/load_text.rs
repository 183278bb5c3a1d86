//! What a load's summary in hey's layout ends with where the load is not hey's.

use std::fmt::Write as _;

use crate::drive::Tally;

/// What follows hey's summary of a load that is not hey's: what it was, and what its bound did.
pub(super) fn what_hey_has_no_word_for(load: &str, tally: &Tally) -> String {
    if load.starts_with("hey ") || load.is_empty() {
        return String::new();
    }
    let mut text = format!("Load:\n  {load}\n  Planned:\t{} requests\n", tally.planned);
    let held = tally.held_back;
    // writing to a string can't fail
    if held.count > 0 {
        let (mean, longest) = (held.time.as_secs_f64() / held.count as f64, held.longest.as_secs_f64());
        let _ = writeln!(
            text,
            "  Held back:\t{} requests, {mean:4.4} secs on average, {longest:4.4} secs at most",
            held.count
        );
    }
    if tally.lost.busy > 0 {
        let _ = writeln!(text, "  Dropped:\t{} requests", tally.lost.busy);
    }
    text
}
