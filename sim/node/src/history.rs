//! What clients asked and were told, held against the log and against itself, while it happens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use enabler_actors::router::RouteError;
use enabler_storage::record::{DocumentId, DocumentRecord, Outcome};

use crate::book::Book;
use crate::bucket::Bucket;
use crate::chain::Stage;
use crate::paper::Paper;

/// A document as clients know it; times in simulated milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) tenant: String,
    pub(crate) paper: Paper,
    /// When its upload was acknowledged for the first time.
    acked_ms: u64,
    /// When somebody asked for its deletion for the first time.
    pub(crate) delete_asked_ms: Option<u64>,
    /// When its deletion was acknowledged for the first time.
    deleted_ms: Option<u64>,
    /// When somebody was told for the first time that it had ended.
    ended_ms: Option<u64>,
}

#[derive(Default)]
struct Inner {
    known: BTreeMap<DocumentId, Known>,
    /// Times at which some node could reach neither the store nor any other node that could: what it tells then may be
    /// old, as decision 0009 says.
    blind: Vec<(u64, u64)>,
}

/// The history of a run.
pub(crate) struct History {
    inner: Mutex<Inner>,
    book: Arc<Book>,
    bucket: Arc<Bucket>,
}

/// One question of a client: when it was asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) at_ms: u64,
}

impl History {
    pub(crate) fn new(book: &Arc<Book>, bucket: &Arc<Bucket>) -> Arc<Self> {
        Arc::new(History { inner: Mutex::default(), book: book.clone(), bucket: bucket.clone() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Documents that clients know.
    pub(crate) fn known(&self) -> BTreeMap<DocumentId, Known> {
        self.inner().known.clone()
    }

    /// A question begins.
    pub(crate) fn ask(&self) -> Asked {
        Asked { at_ms: self.book.now_ms() }
    }

    /// From now on, for `ms`, what some node tells may be old.
    pub(crate) fn is_blind_for(&self, ms: u64) {
        let now_ms = self.book.now_ms();
        self.inner().blind.push((now_ms, now_ms + ms));
    }

    fn is_excused(&self, asked: Asked) -> bool {
        let now_ms = self.book.now_ms();
        self.inner().blind.iter().any(|(from, to)| asked.at_ms <= *to && now_ms >= *from)
    }

    /// An upload was acknowledged as document `id`.
    pub(crate) fn uploaded(&self, asked: Asked, tenant: &str, paper: &Paper, id: DocumentId, is_old: bool) {
        let Some(logged) = self.bucket.chains.document(id) else {
            self.book.violated(format!("the upload of {id} was acknowledged and is in no log"));
            return;
        };
        if is_old {
            self.book.sometimes("the same bytes were recognised");
        }
        let now_ms = self.book.now_ms();
        let mut inner = self.inner();
        let known = inner.known.entry(id).or_insert_with(|| Known {
            tenant: tenant.to_owned(),
            paper: paper.clone(),
            acked_ms: now_ms,
            delete_asked_ms: None,
            deleted_ms: None,
            ended_ms: None,
        });
        let gone_before = known.deleted_ms.is_some_and(|deleted_ms| deleted_ms < asked.at_ms);
        if known.tenant != tenant || known.paper != *paper || logged.record.tenant != tenant {
            drop(inner);
            self.book
                .violated(format!("{tenant} was given document {id} for other bytes or of another tenant"));
            return;
        }
        // A second document for bytes that the tenant has, and that nobody has asked to delete.
        let twin = inner.known.iter().find(|(other, known)| {
            let same = **other != id && known.tenant == tenant && known.paper == *paper;
            same && known.delete_asked_ms.is_none() && known.acked_ms < asked.at_ms
        });
        let twin = twin.map(|(twin, _)| *twin);
        drop(inner);
        if gone_before && !self.is_excused(asked) {
            self.book.violated(format!("an upload was taken for document {id}, which was deleted before it"));
        }
        if let Some(twin) = twin {
            let failed = |id| matches!(self.bucket.chains.document(id), Some(logged) if matches!(logged.stage, Stage::Failed(_)));
            if !failed(twin) && !failed(id) && !self.is_excused(asked) {
                self.book.violated(format!("the same bytes of {tenant} are two documents, {twin} and {id}"));
            }
        }
    }

    /// Somebody asks to delete `id`.
    pub(crate) fn deleting(&self, id: DocumentId) -> Asked {
        let asked = self.ask();
        if let Some(known) = self.inner().known.get_mut(&id) {
            known.delete_asked_ms.get_or_insert(asked.at_ms);
        }
        asked
    }

    /// How a deletion of `id` ended.
    pub(crate) fn deleted(&self, id: DocumentId, outcome: &Result<(), RouteError>) {
        if outcome.is_err() {
            return;
        }
        let stage = self.bucket.chains.document(id).map(|logged| logged.stage);
        if stage != Some(Stage::Deleted) {
            self.book
                .violated(format!("the deletion of {id} was acknowledged and is not in the log: {stage:?}"));
        }
        let now_ms = self.book.now_ms();
        if let Some(known) = self.inner().known.get_mut(&id) {
            known.deleted_ms.get_or_insert(now_ms);
        }
    }

    /// A document was told, alone or in a list.
    pub(crate) fn told(&self, asked: Asked, at: &str, tenant: &str, record: &DocumentRecord) {
        let (id, now_ms) = (record.document_id, self.book.now_ms());
        if record.tenant != tenant {
            self.book.violated(format!("{at} told {tenant} of document {id} of {}", record.tenant));
        }
        let is_excused = self.is_excused(asked);
        let has_ended = record.status.outcome != Outcome::Processing;
        let mut inner = self.inner();
        let Some(known) = inner.known.get_mut(&id) else { return };
        let is_deleted = known.deleted_ms.is_some_and(|deleted_ms| deleted_ms < asked.at_ms);
        let was_ended = known.ended_ms.is_some_and(|ended_ms| ended_ms < asked.at_ms);
        if has_ended {
            known.ended_ms.get_or_insert(now_ms);
        }
        drop(inner);
        if is_deleted && is_excused || was_ended && !has_ended && is_excused {
            self.book.sometimes("a node that reached nobody told what was old");
        } else if is_deleted {
            self.book.violated(format!("{at} told of document {id}, which was deleted before the question"));
        } else if was_ended && !has_ended {
            self.book.violated(format!("{at} told that document {id} is under way, after it had ended"));
        }
    }

    /// Somebody was told that there is no document `id`.
    pub(crate) fn denied(&self, asked: Asked, at: &str, id: DocumentId) {
        let is_excused = self.is_excused(asked);
        let inner = self.inner();
        let Some(known) = inner.known.get(&id) else { return };
        let is_lost = known.acked_ms < asked.at_ms && known.delete_asked_ms.is_none();
        drop(inner);
        if is_lost && is_excused {
            self.book.sometimes("a node that reached nobody told what was old");
        } else if is_lost {
            self.book.violated(format!("{at} denied document {id}, whose upload was acknowledged"));
        }
    }

    /// Somebody who alone asked to delete `id` was told that there is no such document.
    pub(crate) fn not_there_to_delete(&self, asked: Asked, at: &str, id: DocumentId) {
        let is_deleted = self.bucket.chains.document(id).is_some_and(|logged| logged.stage == Stage::Deleted);
        if !is_deleted && !self.is_excused(asked) {
            self.book.violated(format!(
                "{at} denied document {id} to whom deletes it, and no log says that it is gone"
            ));
        }
    }

    /// A whole list was told.
    pub(crate) fn listed(&self, asked: Asked, at: &str, tenant: &str, records: &[DocumentRecord]) {
        for record in records {
            self.told(asked, at, tenant, record);
        }
        let is_listed = |id: &DocumentId| records.iter().any(|record| record.document_id == *id);
        let missing: Vec<DocumentId> = {
            let inner = self.inner();
            let of_tenant = inner.known.iter().filter(|(_, known)| known.tenant == tenant);
            of_tenant.map(|(id, _)| *id).filter(|id| !is_listed(id)).collect()
        };
        missing.into_iter().for_each(|id| self.denied(asked, at, id));
    }
}
