//! What the language's description says and the recorded cases do not show, and that no text brings a panic.

mod any_text;
mod applying;
mod python;
mod reading;

use super::{Input, Outcome, Raised, RuleSet};

fn ask(rules: &str, question: &str, raw_answer: &str) -> Result<Outcome, Raised> {
    RuleSet::read(rules).apply(&Input { question, raw_answer, context: "", apply_corrections: true })
}
