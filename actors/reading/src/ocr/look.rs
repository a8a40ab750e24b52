//! A quick look at a page's picture: what must be done to it before it can be read, and what need not.

use super::pix::{Skew, Stance};

/// Side in pixels of the tiles in which the background's evenness is measured.
const TILE: usize = 64;

/// What a grey picture's background is like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Background {
    /// The brightness that one tile in ten falls short of.
    pub(crate) darkest: u8,
    /// The brightness that one tile in ten exceeds.
    pub(crate) brightest: u8,
}

impl Background {
    /// Measures the paper's brightness tile by tile; ink is the minority of each.
    pub(crate) fn of(grey: &[u8], width: usize) -> Self {
        let mut tiles = Vec::new();
        let lines: Vec<&[u8]> = grey.chunks_exact(width.max(1)).collect();
        for band in lines.chunks(TILE) {
            let mut start = 0;
            while start < width {
                tiles.push(paper(band, start));
                start += TILE;
            }
        }
        tiles.sort_unstable();
        let at = |share: usize| tiles.get(tiles.len() * share / 10).copied().unwrap_or(255);
        Self { darkest: at(1), brightest: at(9) }
    }

    /// Whether tesseract reads better with the background made even first.
    pub(crate) fn needs_normalising(self) -> bool {
        self.darkest < 215 || self.brightest - self.darkest > 30
    }
}

/// The brightness that three quarters of a tile's pixels do not exceed, of every fourth one.
fn paper(band: &[&[u8]], start: usize) -> u8 {
    let mut counts = [0_u32; 256];
    let mut total = 0;
    for line in band.iter().step_by(4) {
        for pixel in line.iter().skip(start).take(TILE).step_by(4) {
            if let Some(count) = counts.get_mut(usize::from(*pixel)) {
                *count += 1;
                total += 1;
            }
        }
    }
    let mut seen = 0;
    for (level, count) in counts.iter().enumerate() {
        seen += count;
        if seen * 4 >= total * 3 {
            return level as u8;
        }
    }
    255
}

/// Degrees by which to straighten the page, if at all: tesseract follows small slants by itself.
pub(crate) fn straighten(skew: Option<Skew>) -> Option<f32> {
    const SURE: f32 = 2.0;
    const SMALL: f32 = 0.15;
    skew.filter(|skew| skew.confidence > SURE && skew.degrees.abs() > SMALL && skew.degrees.abs() < 15.0)
        .map(|skew| skew.degrees)
}

/// Which way a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It must be turned clockwise by so many quarters: 0 to 3.
    Quarters(u8),
    /// The letters do not tell.
    Unsure,
}

/// Decides by the evidence of ascenders.
pub(crate) fn way(stance: Option<Stance>) -> Way {
    const SURE: f32 = 6.0;
    const RATIO: f32 = 2.0;
    let Some(Stance { up, left }) = stance else { return Way::Unsure };
    if up.abs() > SURE && up.abs() > RATIO * left.abs() {
        return Way::Quarters(if up > 0.0 { 0 } else { 2 });
    }
    if left.abs() > SURE && left.abs() > RATIO * up.abs() {
        return Way::Quarters(if left > 0.0 { 1 } else { 3 });
    }
    Way::Unsure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_paper_is_left_alone_and_a_shadow_is_not() {
        let white = vec![250_u8; 256 * 256];
        assert!(!Background::of(&white, 256).needs_normalising());
        let shadow: Vec<u8> = (0..256 * 256).map(|at| 100 + (at % 256 / 2) as u8).collect();
        assert!(Background::of(&shadow, 256).needs_normalising());
    }

    #[test]
    fn ink_does_not_darken_the_paper() {
        let text: Vec<u8> = (0..256 * 256).map(|at| if at / 256 % 10 < 2 { 0 } else { 245 }).collect();
        assert!(!Background::of(&text, 256).needs_normalising());
    }

    #[test]
    fn ascenders_tell_the_four_ways() {
        let way_of = |up, left| way(Some(Stance { up, left }));
        assert_eq!(way_of(20.0, 1.0), Way::Quarters(0));
        assert_eq!(way_of(-20.0, 1.0), Way::Quarters(2));
        assert_eq!(way_of(1.0, 20.0), Way::Quarters(1));
        assert_eq!(way_of(1.0, -20.0), Way::Quarters(3));
        assert_eq!(way_of(3.0, -2.0), Way::Unsure);
        assert_eq!(way(None), Way::Unsure);
    }
}
