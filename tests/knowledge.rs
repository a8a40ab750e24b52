//! Everything that a tenant has is searched and asked as one; a conversation goes on where it was.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::node::{Home, Node};
use crate::papers::{note, sample, tour};

async fn post(node: &Node, path: &str, body: &Value) -> Value {
    let (status, answer) = node.post(path, body).await;
    assert_eq!(status, StatusCode::OK, "{body}: {answer}");
    answer
}

/// The samples, by name with their ids.
async fn samples(node: &Node) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for file in tour()["files"].as_array().unwrap() {
        let path = file["path"].as_str().unwrap().to_owned();
        let id = node.accepted(&path, sample(&path)).await;
        ids.insert(path, id);
    }
    for id in ids.values() {
        assert_eq!(node.settled(id).await["status"], "ready");
    }
    ids
}

fn of(results: &Value, field: &str) -> Vec<String> {
    let list = results["results"].as_array().unwrap().iter();
    list.map(|one| one[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_question_finds_its_document_among_all_and_names_it() {
    let home = Home::new();
    let node = home.start().await;
    let ids = samples(&node).await;
    let mut wrong = Vec::new();
    let tour = tour();
    for one in tour["questions"].as_array().unwrap().iter().chain(tour["checks"].as_array().unwrap()) {
        let (question, document) = (one["question"].as_str().unwrap(), one["document"].as_str().unwrap());
        let answer = post(&node, "/v1/query", &json!({ "question": question })).await;
        let said = answer["answer"].as_str().unwrap().to_lowercase();
        let has = |words: &Value| {
            words.as_str().unwrap().split('|').any(|word| said.contains(&word.to_lowercase()))
        };
        let proof = |source: &Value| {
            source["document_id"] == ids[document]
                && source["filename"] == document
                && source["page"] == one["page"]
        };
        let is_right = answer["answered"] == true
            && one["words"].as_array().unwrap().iter().all(has)
            && answer["sources"].as_array().unwrap().iter().any(proof);
        if !is_right {
            wrong.push(format!("{question}: {}", answer["answer"]));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_search_finds_what_is_there_and_only_in_the_documents_that_have_the_facts() {
    let home = Home::new();
    let node = home.start().await;
    let text =
        |unit: &str| format!("O comprovante de pagamento da unidade {unit} foi arquivado na pasta azul.");
    let mut ids = Vec::new();
    // As many as are spread over every shard.
    for unit in 0..8 {
        let metadata = json!({"unit": unit, "side": if unit % 2 == 0 { "norte" } else { "sul" }});
        let template = if unit < 4 { "inventory" } else { "generic" };
        let file = format!("nota-{unit}.pdf");
        let (status, body) =
            node.upload_with(&file, note(&[&text(&unit.to_string())]), template, &metadata).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        ids.push(body["document_id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        assert_eq!(node.settled(id).await["status"], "ready");
    }
    let search = async |filters: Value| {
        let body = json!({"query": "comprovante de pagamento arquivado", "top_k": 50, "filters": filters});
        let mut found = of(&post(&node, "/v1/search", &body).await, "document_id");
        found.sort();
        found
    };
    let expect = |units: &[usize]| {
        let mut expected: Vec<String> = units.iter().map(|unit| ids[*unit].clone()).collect();
        expected.sort();
        expected
    };
    assert_eq!(search(json!({})).await, expect(&[0, 1, 2, 3, 4, 5, 6, 7]));
    assert_eq!(search(json!({"side": "sul"})).await, expect(&[1, 3, 5, 7]));
    assert_eq!(search(json!({"side": "sul", "document_type": "generic"})).await, expect(&[5, 7]));
    assert_eq!(search(json!({"unit": "3"})).await, expect(&[3]));
    assert_eq!(search(json!({"filename": "nota-6.pdf", "language": "pt"})).await, expect(&[6]));
    assert_eq!(search(json!({"language": "en"})).await, expect(&[]));
    assert_eq!(search(json!({"nobody": "knows"})).await, expect(&[]));
    let body = json!({"query": "comprovante da unidade 5", "top_k": 3});
    let best = post(&node, "/v1/search", &body).await;
    assert_eq!(best["results"].as_array().unwrap().len(), 3);
    assert_eq!(best["results"][0]["document_id"], ids[5], "{best}");
    assert_eq!(best["results"][0]["metadata"], json!({"unit": 5, "side": "sul"}));
    let scores: Vec<f64> =
        best["results"].as_array().unwrap().iter().map(|one| one["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");

    let question = json!({"question": "Onde foi arquivado o comprovante da unidade 5?"});
    let answer = post(&node, "/v1/query", &question).await;
    assert!(answer["answer"].as_str().unwrap().contains("pasta azul"), "{answer}");
    assert_eq!(post(&node, "/v1/query", &question).await["cached"], true);
    assert_eq!(node.try_delete(&ids[5]).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(search(json!({"side": "sul"})).await, expect(&[1, 3, 7]));
    let answer = post(&node, "/v1/query", &question).await;
    assert_eq!(answer["cached"], false, "{answer}");
    assert!(!answer.to_string().contains(&ids[5]), "a deleted document answers: {answer}");
}

#[tokio::test]
async fn a_follow_up_is_understood_within_its_session_and_nowhere_else() {
    let home = Home::new();
    let node = home.start().await;
    let ids = samples(&node).await;
    let id = &ids["parecer-licencas-rota-clara.pdf"];
    let path = format!("/v1/documents/{id}/ask");
    let ask = async |path: &str, question: &str, session: Option<&str>| {
        let body = json!({ "question": question, "session_id": session });
        let answer = post(&node, path, &body).await;
        assert_eq!(answer.get("session_id").and_then(Value::as_str), session);
        answer["answer"].as_str().unwrap().to_owned()
    };
    for path in [path.as_str(), "/v1/query"] {
        let first = ask(path, "Qual a versão do Lume PDF?", Some("one")).await;
        assert!(first.contains("Lume"), "{path}: {first}");
        let second = ask(path, "E do Cumbuca DB?", Some("one")).await;
        assert!(second.contains("12.3"), "{path}: {second}");
        for session in [None, Some("two")] {
            let alone = ask(path, "E do Cumbuca DB?", session).await;
            assert_ne!(alone, second, "{path}: a conversation that never was");
        }
    }
    // What was said of one document is not said of another.
    let other = format!("/v1/documents/{}/ask", ids["ata-solar-das-acacias.pdf"]);
    let body = json!({ "question": "E do Cumbuca DB?", "session_id": "one" });
    assert_eq!(post(&node, &other, &body).await["answered"], false);
}
