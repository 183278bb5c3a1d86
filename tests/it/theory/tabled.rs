//! Long queues by the table of closed forms (section 4.3 of the simulation reference; unit of time: the mean work).
//!
//! What a queue's mean is known by grows worse than its length towards full use, so these take up to two million jobs each.

use super::*;

/// Servers, utilisation, mean time in the system; jobs in hundred thousands.
const ERLANG_C: [(u32, f64, f64, usize); 8] = [
    (1, 0.8, 5.0, 4),
    (1, 0.9, 10.0, 10),
    (4, 0.8, 1.745_541, 2),
    (4, 0.9, 2.969_383, 6),
    (8, 0.8, 1.286_028, 2),
    (20, 0.8, 1.064_019, 1),
    (20, 0.95, 1.755_401, 10),
    (32, 0.8, 1.025_097, 1),
];

#[test]
fn many_servers_and_long_queues_are_those_of_the_table() {
    let wait = |stream: &mut Stream| Some(exponential(stream, UNIT.as_secs_f64()));
    for (workers, utilisation, theory, jobs) in ERLANG_C {
        let seen = sojourns_of(jobs * JOBS, FREE_NODE, servers(workers), 1, utilisation * f64::from(workers), wait);
        assert_mean(&format!("M/M/{workers} at {utilisation}"), &seen, theory);
    }
}

/// W95 = 3.0987 and W99 = 5.1105 of M/M/4 at 0.8: so many wait longer.
#[test]
fn the_waits_of_four_servers_have_the_percentiles_of_the_table() {
    let mut works = Vec::new();
    let seen = sojourns_of(10 * JOBS, FREE_NODE, servers(4), 1, 0.8 * 4.0, |stream| {
        let work = exponential(stream, UNIT.as_secs_f64());
        works.push(units(work));
        Some(work)
    });
    let waits: Vec<f64> = seen.iter().zip(&works).map(|(sojourn, work)| sojourn - work).collect();
    for (percentile, beyond) in [(3.098_7, 0.05), (5.110_5, 0.01)] {
        let longer: Vec<f64> = waits.iter().map(|wait| f64::from(u8::from(*wait > percentile))).collect();
        // as in sojourns_of_one_server: the percentile itself is known to 4 %
        let sharp = 0.04 * -f64::ln(beyond);
        assert_mean_within(sharp, &format!("share of M/M/4 that waits beyond {percentile}"), &longer, beyond);
    }
    // Erlang C: who waits at all
    let waited: Vec<f64> = waits.iter().map(|wait| f64::from(u8::from(*wait > 1e-6))).collect();
    assert_mean("share of M/M/4 that waits", &waited, 0.596_432);
}

#[test]
fn one_server_waits_by_the_spread_of_its_work_as_in_the_table() {
    let mean = UNIT.as_secs_f64();
    for (utilisation, theory, jobs) in [(0.5, 1.5, 1), (0.8, 3.0, 3)] {
        let seen = sojourns_of(jobs * JOBS, FREE_NODE, servers(1), 1, utilisation, |_| Some(UNIT));
        assert_mean(&format!("M/D/1 at {utilisation}"), &seen, theory);
    }
    let erlang_2 = |stream: &mut Stream| Some(exponential(stream, mean / 2.0) + exponential(stream, mean / 2.0));
    let seen = sojourns_of(3 * JOBS, FREE_NODE, servers(1), 1, 0.8, erlang_2);
    assert_mean("M/E2/1 at 0.8", &seen, 4.0);
    // a hyperexponential of balanced means with squared coefficient of variation 4: the shorter kind comes with this share
    let share = f64::midpoint(1.0, (3.0_f64 / 5.0).sqrt());
    let hyper = |stream: &mut Stream| {
        let short: f64 = rand_distr::StandardUniform.sample(stream);
        let part = if short < share { share } else { 1.0 - share };
        Some(exponential(stream, mean / (2.0 * part)))
    };
    for (utilisation, theory, jobs) in [(0.5, 3.5, 6), (0.8, 11.0, 20)] {
        let seen = sojourns_of(jobs * JOBS, FREE_NODE, servers(1), 1, utilisation, hyper);
        assert_mean(&format!("M/H2/1 at {utilisation}"), &seen, theory);
    }
}
