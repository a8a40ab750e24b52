//! Uploads: streaming, every wrong field, size, abort.

use std::sync::atomic::Ordering;

use enabler_http::Template;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::fake::{KEY, details, problem, server};

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF";

fn file(bytes: &[u8]) -> Part {
    Part::bytes(bytes.to_vec()).file_name("../ata de março.pdf")
}

#[tokio::test]
async fn an_upload_is_accepted_with_its_status_address() {
    let server = server().await;
    let form =
        Form::new().part("file", file(PDF)).text("template", "inventory").text("metadata", r#"{"a": 1}"#);
    let response = server.post("/v1/documents").multipart(form).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], "processing");
    assert_eq!(body["estimated_time_seconds"], 7);
    assert_eq!(body["status_url"], format!("{}{location}", server.url));
    let uploads = server.fake.0.uploads.lock().unwrap();
    let (bytes, meta) = &uploads[0];
    assert_eq!(*bytes, PDF.len());
    assert_eq!(meta.filename, "ata de março.pdf");
    assert_eq!(meta.template, Template::Inventory);
    assert_eq!(meta.metadata["a"], 1);
}

#[tokio::test]
async fn fields_may_come_in_any_order_and_only_the_file_is_needed() {
    let server = server().await;
    let before = Form::new().text("metadata", "{}").text("template", "generic").part("file", file(PDF));
    assert_eq!(server.post("/v1/documents").multipart(before).send().await.unwrap().status(), 202);
    let alone = Form::new().part("file", file(PDF));
    assert_eq!(server.post("/v1/documents").multipart(alone).send().await.unwrap().status(), 202);
    assert_eq!(server.fake.0.uploads.lock().unwrap()[1].1.template, Template::Generic);
}

#[tokio::test]
async fn every_wrong_field_of_an_upload_is_said_at_once_and_nothing_is_stored() {
    let server = server().await;
    let form = Form::new()
        .text("template", "contract")
        .text("metadata", "[1]")
        .text("color", "red")
        .part("file", file(b"just text"));
    let body = problem(server.post("/v1/documents").multipart(form), 400, "invalid_request").await;
    let details = details(&body);
    assert_eq!(details.len(), 4, "{details:?}");
    assert!(details[0].starts_with("template: must be one of licencas_software, inventory"), "{details:?}");
    assert!(details[1].starts_with("metadata: must be a JSON object"), "{details:?}");
    assert!(details[2].starts_with("form: \"color\" is no field"), "{details:?}");
    assert!(details[3].starts_with("file: is not a PDF, whatever its name says"), "{details:?}");
    assert_eq!(server.fake.0.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_field_found_wrong_after_the_file_aborts_the_upload() {
    let server = server().await;
    let form = Form::new().part("file", file(PDF)).text("template", "contract");
    problem(server.post("/v1/documents").multipart(form), 400, "invalid_request").await;
    assert_eq!(server.fake.0.aborted.load(Ordering::SeqCst), 1);
    assert!(server.fake.0.uploads.lock().unwrap().is_empty());
}

#[tokio::test]
async fn each_thing_wrong_with_a_file_has_its_own_message() {
    let server = server().await;
    for (form, message) in [
        (Form::new().text("template", "generic"), "file: is missing"),
        (Form::new().part("file", file(b"")), "file: is empty; check that the right file was chosen"),
        (Form::new().part("file", file(PDF)).part("file", file(PDF)), "file: was sent twice; send it once"),
    ] {
        let body = problem(server.post("/v1/documents").multipart(form), 400, "invalid_request").await;
        assert_eq!(details(&body), [message]);
    }
    let broken = Form::new().part("file", file(PDF)).text("metadata", "{\"a\": }");
    let body = problem(server.post("/v1/documents").multipart(broken), 400, "invalid_request").await;
    assert_eq!(details(&body), ["metadata: The body is not valid JSON: expected value at line 1, column 7."]);
}

#[tokio::test]
async fn a_file_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let server = server().await;
    let mut bytes = PDF.to_vec();
    bytes.resize(100_000, b' ');
    let form = Form::new().part("file", file(&bytes));
    assert_eq!(server.post("/v1/documents").multipart(form).send().await.unwrap().status(), 202);
    bytes.push(b' ');
    let form = Form::new().part("file", file(&bytes));
    let body = problem(server.post("/v1/documents").multipart(form), 413, "too_large").await;
    assert!(body["detail"].as_str().unwrap().starts_with("The file is larger than 100000 bytes"));
    assert_eq!(server.fake.0.aborted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_far_too_large_upload_is_refused_before_anything_is_stored_and_its_sender_hears_why() {
    let server = server().await;
    let form = Form::new().part("file", file(&vec![b'%'; 5_000_000]));
    problem(server.post("/v1/documents").multipart(form), 413, "too_large").await;
    // The length is not always said before.
    let pieces = futures_util::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 50_000])));
    let body = reqwest::Body::wrap_stream(pieces);
    let part = Part::stream(body).file_name("a.pdf");
    let form = Form::new().part("file", file(PDF)).part("other", part);
    problem(server.post("/v1/documents").multipart(form), 413, "too_large").await;
    assert!(server.fake.0.uploads.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let server = server().await;
    let upload = || server.post("/v1/documents");
    let body = problem(upload().json(&serde_json::json!({})), 415, "unsupported_media_type").await;
    assert!(
        body["detail"].as_str().unwrap().starts_with("The body is application/json; send it as multipart")
    );
    problem(upload().body("x"), 415, "unsupported_media_type").await;
    let form =
        |text: &'static str| upload().header("content-type", "multipart/form-data; boundary=x").body(text);
    problem(form("no boundary here"), 400, "invalid_request").await;
    problem(
        form("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n%PDF-1"),
        400,
        "invalid_request",
    )
    .await;
    let without = upload().header("content-type", "multipart/form-data").body("x");
    problem(without, 400, "invalid_request").await;
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_aborts_its_upload() {
    use tokio::io::AsyncWriteExt as _;
    let server = server().await;
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/documents HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: 50000\r\n\
         content-type: multipart/form-data; boundary=x\r\n\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&[b' '; 20_000]).await.unwrap();
    server.fake.0.entered.notified().await;
    drop(stream);
    server.fake.0.cancelled.notified().await;
    assert_eq!(server.fake.0.aborted.load(Ordering::SeqCst), 1);
}
