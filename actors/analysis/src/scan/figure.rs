//! Numbers in figures as Brazilians write them: dots between thousands, a comma before the decimals.

use std::sync::LazyLock;

use regex::Regex;

use super::spelled::{is_number_word, spelled};
use super::{Entity, Kind, pattern};

/// The value of a run of digits, dots, commas and spaces; `None` where it is not one number.
///
/// A lone dot before three digits parts thousands; before another count of digits it is a decimal point. Where OCR read
/// the dots of the thousands as commas, the last comma is the decimal one; where it read the comma as a dot, two digits
/// behind the last of several are decimals.
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
            let thousands = text.split('.').skip(1).all(|group| group.len() == 3 || group.len() == 2);
            let last = behind == 2
                && thousands
                && text[..at].rsplit('.').next().is_some_and(|group| group.len() == 3);
            (behind != 3 && (alone || last || text[..at].contains(','))).then_some(at)
        }
    };
    let (whole, part) = decimal.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
    // A dot that OCR lost joins two groups.
    let mut groups = whole.split(['.', ',']);
    let first = groups.next()?;
    let grouped = whole.contains(['.', ',']);
    if first.is_empty()
        || grouped
            && (first.len() > 3
                || groups.any(|group| !(group.len() == 3 || group.len() == 6 && part.len() == 2)))
    {
        return None;
    }
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    format!("{whole}.{part}0").parse().ok()
}

static SCALE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s(mil|milhao|milhoes)\b"));
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[a-z]+"));

/// Every plain number, in figures, in figures with a word of scale, or in words.
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
            let scale = SCALE.captures(folded.get(end..).unwrap_or("")).and_then(|scale| scale.get(1));
            let times = match scale.map(|scale| scale.as_str()) {
                Some("mil") => 1e3,
                Some(_) => 1e6,
                None => 1.0,
            };
            let end = scale.map_or(end, |scale| end + scale.end());
            found.push(Entity::new(Kind::Number, number.start()..end, super::money::rounded(value * times)));
        }
    }
    found.extend(in_words(folded));
    found.sort_by_key(|number| number.span.start);
    found
}

/// Numbers in words that count things: "duas mil e quinhentas cotas". A lone "um" is an article, and words in
/// parentheses say again what stands in figures before them.
fn in_words(folded: &str) -> Vec<Entity> {
    let mut found = Vec::new();
    let mut run: Option<(usize, usize)> = None;
    let mut close = |run: Option<(usize, usize)>| {
        let Some((start, end)) = run else { return };
        let words = folded.get(start..end).unwrap_or("");
        let explained = folded.get(..start).is_some_and(|head| head.trim_end().ends_with('('));
        let alone = matches!(
            words,
            "um" | "uma" | "mil" | "milhao" | "milhoes" | "bilhao" | "bilhoes" | "primeiro" | "meia"
        );
        // Money, shares and dates are scanned as such.
        let next = folded.get(end..).unwrap_or("").trim_start();
        let other =
            ["real", "reais", "centavo", "por cento", "avos", "de reais", "inteiro", "centesim", "decim"]
                .iter()
                .any(|word| next.starts_with(word));
        if !explained
            && !alone
            && !other
            && let Some(value) = spelled(words.split_whitespace())
        {
            found.push(Entity::new(Kind::Number, start..end, value as f64));
        }
    };
    for word in WORD.find_iter(folded) {
        let gap = |last: usize| folded.get(last..word.start()).unwrap_or("x").trim().is_empty();
        if is_number_word(word.as_str()) {
            run = match run {
                Some((start, last))
                    if gap(last) || folded.get(last..word.start()).is_some_and(|e| e.trim() == "e") =>
                {
                    Some((start, word.end()))
                }
                run => {
                    close(run);
                    Some((word.start(), word.end()))
                }
            };
        } else if word.as_str() != "e" {
            close(run.take());
        }
    }
    close(run);
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

    #[test]
    fn numbers_count_in_words_and_with_a_word_of_scale() {
        let all = |text: &str| -> Vec<f64> {
            numbers(&crate::text::fold(text)).iter().filter_map(Entity::number).collect()
        };
        assert_eq!(all("15 mil debêntures"), [15_000.0]);
        assert_eq!(all("1,5 milhão de cotas"), [1_500_000.0]);
        assert_eq!(all("duas mil e quinhentas cotas e cem ações"), [2_500.0, 100.0]);
        assert_eq!(all("40 (quarenta) títulos, por cinquenta reais, em um só ato"), [40.0]);
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
