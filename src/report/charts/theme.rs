//! Colours, sizes and type of all charts.
//!
//! Lengths are in points: 1 point is one CSS pixel of a chart that is [`WIDE`] points wide, and two pixels of its PNG.

/// A colour, opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// As CSS and SVG write it.
    pub fn css(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// Width of a chart on a slide or a desktop screen.
pub const WIDE: f64 = 800.0;
/// Width of a chart on a telephone.
pub const NARROW: f64 = 350.0;

/// Behind everything.
pub const PAPER: Colour = Colour(0xff, 0xff, 0xff);
/// Text, and lines that matter.
pub const INK: Colour = Colour(0x18, 0x20, 0x2b);
/// Secondary text.
pub const MUTED: Colour = Colour(0x5a, 0x65, 0x73);
/// Lines to read values by.
pub const GRID: Colour = Colour(0xe7, 0xea, 0xee);
/// The line values stand on.
pub const AXIS: Colour = Colour(0xa9, 0xb2, 0xbd);
/// The load that was planned.
pub const LOAD: Colour = Colour(0xd5, 0xda, 0xe1);

/// Replicas that were lacking: dark, so that it differs from [`OVER`] without any colour.
pub const UNDER: Colour = Colour(0x9b, 0x1b, 0x4b);
/// Replicas in excess: light.
pub const OVER: Colour = Colour(0xf2, 0xd5, 0x7e);

/// How many colours there are for arms.
pub const ARMS_MANY: usize = 8;

/// Colours of the arms, by their place in the scenario.
///
/// Okabe and Ito's colour-blind safe set (Color Universal Design, 2008) without its yellow and its black, which would be
/// lost on paper or among the text; the strongest contrasts come first, as most studies have two arms.
const ARMS: [Colour; ARMS_MANY] = [
    Colour(0x00, 0x72, 0xb2),
    Colour(0xd5, 0x5e, 0x00),
    Colour(0x00, 0x9e, 0x73),
    Colour(0xcc, 0x79, 0xa7),
    Colour(0xe6, 0x9f, 0x00),
    Colour(0x56, 0xb4, 0xe9),
    Colour(0x6f, 0x5f, 0x14),
    Colour(0x7a, 0x52, 0xa0),
];

/// An arm's colour; the set begins again after eight arms.
pub const fn arm(place: usize) -> Colour {
    ARMS[place % ARMS.len()]
}

/// Every colour with its counterpart on a dark page, for style sheets that recolour an inline chart.
pub const DARK: [(Colour, Colour); 16] = [
    (PAPER, Colour(0x16, 0x1b, 0x22)),
    (INK, Colour(0xe8, 0xec, 0xf1)),
    (MUTED, Colour(0xa2, 0xad, 0xba)),
    (GRID, Colour(0x2a, 0x31, 0x3b)),
    (AXIS, Colour(0x5b, 0x66, 0x73)),
    (LOAD, Colour(0x3b, 0x44, 0x50)),
    (UNDER, Colour(0xe8, 0x6a, 0x9a)),
    (OVER, Colour(0x6b, 0x5a, 0x22)),
    (ARMS[0], Colour(0x4b, 0xa3, 0xe3)),
    (ARMS[1], Colour(0xf0, 0x82, 0x3a)),
    (ARMS[2], Colour(0x2f, 0xc3, 0x97)),
    (ARMS[3], Colour(0xe0, 0x9c, 0xc3)),
    (ARMS[4], Colour(0xf2, 0xb6, 0x3c)),
    (ARMS[5], Colour(0x7c, 0xc8, 0xf2)),
    (ARMS[6], Colour(0xc2, 0xae, 0x4d)),
    (ARMS[7], Colour(0xb0, 0x8f, 0xd6)),
];

/// Size of a chart's title.
pub const TITLE: f64 = 19.0;
/// Size of a panel's heading.
pub const HEADING: f64 = 13.0;
/// Size of everything else.
pub const BODY: f64 = 12.0;
/// Size of ticks and marks.
pub const SMALL: f64 = 11.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arm_colour_has_a_counterpart_on_dark() {
        for place in 0..ARMS.len() {
            assert!(DARK.iter().any(|(light, _)| *light == arm(place)));
        }
        assert_eq!(arm(8), arm(0));
    }
}
