//! What a rules file becomes when the predecessor reads it: plain data, in the order of the file.

/// A rules file as the predecessor holds it. Nothing in it is larger than the text that it was read from,
/// so whoever bounds the file bounds this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSet {
    /// The text after the last `DOMÍNIO:`, or `unknown`.
    pub domain: String,
    /// The first eight hexadecimal digits of the MD5 of the text, after newlines became LF.
    pub source_hash: String,
    /// The facts by level, the levels in order of first appearance.
    pub facts: Vec<Level>,
    /// The intents in order of first declaration, the automatic ones last; no two of one name.
    pub intents: Vec<Intent>,
    /// The search terms by intent, in order of first appearance; no two of one intent.
    pub expansions: Vec<Expansion>,
    /// The normalisations in order of the file.
    pub normalisations: Vec<Normalisation>,
    /// The rules in order of the file.
    pub rules: Vec<Rule>,
    /// The synonyms by term, in order of first appearance. The predecessor never used them.
    pub synonyms: Vec<Synonym>,
}

/// The facts of one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// `ALTO`, `MÉDIO` or `BAIXO`.
    pub level: String,
    /// The facts in order of the file; never empty.
    pub facts: Vec<Fact>,
}

/// `A licença X tem criticidade ALTO.`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about, without the article and without the word `licença`.
    pub name: String,
    /// `ALTO`, `MÉDIO` or `BAIXO`.
    pub criticality: String,
    /// The text after `Motivo:`, or empty.
    pub reason: String,
    /// The text after `Ação:`, or empty.
    pub action: String,
}

/// What a question may be after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its name, as written.
    pub name: String,
    /// Texts of which one must occur in the question; never empty, repeats kept.
    pub patterns: Vec<String>,
    /// What an answer should contain. The predecessor never looked.
    pub expected_contains: Vec<String>,
}

/// Search terms that are added to a question of one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The intent's name, as written; it may not exist.
    pub intent: String,
    /// The terms; never empty.
    pub terms: Vec<String>,
}

/// A term and what takes its place in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalisation {
    /// The literal text that is looked for.
    pub original: String,
    /// What replaces it: a replacement template of Python's `re.sub`, whatever its author thought.
    pub normalized: String,
    /// Whether case counts.
    pub case_sensitive: bool,
}

/// What a rule does when it triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Replaces the answer; also what a rule without `ENTÃO` does.
    Replace,
    /// Is recorded, and changes nothing.
    Keep,
}

/// A rule of `REGRAS DE VALIDAÇÃO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `rule_N`, where N is the line of its `QUANDO`, from 0.
    pub name: String,
    /// The intent that the question must have, made from the text of `QUANDO`.
    pub trigger_intent: String,
    /// The answer must contain one of these, unless there are none.
    pub contains_any: Vec<String>,
    /// The answer must contain none of these.
    pub contains_none: Vec<String>,
    /// What it does.
    pub action: Action,
    /// The new answer with its variables, as indented in the file; empty when the rule has none.
    pub template: String,
}

/// A term and other words for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synonym {
    /// The term in lower case.
    pub term: String,
    /// The other words; never empty.
    pub alternatives: Vec<String>,
}

impl RuleSet {
    /// The facts of one level, in order of the file.
    pub fn facts_of(&self, level: &str) -> &[Fact] {
        self.facts.iter().find(|entry| entry.level == level).map_or(&[], |entry| &entry.facts)
    }

    /// The search terms of an intent, if it has any.
    pub fn expansion_of(&self, intent: &str) -> Option<&Expansion> {
        self.expansions.iter().find(|expansion| expansion.intent == intent)
    }
}
