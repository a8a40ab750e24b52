//! The way of one document or request: its stages with their times, who worked for it, and what may be done about it.

use serde_json::{Value, json};

use super::answers::Unknown;
use super::everywhere::{Answered, Panel};
use super::told::Question;
use super::{failures, shown};

/// Failures of long ago that are looked for in the store.
const KEPT_MAX: usize = 20;
/// Digits of a trace id.
const TRACE_DIGITS: usize = 32;

impl Panel {
    /// Where a document or a request is, and what happened to it.
    ///
    /// # Errors
    /// If no node knows anything of it.
    pub async fn whereabouts(&self, id: &str) -> Result<Value, Unknown> {
        if shown::is_document(id)
            && let Some(found) = self.document(id).await
        {
            return Ok(found);
        }
        let trace = self.trace_of(id).await;
        let question = Question::Where { document: None, trace: trace.ok_or(Unknown)? };
        let answered = self.ask(&question, |_| true).await;
        let told: Vec<Told<'_>> = answered.iter().filter_map(Told::of).collect();
        let path = request_path(&told);
        if path.is_empty() {
            return Err(Unknown);
        }
        let is_failed = path.iter().any(|step| step["status"] == "failed");
        let found = json!({
            "id": id,
            "what": "request",
            "document": null,
            "tenant": null,
            "shard": null,
            "owner": null,
            "epoch": null,
            "status": if is_failed { "failed" } else { "done" },
            "actor": null,
            "path": path,
            "failures": all_of(&told, "failures"),
            "dead_letters": all_of(&told, "dead_letters"),
            "may": [],
        });
        Ok(self.whole(found, &answered).await)
    }

    async fn trace_of(&self, id: &str) -> Option<String> {
        let question = Question::TraceOf { request: id.to_owned() };
        let answered = self.ask(&question, |_| true).await;
        let told = answered.iter().find_map(|one| Some(one.answer.as_ref().ok()?.as_str()?.to_owned()));
        let is_trace = id.len() == TRACE_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        told.or_else(|| is_trace.then(|| id.to_owned()))
    }

    /// A document, if any node knows it.
    async fn document(&self, id: &str) -> Option<Value> {
        let question = Question::Where { document: Some(id.to_owned()), trace: id.to_owned() };
        let answered = self.ask(&question, |_| true).await;
        let told: Vec<Told<'_>> = answered.iter().filter_map(Told::of).collect();
        let records = told.iter().filter(|one| !one.answer["record"].is_null());
        // Its owner knows it best; who follows its shard may lack the newest.
        let best = records.max_by_key(|one| one.answer["record"]["owns"] == true)?;
        let record = &best.answer["record"];
        let document = id.parse().ok()?;
        let parts = &self.operator.0.parts;
        let shard = parts.shards.of(document);
        let row = parts.table.row(shard);
        let mut failures = all_of(&told, "failures");
        let is_own = |one: &Value| {
            let path = one["path"].as_str().unwrap_or_default();
            one["trace_id"] == id || path.ends_with(&format!("document-{id}"))
        };
        if let Ok(kept) = failures::read(self.store(), None, KEPT_MAX, is_own).await {
            let known: Vec<Value> = failures.iter().map(|one| one["id"].clone()).collect();
            failures.extend(kept.into_iter().filter(|one| !known.contains(&one["id"])));
        }
        failures.sort_by_key(|one| std::cmp::Reverse(one["at_ms"].as_u64()));
        let is_held = record["is_quarantined"] == true;
        let status = if is_held { json!("quarantined") } else { record["status"].clone() };
        let owner = row.owner.as_ref().map(|(owner, _)| owner.name.clone());
        let actor = told.iter().map(|one| &one.answer["actor"]).find(|actor| !actor.is_null());
        let mut letters = all_of(&told, "dead_letters");
        if record["status"] == "failed" && record["code"] == super::here::OURS {
            letters.push(json!({
                "id": format!("{id}-{}", record["revision"]),
                "node": best.node,
                "path": format!("shards/shard-{shard}/document-{id}"),
                "message": "ingest",
                "document": id,
                "tenant": record["tenant"],
                "at_ms": record["processed_ms"],
                "attempts": record["revision"],
                "reason": record["reason"],
                "can_retry": true,
            }));
        }
        let may = may(id, &status, &letters, actor);
        let found = json!({
            "id": id,
            "what": "document",
            "document": id,
            "tenant": record["tenant"],
            "shard": shard,
            "owner": owner,
            "epoch": row.owner.map(|(_, epoch)| epoch),
            "status": status,
            "actor": actor,
            "path": document_path(record, best.node, &told),
            "failures": failures,
            "dead_letters": letters,
            "may": may,
        });
        Some(self.whole(found, &answered).await)
    }
}

/// What one node knows.
struct Told<'a> {
    node: &'a str,
    answer: &'a Value,
}

impl<'a> Told<'a> {
    fn of(answered: &'a Answered) -> Option<Self> {
        Some(Told { node: &answered.node.name, answer: answered.answer.as_ref().ok()? })
    }

    fn list(&self, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.answer.get(field).and_then(Value::as_array).into_iter().flatten()
    }
}

fn all_of(told: &[Told<'_>], field: &str) -> Vec<Value> {
    told.iter().flat_map(|one| one.list(field)).cloned().collect()
}

fn number(value: &Value, field: &str) -> Option<u64> {
    value[field].as_u64()
}

/// The steps that the nodes have seen of a request, in their order. Pure.
fn request_path(told: &[Told<'_>]) -> Vec<Value> {
    let mut path: Vec<Value> = told
        .iter()
        .flat_map(|one| one.list("spans").map(|span| (one.node, span)))
        .map(|(node, span)| {
            let status = match (&span["work_us"], &span["failed"]) {
                (Value::Null, _) => "running",
                (_, Value::Bool(true)) => "failed",
                _ => "done",
            };
            json!({
                "stage": span["message"],
                "node": node,
                "actor": span["path"],
                "started_ms": span["started_ms"],
                "queue_ms": number(span, "queue_us").unwrap_or(0) / 1_000,
                "work_ms": number(span, "work_us").map(|us| us / 1_000),
                "status": status,
                "detail": null,
            })
        })
        .collect();
    path.sort_by_key(|step| number(step, "started_ms"));
    path
}

/// The stages of a document, in their order. Pure.
fn document_path(record: &Value, owner: &str, told: &[Told<'_>]) -> Vec<Value> {
    let created_ms = number(record, "created_ms").unwrap_or(0);
    let mut path = vec![json!({
        "stage": "accepted",
        "node": owner,
        "actor": null,
        "started_ms": created_ms,
        "queue_ms": 0,
        "work_ms": 0,
        "status": "done",
        "detail": null,
    })];
    let mut steps: Vec<Value> = Vec::new();
    for one in told {
        for step in one.list("steps") {
            steps.push(stage(step, one, told));
        }
    }
    steps.sort_by_key(|step| number(step, "started_ms"));
    path.extend(steps);
    let last_ms = number(record, "processed_ms");
    if let (Some(at_ms), Some(status @ ("ready" | "failed"))) = (last_ms, record["status"].as_str()) {
        path.push(json!({
            "stage": status,
            "node": owner,
            "actor": null,
            "started_ms": at_ms,
            "queue_ms": 0,
            "work_ms": 0,
            "status": if status == "ready" { "done" } else { "failed" },
            "detail": record["reason"],
        }));
    }
    path
}

/// One stage, with the workers that took part in it. Pure.
fn stage(step: &Value, own: &Told<'_>, told: &[Told<'_>]) -> Value {
    let name = step["stage"].as_str().unwrap_or_default();
    let (from, until) = (number(step, "started_ms").unwrap_or(0), number(step, "ended_ms"));
    let kinds: &[&str] = match name {
        "reading" => &["open_file", "read_page"],
        "embedding" => &["embed"],
        _ => &[],
    };
    let is_of = |span: &&Value| {
        let at = number(span, "started_ms").unwrap_or(0);
        // The clocks of two nodes differ by some milliseconds.
        let is_within = at + 1_000 >= from && until.is_none_or(|until| at <= until + 1_000);
        is_within && span["message"].as_str().is_some_and(|message| kinds.contains(&message))
    };
    let spans: Vec<(&str, &Value)> =
        told.iter().flat_map(|one| one.list("spans").filter(is_of).map(|span| (one.node, span))).collect();
    let running = spans.iter().find(|(_, span)| span["work_us"].is_null());
    let worker = running.or(spans.last());
    let queue_ms = if name == "queued" {
        until.map(|until| until.saturating_sub(from)).unwrap_or(0)
    } else {
        spans.iter().filter_map(|(_, span)| number(span, "queue_us")).max().unwrap_or(0) / 1_000
    };
    let progress = &own.answer["progress"];
    let detail = match (until, name) {
        (None, "reading") if progress["pages_total"].is_u64() => {
            Some(format!("page {} of {}", progress["pages_done"], progress["pages_total"]))
        }
        (_, "reading" | "embedding") if !spans.is_empty() => {
            let slowest = spans.iter().filter_map(|(_, span)| number(span, "work_us")).max().unwrap_or(0);
            Some(format!("{} jobs, the slowest took {} ms", spans.len(), slowest / 1_000))
        }
        _ => None,
    };
    let status = match (until, step["failed"] == true) {
        (_, true) => "failed",
        (Some(_), false) => "done",
        (None, false) if name == "queued" || (running.is_none() && !kinds.is_empty()) => "waiting",
        (None, false) => "running",
    };
    json!({
        "stage": name,
        "node": worker.map_or(own.node, |(node, _)| node),
        "actor": worker.map_or(&step["path"], |(_, span)| &span["path"]),
        "started_ms": from,
        "queue_ms": queue_ms,
        "work_ms": until.map(|until| if name == "queued" { 0 } else { until.saturating_sub(from) }),
        "status": status,
        "detail": detail,
    })
}

/// What makes sense for a document as it is, ready to be sent. Pure.
fn may(id: &str, status: &Value, letters: &[Value], actor: Option<&Value>) -> Vec<Value> {
    let action = |name: &str, target: Value| {
        let reason = format!("{} of document {id}", name.replace('_', " "));
        json!({ "action": name, "target": target, "reason": reason, "dry_run": false })
    };
    let document = || json!({ "document": id });
    let mut may = Vec::new();
    match status.as_str() {
        Some("failed") => {
            may.push(action("retry_document", document()));
            let own = letters.iter().filter(|one| one["can_retry"] == true);
            may.extend(own.map(|one| action("discard_dead_letters", json!({ "ids": [one["id"]] }))));
        }
        Some("quarantined") => may.push(action("release_document", document())),
        _ => {}
    }
    if let Some(actor) = actor.filter(|_| *status != "quarantined") {
        let target = json!({ "node": actor["node"], "path": actor["path"] });
        may.push(action("restart", target.clone()));
        may.push(action("trace_actor", target));
    }
    if *status != "quarantined" {
        may.push(action("quarantine_document", document()));
    }
    may
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stages_of_a_document_tell_waiting_and_work_apart() {
        let record = json!({ "created_ms": 1_000, "processed_ms": 9_000, "status": "ready", "reason": null });
        let owner = json!({ "steps": [
            { "stage": "queued", "path": "d", "started_ms": 1_000, "ended_ms": 3_000, "failed": false },
            { "stage": "reading", "path": "d", "started_ms": 3_000, "ended_ms": 8_000, "failed": false },
            { "stage": "indexing", "path": "d", "started_ms": 8_000, "ended_ms": 9_000, "failed": false } ] });
        let reader = json!({ "spans": [
            { "path": "ocr/worker-1", "message": "read_page", "started_ms": 4_000, "queue_us": 700_000, "work_us": 2_500_000, "failed": false } ] });
        let told = [Told { node: "n1", answer: &owner }, Told { node: "n2", answer: &reader }];
        let path = document_path(&record, "n1", &told);
        let stages: Vec<_> = path.iter().map(|step| step["stage"].as_str().unwrap()).collect();
        assert_eq!(stages, ["accepted", "queued", "reading", "indexing", "ready"]);
        assert_eq!((&path[1]["queue_ms"], &path[1]["work_ms"]), (&json!(2_000), &json!(0)));
        assert_eq!((&path[2]["queue_ms"], &path[2]["work_ms"]), (&json!(700), &json!(5_000)));
        assert_eq!((&path[2]["node"], &path[2]["actor"]), (&json!("n2"), &json!("ocr/worker-1")));
    }

    #[test]
    fn a_failed_document_may_be_read_again_and_one_out_of_service_be_released() {
        let names = |status: &str| -> Vec<String> {
            let may = may("d", &json!(status), &[], None);
            may.iter().map(|one| one["action"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names("failed"), ["retry_document", "quarantine_document"]);
        assert_eq!(names("quarantined"), ["release_document"]);
        assert_eq!(names("ready"), ["quarantine_document"]);
    }
}
