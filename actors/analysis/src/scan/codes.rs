//! Codes of the exchange.

use std::sync::LazyLock;

use regex::Regex;

use super::{Entity, Kind, pattern};

/// Every ticker: four letters and one or two digits, in capitals; `scanned` allows the mistakes of OCR.
pub(crate) fn tickers(chars: &[char], folded: &str, scanned: bool) -> Vec<Entity> {
    static TICKER: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\b([a-z]{4}|[a-z]\d[a-z]{2})(\d{1,2}|ii|i\d|\di)(b?)\b"));
    let mut found = Vec::new();
    for one in TICKER.captures_iter(folded) {
        let (Some(whole), Some(letters), Some(digits)) = (one.get(0), one.get(1), one.get(2)) else {
            continue;
        };
        let raw = chars.get(letters.range()).unwrap_or(&[]);
        let capitals = raw.iter().filter(|c| c.is_uppercase()).count();
        let figures = digits.as_str().replace('i', "1");
        let mistaken = digits.as_str() != figures;
        // One exchange's own shares have a figure among the letters.
        let letters_only = letters.as_str().chars().filter(char::is_ascii_alphabetic).count();
        if capitals < letters_only && !(scanned && capitals >= 2) || mistaken && !scanned {
            continue;
        }
        if folded[..whole.start()].ends_with(['-', '/', '.']) || folded[whole.end()..].starts_with(['-', '/'])
        {
            continue;
        }
        let number: u32 = figures.parse().unwrap_or(0);
        // Those that the exchange gives out: shares, units, receipts, funds, debentures.
        if matches!(number, 1..=59 | 70..=79) {
            let value = format!("{}{figures}", letters.as_str().to_uppercase());
            found.push(Entity::new(Kind::Ticker, letters.start()..digits.end(), value));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold;

    fn all(text: &str, scanned: bool) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        tickers(&chars, &fold(text), scanned).iter().map(|t| t.text().to_owned()).collect()
    }

    #[test]
    fn tickers_are_in_capitals() {
        assert_eq!(all("KNRI11, Vale (VALE3) e item12, ABCD-11", false), ["KNRI11", "VALE3"]);
        assert_eq!(all("B3SA3, (TCHP21), RDAG42 e 2A45", false), ["B3SA3", "TCHP21", "RDAG42"]);
        assert_eq!(all("IvvB11 BOVAII SRAZI2", true), ["IVVB11", "BOVA11", "SRAZ12"]);
        assert_eq!(all("IvvB11", false), [""; 0]);
    }
}
