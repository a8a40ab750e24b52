//! From a span of the flow to a page, its exact words and their boxes.

use super::{Flow, Span};
use crate::page::{Page, Rect, Word};

/// Where a span stands on the paper.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    /// The page's number, from 1.
    pub(crate) page: u32,
    /// First byte of the quotation in the page's text.
    pub(crate) start: usize,
    /// The words, exactly as the page's text has them.
    pub(crate) quotation: String,
    /// One rectangle for each line.
    pub(crate) rects: Vec<Rect>,
    /// The least sure of its words, from 0 to 1.
    pub(crate) confidence: f32,
}

/// Bytes that may part two characters of one run: a line end, a hyphen, spaces.
const RUN_GAP: usize = 6;

impl Place {
    /// The place of `span`, or of its part on the first page where it runs over two. Where the words are not together
    /// in the page's text, as in a cell of two lines, the quotation is the longest part that is.
    pub(crate) fn of(flow: &Flow, pages: &[Page], span: &Span) -> Option<Self> {
        let (index, first) = flow.origin(span.start)?;
        let page = pages.get(index)?;
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let mut last = first;
        for at in span.clone() {
            let (here, byte) = flow.origin(at)?;
            if here != index {
                break;
            }
            let end = byte + page.text.get(byte..)?.chars().next().map_or(0, char::len_utf8);
            match runs.last_mut() {
                Some(run) if byte >= last && byte <= run.1 + RUN_GAP => run.1 = end.max(run.1),
                _ => runs.push((byte, end)),
            }
            last = byte;
        }
        let mut places: Vec<Self> = runs.iter().filter_map(|&(from, to)| Self::on(page, from, to)).collect();
        let longest = (0..places.len())
            .max_by_key(|&at| (places.get(at).map_or(0, |p| p.quotation.len()), usize::MAX - at))?;
        let rects = places.iter().flat_map(|place| place.rects.iter().copied()).collect();
        let confidence = places.iter().map(|place| place.confidence).fold(1.0, f32::min);
        let chosen = places.swap_remove(longest);
        Some(Self { rects, confidence, ..chosen })
    }

    /// The place of bytes `start` to `end` of a page's text.
    pub(crate) fn on(page: &Page, start: usize, end: usize) -> Option<Self> {
        let quotation = page.text.get(start..end)?.trim_end().to_owned();
        if quotation.is_empty() {
            return None;
        }
        let end = start + quotation.len();
        let first = page.words.partition_point(|word| word.end <= start);
        let words: Vec<Word> =
            page.words.iter().skip(first).take_while(|word| word.start < end).copied().collect();
        let confidence = words.iter().map(|word| word.confidence).fold(1.0, f32::min);
        Some(Self { page: page.number, start, quotation, rects: by_line(&words), confidence })
    }
}

/// One rectangle for each line of words.
pub(crate) fn by_line(words: &[Word]) -> Vec<Rect> {
    let mut lines: Vec<Rect> = Vec::new();
    for &Word { rect, .. } in words {
        match lines.last_mut() {
            Some(line) if same_line(line, &rect) => {
                *line =
                    [line[0].min(rect[0]), line[1].min(rect[1]), line[2].max(rect[2]), line[3].max(rect[3])];
            }
            _ => lines.push(rect),
        }
    }
    lines
}

fn same_line(line: &Rect, word: &Rect) -> bool {
    let middle = (word[1] + word[3]) / 2.0;
    line[1] < middle && middle < line[3] && word[0] > line[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_over_two_lines_has_two_boxes() {
        let word = |start, end, rect| Word { start, end, rect, confidence: 0.9 };
        let page = Page {
            number: 3,
            text: "é Ana\nLima.".to_owned(),
            words: vec![
                word(0, 2, [1.0, 1.0, 2.0, 2.0]),
                word(3, 6, [80.0, 1.0, 90.0, 2.0]),
                word(7, 12, [1.0, 3.0, 9.0, 4.0]),
            ],
            ..Page::default()
        };
        let pages = [page];
        let flow = Flow::of(&pages);
        let place = Place::of(&flow, &pages, &(2..10)).unwrap();
        assert_eq!((place.page, place.start, place.quotation.as_str()), (3, 3, "Ana\nLima"));
        assert_eq!(place.rects, [[80.0, 1.0, 90.0, 2.0], [1.0, 3.0, 9.0, 4.0]]);
        assert_eq!(place.confidence, 0.9);
    }
}
