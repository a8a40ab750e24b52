//! Words of Portuguese and English as the room compares them: folded, stemmed, with their place in the text.

mod lexicon;
mod sentence;
mod stem;
mod value;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

pub(crate) use lexicon::{
    NUMBER_WORDS, is_document_noun, is_function_word, is_generic, is_negator, related, signs,
};
pub(crate) use sentence::{is_heading, is_item, sentences};
pub(crate) use stem::stem;
pub(crate) use value::{Value, ValueKind, number_of, pattern, values};

/// One word of a text: bytes `start..end`, without accents and case, and its stem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) folded: String,
    pub(crate) stem: String,
    /// Starts with a capital or is a mix such as `TrilhoDB`.
    pub(crate) capital: bool,
    /// Holds a digit.
    pub(crate) digit: bool,
}

/// Lower case without accents: `Á` and `a` compare equal, because OCR and hurried typing lose accents.
pub fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// The words of `text` in order. A run that holds a digit keeps its inner `.`, `,`, `-`, `/` and `:`, so that
/// `28/02/2025`, `1.234,56` and `AGPL-3.0-or-later` are one word each.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(begin) = text[rest..].find(char::is_alphanumeric).map(|at| rest + at) {
        let end = run_end(text, begin);
        push_run(text, begin, end, &mut found);
        rest = end;
    }
    found
}

fn run_end(text: &str, begin: usize) -> usize {
    let mut end = begin;
    let mut chars = text[begin..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let joins = matches!(c, '.' | ',' | '-' | '/' | ':' | '_' | '+')
            && chars.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        if !c.is_alphanumeric() && !is_combining_mark(c) && !joins {
            break;
        }
        end = begin + at + c.len_utf8();
    }
    end
}

fn push_run(text: &str, begin: usize, end: usize, found: &mut Vec<Word>) {
    let run = &text[begin..end];
    if run.chars().any(|c| c.is_ascii_digit()) {
        found.push(word(text, begin, end));
        return;
    }
    let mut from = begin;
    for piece in run.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)) {
        let to = from + piece.len();
        if !piece.is_empty() {
            found.push(word(text, from, to));
        }
        // The separator is one character; where the run ends there is none.
        from = to + text[to..end].chars().next().map_or(0, char::len_utf8);
    }
}

fn word(text: &str, start: usize, end: usize) -> Word {
    let raw = &text[start..end];
    let folded = fold(raw);
    let digit = raw.chars().any(|c| c.is_ascii_digit());
    let stem = if digit { folded.clone() } else { stem(&folded) };
    Word { start, end, folded, stem, capital: raw.chars().any(char::is_uppercase), digit }
}

/// How alike two words are, 0 to 1: 1 the same word or stem, .8 related by meaning or one letter of OCR apart.
pub(crate) fn alike(a: &Word, b: &Word) -> f32 {
    if a.folded == b.folded || (a.stem == b.stem && !a.digit && a.stem.len() >= 3) {
        return 1.0;
    }
    if a.digit != b.digit {
        return 0.0;
    }
    if a.digit {
        return code_alike(&a.folded, &b.folded);
    }
    if related(&a.stem, &b.stem) || one_letter_apart(&a.folded, &b.folded) { 0.8 } else { 0.0 }
}

/// `AGPL-3.0` names `AGPL-3.0-or-later`, less surely; `12` does not name `12.400`.
fn code_alike(a: &str, b: &str) -> f32 {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let named = short.len() >= 3
        && short.chars().any(char::is_alphabetic)
        && long.strip_prefix(short).is_some_and(|rest| rest.starts_with(['-', '/', '_']));
    if named { 0.7 } else { 0.0 }
}

/// OCR slips in long words only; in short ones one letter makes another word (`mês`, `mãe`).
fn one_letter_apart(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() < 7 || b.len() < 7 || a.len().abs_diff(b.len()) > 1 || a.first() != b.first() {
        return false;
    }
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    // A differing last letter is an ending (`inventariante`, `inventariantes`), which the stem has judged.
    tail > 0 && head + tail + 1 >= a.len().max(b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Word {
        words(text).remove(0)
    }

    #[test]
    fn codes_dates_and_amounts_are_one_word_each() {
        let found: Vec<String> =
            words("Até 28/02/2025, R$ 1.234,56 (AGPL-3.0-or-later).").into_iter().map(|w| w.folded).collect();
        assert_eq!(found, ["ate", "28/02/2025", "r", "1.234,56", "agpl-3.0-or-later"]);
    }

    #[test]
    fn hyphenated_words_come_apart_at_their_bytes() {
        let text = "reuniram-se ótico–ã";
        for word in words(text) {
            assert_eq!(fold(&text[word.start..word.end]), word.folded);
        }
        assert_eq!(words(text).len(), 4);
    }

    #[test]
    fn derived_words_are_alike() {
        for (a, b) in [
            ("gestor", "gestão"),
            ("presença", "presentes"),
            ("votou", "voto"),
            ("regularizada", "regularização"),
            ("vedado", "vedação"),
            ("tenant", "tenants"),
        ] {
            assert!(alike(&only(a), &only(b)) >= 0.8, "{a} {b}");
        }
    }

    #[test]
    fn unrelated_words_are_not_alike() {
        for (a, b) in
            [("contrato", "contrário"), ("marido", "março"), ("performance", "perfazendo"), ("12", "12.400")]
        {
            assert_eq!(alike(&only(a), &only(b)), 0.0, "{a} {b}");
        }
    }

    #[test]
    fn an_ocr_slip_in_a_long_word_is_forgiven() {
        assert_eq!(alike(&only("inventariante"), &only("inventarlante")), 0.8);
    }

    proptest::proptest! {
        #[test]
        fn every_word_lies_in_its_text(text in "\\PC{0,200}") {
            for word in words(&text) {
                proptest::prop_assert_eq!(fold(&text[word.start..word.end]), word.folded);
            }
        }
    }
}
