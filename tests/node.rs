//! A real node as a process of its own, with its own directory, killed when dropped.

use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use enabler_sim_live::{NotReady, is_problem};
use reqwest::{Method, RequestBuilder, StatusCode, multipart};
use serde_json::{Value, json};
use tokio::process::Command;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_rag-enabler");
/// How long anything is waited for before it is called stuck; no test measures time by it.
const STUCK_AFTER: Duration = Duration::from_secs(180);
/// How often a node is asked whether something has happened.
pub(crate) const POLL: Duration = Duration::from_millis(50);
/// Where a node listens that is not told otherwise.
const LISTEN: &str = "127.0.0.1:0";

/// A node's directory with what belongs to it; it outlives the node.
pub(crate) struct Home(enabler_sim_live::Home);

impl Home {
    pub(crate) fn new() -> Self {
        let parent = std::env::temp_dir();
        let home = enabler_sim_live::Home::new(&parent, Path::new(PROGRAM), Vec::new(), LISTEN.to_owned());
        Self(home.unwrap())
    }

    /// Another home with a copy of everything that the node of this one left behind.
    pub(crate) fn copied(&self) -> Self {
        let copy = Self::new();
        copy_tree(self.0.path(), copy.0.path());
        copy
    }

    /// Settings for every node of this home, as TOML.
    pub(crate) fn settings(&self, toml: &str) {
        self.0.settings(toml).unwrap();
    }

    /// Everything that the nodes of this home have logged.
    pub(crate) fn log(&self) -> String {
        self.0.log()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.0.data()
    }

    /// A command of the program, in this home.
    pub(crate) fn command(&self) -> Command {
        self.0.command()
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
        Node { node: self.0.launch().unwrap(), http: client() }
    }
}

/// A running node.
pub(crate) struct Node {
    node: enabler_sim_live::Node,
    http: reqwest::Client,
}

impl Node {
    /// Waits until the node is ready, for `time_max` at most.
    pub(crate) async fn wait_until_ready(&mut self, time_max: Duration) -> Result<(), NotReady> {
        self.node.wait_until_ready(time_max).await
    }

    /// Where its API is, once it has been found ready.
    pub(crate) fn url(&self) -> &str {
        self.node.url()
    }

    /// Ends the process at once, as a power cut would.
    pub(crate) async fn kill(self) {
        self.node.kill().await.unwrap();
    }

    /// Asks the node to stop and waits until it has.
    pub(crate) async fn stop(self) {
        self.node.stop(STUCK_AFTER).await.unwrap_or_else(|how| panic!("the node does not stop: {how}"));
    }

    /// The end of the node's log.
    pub(crate) fn last_words(&self) -> String {
        self.node.last_words()
    }

    /// The key of its API.
    pub(crate) fn key(&self) -> &str {
        self.node.key()
    }

    /// A request with the key, for what the methods below do not ask.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url())).header("x-api-key", self.node.key())
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

    /// Uploads with a template and facts of the client's own.
    pub(crate) async fn upload_with(
        &self,
        name: &str,
        bytes: Vec<u8>,
        template: &str,
        metadata: &Value,
    ) -> (StatusCode, Value) {
        let part = multipart::Part::bytes(bytes).file_name(name.to_owned());
        let form = multipart::Form::new()
            .text("template", template.to_owned())
            .text("metadata", metadata.to_string())
            .part("file", part);
        let request = self.request(Method::POST, "/v1/documents").multipart(form);
        self.send(request).await.expect("the node is gone")
    }

    /// Uploads several files in one call.
    pub(crate) async fn batch(&self, files: Vec<(&str, Vec<u8>)>) -> (StatusCode, Value) {
        let form = files.into_iter().fold(multipart::Form::new(), |form, (name, bytes)| {
            form.part("file", multipart::Part::bytes(bytes).file_name(name.to_owned()))
        });
        let request = self.request(Method::POST, "/v1/batch").multipart(form);
        self.send(request).await.expect("the node is gone")
    }

    /// Reads what is at an address.
    pub(crate) async fn read(&self, path: &str) -> (StatusCode, Value) {
        self.send(self.request(Method::GET, path)).await.expect("the node is gone")
    }

    /// Posts a JSON body of the caller's own.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(self.request(Method::POST, path).json(body)).await.expect("the node is gone")
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
