//! What operators see and do: who may, what is wrong with what they send, and what goes into the audit log.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::fake::{KEY, OPERATOR_KEY, READY, Server, details, problem, server};

fn with(request: RequestBuilder, key: &str) -> RequestBuilder {
    request.header("x-api-key", key)
}

fn get(server: &Server, path: &str, key: &str) -> RequestBuilder {
    with(server.client.get(format!("{}{path}", server.url)), key)
}

fn act(server: &Server, body: &Value) -> RequestBuilder {
    with(server.client.post(format!("{}/v1/operator/actions", server.url)), OPERATOR_KEY).json(body)
}

const READINGS: [&str; 12] = [
    "/v1/operator/tree?under=ocr%2Fworker-0&limit=5",
    "/v1/operator/actor?node=n1&path=ocr",
    "/v1/operator/shards",
    "/v1/operator/failures?node=n1&limit=7",
    "/v1/operator/dead-letters",
    "/v1/operator/stalled?over_s=5",
    "/v1/operator/where/order-17",
    "/v1/operator/actions",
    "/v1/operator/recurring",
    "/v1/operator/prompts?version=p2",
    "/v1/operator/quality?suite=contracts",
    "/v1/operator/events",
];

#[tokio::test]
async fn only_a_key_of_the_operators_tenant_sees_the_nodes() {
    let server = server().await;
    for path in READINGS {
        problem(get(&server, path, KEY), 403, "operator_only").await;
        problem(server.client.get(format!("{}{path}", server.url)), 401, "key_missing").await;
        let response = get(&server, path, OPERATOR_KEY).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}");
    }
    let order = json!({ "action": "drain_node", "target": { "node": "n1" }, "reason": "its disk fails" });
    let stranger = server.post("/v1/operator/actions").json(&order);
    problem(stranger, 403, "operator_only").await;
    for (path, body) in [("/v1/operator/prompts", new_prompt()), ("/v1/operator/quality", new_suite())] {
        problem(server.post(path).json(&body), 403, "operator_only").await;
    }
}

fn new_prompt() -> Value {
    json!({ "pt": "[system]\n{context}\n[user]\n{question}", "en": "[system]\n{context}\n[user]\n{question}" })
}

fn new_suite() -> Value {
    let question = json!({ "question": "Qual o prazo?", "expected": { "contains": ["60 dias"], "page": 2 } });
    json!({ "suite": "contracts", "gate": { "min_score": 0.5 }, "questions": vec![question; 400] })
}

#[tokio::test]
async fn prompts_and_suites_arrive_whole_and_what_is_wrong_with_one_is_told() {
    let server = server().await;
    let post = |path: &str, body: &Value| {
        with(server.client.post(format!("{}{path}", server.url)), OPERATOR_KEY).json(body)
    };
    let kept: Value = post("/v1/operator/prompts", &new_prompt()).send().await.unwrap().json().await.unwrap();
    assert_eq!((&kept["outcome"], &kept["version"]), (&json!("done"), &json!("p1")));
    let taken: Value = post("/v1/operator/quality", &new_suite()).send().await.unwrap().json().await.unwrap();
    assert_eq!((&taken["outcome"], &taken["questions"]), (&json!("done"), &json!(400)), "{taken}");
    let said = problem(post("/v1/operator/prompts", &json!({ "pt": "x" })), 400, "invalid_request").await;
    assert!(details(&said)[0].starts_with("en: "), "{said}");
    let vague =
        json!({ "suite": "a", "questions": [{ "question": "Qual?", "expected": { "contain": [] } }] });
    let said = problem(post("/v1/operator/quality", &vague), 400, "invalid_request").await;
    assert!(details(&said)[0].starts_with("questions: "), "{said}");
}

#[tokio::test]
async fn a_question_arrives_as_it_was_asked_and_a_wrong_one_is_told_why() {
    let server = server().await;
    let asked: Value = get(&server, READINGS[0], OPERATOR_KEY).send().await.unwrap().json().await.unwrap();
    assert_eq!((&asked["under"], &asked["limit"]), (&json!("ocr/worker-0"), &json!(5)));
    let said =
        problem(get(&server, "/v1/operator/tree?limit=0&status=tired", OPERATOR_KEY), 400, "invalid_request");
    assert_eq!(details(&said.await).len(), 2);
    problem(get(&server, "/v1/operator/actor?node=n1", OPERATOR_KEY), 400, "invalid_request").await;
    problem(get(&server, "/v1/operator/actor?node=n1&path=nobody", OPERATOR_KEY), 404, "nothing_known").await;
    problem(get(&server, "/v1/operator/where/nobody", OPERATOR_KEY), 404, "nothing_known").await;
    problem(get(&server, "/v1/operator/elsewhere", OPERATOR_KEY), 404, "unknown_path").await;
}

#[tokio::test]
async fn an_action_needs_a_reason_and_a_target_and_leave() {
    let server = server().await;
    let order = json!({ "action": "retry_document", "target": { "document": READY }, "reason": "disk was full", "dry_run": true });
    let done: Value = act(&server, &order).send().await.unwrap().json().await.unwrap();
    assert_eq!((&done["outcome"], &done["action"]), (&json!("would_do"), &json!("retry_document")));
    let mut hasty = order.clone();
    hasty["reason"] = json!("x");
    hasty["target"] = json!({});
    let said = problem(act(&server, &hasty), 400, "invalid_request").await;
    assert!(details(&said)[0].starts_with("reason: "), "{said}");
    let forbidden =
        json!({ "action": "drain_node", "target": { "node": "forbidden" }, "reason": "its disk fails" });
    problem(act(&server, &forbidden), 403, "actions_disabled").await;
    let held = server.post(&format!("/v1/documents/{READY}/ask")).json(&json!({ "question": "quarantined" }));
    problem(held, 423, "quarantined").await;
}

#[tokio::test]
async fn what_changes_is_told_as_events() {
    let server = server().await;
    let response = get(&server, "/v1/operator/events", OPERATOR_KEY).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let (mut text, mut response) = (String::new(), response);
    while !text.contains("\n\nid: 2") {
        text.push_str(&String::from_utf8_lossy(&response.chunk().await.unwrap().unwrap()));
    }
    assert!(text.contains("id: 1\nevent: actor\ndata: {\"path\":\"ocr\"}\n\n"), "{text}");
}
