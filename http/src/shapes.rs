//! The bodies of answers, as types: what is sent and what is described are one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::document::{PageReport, Progress, Status, Template};

/// An upload that was taken; from now on the document ends as ready or as failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DocumentAccepted {
    /// The document's id.
    pub(crate) document_id: Uuid,
    /// Always `processing`.
    pub(crate) status: Status,
    /// How long reading will take, as far as can be told, in seconds.
    pub(crate) estimated_time_seconds: u64,
    /// Where to ask how far it is.
    #[schemars(extend("format" = "uri-reference"))]
    pub(crate) status_url: String,
    /// Whether you already have a document of the same bytes, which `document_id` then names.
    pub(crate) duplicate: bool,
}

/// A document as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DocumentSummary {
    /// Its id.
    pub(crate) id: Uuid,
    /// The name of its file.
    pub(crate) filename: String,
    /// Whether it can be asked.
    pub(crate) status: Status,
    /// Its pages; `null` until the file was opened.
    pub(crate) page_count: Option<u32>,
    /// Its words; `null` until every page was read.
    pub(crate) word_count: Option<u64>,
    /// What kind of document it is.
    pub(crate) template: Template,
    /// Why, in Portuguese, where the document's own words decided; `null` where its uploader did.
    #[serde(default)]
    pub(crate) template_reason: Option<String>,
    /// When it was uploaded.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) created_at: String,
    /// When it became ready or failed.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) processed_at: Option<String>,
    /// Why it failed, as a sentence; `null` unless its status is `failed`.
    pub(crate) error: Option<String>,
    /// The kind of that reason.
    pub(crate) error_code: Option<String>,
    /// The SHA-256 of its file.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub(crate) sha256: String,
    /// The size of its file, in bytes.
    pub(crate) size_bytes: u64,
    /// How far it is; `null` unless its status is `processing`.
    pub(crate) progress: Option<Progress>,
}

/// A document with its pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DocumentDetail {
    /// What a list shows of it.
    #[serde(flatten)]
    pub(crate) summary: DocumentSummary,
    /// Your own facts about it, as you sent them.
    pub(crate) metadata: Map<String, Value>,
    /// How each page was read, in the order of pages.
    pub(crate) pages: Vec<PageReport>,
}

/// A part of the list of your documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DocumentPart {
    /// The documents, newest first.
    pub(crate) documents: Vec<DocumentSummary>,
    /// The `cursor` of the next part; `null` at the end.
    pub(crate) next_cursor: Option<String>,
}

/// A process that answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Liveness {
    /// Always `true`.
    pub(crate) live: bool,
}

/// What was wrong with a request and what to do about it: RFC 9457, with the contract's `error` and `details`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody {
    /// Where this kind of problem is explained.
    #[serde(rename = "type")]
    #[schemars(extend("format" = "uri-reference"))]
    pub(crate) kind: String,
    /// Its name for people, in the language of `Accept-Language`.
    pub(crate) title: String,
    /// The status of the answer.
    #[schemars(range(min = 400, max = 599))]
    pub(crate) status: u16,
    /// What was wrong and what to do, as a sentence.
    pub(crate) detail: String,
    /// The path that was asked for.
    pub(crate) instance: String,
    /// Its name for programs.
    pub(crate) code: String,
    /// The same sentence as `detail`.
    pub(crate) error: String,
    /// A sentence for each thing that was wrong; at least one.
    #[schemars(length(min = 1))]
    pub(crate) details: Vec<String>,
    /// What to tell the operator; the same as the header `X-Request-Id`.
    pub(crate) request_id: String,
    /// Each wrong field by itself; absent when no field was wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) violations: Vec<ViolationBody>,
    /// The document's status, when that is what was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) document_status: Option<Status>,
    /// How far the document is, when that is what was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) progress: Option<Progress>,
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Violation")]
pub(crate) struct ViolationBody {
    /// The field, such as `question`; `body` or `form` for one that should not be there.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) message: String,
}
