//! The single fields of a result.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Document;
use super::find::{Asked, Candidate, Found, find, placed, same};
use super::lists::Lists;
use super::people::People;
use crate::profile::{Field, Find};
use crate::text::Span;

/// Rules below this weight ask so little that their findings must agree.
const WEAK: f32 = 0.76;

/// The fields that were found, by their pointers.
pub(crate) type Fields = BTreeMap<String, Found>;

/// Reads every field of a profile that rules find in the text.
pub(crate) fn read(document: &Document<'_>, people: &People, fields: &[Field]) -> Fields {
    let mut found = Fields::new();
    for field in fields {
        if let Some(value) = one(document, people, field, &found) {
            found.insert(field.at.clone(), value);
        }
    }
    found
}

/// Fields that are named by what another field or a list says, and then those that are said of these.
pub(crate) fn from_others(
    document: &Document<'_>,
    people: &People,
    fields: &[Field],
    lists: &Lists,
    found: &mut Fields,
) {
    for field in fields {
        if found.contains_key(&field.at) {
            continue;
        }
        let other = field.find.iter().find_map(|rule| named_elsewhere(document, rule, lists, found));
        let owned = || {
            let asked = field.find.iter().any(|rule| rule.owner.is_some());
            asked.then(|| one(document, people, field, found)).flatten()
        };
        if let Some(value) = other.or_else(owned) {
            found.insert(field.at.clone(), value);
        }
    }
}

/// "Nomeiam inventariante a propria viuva": the value is that of another field, or of a list's only record.
fn named_elsewhere(document: &Document<'_>, rule: &Find, lists: &Lists, found: &Fields) -> Option<Found> {
    let (at, pattern) = (rule.same_as.as_ref()?, rule.pattern.as_ref()?);
    let value = match lists.get(at) {
        Some(records) => match records.as_slice() {
            [only] => only.get("nome")?.value.clone(),
            _ => return None,
        },
        None => found.get(at)?.value.clone(),
    };
    let all = document.text.all();
    let hit =
        pattern.hits(document.text.folded(all)).find(|hit| document.within(hit.all.start, &rule.section))?;
    let span = hit.value.unwrap_or(hit.all);
    let one = Candidate { span, value, flags: vec!["derived"] };
    placed(&document.text, document.pages, one, rule.weight)
}

fn one(document: &Document<'_>, people: &People, field: &Field, known: &Fields) -> Option<Found> {
    if field.unless.as_ref().is_some_and(|unless| unless.is_in(&document.text.flow.folded)) {
        return None;
    }
    let asked = Asked { kind: field.kind, choices: &field.choices, clean: &field.clean, in_order: false };
    let others: Vec<&Json> = field.differs.iter().filter_map(|at| Some(&known.get(at)?.value)).collect();
    for rule in field.find.iter().filter(|rule| rule.same_as.is_none()) {
        let mut all: Vec<Found> = Vec::new();
        for range in ranges(document, people, rule, known) {
            all.extend(find(&document.text, document.pages, &range, asked, rule, |at| {
                document.stands(at, rule)
            }));
        }
        if all.is_empty() && rule.owner.is_some() {
            all = past_others(document, people, rule, known, asked);
        }
        all.retain(|one| !others.iter().any(|other| same(&one.value, other)));
        let mut all = all.into_iter();
        if let Some(mut first) = all.next() {
            // Later mentions agree with the first, or put it in doubt.
            let (agree, differ) = all.fold((0, 0), |(agree, differ), other| {
                if same(&first.value, &other.value) { (agree + 1, differ) } else { (agree, differ + 1) }
            });
            // What weak words say twice and not alike is not known.
            if rule.weight < WEAK && differ > agree && !rule.last {
                continue;
            }
            if agree > 0 {
                first.weight += (1.0 - first.weight) * 0.5;
            }
            if differ > 0 && differ >= agree {
                first.weight *= 0.85;
                first.flags.push("other_mentions");
            }
            return Some(first);
        }
    }
    None
}

/// What is said of a person after others were named for that one's sake, as a spouse; a value that follows one of
/// their names directly is theirs.
fn past_others(
    document: &Document<'_>,
    people: &People,
    rule: &Find,
    known: &Fields,
    asked: Asked<'_>,
) -> Vec<Found> {
    let Some(owner) = rule.owner.as_ref().and_then(|owner| known.get(owner)?.value.as_str()) else {
        return Vec::new();
    };
    let text = &document.text;
    let mut found = Vec::new();
    for mention in people.named(owner) {
        found.extend(find(text, document.pages, &mention.wide, asked, rule, |at| {
            document.stands(at, rule) && !people.speaks_of_another(document, mention, at)
        }));
    }
    found
}

/// Where a rule looks: the whole document, or what is said of the person whom a field names.
fn ranges(document: &Document<'_>, people: &People, rule: &Find, known: &Fields) -> Vec<Span> {
    let Some(owner) = &rule.owner else { return vec![document.text.all()] };
    let Some(owner) = known.get(owner).and_then(|found| found.value.as_str()) else { return Vec::new() };
    people.named(owner).map(|mention| mention.own.clone()).collect()
}
