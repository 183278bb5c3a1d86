//! What a run's writer is told, as a line of JSON and back, to the nanosecond. The core's rows know of no file, so they are converted here.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::drive::{Phase, RecordError, Recorder};
use crate::record::{
    Answer, CpuShares, Detail, ErrorKind, EventKind, EventRow, GeneratorId, Lost, PlatformSample, ProbeRow, ProcessRow,
    ProcessState, ReplicaId, RequestRow, WorkerId,
};
use crate::time::{Timestamp, nanos};

/// One thing the writer was told, apart from the run's beginning and its end.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Told {
    Phase(Timestamp, Phase),
    Request(RequestRow),
    Lost(Timestamp, GeneratorId, Lost),
    Probe(ProbeRow),
    Event(EventRow),
    Second(Timestamp, u64, PlatformSample),
    Process(Timestamp, ProcessRow),
    Cpu(Timestamp, CpuShares),
}

impl Told {
    /// When it was known.
    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::Request(row) => row.done,
            Self::Probe(row) => row.sent,
            Self::Event(row) => row.at,
            Self::Phase(at, _)
            | Self::Lost(at, ..)
            | Self::Second(at, ..)
            | Self::Process(at, _)
            | Self::Cpu(at, _) => *at,
        }
    }

    /// The same with all its times moved.
    pub(super) fn moved(self, by: impl Fn(Timestamp) -> Timestamp) -> Self {
        match self {
            Self::Phase(at, phase) => Self::Phase(by(at), phase),
            Self::Request(row) => Self::Request(RequestRow {
                due: by(row.due),
                ready: by(row.ready),
                sent: by(row.sent),
                first_byte: row.first_byte.map(&by),
                done: by(row.done),
                ..row
            }),
            Self::Lost(at, generator, lost) => Self::Lost(by(at), generator, lost),
            Self::Probe(row) => Self::Probe(ProbeRow { sent: by(row.sent), ..row }),
            Self::Event(row) => Self::Event(EventRow { at: by(row.at), ..row }),
            Self::Second(at, planned, sample) => Self::Second(by(at), planned, sample),
            Self::Process(at, row) => Self::Process(by(at), row),
            Self::Cpu(at, shares) => Self::Cpu(by(at), shares),
        }
    }

    /// Tells it again.
    pub(super) fn tell(&self, recorder: &mut dyn Recorder) -> Result<(), RecordError> {
        match self {
            Self::Phase(at, phase) => recorder.phase(*at, *phase),
            Self::Request(row) => recorder.request(row),
            Self::Lost(at, generator, lost) => recorder.lost(*at, *generator, *lost),
            Self::Probe(row) => recorder.probe(row),
            Self::Event(row) => recorder.event(row),
            Self::Second(at, planned, sample) => recorder.second(*at, *planned, sample),
            Self::Process(at, row) => recorder.process(*at, row),
            Self::Cpu(at, shares) => recorder.cpu(*at, shares),
        }
    }
}

/// Status, or the word of an error.
type AnswerLine = (Option<u16>, Option<Cow<'static, str>>);

/// Generator, worker, due, ready, sent, first byte, done; answer; replica; dial, lookup, write, wait, read; size. Requests are many, so
/// their fields have no names.
type RequestLine = (u16, u32, [u64; 3], Option<u64>, u64, AnswerLine, Option<u32>, [u64; 5], Option<u64>);

/// A line. Times and durations are nanoseconds, times since the run's start.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Phase(u64, Cow<'static, str>),
    Request(RequestLine),
    Lost {
        at: u64,
        generator: u16,
        busy: u64,
        late: u64,
    },
    Probe {
        sent: u64,
        latency: Option<u64>,
        answer: AnswerLine,
        above: u32,
        below: u32,
        decision: Cow<'static, str>,
    },
    Event {
        at: u64,
        actor: Cow<'static, str>,
        kind: Cow<'static, str>,
        from: Option<u32>,
        to: Option<u32>,
        reason: String,
        value: Option<f64>,
    },
    Second {
        at: u64,
        planned: u64,
        sample: SampleLine,
    },
    Process {
        at: u64,
        replica: u32,
        process: u32,
        state: Cow<'static, str>,
        cpu_time: u64,
        resident: u64,
        threads: u32,
        in_flight: u32,
    },
    /// Generator, its busiest thread, process, others, stolen, total; platform; what keeps cores awake.
    Cpu(u64, [f64; 6], Option<f64>, #[serde(default)] f64),
}

/// The platform as it stands.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct SampleLine {
    queue: u32,
    desired: u32,
    ready: u32,
    starting: u32,
    terminating: u32,
    cpu_time: Option<u64>,
    replica_time: u64,
}

impl From<&PlatformSample> for SampleLine {
    fn from(sample: &PlatformSample) -> Self {
        let PlatformSample { queue, desired, ready, starting, terminating, cpu_time, replica_time } = *sample;
        let (cpu_time, replica_time) = (cpu_time.map(nanos), nanos(replica_time));
        Self { queue, desired, ready, starting, terminating, cpu_time, replica_time }
    }
}

impl From<SampleLine> for PlatformSample {
    fn from(line: SampleLine) -> Self {
        let SampleLine { queue, desired, ready, starting, terminating, cpu_time, replica_time } = line;
        let (cpu_time, replica_time) = (cpu_time.map(Duration::from_nanos), Duration::from_nanos(replica_time));
        Self { queue, desired, ready, starting, terminating, cpu_time, replica_time }
    }
}

fn answer_line(answer: Answer) -> AnswerLine {
    (answer.ok(), answer.err().map(|kind| kind.as_str().into()))
}

fn answer((status, error): AnswerLine) -> Result<Answer, String> {
    match (status, error) {
        (Some(status), None) => Ok(Ok(status)),
        (None, Some(word)) => word_of(&ErrorKind::ALL, ErrorKind::as_str, &word).map(Err),
        _ => Err("an answer is a status or an error".to_owned()),
    }
}

fn word_of<T: Copy>(all: &[T], as_str: impl Fn(T) -> &'static str, word: &str) -> Result<T, String> {
    all.iter().copied().find(|one| as_str(*one) == word).ok_or_else(|| format!("{word:?} is not known"))
}

impl From<&Told> for Line {
    fn from(told: &Told) -> Self {
        match told {
            Told::Phase(at, phase) => Self::Phase(at.as_nanos(), phase.as_str().into()),
            Told::Request(row) => {
                let Detail { dial, lookup, write, wait, read, size } = row.detail;
                Self::Request((
                    row.generator.0,
                    row.worker.0,
                    [row.due, row.ready, row.sent].map(Timestamp::as_nanos),
                    row.first_byte.map(Timestamp::as_nanos),
                    row.done.as_nanos(),
                    answer_line(row.answer),
                    row.replica.map(|replica| replica.0),
                    [dial, lookup, write, wait, read].map(nanos),
                    size,
                ))
            }
            Told::Lost(at, generator, Lost { busy, late }) => {
                Self::Lost { at: at.as_nanos(), generator: generator.0, busy: *busy, late: *late }
            }
            Told::Probe(row) => Self::Probe {
                sent: row.sent.as_nanos(),
                latency: row.latency.map(nanos),
                answer: answer_line(row.answer),
                above: row.above,
                below: row.below,
                decision: row.decision.clone(),
            },
            Told::Event(row) => Self::Event {
                at: row.at.as_nanos(),
                actor: row.actor.clone(),
                kind: row.kind.as_str().into(),
                from: row.from,
                to: row.to,
                reason: row.reason.clone(),
                value: row.value,
            },
            Told::Second(at, planned, sample) => {
                Self::Second { at: at.as_nanos(), planned: *planned, sample: sample.into() }
            }
            Told::Process(at, row) => Self::Process {
                at: at.as_nanos(),
                replica: row.replica.0,
                process: row.process,
                state: row.state.as_str().into(),
                cpu_time: nanos(row.cpu_time),
                resident: row.resident,
                threads: row.threads,
                in_flight: row.in_flight,
            },
            Told::Cpu(at, shares) => {
                let CpuShares { generator, generator_thread, platform, process, others, stolen, total, awake } =
                    *shares;
                let alone = [generator, generator_thread, process, others, stolen, total];
                Self::Cpu(at.as_nanos(), alone, platform, awake)
            }
        }
    }
}

impl TryFrom<Line> for Told {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        let time = Timestamp::from_nanos;
        Ok(match line {
            Line::Phase(at, word) => Self::Phase(time(at), word_of(&Phase::ALL, Phase::as_str, &word)?),
            Line::Request((generator, worker, times, first_byte, done, answered, replica, parts, size)) => {
                let [due, ready, sent] = times.map(time);
                let [dial, lookup, write, wait, read] = parts.map(Duration::from_nanos);
                Self::Request(RequestRow {
                    generator: GeneratorId(generator),
                    worker: WorkerId(worker),
                    due,
                    ready,
                    sent,
                    first_byte: first_byte.map(time),
                    done: time(done),
                    answer: answer(answered)?,
                    replica: replica.map(ReplicaId),
                    detail: Detail { dial, lookup, write, wait, read, size },
                })
            }
            Line::Lost { at, generator, busy, late } => {
                Self::Lost(time(at), GeneratorId(generator), Lost { busy, late })
            }
            Line::Probe { sent, latency, answer: answered, above, below, decision } => Self::Probe(ProbeRow {
                sent: time(sent),
                latency: latency.map(Duration::from_nanos),
                answer: answer(answered)?,
                above,
                below,
                decision,
            }),
            Line::Event { at, actor, kind, from, to, reason, value } => {
                let kind = word_of(&EventKind::ALL, EventKind::as_str, &kind)?;
                Self::Event(EventRow { at: time(at), actor, kind, from, to, reason, value })
            }
            Line::Second { at, planned, sample } => Self::Second(time(at), planned, sample.into()),
            Line::Process { at, replica, process, state, cpu_time, resident, threads, in_flight } => {
                let row = ProcessRow {
                    replica: ReplicaId(replica),
                    process,
                    state: word_of(&ProcessState::ALL, ProcessState::as_str, &state)?,
                    cpu_time: Duration::from_nanos(cpu_time),
                    resident,
                    threads,
                    in_flight,
                };
                Self::Process(time(at), row)
            }
            Line::Cpu(at, [generator, generator_thread, process, others, stolen, total], platform, awake) => {
                let shares = CpuShares { generator, generator_thread, platform, process, others, stolen, total, awake };
                Self::Cpu(time(at), shares)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(told: &Told) -> Told {
        let line = serde_json::to_string(&Line::from(told)).expect("it can be written");
        serde_json::from_str::<Line>(&line).expect("it can be read").try_into().expect("it is known")
    }

    #[test]
    fn what_was_told_reads_back_to_the_last_nanosecond_and_bit() {
        let at = Timestamp::from_nanos(u64::MAX - 1);
        let request = RequestRow {
            generator: GeneratorId(1),
            worker: WorkerId(49),
            due: Timestamp::from_nanos(1),
            ready: Timestamp::from_nanos(2),
            sent: Timestamp::from_nanos(3),
            first_byte: Some(Timestamp::from_nanos(4)),
            done: at,
            answer: Ok(200),
            replica: Some(ReplicaId(7)),
            detail: Detail { wait: Duration::from_nanos(5), size: Some(76), ..Detail::default() },
        };
        let event = EventRow {
            at,
            actor: "watchtower".into(),
            kind: EventKind::Scale,
            from: Some(1),
            to: Some(2),
            reason: "\"above\", twice\n".to_owned(),
            value: Some(0.1 + 0.2),
        };
        let probe = ProbeRow {
            sent: at,
            latency: None,
            answer: Err(ErrorKind::CutBody),
            above: 1,
            below: 0,
            decision: "waits".into(),
        };
        let process = ProcessRow {
            replica: ReplicaId(1),
            process: 2,
            state: ProcessState::Terminating,
            cpu_time: Duration::from_nanos(3),
            resident: 4,
            threads: 5,
            in_flight: 6,
        };
        let sample = PlatformSample {
            queue: 1,
            desired: 2,
            cpu_time: Some(Duration::from_nanos(9)),
            ..PlatformSample::default()
        };
        let shares = CpuShares { generator: 1.0 / 3.0, platform: Some(0.1), awake: 0.9, ..CpuShares::default() };
        for told in [
            Told::Phase(at, Phase::CoolDown),
            Told::Request(request),
            Told::Request(RequestRow { answer: Err(ErrorKind::Timeout), first_byte: None, replica: None, ..request }),
            Told::Lost(at, GeneratorId(3), Lost { busy: 1, late: 2 }),
            Told::Probe(probe),
            Told::Event(event),
            Told::Second(at, 12, sample),
            Told::Process(at, process),
            Told::Cpu(at, shares),
        ] {
            assert_eq!(back(&told), told);
        }
    }
}
