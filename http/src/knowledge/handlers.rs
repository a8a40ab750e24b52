//! Searches, and questions over everything.

use serde_json::json;
use tokio::time::Instant;
use warp::http::StatusCode;
use warp::reply::Response;

use super::read;
use crate::answer;
use crate::handlers::Call;
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
