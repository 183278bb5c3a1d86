//! What the chain's events are called, in one place: the emulated chain and the real one tell the same thing in the same
//! words, so that their rows can be laid side by side.

use crate::policy::Reason;

pub use super::prometheus::Change;
use super::ranges::Ranges;

/// An alert changed its state; `rate` is the expression's value, if it had one.
pub fn alert(name: &str, change: Change, rate: Option<f64>, threshold: f64) -> Reason {
    let state = match change {
        Change::Pending => "pending",
        Change::Firing => "firing",
        Change::Dropped => "dropped before it fired",
        Change::Resolved => "resolved",
    };
    let text = match rate {
        Some(rate) if rate > threshold => format!("alert of {name} {state}: {rate:.2} /s is above {threshold} /s"),
        Some(rate) => format!("alert of {name} {state}: {rate:.2} /s is not above {threshold} /s"),
        None => format!("alert of {name} {state}: fewer than two samples, so no rate"),
    };
    Reason { text, value: rate }
}

/// The alerts of a notification: names, and whether they fire.
pub fn notified<'a>(alerts: impl IntoIterator<Item = (&'a str, bool)>) -> String {
    let alerts: Vec<String> = alerts
        .into_iter()
        .map(|(name, is_firing)| format!("{name} {}", if is_firing { "firing" } else { "resolved" }))
        .collect();
    alerts.join(", ")
}

/// What an alert makes of `current` replicas, and why: the rule of the gateway's alert handler with its numbers.
///
/// # Errors
/// The function's scaling factor, if that is none of 1 to 100: the gateway then passes the alert over.
pub fn step(ranges: Ranges, is_firing: bool, current: u32, rate: Option<f64>) -> Result<(u32, Reason), i64> {
    let rule = ranges.rule(is_firing)?;
    let current = u64::from(current);
    let reason = ruled(is_firing, rate, &rule.in_words(current));
    Ok((u32::try_from(rule.after(current)).unwrap_or(u32::MAX), reason))
}

/// The gateway's rule with what set it off.
fn ruled(is_firing: bool, rate: Option<f64>, rule: &str) -> Reason {
    let state = if is_firing { "firing" } else { "resolved" };
    let at = rate.map_or_else(|| "without a rate".to_owned(), |rate| format!("at {rate:.2} /s"));
    Reason { text: format!("{state} {at}: {rule}"), value: rate }
}

/// An alert changes nothing.
pub fn stays(name: &str, at: u32, reason: &Reason) -> Reason {
    Reason { text: format!("{name} stays at {at}: {}", reason.text), value: reason.value }
}

/// A function's factor makes the gateway's reading fail.
pub fn bad_factor(name: &str, factor: i64) -> String {
    format!("{name}: scaling factor {factor} is not in 1 to 100, alert passed over")
}

/// A function's replicas can't be read.
pub fn unread(name: &str) -> String {
    format!("{name}: replicas could not be read, alert passed over")
}

/// A scrape that brought nothing.
pub const SCRAPE_FAILED: &str = "scrape failed, its sample is missing";

/// A notification was answered with an error.
pub fn answered(status: u16) -> String {
    format!("notification was answered with {status}")
}
