//! What the built-in functions would answer, as far as the model needs it.

use std::time::Duration;

use crate::drive::Handler;

/// A handler's answer to the plan's query: always the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) status: u16,
    /// Time the handler sleeps, if the request decides that.
    pub(super) wait: Option<Duration>,
    /// Length of the body, where it is known.
    pub(super) size: Option<u64>,
}

/// What `handler` answers to `query`. A `number` that is missing, none or too large gives a 500, whose text is not modelled.
pub(super) fn served(handler: Handler, query: &str) -> Served {
    let number = query.split('&').find_map(|pair| pair.strip_prefix("number="));
    let refused = Served { status: 500, wait: None, size: None };
    match handler {
        Handler::Plain => Served { status: 200, wait: None, size: Some(0) },
        Handler::Ftest => match number.and_then(|number| number.parse::<u32>().ok()) {
            // {"value":N!} and a newline
            Some(number) if number <= Handler::FACTORIAL_MAX => {
                Served { status: 200, wait: None, size: Some(factorial_digits(number) + 11) }
            }
            _ => refused,
        },
        Handler::Sleepy => match number.and_then(|number| number.parse().ok()).map(Duration::try_from_secs_f64) {
            // {"value":"Good Morning!"} and a newline
            Some(Ok(wait)) if wait <= Handler::SLEEP_MAX => Served { status: 200, wait: Some(wait), size: Some(26) },
            _ => refused,
        },
    }
}

/// Decimal digits of `number!`: the sum of logarithms, which for no factorial beyond 1 comes near a whole number.
fn factorial_digits(number: u32) -> u64 {
    (2..=number).map(|factor| f64::from(factor).log10()).sum::<f64>() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_factorial_is_76_bytes_on_the_wire_and_good_morning_26() {
        assert_eq!(served(Handler::Ftest, "number=50").size, Some(76));
        assert_eq!(served(Handler::Ftest, "number=0").size, Some(12));
        let sleepy = served(Handler::Sleepy, "a=b&number=0.75");
        assert_eq!(sleepy, Served { status: 200, wait: Some(Duration::from_millis(750)), size: Some(26) });
    }

    #[test]
    fn a_number_that_is_none_or_too_large_is_an_error_of_the_handler() {
        for (handler, query) in [
            (Handler::Ftest, ""),
            (Handler::Ftest, "number=x"),
            (Handler::Ftest, "number=-1"),
            (Handler::Ftest, "number=10001"),
            (Handler::Sleepy, "number=-1"),
            (Handler::Sleepy, "number="),
            (Handler::Sleepy, "number=30.1"),
        ] {
            assert_eq!(served(handler, query).status, 500, "{handler:?} {query}");
        }
    }
}
