//! Finds the order in which a page is read: columns one after the other, tables row by row.

use super::direction::{self, mostly_from_right};
use super::lines::{Row, rows};
use super::tables::{Grid, classify, to_table};
use super::words::Piece;

/// Columns within columns; no page printed for people goes deeper.
const DEPTH_MAX: usize = 6;

/// Rows among which gutters are searched; a page with more is a dump, which is read line by line.
const ROWS_MAX: usize = 1_500;

/// White space between columns is at least this share of the text's size.
const GUTTER_MIN: f32 = 0.75;

/// A part of a page that is read as one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Block {
    /// Lines, one below the other.
    Text(Vec<Row>),
    /// Rows of cells.
    Table(Vec<Vec<Vec<Piece>>>),
}

/// The blocks of `pieces` in reading order.
pub(crate) fn blocks(pieces: Vec<Piece>) -> Vec<Block> {
    let mut found = Vec::new();
    split(pieces, 0, &mut found);
    found.into_iter().map(as_read).collect()
}

/// The block with the words of each line, and the cells of each row, in the order in which they are read.
fn as_read(block: Block) -> Block {
    match block {
        Block::Text(rows) => Block::Text(
            rows.into_iter().map(|row| Row { pieces: direction::as_read(row.pieces), ..row }).collect(),
        ),
        Block::Table(mut rows) => {
            let backward = mostly_from_right(rows.iter().flatten().flatten());
            for row in &mut rows {
                for cell in row.iter_mut() {
                    *cell = direction::as_read(std::mem::take(cell));
                }
                if backward {
                    row.reverse();
                }
            }
            Block::Table(rows)
        }
    }
}

fn split(pieces: Vec<Piece>, depth: usize, found: &mut Vec<Block>) {
    let mut rest = rows(pieces);
    if depth >= DEPTH_MAX || rest.len() > ROWS_MAX {
        push_text(rest, found);
        return;
    }
    let mut plain: Vec<Row> = Vec::new();
    while !rest.is_empty() {
        let Some((count, gutters)) = grow(&rest) else {
            plain.push(rest.remove(0));
            continue;
        };
        let (count, grid) = alike(rest.get(..count).unwrap_or(&rest), &gutters);
        let group: Vec<Row> = rest.drain(..count).collect();
        match grid {
            Grid::Columns => {
                push_text(std::mem::take(&mut plain), found);
                for column in columns(group, &gutters) {
                    split(column, depth + 1, found);
                }
            }
            Grid::Table => {
                let (before, table, after) = to_table(group, &gutters);
                plain.extend(before);
                push_text(std::mem::take(&mut plain), found);
                found.push(Block::Table(table));
                plain.extend(after);
            }
            Grid::Plain => plain.extend(group),
        }
    }
    push_text(plain, found);
}

fn push_text(rows: Vec<Row>, found: &mut Vec<Block>) {
    if !rows.is_empty() {
        found.push(Block::Text(rows));
    }
}

/// How many of the first rows are of one kind: a wide gap may part columns of prose from a table below them.
fn alike(group: &[Row], gutters: &[(f32, f32)]) -> (usize, Grid) {
    let mut leads: Vec<f32> = group.iter().zip(group.iter().skip(1)).map(|(a, b)| b.base - a.base).collect();
    let gaps = leads.clone();
    leads.sort_by(f32::total_cmp);
    let size = group.iter().map(|row| row.size).fold(0.0, f32::max);
    let wide = (2.2 * leads.get(leads.len() / 2).copied().unwrap_or(0.0)).max(2.0 * size);
    let whole = classify(group, gutters);
    let cuts = gaps.iter().enumerate().filter(|(_, gap)| **gap > wide).map(|(at, _)| at + 1);
    let mut start = 0;
    let mut first: Option<(usize, Grid)> = None;
    for end in cuts.chain([group.len()]) {
        let part = group.get(start..end).unwrap_or_default();
        start = end;
        let grid = classify(part, gutters);
        match first {
            None => first = Some((end, grid)),
            Some((_, Grid::Columns)) if grid == Grid::Columns => first = Some((end, grid)),
            Some((count, before)) => return (count, before),
        }
    }
    first.unwrap_or((group.len(), whole))
}

/// The longest run of rows from the first on that leaves a gutter free, with its gutters.
fn grow(rows: &[Row]) -> Option<(usize, Vec<(f32, f32)>)> {
    let mut free = vec![(f32::MIN, f32::MAX)];
    let mut best: Option<(usize, Vec<(f32, f32)>)> = None;
    for (index, row) in rows.iter().enumerate() {
        free = without(&free, row);
        let inner: Vec<(f32, f32)> =
            free.iter().copied().filter(|(from, to)| *from > f32::MIN && *to < f32::MAX).collect();
        if inner.is_empty() {
            // A run that began with its widest row can only lose white space from here on.
            if best.is_some() || free.len() < 2 && row.pieces.len() > 1 && index > 0 {
                break;
            }
            continue;
        }
        best = Some((index + 1, inner));
    }
    let (count, mut gutters) = best?;
    let group = rows.get(..count)?;
    gutters.retain(|gutter| is_gutter(group, *gutter));
    (!gutters.is_empty()).then_some((count, gutters))
}

/// Whether enough rows keep the white space free on purpose: it is wider than the gaps between their words, which
/// the gaps of a loosely set line of prose are not.
fn is_gutter(group: &[Row], gutter: (f32, f32)) -> bool {
    let size = group.iter().map(|row| row.size).fold(0.0, f32::max);
    let enough = if gutter.1 - gutter.0 > 2.0 * size { 2 } else { 3 };
    let sided: Vec<&Row> = group.iter().filter(|row| spans(row, gutter)).collect();
    let meant = sided.iter().filter(|row| stands_out(row, gutter)).count();
    meant >= enough && meant * 3 >= sided.len() * 2
}

fn stands_out(row: &Row, (from, to): (f32, f32)) -> bool {
    let middle = (from + to) / 2.0;
    let mut own = 0.0;
    let mut others = Vec::new();
    for (left, right) in row.pieces.iter().zip(row.pieces.iter().skip(1)) {
        let gap = right.x0 - left.x1;
        if left.x1 <= middle && right.x0 >= middle { own = gap } else { others.push(gap) }
    }
    others.sort_by(f32::total_cmp);
    // Cells of one word each have gaps that are all alike, and wider than any justified line's.
    own > 1.6 * row.size
        || match others.get(others.len() / 2) {
            Some(usual) if others.len() > 1 => own > 1.7 * usual,
            _ => own > 1.2 * row.size,
        }
}

/// Whether the row has words on both sides of the gutter.
fn spans(row: &Row, (from, to): (f32, f32)) -> bool {
    let middle = (from + to) / 2.0;
    row.pieces.iter().any(|piece| piece.x1 <= middle) && row.pieces.iter().any(|piece| piece.x0 >= middle)
}

/// What of `free` the row's words leave, intervals too narrow for a gutter dropped.
fn without(free: &[(f32, f32)], row: &Row) -> Vec<(f32, f32)> {
    let least = GUTTER_MIN * row.size;
    let mut left = free.to_vec();
    for piece in &row.pieces {
        let mut next = Vec::with_capacity(left.len() + 1);
        for (from, to) in left {
            if piece.x1 <= from || piece.x0 >= to {
                next.push((from, to));
                continue;
            }
            next.extend(
                [(from, piece.x0.min(to)), (piece.x1.max(from), to)]
                    .into_iter()
                    .filter(|(a, b)| b - a >= least),
            );
        }
        left = next;
    }
    left
}

/// The words of each column, from left to right.
fn columns(group: Vec<Row>, gutters: &[(f32, f32)]) -> Vec<Vec<Piece>> {
    let mut columns = vec![Vec::new(); gutters.len() + 1];
    for piece in group.into_iter().flat_map(|row| row.pieces) {
        let column = gutters.iter().filter(|(from, to)| piece.x0 >= (from + to) / 2.0).count();
        if let Some(column) = columns.get_mut(column) {
            column.push(piece);
        }
    }
    columns.retain(|column: &Vec<Piece>| !column.is_empty());
    if mostly_from_right(columns.iter().flatten()) {
        columns.reverse();
    }
    columns
}
