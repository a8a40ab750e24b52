//! Puts a table's columns together again: names that share a cell, and a column that was read below its table.

use std::collections::BTreeMap;

use crate::layout::{Unit, UnitKind, cells, is_header};
use crate::text::{ValueKind, values};

/// A column's name is a word or two.
const NAME_CHARS_MAX: usize = 40;

/// A detached column stands right behind its table; further down it is a list of its own.
pub(crate) const UNITS_BETWEEN_MAX: usize = 4;

/// How many cells most rows of table `group` have.
pub(super) fn width(text: &str, list: &[Unit], group: usize) -> usize {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for unit in list.iter().filter(|unit| unit.kind == UnitKind::Row && unit.group == group) {
        *counts.entry(cells(&text[unit.range.clone()]).len()).or_default() += 1;
    }
    let most = counts.into_iter().filter(|(cells, _)| *cells > 1).max_by_key(|(_, rows)| *rows);
    most.map_or(0, |(cells, _)| cells)
}

/// The names in header row `names` for a table of `width` columns. Two names that were read as one cell come apart
/// before the second's capital (`Versão Licença`), where that makes the count right.
pub(super) fn names(names: &str, width: usize) -> Vec<String> {
    let whole: Vec<String> = cells(names).into_iter().map(|range| names[range].to_owned()).collect();
    if whole.len() >= width || names.is_empty() {
        return whole;
    }
    let mut apart: Vec<String> = Vec::new();
    for name in &whole {
        let mut open = String::new();
        for word in name.split_whitespace() {
            if !open.is_empty() && word.starts_with(char::is_uppercase) {
                apart.push(std::mem::take(&mut open));
            }
            open = if open.is_empty() { word.to_owned() } else { format!("{open} {word}") };
        }
        apart.push(open);
    }
    if apart.len() == width { apart } else { whole }
}

/// A column whose name and values stand below its table, one a line: by the row's place in the list, its name and the
/// row's value. The places of the units that held it come second, because their values belong to rows.
pub(crate) fn detached(text: &str, list: &[Unit]) -> (BTreeMap<usize, (String, String)>, Vec<usize>) {
    let mut attached = BTreeMap::new();
    let mut spent = Vec::new();
    for (at, unit) in list.iter().enumerate().filter(|(_, unit)| unit.kind == UnitKind::Sentence) {
        // A blank line may part the name from its values.
        let above =
            list[..at].last().filter(|above| above.kind != UnitKind::Row).map(|above| above.range.start);
        let held = read_column(&text[unit.range.clone()]).map(|read| (read, at));
        let read = held.or_else(|| Some((read_column(&text[above?..unit.range.end])?, at - 1)));
        let Some(((name, column), first)) = read else { continue };
        let from = at.saturating_sub(UNITS_BETWEEN_MAX + 1);
        let Some(last) = list[from..at].iter().rfind(|earlier| earlier.kind == UnitKind::Row) else {
            continue;
        };
        let width = width(text, list, last.group);
        let mut rows: Vec<usize> = list
            .iter()
            .enumerate()
            .filter(|(_, row)| row.kind == UnitKind::Row && row.group == last.group)
            .filter(|(_, row)| cells(&text[row.range.clone()]).len() == width)
            .map(|(order, _)| order)
            .collect();
        if rows.first().is_some_and(|first| is_header(&text[list[*first].range.clone()])) {
            rows.remove(0);
        }
        if rows.len() == column.len() {
            attached.extend(rows.into_iter().zip(column.into_iter().map(|value| (name.clone(), value))));
            spent.extend(first..=at);
        }
    }
    (attached, spent)
}

/// `Valor`, then lines that are one value each and all of one kind.
fn read_column(piece: &str) -> Option<(String, Vec<String>)> {
    let mut lines = piece.lines().map(str::trim).filter(|line| !line.is_empty());
    let name = lines.next().filter(|name| {
        name.chars().count() <= NAME_CHARS_MAX
            && name.starts_with(char::is_uppercase)
            && !name.contains(|c: char| c.is_ascii_digit())
    })?;
    let column: Vec<String> = lines.map(str::to_owned).collect();
    let kinds: Option<Vec<ValueKind>> = column.iter().map(|line| only_value(line)).collect();
    let kinds = kinds.filter(|kinds| kinds.len() > 1)?;
    kinds.windows(2).all(|two| two.first() == two.last()).then(|| (name.to_owned(), column))
}

fn only_value(line: &str) -> Option<ValueKind> {
    use ValueKind as K;
    let shaped = [K::Money, K::Percentage, K::Date, K::Quantity, K::Version, K::Licence];
    let whole = |start: usize, end: usize| start == 0 && end == line.trim_end_matches('.').len();
    values(line)
        .into_iter()
        .find(|value| whole(value.start, value.end) && shaped.contains(&value.kind))
        .map(|value| value.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::units;

    #[test]
    fn names_in_one_cell_come_apart_when_the_rows_have_more() {
        assert_eq!(names("Item Descrição | Onde é usado", 3), ["Item", "Descrição", "Onde é usado"]);
        assert_eq!(names("Item | Onde Fica", 2), ["Item", "Onde Fica"]);
        assert_eq!(names("Item Descrição | Onde é usado", 5), ["Item Descrição", "Onde é usado"]);
    }

    #[test]
    fn a_column_below_its_table_returns_to_its_rows() {
        let text =
            "Item | Nome\n1 | Casa\nazul\n2 | Carro\n\nSoma: R$ 30,00.\n\nValor\nR$ 10,00\nR$ 20,00\n\nFim.";
        let list = units(text, &[]);
        let (attached, spent) = detached(text, &list);
        let read: Vec<(&str, &str)> = attached
            .iter()
            .map(|(row, (_, value))| (&text[list[*row].range.clone()], value.as_str()))
            .collect();
        assert_eq!(read, [("1 | Casa", "R$ 10,00"), ("2 | Carro", "R$ 20,00")]);
        assert_eq!(spent.len(), 1);
        let parted = text.replace("Valor\n", "Valor\n\n");
        assert_eq!(detached(&parted, &units(&parted, &[])).0.len(), 2);
    }

    #[test]
    fn a_list_of_another_length_belongs_to_no_table() {
        let text = "Item | Nome\n1 | Casa\n2 | Carro\n\nValor\nR$ 10,00\nR$ 20,00\nR$ 30,00\n\nFim.";
        assert!(detached(text, &units(text, &[])).0.is_empty());
    }
}
