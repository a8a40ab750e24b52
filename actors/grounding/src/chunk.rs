//! Cuts pages into chunks at the text's own seams; a chunk never crosses a page and never loses a word.

mod cut;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use cut::{Counter, chunks};

/// A word on its page: bytes `start..end` of the page's text, and its box in points (x0, y0, x1, y1, top-left origin).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WordBox {
    /// First byte in the page's text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// x0, y0, x1, y1 in points, origin at the top left.
    pub rect: [f32; 4],
}

/// What chunking needs of one page. Word boxes and rows may be empty; both are in order of their bytes.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// From 1.
    pub number: u32,
    /// Text in reading order: lines end with `\n`, paragraphs with a blank line, cells with a tab or ` | `.
    pub text: &'a str,
    /// Where the words stand.
    pub words: &'a [WordBox],
    /// Byte ranges of table rows, for tables whose text does not show its cells.
    pub rows: &'a [Range<usize>],
}

/// A span of one page's text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// From 0, over the whole document.
    pub ordinal: u32,
    /// The page, from 1.
    pub page: u32,
    /// First byte in the page's text.
    pub start: usize,
    /// One past the last byte: `text` is exactly `page.text[start..end]`.
    pub end: usize,
    /// The span itself.
    pub text: String,
    /// The headings in force and, for the middle of a table, its header row; one per line, may be empty.
    pub context: String,
    /// One box per line of the span, in points (x0, y0, x1, y1, top-left origin); empty without word boxes.
    pub boxes: Vec<[f32; 4]>,
    /// Most of the span is table rows.
    pub is_table: bool,
}

impl Chunk {
    /// What to embed and to index: the context before the span, so that a row is found by its column's name.
    pub fn text_to_embed(&self) -> String {
        if self.context.is_empty() { self.text.clone() } else { format!("{}\n{}", self.context, self.text) }
    }

    /// Its sentences, to be embedded one by one beside the whole; none if it is a single one.
    pub fn sentences_to_embed(&self) -> Vec<String> {
        let spans = crate::text::sentences(&self.text);
        let texts = spans.into_iter().filter_map(|span| self.text.get(span)).map(str::trim);
        let texts: Vec<String> = texts.filter(|text| !text.is_empty()).map(str::to_owned).collect();
        if texts.len() > 1 { texts } else { Vec::new() }
    }
}

/// How large chunks are, in tokens of the handed-in counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// A chunk is closed at the seam before this is passed.
    pub target_tokens: usize,
    /// No chunk with its context has more, unless a single character has.
    pub max_tokens: usize,
    /// A last sentence of at most this is repeated at the next chunk's start.
    pub overlap_tokens: usize,
}

/// Counts the changes of how pages are cut: chunks of another version are cut again.
const VERSION: u32 = 1;

impl Sizes {
    /// Names this version of the chunker with these sizes: chunks under two equal names are cut alike.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { target_tokens, max_tokens, overlap_tokens } = self;
        format!("{VERSION}/{target_tokens}/{max_tokens}/{overlap_tokens}")
    }
}

impl Default for Sizes {
    /// 220, because answers are looked for sentence by sentence afterwards and shorter spans retrieve better; 440,
    /// because the embedders read 512 with their prefix and marks.
    fn default() -> Self {
        Self { target_tokens: 220, max_tokens: 440, overlap_tokens: 40 }
    }
}

/// One box per line: words whose middles are about as high belong to one line.
fn line_boxes(words: &[WordBox], span: &Range<usize>) -> Vec<[f32; 4]> {
    let mut lines: Vec<[f32; 4]> = Vec::new();
    for word in words.iter().filter(|word| word.start < span.end && word.end > span.start) {
        let [x0, y0, x1, y1] = word.rect;
        let middle = (y0 + y1) / 2.0;
        match lines.last_mut() {
            // Going left again is a new line even when a column beside it is as high.
            Some(line) if middle > line[1] && middle < line[3] && x0 >= line[0] => {
                *line = [line[0].min(x0), line[1].min(y0), line[2].max(x1), line[3].max(y1)];
            }
            _ => lines.push([x0, y0, x1, y1]),
        }
    }
    lines
}

/// The boxes, one per line, of bytes `span` of a page's text: what a client highlights for a citation.
pub fn boxes_of(words: &[WordBox], span: Range<usize>) -> Vec<[f32; 4]> {
    line_boxes(words, &span)
}

#[cfg(test)]
mod tests;
