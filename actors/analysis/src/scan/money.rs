//! Money in figures, in words, and in both together, which are held to each other.

use std::sync::LazyLock;

use regex::Regex;

use super::spelled::{is_number_word, spelled};
use super::{Entity, Kind, figure, pattern};

/// What a word after an amount multiplies it by.
fn times(word: &str) -> f64 {
    match word.get(..3) {
        Some("mil") if word.starts_with("milh") => 1e6,
        Some("mil") => 1e3,
        Some("bil") => 1e9,
        _ => 1.0,
    }
}

/// Every amount in reais.
pub(crate) fn monies(folded: &str) -> Vec<Entity> {
    static FIGURES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\br ?(?:[$s]\s?|[58] )(\d{1,3}[.:] \d{3}(?:[.:] ?\d{3})*, ?\d{2}\b|\d[\d.,]*(?:[:;]\d{3}(?:[.,]\d+)+)?(?: \d{3}(?:[.,]\d+)+)?)(?:\s(mil|milhao|milhoes|bilhao|bilhoes)\b)?",
        )
    });
    static REAIS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\breais\b|\breal\b"));
    let mut found: Vec<Entity> = Vec::new();
    for one in FIGURES.captures_iter(folded) {
        let (Some(whole), Some(number)) = (one.get(0), one.get(1)) else { continue };
        let text = number.as_str().trim_end_matches(['.', ',']);
        let Some(value) = figure(&dotted(text)) else { continue };
        let scale = one.get(2);
        let value = value * scale.map_or(1.0, |scale| times(scale.as_str()));
        let end = scale.map_or(number.start() + text.len(), |scale| scale.end());
        found.push(Entity::new(Kind::Money, whole.start()..end, rounded(value)));
    }
    for reais in REAIS.find_iter(folded) {
        let Some((start, end, value)) = around(folded, reais.range()) else { continue };
        let parenthesis = folded[..start].trim_end().ends_with('(');
        let before = found.iter_mut().find(|figures| {
            figures.span.end <= start
                && folded[figures.span.end..start].chars().all(|c| c.is_whitespace() || c == '(')
                && parenthesis
        });
        if let Some(figures) = before {
            if figures.number().is_some_and(|figures| (figures - value).abs() > 0.005) {
                figures.flags.push("words_differ");
            } else if !figures.flags.contains(&"words_differ") {
                figures.flags.push("words_agree");
            }
        } else if !found.iter().any(|other| other.span.start < end && start < other.span.end) {
            found.push(Entity::new(Kind::Money, start..end, rounded(value)));
        }
    }
    found.sort_by_key(|money| money.span.start);
    found
}

/// The words of number before `reais`, and the centavos after it: start, end and value.
fn around(folded: &str, reais: std::ops::Range<usize>) -> Option<(usize, usize, f64)> {
    let mut start = reais.start;
    let mut words: Vec<&str> = Vec::new();
    let head = folded.get(..reais.start)?;
    for (at, word) in words_back(head) {
        // A speck of dirt is read as a full stop.
        let bare = word.trim_end_matches([',', '.']);
        let particle = matches!(bare, "e" | "de");
        if !particle && !is_number_word(bare) {
            break;
        }
        if !particle {
            start = at;
        }
        words.push(bare);
        if words.len() > 24 {
            break;
        }
    }
    while words.last().is_some_and(|word| matches!(*word, "e" | "de")) {
        words.pop();
    }
    let whole = spelled(words.iter().rev().copied().filter(|word| *word != "de"))?;
    static CENTS: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^,?\s+e\s+((?:[a-z]+\s+e\s+)?[a-z]+)\s+centavos?"));
    let tail = folded.get(reais.end..)?;
    let cents = CENTS.captures(tail).and_then(|cents| {
        let value = spelled(cents.get(1)?.as_str().split_whitespace())?;
        Some((value as f64 / 100.0, reais.end + cents.get(0)?.end()))
    });
    let (cents, end) = cents.unwrap_or((0.0, reais.end));
    Some((start, end, whole as f64 + cents))
}

/// The words of `text` from its end, each with where it begins.
fn words_back(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let trimmed = rest.trim_end();
        let at = trimmed.rfind(|c: char| c.is_whitespace() || c == '(').map_or(0, |at| at + 1);
        let word = trimmed.get(at..)?;
        // A parenthesis ends the run.
        rest = if trimmed.get(..at)?.ends_with('(') { "" } else { trimmed.get(..at)? };
        (!word.is_empty()).then_some((at, word))
    })
}

/// Without what binary fractions add.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// The amount of a cell or a phrase that is one, with or without its sign.
pub(crate) fn reais(folded: &str) -> Option<f64> {
    if let Some(money) = monies(folded).first() {
        return money.number();
    }
    let text = folded.trim().trim_start_matches("r$").trim();
    figure(&dotted(text))
}

/// Figures whose dots or comma were read as a colon or a semicolon: `88:016,00`, `1.208;00`.
fn dotted(text: &str) -> String {
    let behind = |at: usize| text.get(at + 1..).unwrap_or("");
    let last = text.rfind([',', ':', ';']);
    let sign = |(at, c): (usize, char)| match c {
        ':' | ';' if last == Some(at) && behind(at).len() == 2 => ',',
        ':' | ';' if behind(at).len() >= 3 => '.',
        c => c,
    };
    text.char_indices().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::fold;

    fn all(text: &str) -> Vec<f64> {
        monies(&fold(text)).iter().filter_map(Entity::number).collect()
    }

    #[test]
    fn money_is_read_in_figures_and_in_words() {
        assert_eq!(all("de R$ 37,5 milhões."), [37_500_000.0]);
        assert_eq!(all("limite de três milhões e duzentos mil reais: retirada"), [3_200_000.0]);
        assert_eq!(all("R$ 1.013,4405 e RS 98,75"), [1013.4405, 98.75]);
        assert_eq!(all("R$ 4.319,80 (quatro mil, trezentos e dezenove reais e oitenta centavos)"), [4319.8]);
        assert_eq!(all("no valor de mil, cento e nove reais e sessenta e quatro centavos"), [1109.64]);
        assert_eq!(all("um milhão de reais"), [1_000_000.0]);
        assert_eq!(all("R$ 97 116,33"), [97_116.33]);
        assert_eq!(all("R8 1.200,00 e R5 30,50"), [1200.0, 30.5]);
        assert_eq!(all("R$ 1.164318,66 e R$ 42.318.66"), [1_164_318.66, 42_318.66]);
        assert_eq!(all("R$ 780. 000, 00 e R$ 1.000, 20 cotas"), [780_000.0, 1000.0]);
        assert_eq!(all("os bens reais e imóveis"), [0.0; 0]);
    }

    #[test]
    fn a_dot_read_as_a_colon_is_a_dot() {
        assert_eq!(all("Valor: R$ 88:016,00 (oitenta e oito mil e dezesseis reais)."), [88_016.0]);
        assert_eq!(all("R$ 1;250.300,10; e R$ 40,00; 300 cotas"), [1_250_300.1, 40.0]);
        assert_eq!(reais("1.208;00"), Some(1208.0));
        assert_eq!(reais("12:30h"), None);
    }

    #[test]
    fn words_are_held_to_the_figures() {
        let flags = |text: &str| monies(&fold(text))[0].flags.clone();
        assert_eq!(flags("R$ 12,00 (doze reais)"), ["words_agree"]);
        assert_eq!(flags("R$ 13,00 (doze reais)"), ["words_differ"]);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            monies(&fold(&text));
            reais(&fold(&text));
        }
    }
}
