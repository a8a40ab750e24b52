//! Packs a page's units into chunks, greedily, by tokens.

use std::ops::Range;

use super::{Chunk, Page, Sizes, line_boxes};
use crate::evidence::columns;
use crate::layout::{Unit, UnitKind, is_header, units};

/// A longer heading is a paragraph in capitals and is no use as context.
const CONTEXT_CHARS_MAX: usize = 120;

/// Counts the tokens of a text as the embedder will.
pub type Counter<'a> = &'a dyn Fn(&str) -> usize;

/// The chunks of `pages`, in order. Deterministic; every word of every page is in at least one chunk.
pub fn chunks(pages: &[Page<'_>], sizes: &Sizes, count: Counter<'_>) -> Vec<Chunk> {
    let mut cutter = Cutter { sizes, count, chunks: Vec::new(), headings: Vec::new() };
    for page in pages {
        cutter.page(page);
    }
    cutter.chunks
}

struct Cutter<'a> {
    sizes: &'a Sizes,
    count: Counter<'a>,
    chunks: Vec<Chunk>,
    /// The headings in force where the cutter stands, outermost first; two are enough to place a clause.
    headings: Vec<String>,
}

impl Cutter<'_> {
    fn page(&mut self, page: &Page<'_>) {
        let list = pieces(page.text, units(page.text, page.rows), self.sizes, self.count);
        let tokens: Vec<usize> =
            list.iter().map(|unit| (self.count)(&page.text[unit.range.clone()])).collect();
        let (attached, spent) = columns::detached(page.text, &list);
        let columns = (attached.into_keys().collect::<Vec<_>>(), spent);
        let mut from = 0;
        while from < list.len() {
            let to = self.with_column(&tokens, from, self.reach(&list, &tokens, from), &columns);
            let start = self.overlap(&list, &tokens, from);
            self.push(page, &list, start..to, from);
            self.follow(page.text, &list[from..to]);
            from = to;
        }
    }

    /// One past the last unit of the chunk that begins at `from`; always past `from`.
    fn reach(&self, list: &[Unit], tokens: &[usize], from: usize) -> usize {
        let target = self.sizes.target_tokens.max(1);
        let mut sum = tokens[from];
        let mut to = from + 1;
        while to < list.len() {
            // A heading alone says nothing, so it takes its first unit along even past the target.
            let bare = list[from..to].iter().all(|unit| unit.kind == UnitKind::Heading);
            if sum + tokens[to] > if bare { self.sizes.max_tokens } else { target } {
                break;
            }
            let opens = list[to].kind == UnitKind::Heading && list[to - 1].kind != UnitKind::Heading;
            if sum * 5 >= target * 2 && (opens || self.table_would_split(list, tokens, to, sum)) {
                break;
            }
            sum += tokens[to];
            to += 1;
        }
        // A heading goes with what it names.
        let mut end = to;
        while to < list.len() && end > from + 1 && list[end - 1].kind == UnitKind::Heading {
            end -= 1;
        }
        end
    }

    /// A column that stands below its table goes with the table where both fit: `rows` need the values in `places`.
    fn with_column(
        &self,
        tokens: &[usize],
        from: usize,
        to: usize,
        (rows, places): &(Vec<usize>, Vec<usize>),
    ) -> usize {
        let Some(last) = places.iter().copied().find(|place| *place >= to) else { return to };
        let near = last.saturating_sub(to) <= columns::UNITS_BETWEEN_MAX + 1;
        let has_rows = rows.iter().any(|row| (from..to).contains(row));
        let end = places.iter().copied().filter(|place| *place <= last + 1).max().unwrap_or(last) + 1;
        let fits = tokens
            .get(from..end)
            .is_some_and(|all| all.iter().sum::<usize>() * 10 <= self.sizes.max_tokens * 9);
        if near && has_rows && fits { end } else { to }
    }

    /// A table that fits a chunk of its own is not torn to fill this one.
    fn table_would_split(&self, list: &[Unit], tokens: &[usize], at: usize, sum: usize) -> bool {
        let unit = &list[at];
        let begins = unit.kind == UnitKind::Row && list[at - 1].group != unit.group;
        let whole: usize = list[at..]
            .iter()
            .zip(&tokens[at..])
            .take_while(|(row, _)| row.group == unit.group)
            .map(|(_, tokens)| tokens)
            .sum();
        begins && sum + whole > self.sizes.target_tokens && whole <= self.sizes.target_tokens
    }

    /// Where the chunk that begins at `from` takes its text from: one short sentence earlier in the same paragraph.
    fn overlap(&self, list: &[Unit], tokens: &[usize], from: usize) -> usize {
        let fits = from > 0
            && list[from].kind == UnitKind::Sentence
            && list[from - 1].kind == UnitKind::Sentence
            && list[from - 1].group == list[from].group
            && tokens[from - 1] <= self.sizes.overlap_tokens
            && tokens[from - 1] + tokens[from] <= self.sizes.target_tokens;
        from - usize::from(fits)
    }

    fn push(&mut self, page: &Page<'_>, list: &[Unit], taken: Range<usize>, from: usize) {
        let (Some(first), Some(last)) = (list.get(taken.start), list.get(taken.end - 1)) else { return };
        let span = first.range.start..last.range.end;
        let text = &page.text[span.clone()];
        let mut context = self.headings.clone();
        context.extend(header_before(page.text, list, from));
        let mut context = context.join("\n");
        if (self.count)(&context) + (self.count)(text) > self.sizes.max_tokens {
            context.clear();
        }
        let rows: usize =
            list[taken].iter().filter(|unit| unit.kind == UnitKind::Row).map(|unit| unit.range.len()).sum();
        self.chunks.push(Chunk {
            ordinal: u32::try_from(self.chunks.len()).unwrap_or(u32::MAX),
            page: page.number,
            start: span.start,
            end: span.end,
            text: text.to_owned(),
            context,
            boxes: line_boxes(page.words, &span),
            is_table: rows * 2 > text.len(),
        });
    }

    /// Keeps the headings that will be in force after `taken`.
    fn follow(&mut self, text: &str, taken: &[Unit]) {
        let mut run = false;
        for unit in taken {
            let heading = unit.kind == UnitKind::Heading && unit.range.len() <= CONTEXT_CHARS_MAX;
            if heading {
                if !run {
                    self.headings.clear();
                }
                self.headings.push(text[unit.range.clone()].split_whitespace().collect::<Vec<_>>().join(" "));
                if self.headings.len() > 2 {
                    self.headings.remove(0);
                }
            }
            run = heading;
        }
    }
}

/// The header row of the table that `list[from]` continues.
fn header_before(text: &str, list: &[Unit], from: usize) -> Option<String> {
    let unit = list.get(from).filter(|unit| unit.kind == UnitKind::Row)?;
    let first =
        list[..from].iter().find(|earlier| earlier.kind == UnitKind::Row && earlier.group == unit.group)?;
    let row = text.get(first.range.clone())?;
    (row.len() <= 3 * CONTEXT_CHARS_MAX && is_header(row)).then(|| row.to_owned())
}

/// Units that are too long alone come apart: between words, or inside one word that is too long itself.
fn pieces(text: &str, list: Vec<Unit>, sizes: &Sizes, count: Counter<'_>) -> Vec<Unit> {
    let mut fitting = Vec::with_capacity(list.len());
    for unit in list {
        let mut waiting = vec![unit.range.clone()];
        while let Some(range) = waiting.pop() {
            let seam =
                if count(&text[range.clone()]) <= sizes.max_tokens { None } else { seam(text, &range) };
            match seam {
                Some((left_end, right_start)) => {
                    waiting.push(right_start..range.end);
                    waiting.push(range.start..left_end);
                }
                None => fitting.push(Unit { range, ..unit.clone() }),
            }
        }
    }
    fitting
}

/// Where to halve a range: after a clause or a word near its middle, else at the middle character. Both halves are
/// shorter than the whole, so that cutting ends; None for a single character.
fn seam(text: &str, range: &Range<usize>) -> Option<(usize, usize)> {
    let piece = &text[range.clone()];
    let middle = piece.len() / 2;
    let blank = piece
        .match_indices(char::is_whitespace)
        .filter(|(at, _)| *at > 0 && !piece[*at..].trim().is_empty())
        .min_by_key(|(at, _)| {
            let clause = piece[..*at].ends_with([',', ';', ':']);
            at.abs_diff(middle) * if clause { 1 } else { 2 } + usize::from(!clause)
        });
    if let Some((at, _)) = blank {
        let rest = &piece[at..];
        let right = at + (rest.len() - rest.trim_start().len());
        return Some((range.start + piece[..at].trim_end().len().max(1), range.start + right));
    }
    let at = piece.char_indices().map(|(at, _)| at).find(|at| *at >= middle.max(1))?;
    Some((range.start + at, range.start + at))
}
