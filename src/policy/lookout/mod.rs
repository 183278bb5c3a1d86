//! The lookout: scales on what arrives and on what waits, seen from a probe and the gateway's own counters.
mod book;
mod capacity;

use std::collections::VecDeque;
use std::time::Duration;

use crate::record::{EventKind, FunctionId, ProbeRow, ReplicaStatus};
use crate::time::Timestamp;

use self::book::{Book, Flow, Probes};
use self::capacity::Capacity;
use super::metrics::after;
use super::settings::{Kind, Parameter, Settings, Value};
use super::{Action, Context, Event, Measurement, Policy, ProbeOutcome, Reason};

const MINUTE: Duration = Duration::from_secs(60);

/// Settings of this policy.
pub fn parameters() -> Vec<Parameter> {
    vec![
        Parameter { name: "utilisation", kind: Kind::Number { min: 0.1, max: 0.95 }, default: Value::Number(0.7), unit: "", doc: "x" },
        Parameter::duration("hold", (Duration::ZERO, Duration::from_secs(3600)), Duration::from_secs(30), "h"),
        Parameter::duration("drain", (Duration::from_secs(1), Duration::from_secs(3600)), Duration::from_secs(10), "d"),
        Parameter::duration("interval", (Duration::from_millis(100), Duration::from_secs(60)), Duration::from_secs(1), "i"),
        Parameter::number("concurrency", (1.0, 1000.0), 4.0, "requests", "c"),
    ]
}

/// Makes one.
pub fn build(settings: &Settings, context: &Context) -> Box<dyn Policy> {
    Box::new(Lookout {
        utilisation: settings.number("utilisation"),
        hold: settings.duration("hold"),
        drain: settings.duration("drain").as_secs_f64(),
        interval: settings.duration("interval"),
        concurrency: settings.number("concurrency"),
        bounds: context.studied_bounds(),
        next: None,
        probing: false,
        probes: Probes::default(),
        measured: None,
        book: Book::default(),
        capacity: Capacity::default(),
        needs: VecDeque::new(),
        last: None,
        reversed: None,
        asked: None,
        seen_probe: 0.0,
        was_ready: 0,
        settling: false,
        probe_sent: None,
        too_few: Default::default(),
    })
}

#[derive(Debug)]
struct Lookout {
    utilisation: f64,
    hold: Duration,
    drain: f64,
    interval: Duration,
    concurrency: f64,
    bounds: (u32, u32),
    next: Option<Timestamp>,
    probing: bool,
    probes: Probes,
    measured: Option<Measurement>,
    book: Book,
    capacity: Capacity,
    needs: VecDeque<(Timestamp, u32)>,
    last: Option<bool>,
    reversed: Option<Timestamp>,
    asked: Option<(u32, u32)>,
    seen_probe: f64,
    was_ready: u32,
    settling: bool,
    probe_sent: Option<Timestamp>,
    too_few: std::collections::BTreeMap<u32, (Timestamp, f64)>,
}

impl Lookout {
    fn wake(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let Some(due) = self.next.filter(|due| *due <= now) else { return };
        self.next = Some(after(due, self.interval, now));
        actions.push(Action::Measure { function: FunctionId::STUDIED });
        actions.push(Action::ReadReplicas { function: FunctionId::STUDIED });
        if !self.probing {
            self.probing = true;
            self.probe_sent = Some(now);
            self.probes.under_way += 1;
            actions.push(Action::Probe);
        }
    }

    fn decide(&mut self, now: Timestamp, status: ReplicaStatus, actions: &mut Vec<Action>) {
        let Some(sample) = self.measured.take() else { return };
        let mut probes = self.probes;
        // the probe of this round left after the reading
        if self.probing && self.probe_sent == Some(now) { probes.under_way -= 1; } else if let Some(sent) = self.probe_sent { probes.spent += now.since(sent).as_secs_f64(); }
        self.book.note(now, &sample, probes, status.ready);
        // calm: probes meet nobody
        let calm = self.capacity.probe_alone.is_some_and(|alone| self.seen_probe < 2.0 * alone + 0.002);
        if let Some(flow) = self.book.flow(Duration::from_secs(15)) && calm && flow.answered >= (if self.capacity.alone.is_none() { 3.0 } else { 20.0 }) && let Some(l) = flow.latency() { self.capacity.latency(l); }
        let Some(flow) = self.book.recent() else { return };
        let alone = self.capacity.alone.unwrap_or(0.0);
        let ready = f64::from(status.ready.max(1));
        if self.was_ready != status.ready { self.was_ready = status.ready; self.settling = true; }
        let late = (self.book.in_flight() - flow.arrivals * alone - 3.0 * ready).max(0.0);
        if late == 0.0 { self.settling = false; }
        if let Some(seen) = self.book.flow(Duration::from_secs(4)) && !self.settling && seen.answered >= 10.0 && let Some(l) = seen.latency() && (seen.ready - ready).abs() < 1e-9 {
            if self.capacity.alone.is_some() || late > 10.0 * ready { self.capacity.observe(seen.answers / ready, l, late > 10.0 * ready); }
        }
        let each = self.capacity.each(self.concurrency);
        let busy = flow.arrivals * each;
        let by_load = (busy / self.utilisation - 0.02).ceil();
        // what waits stays with the replica it waits in; more of them only keep the rest away from it
        let bears = 1.0 / each.max(1e-9);
        let starting = f64::from(status.desired.saturating_sub(status.ready));
        let coming = if starting > 0.0 { 2.0 } else { 4.5 };
        let backlog = if late > 0.0 { late + (flow.arrivals - ready * bears).max(0.0) * coming } else { 0.0 };
        let spare = bears - backlog / ready / self.drain;
        let by_backlog = if backlog == 0.0 { 1.0 } else if spare <= 0.0 { 1e6 } else { (flow.arrivals / spare - 0.02).ceil() };
        let need = (by_load.max(by_backlog).min(1e6) as u32).clamp(self.bounds.0, self.bounds.1);
        self.needs.push_back((now, need));
        let hold = self.hold;
        self.needs.retain(|(at, _)| now.since(*at) <= hold);
        if self.asked.is_some() { return }
        let slow = self.book.flow(Duration::from_secs(15)).map_or(flow.arrivals, |f| f.arrivals);
        let now_secs = now;
        self.too_few.retain(|_, (at, _)| now_secs.since(*at) <= Duration::from_secs(600));
        let highest = self.needs.iter().map(|n| n.1).max().unwrap_or(need);
        let text = |to: u32| format!("{:.1} requests/s arrive, each takes {:.1} ms of a replica, {:.1} busy; {:.0} in flight, {late:.0} of them late, backlog {backlog:.0}, alone {:.1} ms probe {:.1}: need {need} to {to}", flow.arrivals, each * 1e3, busy, self.book.in_flight(), alone * 1e3, self.capacity.probe_alone.unwrap_or(0.0)*1e3);
        let to = if need > status.desired { need } else if highest < status.desired && (self.last == Some(false) || self.reversed.is_none_or(|r| now.since(r) >= MINUTE)) {
            let mut to = highest;
            while to < status.desired && self.too_few.get(&to).is_some_and(|(_, rate)| slow > 0.9 * rate) { to += 1; }
            if to == status.desired { return }
            to
        } else { return };
        let up = to > status.desired;
        if up { { let few = status.desired; let e = self.too_few.entry(few).or_insert((now, f64::INFINITY)); *e = (now, e.1.min(flow.arrivals)); } }
        if self.last != Some(up) { self.reversed = Some(now); }
        self.last = Some(up);
        self.asked = Some((status.desired, to));
        actions.push(Action::Scale { function: FunctionId::STUDIED, from: status.desired, to, reason: Reason::with(text(to), busy) });
    }

    fn probe_done(&mut self, outcome: &ProbeOutcome, actions: &mut Vec<Action>) {
        self.probing = false;
        self.probe_sent = None;
        self.probes.under_way -= 1;
        self.probes.answered += 1;
        let ok = outcome.answer == Ok(200);
        if ok {
            self.probes.spent += outcome.latency.as_secs_f64();
            self.seen_probe += 0.3 * (outcome.latency.as_secs_f64() - self.seen_probe);
            self.capacity.probe(outcome.latency.as_secs_f64());
        }
        actions.push(Action::Judged(ProbeRow { sent: outcome.sent, latency: ok.then_some(outcome.latency), answer: outcome.answer, above: 0, below: 0, decision: "".into() }));
    }
}

impl Policy for Lookout {
    fn handle(&mut self, now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        match event {
            Event::Started { .. } => { self.next = Some(now); self.wake(now, actions); }
            Event::Woken => self.wake(now, actions),
            Event::Measured { sample, .. } => self.measured = sample.clone(),
            Event::Replicas { status: Some(status), .. } => self.decide(now, *status, actions),
            Event::ProbeDone(outcome) => self.probe_done(outcome, actions),
            Event::ScaleAnswered { .. } => self.asked = None,
            _ => {}
        }
    }
    fn wake_at(&self) -> Option<Timestamp> { self.next }
}
