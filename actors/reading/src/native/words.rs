//! Groups glyphs into words, direction by direction, in a space where the text runs from left to right.

use std::collections::HashMap;

use super::accents::{combining, compose, push_clean};
use super::direction::from_right;
use super::glyphs::Glyph;
use crate::page::Rect;

/// A gap wider than this share of the size ends a word.
const WORD_GAP: f32 = 0.10;

/// How far above and below the baseline a line of text reaches, as shares of its size.
pub(super) const ASCENT: f32 = 0.76;
/// See [`ASCENT`].
const DESCENT: f32 = 0.22;

/// A word in the space of its direction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) x0: f32,
    pub(crate) x1: f32,
    /// Where the letters may reach.
    pub(crate) top: f32,
    /// See `top`.
    pub(crate) bottom: f32,
    /// The baseline's y.
    pub(crate) base: f32,
    pub(crate) size: f32,
    /// Whether the file itself says that a space precedes it.
    pub(crate) spaced: bool,
    /// How sure OCR was.
    pub(crate) confidence: Option<f32>,
}

/// The words of one direction.
#[derive(Debug)]
pub(crate) struct Turned {
    pub(crate) words: Vec<Piece>,
    pub(crate) turn: Turn,
}

/// How the space of a direction lies on the page: a rotation about its origin, by whole degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Turn {
    cos: f32,
    sin: f32,
    page: (f32, f32),
}

impl Turn {
    fn new(degrees: i32, page: (f32, f32)) -> Self {
        // Exact for the right angles, where rounding would move boxes.
        let (cos, sin) = match degrees.rem_euclid(360) {
            0 => (1.0, 0.0),
            90 => (0.0, 1.0),
            180 => (-1.0, 0.0),
            270 => (0.0, -1.0),
            other => ((other as f32).to_radians().cos(), (other as f32).to_radians().sin()),
        };
        Self { cos, sin, page }
    }

    /// From the page into the direction's space.
    fn into_space(self, (x, y): (f32, f32)) -> (f32, f32) {
        (x * self.cos + y * self.sin, y * self.cos - x * self.sin)
    }

    /// The upright box on the page around a box of the space, kept within the page.
    pub(super) fn onto_page(&self, [x0, y0, x1, y1]: Rect) -> Rect {
        let corners = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)]
            .map(|(x, y)| (x * self.cos - y * self.sin, x * self.sin + y * self.cos));
        let (width, height) = self.page;
        let least = |pick: fn(&(f32, f32)) -> f32| corners.iter().map(pick).fold(f32::MAX, f32::min);
        let most = |pick: fn(&(f32, f32)) -> f32| corners.iter().map(pick).fold(f32::MIN, f32::max);
        [
            least(|c| c.0).clamp(0.0, width),
            least(|c| c.1).clamp(0.0, height),
            most(|c| c.0).clamp(0.0, width),
            most(|c| c.1).clamp(0.0, height),
        ]
    }
}

/// The page's words by direction, the direction with the most glyphs first.
pub(super) fn by_direction(glyphs: &[Glyph], page: (f32, f32)) -> Vec<Turned> {
    let mut groups: HashMap<i32, Vec<usize>> = HashMap::new();
    for (index, glyph) in glyphs.iter().enumerate() {
        groups.entry(degrees(glyph.along)).or_default().push(index);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(degrees, members)| (std::cmp::Reverse(members.len()), *degrees));
    groups
        .into_iter()
        .map(|(degrees, members)| {
            let turn = Turn::new(degrees, page);
            let glyphs = members.into_iter().filter_map(|index| glyphs.get(index));
            Turned { words: words(glyphs, turn), turn }
        })
        .filter(|turned| !turned.words.is_empty())
        .collect()
}

/// The text's direction in whole degrees; slants of under three degrees count as straight.
fn degrees((x, y): (f32, f32)) -> i32 {
    let degrees = y.atan2(x).to_degrees().round() as i32;
    let straight = (degrees as f32 / 90.0).round() as i32 * 90;
    let near = if (degrees - straight).abs() < 3 { straight } else { degrees };
    near.rem_euclid(360)
}

/// The gap that is usual between the letters around each glyph, in points: none, but where a line is set wide.
fn tracking(glyphs: &[&Glyph], turn: Turn) -> Vec<f32> {
    const GAPS_MIN: usize = 4;
    // Wider than that, letters are set one by one for emphasis, which their row can tell.
    const MOST: f32 = 0.2;
    let mut usual = Vec::with_capacity(glyphs.len());
    let mut gaps: Vec<f32> = Vec::new();
    let mut count = 0;
    let mut end = |gaps: &mut Vec<f32>, count: usize, size: f32| {
        gaps.sort_by(f32::total_cmp);
        let gap = gaps.get(gaps.len() / 4).filter(|_| gaps.len() >= GAPS_MIN).copied().unwrap_or(0.0);
        gaps.clear();
        usual.resize(usual.len() + count, gap.clamp(0.0, MOST * size));
    };
    let mut before: Option<(f32, f32, &Glyph)> = None;
    for glyph in glyphs {
        let (x, base) = turn.into_space(glyph.origin);
        if let Some((right, line, last)) = before {
            let gap = x - right;
            let size = glyph.size.max(last.size);
            if (base - line).abs() > 0.1 * size || gap.abs() > size || glyph.size < 0.9 * size {
                end(&mut gaps, count, last.size);
                count = 0;
            } else if is_letter(glyph) && is_letter(last) {
                gaps.push(gap);
            }
        }
        count += 1;
        before = Some((x + glyph.width, base, glyph));
    }
    end(&mut gaps, count, before.map_or(0.0, |(_, _, last)| last.size));
    usual
}

fn is_letter(glyph: &Glyph) -> bool {
    glyph
        .text
        .as_ref()
        .is_some_and(|text| text.chars().any(|letter| letter != '.' && !letter.is_whitespace()))
}

fn words<'g>(glyphs: impl Iterator<Item = &'g Glyph>, turn: Turn) -> Vec<Piece> {
    let glyphs: Vec<&Glyph> = glyphs.collect();
    let tracking = tracking(&glyphs, turn);
    let mut words: Vec<Piece> = Vec::new();
    let mut drawn = Drawn::default();
    let mut open = false;
    let mut spaced = false;
    let mut clean = String::new();
    let mut waiting: Option<(char, f32, f32)> = None;
    for (glyph, tracking) in glyphs.into_iter().zip(tracking) {
        let Some(text) = &glyph.text else {
            (open, spaced) = (false, false);
            continue;
        };
        let (x, base) = turn.into_space(glyph.origin);
        clean.clear();
        push_clean(text, &mut clean);
        if clean.trim().is_empty() {
            (open, spaced) = (false, true);
            continue;
        }
        if drawn.before(&clean, x, base, glyph.size) {
            continue;
        }
        let right = x + glyph.width;
        if let Some(mark) = single(&clean).and_then(combining) {
            let on = words.last_mut().filter(|word| open && x < word.x1 - 0.1 * glyph.size);
            if let Some(word) = on {
                put_on_last(&mut word.text, mark);
                continue;
            }
            // TeX draws most accents before their letters.
            if glyph.width > 0.0 {
                waiting = Some((mark, x, base));
            }
        }
        if let Some((mark, at, of)) =
            waiting.filter(|_| single(&clean).is_none_or(|c| combining(c).is_none()))
        {
            waiting = None;
            let near = at > x - 0.35 * glyph.size && at < right && (of - base).abs() < 0.6 * glyph.size;
            if let Some(letter) =
                clean.chars().next().filter(|_| near).and_then(|letter| compose(letter, mark))
            {
                // The accent stands as the last letter of the open word.
                if let Some(word) = words.last_mut() {
                    word.text.pop();
                    if word.text.is_empty() {
                        (open, spaced) = (false, word.spaced);
                        words.pop();
                    } else {
                        word.x1 = word.x1.min(x);
                    }
                }
                let rest: String = clean.chars().skip(1).collect();
                clean.clear();
                clean.push(letter);
                clean.push_str(&rest);
            }
        }
        let backward = clean.chars().any(from_right);
        if backward && clean.chars().nth(1).is_some() {
            // Words of such scripts are kept as they stand until their line is known.
            clean = clean.chars().rev().collect();
        }
        if let Some(word) = words.last_mut()
            && backward
            && x < word.x0
        {
            spaced = false;
            if open && precedes(word, x, base, glyph) {
                word.text.insert_str(0, &clean);
                word.x0 = x;
                word.top = word.top.min(base - ASCENT * glyph.size);
                continue;
            }
        }
        match words.last_mut().filter(|word| open && continues(word, x - tracking, base, glyph.size)) {
            Some(word) => {
                word.text.push_str(&clean);
                word.x1 = word.x1.max(right);
                word.top = word.top.min(base - ASCENT * glyph.size);
                if glyph.size > word.size {
                    (word.size, word.base, word.bottom) = (glyph.size, base, base + DESCENT * glyph.size);
                }
            }
            None => words.push(Piece {
                text: clean.clone(),
                x0: x,
                x1: right,
                top: base - ASCENT * glyph.size,
                bottom: base + DESCENT * glyph.size,
                base,
                size: glyph.size,
                spaced,
                confidence: None,
            }),
        }
        (open, spaced) = (true, false);
    }
    words
}

fn single(text: &str) -> Option<char> {
    let mut letters = text.chars();
    letters.next().filter(|_| letters.next().is_none())
}

fn put_on_last(word: &mut String, mark: char) {
    let composed = word.chars().next_back().and_then(|letter| compose(letter, mark));
    if let Some(letter) = composed {
        word.pop();
        word.push(letter);
    }
}

/// Whether a glyph at `x` on `base` goes on with `word`: near its end, on its line or raised by half a letter.
fn continues(word: &Piece, x: f32, base: f32, size: f32) -> bool {
    let larger = word.size.max(size);
    let gap = x - word.x1;
    gap < WORD_GAP * larger
        && gap > -0.45 * larger
        && (base - word.base).abs() < 0.45 * larger
        && word.size.min(size) > 0.4 * larger
}

/// Whether a glyph at `x` on `base` goes on with a `word` that is written from the right.
fn precedes(word: &Piece, x: f32, base: f32, glyph: &Glyph) -> bool {
    let larger = word.size.max(glyph.size);
    let gap = word.x0 - (x + glyph.width);
    word.text.chars().next().is_some_and(from_right)
        && gap < WORD_GAP * larger
        && gap > -0.45 * larger
        && (base - word.base).abs() < 0.45 * larger
        && word.size.min(glyph.size) > 0.4 * larger
}

/// Remembers what was drawn where, so that text drawn twice for boldness or shadow is read once.
#[derive(Default)]
struct Drawn {
    seen: HashMap<(u64, i32, i32), (f32, f32)>,
}

impl Drawn {
    fn before(&mut self, text: &str, x: f32, y: f32, size: f32) -> bool {
        let letters = text.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(257).wrapping_add(byte.into()));
        let reach = 0.12 * size;
        let cell = |at: f32| (at / 4.0).floor() as i32;
        for (dx, dy) in [(0.0, 0.0), (-reach, 0.0), (reach, 0.0), (0.0, -reach), (0.0, reach)] {
            if let Some((a, b)) = self.seen.get(&(letters, cell(x + dx), cell(y + dy)))
                && (a - x).abs() < reach
                && (b - y).abs() < reach
            {
                return true;
            }
        }
        self.seen.insert((letters, cell(x), cell(y)), (x, y));
        false
    }
}
