//! The DKR language: text to checked program to verdict. No IO, no async, no clock.
//!
//! So far the term normalisations of the language are read (`NORMALIZAR TERMOS`); every other item is
//! quarantined with its line, never run weakened.

use regex::{Regex, RegexBuilder};

/// Normalisations in one rule set; more would make every answer slow.
const NORMALISATIONS_MAX: usize = 1_000;

/// A line that is not run, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it and what to do.
    pub what: String,
}

/// An answer after the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrected {
    /// The text.
    pub text: String,
    /// What was changed, one sentence each, in the order of the rules.
    pub corrections: Vec<String>,
}

#[derive(Debug, Clone)]
struct Normalisation {
    pattern: Regex,
    from: String,
    to: String,
}

/// A checked rule set.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    normalisations: Vec<Normalisation>,
}

impl RuleSet {
    /// Reads a rules file; returns what can be run and every line that cannot.
    pub fn read(text: &str) -> (RuleSet, Vec<Problem>) {
        let (mut rules, mut problems, mut normalising) = (RuleSet::default(), Vec::new(), false);
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            let quarantine = |what: String| Problem { line: at + 1, what };
            if line.is_empty() || line.starts_with(['#', '─', '━', '═']) {
                continue;
            }
            if is_heading(line) {
                normalising = line.to_uppercase().starts_with("NORMALIZAR TERMOS");
                continue;
            }
            if !normalising {
                problems
                    .push(quarantine("only the section NORMALIZAR TERMOS is run by this version".to_owned()));
                continue;
            }
            match normalisation(line) {
                Ok(_) if rules.normalisations.len() >= NORMALISATIONS_MAX => {
                    problems.push(quarantine(format!(
                        "a rule set has at most {NORMALISATIONS_MAX} normalisations"
                    )));
                }
                Ok(rule) => rules.normalisations.push(rule),
                Err(what) => problems.push(quarantine(what)),
            }
        }
        (rules, problems)
    }

    /// How many rules it runs.
    pub fn len(&self) -> usize {
        self.normalisations.len()
    }

    /// Whether it runs none.
    pub fn is_empty(&self) -> bool {
        self.normalisations.is_empty()
    }

    /// Applies every rule once, in order.
    pub fn apply(&self, answer: &str) -> Corrected {
        let (mut text, mut corrections) = (answer.to_owned(), Vec::new());
        for rule in &self.normalisations {
            let changed = rule.pattern.replace_all(&text, regex::NoExpand(&rule.to)).into_owned();
            if changed != text {
                corrections.push(format!("\"{}\" → \"{}\"", rule.from, rule.to));
                text = changed;
            }
        }
        Corrected { text, corrections }
    }
}

fn is_heading(line: &str) -> bool {
    const HEADINGS: [&str; 7] = [
        "DOMÍNIO:",
        "FATOS CONHECIDOS",
        "PADRÕES DE INTENÇÃO",
        "EXPANSÃO DE BUSCA",
        "NORMALIZAR TERMOS",
        "REGRAS DE VALIDAÇÃO",
        "SINÔNIMOS",
    ];
    let upper = line.to_uppercase();
    HEADINGS.iter().any(|heading| upper.starts_with(heading))
}

/// `"from" corrigir para: "to" [case-sensitive]`
fn normalisation(line: &str) -> Result<Normalisation, String> {
    let expected = || "expected `\"termo\" corrigir para: \"termo certo\"`".to_owned();
    let (from, rest) = quoted(line).ok_or_else(expected)?;
    let rest = rest.trim_start();
    let anchor = "corrigir para:";
    let (head, rest) = rest.split_at_checked(anchor.len()).ok_or_else(expected)?;
    if !head.eq_ignore_ascii_case(anchor) {
        return Err(expected());
    }
    let (to, option) = quoted(rest.trim_start()).ok_or_else(expected)?;
    let case_sensitive = match option.trim() {
        "" => false,
        "[case-sensitive]" => true,
        other => return Err(format!("`{other}` is no option; the only one is [case-sensitive]")),
    };
    // Whole words only: `lei` must not change `leitura`.
    let edge = |c: Option<char>| if c.is_some_and(|c| c.is_alphanumeric()) { r"\b" } else { "" };
    let pattern =
        format!("{}{}{}", edge(from.chars().next()), regex::escape(&from), edge(from.chars().next_back()));
    let pattern = RegexBuilder::new(&pattern).case_insensitive(!case_sensitive).build();
    let pattern = pattern.map_err(|_| "the term is too long".to_owned())?;
    Ok(Normalisation { pattern, from, to })
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let rest = text.get(1..)?;
    let end = rest.find(quote)?;
    let inner = rest.get(..end).filter(|inner| !inner.trim().is_empty())?;
    Some((inner.to_owned(), rest.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: &str = "DOMÍNIO: Teste\n\nNORMALIZAR TERMOS:\n  \"por cento\" corrigir para: \"%\"\n  'GPLv3' corrigir para: 'GPL-3.0' [case-sensitive]\nREGRAS DE VALIDAÇÃO:\nQUANDO pergunta \"x\"\n";

    #[test]
    fn terms_are_normalised_as_whole_words_and_every_change_is_told() {
        let (rules, problems) = RuleSet::read(RULES);
        let done = rules.apply("Dez Por Cento sob GPLv3 e gplv3; por centos.");
        assert_eq!(done.text, "Dez % sob GPL-3.0 e gplv3; por centos.");
        assert_eq!(done.corrections, ["\"por cento\" → \"%\"", "\"GPLv3\" → \"GPL-3.0\""]);
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [7]);
    }

    #[test]
    fn a_rule_with_an_error_is_quarantined_with_its_line() {
        let (rules, problems) =
            RuleSet::read("NORMALIZAR TERMOS\n\"a\" corrigir \"b\"\n\"a\" corrigir para: \"b\" [x]\n");
        assert!(rules.is_empty());
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 3]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_applied_without_a_panic(rules in ".{0,200}", answer in ".{0,200}") {
            let (rules, _) = RuleSet::read(&format!("NORMALIZAR TERMOS\n{rules}"));
            let done = rules.apply(&answer);
            prop_assert!(!done.corrections.is_empty() || done.text == answer);
        }
    }
}
