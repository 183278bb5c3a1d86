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
use crate::schedule::journeys::{Ends, Settings};
use crate::schedule::share::Share;
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
    errands: Vec<Vec<Arc<Errand>>>,
    plan: JourneysPlan,
    share: Share,
}

impl Source {
    /// Journeys of a plan to the function at `uri`.
    pub(super) fn new(
        id: GeneratorId,
        uri: &Uri,
        plan: &JourneysPlan,
        generator: &GeneratorPlan,
        schedule: Box<dyn Schedule>,
        share: Share,
    ) -> Result<Self, RequestError> {
        let timeout = generator.request.timeout;
        let errands = plan
            .journeys
            .iter()
            .map(|journey| journey.steps.iter().map(|step| Errand::new(uri, step, timeout).map(Arc::new)).collect())
            .collect::<Result<_, _>>()?;
        Ok(Self { id, schedule, progress: Arc::default(), errands, plan: plan.clone(), share })
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
            let Self { id, schedule, progress, errands, plan, share } = self;
            let length = length(&plan, &clock, schedule.start());
            let users = schedule.workers();
            let desk = Arc::new(Desk::new(id, clock, schedule, progress, orders.clone(), reports));
            let outcome = match attack(&plan, &scenarios(&plan.settings, share), users, &errands, length, &desk) {
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

/// The journeys goose has as scenarios, each with its weight. Of a share each user has one of its own, so that goose, which knows
/// no other machines, gives each user the journey it has in the whole load; it takes scenarios from the end.
fn scenarios(settings: &Settings, share: Share) -> Vec<(usize, u32)> {
    if share.is_whole() {
        return settings.journeys.iter().map(|journey| journey.weight).enumerate().collect();
    }
    let users = (0..).zip(settings.assignment()).filter(|(number, _)| share.has(*number));
    let mut own: Vec<(usize, u32)> = users.map(|(_, journey)| (journey, 1)).collect();
    own.reverse();
    own
}

/// The attack, with a transaction for each step of a scenario.
fn attack(
    plan: &JourneysPlan,
    scenarios: &[(usize, u32)],
    users: u32,
    errands: &[Vec<Arc<Errand>>],
    length: Duration,
    desk: &Arc<Desk>,
) -> Result<GooseAttack, goose::GooseError> {
    let users = users as usize;
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
    for (number, (journey, weight)) in scenarios.iter().enumerate() {
        let (errands, steps) = (&errands[*journey], &plan.settings.journeys[*journey].steps);
        let journey = &plan.journeys[*journey];
        let mut scenario = Scenario::new(&format!("{} {number}", journey.name)).set_weight(*weight as usize)?;
        for ((errand, step), settings) in errands.iter().zip(&journey.steps).zip(steps) {
            let transaction = Transaction::new(user::function(Arc::clone(errand), Arc::clone(desk)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::journeys::{Journey, Step, Think};

    fn settings(users: u32, weights: &[u32]) -> Settings {
        let steps = vec![Step { weight: 1, think: Think::default() }];
        let journeys = weights.iter().map(|weight| Journey { weight: *weight, steps: steps.clone() }).collect();
        Settings { users, ramp: Duration::ZERO, ends: Ends::Rounds(1), journeys }
    }

    #[test]
    fn goose_gives_each_user_of_a_share_the_journey_it_has_in_the_whole_load() {
        let whole = settings(11, &[3, 1, 2]);
        for number in 1..=4 {
            let share = Share::new(number, 4).unwrap();
            let own = scenarios(&whole, share);
            let weights: Vec<u32> = own.iter().map(|(_, weight)| *weight).collect();
            // what goose deals out to the users it knows of, in the order in which they start
            let dealt = settings(own.len() as u32, &weights).assignment();
            let walked: Vec<usize> = dealt.into_iter().map(|scenario| own[scenario].0).collect();
            let wanted = (0..).zip(whole.assignment()).filter(|(user, _)| share.has(*user));
            assert_eq!(walked, wanted.map(|(_, journey)| journey).collect::<Vec<_>>());
        }
    }
}
