//! What one node does for an erasure, and where it looks for traces.

use std::time::Duration;

use enabler_cluster::decide::custody::Part;
use enabler_cluster::request::Request;
use enabler_storage::cache;
use enabler_storage::log;
use enabler_storage::record::{self, DocumentId};
use serde_json::{Value, json};

use super::receipt::Row;
use super::{Subject, told, words};
use crate::model;
use crate::operator::Operator;
use crate::shard::{Cleared, Freshness, Message};

/// How long a snapshot may take.
const SNAPSHOT_TIME_MAX: Duration = Duration::from_secs(40);
/// The pause before a snapshot is asked for again while another one is written.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the thread of a model may take to hear: it does so between two tokens, or when one of many answers ends.
const FORGET_TIME_MAX: Duration = Duration::from_secs(30);
/// How long the index of a shard that is not here may take to be removed: its last readers are waited for.
const CLEAR_TIME_MAX: Duration = Duration::from_secs(10);
/// Hits of the document's own words that are counted.
const HITS_MAX: usize = 100;

impl Operator {
    /// What this node knows of a document, and words of it.
    pub(in crate::operator) async fn subject_here(&self, document: &str) -> Value {
        let nothing = json!({ "subject": null });
        let Ok(id) = document.parse::<DocumentId>() else { return nothing };
        let shards = &self.0.parts.shards;
        let Some(index) = shards.index(id) else { return nothing };
        let read = self.read(index, move |index| Ok((index.document(id)?, index.chunks(id)?))).await;
        let Some((Some(record), chunks)) = read else { return nothing };
        let marks = words::marks(chunks.iter().map(|chunk| chunk.text.as_str()));
        told(shards.owns(id), &record, &marks)
    }

    /// Removes what this node holds of a document that was deleted.
    pub(in crate::operator) async fn erase_here(&self, subject: &Subject) -> Vec<Row> {
        let Ok(id) = subject.document_id() else {
            return vec![Row::of("node", "").failed("it is no document")];
        };
        self.0.parts.quarantine.hear(id, false);
        let mut rows = Vec::new();
        rows.extend(self.index_without(subject, id).await);
        rows.push(self.forget_cached(subject, Kind::Remove).await);
        let (copies, in_use) = self.forget_files(subject, id);
        let row = Row::of("files", "copies of the upload for the reading processes").removed(copies);
        rows.push(if in_use > 0 { row.failed("it is being read at this moment") } else { row });
        rows.extend(self.forget_prompts().await);
        rows
    }

    /// Takes the document out of the log of its shard, if this node owns it.
    pub(in crate::operator) async fn erase_log_here(&self, subject: &Subject) -> Vec<Row> {
        let Ok(id) = subject.document_id() else { return Vec::new() };
        let parts = &self.0.parts;
        if !parts.shards.owns(id) {
            return Vec::new();
        }
        let number = parts.shards.of(id);
        let Some((address, _)) = parts.shards.get(number) else { return Vec::new() };
        let row = Row::of("log", "its file's name, metadata and results; snapshots before this one");
        let request = Request::new(subject.document.as_str(), SNAPSHOT_TIME_MAX);
        loop {
            match address.ask(&request, Message::Compact).await {
                Ok(Ok(())) => break,
                Ok(Err(_)) if request.left() > AGAIN * 2 => tokio::time::sleep(AGAIN).await,
                Ok(Err(why)) => return vec![row.failed(why)],
                Err(error) => return vec![row.failed(error.to_string())],
            }
        }
        vec![match log::erase_document(&*parts.store, number, id).await {
            Ok(erased) => row
                .removed(erased.entries + erased.parts)
                .saying(format!("{} entries and {} parts of snapshots", erased.entries, erased.parts)),
            Err(error) => row.failed(error.to_string()),
        }]
    }

    /// Looks on this node for anything that is left.
    pub(in crate::operator) async fn probe_here(&self, subject: &Subject, marks: &[String]) -> Vec<Row> {
        let Ok(id) = subject.document_id() else {
            return vec![Row::of("node", "").failed("it is no document")];
        };
        let mut rows = Vec::new();
        if let Some(index) = self.0.parts.shards.index(id) {
            let (tenant, text, content) = (subject.tenant.clone(), marks.join(" "), subject.content());
            let row = Row::of("index", "rows, vectors and words");
            let read = tokio::task::spawn_blocking(move || {
                let rows = index.traces_of(id, &tenant, &content)?;
                Ok::<_, enabler_storage::shard::ShardError>((
                    rows,
                    index.words_of(id, &tenant, &text, HITS_MAX)?,
                ))
            });
            rows.push(match read.await {
                Ok(Ok((rows, hits))) => row.found(rows + hits).saying(format!(
                    "a search for {} of its own words finds {hits} of its passages",
                    marks.len()
                )),
                Ok(Err(error)) => row.failed(error.to_string()),
                Err(_) => row.failed("reading the index panicked"),
            });
        }
        rows.push(self.forget_cached(subject, Kind::Probe).await);
        let (copies, _) = self.forget_files(subject, id);
        rows.push(Row::of("files", "copies of the upload for the reading processes").found(copies));
        rows
    }

    /// Forgets what the shared cache has of a document that was erased before, and says how much that was.
    pub(super) async fn shared_cache_probe(&self, subject: &Subject) -> Row {
        self.forget_cached(subject, Kind::Probe).await
    }

    /// Brings the index of the document's shard up to its deletion, down to the files of its words.
    async fn index_without(&self, subject: &Subject, id: DocumentId) -> Option<Row> {
        let (actor, view) = self.0.parts.shards.get(self.0.parts.shards.of(id))?;
        let row = Row::of("index", "rows, vectors and words");
        if view.index().is_none() {
            // It may have had the shard before, and keeps what it knew until it has it again.
            let request = Request::new(subject.document.as_str(), CLEAR_TIME_MAX);
            match actor.ask(&request, Message::Clear).await {
                Ok(Ok(Cleared::Nothing)) => return None,
                Ok(Ok(Cleared::Removed)) => {
                    return Some(row.removed(1).saying("the whole index, which was kept for a later time"));
                }
                Ok(Ok(Cleared::InUse)) => {}
                Ok(Err(why)) => return Some(row.failed(why)),
                Err(error) => return Some(row.failed(error.to_string())),
            }
        }
        let index = match view.current(actor).await {
            Ok((index, Freshness::Current)) => index,
            Ok((_, Freshness::Unconfirmed)) => return Some(row.failed("this node does not reach the store")),
            Err(error) => return Some(row.failed(error.to_string())),
        };
        let flushed = tokio::task::spawn_blocking(move || {
            index.flush()?;
            index.is_deleted(id)
        });
        let part = if view.standing().part == Part::Owner { "as owner" } else { "as replica" };
        Some(match flushed.await {
            Ok(Ok(true)) => row.removed(subject.chunks.into()).saying(part),
            Ok(Ok(false)) => row.failed("its deletion is not in the index yet"),
            Ok(Err(error)) => row.failed(error.to_string()),
            Err(_) => row.failed("writing the index panicked"),
        })
    }

    /// Forgets every group of remembered things that may hold a word of the document; a group that is there no more has
    /// nothing to forget, which is how it is looked for.
    async fn forget_cached(&self, subject: &Subject, kind: Kind) -> Row {
        let row =
            Row::of("cache", "answers, conversations, streams and recognised pages, shared and in memory");
        let (tenant, document) = (&*subject.tenant, subject.document_id().ok());
        let mut forgotten = 0;
        for prefix in [
            cache::answer_prefix(tenant, document),
            cache::session_prefix(tenant, document),
            cache::stream_prefix(tenant, document),
            cache::ocr_prefix(tenant, &subject.content()),
            // What was said over the whole knowledge base may quote any document of the tenant.
            cache::answer_prefix(tenant, None),
            cache::session_prefix(tenant, None),
            cache::stream_prefix(tenant, None),
        ] {
            let is_whole = prefix.contains(":all:");
            match self.0.parts.cache.delete_prefix(&prefix).await {
                // Others of the tenant ask meanwhile; what they are told is not of this document.
                Ok(_) if kind == Kind::Probe && is_whole => {}
                Ok(count) => forgotten += count,
                Err(error) => return row.failed(error.to_string()),
            }
        }
        if kind == Kind::Probe { row.found(forgotten) } else { row.removed(forgotten) }
    }

    fn forget_files(&self, subject: &Subject, id: DocumentId) -> (u64, u64) {
        let Some((_, files, _)) = &self.0.parts.crew.here().reading else { return (0, 0) };
        let (copies, in_use) = files.forget(&record::blob_prefix(&subject.tenant, id));
        (copies as u64, in_use as u64)
    }

    /// Has the model hosts forget what they have computed of earlier prompts.
    async fn forget_prompts(&self) -> Option<Row> {
        let (hosts, _) = self.0.parts.crew.here().hosts.as_ref()?;
        let row = Row::of("models", "computed beginnings of prompts, in memory");
        let mut forgotten = 0;
        for (name, address) in hosts.iter() {
            let request = Request::new(name.as_str(), FORGET_TIME_MAX);
            match address.ask(&request, model::Message::Forget).await {
                Ok(count) => forgotten += count as u64,
                Err(error) => return Some(row.failed(format!("{name}: {error}"))),
            }
        }
        Some(row.removed(forgotten))
    }
}

/// Whether something is removed, or looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Remove,
    Probe,
}
