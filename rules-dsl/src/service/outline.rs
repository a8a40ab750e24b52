//! The outline of a file: its sections with their items, and what can be folded away.

use crate::syntax::tree::{Line, LineKind, Span, TokenKind, Tree};
use std::collections::HashMap;

/// What a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SymbolKind {
    /// A heading with what is below it.
    Section,
    /// A fact.
    Fact,
    /// An intent.
    Intent,
    /// An expansion.
    Expansion,
    /// A normalisation.
    Normalisation,
    /// A rule.
    Rule,
    /// A synonym.
    Synonym,
    /// A test.
    Test,
}

/// A part of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All of it.
    pub span: Span,
    /// Its name, or its first line.
    pub selection: Span,
    /// What is in it.
    pub children: Vec<Symbol>,
}

/// Lines that can be folded away, from 0, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fold {
    /// The line that stays.
    pub first: u32,
    /// The last line.
    pub last: u32,
    /// Remarks only.
    pub comment: bool,
}

/// Characters of a name in the outline.
const NAME_MAX: usize = 80;

/// The sections in order, each with its items; items before the first heading stand beside the sections.
pub fn symbols(tree: &Tree<'_>) -> Vec<Symbol> {
    let known = known(tree);
    let mut roots: Vec<Symbol> = Vec::new();
    let mut inside = false;
    for (at, line) in (0u32..).zip(&tree.lines) {
        let shown = Span { start: line.span.start + line.indent, end: line.span.end };
        match line.kind {
            LineKind::Heading => {
                let name = shown.of(tree.source).split('#').next().unwrap_or("").trim().trim_end_matches(':');
                let kind = SymbolKind::Section;
                roots.push(Symbol {
                    name: short(name),
                    kind,
                    span: line.span,
                    selection: shown,
                    children: Vec::new(),
                });
                inside = true;
            }
            LineKind::Blank | LineKind::Comment | LineKind::Separator => {}
            LineKind::Item => {
                let Some((kind, name, selection)) = known.get(&at) else {
                    extend(&mut roots, line.span, inside);
                    continue;
                };
                let symbol = Symbol {
                    name: short(name),
                    kind: *kind,
                    span: line.span,
                    selection: *selection,
                    children: Vec::new(),
                };
                match roots.last_mut().filter(|_| inside) {
                    Some(section) => {
                        section.span = section.span.to(line.span);
                        section.children.push(symbol);
                    }
                    None => roots.push(symbol),
                }
            }
            _ => extend(&mut roots, line.span, inside),
        }
    }
    roots
}

/// The line belongs to what stands above it.
fn extend(roots: &mut [Symbol], span: Span, inside: bool) {
    let Some(last) = roots.last_mut() else { return };
    last.span = last.span.to(span);
    if let Some(child) = last.children.last_mut().filter(|_| inside) {
        child.span = child.span.to(span);
    }
}

/// By its first line: what an item is, its name, and where that stands.
fn known<'t>(tree: &'t Tree<'_>) -> HashMap<u32, (SymbolKind, &'t str, Span)> {
    let mut known = HashMap::new();
    let mut add = |span: Span, kind: SymbolKind, name: &'t str, selection: Span| {
        known.insert(tree.line_at(span.start) as u32, (kind, name, selection));
    };
    for fact in &tree.facts {
        add(fact.span, SymbolKind::Fact, &fact.name.text, fact.name.span);
    }
    for intent in &tree.intents {
        add(intent.span, SymbolKind::Intent, &intent.name.text, intent.name.span);
    }
    for expansion in &tree.expansions {
        add(expansion.span, SymbolKind::Expansion, &expansion.intent.text, expansion.intent.span);
    }
    for item in &tree.normalisations {
        add(item.span, SymbolKind::Normalisation, &item.from.text, item.from.span);
    }
    for synonym in &tree.synonyms {
        add(synonym.span, SymbolKind::Synonym, &synonym.word.text, synonym.word.span);
    }
    for rule in &tree.rules {
        let (name, span) = match &rule.name {
            Some(name) => (&*name.text, name.span),
            None => (rule.when_span.of(tree.source), rule.when_span),
        };
        add(rule.span, SymbolKind::Rule, name, span);
    }
    for check in &tree.checks {
        add(check.span, SymbolKind::Test, &check.name.text, check.name.span);
    }
    known
}

/// What can be folded: sections, items of several lines, and blocks of remarks.
pub fn folds(tree: &Tree<'_>) -> Vec<Fold> {
    let mut folds = Vec::new();
    let mut fold = |span: Span| {
        let (first, last) = (tree.line_at(span.start) as u32, tree.line_at(span.end) as u32);
        if first < last {
            folds.push(Fold { first, last, comment: false });
        }
    };
    for symbol in &symbols(tree) {
        fold(symbol.span);
        symbol.children.iter().for_each(|child| fold(child.span));
    }
    let mut from = None;
    for (at, line) in (0u32..).zip(tree.lines.iter().map(Some).chain([None])) {
        let remark = line.is_some_and(|line| is_remark(tree, line));
        match (remark, from) {
            (true, None) => from = Some(at),
            (false, Some(first)) => {
                if first + 1 < at {
                    folds.push(Fold { first, last: at - 1, comment: true });
                }
                from = None;
            }
            _ => {}
        }
    }
    folds.sort_unstable();
    folds
}

fn is_remark(tree: &Tree<'_>, line: &Line) -> bool {
    line.kind == LineKind::Comment
        || matches!(tree.tokens_of(line), [token] if token.kind == TokenKind::Comment)
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(NAME_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    // Editors refuse a symbol without a name.
    if short.trim().is_empty() { "…".to_owned() } else { short }
}
