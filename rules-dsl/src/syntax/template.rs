//! Prepared texts: their lines, without the common indentation, and their variables.

use super::cursor::{composed, phrase};
use super::tree::{Level, Piece, Property, Span, Template};
use crate::diagnostic::{Code, Diagnostic};
use crate::fold::fold;
use std::borrow::Cow;

const VARIABLES: &[&str] =
    &["{pergunta}", "{intenção}", "{página}", "{fatos.criticidade.ALTO[0].nome}", "{{"];

/// Adds a line to a template; problems go to `found`.
pub(super) fn line<'s>(template: &mut Template<'s>, text: &'s str, at: usize, found: &mut Vec<Diagnostic>) {
    let mut from = 0;
    let plain = |template: &mut Template<'s>, from: usize, to: usize| {
        if let Some(piece) = text.get(from..to).filter(|piece| !piece.is_empty()) {
            push(template, composed(piece));
        }
    };
    let bytes = text.as_bytes();
    let mut here = 0;
    while let Some(&byte) = bytes.get(here) {
        let doubled = bytes.get(here + 1) == Some(&byte);
        if matches!(byte, b'{' | b'}') && doubled {
            plain(template, from, here + 1);
            here += 2;
            from = here;
            continue;
        }
        if byte == b'{'
            && let Some(length) = text.get(here + 1..).and_then(closing)
            && let Some(inner) = text.get(here + 1..here + 1 + length)
            && names_variable(inner)
        {
            let span = Span::new(at + here, at + here + length + 2);
            plain(template, from, here);
            match variable(inner.trim(), span) {
                Some(piece) => template.pieces.push(piece),
                None => {
                    let shown = format!("{{{inner}}}");
                    found
                        .push(Diagnostic::new(Code::UnknownVariable, span).about(shown).expecting(VARIABLES));
                }
            }
            here += length + 2;
            from = here;
            continue;
        }
        here += 1;
    }
    plain(template, from, text.len());
}

/// Adds text that is no variable.
pub(super) fn push<'s>(template: &mut Template<'s>, text: Cow<'s, str>) {
    if let Some(Piece::Text(last)) = template.pieces.last_mut() {
        last.to_mut().push_str(&text);
    } else {
        template.pieces.push(Piece::Text(text));
    }
}

/// Where the brace closes, if it may hold a variable: another one that opens, or a text too long for one, ends the look.
fn closing(rest: &str) -> Option<usize> {
    const VARIABLE_MAX: usize = 200;
    let head = rest.as_bytes().get(..VARIABLE_MAX).unwrap_or(rest.as_bytes());
    head.iter().position(|byte| matches!(byte, b'{' | b'}')).filter(|at| head.get(*at) == Some(&b'}'))
}

/// Whether the text in braces is meant as a variable; `{ "a": 1 }` is not.
fn names_variable(inner: &str) -> bool {
    let inner = inner.trim();
    inner.starts_with(char::is_alphabetic)
        && inner.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']'))
}

fn variable<'s>(inner: &str, span: Span) -> Option<Piece<'s>> {
    let folded = fold(inner);
    match folded.as_str() {
        "question" | "pergunta" => return Some(Piece::Question),
        "intent" | "intencao" => return Some(Piece::Intent),
        "page" | "pagina" => return Some(Piece::Page),
        _ => {}
    }
    let rest = ["facts.criticidade.", "fatos.criticidade.", "facts.criticality."]
        .iter()
        .find_map(|start| folded.strip_prefix(start))?;
    let (level, rest) = rest.split_once('[')?;
    let (index, property) = rest.split_once("].")?;
    let level = match level {
        "alto" | "alta" | "high" => Level::High,
        "medio" | "media" | "medium" => Level::Medium,
        "baixo" | "baixa" | "low" => Level::Low,
        _ => return None,
    };
    let property = match property {
        "name" | "nome" => Property::Name,
        "criticality" | "criticidade" => Property::Level,
        "reason" | "motivo" => Property::Reason,
        "action" | "acao" => Property::Action,
        _ => return None,
    };
    Some(Piece::Fact(level, index.parse().ok()?, property, span))
}

/// Whether a line of a prepared text is in truth the beginning of the next item.
pub(super) fn ends_template(text: &str) -> bool {
    use super::keyword as k;
    let after =
        |forms: super::keyword::Forms, text: &str| forms.iter().find_map(|(folded, _)| phrase(text, folded));
    let rest = |text: &'_ str, length: usize| text.get(length..).unwrap_or("").trim_start().to_owned();
    let quote = |text: &str| text.starts_with(['"', '\'', '“', '‘', '«']);
    if let Some(length) = after(k::WHEN, text) {
        let mut tail = rest(text, length);
        if let Some(length) = after(k::USER, &tail) {
            tail = rest(&tail, length);
        }
        return after(k::ASKS, &tail).is_some_and(|length| quote(&rest(&tail, length)))
            || after(k::ALWAYS, &tail).is_some_and(|length| rest(&tail, length).is_empty())
            || after(k::INTENT, &tail).is_some_and(|length| quote(&rest(&tail, length)));
    }
    [k::RULE, k::TEST].iter().any(|forms| after(forms, text).is_some_and(|length| quote(&rest(text, length))))
}
