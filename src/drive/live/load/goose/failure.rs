//! Why a request of goose's failed: its client's error, which holds others, as one of our kinds.

use std::error::Error;
use std::io;

use crate::record::ErrorKind;

use super::super::failure::{Fault, system};

/// The kind of a failure before any head of an answer, with the innermost error's words where ours would say less.
pub(super) fn fault(timed_out: bool, redirected: bool, error: &(dyn Error + 'static)) -> Fault {
    if timed_out {
        return ErrorKind::Timeout.into();
    }
    if redirected {
        return Fault::new(ErrorKind::Redirect, innermost(error).to_string());
    }
    if let Some(error) = find::<hyper::Error>(error) {
        if error.is_parse_too_large() {
            return ErrorKind::TooLarge.into();
        }
        if error.is_parse() {
            return Fault::new(ErrorKind::Protocol, format!("net/http: malformed HTTP answer: {error}"));
        }
        if error.is_incomplete_message() {
            return ErrorKind::Closed.into();
        }
    }
    let text = chain(error);
    if text.contains("dns error") {
        return Fault::new(ErrorKind::Dns, innermost(error).to_string());
    }
    if let Some(error) = find::<io::Error>(error) {
        return match error.kind() {
            io::ErrorKind::ConnectionRefused => Fault::new(ErrorKind::Refused, format!("connect: {}", system(error))),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => ErrorKind::Reset.into(),
            io::ErrorKind::UnexpectedEof => ErrorKind::Closed.into(),
            io::ErrorKind::InvalidData => Fault::new(ErrorKind::Tls, error.to_string()),
            _ => Fault::new(ErrorKind::Connect, system(error)),
        };
    }
    Fault::new(ErrorKind::Connect, text)
}

/// The first error of a type in a chain of causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause: &&'a (dyn Error + 'static)| {
        let cause: &'a (dyn Error + 'static) = *cause;
        cause.source()
    })
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}

fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
