//! A product whose behaviour the test chooses by what it asks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_http::*;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

pub(crate) const KEY: &str = "key-of-ana-0123456789";
pub(crate) const OPERATOR_KEY: &str = "key-of-the-operator-0123";
pub(crate) const READY: &str = "00000000-0000-4000-8000-000000000001";
pub(crate) const READING: &str = "00000000-0000-4000-8000-000000000002";
pub(crate) const FAILED: &str = "00000000-0000-4000-8000-000000000003";
pub(crate) const MISSING: &str = "00000000-0000-4000-8000-000000000009";

#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) uploads: Mutex<Vec<(usize, UploadMeta)>>,
    pub(crate) begun: AtomicUsize,
    pub(crate) aborted: AtomicUsize,
    pub(crate) asked: Mutex<Vec<(Ask, Context)>>,
    pub(crate) cancelled: Notify,
    pub(crate) release: Notify,
    pub(crate) entered: Notify,
    pub(crate) batch: Mutex<Vec<BatchItem>>,
    pub(crate) knowledge: Mutex<Vec<crate::knowledge::Done>>,
    pub(crate) found: Mutex<Vec<Uuid>>,
    pub(crate) memory: Arc<SharedMemory>,
    pub(crate) ledger: Arc<Book>,
}

/// What nodes leave for each other; two servers may share one.
#[derive(Default)]
pub(crate) struct SharedMemory(Mutex<std::collections::HashMap<NoteKey, Bytes>>);

#[async_trait]
impl Memory for SharedMemory {
    async fn keep(&self, key: &NoteKey, value: Bytes, _: Duration) {
        self.0.lock().unwrap().insert(key.clone(), value);
    }

    async fn recall(&self, keys: &[NoteKey]) -> Vec<Option<Bytes>> {
        let kept = self.0.lock().unwrap();
        keys.iter().map(|key| kept.get(key).cloned()).collect()
    }
}

/// What was done under which key; `None` while it is being done.
#[derive(Default)]
pub(crate) struct Book(pub(crate) Mutex<std::collections::HashMap<OnceKey, Option<Done>>>);

#[async_trait]
impl Ledger for Book {
    async fn begin(&self, key: &OnceKey) -> Result<Begun, ApiError> {
        let mut book = self.0.lock().unwrap();
        match book.get(key) {
            Some(Some(done)) => Ok(Begun::Done(done.clone())),
            Some(None) => Ok(Begun::Running),
            None => {
                book.insert(key.clone(), None);
                let (key, holder) = (key.clone(), "h".to_owned());
                Ok(Begun::Fresh(Ticket { key, holder, may_have_happened: false }))
            }
        }
    }

    async fn renew(&self, _: &Ticket) -> Result<bool, ApiError> {
        Ok(true)
    }

    async fn finish(&self, ticket: &Ticket, done: Done) -> Result<(), ApiError> {
        self.0.lock().unwrap().insert(ticket.key.clone(), Some(done));
        Ok(())
    }

    async fn abandon(&self, ticket: &Ticket) {
        self.0.lock().unwrap().remove(&ticket.key);
    }
}

impl SharedMemory {
    pub(crate) fn forget(&self, name: &str) {
        self.0.lock().unwrap().retain(|key, _| key.name != name);
    }
}

struct Sink {
    fake: Arc<Shared>,
    bytes: usize,
    finished: bool,
}

#[async_trait]
impl UploadSink for Sink {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ApiError> {
        self.bytes += bytes.len();
        Ok(())
    }

    async fn finish(mut self: Box<Self>, meta: UploadMeta) -> Result<Accepted, ApiError> {
        self.finished = true;
        self.fake.0.uploads.lock().unwrap().push((self.bytes, meta));
        let document_id = Uuid::try_parse(READY).unwrap();
        Ok(Accepted { document_id, estimated_time_seconds: 7, duplicate: false })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !self.finished {
            self.fake.0.aborted.fetch_add(1, Ordering::SeqCst);
            self.fake.0.cancelled.notify_one();
        }
    }
}

pub(crate) struct Shared(pub(crate) Fake);

struct TellsWhenDropped(Arc<Shared>);

impl Drop for TellsWhenDropped {
    fn drop(&mut self) {
        self.0.0.cancelled.notify_one();
    }
}

pub(crate) struct Product(pub(crate) Arc<Shared>);

fn failure() -> Failure {
    Failure::new(FailureCode::Encrypted)
}

pub(crate) fn document(id: Uuid) -> Document {
    let status = match id.to_string().as_str() {
        READING => Status::Processing,
        FAILED => Status::Failed,
        _ => Status::Ready,
    };
    Document {
        id,
        filename: "ata.pdf".into(),
        status,
        page_count: Some(3),
        word_count: Some(812),
        template: Template::MeetingMinutes,
        template_reason: None,
        created_at: time::OffsetDateTime::UNIX_EPOCH,
        processed_at: None,
        failure: (status == Status::Failed).then(failure),
        sha256: "ab".repeat(32),
        size_bytes: 1234,
        metadata: serde_json::Map::new(),
        progress: progress(),
        pages: vec![PageReport {
            page: 1,
            method: Method::Ocr,
            words: 300,
            confidence: Some(0.93),
            warnings: vec![],
        }],
    }
}

fn progress() -> Progress {
    Progress { stage: Stage::Reading, pages_done: 1, pages_total: Some(3), remaining_seconds: Some(4) }
}

#[async_trait]
impl Api for Product {
    async fn begin_upload(&self, _: &Context) -> Result<Box<dyn UploadSink>, ApiError> {
        self.0.0.begun.fetch_add(1, Ordering::SeqCst);
        self.0.0.entered.notify_one();
        Ok(Box::new(Sink { fake: Arc::clone(&self.0), bytes: 0, finished: false }))
    }

    async fn document(&self, context: &Context, id: Uuid) -> Result<Document, ApiError> {
        assert_eq!(context.tenant.name(), "ana");
        assert!(context.deadline > tokio::time::Instant::now(), "its time was over before it began");
        if id.to_string() == MISSING { Err(ApiError::NotFound { id }) } else { Ok(document(id)) }
    }

    async fn documents(&self, _: &Context, query: ListQuery) -> Result<DocumentList, ApiError> {
        match query.cursor.as_deref() {
            None => {
                let documents = vec![document(Uuid::try_parse(READY).unwrap())];
                Ok(DocumentList { documents, next_cursor: Some("next-1".into()) })
            }
            Some("next-1") => Ok(DocumentList { documents: vec![], next_cursor: None }),
            Some(_) => Err(ApiError::UnknownCursor),
        }
    }

    async fn delete(&self, _: &Context, id: Uuid) -> Result<(), ApiError> {
        if id.to_string() == READING {
            let _told = TellsWhenDropped(Arc::clone(&self.0));
            self.0.0.entered.notify_one();
            self.0.0.release.notified().await;
        }
        if id.to_string() == MISSING { Err(ApiError::NotFound { id }) } else { Ok(()) }
    }

    async fn picture(&self, _: &Context, id: Uuid, picture: PagePicture) -> Result<Bytes, ApiError> {
        match (id.to_string().as_str(), picture.page) {
            (MISSING, _) => Err(ApiError::NotFound { id }),
            (_, page) if page > 3 => Err(ApiError::NoSuchPage { page, pages: 3 }),
            _ => Ok(Bytes::from_static(b"\x89PNG")),
        }
    }

    async fn retry(&self, _: &Context, id: Uuid) -> Result<(), ApiError> {
        match id.to_string().as_str() {
            MISSING => Err(ApiError::NotFound { id }),
            READY => Err(ApiError::NotFailed { id }),
            _ => Ok(()),
        }
    }

    async fn ask(&self, context: &Context, id: Uuid, ask: Ask) -> Result<Answer, ApiError> {
        self.0.0.asked.lock().unwrap().push((ask.clone(), context.clone()));
        match id.to_string().as_str() {
            MISSING => return Err(ApiError::NotFound { id }),
            READING => {
                return Err(ApiError::NotReady { status: Status::Processing, progress: Some(progress()) });
            }
            FAILED => return Err(ApiError::ReadingFailed(failure())),
            _ => {}
        }
        match ask.question.as_str() {
            "overloaded" => Err(ApiError::Overloaded { queue: Queue::Questions, retry_after_seconds: 3 }),
            "unavailable" => Err(ApiError::Unavailable {
                what: "shard 2".into(),
                retry_after_seconds: 2,
                source: Some("secret cause".into()),
            }),
            "internal" => {
                Err(ApiError::Internal { doing: "secret doing".into(), source: Some("secret cause".into()) })
            }
            "no model" => {
                let how_to_get = "rag-enabler models pull llama3-8b".into();
                Err(ApiError::ModelMissing { model: "llama3-8b".into(), how_to_get })
            }
            "long" => Ok(Answer {
                answer: "A assembleia elegeu a síndica por unanimidade. ".repeat(8),
                dkr_corrections: vec!["Regra 'nome': Resposta corrigida".into()],
                ..answer()
            }),
            "quarantined" => Err(ApiError::Quarantined { id }),
            "panic" => panic!("asked to panic"),
            "wait" => {
                let _told = TellsWhenDropped(Arc::clone(&self.0));
                self.0.0.entered.notify_one();
                self.0.0.release.notified().await;
                Ok(answer())
            }
            _ => Ok(answer()),
        }
    }

    async fn found(&self, _: &Context, _: Uuid, stream: Uuid) -> Option<Vec<Source>> {
        self.0.0.found.lock().unwrap().push(stream);
        Some(answer().sources)
    }

    fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.0.0.ledger) as Arc<dyn Ledger>
    }

    fn memory(&self) -> Arc<dyn Memory> {
        Arc::clone(&self.0.0.memory) as Arc<dyn Memory>
    }

    async fn health(&self) -> Health {
        let store = Component { status: Standing::Healthy, latency_ms: 1, detail: None };
        let components = BTreeMap::from([("store".to_owned(), store)]);
        Health { status: Standing::Healthy, version: "1.2.3".into(), components }
    }

    async fn ready(&self) -> Readiness {
        let ready = self.0.0.begun.load(Ordering::SeqCst) == 0;
        Readiness { ready, waiting_for: if ready { vec![] } else { vec!["the model".into()] } }
    }

    async fn inspect(&self) -> TreeNode {
        TreeNode {
            name: "node".into(),
            kind: "node".into(),
            state: "running".into(),
            restarts: 0,
            waiting: Some(0),
            waiting_max: Some(16),
            last_failure: None,
            facts: serde_json::Map::new(),
            children: vec![],
        }
    }
}

#[async_trait]
impl OperatorApi for Product {
    async fn operator_tree(&self, query: TreeQuery) -> Result<Value, ApiError> {
        Ok(serde_json::json!({ "under": query.under, "limit": query.limit, "nodes": [] }))
    }

    async fn operator_actor(&self, _: &str, path: &str) -> Result<Value, ApiError> {
        if path == "nobody" { Err(ApiError::NothingKnown) } else { Ok(serde_json::json!({ "actor": null })) }
    }

    async fn operator_shards(&self) -> Result<Value, ApiError> {
        Ok(serde_json::json!({ "shards": [] }))
    }

    async fn operator_failures(&self, _: Option<&str>, _: Option<&str>, _: usize) -> Result<Value, ApiError> {
        Ok(serde_json::json!({ "failures": [] }))
    }

    async fn operator_dead_letters(&self, _: usize) -> Result<Value, ApiError> {
        Ok(serde_json::json!({ "dead_letters": [] }))
    }

    async fn operator_stalled(&self, _: u64) -> Result<Value, ApiError> {
        Ok(serde_json::json!({ "documents": [] }))
    }

    async fn operator_where(&self, id: &str) -> Result<Value, ApiError> {
        if id == "nobody" { Err(ApiError::NothingKnown) } else { Ok(serde_json::json!({ "id": id })) }
    }

    async fn operator_actions(&self, _: usize) -> Result<Value, ApiError> {
        Ok(serde_json::json!({ "actions": [] }))
    }

    async fn operator_recurring(&self) -> Result<Value, ApiError> {
        Ok(serde_json::json!({ "jobs": [] }))
    }

    async fn operator_prompts(&self, version: Option<&str>) -> Result<Value, ApiError> {
        Ok(serde_json::json!({ "in_force": "v1", "version": version }))
    }

    async fn operator_put_prompt(&self, prompt: NewPrompt, by: &str) -> Result<Value, ApiError> {
        Ok(serde_json::json!({ "outcome": "done", "version": "p1", "note": prompt.note, "by": by }))
    }

    async fn operator_quality(&self, suite: Option<&str>) -> Result<Value, ApiError> {
        Ok(serde_json::json!({ "suites": [], "suite": suite }))
    }

    async fn operator_put_suite(
        &self,
        context: &Context,
        suite: NewSuite,
        _: &str,
    ) -> Result<Value, ApiError> {
        let questions = suite.questions.len();
        Ok(serde_json::json!({ "outcome": "done", "tenant": context.tenant.name(), "questions": questions }))
    }

    async fn operator_act(&self, action: Action, by: &str) -> Result<Value, ApiError> {
        if action.target.node.as_deref() == Some("forbidden") {
            return Err(ApiError::ActionsDisabled);
        }
        let outcome = if action.dry_run { "would_do" } else { "done" };
        Ok(serde_json::json!({ "id": "a1", "action": action.action, "by": by, "outcome": outcome }))
    }

    fn operator_watch(&self) -> Result<Box<dyn Watch>, ApiError> {
        Ok(Box::new(Ticking))
    }

    fn request_begins(&self, _: &Context) {}

    fn request_ended(&self, _: &Context, _: &'static str, _: Duration, _: bool) {}
}

/// Tells of one change whenever it is asked.
struct Ticking;

#[async_trait]
impl Watch for Ticking {
    async fn changes(&mut self) -> Vec<Change> {
        vec![Change { event: "actor".into(), data: serde_json::json!({ "path": "ocr" }) }]
    }
}

pub(crate) fn answer() -> Answer {
    Answer {
        answer: "Dalva Prestes.".into(),
        answered: true,
        confidence: 0.9,
        sources: vec![Source {
            document_id: None,
            filename: None,
            page: 3,
            text: "foi eleita síndica".into(),
            score: 0.8,
            start: 10,
            end: 28,
            boxes: vec![Region { x: 1.0, y: 2.0, width: 3.0, height: 4.0 }],
        }],
        dkr_applied: true,
        dkr_corrections: vec![],
        model_used: "tinyllama".into(),
        processing_time_ms: 5,
        cached: false,
        session_id: None,
    }
}

pub(crate) fn limits() -> Limits {
    Limits {
        upload_bytes_max: 100_000,
        uploads_max: 2,
        requests_max: 8,
        streams_max: 4,
        connections_max: 64,
        question_chars_max: 1000,
        request_time_max: Duration::from_secs(30),
        upload_time_max: Duration::from_secs(30),
        shutdown_time_max: Duration::from_secs(10),
    }
}

/// A server and a client of it; dropping it stops the server.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) client: Client,
    pub(crate) fake: Arc<Shared>,
    pub(crate) stop: CancellationToken,
    pub(crate) served: tokio::task::JoinHandle<bool>,
    _guard: DropGuard,
}

pub(crate) async fn server() -> Server {
    server_with(limits()).await
}

pub(crate) async fn server_with(limits: Limits) -> Server {
    serve_behind(limits, Door::default(), Arc::default()).await
}

/// A server on the threads of the test, whose clock it then shares when that is paused.
pub(crate) async fn server_in_place(limits: Limits) -> Server {
    begin(limits, Door::default(), Arc::default(), false).await
}

/// A server that shares its memory with others, as nodes do.
pub(crate) async fn server_beside(limits: Limits, memory: Arc<SharedMemory>) -> Server {
    serve_behind(limits, Door::default(), memory).await
}

/// A server behind `door`, which also knows [`KEY`].
pub(crate) async fn server_behind(door: Door) -> Server {
    serve_behind(limits(), door, Arc::default()).await
}

async fn serve_behind(limits: Limits, door: Door, memory: Arc<SharedMemory>) -> Server {
    begin(limits, door, memory, true).await
}

async fn begin(limits: Limits, door: Door, memory: Arc<SharedMemory>, is_apart: bool) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let fake = Arc::new(Shared(Fake { memory, ..Fake::default() }));
    let door = Door {
        ring: KeyRing::new([
            (KeyHash::of(KEY), Tenant::new("ana")),
            (KeyHash::of(OPERATOR_KEY), Tenant::new(OPERATOR_TENANT)),
        ]),
        ..door
    };
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let api = Arc::new(Product(Arc::clone(&fake)));
    let served = if is_apart {
        tokio::spawn(serve_apart(listener, api, door, limits, stopped).unwrap())
    } else {
        tokio::spawn(serve(listener, api, door, limits, stopped))
    };
    let client = Client::builder().no_proxy().build().unwrap();
    Server { url, client, fake, _guard: stop.clone().drop_guard(), stop, served }
}

impl Server {
    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url)).header("x-api-key", KEY)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).header("x-api-key", KEY)
    }

    pub(crate) fn ask(&self, question: &str) -> RequestBuilder {
        self.post(&format!("/v1/documents/{READY}/ask")).json(&serde_json::json!({ "question": question }))
    }
}

/// Sends a request that must be answered with a problem, checks everything that all problems share, and
/// gives its body.
pub(crate) async fn problem(request: RequestBuilder, status: u16, code: &str) -> Value {
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), status, "{:?}", response.text().await);
    assert_eq!(response.headers()["content-type"], "application/problem+json; charset=utf-8");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["type"], format!("/docs#{code}"));
    assert_eq!(body["request_id"], id);
    assert_eq!(body["error"], body["detail"]);
    assert!(!body["title"].as_str().unwrap().is_empty() && !body["detail"].as_str().unwrap().is_empty());
    assert!(!body["details"].as_array().unwrap().is_empty(), "{body}");
    body
}

pub(crate) fn details(body: &Value) -> Vec<&str> {
    body["details"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

/// A body that goes on for as long as the sender lives.
pub(crate) fn piped() -> (tokio::sync::mpsc::UnboundedSender<Vec<u8>>, reqwest::Body) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (Ok::<_, std::io::Error>(piece), receiver))
    });
    (sender, reqwest::Body::wrap_stream(pieces))
}
