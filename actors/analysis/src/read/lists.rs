//! The records of a profile's lists: people, rows and clauses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::clauses::{mark, pronounced, references, refers};
use super::fields::Fields;
use super::find::{Asked, Candidate, Found, find, placed, same, whole};
use super::items::{Item, items};
use super::people::{Mention, People, matches};
use super::rows::rows;
use super::{Document, Text, grid};
use crate::profile::{Column, Find, List, Of, Type, UnderAge};
use crate::scan::{Kind, pattern, woman_by_name};
use crate::text::{Span, fold};

/// Cells that a clause may have beside its first; more are a row's.
const CELLS_MAX: usize = 3;

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
            Of::Item => things(document, fields, list, &all),
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
    Asked { kind: column.kind, choices: &column.choices, clean: &column.clean, in_order: column.in_order }
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
        find(text, document.pages, range, asked(column), rule, |at| !here || document.stands(at, rule))
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
    let mut records = person_rows(document, fields, list, &excluded);
    for mention in people.iter() {
        let named = fold(&mention.name);
        // A spouse who has a half of her own may inherit too.
        let also = list.except_but.as_ref().is_some_and(|but| {
            let text = &document.text;
            but.is_in(text.folded(mention.lead.clone())) || but.is_in(text.folded(mention.own.clone()))
        });
        if excluded.contains(&named) && !also
            || mention.nested && !list.when.iter().any(|when| when.lead.is_some())
        {
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
        if !known && let Some(record) = person(document, people, fields, list, mention, rule) {
            records.push(record);
        }
    }
    by_first_names(document, people, fields, list, &excluded, &mut records);
    by_count(document, people, list, &mut records);
    if let [only] = records.as_mut_slice() {
        for column in &list.column {
            let known = only.contains_key(&column.key);
            let found = (!known).then(|| first_of(document, column, &column.only)).flatten();
            only.extend(found.map(|found| (column.key.clone(), found)));
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
    fields: &Fields,
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
        // What the plural just before says is surer than what stands further off.
        let near = column.find.first().filter(|_| !column.group_choices.is_empty()).and_then(|rule| {
            find(text, document.pages, &mention.own, asked(column), rule, |_| true).into_iter().next()
        });
        let found = near.or_else(|| by_role(document, mention, column));
        if let Some(found) = found {
            record.insert(column.key.clone(), found);
            continue;
        }
        let found = std::iter::once(mention).chain(others.iter().copied()).find_map(|mention| {
            let range = if column.wide { mention.wide.clone() } else { mention.own.clone() };
            by_rules(document, text, &range, column, true)
                .or_else(|| past_others(document, people, mention, column))
        });
        // "A filha Ana Lima": what leads to the name, here or where it stands again.
        let found = found.or_else(|| {
            // "Representada por sua mãe, Ana Lima" says what she is to another.
            let own = others.iter().copied().filter(|other| !other.nested);
            std::iter::once(mention).chain(own).find_map(|mention| {
                column.lead.iter().find_map(|rule| {
                    let all = find(text, document.pages, &mention.lead, asked(column), rule, |_| true);
                    all.into_iter().next_back()
                })
            })
        });
        let found = found.or_else(|| {
            column
                .wide
                .then(|| by_rules(document, text, &mention.lead, column, true))
                .flatten()
                .filter(|_| column.kind == Type::Choice)
        });
        let found = found.or_else(|| by_group(document, mention, column));
        // "Dois filhos, Ana Lima e Rui Lima": where the person is named again.
        let found = found.or_else(|| others.iter().find_map(|other| by_role(document, other, column)));
        if let Some(found) = found {
            record.insert(column.key.clone(), found);
        }
    }
    if let Some((key, found)) = under_age(document, fields, list, mention, &others)
        && !record.contains_key(&key)
    {
        record.insert(key, found);
    }
    any(&record, list).then_some(record)
}

/// Whether a person is under age by the date of birth.
fn under_age(
    document: &Document<'_>,
    fields: &Fields,
    list: &List,
    mention: &Mention,
    others: &[&Mention],
) -> Option<(String, Found)> {
    let rule = list.under_age.as_ref()?;
    let at = fields.get(&rule.at)?.value.as_str()?;
    std::iter::once(mention).chain(others.iter().copied()).find_map(|mention| {
        let found = born(document, &document.text, &mention.own, rule, at)?;
        Some((rule.key.clone(), found))
    })
}

/// The date of birth in a stretch of text, where it makes a person under age at another date.
fn born(document: &Document<'_>, text: &Text, range: &Span, rule: &UnderAge, at: &str) -> Option<Found> {
    let date = text
        .of_kind(Kind::Date, range)
        .find(|date| rule.born.ends(text.folded(range.start..date.span.start), 0))?;
    let order = |date: &str| -> Option<(u32, u32, u32)> {
        let mut parts = date.split('/').map(|part| part.parse().ok());
        let (day, month, year) = (parts.next()??, parts.next()??, parts.next()??);
        Some((year, month, day))
    };
    let (birth, now) = (order(date.text())?, order(at)?);
    let of_age = (birth.0 + rule.years, birth.1, birth.2);
    let one = Candidate { span: date.span.clone(), value: true.into(), flags: vec!["derived"] };
    (birth < now && now < of_age).then(|| placed(text, document.pages, one, 0.85)).flatten()
}

/// What the words before an enumeration make of each person of it.
fn by_role(document: &Document<'_>, mention: &Mention, column: &Column) -> Option<Found> {
    group_choice(document, mention, column, mention.role.as_slice())
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
            document.stands(at, rule) && !people.speaks_of_another(document, mention, at)
        });
        found.into_iter().next()
    })
}

/// Letters behind "deixou dois filhos," that may name them.
const CALLED_MAX: usize = 160;

/// "Deixou dois filhos, Ana e Rui, já qualificados": persons who are called by their first names where others of the
/// list would be named.
fn by_first_names(
    document: &Document<'_>,
    people: &People,
    fields: &Fields,
    list: &List,
    excluded: &[String],
    records: &mut Vec<Record>,
) {
    let (text, Some(called)) = (&document.text, &list.called) else { return };
    let first = |name: &str| fold(name).split(' ').next().unwrap_or("").to_owned();
    let hits: Vec<Span> = called.find_all(text.folded(text.all())).collect();
    for hit in hits {
        let rest = text.folded(hit.end..hit.end + CALLED_MAX);
        let length = rest.find(['.', ';', ':', '\n', '(']).unwrap_or(rest.len());
        let from = text.tokens.partition_point(|token| token.span.start < hit.end);
        let tokens = text.tokens.get(from..).unwrap_or(&[]).iter();
        let tokens = tokens.take_while(|token| token.span.end <= hit.end + length);
        // The names follow at once.
        let called = tokens.take_while(|token| token.capital || matches!(token.folded.as_str(), "e" | ","));
        for token in called.filter(|token| token.capital) {
            let mut fitting = people.iter().filter(|one| !one.nested && first(&one.name) == token.folded);
            let Some(mention) = fitting.next() else { continue };
            let name = fold(&mention.name);
            let alone = fitting.all(|other| fold(&other.name) == name);
            let whole =
                people.iter().any(|one| one.span.start <= token.span.start && token.span.end <= one.span.end);
            if !alone || whole || excluded.contains(&name) {
                continue;
            }
            let at = records.iter().position(|record| names(record, &list.key, &name));
            let mut record = match at {
                Some(at) => records.swap_remove(at),
                None => match person(document, people, fields, list, mention, list.when.len()) {
                    Some(record) => record,
                    None => continue,
                },
            };
            for column in list.column.iter().filter(|column| !record.contains_key(&column.key)) {
                let found = group_choice(document, mention, column, std::slice::from_ref(&hit));
                if let Some(found) = found {
                    record.insert(column.key.clone(), found);
                    break;
                }
            }
            match at {
                Some(at) => {
                    records.push(record);
                    let last = records.len() - 1;
                    records.swap(at, last);
                }
                None => records.push(record),
            }
        }
    }
}

/// "Deixou dois filhos, seus únicos herdeiros": what that makes of each, where there are as many.
fn by_count(document: &Document<'_>, people: &People, list: &List, records: &mut [Record]) {
    let text = &document.text;
    for column in &list.column {
        let Some(counted) = &column.counted else { continue };
        let nobody = records.iter().all(|record| !record.contains_key(&column.key));
        let told = counted.hits(text.folded(text.all())).find_map(|hit| {
            // "Ana e Rui, filhos do falecido" is said of all of them.
            let Some(number) = hit.value.clone() else { return nobody.then_some(hit.all) };
            let count = crate::scan::spelled(text.folded(number).split_whitespace())?;
            (usize::try_from(count).ok()? == records.len()).then_some(hit.all)
        });
        let Some(span) = told else { continue };
        for record in records.iter_mut().filter(|record| !record.contains_key(&column.key)) {
            let name = record.get(&list.key).and_then(|found| found.value.as_str());
            let Some(mention) = name.and_then(|name| people.named(name).next()) else { continue };
            let found = group_choice(document, mention, column, std::slice::from_ref(&span));
            record.extend(found.map(|found| (column.key.clone(), found)));
        }
    }
}

/// What the plural before an enumeration makes of a person: of "filhos", a man is a "filho".
fn by_group(document: &Document<'_>, mention: &Mention, column: &Column) -> Option<Found> {
    let spans: Vec<Span> = std::iter::once(&mention.lead).chain(&mention.groups).cloned().collect();
    group_choice(document, mention, column, &spans)
}

/// The choice of a column for a person of a group that one of `spans` names.
fn group_choice(
    document: &Document<'_>,
    mention: &Mention,
    column: &Column,
    spans: &[Span],
) -> Option<Found> {
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
    let woman_first = if woman == man { woman_by_name(&fold(&mention.name))? } else { woman < man };
    spans.iter().find_map(|group| {
        column.group_choices.iter().find_map(|choice| {
            let hit = choice.find.find(text.folded(group.clone()))?;
            let span = group.start + hit.start..group.start + hit.end;
            let value = if woman_first { &choice.feminine } else { &choice.masculine };
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

fn person_rows(document: &Document<'_>, fields: &Fields, list: &List, excluded: &[String]) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for grid in grid::grids(document.pages, &[&list.key], &grid::heads(&list.column)) {
        for row in rows(document.pages, &grid) {
            if list.refuse.as_ref().is_some_and(|refuse| refuse.is_in(&row.text.flow.folded)) {
                continue;
            }
            let mut record = from_row(document, &list.column, &row);
            if let Some(rule) = &list.under_age
                && !record.contains_key(&rule.key)
                && let Some(at) = fields.get(&rule.at).and_then(|found| found.value.as_str())
            {
                let found = born(document, &row.text, &row.text.all(), rule, at);
                record.extend(found.map(|found| (rule.key.clone(), found)));
            }
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
            // A cell may say more than this column's value: "Ag. 0001 Conta 118.254-0".
            Some((_, cell)) if column.in_cell => {
                by_rules(document, &row.text, cell, column, false).or_else(|| {
                    whole(&row.text, cell, asked(column))
                        .and_then(|one| placed(&row.text, document.pages, one, 0.95))
                })
            }
            Some((_, cell)) => whole(&row.text, &with_kind(row, column, cell), asked(column))
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

/// A cell with the one before it that says what the thing is, where the cell itself does not.
fn with_kind(row: &super::rows::Row, column: &Column, cell: &Span) -> Span {
    let kind = row.cells.iter().find(|(key, _)| key.is_some() && *key == column.with_cell);
    let Some((_, kind)) = kind.filter(|(_, kind)| !kind.is_empty() && kind.end + 1 == cell.start) else {
        return cell.clone();
    };
    let (said, own) = (row.text.folded(kind.clone()), row.text.folded(cell.clone()));
    let first = said.split_whitespace().next().unwrap_or("");
    if first.len() < 2 || own.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == first) {
        return cell.clone();
    }
    kind.start..cell.end
}

/// The records, and the total that a row of a table gives.
fn things(
    document: &Document<'_>,
    fields: &Fields,
    list: &List,
    lists: &Lists,
) -> (Vec<Record>, Option<Found>) {
    let beside = list.beside.as_ref().and_then(|at| lists.get(at)).map_or(&[][..], |records| records);
    let taken = taken(document, beside);
    let mut persons = names_of(&list.without, fields, lists);
    persons.sort_by(|a, b| (b.len(), a).cmp(&(a.len(), b)));
    persons.dedup();
    let names_one = |text: &str| shares_out(text, &persons);
    let mut records: Vec<Record> = Vec::new();
    // Rows that name an item and do not tell its outcome.
    let mut untold: Vec<Record> = Vec::new();
    // What an agenda calls an item, for the vote that names only its number.
    let mut named: Vec<(String, Found)> = Vec::new();
    // What was said of the items of a table behind it.
    let mut later: Vec<Record> = Vec::new();
    // What was said of items before their outcome was pronounced by their marks.
    let mut pending: BTreeMap<String, Record> = BTreeMap::new();
    let excluded: Vec<&serde_json::Value> =
        list.except_fields.iter().filter_map(|at| fields.get(at)).map(|found| &found.value).collect();
    let mut push = |mut record: Record, told: bool, only_known: bool| {
        if !record.contains_key(&list.key)
            && let Some(name) = list.key_from.iter().find_map(|key| record.get(key))
        {
            record.insert(list.key.clone(), name.clone());
        }
        let own = record.values().all(|found| !excluded.iter().any(|other| same(other, &found.value)));
        if !record.contains_key(&list.key) || !(told || any(&record, list)) || !own {
            return false;
        }
        // What another list has is no record of this one, wherever it is said again.
        if beside.iter().any(|other| alike(list, other, &record)) {
            return false;
        }
        // Two things may have one number, as an account and what is kept in it.
        let known = records.iter_mut().find(|known| {
            alike(list, known, &record) && !(list.beside.is_some() && differ(list, known, &record))
        });
        match known {
            // The first mention counts; later ones fill what it left out.
            Some(known) => {
                for (key, found) in record {
                    known.entry(key).or_insert(found);
                }
            }
            None if only_known => return false,
            None => records.push(record),
        }
        true
    };
    let mut some = false;
    // Records that tables gave.
    let mut rows_read = 0;
    // Whether the clause before was one of the list's.
    let mut last = false;
    let mut total: Option<Found> = None;
    let keys: Vec<&str> = std::iter::once(&list.key).chain(&list.key_from).map(String::as_str).collect();
    let heads = grid::heads(&list.column);
    let against = |text: &str, used: &[String], again: bool| {
        let asked = list.instead.as_ref().filter(|instead| !again && instead.heads.heads(text));
        let free = asked.is_some() && !used.iter().any(|key| key == AGAINST);
        heads(text, used, again).or_else(|| free.then(|| AGAINST.to_owned()))
    };
    let tables = grid::grids(document.pages, &keys, &against);
    let elsewhere = |grid: &grid::Grid| {
        let at = document.text.flow.at(grid.page, grid.head_at);
        !list.not_section.is_empty() && document.within(at, &list.not_section)
    };
    // The marks of the rows that were read.
    let mut row_marks: Vec<String> = Vec::new();
    // Tables of other sections are read where nothing else tells anything.
    for other in [false, true] {
        if other && some {
            break;
        }
        for grid in tables.iter().filter(|grid| elsewhere(grid) == other) {
            let opening = opening_of(document, grid);
            let product = by_product(document, list, grid);
            let all_rows = rows(document.pages, product.as_ref().unwrap_or(grid));
            // A table that shares things out names them, and gives what a part of each is worth.
            let sharing = all_rows.iter().filter(|row| names_one(row.text.flow.folded.trim())).count();
            let shared = if other { sharing > 0 } else { sharing * 2 > all_rows.len() };
            let labels = row_labels(&all_rows);
            // A table that another list has read, or that shares things out, has no total of this list.
            let foreign = list.beside.is_some()
                && (other || shared || grid.rows.iter().any(|words| row_taken(grid.page, words, &taken)));
            for (at, row) in all_rows.into_iter().enumerate() {
                if grid.rows.get(at).is_some_and(|words| row_taken(grid.page, words, &taken)) {
                    continue;
                }
                let text = row.text.flow.folded.trim();
                if list.total_row.as_ref().is_some_and(|sum| sum.is_in(text) || sum.is_in(first_words(&row)))
                {
                    let cell = |key: &str| from_row(document, &list.column, &row).remove(key);
                    if list.part_row.as_ref().is_some_and(|part| part.is_in(first_words(&row))) {
                        continue;
                    }
                    // The total of a part of them is not that of all.
                    let partial =
                        list.part_of.as_ref().is_some_and(|part| part.is_in(text) || part.is_in(&opening));
                    let said = || list.total.as_ref().and_then(|(key, _)| cell(key));
                    total = total.or_else(|| said().filter(|_| !partial && !foreign));
                } else if belongs(list, text, &opening)
                    && filled_in(list, &row)
                    && (!names_one(text) || shared && list.beside.is_none())
                {
                    // A row whose cells are there but cannot be read is a record all the same.
                    let filled = row.cells.iter().filter(|(_, cell)| cell.len() > 1).count();
                    let mut record = from_row(document, &list.column, &row);
                    // "(ii)" alone calls an item and does not say what it is about: the text does.
                    let key = row.cells.iter().find(|(key, _)| key.as_ref() == Some(&list.key));
                    if list.agenda && key.is_some_and(|(_, cell)| only_mark(row.text.folded(cell.clone()))) {
                        record.remove(&list.key);
                    }
                    record.extend(decided(document, list, &record, &row));
                    if shared {
                        without_money(list, &mut record);
                    }
                    if let Some(number) = labels.get(at).cloned().flatten() {
                        let span = row.cells.first().map_or(0..0, |(_, cell)| cell.clone());
                        let span = if span.is_empty() { row.text.all() } else { span };
                        let label = Candidate { span, value: number.into(), flags: Vec::new() };
                        record.extend(
                            placed(&row.text, document.pages, label, 1.0)
                                .map(|label| (MARK.to_owned(), label)),
                        );
                    }
                    if let Some(label) = record.get(&list.key).filter(|_| list.agenda) {
                        let key = row.cells.iter().find(|(key, _)| key.as_ref() == Some(&list.key));
                        let own = key.and_then(|(_, cell)| mark(row.text.folded(cell.clone())));
                        if let Some((own, _)) = own {
                            named.push((own.clone(), label.clone()));
                            row_marks.push(own);
                        }
                    }
                    // An item without an outcome is none: the text may tell it.
                    if list.agenda && !any(&record, list) {
                        untold.push(record);
                        continue;
                    }
                    let number = record.get(MARK).and_then(|mark| mark.value.as_str().map(str::to_owned));
                    let told =
                        push(record, shared || filled >= 3 && filled * 4 >= row.cells.len() * 3, false);
                    row_marks.extend(number.filter(|_| list.agenda && told));
                    rows_read += usize::from(told);
                    some |= told;
                }
            }
        }
        if other {
            break;
        }
        let only_known = list.tables_whole && rows_read > 1;
        // Where the sections that are known tell nothing, the outcomes stand under a heading that is not.
        for whole in [false, true] {
            if !list.clauses || whole && (some || list.anywhere.is_none()) {
                break;
            }
            let all = items(document, list, &tables, whole);
            let aside = list.aside.as_ref().filter(|aside| {
                let said = |item: &Item| {
                    document.within(item.span.start, &aside.section)
                        && aside.find.is_in(document.text.folded(item.span.clone()))
                };
                !all.iter().any(said)
            });
            for item in all.iter().filter(|item| !taken.iter().any(|one| item.span.contains(&one.at))) {
                let text = document.text.folded(item.span.clone());
                // A row of a table that could not be rebuilt is no sentence.
                if list.agenda && text.matches('\t').count() >= CELLS_MAX {
                    last = false;
                    continue;
                }
                if aside.is_some_and(|aside| aside.find.is_in(text)) {
                    last = false;
                    continue;
                }
                let again = last && list.again.as_ref().is_some_and(|again| again.is_in(text));
                last = belongs(list, text, document.text.folded(item.opening.clone()))
                    || again && !list.refuse.as_ref().is_some_and(|refuse| refuse.is_in(text));
                // A row of a partition names a thing, and tells what a part of it is worth.
                let row_of_shares = list.beside.is_none()
                    && text.contains('%')
                    && text.matches('\t').count() >= CELLS_MAX
                    && !list.not_section.is_empty()
                    && document.within(item.span.start, &list.not_section);
                last &= !names_one(text) || row_of_shares;
                if !last {
                    continue;
                }
                if let Some(records) = pronounced_of(document, list, item, &pending) {
                    for record in records {
                        some |= push(record, false, only_known);
                    }
                    continue;
                }
                let several = called(list, text).filter(|several| speaks_of(several, item, &named));
                if let Some(several) = several.filter(|_| !tells_its_own(list, item, text, &named)) {
                    for record in of_agenda(document, list, item, several, &named) {
                        some |= push(record, false, only_known);
                    }
                    continue;
                }
                let mut record = Record::new();
                for column in &list.column {
                    // The mark is not of the name, and "5)" counts nothing.
                    let marked = mark(text).map_or(0, |(_, length)| length);
                    let bracketed = text.get(..marked).is_some_and(|mark| mark.contains(')'));
                    let skip = if column.key == list.key || bracketed { marked } else { 0 };
                    let range = item.span.start + skip..item.span.end;
                    if let Some(found) = by_rules(document, &document.text, &range, column, true) {
                        record.insert(column.key.clone(), found);
                    }
                }
                for column in list.column.iter().filter(|column| list.inherit.contains(&column.key)) {
                    if !record.contains_key(&column.key) && item.mark.is_some() && !item.opening.is_empty() {
                        let found = by_rules(document, &document.text, &item.opening, column, true);
                        record.extend(found.map(|found| (column.key.clone(), found)));
                    }
                }
                for column in list.column.iter().filter(|column| column.kind == Type::Money) {
                    if let (false, Some(tail)) = (record.contains_key(&column.key), &item.tail) {
                        let found = by_rules(document, &document.text, tail, column, true);
                        record.extend(found.map(|found| (column.key.clone(), found)));
                    }
                }
                if row_of_shares {
                    without_money(list, &mut record);
                }
                record.extend(multiplied(document, list, &record, item));
                record.extend(voted_down(document, list, &record, &item.span));
                if let Some(mark) = &item.mark {
                    record.extend(marked(document, &item.span, mark));
                    if let (true, Some(name)) = (list.agenda, record.get(&list.key))
                        && !any(&record, list)
                        && !named.iter().any(|(known, _)| known == mark)
                    {
                        named.push((mark.clone(), name.clone()));
                    }
                    // "Materia II. Houve debate. Ficou rejeitada": what it is, the agenda says.
                    if let (true, Some((_, name))) = (
                        list.agenda && (!record.contains_key(&list.key) || refers(text)),
                        named.iter().find(|(known, _)| known == mark),
                    ) {
                        record.insert(list.key.clone(), name.clone());
                    }
                }
                if let (true, Some(mark)) = (list.agenda && !any(&record, list), &item.mark) {
                    let more = list.inherit.iter().any(|key| record.contains_key(key));
                    if record.contains_key(&list.key) && (more || !pending.contains_key(mark)) {
                        pending.insert(mark.clone(), record.clone());
                    }
                }
                let told = list.any_in_clause.is_empty()
                    || list.any_in_clause.iter().any(|key| record.contains_key(key));
                if told {
                    // What a row told is told again, and is no further item.
                    let again = item.mark.as_ref().is_some_and(|mark| row_marks.contains(mark));
                    if again {
                        later.push(record.clone());
                    }
                    some |= push(record, row_of_shares, only_known || again);
                }
            }
        }
    }
    for record in &mut records {
        let asked = |record: &Record| record.get(MARK).map(|mark| mark.value.clone());
        let told = later.iter().map(|one| (one, true));
        for (other, behind) in pending.values().chain(&untold).map(|one| (one, false)).chain(told) {
            let marked = asked(record).is_some_and(|mark| asked(other) == Some(mark));
            let names = record.get(&list.key).zip(other.get(&list.key));
            let named = names.is_some_and(|(name, called)| {
                same(&name.value, &called.value) || marked && akin(&name.value, &called.value)
            });
            if behind && marked || named {
                for key in &list.from_agenda {
                    if let (false, Some(found)) = (record.contains_key(key), other.get(key)) {
                        record.insert(key.clone(), found.clone());
                    }
                }
            }
        }
    }
    for column in list.column.iter().filter(|column| !column.common.is_empty()) {
        let common = first_of(document, column, &column.common);
        for record in &mut records {
            let takes = column.common_with.is_empty()
                || column.common_with.iter().any(|key| record.contains_key(key));
            if let (Some(found), true) = (&common, takes) {
                record.entry(column.key.clone()).or_insert_with(|| found.clone());
            }
        }
    }
    (records, total)
}

/// Names, as they are matched.
fn names_of(pointers: &[String], fields: &Fields, lists: &Lists) -> Vec<String> {
    let single = pointers.iter().filter_map(|at| fields.get(at));
    let records = pointers.iter().filter_map(|at| lists.get(at)).flatten();
    let named = records.filter_map(|record| record.get("nome"));
    single.chain(named).filter_map(|found| found.value.as_str().map(fold)).collect()
}

/// Whether a text gives what it describes to persons, and not only says whose wife bought it: it names two of them, or one
/// behind a colon or with a part. `persons` are the longest first, each once.
fn shares_out(text: &str, persons: &[String]) -> bool {
    let mut left = text.to_owned();
    let mut named: Vec<usize> = Vec::new();
    for name in persons.iter().filter(|name| !name.is_empty()) {
        let edge = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_alphanumeric());
        let found = left.match_indices(name.as_str()).map(|(at, _)| at).find(|at| {
            let (before, after) = (left.get(..*at), left.get(at + name.len()..));
            edge(before.and_then(|text| text.chars().next_back()))
                && edge(after.and_then(|text| text.chars().next()))
        });
        if let Some(at) = found {
            // A shorter name that is a part of it names nobody else here.
            left = left.replace(name.as_str(), &" ".repeat(name.len()));
            named.push(at);
        }
    }
    let given = |at: &usize| {
        text.contains('%') || text.get(..*at).is_some_and(|before| before.trim_end().ends_with([':', '-']))
    };
    named.len() > 1 || named.iter().any(given)
}

/// Takes what a record says of money, where that is said of a part.
fn without_money(list: &List, record: &mut Record) {
    for column in list.column.iter().filter(|column| column.kind == Type::Money) {
        record.remove(&column.key);
    }
}

/// Whether a cell holds a letter or a Roman number and nothing else: "(ii)", "b)".
fn only_mark(cell: &str) -> bool {
    let label = cell.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let letter = label.len() == 1 && label.bytes().all(|byte| byte.is_ascii_lowercase());
    letter || !label.is_empty() && label.chars().all(|c| matches!(c, 'i' | 'v' | 'x'))
}

/// Whether two records agree in what names a record of the list.
fn alike(list: &List, a: &Record, b: &Record) -> bool {
    list.same_by.iter().any(|key| a.get(key).zip(b.get(key)).is_some_and(|(a, b)| same(&a.value, &b.value)))
}

/// Whether two records say of what they are worth what cannot be said of one thing.
fn differ(list: &List, a: &Record, b: &Record) -> bool {
    let money = list.column.iter().filter(|column| column.kind == Type::Money);
    money
        .filter_map(|column| a.get(&column.key).zip(b.get(&column.key)))
        .any(|(a, b)| !same(&a.value, &b.value))
}

/// Where a value of another list stands: the index of its page, the byte in its text, and the character of the flow.
struct Taken {
    page: usize,
    byte: usize,
    at: usize,
}

fn taken(document: &Document<'_>, records: &[Record]) -> Vec<Taken> {
    let values = records.iter().flat_map(|record| record.iter().filter(|(key, _)| *key != MARK));
    values
        .filter_map(|(_, found)| {
            let page = document.pages.iter().position(|page| page.number == found.place.page)?;
            let byte = found.place.start;
            Some(Taken { page, byte, at: document.text.flow.at(page, byte) })
        })
        .collect()
}

/// Whether a row of a table is already another list's.
fn row_taken(page: usize, cells: &[Vec<crate::page::Word>], taken: &[Taken]) -> bool {
    let holds =
        |one: &Taken| cells.iter().flatten().any(|word| word.start <= one.byte && one.byte < word.end);
    taken.iter().any(|one| one.page == page && holds(one))
}

/// What a column of a table is called whose cells count in place of another's; no column of a list is called so.
const AGAINST: &str = "#against";

/// The votes that decided, where an item was rejected and the table tells those against it beside those for it.
fn decided(
    document: &Document<'_>,
    list: &List,
    record: &Record,
    row: &super::rows::Row,
) -> Option<(String, Found)> {
    let instead = list.instead.as_ref()?;
    let outcome = record.get(&instead.by)?.value.as_str()?;
    if !instead.is.iter().any(|one| one == outcome) {
        return None;
    }
    let column = list.column.iter().find(|column| column.key == instead.column)?;
    let (_, cell) = row.cells.iter().find(|(key, _)| key.as_deref() == Some(AGAINST))?;
    let one = whole(&row.text, cell, asked(column))?;
    let share = |value: &serde_json::Value| crate::scan::figure(value.as_str()?.strip_suffix('%')?);
    let more = match record.get(&column.key).and_then(|found| share(&found.value)) {
        Some(other) => share(&one.value)? > other,
        None => true,
    };
    let found = more.then(|| placed(&row.text, document.pages, one, 0.9)).flatten()?;
    Some((column.key.clone(), found))
}

/// The votes against what was rejected, where a clause tells them and they are more than those for it.
fn voted_down(
    document: &Document<'_>,
    list: &List,
    record: &Record,
    range: &Span,
) -> Option<(String, Found)> {
    let instead = list.instead.as_ref()?;
    let outcome = record.get(&instead.by)?.value.as_str()?;
    if !instead.is.iter().any(|one| one == outcome) {
        return None;
    }
    let column = list.column.iter().find(|column| column.key == instead.column)?;
    let share = |value: &serde_json::Value| crate::scan::figure(value.as_str()?.strip_suffix('%')?);
    let known = record.get(&column.key).and_then(|found| share(&found.value))?;
    instead.find.iter().find_map(|rule| {
        let found = find(&document.text, document.pages, range, asked(column), rule, |_| true);
        let found = found.into_iter().next()?;
        let more = share(&found.value)? > known;
        more.then(|| (column.key.clone(), found))
    })
}

/// Rows at least whose figures show what a column is that has no head that can be read.
const PRODUCT_ROWS: usize = 2;

/// A table with the name of a column whose figures make the product of each row, and whose head names nothing.
fn by_product(document: &Document<'_>, list: &List, grid: &grid::Grid) -> Option<grid::Grid> {
    let (count, price, total) = list.product.as_ref()?;
    let at = |key: &String| grid.keys.iter().position(|named| named.as_ref() == Some(key));
    let (None, Some(count), Some(total)) = (at(price), at(count), at(total)) else { return None };
    let rows = rows(document.pages, grid);
    let figure = |row: &super::rows::Row, column: usize| {
        let (_, cell) = row.cells.get(column)?;
        crate::scan::reais(row.text.folded(cell.clone()))
    };
    let makes = |row: &super::rows::Row, column: usize| -> Option<bool> {
        let (count, price, total) = (figure(row, count)?, figure(row, column)?, figure(row, total)?);
        // A unit price is rounded to its last place.
        Some((count * price - total).abs() <= 0.011_f64.max(count.abs() * 0.005_1))
    };
    let column =
        (0..grid.keys.len()).filter(|at| grid.keys.get(*at).is_some_and(Option::is_none)).find(|at| {
            let told: Vec<bool> = rows.iter().filter_map(|row| makes(row, *at)).collect();
            told.len() >= PRODUCT_ROWS && told.iter().all(|holds| *holds)
        })?;
    let mut named = grid.clone();
    *named.keys.get_mut(column)? = Some(price.clone());
    Some(named)
}

/// Numbers and amounts of an item that are tried as a product, at most.
const FACTORS_MAX: usize = 40;

/// The only three figures of an item of which the third is the product of the others: how many, at what price, and how
/// much that makes; whatever else it counts, as votes. How many are paid in instalments is no quantity.
fn multiplied(document: &Document<'_>, list: &List, record: &Record, item: &Item) -> Vec<(String, Found)> {
    let Some((count, price, total)) = list.product.as_ref().filter(|_| list.agenda) else {
        return Vec::new();
    };
    let known = record.get(count).and_then(|found| found.value.as_f64());
    let counts = |one: &(f64, Span)| {
        let behind = document.text.folded(one.1.start..item.span.end);
        known == Some(one.0) || list.product_of.as_ref().is_some_and(|things| things.heads(behind))
    };
    let text = &document.text;
    let figures = |kind: Kind| -> Vec<(f64, Span)> {
        let all = text.of_kind(kind, &item.span).take(FACTORS_MAX);
        all.filter_map(|one| Some((one.number()?, one.span.clone()))).collect()
    };
    let (numbers, amounts) = (figures(Kind::Number), figures(Kind::Money));
    let mut found: Vec<[&(f64, Span); 3]> = Vec::new();
    for many in numbers.iter().filter(|one| one.0 >= 2.0 && counts(one)) {
        for each in &amounts {
            let makes = |all: &&(f64, Span)| all.1 != each.1 && (many.0 * each.0 - all.0).abs() < 0.01;
            found.extend(amounts.iter().find(makes).map(|all| [many, each, all]));
        }
    }
    let Some([many, each, all]) = found.first().copied() else { return Vec::new() };
    if found.iter().any(|other| (other[0].0, other[1].0) != (many.0, each.0)) {
        return Vec::new();
    }
    let put = |key: &String, one: &(f64, Span)| {
        let one = Candidate { span: one.1.clone(), value: one.0.into(), flags: Vec::new() };
        Some((key.clone(), placed(text, document.pages, one, 0.9)?))
    };
    [put(count, many), put(price, each), put(total, all)].into_iter().flatten().collect()
}

/// Whether two names of an item share a word that says something.
fn akin(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    let text = |value: &serde_json::Value| fold(value.as_str().unwrap_or(""));
    let (a, b) = (text(a), text(b));
    let parts = |c: char| !c.is_ascii_alphanumeric();
    a.split(parts).any(|word| word.len() >= 5 && b.split(parts).any(|other| other == word))
}

/// What each row is called by in a first column without a head; where the number of one was not read, the numbers before
/// and after it tell.
fn row_labels(rows: &[super::rows::Row]) -> Vec<Option<String>> {
    let own = |row: &super::rows::Row| -> Option<String> {
        let (_, cell) = row.cells.first().filter(|(key, _)| key.is_none())?;
        let label = row.text.folded(cell.clone()).trim().trim_end_matches(['.', ')', 'o']);
        let part =
            |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        ((1..=5).contains(&label.len()) && label.split('.').all(part)).then(|| label.to_owned())
    };
    let mut labels: Vec<Option<String>> = rows.iter().map(own).collect();
    let numbers: Vec<Option<u32>> =
        labels.iter().map(|label| label.as_ref().and_then(|label| label.parse().ok())).collect();
    let number = |at: Option<usize>| numbers.get(at?).copied().flatten();
    for (at, label) in labels.iter_mut().enumerate().filter(|(at, _)| number(Some(*at)).is_none()) {
        let (before, after) = (number(at.checked_sub(1)), number(Some(at + 1)));
        match (before, after) {
            (Some(before), Some(after)) if before + 2 == after => *label = Some((before + 1).to_string()),
            (None, Some(2)) if at == 0 && number(Some(2)) == Some(3) => *label = Some("1".to_owned()),
            _ => {}
        }
    }
    labels
}

/// Whether a row says one of what each item's row of its table says.
fn filled_in(list: &List, row: &super::rows::Row) -> bool {
    let asked = |key: &Option<String>| key.as_ref().is_some_and(|key| list.any_in_row.contains(key));
    let mut cells = row.cells.iter().filter(|(key, _)| asked(key)).peekable();
    cells.peek().is_none() || cells.any(|(_, cell)| !cell.is_empty())
}

/// The first cell of a row that has words, behind its number.
fn first_words(row: &super::rows::Row) -> &str {
    let mut cells = row.cells.iter().map(|(_, cell)| row.text.folded(cell.clone()).trim());
    cells.find(|cell| cell.contains(|c: char| c.is_ascii_alphabetic())).unwrap_or("")
}

/// The mark of a clause, as a record keeps it.
fn marked(document: &Document<'_>, span: &Span, mark: &str) -> Option<(String, Found)> {
    let label = Candidate { span: span.clone(), value: mark.into(), flags: Vec::new() };
    placed(&document.text, document.pages, label, 1.0).map(|label| (MARK.to_owned(), label))
}

/// The marks of the items that a sentence speaks of at once; none of them where it speaks of all.
fn called(list: &List, text: &str) -> Option<Vec<String>> {
    let everything = list.everything.as_ref()?;
    let (said, _) = parted(list, text);
    if everything.is_in(said) {
        return Some(Vec::new());
    }
    let called = references(said);
    (called.len() > 1).then_some(called)
}

/// Whether items that are called are those of the agenda, and not paragraphs of a law.
fn speaks_of(called: &[String], item: &Item, named: &[(String, Found)]) -> bool {
    let known = |label: &String| named.iter().any(|(mark, _)| mark == label);
    if called.is_empty() { item.mark.is_none() && !named.is_empty() } else { called.iter().all(known) }
}

/// Whether an item of the agenda tells its own outcome before it speaks of others: "(iv) Atos: aprovada, para cumprir os
/// itens (i) e (ii)".
fn tells_its_own(list: &List, item: &Item, text: &str, named: &[(String, Found)]) -> bool {
    let own = item.mark.as_ref().is_some_and(|mark| named.iter().any(|(known, _)| known == mark));
    let others = super::clauses::called(text).first().map(|(at, _)| at.start);
    let before = others.and_then(|at| text.get(..at)).unwrap_or("");
    own && list.block.as_ref().is_some_and(|block| block.outcome.is_in(before))
}

/// A sentence before and after what leaves some items out of it.
fn parted<'t>(list: &List, text: &'t str) -> (&'t str, &'t str) {
    let at = list.but.as_ref().and_then(|but| but.find(text)).map_or(text.len(), |hit| hit.start);
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The records of items whose outcome a sentence pronounces by their marks.
fn pronounced_of(
    document: &Document<'_>,
    list: &List,
    item: &Item,
    pending: &BTreeMap<String, Record>,
) -> Option<Vec<Record>> {
    let text = document.text.folded(item.span.clone());
    let said = if list.agenda { pronounced(text) } else { Vec::new() };
    let known = |(label, _): &(String, Span)| pending.contains_key(label);
    if !said.iter().any(known) {
        return None;
    }
    let mut records = Vec::new();
    for (label, how) in said {
        let Some(mut record) = pending.get(&label).cloned() else { continue };
        let own = item.span.start + how.start..item.span.start + how.end;
        for column in &list.column {
            if record.contains_key(&column.key) {
                continue;
            }
            let range = if list.any.contains(&column.key) { &item.span } else { &own };
            let found = by_rules(document, &document.text, range, column, true);
            record.extend(found.map(|found| (column.key.clone(), found)));
        }
        record.extend(marked(document, &item.span, &label));
        records.push(record);
    }
    Some(records)
}

/// The records of several items of the agenda whose outcome one sentence tells.
fn of_agenda(
    document: &Document<'_>,
    list: &List,
    item: &Item,
    called: Vec<String>,
    named: &[(String, Found)],
) -> Vec<Record> {
    let text = document.text.folded(item.span.clone());
    let (said, but) = parted(list, text);
    let said = item.span.start..item.span.start + said.len();
    let mut left_out = references(but);
    left_out.extend(super::clauses::inner_reference(but));
    let wanted = |mark: &str| {
        if called.is_empty() {
            !left_out.iter().any(|out| out == mark)
        } else {
            called.iter().any(|one| one == mark)
        }
    };
    let mut records = Vec::new();
    for (mark, name) in named.iter().filter(|(mark, _)| wanted(mark)) {
        let mut record = Record::from([(list.key.clone(), name.clone())]);
        for column in list.column.iter().filter(|column| list.inherit.contains(&column.key)) {
            let found = by_rules(document, &document.text, &said, column, true);
            record.extend(found.map(|found| (column.key.clone(), found)));
        }
        record.extend(marked(document, &item.span, mark));
        records.push(record);
    }
    records
}

/// The first value that `rules` find in the whole document: what it says of all records of a list, or of the only one.
fn first_of(document: &Document<'_>, column: &Column, rules: &[Find]) -> Option<Found> {
    rules.iter().find_map(|rule| {
        let all = document.text.all();
        let found =
            find(&document.text, document.pages, &all, asked(column), rule, |at| document.stands(at, rule));
        found.into_iter().next()
    })
}

/// The sentence before a table, which may say what all of its rows are.
fn opening_of(document: &Document<'_>, grid: &grid::Grid) -> String {
    let at = document.text.flow.at(grid.page, grid.head_at);
    let before = document.text.folded(at.saturating_sub(300)..at).trim_end().to_owned();
    before.rsplit(['\n', '.']).next().unwrap_or("").to_owned()
}

fn belongs(list: &List, text: &str, opening: &str) -> bool {
    let required = list.require.as_ref().is_none_or(|require| {
        require.is_in(text)
            || require.is_in(opening)
                && !list.refuse_inherited.as_ref().is_some_and(|other| other.is_in(text))
    });
    required && !list.refuse.as_ref().is_some_and(|refuse| refuse.is_in(text))
}
