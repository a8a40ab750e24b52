//! Rows of tables as small texts, so that what is read in a clause is read in a row.

use super::Text;
use super::grid::Grid;
use crate::page::Page;
use crate::text::{Flow, Span};

/// A row: its text, and where each column's cell stands in it.
pub(crate) struct Row {
    pub(crate) text: Text,
    /// For each column: the key that its head names, and the cell.
    pub(crate) cells: Vec<(Option<String>, Span)>,
}

/// The rows of `grid`.
pub(crate) fn rows(pages: &[Page], grid: &Grid) -> Vec<Row> {
    let Some(page) = pages.get(grid.page) else { return Vec::new() };
    grid.rows
        .iter()
        .map(|row| {
            let mut pieces: Vec<(char, std::ops::Range<usize>)> = Vec::new();
            let mut counts = Vec::new();
            for cell in row {
                for (at, word) in cell.iter().enumerate() {
                    pieces.push((if at == 0 { '\t' } else { ' ' }, word.start..word.end));
                }
                counts.push(cell.len());
            }
            let flow = Flow::of_pieces(page, grid.page, &pieces);
            let mut cells = Vec::new();
            let (mut at, mut piece) = (0, 0);
            for (column, count) in counts.into_iter().enumerate() {
                let mut end = at;
                for offset in 0..count {
                    let length = pieces
                        .get(piece + offset)
                        .and_then(|(_, range)| page.text.get(range.clone()))
                        .map_or(0, |text| text.chars().count());
                    end += length + usize::from(offset > 0);
                }
                piece += count;
                cells.push((grid.keys.get(column).cloned().flatten(), at..end));
                if count > 0 {
                    at = end + 1;
                }
            }
            Row { text: Text::of(flow, page.is_ocr), cells }
        })
        .collect()
}
