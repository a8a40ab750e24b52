//! Cuts Portuguese and English text into the terms that are indexed and asked for. Pure.
//!
//! Each word gives a stem of each language and a folded form without accents and plural, because a stem alone
//! misses half of the accented words when they are asked for without accents. Numbers also stay whole.

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Which form of the words a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Portuguese stems, accents folded after stemming.
    Portuguese,
    /// English stems.
    English,
    /// Words without accents and plural endings, and whole numbers.
    Folded,
}

/// A term and the bytes of the text that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The form that is compared.
    pub text: String,
    /// First byte.
    pub start: usize,
    /// End, exclusive.
    pub end: usize,
}

/// Longer words are noise (keys, base64) and would fill the dictionary.
const WORD_BYTES_MAX: usize = 64;

/// The terms of `text` in one form, in order, without stop words.
#[must_use]
pub fn analyse(form: Form, text: &str) -> Vec<Term> {
    let stemmer = match form {
        Form::Portuguese => Some(Stemmer::new(Algorithm::Portuguese)),
        Form::English => Some(Stemmer::new(Algorithm::English)),
        Form::Folded => None,
    };
    let mut terms = Vec::new();
    for (start, end) in words(text) {
        let Some(word) = text.get(start..end) else { continue };
        let lower = word.nfc().collect::<String>().to_lowercase();
        if lower.len() > WORD_BYTES_MAX || is_stop_word(&lower) {
            continue;
        }
        let form =
            stemmer.as_ref().map_or_else(|| singular(fold(&lower)), |stemmer| fold(&stemmer.stem(&lower)));
        if !form.is_empty() {
            terms.push(Term { text: form, start, end });
        }
    }
    if form == Form::Folded {
        terms.extend(whole_numbers(text));
    }
    terms
}

/// Whether a text reads as English rather than Portuguese, by its most common words; Portuguese when unsure.
#[must_use]
pub fn is_english(text: &str) -> bool {
    let (mut english, mut portuguese) = (0, 0);
    for (start, end) in words(text) {
        let lower = text.get(start..end).unwrap_or_default().to_lowercase();
        english += usize::from(STOP_WORDS_EN.binary_search(&lower.as_str()).is_ok());
        portuguese += usize::from(STOP_WORDS_PT.binary_search(&lower.as_str()).is_ok());
        portuguese += usize::from(lower.contains(['ã', 'õ', 'ç', 'á', 'é', 'í', 'ó', 'ú', 'â', 'ê', 'ô']));
    }
    english > portuguese
}

/// Byte ranges of runs of letters and digits.
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        while let Some((start, c)) = rest.next() {
            if !c.is_alphanumeric() {
                continue;
            }
            let mut end = start + c.len_utf8();
            while let Some((at, c)) = rest.next_if(|(_, c)| c.is_alphanumeric() || is_combining_mark(*c)) {
                end = at + c.len_utf8();
            }
            return Some((start, end));
        }
        None
    })
}

/// Numbers with their inner marks taken out, so that `123.456.789-00` is found as `12345678900` and the reverse.
fn whole_numbers(text: &str) -> Vec<Term> {
    let bytes = text.as_bytes();
    let mut terms = Vec::new();
    let mut at = 0;
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit)) {
        let start = at + offset;
        let mut end = start;
        let (mut digits, mut marks) = (String::new(), 0);
        while let Some(byte) = bytes.get(end) {
            let inner = matches!(byte, b'.' | b',' | b'/' | b'-' | b':')
                && bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
            if byte.is_ascii_alphanumeric() {
                digits.push(char::from(byte.to_ascii_lowercase()));
            } else if inner {
                marks += 1;
            } else {
                break;
            }
            end += 1;
        }
        if marks > 0 && digits.len() <= WORD_BYTES_MAX {
            terms.push(Term { text: digits, start, end });
        }
        at = end;
    }
    terms
}

/// Without accents, cedilla and tilde.
#[must_use]
pub fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    word.nfd().filter(|c| !is_combining_mark(*c)).collect()
}

/// Takes off the plural of a folded word: `contratacoes` to `contratacao`, `imoveis` to `imovel`, `partes` to `parte`.
fn singular(mut word: String) -> String {
    const ENDINGS: [(&str, &str); 6] =
        [("oes", "ao"), ("aes", "ao"), ("ais", "al"), ("eis", "el"), ("ois", "ol"), ("ns", "m")];
    if word.len() < 4 || !word.ends_with('s') || word.bytes().any(|b| b.is_ascii_digit()) {
        return word;
    }
    for (plural, one) in ENDINGS {
        if word.len() > plural.len() + 1 && word.ends_with(plural) {
            word.truncate(word.len() - plural.len());
            word.push_str(one);
            return word;
        }
    }
    if !word.ends_with("ss") {
        word.pop();
    }
    word
}

fn is_stop_word(lower: &str) -> bool {
    STOP_WORDS_PT.binary_search(&lower).is_ok() || STOP_WORDS_EN.binary_search(&lower).is_ok()
}

/// Sorted, because it is searched by halving; question words are in it, they say what is asked and not about what.
const STOP_WORDS_PT: &[&str] = &[
    "a", "ao", "aos", "aquela", "aquelas", "aquele", "aqueles", "aquilo", "as", "até", "com", "como", "cuja",
    "cujas", "cujo", "cujos", "da", "das", "de", "dela", "delas", "dele", "deles", "do", "dos", "e", "ela",
    "elas", "ele", "eles", "em", "entre", "era", "eram", "essa", "essas", "esse", "esses", "esta", "estas",
    "este", "estes", "está", "estão", "eu", "foi", "foram", "há", "isso", "isto", "já", "lhe", "lhes", "mas",
    "me", "mesma", "mesmo", "meu", "minha", "muito", "na", "nas", "nem", "no", "nos", "nossa", "nosso",
    "num", "numa", "não", "nós", "o", "onde", "os", "ou", "para", "pela", "pelas", "pelo", "pelos", "por",
    "porque", "quais", "qual", "quando", "quanta", "quantas", "quanto", "quantos", "que", "quem", "se",
    "seja", "sem", "ser", "será", "seu", "seus", "sua", "suas", "são", "só", "também", "te", "tem", "tendo",
    "ter", "teve", "tinha", "tu", "um", "uma", "umas", "uns", "você", "à", "às", "é",
];

/// Sorted, as above.
const STOP_WORDS_EN: &[&str] = &[
    "about", "after", "all", "also", "an", "and", "any", "are", "at", "be", "been", "but", "by", "can",
    "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "his", "how", "if", "in", "into",
    "is", "it", "its", "more", "most", "not", "of", "on", "or", "our", "she", "so", "some", "such", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "was", "we",
    "were", "what", "when", "where", "which", "while", "who", "whom", "whose", "why", "will", "with",
    "would", "you", "your",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(form: Form, text: &str) -> Vec<String> {
        analyse(form, text).into_iter().map(|term| term.text).collect()
    }

    #[test]
    fn words_meet_across_accents_and_number() {
        for (one, other) in
            [("contratação", "contratacoes"), ("imóvel", "IMÓVEIS"), ("cláusulas", "clausula")]
        {
            assert_eq!(texts(Form::Folded, one), texts(Form::Folded, other), "{one} {other}");
        }
        assert_eq!(texts(Form::Portuguese, "contratação"), texts(Form::Portuguese, "contratações"));
        assert_eq!(texts(Form::English, "licensing"), texts(Form::English, "licensed"));
    }

    #[test]
    fn composed_and_decomposed_accents_are_one_word() {
        assert_eq!(texts(Form::Portuguese, "licitac\u{327}a\u{303}o"), texts(Form::Portuguese, "licitação"));
    }

    #[test]
    fn a_number_is_found_with_and_without_its_marks() {
        assert!(texts(Form::Folded, "CPF 123.456.789-00.").contains(&"12345678900".to_owned()));
        assert!(texts(Form::Folded, "CPF 12345678900").contains(&"12345678900".to_owned()));
        assert!(texts(Form::Folded, "R$ 1.234,56").contains(&"123456".to_owned()));
    }

    #[test]
    fn stop_words_are_sorted_and_dropped() {
        assert!(STOP_WORDS_PT.is_sorted() && STOP_WORDS_EN.is_sorted());
        assert!(texts(Form::Folded, "qual é o da the of").is_empty());
    }

    #[test]
    fn the_language_is_told_by_common_words() {
        assert!(is_english("What is the term of the contract?"));
        assert!(!is_english("Qual é o prazo do contrato?"));
        assert!(!is_english("IPTU 2024"));
    }

    proptest! {
        #[test]
        fn every_term_stands_for_bytes_of_the_text(text in ".{0,200}") {
            for form in [Form::Portuguese, Form::English, Form::Folded] {
                for term in analyse(form, &text) {
                    prop_assert!(text.get(term.start..term.end).is_some_and(|part| !part.is_empty()));
                    prop_assert!(!term.text.is_empty());
                }
            }
        }
    }
}
