//! Where names stand beside their marks, so that they cover neither each other nor what they name.

use super::canvas::{Rect, Spot};

/// What names have to keep out of the way of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd<'a> {
    /// Where they have to stay.
    pub(super) plot: Rect,
    /// Marks that have names: none may be covered.
    pub(super) marks: &'a [Spot],
    /// Dots without a name: the fewer are covered, the better.
    pub(super) dots: &'a [Spot],
}

/// How far a name begins from its mark.
const BESIDE: f64 = 10.0;
/// Radius of a mark.
const MARK: f64 = 7.0;
/// How far above or below its mark a name may stand, in heights of it.
const OFFS: [f64; 17] = [0.0, -1.0, 1.0, -2.0, 2.0, -3.0, 3.0, -4.0, 4.0, -5.0, 5.0, -6.0, 6.0, -7.0, 7.0, -8.0, 8.0];

/// A name farther from the height of its mark than this needs a line to it.
const FAR: f64 = 9.0;

impl Crowd<'_> {
    /// The place of a name of this width and height beside its mark, among those that are taken.
    pub(super) fn place(&self, (width, height): (f64, f64), spot: Spot, taken: &[Rect]) -> Rect {
        let at = |left: f64, off: f64| {
            let middle = spot.1 + off * (height + 1.0);
            Rect { left, top: middle - height / 2.0, right: left + width, bottom: middle + height / 2.0 }
        };
        let beside = |off: &f64| [at(spot.0 + BESIDE, *off), at(spot.0 - BESIDE - width, *off)];
        let first = at(spot.0 + BESIDE, 0.0);
        let places = OFFS.iter().flat_map(beside);
        // the first of equal ones is the nearest
        places
            .map(|place| (self.cost(place, spot, taken), place))
            .fold((f64::INFINITY, first), |best, next| if next.0 < best.0 { next } else { best })
            .1
    }

    /// What speaks against a place: being cut off, a covered name, a covered mark, covered dots, and the way to its mark.
    fn cost(&self, place: Rect, spot: Spot, taken: &[Rect]) -> f64 {
        let plot = self.plot;
        let outside = place.left < plot.left
            || place.right > plot.right
            || place.top < plot.top - place.height() / 2.0
            || place.bottom > plot.bottom;
        let covers = |(x, y): &&Spot, more: f64| {
            (place.left - more..=place.right + more).contains(x) && (place.top - more..=place.bottom + more).contains(y)
        };
        let meets = |other: &&Rect| {
            place.left < other.right && other.left < place.right && place.top < other.bottom && other.top < place.bottom
        };
        let names = taken.iter().filter(meets).count() as f64;
        let marks = self.marks.iter().filter(|mark| **mark != spot && covers(mark, MARK)).count() as f64;
        let dots = self.dots.iter().filter(|dot| covers(dot, 1.0)).count() as f64;
        let away = (f64::midpoint(place.top, place.bottom) - spot.1).abs() / place.height();
        f64::from(u8::from(outside)) * 1e4 + names * 1e3 + marks * 100.0 + dots + away * 1.5
    }
}

/// A line from a mark to a name that stands far from it; `None` where the two are beside each other.
pub(super) fn leader((x, y): Spot, place: Rect) -> Option<[Spot; 2]> {
    let middle = f64::midpoint(place.top, place.bottom);
    let end = if place.left > x { place.left + 1.0 } else { place.right - 1.0 };
    ((middle - y).abs() > FAR).then_some([(x, y), (end, middle)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: Rect = Rect { left: 0.0, top: 0.0, right: 400.0, bottom: 300.0 };

    fn covers(place: Rect, (x, y): Spot) -> bool {
        (place.left..=place.right).contains(&x) && (place.top..=place.bottom).contains(&y)
    }

    fn meet(one: Rect, other: Rect) -> bool {
        one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom
    }

    #[test]
    fn a_name_covers_no_mark_and_no_other_name() {
        let marks = [(200.0, 150.0), (240.0, 136.0), (395.0, 5.0)];
        let crowd = Crowd { plot: PLOT, marks: &marks, dots: &[] };
        let first = crowd.place((80.0, 16.0), marks[0], &[]);
        assert!(marks.iter().all(|mark| !covers(first, *mark)), "{first:?}");
        let second = crowd.place((60.0, 16.0), marks[0], &[first]);
        assert!(!meet(first, second), "{first:?} {second:?}");
        let corner = crowd.place((50.0, 16.0), marks[2], &[]);
        assert!(corner.right <= PLOT.right && corner.top >= PLOT.top - 8.0, "{corner:?}");
    }

    #[test]
    fn many_marks_in_a_corner_all_have_a_name_that_can_be_read() {
        let marks: Vec<Spot> =
            (0..10).map(|at| (30.0 + f64::from(at % 4) * 9.0, 110.0 + f64::from(at) * 5.0)).collect();
        let crowd = Crowd { plot: PLOT, marks: &marks, dots: &[] };
        let mut taken: Vec<Rect> = Vec::new();
        for mark in &marks {
            let place = crowd.place((90.0, 14.0), *mark, &taken);
            assert!(taken.iter().all(|other| !meet(place, *other)), "{place:?}");
            taken.push(place);
        }
    }

    #[test]
    fn a_name_stands_beside_its_mark_unless_something_is_there() {
        let dots = [(60.0, 100.0), (70.0, 100.0), (80.0, 101.0)];
        let alone = Crowd { plot: PLOT, marks: &[], dots: &[] }.place((60.0, 14.0), (40.0, 100.0), &[]);
        assert!(
            (f64::midpoint(alone.top, alone.bottom) - 100.0).abs() < 1e-9 && leader((40.0, 100.0), alone).is_none()
        );
        let away = Crowd { plot: PLOT, marks: &[], dots: &dots }.place((60.0, 14.0), (40.0, 100.0), &[]);
        assert!(dots.iter().all(|dot| !covers(away, *dot)) && leader((40.0, 100.0), away).is_some(), "{away:?}");
    }
}
