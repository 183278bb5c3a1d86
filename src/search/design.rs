//! The first look around: points spread evenly over every axis.

use std::collections::BTreeSet;

use rand::RngExt;

use super::space::{Point, Space};
use crate::random::Stream;

/// How often a point that is there already is drawn anew before it is left out.
const TRIES: usize = 100;

/// A Latin hypercube of so many points (`McKay`, Beckman and Conover, Technometrics 21, 1979): each axis is cut into as many equal
/// parts as there are points, and each part is used once.
///
/// Levels are coarser than the parts, so points may fall together, or on one that was `seen`; such a point is drawn anew, anywhere.
pub(super) fn latin_hypercube(space: &Space, points: usize, seen: &BTreeSet<Point>, stream: &mut Stream) -> Vec<Point> {
    let columns: Vec<Vec<f64>> = space
        .axes()
        .iter()
        .map(|_| {
            let mut parts: Vec<usize> = (0..points).collect();
            shuffle(&mut parts, stream);
            parts.into_iter().map(|part| (part as f64 + stream.random::<f64>()) / points as f64).collect()
        })
        .collect();
    let mut taken: BTreeSet<Point> = BTreeSet::new();
    let mut design = Vec::with_capacity(points);
    for index in 0..points {
        let shares: Vec<f64> = columns.iter().map(|column| column[index]).collect();
        let mut point = space.at(&shares);
        let mut tries = 0;
        while (seen.contains(&point) || taken.contains(&point)) && tries < TRIES {
            point = space.random(stream);
            tries += 1;
        }
        if !seen.contains(&point) && taken.insert(point.clone()) {
            design.push(point);
        }
    }
    design
}

/// Fisher and Yates' shuffle.
pub(super) fn shuffle<T>(items: &mut [T], stream: &mut Stream) {
    for last in (1..items.len()).rev() {
        items.swap(last, stream.random_range(0..=last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};
    use crate::search::space::Axis;

    #[test]
    fn every_part_of_every_axis_is_looked_at_once() {
        let space = Space::new(vec![Axis::new(40, 0), Axis::new(20, 0), Axis::new(1_000, 0)]);
        let design = latin_hypercube(&space, 20, &BTreeSet::new(), &mut Seed(4).stream(Purpose::Search));
        assert_eq!(design.len(), 20);
        for (axis, levels) in [40, 20, 1_000].into_iter().enumerate() {
            let parts: BTreeSet<u16> = design.iter().map(|point| point[axis] * 20 / levels).collect();
            assert_eq!(parts.len(), 20, "axis {axis}");
        }
    }

    #[test]
    fn no_point_is_there_twice_however_small_the_space() {
        let space = Space::new(vec![Axis::new(2, 0), Axis::new(3, 0)]);
        let seen: BTreeSet<Point> = [vec![0, 0]].into();
        let design = latin_hypercube(&space, 5, &seen, &mut Seed(1).stream(Purpose::Search));
        let distinct: BTreeSet<&Point> = design.iter().collect();
        assert_eq!(distinct.len(), design.len());
        assert!(!distinct.contains(&vec![0, 0]));
    }
}
