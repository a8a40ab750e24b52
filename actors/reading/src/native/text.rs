//! Writes blocks out as text: lines, paragraphs, rows of cells, and each word's place in both text and page.

use super::layout::Block;
use super::lines::Row;
use super::words::Piece;
use crate::page::{Rect, Table, Word};

/// A page's text as it is being written.
#[derive(Debug, Default)]
pub(crate) struct Laid {
    pub(crate) text: String,
    pub(crate) words: Vec<Word>,
    pub(crate) tables: Vec<Table>,
}

/// From the space in which words were laid out to the page.
pub(crate) type Place<'p> = &'p dyn Fn(Rect) -> Rect;

/// Adds `blocks` to `laid`, a blank line before each.
pub(crate) fn write(blocks: &[Block], place: Place<'_>, laid: &mut Laid) {
    for block in blocks {
        laid.paragraph();
        match block {
            Block::Text(rows) => laid.rows(rows, place),
            Block::Table(rows) => laid.table(rows, place),
        }
    }
}

impl Laid {
    fn paragraph(&mut self) {
        if !self.text.is_empty() {
            self.text.truncate(self.text.trim_end().len());
            self.text.push_str("\n\n");
        }
    }

    fn rows(&mut self, rows: &[Row], place: Place<'_>) {
        let spacing = Spacing::of(rows);
        let mut above: Option<&Row> = None;
        let mut taken = 0;
        for (index, row) in rows.iter().enumerate() {
            if let Some(above) = above {
                if spacing.parts(above, row) { self.paragraph() } else { self.line() }
            }
            above = Some(row);
            let below = rows.get(index + 1).filter(|below| !spacing.parts(row, below));
            let skip = std::mem::take(&mut taken);
            for (at, piece) in row.pieces.iter().enumerate().skip(skip) {
                if at > skip {
                    self.text.push(' ');
                }
                let next =
                    below.and_then(|below| below.pieces.first()).filter(|_| at + 1 == row.pieces.len());
                match next.and_then(|next| joint(&piece.text, &next.text).map(|joint| (joint, next))) {
                    Some((joint, next)) => {
                        let keep = joint == Joint::Hyphen;
                        let stem = piece.text.trim_end_matches(HYPHENS);
                        self.word(stem, piece, place);
                        if keep {
                            self.text.push('-');
                            if let Some(word) = self.words.last_mut() {
                                word.end += 1;
                            }
                        }
                        self.word(&next.text, next, place);
                        taken = 1;
                    }
                    None => self.word(&piece.text, piece, place),
                }
            }
        }
    }

    fn line(&mut self) {
        // A row whose one word was joined to the line above leaves nothing of its own.
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn table(&mut self, rows: &[Vec<Vec<Piece>>], place: Place<'_>) {
        let start = self.text.len() as u32;
        let mut ranges = Vec::with_capacity(rows.len());
        for row in rows {
            let from = self.text.len() as u32;
            for (at, cell) in row.iter().enumerate() {
                if at > 0 {
                    self.text.push('\t');
                }
                for (nth, piece) in cell.iter().enumerate() {
                    if nth > 0 {
                        self.text.push(' ');
                    }
                    self.word(&piece.text, piece, place);
                }
            }
            ranges.push((from, self.text.len() as u32));
            self.text.push('\n');
        }
        self.text.truncate(self.text.trim_end().len());
        self.tables.push(Table { start, end: self.text.len() as u32, rows: ranges });
    }

    fn word(&mut self, text: &str, piece: &Piece, place: Place<'_>) {
        let start = self.text.len() as u32;
        let last = text.chars().next_back();
        self.text.extend(text.chars().filter(|letter| *letter != SOFT_HYPHEN));
        if last == Some(SOFT_HYPHEN) {
            self.text.push('-');
        }
        let end = self.text.len() as u32;
        let rect = place([piece.x0, piece.top, piece.x1, piece.bottom]);
        self.words.push(Word { start, end, rect, confidence: piece.confidence });
    }
}

const SOFT_HYPHEN: char = '\u{ad}';
const HYPHENS: [char; 3] = ['-', SOFT_HYPHEN, '\u{2010}'];

/// How the end of a line and the start of the next make one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    /// The hyphen was there for the line's end alone.
    Close,
    /// The hyphen belongs to the word.
    Hyphen,
}

/// Whether `end`, the last word of a line, goes on with `next`, the first of the line below.
fn joint(end: &str, next: &str) -> Option<Joint> {
    let stem = end.strip_suffix(HYPHENS)?;
    let letter = stem.chars().next_back().filter(|letter| letter.is_alphabetic())?;
    next.chars().next().filter(|first| first.is_lowercase())?;
    if end.ends_with(SOFT_HYPHEN) {
        return Some(Joint::Close);
    }
    let word = next.trim_end_matches(|c: char| !c.is_alphanumeric());
    // Verbs that lost their ending before a pronoun: encontrá-lo, fazê-las, compô-la.
    let pronoun = matches!(word, "lo" | "la" | "los" | "las") && "áéêíôú".contains(letter);
    let enclitic = matches!(word, "lhe" | "lhes") || stem.contains('-');
    let prefix = matches!(
        stem.to_lowercase().as_str(),
        "ex" | "vice"
            | "pré"
            | "pós"
            | "pró"
            | "recém"
            | "além"
            | "aquém"
            | "não"
            | "bem"
            | "self"
            | "non"
            | "well"
    );
    Some(if pronoun || enclitic || prefix { Joint::Hyphen } else { Joint::Close })
}

/// What tells one paragraph from the next among the rows of a block.
struct Spacing {
    /// More than this between two baselines parts paragraphs.
    wide: f32,
    left: f32,
    right: f32,
}

impl Spacing {
    fn of(rows: &[Row]) -> Self {
        let mut leads: Vec<f32> =
            rows.iter().zip(rows.iter().skip(1)).map(|(a, b)| b.base - a.base).collect();
        leads.sort_by(f32::total_cmp);
        let size = rows.iter().map(|row| row.size).fold(0.0, f32::max);
        let usual = leads.get(leads.len() / 2).copied().unwrap_or(size);
        let wide = if leads.len() >= 3 { 1.25 * usual } else { 1.7 * size };
        let left = rows.iter().map(Row::x0).fold(f32::MAX, f32::min);
        let right = rows.iter().map(Row::x1).fold(f32::MIN, f32::max);
        Self { wide, left, right }
    }

    fn parts(&self, above: &Row, below: &Row) -> bool {
        let sizes = (above.size / below.size).max(below.size / above.size);
        let indented = below.x0() - self.left > 0.9 * below.size
            && above.x0() - self.left < 0.5 * above.size
            && above.pieces.last().is_some_and(|piece| piece.text.ends_with(['.', ':', '!', '?', ';']))
            && self.right - above.x1() > 0.5 * above.size;
        below.base - above.base > self.wide || sizes > 1.22 || indented
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hyphen_at_a_line_end_goes_unless_the_word_needs_it() {
        assert_eq!(joint("docu-", "mento"), Some(Joint::Close));
        assert_eq!(joint("fazê-", "lo,"), Some(Joint::Hyphen));
        assert_eq!(joint("ex-", "diretor"), Some(Joint::Hyphen));
        assert_eq!(joint("docu\u{ad}", "mento"), Some(Joint::Close));
        assert_eq!(joint("Rio-", "Niterói"), None);
        assert_eq!(joint("2020-", "e"), None);
    }
}
