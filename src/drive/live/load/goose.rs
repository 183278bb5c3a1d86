//! Journeys, walked by goose: its users, its scenarios, its clients, in a thread and a runtime of their own.
//!
//! ```text
//!   goose: user -> scenario -> transaction      desk: the journeys' schedule, each user's place, the count
//!                      |  what next, and when? -->  |
//!                      |  <-- wait until, or no more
//!                      +--> reqwest --> target; its answer --> row --> Report
//! ```
//!
//! goose decides who sends what in which order; how long a user thinks and when a user has done enough comes from the same
//! schedule that virtual time uses ([`journeys`](crate::schedule::journeys)), drawn from the run's seed. goose's own latency ends
//! with the head of the answer (`Instant::elapsed` after `Client::execute` in its `goose.rs`), so it is kept as *waiting* and the
//! row goes on to the end of the body. Its own summary is not used.

mod desk;
mod failure;
mod tame;
mod user;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use goose::GooseAttack;
use goose::config::GooseConfiguration;
use goose::goose::{Scenario, Transaction};
use hyper::Uri;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::drive::journeys::JourneysPlan;
use crate::drive::live::clock::Clock;
use crate::drive::{GeneratorPlan, SchedulePlan};
use crate::record::GeneratorId;
use crate::schedule::Schedule;
use crate::schedule::journeys::Ends;
use crate::time::Timestamp;

use self::desk::Desk;
use self::user::Errand;
use super::outbox::PATIENCE;
use super::request::RequestError;
use super::{Order, Progress, Report};

pub(in crate::drive::live) use self::tame::keep_interrupts;

/// How long goose takes to get ready, with some to spare: measured on two cores, users of 1 to 4000 were there after 200 ms.
const READY: Duration = Duration::from_millis(300);

/// How long a user's client takes to be built, likewise.
const READY_PER_USER: Duration = Duration::from_micros(100);

/// How long before its first request goose must be started.
pub(in crate::drive::live) fn head_start(generators: &[GeneratorPlan]) -> Duration {
    let of = |generator: &GeneratorPlan| match &generator.schedule {
        SchedulePlan::Goose(plan) => (READY + READY_PER_USER * plan.settings.users).saturating_sub(generator.start),
        SchedulePlan::Hey(_) | SchedulePlan::Rate(..) | SchedulePlan::Trace(..) => Duration::ZERO,
    };
    generators.iter().map(of).max().unwrap_or_default()
}

/// An attack before it has a thread.
pub(super) struct Source {
    pub(super) id: GeneratorId,
    pub(super) schedule: Box<dyn Schedule>,
    pub(super) progress: Arc<Progress>,
    errands: Vec<Vec<Errand>>,
    plan: JourneysPlan,
}

impl Source {
    /// Journeys of a plan to the function at `uri`.
    pub(super) fn new(
        id: GeneratorId,
        uri: &Uri,
        plan: &JourneysPlan,
        generator: &GeneratorPlan,
        schedule: Box<dyn Schedule>,
    ) -> Result<Self, RequestError> {
        let errands = plan
            .journeys
            .iter()
            .map(|journey| journey.steps.iter().map(|step| Errand::new(uri, step, generator.request.timeout)).collect())
            .collect::<Result<_, _>>()?;
        Ok(Self { id, schedule, progress: Arc::default(), errands, plan: plan.clone() })
    }

    /// Lets goose start. Its users wait for the start of the schedule.
    pub(super) fn start(
        self,
        clock: Clock,
        reports: UnboundedSender<Report>,
        orders: watch::Receiver<Order>,
    ) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("load-goose")
            .enable_all()
            .build()?;
        thread::Builder::new().name("load-goose".to_owned()).spawn(move || {
            let Self { id, schedule, progress, errands, plan } = self;
            let length = length(&plan, &clock, schedule.start());
            let desk = Arc::new(Desk::new(id, clock, schedule, progress, orders.clone(), reports));
            let outcome = match attack(&plan, errands, length, &desk) {
                Ok(attack) => runtime.block_on(drive(attack, &desk, orders)),
                Err(error) => Err(error.to_string()),
            };
            // what goose still does, and a name look-up that hangs, must not keep the run from ending
            runtime.shutdown_timeout(Duration::from_millis(100));
            match outcome {
                Ok(()) => desk.close(),
                Err(why) => desk.fail(why),
            }
        })
    }
}

/// How long goose is to go on: longer than any journey, so that they end by themselves. Rounds are counted at the desk too: goose
/// prints a line on standard output where it counts them.
fn length(plan: &JourneysPlan, clock: &Clock, start: Timestamp) -> Duration {
    const LONGER: Duration = Duration::from_secs(2);
    const LONGEST: Duration = Duration::from_secs(30 * 86_400);
    match plan.settings.ends {
        Ends::After(duration) => (start - clock.now()).saturating_add(plan.settings.ramp + duration + LONGER),
        Ends::Rounds(_) => LONGEST,
    }
}

/// The attack, with a scenario for each journey and a transaction for each step.
fn attack(
    plan: &JourneysPlan,
    errands: Vec<Vec<Errand>>,
    length: Duration,
    desk: &Arc<Desk>,
) -> Result<GooseAttack, goose::GooseError> {
    let users = plan.settings.users as usize;
    // users must be there before they are due; those without a ramp within a tenth of a second, while goose gets ready
    let ramp = plan.settings.ramp.max(Duration::from_millis(100));
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(errands[0][0].host());
    configuration.users = Some(users);
    configuration.increase_rate = Some((users as f64 / ramp.as_secs_f64()).to_string());
    configuration.run_time = Some(length.as_secs_f64().ceil().to_string());
    // each request has its own time-out
    configuration.timeout = Some("86400".to_owned());
    configuration.no_gzip = true;
    configuration.accept_invalid_certs = true;
    tame::silence(&mut configuration);
    let mut attack = GooseAttack::initialize_with_config(configuration)?;
    for ((errands, journey), weights) in errands.into_iter().zip(&plan.journeys).zip(&plan.settings.journeys) {
        let mut scenario = Scenario::new(&journey.name).set_weight(weights.weight as usize)?;
        for ((errand, step), settings) in errands.into_iter().zip(&journey.steps).zip(&weights.steps) {
            let transaction = Transaction::new(user::function(Arc::new(errand), Arc::clone(desk)));
            let transaction = transaction.set_name(&step.name).set_weight(settings.weight as usize)?;
            scenario = scenario.register_transaction(transaction);
        }
        attack = attack.register_scenario(scenario);
    }
    Ok(attack)
}

/// Lets goose run until all users have done enough, or the load is given up.
async fn drive(attack: GooseAttack, desk: &Desk, mut orders: watch::Receiver<Order>) -> Result<(), String> {
    let _level = tame::LogLevel::kept();
    let attack = attack.execute();
    tokio::pin!(attack);
    let mut flush = tokio::time::interval(PATIENCE);
    loop {
        tokio::select! {
            ended = &mut attack => return match ended {
                _ if desk.is_over() => Ok(()),
                Ok(_) => Err("goose ended before its users had done enough".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            () = desk.over() => return Ok(()),
            _ = flush.tick() => desk.flush(),
            Ok(()) = orders.changed() => {
                let order = *orders.borrow_and_update();
                match order {
                    Order::Run => {}
                    Order::Stop(at) => desk.stop(at),
                    Order::Abort => return Ok(()),
                }
            }
        }
    }
}
