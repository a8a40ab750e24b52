//! Whatever is uploaded, asked or tried, no log, metric or trace has a word of a document or a question, a key or a token.

use std::path::Path;

use enabler_storage::chance::{Chance, SeededChance};
use reqwest::{Method, StatusCode, multipart};
use serde_json::json;

use crate::collector::Collector;
use crate::node::{Home, Node, files_below, variable};
use crate::papers::note;
use crate::telemetry::told;

/// Asks and uploads of the run, if it is not this many: `RAG_ENABLER_LEAKS=1000 cargo test --test promises leaks`.
const LEAKS: &str = "RAG_ENABLER_LEAKS";
/// Asks and uploads without that: each kind of them some times.
const TRIES: usize = 48;
/// How the line begins in which a node that starts with an empty store shows its first key.
const FIRST_KEY: &str = "  API key ";
/// Where what is told in the store lies: notes of writes, and failures.
const TOLD_IN_STORE: [&str; 2] = ["/v1/audit/", "/v1/failures/"];

/// Makes words that occur nowhere else, and remembers them.
struct Secrets {
    chance: SeededChance,
    all: Vec<String>,
}

impl Secrets {
    fn word(&mut self) -> String {
        let mut number = self.chance.next_u64();
        let mut word = String::from("Zeq");
        for _ in 0..6 {
            let (consonants, vowels) = (b"bcdfglmnprtvxz", b"aeiou");
            word.push(char::from(consonants[(number % 14) as usize]));
            word.push(char::from(vowels[(number / 14 % 5) as usize]));
            number /= 70;
        }
        self.all.push(word.clone());
        word
    }

    /// What looks like a signed token: three parts in base64, none of which may be told.
    fn token(&mut self) -> String {
        let (subject, signature) = (self.word(), self.word());
        format!("eyJhbGciOiJFUzI1NiJ9.{subject}.{signature}")
    }

    /// Every secret that `text` has, whatever the case of its letters.
    fn in_text(&self, text: &str) -> Vec<&str> {
        let text = text.to_lowercase();
        self.all.iter().filter(|word| text.contains(&word.to_lowercase())).map(String::as_str).collect()
    }
}

/// A document with secrets in its text, its name and its facts: its id and words of it.
async fn upload(node: &Node, secrets: &mut Secrets) -> (String, String, String) {
    let (who, what, name, fact) = (secrets.word(), secrets.word(), secrets.word(), secrets.word());
    let lines = [
        format!("Contrato de comodato da obra {what}, assinado em 4 de maio de 2026."),
        format!("A comodataria e {who} Queluz, que responde pela guarda da obra {what}."),
    ];
    let bytes = note(&lines.each_ref().map(String::as_str));
    let (status, body) =
        node.upload_with(&format!("{name}.pdf"), bytes, "generic", &json!({ "parte": fact })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    let id = body["document_id"].as_str().unwrap().to_owned();
    assert_eq!(node.settled(&id).await["status"], "ready");
    (id, who, what)
}

/// Something that is answered.
async fn ask(node: &Node, secrets: &mut Secrets, document: &(String, String, String), turn: u64) {
    let (id, who, what) = document;
    let (path, body) = match turn % 4 {
        0 => {
            (format!("/v1/documents/{id}/ask"), json!({ "question": format!("Quem guarda a obra {what}?") }))
        }
        1 => {
            let question = format!("O que {who} guarda, e onde fica {}?", secrets.word());
            (format!("/v1/documents/{id}/ask"), json!({ "question": question, "session_id": secrets.word() }))
        }
        2 => ("/v1/search".to_owned(), json!({ "query": format!("{what} {}", secrets.word()) })),
        _ => ("/v1/query".to_owned(), json!({ "question": format!("Quem e a comodataria de {what}?") })),
    };
    let (status, answer) = node.post(&path, &body).await;
    assert_eq!(status, StatusCode::OK, "{path}: {answer}");
    if turn.is_multiple_of(4) {
        assert!(!secrets.in_text(&answer.to_string()).is_empty(), "nothing of the document: {answer}");
    }
}

/// Something that is refused: which refusal it is others hold.
async fn wrong(node: &Node, secrets: &mut Secrets, id: &str, turn: u64) {
    let word = secrets.word();
    let request = match turn % 9 {
        0 => node.request(Method::GET, &format!("/v1/documents/{word}")),
        1 => node.request(Method::GET, &format!("/{word}/{}?chave={}", secrets.word(), secrets.word())),
        2 => {
            let part = multipart::Part::bytes(word.clone().into_bytes()).file_name(format!("{word}.pdf"));
            let form = multipart::Form::new().text("template", "generic").part("file", part);
            node.request(Method::POST, "/v1/documents").multipart(form)
        }
        3 => {
            let wrong = json!({ "question": "Quem assinou?", word.clone(): word });
            node.request(Method::POST, &format!("/v1/documents/{id}/ask")).json(&wrong)
        }
        4 => {
            let wrong = format!("{{\"question\": \"{word}");
            let request = node.request(Method::POST, &format!("/v1/documents/{id}/ask"));
            request.header("content-type", "application/json").body(wrong)
        }
        5 => {
            let wrong = json!({ "question": word, "model": secrets.word() });
            node.request(Method::POST, &format!("/v1/documents/{id}/ask")).json(&wrong)
        }
        6 => {
            let client = reqwest::Client::new().get(format!("{}/v1/documents", node.url()));
            client.header("x-api-key", word)
        }
        7 => {
            let client = reqwest::Client::new().get(format!("{}/v1/documents", node.url()));
            client.bearer_auth(secrets.token())
        }
        _ => node.request(Method::GET, &format!("/v1/documents?cursor={word}")),
    };
    let answer = request.send().await.unwrap();
    let status = answer.status();
    assert!(status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE, "turn {turn}: {status}");
}

/// What an operator finds in the store: notes and failures.
fn told_in_store(data: &Path) -> String {
    let is_told = |path: &Path| {
        let path = path.to_string_lossy().replace('\\', "/");
        TOLD_IN_STORE.iter().any(|part| path.contains(part))
    };
    let files = files_below(data).into_iter().filter(|path| is_told(path));
    files.map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()).collect()
}

#[tokio::test]
async fn no_log_metric_or_trace_has_a_word_of_a_document_or_a_question_a_key_or_a_token() {
    let tries = variable(LEAKS).and_then(|text| text.to_str()?.parse().ok()).unwrap_or(TRIES);
    let (collector, home) = (Collector::start().await, Home::new());
    let mut secrets = Secrets { chance: SeededChance::new(9), all: Vec::new() };
    let password = secrets.word();
    home.settings(&format!(
        "[log]\nfilter = \"debug\"\nformat = \"json\"\n[http]\nrate_per_address = 0\nrate_per_key = 0\n\
         [generation]\nanswer_tokens_max = 16\n\
         [telemetry]\nlisten = \"127.0.0.1:0\"\ntraces_endpoint = {:?}\ntraces_headers = \"x-password={password}\"\n",
        collector.url
    ));
    let node = home.start().await;
    let key = node.key().to_owned();
    secrets.all.push(key.clone());
    let mut documents = vec![upload(&node, &mut secrets).await];
    for turn in 0..tries {
        let drawn = secrets.chance.next_u64();
        let document = documents[(drawn >> 8) as usize % documents.len()].clone();
        match turn % 6 {
            0 => documents.push(upload(&node, &mut secrets).await),
            1 | 2 => ask(&node, &mut secrets, &document, turn as u64 / 6 * 2 + turn as u64 % 6 - 1).await,
            _ => wrong(&node, &mut secrets, &document.0, turn as u64 / 6 * 3 + turn as u64 % 6 - 3).await,
        }
    }
    let metrics = told(&home).await;
    node.stop().await;

    // A fresh node shows its first key once to whoever starts it; that is no line of its log.
    let (shown, log): (Vec<_>, Vec<_>) =
        home.log().lines().map(str::to_owned).partition(|line| line.starts_with(FIRST_KEY));
    assert!(shown.len() == 1 && shown[0].ends_with(&key), "{} lines show a key", shown.len());
    let (log, store) = (log.join("\n"), told_in_store(&home.data()));
    let taken = collector.taken();
    let traces: String = taken
        .iter()
        .map(|(_, body)| String::from_utf8_lossy(body).into_owned())
        .collect::<Vec<_>>()
        .join("\n");
    // What is searched is what there is: each of them has told of the work.
    let spans = collector.spans();
    assert!(taken.iter().all(|(head, _)| head.contains(&password)), "the collector was not sent its header");
    let has = |name: &str| spans.iter().any(|span| span.name == name);
    assert!(has("POST ask") && has("POST upload") && has("GET show") && has("chat") && has("ingest"));
    assert!(log.lines().filter(|line| line.contains("\"answered\"")).count() >= tries, "{log}");
    assert!(metrics.contains("rag_enabler_http_requests_total") && store.contains("upload"), "{store}");
    eprintln!(
        "{tries} asks, uploads and errors with {} secrets: {} lines of log, {} spans, {} KB of metrics",
        secrets.all.len(),
        log.lines().count(),
        spans.len(),
        metrics.len() >> 10
    );
    for (place, text) in [("log", &log), ("metrics", &metrics), ("traces", &traces), ("store", &store)] {
        let found = secrets.in_text(text);
        let line = |word: &str| text.lines().find(|line| line.to_lowercase().contains(&word.to_lowercase()));
        let lines: Vec<_> = found.iter().take(5).filter_map(|word| line(word)).collect();
        assert!(found.is_empty(), "the {place} tells {} secrets, such as in {lines:#?}", found.len());
    }
}
