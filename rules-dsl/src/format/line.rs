//! The text of one line: its tokens in their usual spelling, one space between them.

use crate::syntax::tree::{Line, LineKind, TokenKind, Tree};

/// The line in its usual form; `None` when a part of it is in no token, and so was not understood.
pub(super) fn usual(tree: &Tree<'_>, line: &Line) -> Option<String> {
    let mut out = String::new();
    let mut at = (line.span.start + line.indent) as usize;
    for (index, token) in tree.tokens_of(line).iter().enumerate() {
        let raw = token.span.of(tree.source);
        if raw.is_empty() {
            continue;
        }
        let gap = tree.source.get(at..token.span.start as usize)?;
        if !gap.trim().is_empty() {
            return None;
        }
        at = token.span.end as usize;
        let close = token.kind == TokenKind::Mark && !is_bullet(line, index, raw);
        let remark = token.kind == TokenKind::Text && raw.starts_with([',', ';', ':']);
        if !(out.is_empty() || close || remark) {
            out.push(' ');
        }
        match token.kind {
            // Capitals begin a rule; inside a test's line the same word is one among others.
            TokenKind::Keyword(usual @ ("REGRA" | "RULE")) if index > 0 => {
                out.push_str(&usual.to_lowercase())
            }
            TokenKind::Keyword(usual) => out.push_str(usual),
            TokenKind::Quoted => straight(raw, &mut out),
            TokenKind::Mark if is_bullet(line, index, raw) => out.push('-'),
            _ => out.push_str(raw),
        }
    }
    let rest = tree.source.get(at..line.span.end as usize)?;
    if !rest.trim().is_empty() || out.is_empty() {
        return None;
    }
    let section = line.kind == LineKind::Heading && tree.tokens_of(line).len() == 1;
    if section {
        out.push(':');
    }
    Some(out)
}

fn is_bullet(line: &Line, index: usize, raw: &str) -> bool {
    line.kind == LineKind::Part && index == 0 && !raw.starts_with([':', ',', '.', ';'])
}

/// Straight quotes, unless the text has one of its own.
fn straight(raw: &str, out: &mut String) {
    let mut characters = raw.chars();
    let (open, close) = (characters.next(), characters.next_back());
    let inner = characters.as_str();
    match (open, close) {
        (Some(_), Some(_)) if !inner.contains('"') => {
            out.push('"');
            out.push_str(inner);
            out.push('"');
        }
        _ => out.push_str(raw),
    }
}
