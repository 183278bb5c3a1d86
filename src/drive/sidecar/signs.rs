//! What answers tell of the platform: that it is there, or that it seems not to be.

use crate::policy::{Event, Refusal};
use crate::record::ErrorKind;

/// The two ways to a platform, which may fail one without the other: on a cluster they lead to two servers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// Replicas are read and set.
    Control,
    /// The function is called.
    Function,
}

/// Failures in a row, on each side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    control: u32,
    function: u32,
}

impl Failures {
    pub(super) const fn of(&mut self, side: Side) -> &mut u32 {
        match side {
            Side::Control => &mut self.control,
            Side::Function => &mut self.function,
        }
    }

    pub(super) const fn most(self) -> u32 {
        if self.control > self.function { self.control } else { self.function }
    }
}

/// What an answer says of the platform: that this side of it is there, or why it seems not to be; `None` if it may be the function's
/// doing.
pub(super) fn sign_of(event: &Event) -> Option<(Side, Result<(), String>)> {
    match event {
        Event::Replicas { status, .. } => {
            Some((Side::Control, status.map(|_| ()).ok_or_else(|| "replicas can't be read".to_owned())))
        }
        Event::ScaleAnswered { result, .. } => match result {
            Err(Refusal::Unreachable(why)) => Some((Side::Control, Err(why.clone()))),
            Err(Refusal::Status { status: status @ 500.., .. }) => {
                Some((Side::Control, Err(format!("a scaling was answered {status}"))))
            }
            Ok(_) | Err(Refusal::Status { .. }) => Some((Side::Control, Ok(()))),
            Err(Refusal::HeldBack(_)) => None,
        },
        Event::ProbeDone(outcome) => match outcome.answer {
            Ok(_) => Some((Side::Function, Ok(()))),
            // a gateway answers for a function that fails; here nobody did
            Err(
                kind @ (ErrorKind::Refused
                | ErrorKind::Connect
                | ErrorKind::Dns
                | ErrorKind::Tls
                | ErrorKind::Reset
                | ErrorKind::Closed),
            ) => Some((Side::Function, Err(format!("a probe got no answer: {kind}")))),
            Err(_) => None,
        },
        _ => None,
    }
}
