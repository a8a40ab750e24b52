//! Everything that has a name in a rules file, and every place that says it.

use crate::fold::fold;
use crate::program::{Loaded, slug};
use crate::syntax::tree::{Expectation, Level, Piece, Span, Text, Tree, When};
use std::collections::HashMap;

/// What a place names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Named {
    /// An intent, by its number.
    Intent(u32),
    /// A rule, by its number.
    Rule(u32),
    /// A fact, by its place in the file.
    Fact(u32),
    /// An import, by its place in the file.
    File(u32),
}

/// How a place names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// Here it is.
    Declares,
    /// Says its name.
    Uses,
    /// Means it by other words: the text of `QUANDO`, whose first words are an intent's name.
    Implies,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) span: Span,
    pub(super) role: Role,
    pub(super) named: Named,
}

/// All places of a file, in its order.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) places: Vec<Place>,
    intents: HashMap<String, u32>,
    folded: HashMap<String, u32>,
    rules: HashMap<String, u32>,
}

impl Names {
    pub(super) fn of(loaded: &Loaded<'_>) -> Names {
        let tree = &loaded.tree;
        let mut names = Names::default();
        for intent in &tree.intents {
            let id = names.declare(&intent.name.text);
            names.add(Named::Intent(id), &intent.name, Role::Declares);
        }
        for expansion in &tree.expansions {
            names.intent(&expansion.intent);
        }
        names.rules(tree);
        for check in &tree.checks {
            for (expectation, _) in &check.expectations {
                match expectation {
                    Expectation::Rule(name) => {
                        let id = names.rule(&name.text);
                        names.add(Named::Rule(id), name, Role::Uses);
                    }
                    Expectation::Intent(name) => names.intent(name),
                    _ => {}
                }
            }
        }
        names.facts(loaded);
        for (at, import) in (0..).zip(&tree.imports) {
            names.add(Named::File(at), import, Role::Uses);
        }
        names.places.sort_unstable();
        names
    }

    /// The last place that holds an offset, so that the end of one name gives way to the beginning of the next.
    pub(super) fn at(&self, offset: u32) -> Option<Place> {
        let end = self.places.partition_point(|place| place.span.start <= offset);
        self.places.get(..end)?.iter().next_back().copied().filter(|place| place.span.holds(offset))
    }

    pub(super) fn all(&self, named: Named) -> impl Iterator<Item = Place> {
        self.places.iter().copied().filter(move |place| place.named == named)
    }

    /// The names of the intents that something in the file says or declares.
    pub(super) fn knows_intent(&self, name: &str) -> bool {
        self.folded.contains_key(&fold(name))
    }

    pub(super) fn knows_rule(&self, name: &str) -> bool {
        self.rules.contains_key(name)
    }

    fn add(&mut self, named: Named, text: &Text<'_>, role: Role) {
        self.places.push(Place { span: text.span, role, named });
    }

    fn declare(&mut self, name: &str) -> u32 {
        let next = self.intents.len() as u32;
        let id = *self.intents.entry(name.to_owned()).or_insert(next);
        self.folded.entry(fold(name)).or_insert(id);
        id
    }

    /// A place that says an intent's name: to the letter, else without accents and case, else one that is not declared.
    fn intent(&mut self, text: &Text<'_>) {
        let known = self.intents.get(&*text.text).or_else(|| self.folded.get(&fold(&text.text))).copied();
        let id = known.unwrap_or_else(|| self.declare(&text.text));
        self.add(Named::Intent(id), text, Role::Uses);
    }

    fn rule(&mut self, name: &str) -> u32 {
        let next = self.rules.len() as u32;
        *self.rules.entry(name.to_owned()).or_insert(next)
    }

    fn rules(&mut self, tree: &Tree<'_>) {
        for rule in &tree.rules {
            match &rule.name {
                Some(name) => {
                    let id = self.rule(&name.text);
                    self.add(Named::Rule(id), name, Role::Declares);
                }
                None => {
                    let id = self.rule(&format!("rule_{}", rule.when_line));
                    // The first word of its `QUANDO` stands for the name that it does not have.
                    let first = rule.when_span.of(tree.source).split_whitespace().next().map_or(0, str::len);
                    let start = rule.when_span.start;
                    let span = Span { start, end: start + first as u32 };
                    self.places.push(Place { span, role: Role::Declares, named: Named::Rule(id) });
                }
            }
            match &rule.when {
                When::Intent(name) => self.intent(name),
                When::Asks(terms) => {
                    for term in terms {
                        if let Some(id) = self.folded.get(&slug(&term.text.text)).copied() {
                            self.add(Named::Intent(id), &term.text, Role::Implies);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn facts(&mut self, loaded: &Loaded<'_>) {
        let mut by_level: HashMap<(Level, u32), u32> = HashMap::new();
        for ((at, fact), number) in (0..).zip(&loaded.tree.facts).zip(numbers(loaded)) {
            self.add(Named::Fact(at), &fact.name, Role::Declares);
            by_level.insert((fact.level, number), at);
        }
        let templates = loaded.tree.rules.iter().filter_map(|rule| rule.action.as_ref()?.template());
        for piece in templates.flat_map(|template| &template.pieces) {
            if let Piece::Fact(level, index, _, span) = piece
                && let Some(at) = by_level.get(&(*level, *index))
            {
                self.places.push(Place { span: *span, role: Role::Uses, named: Named::Fact(*at) });
            }
        }
    }
}

/// The number of every fact within its level, after those of imported files.
pub(super) fn numbers(loaded: &Loaded<'_>) -> impl Iterator<Item = u32> {
    let mut counts = loaded.imported_facts;
    loaded.tree.facts.iter().map(move |fact| {
        let count = match fact.level {
            Level::High => &mut counts.0,
            Level::Medium => &mut counts.1,
            Level::Low => &mut counts.2,
        };
        *count += 1;
        *count - 1
    })
}
