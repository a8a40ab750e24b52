//! The record of one answer, for analysts; a node keeps none unless it is told to.
//!
//! It lies among the blobs of its document, so that whatever removes the document removes it too.

use serde::{Deserialize, Serialize};

use super::{DocumentId, blob_prefix};
use crate::objects::{InvalidKey, Key};

/// Where a passage that an answer rests on stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stood {
    /// The page, from 1.
    pub page: u32,
    /// First character in the page's text.
    pub start: u32,
    /// End in the page's text, in characters, exclusive.
    pub end: u32,
    /// 0 to 1.
    pub score: f32,
}

/// One answer. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// The document's revision.
    pub revision: u32,
    /// The same for the same question of the same tenant, and says nothing of its words.
    pub question_id: String,
    /// Whether the document answers the question.
    pub answered: bool,
    /// 0 to 1.
    pub confidence: f32,
    /// The model that wrote the draft.
    pub model: String,
    /// Whether the answer was remembered.
    pub cached: bool,
    /// The passages, best first.
    pub sources: Vec<Stood>,
    /// Whose rules were asked for; empty for none.
    pub template: String,
    /// The version of those rules.
    pub rules_hash: String,
    /// Whether they were applied.
    pub rules_applied: bool,
    /// How much they changed or objected to.
    pub corrections: u32,
    /// The version of the program and of how answers are made.
    pub recipe: String,
    /// From the question to the answer, in milliseconds.
    pub took_ms: u64,
    /// The words, when they are kept too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
}

/// What was asked and answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// What rules changed or objected to, one sentence each.
    pub corrections: Vec<String>,
}

/// What such a key has behind the prefix of its document.
pub const ANSWER_MARK: &str = "answer-";

/// The key of the record of an answer about `document`.
///
/// # Errors
///
/// Never for ids of this product; the type says that keys are checked.
pub fn answer_record_key(
    tenant: &str,
    document: DocumentId,
    at_ms: u64,
    nonce: u64,
) -> Result<Key, InvalidKey> {
    Key::new(format!("{}{ANSWER_MARK}{at_ms:013}-{nonce:016x}", blob_prefix(tenant, document)))
}

/// Names a question of a tenant.
#[must_use]
pub fn question_id(tenant: &str, question: &str) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(&(tenant.len() as u64).to_le_bytes()).update(tenant.as_bytes()).update(question.as_bytes());
    hash.finalize().to_hex().get(..32).unwrap_or_default().to_owned()
}
