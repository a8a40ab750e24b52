//! What each route does: check, call the product, answer.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use uuid::Uuid;
use warp::http::{HeaderMap, StatusCode, header};
use warp::reply::Response;

use crate::analysis::{self, Format};
use crate::answer;
use crate::api::Api;
use crate::auth::{self, KeyStore};
use crate::batch::handlers as batch;
use crate::body::Body;
use crate::context::Context;
use crate::error::{ApiError, Queue};
use crate::etag;
use crate::health::Standing;
use crate::knowledge::handlers as knowledge;
use crate::limits::Limits;
use crate::message::Message;
use crate::once::{self, Turn};
use crate::openai;
use crate::operator::handlers as operator;
use crate::pages;
use crate::picture;
use crate::problem::{Kind, Problem};
use crate::request;
use crate::route::Route;
use crate::shapes::Liveness;
use crate::stream::{self, Streams, sse};
use crate::upload::{self, Refusal, Taking};

/// A question with its fields; the longest question takes 4 KB.
const JSON_BYTES_MAX: usize = 64 * 1024;
/// When a client should come back after an upload was turned away.
pub(crate) const UPLOAD_RETRY_SECONDS: u64 = 5;

/// What a handler needs of its request.
pub(crate) struct Call<'a> {
    pub(crate) api: &'a dyn Api,
    pub(crate) keys: Option<&'a dyn KeyStore>,
    pub(crate) limits: &'a Limits,
    pub(crate) uploads: &'a Semaphore,
    pub(crate) streams: &'a Arc<Streams>,
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
    match route {
        Route::Ask(id) => ask(id, call).await,
        Route::Live => Ok(answer::json(StatusCode::OK, &Liveness { live: true })),
        // A request's future is as large as the largest of them and is moved about with each: what is asked for by the
        // thousand does not carry the others.
        _ => Box::pin(others(route, call)).await,
    }
}

async fn others(route: Route, call: Call<'_>) -> Result<Response, Refusal> {
    let language = call.context.language;
    match route {
        Route::Ask(id) => ask(id, call).await,
        Route::Live => Ok(answer::json(StatusCode::OK, &Liveness { live: true })),
        Route::Upload => receive(call).await,
        Route::List => {
            let query = request::list(call.query)?;
            let list = call.api.documents(call.context, query).await?;
            Ok(etag::json(call.headers, &answer::list(&list, language)))
        }
        Route::Show(id) => {
            let document = call.api.document(call.context, id).await?;
            Ok(etag::json(call.headers, &answer::document(&document, language)))
        }
        Route::Delete(id) => {
            call.api.delete(call.context, id).await?;
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            Ok(response)
        }
        Route::Analyze => analysis::handlers::analyze(call).await,
        Route::AnalysisJson(id) => analysis::handlers::file(id, Format::Json, &call).await,
        Route::AnalysisPdf(id) => analysis::handlers::file(id, Format::Pdf, &call).await,
        Route::AnalysisCsv(id) => analysis::handlers::file(id, Format::Csv, &call).await,
        Route::AnalysisXlsx(id) => analysis::handlers::file(id, Format::Xlsx, &call).await,
        Route::Events(id) => stream::handlers::progress(id, &call).await,
        Route::Retry(id) => {
            call.api.retry(call.context, id).await?;
            let document = call.api.document(call.context, id).await?;
            Ok(answer::json(StatusCode::ACCEPTED, &answer::document(&document, language)))
        }
        Route::Page(id, page) => picture::show(id, page, &call).await,
        Route::Stream => Err(Problem::new(Kind::UpgradeRequired, Message::UpgradeRequired).into()),
        Route::StreamResume(id) => stream::handlers::resume(id, &call).await,
        Route::StreamCancel(id) => stream::handlers::cancel(id, &call).await,
        Route::Batch => batch::begin(call).await,
        Route::BatchStatus(id) => batch::show(id, call).await,
        Route::Search => knowledge::search(call).await,
        Route::Query => knowledge::query(call).await,
        Route::ChatCompletions => openai::complete(call).await,
        Route::Embeddings => openai::embed(call).await,
        Route::Models => openai::list(call).await,
        Route::Model(name) => openai::show(name, call).await,
        Route::KeyList => auth::handlers::list(call).await,
        Route::KeyMake => auth::handlers::make(call).await,
        Route::KeyRotate(id) => auth::handlers::rotate(id, call).await,
        Route::KeyRevoke(id) => auth::handlers::revoke(id, call).await,
        Route::OperatorTree => operator::tree(call).await,
        Route::OperatorActor => operator::actor(call).await,
        Route::OperatorEvents => operator::events(call),
        Route::OperatorShards => operator::shards(call).await,
        Route::OperatorFailures => operator::failures(call).await,
        Route::OperatorDeadLetters => operator::dead_letters(call).await,
        Route::OperatorStalled => operator::stalled(call).await,
        Route::OperatorWhere(id) => operator::whereabouts(id, call).await,
        Route::OperatorActions => operator::actions(call).await,
        Route::OperatorRecurring => operator::recurring(call).await,
        Route::OperatorPrompts => operator::prompts(call).await,
        Route::OperatorPromptPut => operator::put_prompt(call).await,
        Route::OperatorQuality => operator::quality(call).await,
        Route::OperatorSuitePut => operator::put_suite(call).await,
        Route::OperatorAct => operator::act(call).await,
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
        Route::Operator => Ok(pages::operator()),
        Route::Docs | Route::Home => Ok(pages::docs()),
        Route::OpenApi => Ok(pages::openapi()),
    }
}

async fn receive(call: Call<'_>) -> Result<Response, Refusal> {
    let Ok(_permit) = call.uploads.try_acquire() else {
        enabler_telemetry::metrics::HTTP_REFUSED.one(["uploads_max"]);
        let retry_after_seconds = UPLOAD_RETRY_SECONDS;
        return Err(ApiError::Overloaded { queue: Queue::Uploads, retry_after_seconds }.into());
    };
    let limit = call.limits.upload_bytes_max;
    let (api, context, headers) = (call.api, call.context, call.headers);
    let Some(key) = once::key(&context.tenant, headers)? else {
        let taken = upload::receive(api, context, headers, call.body, limit, Taking::Plain).await?;
        return Ok(answer::accepted(&taken.0.ok_or_else(nothing_taken)?, headers));
    };
    let held = match once::begin(&api.ledger(), &key).await? {
        Turn::Mine(held) => held,
        Turn::Done(done) => {
            let taken = upload::receive(api, context, headers, call.body, limit, Taking::OnlyHashed).await?;
            return Ok(once::replay(done, &taken.1)?);
        }
    };
    let receiving = upload::receive(api, context, headers, call.body, limit, Taking::Hashed);
    let (accepted, fingerprint) = held.during(receiving).await?;
    let mut accepted = accepted.ok_or_else(nothing_taken)?;
    // What an earlier holder of this key stored is this request's own document.
    accepted.duplicate &= !held.may_have_happened();
    let location = format!("/v1/documents/{}", accepted.document_id);
    let body = serde_json::to_string(&answer::accepted_body(&accepted, headers)).unwrap_or_default();
    held.finish(fingerprint, StatusCode::ACCEPTED, Some(location), body.into()).await?;
    Ok(answer::accepted(&accepted, headers))
}

fn nothing_taken() -> ApiError {
    ApiError::Internal { doing: "taking an upload".to_owned(), source: None }
}

async fn ask(id: Uuid, mut call: Call<'_>) -> Result<Response, Refusal> {
    let ask = request::ask(&call.json().await?, call.limits.question_chars_max)?;
    if sse::is_wanted(call.headers) {
        return Box::pin(stream::handlers::ask(id, ask, &call)).await;
    }
    let include_sources = ask.include_sources;
    let mut answer = call.api.ask(call.context, id, ask).await?;
    if !include_sources {
        answer.sources.clear();
    }
    Ok(answer::json(StatusCode::OK, &answer))
}

/// Refuses a body that is not said to be JSON.
pub(crate) fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
    let header = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = header.map(|text| text.split(';').next().unwrap_or_default().trim());
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let got = essence.map(|essence| essence.chars().take(60).collect());
    let message = Message::MediaTypeWrong { wanted: "application/json", got };
    Err(Problem::new(Kind::UnsupportedMediaType, message))
}
