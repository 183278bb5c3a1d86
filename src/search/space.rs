//! Where a search looks: axes of levels, and points that choose one level of each.
//!
//! Every axis is a list. Levels that are numbers come first, in order; words, which are near to nothing, come after them.
//! What a level means is known above.

use rand::RngExt;

use crate::random::Stream;

/// One axis of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    ordered: u16,
    words: u16,
}

/// A choice of one level per axis, in the order of the axes.
pub type Point = Vec<u16>;

impl Axis {
    /// An axis of so many levels in order, followed by so many words.
    ///
    /// # Panics
    /// When it has no level at all, or more than fit: a mistake of the caller.
    pub fn new(ordered: usize, words: usize) -> Self {
        assert!((1..=usize::from(u16::MAX)).contains(&(ordered + words)), "an axis has a level, and not too many");
        // both are at most their sum
        Self { ordered: ordered as u16, words: words as u16 }
    }

    /// How many levels it has.
    pub const fn levels(self) -> u16 {
        self.ordered + self.words
    }

    /// Whether a level is a number: one of those in order.
    pub const fn is_number(self, level: u16) -> bool {
        level < self.ordered
    }

    /// The level at a share of the axis, from 0 up to but not including 1.
    ///
    /// A word has as much room as three of the words would have if numbers were one of them, so that one word among many numbers
    /// is tried at all.
    fn level(self, share: f64) -> u16 {
        let share = share.clamp(0.0, 1.0 - f64::EPSILON);
        let words = match (self.ordered, self.words) {
            (_, 0) => 0.0,
            (0, _) => 1.0,
            (_, words) => f64::from(words) / (f64::from(words) + 3.0),
        };
        let numbers = 1.0 - words;
        if share < numbers {
            ((share / numbers * f64::from(self.ordered)) as u16).min(self.ordered.saturating_sub(1))
        } else {
            self.ordered + (((share - numbers) / words * f64::from(self.words)) as u16).min(self.words - 1)
        }
    }

    /// Where a level stands for a surrogate: numbers from 0 to 1, words beyond them one by one.
    fn place(self, level: u16) -> f64 {
        if level < self.ordered {
            f64::from(level) / f64::from(self.ordered.max(2) - 1)
        } else {
            1.5 + 0.5 * f64::from(level - self.ordered)
        }
    }
}

/// All points that can be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    axes: Vec<Axis>,
}

impl Space {
    /// The points of these axes.
    pub const fn new(axes: Vec<Axis>) -> Self {
        Self { axes }
    }

    /// Its axes.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// How many points it has, as far as a number can tell.
    pub fn size(&self) -> u64 {
        self.axes.iter().fold(1, |size: u64, axis| size.saturating_mul(u64::from(axis.levels())))
    }

    /// Every point, in order of their levels. Only for spaces that are small.
    pub fn all(&self) -> impl Iterator<Item = Point> {
        let axes = self.axes.clone();
        (0..self.size()).map(move |number| {
            let mut rest = number;
            let mut point: Point = axes
                .iter()
                .rev()
                .map(|axis| {
                    let levels = u64::from(axis.levels());
                    let level = rest % levels;
                    rest /= levels;
                    level as u16
                })
                .collect();
            point.reverse();
            point
        })
    }

    /// The point at these shares of the axes, each from 0 to 1.
    pub(super) fn at(&self, shares: &[f64]) -> Point {
        self.axes.iter().zip(shares).map(|(axis, share)| axis.level(*share)).collect()
    }

    /// Any point.
    pub(super) fn random(&self, stream: &mut Stream) -> Point {
        self.axes.iter().map(|axis| axis.level(stream.random::<f64>())).collect()
    }

    /// Where a point stands for a surrogate.
    pub(super) fn place(&self, point: &Point) -> Vec<f64> {
        self.axes.iter().zip(point).map(|(axis, level)| axis.place(*level)).collect()
    }

    /// The points that differ in one axis: by up to `reach` levels in order, or by a word.
    pub(super) fn neighbours(&self, point: &Point, reach: u16) -> Vec<Point> {
        let mut neighbours = Vec::new();
        for (index, axis) in self.axes.iter().enumerate() {
            let here = point[index];
            let (from, to) = if here < axis.ordered {
                (here.saturating_sub(reach), here.saturating_add(reach).min(axis.ordered - 1))
            } else {
                (0, 0)
            };
            // a word has no number beside it: the ends and the middle stand for all of them
            let numbers = if here < axis.ordered { (from..=to).collect() } else { ends_and_middle(axis.ordered) };
            for level in numbers.into_iter().chain(axis.ordered..axis.levels()).filter(|level| *level != here) {
                let mut neighbour = point.clone();
                neighbour[index] = level;
                neighbours.push(neighbour);
            }
        }
        neighbours
    }

    /// A point made of two: each level of one of them, and now and then changed.
    pub(super) fn child(&self, one: &Point, other: &Point, stream: &mut Stream) -> Point {
        let share = 1.5 / self.axes.len().max(1) as f64;
        self.axes
            .iter()
            .zip(one.iter().zip(other))
            .map(|(axis, (one, other))| {
                let level = if stream.random::<bool>() { *one } else { *other };
                if stream.random::<f64>() < share { axis.changed(level, stream) } else { level }
            })
            .collect()
    }
}

impl Axis {
    /// Another level: mostly near by, now and then anywhere.
    fn changed(self, level: u16, stream: &mut Stream) -> u16 {
        if level >= self.ordered || stream.random::<f64>() < 0.2 {
            return self.level(stream.random::<f64>());
        }
        // small steps are likelier than large ones, and none is longer than a third of the axis
        let most = (f64::from(self.ordered) / 3.0).max(1.0);
        let step = (most.powf(stream.random::<f64>())).round().max(1.0) as u16;
        if stream.random::<bool>() {
            level.saturating_add(step).min(self.ordered - 1)
        } else {
            level.saturating_sub(step)
        }
    }
}

fn ends_and_middle(ordered: u16) -> Vec<u16> {
    let mut levels: Vec<u16> = if ordered == 0 { Vec::new() } else { vec![0, ordered / 2, ordered - 1] };
    levels.dedup();
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_points_of_a_space_are_there_once_and_in_order() {
        let space = Space::new(vec![Axis::new(2, 0), Axis::new(1, 2)]);
        let all: Vec<Point> = space.all().collect();
        assert_eq!(all, [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]);
        assert_eq!(space.size(), 6);
    }

    #[test]
    fn shares_of_an_axis_reach_every_level_and_no_other() {
        for axis in [Axis::new(7, 0), Axis::new(20, 1), Axis::new(0, 3), Axis::new(1, 1)] {
            let mut reached: Vec<u16> = (0..4_000).map(|step| axis.level(f64::from(step) / 4_000.0)).collect();
            reached.push(axis.level(1.0));
            reached.dedup();
            assert_eq!(reached, (0..axis.levels()).collect::<Vec<_>>(), "{axis:?}");
        }
    }

    #[test]
    fn a_neighbour_differs_in_one_axis() {
        let space = Space::new(vec![Axis::new(9, 1), Axis::new(5, 0)]);
        let point = vec![4, 0];
        let neighbours = space.neighbours(&point, 1);
        assert_eq!(neighbours, [[3, 0], [5, 0], [9, 0], [4, 1]]);
        assert_eq!(space.neighbours(&vec![9, 4], 1), [[0, 4], [4, 4], [8, 4], [9, 3]]);
    }

    #[test]
    fn a_word_stands_beyond_every_number() {
        let axis = Axis::new(3, 2);
        let places: Vec<f64> = (0..5).map(|level| axis.place(level)).collect();
        assert_eq!(places, [0.0, 0.5, 1.0, 1.5, 2.0]);
    }
}
