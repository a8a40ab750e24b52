//! From text to compiled form, line by line: a heading chooses the section, the section chooses what a line may be.

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use super::automatic;
use super::form::{Expansion, Fact, Intent, Level, Normalisation, RuleSet, Synonym};
use super::grammar::{LINE, Section, groups};
use super::{python, rule};

impl RuleSet {
    /// Reads a rules file's text as the predecessor did. Nothing is refused: a line that is not recognised is dropped.
    pub fn read(text: &str) -> RuleSet {
        let text = python::newlines(text);
        let mut reader = Reader::new(&text);
        reader.read_file();
        automatic::add(&mut reader.set);
        reader.set
    }
}

/// The place in the file, and what has been read so far.
pub(super) struct Reader<'a> {
    lines: Vec<&'a str>,
    at: usize,
    set: RuleSet,
    intents: BTreeMap<String, usize>,
    expansions: BTreeMap<String, usize>,
    synonyms: BTreeMap<String, usize>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Reader<'a> {
        let set = RuleSet {
            domain: "unknown".to_owned(),
            source_hash: source_hash(text),
            facts: Vec::new(),
            intents: Vec::new(),
            expansions: Vec::new(),
            normalisations: Vec::new(),
            rules: Vec::new(),
            synonyms: Vec::new(),
        };
        Reader {
            lines: text.split('\n').collect(),
            at: 0,
            set,
            intents: BTreeMap::new(),
            expansions: BTreeMap::new(),
            synonyms: BTreeMap::new(),
        }
    }

    /// The number of the current line, from 0.
    pub(super) fn line_number(&self) -> usize {
        self.at
    }

    /// The current line as it stands in the file.
    pub(super) fn raw(&self) -> Option<&'a str> {
        self.lines.get(self.at).copied()
    }

    /// The current line without white space around it.
    pub(super) fn line(&self) -> Option<&'a str> {
        self.raw().map(python::strip)
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    fn read_file(&mut self) {
        let mut section = Section::Domain;
        while let Some(line) = self.line() {
            if let Some((heading, text)) = LINE.heading(line) {
                section = heading;
                if section == Section::Domain {
                    text.clone_into(&mut self.set.domain);
                }
                self.advance();
                continue;
            }
            match section {
                Section::Domain => self.advance(),
                Section::Facts => self.fact(line),
                Section::Intents => self.intent(line),
                Section::Expansions => self.expansion(line),
                Section::Normalisations => self.normalisation(line),
                Section::Rules => {
                    let rule = rule::read(self, line);
                    self.set.rules.extend(rule);
                }
                Section::Synonyms => self.synonym(line),
            }
        }
    }

    fn fact(&mut self, line: &str) {
        self.advance();
        let Some([name, level]) = groups(&LINE.fact, line) else { return };
        let level = level.to_uppercase();
        let (mut reason, mut action) = (String::new(), String::new());
        while let Some(line) = self.line() {
            if let Some([text]) = groups(&LINE.reason, line) {
                text.clone_into(&mut reason);
            } else if let Some([text]) = groups(&LINE.remedy, line) {
                text.clone_into(&mut action);
            } else if !line.is_empty() {
                break;
            }
            self.advance();
        }
        let fact = Fact { name: name.to_owned(), criticality: level.clone(), reason, action };
        match self.set.facts.iter_mut().find(|entry| entry.level == level) {
            Some(entry) => entry.facts.push(fact),
            None => self.set.facts.push(Level { level, facts: vec![fact] }),
        }
    }

    fn intent(&mut self, line: &str) {
        self.advance();
        let Some([name]) = groups(&LINE.intent, line) else { return };
        let mut intent =
            Intent { name: name.to_owned(), patterns: Vec::new(), expected_contains: Vec::new() };
        while let Some(line) = self.line() {
            if LINE.heading(line).is_some() || LINE.intent.is_match(line) {
                break;
            }
            if let Some([pattern]) = groups(&LINE.pattern, line) {
                intent.patterns.push(pattern.to_owned());
            } else if let Some([terms]) = groups(&LINE.expected, line) {
                intent.expected_contains.extend(LINE.quoted(terms));
            }
            self.advance();
        }
        if !intent.patterns.is_empty() {
            put(&mut self.set.intents, &mut self.intents, name, intent);
        }
    }

    fn expansion(&mut self, line: &str) {
        self.advance();
        let Some([intent, terms]) = groups(&LINE.expansion, line) else { return };
        let expansion = Expansion { intent: intent.to_owned(), terms: LINE.terms(terms) };
        if !expansion.terms.is_empty() {
            put(&mut self.set.expansions, &mut self.expansions, intent, expansion);
        }
    }

    fn normalisation(&mut self, line: &str) {
        self.advance();
        let Some([original, normalized, option]) = groups(&LINE.normalisation, line) else { return };
        self.set.normalisations.push(Normalisation {
            original: original.to_owned(),
            normalized: normalized.to_owned(),
            case_sensitive: option.to_lowercase().contains("case-sensitive"),
        });
    }

    fn synonym(&mut self, line: &str) {
        self.advance();
        let Some([term, terms]) = groups(&LINE.synonym, line) else { return };
        let term = term.to_lowercase();
        let synonym = Synonym { term: term.clone(), alternatives: LINE.terms(terms) };
        if !synonym.alternatives.is_empty() {
            put(&mut self.set.synonyms, &mut self.synonyms, &term, synonym);
        }
    }
}

/// As assignment to a key of a Python dictionary: a known key keeps its place and loses its value.
fn put<T>(list: &mut Vec<T>, places: &mut BTreeMap<String, usize>, key: &str, value: T) {
    match places.get(key).and_then(|place| list.get_mut(*place)) {
        Some(old) => *old = value,
        None => {
            places.insert(key.to_owned(), list.len());
            list.push(value);
        }
    }
}

fn source_hash(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
