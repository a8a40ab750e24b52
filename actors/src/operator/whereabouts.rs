//! What this node knows of one document or request: its stages, who worked for it, what failed.

use enabler_cluster::tree::{Found, Span};
use enabler_storage::record::{DocumentId, Outcome};
use serde_json::{Value, json};

use super::here::document_path;
use super::{Operator, shown, shown_path};

impl Operator {
    pub(super) async fn where_here(&self, document: Option<&str>, trace: &str) -> Value {
        let id: Option<DocumentId> = document.and_then(|text| text.parse().ok());
        let spans: Vec<Value> = self.tree().spans(trace).iter().map(span).collect();
        let failures = self.tree().failures();
        let path = id.map(|id| document_path(self.0.parts.shards.of(id), id));
        let own = failures.iter().filter(|one| {
            one.trace.as_deref() == Some(trace) || path.as_ref().is_some_and(|path| one.path == *path)
        });
        let failures: Vec<Value> = own.map(|one| shown::failure(self.me(), one)).collect();
        let lost = self.tree().lost();
        let lost = lost.iter().filter(|one| one.trace.as_deref() == Some(trace));
        let lost: Vec<Value> = lost.map(|one| shown::lost(self.me(), one)).collect();
        let seat = path.as_ref().and_then(|path| self.tree().find(path));
        let actor = seat.map(|seat| Found { vitals: seat.vitals(), child_status: Vec::new() });
        let (record, steps) = match id {
            Some(id) => (self.record_here(id).await, self.0.parts.board.steps(id)),
            None => (Value::Null, Vec::new()),
        };
        let progress = id.and_then(|id| self.0.parts.board.of(id)).map(|progress| {
            json!({
                "stage": progress.stage.name(),
                "pages_done": progress.pages_done,
                "pages_total": progress.pages_total,
            })
        });
        let steps: Vec<Value> = steps
            .iter()
            .map(|step| {
                json!({
                    "stage": step.stage,
                    "path": shown_path(&step.path),
                    "started_ms": step.started_ms,
                    "ended_ms": step.ended_ms,
                    "failed": step.failed,
                })
            })
            .collect();
        json!({
            "record": record,
            "steps": steps,
            "progress": progress,
            "spans": spans,
            "failures": failures,
            "dead_letters": lost,
            "actor": actor.map(|found| shown::actor(self.me(), &found)),
        })
    }

    /// What the index of this node says of a document, if it has its shard.
    async fn record_here(&self, id: DocumentId) -> Value {
        let shards = &self.0.parts.shards;
        let Some(index) = shards.index(id) else { return Value::Null };
        let Some(record) = self.read(index, move |index| index.document(id)).await.flatten() else {
            return Value::Null;
        };
        let (status, code, reason) = match &record.status.outcome {
            Outcome::Processing => ("processing", None, None),
            Outcome::Ready => ("ready", None, None),
            Outcome::Failed(why) => {
                ("failed", Some(why.code.clone()), Some(enabler_cluster::plain(&why.message)))
            }
        };
        json!({
            "tenant": record.tenant,
            "revision": record.revision,
            "created_ms": record.created_ms,
            "processed_ms": record.status.processed_ms,
            "page_count": record.status.page_count,
            "status": status,
            "code": code,
            "reason": reason,
            "owns": shards.owns(id),
            "is_quarantined": self.0.parts.quarantine.holds(id),
        })
    }
}

fn span(span: &Span) -> Value {
    json!({
        "path": shown_path(&span.path),
        "message": shown::name(&span.message),
        "started_ms": span.started_ms,
        "queue_us": span.queue_us,
        "work_us": span.work_us,
        "failed": span.failed,
    })
}
