//! Words of a text with their case, for names.

use crate::text::Span;

/// A word or a single sign.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    /// Where it stands.
    pub(crate) span: Span,
    /// Folded: lower case, no accents.
    pub(crate) folded: String,
    /// Whether it begins with a capital letter.
    pub(crate) capital: bool,
    /// Whether all of its letters are capitals and there are two or more.
    pub(crate) upper: bool,
    /// Whether it is made of letters.
    pub(crate) word: bool,
    /// The white space before it: `' '`, `'\n'`, `'\t'`, or `'\0'` for none.
    pub(crate) gap: char,
}

/// Whether a word begins as "d'Ávila" does.
fn elided(word: &[char]) -> bool {
    matches!(word, ['d', '\'' | '’', letter, ..] if letter.is_uppercase())
}

/// The words and signs of `chars`; `folded` is its folded text.
pub(crate) fn tokens(chars: &[char], folded: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let (mut at, mut gap) = (0, '\0');
    let letter = |at: usize| chars.get(at).is_some_and(|c| c.is_alphabetic() && !matches!(c, 'ª' | 'º'));
    while let Some(&c) = chars.get(at) {
        if c.is_whitespace() {
            gap = if c == '\n' || gap == '\n' {
                '\n'
            } else if c == '\t' || gap == '\t' {
                '\t'
            } else {
                ' '
            };
            at += 1;
            continue;
        }
        let start = at;
        let word = letter(at);
        at += 1;
        if word {
            while letter(at)
                || chars.get(at).is_some_and(|c| matches!(c, '\'' | '’' | '-' | '‐' | '‑')) && letter(at + 1)
                || chars.get(at).is_some_and(char::is_ascii_digit)
            {
                at += 1;
            }
        } else if c.is_ascii_digit() {
            while chars.get(at).is_some_and(|c| c.is_alphanumeric())
                || chars.get(at).is_some_and(|c| matches!(c, '.' | ',' | '/' | '-'))
                    && chars.get(at + 1).is_some_and(|c| c.is_ascii_digit())
            {
                at += 1;
            }
        }
        let letters: Vec<char> =
            chars.get(start..at).unwrap_or(&[]).iter().copied().filter(|c| c.is_alphabetic()).collect();
        found.push(Token {
            folded: folded.get(start..at).unwrap_or("").to_owned(),
            span: start..at,
            capital: c.is_uppercase() || elided(chars.get(start..at).unwrap_or(&[])),
            upper: letters.len() > 1 && letters.iter().all(|c| c.is_uppercase()),
            word,
            gap,
        });
        gap = '\0';
    }
    found
}
