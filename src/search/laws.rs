//! Laws of a search as a whole, over made-up worlds whose best points are known by looking at all of them.

use proptest::prelude::*;
use rand::RngExt;

use super::front::{front, hypervolume};
use super::space::{Axis, Point, Space};
use super::*;

/// A world: what a point scores with a seed.
type World = fn(&[f64], u32) -> Score;

/// Runs a search to its end.
fn searched(space: &Space, extent: Extent, known: &[Point], seed: u64, world: World) -> Search {
    let mut search = Search::new(space.clone(), extent, known, Seed(seed));
    loop {
        let asks = search.ask().to_vec();
        if asks.is_empty() {
            return search;
        }
        let scores: Vec<Score> =
            asks.iter().map(|ask| world(&shares(space, &search.trials()[ask.trial].point), ask.seed)).collect();
        search.tell(&scores);
    }
}

/// A point as shares of its axes, from 0 to 1.
fn shares(space: &Space, point: &Point) -> Vec<f64> {
    let share = |(axis, level): (&Axis, &u16)| f64::from(*level) / f64::from((axis.levels() - 1).max(1));
    space.axes().iter().zip(point).map(share).collect()
}

fn complete(search: &Search) -> Vec<Score> {
    let is_complete = |trial: &&Trial| trial.fate == Fate::Complete;
    search.trials().iter().filter(is_complete).filter_map(Trial::mean).collect()
}

/// Share of the whole space's hypervolume, counted from a little beyond its front's ends, that the search found.
fn reached(space: &Space, search: &Search, world: World) -> f64 {
    let all: Vec<Score> = space.all().map(|point| world(&shares(space, &point), 0)).collect();
    let on_it = front(&all);
    let (first, last) = (all[on_it[0]], all[on_it[on_it.len() - 1]]);
    let worst = Score {
        cost: last.cost + 0.1 * (last.cost - first.cost),
        missed: first.missed + 0.1 * (first.missed - last.missed),
    };
    hypervolume(&complete(search), worst) / hypervolume(&all, worst)
}

fn cube(levels: usize, axes: usize) -> Space {
    Space::new(vec![Axis::new(levels, 0); axes])
}

/// One axis trades cost for what is missed, the others have a best place that depends on it.
fn valley(x: &[f64], _seed: u32) -> Score {
    let off = (x[1] - 0.3 - 0.4 * x[0]).powi(2) + 0.7 * (x[2] - 0.6).powi(2);
    Score { cost: 1.0 + 4.0 * x[0] + 3.0 * off, missed: (1.0 - x[0]).powi(3) + off }
}

/// Steps and plateaus, as rounds and replicas give them, and a cliff.
fn steps(x: &[f64], _seed: u32) -> Score {
    let up = (x[0] * 4.0).round() / 4.0;
    let late = (x[1] * 3.0).round() / 3.0;
    let cliff = if x[2] > 0.8 { 0.5 } else { 0.0 };
    Score {
        cost: 2.0 + 3.0 * up + 2.0 * (1.0 - late) * up + x[2],
        missed: (0.6 * (1.0 - up) * (1.2 - x[2]) + 0.2 * late + cliff).clamp(0.0, 1.0),
    }
}

#[test]
fn a_tenth_of_all_points_is_enough_for_most_of_the_front() {
    for (name, world) in [("valley", valley as World), ("steps", steps as World)] {
        let space = cube(10, 3);
        let shares: Vec<f64> = (1..=3)
            .map(|seed| {
                let search = searched(&space, Extent::of(100, 1, &space, 0.0), &[], seed, world);
                assert_eq!(search.trials().len(), 100);
                reached(&space, &search, world)
            })
            .collect();
        assert!(shares.iter().all(|share| *share >= 0.95), "{name}, seeds 1 to 3: {shares:.3?}");
    }
}

#[test]
fn it_finds_more_than_looking_anywhere_does() {
    let space = cube(20, 5);
    let world: World = |x, seed| {
        let score = valley(x, seed);
        let off = (x[3] - 0.2).powi(2) + (x[4] - 0.9).powi(2);
        Score { cost: score.cost + off, missed: score.missed + off }
    };
    let worst = Score { cost: 5.5, missed: 1.2 };
    for seed in 1..=3 {
        let search = searched(&space, Extent::of(200, 1, &space, 0.0), &[], seed, world);
        let mut stream = Seed(seed).stream(Purpose::Search);
        let anywhere: Vec<Score> = (0..200).map(|_| world(&shares(&space, &space.random(&mut stream)), 0)).collect();
        let (by_search, by_luck) = (hypervolume(&complete(&search), worst), hypervolume(&anywhere, worst));
        // with all axes but the first at their best the area is 4.4
        assert!(by_search > by_luck && by_search > 0.9 * 4.4, "seed {seed}: {by_search} against {by_luck}");
    }
}

#[test]
fn what_is_known_is_tried_first_and_with_every_seed() {
    let space = cube(30, 3);
    let known = [vec![29, 0, 0], vec![3, 3, 3], vec![29, 0, 0]];
    let search = searched(&space, Extent::of(60, 3, &space, 0.0), &known, 1, valley);
    assert_eq!(search.trials()[0].point, known[0]);
    assert_eq!(search.trials()[1].point, known[1]);
    assert_eq!(search.trials()[2].origin, Origin::Design);
    for trial in &search.trials()[..2] {
        assert_eq!((trial.origin, trial.fate, trial.scores.len()), (Origin::Known, Fate::Complete, 3));
    }
}

#[test]
fn a_space_smaller_than_the_budget_is_looked_through_and_that_is_all() {
    let space = Space::new(vec![Axis::new(3, 1), Axis::new(4, 0)]);
    let search =
        searched(&space, Extent::of(100, 1, &space, 0.0), &[vec![2, 2]], 1, |x, _| Score { cost: x[0], missed: x[1] });
    assert_eq!(search.trials().len(), 16);
}

#[test]
fn the_hopeless_are_stopped_and_the_front_is_not() {
    let space = cube(12, 3);
    // what a seed does to all alike, and a little luck of each point's own
    let world: World = |x, seed| {
        let score = valley(x, 0);
        let luck = |salt: f64| ((x[0] * 37.0 + x[1] * 91.0 + x[2] * 53.0 + f64::from(seed) * salt).sin()) * 0.02;
        let of_seed = f64::from(seed % 3) * 0.5;
        Score { cost: score.cost + of_seed + luck(12.9), missed: score.missed + luck(78.2) }
    };
    let search = searched(&space, Extent::of(150, 6, &space, 0.0), &[], 5, world);
    let stopped: Vec<&Trial> =
        search.trials().iter().filter(|trial| matches!(trial.fate, Fate::Stopped { .. })).collect();
    let runs: usize = search.trials().iter().map(|trial| trial.scores.len()).sum();
    assert!(stopped.len() > 30 && runs < 150 * 6 * 8 / 10, "{} stopped, {runs} runs", stopped.len());
    for trial in stopped {
        let truth = valley(&shares(&space, &trial.point), 0);
        let Fate::Stopped { by } = trial.fate else { continue };
        let better = valley(&shares(&space, &search.trials()[by].point), 0);
        assert!(better.cost < truth.cost + 0.05 && better.missed < truth.missed + 0.05, "{better:?} {truth:?}");
    }
}

#[test]
fn the_same_seed_asks_the_same_and_another_one_does_not() {
    let space = cube(15, 4);
    let points = |seed| {
        let search = searched(&space, Extent::of(80, 2, &space, 0.05), &[], seed, valley);
        search.trials().iter().map(|trial| trial.point.clone()).collect::<Vec<_>>()
    };
    assert_eq!(points(1), points(1));
    assert_ne!(points(1), points(2));
}

#[test]
fn a_larger_budget_goes_on_where_the_smaller_one_ended() {
    let space = cube(15, 3);
    let points = |budget| {
        let extent = Extent::of(61, 2, &space, 0.05).enlarged(budget);
        let mut asks = Vec::new();
        let mut search = Search::new(space.clone(), extent, &[vec![1, 2, 3]], Seed(9));
        while let Some(wave) = Some(search.ask().to_vec()).filter(|wave| !wave.is_empty()) {
            let point = |ask: &Ask| search.trials()[ask.trial].point.clone();
            asks.extend(wave.iter().map(|ask| (point(ask), ask.seed)));
            let scores: Vec<Score> = wave.iter().map(|ask| valley(&shares(&space, &point(ask)), ask.seed)).collect();
            search.tell(&scores);
        }
        assert!(search.trials().len() <= budget);
        (search.trials().len(), asks)
    };
    let ((tried, few), (more, many)) = (points(61), points(120));
    assert_eq!((tried, more > 115), (61, true));
    assert_eq!(few[..], many[..few.len()]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_space_and_any_answers_are_searched_to_the_end(
        axes in prop::collection::vec((0_usize..6, 0_usize..3), 1..5),
        budget in 1_usize..60,
        seeds in 1_u32..4,
        half in prop::sample::select(vec![0.0, 0.05]),
        seed in any::<u64>(),
    ) {
        let axes: Vec<Axis> =
            axes.into_iter().map(|(ordered, words)| Axis::new(ordered.max(usize::from(words == 0)), words)).collect();
        let space = Space::new(axes);
        let mut search = Search::new(space.clone(), Extent::of(budget, seeds, &space, half), &[], Seed(seed));
        let mut luck = Seed(seed).stream(Purpose::Service);
        let mut asked = 0;
        loop {
            let asks = search.ask().to_vec();
            prop_assert_eq!(search.ask(), &asks[..]);
            if asks.is_empty() {
                break;
            }
            asked += asks.len();
            prop_assert!(asked <= budget * seeds as usize);
            // the same answer to everything now and then, so that nothing differs
            let scores: Vec<Score> = asks
                .iter()
                .map(|_| Score { cost: (luck.random::<f64>() * 3.0).floor(), missed: (luck.random::<f64>() * 2.0).floor() })
                .collect();
            search.tell(&scores);
        }
        let points: BTreeSet<&Point> = search.trials().iter().map(|trial| &trial.point).collect();
        prop_assert_eq!(points.len(), search.trials().len());
        prop_assert_eq!(points.len() as u64, space.size().min(budget as u64));
        prop_assert!(search.trials().iter().all(|trial| trial.fate != Fate::Running && !trial.scores.is_empty()));
    }
}
