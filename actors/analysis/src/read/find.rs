//! Finding one value in a stretch of text by a profile's rules.

use serde_json::Value as Json;

use super::Text;
use crate::page::Page;
use crate::profile::{ChoiceRule, Clean, Find, Hit, Type};
use crate::scan::{self, Entity, Kind};
use crate::text::{Place, Span, fold};

/// Letters before and after a value that a cue may stand in.
const WINDOW: usize = 320;

/// A value, where it stands and how sure it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) value: Json,
    pub(crate) span: Span,
    pub(crate) place: Place,
    pub(crate) weight: f32,
    pub(crate) flags: Vec<&'static str>,
}

/// What is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) kind: Type,
    pub(crate) choices: &'a [ChoiceRule],
    pub(crate) clean: &'a [Clean],
    /// Whether the choice that stands first counts, not the one that is listed first.
    pub(crate) in_order: bool,
}

/// A value without its place.
pub(crate) struct Candidate {
    pub(crate) span: Span,
    pub(crate) value: Json,
    pub(crate) flags: Vec<&'static str>,
}

fn kinds(kind: Type) -> &'static [Kind] {
    match kind {
        Type::Person => &[Kind::Person],
        Type::Company => &[Kind::Company],
        Type::Party => &[Kind::Person, Kind::Company],
        Type::Fund => &[Kind::Fund],
        Type::Cpf => &[Kind::Cpf],
        Type::Cnpj => &[Kind::Cnpj],
        Type::Date => &[Kind::Date],
        Type::Money => &[Kind::Money],
        Type::Number => &[Kind::Number],
        Type::Percent | Type::PercentText => &[Kind::Percent],
        Type::Fraction => &[Kind::Fraction],
        Type::Ticker => &[Kind::Ticker],
        Type::Text | Type::Choice | Type::Yes => &[],
    }
}

/// Everything of the type asked within `range`.
pub(crate) fn candidates(text: &Text, range: &Span, asked: Asked<'_>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for kind in kinds(asked.kind) {
        found.extend(text.of_kind(*kind, range).map(|entity| candidate(text, entity, asked.kind)));
    }
    for choice in asked.choices {
        for hit in choice.find.find_all(text.folded(range.clone())) {
            let span = range.start + hit.start..range.start + hit.end;
            found.push(Candidate { span, value: Json::from(choice.is.as_str()), flags: Vec::new() });
        }
    }
    if asked.kind != Type::Choice || asked.in_order {
        found.sort_by_key(|one| one.span.start);
    }
    found
}

fn candidate(text: &Text, entity: &Entity, kind: Type) -> Candidate {
    let value = if kind == Type::PercentText {
        let folded = text.folded(entity.span.clone());
        if folded.contains('%') {
            Json::from(folded.replace(' ', "").replace('.', ","))
        } else {
            Json::from(format!("{}%", plain(entity.number().unwrap_or(0.0))))
        }
    } else {
        entity.value.clone()
    };
    Candidate { span: entity.span.clone(), value, flags: entity.flags.clone() }
}

/// A number as Brazilians write it, without needless places.
pub(crate) fn plain(number: f64) -> String {
    format!("{number}").replace('.', ",")
}

/// All values by the first rule that finds any; the first of them is the answer.
pub(crate) fn find(
    text: &Text,
    pages: &[Page],
    range: &Span,
    asked: Asked<'_>,
    rule: &Find,
    allowed: impl Fn(usize) -> bool,
) -> Vec<Found> {
    let mut found = match (&rule.pattern, asked.kind) {
        (Some(pattern), _) => by_pattern(text, range, asked, pattern),
        (None, Type::Text | Type::Yes) => Vec::new(),
        (None, _) => candidates(text, range, asked),
    };
    let apart = |one: &Candidate| {
        !rule.unlike.as_ref().is_some_and(|unlike| unlike.is_in(text.folded(one.span.clone())))
    };
    found.retain(apart);
    // A cue speaks of the company nearest to it.
    let rivals: Vec<Span> = match asked.kind {
        Type::Company => found.iter().map(|one| one.span.clone()).collect(),
        _ => Vec::new(),
    };
    found.retain(|one| {
        let from = rivals.iter().map(|other| other.end).filter(|end| *end <= one.span.start).max();
        let to = rivals.iter().map(|other| other.start).filter(|start| *start >= one.span.end).min();
        let range = range.start.max(from.unwrap_or(0))..range.end.min(to.unwrap_or(usize::MAX));
        allowed(one.span.start)
            && rule.like.as_ref().is_none_or(|like| like.is_in(text.folded(one.span.clone())))
            && fits(text, &range, &one.span, rule)
    });
    if rule.last {
        found.reverse();
    }
    found.into_iter().filter_map(|one| placed(text, pages, one, rule.weight)).collect()
}

/// A candidate with its place.
pub(crate) fn placed(text: &Text, pages: &[Page], one: Candidate, weight: f32) -> Option<Found> {
    let place = Place::of(&text.flow, pages, &one.span)?;
    Some(Found { value: one.value, span: one.span, place, weight, flags: one.flags })
}

fn fits(text: &Text, range: &Span, span: &Span, rule: &Find) -> bool {
    let before = text.folded(range.start.max(span.start.saturating_sub(WINDOW))..span.start);
    let after = text.folded(span.end..range.end.min(span.end + WINDOW));
    rule.before.as_ref().is_none_or(|cue| cue.ends(before, rule.reach))
        && rule.after.as_ref().is_none_or(|cue| cue.opens(after, rule.reach))
        && rule.not_before.as_ref().is_none_or(|cue| !cue.ends(before, 0))
        && rule.not_after.as_ref().is_none_or(|cue| !cue.opens(after, 0))
}

fn by_pattern(
    text: &Text,
    range: &Span,
    asked: Asked<'_>,
    pattern: &crate::profile::Pattern,
) -> Vec<Candidate> {
    let folded = text.folded(range.clone());
    let mut found = Vec::new();
    for Hit { all, value, quoted } in pattern.hits(folded) {
        let placed = |at: Span| range.start + at.start..range.start + at.end;
        let marked = quoted.map(placed);
        let span = placed(value.unwrap_or(all));
        if span.is_empty() {
            continue;
        }
        match asked.kind {
            Type::Yes => found.push(Candidate { span, value: Json::Bool(true), flags: Vec::new() }),
            // Group `q` is what is marked and quoted, where that is more than the value.
            _ => found.extend(
                whole(text, &span, asked)
                    .map(|one| Candidate { span: marked.unwrap_or(one.span.clone()), ..one }),
            ),
        }
    }
    found
}

/// The value of a stretch that is nothing else, as a cell of a table.
pub(crate) fn whole(text: &Text, span: &Span, asked: Asked<'_>) -> Option<Candidate> {
    let folded = text.folded(span.clone());
    let lead = folded.len() - folded.trim_start().len();
    let span = span.start + lead..span.start + folded.trim_end().len().max(lead);
    let folded = folded.trim();
    let folded = match asked.kind {
        Type::Money | Type::Number | Type::Percent => unspecked(folded),
        _ => folded,
    };
    if folded.is_empty() || folded.chars().all(|c| matches!(c, '-' | '.' | '*' | '_' | ' ' | '~')) {
        return None;
    }
    let made = |value: Json| Some(Candidate { span: span.clone(), value, flags: Vec::new() });
    match asked.kind {
        Type::Text => {
            let value = cleaned(&text.flow.printed(span.clone()), asked.clean);
            if value.is_empty() {
                return None;
            }
            // What was cleaned away is not marked on the page either.
            let kept =
                folded.find(&fold(&value)).map(|at| span.start + at..span.start + at + value.chars().count());
            Some(Candidate {
                span: kept.unwrap_or_else(|| span.clone()),
                value: Json::from(value),
                flags: Vec::new(),
            })
        }
        Type::Yes => made(Json::Bool(true)),
        Type::Choice => {
            candidates(text, &span, asked).into_iter().next().map(|one| Candidate { value: one.value, ..one })
        }
        Type::Money => candidates(text, &span, asked)
            .into_iter()
            .next()
            .or_else(|| made(Json::from(scan::reais(folded)?))),
        Type::Number => candidates(text, &span, asked)
            .into_iter()
            .next()
            .or_else(|| made(Json::from(scan::figure(folded)?)))
            .or_else(|| made(Json::from(scan::spelled(folded.split_whitespace())? as f64))),
        Type::Percent => candidates(text, &span, asked)
            .into_iter()
            .next()
            .or_else(|| made(Json::from(scan::figure(folded).filter(|value| *value <= 100.0)?))),
        // Votes that are only counted: "2.480.115 votos".
        Type::PercentText => candidates(text, &span, asked).into_iter().next().or_else(|| {
            let votes = folded.strip_suffix("votos").and_then(|count| scan::figure(count.trim()));
            votes.and_then(|_| made(Json::from(text.flow.printed(span.clone()))))
        }),
        Type::Person | Type::Party => candidates(text, &span, asked).into_iter().next().or_else(|| {
            let name = text.flow.printed(span.clone());
            let letters =
                name.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '.' | '\'' | '’' | '-'));
            let upper = !name.chars().any(char::is_lowercase);
            let name = if upper { scan::title_case(&name) } else { name };
            (letters && (2..=9).contains(&name.split(' ').count())).then(|| made(Json::from(name))).flatten()
        }),
        _ => candidates(text, &span, asked).into_iter().next(),
    }
}

/// The figure of a cell without the specks that OCR reads beside it: `: 94.185,00`, `e 18.450,36 |`.
fn unspecked(cell: &str) -> &str {
    let speck = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '(' | ')' | '-' | '%' | '$');
    let figure = |word: &str| word.contains(|c: char| c.is_ascii_digit());
    let mut figures = cell.split_whitespace().filter(|word| figure(word));
    let (Some(only), None) = (figures.next(), figures.next()) else { return cell };
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).len() < 2;
    let alone =
        cell.split_whitespace().all(|word| figure(word) || bare(word) && !word.contains(['$', '%', '(']));
    if alone { only.trim_matches(speck) } else { cell }
}

/// A text without what surrounds it, and as the profile cleans it.
pub(crate) fn cleaned(value: &str, clean: &[Clean]) -> String {
    let mut value = value.to_owned();
    for rule in clean {
        let folded = fold(&value);
        let chars: Vec<char> = value.chars().collect();
        let mut out = String::new();
        let mut from = 0;
        for (all, put, kept) in rule.find.replacements(&folded, &rule.put) {
            out.extend(chars.get(from..all.start).unwrap_or(&[]));
            // A group that is put back keeps its letters as printed.
            match kept {
                Some(kept) if rule.put == "$k" => out.extend(chars.get(kept).unwrap_or(&[])),
                _ => out.push_str(&put),
            }
            from = all.end;
        }
        out.extend(chars.get(from..).unwrap_or(&[]));
        value = out;
    }
    let value = crate::text::squeeze(&value);
    value
        .trim_matches(|c: char| {
            c.is_whitespace()
                || matches!(c, ',' | ';' | ':' | '-' | '–' | '—' | '"' | '“' | '”' | '*' | '•' | '|' | '_')
        })
        .trim_end_matches(|c: char| matches!(c, '.' | ' ') && !ends_short(&value))
        .to_owned()
}

/// Whether a full stop belongs to the last word: "S.A.", "Ltda.".
fn ends_short(value: &str) -> bool {
    let last = fold(value.rsplit(' ').next().unwrap_or(""));
    matches!(last.as_str(), "s.a." | "ltda." | "cia." | "jr." | "inc.")
}

/// Whether `value` is what a text of `kind` says: for proposals of a model.
pub(crate) fn holds_value(text: &Text, asked: Asked<'_>, value: &Json) -> bool {
    let all = text.all();
    match (asked.kind, value) {
        (Type::Text, Json::String(value)) => {
            let value = fold(&crate::text::squeeze(value));
            !value.is_empty() && fold(&crate::text::squeeze(&text.flow.folded)).contains(&value)
        }
        (Type::Yes, _) => false,
        _ => {
            candidates(text, &all, asked).iter().any(|one| same(&one.value, value))
                || whole(text, &all, asked).is_some_and(|one| same(&one.value, value))
        }
    }
}

/// Whether two values are one: numbers to a ten-thousandth, texts but for case and accents.
pub(crate) fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::String(a), Json::String(b)) => fold(a) == fold(b),
        (Json::Number(a), Json::Number(b)) => {
            a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| (a - b).abs() < 1e-4)
        }
        (a, b) => a == b,
    }
}
