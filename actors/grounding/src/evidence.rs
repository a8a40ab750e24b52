//! Splits retrieved passages into candidates, the sentences and rows that an answer may rest on.

pub(crate) mod columns;
mod references;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::layout::{Unit, UnitKind, cells, is_header, is_row, units};
use crate::question::Question;
use crate::text::{Value, ValueKind, Word, pattern, values, words};

/// A retrieved chunk.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Passage {
    /// The page it is from, from 1.
    pub page: u32,
    /// The chunk's text.
    pub text: String,
    /// The chunk's context: headings and a table's header row, one per line; may be empty.
    pub context: String,
    /// How well retrieval liked it, 0 to 1.
    pub score: f32,
}

/// A sentence, a `label: value` line or a table row of a passage.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which passage, as an index.
    pub passage: usize,
    /// First byte in the passage's text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What to embed for its cosine with the question: a row is read with its header.
    pub text_to_embed: String,
    pub(crate) facts: Facts,
}

/// What was read in a candidate.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) kind: UnitKind,
    pub(crate) page: u32,
    /// Paragraph or table within the passage.
    pub(crate) group: usize,
    pub(crate) words: Vec<Word>,
    /// Words of the headings in force; of a row, also those of its header.
    pub(crate) context: Vec<Word>,
    /// Values, with bytes within the candidate's text.
    pub(crate) values: Vec<Value>,
    /// Cells of a row with the words of their column's name.
    pub(crate) cells: Vec<Cell>,
    pub(crate) signature: bool,
    /// `Florianópolis, 5 de dezembro de 2024.`: when the document was made and signed.
    pub(crate) dateline: bool,
    /// Says until when something must be done.
    pub(crate) deadline: bool,
    /// Where the label of a `label: value` line ends; what stands before is no value.
    pub(crate) label_end: usize,
    /// Follows a semicolon of its sentence, so that what stands before mostly speaks of something else.
    pub(crate) part: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) header: String,
    pub(crate) header_words: Vec<Word>,
    pub(crate) text: String,
    pub(crate) words: Vec<Word>,
}

/// Page numbers answer nothing.
static FURNITURE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^(?:(?:p[áa]gina|p[áa]g\.?|page|folha|fl\.?)\s*)?\d{1,4}(?:\s*(?:de|of|/)\s*\d{1,4})?$")
});

/// Candidates of one question; 20 passages of 220 tokens hold about this many sentences, and each is embedded.
pub const CANDIDATES_MAX: usize = 160;

/// The candidates of `passages`, in their order. What two overlapping passages share is a candidate once.
pub fn candidates(question: &Question, passages: &[Passage]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for (index, passage) in passages.iter().enumerate() {
        for candidate in of_passage(index, passage) {
            let text = candidate.text(passages);
            let known = found
                .iter()
                .any(|earlier| earlier.facts.page == passage.page && earlier.text(passages) == text);
            if !known {
                found.push(candidate);
            }
        }
    }
    references::follow(&mut found, |candidate| candidate.text(passages).to_owned());
    keep_best(question, found)
}

impl Candidate {
    /// The candidate's own text.
    pub fn text<'a>(&self, passages: &'a [Passage]) -> &'a str {
        passages
            .get(self.passage)
            .and_then(|passage| passage.text.get(self.start..self.end))
            .unwrap_or_default()
    }
}

/// Beyond the bound, those that share most words with the question stay, in their order.
fn keep_best(question: &Question, found: Vec<Candidate>) -> Vec<Candidate> {
    if found.len() <= CANDIDATES_MAX {
        return found;
    }
    let shared = |candidate: &Candidate| {
        question
            .terms
            .iter()
            .filter(|term| candidate.facts.words.iter().any(|word| word.stem == term.word.stem))
            .map(|term| term.weight)
            .sum::<f32>()
    };
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|a, b| shared(&found[*b]).total_cmp(&shared(&found[*a])).then(a.cmp(b)));
    order.truncate(CANDIDATES_MAX);
    let mut kept: Vec<(usize, Candidate)> =
        found.into_iter().enumerate().filter(|(at, _)| order.contains(at)).collect();
    kept.sort_by_key(|(at, _)| *at);
    kept.into_iter().map(|(_, candidate)| candidate).collect()
}

fn of_passage(index: usize, passage: &Passage) -> Vec<Candidate> {
    let text = passage.text.as_str();
    let (header_above, headings) = split_context(&passage.context);
    let mut heading = headings;
    let mut header: Option<(usize, Table)> = None;
    let mut fresh_heading = false;
    let list = parts(text, units(text, &[]));
    let (mut beside, spent) = columns::detached(text, &list);
    let mut found = Vec::with_capacity(list.len());
    for (order, unit) in list.iter().enumerate() {
        let piece = &text[unit.range.clone()];
        if FURNITURE.is_match(piece) || spent.contains(&order) {
            continue;
        }
        if unit.kind == UnitKind::Heading {
            heading = if fresh_heading { format!("{heading}\n{piece}") } else { piece.to_owned() };
        }
        fresh_heading = unit.kind == UnitKind::Heading;
        if unit.kind == UnitKind::Row && header.as_ref().is_none_or(|(group, _)| *group != unit.group) {
            let own = is_header(piece) && list.get(order + 1).is_some_and(|next| next.group == unit.group);
            let names = if own { piece.to_owned() } else { header_above.clone().unwrap_or_default() };
            let width = columns::width(text, &list, unit.group);
            header = Some((unit.group, Table { columns: columns::names(&names, width), names }));
            if own {
                continue;
            }
        }
        let table = header.as_ref().filter(|_| unit.kind == UnitKind::Row).map(|(_, table)| table);
        let signature = unit.kind == UnitKind::Sentence && signed(text, &list, order);
        let mut candidate = read(index, passage.page, unit, piece, table, beside.remove(&order), &heading);
        candidate.facts.signature = signature;
        candidate.facts.part = text[..unit.range.start].trim_end().ends_with(';');
        found.push(candidate);
    }
    found
}

/// Long sentences apart at their semicolons: a contract names each party between two of them.
fn parts(text: &str, list: Vec<Unit>) -> Vec<Unit> {
    /// Shorter ones are read whole, because their parts lean on one another.
    const WHOLE_BYTES_MAX: usize = 160;
    const PART_WORDS_MIN: usize = 4;
    let mut apart = Vec::with_capacity(list.len());
    for unit in list {
        if unit.kind == UnitKind::Row || unit.range.len() <= WHOLE_BYTES_MAX {
            apart.push(unit);
            continue;
        }
        let mut start = unit.range.start;
        for (at, _) in text[unit.range.clone()].match_indices("; ") {
            let seam = unit.range.start + at + 1;
            let count = |range: Range<usize>| text[range].split_whitespace().count();
            if count(start..seam) >= PART_WORDS_MIN && count(seam..unit.range.end) >= PART_WORDS_MIN {
                apart.push(Unit { range: start..seam, ..unit.clone() });
                start = seam + 1;
            }
        }
        apart.push(Unit { range: start..unit.range.end, ..unit });
    }
    apart
}

/// The header row and the headings of a passage's context.
fn split_context(context: &str) -> (Option<String>, String) {
    let header = context.lines().rev().find(|line| is_row(line)).map(str::to_owned);
    let headings: Vec<&str> = context.lines().filter(|line| !is_row(line)).collect();
    (header, headings.join("\n"))
}

/// The header row of a table and its columns' names.
struct Table {
    names: String,
    columns: Vec<String>,
}

/// `beside` is a column's name and this row's cell of it, where the column was read apart from its table.
fn read(
    passage: usize,
    page: u32,
    unit: &Unit,
    piece: &str,
    table: Option<&Table>,
    beside: Option<(String, String)>,
    heading: &str,
) -> Candidate {
    let names = table.map_or("", |table| table.names.as_str());
    let columns = table.map_or(&[][..], |table| table.columns.as_slice());
    let mut row = if unit.kind == UnitKind::Row { read_cells(piece, columns) } else { Vec::new() };
    row.extend(beside.map(|(header, text)| cell(&header, &text)));
    let labelled = row.iter().any(|cell| !cell.header.is_empty());
    let text_to_embed = if labelled {
        let pairs = row.iter().map(|cell| match cell.header.as_str() {
            "" => cell.text.clone(),
            header => format!("{header}: {}", cell.text),
        });
        pairs.collect::<Vec<_>>().join(" | ")
    } else {
        piece.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let facts = Facts {
        kind: unit.kind,
        page,
        group: unit.group,
        words: words(piece),
        context: words(&format!("{heading}\n{names}")),
        values: values(piece),
        cells: row,
        signature: false,
        label_end: if unit.kind == UnitKind::Label { piece.find(':').unwrap_or(0) } else { 0 },
        dateline: is_dateline(piece),
        deadline: has_deadline(piece),
        part: false,
    };
    Candidate { passage, start: unit.range.start, end: unit.range.end, text_to_embed, facts }
}

/// The cells of a row. One with more or fewer cells than the header has columns is sure of its first only, its name.
fn read_cells(row: &str, columns: &[String]) -> Vec<Cell> {
    let ranges = cells(row);
    let aligned = columns.len() == ranges.len();
    ranges
        .into_iter()
        .enumerate()
        .map(|(at, range)| {
            let header = columns.get(at).filter(|_| aligned || (at == 0 && row.contains(['|', '\t'])));
            cell(header.map_or("", String::as_str), &row[range])
        })
        .collect()
}

fn cell(header: &str, text: &str) -> Cell {
    Cell { header: header.to_owned(), header_words: words(header), words: words(text), text: text.to_owned() }
}

/// `até 28/02/2025`: a date until which.
fn has_deadline(piece: &str) -> bool {
    static UNTIL: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"(?i)\b(?:at[ée]|by|until|before|no\s+later\s+than)\s+(?:o\s+dia\s+|the\s+)?$")
    });
    let mut dates = values(piece).into_iter().filter(|value| value.kind == ValueKind::Date);
    dates.any(|date| UNTIL.is_match(&piece[..date.start]))
}

fn is_dateline(piece: &str) -> bool {
    let date = values(piece).into_iter().find(|value| value.kind == ValueKind::Date);
    date.is_some_and(|date| {
        let before = piece[..date.start].trim_end();
        let city = before.strip_suffix(',').unwrap_or_default();
        let closes = piece[date.end..].trim_matches(['.', ' ']).is_empty();
        closes
            && !city.is_empty()
            && city.len() < 40
            && words(city).iter().all(|word| word.capital || word.folded.len() <= 3)
    })
}

/// A name that closes the text: it begins its paragraph's or the line's sentence behind the place and date, behind a
/// rule of underscores, or says itself that it signs.
fn signed(text: &str, list: &[Unit], order: usize) -> bool {
    let piece = &text[list[order].range.clone()];
    let read = values(piece);
    let begins = |range: &str| {
        let name = read.iter().find(|value| value.kind == ValueKind::Person);
        name.is_some_and(|name| name.start <= 6 && range.len() < 200)
    };
    let after_date = order > 0 && {
        let before = &text[list[order - 1].range.clone()];
        let dated = values(before).iter().any(|value| value.kind == ValueKind::Date);
        dated && before.len() < 80
    };
    let ruled = piece.contains("____") || (order > 0 && text[list[order - 1].range.clone()].contains("____"));
    begins(piece) && (after_date || ruled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(text: &str, context: &str) -> Vec<Passage> {
        vec![Passage { page: 1, text: text.to_owned(), context: context.to_owned(), score: 0.8 }]
    }

    fn embedded(text: &str, context: &str) -> Vec<String> {
        let passages = passage(text, context);
        candidates(&Question::read("Qual a versão?"), &passages)
            .into_iter()
            .map(|c| c.text_to_embed)
            .collect()
    }

    #[test]
    fn rows_are_read_with_their_header() {
        assert_eq!(
            embedded("Componente | Versão\nTrilhoDB | 11.2\nLetreiro | 1.9", ""),
            ["Componente: TrilhoDB | Versão: 11.2", "Componente: Letreiro | Versão: 1.9"]
        );
    }

    #[test]
    fn the_middle_of_a_table_is_read_with_the_header_of_its_context() {
        assert_eq!(
            embedded("TrilhoDB | 11.2", "II - LISTA\nComponente | Versão"),
            ["Componente: TrilhoDB | Versão: 11.2"]
        );
    }

    #[test]
    fn what_overlapping_passages_share_is_one_candidate() {
        let twice = [passage("O prazo é de 60 dias. Há multa.", ""), passage("Há multa. Fim.", "")].concat();
        assert_eq!(candidates(&Question::read("Há multa?"), &twice).len(), 3);
    }

    #[test]
    fn the_name_behind_place_and_date_signs() {
        let passages = passage(
            "É o parecer.\nFlorianópolis, 5 de dezembro de 2024.\nIara Fontoura Bittencourt, consultora.",
            "",
        );
        let found = candidates(&Question::read("Quem assina?"), &passages);
        assert_eq!(found.iter().map(|c| c.facts.signature).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn candidates_are_bounded_and_the_relevant_ones_stay() {
        let text: String =
            (0..400).map(|n| format!("Item {n} sem nada.\n\n")).collect::<String>() + "A versão é 2.";
        let passages = passage(&text, "");
        let found = candidates(&Question::read("Qual a versão?"), &passages);
        assert_eq!(found.len(), CANDIDATES_MAX);
        assert_eq!(found.last().map(|c| c.text(&passages)), Some("A versão é 2."));
    }
}
