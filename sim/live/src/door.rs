//! A client's way to one node: it outlives the node's process, and knows when nobody should come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode, multipart};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cluster::KEY;

/// How long a client waits for an answer: longer than a node looks for an owner (15 s) or waits for the store (30 s).
const PATIENCE: Duration = Duration::from_secs(45);
/// How long anything is waited for before it is called stuck.
pub const STUCK_AFTER: Duration = Duration::from_secs(90);
/// The pause between two looks.
pub const POLL: Duration = Duration::from_millis(50);

/// What a node answered.
#[derive(Debug, Clone)]
pub struct Said {
    /// Of HTTP.
    pub status: StatusCode,
    /// JSON; null when it was none.
    pub body: Value,
    /// When to come back, in seconds.
    pub retry_after: Option<u64>,
}

impl Said {
    /// Whether it is a refusal that tells the client to come back later.
    #[must_use]
    pub fn is_later(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
            && self.retry_after.is_some()
            && is_problem(self.status, &self.body)
    }
}

#[derive(Debug, Default)]
struct Place {
    url: String,
    /// Nobody is sent here: the node is down, or leaves.
    shut: bool,
    /// Rises whenever something is done to the node: requests that were under way then may fail.
    touched: u64,
}

/// A client's way to one node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Door {
    /// The node's name.
    pub name: String,
    place: Arc<Mutex<Place>>,
    http: Client,
}

impl Door {
    /// The way to a node that does not answer yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let http = Client::builder().no_proxy().timeout(PATIENCE).connect_timeout(Duration::from_secs(2));
        // Without a client of these settings, one with the usual ones serves as well.
        let http = http.pool_max_idle_per_host(4).build().unwrap_or_default();
        Self { name: name.to_owned(), place: Arc::default(), http }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node answers here from now on.
    pub fn open(&self, url: &str) {
        let mut place = self.place();
        url.clone_into(&mut place.url);
        place.shut = false;
    }

    /// Nobody is sent here any more; requests under way end as they can.
    pub fn shut(&self) {
        let mut place = self.place();
        place.shut = true;
        place.touched += 1;
    }

    /// Something was done that may fail requests which are under way.
    pub fn touch(&self) {
        self.place().touched += 1;
    }

    /// Nobody new is sent here, and what is under way must still end well.
    pub fn close_softly(&self) {
        self.place().shut = true;
    }

    /// Whether anybody is sent here.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.place().shut
    }

    /// How often something was done to the node.
    #[must_use]
    pub fn touched(&self) -> u64 {
        self.place().touched
    }

    /// A request with the key, for what the methods below do not ask.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.place().url);
        self.http.request(method, url).header("x-api-key", KEY)
    }

    /// What the node answers; `None` when there is no answer.
    async fn send(&self, request: RequestBuilder) -> Option<Said> {
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let retry_after =
            answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = answer.bytes().await.ok()?;
        Some(Said { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null), retry_after })
    }

    /// Uploads a file; `None` when there is no answer, as below.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Option<Said> {
        let part = multipart::Part::bytes(bytes).file_name(name.to_owned());
        let form = multipart::Form::new().text("template", "generic").part("file", part);
        self.send(self.request(Method::POST, "/v1/documents").multipart(form)).await
    }

    /// The state of a document.
    pub async fn document(&self, id: &str) -> Option<Said> {
        self.send(self.request(Method::GET, &format!("/v1/documents/{id}"))).await
    }

    /// Deletes a document.
    pub async fn delete(&self, id: &str) -> Option<Said> {
        self.send(self.request(Method::DELETE, &format!("/v1/documents/{id}"))).await
    }

    /// Asks about a document.
    pub async fn ask(&self, id: &str, question: &str) -> Option<Said> {
        let request = self.request(Method::POST, &format!("/v1/documents/{id}/ask"));
        self.send(request.json(&json!({ "question": question }))).await
    }

    /// A piece of the list of documents.
    pub async fn list(&self, cursor: Option<&str>) -> Option<Said> {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        self.send(self.request(Method::GET, &format!("/v1/documents?limit=100{cursor}"))).await
    }

    /// Whether the node says that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.send(self.request(Method::GET, "/ready")).await.is_some_and(|said| said.status.is_success())
    }

    /// What the node's keeper sees of the cluster, as operators read it.
    pub async fn note(&self, path: &str) -> Option<String> {
        let tree = self.send(self.request(Method::GET, "/v1/tree")).await?;
        let mut at = &tree.body;
        for name in path.split('/').skip(1) {
            at = at["children"].as_array()?.iter().find(|child| child["name"] == name)?;
        }
        at["facts"]["note"].as_str().map(str::to_owned)
    }

    /// The shards that the node says it owns, with their epochs.
    pub async fn owns(&self) -> BTreeMap<u32, u64> {
        let Some(tree) = self.send(self.request(Method::GET, "/v1/tree")).await else {
            return BTreeMap::new();
        };
        let shards =
            tree.body["children"].as_array().into_iter().flatten().find(|child| child["name"] == "shards");
        let shards = shards.and_then(|shards| shards["children"].as_array()).into_iter().flatten();
        let owned = shards.filter_map(|shard| {
            let number = shard["name"].as_str()?.strip_prefix("shard-")?.parse().ok()?;
            let epoch = shard["facts"]["note"].as_str()?.strip_prefix("owner, epoch ")?.split(',').next()?;
            Some((number, epoch.parse().ok()?))
        });
        owned.collect()
    }

    /// The document once it is ready or failed; refusals that say "later" are waited out. Otherwise what is wrong.
    pub async fn until_settled(&self, id: &str) -> Result<Value, String> {
        let mut last = None;
        let settle = async {
            loop {
                match self.document(id).await {
                    Some(said) if said.status == StatusCode::OK && said.body["status"] != "processing" => {
                        return Ok(said.body);
                    }
                    Some(said) if said.status == StatusCode::OK || said.is_later() => last = Some(said),
                    Some(said) => return Err(format!("document {id} at {}: {said:?}", self.name)),
                    None => {}
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let settled = tokio::time::timeout(STUCK_AFTER, settle).await;
        settled.unwrap_or_else(|_| Err(format!("document {id} at {} stays as it is: {last:?}", self.name)))
    }

    /// Every document of the list; refusals that say "later" are waited out. Otherwise what is wrong.
    pub async fn all_documents(&self) -> Result<Vec<Value>, String> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        let until = Instant::now() + STUCK_AFTER;
        loop {
            let said = self.list(cursor.as_deref()).await;
            let Some(said) = said.filter(|said| said.status == StatusCode::OK) else {
                if Instant::now() > until {
                    return Err(format!("{} gives no list", self.name));
                }
                tokio::time::sleep(POLL).await;
                continue;
            };
            all.extend(said.body["documents"].as_array().into_iter().flatten().cloned());
            match said.body["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(all),
            }
        }
    }
}

/// Whether a refusal is one that a client can understand.
#[must_use]
pub fn is_problem(status: StatusCode, body: &Value) -> bool {
    let says = |field: &str| body[field].as_str().is_some_and(|text| !text.is_empty());
    !status.is_success()
        && body["status"] == status.as_u16()
        && says("code")
        && says("detail")
        && says("title")
}
