//! Pure: a suite of questions with what is expected of their answers, and what is wrong with one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Questions of one suite.
pub(crate) const QUESTIONS_MAX: usize = 500;
/// A question in characters, as in the API.
const QUESTION_CHARS: std::ops::RangeInclusive<usize> = 3..=1_000;
/// Texts that one answer must hold.
const CONTAINS_MAX: usize = 10;
/// Such a text, the name of a document or a template, in characters.
const TEXT_CHARS_MAX: usize = 300;
/// The name of a suite or of a question.
const NAME_CHARS_MAX: usize = 64;

/// What is expected of an answer; what is not said is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expected {
    /// Texts that the answer holds, whatever their case, accents and white space.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// The page of the first source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The document of the first source, by its id or its file's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The answer is in the model's own words, which the passages bear.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drafted: bool,
    /// The question is declined, because the documents do not say.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

/// A question with what is expected of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Its name in results; `q1`, `q2` and so on when not said.
    #[serde(default)]
    pub id: String,
    /// What is asked.
    pub question: String,
    /// The one document that is asked, by its id or its file's name; all of the tenant when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Where all documents are asked: only those of this template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// What is expected.
    pub expected: Expected,
}

/// What a suite's score must be for a candidate to pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// The score at least, 0 to 1.
    pub min_score: f64,
    /// How far it may lie below the last accepted run.
    pub max_drop: f64,
}

/// Questions with what is expected of their answers. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Whose documents are asked.
    pub tenant: String,
    /// What a candidate must reach.
    #[serde(default)]
    pub gate: Gate,
    /// The questions, in their order.
    pub questions: Vec<Question>,
    /// Who put it.
    #[serde(default)]
    pub by: String,
    /// When, in Unix milliseconds.
    #[serde(default)]
    pub at_ms: u64,
}

impl Suite {
    /// The suite with a name for each question, if nothing is wrong with it.
    ///
    /// # Errors
    /// What is wrong with it first, in words; of a question by its name or number, never by its text.
    pub fn checked(mut self) -> Result<Self, String> {
        if !is_name(&self.name) {
            return Err("the name of a suite is 1 to 64 of a-z, 0-9, - and _".to_owned());
        }
        let share = 0.0..=1.0;
        if !share.contains(&self.gate.min_score) || !share.contains(&self.gate.max_drop) {
            return Err("min_score and max_drop of a gate are 0 to 1".to_owned());
        }
        if self.questions.is_empty() || self.questions.len() > QUESTIONS_MAX {
            return Err(format!(
                "a suite has 1 to {QUESTIONS_MAX} questions, and this one {}",
                self.questions.len()
            ));
        }
        let mut names = BTreeSet::new();
        for (at, question) in self.questions.iter_mut().enumerate() {
            let number = at + 1;
            if question.id.is_empty() {
                question.id = format!("q{number}");
            }
            if !is_name(&question.id) {
                return Err(format!("the id of question {number} is not 1 to 64 of a-z, 0-9, - and _"));
            }
            check(question).map_err(|why| format!("question {number} ({}) {why}", question.id))?;
            if !names.insert(question.id.clone()) {
                return Err(format!("two questions are called {}", question.id));
            }
        }
        Ok(self)
    }

    /// Names what is asked and expected: a run of other questions compares with nothing.
    pub fn hash(&self) -> String {
        let text = serde_json::to_string(&(&self.tenant, &self.questions)).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex().as_str().chars().take(16).collect()
    }
}

/// Whether a text can be part of a key, and said anywhere.
pub(crate) fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    !text.is_empty() && text.len() <= NAME_CHARS_MAX && text.bytes().all(is_plain)
}

fn check(question: &Question) -> Result<(), String> {
    let Expected { contains, page, document, drafted, refused } = &question.expected;
    let is_text = |text: &String| {
        let chars = text.chars().count();
        !text.trim().is_empty() && chars <= TEXT_CHARS_MAX
    };
    if !QUESTION_CHARS.contains(&question.question.trim().chars().count()) {
        return Err("must have 3 to 1000 characters".to_owned());
    }
    if !question.document.iter().chain(&question.template).chain(document).all(is_text) {
        return Err(format!(
            "names a document or template with none or more than {TEXT_CHARS_MAX} characters"
        ));
    }
    if question.document.is_some() && question.template.is_some() {
        return Err("names a document and a template; one of the two says what is asked".to_owned());
    }
    if contains.len() > CONTAINS_MAX || !contains.iter().all(is_text) {
        return Err(format!("`contains` is up to {CONTAINS_MAX} texts of 1 to {TEXT_CHARS_MAX} characters"));
    }
    if *page == Some(0) {
        return Err("expects page 0; pages begin with 1".to_owned());
    }
    let of_an_answer = !contains.is_empty() || page.is_some() || document.is_some() || *drafted;
    match (refused, of_an_answer) {
        (true, true) => Err("expects to be declined and to be answered".to_owned()),
        (false, false) => Err("expects nothing: say contains, page, document, drafted or refused".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn suite(questions: serde_json::Value) -> Suite {
        serde_json::from_value(json!({ "name": "contracts", "tenant": "ana", "questions": questions }))
            .unwrap()
    }

    #[test]
    fn a_sound_suite_is_taken_and_its_questions_get_names() {
        let sound = suite(json!([
            { "question": "Qual o prazo?", "document": "contrato.pdf", "expected": { "contains": ["60 dias"], "page": 2 } },
            { "id": "none", "question": "Quem venceu a copa?", "expected": { "refused": true } },
        ]));
        let sound = sound.checked().unwrap();
        assert_eq!((&*sound.questions[0].id, &*sound.questions[1].id), ("q1", "none"));
        let other = Suite { gate: Gate { min_score: 0.5, max_drop: 0.1 }, ..sound.clone() };
        assert_eq!(other.hash(), sound.hash(), "a gate does not change what is asked");
        let other = Suite { tenant: "rui".into(), ..sound.clone() };
        assert_ne!(other.hash(), sound.hash());
    }

    #[test]
    fn what_is_wrong_with_a_suite_is_said_without_its_words() {
        let expected = json!({ "refused": true });
        for (questions, said) in [
            (json!([]), "1 to 500 questions"),
            (json!([{ "question": "Segredo?", "expected": {} }]), "question 1 (q1) expects nothing"),
            (
                json!([{ "question": "Segredo?", "expected": { "refused": true, "page": 1 } }]),
                "to be declined and",
            ),
            (json!([{ "question": "Segredo?", "expected": { "page": 0 } }]), "page 0"),
            (json!([{ "question": "S", "expected": expected }]), "3 to 1000"),
            (
                json!([{ "question": "Segredo?", "document": "a", "template": "b", "expected": expected }]),
                "one of the two",
            ),
            (json!([{ "question": "Segredo?", "expected": { "contains": [" "] } }]), "`contains`"),
            (json!([{ "id": "A b", "question": "Segredo?", "expected": expected }]), "the id of question 1"),
            (
                json!([{ "id": "a", "question": "Segredo?", "expected": expected }, { "id": "a", "question": "Segredo?", "expected": expected }]),
                "two questions are called a",
            ),
        ] {
            let why = suite(questions).checked().unwrap_err();
            assert!(why.contains(said) && !why.contains("Segredo"), "{why}");
        }
        let wrong = Suite { name: "../x".into(), ..suite(json!([])) };
        assert!(wrong.checked().unwrap_err().contains("name of a suite"));
        let many: Vec<_> =
            (0..=QUESTIONS_MAX).map(|_| json!({ "question": "Segredo?", "expected": expected })).collect();
        assert!(suite(json!(many)).checked().is_err());
        assert!(
            serde_json::from_value::<Expected>(json!({ "contain": ["x"] })).is_err(),
            "a slip is no expectation"
        );
    }
}
