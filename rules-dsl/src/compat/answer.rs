//! The text that a rule puts in place of an answer: its template with the variables filled in, or a built-in sentence.

use super::apply::Raised;
use super::bound::Budget;
use super::form::{Fact, Rule, RuleSet};
use super::grammar::LINE;
use super::python::strip;

/// Facts of level BAIXO that the built-in sentence names.
const FACTS_NAMED: usize = 3;

impl RuleSet {
    /// The new answer, empty when the rule has nothing to say.
    pub(super) fn replacement(
        &self,
        rule: &Rule,
        question: &str,
        intent: &str,
        budget: &mut Budget,
    ) -> Result<String, Raised> {
        if !rule.template.is_empty() {
            return self.fill(&rule.template, question, intent, budget);
        }
        Ok(match intent {
            "criticidade_alta" => self.facts_of("ALTO").first().map(highest).unwrap_or_default(),
            "criticidade_baixa" => lowest(self.facts_of("BAIXO")).unwrap_or_default(),
            _ => String::new(),
        })
    }

    /// Fills in the facts, then the question, then the intent, each over what the one before left.
    fn fill(
        &self,
        template: &str,
        question: &str,
        intent: &str,
        budget: &mut Budget,
    ) -> Result<String, Raised> {
        let (mut text, mut at) = (budget.text(), 0);
        for found in LINE.variable.captures_iter(template) {
            let whole = found.get_match();
            let group = |number| found.get(number).map_or("", |group| group.as_str());
            text.push(template.get(at..whole.start()).unwrap_or_default())?;
            let value = self.fact_property(group(1), group(2), group(3));
            text.push(value.unwrap_or(whole.as_str()))?;
            at = whole.end();
        }
        text.push(template.get(at..).unwrap_or_default())?;
        let text = text.finish();
        let text = fill_in(&text, "{question}", question, budget)?;
        let text = fill_in(&text, "{intent}", intent, budget)?;
        Ok(strip(&text).to_owned())
    }

    /// A property of a fact; `None` when there is no such fact, and then the variable stays in the answer.
    fn fact_property(&self, level: &str, index: &str, property: &str) -> Option<&str> {
        let fact = self.facts_of(&level.to_uppercase()).get(index.parse::<usize>().ok()?)?;
        Some(match property {
            "name" => &fact.name,
            "criticality" => &fact.criticality,
            "reason" => &fact.reason,
            "action" => &fact.action,
            // The predecessor asked Python for the attribute, so these two leaked into answers.
            "__class__" => "<class 'dkr.models.DomainFact'>",
            "__module__" => "dkr.models",
            _ => "",
        })
    }
}

fn fill_in(text: &str, variable: &str, value: &str, budget: &mut Budget) -> Result<String, Raised> {
    let (mut out, mut at) = (budget.text(), 0);
    for (from, found) in text.match_indices(variable) {
        out.push(text.get(at..from).unwrap_or_default())?;
        out.push(value)?;
        at = from + found.len();
    }
    out.push(text.get(at..).unwrap_or_default())?;
    Ok(out.finish())
}

const VALIDATED: &str = "\n\n(Resposta validada pelo sistema de regras de domínio)";

fn highest(fact: &Fact) -> String {
    let mut text = format!(
        "De acordo com as regras do domínio, a mais crítica é **{}** com grau de criticidade **ALTO**.",
        fact.name
    );
    if !fact.reason.is_empty() {
        text.push_str(&format!("\n\nJustificativa: {}", fact.reason));
    }
    if !fact.action.is_empty() {
        text.push_str(&format!("\n\nRecomendação: {}", fact.action));
    }
    text + VALIDATED
}

fn lowest(facts: &[Fact]) -> Option<String> {
    let named: Vec<String> =
        facts.iter().take(FACTS_NAMED).map(|fact| format!("**{}**", fact.name)).collect();
    (!named.is_empty()).then(|| {
        format!(
            "De acordo com as regras do domínio, as mais seguras são: {} com grau de criticidade **BAIXO**.\n\n\
             São opções permissivas com poucas obrigações.{VALIDATED}",
            named.join(", ")
        )
    })
}
