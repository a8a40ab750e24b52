//! One effect per `Idempotency-Key`: the same answer again, another request refused, one in work told to wait.

use std::sync::atomic::Ordering;

use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::fake::*;

fn upload(server: &Server, key: &str, bytes: &[u8], template: &str) -> RequestBuilder {
    let part = Part::bytes(bytes.to_vec()).file_name("ata.pdf");
    let form = Form::new().part("file", part).text("template", template.to_owned());
    server.post("/v1/documents").header("idempotency-key", key.to_owned()).multipart(form)
}

#[tokio::test]
async fn the_same_upload_with_the_same_key_has_one_effect_and_one_answer() {
    let server = server().await;
    let mut answers = Vec::new();
    for replayed in [false, true, true] {
        let answer = upload(&server, "k-1", b"%PDF-1.7 one", "generic").send().await.unwrap();
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.headers().contains_key("idempotency-replayed"), replayed);
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        answers.push((location, answer.text().await.unwrap()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(server.fake.0.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let server = server().await;
    upload(&server, "k-1", b"%PDF-1.7 one", "generic").send().await.unwrap();
    for (bytes, template) in [(&b"%PDF-1.7 two"[..], "generic"), (b"%PDF-1.7 one", "inventory")] {
        problem(upload(&server, "k-1", bytes, template), 422, "idempotency_mismatch").await;
    }
    assert_eq!(server.fake.0.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_in_work_keeps_its_repetition_waiting() {
    let server = server().await;
    let (sender, body) = piped();
    sender.send(b"%PDF-1.7".repeat(200)).unwrap();
    let form = Form::new().part("file", Part::stream(body).file_name("ata.pdf"));
    let request = server.post("/v1/documents").header("idempotency-key", "k-1").multipart(form);
    let first = tokio::spawn(request.send());
    server.fake.0.entered.notified().await;
    let repeated = upload(&server, "k-1", b"%PDF-1.7 one", "generic");
    let answer = repeated.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (409, "2"));
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "in_progress");
    drop(sender);
    assert_eq!(first.await.unwrap().unwrap().status(), 202);
}

#[tokio::test]
async fn what_was_refused_or_broken_off_leaves_its_key_free() {
    let server = server().await;
    problem(upload(&server, "k-1", b"no pdf", "generic"), 400, "invalid_request").await;
    let (sender, body) = piped();
    sender.send(b"%PDF-1.7".repeat(200)).unwrap();
    let form = Form::new().part("file", Part::stream(body).file_name("ata.pdf"));
    let request = server.post("/v1/documents").header("idempotency-key", "k-1").multipart(form);
    let cut = tokio::spawn(request.send());
    server.fake.0.entered.notified().await;
    cut.abort();
    drop(sender);
    while !server.fake.0.ledger.0.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(upload(&server, "k-1", b"%PDF-1.7 one", "generic").send().await.unwrap().status(), 202);
}

#[tokio::test]
async fn a_key_that_is_none_says_so() {
    let server = server().await;
    let body = problem(upload(&server, "a b", b"%PDF-1.7 one", "generic"), 400, "invalid_request").await;
    assert_eq!(body["violations"][0]["field"], "Idempotency-Key");
    assert_eq!(server.fake.0.begun.load(Ordering::SeqCst), 0);
}
