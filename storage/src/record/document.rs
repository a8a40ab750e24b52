//! What is known about a document at a position of its shard log.

use bincode::{Decode, Encode};

use super::{BlobRef, DocumentId};
use crate::codec::{Rest, Whole};

/// Longest tenant name in bytes, so that a row key with it stays under LMDB's 511.
pub const TENANT_BYTES_MAX: usize = 128;

/// A document as it was accepted, and how far it has come.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
#[bincode(decode_context = "Whole")]
pub struct DocumentRecord {
    /// The document.
    pub document_id: DocumentId,
    /// Counts from 1; each re-ingest is one more.
    pub revision: u32,
    /// Whose it is; nobody else ever sees it.
    pub tenant: String,
    /// The name of the uploaded file.
    pub filename: String,
    /// The template that was chosen at upload, such as `generic`.
    pub template: String,
    /// The client's metadata: a JSON object as text, `{}` when none was given.
    pub metadata_json: String,
    /// The client's idempotency key, if it sent one.
    pub idempotency_key: Option<String>,
    /// Of the uploaded bytes.
    pub sha256: [u8; 32],
    /// Of the uploaded bytes.
    pub size_bytes: u64,
    /// Such as `application/pdf`.
    pub media_type: String,
    /// The uploaded bytes.
    pub original: BlobRef,
    /// When it was accepted, Unix milliseconds.
    pub created_ms: u64,
    /// When retention removes it, Unix milliseconds; it answers nothing from then on.
    pub expires_ms: u64,
    /// The log position of its acceptance, set by applying; a deletion after it is final.
    pub ticket: u64,
    /// How far it has come, set by applying.
    pub status: Status,
    /// What a newer version added, to the record or to its status.
    pub rest: Rest,
}

/// How far a document's current revision has come.
#[derive(Debug, Clone, PartialEq, Default, Encode, Decode)]
pub struct Status {
    /// Whether it has ended, and how.
    pub outcome: Outcome,
    /// The page texts, once they are read.
    pub pages: Option<BlobRef>,
    /// The chunks with their vectors, once they are embedded.
    pub chunks: Option<BlobRef>,
    /// Pages of the document, once they are read.
    pub page_count: u32,
    /// Words of the document, once they are read.
    pub word_count: u32,
    /// Chunks in the index, once it is ready.
    pub chunk_count: u32,
    /// What reading has to tell about the pages (languages, pages recognised by OCR, warnings): JSON as text.
    pub report_json: String,
    /// When it became ready or failed, Unix milliseconds.
    pub processed_ms: Option<u64>,
}

/// How a revision ended, if it has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub enum Outcome {
    /// Work is under way.
    #[default]
    Processing,
    /// It is searchable.
    Ready,
    /// It is not, for this reason.
    Failed(Reason),
}

/// Why a document failed: a code for programs, a message for people.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Reason {
    /// Such as `encrypted_pdf`.
    pub code: String,
    /// Names what was wrong and what to do.
    pub message: String,
}

impl DocumentRecord {
    /// Whether neither `ready` nor `failed` has been reached, so that an owner must resume it.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.status.outcome == Outcome::Processing
    }

    /// Whether it may answer at `now_ms`.
    #[must_use]
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.expires_ms > now_ms
    }
}
