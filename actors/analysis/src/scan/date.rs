//! Dates in figures and in words, as `dd/mm/yyyy`.

use std::sync::LazyLock;

use regex::Regex;

use super::spelled::spelled;
use super::{Entity, Kind, pattern};

const MONTHS: [&str; 12] = [
    "janeiro",
    "fevereiro",
    "marco",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
];

/// The date as it goes into a result, or `None` where there is no such day.
fn written(day: u64, month: u64, year: u64) -> Option<String> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    ((1..=days).contains(&day) && (1500..2200).contains(&year))
        .then(|| format!("{day:02}/{month:02}/{year:04}"))
}

fn month(name: &str) -> Option<u64> {
    MONTHS
        .iter()
        .position(|month| name.starts_with(&month[..3]) && (name == *month || name.len() == 3))
        .map(|at| at as u64 + 1)
}

fn year(text: &str) -> Option<u64> {
    let year: u64 = text.parse().ok()?;
    Some(if text.len() == 2 { year + if year < 50 { 2000 } else { 1900 } } else { year })
}

/// Every date.
pub(crate) fn dates(folded: &str) -> Vec<Entity> {
    static FIGURES: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\b(\d{1,2}) ?([/.-]) ?(\d{1,2}) ?([/.-]) ?(\d{4}|\d{2})\b"));
    static ISO: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b((?:19|20)\d{2})-(\d{2})-(\d{2})\b"));
    static NAMED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b(\d{1,2})[ou]?\.?\s*(?:\([^)]{3,40}\)\s*)?(?:dias?\s+)?(?:do\s+mes\s+)?(?:de\s+|/)(jan|fev|mar|abr|mai|jun|jul|ago|set|out|nov|dez)([a-z]*)\.?\s*(?:do\s+ano\s+)?(?:de|do ano de|do|/|,)?\s*(\d{4}|\d\.\d{3})\b",
        )
    });
    static SPELLED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b((?:[a-z]+\s+(?:e\s+)?)?[a-z]+)\s*(?:\(\d{1,2}[o]?\)\s*)?(?:dias?\s*(?:\(\d{1,2}\)\s*)?)?(?:do\s+mes\s+)?de\s+(janeiro|fevereiro|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro)\s*(?:\(\d{1,2}\)\s*)?,?\s*(?:do\s+ano\s+)?(?:de\s+|do\s+ano\s+de\s+)?(?:(dois\s+mil(?:\s*,?\s*(?:e\s+)?[a-z]+(?:\s+e\s+[a-z]+)?)?|mil\s+(?:e\s+)?novecentos\s+e\s+[a-z]+(?:\s+e\s+[a-z]+)?)|(\d{4}))",
        )
    });
    static YEAR_FIRST: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\bano\s+(?:da graca\s+|de nosso senhor\s+)?de\s+(\d{4}|dois\s+mil(?:\s+e\s+[a-z]+){0,2})\s*(?:\(\d{4}\)\s*)?,?\s*(?:aos?|em|no dia)\s+(\d{1,2}|[a-z]+(?:\s+e\s+[a-z]+)?)\s*(?:\(\d{1,2}\)\s*)?(?:dias?\s+)?(?:do\s+mes\s+)?de\s+(janeiro|fevereiro|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro)",
        )
    });
    let mut found: Vec<Entity> = Vec::new();
    let mut push = |span: std::ops::Range<usize>, value: Option<String>| {
        if let Some(value) = value
            && !found.iter().any(|other| other.span.start < span.end && span.start < other.span.end)
        {
            found.push(Entity::new(Kind::Date, span, value));
        }
    };
    for date in YEAR_FIRST.captures_iter(folded) {
        let part = |at: usize| date.get(at).map_or("", |m| m.as_str());
        let number = |text: &str| text.parse().ok().or_else(|| spelled(text.split_whitespace()));
        let value = (|| written(number(part(2))?, month(part(3))?, number(part(1))?))();
        push(date.get(0).map_or(0..0, |m| m.range()), value);
    }
    for date in SPELLED.captures_iter(folded) {
        let Some(whole) = date.get(0) else { continue };
        let (said, month_name) =
            (date.get(1).map_or("", |m| m.as_str()), date.get(2).map_or("", |m| m.as_str()));
        let words: Vec<&str> =
            said.split_whitespace().filter(|word| !matches!(*word, "dia" | "dias")).collect();
        // The run may have begun before the day: the longest tail that is a number is the day.
        let day = (0..words.len()).find_map(|from| {
            let tail = words.get(from..)?;
            (tail.first() != Some(&"e"))
                .then(|| spelled(tail.iter().copied()))
                .flatten()
                .map(|day| (from, day))
        });
        let Some((from, day)) = day else { continue };
        let lead: usize = said.find(words.get(from).copied().unwrap_or("")).unwrap_or(0);
        let (year, end) = match (date.get(3), date.get(4)) {
            (Some(words), _) => match longest_year(words.as_str()) {
                Some((year, length)) => (Some(year), words.start() + length),
                None => continue,
            },
            (None, figures) => (figures.and_then(|figures| year(figures.as_str())), whole.end()),
        };
        let value = month(month_name).zip(year).and_then(|(month, year)| written(day, month, year));
        push(whole.start() + lead..end, value);
    }
    for date in NAMED.captures_iter(folded) {
        let part = |at: usize| date.get(at).map_or("", |m| m.as_str());
        let name = format!("{}{}", part(2), part(3));
        let value = (|| written(part(1).parse().ok()?, month(&name)?, year(&part(4).replace('.', ""))?))();
        push(date.get(0).map_or(0..0, |m| m.range()), value);
    }
    for date in FIGURES.captures_iter(folded) {
        let part = |at: usize| date.get(at).map_or("", |m| m.as_str());
        let value = (|| written(part(1).parse().ok()?, part(3).parse().ok()?, year(part(5))?))();
        if part(2) == part(4) {
            push(date.get(0).map_or(0..0, |m| m.range()), value);
        }
    }
    for date in ISO.captures_iter(folded) {
        let part = |at: usize| date.get(at).map_or("", |m| m.as_str());
        let value = (|| written(part(3).parse().ok()?, part(2).parse().ok()?, year(part(1))?))();
        push(date.get(0).map_or(0..0, |m| m.range()), value);
    }
    found.sort_by_key(|date| date.span.start);
    found
}

/// The year at the head of folded words, and how long it is.
fn longest_year(text: &str) -> Option<(u64, usize)> {
    let mut ends: Vec<usize> = text.match_indices(char::is_whitespace).map(|(at, _)| at).collect();
    ends.push(text.len());
    ends.into_iter().rev().find_map(|end| {
        let words = text.get(..end)?.replace(',', " ");
        let tail = words.split_whitespace().next_back()?;
        (tail != "e").then(|| spelled(words.split_whitespace())).flatten().map(|year| (year, end))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::fold;

    fn first(text: &str) -> Option<String> {
        dates(&fold(text)).first().map(|date| date.text().to_owned())
    }

    #[test]
    fn dates_are_read_in_figures_and_in_words() {
        for (text, date) in [
            ("no dia 17.06.2024, aos", "17/06/2024"),
            ("em 1º de março de 2023", "01/03/2023"),
            ("Florianópolis, 5 de dezembro de 2024.", "05/12/2024"),
            ("Aos cinco dias do mês de março de dois mil e vinte e quatro (05/03/2024)", "05/03/2024"),
            (
                "Aos vinte e dois dias do mês de novembro do ano de dois mil e vinte e quatro, nesta",
                "22/11/2024",
            ),
            ("aos doze dias do mês de abril de dois mil e vinte e cinco, às quinze", "12/04/2025"),
            ("em trinta e um de dezembro de mil novecentos e noventa e nove.", "31/12/1999"),
            ("Aos 12 (doze) dias do mês de abril de 2025", "12/04/2025"),
            ("REALIZADA EM 27 DE FEVEREIRO DE 2026", "27/02/2026"),
            ("Ao primeiro dia do mês de julho do ano de dois mil e vinte, nesta", "01/07/2020"),
            ("em 03/jan/2024", "03/01/2024"),
            ("2024-06-17", "17/06/2024"),
            (
                "no ano de dois mil e vinte e cinco (2025), aos dezesseis (16) dias do mês de junho, nesta",
                "16/06/2025",
            ),
        ] {
            assert_eq!(first(text).as_deref(), Some(date), "{text}");
        }
        for text in ["31/02/2024", "99/99/9999", "art. 16 de março", "dois mil", "4.1.2.3"] {
            assert_eq!(first(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_date_written_is_the_date_read(day in 1_u64..29, month in 1_u64..13, year in 1900_u64..2100, sep in "[/.-]") {
            let expected = format!("{day:02}/{month:02}/{year}");
            prop_assert_eq!(first(&format!("em {day}{sep}{month:02}{sep}{year}.")), Some(expected.clone()));
            let name = MONTHS[month as usize - 1];
            prop_assert_eq!(first(&format!("em {day} de {name} de {year},")), Some(expected));
        }

        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            dates(&fold(&text));
        }
    }
}
