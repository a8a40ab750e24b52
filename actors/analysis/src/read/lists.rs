//! The records of a profile's lists: people, rows and clauses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::fields::Fields;
use super::find::{Asked, Candidate, Found, find, placed, same, whole};
use super::items::items;
use super::people::{Mention, People, matches};
use super::rows::rows;
use super::{Document, Text, grid};
use crate::profile::{Column, List, Of, Type};
use crate::scan::pattern;
use crate::text::{Span, fold};

/// Records of a list at most: a document with more is no document of this kind.
const RECORDS_MAX: usize = 2_000;

/// One record: its values by column.
pub(crate) type Record = BTreeMap<String, Found>;

/// The records of each list, by its pointer.
pub(crate) type Lists = BTreeMap<String, Vec<Record>>;

/// Under which a record keeps the mark of its clause, as `a` or `4.2`; no column is called so.
pub(crate) const MARK: &str = "#mark";

/// Reads every list of the profile.
pub(crate) fn read(document: &Document<'_>, people: &People, fields: &mut Fields, lists: &[List]) -> Lists {
    let mut all = Lists::new();
    for list in lists {
        let (mut records, total) = match list.of {
            Of::Person => (persons(document, people, fields, list), None),
            Of::Item => things(document, fields, list),
        };
        records.truncate(RECORDS_MAX);
        if let (Some((_, field)), Some(total)) = (&list.total, total) {
            fields.entry(field.clone()).or_insert(total);
        }
        all.insert(list.at.clone(), records);
    }
    all
}

fn asked(column: &Column) -> Asked<'_> {
    Asked { kind: column.kind, choices: &column.choices, clean: &column.clean }
}

/// The first value that a column's rules find in `range`.
fn by_rules(
    document: &Document<'_>,
    text: &Text,
    range: &Span,
    column: &Column,
    here: bool,
) -> Option<Found> {
    column.find.iter().find_map(|rule| {
        find(text, document.pages, range, asked(column), rule, |at| {
            !here || document.within(at, &rule.section)
        })
        .into_iter()
        .next()
    })
}

// People.

fn persons(document: &Document<'_>, people: &People, fields: &Fields, list: &List) -> Vec<Record> {
    let excluded: Vec<String> = list
        .except_fields
        .iter()
        .filter_map(|at| fields.get(at).and_then(|found| found.value.as_str()).map(fold))
        .collect();
    let mut records = person_rows(document, list, &excluded);
    for mention in people.iter() {
        let named = fold(&mention.name);
        if excluded.contains(&named) || mention.nested && !list.when.iter().any(|when| when.lead.is_some()) {
            continue;
        }
        let rule = list
            .when
            .iter()
            .position(|when| (!mention.nested || when.lead.is_some()) && matches(document, mention, when));
        let Some(rule) = rule else { continue };
        if list.except.iter().any(|except| matches(document, mention, except)) {
            continue;
        }
        let known = records.iter().any(|record| names(record, &list.key, &mention.name));
        if !known && let Some(record) = person(document, people, list, mention, rule) {
            records.push(record);
        }
    }
    records
}

fn names(record: &Record, key: &str, name: &str) -> bool {
    record.get(key).and_then(|found| found.value.as_str()).is_some_and(|known| fold(known) == fold(name))
}

fn person(
    document: &Document<'_>,
    people: &People,
    list: &List,
    mention: &Mention,
    rule: usize,
) -> Option<Record> {
    let text = &document.text;
    let mut record = Record::new();
    let place = crate::text::Place::of(&text.flow, document.pages, &mention.span)?;
    let weight = (0.97 - 0.03 * rule as f32).max(0.7);
    let value = best_spelling(people, mention).into();
    record.insert(
        list.key.clone(),
        Found { value, span: mention.span.clone(), place, weight, flags: Vec::new() },
    );
    // What is said where the person was recognised counts first, then other mentions.
    let others: Vec<&Mention> =
        people.named(&mention.name).filter(|other| other.span != mention.span).collect();
    for column in list.column.iter().filter(|column| column.key != list.key) {
        let found = std::iter::once(mention).chain(others.iter().copied()).find_map(|mention| {
            let range = if column.wide { mention.wide.clone() } else { mention.own.clone() };
            by_rules(document, text, &range, column, true)
                .or_else(|| past_others(document, people, mention, column))
        });
        let found = found.or_else(|| {
            column
                .wide
                .then(|| by_rules(document, text, &mention.lead, column, true))
                .flatten()
                .filter(|_| column.kind == Type::Choice)
        });
        let found = found.or_else(|| by_group(document, mention, column));
        if let Some(found) = found {
            record.insert(column.key.clone(), found);
        }
    }
    any(&record, list).then_some(record)
}

/// What is said of a person after another was named for that one's sake.
fn past_others(
    document: &Document<'_>,
    people: &People,
    mention: &Mention,
    column: &Column,
) -> Option<Found> {
    if !matches!(column.kind, Type::Cpf) || mention.nested {
        return None;
    }
    column.find.iter().find_map(|rule| {
        let found = find(&document.text, document.pages, &mention.wide, asked(column), rule, |at| {
            document.within(at, &rule.section) && !people.speaks_of_another(document, mention, at)
        });
        found.into_iter().next()
    })
}

/// What the plural before an enumeration makes of a person: of "filhos", a man is a "filho".
fn by_group(document: &Document<'_>, mention: &Mention, column: &Column) -> Option<Found> {
    static WOMAN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b(?:brasileira|casada|solteira|viuva|divorciada|separada|inscrita|nascida|domiciliada|portadora)\b",
        )
    });
    static MAN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b(?:brasileiro|casado|solteiro|viuvo|divorciado|separado|inscrito|nascido|domiciliado|portador)\b",
        )
    });
    let text = &document.text;
    let own = text.folded(mention.own.clone());
    let first = |pattern: &Regex| pattern.find(own).map_or(usize::MAX, |hit| hit.start());
    let (woman, man) = (first(&WOMAN), first(&MAN));
    if woman == man {
        return None;
    }
    let spans = std::iter::once(&mention.lead).chain(&mention.groups);
    spans.into_iter().find_map(|group| {
        column.group_choices.iter().find_map(|choice| {
            let hit = choice.find.find(text.folded(group.clone()))?;
            let span = group.start + hit.start..group.start + hit.end;
            let value = if woman < man { &choice.feminine } else { &choice.masculine };
            let one = Candidate { span, value: value.as_str().into(), flags: vec!["derived"] };
            placed(text, document.pages, one, 0.7)
        })
    })
}

/// The name with the case that a person writes, where one mention has it.
fn best_spelling(people: &People, mention: &Mention) -> String {
    people
        .named(&mention.name)
        .map(|other| other.name.as_str())
        .find(|name| *name != mention.name)
        .unwrap_or(&mention.name)
        .to_owned()
}

fn person_rows(document: &Document<'_>, list: &List, excluded: &[String]) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for grid in grid::grids(document.pages, &list.key, &list.column) {
        for row in rows(document.pages, &grid) {
            let record = from_row(document, &list.column, &row);
            let name = record.get(&list.key).and_then(|found| found.value.as_str()).map(fold);
            let Some(name) = name else { continue };
            if !excluded.contains(&name)
                && any(&record, list)
                && !records.iter().any(|known| names(known, &list.key, &name))
            {
                records.push(record);
            }
        }
    }
    records
}

fn any(record: &Record, list: &List) -> bool {
    list.any.is_empty() || list.any.iter().any(|key| record.contains_key(key))
}

// Rows and clauses.

/// The values of a table's row.
pub(crate) fn from_row(document: &Document<'_>, columns: &[Column], row: &super::rows::Row) -> Record {
    let mut record = Record::new();
    let all = row.text.all();
    for column in columns {
        let cell = row.cells.iter().find(|(key, _)| key.as_deref() == Some(column.key.as_str()));
        let found = match cell {
            Some((_, cell)) if cell.is_empty() => None,
            Some((_, cell)) => whole(&row.text, cell, asked(column))
                .and_then(|one| placed(&row.text, document.pages, one, 0.95)),
            None => None,
        };
        // A cell that the head names is believed; else the rules look in the whole row.
        let found = found.or_else(|| match (cell, column.kind) {
            (Some(_), Type::Money | Type::Number | Type::Percent) => None,
            _ => by_rules(document, &row.text, &all, column, false),
        });
        if let Some(found) = found {
            record.insert(column.key.clone(), found);
        }
    }
    record
}

/// The records, and the total that a row of a table gives.
fn things(document: &Document<'_>, fields: &Fields, list: &List) -> (Vec<Record>, Option<Found>) {
    let mut records: Vec<Record> = Vec::new();
    // What an agenda calls an item, for the vote that names only its number.
    let mut named: BTreeMap<String, Found> = BTreeMap::new();
    let excluded: Vec<&serde_json::Value> =
        list.except_fields.iter().filter_map(|at| fields.get(at)).map(|found| &found.value).collect();
    let mut push = |mut record: Record, told: bool| {
        if !record.contains_key(&list.key)
            && let Some(name) = list.key_from.iter().find_map(|key| record.get(key))
        {
            record.insert(list.key.clone(), name.clone());
        }
        let own = record.values().all(|found| !excluded.iter().any(|other| same(other, &found.value)));
        if !record.contains_key(&list.key) || !(told || any(&record, list)) || !own {
            return;
        }
        let known = records.iter_mut().find(|known| {
            list.same_by
                .iter()
                .any(|key| known.get(key).zip(record.get(key)).is_some_and(|(a, b)| same(&a.value, &b.value)))
        });
        match known {
            // The first mention counts; later ones fill what it left out.
            Some(known) => {
                for (key, found) in record {
                    known.entry(key).or_insert(found);
                }
            }
            None => records.push(record),
        }
    };
    let mut total: Option<Found> = None;
    let tables = grid::grids(document.pages, &list.key, &list.column);
    for grid in &tables {
        let opening = opening_of(document, grid);
        for row in rows(document.pages, grid) {
            let text = row.text.flow.folded.trim();
            if list.total_row.as_ref().is_some_and(|sum| sum.is_in(text)) {
                let cell = |key: &str| from_row(document, &list.column, &row).remove(key);
                total = total.or_else(|| list.total.as_ref().and_then(|(key, _)| cell(key)));
            } else if belongs(list, text, &opening) {
                // A row whose cells are there but cannot be read is a record all the same.
                let filled = row.cells.iter().filter(|(_, cell)| cell.len() > 1).count();
                push(
                    from_row(document, &list.column, &row),
                    filled >= 3 && filled * 4 >= row.cells.len() * 3,
                );
            }
        }
    }
    if list.clauses {
        for item in items(document, list, &tables) {
            let text = document.text.folded(item.span.clone());
            if !belongs(list, text, document.text.folded(item.opening.clone())) {
                continue;
            }
            let mut record = Record::new();
            for column in &list.column {
                if let Some(found) = by_rules(document, &document.text, &item.span, column, true) {
                    record.insert(column.key.clone(), found);
                }
            }
            for column in list.column.iter().filter(|column| list.inherit.contains(&column.key)) {
                if !record.contains_key(&column.key) && item.mark.is_some() && !item.opening.is_empty() {
                    let found = by_rules(document, &document.text, &item.opening, column, true);
                    record.extend(found.map(|found| (column.key.clone(), found)));
                }
            }
            if let Some(mark) = &item.mark {
                let label =
                    Candidate { span: item.span.clone(), value: mark.as_str().into(), flags: Vec::new() };
                record.extend(
                    placed(&document.text, document.pages, label, 1.0).map(|label| (MARK.to_owned(), label)),
                );
                if let (true, Some(name)) = (list.agenda, record.get(&list.key))
                    && !any(&record, list)
                {
                    named.entry(mark.clone()).or_insert_with(|| name.clone());
                }
                if let (true, Some(name)) = (list.agenda && !record.contains_key(&list.key), named.get(mark))
                {
                    record.insert(list.key.clone(), name.clone());
                }
            }
            let told = list.any_in_clause.is_empty()
                || list.any_in_clause.iter().any(|key| record.contains_key(key));
            if told {
                push(record, false);
            }
        }
    }
    (records, total)
}

/// The sentence before a table, which may say what all of its rows are.
fn opening_of(document: &Document<'_>, grid: &grid::Grid) -> String {
    let at = document.text.flow.at(grid.page, grid.head_at);
    let before = document.text.folded(at.saturating_sub(300)..at).trim_end().to_owned();
    before.rsplit(['\n', '.']).next().unwrap_or("").to_owned()
}

fn belongs(list: &List, text: &str, opening: &str) -> bool {
    let refused = list.refuse.as_ref().is_some_and(|refuse| refuse.is_in(text));
    let required = list.require.as_ref().is_none_or(|require| {
        require.is_in(text)
            || require.is_in(opening)
                && !list.refuse_inherited.as_ref().is_some_and(|other| other.is_in(text))
    });
    required && !refused
}
