//! The shapes of searches, batches and the routes of OpenAI's clients, as they are described.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::bodies::QUESTION;
use crate::ask::{Answer, Model, Region};

/// What is to be found in the knowledge base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchRequest {
    /// What to look for; white space at its ends does not count.
    #[schemars(length(min = 3, max = 1000), regex(pattern = QUESTION))]
    pub(super) query: String,
    /// Passages to give.
    #[schemars(range(min = 1, max = 50), extend("default" = 10))]
    pub(super) top_k: Option<u8>,
    /// Facts that a document must have, such as `language` or a key of its metadata.
    #[schemars(extend(
        "maxProperties" = 16,
        "propertyNames" = { "maxLength": 200 },
        "additionalProperties" = { "type": "string", "maxLength": 200 }
    ))]
    pub(super) filters: Option<BTreeMap<String, String>>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct SearchAnswer {
    /// The passages, best first.
    pub(super) results: Vec<Passage>,
    /// How long it took, in milliseconds.
    pub(super) processing_time_ms: u64,
}

/// A passage of some document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Passage {
    /// Its document.
    pub(super) document_id: Uuid,
    /// The name of that document's file.
    pub(super) filename: String,
    /// The page, counted from one.
    #[schemars(range(min = 1))]
    pub(super) page: u32,
    /// The passage as it stands on the page.
    pub(super) text: String,
    /// How well it fits, from 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub(super) score: f32,
    /// Where it begins in the page's text, in characters.
    pub(super) start: u32,
    /// Where it ends in the page's text, in characters; not included.
    pub(super) end: u32,
    /// Where it is on the page.
    pub(super) boxes: Vec<Region>,
    /// Your own facts about the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Map<String, Value>>,
}

/// A question about all documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryRequest {
    /// The question; white space at its ends does not count.
    #[schemars(length(min = 3, max = 1000), regex(pattern = QUESTION))]
    pub(super) question: String,
    /// Which language model answers.
    #[schemars(extend("default" = "auto"))]
    pub(super) model: Option<Model>,
    /// Whether the rule set is applied.
    #[schemars(extend("default" = true))]
    pub(super) use_dkr: Option<bool>,
    /// Passages given to the language model.
    #[schemars(range(min = 1, max = 20), extend("default" = 5))]
    pub(super) top_k: Option<u8>,
    /// Whether the answer carries its sources.
    #[schemars(extend("default" = true))]
    pub(super) include_sources: Option<bool>,
    /// Facts that a document must have.
    #[schemars(extend(
        "maxProperties" = 16,
        "propertyNames" = { "maxLength": 200 },
        "additionalProperties" = { "type": "string", "maxLength": 200 }
    ))]
    pub(super) filters: Option<BTreeMap<String, String>>,
    /// Your name of a conversation, whose last turns are remembered for a while.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,64}$"))]
    pub(super) session_id: Option<String>,
}

/// Many questions at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchRequest {
    /// The questions, each with its document.
    #[schemars(length(min = 1, max = 100))]
    pub(super) questions: Vec<BatchQuestion>,
}

/// A question with its document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchQuestion {
    /// The document; all of yours when not said.
    #[schemars(regex(pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"))]
    pub(super) document_id: Option<String>,
    /// The question; white space at its ends does not count.
    #[schemars(length(min = 3, max = 1000), regex(pattern = QUESTION))]
    pub(super) question: String,
    /// Which language model answers.
    #[schemars(extend("default" = "auto"))]
    pub(super) model: Option<Model>,
    /// Whether the rule set is applied.
    #[schemars(extend("default" = true))]
    pub(super) use_dkr: Option<bool>,
    /// Passages given to the language model.
    #[schemars(range(min = 1, max = 20), extend("default" = 5))]
    pub(super) top_k: Option<u8>,
    /// Whether the answer carries its sources.
    #[schemars(extend("default" = true))]
    pub(super) include_sources: Option<bool>,
}

/// A batch that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct BatchAccepted {
    /// The batch's id.
    pub(super) batch_id: Uuid,
    /// Where to ask how far it is.
    pub(super) status_url: String,
    /// Each of its items.
    pub(super) items: Vec<BatchItem>,
}

/// How far a batch is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct BatchShown {
    /// The batch's id.
    pub(super) batch_id: Uuid,
    /// `processing` while any item is, else `done`.
    pub(super) status: String,
    /// When it was taken.
    #[schemars(extend("format" = "date-time"))]
    pub(super) created_at: String,
    /// Items that are in work.
    pub(super) processing: u32,
    /// Items that are done.
    pub(super) ready: u32,
    /// Items that failed.
    pub(super) failed: u32,
    /// Each of its items.
    pub(super) items: Vec<BatchItem>,
}

/// One item of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct BatchItem {
    /// The item's id.
    pub(super) item_id: String,
    /// Its document; none for a question to all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) document_id: Option<Uuid>,
    /// `processing`, `ready` or `failed`.
    pub(super) status: String,
    /// Where to ask how far it is.
    pub(super) status_url: String,
    /// The name of its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) filename: Option<String>,
    /// Its question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) question: Option<String>,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Answer>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Why it failed, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error_code: Option<String>,
}

/// A conversation as OpenAI's clients send it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct ChatRequest {
    /// The turns; the last one of the user is the question.
    #[schemars(length(min = 1))]
    pub(super) messages: Vec<ChatMessage>,
    /// A model of `GET /v1/models`.
    #[schemars(length(min = 1, max = 100))]
    pub(super) model: Option<String>,
    /// Whether the answer is streamed.
    pub(super) stream: Option<bool>,
    /// The document to answer from; all of yours when absent.
    pub(super) document_id: Option<Uuid>,
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChatRole {
    /// Instructions.
    System,
    /// Instructions.
    Developer,
    /// Whoever asks.
    User,
    /// Whoever answered.
    Assistant,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct ChatMessage {
    /// Whose it is.
    pub(super) role: ChatRole,
    /// What was said; the question, which is the last one and the user's, has 3 to 1000 characters.
    pub(super) content: String,
}

/// An answer as OpenAI's clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct ChatAnswer {
    /// Its id.
    pub(super) id: String,
    /// Always `chat.completion`.
    pub(super) object: String,
    /// When it was made, in seconds since 1970.
    pub(super) created: u64,
    /// The model that answered.
    pub(super) model: String,
    /// The answer.
    pub(super) choices: Vec<Map<String, Value>>,
    /// Tokens read and written.
    pub(super) usage: Map<String, Value>,
}

/// One text or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Texts {
    /// One.
    One(#[schemars(length(min = 1, max = 8000))] String),
    /// Several.
    Several(#[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 8000)))] Vec<String>),
}

/// How vectors are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Encoding {
    /// As numbers.
    Float,
    /// As the little-endian bytes of 32-bit numbers.
    Base64,
}

/// What a text is; a model may read the two differently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TextKind {
    /// A question.
    Query,
    /// What may answer it.
    Passage,
}

/// Texts to embed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct EmbeddingsRequest {
    /// A text, or 1 to 256 of them.
    pub(super) input: Texts,
    /// An embedding model.
    #[schemars(length(min = 1, max = 100))]
    pub(super) model: Option<String>,
    /// How vectors are written.
    pub(super) encoding_format: Option<Encoding>,
    /// What the texts are; `passage` when not said.
    pub(super) input_type: Option<TextKind>,
}

/// A list as OpenAI's clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct ObjectList {
    /// Always `list`.
    pub(super) object: String,
    /// What it lists.
    pub(super) data: Vec<Map<String, Value>>,
}

/// A model as OpenAI's clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct ModelShown {
    /// Its name.
    pub(super) id: String,
    /// Always `model`.
    pub(super) object: String,
    /// When it was made, in seconds since 1970; 0 when that is not told.
    pub(super) created: u64,
    /// Always `rag-enabler`.
    pub(super) owned_by: String,
    /// `language` or `embedding`.
    pub(super) kind: String,
}
