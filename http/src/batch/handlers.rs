//! Begins a batch and says how far it is.

use serde_json::{Value, json};
use uuid::Uuid;
use warp::http::{StatusCode, header};
use warp::reply::Response;

use super::{BatchItem, ItemState, read, uploads};
use crate::answer;
use crate::document::Status;
use crate::error::{ApiError, Queue};
use crate::handlers::{Call, UPLOAD_RETRY_SECONDS};
use crate::language::Language;
use crate::once::{self, Turn};
use crate::problem::Problem;
use crate::upload::Refusal;

/// A hundred questions with their fields.
const BODY_BYTES_MAX: usize = 1 << 20;

pub(crate) async fn begin(mut call: Call<'_>) -> Result<Response, Refusal> {
    let content_type = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form =
        content_type.is_some_and(|text| text.trim_start().to_ascii_lowercase().starts_with("multipart/"));
    let (items, fingerprint) = if is_form {
        let Ok(_permit) = call.uploads.try_acquire() else {
            enabler_telemetry::metrics::HTTP_REFUSED.one(["uploads_max"]);
            let retry_after_seconds = UPLOAD_RETRY_SECONDS;
            return Err(ApiError::Overloaded { queue: Queue::Uploads, retry_after_seconds }.into());
        };
        let limit = call.limits.upload_bytes_max;
        (uploads::receive(call.api, call.context, call.headers, call.body.clone(), limit).await?, None)
    } else {
        let body = call.json_of(BODY_BYTES_MAX).await?;
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let items = read::questions(&body, call.limits.question_chars_max)?;
        (items, Some(once::fingerprint(&[b"batch", &text])))
    };
    let held = match (once::key(&call.context.tenant, call.headers)?, fingerprint) {
        // Files are recognised by their bytes, whatever key they come with.
        (Some(key), Some(fingerprint)) => match once::begin(&call.api.ledger(), &key).await? {
            Turn::Mine(held) => Some((held, fingerprint)),
            Turn::Done(done) => return Ok(once::replay(done, &fingerprint)?),
        },
        _ => None,
    };
    let beginning = async { Ok(call.api.begin_batch(call.context, items.clone()).await?) };
    let id = match &held {
        Some((held, _)) => held.during(beginning).await?,
        None => beginning.await?,
    };
    let path = format!("/v1/batch/{id}");
    let url = |path: &str| answer::absolute(call.headers, path);
    let items: Vec<Value> = items.iter().enumerate().map(|(at, item)| begun(at, item, &path, &url)).collect();
    let body = json!({ "batch_id": id, "status_url": url(&path), "items": items });
    if let Some((held, fingerprint)) = held {
        let location = Some(path.clone());
        held.finish(fingerprint, StatusCode::ACCEPTED, location, body.to_string().into()).await?;
    }
    let mut response = answer::json(StatusCode::ACCEPTED, &body);
    if let Ok(location) = header::HeaderValue::try_from(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn begun(at: usize, item: &BatchItem, batch: &str, url: &dyn Fn(&str) -> String) -> Value {
    let mut body = json!({ "item_id": at.to_string(), "status_url": url(batch) });
    match item {
        BatchItem::Upload { document_id } => {
            body["document_id"] = json!(document_id);
            body["status"] = json!("processing");
            body["status_url"] = json!(url(&format!("/v1/documents/{document_id}")));
        }
        BatchItem::Refused { filename, error } => {
            body["filename"] = json!(filename);
            body["status"] = json!("failed");
            body["error"] = json!(error);
        }
        BatchItem::Question { document_id, ask } => {
            body["document_id"] = json!(document_id);
            body["question"] = json!(ask.question);
            body["status"] = json!("processing");
        }
    }
    body
}

pub(crate) async fn show(id: Uuid, call: Call<'_>) -> Result<Response, Refusal> {
    let batch = call.api.batch(call.context, id).await?;
    let (language, path) = (call.context.language, format!("/v1/batch/{id}"));
    let seconds = call.limits.request_time_max.as_secs();
    let mut items = Vec::with_capacity(batch.items.len());
    let mut counts = [("processing", 0_usize), ("ready", 0), ("failed", 0)];
    for (at, (item, state)) in batch.items.into_iter().enumerate() {
        let mut body = begun(at, &item, &path, &|path| answer::absolute(call.headers, path));
        let status = fill(&mut body, &item, state, language, (&call.context.request_id, seconds));
        body["status"] = json!(status);
        for (_, count) in counts.iter_mut().filter(|(name, _)| *name == status) {
            *count += 1;
        }
        items.push(body);
    }
    let [(_, processing), (_, ready), (_, failed)] = counts;
    let body = json!({
        "batch_id": id,
        "status": if processing > 0 { "processing" } else { "done" },
        "created_at": answer::time(batch.created_at),
        "processing": processing,
        "ready": ready,
        "failed": failed,
        "items": items,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// Says in `body` how far an item is, and gives its status.
fn fill(
    body: &mut Value,
    item: &BatchItem,
    state: ItemState,
    language: Language,
    (request_id, seconds): (&str, u64),
) -> &'static str {
    match state {
        ItemState::Refused => "failed",
        ItemState::Waiting => "processing",
        ItemState::Document(document) => {
            body["filename"] = json!(document.filename);
            body["error"] = json!(document.failure.as_ref().map(|failure| failure.message(language)));
            match document.status {
                Status::Processing => "processing",
                Status::Ready => "ready",
                Status::Failed => "failed",
            }
        }
        ItemState::Answered(mut answer) => {
            if matches!(item, BatchItem::Question { ask, .. } if !ask.include_sources) {
                answer.sources.clear();
            }
            body["answer"] = json!(answer);
            "ready"
        }
        ItemState::Failed(error) => {
            let problem = Problem::from_api(error, request_id, seconds);
            body["error"] = json!(problem.message.text(language));
            body["error_code"] = json!(problem.kind.name());
            "failed"
        }
    }
}
