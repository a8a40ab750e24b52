//! The routes that answer as streams: a question, what comes behind a cut, the end of one, the progress of a document.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use warp::http::StatusCode;
use warp::reply::Response;

use super::event::{Event, written};
use super::sse;
use crate::answer;
use crate::ask::Ask;
use crate::context::Context;
use crate::document::{Document, Status};
use crate::error::ApiError;
use crate::handlers::Call;
use crate::problem::Problem;
use crate::upload::Refusal;

/// How often it is looked how far a document is.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// How long one stream of progress lives; a client that wants more connects again.
const PROGRESS_MAX: Duration = Duration::from_secs(3_600);

/// Answers a question as events.
pub(crate) async fn ask(document: Uuid, ask: Ask, call: &Call<'_>) -> Result<Response, Refusal> {
    let (stream, follower) = call.streams.begin(call.context, document, ask).await?;
    Ok(sse::reply(call.context, stream, follower))
}

/// What comes behind the last event that the client saw.
pub(crate) async fn resume(stream: Uuid, call: &Call<'_>) -> Result<Response, Refusal> {
    let from = sse::last_seen(call.headers, stream);
    let follower = call.streams.resume(call.context, from).await?;
    Ok(sse::reply(call.context, stream, follower))
}

/// Ends the work for a stream.
pub(crate) async fn cancel(stream: Uuid, call: &Call<'_>) -> Result<Response, Refusal> {
    call.streams.cancel(call.context, stream).await?;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// The progress of a document, one event for each change, until it is ready or failed.
pub(crate) async fn progress(id: Uuid, call: &Call<'_>) -> Result<Response, Refusal> {
    let first = call.api.document(call.context, id).await?;
    let Some(place) = call.streams.progress_place() else {
        enabler_telemetry::metrics::HTTP_REFUSED.one(["streams_max"]);
        return Err(
            ApiError::Overloaded { queue: crate::error::Queue::Requests, retry_after_seconds: 2 }.into()
        );
    };
    let seen = call.headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (sender, response) = sse::body();
    let (api, context) = (call.streams.api(), call.context.clone());
    tokio::spawn(async move {
        let _place = place;
        let until = Instant::now() + PROGRESS_MAX;
        let (mut said, mut next, mut spoken) = (seen, Ok(first), Instant::now());
        loop {
            let (name, event) = match &next {
                Ok(document) => (place_of(document), told(document, &context)),
                Err(
                    error @ (ApiError::Unavailable { .. } | ApiError::Overloaded { .. } | ApiError::Deadline),
                ) => {
                    // It is looked again: the owner may be changing.
                    tracing::debug!(%error, "looking how far a document is");
                    (said.clone().unwrap_or_default(), Event { name: "progress", data: json!({}) })
                }
                Err(_) => {
                    let error = ApiError::NotFound { id };
                    let problem = Problem::from_api(error, &context.request_id, 0);
                    let path = format!("/v1/documents/{id}/events");
                    let body = problem.body(context.language, &path, &context.request_id);
                    let _ = sse::send(&sender, sse::lines("gone", &Event::error(body))).await;
                    return;
                }
            };
            let is_over = next.as_ref().is_ok_and(|document| document.status != Status::Processing);
            // An end is said again to whoever asks again: he asks because he does not know it.
            if said.as_deref() != Some(&name) || is_over {
                if !sse::send(&sender, sse::lines(&name, &event)).await {
                    return;
                }
                (said, spoken) = (Some(name), Instant::now());
            } else if spoken.elapsed() >= sse::HEARTBEAT {
                if !sse::send(&sender, sse::beat()).await {
                    return;
                }
                spoken = Instant::now();
            }
            if is_over || Instant::now() >= until {
                return;
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = sender.closed() => return,
            }
            let context = Context { deadline: Instant::now() + Duration::from_secs(5), ..context.clone() };
            next = api.document(&context, id).await;
        }
    });
    Ok(response)
}

/// The name of a state, by which a client says what he has seen.
fn place_of(document: &Document) -> String {
    let progress = &document.progress;
    format!("{:?}-{:?}-{}", document.status, progress.stage, progress.pages_done).to_lowercase()
}

fn told(document: &Document, context: &Context) -> Event {
    let name = match document.status {
        Status::Processing => "progress",
        Status::Ready => "ready",
        Status::Failed => "failed",
    };
    let data = match document.status {
        Status::Processing => json!({ "status": document.status, "progress": document.progress }),
        Status::Ready | Status::Failed => written(&answer::document(document, context.language)),
    };
    Event { name, data }
}
