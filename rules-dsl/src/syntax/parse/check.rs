//! `TESTE` blocks: a question, an answer, and what must come out.

use super::{Parser, condition, shorten, some_text};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::cursor::{Cursor, phrase};
use crate::syntax::keyword as k;
use crate::syntax::tree::{Check, Expectation, LineKind, Span, Text, TokenKind};
use crate::value::{Date, Kind, Value, literal};
use crate::verdict::Verdict;
use std::borrow::Cow;

const FIELDS: &[&str] = &[
    "pergunta: …",
    "resposta: …",
    "contexto: …",
    "página: …",
    "confiança: …",
    "metadado \"…\": …",
    "hoje: …",
    "espera veredito: …",
    "espera resposta: …",
    "espera resposta contém: …",
    "espera regra: …",
    "espera nenhuma regra",
    "espera intenção: …",
];
const VERDICTS: &[&str] =
    &["válida", "corrigida", "contradita", "sem suporte", "não se aplica", "complexa demais"];

/// Whether a line begins a test.
pub(super) fn begins(text: &str) -> bool {
    k::TEST.iter().any(|(folded, _)| {
        phrase(text, folded)
            .and_then(|length| text.get(length..))
            .is_some_and(|rest| rest.trim_start().starts_with(['"', '\'', '“', '‘', '«']))
    })
}

enum Field<'s> {
    Question(Text<'s>),
    Answer(Text<'s>),
    Context(Text<'s>),
    Page(u32),
    Confidence(Value),
    Metadata(Text<'s>, Text<'s>),
    Today(Date),
    Expect(Expectation<'s>, Span),
    Broken,
}

impl<'s> Parser<'s> {
    pub(super) fn check(&mut self) -> bool {
        let Some(line) = self.line() else { return false };
        if !begins(self.text_of(&line)) {
            return false;
        }
        let name = self.take(LineKind::Item, |cursor, found| {
            cursor.word(k::TEST)?;
            let name = match cursor.quoted() {
                Ok(name) => name,
                Err(span) => {
                    found.push(Diagnostic::new(Code::OpenQuote, span));
                    cursor.text();
                    return Some(None);
                }
            };
            cursor.char(&[':']);
            let fine = super::finish(cursor, found);
            Some(name.filter(|_| fine))
        });
        let span = Span { start: line.span.start + line.indent, end: line.span.end };
        let broken = name.as_ref().is_none_or(Option::is_none);
        let mut check = Check {
            span,
            name: name.flatten().unwrap_or(Text { text: Cow::Borrowed(""), span }),
            question: None,
            answer: None,
            passages: Vec::new(),
            confidence: None,
            metadata: Vec::new(),
            today: None,
            expectations: Vec::new(),
            broken,
        };
        let mut page = None;
        while self.field(&mut check, &mut page) {}
        let missing = match (&check.question, &check.answer, check.expectations.is_empty()) {
            _ if check.broken => None,
            (None, ..) => Some("pergunta"),
            (_, None, _) => Some("resposta"),
            (.., true) => Some("espera"),
            _ => None,
        };
        if let Some(missing) = missing {
            self.report(Diagnostic::new(Code::IncompleteTest, span).about(missing).expecting(FIELDS));
            check.broken = true;
        }
        self.tree.checks.push(check);
        true
    }

    fn field(&mut self, check: &mut Check<'s>, page: &mut Option<u32>) -> bool {
        let before = self.at;
        let more = self.skip_trivia();
        let Some(line) = self.line().filter(|_| more) else {
            self.at = before;
            return false;
        };
        let text = self.text_of(&line);
        if begins(text) || super::rule::begins(text) || self.is_heading(text) {
            self.at = before;
            return false;
        }
        let span = Span { start: line.span.start + line.indent, end: line.span.end };
        let Some(field) = self.take(LineKind::Part, |cursor, found| Some(read(cursor, span, found))) else {
            return false;
        };
        // A field whose text stands on the lines below it, indented deeper.
        let mut below =
            |text: Text<'s>| if text.text.is_empty() { self.block(line.indent, text) } else { text };
        match field {
            Field::Question(text) => check.question = some_text(below(text)),
            Field::Answer(text) => check.answer = Some(below(text)),
            Field::Context(text) => {
                let text = below(text);
                check.passages.push((*page, text));
            }
            Field::Page(number) => *page = Some(number),
            Field::Confidence(value) => check.confidence = Some(value),
            Field::Metadata(key, value) => check.metadata.push((key, value)),
            Field::Today(day) => check.today = Some(day),
            Field::Expect(Expectation::Answer(text), span) => {
                let text = below(text);
                check.expectations.push((Expectation::Answer(text), span));
            }
            Field::Expect(expectation, span) => check.expectations.push((expectation, span)),
            Field::Broken => check.broken = true,
        }
        true
    }

    /// The lines below that are indented deeper, as one text.
    fn block(&mut self, indent: u32, empty: Text<'s>) -> Text<'s> {
        let (mut text, mut base, mut blank, mut span) = (String::new(), None, 0, empty.span);
        let mut here = self.at;
        while let Some(line) = self.tree.lines.get(here).copied() {
            if line.kind == LineKind::Blank {
                blank += 1;
                here += 1;
                continue;
            }
            if line.indent <= indent {
                break;
            }
            let base = *base.get_or_insert(line.indent);
            if !text.is_empty() {
                text.extend(std::iter::repeat_n('\n', blank + 1));
            }
            blank = 0;
            let source: &'s str = self.tree.source;
            let start = super::column(source, &line, base);
            let part = source.get(start..line.span.end as usize).unwrap_or("").trim_end();
            text.push_str(part);
            span = span.to(line.span);
            let from = self.tree.tokens.len() as u32;
            let token = crate::syntax::tree::Token {
                kind: TokenKind::Text,
                span: Span::new(start, start + part.len()),
            };
            self.tree.tokens.push(token);
            if let Some(line) = self.tree.lines.get_mut(here) {
                (line.kind, line.tokens_from, line.tokens_to) = (LineKind::Template, from, from + 1);
            }
            here += 1;
            self.at = here;
        }
        let text = crate::syntax::cursor::composed(&text).into_owned();
        Text { text: Cow::Owned(text), span }
    }
}

/// `campo: texto`, the text with or without quotes.
fn text<'s>(cursor: &mut Cursor<'s, '_>, found: &mut Vec<Diagnostic>) -> Option<Text<'s>> {
    cursor.char(&[':']);
    if cursor.sees_quote() {
        let (at, tokens) = cursor.mark();
        if let Ok(Some(text)) = cursor.quoted()
            && cursor.done()
        {
            return Some(text);
        }
        // Quotes inside a sentence.
        cursor.back(at, tokens);
    }
    let _ = found;
    let text = cursor.text();
    cursor.done();
    Some(text)
}

fn read<'s>(cursor: &mut Cursor<'s, '_>, span: Span, found: &mut Vec<Diagnostic>) -> Field<'s> {
    let field = field(cursor, span, found);
    if field.is_none() {
        if found.is_empty() {
            let mut problem = Diagnostic::new(Code::UnknownLine, span).expecting(FIELDS);
            let all = [
                k::QUESTION,
                k::ANSWER,
                k::CONTEXT,
                k::PAGE,
                k::CONFIDENCE,
                k::METADATA,
                k::TODAY,
                k::EXPECT,
            ];
            if let Some((span, word)) = super::nearest(cursor.rest(), cursor.at() as u32, &all) {
                problem = problem.fixed(span, word);
            }
            found.push(problem);
        }
        cursor.text();
        cursor.done();
    }
    field.unwrap_or(Field::Broken)
}

fn field<'s>(cursor: &mut Cursor<'s, '_>, span: Span, found: &mut Vec<Diagnostic>) -> Option<Field<'s>> {
    if cursor.word(k::QUESTION).is_some() {
        return text(cursor, found).map(Field::Question);
    }
    if cursor.word(k::ANSWER).is_some() {
        return text(cursor, found).map(Field::Answer);
    }
    if cursor.word(k::CONTEXT).is_some() {
        return text(cursor, found).map(Field::Context);
    }
    if cursor.word(k::PAGE).is_some() {
        let text = text(cursor, found)?;
        return parsed(text.text.trim().parse().ok(), &text, &["página: 3"], found).map(Field::Page);
    }
    if cursor.word(k::CONFIDENCE).is_some() {
        let text = text(cursor, found)?;
        let value = literal(Kind::Percent, &text.text).filter(|_| text.text.contains('%'));
        let value = value.or_else(|| literal(Kind::Number, &text.text)).map(condition::fraction);
        return parsed(value, &text, &["confiança: 80%"], found).map(Field::Confidence);
    }
    if cursor.word(k::TODAY).is_some() {
        let text = text(cursor, found)?;
        let day = match literal(Kind::Date, &text.text) {
            Some(Value::Date(day)) => Some(day),
            _ => None,
        };
        return parsed(day, &text, &["hoje: 31/12/2026"], found).map(Field::Today);
    }
    if cursor.word(k::METADATA).is_some() {
        let key = cursor.quoted().ok()??;
        return text(cursor, found).map(|value| Field::Metadata(key, value));
    }
    cursor.word(k::EXPECT)?;
    let expect = |expectation| Some(Field::Expect(expectation, span));
    if cursor.word(k::VERDICT).is_some() {
        let text = text(cursor, found)?;
        return parsed(Verdict::named(&text.text), &text, VERDICTS, found)
            .map(|verdict| Field::Expect(Expectation::Verdict(verdict), span));
    }
    if cursor.word(k::NO_RULE).is_some() {
        return super::finish(cursor, found).then_some(Field::Expect(Expectation::NoRule, span));
    }
    if cursor.word(k::RULE).is_some() {
        return expect(Expectation::Rule(some_text(text(cursor, found)?)?));
    }
    if cursor.word(k::INTENT).is_some() {
        return expect(Expectation::Intent(some_text(text(cursor, found)?)?));
    }
    cursor.word(k::ANSWER)?;
    if cursor.word(k::CONTAINS).is_some() {
        return expect(Expectation::Contains(some_text(text(cursor, found)?)?));
    }
    expect(Expectation::Answer(text(cursor, found)?))
}

fn parsed<T>(
    value: Option<T>,
    text: &Text<'_>,
    expected: &'static [&'static str],
    found: &mut Vec<Diagnostic>,
) -> Option<T> {
    if value.is_none() {
        found.push(Diagnostic::new(Code::BadValue, text.span).about(shorten(&text.text)).expecting(expected));
    }
    value
}
