//! Where a line stands: in which section, in which item, and whether it is prepared text.

use crate::syntax::keyword::{self as k, Forms};
use crate::syntax::tree::{Line, LineKind, Token, TokenKind, Tree};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    None,
    Facts,
    Intents,
    Expansions,
    Normalisations,
    Rules,
    Synonyms,
    Tests,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    None,
    Fact,
    Intent,
    /// `acted`: its `ENTÃO` stands above.
    Rule {
        acted: bool,
    },
    Test,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The first byte of the line that is not white space.
    pub(super) start: u32,
    pub(super) section: Section,
    pub(super) item: Item,
    /// The line is read as prepared text.
    pub(super) text: bool,
}

const SECTIONS: [(Forms, Section); 7] = [
    (k::FACTS, Section::Facts),
    (k::INTENTS, Section::Intents),
    (k::EXPANSIONS, Section::Expansions),
    (k::NORMALISATIONS, Section::Normalisations),
    (k::RULES, Section::Rules),
    (k::SYNONYMS, Section::Synonyms),
    (k::TESTS, Section::Tests),
];

impl Place {
    pub(super) fn of(tree: &Tree<'_>, at: u32) -> Place {
        let here = tree.line_at(at);
        let line = tree.lines.get(here).filter(|line| line.span.holds(at));
        let start = line.map_or(at, |line| (line.span.start + line.indent).min(at));
        // Past a final line break there is a line that the tree does not hold.
        let above = if line.is_some() { here } else { tree.lines.len() };
        let mut place = Place {
            start,
            section: Section::None,
            item: Item::None,
            text: line.is_some_and(|l| l.kind == LineKind::Template),
        };
        let (mut acted, mut found) = (false, false);
        for line in tree.lines.get(..above).unwrap_or(&[]).iter().rev() {
            match line.kind {
                LineKind::Consequence => acted |= !found,
                LineKind::Item if !found => {
                    found = true;
                    place.item = item(tree, line, acted);
                }
                LineKind::Heading => {
                    if let Some(section) = section(tree.tokens_of(line)) {
                        place.section = section;
                        break;
                    }
                    found = true;
                }
                _ => {}
            }
        }
        if place.item == Item::None && found {
            place.item = match place.section {
                Section::Facts => Item::Fact,
                Section::Intents => Item::Intent,
                _ => Item::None,
            };
        }
        place
    }

    /// Whether a line that was not read as one is prepared text: it follows an `ENTÃO` and has an open brace.
    pub(super) fn in_template(&self, rest: &str) -> bool {
        matches!(self.item, Item::Rule { acted: true })
            && rest.rfind('{').is_some_and(|at| rest.get(at..).is_some_and(|tail| !tail.contains('}')))
    }
}

fn first(tokens: &[Token]) -> Option<&'static str> {
    match tokens.first()?.kind {
        TokenKind::Keyword(shown) => Some(shown),
        _ => None,
    }
}

fn spells(forms: Forms, shown: &str) -> bool {
    forms.iter().any(|(_, form)| *form == shown)
}

fn section(tokens: &[Token]) -> Option<Section> {
    let shown = first(tokens)?;
    let named = SECTIONS.iter().find(|(forms, _)| spells(forms, shown)).map(|(_, section)| *section);
    named.or_else(|| spells(k::DOMAIN, shown).then_some(Section::None))
}

fn item(tree: &Tree<'_>, line: &Line, acted: bool) -> Item {
    match first(tree.tokens_of(line)) {
        Some(shown) if spells(k::WHEN, shown) || spells(k::RULE, shown) => Item::Rule { acted },
        Some(shown) if spells(k::TEST, shown) => Item::Test,
        _ => Item::None,
    }
}
