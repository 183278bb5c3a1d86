//! A sidecar by the wall clock: its errands carried out, its news told, until it is asked to end.
//!
//! ```text
//!   leadership --watch--> +------+ --errands--> tasks: Target, probe
//!   alarm ------time----> | loop | <-answers--- tasks
//!   stop  --------------> +------+ --news-----> whoever listens; how it stands --> station (/metrics, /healthz)
//! ```
//!
//! It changes nothing when it ends: the replicas stay as they are. May not enter: which platform it is on, and what leadership means
//! there ([`Target`] and a watched value are all it sees of them).

mod leadership;
mod station;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::clock::Clock;
use super::probe::Prober;
use super::target::Target;
use crate::drive::sidecar::{Brought, Errand, Sidecar, Task, Wishes};
use crate::policy::Event;
use crate::record::FunctionId;
use crate::time::Timestamp;

pub use self::leadership::{Leadership, LockError};
pub use self::station::{Board, Report, Station};

/// A loop shows that it is alive at least this often.
pub const BEAT: Duration = Duration::from_secs(5);

/// How long a scaling under way may take to be answered when the end is asked for.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// Who is told what happens, after each step.
pub trait Listener: Send {
    /// Something happened; `sidecar` is as it stands after it.
    fn hear(&mut self, sidecar: &Sidecar, wishes: &mut Wishes);
}

/// A function as it is reached.
pub struct Way {
    /// The platform; the function is its studied one.
    pub target: Arc<dyn Target>,
    /// What it is probed with.
    pub prober: Prober,
}

/// Runs a sidecar until `stop` says so. Replicas stay as they are then.
pub async fn run(
    mut sidecar: Sidecar,
    way: Way,
    clock: Clock,
    mut leadership: watch::Receiver<Option<Timestamp>>,
    mut stop: watch::Receiver<bool>,
    listener: &mut dyn Listener,
) {
    let mut hands = Hands { way, clock, answers: unbounded_channel() };
    loop {
        let now = clock.now();
        let mut wishes = Wishes::default();
        let until = *leadership.borrow_and_update();
        // leadership that ran out without a word is over all the same
        sidecar.lead(now, until.filter(|until| now < *until), &mut wishes);
        if sidecar.wake_at() <= now {
            sidecar.wake(now, &mut wishes);
        }
        while let Ok((reign, brought)) = hands.answers.1.try_recv() {
            sidecar.bring(clock.now(), reign, brought, &mut wishes);
        }
        hands.carry_out(&wishes.errands);
        listener.hear(&sidecar, &mut wishes);

        let until = until.filter(|until| now < *until).unwrap_or(Timestamp::MAX);
        let wake = sidecar.wake_at().min(now + BEAT).min(until);
        tokio::select! {
            biased;
            ended = stop.wait_for(|stop| *stop) => {
                // a program that forgot it has ended too
                drop(ended);
                break;
            }
            Some((reign, brought)) = hands.answers.1.recv() => {
                let mut wishes = Wishes::default();
                sidecar.bring(clock.now(), reign, brought, &mut wishes);
                hands.carry_out(&wishes.errands);
                listener.hear(&sidecar, &mut wishes);
            }
            Ok(()) = leadership.changed() => {}
            () = clock.sleep_until(wake) => {}
        }
    }
    hands.last_answers(&mut sidecar, listener).await;
}

type Answers = (UnboundedSender<(u64, Brought)>, UnboundedReceiver<(u64, Brought)>);

/// Who carries errands out.
struct Hands {
    way: Way,
    clock: Clock,
    answers: Answers,
}

impl Hands {
    fn carry_out(&self, errands: &[Errand]) {
        for Errand { reign, task } in errands {
            let (reign, answers) = (*reign, self.answers.0.clone());
            let bring = move |brought| {
                // nobody waits any more: it has ended
                let _ = answers.send((reign, brought));
            };
            let target = Arc::clone(&self.way.target);
            let function = FunctionId::STUDIED;
            match *task {
                Task::Look => drop(tokio::spawn(async move {
                    let (status, answers) = tokio::join!(target.replicas(function), target.answers());
                    bring(Brought::Looked(status.filter(|_| answers)));
                })),
                Task::ReadReplicas => drop(tokio::spawn(async move {
                    let status = target.replicas(function).await;
                    bring(Brought::Answer(Event::Replicas { function, status }));
                })),
                Task::Scrape => drop(tokio::spawn(async move {
                    bring(Brought::Answer(Event::Scraped(target.scrape().await)));
                })),
                Task::Scale(to) => drop(tokio::spawn(async move {
                    let result = target.scale(function, to).await;
                    bring(Brought::Answer(Event::ScaleAnswered { function, result }));
                })),
                Task::Probe => {
                    let prober = self.way.prober.clone();
                    drop(tokio::spawn(async move {
                        bring(Brought::Answer(Event::ProbeDone(prober.probe().await)));
                    }));
                }
            }
        }
    }

    /// Waits for what the platform makes of a scaling under way, so that the last decision is told whole. What follows from it is not
    /// carried out any more.
    async fn last_answers(&mut self, sidecar: &mut Sidecar, listener: &mut dyn Listener) {
        let deadline = self.clock.now() + LAST_ANSWER;
        while sidecar.is_scaling() {
            tokio::select! {
                Some((reign, brought)) = self.answers.1.recv() => {
                    let mut wishes = Wishes::default();
                    sidecar.bring(self.clock.now(), reign, brought, &mut wishes);
                    wishes.errands.clear();
                    listener.hear(sidecar, &mut wishes);
                }
                () = self.clock.sleep_until(deadline) => return,
            }
        }
    }
}
