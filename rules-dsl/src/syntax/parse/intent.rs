//! Intents: a name, patterns behind dashes, and what an answer must say.

use super::{Parser, shorten, term};
use crate::diagnostic::{Code, Diagnostic};
use crate::fold::in_word;
use crate::syntax::cursor::comment_at;
use crate::syntax::keyword as k;
use crate::syntax::tree::{Intent, Line, LineKind, TokenKind};

const BULLETS: &[char] = &['-', '•', '*', '–', '—', '·'];

impl<'s> Parser<'s> {
    pub(super) fn intent(&mut self) -> bool {
        let Some(line) = self.line() else { return false };
        let text = self.text_of(&line).trim_end();
        if !is_name(text) {
            return false;
        }
        let Some(name) = self.take(LineKind::Item, |cursor, _| {
            let length = cursor.rest().find(|c: char| !in_name(c)).unwrap_or(cursor.rest().len());
            let name = cursor.piece(length, TokenKind::Name);
            cursor.char(&[':']);
            cursor.done().then_some(name)
        }) else {
            return false;
        };
        if !text.contains(':') || text.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase) {
            self.report(Diagnostic::new(Code::IntentLikeHeading, name.span).about(shorten(&name.text)));
        }
        let mut intent =
            Intent { span: line.span, name, patterns: Vec::new(), expected: Vec::new(), broken: false };
        while self.intent_part(&mut intent) {}
        self.tree.intents.push(intent);
        true
    }

    fn intent_part(&mut self, intent: &mut Intent<'s>) -> bool {
        let before = self.at;
        if !self.skip_trivia() {
            return false;
        }
        let Some(line) = self.line() else { return false };
        let text = self.text_of(&line);
        if text.starts_with(BULLETS) {
            let term = self.take(LineKind::Part, |cursor, found| {
                cursor.char(BULLETS);
                let text = match cursor.quoted() {
                    Ok(Some(text)) => text,
                    Ok(None) => cursor.bare(&['[', '#'], TokenKind::Bare),
                    Err(span) => {
                        found.push(Diagnostic::new(Code::OpenQuote, span));
                        cursor.text();
                        return Some(None);
                    }
                };
                let term = term::with_reach(text, cursor, found);
                cursor.char(&[',', ';', '.']);
                let fine = super::finish(cursor, found);
                Some(term.filter(|_| fine))
            });
            match term.flatten() {
                Some(term) => intent.patterns.push(term),
                None => intent.broken = true,
            }
            return true;
        }
        let expected = self.take(LineKind::Part, |cursor, found| {
            cursor.word(k::MUST_CONTAIN)?;
            cursor.char(&[':']);
            let texts = term::list(cursor, found);
            Some(
                texts
                    .into_iter()
                    .filter_map(|text| term::with_reach(text, cursor, found))
                    .collect::<Vec<_>>(),
            )
        });
        if let Some(expected) = expected {
            intent.expected.extend(expected);
            return true;
        }
        if self.ends_intent(&line) {
            self.at = before;
            return false;
        }
        // A line that is neither belongs to this intent, and makes it unsafe to run.
        intent.broken = true;
        self.unknown();
        true
    }

    /// Whether a line begins something else: another intent, a heading, a rule, a test.
    fn ends_intent(&mut self, line: &Line) -> bool {
        let text = self.text_of(line).trim_end();
        if is_name(text) {
            return true;
        }
        let (at, section, tokens) = (self.at, self.section, self.tree.tokens.len());
        let (domain, automatic, imports) =
            (self.tree.domain.clone(), self.tree.automatic_intents, self.tree.imports.len());
        let heading = self.heading();
        if heading {
            // Only a look ahead; it is read again where it belongs.
            (self.at, self.section, self.tree.domain, self.tree.automatic_intents) =
                (at, section, domain, automatic);
            self.tree.imports.truncate(imports);
            self.tree.tokens.truncate(tokens);
            if let Some(line) = self.tree.lines.get_mut(at) {
                line.kind = LineKind::Unknown;
            }
        }
        heading
            || super::rule::begins(text)
            || super::check::begins(text)
            || super::in_capitals_with_colon(text)
    }
}

fn in_name(c: char) -> bool {
    in_word(c) || c == '-' || unicode_normalization::char::is_combining_mark(c)
}

/// One word, with or without a colon.
fn is_name(text: &str) -> bool {
    if !text.starts_with(in_word) {
        return false;
    }
    let text = text.get(..comment_at(text)).unwrap_or("").trim_end();
    let name = text.strip_suffix(':').unwrap_or(text).trim_end();
    name.starts_with(in_word) && name.chars().all(in_name)
}
