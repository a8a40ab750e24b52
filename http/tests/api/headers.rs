//! Keys, ids, languages, traces and what goes with every answer.

use serde_json::json;

use crate::fake::{KEY, READY, problem, server};

#[tokio::test]
async fn a_missing_key_and_a_wrong_key_are_told_apart() {
    let server = server().await;
    let list = || server.client.get(format!("{}/v1/documents", server.url));
    let missing = problem(list(), 401, "key_missing").await;
    let wrong = problem(list().header("x-api-key", "key-of-rui"), 401, "key_wrong").await;
    assert_ne!(missing["detail"], wrong["detail"]);
    problem(list().header("x-api-key", ""), 401, "key_missing").await;
    problem(list().header("x-api-key", &b"\xff\xfe"[..]), 401, "key_wrong").await;
    let response = list().send().await.unwrap();
    assert!(response.headers().contains_key("www-authenticate"));
}

#[tokio::test]
async fn problems_speak_the_callers_language() {
    let server = server().await;
    let ask = |language: &str| server.ask("ab").header("accept-language", language.to_owned());
    let portuguese = problem(ask("pt-BR,pt;q=0.9,en;q=0.5"), 400, "invalid_request").await;
    assert_eq!(portuguese["title"], "Requisição inválida");
    assert_eq!(portuguese["details"], json!(["question: deve ter de 3 a 1000 caracteres, não 2"]));
    let english = problem(ask("fr"), 400, "invalid_request").await;
    assert_eq!(english["details"], json!(["question: must have 3 to 1000 characters, not 2"]));
    let response = ask("pt").send().await.unwrap();
    assert_eq!(response.headers()["content-language"], "pt-BR");
}

#[tokio::test]
async fn a_request_id_and_a_trace_go_in_and_come_out() {
    let server = server().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = server
        .ask("Qual o prazo?")
        .header("x-request-id", "order-17/a")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "order-17/a");
    let out = response.headers()["traceparent"].to_str().unwrap().to_owned();
    assert!(out.starts_with(&format!("00-{trace}-")) && !out.contains("00f067aa0ba902b7"), "{out}");
    let asked = server.fake.0.asked.lock().unwrap();
    assert_eq!(&*asked[0].1.request_id, "order-17/a");
    assert_eq!(&*asked[0].1.trace_id, trace);
}

#[tokio::test]
async fn a_request_without_usable_ids_gets_fresh_ones() {
    let server = server().await;
    let ids = async || {
        let request = server.get("/live").header("x-request-id", "a b\"c").header("traceparent", "rubbish");
        let response = request.send().await.unwrap();
        let text = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        (text("x-request-id"), text("traceparent"))
    };
    let (one, two) = (ids().await, ids().await);
    assert_eq!((one.0.len(), one.1.len()), (32, 55));
    assert_ne!(one.0, two.0);
    assert_ne!(one.1, two.1);
}

#[tokio::test]
async fn pages_may_load_nothing_from_elsewhere() {
    let server = server().await;
    for path in ["/docs", "/operator"] {
        let response = server.get(path).send().await.unwrap();
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let page = response.text().await.unwrap();
        assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "{path} loads something");
    }
}

#[tokio::test]
async fn a_status_address_follows_a_proxy_and_never_a_strange_host() {
    let server = server().await;
    let upload = |host: &str| {
        let part = reqwest::multipart::Part::bytes(b"%PDF-1.7".to_vec()).file_name("a.pdf");
        server
            .client
            .post(format!("{}/v1/documents", server.url))
            .header("x-api-key", KEY)
            .header("host", host.to_owned())
            .header("x-forwarded-proto", "https")
            .multipart(reqwest::multipart::Form::new().part("file", part))
    };
    let url = async |host: &str| {
        let body: serde_json::Value = upload(host).send().await.unwrap().json().await.unwrap();
        body["status_url"].as_str().unwrap().to_owned()
    };
    assert_eq!(url("rag.example.org").await, format!("https://rag.example.org/v1/documents/{READY}"));
    assert_eq!(url("a<script>").await, format!("/v1/documents/{READY}"));
}
