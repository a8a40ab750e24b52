//! What the clients were told, and when: each answer is held against every answer before it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use enabler_storage::record::{DocumentId, DocumentRecord, Outcome};

use super::judge::{self, short};
use super::net::NoAnswer;
use super::world::World;

#[derive(Debug, Default)]
struct Document {
    tenant: String,
    content: u16,
    /// When its upload was acknowledged first.
    accepted_ms: u64,
    /// When a client first asked for its deletion, and how many have.
    delete_begun_ms: Option<u64>,
    deletes: u32,
    /// When a deletion was acknowledged first.
    deleted_ms: Option<u64>,
    /// The end that a read has shown, and when that read was over.
    ended: Option<(bool, u64)>,
}

#[derive(Debug, Default)]
struct State {
    documents: BTreeMap<DocumentId, Document>,
    /// The document of a tenant's file, as it was told last.
    files: BTreeMap<(String, u16), DocumentId>,
    requests: BTreeMap<u64, u64>,
    next: u64,
}

/// All answers so far.
#[derive(Debug, Default)]
pub struct Book(Mutex<State>);

impl Book {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins.
    pub fn begins(&self, now_ms: u64) -> u64 {
        let mut state = self.state();
        state.next += 1;
        let number = state.next;
        state.requests.insert(number, now_ms);
        number
    }

    /// Requests without an answer.
    pub fn open_requests(&self) -> usize {
        self.state().requests.len()
    }

    /// The document that a tenant got for a file.
    pub fn document(&self, tenant: &str, content: u16) -> Option<DocumentId> {
        self.state().files.get(&(tenant.to_owned(), content)).copied()
    }

    /// Every document that was ever acknowledged, with its tenant.
    pub fn all(&self) -> Vec<(String, DocumentId)> {
        self.state().documents.iter().map(|(id, document)| (document.tenant.clone(), *id)).collect()
    }

    /// An upload has its answer.
    pub fn uploaded(
        &self,
        world: &World,
        request: u64,
        tenant: &str,
        content: u16,
        outcome: Option<DocumentId>,
    ) {
        let now_ms = world.engine.now_ms();
        let mut state = self.state();
        let begun_ms = state.requests.remove(&request).unwrap_or(now_ms);
        let Some(id) = outcome else { return };
        if let Some(known) = state.documents.get(&id) {
            if known.deleted_ms.is_some_and(|deleted| deleted < begun_ms) {
                let text = format!("an upload was answered with {}, which was deleted before", short(id));
                world.judge.broken(judge::DELETED, text);
            }
            if (known.tenant.as_str(), known.content) != (tenant, content) {
                let text = format!("{} was given to another file or tenant", short(id));
                world.judge.broken(judge::TENANTS, text);
            }
        }
        let twin = state.documents.iter().find(|(other, document)| {
            **other != id
                && (document.tenant.as_str(), document.content) == (tenant, content)
                && document.accepted_ms < begun_ms
                && document.delete_begun_ms.is_none()
        });
        if let Some((twin, _)) = twin
            && !matches!(world.judge.truth(*twin), Some(Outcome::Failed(_)))
            && !world.judge.has_damaged(tenant, *twin)
        {
            let text = format!("one file of one tenant is {} and {}", short(*twin), short(id));
            world.judge.broken(judge::ONE_EFFECT, text);
        }
        let document = state.documents.entry(id).or_default();
        if document.accepted_ms == 0 {
            (document.tenant, document.content, document.accepted_ms) = (tenant.to_owned(), content, now_ms);
        }
        state.files.insert((tenant.to_owned(), content), id);
    }

    /// A client asks for a deletion.
    pub fn deletes(&self, id: DocumentId, now_ms: u64) {
        if let Some(document) = self.state().documents.get_mut(&id) {
            document.delete_begun_ms.get_or_insert(now_ms);
            document.deletes += 1;
        }
    }

    /// A deletion has its answer.
    pub fn deleted(&self, world: &World, request: u64, id: DocumentId, outcome: Result<(), NoAnswer>) {
        let now_ms = world.engine.now_ms();
        let mut state = self.state();
        state.requests.remove(&request);
        let Some(document) = state.documents.get_mut(&id) else { return };
        match outcome {
            Ok(()) => drop(document.deleted_ms.get_or_insert(now_ms)),
            Err(NoAnswer::NoDocument) => {
                if document.deletes == 1 && document.deleted_ms.is_none() {
                    let text = format!("{} was acknowledged, and its deletion finds nothing", short(id));
                    world.judge.broken(judge::DURABLE, text);
                }
            }
            Err(_) => {}
        }
    }

    /// A read has its answer.
    pub fn read(
        &self,
        world: &World,
        request: u64,
        tenant: &str,
        id: DocumentId,
        outcome: Result<Box<DocumentRecord>, NoAnswer>,
    ) {
        let now_ms = world.engine.now_ms();
        let mut state = self.state();
        let begun_ms = state.requests.remove(&request).unwrap_or(now_ms);
        let Some(document) = state.documents.get_mut(&id) else { return };
        match outcome {
            Ok(record) => {
                if document.deleted_ms.is_some_and(|deleted| deleted < begun_ms) {
                    world.judge.broken(judge::DELETED, format!("{} was deleted, and is shown", short(id)));
                }
                if record.tenant != tenant || record.document_id != id {
                    world.judge.broken(judge::TENANTS, format!("{} is somebody else's", short(id)));
                }
                let end = match record.status.outcome {
                    Outcome::Processing => None,
                    Outcome::Ready => Some(true),
                    Outcome::Failed(_) => Some(false),
                };
                if let Some((before, at_ms)) = document.ended
                    && at_ms < begun_ms
                    && end != Some(before)
                    // A replica that is behind may find the chunks of a document gone that is being deleted.
                    && document.delete_begun_ms.is_none()
                    && !world.judge.has_damage()
                {
                    let text = format!("{} had ended (ready: {before}), and is shown as {end:?}", short(id));
                    world.judge.broken(judge::HISTORY, text);
                }
                if let Some(end) = end {
                    document.ended = Some((end, now_ms));
                }
            }
            Err(NoAnswer::NoDocument) => {
                let is_wanted = document.accepted_ms < begun_ms && document.delete_begun_ms.is_none();
                if is_wanted {
                    let text = format!("{} was acknowledged, and is not there", short(id));
                    world.judge.broken(judge::DURABLE, text);
                }
            }
            Err(_) => {}
        }
    }
}
