//! Many uploads or many questions in one call, each with a status of its own.

pub(crate) mod handlers;
mod read;
mod uploads;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ask::{Answer, Ask};
use crate::context::Context;
use crate::document::Document;
use crate::error::ApiError;

/// What a batch is made of, as it is kept: neither a document's text nor an answer, so that nothing of a deleted
/// document outlives it here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchItem {
    /// A file that was taken.
    Upload {
        /// Its document.
        document_id: Uuid,
    },
    /// A file that was not.
    Refused {
        /// The file's name.
        filename: String,
        /// What was wrong with it, in the client's language.
        error: String,
    },
    /// A question.
    Question {
        /// The document that is asked; everything that the tenant has without one.
        document_id: Option<Uuid>,
        /// The question.
        ask: Ask,
    },
}

/// A batch as it stands.
#[derive(Debug)]
pub struct Batch {
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// Each item and how far it is, in the order of the request.
    pub items: Vec<(BatchItem, ItemState)>,
}

/// How far an item of a batch is.
#[derive(Debug)]
pub enum ItemState {
    /// The file was not taken.
    Refused,
    /// The document of an upload.
    Document(Box<Document>),
    /// The question waits for its answer.
    Waiting,
    /// The question is answered.
    Answered(Box<Answer>),
    /// There is nothing to wait for: the document is gone, or the question failed.
    Failed(ApiError),
}

/// The part of the product that keeps batches.
#[async_trait]
pub trait BatchApi: Send + Sync + 'static {
    /// Keeps a batch and begins to answer its questions; gives the batch's id.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unavailable`] when it cannot be kept.
    async fn begin_batch(&self, context: &Context, items: Vec<BatchItem>) -> Result<Uuid, ApiError>;

    /// The batch `id` of the caller's tenant.
    ///
    /// # Errors
    ///
    /// [`ApiError::BatchUnknown`] when there is none, or no longer.
    async fn batch(&self, context: &Context, id: Uuid) -> Result<Batch, ApiError>;
}
