//! Implements the HTTP API by sending messages to actors.

mod convert;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use enabler_actors::documents::document::{Command, CommandError};
use enabler_actors::documents::intake::{Arriving, IntakeError, Meta};
use enabler_actors::question;
use enabler_actors::topology::Actors;
use enabler_cluster::address::{AskError, Refusal};
use enabler_cluster::request::{Ended, Request};
use enabler_config::Settings;
use enabler_http::{
    Accepted, Answer, Api, ApiError, Ask, Component, Context, Document, DocumentList, Health, ListQuery,
    Queue, Readiness, Standing, TreeNode, UploadMeta, UploadSink,
};
use enabler_storage::record::{DocumentId, DocumentRecord};
use enabler_storage::shard::listing_cursor;
use tokio::time::Instant;
use uuid::Uuid;

/// When a client whose request found a full queue should come back.
const RETRY_AFTER_SECONDS: u64 = 2;
/// The most documents in one list.
const LIST_MAX: usize = 100;

/// The actors, once they run.
#[derive(Clone, Default)]
pub struct Started(Arc<OnceLock<Actors>>);

impl Started {
    /// The actors run from now on.
    pub fn set(&self, actors: Actors) {
        let _ = self.0.set(actors);
    }

    fn get(&self) -> Result<&Actors, ApiError> {
        self.0.get().ok_or_else(|| unavailable("the node, which is starting"))
    }
}

/// The API of one node.
pub struct NodeApi {
    started: Started,
    models_dir: PathBuf,
    top_k: usize,
}

impl NodeApi {
    /// The API of the node whose actors will be in `started`.
    pub fn new(settings: &Settings, started: Started) -> Self {
        NodeApi { started, models_dir: settings.models.dir.clone(), top_k: settings.retrieval.top_k }
    }

    async fn record(&self, context: &Context, id: Uuid) -> Result<DocumentRecord, ApiError> {
        let actors = self.started.get()?;
        let document = DocumentId(*id.as_bytes());
        let index = actors.shards.index(document).ok_or_else(|| unavailable("the shard"))?;
        let found = tokio::task::spawn_blocking(move || index.document(document)).await;
        let found = found.map_err(|error| internal("reading a document", error))?;
        let found = found.map_err(|error| {
            if error.is_damage() {
                actors.shards.damaged(document, error.to_string());
                unavailable("the shard, whose index is being rebuilt")
            } else {
                internal("reading a document", error)
            }
        })?;
        let now_ms = actors.intake.clock.now_ms();
        let mine = |record: &DocumentRecord| record.tenant == context.tenant.name() && record.is_live(now_ms);
        found.filter(mine).ok_or(ApiError::NotFound { id })
    }
}

fn request(context: &Context) -> Request {
    Request { deadline: context.deadline, trace: context.trace_id.clone(), cancel: context.cancel.clone() }
}

fn unavailable(what: &str) -> ApiError {
    ApiError::Unavailable { what: what.to_owned(), retry_after_seconds: RETRY_AFTER_SECONDS, source: None }
}

fn internal(doing: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApiError {
    ApiError::Internal { doing: doing.to_owned(), source: Some(error.into()) }
}

fn unanswered(error: AskError, queue: Queue) -> ApiError {
    match error {
        AskError::Refused(Refusal::Full { .. }) => {
            ApiError::Overloaded { queue, retry_after_seconds: RETRY_AFTER_SECONDS }
        }
        AskError::Refused(Refusal::Down { path }) | AskError::Lost { path } => unavailable(&path),
        AskError::Ended(Ended::TimedOut | Ended::Cancelled) => ApiError::Deadline,
    }
}

#[async_trait]
impl Api for NodeApi {
    async fn begin_upload(&self, context: &Context) -> Result<Box<dyn UploadSink>, ApiError> {
        let actors = self.started.get()?;
        let arriving = actors.intake.begin().await.map_err(|error| internal("beginning an upload", error))?;
        Ok(Box::new(Sink { arriving: Some(arriving), actors: actors.clone(), context: context.clone() }))
    }

    async fn document(&self, context: &Context, id: Uuid) -> Result<Document, ApiError> {
        let record = self.record(context, id).await?;
        Ok(convert::document(&record, &self.started.get()?.board, true))
    }

    async fn documents(&self, context: &Context, query: ListQuery) -> Result<DocumentList, ApiError> {
        let actors = self.started.get()?;
        let after = query.cursor.as_deref().map(convert::cursor).transpose()?;
        let (indexes, tenant) = (actors.shards.indexes(), context.tenant.name().to_owned());
        if actors.shards.missing() > 0 {
            return Err(unavailable("a shard"));
        }
        let (limit, now_ms) = (query.limit.min(LIST_MAX), actors.intake.clock.now_ms());
        let list = move || -> Result<Vec<DocumentRecord>, enabler_storage::shard::ShardError> {
            let mut all = Vec::new();
            let cursor = after.map(|(created_ms, id)| listing_cursor(&tenant, created_ms, id));
            for index in indexes {
                all.extend(index.documents(&tenant, cursor.as_deref(), limit + 1)?.documents);
            }
            all.retain(|record| record.is_live(now_ms));
            all.sort_by_key(|record| (std::cmp::Reverse(record.created_ms), record.document_id));
            Ok(all)
        };
        let listed = tokio::task::spawn_blocking(list).await.map_err(|error| internal("listing", error))?;
        let mut records = listed.map_err(|error| internal("listing documents", error))?;
        let more = records.len() > limit;
        records.truncate(limit);
        let next = records.last().filter(|_| more).map(convert::cursor_after);
        let documents =
            records.iter().map(|record| convert::document(record, &actors.board, false)).collect();
        Ok(DocumentList { documents, next_cursor: next })
    }

    async fn delete(&self, context: &Context, id: Uuid) -> Result<(), ApiError> {
        let record = self.record(context, id).await?;
        let actors = self.started.get()?;
        let reason = "requested".to_owned();
        let delete = |reply| Command::Delete { reason, reply };
        let deleted = actors.shards.command(&request(context), record.document_id, delete).await;
        match deleted.map_err(|error| unanswered(error, Queue::Requests))? {
            Ok(()) => Ok(()),
            Err(CommandError::Unknown) => Err(ApiError::NotFound { id }),
            Err(error @ CommandError::NotRecorded(_)) => Err(ApiError::Unavailable {
                what: "the shard log".to_owned(),
                retry_after_seconds: RETRY_AFTER_SECONDS,
                source: Some(error.into()),
            }),
        }
    }

    async fn ask(&self, context: &Context, id: Uuid, ask: Ask) -> Result<Answer, ApiError> {
        let actors = self.started.get()?;
        let began = Instant::now();
        let (include_sources, top_k) = (ask.include_sources, ask.top_k.unwrap_or(self.top_k));
        let ask = question::Ask {
            tenant: context.tenant.name().to_owned(),
            document_id: DocumentId(*id.as_bytes()),
            question: ask.question,
            model: convert::choice(ask.model),
            use_rules: ask.use_dkr,
            top_k,
        };
        match actors.desk.answer(&request(context), &ask).await {
            Ok(answer) => Ok(convert::answer(answer, include_sources, began.elapsed())),
            Err(failure) => Err(convert::ask_failure(failure, id, &actors.board)),
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
        match self.started.get() {
            Err(_) => add("node", Some("starting".to_owned()), Standing::Unhealthy),
            Ok(actors) => {
                let store = actors.intake.store.list_after("v1/", None, 1).await;
                add("store", store.err().map(|error| error.to_string()), Standing::Unhealthy);
                let damaged = actors.findings.get();
                let damage =
                    damaged.first().map(|first| format!("{} damaged objects; {first}", damaged.len()));
                add("objects", damage, Standing::Degraded);
                let missing = actors.shards.missing();
                let shards = (missing > 0).then(|| format!("{missing} shards do not serve"));
                add("shards", shards, Standing::Unhealthy);
                add("embedding", actors.desk.embedder.model().err().map(first_line), Standing::Degraded);
                let writer = match actors.writer.as_ref().map(enabler_actors::model::Standing::get) {
                    None => Some(format!("no language model in {}", self.models_dir.display())),
                    Some(None) => Some("the language model is being loaded".to_owned()),
                    Some(Some(loaded)) => loaded.err(),
                };
                add("generation", writer.map(first_line), Standing::Degraded);
                let cache = actors.desk.cache.is_up().await;
                add("cache", (!cache).then(|| "it does not answer".to_owned()), Standing::Degraded);
                let (waiting, places) = actors.ocr.depth();
                let full = (waiting >= places).then(|| format!("{waiting} pages wait"));
                add("ocr", full, Standing::Degraded);
            }
        }
        let status = components.values().map(|part| part.status).max().unwrap_or(Standing::Healthy);
        Health { status, version: env!("CARGO_PKG_VERSION").to_owned(), components }
    }

    async fn ready(&self) -> Readiness {
        let mut waiting_for = Vec::new();
        match self.started.get() {
            Err(_) => waiting_for.push("the actors are starting".to_owned()),
            Ok(actors) => {
                let missing = actors.shards.missing();
                if missing > 0 {
                    waiting_for.push(format!("{missing} shards replay their log"));
                }
                waiting_for.extend(actors.desk.embedder.model().err());
                match actors.writer.as_ref().map(enabler_actors::model::Standing::get) {
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
        match self.started.get() {
            Ok(actors) => convert::tree(&actors.tree.vitals()),
            Err(_) => convert::tree(&[]),
        }
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
        IntakeError::Handover(error) => unanswered(error, Queue::Uploads),
        error @ (IntakeError::Spool(_) | IntakeError::Store(_) | IntakeError::Record(_)) => {
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
        let taken = arriving.finish(&request(&self.context), meta).await.map_err(not_taken)?;
        Ok(Accepted {
            document_id: Uuid::from_bytes(taken.document_id.0),
            estimated_time_seconds: self.actors.board.estimate_seconds(taken.size_bytes),
            duplicate: taken.is_duplicate,
        })
    }
}
