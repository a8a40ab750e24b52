//! What the product does for the API.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::analysis::AnalysisApi;
use crate::ask::{Answer, Ask, Source};
use crate::batch::BatchApi;
use crate::context::Context;
use crate::document::{Accepted, Document, DocumentList, ListQuery, UploadMeta};
use crate::error::ApiError;
use crate::health::{Health, Readiness, TreeNode};
use crate::knowledge::KnowledgeApi;
use crate::memory::Memory;
use crate::once::Ledger;
use crate::operator::OperatorApi;
use crate::picture::PagePicture;

/// The product behind the API.
///
/// Every call carries a [`Context`]. Its deadline is also kept here: a call that outlives it is dropped and
/// answered 504. A call is dropped, and its cancel token fires, when the client goes away.
#[async_trait]
pub trait Api: KnowledgeApi + BatchApi + AnalysisApi + OperatorApi {
    /// Begins an upload; its bytes follow through the sink.
    ///
    /// # Errors
    ///
    /// [`ApiError::Overloaded`] when no further upload can be taken.
    async fn begin_upload(&self, context: &Context) -> Result<Box<dyn UploadSink>, ApiError>;

    /// The document `id` of the caller's tenant.
    ///
    /// # Errors
    ///
    /// [`ApiError::NotFound`] when there is none, also when it is another tenant's.
    async fn document(&self, context: &Context, id: Uuid) -> Result<Document, ApiError>;

    /// The caller's documents, newest first.
    ///
    /// # Errors
    ///
    /// [`ApiError::Invalid`] when the cursor is none of ours.
    async fn documents(&self, context: &Context, query: ListQuery) -> Result<DocumentList, ApiError>;

    /// Erases the document `id`: its file, text, vectors, caches and sessions.
    ///
    /// # Errors
    ///
    /// [`ApiError::NotFound`] when there is none, also when it is another tenant's.
    async fn delete(&self, context: &Context, id: Uuid) -> Result<(), ApiError>;

    /// Draws one page of the document `id`, as a PNG.
    ///
    /// # Errors
    ///
    /// [`ApiError::NotFound`] when there is no such document, [`ApiError::NoSuchPage`] when it has no such page,
    /// [`ApiError::ReadingFailed`] when the page cannot be drawn.
    async fn picture(&self, context: &Context, id: Uuid, picture: PagePicture) -> Result<Bytes, ApiError>;

    /// Reads the document `id` again, which could not be read.
    ///
    /// # Errors
    ///
    /// [`ApiError::NotFound`] when there is none, [`ApiError::NotFailed`] when it can be asked,
    /// [`ApiError::AlreadyThere`] when the same file was uploaded again meanwhile.
    async fn retry(&self, context: &Context, id: Uuid) -> Result<(), ApiError>;

    /// Answers a question about the document `id`.
    ///
    /// # Errors
    ///
    /// [`ApiError::NotReady`] or [`ApiError::ReadingFailed`] when the document has no text to answer from,
    /// [`ApiError::ModelMissing`] when the model is not installed, [`ApiError::Overloaded`] when the queue
    /// is full.
    async fn ask(&self, context: &Context, id: Uuid, ask: Ask) -> Result<Answer, ApiError>;

    /// The passages that were found for the stream `stream`, best first, if that is known already.
    async fn found(&self, context: &Context, id: Uuid, stream: Uuid) -> Option<Vec<Source>>;

    /// Where requests leave what a later one needs, on any node.
    fn memory(&self) -> Arc<dyn Memory>;

    /// What was done under which `Idempotency-Key`.
    fn ledger(&self) -> Arc<dyn Ledger>;

    /// How the parts of the node are.
    async fn health(&self) -> Health;

    /// Whether the node can take requests.
    async fn ready(&self) -> Readiness;

    /// The supervision tree as it is now.
    async fn inspect(&self) -> TreeNode;
}

/// Takes the bytes of one upload. Dropped without [`UploadSink::finish`], the upload never happened.
#[async_trait]
pub trait UploadSink: Send {
    /// Takes the next bytes of the file; returns when there is room for more.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unavailable`] when the bytes cannot be stored.
    async fn write(&mut self, bytes: Bytes) -> Result<(), ApiError>;

    /// Ends the upload: from the answer on, the document will end as ready or as failed.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unavailable`] when the upload cannot be recorded.
    async fn finish(self: Box<Self>, meta: UploadMeta) -> Result<Accepted, ApiError>;
}
