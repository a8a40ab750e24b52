//! Tells tables from columns of prose, and puts a table's words into rows and cells.

use super::lines::Row;
use super::words::Piece;

/// What rows with white gutters down through them are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grid {
    /// Prose set in columns, to be read one after the other.
    Columns,
    /// Cells, to be read row by row.
    Table,
    /// Lines with numbers, bullets or labels before them.
    Plain,
}

/// What one column holds.
#[derive(Default)]
struct Column {
    rows: usize,
    words: usize,
    letters: usize,
    width: f32,
    widest: f32,
}

/// Decides by how full of words the columns are.
pub(super) fn classify(group: &[Row], gutters: &[(f32, f32)]) -> Grid {
    const PROSE_ROWS_MIN: usize = 4;
    const PROSE_WORDS_MIN: f32 = 3.2;
    let mut columns: Vec<Column> = (0..=gutters.len()).map(|_| Column::default()).collect();
    let mut crossed = 0;
    for row in group {
        let cells = row.clone().split(|from, to| parts(from, to, gutters));
        crossed += usize::from(cells.len() > 1);
        for cell in cells {
            let (Some(first), Some(last)) = (cell.first(), cell.last()) else { continue };
            let at = gutters.iter().filter(|(from, to)| first.x0 >= (from + to) / 2.0).count();
            let Some(column) = columns.get_mut(at) else { continue };
            let width = last.x1 - first.x0;
            column.rows += 1;
            column.words += cell.len();
            column.letters += cell.iter().map(|piece| piece.text.chars().count()).sum::<usize>();
            column.width += width;
            column.widest = column.widest.max(width);
        }
    }
    let prose = |column: &&Column| {
        let rows = column.rows.max(1) as f32;
        column.rows >= PROSE_ROWS_MIN
            && column.words as f32 / rows >= PROSE_WORDS_MIN
            && column.width / rows > 0.6 * column.widest
    };
    let is_prose = columns.iter().filter(prose).count();
    let short = |column: &Column| column.letters as f32 <= 3.5 * column.rows as f32;
    if is_prose >= 2 || crossed * 2 < group.len() && is_prose >= 1 && columns.iter().all(|c| c.rows >= 3) {
        return Grid::Columns;
    }
    if columns.len() == 2
        && columns.first().is_some_and(short)
        && columns.iter().skip(1).any(|c| prose(&c) || c.words > 2 * c.rows)
    {
        return Grid::Plain;
    }
    Grid::Table
}

/// Whether the gap lies on a gutter.
fn parts(from: f32, to: f32, gutters: &[(f32, f32)]) -> bool {
    gutters.iter().any(|(left, right)| {
        let middle = (left + right) / 2.0;
        from <= middle && to >= middle
    })
}

type Cells = Vec<Vec<Vec<Piece>>>;

/// The lines before the table, its rows of cells, and the lines after it.
pub(super) fn to_table(group: Vec<Row>, gutters: &[(f32, f32)]) -> (Vec<Row>, Cells, Vec<Row>) {
    let sided = |row: &Row| {
        gutters.iter().any(|(from, to)| {
            let middle = (from + to) / 2.0;
            row.pieces.iter().any(|piece| piece.x1 <= middle)
                && row.pieces.iter().any(|piece| piece.x0 >= middle)
        })
    };
    let first = group.iter().position(sided).unwrap_or(0);
    let last = group.iter().rposition(sided).unwrap_or(group.len().saturating_sub(1));
    let mut rest = group;
    let mut after = rest.split_off((last + 1).min(rest.len()));
    let table = rest.split_off(first.min(rest.len()));
    // A last cell that runs over lines still belongs to the table.
    let mut gaps: Vec<f32> = table.iter().zip(table.iter().skip(1)).map(|(a, b)| b.base - a.base).collect();
    gaps.sort_by(f32::total_cmp);
    let mut table = table;
    while let (Some(end), Some(next)) = (table.last(), after.first()) {
        let indented = gutters.first().is_some_and(|(from, to)| next.x0() >= (from + to) / 2.0);
        if !(indented && next.base - end.base < 1.4 * next.size) {
            break;
        }
        table.push(after.remove(0));
    }
    (rest, cells(table, gutters), after)
}

fn cells(table: Vec<Row>, gutters: &[(f32, f32)]) -> Cells {
    let wide = usual_gap(&table);
    let mut rows: Vec<Vec<(usize, Vec<Piece>)>> = Vec::new();
    let mut base = f32::MIN;
    for row in table {
        let (at, size) = (row.base, row.size);
        let cells: Vec<(usize, Vec<Piece>)> = row
            .split(|from, to| parts(from, to, gutters) || to - from > 1.6 * size)
            .into_iter()
            .map(|cell| {
                let x = cell.first().map_or(0.0, |piece| piece.x0);
                (gutters.iter().filter(|(from, to)| x >= (from + to) / 2.0).count(), cell)
            })
            .collect();
        let gap = at - base;
        base = at;
        // A line that leaves the first column empty, set close to the one above, continues that one's cells.
        let continues =
            cells.first().is_some_and(|(column, _)| *column > 0) && gap < 1.45 * size && gap < wide;
        match rows.last_mut().filter(|above| continues && cells.iter().all(|(c, _)| has(above, *c))) {
            Some(above) => {
                for (column, mut cell) in cells {
                    if let Some((_, into)) = above.iter_mut().rev().find(|(at, _)| *at == column) {
                        into.append(&mut cell);
                    }
                }
            }
            None => rows.push(cells),
        }
    }
    rows.into_iter().map(|row| row.into_iter().map(|(_, cell)| cell).collect()).collect()
}

fn has(row: &[(usize, Vec<Piece>)], column: usize) -> bool {
    row.iter().any(|(at, _)| *at == column)
}

/// A gap between lines that is wider than those within cells, where the table has two kinds of gaps.
fn usual_gap(table: &[Row]) -> f32 {
    let gaps = table.iter().zip(table.iter().skip(1)).map(|(above, below)| below.base - above.base);
    let (least, most) = gaps.fold((f32::MAX, 0.0_f32), |(low, high), gap| (low.min(gap), high.max(gap)));
    if most > 1.2 * least { (least + most) / 2.0 } else { f32::MAX }
}
