//! What the platform's own metrics tell of a function: the gateway's gauge and count, and each pod's CPU time and requests.
//!
//! Totals only, exact at any moment. How often they are collected and how late they are seen is the reader's business.

use std::time::Duration;

use crate::record::{FunctionId, Measurement, PodSample};
use crate::time::Timestamp;

use super::cluster::Cluster;

impl Cluster {
    /// A function's metrics at `now`, which lies at or after the last advance and before the next change.
    ///
    /// # Panics
    /// When the platform has no such function.
    pub fn measure(&self, now: Timestamp, function: FunctionId) -> Measurement {
        let node_now = self.node.virtual_at(now.nanos_since(self.now));
        let function = &self.functions[usize::from(function.0)];
        let pods = &function.pods;
        let in_service = pods.ready_slots().map(|slot| {
            let replica = &self.replicas[slot as usize];
            PodSample {
                replica: replica.id,
                asked: pods.asked(replica.id).unwrap_or_default(),
                ready: Some(replica.began),
                cpu_time: Duration::from_nanos(replica.cpu_time(node_now) as u64),
                in_flight: replica.present.count(),
                request_time: replica.present.spent(now),
                answered: replica.served,
            }
        });
        let starting = pods.starting_replicas().map(|replica| PodSample {
            replica,
            asked: pods.asked(replica).unwrap_or_default(),
            ..PodSample::default()
        });
        Measurement {
            in_flight: function.present.count(),
            answered: function.answered,
            request_time: function.present.spent(now),
            pods: in_service.chain(starting).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arrival, FunctionModel, NodeModel, RequestId, Work};
    use crate::random::Seed;
    use crate::record::ReplicaId;

    #[test]
    fn a_pod_s_totals_are_the_work_it_did_and_the_time_requests_spent_in_it() {
        let ms = Duration::from_millis;
        let model =
            FunctionModel { cpu: Work::constant(ms(30)), wait: Work::constant(ms(50)), ..FunctionModel::default() };
        let node = NodeModel { cores: 1, gateway_cpu: Work::NONE, transport: Duration::ZERO };
        let mut cluster = Cluster::new(node, &[(model, 1, (1, 5))], Seed(1));
        for number in 0..2 {
            let arrival =
                Arrival { request: RequestId(number), function: FunctionId::STUDIED, probe: false, wait: None };
            cluster.arrive(Timestamp::ZERO, arrival);
        }
        let at = |millis: u64, cluster: &mut Cluster| {
            let now = Timestamp::from_millis(millis);
            cluster.advance(now, &mut Vec::new());
            cluster.measure(now, FunctionId::STUDIED)
        };
        // both share the lock until 60 ms and wait until 110 ms
        for (millis, in_flight, cpu, time, answered) in [(10, 2, 10, 20, 0), (80, 2, 60, 160, 0), (200, 0, 60, 220, 2)]
        {
            let sample = at(millis, &mut cluster);
            let expected = PodSample {
                replica: ReplicaId(0),
                asked: Timestamp::ZERO,
                ready: Some(Timestamp::ZERO),
                cpu_time: ms(cpu),
                in_flight,
                request_time: ms(time),
                answered,
            };
            assert_eq!(
                sample,
                Measurement { in_flight, answered, request_time: sample.request_time, pods: vec![expected] },
                "{millis} ms"
            );
        }
        cluster.scale(Timestamp::from_millis(200), FunctionId::STUDIED, 2);
        let sample = at(1_000, &mut cluster);
        assert_eq!(sample.pods.iter().map(|pod| pod.ready.is_some()).collect::<Vec<_>>(), [true, false]);
        assert_eq!(sample.pods[1].asked, Timestamp::from_millis(200));
    }
}
