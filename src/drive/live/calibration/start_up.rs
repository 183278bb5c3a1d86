//! How long a pod takes until it serves: one more is asked of the gateway, again and again, and the count is put back afterwards.

use std::time::Duration;

use crate::drive::live::clock::Clock;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::live::target::rest::{Rest, RestError};
use crate::policy::Refusal;
use crate::record::FunctionId;
use crate::time::Timestamp;

/// Between two looks at the replicas: what a measured time is late by at most.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A pod that takes longer than this is not waited for.
const PATIENCE: Duration = Duration::from_secs(180);

/// Start-ups as measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartUps {
    /// From asking for a pod until it was ready, in order of time.
    pub took: Vec<Duration>,
    /// Whether the measurement was ended early.
    pub interrupted: bool,
}

/// Why start-up could not be measured. The replicas are as before, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StartUpError {
    /// The gateway told nothing.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// It refused.
    #[error("the gateway refused to scale: {0}")]
    Refused(Refusal),
    /// It said yes, and the desired count did not follow.
    #[error(
        "asked for {asked} replicas, the gateway keeps {kept}: no more are granted (the Community Edition's limit is 5)"
    )]
    Limit {
        /// Asked for.
        asked: u32,
        /// Desired afterwards.
        kept: u32,
    },
    /// No pod came.
    #[error("no further replica was ready within {0:?}")]
    NeverReady(Duration),
    /// The count could not be put back.
    #[error("{why}; the replicas could not be put back to {replicas}: {source}")]
    NotRestored {
        /// What went wrong before, or "measured".
        why: String,
        /// The count they had.
        replicas: u32,
        /// Why they could not be put back.
        source: Refusal,
    },
}

/// Starts a pod `times` times.
///
/// # Errors
/// When the gateway can't be asked, refuses, or no pod becomes ready. The count of before is asked for again in any case.
pub async fn start_ups(
    clock: Clock,
    gateway: &Rest,
    times: u32,
    interrupt: &mut Interrupt,
) -> Result<StartUps, StartUpError> {
    let before = gateway.replicas(FunctionId::STUDIED).await?.desired.max(1);
    let measured = tokio::select! {
        measured = measure(clock, gateway, before, times) => measured,
        () = interrupt.wait() => Ok(StartUps { took: Vec::new(), interrupted: true }),
    };
    match (gateway.scale(FunctionId::STUDIED, before).await, measured) {
        (Ok(_), measured) => measured,
        (Err(source), measured) => {
            let why = measured.map_or_else(|error| error.to_string(), |_| "start-up was measured".to_owned());
            Err(StartUpError::NotRestored { why, replicas: before, source })
        }
    }
}

async fn measure(clock: Clock, gateway: &Rest, before: u32, times: u32) -> Result<StartUps, StartUpError> {
    let mut took = Vec::new();
    for _ in 0..times {
        let asked = clock.now();
        gateway.scale(FunctionId::STUDIED, before + 1).await.map_err(StartUpError::Refused)?;
        let ready = until_ready(clock, gateway, before + 1).await?;
        took.push(ready - asked);
        gateway.scale(FunctionId::STUDIED, before).await.map_err(StartUpError::Refused)?;
        until_ready(clock, gateway, before).await?;
    }
    Ok(StartUps { took, interrupted: false })
}

/// Waits until exactly so many are ready.
async fn until_ready(clock: Clock, gateway: &Rest, wanted: u32) -> Result<Timestamp, StartUpError> {
    let begun = clock.now();
    loop {
        let status = gateway.replicas(FunctionId::STUDIED).await?;
        let now = clock.now();
        if status.desired != wanted {
            return Err(StartUpError::Limit { asked: wanted, kept: status.desired });
        }
        if status.ready == wanted {
            return Ok(now);
        }
        if now - begun > PATIENCE {
            return Err(StartUpError::NeverReady(PATIENCE));
        }
        clock.sleep_until(now + LOOK_EVERY).await;
    }
}
