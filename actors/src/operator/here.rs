//! What this node says of itself.

use std::collections::BTreeSet;
use std::time::Duration;

use enabler_cluster::decide::custody::Part;
use enabler_cluster::tree::{Change, Found, Look, Status};
use enabler_storage::objects::{Key, LIST_LIMIT_MAX};
use enabler_storage::record::{DocumentId, DocumentRecord, Make, Outcome};
use enabler_storage::shard::{ShardError, ShardIndex};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::told::{Question, Window};
use super::{Operator, own_path, process, shown, shown_path};

/// Actors that one answer of one node holds at most.
pub(super) const ACTORS_MAX: usize = 1_000;
/// Stuck actors that are looked for when changes are asked for.
const STUCK_MAX: usize = 256;
/// Documents that one answer names whose chunks were made with something else.
const MAKINGS_MAX: usize = 256;
/// Where it is noted that operators have put a failed document aside.
pub(super) const ASIDE: &str = "v1/operator/discarded/";
/// How long the store may take to tell what was put aside; without it, it is listed once more.
const ASIDE_TIME_MAX: Duration = Duration::from_millis(800);
/// The code of documents that failed through no fault of their own.
pub(super) const OURS: &str = "internal";

impl Operator {
    /// Answers a question about this node.
    ///
    /// # Errors
    /// Why it cannot be answered, in words.
    pub async fn answer(&self, question: Question) -> Result<Value, String> {
        match question {
            Question::Tree(window) => Ok(self.tree_here(&window)),
            Question::Actor { path } => Ok(self.actor_here(&path)),
            Question::Shards => Ok(self.shards_here().await),
            Question::Failures { limit } => {
                let failures = self.tree().failures();
                Ok(failures.iter().take(limit).map(|one| shown::failure(self.me(), one)).collect())
            }
            Question::DeadLetters { limit } => self.dead_letters_here(limit).await,
            Question::Stalled { over_ms, limit } => Ok(self.stalled_here(over_ms, limit).await),
            Question::TraceOf { request } => Ok(json!(self.0.requests.trace_of(&request).as_deref())),
            Question::Where { document, trace } => Ok(self.where_here(document.as_deref(), &trace).await),
            Question::Changes { after, limit } => Ok(self.changes_here(after, limit)),
            Question::Subject { document } => Ok(self.subject_here(&document).await),
            Question::EraseTraces { subject } => Ok(json!(self.erase_here(&subject).await)),
            Question::EraseLog { subject } => Ok(json!(self.erase_log_here(&subject).await)),
            Question::ProbeTraces { subject, marks } => Ok(json!(self.probe_here(&subject, &marks).await)),
            Question::Outdated { now_ms, age_ms, limit } => {
                Ok(json!(self.outdated_here(now_ms, age_ms, limit).await))
            }
            Question::Makings { model_id, chunker, after, limit } => {
                let wanted = model_id.zip(chunker).map(|(model_id, chunker)| Make { model_id, chunker });
                let after = after.and_then(|after| after.parse().ok());
                Ok(json!(self.making_here(wanted, after, limit.min(MAKINGS_MAX)).await))
            }
            Question::Prompt => Ok(json!({ "prompt": self.0.parts.prompts.now().name })),
            Question::ForgetLost { ids } => Ok(json!(self.forget_letters(&ids))),
            Question::Act { action, id, by } => self.act_here(&action, &id, &by).await,
        }
    }

    fn tree_here(&self, window: &Window) -> Value {
        let limit = window.limit.clamp(1, ACTORS_MAX);
        let is_search = window.text.is_some() || window.status.is_some();
        let look = Look {
            under: own_path(&window.under),
            depth: if is_search { 0 } else { window.depth.max(1) },
            limit,
            after: window.after.as_deref().map(own_path),
            text: window.text.as_ref().map(|text| text.to_lowercase()),
            status: shown::status(window.status.as_deref()),
        };
        let (mut found, mut more) = self.tree().look(&look);
        // The root has no path to look below.
        if window.under.is_empty() && window.after.is_none() && !is_search {
            let root = self.tree().find(super::ROOT);
            let root = root.map(|seat| Found {
                vitals: seat.vitals(),
                child_status: self.tree().child_status_of(&seat),
            });
            found.splice(0..0, root);
            if found.len() > limit {
                found.pop();
                more = found.last().map(|last| last.vitals.path.clone());
            }
        }
        let actors: Vec<Value> = found.iter().map(|found| shown::actor(self.me(), found)).collect();
        let mut node = self.node_here();
        node["actors_total"] = self.tree().len().into();
        node["actors"] = actors.into();
        node["more_after"] = more.as_deref().map(shown_path).into();
        node
    }

    /// What this node says of itself beside its actors.
    fn node_here(&self) -> Value {
        let percent = {
            let mut processor = self.0.processor.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            processor.percent(&process::read("stat"), Instant::now())
        };
        json!({
            "cpu_percent": percent,
            "memory_bytes": process::memory_bytes(&process::read("statm")),
            "started_ms": self.0.started_ms,
            "version": env!("CARGO_PKG_VERSION"),
            "cordoned": self.0.parts.draining.load(std::sync::atomic::Ordering::Relaxed),
        })
    }

    /// An actor that is here, with what happened to it; nothing if it is not.
    fn actor_here(&self, path: &str) -> Value {
        let own = own_path(path);
        let failures: Vec<Value> = {
            let all = self.tree().failures();
            all.iter().filter(|one| one.path == own).map(|one| shown::failure(self.me(), one)).collect()
        };
        let Some(seat) = self.tree().find(&own) else {
            return json!({ "actor": null, "failures": failures, "history": [], "trace": null });
        };
        let child_status = self.tree().child_status_of(&seat);
        let found = Found { vitals: seat.vitals(), child_status };
        let history: Vec<Value> = seat.history().iter().map(shown::mark).collect();
        let trace = seat.followed().map(|(left, messages)| {
            let messages: Vec<Value> = messages
                .iter()
                .map(|one| {
                    json!({
                        "at_ms": one.at_ms,
                        "message": shown::name(&one.message),
                        "queue_us": one.queue_us,
                        "work_us": one.work_us,
                        "outcome": one.outcome,
                    })
                })
                .collect();
            json!({ "left": left, "messages": messages })
        });
        json!({
            "actor": shown::actor(self.me(), &found),
            "failures": failures,
            "history": history,
            "trace": trace,
        })
    }

    async fn shards_here(&self) -> Value {
        let mut shards = Vec::new();
        for (number, (address, view)) in (0_u32..).zip(self.0.parts.shards.local.iter()) {
            let standing = view.standing();
            let seat = self.tree().find(address.path());
            let status = seat.as_ref().map(|seat| seat.status().name());
            let is_claiming = seat.as_ref().and_then(|seat| seat.noted());
            let (index, owns) = (view.index(), standing.part == Part::Owner);
            let documents = match &index {
                Some(index) if owns => self.read(index.clone(), |index| index.counts()).await,
                _ => None,
            };
            let part = match standing.part {
                Part::Owner => "owner",
                Part::Replica => "replica",
                Part::None => "none",
            };
            shards.push(json!({
                "shard": number,
                "part": part,
                "epoch": standing.epoch,
                "position": index.as_ref().map(|_| view.applied()),
                "documents": documents.map(|counts| counts.documents),
                "refuses": view.refuses(),
                "is_coming": standing.is_coming,
                "is_granting": view.is_granting(),
                "status": status,
                "note": is_claiming,
            }));
        }
        json!({ "shards": shards })
    }

    /// Reads an index beside the work; what cannot be read tells nothing here, its shard says why.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        index: std::sync::Arc<crate::shard::Index>,
        work: impl FnOnce(&ShardIndex) -> Result<T, ShardError> + Send + 'static,
    ) -> Option<T> {
        tokio::task::spawn_blocking(move || work(&index)).await.ok()?.ok()
    }

    /// The indexes of the shards that this node owns.
    pub(super) fn owned(&self) -> Vec<(u32, std::sync::Arc<crate::shard::Index>)> {
        let local = (0_u32..).zip(self.0.parts.shards.local.iter());
        let owned = local.filter(|(_, (_, view))| view.standing().part == Part::Owner);
        owned.filter_map(|(number, (_, view))| Some((number, view.index()?))).collect()
    }

    pub(super) async fn dead_letters_here(&self, limit: usize) -> Result<Value, String> {
        let aside = timeout(ASIDE_TIME_MAX, self.put_aside()).await;
        let aside = aside.unwrap_or_else(|_| Err("it does not answer".to_owned()));
        let mut letters: Vec<Value> =
            self.tree().lost().iter().take(limit).map(|lost| shown::lost(self.me(), lost)).collect();
        for (shard, index) in self.owned() {
            let failed = self.read(index, move |index| index.failed(OURS, limit)).await.unwrap_or_default();
            let kept = |record: &&DocumentRecord| {
                aside.as_ref().map_or(true, |aside| !aside.contains(&letter_name(record)))
            };
            letters.extend(failed.iter().filter(kept).map(|record| self.letter(shard, record)));
        }
        Ok(json!({ "dead_letters": letters, "trouble": aside.err() }))
    }

    fn letter(&self, shard: u32, record: &DocumentRecord) -> Value {
        let reason = match &record.status.outcome {
            Outcome::Failed(reason) => enabler_cluster::plain(&reason.message),
            _ => String::new(),
        };
        json!({
            "id": letter_name(record),
            "node": self.me().name,
            "path": format!("shards/shard-{shard}/document-{}", record.document_id),
            "message": "ingest",
            "document": record.document_id.to_string(),
            "tenant": record.tenant,
            "at_ms": record.status.processed_ms.unwrap_or(record.created_ms),
            "attempts": record.revision,
            "reason": reason,
            "can_retry": true,
        })
    }

    /// Failed documents that operators have put aside.
    async fn put_aside(&self) -> Result<BTreeSet<String>, String> {
        let (mut all, mut after) = (BTreeSet::new(), None::<Key>);
        loop {
            let listed = self.0.parts.store.list_after(ASIDE, after.as_ref(), LIST_LIMIT_MAX).await;
            let listed = listed.map_err(|error| error.to_string())?;
            all.extend(
                listed.iter().filter_map(|one| Some(one.key.as_str().strip_prefix(ASIDE)?.to_owned())),
            );
            if listed.len() < LIST_LIMIT_MAX {
                return Ok(all);
            }
            after = listed.last().map(|one| one.key.clone());
        }
    }

    /// Documents of owned shards whose time is over by this node's clock and by that of whoever asks: a clock that is
    /// wrong deletes nothing alone.
    async fn outdated_here(&self, now_ms: u64, age_ms: u64, limit: usize) -> Vec<(String, String)> {
        let now_ms = now_ms.min(self.now_ms());
        let before_ms = now_ms.saturating_sub(age_ms);
        let mut all = Vec::new();
        for (_, index) in self.owned() {
            let left = limit.saturating_sub(all.len());
            if left == 0 {
                break;
            }
            let found = self.read(index, move |index| index.outdated(now_ms, before_ms, left)).await;
            let found = found.unwrap_or_default().into_iter();
            all.extend(found.map(|record| (record.document_id.to_string(), record.tenant)));
        }
        all
    }

    pub(super) async fn stalled_here(&self, over_ms: u64, limit: usize) -> Value {
        let (now_ms, mut stalled) = (self.now_ms(), Vec::new());
        for (shard, index) in self.owned() {
            for record in self.read(index, ShardIndex::unfinished).await.unwrap_or_default() {
                let id = record.document_id;
                let since_ms = self.0.parts.board.moved_ms(id).unwrap_or(record.created_ms);
                if stalled.len() < limit && now_ms.saturating_sub(since_ms) >= over_ms {
                    stalled.push(self.stalls(shard, &record, since_ms, now_ms));
                }
            }
        }
        json!({ "documents": stalled })
    }

    fn stalls(&self, shard: u32, record: &DocumentRecord, since_ms: u64, now_ms: u64) -> Value {
        let id = record.document_id;
        let path = document_path(shard, id);
        let seat = self.tree().find(&path);
        let progress = self.0.parts.board.of(id);
        let stage = progress.map_or("queued", |progress| progress.stage.name());
        let vitals = seat.as_ref().map(|seat| seat.vitals());
        let why = if self.0.parts.quarantine.holds(id) {
            "an operator has taken it out of service".to_owned()
        } else {
            match &vitals {
                None => "its actor is not in memory; the owner of its shard brings it back".to_owned(),
                Some(vitals) => {
                    let waits = vitals.waiting_on.as_ref().map(|what| format!("it waits for {what}"));
                    let failed =
                        vitals.last_failure.as_ref().map(|last| format!("it failed: {}", last.reason));
                    let parts: Vec<String> = waits.into_iter().chain(failed).collect();
                    if parts.is_empty() {
                        format!("it is {}", vitals.status.name())
                    } else {
                        parts.join("; ")
                    }
                }
            }
        };
        json!({
            "document": id.to_string(),
            "tenant": record.tenant,
            "stage": stage,
            "since_ms": since_ms,
            "for_s": now_ms.saturating_sub(since_ms) / 1_000,
            "shard": shard,
            "owner": self.me().name,
            "actor": seat.map(|seat| shown_path(seat.path()).to_owned()),
            "why": why,
        })
    }

    fn changes_here(&self, after: u64, limit: usize) -> Value {
        self.look_for_stuck();
        // Whoever begins to follow hears what comes, not what was.
        let (changes, newest) = self.tree().changes_after(after, if after == 0 { 0 } else { limit });
        let told = changes.iter().map(|(number, change)| {
            let (name, data) = match change {
                Change::Actor { path, kind, status, at_ms } => {
                    let path = shown_path(path);
                    let kind = shown::name(kind);
                    ("actor", json!({ "node": self.me().name, "path": path, "kind": kind, "status": status, "at_ms": at_ms }))
                }
                Change::Failure { failure } => ("failure", shown::failure(self.me(), failure)),
                Change::Told { name, data } => {
                    (name.as_str(), serde_json::from_str(data).unwrap_or(Value::Null))
                }
            };
            json!({ "number": number, "event": name, "data": data })
        });
        json!({ "changes": told.collect::<Vec<_>>(), "newest": newest })
    }

    /// That an actor is stuck shows by itself only: it is looked for while somebody follows what changes.
    fn look_for_stuck(&self) {
        let stuck: BTreeSet<String> =
            self.tree().all_that_are(Status::Stuck, STUCK_MAX).into_iter().map(|(path, _)| path).collect();
        let mut before = self.0.stuck.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for path in stuck.symmetric_difference(&before) {
            if let Some(seat) = self.tree().find(path) {
                let (status, at_ms) = (seat.status(), self.now_ms());
                let (path, kind) = (path.clone(), seat.kind().to_owned());
                self.tree().changed(Change::Actor { path, kind, status, at_ms });
            }
        }
        *before = stuck;
    }
}

/// The name of a failed document among what was given up: another try is another one.
pub(super) fn letter_name(record: &DocumentRecord) -> String {
    format!("{}-{}", record.document_id, record.revision)
}

/// Where the actor of a document is.
pub(super) fn document_path(shard: u32, id: DocumentId) -> String {
    format!("{}/shards/shard-{shard}/document-{id}", super::ROOT)
}
