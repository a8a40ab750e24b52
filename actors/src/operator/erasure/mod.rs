//! Erasure: after it no node, store or cache holds anything of a document but its id, and a receipt says who looked where.
//!
//! A deletion is the first step. What remains for a while after one (log entries, snapshots, kept answers to repeated
//! requests, copies on nodes) is then taken out on every node, and all of it is searched for what was known of the
//! document. An erasure that cannot be ended now stays open in the store, and the recurring work goes on with it.

mod here;
mod receipt;
mod remains;
mod words;

use std::time::Duration;

use enabler_cluster::request::Request;
use enabler_storage::log;
use enabler_storage::record::{self, DocumentId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::everywhere::Panel;
use super::plan::{Action, Outcome, Touch};
use super::shown;
use super::told::Question;
use crate::calls::ERASED;
use crate::router::RouteError;
use receipt::Row;
pub(crate) use receipt::Watched;

/// How long the deletion may take that begins an erasure.
const DELETE_TIME_MAX: Duration = Duration::from_secs(30);

/// Which document, and who wants it erased. It is kept in the store while the erasure is open, and not longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its id.
    pub document: String,
    /// Whose it is.
    pub tenant: String,
    /// Of the uploaded bytes, hexadecimal: recognised pages are remembered by it.
    pub sha256: String,
    /// Chunks that the index had.
    pub chunks: u32,
    /// The action.
    pub id: String,
    /// Who wants it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when, Unix milliseconds.
    pub asked_ms: u64,
}

impl Subject {
    fn document_id(&self) -> Result<DocumentId, String> {
        self.document.parse().map_err(|_| format!("{} is no document's id", self.document))
    }

    fn content(&self) -> [u8; 32] {
        let byte =
            |at: usize| self.sha256.get(at * 2..at * 2 + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        std::array::from_fn(|at| byte(at).unwrap_or(0))
    }
}

impl Panel {
    /// Erases the document of `action`, or tells what it would touch; with the receipt.
    pub(super) async fn erase(&self, action: &Action, id: &str, by: &str) -> (Outcome, Value) {
        let document = action.target.document.as_deref().unwrap_or_default();
        if !shown::is_document(document) {
            return (Outcome::refused("The target must name a document."), Value::Null);
        }
        let open = match receipt::read_open(self.store(), document).await {
            Ok(open) => open,
            Err(why) => return (Outcome::refused(format!("The store does not answer: {why}.")), Value::Null),
        };
        let known = self.known(document).await;
        let (subject, marks) = match (open, known) {
            (Some(subject), known) => (subject, known.map(|known| known.1).unwrap_or_default()),
            (None, Some((mut subject, marks))) => {
                (subject.id, subject.by) = (id.to_owned(), by.to_owned());
                (subject.reason, subject.asked_ms) = (action.reason.clone(), self.now_ms());
                (subject, marks)
            }
            (None, None) => return self.erased_before(document).await,
        };
        let touches = self.touches(&subject);
        if action.dry_run {
            let detail =
                "The document is deleted, and every trace of it but its id is removed on every node.";
            return (Outcome::done(true, touches, detail), Value::Null);
        }
        if let Err(why) = receipt::open(self.store(), &subject).await {
            let why = format!("It could not be written down that an erasure begins: {why}.");
            return (Outcome::refused(why), Value::Null);
        }
        let receipt = self.erase_what_is_left(&subject, &marks).await;
        let outcome = if receipt["complete"] == true {
            Outcome::done(false, touches, "Nothing is left of it but its id; the receipt names every place.")
        } else {
            Outcome {
                touches,
                outcome: "partly".to_owned(),
                detail: "Not every place could be emptied; the receipt names them, and the recurring work goes on."
                    .to_owned(),
            }
        };
        (outcome, receipt)
    }

    /// The receipt of an erasure that has ended.
    async fn erased_before(&self, document: &str) -> (Outcome, Value) {
        match receipt::read(self.store(), document).await {
            Ok(Some(receipt)) => {
                (Outcome::done(false, Vec::new(), "It was erased before; this is its receipt."), receipt)
            }
            Ok(None) => {
                let why = format!("No node that answers knows document {document}.");
                (Outcome::refused(why), Value::Null)
            }
            Err(why) => (Outcome::refused(format!("The store does not answer: {why}.")), Value::Null),
        }
    }

    /// What a node says of the document, the owner of its shard first, and marks by which its traces are known.
    async fn known(&self, document: &str) -> Option<(Subject, Vec<String>)> {
        let question = Question::Subject { document: document.to_owned() };
        let answered = self.ask(&question, |_| true).await;
        let told =
            answered.into_iter().filter_map(|one| one.answer.ok()).filter(|one| !one["subject"].is_null());
        let best = told.max_by_key(|one| one["owns"] == true)?;
        let marks = serde_json::from_value(best["marks"].clone()).unwrap_or_default();
        Some((serde_json::from_value(best["subject"].clone()).ok()?, marks))
    }

    fn touches(&self, subject: &Subject) -> Vec<Touch> {
        let view = self.operator.0.parts.net.view().borrow().clone();
        let what = format!("document {}", subject.document);
        let touch = |node: String| Touch { node, what: what.clone() };
        let mut touches: Vec<Touch> =
            view.members.iter().map(|member| touch(member.id.name.clone())).collect();
        touches.sort_unstable();
        touches.dedup();
        touches
    }

    /// Erasures that have not ended.
    pub(crate) async fn open_erasures(&self) -> Result<Vec<Subject>, String> {
        receipt::all_open(self.store()).await
    }

    /// Removes what is left, looks for traces everywhere, and writes the receipt. `marks` are words by which traces are
    /// known; they are never written down. Repeating it is harmless.
    pub(crate) async fn erase_what_is_left(&self, subject: &Subject, marks: &[String]) -> Value {
        let mut rows = vec![self.delete_it(subject).await];
        if !rows.iter().all(Row::is_clean) {
            // While it is there for its readers, nothing of it is taken from under them.
            let receipt = receipt::made(subject, self.now_ms(), &rows, &[], 0);
            return self.written(subject, receipt).await;
        }
        rows.extend(self.remove_objects(subject).await);
        rows.extend(self.everywhere(&Question::EraseTraces { subject: subject.clone() }).await);
        rows.extend(self.everywhere(&Question::EraseLog { subject: subject.clone() }).await);
        let mut probe = self.probe_objects(subject, marks).await;
        let question = Question::ProbeTraces { subject: subject.clone(), marks: marks.to_vec() };
        probe.extend(self.everywhere(&question).await);
        let receipt = receipt::made(subject, self.now_ms(), &rows, &probe, marks.len());
        self.written(subject, receipt).await
    }

    /// Erasures that ended not long ago and are to be looked at again.
    pub(crate) async fn watched_erasures(&self) -> Result<Vec<Watched>, String> {
        receipt::watched(self.store(), self.now_ms()).await
    }

    /// Looks whether a node that had slept has brought anything of an erased document back to what all share; if so,
    /// its erasure is open again.
    pub(crate) async fn look_again(&self, watched: Watched) -> Result<bool, String> {
        let subject = watched.subject.clone();
        let mut rows = self.probe_objects(&subject, &[]).await;
        rows.push(self.operator.shared_cache_probe(&subject).await);
        if let Some(why) = rows.iter().find_map(Row::trouble) {
            return Err(why.to_owned());
        }
        let is_clean = rows.iter().all(Row::is_clean);
        if !is_clean {
            receipt::open(self.store(), &subject).await?;
        }
        receipt::looked(self.store(), watched, self.now_ms()).await?;
        Ok(is_clean)
    }

    async fn written(&self, subject: &Subject, receipt: Value) -> Value {
        match receipt::write(self.store(), subject, &receipt).await {
            Ok(()) => receipt,
            Err(why) => {
                tracing::warn!(document = subject.document, why, "a receipt was not written");
                let mut open = receipt;
                open["complete"] = false.into();
                open["not_written"] = why.into();
                open
            }
        }
    }

    /// Deletes the document like its user would; from then on nobody is answered from it.
    async fn delete_it(&self, subject: &Subject) -> Row {
        let row = Row::of("document", "the log of its shard, from where every index follows");
        let document = match subject.document_id() {
            Ok(document) => document,
            Err(why) => return row.failed(why),
        };
        let request = Request::new(subject.document.as_str(), DELETE_TIME_MAX);
        match self.router.delete(&request, &subject.tenant, document, ERASED).await {
            Ok(()) => row.removed(1),
            Err(RouteError::Unknown) => row.removed(0),
            Err(error) => row.failed(error.to_string()),
        }
    }

    /// What lies in the store under the document's own prefix, and what other objects say of it.
    async fn remove_objects(&self, subject: &Subject) -> Vec<Row> {
        let store = self.store();
        let blobs = Row::of("blobs", "file, pages, chunks, pictures of pages");
        let blobs = match subject.document_id() {
            Ok(document) => match record::delete_blobs(store, &subject.tenant, document).await {
                Ok(removed) => blobs.removed(removed as u64),
                Err(error) => blobs.failed(error.to_string()),
            },
            Err(why) => blobs.failed(why),
        };
        let mut rows = vec![blobs];
        for place in remains::PLACES {
            let row = Row::of(place.name, place.what);
            rows.push(match remains::remove(store, place, &subject.document).await {
                Ok(removed) => row.removed(removed),
                Err(why) => row.failed(why),
            });
        }
        rows
    }

    /// Looks through the store for anything that still says more of the document than its id.
    async fn probe_objects(&self, subject: &Subject, marks: &[String]) -> Vec<Row> {
        let store = self.store();
        let document = match subject.document_id() {
            Ok(document) => document,
            Err(why) => return vec![Row::of("blobs", "").failed(why)],
        };
        let prefix = record::blob_prefix(&subject.tenant, document);
        let blobs = Row::of("blobs", "keys below the document's prefix");
        let mut rows = vec![match store.list_after(&prefix, None, 1).await {
            Ok(listed) => blobs.found(listed.len() as u64),
            Err(error) => blobs.failed(error.to_string()),
        }];
        let shard = self.operator.0.parts.shards.of(document);
        let row = Row::of("log", "entries and snapshots of its shard, also those that nobody reads any more");
        rows.push(match log::traces_of(store, shard, document).await {
            Ok(traces) => row.found(traces.entries + traces.parts).saying(format!(
                "{} entries and {} parts of snapshots were read",
                traces.entries_seen, traces.parts_seen
            )),
            Err(error) => row.failed(error.to_string()),
        });
        for place in remains::PLACES {
            let row = Row::of(place.name, place.what);
            rows.push(match remains::probe(store, place, &subject.document, marks).await {
                Ok((seen, found)) => row.found(found).saying(format!("{seen} objects were read")),
                Err(why) => row.failed(why),
            });
        }
        rows
    }

    /// Has every node do it, and notes who did not answer.
    async fn everywhere(&self, question: &Question) -> Vec<Row> {
        let mut rows = Vec::new();
        for one in self.ask(question, |_| true).await {
            match one.answer.map(serde_json::from_value::<Vec<Row>>) {
                Ok(Ok(told)) => rows.extend(told.into_iter().map(|row| row.on(&one.node.name))),
                Ok(Err(error)) => {
                    rows.push(
                        Row::of("node", "")
                            .on(&one.node.name)
                            .failed(format!("it answered strangely: {error}")),
                    );
                }
                Err(why) => rows.push(Row::of("node", "").on(&one.node.name).failed(why)),
            }
        }
        rows
    }

    /// Documents whose time is over, as id and tenant, and how many nodes did not tell.
    pub(crate) async fn outdated(&self, age_ms: u64, limit: usize) -> (Vec<(String, String)>, usize) {
        let answered = self.ask(&Question::Outdated { now_ms: self.now_ms(), age_ms, limit }, |_| true).await;
        let silent = answered.iter().filter(|one| one.answer.is_err()).count();
        let told = answered.into_iter().filter_map(|one| one.answer.ok());
        let mut all: Vec<(String, String)> =
            told.flat_map(|one| serde_json::from_value::<Vec<_>>(one).unwrap_or_default()).collect();
        all.sort_unstable();
        all.dedup();
        (all, silent)
    }
}

/// A subject as a node knows it, before somebody has said why.
fn subject(record: &enabler_storage::record::DocumentRecord) -> Subject {
    Subject {
        document: record.document_id.to_string(),
        tenant: record.tenant.clone(),
        sha256: record.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        chunks: record.status.chunk_count,
        id: String::new(),
        by: String::new(),
        reason: String::new(),
        asked_ms: 0,
    }
}

/// What a node tells of a document that it has.
fn told(owns: bool, record: &enabler_storage::record::DocumentRecord, marks: &[String]) -> Value {
    json!({ "owns": owns, "subject": subject(record), "marks": marks })
}
