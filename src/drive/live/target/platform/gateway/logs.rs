//! `/system/logs`: modelled pods write none, so what is there is the stream and its errors (faas `handlers/logs.go`).

use std::time::Duration;

use hyper::{Method, StatusCode};

use super::super::server::Answer;
use super::address::query_values;
use super::system::check_namespace;
use super::{Gateway, answer};

/// How long a follower is kept: the gateway's write time-out in the chart.
const FOLLOW_AT_MOST: Duration = Duration::from_secs(65);

impl Gateway {
    /// An empty stream; for a follower one that stays open, headers and all, until the gateway's time for it is over.
    pub(super) async fn logs(&self, query: &str) -> Answer {
        let last = |key| query_values(query, key).next_back().unwrap_or_default();
        let began = self.replicas.clock().now();
        let provided = |status| self.provided(&Method::GET, "/system/logs", status, began);
        let failed = |provider: StatusCode| {
            provided(provider);
            let text = format!("unknown log request error ({})", provider.as_u16());
            answer::error(StatusCode::INTERNAL_SERVER_ERROR, &text)
        };
        let (tail, since) = (last("tail"), last("since"));
        if (!tail.is_empty() && tail.parse::<i64>().is_err()) || (!since.is_empty() && !is_rfc3339(&since)) {
            return failed(StatusCode::UNPROCESSABLE_ENTITY);
        }
        // the provider looks for pods by label; in another namespace there are none
        let namespace = last("namespace");
        let here = check_namespace(Some(&namespace)).is_ok() || namespace.eq_ignore_ascii_case("kube-system");
        if !here || self.functions.find(&last("name")).is_none() {
            return failed(StatusCode::INTERNAL_SERVER_ERROR);
        }
        if matches!(last("follow").as_str(), "1" | "t" | "T" | "TRUE" | "true" | "True") {
            let mut stopped = self.stopped.clone();
            // either way the stream ends empty
            let _ = tokio::time::timeout(FOLLOW_AT_MOST, stopped.wait_for(Option::is_some)).await;
        }
        provided(StatusCode::OK);
        answer::empty(StatusCode::OK)
    }
}

/// Whether a text is a date and a time as RFC 3339 writes them: `2024-06-17T18:05:08.3Z`, or with `+01:00`.
fn is_rfc3339(text: &str) -> bool {
    let shaped = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                wanted => byte == wanted,
            })
    };
    let Some((moment, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) if fraction.starts_with(|digit: char| digit.is_ascii_digit()) => {
            fraction.trim_start_matches(|digit: char| digit.is_ascii_digit())
        }
        Some(_) => return false,
        None => rest,
    };
    let number = |range: std::ops::Range<usize>| moment.get(range).and_then(|digits| digits.parse::<u32>().ok());
    let within = |range: std::ops::Range<usize>, least: u32, most: u32| {
        number(range).is_some_and(|number| (least..=most).contains(&number))
    };
    shaped(moment, "0000-00-00T00:00:00")
        && within(5..7, 1, 12)
        && within(8..10, 1, 31)
        && within(11..13, 0, 23)
        && within(14..16, 0, 59)
        && within(17..19, 0, 59)
        && (rest == "Z" || shaped(rest, "+00:00") || shaped(rest, "-00:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_is_told_from_what_only_looks_like_one() {
        for text in ["2024-06-17T18:05:08Z", "2024-06-17T18:05:08.324+01:00", "1970-01-01T00:00:00-00:30"] {
            assert!(is_rfc3339(text), "{text}");
        }
        for text in [
            "",
            "5m",
            "2024-06-17",
            "2024-13-17T18:05:08Z",
            "2024-06-17T18:05:08",
            "2024-06-17T18:05:08.Z",
            "2024-06-17 18:05:08Z",
            "\u{e4}024-06-17T18:05:08Z",
        ] {
            assert!(!is_rfc3339(text), "{text}");
        }
    }
}
