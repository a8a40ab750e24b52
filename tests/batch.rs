//! Many uploads or questions in one call: each has its own end, also when the node is killed.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::node::{Home, Node, POLL};
use crate::papers::note;

/// The batch once none of its items is under way.
async fn done(node: &Node, id: &str) -> Value {
    let done = async {
        loop {
            let (status, batch) = node.read(&format!("/v1/batch/{id}")).await;
            assert_eq!(status, StatusCode::OK, "{batch}");
            if batch["status"] == "done" {
                return batch;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let done = tokio::time::timeout(std::time::Duration::from_secs(180), done).await;
    done.unwrap_or_else(|_| panic!("batch {id} does not end:\n{}", node.last_words()))
}

fn states(batch: &Value) -> Vec<&str> {
    batch["items"].as_array().unwrap().iter().map(|item| item["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_batch_of_files_outlives_the_node_and_its_questions_are_answered() {
    let home = Home::new();
    let node = home.start().await;
    let files = vec![
        ("um.pdf", note(&["O comprovante numero 101 foi arquivado na pasta azul."])),
        ("texto.pdf", b"no pdf at all".to_vec()),
        ("dois.pdf", note(&["O comprovante numero 202 foi arquivado na pasta verde."])),
    ];
    let (status, begun) = node.batch(files).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    node.kill().await;
    let node = home.start().await;
    let id = begun["batch_id"].as_str().unwrap();
    let batch = done(&node, id).await;
    assert_eq!(states(&batch), ["ready", "failed", "ready"], "{batch}");
    assert_eq!(batch["items"][2]["filename"], "dois.pdf");
    let document = |at: usize| batch["items"][at]["document_id"].as_str().unwrap().to_owned();

    let questions = json!({"questions": [
        {"question": "Onde foi arquivado o comprovante 101?", "document_id": document(0)},
        {"question": "Onde foi arquivado o comprovante 202?"},
        {"question": "Onde foi arquivado?", "document_id": "00000000-0000-4000-8000-000000000000"},
    ]});
    let (status, begun) = node.post("/v1/batch", &questions).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    let id = begun["batch_id"].as_str().unwrap();
    let batch = done(&node, id).await;
    assert_eq!(states(&batch), ["ready", "ready", "failed"], "{batch}");
    let said = |at: usize| batch["items"][at]["answer"]["answer"].as_str().unwrap().to_owned();
    assert!(said(0).contains("azul") && said(1).contains("verde"), "{batch}");
    assert_eq!(batch["items"][2]["error_code"], "document_not_found");

    // What was answered from a document goes with it.
    assert_eq!(node.try_delete(&document(0)).await, Some(StatusCode::NO_CONTENT));
    let (_, batch) = node.read(&format!("/v1/batch/{id}")).await;
    assert_eq!(states(&batch)[0], "failed");
    assert!(!batch.to_string().contains("azul"), "{batch}");
    let (status, _) = node.read("/v1/batch/00000000-0000-4000-8000-000000000000").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
