//! What an arm needs beside the platform: programs that scale it from outside, found, started and ended with a run.
//!
//! Which policies need any stands in the policies' table; here is how a study provides them.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc::UnboundedSender;

use crate::drive::live::chain::{Chain, ChainError, GatewayView, NotInstalled, Options, Programs, Rates};
use crate::drive::live::clock::Clock;
use crate::drive::live::companion::Companion;
use crate::drive::live::interrupt::Interrupt;
use crate::drive::live::target::embedded::Embedded;
use crate::drive::live::target::platform::Alerts;
use crate::drive::{Arm, Plan};
use crate::policy::openfaas_ce::real::Numbers;
use crate::policy::registry::Scaler;
use crate::record::EventRow;

/// Why a run's companion could not be started.
#[derive(Debug, thiserror::Error)]
pub enum CompanionError {
    /// A program is not there.
    #[error(transparent)]
    NotInstalled(#[from] NotInstalled),
    /// The chain did not start.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// What an arm needs and this machine doesn't have.
pub(super) fn missing(arm: &Arm) -> Option<NotInstalled> {
    match arm.policy.scaler {
        Scaler::Policy | Scaler::Program | Scaler::Platform => None,
        Scaler::RealChain => programs(arm).err(),
    }
}

fn programs(arm: &Arm) -> Result<Programs, NotInstalled> {
    Programs::find(arm.settings.text("prometheus"), arm.settings.text("alertmanager"))
}

/// The companion of a run, in the two steps its platform stands between.
pub(super) struct Outside {
    rates: Rates,
    events: UnboundedSender<EventRow>,
}

impl Outside {
    /// For one run, whose events go to `events`.
    pub(super) fn new(events: UnboundedSender<EventRow>) -> Self {
        Self { rates: Rates::default(), events }
    }

    /// How the run's platform takes notifications.
    pub(super) fn alerts(&self, plan: &Plan) -> Alerts {
        match plan.arm.policy.scaler {
            Scaler::Policy | Scaler::Program | Scaler::Platform => Alerts::default(),
            Scaler::RealChain => {
                let functions = plan.functions.iter().map(|function| function.info.clone()).collect();
                let view = GatewayView::new(plan.arm.policy.name, functions, self.rates.clone(), self.events.clone());
                view.alerts(plan.arm.settings.duration("webhook_latency"))
            }
        }
    }

    /// Starts what scales the arm from outside, if anything does, and waits until it is ready; not longer than until an
    /// interruption, of which the run then learns by itself. `logs` gets its output if something breaks. Shadows that emulate
    /// it are put in step with it.
    ///
    /// # Errors
    /// When it can't be started.
    pub(super) async fn start(
        self,
        plan: &mut Plan,
        target: &Embedded,
        clock: &Clock,
        logs: &Path,
        interrupt: &mut Interrupt,
    ) -> Result<Option<Box<dyn Companion>>, CompanionError> {
        match plan.arm.policy.scaler {
            Scaler::Policy | Scaler::Program | Scaler::Platform => Ok(None),
            Scaler::RealChain => {
                let programs = programs(&plan.arm)?;
                let platform = target.platform();
                let options = Options {
                    programs,
                    numbers: Numbers::of(&plan.arm.settings, plan.seed),
                    gateway: platform.gateway_address(),
                    metrics: platform.metrics_address(),
                    credentials: Some(platform.credentials().clone()),
                    actor: plan.arm.policy.name,
                    rates: self.rates,
                    leash: own_program(),
                    logs: logs.to_owned(),
                };
                let start = async {
                    let chain = Chain::start(options, *clock, self.events).await?;
                    fit(&mut plan.shadows, &chain).await;
                    Ok::<_, ChainError>(chain)
                };
                tokio::select! {
                    chain = start => Ok(Some(Box::new(chain?))),
                    () = interrupt.wait() => Ok(None),
                }
            }
        }
    }
}

/// This program, through which others are started.
pub(crate) fn own_program() -> Option<PathBuf> {
    // the running one even if its file was replaced since it was started
    let running = Path::new("/proc/self/exe");
    if running.exists() { Some(running.to_owned()) } else { std::env::current_exe().ok() }
}

/// Puts emulated chains in step with the real one.
async fn fit(shadows: &mut [Arm], chain: &Chain) {
    let mut emulated = shadows.iter_mut().filter(|shadow| shadow.policy.name == "openfaas-ce").peekable();
    if emulated.peek().is_some() {
        let phases = chain.phases().await;
        emulated.for_each(|shadow| phases.fit(&mut shadow.settings));
    }
}
