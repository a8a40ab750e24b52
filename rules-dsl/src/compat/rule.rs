//! Reads one rule: its conditions, its consequence, and the intent that its question stands for.

use super::form::{Action, Rule};
use super::grammar::{LINE, groups};
use super::python;
use super::read::Reader;

/// Words of a question that stand for an intent, the first hit wins.
const KNOWN_INTENTS: [(&str, &[&str]); 5] = [
    ("criticidade_alta", &["mais crítica", "maior risco"]),
    ("criticidade_baixa", &["mais segura", "recomendada"]),
    ("compatibilidade", &["compatib"]),
    ("evitar", &["evitar"]),
    ("definicao", &["defini", "o que é"]),
];

/// How many words of a question make the name of any other intent.
const SLUG_WORDS: usize = 3;

/// Reads the rule that begins at `line`, the reader's current one, and leaves the reader behind it.
pub(super) fn read(reader: &mut Reader<'_>, line: &str) -> Option<Rule> {
    let number = reader.line_number();
    reader.advance();
    let [question] = groups(&LINE.rule, line)?;
    let mut rule = Rule {
        name: format!("rule_{number}"),
        trigger_intent: trigger_intent(question),
        contains_any: Vec::new(),
        contains_none: Vec::new(),
        action: Action::Replace,
        template: String::new(),
    };
    while let Some(line) = reader.line() {
        if ends_a_rule(line) {
            break;
        }
        reader.advance();
        if LINE.replace.is_match(line) {
            rule.template = template(reader);
            break;
        }
        if LINE.keep.is_match(line) {
            rule.action = Action::Keep;
            break;
        }
        if let Some([term]) = groups(&LINE.mentions_not, line) {
            rule.contains_none.push(term.to_owned());
        } else if let Some([term]) = groups(&LINE.mentions, line).or_else(|| groups(&LINE.or, line)) {
            rule.contains_any.push(term.to_owned());
        }
    }
    Some(rule)
}

/// The lines up to the next blank one, heading or rule, blank lines before them left out.
fn template(reader: &mut Reader<'_>) -> String {
    while reader.line().is_some_and(str::is_empty) {
        reader.advance();
    }
    let mut lines = Vec::new();
    while let (Some(raw), Some(line)) = (reader.raw(), reader.line()) {
        if line.is_empty() || ends_a_rule(line) {
            break;
        }
        lines.push(raw);
        reader.advance();
    }
    lines.join("\n")
}

fn ends_a_rule(line: &str) -> bool {
    LINE.heading(line).is_some() || LINE.rule_begins.is_match(line)
}

/// The intent that the text of a `QUANDO` stands for. The text itself is never compared with a question.
pub(super) fn trigger_intent(question: &str) -> String {
    let question = question.to_lowercase();
    let known = KNOWN_INTENTS.iter().find(|(_, signs)| signs.iter().any(|sign| question.contains(sign)));
    if let Some((intent, _)) = known {
        return (*intent).to_owned();
    }
    let words = LINE.not_in_a_slug.replace_all(&question, "");
    let words = words.split(python::is_space).filter(|word| !word.is_empty()).take(SLUG_WORDS);
    words.collect::<Vec<_>>().join("_")
}
