//! A day of the calendar, and how texts write it.

use crate::fold::{fold, in_word};
use std::fmt;

/// A day; the order is that of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A day that exists, in the years 1 to 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u8::from(leap),
            _ => return None,
        };
        ((1..=9999).contains(&year) && (1..=days).contains(&day)).then_some(Date { year, month, day })
    }

    /// A number that grows with the day.
    pub(crate) fn ordinal(self) -> i128 {
        (i128::from(self.year) * 12 + i128::from(self.month)) * 31 + i128::from(self.day)
    }

    /// The day of a moment in Unix milliseconds, in UTC.
    pub fn of_unix_ms(ms: u64) -> Option<Date> {
        // Days to civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let days = i64::try_from(ms / 86_400_000).ok()? + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = u8::try_from(day_of_year - (153 * shifted + 2) / 5 + 1).ok()?;
        let month = u8::try_from(if shifted < 10 { shifted + 3 } else { shifted - 9 }).ok()?;
        let year = u16::try_from(year_of_era + era * 400 + i64::from(month <= 2)).ok()?;
        Date::new(year, month, day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:02}/{:04}", self.day, self.month, self.year)
    }
}

/// A day at the beginning of a text and how many bytes it takes: `31/12/2024`, `2024-12-31`, `31 de dezembro de 2024`,
/// `1º de janeiro de 2024`, `31 December 2024`, `December 31, 2024`.
pub(super) fn read(text: &str) -> Option<(Date, usize)> {
    numeric(text).or_else(|| day_first(text)).or_else(|| month_first(text))
}

fn digits(text: &str, most: usize) -> Option<(u16, usize)> {
    let length = text.bytes().take(most + 1).take_while(u8::is_ascii_digit).count();
    if length == 0 || length > most {
        return None;
    }
    Some((text.get(..length)?.parse().ok()?, length))
}

fn numeric(text: &str) -> Option<(Date, usize)> {
    let (first, mut at) = digits(text, 4)?;
    let separator = text.get(at..)?.chars().next().filter(|c| matches!(c, '/' | '-' | '.'))?;
    let (second, length) = digits(text.get(at + 1..)?, 2)?;
    at += 1 + length;
    let rest = text.get(at..)?.strip_prefix(separator)?;
    let (third, length) = digits(rest, 4)?;
    let end = at + 1 + length;
    if text.get(end..)?.starts_with(in_word) {
        return None;
    }
    let (year, month, day) = match (at, length) {
        _ if first > 31 && separator == '-' => (first, second, third),
        (_, 4) => (third, second, first),
        // Two digits of a year are of this century.
        (_, 2) if separator == '/' => (third + 2000, second, first),
        _ => return None,
    };
    Some((Date::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)?, end))
}

fn day_first(text: &str) -> Option<(Date, usize)> {
    let (day, mut at) = digits(text, 2)?;
    for mark in ["º", "°", "o "] {
        if text.get(at..)?.starts_with(mark) {
            at += mark.trim_end().len();
            break;
        }
    }
    let (word, mut at) = word(text, at)?;
    let (month, of) = match fold(word).as_str() {
        "de" | "of" => {
            let (next, end) = self::word(text, at)?;
            at = end;
            (month(next)?, true)
        }
        other => (month(other)?, false),
    };
    if of
        && let Some((linking, end)) = self::word(text, at)
        && matches!(linking, "de" | "of")
    {
        at = end;
    }
    let (date, end) = year(text, at, month, day)?;
    Some((date, end))
}

fn month_first(text: &str) -> Option<(Date, usize)> {
    let (name, at) = word_here(text)?;
    let month = month(name)?;
    let rest = text.get(at..)?.strip_prefix(' ')?;
    let (day, length) = digits(rest, 2)?;
    let mut at = at + 1 + length;
    at += usize::from(text.get(at..)?.starts_with(','));
    year(text, at, month, day)
}

fn year(text: &str, at: usize, month: u8, day: u16) -> Option<(Date, usize)> {
    let rest = text.get(at..)?.strip_prefix([' ', '\u{a0}'])?;
    let start = text.len() - rest.len();
    let (year, length) = digits(rest, 4).filter(|(_, length)| *length == 4)?;
    let end = start + length;
    if text.get(end..)?.starts_with(in_word) {
        return None;
    }
    Some((Date::new(year, month, u8::try_from(day).ok()?)?, end))
}

/// The word after the white space at `at`, and where it ends.
fn word(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = text.get(at..)?.strip_prefix([' ', '\u{a0}', '\n'])?;
    let start = text.len() - rest.len();
    let (word, length) = word_here(rest)?;
    Some((word, start + length))
}

fn word_here(text: &str) -> Option<(&str, usize)> {
    // No month's name is longer.
    const WORD_MAX: usize = 16;
    let length = text.char_indices().take(WORD_MAX).find(|(_, c)| !c.is_alphabetic()).map(|(at, _)| at)?;
    (length > 0).then_some((text.get(..length)?, length))
}

fn month(word: &str) -> Option<u8> {
    Some(match fold(word).as_str() {
        "janeiro" | "january" => 1,
        "fevereiro" | "february" => 2,
        "marco" | "march" => 3,
        "abril" | "april" => 4,
        "maio" | "may" => 5,
        "junho" | "june" => 6,
        "julho" | "july" => 7,
        "agosto" | "august" => 8,
        "setembro" | "september" => 9,
        "outubro" | "october" => 10,
        "novembro" | "november" => 11,
        "dezembro" | "december" => 12,
        _ => return None,
    })
}
