//! Keeps batches in the object store and answers their questions in the background.
//!
//! A batch's object holds what was asked and nothing that was answered: answers stay in the cache, where deleting a
//! document finds them, and are looked up when somebody asks for the batch.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use enabler_actors::knowledge::Inquiry;
use enabler_actors::question::{self, AskFailure};
use enabler_actors::topology::Actors;
use enabler_cluster::request::Request;
use enabler_http::{Answer, Api as _, ApiError, Ask, Batch, BatchApi, BatchItem, Context, ItemState, Queue};
use enabler_storage::objects::{ETag, Key, ObjectStore, PutOutcome};
use enabler_storage::record::DocumentId;
use enabler_storage::sealed;
use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{NodeApi, convert, request, unavailable};

/// Questions of all batches that a node has answered at one time: people wait for the same models.
const QUESTIONS_AT_ONCE: usize = 2;
/// Batches whose questions wait at one node; their time runs out while they wait.
const BATCHES_AT_ONCE: usize = 64;
/// The pause before a question is asked again that found every place of a model taken.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// How long the questions of a batch may take in all: a hundred of them at a few seconds each.
const BATCH_TIME_MAX: Duration = Duration::from_secs(600);
/// How often a node says that it is at work on a batch.
const BEAT: Duration = Duration::from_secs(5);
/// A node that has said nothing for so long is not at work any more: several beats, and what clocks differ by.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long one question may take.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(120);
/// How long a batch is kept.
const KEPT_MS: u64 = 7 * 24 * 3600 * 1000;
/// Batches that are too old and that one new batch removes: more than it adds, so that none stays.
const REMOVED_AT_ONCE: usize = 10;
/// Items that are looked at together when a batch is shown.
const LOOKS_AT_ONCE: usize = 8;

/// A batch as it lies in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    created_ms: u64,
    /// When a node last said that it works on its questions.
    beat_ms: u64,
    /// Whether nobody works on its questions any more.
    has_ended: bool,
    items: Vec<BatchItem>,
}

impl Kept {
    /// Whether somebody is at work on its questions: a node that was killed leaves no word, only its silence.
    fn is_under_way(&self, now_ms: u64) -> bool {
        !self.has_ended && now_ms.saturating_sub(self.beat_ms) < SILENCE_MAX.as_millis() as u64
    }
}

fn prefix(tenant: &str) -> String {
    let hash: String = Sha256::digest(tenant).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("v1/batches/{hash}/")
}

fn key(tenant: &str, id: Uuid) -> Result<Key, ApiError> {
    Key::new(format!("{}{id}.json", prefix(tenant))).map_err(|error| super::internal("naming a batch", error))
}

fn not_stored(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApiError {
    ApiError::Unavailable {
        what: "the object store".to_owned(),
        retry_after_seconds: super::RETRY_AFTER_SECONDS,
        source: Some(error.into()),
    }
}

#[async_trait]
impl BatchApi for NodeApi {
    async fn begin_batch(&self, context: &Context, items: Vec<BatchItem>) -> Result<Uuid, ApiError> {
        let actors = self.started.get()?;
        let asks = items.iter().any(|item| matches!(item, BatchItem::Question { .. }));
        let place = if asks { Some(self.batches.place()?) } else { None };
        let intake = &actors.intake;
        // Ids grow with time, so that the oldest are listed first.
        let id = Uuid::from_bytes(DocumentId::mint(&*intake.clock, &*intake.chance).0);
        let key = key(context.tenant.name(), id)?;
        let now_ms = intake.clock.now_ms();
        let kept = Kept { created_ms: now_ms, beat_ms: now_ms, has_ended: !asks, items };
        let bytes = sealed::seal(&kept).map_err(|error| super::internal("writing a batch", error))?;
        let etag = match intake.store.put_new(&key, bytes).await {
            PutOutcome::Done(etag) => etag,
            PutOutcome::Exists | PutOutcome::Changed => return Err(unavailable("the batch's place")),
            PutOutcome::Unknown(error) => return Err(not_stored(error)),
        };
        remove_old(&*intake.store, context.tenant.name(), kept.created_ms).await;
        if let Some(place) = place {
            let worker = Worker {
                actors: actors.clone(),
                tenant: context.tenant.name().to_owned(),
                top_k: self.top_k,
            };
            let (trace, turns) = (context.trace_id.clone(), self.batches.questions.clone());
            tokio::spawn(async move {
                let _place = place;
                worker.answer(trace, &turns, key, etag, kept).await;
            });
        }
        Ok(id)
    }

    async fn batch(&self, context: &Context, id: Uuid) -> Result<Batch, ApiError> {
        let actors = self.started.get()?;
        let key = key(context.tenant.name(), id)?;
        let object = actors.intake.store.get(&key).await.map_err(not_stored)?;
        let object = object.ok_or(ApiError::BatchUnknown { id })?;
        let kept: Kept =
            sealed::open(&object.bytes).map_err(|error| super::internal("reading a batch", error))?;
        let now_ms = actors.intake.clock.now_ms();
        if now_ms.saturating_sub(kept.created_ms) > KEPT_MS {
            return Err(ApiError::BatchUnknown { id });
        }
        let is_under_way = kept.is_under_way(now_ms);
        let looks: Vec<_> = kept.items.iter().map(|item| self.look(context, item, is_under_way)).collect();
        let states: Vec<ItemState> = stream::iter(looks).buffered(LOOKS_AT_ONCE).collect().await;
        let created_at = convert::moment(kept.created_ms);
        Ok(Batch { created_at, items: kept.items.into_iter().zip(states).collect() })
    }
}

impl NodeApi {
    /// How far an item is.
    async fn look(&self, context: &Context, item: &BatchItem, is_under_way: bool) -> ItemState {
        match item {
            BatchItem::Refused { .. } => ItemState::Refused,
            BatchItem::Upload { document_id } => match self.document(context, *document_id).await {
                Ok(document) => ItemState::Document(Box::new(document)),
                Err(error) => ItemState::Failed(error),
            },
            BatchItem::Question { document_id, ask } => {
                let actors = match self.started.get() {
                    Ok(actors) => actors,
                    Err(error) => return ItemState::Failed(error),
                };
                let worker = Worker { actors, tenant: context.tenant.name().to_owned(), top_k: self.top_k };
                match worker.ask(&request(context), *document_id, ask, true).await {
                    Ok(answer) => ItemState::Answered(Box::new(answer)),
                    Err(ApiError::NotAnswered) if is_under_way => ItemState::Waiting,
                    Err(error) => ItemState::Failed(error),
                }
            }
        }
    }
}

/// The places of a node for batches and their questions.
pub(super) struct Places {
    batches: Arc<Semaphore>,
    questions: Arc<Semaphore>,
}

impl Default for Places {
    fn default() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Places { batches: places(BATCHES_AT_ONCE), questions: places(QUESTIONS_AT_ONCE) }
    }
}

impl Places {
    fn place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let retry_after_seconds = super::RETRY_AFTER_SECONDS;
        let full = |_| ApiError::Overloaded { queue: Queue::Questions, retry_after_seconds };
        self.batches.clone().try_acquire_owned().map_err(full)
    }
}

/// Answers the questions of one tenant's batch.
struct Worker {
    actors: Actors,
    tenant: String,
    top_k: usize,
}

impl Worker {
    async fn answer(&self, trace: Arc<str>, turns: &Semaphore, key: Key, etag: ETag, mut kept: Kept) {
        let until = Instant::now() + BATCH_TIME_MAX;
        let ask = |item: BatchItem| {
            let trace = trace.clone();
            async move {
                let BatchItem::Question { document_id, ask } = item else { return };
                let Ok(Ok(_turn)) = timeout_at(until, turns.acquire()).await else { return };
                let left = until.saturating_duration_since(Instant::now());
                let request = Request::new(trace, left.min(QUESTION_TIME_MAX));
                // The answer is found in the cache; a failure is found out again when the batch is shown.
                let answered = request.run(self.ask_until_taken(&request, document_id, &ask)).await;
                if let Ok(Err(error)) = answered {
                    tracing::info!(%error, "a question of a batch was not answered");
                }
            }
        };
        let questions: Vec<_> = kept.items.iter().cloned().map(ask).collect();
        let work = stream::iter(questions).buffer_unordered(QUESTIONS_AT_ONCE).collect::<Vec<()>>();
        tokio::pin!(work);
        let mut etag = Some(etag);
        while !kept.has_ended {
            tokio::select! {
                _ = &mut work => kept.has_ended = true,
                () = tokio::time::sleep(BEAT) => {}
            }
            kept.beat_ms = self.actors.intake.clock.now_ms();
            etag = self.write(&key, etag, &mut kept).await;
        }
    }

    /// Writes how a batch stands, and gives its version; what cannot be said now is said by the next beat, or by silence.
    async fn write(&self, key: &Key, etag: Option<ETag>, kept: &mut Kept) -> Option<ETag> {
        let store = &self.actors.intake.store;
        let etag = match etag {
            Some(etag) => etag,
            // The write before may have been made, or an erasure has taken questions out, which must stay out.
            None => {
                let found = store.get(key).await.ok().flatten()?;
                kept.items = sealed::open::<Kept>(&found.bytes).ok()?.items;
                found.etag
            }
        };
        let bytes = sealed::seal(kept).unwrap_or_default();
        match store.put_if(key, &etag, bytes).await {
            PutOutcome::Done(etag) => Some(etag),
            PutOutcome::Exists | PutOutcome::Changed => None,
            PutOutcome::Unknown(error) => {
                tracing::warn!(%error, "how a batch stands could not be written");
                None
            }
        }
    }

    /// Asks until a model has a place for the question: nobody waits in front of a screen for it.
    async fn ask_until_taken(
        &self,
        request: &Request,
        document_id: Option<Uuid>,
        ask: &Ask,
    ) -> Result<Answer, ApiError> {
        loop {
            match self.ask(request, document_id, ask, false).await {
                Err(ApiError::Overloaded { .. }) => tokio::time::sleep(ASK_AGAIN).await,
                outcome => return outcome,
            }
        }
    }

    async fn ask(
        &self,
        request: &Request,
        document_id: Option<Uuid>,
        ask: &Ask,
        only_remembered: bool,
    ) -> Result<Answer, ApiError> {
        let began = Instant::now();
        let (model, top_k) = (convert::choice(ask.model), ask.top_k.unwrap_or(self.top_k));
        let (tenant, question) = (self.tenant.clone(), ask.question.clone());
        let answered: Result<question::Answer, AskFailure> = match document_id {
            Some(id) => {
                let ask = question::Ask {
                    tenant,
                    document_id: DocumentId(*id.as_bytes()),
                    question,
                    model,
                    use_rules: ask.use_dkr,
                    top_k,
                    session_id: None,
                    earlier: Vec::new(),
                    only_remembered,
                    trial: None,
                    stream: None,
                };
                self.actors.router.ask(request, &ask).await
            }
            None => {
                let inquiry = Inquiry {
                    tenant,
                    question,
                    model,
                    use_rules: ask.use_dkr,
                    top_k,
                    filters: Vec::new(),
                    session_id: None,
                    earlier: Vec::new(),
                    only_remembered,
                    trial: None,
                };
                self.actors.router.query(request, &inquiry).await
            }
        };
        match answered {
            Ok(answer) => Ok(convert::answer(answer, true, began.elapsed())),
            Err(failure) => {
                Err(convert::ask_failure(failure, document_id.unwrap_or_default(), &self.actors.board))
            }
        }
    }
}

/// Removes some of the tenant's batches that are too old. What fails is tried again with the next batch.
async fn remove_old(store: &dyn ObjectStore, tenant: &str, now_ms: u64) {
    let Ok(listed) = store.list_after(&prefix(tenant), None, REMOVED_AT_ONCE).await else { return };
    for one in listed {
        let Ok(Some(head)) = store.head(&one.key).await else { continue };
        if now_ms.saturating_sub(head.modified_ms) > KEPT_MS {
            let _ = store.delete(&one.key).await;
        }
    }
}
