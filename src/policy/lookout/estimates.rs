//! What the lookout's estimates of a function promise: what a replica bears is found again, whoever looks from wherever.

use super::*;

#[test]
fn the_time_a_request_takes_is_found_again_from_the_wait_of_an_m_m_1() {
    for rho in [0.1_f64, 0.5, 0.9, 0.99] {
        let (each, rate) = (0.008, rho / 0.008);
        let wait = each * rho / (1.0 - rho);
        assert!((capacity::service_time(rate, wait) - each).abs() < 1e-12, "rho {rho}");
    }
    // overloaded, the wait is endless and the replica gives what it can: 125 a second are 8 ms each
    assert!((capacity::service_time(125.0, 60.0) - 0.008).abs() < 1e-5);
    assert!(capacity::service_time(0.0, 1.0).abs() < f64::EPSILON);
}

#[test]
fn of_a_probe_only_what_it_spends_in_the_gateway_is_taken_off_a_request() {
    let sample = |answered, spent: f64, in_flight| Measurement {
        in_flight,
        answered,
        request_time: Duration::from_secs_f64(spent),
        pods: Vec::new(),
    };
    let mut transit = Transit::default();
    transit.look(&sample(10, 1.0, 0), 0, 0.0);
    assert!(!transit.is_known() && (transit.within(0.010) - 0.010).abs() < 1e-9);
    // a probe of 6 ms, of which the gateway saw 2
    transit.look(&sample(11, 1.002, 0), 1, 0.006);
    assert!((transit.usual() - 0.004).abs() < 1e-9 && (transit.within(0.010) - 0.006).abs() < 1e-9);
    // while somebody else is there, or was, nothing can be told
    transit.look(&sample(14, 1.102, 0), 2, 0.012);
    transit.look(&sample(14, 1.102, 1), 2, 0.012);
    transit.look(&sample(16, 1.112, 0), 4, 0.112);
    // nor by a gateway that began anew
    transit.look(&sample(0, 0.0, 0), 4, 0.112);
    transit.look(&sample(1, 0.001, 0), 6, 0.212);
    assert!((transit.usual() - 0.004).abs() < 1e-9);

    // 20 requests/s at each replica that are there for 9.4 ms, of which 2 are what a probe takes of the gateway: 7.4 / 1.148
    let each = |transit: f64| {
        let mut capacity = Capacity::default();
        capacity.transit(transit);
        capacity.probe(0.006, 1.0);
        capacity.calm(0.0088, 20.0, 0.5);
        (0..100).for_each(|_| capacity.observe(20.0, 0.0094, 0.5, false));
        capacity.each(4.0)
    };
    assert!((each(0.004) - 0.0074 / 1.148).abs() < 1e-6, "{}", each(0.004));
    assert!(each(0.0) < 0.7 * each(0.004));
}

#[test]
fn what_an_overload_has_shown_stands_against_what_light_load_seems_to_say() {
    let mut capacity = Capacity::default();
    capacity.probe(0.002, 1.0);
    capacity.calm(0.016, 20.0, 0.5);
    // 200 a second are 5 ms each
    (0..10).for_each(|_| capacity.observe(200.0, 60.0, 0.5, true));
    assert!((capacity.each(4.0) - 0.005).abs() < 1e-4, "{}", capacity.each(4.0));
    // requests that mostly wait for something else look like 10 ms by the time they are there
    (0..200).for_each(|_| capacity.observe(50.0, 0.022, 0.5, false));
    assert!((0.0045..0.0060).contains(&capacity.each(4.0)), "{}", capacity.each(4.0));
    // until it is long ago
    (0..7_200).for_each(|_| capacity.observe(50.0, 0.022, 0.5, false));
    assert!(capacity.each(4.0) > 0.008, "{}", capacity.each(4.0));
}
