//! Questions and documents: shapes, validation, problems.

use serde_json::{Value, json};

use crate::fake::{FAILED, MISSING, OPERATOR_KEY, READING, READY, details, problem, server};

#[tokio::test]
async fn an_answer_has_the_shape_of_the_contract() {
    let server = server().await;
    let body: Value = server.ask("Quem é a síndica?").send().await.unwrap().json().await.unwrap();
    assert_eq!(
        body,
        json!({
            "answer": "Dalva Prestes.", "answered": true, "confidence": 0.9,
            "sources": [{
                "page": 3, "text": "foi eleita síndica", "score": 0.8, "start": 10, "end": 28,
                "boxes": [{"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0}],
            }],
            "dkr_applied": true, "dkr_corrections": [], "model_used": "tinyllama", "processing_time_ms": 5,
            "cached": false,
        })
    );
}

#[tokio::test]
async fn what_was_asked_reaches_the_product_as_it_was_asked() {
    let server = server().await;
    let path = format!("/v1/documents/{READY}/ask");
    let body = json!({
        "question": " Qual o prazo? ", "model": "tinyllama", "use_dkr": false, "top_k": 20, "include_sources": false
    });
    let answer: Value = server.post(&path).json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["sources"], json!([]));
    let asked = server.fake.0.asked.lock().unwrap();
    let (ask, context) = &asked[0];
    assert_eq!((ask.question.as_str(), ask.model.name(), ask.use_dkr), ("Qual o prazo?", "tinyllama", false));
    assert_eq!((ask.top_k, ask.include_sources), (Some(20), false));
    assert_eq!(context.tenant.name(), "ana");
}

#[tokio::test]
async fn every_wrong_field_of_a_question_is_said_at_once() {
    let server = server().await;
    let path = format!("/v1/documents/{READY}/ask");
    let wrong = json!({"question": "ab", "model": "gpt", "top_k": 0});
    let body = problem(server.post(&path).json(&wrong), 400, "invalid_request").await;
    assert_eq!(details(&body).len(), 3);
    assert_eq!(body["violations"][2]["field"], "top_k");
    assert_eq!(body["violations"][2]["message"], "must be a whole number from 1 to 20, not 0");
    let body = problem(server.post(&path).json(&json!({})), 400, "invalid_request").await;
    assert_eq!(details(&body), ["question: is missing"]);
    problem(server.post(&path).json(&json!([])), 400, "invalid_request").await;
    problem(server.ask(&"x".repeat(1001)), 400, "invalid_request").await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_with_its_place() {
    let server = server().await;
    let path = format!("/v1/documents/{READY}/ask");
    let json = |text: &'static str| server.post(&path).header("content-type", "application/json").body(text);
    let body = problem(json("{\"question\": \"a\",}"), 400, "malformed_json").await;
    assert!(body["detail"].as_str().unwrap().ends_with("at line 1, column 18."), "{body}");
    problem(json(""), 400, "malformed_json").await;
    problem(server.post(&path).body("{}"), 415, "unsupported_media_type").await;
    let text = server.post(&path).header("content-type", "text/plain").body("{}");
    problem(text, 415, "unsupported_media_type").await;
    let large = server.post(&path).json(&json!({"question": "x".repeat(70_000)}));
    problem(large, 413, "too_large").await;
}

#[tokio::test]
async fn each_reason_not_to_answer_has_its_own_problem() {
    let server = server().await;
    let at = |id: &str| server.post(&format!("/v1/documents/{id}/ask")).json(&json!({"question": "Qual?"}));
    problem(at(MISSING), 404, "document_not_found").await;
    let body = problem(at(READING), 422, "not_ready").await;
    assert!(body["detail"].as_str().unwrap().contains("its pages are being read, 1 of 3 pages"), "{body}");
    assert_eq!(body["progress"]["pages_total"], 3);
    assert_eq!(body["document_status"], "processing");
    let body = problem(at(FAILED), 422, "reading_failed").await;
    assert!(body["detail"].as_str().unwrap().contains("protected by a password"), "{body}");
    let body = problem(server.ask("no model"), 422, "model_missing").await;
    assert!(body["detail"].as_str().unwrap().contains("rag-enabler models pull llama3-8b"), "{body}");
    let body = problem(server.ask("internal"), 500, "internal").await;
    assert!(!body.to_string().contains("secret"), "{body}");
}

#[tokio::test]
async fn a_document_is_shown_with_progress_and_pages() {
    let server = server().await;
    let show = async |id: &str| {
        let response = server.get(&format!("/v1/documents/{id}")).send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    let reading = show(READING).await;
    assert_eq!(reading["status"], "processing");
    assert_eq!(reading["created_at"], "1970-01-01T00:00:00Z");
    assert_eq!(reading["template"], "meeting_minutes");
    assert_eq!(reading["error"], Value::Null);
    assert_eq!(
        reading["progress"],
        json!({"stage": "reading", "pages_done": 1, "pages_total": 3, "remaining_seconds": 4})
    );
    assert_eq!(reading["pages"], json!([{"page": 1, "method": "ocr", "words": 300, "confidence": 0.93}]));
    let failed = show(FAILED).await;
    assert_eq!((&failed["status"], &failed["error_code"]), (&json!("failed"), &json!("encrypted")));
    assert!(failed["error"].as_str().unwrap().starts_with("The PDF is protected by a password"));
    problem(server.get(&format!("/v1/documents/{MISSING}")), 404, "document_not_found").await;
    let body = problem(server.get("/v1/documents/12"), 404, "document_not_found").await;
    assert!(body["detail"].as_str().unwrap().contains("is a UUID"), "{body}");
}

#[tokio::test]
async fn the_list_goes_on_where_its_cursor_says() {
    let server = server().await;
    let list = async |query: &str| {
        let response = server.get(&format!("/v1/documents{query}")).send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    let first = list("").await;
    assert_eq!(first["documents"][0]["id"], READY);
    assert_eq!(first["next_cursor"], "next-1");
    let second = list("?limit=5&cursor=next-1").await;
    assert_eq!(second, json!({"documents": [], "next_cursor": null}));
    problem(server.get("/v1/documents?limit=0"), 400, "invalid_request").await;
    problem(server.get("/v1/documents?cursor=other"), 400, "invalid_request").await;
}

#[tokio::test]
async fn a_deleted_document_is_answered_without_a_body() {
    let server = server().await;
    let delete = |id: &str| {
        server
            .client
            .delete(format!("{}/v1/documents/{id}", server.url))
            .header("x-api-key", crate::fake::KEY)
    };
    let response = delete(READY).send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert!(response.bytes().await.unwrap().is_empty());
    problem(delete(MISSING), 404, "document_not_found").await;
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_told_apart() {
    let server = server().await;
    problem(server.get("/v1/nothing"), 404, "unknown_path").await;
    problem(server.get("/v1/documents/a/b/c/d/e"), 404, "unknown_path").await;
    let response = server.post("/health").send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "GET, HEAD");
    let put = server.client.put(format!("{}/v1/documents", server.url));
    problem(put, 405, "method_not_allowed").await;
}

#[tokio::test]
async fn health_and_pages_need_no_key() {
    let server = server().await;
    for path in ["/health", "/v1/health", "/ready", "/live", "/operator", "/docs", "/openapi.json", "/"] {
        let response = server.client.get(format!("{}{path}", server.url)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert!(!response.bytes().await.unwrap().is_empty(), "{path}");
    }
    let health: Value = server.get("/health").send().await.unwrap().json().await.unwrap();
    assert_eq!(
        health,
        json!({"status": "healthy", "version": "1.2.3", "components": {"store": {"status": "healthy", "latency_ms": 1}}})
    );
    problem(server.get("/v1/tree"), 403, "operator_only").await;
    let tree = server.client.get(format!("{}/v1/tree", server.url)).header("x-api-key", OPERATOR_KEY);
    let tree: Value = tree.send().await.unwrap().json().await.unwrap();
    assert_eq!(tree["kind"], "node");
}

#[tokio::test]
async fn a_node_that_is_not_ready_says_what_it_waits_for() {
    let server = server().await;
    server.fake.0.begun.store(1, std::sync::atomic::Ordering::SeqCst);
    let response = server.get("/ready").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(
        response.json::<Value>().await.unwrap(),
        json!({"ready": false, "waiting_for": ["the model"]})
    );
}

#[tokio::test]
async fn a_page_is_shown_as_a_picture_and_a_wrong_one_says_how_many_there_are() {
    let server = server().await;
    let page = |id: &str, rest: &str| server.get(&format!("/v1/documents/{id}/pages/{rest}"));
    let answer = page(READY, "1.png?highlight=1,2,3,4").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "image/png");
    problem(page(READY, "4.png"), 404, "page_not_found").await;
    problem(page(MISSING, "1.png"), 404, "document_not_found").await;
    problem(page(READY, "1.png?highlight=1,2"), 400, "invalid_request").await;
    for wrong in ["0.png", "x.png", "1.jpg", "-1.png"] {
        problem(page(READY, wrong), 404, "unknown_path").await;
    }
}

#[tokio::test]
async fn only_a_document_that_failed_is_read_again() {
    let server = server().await;
    let retry = |id: &str| server.post(&format!("/v1/documents/{id}/retry"));
    assert_eq!(retry(FAILED).send().await.unwrap().status(), 202);
    problem(retry(READY), 409, "not_failed").await;
    problem(retry(MISSING), 404, "document_not_found").await;
}
