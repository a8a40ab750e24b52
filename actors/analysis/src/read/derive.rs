//! Answers that follow from others: counts, pages, membership, validity.

use serde_json::Value as Json;

use crate::analysis::Value;
use crate::profile::Derive;
use crate::text::fold;

/// Puts what `rules` derive into `result`.
pub(crate) fn derive(rules: &[Derive], result: &mut Json, values: &[Value], page_count: usize) {
    for rule in rules {
        let (at, value) = match rule {
            Derive::Count { at, of } => {
                (at, Json::from(result.pointer(of).and_then(Json::as_array).map_or(0, Vec::len)))
            }
            Derive::Total { at, list, key } => {
                let records = result.pointer(list).and_then(Json::as_array).cloned().unwrap_or_default();
                let values: Option<Vec<f64>> =
                    records.iter().map(|record| record.get(key)?.as_f64()).collect();
                let sum = values.filter(|values| !values.is_empty()).map(|values| values.iter().sum::<f64>());
                (at, sum.map_or(Json::Null, |sum| Json::from((sum * 100.0).round() / 100.0)))
            }
            Derive::Pages { at, of } => {
                let mut pages: Vec<u32> = under(values, of).map(|value| value.page).collect();
                pages.sort_unstable();
                pages.dedup();
                (at, Json::from(pages))
            }
            Derive::Confidence { at, of } => {
                let (count, sum) = under(values, of)
                    .fold((0, 0.0), |(count, sum), value| (count + 1, sum + value.confidence));
                (at, if count == 0 { Json::from(0.0) } else { Json::from(rounded(sum / count as f32)) })
            }
            Derive::PageCount { at } => (at, Json::from(page_count)),
            Derive::Member { at, field, list, key } => {
                let Some(name) = result.pointer(field).and_then(Json::as_str).map(fold) else { continue };
                let records = result.pointer(list).and_then(Json::as_array).cloned().unwrap_or_default();
                let member = records.iter().any(|record| {
                    record.get(key).and_then(Json::as_str).is_some_and(|other| fold(other) == name)
                });
                (at, Json::Bool(member))
            }
            Derive::Valid { list, key, at } => {
                invalid(result, values, list, key, at);
                continue;
            }
        };
        super::output::set(result, at, value);
    }
}

/// Marks the records of `list` whose `key` is flagged as having wrong check digits.
fn invalid(result: &mut Json, values: &[Value], list: &str, key: &str, at: &str) {
    let count = result.pointer(list).and_then(Json::as_array).map_or(0, Vec::len);
    for index in 0..count {
        let pointer = format!("{list}/{index}/{key}");
        let wrong = values.iter().any(|value| {
            value.pointer == pointer && value.flags.iter().any(|flag| flag.code == "invalid_check_digit")
        });
        if wrong
            && let Some(record) = result.pointer_mut(&format!("{list}/{index}")).and_then(Json::as_object_mut)
        {
            record.insert(at.to_owned(), Json::Bool(false));
        }
    }
}

/// The values at or below a pointer.
pub(crate) fn under<'a>(values: &'a [Value], pointer: &'a str) -> impl Iterator<Item = &'a Value> {
    values.iter().filter(move |value| {
        value.pointer.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// To a thousandth.
pub(crate) fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1000.0).round() / 1000.0
}
