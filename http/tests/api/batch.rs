//! Many uploads or questions in one call.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use enabler_http::*;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fake::{MISSING, Product, READY, answer, details, document, problem, server};

const BATCH: &str = "00000000-0000-4000-8000-0000000000ba";

#[async_trait]
impl BatchApi for Product {
    async fn begin_batch(&self, context: &Context, items: Vec<BatchItem>) -> Result<Uuid, ApiError> {
        assert_eq!(context.tenant.name(), "ana");
        *self.0.0.batch.lock().unwrap() = items;
        Ok(Uuid::try_parse(BATCH).unwrap())
    }

    async fn batch(&self, _: &Context, id: Uuid) -> Result<Batch, ApiError> {
        if id.to_string() == MISSING {
            return Err(ApiError::BatchUnknown { id });
        }
        let state = |item: &BatchItem| match item {
            BatchItem::Refused { .. } => ItemState::Refused,
            BatchItem::Upload { document_id } => ItemState::Document(Box::new(document(*document_id))),
            BatchItem::Question { ask, .. } if ask.question == "wait" => ItemState::Waiting,
            BatchItem::Question { ask, .. } if ask.question == "late" => {
                ItemState::Failed(ApiError::NotAnswered)
            }
            BatchItem::Question { .. } => ItemState::Answered(Box::new(answer())),
        };
        let items = self.0.0.batch.lock().unwrap().iter().map(|item| (item.clone(), state(item))).collect();
        Ok(Batch { created_at: time::OffsetDateTime::UNIX_EPOCH, items })
    }
}

#[tokio::test]
async fn each_file_of_a_batch_is_taken_or_refused_by_itself() {
    let server = server().await;
    let pdf = |name: &str| Part::bytes(b"%PDF-1.7 text".to_vec()).file_name(name.to_owned());
    let form = Form::new()
        .text("template", "inventory")
        .part("file", pdf("a.pdf"))
        .part("file", Part::bytes(b"no pdf".to_vec()).file_name("b.pdf"))
        .part("file", Part::bytes(vec![]).file_name("c.pdf"))
        .text("metadata", "{\"unit\": 2}")
        .part("file", pdf("d.pdf"));
    let response = server.post("/v1/batch").multipart(form).send().await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(response.headers()["location"], format!("/v1/batch/{BATCH}").as_str());
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status_url"], format!("{}/v1/batch/{BATCH}", server.url));
    let items = body["items"].as_array().unwrap();
    let status: Vec<_> = items.iter().map(|item| item["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["processing", "failed", "failed", "processing"]);
    assert!(items[0]["status_url"].as_str().unwrap().ends_with(&format!("/v1/documents/{READY}")), "{body}");
    assert!(items[1]["error"].as_str().unwrap().contains("is not a PDF"), "{body}");
    assert!(items[2]["error"].as_str().unwrap().contains("is empty"), "{body}");
    let taken = server.fake.0.uploads.lock().unwrap().clone();
    let metas: Vec<_> =
        taken.iter().map(|(_, meta)| (meta.filename.as_str(), meta.template, meta.metadata.len())).collect();
    assert_eq!(metas, [("a.pdf", Template::Inventory, 0), ("d.pdf", Template::Inventory, 1)]);
    assert_eq!(server.fake.0.aborted.load(Ordering::SeqCst), 0);
    let shown: Value = server.get(&format!("/v1/batch/{BATCH}")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&shown["status"], &shown["ready"], &shown["failed"]), (&json!("done"), &json!(2), &json!(2)));
}

#[tokio::test]
async fn a_file_that_is_too_large_does_not_end_the_batch() {
    let server = server().await;
    let sized = |bytes: usize| {
        let file = [b"%PDF-1.7 ".to_vec(), vec![b'x'; bytes]].concat();
        Part::bytes(file).file_name("a.pdf")
    };
    let form = Form::new().part("file", sized(150_000)).part("file", sized(10));
    let body: Value = server.post("/v1/batch").multipart(form).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&body["items"][0]["status"], &body["items"][1]["status"]),
        (&json!("failed"), &json!("processing"))
    );
    assert!(body["items"][0]["error"].as_str().unwrap().contains("larger than"), "{body}");
    assert_eq!(server.fake.0.aborted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_batch_that_is_none_takes_nothing() {
    let server = server().await;
    let file = || Part::bytes(b"%PDF-1.7 text".to_vec()).file_name("a.pdf");
    for form in [
        Form::new().text("template", "inventory"),
        Form::new().text("template", "other").part("file", file()),
        Form::new().text("what", "x").part("file", file()),
    ] {
        problem(server.post("/v1/batch").multipart(form), 400, "invalid_request").await;
    }
    assert!(server.fake.0.uploads.lock().unwrap().is_empty());
    problem(server.post("/v1/batch").json(&json!({})), 400, "invalid_request").await;
    problem(server.post("/v1/batch").body("x"), 415, "unsupported_media_type").await;
}

#[tokio::test]
async fn each_question_of_a_batch_has_its_status_and_answer() {
    let server = server().await;
    let questions = json!([
        {"question": "Quem é a síndica?", "document_id": READY, "include_sources": false},
        {"question": "wait"}, {"question": "late"},
    ]);
    let begun = server.post("/v1/batch").json(&json!({ "questions": questions })).send().await.unwrap();
    assert_eq!(begun.status(), 202);
    let shown: Value = server.get(&format!("/v1/batch/{BATCH}")).send().await.unwrap().json().await.unwrap();
    assert_eq!(shown["status"], "processing");
    let items = shown["items"].as_array().unwrap();
    assert_eq!(
        (&items[0]["status"], &items[0]["answer"]["answer"]),
        (&json!("ready"), &json!("Dalva Prestes."))
    );
    assert_eq!(items[0]["answer"]["sources"], json!([]));
    assert_eq!(items[1]["status"], "processing");
    assert_eq!((&items[2]["status"], &items[2]["error_code"]), (&json!("failed"), &json!("deadline")));
    let wrong = json!({"questions": [{"question": "Quem?"}, {"question": "x", "session_id": "a"}]});
    let body = problem(server.post("/v1/batch").json(&wrong), 400, "invalid_request").await;
    assert!(details(&body)[0].starts_with("questions: item 1"), "{body}");
    problem(server.get(&format!("/v1/batch/{MISSING}")), 404, "batch_not_found").await;
}
