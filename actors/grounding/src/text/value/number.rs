//! What a number is worth, Brazilian or English, in digits or in words.

use super::super::{NUMBER_WORDS, words};

/// The worth of the first number in `text`: `1.234,56`, `1,234.56`, `R$ 37,5 milhões`, `doze`. None without a number.
pub(crate) fn number_of(text: &str) -> Option<f64> {
    let found = words(text);
    let digits = found.iter().find(|word| word.digit).and_then(|word| digits_of(&word.folded));
    match digits {
        Some(worth) => Some(worth * scale(&found)),
        None => spoken(&found),
    }
}

fn scale(found: &[super::super::Word]) -> f64 {
    for word in found {
        match word.folded.as_str() {
            "mil" | "thousand" => return 1e3,
            "milhao" | "milhoes" | "million" => return 1e6,
            "bilhao" | "bilhoes" | "billion" => return 1e9,
            _ => {}
        }
    }
    1.0
}

fn digits_of(folded: &str) -> Option<f64> {
    let plain: String = folded.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).collect();
    let (dot, comma) = (plain.rfind('.'), plain.rfind(','));
    let thousands = |at: usize| plain.len() - at == 4 && !plain.starts_with("0");
    let decimal = match (dot, comma) {
        (Some(d), Some(c)) => Some(d.max(c)),
        (Some(at), None) | (None, Some(at)) if !thousands(at) && plain.matches(['.', ',']).count() == 1 => {
            Some(at)
        }
        _ => None,
    };
    let value: String = plain
        .char_indices()
        .filter_map(|(at, c)| if Some(at) == decimal { Some('.') } else { c.is_ascii_digit().then_some(c) })
        .collect();
    value.parse().ok()
}

fn spoken(found: &[super::super::Word]) -> Option<f64> {
    let mut total = 0.0;
    let mut group = 0.0;
    let mut any = false;
    for word in found {
        let worth =
            NUMBER_WORDS.iter().find(|(name, _)| *name == word.folded).map(|(_, worth)| *worth as f64);
        let unit = match word.folded.as_str() {
            "milhao" | "milhoes" | "million" => Some(1e6),
            "bilhao" | "bilhoes" | "billion" => Some(1e9),
            "mil" | "thousand" => Some(1e3),
            _ => None,
        };
        match (unit, worth) {
            (Some(unit), _) => {
                total += f64::max(group, 1.0) * unit;
                group = 0.0;
                any = true;
            }
            (None, Some(worth)) => {
                group += worth;
                any = true;
            }
            (None, None) if any && word.folded != "e" && word.folded != "and" => break,
            (None, None) => {}
        }
    }
    any.then_some(total + group)
}

#[cfg(test)]
mod tests {
    use super::number_of;

    #[test]
    fn both_notations_and_words_are_worth_the_same() {
        for (text, worth) in [
            ("R$ 1.234,56", 1234.56),
            ("1,234.56", 1234.56),
            ("2.100", 2100.0),
            ("38,72%", 38.72),
            ("11.2", 11.2),
            ("R$ 37,5 milhões", 37.5e6),
            ("três milhões e duzentos mil reais", 3.2e6),
            ("quatro", 4.0),
            ("60 dias", 60.0),
        ] {
            assert_eq!(number_of(text), Some(worth), "{text}");
        }
        assert_eq!(number_of("nenhum valor"), None);
    }
}
