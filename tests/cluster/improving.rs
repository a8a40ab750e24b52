//! Suites of questions are run by one of all nodes, and a prompt that makes answers worse is held back from all of them.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::door::{Door, MustAnswer, until};
use super::harness::{ALL, Cluster, KEEPS};
use crate::papers::note;
use crate::providers::Ollama;

const LINES: [&str; 2] = [
    "Ata da reuniao do Clube de Remo Agua Funda, realizada em 4 de maio de 2026.",
    "A tesoureira do clube e Marlene Figueira Duarte, eleita por aclamacao.",
];
const QUESTION: &str = "Quem e a tesoureira do clube?";
const PORTUGUESE: &str = "[system]\nResponda com os trechos.\n{context}\n[user]\n{question}";
const ENGLISH: &str = "[system]\nAnswer from the passages.\n{context}\n[user]\n{question}";
/// Nodes of the cluster.
const NODES: usize = 3;

async fn cluster(server: &Ollama) -> Cluster {
    let mut cluster = Cluster::prepare(&[ALL, KEEPS, KEEPS]).await;
    let models = format!(
        "[operator]\nactions = true\n[models]\ngeneration = \"ollama:write\"\n\
         [providers]\nollama_url = {:?}\n",
        server.url
    );
    for number in 0..NODES {
        cluster.begin_with(number, |settings| format!("{settings}{models}"));
    }
    for number in 0..NODES {
        cluster.become_ready(number).await.unwrap_or_else(|why| panic!("a node is not ready: {why}"));
    }
    cluster.calm().await;
    cluster
}

async fn see(door: &Door, path: &str) -> Value {
    let answer = door.request(Method::GET, &format!("/v1/operator/{path}")).send().await.unwrap();
    let (status, body): (_, Value) = (answer.status(), answer.json().await.unwrap());
    assert!(status.is_success(), "{path} at {}: {body}", door.name);
    body
}

async fn post(door: &Door, path: &str, body: &Value) -> Value {
    let answer = door.request(Method::POST, &format!("/v1/operator/{path}")).json(body).send().await.unwrap();
    let (status, said): (_, Value) = (answer.status(), answer.json().await.unwrap());
    assert!(status.is_success(), "{path}: {said}");
    said
}

async fn act(door: &Door, action: &str, target: Value, force: bool) -> Value {
    let order = json!({ "action": action, "target": target, "reason": "a test wants it", "force": force });
    post(door, "actions", &order).await
}

/// Waits until the suites have said something of the order with this id.
async fn concluded(door: &Door, id: &Value) -> Value {
    let mut change = Value::Null;
    until("the suites have been asked", async || {
        let told = see(door, "prompts").await;
        let changes = told["changes"].as_array().unwrap().clone();
        change = changes.into_iter().find(|change| change["id"] == *id).unwrap_or(Value::Null);
        change.is_object()
    })
    .await;
    change
}

/// Waits until every node drafts with this version, whichever of them is asked.
async fn until_all_draft_with(cluster: &Cluster, version: &str) {
    until("every node drafts with the version", async || {
        let told = see(cluster.door(2), "prompts").await;
        let nodes = told["nodes"].as_array().unwrap();
        told["in_force"] == version
            && nodes.len() == NODES
            && nodes.iter().all(|node| node["prompt"] == version)
    })
    .await;
}

/// The metrics that a node tells, by the file that it leaves for programs.
async fn metrics(data: &Path) -> String {
    let file: Value = serde_json::from_slice(&std::fs::read(data.join("node.json")).unwrap()).unwrap();
    reqwest::get(file["metrics"].as_str().unwrap()).await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_worse_prompt_is_refused_with_the_questions_named_forced_everywhere_and_rolled_back() {
    let server = Ollama::start().await;
    let cluster = cluster(&server).await;
    let (first, second, third) = (cluster.door(0), cluster.door(1), cluster.door(2));
    let id = first.accepted("ata.pdf", note(&LINES)).await;
    assert_eq!(first.settled(&id).await["status"], "ready");

    let suite = json!({
        "suite": "club",
        "gate": { "min_score": 0.5, "max_drop": 0.05 },
        "questions": [
            { "id": "treasurer", "question": QUESTION, "document": "ata.pdf",
              "expected": { "contains": ["marlene  figueira DUARTE"], "page": 1, "drafted": true } },
            { "id": "cup", "question": "Qual foi o placar da final da copa de Zurique?", "document": id,
              "expected": { "refused": true } },
        ],
    });
    let put = post(second, "quality", &suite).await;
    assert_eq!(put["outcome"], "done", "{put}");
    let begun = act(third, "run_suite", json!({ "suite": "club" }), false).await;
    assert_eq!(begun["outcome"], "begun", "{begun}");
    let mut told = Value::Null;
    until("the suite has been run", async || {
        told = see(first, "quality?suite=club").await;
        told["suites"][0]["last"].is_object() && told["suites"][0]["waits_for_a_run"] == false
    })
    .await;
    let (suite, run) = (&told["suites"][0], &told["runs"][0]);
    assert_eq!((&run["wrong"], &suite["last"]["score"]["total"]), (&json!([]), &json!(1.0)), "{told:#}");
    assert_eq!(suite["baseline"]["run"], suite["last"]["run"]);
    assert_eq!((&run["versions"]["prompt"], &run["passes"]), (&json!("v1"), &json!(true)));
    assert_eq!(run["versions"]["models"], json!(["ollama:write"]));
    assert!(!run.to_string().contains("Marlene"), "no answer is written down: {run}");
    let holder = see(first, "recurring").await["holder"].as_str().unwrap().to_owned();
    let holder = cluster.data_of(cluster.number_of(&holder));
    let mut text = String::new();
    until("the score is a metric", async || {
        text = metrics(&holder).await;
        let line = |name: &str| text.lines().find(|line| line.starts_with(name) && line.contains("\"club\""));
        line("rag_enabler_quality_regressed").is_some_and(|line| line.ends_with(" 0"))
            && text.lines().any(|line| line.contains("measure=\"total\"") && line.ends_with(" 1"))
    })
    .await;
    assert!(!text.contains("treasurer"), "questions are not in the metrics");

    let good = json!({ "pt": PORTUGUESE, "en": ENGLISH, "note": "shorter" });
    assert_eq!(post(first, "prompts", &good).await["version"], "p1");
    let bad = json!({ "pt": PORTUGUESE.replace("Responda", "Escreva banana e nada"), "en": ENGLISH });
    assert_eq!(post(second, "prompts", &bad).await["version"], "p2");
    let blind = json!({ "pt": PORTUGUESE.replace("{context}", ""), "en": ENGLISH });
    let refused = post(second, "prompts", &blind).await;
    assert_eq!((&refused["outcome"], &refused["version"]), (&json!("refused"), &Value::Null), "{refused}");

    // The gate.
    let begun = act(second, "promote_prompt", json!({ "prompt": "p2" }), false).await;
    assert_eq!(begun["outcome"], "begun", "{begun}");
    let change = concluded(third, &begun["id"]).await;
    let detail = change["detail"].as_str().unwrap();
    assert_eq!(change["what"], "refused", "{change}");
    for said in ["suite club", "and 1.000 before", "turned wrong: treasurer"] {
        assert!(detail.contains(said), "{detail}");
    }
    assert!(!detail.contains("cup"), "{detail}");
    until_all_draft_with(&cluster, "v1").await;
    let begun = act(second, "promote_prompt", json!({ "prompt": "p1" }), false).await;
    assert_eq!(concluded(third, &begun["id"]).await["what"], "promoted");
    until_all_draft_with(&cluster, "p1").await;

    // Past it, and back.
    let ask = async |door: &Door| door.ask(&id, QUESTION).await.unwrap().body;
    let before = ask(first).await;
    assert!(before["answer"].as_str().unwrap().starts_with("A tesoureira do clube"), "{before}");
    let forced = act(second, "promote_prompt", json!({ "prompt": "p2" }), true).await;
    assert_eq!(forced["outcome"], "done", "{forced}");
    until_all_draft_with(&cluster, "p2").await;
    for door in [first, second, third] {
        let answer = ask(door).await;
        assert_ne!(answer["answer"], before["answer"], "{}: an answer of another prompt", door.name);
    }
    let actions = see(first, "actions").await["actions"].as_array().unwrap().clone();
    assert!(actions.iter().any(|one| one["force"] == true && one["reason"] == "a test wants it"));
    let back = act(third, "rollback_prompt", json!({}), false).await;
    assert_eq!(back["outcome"], "done", "{back}");
    until_all_draft_with(&cluster, "p1").await;
    for door in [first, second, third] {
        assert_eq!(ask(door).await["answer"], before["answer"], "{}", door.name);
    }
    act(first, "rollback_prompt", json!({}), false).await;
    until_all_draft_with(&cluster, "v1").await;
    let last = act(first, "rollback_prompt", json!({}), false).await;
    assert_eq!(last["outcome"], "refused", "{last}");
}
