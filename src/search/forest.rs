//! A surrogate: what a point would probably score, from what others scored.
//!
//! Extremely randomised trees (Geurts, Ernst and Wehenkel, Machine Learning 63, 2006): every tree sees all points and cuts where
//! the best of some random cuts falls; the mean of the trees is the guess, their spread how sure it is. No scale of an axis matters,
//! steps and words are no trouble, and there is nothing to set.

use rand::RngExt;

use crate::random::Stream;

const TREES: usize = 40;

/// A leaf holds no more than this many points, unless they are all alike.
const LEAF: usize = 2;

/// A guess.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Guess {
    pub(super) mean: f64,
    /// Standard deviation between the trees.
    pub(super) spread: f64,
}

/// Trees over places.
#[derive(Debug)]
pub(super) struct Forest {
    trees: Vec<Vec<Node>>,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Leaf(f64),
    /// Places below `cut` go to the next node, the others to `right`.
    Cut {
        axis: u16,
        cut: f64,
        right: u32,
    },
}

impl Forest {
    /// Trees over these places and their values, as many of the one as of the other.
    pub(super) fn grow(places: &[Vec<f64>], values: &[f64], stream: &mut Stream) -> Self {
        let trees = (0..TREES)
            .map(|_| {
                let mut members: Vec<u32> = (0..places.len() as u32).collect();
                let mut nodes = Vec::with_capacity(2 * members.len());
                grow(&Data { places, values }, &mut members, &mut nodes, stream);
                nodes
            })
            .collect();
        Self { trees }
    }

    pub(super) fn guess(&self, place: &[f64]) -> Guess {
        let guesses = self.trees.iter().map(|nodes| {
            let mut at = 0;
            loop {
                match nodes.get(at) {
                    Some(Node::Cut { axis, cut, .. }) if place[usize::from(*axis)] < *cut => at += 1,
                    Some(Node::Cut { right, .. }) => at = *right as usize,
                    Some(Node::Leaf(value)) => return *value,
                    // a tree over nothing
                    None => return 0.0,
                }
            }
        });
        let (sum, squares) =
            guesses.fold((0.0, 0.0), |(sum, squares), guess: f64| (sum + guess, squares + guess * guess));
        let (count, mean) = (TREES as f64, sum / TREES as f64);
        Guess { mean, spread: (squares / count - mean * mean).max(0.0).sqrt() }
    }
}

struct Data<'a> {
    places: &'a [Vec<f64>],
    values: &'a [f64],
}

impl Data<'_> {
    fn at(&self, member: u32, axis: usize) -> f64 {
        self.places[member as usize][axis]
    }

    fn mean(&self, members: &[u32]) -> f64 {
        members.iter().map(|member| self.values[*member as usize]).sum::<f64>() / members.len() as f64
    }

    /// How much smaller the sum of squares is after a cut: between the means of both sides. `None` if one side is empty.
    fn gain(&self, members: &[u32], axis: usize, cut: f64) -> Option<f64> {
        let (mut below, mut below_sum, mut above, mut above_sum) = (0.0, 0.0, 0.0, 0.0);
        for member in members {
            let value = self.values[*member as usize];
            if self.at(*member, axis) < cut {
                below += 1.0;
                below_sum += value;
            } else {
                above += 1.0;
                above_sum += value;
            }
        }
        let between: f64 = below_sum / below - above_sum / above;
        (below > 0.0 && above > 0.0).then(|| between * between * below * above / (below + above))
    }
}

fn grow(data: &Data<'_>, members: &mut [u32], nodes: &mut Vec<Node>, stream: &mut Stream) {
    if members.is_empty() {
        return;
    }
    let Some((axis, cut)) = best_cut(data, members, stream) else {
        nodes.push(Node::Leaf(data.mean(members)));
        return;
    };
    let here = nodes.len();
    nodes.push(Node::Leaf(0.0));
    members.sort_unstable_by_key(|member| (data.at(*member, axis) >= cut, *member));
    let (below, above) = members.split_at_mut(members.partition_point(|member| data.at(*member, axis) < cut));
    grow(data, below, nodes, stream);
    // no tree has more nodes than fit
    nodes[here] = Node::Cut { axis: axis as u16, cut, right: nodes.len() as u32 };
    grow(data, above, nodes, stream);
}

/// One random cut per axis; the best of them. `None` where a leaf is.
fn best_cut(data: &Data<'_>, members: &[u32], stream: &mut Stream) -> Option<(usize, f64)> {
    let first = data.values[members[0] as usize];
    if members.len() <= LEAF || members.iter().all(|member| data.values[*member as usize].total_cmp(&first).is_eq()) {
        return None;
    }
    let mut best: Option<(f64, usize, f64)> = None;
    for axis in 0..data.places[0].len() {
        let (min, max) = members
            .iter()
            .map(|member| data.at(*member, axis))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), place| (min.min(place), max.max(place)));
        if min >= max {
            continue;
        }
        let cut = max - stream.random::<f64>() * (max - min);
        if let Some(gain) = data.gain(members, axis, cut)
            && best.is_none_or(|(most, ..)| gain > most)
        {
            best = Some((gain, axis, cut));
        }
    }
    best.map(|(_, axis, cut)| (axis, cut))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    fn grid() -> Vec<Vec<f64>> {
        (0..100).map(|index| vec![f64::from(index % 10) / 9.0, f64::from(index / 10) / 9.0]).collect()
    }

    #[test]
    fn a_guess_between_points_lies_between_their_values() {
        let places = grid();
        let values: Vec<f64> = places.iter().map(|place| 3.0 * place[0] - place[1]).collect();
        let forest = Forest::grow(&places, &values, &mut Seed(1).stream(Purpose::Search));
        for place in [[0.5, 0.5], [0.05, 0.95], [0.99, 0.01], [0.3, 0.7]] {
            let guess = forest.guess(&place);
            let truth = 3.0 * place[0] - place[1];
            assert!((guess.mean - truth).abs() < 0.35, "{place:?}: {guess:?} and not {truth}");
        }
    }

    #[test]
    fn it_is_surer_where_it_knows_more() {
        let places: Vec<Vec<f64>> = (0..40).map(|index| vec![f64::from(index) / 100.0]).chain([vec![1.0]]).collect();
        let values: Vec<f64> = places.iter().map(|place| place[0] * place[0]).collect();
        let forest = Forest::grow(&places, &values, &mut Seed(1).stream(Purpose::Search));
        assert!(forest.guess(&[0.2]).spread < forest.guess(&[0.7]).spread);
    }

    #[test]
    fn what_never_changes_is_guessed_exactly_and_nothing_is_no_trouble() {
        let stream = &mut Seed(1).stream(Purpose::Search);
        let forest = Forest::grow(&grid(), &[4.5; 100], stream);
        assert_eq!(forest.guess(&[0.3, 0.9]), Guess { mean: 4.5, spread: 0.0 });
        assert_eq!(Forest::grow(&[], &[], stream).guess(&[0.3]), Guess { mean: 0.0, spread: 0.0 });
    }
}
