//! What the client must do next; the cause stays in our log.

use uuid::Uuid;

use crate::document::{Progress, Status};
use crate::failure::Failure;
use crate::message::Message;

/// A queue that can be full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Requests of every kind.
    Requests,
    /// Uploads that are arriving.
    Uploads,
    /// Documents that wait to be read.
    Reading,
    /// Questions that wait for a model.
    Questions,
}

/// Why the product did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// There is no such document for this tenant: 404.
    #[error("no document {id}")]
    NotFound {
        /// The document that was asked for.
        id: Uuid,
    },
    /// The document is still being read: 422.
    #[error("the document is {status:?}")]
    NotReady {
        /// Its status.
        status: Status,
        /// How far it is.
        progress: Option<Progress>,
    },
    /// The document has no such page: 404.
    #[error("the document has {pages} pages, and no page {page}")]
    NoSuchPage {
        /// The page that was asked for.
        page: u32,
        /// How many there are.
        pages: u32,
    },
    /// The document can be asked, so there is nothing to read again: 409.
    #[error("the document {id} did not fail")]
    NotFailed {
        /// The document.
        id: Uuid,
    },
    /// The same file is there as another document: 409.
    #[error("the same file is document {id}")]
    AlreadyThere {
        /// The other document.
        id: Uuid,
    },
    /// The document could not be read, so it cannot be asked: 422.
    #[error("the document could not be read: {}", .0.code.name())]
    ReadingFailed(Failure),
    /// The model is not installed: 422.
    #[error("the model {model} is not installed")]
    ModelMissing {
        /// Its name in the API.
        model: String,
        /// The command that installs it.
        how_to_get: String,
    },
    /// No profile is called so: 400.
    #[error("no profile {profile}")]
    ProfileUnknown {
        /// The name that was given.
        profile: String,
        /// The names that can be given.
        known: Vec<String>,
    },
    /// No profile fits the document: 422.
    #[error("no profile fits the document")]
    NoProfile {
        /// The names that can be given.
        known: Vec<String>,
    },
    /// There is no such batch of this tenant, or no longer: 404.
    #[error("no batch {id}")]
    BatchUnknown {
        /// The batch that was asked for.
        id: Uuid,
    },
    /// An operator has taken the document out of service: 423.
    #[error("the document {id} is out of service")]
    Quarantined {
        /// The document.
        id: Uuid,
    },
    /// Operators may only look: 403.
    #[error("`operator.actions` is not set")]
    ActionsDisabled,
    /// No node knows the actor, document or request that an operator looks for: 404.
    #[error("nobody knows what was asked for")]
    NothingKnown,
    /// A question of a batch was not answered in its time, or its answer is no longer remembered.
    #[error("the question was not answered")]
    NotAnswered,
    /// Nobody knows the model: 404.
    #[error("no model {model}")]
    ModelUnknown {
        /// The name that was given.
        model: String,
        /// The names that can be given.
        known: Vec<String>,
    },
    /// A list's cursor is none of ours: 400.
    #[error("unknown cursor")]
    UnknownCursor,
    /// A queue is full: 503 with `Retry-After`.
    #[error("the queue of {queue:?} is full")]
    Overloaded {
        /// The queue.
        queue: Queue,
        /// When to try again, in seconds.
        retry_after_seconds: u64,
    },
    /// A part that is needed is not there now, such as a shard that is being taken over: 503 with
    /// `Retry-After`.
    #[error("{what} is not available")]
    Unavailable {
        /// The part, for the log.
        what: String,
        /// When to try again, in seconds.
        retry_after_seconds: u64,
        /// The cause, for the log.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The deadline passed: 504.
    #[error("the deadline passed")]
    Deadline,
    /// Our own fault: 500. The cause goes to the log, never to the client.
    #[error("{doing}")]
    Internal {
        /// What we were doing.
        doing: String,
        /// The cause.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// One thing that is wrong with a request, with the field that it is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Violation {
    /// The field, such as `question`.
    pub(crate) field: &'static str,
    /// What is wrong with it.
    pub(crate) message: Message,
}
