//! A node whose models a provider has answers with them, keeps to their identity, and sends nothing unless it is told to.

use std::sync::{Arc, Mutex};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::node::{Home, POLL, pages};
use crate::papers::note;

const LINES: [&str; 2] = [
    "Ata da reuniao do Clube de Remo Agua Funda, realizada em 4 de maio de 2026.",
    "A tesoureira do clube e Marlene Figueira Duarte, eleita por aclamacao.",
];
const QUESTION: &str = "Quem e a tesoureira do clube?";
const PASSWORD: &str = "senha-do-servidor";

/// A server that answers as Ollama does: a text's vector turns on a few dimensions for each of its words, and what it
/// writes is always the same, unless it is told to write "banana".
pub(crate) struct Ollama {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Ollama {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://ana:{PASSWORD}@{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let kept = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, kept.clone()));
            }
        });
        Self { url, asked }
    }

    fn asked(&self, path: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(line, _)| line.contains(path)).map(|(_, body)| body.clone()).collect()
    }
}

fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.01_f32; 64];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 3) {
        let hash = word.bytes().fold(17_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        vector[hash % 64] += 1.0;
        vector[hash / 64 % 64] += 1.0;
    }
    vector
}

async fn answer(mut stream: TcpStream, asked: Arc<Mutex<Vec<(String, Value)>>>) {
    let mut bytes = Vec::new();
    let (line, body) = loop {
        let mut part = [0; 65_536];
        let read = stream.read(&mut part).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        bytes.extend_from_slice(&part[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if bytes.len() >= end + 4 + length.unwrap_or(0) {
            let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or(Value::Null);
            break (head.lines().next().unwrap().to_owned(), body);
        }
    };
    let said = if line.contains("/api/tags") {
        let digest = "0a109f422b47e3a30ba2b10eca18548e944e8a23073ee3f3e947efcf3c45e59f";
        let tag = |name: &str| json!({ "name": name, "model": name, "digest": digest });
        json!({ "models": [tag("embed:latest"), tag("write:latest")] })
    } else if line.contains("/api/embed") {
        let texts = body["input"].as_array().unwrap();
        let vectors: Vec<_> = texts.iter().map(|text| vector(text.as_str().unwrap())).collect();
        json!({ "model": "embed", "embeddings": vectors, "prompt_eval_count": 8 })
    } else {
        let is_nonsense = body["messages"].to_string().contains("banana");
        let words = if is_nonsense { "Banana." } else { "A tesoureira do clube é Marlene Figueira Duarte." };
        json!({
            "model": "write", "created_at": "2026-01-01T00:00:00Z", "done": true, "done_reason": "stop",
            "message": { "role": "assistant", "content": words },
            "prompt_eval_count": 26, "eval_count": 12
        })
    };
    asked.lock().unwrap().push((line, body));
    let said = said.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ";
    let _ = stream.write_all(format!("{head}{}\r\n\r\n{said}", said.len()).as_bytes()).await;
}

#[tokio::test]
async fn a_node_embeds_and_writes_with_the_models_of_a_provider_and_shows_no_password() {
    let server = Ollama::start().await;
    let home = Home::new();
    home.settings(&format!(
        "[models]\nembedding = \"ollama:embed\"\ngeneration = \"ollama:write\"\n\
         [providers]\nollama_url = {:?}\n[log]\nfilter = \"debug\"\n",
        server.url
    ));
    let node = home.start().await;
    let id = node.ready("ata.pdf", note(&LINES)).await;
    let answer = node.answer(&id, QUESTION).await;
    // How sure an answer is depends on vectors that mean something, which these do not.
    assert_eq!(pages(&answer), [1], "{answer}");
    assert_eq!(answer["model_used"], "ollama:write", "{answer}");
    let written = server.asked("/api/chat");
    assert_eq!(written.len(), 1);
    assert!(written[0]["messages"].to_string().contains("tesoureira"));
    let embedded = server.asked("/api/embed");
    assert!(embedded.iter().any(|body| body["input"].to_string().contains("aclamacao")), "{embedded:?}");
    let note = node.note("node/embedding").await.unwrap();
    assert_eq!(note, "ollama:embed@0a109f422b47/64");
    let (status, models) = node.read("/v1/models").await;
    assert!(status == StatusCode::OK && models.to_string().contains("ollama:write"), "{models}");
    let shown = home.command().args(["config", "show"]).output().await.unwrap();
    let tree = node.read("/v1/tree").await.1.to_string();
    node.stop().await;
    let log =
        String::from_utf8_lossy(&std::fs::read(home.data().with_file_name("node.log")).unwrap()).into_owned();
    for (what, text) in [("the log", log), ("the tree", tree)] {
        assert!(!text.contains(PASSWORD), "{what} shows the password");
    }
    assert!(!String::from_utf8_lossy(&shown.stdout).contains(PASSWORD));
}

#[tokio::test]
async fn a_provider_that_is_away_is_named_and_looked_for_again_and_a_node_without_one_asks_none() {
    let home = Home::new();
    home.settings("[models]\nembedding = \"ollama:embed\"\n");
    let mut node = home.launch();
    assert!(node.wait_until_ready(std::time::Duration::from_secs(8)).await.is_err());
    let ready = loop {
        let (status, body) = node.read("/ready").await;
        if body.to_string().contains("ollama_url") {
            break (status, body);
        }
        tokio::time::sleep(POLL).await;
    };
    assert_eq!(ready.0, StatusCode::SERVICE_UNAVAILABLE, "{}", ready.1);
    node.kill().await;

    let server = Ollama::start().await;
    let home = Home::new();
    home.settings(&format!("[providers]\nollama_url = {:?}\n", server.url));
    let node = home.start().await;
    let id = node.ready("ata.pdf", note(&LINES)).await;
    node.answer(&id, QUESTION).await;
    node.stop().await;
    assert!(server.asked("").is_empty(), "nothing leaves the machine unless a setting says so");
}
