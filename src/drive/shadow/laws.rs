//! The laws of shadows: what reaches them, and that nothing of theirs reaches anything else.

use super::*;
use crate::policy::Reason;
use crate::record::ErrorKind;

const STUDIED: FunctionId = FunctionId::STUDIED;

/// A policy made of a closure, for one question at a time.
struct Made<F> {
    wake: Option<Timestamp>,
    handle: F,
}

impl<F: FnMut(&mut Option<Timestamp>, &Event, &mut Vec<Action>) + Send> Policy for Made<F> {
    fn handle(&mut self, _now: Timestamp, event: &Event, actions: &mut Vec<Action>) {
        (self.handle)(&mut self.wake, event, actions);
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wake
    }
}

/// One shadow over a function of 1 to 5 replicas, which has 2.
fn shadow(handle: impl FnMut(&mut Option<Timestamp>, &Event, &mut Vec<Action>) + Send + 'static) -> Shadows {
    Shadows(vec![Shadow {
        id: ShadowId(0),
        policy: Box::new(Made { wake: None, handle }),
        decisions: Decisions::of(EventRow::shadow("x")),
        desired: vec![2],
        bounds: vec![(1, 5)],
        answers: VecDeque::new(),
        waits_for_probe: false,
        rested: Timestamp::ZERO,
    }])
}

fn scale(to: u32) -> Action {
    Action::Scale { function: STUDIED, from: 2, to, reason: Reason::new("so") }
}

fn note(text: &str) -> Action {
    Action::Note { kind: EventKind::Decision, from: None, to: None, reason: Reason::new(text) }
}

/// Wakes the shadows whenever they ask for it, up to `until`; the rows they leave.
fn drive(shadows: &mut Shadows, until: Timestamp) -> Vec<(Timestamp, String)> {
    let mut wishes = Wishes::default();
    shadows.start(Timestamp::ZERO, &mut wishes);
    let mut now = Timestamp::ZERO;
    while shadows.next() <= until {
        now = now.max(shadows.next());
        shadows.wake(now, &mut wishes);
    }
    wishes.rows.into_iter().map(|row| (row.at, row.reason)).collect()
}

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn a_shadow_reads_the_count_that_it_would_have_set_within_the_bounds() {
    let mut shadows = shadow(|_, event, actions| match event {
        Event::Started { .. } => actions.push(scale(9)),
        Event::ScaleAnswered { result, .. } => {
            assert_eq!(*result, Ok(5));
            actions.push(Action::ReadReplicas { function: STUDIED });
            actions.push(Action::ReadReplicas { function: FunctionId(7) });
        }
        Event::Replicas { function, status } => actions.push(note(&format!("{}: {status:?}", function.0))),
        _ => {}
    });
    let expected = [
        (ms(5), "so; the platform made 9 into 5"),
        (ms(5), "0: Some(ReplicaStatus { desired: 5, ready: 5 })"),
        (ms(5), "7: None"),
    ];
    assert_eq!(drive(&mut shadows, ms(100)), expected.map(|(at, text)| (at, text.to_owned())));
}

#[test]
fn a_shadow_that_asks_for_a_probe_is_given_the_arms_own_and_only_then() {
    let mut shadows = shadow(|_, event, actions| match event {
        Event::Started { .. } => actions.push(Action::Probe),
        Event::ProbeDone(outcome) => actions.push(note(&outcome.latency.as_millis().to_string())),
        _ => {}
    });
    let mut wishes = Wishes::default();
    let probe = |latency| ProbeOutcome { sent: ms(0), latency: Duration::from_millis(latency), answer: Ok(200) };
    shadows.probe_done(ms(1), probe(1), &mut wishes);
    shadows.start(ms(2), &mut wishes);
    shadows.probe_done(ms(3), probe(3), &mut wishes);
    shadows.probe_done(ms(4), probe(4), &mut wishes);
    assert_eq!(wishes.rows.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>(), ["3"]);
    assert!(wishes.scrapes.is_empty());
}

#[test]
fn counters_that_a_shadow_asks_for_go_to_that_shadow() {
    let mut shadows = shadow(|_, event, actions| match event {
        Event::Started { .. } => actions.push(Action::Scrape),
        Event::Scraped(counters) => actions.push(note(&format!("{counters:?}"))),
        _ => {}
    });
    let mut wishes = Wishes::default();
    shadows.start(ms(0), &mut wishes);
    assert_eq!(wishes.scrapes, [ShadowId(0)]);
    shadows.scraped(ms(1), ShadowId(0), None, &mut wishes);
    shadows.scraped(ms(1), ShadowId(9), None, &mut wishes);
    assert_eq!(wishes.rows.len(), 1);
}

#[test]
fn a_shadow_that_never_rests_holds_up_no_run() {
    // wants to be woken at once, again and again
    let mut wakes = shadow(|wake, event, actions| {
        *wake = Some(ms(3));
        if *event == Event::Woken {
            actions.push(note("woken"));
        }
    });
    assert_eq!(drive(&mut wakes, ms(12)).len(), 10, "once each millisecond from 3 to 12");
    // answers each answer with another question
    let mut asks = shadow(|_, event, actions| {
        actions.push(Action::ReadReplicas { function: STUDIED });
        if !matches!(event, Event::Started { .. }) {
            actions.push(note("asked"));
        }
    });
    let asked = drive(&mut asks, ms(4)).len();
    assert_eq!(asked, 5 * ANSWERS_AT_ONCE as usize);
}

#[test]
fn what_was_decided_at_the_very_end_is_kept() {
    let mut shadows = shadow(|_, event, actions| {
        if matches!(event, Event::Started { .. }) {
            actions.push(scale(3));
        }
    });
    let mut wishes = Wishes::default();
    shadows.start(ms(0), &mut wishes);
    shadows.end(ms(1), &mut wishes);
    let row = &wishes.rows[0];
    assert_eq!((row.at, row.kind, row.from, row.to), (ms(1), EventKind::Scale, Some(2), Some(3)));
    assert_eq!(row.of_shadow(), Some("x"));
}

#[test]
fn a_judged_probe_is_told_in_words() {
    let row = |latency, answer| {
        let probe = ProbeRow { sent: ms(0), latency, answer, above: 1, below: 0, decision: "above 1 of 2".into() };
        let mut shadows = shadow(move |_, _, actions| actions.push(Action::Judged(probe.clone())));
        let mut wishes = Wishes::default();
        shadows.start(ms(0), &mut wishes);
        (wishes.rows[0].reason.clone(), wishes.rows[0].value)
    };
    let latency = Some(Duration::from_micros(97_250));
    assert_eq!(row(latency, Ok(200)), ("probe of 97.2 ms: above 1 of 2".to_owned(), Some(97.25)));
    assert_eq!(row(None, Ok(502)), ("probe answered 502: above 1 of 2".to_owned(), None));
    assert_eq!(row(None, Err(ErrorKind::Timeout)), ("probe failed (timeout): above 1 of 2".to_owned(), None));
}
