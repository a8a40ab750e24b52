//! Syntax tree to program: imports taken in, names resolved, facts filled in, broken rules left out.

use super::slug::slug;
use super::{
    Action, Condition, Fact, Facts, Intent, Metadata, Normaliser, Piece, Program, Rule, Template, Test,
    Trigger,
};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::fold::{fold, in_word};
use crate::syntax::parse;
use crate::syntax::tree::{self, Level, MetadataTest, Property, Tree, When};
use crate::terms::{Reach, TermsBuilder};
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};

/// Files that one file may take in, and how deep.
const IMPORTS_MAX: usize = 32;
const DEPTH_MAX: usize = 8;
/// Rules of one set. A thousand are asked within a millisecond; ten thousand are no longer maintained by anybody.
const RULES_MAX: usize = 10_000;
/// Intents and facts of one set.
const NAMES_MAX: usize = 10_000;
/// Normalisations of one set.
const NORMALISATIONS_MAX: usize = 10_000;
/// Ways to say one pattern with synonyms.
const WAYS_MAX: usize = 32;

/// Where imported files come from.
pub trait Imports {
    /// The text of a file, by the name in the import.
    fn read(&self, name: &str) -> Option<String>;
}

/// Nothing can be imported.
#[derive(Debug, Clone, Copy)]
pub struct NoImports;

impl Imports for NoImports {
    fn read(&self, _: &str) -> Option<String> {
        None
    }
}

impl<F: Fn(&str) -> Option<String>> Imports for F {
    fn read(&self, name: &str) -> Option<String> {
        self(name)
    }
}

/// A file after reading and checking.
#[derive(Debug, Clone)]
pub struct Loaded<'s> {
    /// Its syntax.
    pub tree: Tree<'s>,
    /// What can be run of it.
    pub program: Program,
    /// Its errors, in the order of the file. Warnings come from [`crate::lint`].
    pub diagnostics: Vec<Diagnostic>,
    /// Facts of imported files, by level (high, medium, low): the file's own are numbered after them.
    pub(crate) imported_facts: (u32, u32, u32),
}

impl Loaded<'_> {
    /// Whether nothing in it is quarantined.
    pub fn is_sound(&self) -> bool {
        self.diagnostics.iter().all(|diagnostic| diagnostic.severity() < Severity::Error)
    }
}

/// Reads and checks a rules file.
pub fn load<'s>(source: &'s str, imports: &dyn Imports) -> Loaded<'s> {
    let mut tree = parse(source);
    let mut diagnostics = std::mem::take(&mut tree.diagnostics);
    let texts = gather(&tree, imports, &mut diagnostics);
    let imported: Vec<Tree<'_>> = texts.iter().map(|(_, text)| parse(text)).collect();
    for ((name, _), other) in texts.iter().zip(&imported) {
        let first = other.diagnostics.iter().find(|problem| problem.severity() == Severity::Error);
        if let Some(problem) = first {
            let span = tree.imports.first().map(|import| import.span).unwrap_or_default();
            let message = problem.headline(crate::diagnostic::Language::Portuguese);
            diagnostics.push(Diagnostic::new(Code::ImportBroken, span).about(name.clone()).about(message));
        }
    }
    let names: Vec<&str> = texts.iter().map(|(name, _)| name.as_str()).collect();
    let program = Builder::new(&tree, &imported, &names).build(&mut diagnostics);
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    let facts = |level| {
        imported.iter().flat_map(|tree| &tree.facts).filter(|fact| fact.level == level).count() as u32
    };
    let imported_facts = (facts(Level::High), facts(Level::Medium), facts(Level::Low));
    Loaded { tree, program, diagnostics, imported_facts }
}

/// The imported files, those that they import first, each once.
fn gather(
    tree: &Tree<'_>,
    imports: &dyn Imports,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(String, String)> {
    fn take(
        name: &str,
        depth: usize,
        imports: &dyn Imports,
        path: &mut Vec<String>,
        done: &mut Vec<(String, String)>,
    ) -> Result<(), Code> {
        if done.iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        if depth > DEPTH_MAX || done.len() >= IMPORTS_MAX || path.iter().any(|above| above == name) {
            return Err(Code::ImportCycle);
        }
        let text = imports.read(name).ok_or(Code::ImportMissing)?;
        path.push(name.to_owned());
        let inner: Vec<String> =
            parse(&text).imports.iter().map(|import| import.text.clone().into_owned()).collect();
        for next in inner {
            take(&next, depth + 1, imports, path, done)?;
        }
        path.pop();
        done.push((name.to_owned(), text));
        Ok(())
    }
    let mut done = Vec::new();
    for import in &tree.imports {
        if let Err(code) = take(&import.text, 1, imports, &mut Vec::new(), &mut done) {
            diagnostics.push(Diagnostic::new(code, import.span).about(import.text.clone()));
        }
    }
    done
}

struct Builder<'t, 's> {
    /// Imports first, the file itself last, each with its number.
    trees: Vec<(u32, &'t str, &'t Tree<'s>)>,
    facts: Facts,
    facts_broken: bool,
    terms: TermsBuilder,
    intents: Vec<Intent>,
    by_name: HashMap<String, u32, RandomState>,
    /// The intents by their folded names, the first declared first.
    folded: HashMap<String, Vec<u32>, RandomState>,
    /// The patterns that an intent has already.
    patterns: HashSet<(u32, Vec<u32>), RandomState>,
    synonyms: Vec<(String, Vec<String>)>,
    /// The synonyms by how their word begins, so that a term meets only those that it may hold.
    beginning: HashMap<String, Vec<u32>, RandomState>,
}

impl<'t, 's> Builder<'t, 's> {
    fn new(tree: &'t Tree<'s>, imported: &'t [Tree<'s>], names: &'t [&'t str]) -> Self
    where
        's: 't,
    {
        let mut trees: Vec<_> =
            imported.iter().zip(names).zip(1..).map(|((tree, name), number)| (number, *name, tree)).collect();
        trees.push((0, "", tree));
        Builder {
            trees,
            facts: Facts::default(),
            facts_broken: false,
            // About one term for every three lines; more is only a matter of time.
            terms: TermsBuilder::with_capacity(tree.lines.len() / 3),
            intents: Vec::new(),
            by_name: HashMap::default(),
            folded: HashMap::default(),
            patterns: HashSet::default(),
            synonyms: Vec::new(),
            beginning: HashMap::default(),
        }
    }

    fn build(mut self, diagnostics: &mut Vec<Diagnostic>) -> Program {
        let trees = self.trees.clone();
        self.facts_broken = trees.iter().any(|(_, _, tree)| tree.facts_broken);
        for (_, _, tree) in &trees {
            for fact in tree.facts.iter().take(NAMES_MAX) {
                let text = |text: &Option<tree::Text<'_>>| {
                    text.as_ref().map_or_else(String::new, |text| text.text.clone().into_owned())
                };
                self.facts.list(fact.level).push(Fact {
                    name: fact.name.text.clone().into_owned(),
                    reason: text(&fact.reason),
                    action: text(&fact.action),
                });
            }
            for synonym in tree.synonyms.iter().take(NAMES_MAX) {
                let others = synonym.others.iter().map(|other| fold(&other.text)).collect();
                let word = fold(&synonym.word.text);
                if let Some(beginning) = beginnings(&word).next() {
                    self.beginning.entry(beginning.to_owned()).or_default().push(self.synonyms.len() as u32);
                }
                self.synonyms.push((word, others));
            }
        }
        for (_, _, tree) in &trees {
            for intent in tree.intents.iter().take(NAMES_MAX) {
                self.intent(intent);
            }
        }
        let automatic = trees.iter().rev().find_map(|(_, _, tree)| tree.automatic_intents).unwrap_or(true);
        if automatic {
            self.automatic(
                Level::High,
                "criticidade_alta",
                &AUTOMATIC_HIGH,
                &["GRAU DE CRITICIDADE", "ALTO"],
            );
            let low = ["GRAU DE CRITICIDADE", "BAIXO", "permissiva"];
            self.automatic(Level::Low, "criticidade_baixa", &AUTOMATIC_LOW, &low);
        }
        self.expansions(&trees, automatic);
        let mut rules = Vec::with_capacity(tree_rules(&trees));
        let mut considered = 0;
        let mut known: HashSet<String, RandomState> = HashSet::default();
        for (file, stem, tree) in &trees {
            considered += tree.rules.len();
            for rule in tree.rules.iter().take(RULES_MAX) {
                let mut found = Vec::new();
                let built = self.rule(rule, *file, stem, &mut found);
                let twice = rule.name.is_some()
                    && !known.insert(built.as_ref().map_or_else(String::new, |r| r.name.clone()));
                if let (true, Some(built), Some(name)) = (twice, &built, &rule.name) {
                    found.push(Diagnostic::new(Code::SameName, name.span).about(built.name.clone()));
                }
                // Problems of an imported file are told when that file is checked.
                let sound = found.is_empty();
                if *file == 0 {
                    diagnostics.extend(found);
                }
                rules.extend(built.filter(|_| sound));
            }
            if *file == 0 {
                limits(tree, diagnostics);
            }
        }
        // Stable: rules of one priority stay in the order of the file.
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.priority));
        let normaliser = Normaliser::new(
            trees.iter().flat_map(|(_, _, tree)| &tree.normalisations).take(NORMALISATIONS_MAX),
        );
        let domain = trees.iter().rev().find_map(|(_, _, tree)| tree.domain.as_ref());
        Program {
            domain: domain.map(|domain| domain.text.clone().into_owned()),
            intents: self.intents,
            normaliser,
            rules,
            considered,
            terms: self.terms.build(),
        }
    }

    fn intent(&mut self, intent: &tree::Intent<'s>) {
        let at = self.intent_named(&intent.name.text);
        let patterns: Vec<_> = intent.patterns.iter().map(|term| self.ways(term)).collect();
        let expected: Vec<_> = intent
            .expected
            .iter()
            .map(|term| {
                (self.terms.add(&fold(&term.text.text), term.reach), term.text.text.clone().into_owned())
            })
            .collect();
        if let Some(known) = self.intents.get_mut(at as usize) {
            let new = patterns.into_iter().filter(|ways| self.patterns.insert((at, ways.clone())));
            known.patterns.extend(new);
            known.expected.extend(expected);
            known.broken |= intent.broken;
        }
    }

    fn intent_named(&mut self, name: &str) -> u32 {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let at = self.intents.len() as u32;
        self.by_name.insert(name.to_owned(), at);
        self.folded.entry(fold(name)).or_default().push(at);
        self.intents.push(Intent {
            name: name.to_owned(),
            patterns: Vec::new(),
            expected: Vec::new(),
            expansion: Vec::new(),
            broken: false,
        });
        at
    }

    /// The intent of a name, first to the letter, then without accents and case.
    fn find_intent(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied().or_else(|| self.folded.get(&fold(name))?.first().copied())
    }

    /// The terms that stand for one: itself, and with a word replaced by its synonyms.
    fn ways(&mut self, term: &tree::Term<'s>) -> Vec<u32> {
        let folded = fold(&term.text.text);
        let mut ways = vec![self.terms.add(&folded, term.reach)];
        // In the order of the file, because only so many ways are kept.
        let mut near: Vec<u32> = Vec::new();
        if !self.synonyms.is_empty() {
            near.extend(beginnings(&folded).filter_map(|beginning| self.beginning.get(beginning)).flatten());
            near.sort_unstable();
            near.dedup();
        }
        for (word, others) in near.into_iter().filter_map(|at| self.synonyms.get(at as usize)) {
            let Some(at) = word_in(&folded, word) else { continue };
            let end = at + word.len();
            for other in others.iter().take(WAYS_MAX.saturating_sub(ways.len())) {
                let (head, tail) = (folded.get(..at).unwrap_or(""), folded.get(end..).unwrap_or(""));
                let way = format!("{head}{other}{tail}");
                let reach = if term.reach == Reach::Part { Reach::Part } else { Reach::usual(&way) };
                ways.push(self.terms.add(&way, reach));
            }
        }
        ways.sort_unstable();
        ways.dedup();
        ways
    }

    fn automatic(&mut self, level: Level, name: &str, patterns: &[&str], expansion: &[&str]) {
        if self.facts.of(level).is_empty() || self.by_name.contains_key(name) {
            return;
        }
        let at = self.intent_named(name);
        let patterns: Vec<_> = patterns
            .iter()
            .map(|pattern| vec![self.terms.add(&fold(pattern), Reach::usual(pattern))])
            .collect();
        if let Some(intent) = self.intents.get_mut(at as usize) {
            intent.patterns = patterns;
            intent.expansion = expansion.iter().map(|&term| term.to_owned()).collect();
        }
    }

    /// Adds the terms of every expansion to its intent; an explicit one takes the place of an automatic one.
    fn expansions(&mut self, trees: &[(u32, &str, &Tree<'s>)], automatic: bool) {
        let mut own: HashSet<u32, RandomState> = HashSet::default();
        for expansion in trees.iter().flat_map(|(_, _, tree)| &tree.expansions) {
            let Some(at) = self.find_intent(&expansion.intent.text) else { continue };
            let Some(intent) = self.intents.get_mut(at as usize) else { continue };
            if own.insert(at) && automatic {
                intent.expansion.clear();
            }
            intent.expansion.extend(expansion.terms.iter().map(|term| term.text.clone().into_owned()));
        }
    }

    fn rule(
        &mut self,
        rule: &tree::Rule<'s>,
        file: u32,
        stem: &str,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Rule> {
        if rule.broken {
            return None;
        }
        let trigger = match &rule.when {
            When::Always => Trigger::Always,
            When::Intent(name) => {
                let Some(at) = self.find_intent(&name.text) else {
                    found.push(Diagnostic::new(Code::UnknownIntent, name.span).about(name.text.clone()));
                    return None;
                };
                Trigger::Asks { terms: Vec::new(), intents: vec![at], named: Vec::new() }
            }
            When::Asks(terms) => {
                let (mut free, mut named, mut intents) = (Vec::new(), Vec::new(), Vec::new());
                for term in terms {
                    let ways = self.ways(term);
                    let slug = slug(&term.text.text);
                    let before = intents.len();
                    intents.extend(self.folded.get(&slug).into_iter().flatten());
                    if intents.len() > before { named.extend(ways) } else { free.extend(ways) }
                }
                Trigger::Asks { terms: free, intents, named }
            }
        };
        let conditions: Vec<_> = rule.conditions.iter().map(|condition| self.condition(condition)).collect();
        let action = match rule.action.as_ref()? {
            tree::Action::Keep => Action::Keep,
            tree::Action::Substitute(from, to) => {
                Action::Substitute(fold(&from.text), to.text.clone().into_owned())
            }
            tree::Action::Replace(template) => Action::Replace(self.template(template, found)?),
            tree::Action::Append(template) => Action::Append(self.template(template, found)?),
            tree::Action::Prefix(template) => Action::Prefix(self.template(template, found)?),
            tree::Action::Flag(template) => Action::Flag(self.template(template, found)?),
            tree::Action::Refuse(template) => Action::Refuse(self.template(template, found)?),
        };
        let own = match &rule.name {
            Some(name) => name.text.clone().into_owned(),
            None => format!("rule_{}", rule.when_line),
        };
        let stem = stem.strip_suffix(".rules").unwrap_or(stem);
        let context = conditions.iter().any(|condition| {
            matches!(
                condition.test,
                Test::Mentions(tree::Subject::Context, _)
                    | Test::Has(tree::Subject::Context, ..)
                    | Test::Has(_, _, tree::ValueTest::OutsideContext)
            )
        });
        Some(Rule {
            name: if file == 0 { own } else { format!("{stem}:{own}") },
            priority: rule.priority,
            validity: rule.validity,
            trigger,
            conditions,
            action,
            span: rule.span,
            file,
            context,
        })
    }

    fn condition(&mut self, condition: &tree::Condition<'s>) -> Condition {
        let mut ids = |terms: &[tree::Term<'s>]| -> Vec<u32> {
            terms.iter().map(|term| self.terms.add(&fold(&term.text.text), term.reach)).collect()
        };
        let test = match &condition.test {
            tree::Test::Mentions(subject, terms) => Test::Mentions(*subject, ids(terms)),
            tree::Test::Has(subject, kind, test) => Test::Has(*subject, *kind, test.clone()),
            tree::Test::Page(comparison) => Test::Page(comparison.clone()),
            tree::Test::Confidence(comparison) => Test::Confidence(comparison.clone()),
            tree::Test::Metadata(key, test) => Test::Metadata(
                fold(&key.text),
                match test {
                    MetadataTest::Mentions(terms) => Metadata::Mentions(ids(terms)),
                    MetadataTest::Is(text) => Metadata::Is(fold(&text.text)),
                    MetadataTest::Compares(comparison) => Metadata::Compares(comparison.clone()),
                },
            ),
        };
        Condition { negated: condition.negated, test, span: condition.span }
    }

    /// A prepared text with its facts; `None` when one does not exist.
    fn template(&self, template: &tree::Template<'s>, found: &mut Vec<Diagnostic>) -> Option<Template> {
        let before = found.len();
        let mut pieces: Vec<Piece> = Vec::with_capacity(template.pieces.len());
        for piece in &template.pieces {
            match piece {
                tree::Piece::Text(text) => add(&mut pieces, text),
                tree::Piece::Question => pieces.push(Piece::Question),
                tree::Piece::Intent => pieces.push(Piece::Intent),
                tree::Piece::Page => pieces.push(Piece::Page),
                tree::Piece::Fact(level, index, property, span) => {
                    let facts = self.facts.of(*level);
                    let Some(fact) = facts.get(*index as usize) else {
                        let name = format!("{}[{index}]", level.shown());
                        found.push(
                            Diagnostic::new(Code::NoSuchFact, *span)
                                .about(name)
                                .about(facts.len().to_string()),
                        );
                        continue;
                    };
                    if self.facts_broken {
                        found.push(Diagnostic::new(Code::BrokenFacts, *span));
                    }
                    let text = match property {
                        Property::Name => &fact.name,
                        Property::Level => level.shown(),
                        Property::Reason => &fact.reason,
                        Property::Action => &fact.action,
                    };
                    add(&mut pieces, text);
                }
            }
        }
        (found.len() == before).then_some(pieces)
    }
}

fn tree_rules(trees: &[(u32, &str, &Tree<'_>)]) -> usize {
    trees.iter().map(|(_, _, tree)| tree.rules.len().min(RULES_MAX)).sum()
}

/// How a word could begin in a folded text: every whole word, and every character that is none.
fn beginnings(folded: &str) -> impl Iterator<Item = &str> {
    let mut before = ' ';
    folded.char_indices().filter_map(move |(at, c)| {
        let inside = in_word(c) && in_word(before);
        before = c;
        let rest = folded.get(at..).filter(|_| !inside)?;
        let end = if in_word(c) { rest.find(|c| !in_word(c)).unwrap_or(rest.len()) } else { c.len_utf8() };
        rest.get(..end)
    })
}

/// Where a word stands whole in a text.
fn word_in(text: &str, word: &str) -> Option<usize> {
    if word.is_empty() || word.len() > text.len() {
        return None;
    }
    let first = word.as_bytes().first()?;
    let places = text.bytes().enumerate().filter(|(_, byte)| byte == first).map(|(at, _)| at);
    places
        .filter(|&at| text.as_bytes().get(at..).is_some_and(|rest| rest.starts_with(word.as_bytes())))
        .find(|&at| crate::fold::begins(text, at) && crate::fold::ends(text, at + word.len()))
}

fn add(pieces: &mut Template, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

const AUTOMATIC_HIGH: [&str; 6] =
    ["mais crítica", "mais perigosa", "mais restritiva", "maior risco", "devo evitar", "crítico"];
const AUTOMATIC_LOW: [&str; 5] =
    ["mais segura", "mais permissiva", "recomendada", "posso usar", "baixo risco"];

fn limits(tree: &Tree<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let bounds = [
        ("regras", tree.rules.len(), RULES_MAX),
        ("intenções", tree.intents.len(), NAMES_MAX),
        ("fatos", tree.facts.len(), NAMES_MAX),
        ("sinônimos", tree.synonyms.len(), NAMES_MAX),
        ("normalizações", tree.normalisations.len(), NORMALISATIONS_MAX),
    ];
    for (what, count, most) in bounds {
        if count > most {
            diagnostics.push(
                Diagnostic::new(Code::TooLarge, Default::default())
                    .about(format!("{count} {what}"))
                    .about(most.to_string()),
            );
        }
    }
}
