//! Actors and what happened to them, as operators read them. Pure.

use enabler_cluster::net::NodeId;
use enabler_cluster::tree::{Failure, Found, Lost, Mark, Status};
use serde_json::{Map, Value, json};

use super::shown_path;

/// A name of a kind or message in the API: words are joined by `_`.
pub(super) fn name(words: &str) -> String {
    words.replace(' ', "_")
}

pub(super) fn generation(id: &NodeId) -> String {
    format!("{:032x}", id.generation)
}

/// An actor.
pub(super) fn actor(node: &NodeId, found: &Found) -> Value {
    let vitals = &found.vitals;
    let path = shown_path(&vitals.path);
    let parent = path.rsplit_once('/').map(|(above, _)| above);
    let mailbox = vitals.queue.map(|(depth, places)| {
        json!({ "depth": depth, "capacity": places, "oldest_ms": vitals.oldest_ms.unwrap_or(0) })
    });
    let busy = vitals.busy.as_ref().map(|(message, since_ms, for_ms)| {
        json!({ "message": name(message), "since_ms": since_ms, "for_ms": for_ms })
    });
    let intensity = vitals.intensity.map(|intensity| {
        json!({ "used": intensity.used, "allowed": intensity.allowed, "period_s": intensity.period_s })
    });
    let children: Map<String, Value> =
        found.child_status.iter().map(|(status, count)| (status.name().to_owned(), json!(count))).collect();
    let last_failure = vitals.last_failure.as_ref().map(|failure| {
        json!({ "at_ms": failure.at_ms, "message": name(&failure.message), "reason": failure.reason })
    });
    json!({
        "id": format!("{node}:{path}"),
        "node": node.name,
        "path": path,
        "parent": parent,
        "kind": name(&vitals.kind),
        "generation": generation(node),
        "status": vitals.status.name(),
        "waiting_on": vitals.waiting_on,
        "started_ms": vitals.started_ms,
        "mailbox": mailbox,
        "busy": busy,
        "handled": vitals.handled,
        "rate_per_s": (vitals.rate_per_s * 10.0).round() / 10.0,
        "p50_us": vitals.p50_p99_us.map(|(half, _)| half),
        "p99_us": vitals.p50_p99_us.map(|(_, most)| most),
        "restarts": vitals.restarts,
        "intensity": intensity,
        "children": vitals.children,
        "child_status": children,
        "note": vitals.note.as_deref().map(enabler_cluster::plain),
        "last_failure": last_failure,
    })
}

pub(super) fn failure(node: &NodeId, failure: &Failure) -> Value {
    json!({
        "id": format!("{node}-{}-{}", generation(node), failure.number),
        "node": node.name,
        "generation": generation(node),
        "path": shown_path(&failure.path),
        "kind": name(&failure.kind),
        "message": name(&failure.message),
        "at_ms": failure.at_ms,
        "reason": failure.reason,
        "backtrace": failure.backtrace,
        "trace_id": failure.trace,
    })
}

/// A message that was lost with the actor that had taken it. It cannot be sent again: what it said is not kept.
pub(super) fn lost(node: &NodeId, lost: &Lost) -> Value {
    let document = lost.trace.as_deref().filter(|trace| is_document(trace));
    json!({
        "id": format!("{node}-{}-lost-{}", generation(node), lost.number),
        "node": node.name,
        "path": shown_path(&lost.path),
        "message": name(&lost.message),
        "document": document,
        "tenant": null,
        "at_ms": lost.at_ms,
        "attempts": 1,
        "reason": lost.reason,
        "can_retry": false,
        "trace_id": lost.trace,
    })
}

pub(super) fn is_document(text: &str) -> bool {
    text.len() == 36 && text.parse::<enabler_storage::record::DocumentId>().is_ok()
}

pub(super) fn mark(mark: &Mark) -> Value {
    json!({ "at_ms": mark.at_ms, "what": name(&mark.what), "detail": mark.detail })
}

/// The status that is asked for by its name.
pub(super) fn status(name: Option<&str>) -> Option<Status> {
    name.and_then(Status::named)
}
