//! The routes below `/v1/operator`: read, ask the product, answer.

use std::sync::Arc;

use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::sought::SoughtId;
use super::{read, watch};
use crate::answer;
use crate::audit::Detailed;
use crate::error::{ApiError, Queue};
use crate::handlers::Call;
use crate::upload::Refusal;

fn ok(body: &serde_json::Value) -> Result<Response, Refusal> {
    Ok(answer::json(StatusCode::OK, body))
}

pub(crate) async fn tree(call: Call<'_>) -> Result<Response, Refusal> {
    ok(&call.api.operator_tree(read::tree(call.query)?).await?)
}

pub(crate) async fn actor(call: Call<'_>) -> Result<Response, Refusal> {
    let (node, path) = read::actor(call.query)?;
    ok(&call.api.operator_actor(&node, &path).await?)
}

pub(crate) async fn shards(call: Call<'_>) -> Result<Response, Refusal> {
    ok(&call.api.operator_shards().await?)
}

pub(crate) async fn failures(call: Call<'_>) -> Result<Response, Refusal> {
    let (node, path, limit) = read::failures(call.query)?;
    ok(&call.api.operator_failures(node.as_deref(), path.as_deref(), limit).await?)
}

pub(crate) async fn dead_letters(call: Call<'_>) -> Result<Response, Refusal> {
    ok(&call.api.operator_dead_letters(read::limit(call.query)?).await?)
}

pub(crate) async fn stalled(call: Call<'_>) -> Result<Response, Refusal> {
    ok(&call.api.operator_stalled(read::over_s(call.query)?).await?)
}

pub(crate) async fn whereabouts(id: SoughtId, call: Call<'_>) -> Result<Response, Refusal> {
    ok(&call.api.operator_where(id.text()).await?)
}

pub(crate) async fn actions(call: Call<'_>) -> Result<Response, Refusal> {
    ok(&call.api.operator_actions(read::limit(call.query)?).await?)
}

pub(crate) async fn recurring(call: Call<'_>) -> Result<Response, Refusal> {
    ok(&call.api.operator_recurring().await?)
}

/// What changes, as events.
pub(crate) fn events(call: Call<'_>) -> Result<Response, Refusal> {
    let watch = call.api.operator_watch()?;
    let Some(place) = call.streams.progress_place() else {
        return Err(ApiError::Overloaded { queue: Queue::Requests, retry_after_seconds: 2 }.into());
    };
    Ok(watch::reply(watch, place))
}

/// Does something; what, to what and why goes into the audit log with whoever did it.
pub(crate) async fn act(mut call: Call<'_>) -> Result<Response, Refusal> {
    let action = read::action(&call.json().await?)?;
    let by = call.context.caller.as_ref().map(|caller| Arc::clone(&caller.id)).unwrap_or_default();
    let ordered = action.clone();
    let done = call.api.operator_act(action, &by).await?;
    let mut detail = json!({
        "id": done["id"],
        "action": ordered.action,
        "target": ordered.target,
        "reason": ordered.reason,
        "dry_run": ordered.dry_run,
        "outcome": done["outcome"],
    });
    if let Some(hash) = done["receipt"]["sha256"].as_str() {
        detail["receipt"] = hash.into();
    }
    let mut response = answer::json(StatusCode::OK, &done);
    response.extensions_mut().insert(Detailed(detail.to_string().into()));
    Ok(response)
}
