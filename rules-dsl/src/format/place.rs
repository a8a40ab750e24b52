//! Where each line stands: its indentation by its kind, and the blank lines above it.

use super::line::usual;
use crate::diagnostic::Severity;
use crate::syntax::keyword as k;
use crate::syntax::tree::{Expectation, Line, LineKind, TokenKind, Tree};

/// Indentation of the parts of an item, and of prepared texts.
const PART: usize = 2;
/// Indentation of alternatives, of texts below a field, and of lines that go on with the text above.
const DEEP: usize = 4;

/// What becomes of a line.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// Blank lines above it.
    pub blanks: usize,
    pub indent: usize,
    /// Its text; `None` for a blank line, which is counted above the next line.
    pub text: Option<String>,
}

/// What kind of item a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    None,
    /// Behind a heading, before the first item.
    Heading,
    Fact,
    Intent,
    Rule,
    Check,
    /// Items of one line.
    Other,
}

/// The place of every line.
pub(super) fn places(tree: &Tree<'_>) -> Vec<Place> {
    let mut walk = Walk::new(tree);
    let mut places: Vec<Place> = Vec::with_capacity(tree.lines.len());
    // Lines since the last one that is neither blank, nor comment, nor separator.
    let mut trivia: Vec<usize> = Vec::new();
    for (at, line) in tree.lines.iter().enumerate() {
        places.push(Place::default());
        if matches!(line.kind, LineKind::Blank | LineKind::Comment | LineKind::Separator) {
            trivia.push(at);
            continue;
        }
        let (place, apart) = walk.place(line, at);
        let indent = if is_inside(line.kind) && walk.may_indent { place.indent.min(PART) } else { 0 };
        let inside_text = line.kind == LineKind::Template && walk.began_text;
        settle(tree, &mut places, &trivia, indent, walk.fixed_lines || inside_text, apart, at);
        let first_of_text = line.kind == LineKind::Template && !walk.began_text;
        if let Some(slot) = places.get_mut(at) {
            let blanks = if first_of_text && !walk.inline && !walk.fixed_lines { 0 } else { slot.blanks };
            *slot = Place { blanks, ..place };
        }
        walk.began_text = line.kind == LineKind::Template;
        trivia.clear();
    }
    settle(tree, &mut places, &trivia, 0, walk.fixed_lines, false, usize::MAX);
    if let Some(first) = places.iter_mut().find(|place| place.text.is_some()).filter(|_| !walk.fixed_lines) {
        first.blanks = 0;
    }
    places
}

fn is_inside(kind: LineKind) -> bool {
    matches!(kind, LineKind::Part | LineKind::Condition | LineKind::Alternative)
}

/// Places the comments before a line, and counts the blank lines above each of them and above the line.
fn settle(
    tree: &Tree<'_>,
    places: &mut [Place],
    trivia: &[usize],
    indent: usize,
    exact: bool,
    apart: bool,
    next: usize,
) {
    let is_blank = |at: usize| tree.lines.get(at).is_some_and(|line| line.kind == LineKind::Blank);
    let mut missing = apart && !exact && !trivia.iter().any(|&at| is_blank(at));
    let mut blanks = 0;
    for &at in trivia {
        if is_blank(at) {
            blanks += 1;
            continue;
        }
        let Some(slot) = places.get_mut(at) else { continue };
        let count = if exact { blanks } else { blanks.min(1) };
        let text = tree.lines.get(at).map(|line| {
            let from = (line.span.start + line.indent) as usize;
            tree.source.get(from..line.span.end as usize).unwrap_or("").trim_end().to_owned()
        });
        *slot = Place { blanks: count + usize::from(std::mem::take(&mut missing)), indent, text };
        blanks = 0;
    }
    if let Some(slot) = places.get_mut(next) {
        slot.blanks = if exact { blanks } else { blanks.min(1) } + usize::from(missing);
    }
}

struct Walk<'t, 's> {
    tree: &'t Tree<'s>,
    /// The section's own kind of item.
    section: Item,
    item: Item,
    /// The current item has lines below its first.
    has_parts: bool,
    /// The text of the action or field stands on its own line.
    inline: bool,
    /// The line before is a line of a text.
    began_text: bool,
    /// Below an action rather than a field.
    below_action: bool,
    /// Comments may stand as deep as the part below them.
    may_indent: bool,
    last: Option<LineKind>,
    /// Lines that an error is about, sorted.
    broken: Vec<usize>,
    /// A test names a rule by its line, so no line may move.
    fixed_lines: bool,
}

impl<'t, 's> Walk<'t, 's> {
    fn new(tree: &'t Tree<'s>) -> Self {
        let errors = tree.diagnostics.iter().filter(|problem| problem.severity() == Severity::Error);
        let mut broken: Vec<usize> = errors.map(|problem| tree.line_at(problem.span.start)).collect();
        broken.sort_unstable();
        let by_line = tree.checks.iter().flat_map(|check| &check.expectations).any(
            |(expectation, _)| matches!(expectation, Expectation::Rule(name) if name.text.contains("rule_")),
        );
        Walk {
            tree,
            section: Item::None,
            item: Item::None,
            has_parts: false,
            inline: false,
            began_text: false,
            below_action: false,
            may_indent: true,
            last: None,
            broken,
            fixed_lines: by_line,
        }
    }

    /// The place of a line, and whether it must stand apart from what is above.
    fn place(&mut self, line: &Line, at: usize) -> (Place, bool) {
        let raw = self.raw(line);
        let sound = self.broken.binary_search(&at).is_err();
        let text = if sound { usual(self.tree, line) } else { None };
        let understood = text.is_some();
        let text = text.unwrap_or_else(|| raw.to_owned());
        self.may_indent = true;
        let (indent, text, apart) = match line.kind {
            LineKind::Heading => {
                let apart = self.heading(line);
                (0, text, apart)
            }
            LineKind::Item => {
                let apart = self.item(line);
                (0, text, apart)
            }
            LineKind::Part => {
                self.has_parts = true;
                self.below_action = false;
                self.part(line, raw, text, understood)
            }
            LineKind::Condition => (PART, text, false),
            LineKind::Alternative => (DEEP, text, false),
            LineKind::Consequence => {
                self.below_action = true;
                self.inline = self.is_inline(line);
                (0, text, false)
            }
            LineKind::Template => (self.depth(), self.token(line).to_owned(), false),
            LineKind::Blank | LineKind::Comment | LineKind::Separator | LineKind::Unknown => {
                self.unknown(line, raw)
            }
        };
        self.last = Some(line.kind);
        (Place { blanks: 0, indent, text: Some(text) }, apart)
    }

    fn raw(&self, line: &Line) -> &'s str {
        let source: &'s str = self.tree.source;
        source.get((line.span.start + line.indent) as usize..line.span.end as usize).unwrap_or("").trim_end()
    }

    /// A line of a text begins where the common indentation ends.
    fn token(&self, line: &Line) -> &'s str {
        let source: &'s str = self.tree.source;
        self.tree.tokens_of(line).first().map_or("", |token| token.span.of(source))
    }

    /// How deep a prepared text stands.
    fn depth(&self) -> usize {
        match (self.below_action, self.inline) {
            // Below a text on the same line the first column is already a part of the indentation.
            (true, true) => 1,
            (true, false) => PART,
            (false, _) => DEEP,
        }
    }

    fn is_inline(&self, line: &Line) -> bool {
        match self.tree.tokens_of(line) {
            [_, second, rest @ ..] if matches!(second.kind, TokenKind::Keyword(_)) => {
                rest.iter().any(|token| token.kind == TokenKind::Text)
            }
            _ => false,
        }
    }

    fn starts_with(&self, line: &Line, forms: &[k::Forms]) -> bool {
        let Some(TokenKind::Keyword(word)) = self.tree.tokens_of(line).first().map(|token| token.kind) else {
            return false;
        };
        forms.iter().any(|forms| forms.iter().any(|(_, shown)| *shown == word))
    }

    fn heading(&mut self, line: &Line) -> bool {
        let directive = self.starts_with(line, &[k::IMPORT, k::AUTOMATIC, k::DOMAIN]);
        let follows = matches!(self.last, None | Some(LineKind::Heading)) && directive;
        if !self.starts_with(line, &[k::IMPORT, k::AUTOMATIC]) {
            let is = |forms| self.starts_with(line, &[forms]);
            self.section = match () {
                () if is(k::FACTS) => Item::Fact,
                () if is(k::INTENTS) => Item::Intent,
                () => Item::Other,
            };
        }
        self.item = Item::Heading;
        self.has_parts = false;
        !follows && self.last.is_some()
    }

    fn item(&mut self, line: &Line) -> bool {
        let (before, had_parts) = (self.item, self.has_parts);
        let now = if self.starts_with(line, &[k::WHEN, k::RULE]) {
            Item::Rule
        } else if self.starts_with(line, &[k::TEST]) {
            Item::Check
        } else {
            self.section
        };
        (self.item, self.has_parts) = (now, false);
        match (before, now) {
            (Item::None | Item::Heading, _) => false,
            (_, Item::Rule | Item::Check | Item::Intent) => true,
            (Item::Fact, Item::Fact) => had_parts,
            (before, now) => before != now,
        }
    }

    fn part(&mut self, line: &Line, raw: &str, text: String, understood: bool) -> (usize, String, bool) {
        let first = self.tree.tokens_of(line).first().map(|token| token.kind);
        let free = matches!(first, Some(TokenKind::Text));
        match self.item {
            // A remark under the domain.
            Item::Heading | Item::None => (line_indent(line), raw.to_owned(), false),
            Item::Fact if free => (DEEP, text, false),
            // The trigger of a named rule stands where that of any other does.
            Item::Rule if self.starts_with(line, &[k::WHEN]) => {
                self.may_indent = false;
                (0, text, false)
            }
            _ if free || !understood => (PART, raw.to_owned(), false),
            _ => (PART, text, false),
        }
    }

    /// To the letter; but below a text that goes on with deeper lines it stays out of that.
    fn unknown(&mut self, line: &Line, raw: &str) -> (usize, String, bool) {
        let risky = matches!(self.last, Some(LineKind::Template | LineKind::Part | LineKind::Consequence));
        (if risky { 0 } else { line_indent(line) }, raw.to_owned(), false)
    }
}

fn line_indent(line: &Line) -> usize {
    line.indent as usize
}
