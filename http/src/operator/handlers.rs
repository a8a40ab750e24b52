//! The routes below `/v1/operator`: read, ask the product, answer.

use std::sync::Arc;

use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::sought::SoughtId;
use super::{improving, read, watch};
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

pub(crate) async fn prompts(call: Call<'_>) -> Result<Response, Refusal> {
    ok(&call.api.operator_prompts(read::named(call.query, "version")?.as_deref()).await?)
}

pub(crate) async fn quality(call: Call<'_>) -> Result<Response, Refusal> {
    ok(&call.api.operator_quality(read::named(call.query, "suite")?.as_deref()).await?)
}

/// Keeps a version of the prompts; its name and outcome go into the audit log, its words do not.
pub(crate) async fn put_prompt(mut call: Call<'_>) -> Result<Response, Refusal> {
    let prompt = improving::prompt(&call.json().await?)?;
    let by = by(&call);
    let done = call.api.operator_put_prompt(prompt, &by).await?;
    Ok(noted(&done, json!({ "prompt": done["version"], "outcome": done["outcome"] })))
}

/// Takes a suite in; its name and outcome go into the audit log, its questions do not.
pub(crate) async fn put_suite(mut call: Call<'_>) -> Result<Response, Refusal> {
    let suite = improving::suite(&call.json_of(improving::SUITE_BYTES_MAX).await?)?;
    let (by, name) = (by(&call), suite.suite.clone());
    let done = call.api.operator_put_suite(call.context, suite, &by).await?;
    Ok(noted(&done, json!({ "suite": name, "outcome": done["outcome"] })))
}

fn by(call: &Call<'_>) -> Arc<str> {
    call.context.caller.as_ref().map(|caller| Arc::clone(&caller.id)).unwrap_or_default()
}

fn noted(done: &serde_json::Value, detail: serde_json::Value) -> Response {
    let mut response = answer::json(StatusCode::OK, done);
    response.extensions_mut().insert(Detailed(detail.to_string().into()));
    response
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
    let by = by(&call);
    let ordered = action.clone();
    let done = call.api.operator_act(action, &by).await?;
    let mut detail = json!({
        "id": done["id"],
        "action": ordered.action,
        "target": ordered.target,
        "reason": ordered.reason,
        "dry_run": ordered.dry_run,
        "force": ordered.force,
        "outcome": done["outcome"],
    });
    if let Some(hash) = done["receipt"]["sha256"].as_str() {
        detail["receipt"] = hash.into();
    }
    Ok(noted(&done, detail))
}
