//! Reads a text as units that belong together: headings, sentences, `label: value` lines and table rows.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::text::{ValueKind, fold, is_function_word, is_heading, is_item, sentences, values};

/// What a unit of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitKind {
    Heading,
    Sentence,
    Label,
    Row,
}

/// Bytes that are read as one; units are in order, do not overlap, and hold every word of their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) range: Range<usize>,
    pub(crate) kind: UnitKind,
    /// Units of one paragraph, or of one table, share this number.
    pub(crate) group: usize,
}

static LABEL: LazyLock<Regex> = LazyLock::new(|| crate::text::pattern(r"^\s*\p{Lu}[^:.;|]{1,48}:(?:\s|$)"));

/// The units of `text`; `rows` are the byte ranges that are known to be table rows, besides the lines that show it
/// by a tab or ` | ` between cells.
pub(crate) fn units(text: &str, rows: &[Range<usize>]) -> Vec<Unit> {
    let mut reader =
        Reader { text, units: Vec::new(), group: 0, paragraph: None, gap: false, table_open: false };
    let mut at = 0;
    for row in rows {
        let sound = row.start >= at && row.start < row.end && text.get(row.clone()).is_some();
        if sound && text.get(at..row.start).is_some() {
            reader.lines(at..row.start);
            reader.row(row.clone());
            // The row's own line end is no blank line behind it.
            at = row.end + usize::from(text[row.end..].starts_with('\n'));
        }
    }
    reader.lines(at..text.len());
    reader.close_paragraph();
    reader.units
}

/// The cells of a table row, trimmed, with their bytes within `row`.
pub(crate) fn cells(row: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for cell in row.split(['|', '\t']) {
        let start = at + (cell.len() - cell.trim_start().len());
        found.push(start..start.max(at + cell.trim_end().len()));
        at += cell.len() + 1;
    }
    // A row drawn with outer bars has an empty first and last cell, which are no columns.
    if row.trim_start().starts_with('|') && row.trim_end().ends_with('|') && found.len() > 2 {
        found.pop();
        found.remove(0);
    }
    found
}

/// Does a line show by its separators that it is a table row?
pub(crate) fn is_row(line: &str) -> bool {
    line.contains(" | ") || line.trim().contains('\t')
}

/// A row that names columns: no numbers, amounts or dates in it, and more than one cell.
pub(crate) fn is_header(row: &str) -> bool {
    let list = cells(row);
    let named = list.iter().filter(|cell| row[(*cell).clone()].chars().any(char::is_alphabetic)).count();
    let valued = values(row).iter().any(|value| {
        !matches!(
            value.kind,
            ValueKind::Name | ValueKind::Person | ValueKind::Organisation | ValueKind::Place
        )
    });
    list.len() > 1 && named == list.len() && !valued
}

/// A line inside a table that is no row by itself: a cell that wrapped, above or below the row it belongs to.
fn wrapped_cell(lines: &[&str]) -> bool {
    /// Longer lines are text between two tables.
    const CHARS_MAX: usize = 48;
    /// A cell of more lines is a paragraph.
    const LINES_MAX: usize = 3;
    let row = lines.iter().take(LINES_MAX).position(|line| is_row(line));
    let above = row.and_then(|row| lines.get(..row)).unwrap_or_default();
    !above.is_empty()
        && above.iter().all(|line| {
            !line.trim().is_empty()
                && line.chars().count() <= CHARS_MAX
                && !line.trim_end().ends_with([':', ';'])
        })
}

/// Does `next` go on with a sentence that `open` leaves unfinished?
fn continues(open: &str, next: &str) -> bool {
    let (open, next) = (open.trim_end(), next.trim_start());
    if open.ends_with(['.', ';', ':', '!', '?', '|']) || is_item(next) {
        return false;
    }
    let last = open.rsplit(char::is_whitespace).next().unwrap_or_default();
    open.ends_with(',')
        || (last.chars().any(char::is_lowercase) && is_function_word(&fold(last)))
        || next.starts_with(char::is_lowercase)
}

struct Reader<'a> {
    text: &'a str,
    units: Vec<Unit>,
    group: usize,
    paragraph: Option<Range<usize>>,
    /// A blank line follows the open paragraph.
    gap: bool,
    /// The line before is a row.
    table_open: bool,
}

impl Reader<'_> {
    fn lines(&mut self, range: Range<usize>) {
        let mut at = range.start;
        let lines: Vec<&str> = self.text[range].split_inclusive('\n').collect();
        for (order, line) in lines.iter().copied().enumerate() {
            let span = at..at + line.len();
            at = span.end;
            let blank = line.trim().is_empty();
            self.bridge(line, blank);
            if blank {
                self.group += usize::from(self.paragraph.is_none());
                self.table_open = false;
            } else if is_row(line) || (self.table_open && wrapped_cell(&lines[order..])) {
                self.row(span);
            } else if LABEL.is_match(line) && !line.trim_end().ends_with(':') {
                self.close_paragraph();
                self.paragraph = Some(span);
            } else if self.begins_anew() && is_heading(line) {
                self.close_paragraph();
                self.push(span, UnitKind::Heading);
                self.group += 1;
            } else {
                let start = self.paragraph.as_ref().map_or(span.start, |open| open.start);
                self.paragraph = Some(start..span.end);
            }
        }
    }

    /// Scans and justified pages show blank lines inside sentences: an unfinished paragraph is open across one when
    /// `line` goes on with it.
    fn bridge(&mut self, line: &str, blank: bool) {
        if blank {
            self.gap = self.paragraph.is_some();
            return;
        }
        let goes_on = self.paragraph.as_ref().is_some_and(|open| continues(&self.text[open.clone()], line));
        if std::mem::take(&mut self.gap) && (!goes_on || is_row(line)) {
            self.close_paragraph();
            self.group += 1;
        }
    }

    /// A heading stands after a finished sentence or at a paragraph's start; else it is a wrapped line.
    fn begins_anew(&self) -> bool {
        self.paragraph
            .as_ref()
            .is_none_or(|open| self.text[open.clone()].trim_end().ends_with(['.', ';', ':', '!', '?']))
    }

    fn row(&mut self, span: Range<usize>) {
        self.close_paragraph();
        if self.units.last().is_none_or(|last| last.kind != UnitKind::Row) {
            self.group += 1;
        }
        self.push(span, UnitKind::Row);
        self.table_open = true;
    }

    fn close_paragraph(&mut self) {
        let Some(open) = self.paragraph.take() else { return };
        let labelled = LABEL.is_match(&self.text[open.clone()]);
        for (order, sentence) in sentences(&self.text[open.clone()]).into_iter().enumerate() {
            let kind = if labelled && order == 0 { UnitKind::Label } else { UnitKind::Sentence };
            self.push(open.start + sentence.start..open.start + sentence.end, kind);
        }
    }

    fn push(&mut self, span: Range<usize>, kind: UnitKind) {
        let piece = &self.text[span.clone()];
        let start = span.start + (piece.len() - piece.trim_start().len());
        let end = span.start + piece.trim_end().len();
        if start < end {
            self.units.push(Unit { range: start..end, kind, group: self.group });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(UnitKind, &str)> {
        units(text, &[]).into_iter().map(|unit| (unit.kind, &text[unit.range])).collect()
    }

    #[test]
    fn headings_labels_rows_and_sentences_are_told_apart() {
        let text = "CLÁUSULA 1 - DO OBJETO\nLocador: José\nLocatária: Ana\n\nO prazo é de\n30 meses. Há multa.\nItem | Valor\nCasa | R$ 10,00\n";
        assert_eq!(
            read(text),
            [
                (UnitKind::Heading, "CLÁUSULA 1 - DO OBJETO"),
                (UnitKind::Label, "Locador: José"),
                (UnitKind::Label, "Locatária: Ana"),
                (UnitKind::Sentence, "O prazo é de\n30 meses."),
                (UnitKind::Sentence, "Há multa."),
                (UnitKind::Row, "Item | Valor"),
                (UnitKind::Row, "Casa | R$ 10,00"),
            ]
        );
    }

    #[test]
    fn a_blank_line_inside_a_sentence_ends_nothing() {
        let text = "c) Aquisição do galpão, pelo valor de\n\nR$ 37,5 milhões.\nd) Recompra: retirada";
        assert_eq!(
            read(text),
            [
                (UnitKind::Sentence, "c) Aquisição do galpão, pelo valor de\n\nR$ 37,5 milhões."),
                (UnitKind::Sentence, "d) Recompra: retirada"),
            ]
        );
        let parts = read("Compareceram 38 das 52\n\nunidades.\n\nPresença e mesa\n\nA mesa abriu.");
        assert_eq!(
            parts.iter().map(|(_, piece)| *piece).collect::<Vec<_>>(),
            ["Compareceram 38 das 52\n\nunidades.", "Presença e mesa", "A mesa abriu."]
        );
    }

    #[test]
    fn known_rows_on_lines_of_their_own_are_one_table() {
        let text = "Item Nome\nCasa azul\nCarro\n\nFim.";
        let list = units(text, &[0..9, 10..19, 20..25]);
        let groups: Vec<usize> = list.iter().map(|unit| unit.group).collect();
        assert_eq!(groups[..3], [groups[0]; 3]);
        assert_ne!(groups[2], groups[3]);
    }

    #[test]
    fn a_wrapped_cell_does_not_break_its_table() {
        let text = "Ativo | Valor\n(R$)\nLFT | 10,00\nLetra\nLCI | 20,00\n\nFim.";
        let groups: Vec<usize> = units(text, &[]).iter().map(|unit| unit.group).collect();
        assert_eq!(groups[..5], [groups[0]; 5]);
        assert_ne!(groups[4], groups[5]);
    }

    #[test]
    fn a_header_names_columns_and_a_row_of_values_does_not() {
        assert!(is_header("Componente | Versão | Licença"));
        assert!(!is_header("TrilhoDB | 11.2 | Apache-2.0"));
    }

    #[test]
    fn outer_bars_are_no_columns() {
        let row = "| a | b |";
        assert_eq!(cells(row).into_iter().map(|cell| &row[cell]).collect::<Vec<_>>(), ["a", "b"]);
    }

    proptest::proptest! {
        #[test]
        fn units_hold_every_word_in_order(text in "[a-zA-Zé0-9.;:|\t \n]{0,300}") {
            let kept: String = read(&text).iter().flat_map(|(_, piece)| piece.split_whitespace()).collect();
            proptest::prop_assert_eq!(kept, text.split_whitespace().collect::<String>());
        }
    }
}
