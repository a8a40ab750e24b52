//! Searches, questions over everything, and analyses.

use serde_json::json;
use tokio::time::Instant;
use warp::http::StatusCode;
use warp::reply::Response;

use super::read;
use crate::answer;
use crate::handlers::{Call, not_yet};
use crate::upload::Refusal;

pub(crate) async fn search(mut call: Call<'_>) -> Result<Response, Refusal> {
    let began = Instant::now();
    let search = read::search(&call.json().await?, call.limits.question_chars_max)?;
    let results = call.api.search(call.context, search).await?;
    let took = began.elapsed().as_millis();
    Ok(answer::json(StatusCode::OK, &json!({ "results": results, "processing_time_ms": took })))
}

pub(crate) async fn query(mut call: Call<'_>) -> Result<Response, Refusal> {
    let query = read::query(&call.json().await?, call.limits.question_chars_max)?;
    let include_sources = query.ask.include_sources;
    let mut answer = call.api.query(call.context, query).await?;
    if !include_sources {
        answer.sources.clear();
    }
    Ok(answer::json(StatusCode::OK, &answer))
}

/// Says what is wrong with the request, and otherwise that analyses are not there yet.
pub(crate) async fn analyze(mut call: Call<'_>) -> Result<Response, Refusal> {
    let document_id = read::analysis(&call.json().await?)?;
    call.api.document(call.context, document_id).await?;
    not_yet("analyses")
}
