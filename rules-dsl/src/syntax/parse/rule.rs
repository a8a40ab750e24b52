//! Rules: `QUANDO`, conditions, `ENTÃO`; and the prepared text below.

use super::{Parser, Section, condition, shorten, some_text, term};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::cursor::{Cursor, phrase};
use crate::syntax::keyword as k;
use crate::syntax::template;
use crate::syntax::tree::{Action, LineKind, Rule, Span, Template, Text, TokenKind, Validity, When};
use crate::value::{Date, Kind, Value, literal};
use std::borrow::Cow;

const TRIGGERS: &[&str] = &["QUANDO usuário pergunta \"…\"", "QUANDO intenção \"…\"", "QUANDO sempre"];
const CONDITIONS: &[&str] =
    &["E resposta menciona \"…\"", "E resposta NÃO menciona \"…\"", "OU \"…\"", "ENTÃO corrigir para:"];
const ACTIONS: &[&str] = &[
    "corrigir para:",
    "corrigir \"a\" para: \"b\"",
    "manter resposta",
    "acrescentar:",
    "prefixar:",
    "sinalizar:",
    "recusar:",
];
/// Conditions of one rule; more cannot be understood by its reader.
const CONDITIONS_MAX: usize = 64;

/// Makes an action of its prepared text.
type Make<'s> = fn(Template<'s>) -> Action<'s>;

/// Whether a line begins a rule.
pub(super) fn begins(text: &str) -> bool {
    k::WHEN.iter().any(|(folded, _)| phrase(text, folded).is_some())
        || k::RULE.iter().any(|(folded, _)| {
            phrase(text, folded)
                .and_then(|length| text.get(length..))
                .is_some_and(|rest| rest.trim_start().starts_with(['"', '\'', '“', '‘', '«']))
        })
}

impl<'s> Parser<'s> {
    pub(super) fn rule(&mut self) -> bool {
        let Some(line) = self.line() else { return false };
        let text = self.text_of(&line);
        if !begins(text) {
            return false;
        }
        if self.section == Section::None {
            let span = Span { start: line.span.start + line.indent, end: line.span.end };
            self.report(Diagnostic::new(Code::OutsideSection, span).expecting(&["REGRAS DE VALIDAÇÃO:"]));
            self.section = Section::Rules;
        }
        let mut rule = Rule {
            span: line.span,
            when_line: self.at as u32,
            when_span: Span { start: line.span.start + line.indent, end: line.span.end },
            name: None,
            priority: 0,
            validity: Validity::default(),
            when: When::Always,
            conditions: Vec::new(),
            action: None,
            broken: false,
        };
        self.header(&mut rule);
        self.trigger(&mut rule);
        self.body(&mut rule);
        if rule.validity.from.zip(rule.validity.until).is_some_and(|(from, until)| until < from) {
            self.report(Diagnostic::new(Code::EmptyPeriod, rule.when_span));
            rule.broken = true;
        }
        let last = self.tree.lines.get(self.at.saturating_sub(1)).map_or(rule.span, |line| line.span);
        rule.span = rule.span.to(last);
        self.tree.rules.push(rule);
        true
    }

    /// `REGRA "nome" PRIORIDADE 10 VIGENTE …`
    fn header(&mut self, rule: &mut Rule<'s>) {
        let read = self.take(LineKind::Item, |cursor, found| {
            cursor.word(k::RULE)?;
            let name = match cursor.quoted() {
                Ok(name) => name,
                Err(span) => {
                    found.push(Diagnostic::new(Code::OpenQuote, span));
                    cursor.text();
                    None
                }
            };
            let mut fine = name.is_some();
            let (mut priority, mut validity) = (None, Validity::default());
            while let Some(well) = attribute(cursor, found, &mut priority, &mut validity) {
                fine &= well;
            }
            cursor.char(&[':']);
            fine &= super::finish(cursor, found);
            Some((name, priority, validity, fine))
        });
        if let Some((name, priority, validity, fine)) = read {
            rule.name = name.and_then(some_text);
            rule.priority = priority.unwrap_or(0);
            rule.validity = validity;
            rule.broken |= !fine;
            while self.attribute_line(rule) {}
        }
    }

    /// `PRIORIDADE 10` or `VIGENTE …` on a line of its own.
    fn attribute_line(&mut self, rule: &mut Rule<'s>) -> bool {
        let before = self.at;
        if !self.skip_trivia() {
            return false;
        }
        let (mut priority, mut validity) = (None, rule.validity);
        let read = self.take(LineKind::Part, |cursor, found| {
            let mut fine = attribute(cursor, found, &mut priority, &mut validity)?;
            while let Some(well) = attribute(cursor, found, &mut priority, &mut validity) {
                fine &= well;
            }
            fine &= super::finish(cursor, found);
            Some(fine)
        });
        match read {
            None => {
                self.at = before;
                false
            }
            Some(fine) => {
                rule.priority = priority.unwrap_or(rule.priority);
                rule.validity = validity;
                rule.broken |= !fine;
                true
            }
        }
    }

    fn trigger(&mut self, rule: &mut Rule<'s>) {
        let named = rule.name.is_some() || rule.broken;
        if !self.skip_trivia() {
            self.report(Diagnostic::new(Code::NoTrigger, rule.when_span).expecting(TRIGGERS));
            rule.broken = true;
            return;
        }
        let Some(line) = self.line() else { return };
        let span = Span { start: line.span.start + line.indent, end: line.span.end };
        let at = self.at;
        let read = self.take(if named { LineKind::Part } else { LineKind::Item }, |cursor, found| {
            cursor.word(k::WHEN)?;
            let when = when(cursor, found);
            if when.is_none() {
                if found.is_empty() {
                    let mut problem = Diagnostic::new(Code::UnknownLine, span).expecting(TRIGGERS);
                    let (at, words) = (cursor.at() as u32, cursor.rest());
                    if let Some((span, word)) = super::nearest(words, at, &[k::USER, k::ASKS]) {
                        problem = problem.fixed(span, word);
                    }
                    found.push(problem);
                }
                cursor.text();
                cursor.done();
                return Some(None);
            }
            let fine = super::finish(cursor, found);
            Some(when.filter(|_| fine))
        });
        match read {
            Some(Some(when)) => (rule.when, rule.when_line, rule.when_span) = (when, at as u32, span),
            Some(None) => {
                rule.broken = true;
                (rule.when_line, rule.when_span) = (at as u32, span);
            }
            None => {
                self.report(Diagnostic::new(Code::NoTrigger, rule.when_span).expecting(TRIGGERS));
                rule.broken = true;
            }
        }
    }

    /// Conditions up to and with the consequence.
    fn body(&mut self, rule: &mut Rule<'s>) {
        loop {
            let before = self.at;
            let more = self.skip_trivia();
            let line = self.line().filter(|_| more);
            let Some(line) = line.filter(|line| !self.begins_item(line)) else {
                self.at = before;
                if !rule.broken {
                    let place = rule.when_span;
                    self.report(
                        Diagnostic::new(Code::NoConsequence, place).expecting(&["ENTÃO corrigir para:"]),
                    );
                }
                rule.broken = true;
                return;
            };
            if self.consequence(rule, line.indent) {
                return;
            }
            if self.condition(rule) || self.alternative(rule) || self.attribute_line(rule) {
                continue;
            }
            rule.broken = true;
            let span = Span { start: line.span.start + line.indent, end: line.span.end };
            let mut problem = Diagnostic::new(Code::UnknownLine, span).expecting(CONDITIONS);
            let candidates = [k::THEN, k::AND, k::OR];
            if self.tells()
                && let Some((span, word)) = super::nearest(self.text_of(&line), span.start, &candidates)
            {
                problem = problem.fixed(span, word);
            }
            self.report(problem);
            self.take(LineKind::Unknown, |cursor, _| {
                cursor.text();
                cursor.done();
                Some(())
            });
        }
    }

    /// Whether a line begins the next item, so that this rule ends without a consequence.
    fn begins_item(&mut self, line: &crate::syntax::tree::Line) -> bool {
        let text = self.text_of(line);
        begins(text) || super::check::begins(text) || self.is_heading(text)
    }

    /// Whether a text is a heading, without reading it.
    pub(super) fn is_heading(&self, text: &str) -> bool {
        let text = text.trim_end();
        let whole = |forms: k::Forms| {
            forms.iter().any(|(folded, _)| {
                phrase(text, folded)
                    .and_then(|length| text.get(length..))
                    .is_some_and(|rest| matches!(rest.split('#').next().unwrap_or("").trim(), "" | ":"))
            })
        };
        let with = |forms: k::Forms, mark: &[char]| {
            forms.iter().any(|(folded, _)| {
                phrase(text, folded)
                    .and_then(|length| text.get(length..))
                    .is_some_and(|rest| rest.trim_start().starts_with(mark))
            })
        };
        super::starts_heading(text)
            && (super::SECTIONS.iter().any(|(forms, _)| whole(forms))
                || with(k::DOMAIN, &[':'])
                || with(k::AUTOMATIC, &[':'])
                || with(k::IMPORT, &['"', '“', '\'']))
    }

    fn condition(&mut self, rule: &mut Rule<'s>) -> bool {
        let Some(line) = self.line() else { return false };
        let span = Span { start: line.span.start + line.indent, end: line.span.end };
        let read = self.take(LineKind::Condition, |cursor, found| {
            cursor.word(k::AND)?;
            let condition = condition::read(cursor, span, found);
            if condition.is_none() {
                cursor.text();
                cursor.done();
                return Some(None);
            }
            cursor.char(&['.', ';']);
            let fine = super::finish(cursor, found);
            Some(condition.filter(|_| fine))
        });
        match read {
            None => return false,
            Some(None) => rule.broken = true,
            Some(Some(_)) if rule.conditions.len() >= CONDITIONS_MAX => {
                rule.broken = true;
                let most = CONDITIONS_MAX.to_string();
                self.report(Diagnostic::new(Code::TooLarge, span).about("condições").about(most));
            }
            Some(Some(condition)) => rule.conditions.push(condition),
        }
        true
    }

    /// `OU "x"`
    fn alternative(&mut self, rule: &mut Rule<'s>) -> bool {
        let Some(line) = self.line() else { return false };
        let span = Span { start: line.span.start + line.indent, end: line.span.end };
        let subject = rule.conditions.last().and_then(condition::subject);
        let last = rule.conditions.last_mut().and_then(condition::terms);
        let can = last.is_some();
        let broken = rule.broken;
        let read = self.take(LineKind::Alternative, |cursor, found| {
            cursor.word(k::OR)?;
            // `OU resposta menciona "x"` says again what the condition above says; of another text it would be another
            // condition.
            let (at, tokens) = cursor.mark();
            if condition::named(cursor).is_some_and(|named| Some(named) != subject) {
                cursor.back(at, tokens);
            }
            cursor.word(k::MENTIONS);
            let terms = term::alternatives(cursor, found);
            if terms.is_none() {
                cursor.text();
                cursor.done();
                return Some(None);
            }
            let mut fine = super::finish(cursor, found);
            // After a condition with an error there is nothing that it could belong to; one message is enough.
            if !can && !broken {
                found.push(
                    Diagnostic::new(Code::LooseAlternative, span).expecting(&["E resposta menciona \"…\""]),
                );
            }
            fine &= can;
            Some(terms.filter(|_| fine))
        });
        match (read, last) {
            (None, _) => return false,
            (Some(Some(terms)), Some(all)) => {
                all.extend(terms);
                if let Some(condition) = rule.conditions.last_mut() {
                    condition.span = condition.span.to(span);
                }
            }
            _ => rule.broken = true,
        }
        true
    }

    /// `ENTÃO …` with its prepared text.
    fn consequence(&mut self, rule: &mut Rule<'s>, indent: u32) -> bool {
        enum Read<'s> {
            Keep,
            Substitute(Text<'s>, Text<'s>),
            Template(Make<'s>, Option<Text<'s>>),
        }
        let read = self.take(LineKind::Consequence, |cursor, found| {
            cursor.word(k::THEN)?;
            let start = cursor.at();
            let span = cursor.rest_span();
            if cursor.word(k::KEEP).is_some() {
                cursor.char(&['.']);
                let fine = super::finish(cursor, found);
                return Some(Some(Read::Keep).filter(|_| fine));
            }
            let actions: [(k::Forms, Make<'s>); 5] = [
                (k::CORRECT_TO, Action::Replace),
                (k::APPEND, Action::Append),
                (k::PREFIX, Action::Prefix),
                (k::FLAG, Action::Flag),
                (k::REFUSE, Action::Refuse),
            ];
            for (forms, action) in actions {
                if cursor.word(forms).is_some() {
                    cursor.char(&[':']);
                    let inline = if cursor.done() { None } else { Some(whole(cursor)) };
                    return Some(Some(Read::Template(action, inline)));
                }
            }
            if cursor.word(k::CORRECT).is_some()
                && let Ok(Some(from)) = cursor.quoted()
                && cursor.word(k::TO).is_some()
            {
                cursor.char(&[':']);
                if let Ok(Some(to)) = cursor.quoted() {
                    let fine =
                        super::finish(cursor, found) && !crate::fold::fold(&from.text).trim().is_empty();
                    return Some(Some(Read::Substitute(from, to)).filter(|_| fine));
                }
            }
            let words = span.of(cursor.source());
            let mut problem =
                Diagnostic::new(Code::UnknownAction, span).about(shorten(words)).expecting(ACTIONS);
            let all = [k::CORRECT_TO, k::KEEP, k::APPEND, k::PREFIX, k::FLAG, k::REFUSE];
            if let Some((span, word)) = super::nearest(words, start as u32, &all) {
                problem = problem.fixed(span, word);
            }
            found.push(problem);
            cursor.text();
            cursor.done();
            Some(None)
        });
        let Some(read) = read else { return false };
        let at = self.at.saturating_sub(1);
        match read {
            Some(Read::Keep) => rule.action = Some(Action::Keep),
            Some(Read::Substitute(from, to)) => rule.action = Some(Action::Substitute(from, to)),
            Some(Read::Template(action, inline)) => {
                let mut found = Vec::new();
                let template = self.template(inline, indent, &mut found);
                let fine = found.is_empty();
                for diagnostic in found {
                    self.report(diagnostic);
                }
                if template.pieces.is_empty() && fine {
                    let span = self.tree.lines.get(at).map_or(rule.when_span, |line| Span {
                        start: line.span.start + line.indent,
                        end: line.span.end,
                    });
                    self.report(Diagnostic::new(Code::EmptyTemplate, span));
                }
                rule.broken |= template.pieces.is_empty() || !fine;
                rule.action = Some(action(template));
            }
            None => {
                rule.broken = true;
                // Its text would be taken for unknown lines.
                let _ = self.template(None, indent, &mut Vec::new());
            }
        }
        true
    }

    /// A prepared text: what stands on the line itself, and the lines below that are indented deeper.
    pub(super) fn template(
        &mut self,
        inline: Option<Text<'s>>,
        owner: u32,
        found: &mut Vec<Diagnostic>,
    ) -> Template<'s> {
        let mut template = Template::default();
        let mut base = None;
        if let Some(text) = inline {
            template.span = text.span;
            let source: &'s str = self.tree.source;
            template::line(&mut template, text.span.of(source), text.span.start as usize, found);
            // Below a text on the same line only deeper lines go on.
            base = Some(owner + 1);
        }
        let (mut blank, mut last) = (0, self.at);
        let mut here = self.at;
        while let Some(line) = self.tree.lines.get(here).copied() {
            let text = self.text_of(&line);
            match line.kind {
                LineKind::Blank => {
                    blank += 1;
                    here += 1;
                    continue;
                }
                // A remark at the margin, or left of the text, is no part of it.
                LineKind::Comment | LineKind::Separator
                    if base.is_none_or(|base| line.indent < base || base == 0) && line.indent <= owner =>
                {
                    here += 1;
                    continue;
                }
                _ => {}
            }
            if base.is_some_and(|base| line.indent < base)
                || template::ends_template(text)
                || self.is_heading(text)
            {
                break;
            }
            if base.is_none() {
                base = Some(line.indent);
                template.span = Span { start: line.span.start + line.indent, end: line.span.end };
                if line.indent == 0 {
                    self.report(Diagnostic::new(
                        Code::TemplateAtMargin,
                        Span { start: line.span.start, end: line.span.end },
                    ));
                }
            }
            let begun = !template.pieces.is_empty();
            for _ in 0..if begun { blank + 1 } else { 0 } {
                template::push(&mut template, Cow::Borrowed("\n"));
            }
            blank = 0;
            let source: &'s str = self.tree.source;
            let start = super::column(source, &line, base.unwrap_or(0));
            let whole = source.get(start..line.span.end as usize).unwrap_or("").trim_end();
            template::line(&mut template, whole, start, found);
            template.span = template.span.to(line.span);
            let from = self.tree.tokens.len() as u32;
            self.tree.tokens.push(crate::syntax::tree::Token {
                kind: TokenKind::Text,
                span: Span::new(start, start + whole.len()),
            });
            if let Some(line) = self.tree.lines.get_mut(here) {
                (line.kind, line.tokens_from, line.tokens_to) = (LineKind::Template, from, from + 1);
            }
            here += 1;
            last = here;
        }
        self.at = last;
        template
    }
}

/// The rest of a line as it is, `#` and all.
fn whole<'s>(cursor: &mut Cursor<'s, '_>) -> Text<'s> {
    let length = cursor.rest().trim_end().len();
    cursor.piece(length, TokenKind::Text)
}

/// What follows `QUANDO`.
fn when<'s>(cursor: &mut Cursor<'s, '_>, found: &mut Vec<Diagnostic>) -> Option<When<'s>> {
    if cursor.word(k::ALWAYS).is_some() {
        return Some(When::Always);
    }
    if cursor.word(k::INTENT).is_some() {
        cursor.char(&[':']);
        return match cursor.quoted() {
            Ok(Some(name)) => Some(When::Intent(name)),
            Ok(None) => some_text(cursor.bare(&[' ', '#'], TokenKind::Name)).map(When::Intent),
            Err(span) => {
                found.push(Diagnostic::new(Code::OpenQuote, span));
                None
            }
        };
    }
    cursor.word(k::USER);
    cursor.word(k::ASKS)?;
    cursor.char(&[':']);
    if !cursor.sees_quote() {
        return None;
    }
    term::alternatives(cursor, found).map(When::Asks)
}

/// `PRIORIDADE n` or `VIGENTE …`; `None` when neither comes next, else whether it is right.
fn attribute(
    cursor: &mut Cursor<'_, '_>,
    found: &mut Vec<Diagnostic>,
    priority: &mut Option<i32>,
    validity: &mut Validity,
) -> Option<bool> {
    cursor.char(&[',']);
    if cursor.word(k::PRIORITY).is_some() {
        cursor.char(&[':']);
        let rest = cursor.rest();
        let length = rest.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(rest.len());
        // Nine digits are more than anybody ranks.
        let number =
            rest.get(..length).filter(|digits| digits.len() <= 9).and_then(|digits| digits.parse().ok());
        if number.is_none() {
            let span = cursor.rest_span();
            found.push(
                Diagnostic::new(Code::BadValue, span)
                    .about(shorten(rest.trim()))
                    .expecting(&["PRIORIDADE 10"]),
            );
            cursor.text();
            return Some(false);
        }
        cursor.piece(length, TokenKind::Literal);
        *priority = number;
        return Some(true);
    }
    cursor.word(k::IN_FORCE)?;
    let mut any = false;
    if cursor.word(k::FROM).is_some() {
        validity.from = Some(day(cursor, found)?);
        any = true;
    }
    if cursor.word(k::UNTIL).is_some() {
        validity.until = Some(day(cursor, found)?);
        any = true;
    }
    if !any {
        let span = cursor.rest_span();
        found.push(
            Diagnostic::new(Code::BadValue, span)
                .about(shorten(cursor.rest().trim()))
                .expecting(&["VIGENTE DE 01/01/2026 ATÉ 31/12/2026"]),
        );
        cursor.text();
    }
    Some(any)
}

/// A day, up to the next word of the language or the end of the line.
pub(super) fn day(cursor: &mut Cursor<'_, '_>, found: &mut Vec<Diagnostic>) -> Option<Date> {
    let rest = cursor.rest();
    let stop = [k::UNTIL, k::PRIORITY]
        .into_iter()
        .filter_map(|forms| term::position(rest, forms))
        .chain(rest.find(" #"))
        .min()
        .unwrap_or(rest.len());
    let text = rest.get(..stop).unwrap_or("").trim_end().trim_end_matches([':', ',']);
    match literal(Kind::Date, text) {
        Some(Value::Date(date)) => {
            cursor.piece(text.len(), TokenKind::Literal);
            Some(date)
        }
        _ => {
            let span = Span::new(cursor.at(), cursor.at() + text.len());
            found.push(Diagnostic::new(Code::BadValue, span).about(shorten(text)).expecting(&["31/12/2026"]));
            None
        }
    }
}
