//! Values held to each other: sums, products, shares, counts and orders.

use serde_json::Value as Json;

use super::Document;
use super::find::plain;
use crate::analysis::Check;
use crate::profile::CheckRule;
use crate::scan::spelled;

/// What sums may differ by, in reais: a centavo for each rounding.
const CENT: f64 = 0.011;

/// What shares may differ from 100 by: three thirds of 33,33 are 99,99.
const PERCENT_SLACK: f64 = 0.05;

/// Compares what the profile says; what is not in the document is not compared.
pub(crate) fn checks(rules: &[CheckRule], result: &Json, document: &Document<'_>) -> Vec<Check> {
    rules.iter().flat_map(|rule| check(rule, result, document)).collect()
}

fn number(value: Option<&Json>) -> Option<f64> {
    value.and_then(Json::as_f64)
}

fn records<'a>(result: &'a Json, list: &str) -> &'a [Json] {
    result.pointer(list).and_then(Json::as_array).map_or(&[][..], |records| records)
}

fn made(code: &str, ok: bool, pt: String, en: String, pointers: Vec<String>) -> Check {
    Check { code: code.to_owned(), ok, detail_pt: pt, detail_en: en, pointers }
}

fn check(rule: &CheckRule, result: &Json, document: &Document<'_>) -> Vec<Check> {
    match rule {
        CheckRule::Sum { code, list, key, field, with } => {
            sum(code, result, list, key, field, with).into_iter().collect()
        }
        CheckRule::Product { code, list, factors, product } => products(code, result, list, factors, product),
        CheckRule::Shares { code, shares } => shares_sum(code, result, shares),
        CheckRule::Said { code, list, find } => {
            said(code, result, list, find, document).into_iter().collect()
        }
        CheckRule::AtMost { code, less, more } => {
            let pair = number(result.pointer(less)).zip(number(result.pointer(more)));
            pair.map(|(a, b)| {
                made(
                    code,
                    a <= b + CENT,
                    format!("{} não deve passar de {}", plain(a), plain(b)),
                    format!("{a} should not be more than {b}"),
                    vec![less.clone(), more.clone()],
                )
            })
            .into_iter()
            .collect()
        }
        CheckRule::Order { code, first, second } => {
            let date = |at: &str| result.pointer(at).and_then(Json::as_str).and_then(sortable);
            date(first)
                .zip(date(second))
                .map(|(a, b)| {
                    made(
                        code,
                        a <= b,
                        format!("{} vem antes de {}", a.join("-"), b.join("-")),
                        format!("{} comes before {}", a.join("-"), b.join("-")),
                        vec![first.clone(), second.clone()],
                    )
                })
                .into_iter()
                .collect()
        }
    }
}

/// Year, month and day of `dd/mm/yyyy`.
fn sortable(date: &str) -> Option<[String; 3]> {
    let mut parts = date.split('/').map(str::to_owned);
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    Some([year, month, day])
}

fn sum(code: &str, result: &Json, list: &str, key: &str, field: &str, with: &[String]) -> Option<Check> {
    let total = number(result.pointer(field))?;
    let records: Vec<&Json> = std::iter::once(list)
        .chain(with.iter().map(String::as_str))
        .flat_map(|list| records(result, list))
        .collect();
    let values: Vec<f64> = records.iter().filter_map(|record| number(record.get(key))).collect();
    if values.is_empty() || values.len() != records.len() {
        return None;
    }
    let sum: f64 = values.iter().sum();
    let ok = (sum - total).abs() <= CENT * values.len() as f64;
    let mut pointers: Vec<String> =
        (0..records.len()).filter(|_| with.is_empty()).map(|at| format!("{list}/{at}/{key}")).collect();
    pointers.push(field.to_owned());
    Some(made(
        code,
        ok,
        format!("os itens somam {:.2} e o documento diz {:.2}", sum, total).replace('.', ","),
        format!("the items add up to {sum:.2} and the document says {total:.2}"),
        pointers,
    ))
}

fn products(code: &str, result: &Json, list: &str, factors: &(String, String), product: &str) -> Vec<Check> {
    let mut found = Vec::new();
    for (at, record) in records(result, list).iter().enumerate() {
        let values =
            (number(record.get(&factors.0)), number(record.get(&factors.1)), number(record.get(product)));
        let (Some(a), Some(b), Some(c)) = values else { continue };
        // A unit price is rounded to its last place.
        let ok = (a * b - c).abs() <= CENT.max(a.abs() * 0.000_051);
        found.push(made(
            code,
            ok,
            format!(
                "{} × {} = {}, e o documento diz {}",
                plain(a),
                plain(b),
                plain((a * b * 100.0).round() / 100.0),
                plain(c)
            ),
            format!("{a} × {b} = {:.2}, and the document says {c}", a * b),
            [&factors.0, &factors.1, product].iter().map(|key| format!("{list}/{at}/{key}")).collect(),
        ));
    }
    found
}

fn shares_sum(code: &str, result: &Json, shares: &str) -> Vec<Check> {
    let mut found = Vec::new();
    for (at, one) in records(result, shares).iter().enumerate() {
        let parts = one.get("divisoes").and_then(Json::as_array).map_or(&[][..], |parts| parts);
        let share = |part: &Json| {
            number(part.get("percentual")).or_else(|| {
                let (above, below) = part.get("fracao")?.as_str()?.split_once('/')?;
                Some(above.parse::<f64>().ok()? / below.parse::<f64>().ok()? * 100.0)
            })
        };
        let values: Vec<f64> = parts.iter().filter_map(share).collect();
        if values.is_empty() || values.len() != parts.len() {
            continue;
        }
        let sum: f64 = values.iter().sum();
        let name = one.get("bem").and_then(Json::as_str).unwrap_or("");
        let rounded = (sum * 100.0).round() / 100.0;
        found.push(made(
            code,
            (sum - 100.0).abs() <= PERCENT_SLACK,
            format!("as partes de {name} somam {}%", plain(rounded)),
            format!("the parts of {name} add up to {rounded}%"),
            (0..parts.len()).map(|part| format!("{shares}/{at}/divisoes/{part}/percentual")).collect(),
        ));
    }
    found
}

fn said(
    code: &str,
    result: &Json,
    list: &str,
    find: &crate::profile::Pattern,
    document: &Document<'_>,
) -> Option<Check> {
    let text = &document.text;
    let hit = find.hits(&text.flow.folded).next()?;
    let word = text.folded(hit.value?);
    let said = word.parse().ok().or_else(|| spelled(word.split_whitespace()))? as usize;
    let found = records(result, list).len();
    if found == 0 {
        return None;
    }
    Some(made(
        code,
        said == found,
        format!("o documento fala em {said} e foram encontrados {found}"),
        format!("the document speaks of {said} and {found} were found"),
        vec![list.to_owned()],
    ))
}
