//! Parts of a whole: percentages and fractions, in figures and in words.

use std::sync::LazyLock;

use regex::Regex;

use super::spelled::spelled;
use super::{Entity, Kind, figure, pattern};

/// Every percentage, as a number.
pub(crate) fn percents(folded: &str) -> Vec<Entity> {
    static FIGURES: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d{1,3}(?:[.,]\d{1,8})?)\s?%"));
    static WORDS: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\b((?:[a-z]+\s+e\s+)?[a-z]+)\s+por\s+cento\b"));
    let mut found: Vec<Entity> = Vec::new();
    for one in FIGURES.captures_iter(folded) {
        let (Some(whole), Some(number)) = (one.get(0), one.get(1)) else { continue };
        let value = figure(number.as_str()).or_else(|| number.as_str().parse().ok());
        if let Some(value) =
            value.filter(|_| !folded[..whole.start()].ends_with(|c: char| c.is_ascii_digit() || c == ','))
        {
            found.push(Entity::new(Kind::Percent, whole.range(), value));
        }
    }
    for one in WORDS.captures_iter(folded) {
        let (Some(whole), Some(words)) = (one.get(0), one.get(1)) else { continue };
        let explained = folded[..whole.start()].trim_end().trim_end_matches('(').trim_end().ends_with('%');
        let text = words.as_str();
        let value = spelled(text.split_whitespace())
            .or_else(|| spelled([text.split_whitespace().next_back().unwrap_or("")]));
        if let Some(value) = value.filter(|_| !explained)
            && !found.iter().any(|other| other.span.start < whole.end() && whole.start() < other.span.end)
        {
            found.push(Entity::new(Kind::Percent, whole.range(), value as f64));
        }
    }
    found.sort_by_key(|percent| percent.span.start);
    found
}

/// What the name of a part divides by.
fn divisor(word: &str) -> Option<u32> {
    Some(match word.trim_end_matches('s') {
        "meio" | "meia" => 2,
        "terco" | "terca" => 3,
        "quarto" | "quarta" => 4,
        "quinto" | "quinta" => 5,
        "sexto" | "sexta" => 6,
        "setimo" | "setima" => 7,
        "oitavo" | "oitava" => 8,
        "nono" | "nona" => 9,
        "decimo" | "decima" => 10,
        _ => match word {
            "tres" => return None,
            word => word.strip_suffix(" avos").and_then(|word| spelled(word.split(' '))).map(|n| n as u32)?,
        },
    })
}

/// Every fraction, as `1/3`.
pub(crate) fn fractions(folded: &str) -> Vec<Entity> {
    static FIGURES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(\d{1,3})\s?/\s?(\d{1,4})\b"));
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b(?:(um|uma|dois|duas|tres|quatro|cinco)\s+(meio|meia|tercos?|terca|quartos?|quarta|quintos?|quinta|sextos?|sexta|setimos?|setima|oitavos?|oitava|nonos?|nona|decimos?|decima|[a-z]+ avos)(?:\s+partes?)?|(metade)|(?:a\s+)(terca|quarta|quinta|sexta|oitava|decima)\s+parte)\b",
        )
    });
    let mut found: Vec<Entity> = Vec::new();
    for one in FIGURES.captures_iter(folded) {
        let (Some(whole), Some(above), Some(below)) = (one.get(0), one.get(1), one.get(2)) else { continue };
        let (Ok(above), Ok(below)) = (above.as_str().parse::<u32>(), below.as_str().parse::<u32>()) else {
            continue;
        };
        let head = &folded[..whole.start()];
        let joined = head.ends_with(['/', '.', ',', '-']) || folded[whole.end()..].starts_with(['/', '-']);
        let year = (1900..2100).contains(&below);
        // "Livro 12/13" and "Lei 9/99" are no parts of anything.
        let numbered = head.trim_end().ends_with(['o', ':']) && head.trim_end().ends_with(" no");
        let decimals = folded[whole.end()..].starts_with(['.', ','])
            && folded[whole.end() + 1..].starts_with(|c: char| c.is_ascii_digit());
        if above >= 1 && above <= below && below >= 2 && !joined && !year && !numbered && !decimals {
            found.push(Entity::new(Kind::Fraction, whole.range(), format!("{above}/{below}")));
        }
    }
    for one in WORDS.captures_iter(folded) {
        let Some(whole) = one.get(0) else { continue };
        let value = if one.get(3).is_some() {
            Some((1, 2))
        } else if let Some(part) = one.get(4) {
            divisor(part.as_str()).map(|below| (1, below))
        } else {
            let above = one.get(1).and_then(|word| spelled([word.as_str()]));
            above.zip(one.get(2).and_then(|word| divisor(word.as_str()))).map(|(a, b)| (a as u32, b))
        };
        let Some((above, below)) = value.filter(|(above, below)| above <= below) else { continue };
        found.push(Entity::new(Kind::Fraction, whole.range(), format!("{above}/{below}")));
    }
    found.sort_by_key(|fraction| fraction.span.start);
    // "1/3 (um terço)" says one thing twice; the cells of a row do not.
    found.dedup_by(|next, first| {
        let between = &folded[first.span.end..next.span.start];
        next.value == first.value && between.chars().all(|c| matches!(c, '(' | ',' | '-' | ' '))
    });
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::fold;

    #[test]
    fn shares_are_read_in_figures_and_in_words() {
        let all = |text: &str| fractions(&fold(text)).iter().map(|f| f.text().to_owned()).collect::<Vec<_>>();
        assert_eq!(all("na fração de 1/3 (um terço) para cada"), ["1/3"]);
        assert_eq!(all("a metade ao cônjuge e um sexto a cada filho"), ["1/2", "1/6"]);
        assert_eq!(all("Casa\t1/2\t1/2"), ["1/2", "1/2"]);
        assert_eq!(all("em 17/06/2024, Protocolo 2024/18.834, folhas 045/052, ofício 12/2024"), ["45/52"]);
        let percent =
            |text: &str| percents(&fold(text)).iter().filter_map(Entity::number).collect::<Vec<_>>();
        assert_eq!(percent("33,34% e 50 % (cinquenta por cento) e cem por cento"), [33.34, 50.0, 100.0]);
        assert_eq!(percent("vinte e cinco por cento"), [25.0]);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            percents(&fold(&text));
            fractions(&fold(&text));
        }
    }
}
