//! Answers as streams: server-sent events and a WebSocket with one vocabulary, which survive a cut connection.
//!
//! A stream is work of its own with an unguessable name. Its events are numbered; whoever was cut off asks any node for
//! what comes behind the last one that he saw.

pub(crate) mod event;
mod follow;
pub(crate) mod handlers;
mod live;
mod name;
mod produce;
pub(crate) mod socket;
pub(crate) mod sse;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

pub(crate) use follow::Follower;
pub(crate) use name::EventId;
pub(crate) use produce::Question;

use crate::api::Api;
use crate::ask::Ask;
use crate::context::Context;
use crate::document::Status;
use crate::error::ApiError;
use crate::limits::Limits;
use crate::memory::{Memory, NoteKey};
use crate::message::Message;
use crate::problem::{Kind, Problem};
use crate::upload::Refusal;

/// Everything that streams work with.
pub(crate) struct Streams {
    api: Arc<dyn Api>,
    memory: Arc<dyn Memory>,
    table: live::Table,
    // Streams of progress ask for little, but each of them again and again.
    progress: Arc<Semaphore>,
    time_max: Duration,
}

impl Streams {
    pub(crate) fn new(api: Arc<dyn Api>, limits: &Limits) -> Self {
        let memory = api.memory();
        let progress = Arc::new(Semaphore::new(limits.streams_max));
        let table = live::Table::new(limits.streams_max);
        Self { api, memory, table, progress, time_max: limits.request_time_max }
    }

    /// Begins to answer `ask` about `document` as a stream.
    ///
    /// # Errors
    /// What would refuse the question before any work was done: an unknown document, one that is not ready, no place.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        context: &Context,
        document: Uuid,
        ask: Ask,
    ) -> Result<(Uuid, Follower), ApiError> {
        let found = self.api.document(context, document).await?;
        match (found.status, found.failure) {
            (Status::Ready, _) => {}
            (Status::Failed, Some(failure)) => return Err(ApiError::ReadingFailed(failure)),
            (status, _) => return Err(ApiError::NotReady { status, progress: Some(found.progress) }),
        }
        let id = crate::door::random_uuid();
        let question = Question { document, ask };
        let here = produce::begin(self, context, id, question.clone())?;
        Ok((id, Follower::new(self, context, id, question, 0, Some(here))))
    }

    /// Goes on with a stream behind the event `from`.
    ///
    /// # Errors
    /// When nobody knows the stream (any more), or its document is gone.
    pub(crate) async fn resume(
        self: &Arc<Self>,
        context: &Context,
        from: EventId,
    ) -> Result<Follower, Refusal> {
        let unknown = || {
            let stream = from.stream.to_string();
            Refusal::Problem(Problem::new(Kind::StreamUnknown, Message::StreamUnknown { stream }))
        };
        let key = note(context, None, from.stream, "question");
        let kept = self.memory.recall(&[key]).await.pop().flatten().ok_or_else(unknown)?;
        let question: Question = serde_json::from_slice(&kept).map_err(|_| unknown())?;
        // What was deleted is told to nobody, also not from memory.
        self.api.document(context, question.document).await?;
        let seen = note(context, Some(question.document), from.stream, &from.seq.to_string());
        let seen = self.memory.recall(&[seen]).await.pop().flatten();
        let is_over =
            seen.and_then(|bytes| event::Event::from_bytes(&bytes)).is_some_and(|event| event.is_last());
        let here = self.table.listen(from.stream, &context.tenant);
        let follower = Follower::new(self, context, from.stream, question, from.seq, here);
        Ok(if is_over { follower.ended() } else { follower })
    }

    /// Ends the work of a stream, on whichever node it is.
    ///
    /// # Errors
    /// When nobody knows the stream (any more).
    pub(crate) async fn cancel(&self, context: &Context, stream: Uuid) -> Result<(), Problem> {
        if self.table.cancel(stream, &context.tenant) {
            return Ok(());
        }
        let key = note(context, None, stream, "question");
        if self.memory.recall(&[key]).await.iter().all(Option::is_none) {
            let stream = stream.to_string();
            return Err(Problem::new(Kind::StreamUnknown, Message::StreamUnknown { stream }));
        }
        let ended = note(context, None, stream, "ended");
        self.memory.keep(&ended, Bytes::from_static(b"1"), produce::KEPT).await;
        Ok(())
    }

    /// A place for one stream of progress, if there is one.
    pub(crate) fn progress_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.progress).try_acquire_owned().ok()
    }

    fn api(&self) -> Arc<dyn Api> {
        Arc::clone(&self.api)
    }
}

fn note(context: &Context, document: Option<Uuid>, stream: Uuid, name: &str) -> NoteKey {
    NoteKey { tenant: context.tenant.clone(), document, stream, name: name.to_owned() }
}
