//! How many replicas there should be, each time it looks, and why.
//!
//! ```text
//!   by load        to be busy to a part of their time, by what is expected to arrive when a new replica serves
//!   by backlog     to work off what waits
//!   by standby     a load is never left to a lone replica, for a jump would meet it alone for a whole start-up
//!   by habit       what has jumped of late may jump again: to bear that until others have started, and less of it the longer ago a
//!                  lone jump was
//! ```

use std::time::Duration;

use super::need::{Load, replicas_for};
use super::trend::Rate;
use super::{Action, CALM, Lookout, Reason, ReplicaStatus, Timestamp};

/// Replicas that work on one request at a time are busy to this part of what others are: a slow request delays all behind it.
const SERIAL: f64 = 0.8;
/// And while the way of a probe is not known, so that such requests seem to take less than they do.
const UNTOLD: f64 = 0.6;
/// A load that is steady needs no reserve for what changes, and one that jumps has another: so many times as busy.
const STEADIER: f64 = 1.22;
const HOTTER: f64 = 1.28;
/// Busier than this no replica should ever be.
const BUSIEST: f64 = 0.95;
/// Load of so much of a replica is one.
const A_LOAD: f64 = 0.2;
/// A jump by so much of a replica is one.
const A_JUMP: f64 = 0.5;
/// A rate that strays farther than this from the one it is expected to jump to is another.
const BEYOND: f64 = 3.0;
/// Beyond a start-up it looks ahead for so long, in seconds.
const AHEAD: f64 = 18.0;
/// Over this long it lets more and more requests be lost in a replica that goes, up to as many as are in it on average.
const MOMENT: Duration = Duration::from_secs(8);
/// How long what was needed most is remembered, for when it is blind.
const MEMORY: Duration = Duration::from_secs(600);

/// What calls for how many.
#[derive(Clone, Copy, Debug)]
struct Needs {
    by_load: f64,
    by_backlog: f64,
    by_standby: f64,
    by_habit: f64,
    /// How busy replicas may be.
    busy: f64,
}

impl Needs {
    fn all(&self) -> f64 {
        self.by_load.max(self.by_backlog).max(self.by_reserve())
    }

    fn by_reserve(&self) -> f64 {
        self.by_standby.max(self.by_habit)
    }
}

impl Lookout {
    pub(super) fn steer(
        &mut self,
        now: Timestamp,
        rate: Rate,
        load: Load,
        status: ReplicaStatus,
        actions: &mut Vec<Action>,
    ) {
        let (fewest, most) = self.bounds;
        let within = |replicas: f64| (replicas as u32).clamp(fewest, most);
        self.take_note(now, rate, load);
        let needs = self.needs(now, rate, load);
        let need = within(needs.all());
        // what is expected at most, so that chance takes none away
        let calm = Load { expected: rate.at_most().max(load.expected), ..load };
        self.helm.needs(now, within(calm.by_load(needs.busy).max(needs.by_reserve())), rate.since);
        if self.sight.most.is_none_or(|(at, most)| need >= most || now.since(at) > MEMORY) {
            self.sight.most = Some((now, need));
        }
        if !self.helm.is_free(now) {
            return;
        }
        let desired = status.desired;
        if need > desired {
            self.goes_down = None;
            if needs.by_backlog > 0.0 && load.ready >= f64::from(desired) {
                self.helm.was_too_few(now, desired, load.arrivals);
            }
            if self.helm.may_go_up(now) {
                self.scale(now, desired, need, self.in_words(now, &load, needs, (need, desired, need)), actions);
            }
            return;
        }
        let to = self.helm.lowest(now, desired, calm.expected).max(need);
        if to >= desired {
            self.goes_down = None;
        } else if self.is_moment(now, status.ready.saturating_sub(to)) {
            self.goes_down = None;
            self.scale(now, desired, to, self.in_words(now, &load, needs, (need, desired, to)), actions);
        }
    }

    /// Takes down what may come back, and forgets it when whoever sent it is gone.
    fn take_note(&mut self, now: Timestamp, rate: Rate, load: Load) {
        if self.book.is_silent() {
            self.helm.forget();
            self.jumps.forget();
        }
        if self.book.jump(self.starts.usual()).is_some_and(|jump| jump * load.each > A_JUMP) {
            self.jumps.note(now);
        }
        self.jumps.came(now, rate.now, rate.since);
        self.jumps.turn(now);
    }

    /// What will come by the time a new replica serves, in requests per second.
    pub(super) fn expected(&self, rate: Rate) -> f64 {
        let ahead = rate.ahead(self.starts.usual() + AHEAD);
        // of what jumps again, the first moments tell less than the last time does
        match self.jumps.expected() {
            Some(again) if rate.now - BEYOND * rate.stray < again => ahead.min(again),
            _ => ahead,
        }
    }

    fn needs(&self, now: Timestamp, rate: Rate, load: Load) -> Needs {
        let calmer = match self.jumps.expected() {
            Some(_) => HOTTER,
            None if rate.is_steady() => STEADIER,
            None => 1.0,
        };
        let serial = if self.transit.is_known() { SERIAL } else { UNTOLD };
        let busy = (self.utilisation * calmer).min(BUSIEST) * if self.capacity.is_serial() { serial } else { 1.0 };
        Needs {
            by_load: load.by_load(busy),
            by_backlog: load.by_backlog(self.drain),
            by_standby: if load.busy() >= A_LOAD { f64::from(self.standby) } else { 0.0 },
            by_habit: self.jumps.reached().map_or(0.0, |rate| {
                // overrun a little they pile up little while others start: what is doubtful need not be borne in full
                replicas_for(rate, load.each, 1.0 + self.jumps.doubt(now))
            }),
            busy,
        }
    }

    /// Whether so many replicas may go now: what is in them is lost, so it waits for a moment when that is little.
    fn is_moment(&mut self, now: Timestamp, go: u32) -> bool {
        let since = *self.goes_down.get_or_insert(now);
        let usual = self.book.flow(CALM).map_or(0.0, |flow| flow.in_flight);
        let allowed = usual * now.since(since).as_secs_f64() / MOMENT.as_secs_f64();
        go == 0 || self.book.in_flight() <= allowed
    }

    fn in_words(&self, now: Timestamp, load: &Load, needs: Needs, (need, desired, to): (u32, u32, u32)) -> Reason {
        let busy = load.busy();
        let late = load.late();
        let waiting = if late > 0.0 {
            format!(", and {late:.0} of {:.0} in flight are late", load.in_flight)
        } else {
            String::new()
        };
        let others = needs.by_load.max(needs.by_backlog);
        let why = if to != need {
            format!("{need} would do, and so many bear what there was of late")
        } else if needs.by_habit >= needs.by_standby && needs.by_habit > others {
            let again = self.jumps.reached().unwrap_or_default();
            let bear = if self.jumps.doubt(now) > 0.0 { "not to be overrun by" } else { "to bear" };
            format!("{bear} the {again:.0} requests/s it has jumped to of late")
        } else if needs.by_standby > others {
            format!("a load is not left to fewer than {}", self.standby)
        } else if needs.by_backlog > needs.by_load {
            format!("to have that gone {:.0} s after they came", self.drain)
        } else if load.expected > load.arrivals {
            format!("to be {:.0} % busy at most with {:.1} requests/s soon", needs.busy * 100.0, load.expected)
        } else {
            format!("to be {:.0} % busy at most", needs.busy * 100.0)
        };
        let text = format!(
            "{:.1} requests/s arrive and take {:.1} ms of a replica each, which keeps {busy:.2} busy{waiting}: {desired} to {to} \
             replicas, {why}",
            load.arrivals,
            load.each * 1e3,
        );
        Reason::with(text, busy)
    }
}
