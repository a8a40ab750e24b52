//! What the predecessor's `dkr validate` had to say of a file that it could load.

use std::collections::BTreeSet;

use super::form::{Action, Rule, RuleSet};

/// The predecessor's verdict on a rules file, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// Whether there are no errors: always, for a text that could be decoded.
    pub is_valid: bool,
    /// Always empty here: the only errors were a missing file and one that could not be loaded.
    pub errors: Vec<String>,
    /// What is probably a mistake. The warning about a file's extension is left to whoever knows its name.
    pub warnings: Vec<String>,
    /// What is worth knowing.
    pub info: Vec<String>,
}

impl RuleSet {
    /// Judges the rule set as the predecessor did, which is mildly.
    pub fn validate(&self) -> Validation {
        let (mut warnings, mut info) = (Vec::new(), Vec::new());
        let (high, low) = (!self.facts_of("ALTO").is_empty(), !self.facts_of("BAIXO").is_empty());
        if self.domain == "unknown" {
            warnings.push("Domínio não especificado".to_owned());
        }
        if self.facts.is_empty() {
            warnings.push("Nenhum fato definido".to_owned());
        }
        self.duplicate_facts(&mut warnings);
        for rule in &self.rules {
            if rule.contains_any.is_empty() && rule.contains_none.is_empty() && rule.trigger_intent.is_empty()
            {
                warnings.push(format!("Regra '{}' sem condições e sem intent", rule.name));
            }
            if lacks_template(rule) && !high && !low {
                warnings.push(format!("Regra '{}' com ação REPLACE sem template", rule.name));
            }
        }
        if high != low {
            let level = if high { "ALTO" } else { "BAIXO" };
            info.push(format!("Apenas fatos de criticidade {level} definidos"));
        }
        let expanded: BTreeSet<&str> = self.expansions.iter().map(|entry| entry.intent.as_str()).collect();
        for intent in self.intents.iter().filter(|intent| !expanded.contains(intent.name.as_str())) {
            info.push(format!("Intent '{}' sem expansão de query", intent.name));
        }
        Validation { is_valid: true, errors: Vec::new(), warnings, info }
    }

    fn duplicate_facts(&self, warnings: &mut Vec<String>) {
        for level in &self.facts {
            let mut names = BTreeSet::new();
            for fact in level.facts.iter().filter(|fact| !names.insert(fact.name.as_str())) {
                warnings.push(format!("Fato duplicado em {}: '{}'", level.level, fact.name));
            }
        }
    }
}

fn lacks_template(rule: &Rule) -> bool {
    rule.action == Action::Replace && rule.template.is_empty()
}
