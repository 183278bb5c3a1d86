//! The exercises, one after the other.

use std::sync::Arc;
use std::time::Duration;

use crate::drive::SchedulePlan;
use crate::drive::live::awake::Awake;
use crate::drive::live::clock::Clock;
use crate::drive::live::cpu::CpuWatch;
use crate::drive::live::load::{LoadError, Manner, Yardstick};
use crate::schedule::hey::Settings;
use crate::schedule::open::{Bound, WhenFull};
use crate::schedule::rate::{Rate, Spacing};
use crate::schedule::shape::Shape;
use crate::stats::percentile::percentile;
use crate::study::hey::cores;
use crate::study::hey::run::RunError;
use crate::study::results::validity::max_lateness_for;
use crate::time::{Timestamp, format_duration};

use super::exercise::{self, Exercise};
use super::findings::{Bursts, Closed, Findings, Loop, Pacing, Stalled, Truth};
use super::ladder::{Range, climb};
use super::machine::Machine;
use super::pairs::pairs;

/// Delay of the constant exercise: as long as a short function takes (a fifth of the seed's answers come sooner).
const CONSTANT: Duration = Duration::from_millis(20);
/// Delays of the two-valued exercise, and how many requests there are to one long one.
const TWO_VALUES: (Duration, Duration, u64) = (Duration::from_millis(10), Duration::from_millis(100), 5);
/// Delay before and after the standstill.
const CALM: Duration = Duration::from_millis(10);
/// Rate of the open exercises and of the standstill; what the seed's `-c 50 -q 5` makes.
const RATE: f64 = 250.0;
/// The higher rate whose pacing is told.
const FAST: f64 = 5_000.0;
/// Workers of the bursts and of the closed loop without a limit: hey's own default.
const MANY: u32 = 50;
/// Workers that wait for known delays; few, since they share the cores with the server.
const FEW: u32 = 4;
/// Workers under the standstill, and each one's rate: together [`RATE`].
const STALLED: (u32, f64) = (10, RATE / 10.0);
/// How often an exercise is tried of which nothing can be told.
const TRIES: usize = 3;
/// Bursts a second.
const BURSTS: f64 = 10.0;
/// Most requests under way in an open exercise: what a standstill gathers, and more.
const BOUND: u32 = 1_000;
/// Where the search for the highest rate goes, and how many requests may be under way in it.
const LADDER: (Range, u32) = (Range { from: 5_000.0, to: 320_000.0 }, 256);

/// Parts of the whole time, in thousandths.
mod part {
    pub(super) const WAITS: u32 = 15;
    pub(super) const AT_ONCE: u32 = 45;
    pub(super) const KNOWN: u32 = 70;
    pub(super) const STALL: u32 = 100;
    pub(super) const PACE: u32 = 100;
    pub(super) const FAST: u32 = 65;
    pub(super) const BURSTS: u32 = 100;
    pub(super) const CLOSED: u32 = 45;
    pub(super) const RUNG: u32 = 16;
}

/// Runs all exercises within about `length`, and tells each before it begins; cores are kept awake meanwhile if so wished.
///
/// # Errors
/// When the system denies a thread, a port or sockets, the cores can't be kept awake, or the load ends before its time.
pub fn run(length: Duration, keep_awake: bool, tell: &mut dyn FnMut(&str)) -> Result<Findings, RunError> {
    let clock = Clock::start();
    let _awake = keep_awake.then(Awake::keep).transpose()?;
    let begun = clock.now();
    let yardstick = Yardstick::start(clock)?;
    let mut course = Course { clock, yardstick, length, tell, findings: Findings::default() };
    course.findings.started = Clock::unix_now();
    let mut cpu = CpuWatch::default();
    cpu.look(begun);
    course.machine(keep_awake)?;
    course.known()?;
    course.standstill()?;
    course.pacing()?;
    course.highest(begun)?;
    let mut findings = course.findings;
    let shares = cpu.look(clock.now());
    findings.others = shares.map(|shares| shares.others);
    findings.awake = shares.filter(|_| keep_awake).map(|shares| shares.awake);
    findings.took = clock.now() - begun;
    Ok(findings)
}

struct Course<'a> {
    clock: Clock,
    yardstick: Yardstick,
    length: Duration,
    tell: &'a mut dyn FnMut(&str),
    findings: Findings,
}

impl Course<'_> {
    fn lasts(&self, part: u32) -> Duration {
        self.length * part / 1_000
    }

    /// Runs one exercise; what every exercise tells goes into the findings.
    fn exercise(
        &mut self,
        schedule: SchedulePlan,
        manner: impl FnOnce(Timestamp) -> Manner,
    ) -> Result<Exercise, RunError> {
        let exercise = exercise::run(self.clock, &self.yardstick, schedule, manner)?;
        let findings = &mut self.findings;
        findings.requests += exercise.tally.sent;
        findings.left_over += pairs(&exercise.rows, &exercise.served).1;
        findings.stood_still += exercise.stalled;
        Ok(exercise)
    }

    fn machine(&mut self, kept_awake: bool) -> Result<(), RunError> {
        (self.tell)("clock and timers");
        let waits = self.lasts(part::WAITS).as_millis() as u32;
        self.findings.machine = Machine::look(self.clock, waits.max(20), kept_awake)?;
        Ok(())
    }

    /// Delays that are known: none, one, two.
    fn known(&mut self) -> Result<(), RunError> {
        let (usual, rare, every) = TWO_VALUES;
        let at_once = Manner::constant(Duration::ZERO);
        let constant = Manner::constant(CONSTANT);
        let two_valued = Manner::constant(usual).and_rarely(every, rare);
        let delay = |delay| format_duration(delay);
        let names = ["none".to_owned(), delay(CONSTANT), format!("{}, 1 of {every} {}", delay(usual), delay(rare))];
        let [none, one, two] = &names;
        for (name, paced, workers, manner, part) in [
            (none, Loop::Closed, 1, at_once, part::AT_ONCE),
            (one, Loop::Closed, FEW, constant, part::KNOWN),
            (one, Loop::Open, FEW, constant, part::KNOWN),
            (two, Loop::Closed, FEW, two_valued, part::KNOWN),
            (two, Loop::Open, FEW, two_valued, part::KNOWN),
        ] {
            (self.tell)(&format!("delay {name}, {} loop", paced.as_str()));
            let lasts = self.lasts(part);
            let mut truth = None;
            // on a full machine a short exercise may come to nothing
            for _ in 0..TRIES {
                let schedule = match paced {
                    Loop::Closed => hey(workers, 0.0, lasts)?,
                    Loop::Open => even(RATE, lasts, BOUND)?,
                };
                let exercise = self.exercise(schedule, |_| attentive(manner))?;
                truth = Truth::of(name, paced, &exercise);
                if truth.is_some() {
                    break;
                }
            }
            match truth {
                Some(truth) => self.findings.truths.push(truth),
                None => self.findings.unknown.push(format!("delay {name}, {} loop", paced.as_str())),
            }
        }
        Ok(())
    }

    /// A server that stands still in mid-run, under both loops at the same rate.
    fn standstill(&mut self) -> Result<(), RunError> {
        (self.tell)("a standstill of the server");
        let lasts = self.lasts(part::STALL);
        let stall = lasts / 4;
        let manner = |start: Timestamp| {
            attentive(Manner::constant(CALM).and_stands_still(start + lasts / 3, start + lasts / 3 + stall))
        };
        let (workers, rate) = STALLED;
        let closed = self.exercise(hey(workers, rate, lasts)?, manner)?;
        let open = self.exercise(even(RATE, lasts, BOUND)?, manner)?;
        self.findings.stall = stall;
        self.findings.stalled = Some((Stalled::of(&closed), Stalled::of(&open)));
        Ok(())
    }

    fn pacing(&mut self) -> Result<(), RunError> {
        let at_once = |_| Manner::constant(Duration::ZERO);
        for (rate, part) in [(RATE, part::PACE), (FAST, part::FAST)] {
            (self.tell)(&format!("{rate} requests/s"));
            let exercise = self.exercise(even(rate, self.lasts(part), BOUND)?, at_once)?;
            self.findings.pacings.extend(Pacing::of(rate, &exercise));
        }
        (self.tell)(&format!("bursts of {MANY}"));
        let bursts = self.exercise(hey(MANY, BURSTS, self.lasts(part::BURSTS))?, at_once)?;
        self.findings.bursts = Bursts::of(MANY, &bursts);
        Ok(())
    }

    /// As much as it can, by workers and by a rate. The search ends where the test has taken a sixth longer than it should.
    fn highest(&mut self, begun: Timestamp) -> Result<(), RunError> {
        let at_once = |_| Manner::constant(Duration::ZERO);
        (self.tell)(&format!("{MANY} workers without a limit"));
        let closed = self.exercise(hey(MANY, 0.0, self.lasts(part::CLOSED))?, at_once)?;
        let rps = closed.tally.sent as f64 / closed.tally.duration.as_secs_f64();
        self.findings.closed = Some(Closed { workers: MANY, rps });
        let end = begun + self.length + self.length / 6;
        let (range, bound) = LADDER;
        let kept = climb(range, |rate| {
            // what stood in the way of a single moment does not do so twice
            for _ in 0..2 {
                if self.clock.now() >= end {
                    return Ok(None);
                }
                (self.tell)(&format!("{rate} requests/s"));
                let exercise = self.exercise(even(rate, self.lasts(part::RUNG), bound)?, at_once)?;
                if is_kept(rate, &exercise) {
                    return Ok(Some(true));
                }
            }
            Ok::<_, RunError>(Some(false))
        })?;
        self.findings.kept = kept;
        Ok(())
    }
}

/// A server whose own waking up is not in what is measured beyond its delay; on a single core it would be in the generator's way.
fn attentive(manner: Manner) -> Manner {
    if cores::available() > 1 { manner.and_never_sleeps() } else { manner }
}

/// Whether a rate was kept, as a study's runs are judged: everything planned left, 99 of 100 requests on time, from when they were due.
fn is_kept(rate: f64, exercise: &Exercise) -> bool {
    let mut late: Vec<Duration> = exercise.rows.iter().map(|row| row.sent - row.due).collect();
    late.sort_unstable();
    let most = max_lateness_for(Some(Duration::from_secs_f64(1.0 / rate)));
    exercise.tally.sent == exercise.tally.planned && percentile(&late, 99.0).is_some_and(|p99| p99 <= most)
}

fn hey(workers: u32, rate: f64, lasts: Duration) -> Result<SchedulePlan, RunError> {
    let settings = Settings::new(u64::from(workers), workers, rate, Some(lasts));
    settings.map(SchedulePlan::Hey).map_err(|error| unfit(&error))
}

fn even(rate: f64, lasts: Duration, max_in_flight: u32) -> Result<SchedulePlan, RunError> {
    let shape = Arc::new(Shape::constant(rate, lasts).map_err(|error| unfit(&error))?);
    let bound = Bound { max_in_flight, when_full: WhenFull::Wait };
    Ok(SchedulePlan::Rate(Rate { shape, spacing: Spacing::Even }, bound))
}

/// All loads here are made of constants that fit each other.
fn unfit(error: &dyn std::error::Error) -> RunError {
    RunError::Load(LoadError::System(std::io::Error::other(error.to_string())))
}
