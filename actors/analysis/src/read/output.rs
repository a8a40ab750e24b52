//! The result made of what was read: its keys in order, the values with their places, the checks and the tables.

use serde_json::{Map, Value as Json};

use super::fields::{self, Fields};
use super::find::Found;
use super::lists::{self, Lists, Record};
use super::people::People;
use super::shares::{self, Divided};
use super::{Document, checks, derive};
use crate::analysis::{Analysis, Flag, Table, Value};
use crate::page::Page;
use crate::profile::{List, Model, Profile};

/// Reads `pages` by `profile`.
pub(crate) fn run(pages: &[Page], profile: &Profile) -> Analysis {
    let model = &profile.model;
    let document = Document::of(pages, &model.section);
    let people = People::of(&document, model.roles.as_ref());
    let mut fields = fields::read(&document, &people, &model.field);
    let lists = lists::read(&document, &people, &mut fields, &model.list);
    fields::from_others(&document, &people, &model.field, &lists, &mut fields);
    let mut result = Json::Object(Map::new());
    let mut values = Vec::new();
    put_fields(model, &fields, &mut result, &mut values);
    for list in &model.list {
        put_list(list, &lists, &mut result, &mut values);
    }
    let mut divided = Vec::new();
    for one in &model.shares {
        let found = shares::read(&document, &people, &fields, &lists, model, one);
        put_shares(one, &found, &mut result, &mut values);
        divided.push((one, found));
    }
    derive::derive(&model.derive, &mut result, &values, pages.len());
    let checks = checks::checks(&model.check, &result, &document);
    for check in &checks {
        doubt(&mut values, check);
    }
    let tables = tables(model, &result, &divided);
    let confidence = confidence(model, &fields, &values, &checks);
    Analysis { profile: profile.name().to_owned(), result, values, checks, tables, confidence }
}

/// Puts `value` at `pointer`, making the objects on the way.
pub(crate) fn set(result: &mut Json, pointer: &str, value: Json) {
    let mut here = result;
    let mut keys = pointer.split('/').skip(1).peekable();
    while let Some(key) = keys.next() {
        if !here.is_object() {
            // What is null as a whole has no parts.
            if here.is_array() || keys.peek().is_none() && here.is_null() && value.is_null() {
                return;
            }
            *here = Json::Object(Map::new());
        }
        let Some(object) = here.as_object_mut() else { return };
        if keys.peek().is_none() {
            object.insert(key.to_owned(), value);
            return;
        }
        here = object.entry(key).or_insert_with(|| Json::Object(Map::new()));
    }
}

/// A doubt by its name.
pub(crate) fn flag(code: &str) -> Option<Flag> {
    let (pt, en) = match code {
        "invalid_check_digit" => (
            "Os dígitos verificadores não conferem; confira no original.",
            "The check digits do not hold; compare it with the original.",
        ),
        "words_differ" => {
            ("O valor por extenso não é o dos algarismos.", "The amount in words is not that in figures.")
        }
        "other_mentions" => (
            "Outras passagens do documento trazem outro valor.",
            "Other passages of the document give another value.",
        ),
        "derived" => ("Deduzido do que o documento diz.", "Deduced from what the document says."),
        "unsure_reading" => {
            ("A leitura da imagem é incerta neste trecho.", "The reading of the image is unsure here.")
        }
        "proposed" => (
            "Proposto por um modelo de linguagem; o trecho citado está no documento.",
            "Proposed by a language model; the words quoted are in the document.",
        ),
        "check_failed" => (
            "Não confere com outros valores do documento.",
            "It does not agree with other values of the document.",
        ),
        _ => return None,
    };
    Some(Flag { code: code.to_owned(), pt: pt.to_owned(), en: en.to_owned() })
}

/// Below this a word that OCR read is doubtful.
const UNSURE: f32 = 0.6;

fn value(pointer: String, label: &str, category: &str, found: &Found) -> Value {
    let mut confidence = found.weight;
    let mut codes = found.flags.clone();
    if codes.contains(&"words_agree") {
        confidence += (1.0 - confidence) * 0.6;
    }
    if codes.contains(&"invalid_check_digit") || codes.contains(&"words_differ") {
        confidence *= 0.5;
    }
    if found.place.confidence < UNSURE {
        codes.push("unsure_reading");
    }
    confidence *= found.place.confidence.clamp(0.3, 1.0);
    Value {
        pointer,
        label: label.to_owned(),
        category: category.to_owned(),
        value: found.value.clone(),
        page: found.place.page,
        quotation: found.place.quotation.clone(),
        start: found.place.start,
        rects: found.place.rects.clone(),
        confidence: (confidence * 1000.0).round() / 1000.0,
        flags: codes.into_iter().filter_map(flag).collect(),
    }
}

fn put_fields(model: &Model, fields: &Fields, result: &mut Json, values: &mut Vec<Value>) {
    for field in &model.field {
        let found = fields.get(&field.at);
        let parent = field.at.rsplit_once('/').map_or("", |(parent, _)| parent);
        if field.whole && found.is_none() {
            set(result, parent, Json::Null);
            continue;
        }
        if result.pointer(parent).is_some_and(Json::is_null) {
            continue;
        }
        set(result, &field.at, found.map_or(Json::Null, |found| tidy(&found.value)));
        if let Some(found) = found {
            values.push(value(field.at.clone(), &field.label, &field.category, found));
        }
    }
}

/// A whole number without a fraction is written as one.
fn tidy(value: &Json) -> Json {
    match value.as_f64() {
        Some(number) if !value.is_i64() && number.fract() == 0.0 && number.abs() < 9e15 => {
            Json::from(number as i64)
        }
        _ => value.clone(),
    }
}

fn put_list(list: &List, lists: &Lists, result: &mut Json, values: &mut Vec<Value>) {
    let records = lists.get(&list.at).map_or(&[][..], |records| records);
    let moved: Vec<&str> = list
        .copy
        .iter()
        .filter(|copy| copy.moved)
        .flat_map(|copy| copy.columns.iter().map(|(column, _)| column.as_str()))
        .filter(|column| *column != list.key)
        .collect();
    let own: Vec<(&str, &str)> = list
        .column
        .iter()
        .map(|column| (column.key.as_str(), column.key.as_str()))
        .filter(|(key, _)| !moved.contains(key))
        .collect();
    set(result, &list.at, rows(list, records, &own));
    for copy in &list.copy {
        let columns: Vec<(&str, &str)> =
            copy.columns.iter().map(|(column, key)| (column.as_str(), key.as_str())).collect();
        set(result, &copy.at, rows(list, records, &columns));
    }
    for (index, record) in records.iter().enumerate() {
        for column in &list.column {
            let Some(found) = record.get(&column.key) else { continue };
            let away = list.copy.iter().find(|copy| copy.moved && moved.contains(&column.key.as_str()));
            let named = away.and_then(|copy| copy.columns.iter().find(|(from, _)| *from == column.key));
            let pointer = match (away, named) {
                (Some(copy), Some((_, key))) => format!("{}/{index}/{key}", copy.at),
                _ => format!("{}/{index}/{}", list.at, column.key),
            };
            values.push(value(pointer, &column.label, &column.category, found));
        }
    }
}

fn rows(list: &List, records: &[Record], columns: &[(&str, &str)]) -> Json {
    let row = |record: &Record| {
        let mut object = Map::new();
        for (column, key) in columns {
            let Some(defined) = list.column.iter().find(|one| one.key == *column) else { continue };
            let value = match record.get(*column) {
                Some(found) => tidy(&found.value),
                None if defined.kind == crate::profile::Type::Yes => Json::Bool(false),
                None if defined.optional => continue,
                None => Json::Null,
            };
            for also in &defined.also {
                object.insert(also.clone(), value.clone());
            }
            object.insert((*key).to_owned(), value);
        }
        Json::Object(object)
    };
    Json::Array(records.iter().map(row).collect())
}

fn put_shares(
    shares: &crate::profile::Shares,
    found: &[Divided],
    result: &mut Json,
    values: &mut Vec<Value>,
) {
    let mut things = Vec::new();
    for (index, one) in found.iter().enumerate() {
        let mut parts = Vec::new();
        for (part, share) in one.parts.iter().enumerate() {
            let mut object = Map::new();
            let columns = [
                ("herdeiro", "Beneficiário", Some(&share.who)),
                ("percentual", "Percentual", share.percent.as_ref()),
                ("fracao", "Fração", share.fraction.as_ref()),
                ("valor", "Valor da parte", share.value.as_ref()),
            ];
            for (key, label, found) in columns {
                object.insert(key.to_owned(), found.map_or(Json::Null, |found| tidy(&found.value)));
                if let Some(found) = found {
                    let pointer = format!("{}/{index}/divisoes/{part}/{key}", shares.at);
                    values.push(value(pointer, label, &shares.category, found));
                }
            }
            parts.push(Json::Object(object));
        }
        let mut object = Map::new();
        object.insert("bem".to_owned(), one.thing.value.clone());
        object.insert("divisoes".to_owned(), Json::Array(parts));
        things.push(Json::Object(object));
    }
    set(result, &shares.at, Json::Array(things));
}

/// What a failed check is about is doubtful.
fn doubt(values: &mut [Value], check: &crate::analysis::Check) {
    if check.ok {
        return;
    }
    for value in values.iter_mut().filter(|value| check.pointers.contains(&value.pointer)) {
        value.confidence *= 0.7;
        if !value.flags.iter().any(|known| known.code == "check_failed") {
            value.flags.extend(flag("check_failed"));
        }
    }
}

fn tables(model: &Model, result: &Json, divided: &[(&crate::profile::Shares, Vec<Divided>)]) -> Vec<Table> {
    let mut tables = vec![Table {
        name: "Campos".to_owned(),
        columns: vec!["campo".to_owned(), "valor".to_owned()],
        rows: model
            .field
            .iter()
            .map(|field| {
                vec![
                    Json::from(field.label.as_str()),
                    result.pointer(&field.at).cloned().unwrap_or(Json::Null),
                ]
            })
            .collect(),
    }];
    for list in &model.list {
        let places: Vec<(&str, &str, &str)> = list
            .column
            .iter()
            .map(|column| {
                let away =
                    list.copy.iter().filter(|copy| copy.moved && column.key != list.key).find_map(|copy| {
                        let (_, key) = copy.columns.iter().find(|(from, _)| *from == column.key)?;
                        Some((copy.at.as_str(), key.as_str()))
                    });
                let (at, key) = away.unwrap_or((list.at.as_str(), column.key.as_str()));
                (at, key, column.key.as_str())
            })
            .collect();
        let count = result.pointer(&list.at).and_then(Json::as_array).map_or(0, Vec::len);
        tables.push(Table {
            name: list.sheet.chars().take(31).collect(),
            columns: places.iter().map(|(.., name)| (*name).to_owned()).collect(),
            rows: (0..count)
                .map(|row| {
                    let cell = |(at, key, _): &(&str, &str, &str)| {
                        result.pointer(&format!("{at}/{row}/{key}")).cloned().unwrap_or(Json::Null)
                    };
                    places.iter().map(cell).collect()
                })
                .collect(),
        });
    }
    for (shares, found) in divided {
        let mut rows = Vec::new();
        for one in found {
            for part in &one.parts {
                let cell =
                    |found: &Option<Found>| found.as_ref().map_or(Json::Null, |found| tidy(&found.value));
                rows.push(vec![
                    one.thing.value.clone(),
                    part.who.value.clone(),
                    cell(&part.percent),
                    cell(&part.fraction),
                    cell(&part.value),
                ]);
            }
        }
        tables.push(Table {
            name: shares.sheet.chars().take(31).collect(),
            columns: ["bem", "herdeiro", "percentual", "fracao", "valor"].map(str::to_owned).to_vec(),
            rows,
        });
    }
    tables
}

fn confidence(model: &Model, fields: &Fields, values: &[Value], checks: &[crate::analysis::Check]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let mean = values.iter().map(|value| value.confidence).sum::<f32>() / values.len() as f32;
    let required: Vec<_> = model.field.iter().filter(|field| field.required).collect();
    let there = required.iter().filter(|field| fields.contains_key(&field.at)).count();
    let complete = if required.is_empty() { 1.0 } else { there as f32 / required.len() as f32 };
    let held = if checks.is_empty() {
        1.0
    } else {
        checks.iter().filter(|check| check.ok).count() as f32 / checks.len() as f32
    };
    ((mean * (0.6 + 0.4 * complete) * (0.8 + 0.2 * held)) * 1000.0).round() / 1000.0
}
