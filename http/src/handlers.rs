//! What each route does: check, call the product, answer.

use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use uuid::Uuid;
use warp::http::{HeaderMap, StatusCode, header};
use warp::reply::Response;

use crate::answer;
use crate::api::Api;
use crate::batch::handlers as batch;
use crate::body::Body;
use crate::context::Context;
use crate::error::{ApiError, Queue};
use crate::health::Standing;
use crate::knowledge::handlers as knowledge;
use crate::limits::Limits;
use crate::message::Message;
use crate::openai;
use crate::pages;
use crate::problem::{Kind, Problem};
use crate::request;
use crate::route::Route;
use crate::upload::{self, Refusal};

/// A question with its fields; the longest question takes 4 KB.
const JSON_BYTES_MAX: usize = 64 * 1024;
/// When a client should come back after an upload was turned away.
pub(crate) const UPLOAD_RETRY_SECONDS: u64 = 5;

/// What a handler needs of its request.
pub(crate) struct Call<'a> {
    pub(crate) api: &'a dyn Api,
    pub(crate) limits: &'a Limits,
    pub(crate) uploads: &'a Semaphore,
    pub(crate) context: &'a Context,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: &'a str,
    pub(crate) body: Body,
}

impl Call<'_> {
    /// The body, which must be a JSON object of the usual size.
    pub(crate) async fn json(&mut self) -> Result<Map<String, Value>, Refusal> {
        self.json_of(JSON_BYTES_MAX).await
    }

    /// As [`Call::json`], of at most `bytes_max`.
    pub(crate) async fn json_of(&mut self, bytes_max: usize) -> Result<Map<String, Value>, Refusal> {
        check_json(self.headers)?;
        let bytes = self.body.read(self.headers, bytes_max).await?;
        Ok(request::json_object(&bytes)?)
    }
}

/// Does what `route` asks for.
pub(crate) async fn handle(route: Route, call: Call<'_>) -> Result<Response, Refusal> {
    let language = call.context.language;
    match route {
        Route::Upload => receive(call).await,
        Route::List => {
            let query = request::list(call.query)?;
            let list = call.api.documents(call.context, query).await?;
            Ok(answer::json(StatusCode::OK, &answer::list(&list, language)))
        }
        Route::Show(id) => {
            let document = call.api.document(call.context, id).await?;
            Ok(answer::json(StatusCode::OK, &answer::document(&document, language)))
        }
        Route::Delete(id) => {
            call.api.delete(call.context, id).await?;
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            Ok(response)
        }
        Route::Ask(id) => ask(id, call).await,
        Route::Analyze => knowledge::analyze(call).await,
        Route::Events(_) => not_yet("events"),
        Route::Retry(_) => not_yet("retries"),
        Route::Page(..) => not_yet("page images"),
        Route::Stream | Route::StreamResume(_) | Route::StreamCancel(_) => not_yet("streams"),
        Route::Batch => batch::begin(call).await,
        Route::BatchStatus(id) => batch::show(id, call).await,
        Route::Search => knowledge::search(call).await,
        Route::Query => knowledge::query(call).await,
        Route::ChatCompletions => openai::complete(call).await,
        Route::Embeddings => openai::embed(call).await,
        Route::Models => openai::list(call).await,
        Route::Model(name) => openai::show(name, call).await,
        Route::KeyList | Route::KeyMake | Route::KeyRotate(_) | Route::KeyRevoke(_) => not_yet("keys"),
        Route::Tree => Ok(answer::json(StatusCode::OK, &call.api.inspect().await)),
        Route::Health => {
            let health = call.api.health().await;
            // The contract answers 200; what is wrong is in the body, and /ready is there for balancers.
            if health.status == Standing::Unhealthy {
                tracing::warn!(?health, "unhealthy");
            }
            Ok(answer::json(StatusCode::OK, &health))
        }
        Route::Ready => {
            let readiness = call.api.ready().await;
            let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let mut response = answer::json(status, &readiness);
            if !readiness.ready {
                response.headers_mut().insert(header::RETRY_AFTER, 1.into());
            }
            Ok(response)
        }
        Route::Live => Ok(answer::json(StatusCode::OK, &serde_json::json!({ "live": true }))),
        Route::Operator => Ok(answer::html(pages::OPERATOR)),
        Route::Docs | Route::Home => Ok(answer::html(pages::DOCS)),
        Route::OpenApi => Ok(pages::openapi()),
    }
}

pub(crate) fn not_yet(what: &'static str) -> Result<Response, Refusal> {
    Err(Problem::new(Kind::NotImplemented, Message::NotImplemented { what }).into())
}

async fn receive(call: Call<'_>) -> Result<Response, Refusal> {
    let Ok(_permit) = call.uploads.try_acquire() else {
        let retry_after_seconds = UPLOAD_RETRY_SECONDS;
        return Err(ApiError::Overloaded { queue: Queue::Uploads, retry_after_seconds }.into());
    };
    let limit = call.limits.upload_bytes_max;
    let accepted = upload::receive(call.api, call.context, call.headers, call.body, limit).await?;
    Ok(answer::accepted(&accepted, call.headers))
}

async fn ask(id: Uuid, mut call: Call<'_>) -> Result<Response, Refusal> {
    let ask = request::ask(&call.json().await?, call.limits.question_chars_max)?;
    let include_sources = ask.include_sources;
    let mut answer = call.api.ask(call.context, id, ask).await?;
    if !include_sources {
        answer.sources.clear();
    }
    Ok(answer::json(StatusCode::OK, &answer))
}

fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
    let header = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = header.map(|text| text.split(';').next().unwrap_or_default().trim());
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let got = essence.map(|essence| essence.chars().take(60).collect());
    let message = Message::MediaTypeWrong { wanted: "application/json", got };
    Err(Problem::new(Kind::UnsupportedMediaType, message))
}
