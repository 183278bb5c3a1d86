//! What a scenario says a replica costs: prices that have something to be the price of, in a currency.

use crate::study::problem::Problem;
use crate::study::results::Price;
use crate::study::scenario::Scenario;

/// The price of a replica; `None` without a `[price]`.
pub(super) fn price(scenario: &Scenario, problems: &mut Vec<Problem>) -> Option<Price> {
    let section = &scenario.price;
    section.line?;
    let number = |key: &str| section.settings.number(key);
    for (price, of, unit) in [("vcpu_second", "vcpu", "1"), ("gb_second", "memory", "0.256")] {
        if number(price) > 0.0 && number(of) <= 0.0 {
            let hint = format!("write {of} = {unit}: how much of it a replica reserves");
            problems.push(section.missing(of, format!("is not given, and {price} is the price of it"), hint));
        }
    }
    let per_second = number("replica_hour") / 3_600.0
        + number("vcpu") * number("vcpu_second")
        + number("memory") * number("gb_second");
    let (has_price, has_memory) = (per_second > 0.0, number("memory") > 0.0);
    if !has_price && !has_memory {
        let hint = "write replica_hour = 0.05, or vcpu and vcpu_second, memory and gb_second; or leave [price] out";
        problems.push(section.missing("replica_hour", "is not given, nor any other price", hint));
    }
    let currency = section.settings.text("currency").trim().to_owned();
    if has_price && currency.is_empty() {
        problems.push(section.missing("currency", "is not given", "write currency = \"EUR\""));
    }
    Some(Price {
        currency,
        replica_second: has_price.then_some(per_second),
        memory_gb: has_memory.then(|| number("memory")),
    })
}
