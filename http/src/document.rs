//! The shapes of a document: what is uploaded, how far it is, and the list of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::failure::Failure;

/// What kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// A software licence.
    LicencasSoftware,
    /// An inventory.
    Inventory,
    /// Minutes of a meeting.
    MeetingMinutes,
    /// Anything else.
    #[default]
    Generic,
}

impl Template {
    /// Every one, with its name in the API.
    pub const ALL: [(&'static str, Self); 4] = [
        ("licencas_software", Self::LicencasSoftware),
        ("inventory", Self::Inventory),
        ("meeting_minutes", Self::MeetingMinutes),
        ("generic", Self::Generic),
    ];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, template)| *template == self).map_or("generic", |(name, _)| name)
    }

    /// The one called `name` in the API.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(other, _)| *other == name).map(|(_, template)| *template)
    }
}

/// What came with an uploaded file.
#[derive(Debug, Clone, PartialEq)]
pub struct UploadMeta {
    /// The file's name without any directory, at most 255 characters, never empty.
    pub filename: String,
    /// What kind of document it is.
    pub template: Template,
    /// The client's own facts about it: a JSON object, at most 16 KiB as text.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// An upload that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The document's id.
    pub document_id: Uuid,
    /// How long reading will take, as far as can be told, in seconds.
    pub estimated_time_seconds: u64,
    /// Whether the tenant already has a document of the same bytes, which `document_id` then names.
    pub duplicate: bool,
}

/// Whether a document can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is being read.
    Processing,
    /// It can be asked.
    Ready,
    /// It could not be read; the document says why.
    Failed,
}

/// What is being done to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It waits for its turn.
    Queued,
    /// Its pages are being read.
    Reading,
    /// Its chunks are being embedded.
    Embedding,
    /// Its chunks are being indexed.
    Indexing,
    /// It is over, one way or the other.
    Done,
}

/// How far a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Pages that are read.
    pub pages_done: u32,
    /// Pages in all; `None` until the file was opened.
    pub pages_total: Option<u32>,
    /// How long it will still take, as far as can be told, in seconds.
    pub remaining_seconds: Option<u64>,
}

/// How a page's text was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The page carries its text.
    Native,
    /// The text was recognised in the page's image.
    Ocr,
    /// The page has no text.
    Empty,
    /// The page could not be read; its warnings say why.
    Failed,
}

/// How one page was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageReport {
    /// The page, counted from one.
    pub page: u32,
    /// How its text was found.
    pub method: Method,
    /// Words on it.
    pub words: u32,
    /// How sure the reading is, from 0 to 1.
    #[serde(serialize_with = "rounded")]
    #[schemars(range(min = 0, max = 1))]
    pub confidence: Option<f32>,
    /// What was odd about it, as sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Four digits are more than a reading is sure of, and 0.93 stays 0.93 when it is widened.
fn rounded<S: serde::Serializer>(value: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.serialize_some(&((f64::from(*value) * 1e4).round() / 1e4)),
        None => serializer.serialize_none(),
    }
}

/// A document as the API shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its id.
    pub id: Uuid,
    /// The name of its file.
    pub filename: String,
    /// Whether it can be asked.
    pub status: Status,
    /// Its pages; `None` until the file was opened.
    pub page_count: Option<u32>,
    /// Its words; `None` until every page was read.
    pub word_count: Option<u64>,
    /// What kind of document it is.
    pub template: Template,
    /// Why, in Portuguese, where its own words decided; `None` where its uploader did, or before it was read.
    pub template_reason: Option<String>,
    /// When it was uploaded.
    pub created_at: OffsetDateTime,
    /// When it became ready or failed.
    pub processed_at: Option<OffsetDateTime>,
    /// Why it failed; given exactly when its status is failed.
    pub failure: Option<Failure>,
    /// The SHA-256 of its file, 64 hexadecimal digits.
    pub sha256: String,
    /// The size of its file, in bytes.
    pub size_bytes: u64,
    /// The client's own facts about it.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// How far it is.
    pub progress: Progress,
    /// How each page was read, in the order of pages; a list leaves it empty.
    pub pages: Vec<PageReport>,
}

/// Which documents are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// The most documents to give, from 1 to 100.
    pub limit: usize,
    /// Where the last list ended, as that list said.
    pub cursor: Option<String>,
}

/// A part of the list of documents.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentList {
    /// The documents, newest first.
    pub documents: Vec<Document>,
    /// What to ask for the next part; `None` at the end.
    pub next_cursor: Option<String>,
}
