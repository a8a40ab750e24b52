//! The keys of the cache: everything that an answer depends on is in its key, so that a change is a miss.
//!
//! Tenant and document come first in clear positions, so that a deletion can forget by prefix.

use std::time::Duration;

use crate::record::DocumentId;

/// Answers live a day.
pub const ANSWER_TTL: Duration = Duration::from_secs(24 * 3600);
/// Embeddings live a week; they depend on text and model alone.
pub const EMBEDDING_TTL: Duration = Duration::from_secs(7 * 24 * 3600);
/// Recognised pages live a month; they are the dearest to compute.
pub const OCR_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
/// A conversation that has been silent for an hour is over.
pub const SESSION_TTL: Duration = Duration::from_secs(3600);

/// A stream can be gone on with for some minutes.
pub const STREAM_TTL: Duration = Duration::from_secs(600);

/// Everything that an answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct AnswerKey<'a> {
    /// Whose answer it is.
    pub tenant: &'a str,
    /// The document asked, or `None` for the whole knowledge base.
    pub document_id: Option<DocumentId>,
    /// Its revision; for the whole knowledge base the version of what the tenant has in it.
    pub revision: u64,
    /// The question as the user wrote it; case, spacing and a final mark do not matter.
    pub question: &'a str,
    /// The language model.
    pub model: &'a str,
    /// The hash of the compiled rule set, empty without rules.
    pub rules_hash: &'a str,
    /// The version of the prompt.
    pub prompt_version: &'a str,
    /// How many chunks were asked for.
    pub top_k: u32,
    /// Anything else that changes the answer, such as filters or the conversation so far.
    pub extra: &'a str,
}

/// The key of an answer.
#[must_use]
pub fn answer_key(of: &AnswerKey<'_>) -> String {
    let question = of.question.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let question = question.trim_end_matches(['?', '.', '!', ' ']);
    let parts = [question, of.model, of.rules_hash, of.prompt_version, of.extra];
    let hash = hash_of(parts.iter().map(|part| part.as_bytes()), &[of.revision, of.top_k.into()]);
    format!("{}{hash}", answer_prefix(of.tenant, of.document_id))
}

/// All answers about a document, or about the whole knowledge base.
#[must_use]
pub fn answer_prefix(tenant: &str, document_id: Option<DocumentId>) -> String {
    let document = document_id.map_or_else(|| "all".to_owned(), |id| id.to_string());
    format!("{}qa:{document}:", tenant_prefix(tenant))
}

/// Everything of a tenant.
#[must_use]
pub fn tenant_prefix(tenant: &str) -> String {
    format!("dq:1:t:{}:", short(tenant.as_bytes()))
}

/// The embedding of `text` (with its prefix) by `model`.
#[must_use]
pub fn embedding_key(model: &str, text: &str) -> String {
    format!("dq:1:emb:{}:{}", short(model.as_bytes()), hash_of([text.as_bytes()], &[]))
}

/// The recognised text of page `page` of a file. Scoped to the tenant, so that a deletion reaches it.
#[must_use]
pub fn ocr_key(tenant: &str, file_sha256: &[u8; 32], page: u32, languages: &str, settings: &str) -> String {
    let how = hash_of([languages.as_bytes(), settings.as_bytes()], &[]);
    format!("{}{page}:{how}", ocr_prefix(tenant, file_sha256))
}

/// All recognised pages of a file.
#[must_use]
pub fn ocr_prefix(tenant: &str, file_sha256: &[u8; 32]) -> String {
    format!("{}ocr:{}:", tenant_prefix(tenant), short(file_sha256))
}

/// A conversation about a document, or about the whole knowledge base.
#[must_use]
pub fn session_key(tenant: &str, document_id: Option<DocumentId>, session_id: &str) -> String {
    format!("{}{}", session_prefix(tenant, document_id), hash_of([session_id.as_bytes()], &[]))
}

/// All conversations about a document, or about the whole knowledge base.
#[must_use]
pub fn session_prefix(tenant: &str, document_id: Option<DocumentId>) -> String {
    let document = document_id.map_or_else(|| "all".to_owned(), |id| id.to_string());
    format!("{}session:{document}:", tenant_prefix(tenant))
}

/// What the stream `stream` left under `name`, so that it can be gone on with on any node.
#[must_use]
pub fn stream_key(tenant: &str, document_id: Option<DocumentId>, stream: &str, name: &str) -> String {
    let hash = hash_of([stream.as_bytes(), name.as_bytes()], &[]);
    format!("{}{hash}", stream_prefix(tenant, document_id))
}

/// What all streams of answers about a document, or about the whole knowledge base, left.
#[must_use]
pub fn stream_prefix(tenant: &str, document_id: Option<DocumentId>) -> String {
    let document = document_id.map_or_else(|| "all".to_owned(), |id| id.to_string());
    format!("{}stream:{document}:", tenant_prefix(tenant))
}

/// Hashes parts with their lengths, so that no two lists of parts run together.
fn hash_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>, numbers: &[u64]) -> String {
    let mut hash = blake3::Hasher::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    for number in numbers {
        hash.update(&number.to_le_bytes());
    }
    hash.finalize().to_hex().to_string()
}

fn short(of: &[u8]) -> String {
    blake3::hash(of).to_hex().get(..32).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> AnswerKey<'static> {
        AnswerKey {
            tenant: "acme",
            document_id: Some(DocumentId([1; 16])),
            revision: 1,
            question: "Qual o prazo?",
            model: "m",
            rules_hash: "r",
            prompt_version: "p",
            top_k: 5,
            extra: "",
        }
    }

    #[test]
    fn everything_that_changes_an_answer_changes_its_key() {
        let base = answer_key(&key());
        let others = [
            AnswerKey { tenant: "other", ..key() },
            AnswerKey { document_id: None, ..key() },
            AnswerKey { revision: 2, ..key() },
            AnswerKey { question: "Qual o valor?", ..key() },
            AnswerKey { model: "n", ..key() },
            AnswerKey { rules_hash: "s", ..key() },
            AnswerKey { prompt_version: "q", ..key() },
            AnswerKey { top_k: 6, ..key() },
            AnswerKey { extra: "x", ..key() },
            // Parts do not run together.
            AnswerKey { model: "mr", rules_hash: "", ..key() },
        ];
        for other in others {
            assert_ne!(answer_key(&other), base, "{other:?}");
        }
    }

    #[test]
    fn spacing_case_and_the_final_mark_do_not_matter() {
        let same = AnswerKey { question: "  qual  o PRAZO ", ..key() };
        assert_eq!(answer_key(&same), answer_key(&key()));
    }

    #[test]
    fn a_document_is_forgotten_by_its_prefix() {
        assert!(answer_key(&key()).starts_with(&answer_prefix("acme", Some(DocumentId([1; 16])))));
        let ocr = ocr_key("acme", &[7; 32], 3, "por", "");
        assert!(ocr.starts_with(&ocr_prefix("acme", &[7; 32])) && ocr.starts_with(&tenant_prefix("acme")));
        assert!(stream_key("acme", None, "s", "1").starts_with(&stream_prefix("acme", None)));
        assert!(session_key("acme", None, "s").starts_with(&session_prefix("acme", None)));
    }
}
