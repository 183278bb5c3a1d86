//! The platform as the driver sees it: the cluster, its counters, and who called.

use crate::drive::journeys::{JourneysPlan, StepPlan};
use crate::drive::{GeneratorPlan, Plan, SchedulePlan};
use crate::model::{Arrival, Cluster, Ending, RequestId};
use crate::policy::{Counter, Measurement, Refusal, ReplicaStatus};
use crate::record::FunctionId;
use crate::time::Timestamp;

use super::answer::{Served, served};

/// The endings a gateway counts, in the order of its counters.
const ENDINGS: [Ending; 9] = [
    Ending::Served,
    Ending::Cut,
    Ending::Overdue,
    Ending::NoReplica,
    Ending::NoEndpoint,
    Ending::Removed,
    Ending::Raised,
    Ending::TooMany,
    Ending::NotListening,
];

/// Bytes of Flask's page about an exception.
const RAISED_SIZE: u64 = 265;

pub(super) struct Platform {
    pub(super) cluster: Cluster,
    functions: u16,
    /// What the handler answers, and how often it did: to the function's own query, and to each step of a journey.
    served: Vec<(Served, u64)>,
    /// Answers of the studied function that are the platform's own, by ending. A probe is always served with 200, whatever the
    /// handler does.
    answered: [u64; ENDINGS.len()],
    probes_served: u64,
}

/// What a request asks for: by default the function's own query, else a step, counted from 1 over all loads with journeys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked(pub(super) u32);

/// The steps of a load that has journeys.
pub(super) fn steps_of(generator: &GeneratorPlan) -> impl Iterator<Item = &StepPlan> {
    let plan = match &generator.schedule {
        SchedulePlan::Goose(plan) => Some(plan),
        SchedulePlan::Hey(_) | SchedulePlan::Rate(..) | SchedulePlan::Trace(..) => None,
    };
    plan.into_iter().flat_map(JourneysPlan::steps)
}

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// A load worker, counted over all generators, with its n-th request.
    Worker {
        /// Which.
        worker: u32,
        /// Tells an answer from one that comes after its worker gave up.
        attempt: u32,
    },
    /// The policy.
    Probe {
        /// Counted from 0.
        number: u32,
    },
    /// The driver, before the load.
    WarmUp,
}

impl Caller {
    const PROBE: u64 = 1 << 63;
    const WARM_UP: u64 = 1 << 62;
    /// Attempts stay below the two marks.
    pub(super) const ATTEMPTS: u32 = 1 << 30;

    fn request(self) -> RequestId {
        RequestId(match self {
            Self::Worker { worker, attempt } => u64::from(attempt) << 32 | u64::from(worker),
            Self::Probe { number } => Self::PROBE | u64::from(number),
            Self::WarmUp => Self::WARM_UP,
        })
    }

    pub(super) fn of(request: RequestId) -> Self {
        if request.0 & Self::PROBE != 0 {
            Self::Probe { number: request.0 as u32 }
        } else if request.0 & Self::WARM_UP != 0 {
            Self::WarmUp
        } else {
            Self::Worker { worker: request.0 as u32, attempt: (request.0 >> 32) as u32 }
        }
    }
}

impl Platform {
    pub(super) fn new(plan: &Plan) -> Self {
        let functions: Vec<_> = plan
            .functions
            .iter()
            .map(|function| (function.model.clone(), function.replicas, function.bounds))
            .collect();
        let (handler, query) = plan
            .functions
            .first()
            .map_or((super::super::Handler::Plain, ""), |function| (function.handler, function.query.as_str()));
        let steps = plan.generators.iter().flat_map(steps_of).map(|step| step.query.as_deref().unwrap_or(query));
        let served = std::iter::once(query).chain(steps).map(|query| (served(handler, query), 0)).collect();
        Self {
            cluster: Cluster::new(plan.node, &functions, plan.seed),
            functions: functions.len() as u16,
            answered: [0; ENDINGS.len()],
            served,
            probes_served: 0,
        }
    }

    /// A request to the studied function leaves; `asked` is what it asks for.
    #[inline]
    pub(super) fn send(&mut self, now: Timestamp, caller: Caller, asked: Asked) {
        let probe = matches!(caller, Caller::Probe { .. });
        let wait = if probe { None } else { self.served[asked.0 as usize].0.wait };
        self.cluster.arrive(now, Arrival { request: caller.request(), function: FunctionId::STUDIED, probe, wait });
    }

    /// Counts an answer to what a worker asked; its status and its length.
    #[inline]
    pub(super) fn count(&mut self, asked: Asked, ending: Ending) -> (u16, Option<u64>) {
        if ending != Ending::Served {
            return self.count_own(ending);
        }
        let (served, answers) = &mut self.served[asked.0 as usize];
        *answers += 1;
        (served.status, served.size)
    }

    /// Counts an answer to a probe or to a warm-up request; its status.
    pub(super) fn count_ours(&mut self, caller: Caller, ending: Ending) -> u16 {
        if ending == Ending::Served && matches!(caller, Caller::Probe { .. }) {
            self.probes_served += 1;
            return 200;
        }
        self.count(Asked::default(), ending).0
    }

    /// Counts an answer that is none of the handler's. The platform's own have no body.
    #[cold]
    fn count_own(&mut self, ending: Ending) -> (u16, Option<u64>) {
        self.answered[ending as usize] += 1;
        (self.status_of(ending), Some(if ending == Ending::Raised { RAISED_SIZE } else { 0 }))
    }

    fn status_of(&self, ending: Ending) -> u16 {
        match ending {
            // the handler's, which is counted by what was asked
            Ending::Served => self.served[0].0.status,
            Ending::Cut | Ending::Removed | Ending::Raised | Ending::NotListening => 500,
            Ending::Overdue => 504,
            Ending::NoReplica => 502,
            Ending::NoEndpoint => 503,
            Ending::TooMany => 429,
        }
    }

    /// The gateway's counters: a series exists from its first answer on.
    pub(super) fn counters(&self) -> Vec<Counter> {
        let mut counters: Vec<Counter> = Vec::new();
        let handler = self.served.iter().map(|(served, count)| (served.status, *count));
        let own = ENDINGS.iter().map(|ending| (self.status_of(*ending), self.answered[*ending as usize]));
        for (code, count) in [(200, self.probes_served)].into_iter().chain(handler).chain(own) {
            match counters.iter_mut().find(|counter| counter.code == code) {
                _ if count == 0 => {}
                Some(counter) => counter.value += count as f64,
                None => counters.push(Counter { function: FunctionId::STUDIED, code, value: count as f64 }),
            }
        }
        counters
    }

    /// A function's replicas; `None` if there is no such function.
    pub(super) fn status(&self, function: FunctionId) -> Option<ReplicaStatus> {
        (function.0 < self.functions).then(|| self.cluster.status(function))
    }

    /// The platform's metrics of a function; `None` if there is no such function.
    pub(super) fn measure(&self, now: Timestamp, function: FunctionId) -> Option<Measurement> {
        (function.0 < self.functions).then(|| self.cluster.measure(now, function))
    }

    /// Asks for replicas.
    pub(super) fn scale(&mut self, now: Timestamp, function: FunctionId, to: u32) -> Result<u32, Refusal> {
        if function.0 < self.functions {
            return Ok(self.cluster.scale(now, function, to));
        }
        let body = format!("there is no function number {}", function.0);
        Err(Refusal::Status { status: 500, body })
    }
}
