//! Typed values in a text: money, percentages, numbers, dates, CPF and CNPJ, as Brazil and ISO write them.

mod date;
mod registry;

pub use date::Date;

use crate::fold::{begins, fold, in_word};
use std::ops::Range;

/// Millionths, so that cents and percentages are exact.
const UNIT: i128 = 1_000_000;
/// Digits of a number that is read; a longer run of digits is no amount.
const DIGITS_MAX: usize = 21;

/// What a value is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An amount of money.
    Money,
    /// A percentage.
    Percent,
    /// A number without a unit.
    Number,
    /// A day.
    Date,
    /// The tax number of a person.
    Cpf,
    /// The tax number of a company.
    Cnpj,
}

/// The currencies that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Currency {
    /// Brazilian real.
    Real,
    /// US dollar.
    Dollar,
    /// Euro.
    Euro,
}

/// A value in millionths of its unit, a day, or a tax number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// An amount, in millionths of the currency's unit.
    Money(Currency, i128),
    /// A percentage, in millionths of a per cent.
    Percent(i128),
    /// A number, in millionths.
    Number(i128),
    /// A day.
    Date(Date),
    /// A CPF's digits, and whether its check digits are right.
    Cpf(String, bool),
    /// A CNPJ's digits and letters, and whether its check digits are right.
    Cnpj(String, bool),
}

impl Value {
    /// What it is of.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Money(..) => Kind::Money,
            Value::Percent(_) => Kind::Percent,
            Value::Number(_) => Kind::Number,
            Value::Date(_) => Kind::Date,
            Value::Cpf(..) => Kind::Cpf,
            Value::Cnpj(..) => Kind::Cnpj,
        }
    }

    /// The order of two values of one kind and currency; `None` when they cannot be compared.
    pub fn compare(&self, other: &Value) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Value::Money(a, x), Value::Money(b, y)) if a == b => Some(x.cmp(y)),
            (Value::Percent(x), Value::Percent(y)) | (Value::Number(x), Value::Number(y)) => Some(x.cmp(y)),
            (Value::Date(x), Value::Date(y)) => Some(x.cmp(y)),
            (Value::Cpf(x, _), Value::Cpf(y, _)) | (Value::Cnpj(x, _), Value::Cnpj(y, _)) => Some(x.cmp(y)),
            _ => None,
        }
    }
}

/// Every value in a text with its place, in order, without overlap.
pub fn values(text: &str) -> Vec<(Value, Range<usize>)> {
    let mut found = Vec::new();
    let mut skip = 0;
    let mut inside = false;
    for (at, c) in text.char_indices() {
        let word = in_word(c);
        let starts = word && !inside;
        inside = word;
        if !starts || at < skip {
            continue;
        }
        if let Some((value, range)) = value_at(text, at) {
            skip = range.end;
            found.push((value, range));
        }
    }
    found
}

/// Reads a text that is one value of a kind and nothing else: `R$ 10.000,00`, `12,5%`, `01/02/2024`.
pub fn literal(kind: Kind, text: &str) -> Option<Value> {
    let text = text.trim();
    let mut found = values(text);
    let (value, _) = found.pop().filter(|(_, range)| found.is_empty() && *range == (0..text.len()))?;
    match (kind, value) {
        // `valor maior que 10.000,00`: an amount without its currency is in reais.
        (Kind::Money, Value::Number(micros)) => Some(Value::Money(Currency::Real, micros)),
        (Kind::Percent, Value::Number(micros)) => Some(Value::Percent(micros)),
        (kind, value) => (value.kind() == kind).then_some(value),
    }
}

/// The value that begins at the word that begins at `at`.
fn value_at(text: &str, at: usize) -> Option<(Value, Range<usize>)> {
    let rest = text.get(at..)?;
    if let Some((value, length)) = registry::read(rest) {
        return Some((value, at..at + length));
    }
    if let Some((date, length)) = date::read(rest) {
        return Some((Value::Date(date), at..at + length));
    }
    if !begins(text, at) {
        return None;
    }
    let (mut micros, mut length) = number(rest)?;
    let (scale, more) = multiplier(rest.get(length..)?);
    micros = micros.checked_mul(scale)?;
    length += more;
    let after = rest.get(length..)?;
    let before = text.get(..at)?;
    let (unsigned, sign) = sign(before);
    if sign {
        micros = -micros;
    }
    if let Some(more) = percent(after) {
        return Some((Value::Percent(micros), unsigned.len()..at + length + more));
    }
    let (stem, currency) = currency_before(unsigned);
    if let Some(currency) = currency {
        let (stem, negative) = self::sign(stem);
        return Some((
            Value::Money(currency, if negative { -micros } else { micros }),
            stem.len()..at + length,
        ));
    }
    if let Some((currency, more)) = currency_after(after) {
        return Some((Value::Money(currency, micros), unsigned.len()..at + length + more));
    }
    // `3x`, `2ª`, `12h`: a number that is part of a word is no number.
    if after.starts_with(|c| in_word(c) || matches!(c, 'º' | 'ª')) {
        return None;
    }
    Some((Value::Number(micros), unsigned.len()..at + length))
}

/// Digits with separators: `1.234,56`, `1,234.56`, `10.000`, `0.5`, `1234`.
fn number(text: &str) -> Option<(i128, usize)> {
    let bytes = text.as_bytes();
    let mut groups: Vec<(u8, Range<usize>)> = Vec::new();
    let (mut at, mut separator, mut digits) = (0, 0, 0);
    loop {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if start == at {
            at = at.checked_sub(1)?;
            break;
        }
        digits += at - start;
        if digits > DIGITS_MAX {
            return None;
        }
        groups.push((separator, start..at));
        match bytes.get(at) {
            Some(&byte @ (b'.' | b',')) if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                separator = byte
            }
            _ => break,
        }
        at += 1;
    }
    let (dots, commas) = groups.iter().fold((0, 0), |(dots, commas), (separator, _)| match separator {
        b'.' => (dots + 1, commas),
        b',' => (dots, commas + 1),
        _ => (dots, commas),
    });
    let last = groups.last()?.0;
    let threes = groups.iter().skip(1).all(|(_, range)| range.len() == 3)
        && groups.first().is_some_and(|(_, range)| range.len() <= 3);
    let decimal = match (dots, commas) {
        (0, 0) => false,
        (_, 0) => dots == 1 && !threes,
        (0, _) => commas == 1,
        _ => true,
    };
    if decimal && groups.iter().filter(|(separator, _)| *separator == last).count() > 1 {
        return None;
    }
    let mut micros: i128 = 0;
    let mut fraction = UNIT;
    let whole = groups.len() - usize::from(decimal);
    for (index, (_, range)) in groups.iter().enumerate() {
        for byte in bytes.get(range.clone())? {
            let digit = i128::from(byte - b'0');
            if index < whole {
                micros = micros.checked_mul(10)?.checked_add(digit * UNIT)?;
            } else {
                fraction /= 10;
                micros = micros.checked_add(digit * fraction)?;
            }
        }
    }
    Some((micros, at))
}

/// `mil`, `milhões`, `bilhões` after a number.
fn multiplier(after: &str) -> (i128, usize) {
    let word = next_word(after);
    let scale = match fold(word).as_str() {
        "mil" | "thousand" => 1_000,
        "milhao" | "milhoes" | "million" => 1_000_000,
        "bilhao" | "bilhoes" | "billion" => 1_000_000_000,
        _ => return (1, 0),
    };
    (scale, after.len() - after.trim_start().len() + word.len())
}

fn next_word(after: &str) -> &str {
    let trimmed = after.strip_prefix(char::is_whitespace).unwrap_or("");
    let end = trimmed.find(|c| !in_word(c)).unwrap_or(trimmed.len());
    trimmed.get(..end.min(16)).unwrap_or("")
}

fn percent(after: &str) -> Option<usize> {
    let space = usize::from(after.starts_with(' '));
    let rest = after.get(space..)?;
    if rest.starts_with('%') {
        return Some(space + 1);
    }
    for words in ["por cento", "per cent", "percent"] {
        let head = rest.get(..words.len());
        if head.is_some_and(|head| head.eq_ignore_ascii_case(words))
            && !rest.get(words.len()..)?.starts_with(in_word)
        {
            return Some(space + words.len());
        }
    }
    None
}

fn sign(before: &str) -> (&str, bool) {
    let Some(head) = before.strip_suffix(['-', '−']) else { return (before, false) };
    // `2020-30` is a range and no negative number.
    if head.ends_with(in_word) || head.ends_with([')', '.']) { (before, false) } else { (head, true) }
}

fn currency_before(before: &str) -> (&str, Option<Currency>) {
    let head = before.trim_end_matches([' ', '\u{a0}']);
    for (mark, currency) in
        [("US$", Currency::Dollar), ("U$", Currency::Dollar), ("R$", Currency::Real), ("r$", Currency::Real)]
    {
        if let Some(stem) = head.strip_suffix(mark) {
            return (stem, Some(currency));
        }
    }
    for (mark, currency) in [
        ("€", Currency::Euro),
        ("BRL", Currency::Real),
        ("USD", Currency::Dollar),
        ("EUR", Currency::Euro),
        ("$", Currency::Dollar),
    ] {
        if let Some(stem) = head.strip_suffix(mark)
            && !(mark.starts_with(char::is_alphabetic) && stem.ends_with(in_word))
        {
            return (stem, Some(currency));
        }
    }
    (before, None)
}

fn currency_after(after: &str) -> Option<(Currency, usize)> {
    if let Some(rest) = after.strip_prefix(' ').unwrap_or(after).strip_prefix('€') {
        return Some((Currency::Euro, after.len() - rest.len()));
    }
    let mut from = 0;
    // `R$ 2 milhões de reais`, `mil reais`
    for _ in 0..2 {
        let word = next_word(after.get(from..)?);
        let end = from + after.get(from..)?.find(|c: char| !c.is_whitespace())? + word.len();
        match fold(word).as_str() {
            "de" => from = end,
            "reais" | "real" | "brl" => return Some((Currency::Real, end)),
            "dolares" | "dolar" | "dollars" | "usd" => return Some((Currency::Dollar, end)),
            "euros" | "euro" | "eur" => return Some((Currency::Euro, end)),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests;
