//! Facts: `A licença X tem criticidade ALTO.` with its reason and action.

use super::{Parser, shorten, some_text, term};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::keyword as k;
use crate::syntax::tree::{Fact, Level, LineKind, Span, Text, TokenKind};

impl<'s> Parser<'s> {
    pub(super) fn fact(&mut self) -> bool {
        let Some(line) = self.line() else { return false };
        let read = self.take(LineKind::Item, |cursor, found| {
            cursor.word(k::ARTICLE);
            cursor.word(k::LICENCE);
            let rest = cursor.rest();
            let at = term::position(rest, k::HAS_LEVEL)?;
            let name = cursor.piece(rest.get(..at)?.trim_end().len(), TokenKind::Name);
            let name = some_text(name)?;
            cursor.word(k::HAS_LEVEL)?;
            let level = [(k::HIGH, Level::High), (k::MEDIUM, Level::Medium), (k::LOW, Level::Low)]
                .into_iter()
                .find_map(|(forms, level)| cursor.word(forms).map(|_| level));
            let Some(level) = level else {
                let rest = cursor.rest();
                let end = rest.find([' ', '.']).unwrap_or(rest.len());
                let span = Span::new(cursor.at(), cursor.at() + end);
                let mut problem = Diagnostic::new(Code::UnknownLevel, span)
                    .about(shorten(rest.get(..end).unwrap_or("")))
                    .expecting(&["ALTO", "MÉDIO", "BAIXO"]);
                if let Some((span, word)) =
                    super::nearest(rest, cursor.at() as u32, &[k::HIGH, k::MEDIUM, k::LOW])
                {
                    problem = problem.fixed(span, word);
                }
                found.push(problem);
                cursor.text();
                cursor.done();
                return Some(None);
            };
            cursor.char(&['.']);
            // A remark may follow: `(desde 2023)`, `; ver anexo`.
            if cursor.rest().starts_with(['(', ';', ',', ':', '-', '–', '—']) {
                cursor.text();
            }
            super::finish(cursor, found);
            Some(Some((name, level)))
        });
        match read {
            None => false,
            Some(None) => {
                self.tree.facts_broken = true;
                true
            }
            Some(Some((name, level))) => {
                let mut fact = Fact { span: line.span, name, level, reason: None, action: None };
                while self.fact_part(&mut fact) {}
                self.tree.facts.push(fact);
                true
            }
        }
    }

    /// `Motivo: …` or `Ação: …`, with the lines that are indented deeper.
    fn fact_part(&mut self, fact: &mut Fact<'s>) -> bool {
        let before = self.at;
        if !self.skip_trivia() {
            return false;
        }
        let Some(line) = self.line() else { return false };
        let read = self.take(LineKind::Part, |cursor, _| {
            let reason = cursor.word(k::REASON).is_some();
            if !reason {
                cursor.word(k::ACTION)?;
            }
            cursor.char(&[':']).then_some(())?;
            let text = cursor.text();
            cursor.done();
            Some((reason, text))
        });
        let Some((reason, mut text)) = read else {
            // Comments between two facts belong to neither.
            self.at = before;
            return false;
        };
        while let Some(more) = self.continuation(line.indent) {
            let joined = text.text.to_mut();
            joined.push(' ');
            joined.push_str(&more.text);
            text.span = text.span.to(more.span);
        }
        if reason {
            fact.reason = Some(text);
        } else {
            fact.action = Some(text);
        }
        true
    }

    /// A line that goes on with the text above it: deeper than that, and no reason or action itself.
    fn continuation(&mut self, indent: u32) -> Option<Text<'s>> {
        let line = self.line()?;
        if line.kind != LineKind::Unknown || line.indent <= indent {
            return None;
        }
        self.take(LineKind::Part, |cursor, _| {
            let part = cursor.sees(k::REASON) || cursor.sees(k::ACTION);
            if part || term::position(cursor.rest(), k::HAS_LEVEL).is_some() {
                return None;
            }
            let text = cursor.text();
            cursor.done();
            some_text(text)
        })
    }
}
