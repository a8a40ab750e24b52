//! Talks to a node: finds its address and key, sends requests, and turns refusals into sentences.

use std::path::Path;
use std::time::Duration;

use enabler_config::{Loaded, Secret};
use reqwest::{Method, RequestBuilder, multipart};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::io::ReaderStream;

use super::arguments::Common;
use super::failure::{Failure, Refusal};
use super::{key, node_file};

/// How long a node may take to accept a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a request may take: longer than any node's own deadline for one.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(3_700);
/// How often a request that was turned away for overload or for a limit is sent again.
const ATTEMPTS_MAX: u32 = 10;
/// How often an upload whose connection broke is sent again.
const CUTS_MAX: u32 = 6;
/// The longest pause between two of them, whatever the node says.
const PAUSE_SECONDS_MAX: u64 = 30;

/// A node that can be asked.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    key: Secret,
}

/// Finds the node: the flag, else the environment, else the node that serves the data directory.
pub(crate) fn connect(common: &Common, loaded: &Loaded) -> Result<Client, Failure> {
    let dir = &loaded.merged.settings.data.dir;
    let named = common.url.clone().or_else(|| loaded.url.clone());
    let url = match named.or_else(|| node_file::read(dir).map(|node| node.url)) {
        Some(url) => url,
        None => return Err(Failure::NoNode { dir: dir.clone() }),
    };
    let found = match (&common.key_file, &loaded.merged.key) {
        (Some(file), _) => key::read(file)?.ok_or_else(|| Failure::NoKey { path: file.clone() })?,
        (None, Some(key)) => key.clone(),
        (None, None) => {
            let path = key::path(dir);
            key::read(&path)?.ok_or(Failure::NoKey { path })?
        }
    };
    Client::new(&url, found)
}

impl Client {
    /// A client of the node at `url`.
    pub(crate) fn new(url: &str, key: Secret) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/').to_owned();
        if reqwest::Url::parse(&url).is_err() {
            return Err(Failure::Plain(format!("{url:?} is no address such as http://127.0.0.1:8080")));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(REQUEST_TIME_MAX)
            .user_agent(concat!("rag-enabler/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::Plain(format!("starting the HTTP client: {error}")))?;
        Ok(Self { http, url, key })
    }

    /// Where the node answers.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a file; `sent` is told the bytes that went out since it was last told.
    pub(crate) async fn upload(
        &self,
        path: &Path,
        template: &str,
        metadata: Option<&str>,
        sent: impl Fn(u64) + Send + Sync + Clone + 'static,
    ) -> Result<Value, Failure> {
        let doing = || format!("reading {}", path.display());
        // One key for all tries: however often the connection breaks, the file is taken once.
        let once = once_key();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut attempt = 0;
        loop {
            let file = tokio::fs::File::open(path).await.map_err(|error| Failure::io(doing(), error))?;
            let bytes = file.metadata().await.map_err(|error| Failure::io(doing(), error))?.len();
            let sent = sent.clone();
            let pieces = futures_util::StreamExt::inspect(ReaderStream::new(file), move |piece| {
                sent(piece.as_ref().map_or(0, |bytes| bytes.len() as u64));
            });
            let part = multipart::Part::stream_with_length(reqwest::Body::wrap_stream(pieces), bytes)
                .file_name(name.clone())
                .mime_str("application/pdf")
                .map_err(|error| Failure::Plain(error.to_string()))?;
            let mut form = multipart::Form::new().text("template", template.to_owned());
            if let Some(metadata) = metadata {
                form = form.text("metadata", metadata.to_owned());
            }
            let request = self.request(Method::POST, "/v1/documents").header("idempotency-key", &once);
            let request = request.multipart(form.part("file", part));
            match self.send(request).await {
                Err(Failure::Refused(refusal)) if may_try_again(&refusal, attempt) => {
                    pause(&refusal).await;
                    attempt += 1;
                }
                Err(Failure::Unreachable { cause, .. }) if may_send_again(&cause, attempt) => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_secs(attempt.into())).await;
                }
                other => return other,
            }
        }
    }

    /// One document.
    pub(crate) async fn document(&self, id: &str) -> Result<Value, Failure> {
        self.send(self.request(Method::GET, &format!("/v1/documents/{}", segment(id)))).await
    }

    /// One part of the list of documents.
    pub(crate) async fn documents(&self, cursor: Option<&str>) -> Result<Value, Failure> {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        self.send(self.request(Method::GET, &format!("/v1/documents?limit=100{cursor}"))).await
    }

    /// Deletes one document.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), Failure> {
        let path = format!("/v1/documents/{}", segment(id));
        self.answer(self.request(Method::DELETE, &path)).await.map(drop)
    }

    /// Asks one document.
    pub(crate) async fn ask(&self, id: &str, question: &Value) -> Result<Value, Failure> {
        self.post(&Self::ask_path(id), question).await
    }

    /// The API keys.
    pub(crate) async fn keys(&self) -> Result<Value, Failure> {
        self.send(self.request(Method::GET, "/v1/keys")).await
    }

    /// Makes an API key.
    pub(crate) async fn make_key(&self, body: &Value) -> Result<Value, Failure> {
        self.send(self.request(Method::POST, "/v1/keys").json(body)).await
    }

    /// Makes the key that replaces `id`, which goes on for `grace_seconds`.
    pub(crate) async fn rotate_key(&self, id: &str, grace_seconds: u64) -> Result<Value, Failure> {
        let path = format!("/v1/keys/{}/rotate", segment(id));
        let body = serde_json::json!({ "grace_seconds": grace_seconds });
        self.send(self.request(Method::POST, &path).json(&body)).await
    }

    /// Takes an API key back.
    pub(crate) async fn revoke_key(&self, id: &str) -> Result<(), Failure> {
        let path = format!("/v1/keys/{}", segment(id));
        self.answer(self.request(Method::DELETE, &path)).await.map(drop)
    }

    /// What the node still waits for before it takes requests; nothing when it is ready.
    pub(crate) async fn waiting_for(&self) -> Result<Option<Vec<String>>, Failure> {
        let request = self.http.get(format!("{}/ready", self.url)).timeout(CONNECT_TIME_MAX);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let ready = response.status().is_success();
        let body: Value = response.json().await.unwrap_or_default();
        let waiting = body["waiting_for"].as_array().cloned().unwrap_or_default();
        let waiting = waiting.iter().filter_map(|what| what.as_str().map(str::to_owned)).collect();
        Ok((!ready).then_some(waiting))
    }

    /// Posts a JSON body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let mut attempt = 0;
        loop {
            match self.send(self.request(Method::POST, path).json(body)).await {
                Err(Failure::Refused(refusal)) if may_try_again(&refusal, attempt) => {
                    pause(&refusal).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// Where one document is asked.
    pub(crate) fn ask_path(id: &str) -> String {
        format!("/v1/documents/{}/ask", segment(id))
    }

    /// A request with the key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).header("x-api-key", self.key.reveal())
    }

    /// Sends a request and gives the JSON that was answered, unless it was refused.
    pub(crate) async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let response = self.answer(request).await?;
        response.json().await.map_err(|error| {
            Failure::Plain(format!("{} answered something that is not ours: {error}", self.url))
        })
    }

    /// Sends a request and gives what was answered, unless it was refused.
    pub(crate) async fn answer(&self, request: RequestBuilder) -> Result<reqwest::Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body: Value = response.json().await.unwrap_or_default();
        let detail =
            body["detail"].as_str().map_or_else(|| format!("the node answered {status}"), str::to_owned);
        let details = body["details"].as_array().cloned().unwrap_or_default();
        let details = details.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
        Err(Failure::Refused(Refusal {
            status: status.as_u16(),
            detail,
            details,
            retry_after_seconds: retry,
        }))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        // The innermost cause is the one that says what happened: "connection refused".
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        Failure::Unreachable { url: self.url.clone(), cause: cause.to_string() }
    }
}

fn may_try_again(refusal: &Refusal, attempt: u32) -> bool {
    // 409: an earlier try of the same request is still in work.
    matches!(refusal.status, 409 | 429 | 503)
        && refusal.retry_after_seconds.is_some()
        && attempt + 1 < ATTEMPTS_MAX
}

/// A first connection that is refused is a wrong address; one that breaks is a cut.
fn may_send_again(cause: &str, attempt: u32) -> bool {
    attempt + 1 < CUTS_MAX && (attempt > 0 || !cause.contains("refused"))
}

async fn pause(refusal: &Refusal) {
    let seconds = refusal.retry_after_seconds.unwrap_or(1).clamp(1, PAUSE_SECONDS_MAX);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A key that no other request has.
#[expect(
    clippy::disallowed_methods,
    reason = "a key tells one request from another; nothing simulated depends on it"
)]
fn once_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// An id as one piece of a path: what no id has is replaced, so that the node says it knows no such id.
pub(crate) fn segment(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let segment: String = id.trim().chars().map(plain).collect();
    if segment.is_empty() { "_".to_owned() } else { segment }
}
