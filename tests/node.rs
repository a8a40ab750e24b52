//! A real node as a process of its own, with its own directory, killed when dropped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, multipart};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_rag-enabler");
/// How long anything is waited for before it is called stuck; no test measures time by it.
const STUCK_AFTER: Duration = Duration::from_secs(180);
/// How often a node is asked whether something has happened.
const POLL: Duration = Duration::from_millis(50);
/// What of the environment a node gets: whatever else the caller has set must not change a test.
const ENVIRONMENT: [&str; 5] = ["HOME", "PATH", "LD_LIBRARY_PATH", "TESSDATA_PREFIX", "RAG_ENABLER_MODELS"];

/// Where a node listens that is not told otherwise.
const LISTEN: &str = "127.0.0.1:0";

/// A node's directory with what belongs to it; it outlives the node.
pub(crate) struct Home {
    dir: TempDir,
    /// A program, with its arguments, in whose surroundings the node runs; empty for ours.
    within: Vec<String>,
    listen: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::within(Vec::new(), LISTEN.to_owned())
    }

    /// A home whose programs are started by `within`, such as `ip netns exec NAME`, and answer at `listen`.
    pub(crate) fn within(within: Vec<String>, listen: String) -> Self {
        let dir = tempfile::Builder::new().prefix("rag-enabler-promise-").tempdir().unwrap();
        let home = Self { dir, within, listen };
        std::fs::create_dir(home.data()).unwrap();
        home
    }

    /// Gives every node of this home this API key instead of one of its own.
    pub(crate) fn share_key(&self, key: &str) {
        std::fs::write(self.data().join("key"), key).unwrap();
    }

    /// Another home with a copy of everything that the node of this one left behind.
    pub(crate) fn copied(&self) -> Self {
        let copy = Self::new();
        copy_tree(self.dir.path(), copy.dir.path());
        copy
    }

    /// Settings for every node of this home, as TOML.
    pub(crate) fn settings(&self, toml: &str) {
        std::fs::write(self.dir.path().join("rag-enabler.toml"), toml).unwrap();
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Everything that the nodes of this home have logged.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir.path().join("node.log")).unwrap_or_default())
            .into_owned()
    }

    /// A command of the program, in this home.
    pub(crate) fn command(&self) -> Command {
        let mut words = self.within.iter().map(String::as_str).chain([PROGRAM]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).env_clear().current_dir(self.dir.path()).kill_on_drop(true).stdin(Stdio::null());
        command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, variable(name)?))));
        command.arg("--data").arg(self.data());
        command
    }

    /// Starts a node and waits until it is ready.
    pub(crate) async fn start(&self) -> Node {
        let mut node = self.launch();
        if let Err(why) = node.wait_until_ready(STUCK_AFTER).await {
            panic!("the node is not ready: {why}");
        }
        node
    }

    /// Starts a node and waits for nothing.
    pub(crate) fn launch(&self) -> Node {
        let log = self.dir.path().join("node.log");
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let mut command = self.command();
        command.args(["serve", "--listen", &self.listen]);
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Node { child, log, data: self.data(), url: String::new(), key: String::new(), http: client() }
    }
}

/// Why a node is not ready.
#[derive(Debug)]
pub(crate) enum NotReady {
    /// Its process ended; the end of its log.
    Ended(String),
    /// It answers, and has not become ready within the time; the end of its log.
    Waits(String),
}

impl std::fmt::Display for NotReady {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended(log) => write!(f, "it ended:\n{log}"),
            Self::Waits(log) => write!(f, "it still waits:\n{log}"),
        }
    }
}

/// A running node.
pub(crate) struct Node {
    child: Child,
    log: PathBuf,
    data: PathBuf,
    url: String,
    key: String,
    http: reqwest::Client,
}

impl Node {
    /// Waits until the node is ready, for `time_max` at most.
    pub(crate) async fn wait_until_ready(&mut self, time_max: Duration) -> Result<(), NotReady> {
        let outcome = tokio::time::timeout(time_max, self.become_ready()).await;
        outcome.unwrap_or_else(|_| Err(NotReady::Waits(self.last_words())))
    }

    async fn become_ready(&mut self) -> Result<(), NotReady> {
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return Err(NotReady::Ended(self.last_words()));
            }
            if self.find() && self.is_ready().await {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Learns the address and the key, unless the file is one that a killed node left behind.
    fn find(&mut self) -> bool {
        let Ok(bytes) = std::fs::read(self.data.join("node.json")) else { return false };
        let Ok(file) = serde_json::from_slice::<Value>(&bytes) else { return false };
        if file["pid"].as_u64() != self.child.id().map(u64::from) {
            return false;
        }
        file["url"].as_str().unwrap().clone_into(&mut self.url);
        self.key = std::fs::read_to_string(self.data.join("key")).unwrap().trim().to_owned();
        true
    }

    async fn is_ready(&self) -> bool {
        let answer = self.http.get(format!("{}/ready", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Where its API is, once it has been found ready.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends its process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Ends the process at once, as a power cut would.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks the node to stop and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        let ended = tokio::time::timeout(STUCK_AFTER, self.child.wait()).await;
        let status = ended.expect("the node does not stop").unwrap();
        assert!(status.success(), "the node stopped with {status}:\n{}", self.last_words());
    }

    /// The end of the node's log.
    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).header("x-api-key", &self.key)
    }

    /// Sends a request; `None` when the node is gone.
    async fn send(&self, request: RequestBuilder) -> Option<(StatusCode, Value)> {
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let bytes = answer.bytes().await.ok()?;
        Some((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    pub(crate) async fn try_upload(&self, name: &str, bytes: Vec<u8>) -> Option<(StatusCode, Value)> {
        let part = multipart::Part::bytes(bytes).file_name(name.to_owned());
        let form = multipart::Form::new().text("template", "generic").part("file", part);
        self.send(self.request(Method::POST, "/v1/documents").multipart(form)).await
    }

    pub(crate) async fn upload(&self, name: &str, bytes: Vec<u8>) -> (StatusCode, Value) {
        self.try_upload(name, bytes).await.expect("the node is gone")
    }

    /// Uploads what must be taken; gives the document's id.
    pub(crate) async fn accepted(&self, name: &str, bytes: Vec<u8>) -> String {
        let (status, body) = self.upload(name, bytes).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{name}: {body}");
        body["document_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn try_document(&self, id: &str) -> Option<(StatusCode, Value)> {
        self.send(self.request(Method::GET, &format!("/v1/documents/{id}"))).await
    }

    pub(crate) async fn document(&self, id: &str) -> (StatusCode, Value) {
        self.try_document(id).await.expect("the node is gone")
    }

    /// The document once it is ready or failed.
    pub(crate) async fn settled(&self, id: &str) -> Value {
        let settle = async {
            loop {
                let (status, document) = self.document(id).await;
                assert_eq!(status, StatusCode::OK, "{document}");
                if document["status"] != "processing" {
                    return document;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let settled = tokio::time::timeout(STUCK_AFTER, settle).await;
        settled.unwrap_or_else(|_| panic!("document {id} stays in processing:\n{}", self.last_words()))
    }

    /// Uploads a file that must become ready; gives the document's id.
    pub(crate) async fn ready(&self, name: &str, bytes: Vec<u8>) -> String {
        let id = self.accepted(name, bytes).await;
        let document = self.settled(&id).await;
        assert_eq!(document["status"], "ready", "{name}: {document}");
        id
    }

    /// Every document, over all parts of the list.
    pub(crate) async fn documents(&self) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let request = self.request(Method::GET, &format!("/v1/documents?limit=100{cursor}"));
            let (status, body) = self.send(request).await.expect("the node is gone");
            assert_eq!(status, StatusCode::OK, "{body}");
            all.extend(body["documents"].as_array().unwrap().iter().cloned());
            match body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    pub(crate) async fn try_delete(&self, id: &str) -> Option<StatusCode> {
        let request = self.request(Method::DELETE, &format!("/v1/documents/{id}"));
        self.send(request).await.map(|(status, _)| status)
    }

    /// Asks with a body of the caller's own; `None` when the node is gone.
    pub(crate) async fn try_ask(&self, id: &str, body: &Value) -> Option<(StatusCode, Value)> {
        let request = self.request(Method::POST, &format!("/v1/documents/{id}/ask"));
        self.send(request.json(body)).await
    }

    pub(crate) async fn ask(&self, id: &str, question: &str) -> (StatusCode, Value) {
        self.try_ask(id, &json!({ "question": question })).await.expect("the node is gone")
    }

    /// What an actor says of itself to operators, by its path in the tree.
    pub(crate) async fn note(&self, path: &str) -> Option<String> {
        let (_, mut at) = self.send(self.request(Method::GET, "/v1/tree")).await?;
        for name in path.split('/').skip(1) {
            at = at["children"].as_array()?.iter().find(|child| child["name"] == name)?.clone();
        }
        at["facts"]["note"].as_str().map(str::to_owned)
    }

    /// The answer to a question that must be answered or declined, not refused.
    pub(crate) async fn answer(&self, id: &str, question: &str) -> Value {
        let (status, answer) = self.ask(id, question).await;
        assert_eq!(status, StatusCode::OK, "{question}: {answer}");
        answer
    }
}

/// The pages that an answer names.
pub(crate) fn pages(answer: &Value) -> Vec<u64> {
    answer["sources"].as_array().unwrap().iter().filter_map(|source| source["page"].as_u64()).collect()
}

/// Whether a refusal is one that a client can understand.
pub(crate) fn is_problem(status: StatusCode, body: &Value) -> bool {
    let says = |field: &str| body[field].as_str().is_some_and(|text| !text.is_empty());
    !status.is_success()
        && body["status"] == status.as_u16()
        && says("code")
        && says("detail")
        && says("title")
}

/// A variable of the environment that this test binary was started with.
#[expect(clippy::disallowed_methods, reason = "this is where the tests hear what their caller wants")]
pub(crate) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// Every file below `dir`, in the order of names.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn copy_tree(from: &Path, to: &Path) {
    for file in files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(STUCK_AFTER).build().unwrap()
}
