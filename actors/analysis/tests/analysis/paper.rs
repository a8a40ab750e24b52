//! Lays out text as pages: a monospaced line for each line, with a box for each word.

use enabler_analysis::{Page, Word};

const LETTER: f32 = 5.5;
const LINE: f32 = 13.0;
const MARGIN: f32 = 60.0;

/// Pages parted by form feeds. Two spaces or more part the cells of a row.
pub(crate) fn pages(text: &str) -> Vec<Page> {
    text.split('\u{c}').enumerate().map(|(at, text)| page(at as u32 + 1, text.trim_matches('\n'))).collect()
}

fn page(number: u32, layout: &str) -> Page {
    let (mut text, mut words) = (String::new(), Vec::new());
    for (row, line) in layout.lines().enumerate() {
        let top = MARGIN + row as f32 * LINE;
        let mut column = 0;
        for (at, cell) in line.split("  ").enumerate() {
            let cells = column;
            column += cell.chars().count() + 2;
            if cell.trim().is_empty() {
                continue;
            }
            if at > 0 && !text.ends_with('\n') && !text.is_empty() {
                text.push('\t');
            }
            let mut from = cells + cell.chars().take_while(|c| *c == ' ').count();
            for (order, word) in cell.split_whitespace().enumerate() {
                if order > 0 {
                    text.push(' ');
                }
                let start = text.len();
                text.push_str(word);
                let left = MARGIN + from as f32 * LETTER;
                let right = left + word.chars().count() as f32 * LETTER;
                words.push(Word {
                    start,
                    end: text.len(),
                    rect: [left, top, right, top + 10.0],
                    confidence: 1.0,
                });
                from += word.chars().count() + 1;
            }
        }
        text.push('\n');
    }
    Page { number, width: 595.0, height: 842.0, text, words, is_ocr: false }
}
