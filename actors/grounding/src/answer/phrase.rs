//! The words around an answer: quotations with their page, leads, refusals; in the question's language.

use super::Refusal;
use crate::question::{Language, Question};

/// A quotation is a sentence or two; a page-long "sentence" of a broken text is cut around what answers.
const QUOTATION_CHARS_MAX: usize = 500;

/// What a declined question is told, in its language: what was looked for and what to do.
pub fn refusal_text(question: &Question, refusal: Refusal) -> String {
    let text = match (question.language, refusal) {
        (Language::Portuguese, Refusal::NothingToGoOn) => {
            "Não há texto no documento com que responder a esta pergunta. Reformule-a ou verifique se o documento foi processado."
        }
        (Language::Portuguese, Refusal::UnknownName) => {
            "O documento não menciona aquilo de que trata a pergunta; a informação não foi encontrada. Confira o nome ou o número perguntado."
        }
        (Language::Portuguese, Refusal::NoSuchValue | Refusal::NotSaid) => {
            "Essa informação não foi encontrada no documento. Os trechos mais próximos estão nas fontes."
        }
        (Language::English, Refusal::NothingToGoOn) => {
            "The document has no text to answer this question with. Rephrase it, or check that the document was processed."
        }
        (Language::English, Refusal::UnknownName) => {
            "The document does not mention what the question is about, so the information was not found. Check the name or number asked for."
        }
        (Language::English, Refusal::NoSuchValue | Refusal::NotSaid) => {
            "This information was not found in the document. The nearest passages are among the sources."
        }
    };
    text.to_owned()
}

/// `“…” (página 2)`, with white space made even; around byte `keep` when it is too long.
pub(super) fn quotation(language: Language, text: &str, page: u32, keep: usize) -> String {
    let page_word = if language == Language::English { "page" } else { "página" };
    format!("“{}” ({page_word} {page})", shortened(text, keep))
}

/// `60 dias — “…” (página 2)`.
pub(super) fn led(core: &str, quotation: &str) -> String {
    format!("{core} — {quotation}")
}

/// White space made even.
pub(super) fn even(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str, keep: usize) -> String {
    let before = even(text.get(..keep).unwrap_or_default()).chars().count();
    let even = even(text);
    let count = even.chars().count();
    if count <= QUOTATION_CHARS_MAX {
        return even;
    }
    let from = before.saturating_sub(QUOTATION_CHARS_MAX / 2).min(count - QUOTATION_CHARS_MAX);
    let window: String = even.chars().skip(from).take(QUOTATION_CHARS_MAX).collect();
    let whole = if from > 0 {
        window.split_once(' ').map_or(window.as_str(), |(_, rest)| rest)
    } else {
        window.as_str()
    };
    let whole = if from + QUOTATION_CHARS_MAX < count {
        whole.rsplit_once(' ').map_or(whole, |(rest, _)| rest)
    } else {
        whole
    };
    format!(
        "{}{whole}{}",
        if from > 0 { "… " } else { "" },
        if from + QUOTATION_CHARS_MAX < count { " …" } else { "" }
    )
}

/// Yes or no.
pub(super) fn yes_no(language: Language, yes: bool) -> &'static str {
    match (language, yes) {
        (Language::Portuguese, true) => "Sim",
        (Language::Portuguese, false) => "Não",
        (Language::English, true) => "Yes",
        (Language::English, false) => "No",
    }
}
