//! Statistics against an independent reference: `SciPy` and `NumPy`, of the versions that scripts/reference-statistics pins.

mod metrics;

use serde_json::Value;

use watchtower::stats::inference::compared::{Test, paired, unpaired};
use watchtower::stats::inference::correlation::{pearson, spearman};
use watchtower::stats::inference::distribution::{normal_below, normal_quantile, t_below, t_quantile, t_tails};
use watchtower::stats::inference::effect::cliffs_delta;
use watchtower::stats::inference::holm::holm;
use watchtower::stats::inference::power::Truth;
use watchtower::stats::inference::rank_sum::rank_sum;
use watchtower::stats::inference::resample::{Resamples, bca, mean_of, ratio_of, widened_tail};
use watchtower::stats::inference::signed_rank::signed_rank;
use watchtower::stats::inference::{Interval, LEVEL, distance, moments, sign_flip, t_interval};

use watchtower::random::Seed;
use watchtower::stats::scores::{Competition, deviation, speed_up, worst};

/// As near as the two must be: of numbers above 1 in parts of them.
const NEAR: f64 = 1e-9;

fn reference() -> Value {
    serde_json::from_str(include_str!("stats/reference.json")).expect("JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().map(|list| list.iter().filter_map(Value::as_f64).collect()).unwrap_or_default()
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[track_caller]
fn near(found: f64, wanted: f64, of: &str) {
    assert!((found - wanted).abs() <= NEAR * wanted.abs().max(1.0), "{of}: {found} is not {wanted}");
}

/// What the reference knows must be found.
#[track_caller]
fn same(found: Option<f64>, wanted: &Value, of: &str) {
    if let Some(wanted) = wanted.as_f64() {
        near(found.unwrap_or(f64::NAN), wanted, of);
    }
}

/// The same, and what the reference does not know is not claimed either.
#[track_caller]
fn exactly(found: Option<f64>, wanted: &Value, of: &str) {
    match (found, wanted.as_f64()) {
        (Some(found), Some(wanted)) => near(found, wanted, of),
        (found, wanted) => assert_eq!(found, wanted, "{of}"),
    }
}

#[track_caller]
fn same_interval(found: Option<Interval>, wanted: &Value, of: &str) {
    match numbers(wanted)[..] {
        [low, high] => {
            let found = found.unwrap_or_else(|| panic!("{of}: no interval"));
            near(found.low, low, of);
            near(found.high, high, of);
        }
        _ => assert!(wanted.is_null(), "{of}"),
    }
}

/// The generator of scripts/reference-statistics.
fn resamples(n: usize, seed: u32) -> Resamples {
    let mut state = u64::from(seed);
    let mut next = || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        (state >> 15) as u32 % n as u32
    };
    let indices: Vec<u32> = (0..400 * n).map(|_| next()).collect();
    Resamples::given(n, &indices)
}

#[test]
fn statistics_agree_with_scipy() {
    let reference = reference();
    let cases = rows(&reference["pairs"]);
    assert!(cases.len() > 12, "the reference is whole");
    for case in cases {
        let (a, b) = (numbers(&case["a"]), numbers(&case["b"]));
        let d: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
        let name = case["name"].as_str().expect("a name");
        let of = |what: &str| format!("{name}: {what}");
        same(moments::mean(&a), &case["mean"][0], &of("mean a"));
        same(moments::mean(&b), &case["mean"][1], &of("mean b"));
        same(moments::standard_deviation(&d), &case["sd"], &of("standard deviation"));
        same(cliffs_delta(&a, &b), &case["cliffs_delta"], &of("Cliff's delta"));
        let (counted_a, counted_b) = (distance::counted(&a), distance::counted(&b));
        same(distance::kolmogorov_smirnov(&counted_a, &counted_b), &case["ks"], &of("KS"));
        same(distance::wasserstein(&counted_a, &counted_b), &case["wasserstein"], &of("Wasserstein"));

        let ranks = signed_rank(&d);
        let exact = ranks.is_none_or(|test| test.is_exact);
        same(
            ranks.map(|test| test.p),
            &case[if exact { "signed_rank" } else { "signed_rank_normal" }],
            &of("signed rank"),
        );
        if d.len() <= 16 {
            same(Some(sign_flip::exact(&d)), &case["sign_flip"], &of("sign-flip"));
        }
        let ranks = rank_sum(&a, &b).expect("two samples");
        near(ranks.statistic, case["u"].as_f64().expect("U"), &of("U"));
        same(Some(ranks.p), &case[if ranks.is_exact { "rank_sum" } else { "rank_sum_normal" }], &of("rank sum"));

        if case["sd"].as_f64().is_some_and(|sd| sd > 0.0) {
            same(t_interval::p_of_mean(&d), &case["t_p"], &of("t"));
            same_interval(t_interval::of_mean(&d, LEVEL), &case["t"], &of("t interval"));
        }
        same(t_interval::p_of_difference(&a, &b), &case["welch_p"], &of("Welch"));
        if !case["welch"].is_null() {
            same_interval(t_interval::of_difference(&a, &b, LEVEL), &case["welch"], &of("Welch interval"));
        }
        same_interval(t_interval::of_paired_ratio(&a, &b, LEVEL), &case["fieller"], &of("Fieller"));

        let n = a.len();
        if let Some(tail) = case["widened_tail"].as_f64() {
            near(widened_tail(n, LEVEL), tail, &of("widened tail"));
            same_interval(bca(&resamples(n, 7), 0.025, &mean_of(&d)), &case["bca"], &of("BCa"));
            same_interval(bca(&resamples(n, 7), tail, &mean_of(&d)), &case["bca_widened"], &of("widened BCa"));
            if !case["bca_ratio"].is_null() {
                same_interval(bca(&resamples(n, 11), 0.025, &ratio_of(&a, &b)), &case["bca_ratio"], &of("BCa ratio"));
            }
        }
    }
}

#[test]
fn distributions_agree_with_scipy() {
    let reference = reference();
    let tables = &reference["distributions"];
    for row in rows(&tables["normal_below"]) {
        let row = numbers(row);
        near(normal_below(row[0]), row[1], &format!("normal below {}", row[0]));
    }
    for row in rows(&tables["normal_quantile"]) {
        let row = numbers(row);
        near(normal_quantile(row[0]), row[1], &format!("normal quantile of {}", row[0]));
    }
    for row in rows(&tables["t_below"]) {
        let row = numbers(row);
        near(t_below(row[0], row[1]), row[2], &format!("t below {row:?}"));
    }
    for row in rows(&tables["t_tails"]) {
        let row = numbers(row);
        // a p is small and its digits count
        let (found, wanted) = (t_tails(row[0], row[1]), row[2]);
        assert!((found - wanted).abs() <= NEAR * wanted, "{row:?}: {found}");
    }
    for row in rows(&tables["t_quantile"]) {
        let row = numbers(row);
        near(t_quantile(row[0], row[1]), row[2], &format!("t quantile of {row:?}"));
    }
}

#[test]
fn power_agrees_with_the_noncentral_t_of_scipy() {
    let reference = reference();
    let cases = rows(&reference["power"]);
    assert!(!cases.is_empty());
    for case in cases {
        let number = |key: &str| case[key].as_f64().expect("a number");
        let truth = Truth { difference: number("difference"), spread: 1.0 };
        let n = number("n") as usize;
        let found = [truth.chance_of_finding(n, 0.05), truth.chance_of_equivalence(n, LEVEL, number("margin"))];
        for (found, wanted) in found.into_iter().zip([number("find"), number("equivalent")]) {
            assert!((found - wanted).abs() < 1e-6, "{case}: {found}");
        }
    }
}

#[test]
fn corrections_and_weighted_distances_agree_with_numpy_and_scipy() {
    let reference = reference();
    for pair in rows(&reference["holm"]) {
        let (found, wanted) = (holm(&numbers(&pair[0])), numbers(&pair[1]));
        assert_eq!(found.len(), wanted.len());
        found.iter().zip(wanted).for_each(|(found, wanted)| near(*found, wanted, &pair.to_string()));
    }
    for case in rows(&reference["weighted"]) {
        let values = |key: &str| -> Vec<(f64, f64)> {
            rows(&case[key]).iter().map(|pair| (numbers(pair)[0], numbers(pair)[1])).collect()
        };
        let (a, b) = (values("a"), values("b"));
        same(distance::kolmogorov_smirnov(&a, &b), &case["ks"], "weighted KS");
        same(distance::wasserstein(&a, &b), &case["wasserstein"], "weighted Wasserstein");
    }
}

#[test]
fn a_comparison_is_made_of_these_statistics() {
    let reference = reference();
    for case in rows(&reference["pairs"]) {
        let (a, b) = (numbers(&case["a"]), numbers(&case["b"]));
        let compared = paired(&a, &b, Seed(1));
        same(compared.cliffs_delta, &case["cliffs_delta"], "Cliff's delta");
        if case["sd"].as_f64().is_some_and(|sd| sd > 0.0) {
            same(compared.p_t, &case["t_p"], "t");
            if a.len() < 20 {
                same_interval(compared.interval, &case["t"], "t interval");
                same_interval(compared.ratio_interval, &case["fieller"], "Fieller");
            } else {
                // ten thousand resamples of its own against four hundred of the reference
                let (found, wanted) = (compared.interval.expect("an interval"), numbers(&case["bca_widened"]));
                let near = |at: f64, wanted: f64| (at - wanted).abs() < found.half_width();
                assert!(wanted.len() < 2 || near(found.low, wanted[0]) && near(found.high, wanted[1]), "{found:?}");
            }
        }
        if a.len() <= 16 {
            assert_eq!(compared.exact_test, Test::SignFlip);
            same(compared.p_exact, &case["sign_flip"], "sign-flip");
        }
        let apart = unpaired(&a, &b);
        same(apart.p_t, &case["welch_p"], "Welch");
    }
}

#[test]
fn samples_of_any_size_agree_with_scipy() {
    let reference = reference();
    let cases = rows(&reference["samples"]);
    assert!(cases.len() >= 15, "the reference is whole");
    for case in cases {
        let (a, b) = (numbers(&case["a"]), numbers(&case["b"]));
        let name = case["name"].as_str().expect("a name");
        let of = |what: &str| format!("{name}: {what}");
        exactly(moments::mean(&a), &case["mean_a"], &of("mean a"));
        exactly(moments::mean(&b), &case["mean_b"], &of("mean b"));
        exactly(moments::standard_deviation(&a), &case["sd_a"], &of("standard deviation of a"));
        exactly(moments::standard_deviation(&b), &case["sd_b"], &of("standard deviation of b"));
        exactly(cliffs_delta(&a, &b), &case["cliffs_delta"], &of("Cliff's delta"));
        let (counted_a, counted_b) = (distance::counted(&a), distance::counted(&b));
        exactly(distance::kolmogorov_smirnov(&counted_a, &counted_b), &case["ks"], &of("KS"));
        exactly(distance::wasserstein(&counted_a, &counted_b), &case["wasserstein"], &of("Wasserstein"));
        let ranks = rank_sum(&a, &b);
        exactly(ranks.map(|test| test.statistic), &case["u"], &of("U"));
        if let Some(ranks) = ranks {
            same(Some(ranks.p), &case[if ranks.is_exact { "rank_sum" } else { "rank_sum_normal" }], &of("rank sum"));
        }
        let apart = unpaired(&a, &b);
        if case["welch_p"].is_null() {
            // of constants the difference is known without an error, or there is too little to tell
            assert!(apart.interval.is_none_or(|ends| ends.half_width() <= 0.0), "{}", of("Welch"));
        } else {
            same(apart.p_t, &case["welch_p"], &of("Welch"));
            same_interval(apart.interval, &case["welch"], &of("Welch interval"));
        }
    }
}

#[test]
fn correlations_agree_with_scipy() {
    let reference = reference();
    let cases = rows(&reference["series"]);
    assert!(cases.len() >= 12, "the reference is whole");
    for case in cases {
        let (a, b) = (numbers(&case["a"]), numbers(&case["b"]));
        exactly(pearson(&a, &b), &case["pearson"], &format!("Pearson of {}", case["name"]));
        exactly(spearman(&a, &b), &case["spearman"], &format!("Spearman of {}", case["name"]));
    }
}

/// A recovery that nobody saw the end of counts up to the end of the load: the mean of such times is the restricted mean, the area
/// below Kaplan and Meier's curve.
#[test]
fn the_mean_of_times_cut_at_a_horizon_is_the_area_below_the_survival_curve() {
    let reference = reference();
    let cases = rows(&reference["restricted"]);
    assert!(cases.len() >= 6, "the reference is whole");
    for case in cases {
        let horizon = case["horizon"].as_f64().expect("a time");
        let times: Vec<f64> = numbers(&case["times"]).into_iter().map(|time| time.min(horizon)).collect();
        exactly(moments::mean(&times), &case["mean"], &case.to_string());
    }
}

#[test]
fn scores_agree_with_numpy_and_scipy() {
    let reference = reference();
    let cases = rows(&reference["scores"]);
    assert!(cases.len() > 10, "the reference is whole");
    for case in cases {
        let (own, rival) = (numbers(&case["own"]), numbers(&case["rival"]));
        let of = |what: &str| format!("{own:?} against {rival:?}: {what}");
        let found = Competition::of(&own, &rival);
        exactly(Some(f64::from(found.won)), &case["won"], &of("won"));
        exactly(Some(f64::from(found.tied)), &case["tied"], &of("tied"));
        exactly(found.share(), &case["competition"], &of("competition"));
        exactly(speed_up(&rival, &own), &case["speed_up"], &of("speed-up"));
        exactly(deviation(&own), &case["deviation"], &of("deviation"));
        exactly(worst(&own), &case["worst"], &of("worst"));
    }
}
