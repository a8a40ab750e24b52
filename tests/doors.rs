//! Who has a key sees its own tenant alone, for as long as the key is good, and what was written is noted.

use std::time::Duration;

use enabler_http::routes;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::node::{Home, Node, files_below, is_problem};
use crate::papers::note;

const LINES: [&str; 2] = [
    "Ata da reuniao do Clube de Xadrez Torre Azul, realizada em 4 de maio de 2026.",
    "A tesoureira do clube e Marlene Figueira Duarte, eleita por aclamacao.",
];
/// Words of the document that no answer to a stranger may hold.
const MARKS: [&str; 3] = ["Marlene", "Torre Azul", "ata-secreta"];

async fn cli(home: &Home, arguments: &[&str]) -> (i32, Vec<Value>, String) {
    let output = home.command().args(arguments).output().await.unwrap();
    let lines = String::from_utf8_lossy(&output.stdout);
    let objects = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    (output.status.code().unwrap(), objects, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Makes a key by the command line; gives it with its id.
async fn make(home: &Home, arguments: &[&str]) -> (String, String) {
    let (code, made, said) = cli(home, &[&["keys", "make"], arguments].concat()).await;
    assert_eq!(code, 0, "{said}");
    (made[0]["key"].as_str().unwrap().to_owned(), made[0]["id"].as_str().unwrap().to_owned())
}

async fn asked(
    node: &Node,
    method: &str,
    path: &str,
    key: &str,
    document: &str,
) -> (StatusCode, Value, String) {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
    let method: Method = method.parse().unwrap();
    let mut request = http.request(method.clone(), format!("{}{path}", node.url())).header("x-api-key", key);
    if method == Method::POST {
        let words = "Quem e a tesoureira do clube?";
        let asked = json!({ "question": words });
        request = request.json(&match path.rsplit('/').next().unwrap_or_default() {
            "ask" | "query" => asked,
            "search" => json!({ "query": words }),
            "analyze" => json!({ "document_id": document, "profile": "inventory" }),
            "batch" => json!({ "questions": [{ "document_id": document, "question": words }] }),
            "completions" => {
                json!({ "messages": [{ "role": "user", "content": words }], "document_id": document })
            }
            "embeddings" => json!({ "input": words }),
            "keys" => json!({ "name": "k" }),
            _ => json!({}),
        });
    }
    // The connection of a stream stays open; its first bytes say enough.
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = tokio::time::timeout(Duration::from_secs(20), response.text()).await;
    let text = text.ok().and_then(Result::ok).unwrap_or_default();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null), text)
}

#[tokio::test]
async fn a_foreign_key_finds_nothing_of_another_tenant_on_any_route() {
    let home = Home::new();
    let node = home.start().await;
    let id = node.ready("ata-secreta.pdf", note(&LINES)).await;
    let (foreign, _) = make(&home, &["foreign", "--tenant", "rui", "--scopes", "read,write,operate"]).await;

    for row in routes().filter(|row| row.scope.is_some()) {
        let path = row.path.replace("{id}", &id).replace("{page}", "1").replace("{model}", "auto");
        let (status, body, text) = asked(&node, row.method, &path, &foreign, &id).await;
        let what = format!("{} {path}: {status} {text}", row.method);
        assert!(status.is_success() || is_problem(status, &body), "{what}");
        assert!(!MARKS.iter().any(|mark| text.contains(mark)), "{what}");
        if row.path.starts_with("/v1/documents/{id}") {
            assert_eq!(status, StatusCode::NOT_FOUND, "{what}");
        }
        if row.path == "/v1/batch" {
            // A batch says each id back that it was given, takes its time, and finds nothing under this one.
            let batch = format!("/v1/batch/{}", body["batch_id"].as_str().unwrap());
            let item = loop {
                let (_, body, _) = asked(&node, "GET", &batch, &foreign, &id).await;
                if body["status"] == "done" {
                    break body["items"][0].clone();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            assert_eq!(
                (&item["status"], &item["error_code"]),
                (&json!("failed"), &json!("document_not_found"))
            );
        } else if status.is_success() {
            // Only the address that was asked may say the id back.
            assert!(!text.contains(&id), "{what}");
        }
    }
    let (status, list, _) = asked(&node, "GET", "/v1/documents", &foreign, &id).await;
    assert_eq!((status, list["documents"].as_array().unwrap().len()), (StatusCode::OK, 0));
    let (status, _, _) = asked(&node, "GET", "/v1/tree", &foreign, &id).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    // Nothing that was tried has touched the document.
    assert_eq!(node.document(&id).await.0, StatusCode::OK);
    let answer = node.answer(&id, "Quem e a tesoureira do clube?").await;
    assert!(answer["answer"].as_str().unwrap().contains("Marlene"), "{answer}");
}

#[tokio::test]
async fn a_key_lives_over_restarts_and_ends_when_it_is_told_to() {
    let home = Home::new();
    let node = home.start().await;
    let (key, id) = make(&home, &["ci", "--scopes", "read"]).await;
    let list = async |node: &Node, key: &str| asked(node, "GET", "/v1/documents", key, "").await.0.as_u16();
    assert_eq!(list(&node, &key).await, 200);
    assert_eq!(
        asked(&node, "DELETE", &format!("/v1/documents/{id}"), &key, &id).await.0,
        StatusCode::FORBIDDEN
    );
    node.kill().await;

    let node = home.start().await;
    assert_eq!(list(&node, &key).await, 200);
    let (code, listed, _) = cli(&home, &["keys", "list"]).await;
    assert_eq!(
        (code, listed[0]["id"].as_str(), listed[0]["status"].as_str()),
        (0, Some(&*id), Some("active"))
    );
    let (code, rotated, _) = cli(&home, &["keys", "rotate", &id, "--grace", "0"]).await;
    assert_eq!(code, 0);
    let fresh = rotated[0]["key"].as_str().unwrap().to_owned();
    assert_eq!((list(&node, &key).await, list(&node, &fresh).await), (401, 200));
    let fresh_id = rotated[0]["id"].as_str().unwrap();
    assert_eq!(cli(&home, &["keys", "revoke", fresh_id]).await.0, 0);
    assert_eq!(list(&node, &fresh).await, 401);
    let (code, _, said) = cli(&home, &["keys", "revoke", "00000000-0000-4000-8000-000000000000"]).await;
    assert!(code == 1 && said.contains("no API key"), "{said}");
    let store = files_below(&home.data().join("store"));
    let holds = |file: &std::path::PathBuf| {
        std::fs::read(file).is_ok_and(|bytes| bytes.windows(key.len()).any(|window| window == key.as_bytes()))
    };
    assert!(!store.iter().any(holds), "the store holds a key");
}

#[tokio::test]
async fn what_was_written_is_in_the_audit_log_when_a_node_has_stopped() {
    let home = Home::new();
    let node = home.start().await;
    let id = node.accepted("ata.pdf", note(&LINES)).await;
    node.settled(&id).await;
    assert_eq!(node.try_delete(&id).await, Some(StatusCode::NO_CONTENT));
    let (_, key) = make(&home, &["ci"]).await;
    node.stop().await;
    let files = files_below(&home.data().join("store/v1/audit"));
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["action"].as_str().unwrap(),
                line["about"].as_str().unwrap(),
                line["status"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(rows, [("upload", &*id, 202), ("delete", &*id, 204), ("key make", &*key, 201)]);
    assert!(lines.iter().all(|line| line["tenant"] == "default" && line["address"] == "127.0.0.1"));
}

#[tokio::test]
async fn a_node_with_an_issuer_and_no_audience_does_not_start() {
    let home = Home::new();
    home.settings("[auth]\njwks_url = \"https://id.example/jwks.json\"\nissuer = \"https://id.example\"\n");
    let mut node = home.launch();
    let waited = node.wait_until_ready(Duration::from_secs(60)).await;
    assert!(waited.is_err() && node.last_words().contains("auth.audience"), "{}", node.last_words());
}
