//! Numbers in figures as Brazilians write them: dots between thousands, a comma before the decimals.

use std::sync::LazyLock;

use regex::Regex;

use super::{Entity, Kind, pattern};

/// The value of a run of digits, dots, commas and spaces; `None` where it is not one number.
///
/// A lone dot before three digits parts thousands; before another count of digits it is a decimal point. Where OCR read
/// the dots of the thousands as commas, the last comma is the decimal one.
pub(crate) fn figure(text: &str) -> Option<f64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.trim_end_matches(['.', ',']);
    if text.is_empty() || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if !text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',') {
        return None;
    }
    let decimal = match text.rfind([',', '.']) {
        None => None,
        Some(at) if text[at..].starts_with(',') => Some(at),
        Some(at) => {
            let behind = text.len() - at - 1;
            let alone = text.matches(['.', ',']).count() == 1;
            (behind != 3 && (alone || text[..at].contains(','))).then_some(at)
        }
    };
    let (whole, part) = decimal.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
    let mut groups = whole.split(['.', ',']);
    let first = groups.next()?;
    let grouped = whole.contains(['.', ',']);
    if first.is_empty() || grouped && (first.len() > 3 || groups.any(|group| group.len() != 3)) {
        return None;
    }
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    format!("{whole}.{part}0").parse().ok()
}

/// Every plain number.
pub(crate) fn numbers(folded: &str) -> Vec<Entity> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d[\d.,]*"));
    let mut found = Vec::new();
    for number in NUMBER.find_iter(folded) {
        let text = number.as_str().trim_end_matches(['.', ',']);
        let before = folded[..number.start()].chars().next_back();
        let end = number.start() + text.len();
        let after = folded[end..].chars().next();
        let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '-' | '_'));
        if joined(before) || joined(after) {
            continue;
        }
        if let Some(value) = figure(text) {
            found.push(Entity::new(Kind::Number, number.start()..end, value));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_part_thousands_and_a_comma_the_decimals() {
        for (text, value) in [
            ("2.100", 2100.0),
            ("500.000", 500_000.0),
            ("1.234.567,89", 1_234_567.89),
            ("102,40", 102.4),
            ("1.013,4405", 1013.4405),
            ("14,500,00", 14_500.0),
            ("97 116,33", 97_116.33),
            ("0.14", 0.14),
            ("7", 7.0),
        ] {
            assert_eq!(figure(text), Some(value), "{text}");
        }
        for text in ["", ".", "1.2.3", "17.06.2024", "12a", "1.23.456"] {
            assert_eq!(figure(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_written_is_the_number_read(cents in 0_u64..100_000_000_000) {
            let whole = (cents / 100).to_string();
            let mut grouped = String::new();
            for (at, digit) in whole.chars().enumerate() {
                if at > 0 && (whole.len() - at) % 3 == 0 {
                    grouped.push('.');
                }
                grouped.push(digit);
            }
            let read = figure(&format!("{grouped},{:02}", cents % 100)).unwrap();
            prop_assert!((read - cents as f64 / 100.0).abs() < 0.001);
        }

        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            figure(&text);
            numbers(&crate::text::fold(&text));
        }
    }
}
