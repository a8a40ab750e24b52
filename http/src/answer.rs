//! Answers of requests that went well, as the contract shapes them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use warp::http::{HeaderMap, StatusCode, header};
use warp::reply::Response;

use crate::audit::Touched;
use crate::document::{Accepted, Document, DocumentList, Status};
use crate::language::Language;
use crate::shapes::{DocumentAccepted, DocumentDetail, DocumentPart, DocumentSummary};

/// The headers that most answers have in the end.
const HEADERS_MOST: usize = 12;

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => json_bytes(status, bytes.into()),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "writing an answer as JSON");
            let mut response = Response::default();
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

/// A JSON answer that is written already.
pub(crate) fn json_bytes(status: StatusCode, bytes: bytes::Bytes) -> Response {
    typed(status, bytes, header::HeaderValue::from_static("application/json; charset=utf-8"))
}

/// A page for people, with what it may load and run as `policy`.
pub(crate) fn html(page: &'static str, policy: &header::HeaderValue) -> Response {
    let html = header::HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = typed(StatusCode::OK, page.into(), html);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    response
}

fn typed(status: StatusCode, body: bytes::Bytes, content_type: header::HeaderValue) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().reserve(HEADERS_MOST);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// The body of the answer to an upload.
pub(crate) fn accepted_body(accepted: &Accepted, headers: &HeaderMap) -> DocumentAccepted {
    DocumentAccepted {
        document_id: accepted.document_id,
        status: Status::Processing,
        estimated_time_seconds: accepted.estimated_time_seconds,
        status_url: absolute(headers, &format!("/v1/documents/{}", accepted.document_id)),
        duplicate: accepted.duplicate,
    }
}

/// What an upload is answered with.
pub(crate) fn accepted(accepted: &Accepted, headers: &HeaderMap) -> Response {
    let path = format!("/v1/documents/{}", accepted.document_id);
    let mut response = json(StatusCode::ACCEPTED, &accepted_body(accepted, headers));
    if let Ok(location) = header::HeaderValue::try_from(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.extensions_mut().insert(Touched(accepted.document_id));
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
pub(crate) fn document(document: &Document, language: Language) -> DocumentDetail {
    DocumentDetail {
        summary: summary(document, language),
        metadata: document.metadata.clone(),
        pages: document.pages.clone(),
    }
}

/// A document as a list shows it.
fn summary(document: &Document, language: Language) -> DocumentSummary {
    DocumentSummary {
        id: document.id,
        filename: document.filename.clone(),
        status: document.status,
        page_count: document.page_count,
        word_count: document.word_count,
        template: document.template,
        template_reason: document.template_reason.clone(),
        created_at: time(document.created_at),
        processed_at: document.processed_at.map(time),
        error: document.failure.as_ref().map(|failure| failure.message(language)),
        error_code: document.failure.as_ref().map(|failure| failure.code.name().to_owned()),
        sha256: document.sha256.clone(),
        size_bytes: document.size_bytes,
        progress: (document.status == Status::Processing).then_some(document.progress),
    }
}

/// A part of the list of documents.
pub(crate) fn list(list: &DocumentList, language: Language) -> DocumentPart {
    let documents = list.documents.iter().map(|one| summary(one, language)).collect();
    DocumentPart { documents, next_cursor: list.next_cursor.clone() }
}

pub(crate) fn time(at: OffsetDateTime) -> String {
    // Only a year beyond 9999 cannot be written so.
    at.format(&Rfc3339).unwrap_or_default()
}
