//! What a replica costs.

use super::{GOOD, good, problems, study_of};

fn with(price: &str) -> String {
    format!("{GOOD}\n[price]\n{price}\n")
}

#[test]
fn a_replica_costs_by_the_hour_or_by_what_it_reserves() {
    let per_second = |price: &str| good(&with(price)).price.and_then(|price| price.replica_second).expect("a price");
    let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-15, "{found} is not {wanted}");
    close(per_second("currency = \"EUR\"\nreplica_hour = 0.36"), 0.000_1);
    let reserved = "currency = \"USD\"\nvcpu = 0.5\nvcpu_second = 0.00004\nmemory = 0.25\ngb_second = 0.00001";
    close(per_second(reserved), 0.000_022_5);
    let only_memory = good(&with("memory = 2")).price.expect("memory");
    assert_eq!((only_memory.replica_second, only_memory.memory_gb), (None, Some(2.0)));
    assert_eq!(good(GOOD).price, None);
    // what is written out reads back to the same prices
    let study = good(&with(reserved));
    assert_eq!(good(study.resolved_toml()).price, study.price);
}

#[test]
fn a_price_of_nothing_and_a_price_without_a_currency_are_refused() {
    for (price, said) in [
        ("currency = \"EUR\"", "replica_hour is not given, nor any other price"),
        ("replica_hour = 1", "currency is not given"),
        ("currency = \"EUR\"\nvcpu_second = 0.1", "vcpu is not given, and vcpu_second is the price of it"),
        ("currency = \"EUR\"\nreplica_hour = -1", "replica_hour = -1 is out of range"),
        ("currency = \"EUR\"\nreplica_hours = 1", "did you mean \"replica_hour\"?"),
    ] {
        let found = problems(study_of(&with(price)));
        assert!(found.contains(said), "{price}: {found}");
    }
}
