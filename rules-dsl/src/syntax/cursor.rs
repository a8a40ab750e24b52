//! Reads one line from left to right, keeping a token for all that is understood.

use super::keyword::Forms;
use super::tree::{Span, Text, Token, TokenKind};
use crate::fold::{fold_into, in_word};
use std::borrow::Cow;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A place in a line.
#[derive(Debug)]
pub struct Cursor<'s, 't> {
    source: &'s str,
    at: usize,
    end: usize,
    /// The source from `at` to `end`.
    rest: &'s str,
    tokens: &'t mut Vec<Token>,
}

impl<'s, 't> Cursor<'s, 't> {
    /// At the first character of a line that is not white space.
    pub fn new(source: &'s str, start: usize, end: usize, tokens: &'t mut Vec<Token>) -> Self {
        let rest = source.get(start..end).unwrap_or("");
        let mut cursor = Cursor { source, at: start, end, rest, tokens };
        cursor.space();
        cursor
    }

    /// What is left of the line.
    pub fn rest(&self) -> &'s str {
        self.rest
    }

    /// The whole file.
    pub fn source(&self) -> &'s str {
        self.source
    }

    /// Where it stands.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The span of what is left, without white space at its end.
    pub fn rest_span(&self) -> Span {
        Span::new(self.at, self.at + self.rest().trim_end().len())
    }

    /// Goes back, forgetting the tokens since.
    pub fn back(&mut self, at: usize, tokens: usize) {
        self.at = at;
        self.rest = self.source.get(at..self.end).unwrap_or("");
        self.tokens.truncate(tokens);
    }

    /// How many tokens there are.
    pub fn mark(&self) -> (usize, usize) {
        (self.at, self.tokens.len())
    }

    fn space(&mut self) {
        // Nearly always one blank or none.
        let bytes = self.rest.as_bytes();
        let length = match (bytes.first(), bytes.get(1)) {
            (Some(first), _) if first.is_ascii_graphic() => return,
            (Some(b' '), Some(second)) if second.is_ascii_graphic() => 1,
            _ => self.rest.len() - self.rest.trim_start().len(),
        };
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.at += length;
        self.rest = self.rest.get(length..).unwrap_or("");
    }

    fn take(&mut self, kind: TokenKind, length: usize) -> Span {
        let span = Span::new(self.at, self.at + length);
        self.tokens.push(Token { kind, span });
        self.skip(length);
        self.space();
        span
    }

    /// Nothing is left but a comment, which it takes.
    pub fn done(&mut self) -> bool {
        if self.rest().starts_with('#') {
            let length = self.rest().trim_end().len();
            self.take(TokenKind::Comment, length);
        }
        self.rest().is_empty()
    }

    /// A word of the language, in any case, with or without accents; says which form.
    pub fn word(&mut self, forms: Forms) -> Option<usize> {
        let rest = self.rest();
        let first = rest.as_bytes().first()?.to_ascii_lowercase();
        for (index, (folded, shown)) in forms.iter().enumerate() {
            if first.is_ascii() && folded.as_bytes().first() != Some(&first) {
                continue;
            }
            if let Some(length) = phrase(rest, folded) {
                self.take(TokenKind::Keyword(shown), length);
                return Some(index);
            }
        }
        None
    }

    /// Whether a word of the language comes next.
    pub fn sees(&self, forms: Forms) -> bool {
        forms.iter().any(|(folded, _)| phrase(self.rest(), folded).is_some())
    }

    /// One of these characters.
    pub fn char(&mut self, marks: &[char]) -> bool {
        match self.rest().chars().next() {
            Some(c) if marks.contains(&c) => {
                self.take(TokenKind::Mark, c.len_utf8());
                true
            }
            _ => false,
        }
    }

    /// Whether a quote comes next.
    pub fn sees_quote(&self) -> bool {
        self.rest().starts_with(['"', '\'', '“', '‘', '«', '”', '’'])
    }

    /// A text in quotes; `Err` holds the place of a quote that is not closed.
    pub fn quoted(&mut self) -> Result<Option<Text<'s>>, Span> {
        if !self.sees_quote() {
            return Ok(None);
        }
        let rest = self.rest();
        let mut characters = rest.chars();
        let open = characters.next().map_or(0, char::len_utf8);
        let inner = characters.as_str();
        let close = match rest.chars().next() {
            Some('“' | '”') => closing(inner, &['”', '“'], false),
            Some('‘' | '’') => closing(inner, &['’', '‘'], true),
            Some('«') => closing(inner, &['»'], false),
            Some('\'') => closing(inner, &['\''], true),
            _ => closing(inner, &['"'], false),
        };
        // Quotes of two kinds were accepted before; they end where a word does.
        let close = close.or_else(|| closing(inner, &['"', '\'', '“', '”', '‘', '’', '»'], true));
        let Some((length, width)) = close else { return Err(self.rest_span()) };
        let start = self.at + open;
        let span = Span::new(start, start + length);
        self.take(TokenKind::Quoted, open + length + width);
        Ok(Some(Text { text: composed(inner.get(..length).unwrap_or("")), span }))
    }

    /// Everything up to one of these characters or the end, without white space at its end.
    pub fn bare(&mut self, stops: &[char], kind: TokenKind) -> Text<'s> {
        let rest = self.rest();
        let end = rest.find(|c| stops.contains(&c)).unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or("").trim_end();
        let span = self.take(kind, text.len());
        Text { text: composed(text), span }
    }

    /// The rest of the line, without a comment that follows white space.
    pub fn text(&mut self) -> Text<'s> {
        let rest = self.rest();
        let end = comment_at(rest);
        let text = rest.get(..end).unwrap_or("").trim_end();
        let span = self.take(TokenKind::Text, text.len());
        Text { text: composed(text), span }
    }

    /// A number of bytes as one token.
    pub fn piece(&mut self, length: usize, kind: TokenKind) -> Text<'s> {
        let text = self.rest().get(..length).unwrap_or("");
        let span = self.take(kind, text.len());
        Text { text: composed(text), span }
    }

    /// `[…]`: its text and place.
    pub fn choice(&mut self) -> Option<(&'s str, Span)> {
        let inner = self.rest().strip_prefix('[')?;
        let length = inner.find(']')?;
        let text = inner.get(..length)?.trim();
        let span = self.take(TokenKind::Choice, length + 2);
        Some((text, span))
    }
}

/// Where a comment begins: at a `#` after white space; the text's length when there is none.
pub fn comment_at(text: &str) -> usize {
    let mut after = memchr::memchr_iter(b'#', text.as_bytes())
        .filter(|&at| at > 0 && text.get(..at).is_some_and(|head| head.ends_with(' ')));
    after.next().map_or(text.len(), |at| at - 1)
}

/// The length of a closed text and the width of its closing quote; `edge`: not before a letter, as in `d'água`.
fn closing(inner: &str, marks: &[char], edge: bool) -> Option<(usize, usize)> {
    if let (['"'], false) = (marks, edge) {
        return memchr::memchr(b'"', inner.as_bytes()).map(|at| (at, 1));
    }
    for (at, c) in inner.char_indices() {
        if marks.contains(&c) {
            let after = inner.get(at + c.len_utf8()..).unwrap_or("");
            if !edge || !after.starts_with(in_word) {
                return Some((at, c.len_utf8()));
            }
        }
    }
    None
}

/// How many bytes of a text are this phrase, folded; words stand apart by any white space.
#[inline]
pub fn phrase(text: &str, folded: &str) -> Option<usize> {
    // Nearly every question is answered by the first letter.
    let (first, wanted) = (*text.as_bytes().first()?, *folded.as_bytes().first()?);
    if first.is_ascii() && first.to_ascii_lowercase() != wanted { None } else { whole_phrase(text, folded) }
}

fn whole_phrase(text: &str, folded: &str) -> Option<usize> {
    let (bytes, wanted) = (text.as_bytes(), folded.as_bytes());
    let (mut at, mut matched) = (0, 0);
    while let Some(&want) = wanted.get(matched) {
        let byte = *bytes.get(at)?;
        if byte.is_ascii_whitespace() {
            if want != b' ' {
                return None;
            }
            matched += 1;
            let rest = text.get(at..)?;
            at += rest.len() - rest.trim_start().len();
        } else if byte.is_ascii() {
            if byte.to_ascii_lowercase() != want {
                return None;
            }
            (at, matched) = (at + 1, matched + 1);
        } else {
            let c = text.get(at..)?.chars().next()?;
            let mut buffer = String::new();
            fold_into(c, &mut buffer);
            for byte in buffer.bytes() {
                if wanted.get(matched) != Some(&byte) {
                    return None;
                }
                matched += 1;
            }
            at += c.len_utf8();
        }
    }
    let mark = !wanted.last().is_some_and(u8::is_ascii_alphanumeric);
    let mut rest = text.get(at..)?.chars();
    loop {
        match rest.next() {
            // A combining mark belongs to the letter before it.
            Some(c) if !c.is_ascii() && unicode_normalization::char::is_combining_mark(c) => {
                at += c.len_utf8()
            }
            Some(c) => return (mark || !in_word(c)).then_some(at),
            None => return Some(at),
        }
    }
}

/// A text in composed form (NFC); nearly always it is already.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    // No byte below 0xCC begins a character that could combine.
    if text.is_ascii()
        || text.as_bytes().chunks(64).all(|part| part.iter().fold(0, |most, byte| *byte.max(&most)) < 0xcc)
        || is_nfc_quick(text.chars()) == IsNormalized::Yes
    {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}
