//! The contract in writing: the description, tags of readings, what `Accept` allows, refusals without a route.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fake::{FAILED, MISSING, READING, READY, Server, details, problem, server};

async fn description(server: &Server) -> Value {
    server.get("/openapi.json").send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn each_problem_that_is_answered_is_listed_for_its_operation_and_explained() {
    let server = server().await;
    let description = description(&server).await;
    let ask = |id: &str| server.post(&format!("/v1/documents/{id}/ask"));
    let question = json!({"question": "Qual o prazo?"});
    let requests = [
        (ask(MISSING).json(&question), 404, "document_not_found"),
        (ask(READING).json(&question), 422, "not_ready"),
        (ask(FAILED).json(&question), 422, "reading_failed"),
        (ask(READY).json(&json!({})), 400, "invalid_request"),
        (ask(READY).header("content-type", "application/json").body("{"), 400, "malformed_json"),
        (ask(READY).body("{}"), 415, "unsupported_media_type"),
        (ask(READY).json(&json!({"question": "x".repeat(70_000)})), 413, "too_large"),
        (ask(READY).json(&question).header("accept", "image/png"), 406, "not_acceptable"),
        (server.ask("overloaded"), 503, "overloaded"),
        (server.ask("unavailable"), 503, "unavailable"),
        (server.ask("internal"), 500, "internal"),
        (server.ask("no model"), 422, "model_missing"),
    ];
    let responses = &description["paths"]["/v1/documents/{document_id}/ask"]["post"]["responses"];
    for (request, status, code) in requests {
        problem(request, status, code).await;
        let reference = responses[status.to_string()]["$ref"].as_str().unwrap().strip_prefix('#').unwrap();
        let listed = description.pointer(reference).unwrap()["x-codes"].as_array().unwrap();
        assert!(listed.contains(&code.into()), "{status} {code} is not listed: {listed:?}");
        let rows = description["x-problems"].as_array().unwrap();
        assert!(
            rows.iter().any(|row| row["code"] == code && row["status"] == status),
            "{code} is not explained"
        );
    }
}

#[tokio::test]
async fn the_page_reads_the_description_and_nothing_else() {
    let server = server().await;
    let page = server.get("/docs").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("fetch(\"/openapi.json\")"));
    assert!(!page.contains("://"), "the page names another place");
}

#[tokio::test]
async fn a_reading_that_the_client_has_is_not_sent_again() {
    let server = server().await;
    for path in ["/v1/documents".to_owned(), format!("/v1/documents/{READING}")] {
        let first = server.get(&path).send().await.unwrap();
        assert_eq!(
            (first.status().as_u16(), &first.headers()["cache-control"]),
            (200, &"private, no-cache".parse().unwrap())
        );
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with('"'), "{tag} is no strong tag");
        let again = server.get(&path).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
        assert!(again.bytes().await.unwrap().is_empty());
        let other = server.get(&path).header("if-none-match", "\"other\"").send().await.unwrap();
        assert_eq!(other.status(), 200);
    }
    let tag = async |id: &str, language: &'static str| {
        let request = server.get(&format!("/v1/documents/{id}")).header("accept-language", language);
        request.send().await.unwrap().headers()["etag"].clone()
    };
    assert_ne!(tag(READY, "en").await, tag(READING, "en").await);
    // The reason of the failure is said in another language.
    assert_ne!(tag(FAILED, "en").await, tag(FAILED, "pt").await);
}

#[tokio::test]
async fn a_head_request_is_answered_as_a_get_without_its_body() {
    let server = server().await;
    let path = format!("/v1/documents/{READY}");
    let length = server.get(&path).send().await.unwrap().bytes().await.unwrap().len();
    let request = server.client.head(format!("{}{path}", server.url)).header("x-api-key", crate::fake::KEY);
    let head = request.send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], length.to_string());
    assert!(head.headers().contains_key("etag") && head.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_ours_is_told_what_there_is() {
    let server = server().await;
    let body = problem(server.ask("Qual?").header("accept", "text/html"), 406, "not_acceptable").await;
    assert!(
        body["detail"].as_str().unwrap().ends_with("It sends application/json, text/event-stream."),
        "{body}"
    );
    for accept in ["*/*", "application/*", "text/html, application/json;q=0.5"] {
        assert_eq!(
            server.ask("Qual?").header("accept", accept).send().await.unwrap().status(),
            200,
            "{accept}"
        );
    }
    // A balancer that asks for text gets its answer.
    assert_eq!(server.get("/health").header("accept", "text/plain").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_unknown_field_is_named_with_the_one_that_was_meant() {
    let server = server().await;
    let ask = server.post(&format!("/v1/documents/{READY}/ask"));
    let wrong = json!({"question": "Qual?", "topk": 3, "zzz": 1});
    let body = problem(ask.json(&wrong), 400, "invalid_request").await;
    let details = details(&body);
    assert_eq!(details[0], "body: `topk` is no field of this request; did you mean `top_k`?");
    assert!(
        details[1].starts_with("body: `zzz` is no field of this request; it takes question, model"),
        "{body}"
    );
}

#[tokio::test]
async fn what_is_no_http_gets_a_problem_too() {
    let server = server().await;
    let headers: String = (0..200).map(|index| format!("x-h{index}: 1\r\n")).collect();
    for (sent, status, code) in [
        (format!("GET /live HTTP/1.1\r\nhost: x\r\n{headers}\r\n"), "431", "headers_too_large"),
        ("HELO node\r\n\r\n".to_owned(), "400", "malformed_request"),
    ] {
        let address = server.url.strip_prefix("http://").unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["code"], &body["error"]), (&code.into(), &body["detail"]));
        assert!(head.contains(body["request_id"].as_str().unwrap()), "{head}");
    }
}
