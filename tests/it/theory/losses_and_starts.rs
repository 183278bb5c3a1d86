//! Systems that turn callers away, systems that fill up, and servers that have to be started: closed forms for each.

use super::*;
use watchtower::model::StartUp;

/// What a caller that hangs up when `room` requests are inside saw.
struct Seen {
    /// 1 for each caller that was turned away, else 0, in order of arrival.
    turned_away: Vec<f64>,
    /// Requests inside over the time before each caller, times the rate: their mean is the mean number inside.
    inside: Vec<f64>,
}

/// A Poisson stream at `rate` per unit; who finds `room` requests inside goes away.
fn with_room(
    callers: usize,
    workers: u32,
    room: u64,
    rate: f64,
    mut wait: impl FnMut(&mut Stream) -> Duration,
) -> Seen {
    let (mut arrivals, mut waits) = (seed().stream(Purpose::Arrivals), seed().stream_of(Purpose::Arrivals, 1));
    let mut cluster = Cluster::new(FREE_NODE, &[(servers(workers), 1, (1, 1))], seed());
    let (mut at, mut now, mut inside, mut area) = (Timestamp::ZERO, Timestamp::ZERO, 0_u64, 0.0);
    let (mut turned_away, mut changes) = (Vec::with_capacity(callers), Vec::new());
    let mut numbers = Vec::with_capacity(callers);
    while turned_away.len() < callers {
        let next = cluster.next_change().unwrap_or(Timestamp::MAX).min(at);
        area += inside as f64 * (next - now).as_secs_f64();
        now = next;
        if cluster.next_change().is_some_and(|change| change <= at) {
            cluster.advance(now, &mut changes);
            inside -= changes.drain(..).filter(|change| matches!(change, Change::Answered { .. })).count() as u64;
            continue;
        }
        numbers.push(std::mem::take(&mut area) * rate / UNIT.as_secs_f64());
        // the work is drawn in any case, so that all kinds of systems meet the same
        let wait = Some(wait(&mut waits));
        turned_away.push(f64::from(u8::from(inside == room)));
        if inside < room {
            inside += 1;
            let (request, function) = (RequestId(turned_away.len() as u64), FunctionId::STUDIED);
            cluster.arrive(now, Arrival { request, function, probe: false, wait });
        }
        at = now + exponential(&mut arrivals, UNIT.as_secs_f64() / rate);
    }
    Seen { turned_away, inside: numbers }
}

/// Erlang's B: the share of callers that find all of `servers` busy.
fn erlang_b(servers: u32, offered: f64) -> f64 {
    (1..=servers).fold(1.0, |blocked, server| offered * blocked / (f64::from(server) + offered * blocked))
}

#[test]
fn callers_that_find_all_threads_busy_are_as_many_as_erlang_says_whatever_the_law_of_their_work() {
    for (workers, offered) in [(4, 3.0), (20, 16.0)] {
        let theory = erlang_b(workers, offered);
        let exponential = |stream: &mut Stream| exponential(stream, UNIT.as_secs_f64());
        let seen = with_room(JOBS, workers, workers.into(), offered, exponential);
        assert_mean(&format!("M/M/{workers}/{workers}"), &seen.turned_away, theory);
        let seen = with_room(JOBS, workers, workers.into(), offered, |_| UNIT);
        assert_mean(&format!("M/D/{workers}/{workers}"), &seen.turned_away, theory);
    }
}

/// Birth and death equations: 0.016805 and 7.7692.
#[test]
fn a_queue_with_room_for_twenty_loses_and_holds_what_birth_and_death_say() {
    // losses come in clumps: so many callers are needed to know their share to 4 %
    let seen = with_room(9 * JOBS, 4, 20, 3.6, |stream| exponential(stream, UNIT.as_secs_f64()));
    assert_mean("M/M/4/20 loses", &seen.turned_away, 0.016_805);
    assert_mean("M/M/4/20 holds", &seen.inside, 7.769_2);
}

#[test]
fn one_thread_waits_by_the_spread_of_its_work_as_pollaczek_and_khinchine_say() {
    // Erlang-2: the sum of two exponentials of half the mean, squared coefficient of variation 1/2
    let half = UNIT.as_secs_f64() / 2.0;
    let erlang_2 = |stream: &mut Stream| Some(exponential(stream, half) + exponential(stream, half));
    for utilisation in [0.5, 0.7] {
        let theory = 1.0 + utilisation / (1.0 - utilisation) * 0.75;
        assert_mean("M/E2/1", &sojourns(FREE_NODE, servers(1), 1, utilisation, erlang_2), theory);
    }
    // one thread on the lock is first come, first served: LPS(1)
    let model = FunctionModel { cpu: Work { mean: UNIT, cv: 1.0 }, ..servers(1) };
    assert_mean("LPS(1), cv 1", &sojourns(FREE_NODE, model, 1, 0.5, |_| None), 2.0);
}

/// N(t) of M/M/infinity that starts empty has mean a (1 - exp(-t)).
#[test]
fn with_threads_for_all_the_number_inside_rises_as_the_exponential_says() {
    let (offered, runs) = (40.0, 400);
    let moments = [0.5, 1.0, 2.0];
    let mut inside = moments.map(|_| Vec::with_capacity(runs));
    let (mut arrivals, mut waits) = (seed().stream(Purpose::Arrivals), seed().stream_of(Purpose::Arrivals, 1));
    for _ in 0..runs {
        let mut cluster = Cluster::new(FREE_NODE, &[(servers(1_000), 1, (1, 1))], seed());
        let (mut at, mut came, mut gone, mut changes) = (Timestamp::ZERO, 0_u32, 0_u32, Vec::new());
        for (moment, inside) in moments.iter().zip(&mut inside) {
            let until = Timestamp::ZERO + UNIT.mul_f64(*moment);
            loop {
                let next = at + exponential(&mut arrivals, UNIT.as_secs_f64() / offered);
                if next > until {
                    // memoryless: what was drawn beyond the moment may be drawn again from there
                    at = until;
                    break;
                }
                at = next;
                cluster.advance(at, &mut changes);
                let wait = Some(exponential(&mut waits, UNIT.as_secs_f64()));
                let (request, function) = (RequestId(came.into()), FunctionId::STUDIED);
                cluster.arrive(at, Arrival { request, function, probe: false, wait });
                came += 1;
            }
            cluster.advance(until, &mut changes);
            gone += changes.drain(..).count() as u32;
            inside.push(f64::from(came - gone));
        }
    }
    for (moment, inside) in moments.iter().zip(&inside) {
        let (mean, theory) = (inside.iter().sum::<f64>() / runs as f64, offered * (1.0 - (-moment).exp()));
        // the number is Poisson, so its variance is its mean
        let error = (theory / runs as f64).sqrt();
        assert!((mean - theory).abs() < 4.0 * error, "N({moment}) = {mean}, not {theory}; seed {}", seed().0);
    }
}

/// A replica that is removed whenever it runs empty and asked for by the next request: M/G/1 with set-up.
///
/// `W = E[S^2] l / (2 (1 - rho)) + (2 E[I] + l E[I^2]) / (2 (1 + l E[I]))` (Welch 1964). The set-up I is the pod's start-up and, since the
/// gateway looks for a replica every 100 ms, half of that on average.
#[test]
fn a_server_that_is_started_for_the_first_of_a_busy_period_delays_all_of_it_as_welch_says() {
    const REQUESTS: u64 = 40_000;
    let (rate, mean) = (0.1, 1.5);
    let start_up =
        StartUp { fixed: Duration::from_secs(3), container: Duration::from_secs(1), probe: Duration::from_secs(2) };
    let model = FunctionModel { start_up, termination: Duration::ZERO, ..servers(1) };
    let mut cluster = Cluster::new(FREE_NODE, &[(model, 0, (0, 1))], seed());
    let (mut arrivals, mut waits) = (seed().stream(Purpose::Arrivals), seed().stream_of(Purpose::Arrivals, 1));
    let (mut at, mut inside, mut changes) = (Timestamp::ZERO, 0_u32, Vec::new());
    let mut arrived = vec![Timestamp::ZERO; REQUESTS as usize];
    let mut sojourns = Vec::with_capacity(REQUESTS as usize);
    let mut sent = 0;
    while (sojourns.len() as u64) < REQUESTS {
        let next = if sent < REQUESTS { at } else { Timestamp::MAX };
        if let Some(change) = cluster.next_change().filter(|change| *change <= next) {
            cluster.advance(change, &mut changes);
            for change in changes.drain(..) {
                if let Change::Answered { request, at, ending, .. } = change {
                    assert_eq!(ending, Ending::Served);
                    sojourns.push((at - arrived[request.0 as usize]).as_secs_f64());
                    inside -= 1;
                    if inside == 0 {
                        cluster.scale(at, FunctionId::STUDIED, 0);
                    }
                }
            }
            continue;
        }
        if inside == 0 {
            cluster.scale(at, FunctionId::STUDIED, 1);
        }
        inside += 1;
        arrived[sent as usize] = at;
        let wait = Some(exponential(&mut waits, mean));
        cluster.arrive(at, Arrival { request: RequestId(sent), function: FunctionId::STUDIED, probe: false, wait });
        sent += 1;
        at += exponential(&mut arrivals, 1.0 / rate);
    }
    let (look, set_up) = (0.1_f64, 3.0 + 0.5 + 1.0 + 0.05);
    let variance = (1.0 + 4.0 + look * look) / 12.0;
    let set_up_squared = set_up * set_up + variance;
    let busy = rate * 2.0 * mean * mean / (2.0 * (1.0 - rate * mean));
    let delay = (2.0 * set_up + rate * set_up_squared) / (2.0 * (1.0 + rate * set_up));
    assert_mean("M/M/1 with set-up", &sojourns, mean + busy + delay);
}
