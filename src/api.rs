//! Implements the HTTP API by sending messages to actors.

mod analysis;
mod batch;
mod convert;
mod knowledge;
mod operator;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_actors::documents::intake::{Arriving, IntakeError, Meta};
use enabler_actors::question;
use enabler_actors::router::{Found, LIST_MAX, RouteError};
use enabler_actors::topology::Actors;
use enabler_actors::wire::refusal;
use enabler_cluster::request::{Ended, Request};
use enabler_config::Settings;
use enabler_http::{
    Accepted, Answer, Api, ApiError, Ask, Component, Context, Document, DocumentList, Health, Ledger,
    ListQuery, Memory, NoteKey, PagePicture, Queue, Readiness, Source, Standing, TreeNode, UploadMeta,
    UploadSink,
};
use enabler_reading::{PageProblem, Picture};
use enabler_storage::cache;
use enabler_storage::record::DocumentId;
use enabler_telemetry::metrics;
use tokio::time::Instant;
use uuid::Uuid;

use crate::ledger::{Closed, StoreLedger};

/// When a client whose request found a full queue should come back.
const RETRY_AFTER_SECONDS: u64 = 2;

/// The actors while they run.
#[derive(Clone, Default)]
pub struct Started(Arc<RwLock<Option<Actors>>>);

impl Started {
    /// The actors run from now on, or no longer.
    pub fn set(&self, actors: Option<Actors>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = actors;
    }

    /// The actors, if they run.
    pub(crate) fn now(&self) -> Option<Actors> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The actors, for a request.
    fn get(&self) -> Result<Actors, ApiError> {
        self.now().ok_or_else(|| {
            metrics::HTTP_REFUSED.one(["starting"]);
            unavailable("the node, which is starting or stopping,")
        })
    }
}

/// The API of one node.
pub struct NodeApi {
    started: Started,
    models_dir: PathBuf,
    top_k: usize,
    batches: batch::Places,
}

impl NodeApi {
    /// The API of the node whose actors will be in `started`.
    pub fn new(settings: &Settings, started: Started) -> Self {
        NodeApi {
            started,
            models_dir: settings.models.dir.clone(),
            top_k: settings.retrieval.top_k,
            batches: batch::Places::default(),
        }
    }

    async fn find(&self, context: &Context, id: Uuid) -> Result<Found, ApiError> {
        let actors = self.started.get()?;
        let document = DocumentId(*id.as_bytes());
        let found = actors.router.document(&request(context), context.tenant.name(), document).await;
        found.map_err(|error| not_routed(error, id, Queue::Requests))
    }
}

/// Why the cluster did not do what was asked about document `id`.
fn not_routed(error: RouteError, id: Uuid, queue: Queue) -> ApiError {
    match error {
        RouteError::Unknown => ApiError::NotFound { id },
        RouteError::Overloaded => ApiError::Overloaded { queue, retry_after_seconds: RETRY_AFTER_SECONDS },
        RouteError::Unavailable(what) => unavailable(&what),
        RouteError::Ended(Ended::TimedOut | Ended::Cancelled) => ApiError::Deadline,
        error @ RouteError::NotRecorded(_) => ApiError::Unavailable {
            what: "the shard log".to_owned(),
            retry_after_seconds: RETRY_AFTER_SECONDS,
            source: Some(error.into()),
        },
        error @ RouteError::Refused(..) => internal("asking the owner of the document", error),
    }
}

fn request(context: &Context) -> Request {
    Request {
        deadline: context.deadline,
        trace: context.trace_id.clone(),
        cancel: context.cancel.token().clone(),
    }
}

fn unavailable(what: &str) -> ApiError {
    ApiError::Unavailable { what: what.to_owned(), retry_after_seconds: RETRY_AFTER_SECONDS, source: None }
}

fn internal(doing: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApiError {
    ApiError::Internal { doing: doing.to_owned(), source: Some(error.into()) }
}

#[async_trait]
impl Api for NodeApi {
    async fn begin_upload(&self, context: &Context) -> Result<Box<dyn UploadSink>, ApiError> {
        let actors = self.started.get()?;
        let arriving = actors.intake.begin().await.map_err(|error| internal("beginning an upload", error))?;
        Ok(Box::new(Sink { arriving: Some(arriving), actors: actors.clone(), context: context.clone() }))
    }

    async fn document(&self, context: &Context, id: Uuid) -> Result<Document, ApiError> {
        let found = self.find(context, id).await?;
        Ok(convert::document(&found.record, found.progress, &self.started.get()?.board, true))
    }

    async fn documents(&self, context: &Context, query: ListQuery) -> Result<DocumentList, ApiError> {
        let actors = self.started.get()?;
        let after = query.cursor.as_deref().map(convert::cursor).transpose()?;
        let limit = query.limit.min(LIST_MAX);
        let listed =
            actors.router.documents(&request(context), context.tenant.name(), after, limit + 1).await;
        let mut records = listed.map_err(|error| not_routed(error, Uuid::nil(), Queue::Requests))?;
        let more = records.len() > limit;
        records.truncate(limit);
        let next = records.last().filter(|_| more).map(convert::cursor_after);
        let board = &actors.board;
        let document = |record| convert::document(record, board.of(record.document_id), board, false);
        Ok(DocumentList { documents: records.iter().map(document).collect(), next_cursor: next })
    }

    async fn delete(&self, context: &Context, id: Uuid) -> Result<(), ApiError> {
        let actors = self.started.get()?;
        let document = DocumentId(*id.as_bytes());
        let deleted =
            actors.router.delete(&request(context), context.tenant.name(), document, "requested").await;
        deleted.map_err(|error| not_routed(error, id, Queue::Requests))
    }

    async fn picture(&self, context: &Context, id: Uuid, picture: PagePicture) -> Result<Bytes, ApiError> {
        let actors = self.started.get()?;
        let record = self.find(context, id).await?.record;
        let pages = record.status.page_count;
        if pages != 0 && picture.page > pages {
            return Err(ApiError::NoSuchPage { page: picture.page, pages });
        }
        let drawn = Picture { number: picture.page, dpi: picture.dpi, marks: picture.marks };
        let outcome = actors.crew.draw(&request(context), &record.original, &drawn).await;
        // Drawing takes a while; the document may have been deleted meanwhile.
        self.find(context, id).await?;
        match outcome.map_err(convert::not_drawn)? {
            Ok(png) => Ok(png.into()),
            Err(PageProblem::NoSuchPage { number, pages }) => {
                Err(ApiError::NoSuchPage { page: number, pages })
            }
            Err(problem) => Err(ApiError::ReadingFailed(convert::undrawable(&problem))),
        }
    }

    async fn retry(&self, context: &Context, id: Uuid) -> Result<(), ApiError> {
        let actors = self.started.get()?;
        let document = DocumentId(*id.as_bytes());
        let retried = actors.router.retry(&request(context), context.tenant.name(), document).await;
        retried.map_err(|error| match error {
            RouteError::Refused(refusal::NOT_FAILED, _) => ApiError::NotFailed { id },
            RouteError::Refused(refusal::ALREADY_THERE, other) => {
                ApiError::AlreadyThere { id: Uuid::try_parse(&other).unwrap_or_default() }
            }
            error => not_routed(error, id, Queue::Reading),
        })
    }

    async fn ask(&self, context: &Context, id: Uuid, ask: Ask) -> Result<Answer, ApiError> {
        let actors = self.started.get()?;
        let began = Instant::now();
        let (include_sources, top_k) = (ask.include_sources, ask.top_k.unwrap_or(self.top_k));
        let asked = question::Ask {
            tenant: context.tenant.name().to_owned(),
            document_id: DocumentId(*id.as_bytes()),
            question: ask.question,
            model: convert::choice(ask.model),
            use_rules: ask.use_dkr,
            top_k,
            stream: ask.stream.map(|stream| stream.to_string()),
            session_id: ask.session_id.clone(),
            earlier: Vec::new(),
            only_remembered: false,
            trial: None,
        };
        match actors.router.ask(&request(context), &asked).await {
            Ok(answer) => {
                let answer = convert::answer(answer, include_sources, began.elapsed());
                Ok(Answer { session_id: ask.session_id, ..answer })
            }
            Err(failure) => Err(convert::ask_failure(failure, id, &actors.board)),
        }
    }

    async fn found(&self, context: &Context, id: Uuid, stream: Uuid) -> Option<Vec<Source>> {
        let actors = self.started.now()?;
        let document = DocumentId(*id.as_bytes());
        let found =
            question::found(&*actors.cache, context.tenant.name(), document, &stream.to_string()).await?;
        Some(convert::sources(found))
    }

    fn memory(&self) -> Arc<dyn Memory> {
        Arc::new(SharedMemory(self.started.clone()))
    }

    fn ledger(&self) -> Arc<dyn Ledger> {
        match self.started.now() {
            Some(actors) => {
                let (store, clock) = (actors.intake.store.clone(), actors.intake.clock.clone());
                Arc::new(StoreLedger { store, clock, chance: actors.intake.chance.clone() })
            }
            None => Arc::new(Closed),
        }
    }

    async fn health(&self) -> Health {
        let began = Instant::now();
        let mut components = BTreeMap::new();
        let mut add = |name: &str, wrong: Option<String>, standing: Standing| {
            let status = if wrong.is_some() { standing } else { Standing::Healthy };
            let latency_ms = began.elapsed().as_millis() as u64;
            components.insert(name.to_owned(), Component { status, latency_ms, detail: wrong });
        };
        match self.started.now() {
            None => add("node", Some("starting".to_owned()), Standing::Unhealthy),
            Some(actors) => {
                let store = actors.intake.store.list_after("v1/", None, 1).await;
                add("store", store.err().map(|error| error.to_string()), Standing::Unhealthy);
                let damaged = actors.findings.get();
                let damage =
                    damaged.first().map(|first| format!("{} damaged objects; {first}", damaged.len()));
                add("objects", damage, Standing::Degraded);
                let missing = actors.router.table.ownerless();
                let shards = (missing > 0).then(|| format!("{missing} shards have no owner"));
                add("shards", shards, Standing::Unhealthy);
                let here = actors.crew.here();
                if let Some((_, embedder)) = &here.embedding {
                    add("embedding", embedder.model().err().map(first_line), Standing::Degraded);
                }
                let writer = match actors.writer.as_ref().map(enabler_actors::model::Standing::get) {
                    None if here.hosts.is_none() => None,
                    None => Some(format!("no language model in {}", self.models_dir.display())),
                    Some(None) => Some("the language model is being loaded".to_owned()),
                    Some(Some(loaded)) => loaded.err(),
                };
                add("generation", writer.map(first_line), Standing::Degraded);
                let cache = actors.cache.is_up().await;
                add("cache", (!cache).then(|| "it does not answer".to_owned()), Standing::Degraded);
                if let Some((queue, ..)) = &here.reading {
                    let (waiting, places) = queue.depth();
                    let full = (waiting >= places).then(|| format!("{waiting} pages wait"));
                    add("ocr", full, Standing::Degraded);
                }
            }
        }
        let status = components.values().map(|part| part.status).max().unwrap_or(Standing::Healthy);
        Health { status, version: env!("CARGO_PKG_VERSION").to_owned(), components }
    }

    async fn ready(&self) -> Readiness {
        let mut waiting_for = Vec::new();
        match self.started.now() {
            None => waiting_for.push("the actors are starting".to_owned()),
            Some(actors) => {
                let missing = actors.router.table.ownerless();
                if missing > 0 {
                    waiting_for.push(format!("{missing} shards have no owner yet"));
                } else if actors.router.is_cut_off() {
                    waiting_for.push("no owner of any shard can be reached".to_owned());
                }
                let here = actors.crew.here();
                waiting_for.extend(here.embedding.as_ref().and_then(|(_, embedder)| embedder.model().err()));
                match actors.writer.as_ref().map(enabler_actors::model::Standing::get) {
                    None if here.hosts.is_none() => {}
                    None => waiting_for.push(format!(
                        "no language model is installed in {}; run `rag-enabler models pull default`",
                        self.models_dir.display()
                    )),
                    Some(None) => waiting_for.push("the language model is being loaded".to_owned()),
                    Some(Some(loaded)) => waiting_for.extend(loaded.err()),
                }
            }
        }
        Readiness { ready: waiting_for.is_empty(), waiting_for }
    }

    async fn inspect(&self) -> TreeNode {
        match self.started.now() {
            Some(actors) => convert::tree(&actors.tree.vitals()),
            None => convert::tree(&[]),
        }
    }
}

/// What requests leave for others, in the cache that all nodes share.
struct SharedMemory(Started);

fn cache_key(key: &NoteKey) -> String {
    let document = key.document.map(|id| DocumentId(*id.as_bytes()));
    cache::stream_key(key.tenant.name(), document, &key.stream.to_string(), &key.name)
}

#[async_trait]
impl Memory for SharedMemory {
    async fn keep(&self, key: &NoteKey, value: Bytes, ttl: Duration) {
        if let Some(actors) = self.0.now() {
            actors.cache.put(&cache_key(key), value, ttl).await;
        }
    }

    async fn recall(&self, keys: &[NoteKey]) -> Vec<Option<Bytes>> {
        let Some(actors) = self.0.now() else { return vec![None; keys.len()] };
        let keys: Vec<String> = keys.iter().map(cache_key).collect();
        actors.cache.get_many(&keys).await
    }
}

fn first_line(text: String) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

struct Sink {
    arriving: Option<Arriving>,
    actors: Actors,
    context: Context,
}

fn not_taken(error: IntakeError) -> ApiError {
    match error {
        IntakeError::Route(error) => not_routed(error, Uuid::nil(), Queue::Uploads),
        error @ (IntakeError::Spool(_) | IntakeError::Store(_) | IntakeError::Silent) => {
            ApiError::Unavailable {
                what: "the object store".to_owned(),
                retry_after_seconds: RETRY_AFTER_SECONDS,
                source: Some(error.into()),
            }
        }
    }
}

#[async_trait]
impl UploadSink for Sink {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ApiError> {
        match &mut self.arriving {
            Some(arriving) => arriving.write(&bytes).await.map_err(not_taken),
            None => Err(unavailable("the upload, which has ended")),
        }
    }

    async fn finish(mut self: Box<Self>, meta: UploadMeta) -> Result<Accepted, ApiError> {
        let arriving = self.arriving.take().ok_or_else(|| unavailable("the upload, which has ended"))?;
        let meta = Meta {
            tenant: self.context.tenant.name().to_owned(),
            filename: meta.filename,
            template: meta.template.name().to_owned(),
            metadata_json: serde_json::Value::Object(meta.metadata).to_string(),
        };
        let template = meta.template.clone();
        let taken = arriving.finish(&request(&self.context), meta).await.map_err(not_taken)?;
        let estimated_time_seconds = self.actors.board.estimate_seconds(taken.size_bytes);
        if !taken.is_duplicate {
            let told = Duration::from_secs(estimated_time_seconds);
            metrics::INGEST_ESTIMATED_SECONDS.took([&template], told);
        }
        Ok(Accepted {
            document_id: Uuid::from_bytes(taken.document_id.0),
            estimated_time_seconds,
            duplicate: taken.is_duplicate,
        })
    }
}
