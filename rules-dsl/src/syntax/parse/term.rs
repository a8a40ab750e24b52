//! Terms and lists of them: quoted or not, with commas or `ou`, with their options.

use super::shorten;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::cursor::{Cursor, composed, phrase};
use crate::syntax::keyword as k;
use crate::syntax::keyword::Forms;
use crate::syntax::tree::{Span, Term, Text, TokenKind};
use crate::terms::Reach;

/// Bytes of one term; a longer one is a sentence, which no answer repeats to the letter.
const TERM_MAX: usize = 400;

/// Where in a text one of these words stands: at the beginning or after white space.
pub(super) fn position(text: &str, forms: Forms) -> Option<usize> {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let starts =
            before.is_whitespace() || matches!(before, '"' | '\'' | '”' | '’' | '»' | '“' | ':' | ',');
        if starts && !c.is_whitespace() {
            let rest = text.get(at..).unwrap_or("");
            if forms.iter().any(|(folded, _)| phrase(rest, folded).is_some()) {
                return Some(at);
            }
        }
        before = c;
    }
    None
}

/// The left side of a normalisation: its quotes are the outermost, whatever stands between them.
pub(super) fn side<'s>(
    cursor: &mut Cursor<'s, '_>,
    length: usize,
    found: &mut Vec<Diagnostic>,
) -> Option<Text<'s>> {
    const QUOTES: [char; 9] = ['"', '\'', '“', '”', '‘', '’', '«', '»', '´'];
    let outer = cursor.rest().get(..length)?;
    let start = cursor.at();
    let opened = outer.starts_with(QUOTES);
    let inner = outer.strip_prefix(QUOTES).unwrap_or(outer);
    let lead = outer.len() - inner.len();
    let closed = opened && inner.ends_with(QUOTES);
    let text = if closed { inner.strip_suffix(QUOTES).unwrap_or(inner) } else { inner };
    if opened && !closed {
        found.push(Diagnostic::new(Code::OpenQuote, Span::new(start, start + length)));
        cursor.piece(length, TokenKind::Text);
        return None;
    }
    cursor.piece(length, if closed { TokenKind::Quoted } else { TokenKind::Bare });
    Some(Text { text: composed(text), span: Span::new(start + lead, start + lead + text.len()) })
}

/// `"a", "b", c` to the end of the line.
pub(super) fn list<'s>(cursor: &mut Cursor<'s, '_>, found: &mut Vec<Diagnostic>) -> Vec<Text<'s>> {
    let mut texts = Vec::new();
    loop {
        if cursor.done() {
            break;
        }
        match cursor.quoted() {
            Ok(Some(text)) => texts.push(text),
            Ok(None) => texts.push(cursor.bare(&[',', '#'], TokenKind::Bare)),
            Err(span) => {
                found.push(Diagnostic::new(Code::OpenQuote, span));
                cursor.text();
                cursor.done();
                break;
            }
        }
        if cursor.char(&[',', ';']) || cursor.word(k::OR_INLINE).is_some() {
            continue;
        }
        cursor.char(&['.']);
        if cursor.done() {
            break;
        }
        if !cursor.sees_quote() {
            super::finish(cursor, found);
            break;
        }
    }
    texts.retain(|text| !text.text.trim().is_empty());
    if texts.is_empty() && found.is_empty() {
        let at = cursor.at();
        found.push(Diagnostic::new(Code::EmptyTerm, Span::new(at, at)));
    }
    texts
}

/// `"a" [palavra] ou "b"`: at least one, all in quotes; `None` after an error.
pub(super) fn alternatives<'s>(
    cursor: &mut Cursor<'s, '_>,
    found: &mut Vec<Diagnostic>,
) -> Option<Vec<Term<'s>>> {
    let mut terms = Vec::new();
    loop {
        terms.push(one(cursor, found)?);
        if !(cursor.char(&[',']) || cursor.word(k::OR_INLINE).is_some()) {
            return Some(terms);
        }
    }
}

/// `"a" [palavra]`; `None` after an error.
pub(super) fn one<'s>(cursor: &mut Cursor<'s, '_>, found: &mut Vec<Diagnostic>) -> Option<Term<'s>> {
    let text = match cursor.quoted() {
        Ok(Some(text)) => text,
        Ok(None) => {
            let span = cursor.rest_span();
            let mut problem = Diagnostic::new(Code::UnknownLine, span).expecting(&["\"termo\""]);
            let words = cursor.rest().trim_end();
            if !words.is_empty() && !words.contains(['"', '[']) {
                problem = problem.fixed(span, format!("\"{words}\""));
            }
            found.push(problem);
            return None;
        }
        Err(span) => {
            found.push(Diagnostic::new(Code::OpenQuote, span));
            return None;
        }
    };
    with_reach(text, cursor, found)
}

/// A term whose text was read, with its option.
pub(super) fn with_reach<'s>(
    text: Text<'s>,
    cursor: &mut Cursor<'s, '_>,
    found: &mut Vec<Diagnostic>,
) -> Option<Term<'s>> {
    // A text of marks alone that folding removes is found when it is folded; here only what is plainly empty.
    if text.text.trim().is_empty() || (text.text.len() < 8 && crate::fold::fold(&text.text).trim().is_empty())
    {
        found.push(Diagnostic::new(Code::EmptyTerm, text.span));
        return None;
    }
    if text.text.len() > TERM_MAX {
        found.push(
            Diagnostic::new(Code::TooLarge, text.span)
                .about(format!("{} bytes", text.text.len()))
                .about(format!("{TERM_MAX}")),
        );
        return None;
    }
    let mut reach = Reach::usual(text.text.trim());
    if let Some((option, span)) = cursor.choice() {
        reach = match crate::fold::fold(option).as_str() {
            "parte" | "part" => Reach::Part,
            "palavra" | "word" => Reach::Word,
            "inicio" | "prefixo" | "prefix" => Reach::Prefix,
            _ => {
                found.push(
                    Diagnostic::new(Code::UnknownOption, span)
                        .about(shorten(option))
                        .expecting(&["[palavra]", "[parte]", "[prefixo]"])
                        .fixed(span, ""),
                );
                return None;
            }
        };
    }
    Some(Term { text, reach })
}
