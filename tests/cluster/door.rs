//! A client's way to one node: it outlives the node's process, and knows when nobody should come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode, multipart};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::harness::KEY;
use crate::node::is_problem;

/// How long a client waits for an answer: longer than a node looks for an owner (15 s) or waits for the store (30 s).
const PATIENCE: Duration = Duration::from_secs(45);
/// How long anything is waited for before it is called stuck.
pub(super) const STUCK_AFTER: Duration = Duration::from_secs(90);
/// The pause between two looks.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// What a node answered.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    /// When to come back, in seconds.
    pub(super) retry_after: Option<u64>,
}

impl Said {
    /// Whether it is a refusal that tells the client to come back later.
    pub(super) fn is_later(&self) -> bool {
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
#[derive(Clone)]
pub(super) struct Door {
    pub(super) name: String,
    place: Arc<Mutex<Place>>,
    http: Client,
}

impl Door {
    pub(super) fn new(name: &str) -> Self {
        let http = Client::builder().no_proxy().timeout(PATIENCE).connect_timeout(Duration::from_secs(2));
        let http = http.pool_max_idle_per_host(4).build().unwrap();
        Self { name: name.to_owned(), place: Arc::default(), http }
    }

    /// The node answers here from now on.
    pub(super) fn open(&self, url: &str) {
        let mut place = self.place.lock().unwrap();
        url.clone_into(&mut place.url);
        place.shut = false;
    }

    /// Nobody is sent here any more; requests under way end as they can.
    pub(super) fn shut(&self) {
        let mut place = self.place.lock().unwrap();
        place.shut = true;
        place.touched += 1;
    }

    /// Something was done that may fail requests which are under way.
    pub(super) fn touch(&self) {
        self.place.lock().unwrap().touched += 1;
    }

    /// Nobody new is sent here, and what is under way must still end well.
    pub(super) fn close_softly(&self) {
        self.place.lock().unwrap().shut = true;
    }

    pub(super) fn is_open(&self) -> bool {
        !self.place.lock().unwrap().shut
    }

    /// How often something was done to the node.
    pub(super) fn touched(&self) -> u64 {
        self.place.lock().unwrap().touched
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.place.lock().unwrap().url);
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

    pub(super) async fn upload(&self, name: &str, bytes: Vec<u8>) -> Option<Said> {
        let part = multipart::Part::bytes(bytes).file_name(name.to_owned());
        let form = multipart::Form::new().text("template", "generic").part("file", part);
        self.send(self.request(Method::POST, "/v1/documents").multipart(form)).await
    }

    pub(super) async fn document(&self, id: &str) -> Option<Said> {
        self.send(self.request(Method::GET, &format!("/v1/documents/{id}"))).await
    }

    pub(super) async fn delete(&self, id: &str) -> Option<Said> {
        self.send(self.request(Method::DELETE, &format!("/v1/documents/{id}"))).await
    }

    pub(super) async fn ask(&self, id: &str, question: &str) -> Option<Said> {
        let request = self.request(Method::POST, &format!("/v1/documents/{id}/ask"));
        self.send(request.json(&json!({ "question": question }))).await
    }

    /// A piece of the list of documents.
    pub(super) async fn list(&self, cursor: Option<&str>) -> Option<Said> {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        self.send(self.request(Method::GET, &format!("/v1/documents?limit=100{cursor}"))).await
    }

    pub(super) async fn is_ready(&self) -> bool {
        self.send(self.request(Method::GET, "/ready")).await.is_some_and(|said| said.status.is_success())
    }

    /// What the node's keeper sees of the cluster, as operators read it.
    pub(super) async fn note(&self, path: &str) -> Option<String> {
        let tree = self.send(self.request(Method::GET, "/v1/tree")).await?;
        let mut at = &tree.body;
        for name in path.split('/').skip(1) {
            at = at["children"].as_array()?.iter().find(|child| child["name"] == name)?;
        }
        at["facts"]["note"].as_str().map(str::to_owned)
    }

    /// The shards that the node says it owns, with their epochs.
    pub(super) async fn owns(&self) -> BTreeMap<u32, u64> {
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

    /// Uploads what must be taken; gives the document's id.
    pub(super) async fn accepted(&self, name: &str, bytes: Vec<u8>) -> String {
        let said = self.upload(name, bytes).await.unwrap_or_else(|| panic!("{} does not answer", self.name));
        assert_eq!(said.status, StatusCode::ACCEPTED, "{name} at {}: {}", self.name, said.body);
        said.body["document_id"].as_str().unwrap().to_owned()
    }

    /// The document once it is ready or failed; refusals that say "later" are waited out.
    pub(super) async fn settled(&self, id: &str) -> Value {
        let mut last = None;
        let settle = async {
            loop {
                match self.document(id).await {
                    Some(said) if said.status == StatusCode::OK && said.body["status"] != "processing" => {
                        return said.body;
                    }
                    Some(said) => {
                        let is_fine = said.status == StatusCode::OK || said.is_later();
                        assert!(is_fine, "document {id} at {}: {said:?}", self.name);
                        last = Some(said);
                    }
                    None => {}
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let settled = tokio::time::timeout(STUCK_AFTER, settle).await;
        settled.unwrap_or_else(|_| panic!("document {id} at {} stays as it is: {last:?}", self.name))
    }

    /// Every document of the list; refusals that say "later" are waited out.
    pub(super) async fn documents(&self) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        let until = Instant::now() + STUCK_AFTER;
        loop {
            let said = self.list(cursor.as_deref()).await;
            let Some(said) = said.filter(|said| said.status == StatusCode::OK) else {
                assert!(Instant::now() < until, "{} gives no list", self.name);
                tokio::time::sleep(POLL).await;
                continue;
            };
            all.extend(said.body["documents"].as_array().unwrap().iter().cloned());
            match said.body["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return all,
            }
        }
    }
}

/// Waits until `met` says so; `what` names it when it never does.
pub(super) async fn until(what: &str, mut met: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !met().await {
            tokio::time::sleep(POLL).await;
        }
    };
    assert!(tokio::time::timeout(STUCK_AFTER, wait).await.is_ok(), "it never came to this: {what}");
}
