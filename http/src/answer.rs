//! Answers of requests that went well, as the contract shapes them.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use warp::http::{HeaderMap, StatusCode, header};
use warp::reply::Response;

use crate::document::{Accepted, Document, DocumentList, Status};
use crate::language::Language;

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            typed(status, bytes.into(), header::HeaderValue::from_static("application/json; charset=utf-8"))
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "writing an answer as JSON");
            let mut response = Response::default();
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

/// A page for people. It may load nothing from elsewhere and run only what it carries.
pub(crate) fn html(page: &'static str) -> Response {
    let html = header::HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = typed(StatusCode::OK, page.into(), html);
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        header::HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    );
    response
}

fn typed(status: StatusCode, body: bytes::Bytes, content_type: header::HeaderValue) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// What an upload is answered with.
pub(crate) fn accepted(accepted: &Accepted, headers: &HeaderMap) -> Response {
    let path = format!("/v1/documents/{}", accepted.document_id);
    let body = json!({
        "document_id": accepted.document_id,
        "status": "processing",
        "estimated_time_seconds": accepted.estimated_time_seconds,
        "status_url": absolute(headers, &path),
        "duplicate": accepted.duplicate,
    });
    let mut response = json(StatusCode::ACCEPTED, &body);
    if let Ok(location) = header::HeaderValue::try_from(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The address of `path` as the client reaches it; only the path when the client does not say how.
pub(crate) fn absolute(headers: &HeaderMap, path: &str) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    match text("host").filter(|host| !host.is_empty() && host.bytes().all(plain)) {
        Some(host) => {
            let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
            format!("{scheme}://{host}{path}")
        }
        None => path.to_owned(),
    }
}

/// A document with its pages.
pub(crate) fn document(document: &Document, language: Language) -> Value {
    let mut body = summary(document, language);
    body["metadata"] = document.metadata.clone().into();
    body["pages"] = json!(document.pages);
    body
}

/// A document as a list shows it.
fn summary(document: &Document, language: Language) -> Value {
    json!({
        "id": document.id,
        "filename": document.filename,
        "status": document.status,
        "page_count": document.page_count,
        "word_count": document.word_count,
        "template": document.template.name(),
        "created_at": time(document.created_at),
        "processed_at": document.processed_at.map(time),
        "error": document.failure.as_ref().map(|failure| failure.message(language)),
        "error_code": document.failure.as_ref().map(|failure| failure.code.name()),
        "sha256": document.sha256,
        "size_bytes": document.size_bytes,
        "progress": (document.status == Status::Processing).then_some(document.progress),
    })
}

/// A part of the list of documents.
pub(crate) fn list(list: &DocumentList, language: Language) -> Value {
    let documents: Vec<Value> = list.documents.iter().map(|one| summary(one, language)).collect();
    json!({ "documents": documents, "next_cursor": list.next_cursor })
}

pub(crate) fn time(at: OffsetDateTime) -> String {
    // Only a year beyond 9999 cannot be written so.
    at.format(&Rfc3339).unwrap_or_default()
}
