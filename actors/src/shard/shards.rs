//! All shards of this node: where a document's commands and reads go.

use std::sync::Arc;

use enabler_cluster::address::{Address, AskError, Refusal, Reply};
use enabler_cluster::decide::custody::Part;
use enabler_cluster::request::Request;
use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use enabler_storage::record::DocumentId;

use super::{Index, Message, View};
use crate::documents::document::Command;

/// The shards as this node has them; a node without the role `documents` has none.
#[derive(Clone)]
pub struct Shards {
    /// The seed of the hash that gives a document its shard.
    pub hash_seed: u64,
    /// Shards of the store.
    pub count: u32,
    /// Address and view of each shard, by number; empty without the role.
    pub local: Arc<Vec<(Address<Message>, View)>>,
}

impl Shards {
    /// The shard of a document.
    pub fn of(&self, id: DocumentId) -> u32 {
        id.shard(self.hash_seed, self.count)
    }

    /// The shard of these bytes: all uploads of them meet there.
    pub fn of_content(&self, tenant: &str, sha256: &[u8; 32]) -> u32 {
        let mut hash = blake3::Hasher::new();
        hash.update(tenant.as_bytes()).update(sha256);
        let mut id = [0; 16];
        hash.finalize_xof().fill(&mut id);
        self.of(DocumentId(id))
    }

    /// A new document's id in `shard`: as many are minted as it takes, about one per shard of the store.
    pub fn mint(&self, shard: u32, clock: &dyn Clock, chance: &dyn Chance) -> DocumentId {
        loop {
            let id = DocumentId::mint(clock, chance);
            if self.of(id) == shard {
                return id;
            }
        }
    }

    /// The actor and view of a shard on this node.
    pub fn get(&self, shard: u32) -> Option<&(Address<Message>, View)> {
        self.local.get(shard as usize)
    }

    /// The view of a document's shard on this node.
    pub fn view(&self, id: DocumentId) -> Option<&View> {
        self.get(self.of(id)).map(|(_, view)| view)
    }

    /// Whether this node owns the document's shard, as far as it knows.
    pub fn owns(&self, id: DocumentId) -> bool {
        self.view(id).is_some_and(|view| view.standing().part == Part::Owner)
    }

    /// The index of `id` on this node, if its shard is owned or followed here; it may lack the newest entries.
    pub fn index(&self, id: DocumentId) -> Option<Arc<Index>> {
        self.view(id)?.index()
    }

    /// Shards that this node owns, or has handed over to a node that has not yet said that it serves them.
    pub fn owned(&self) -> Vec<u32> {
        let owns = |view: &View| {
            view.is_granting() || (view.standing().part == Part::Owner && view.index().is_some())
        };
        (0..).zip(self.local.iter()).filter(|(_, (_, view))| owns(view)).map(|(number, _)| number).collect()
    }

    /// Hands a command to the document's actor on this node and waits for its answer.
    ///
    /// # Errors
    /// As [`Address::ask`].
    pub async fn command<R>(
        &self,
        request: &Request,
        id: DocumentId,
        make: impl FnOnce(Reply<R>) -> Command,
    ) -> Result<R, AskError> {
        let (address, _) =
            self.get(self.of(id)).ok_or_else(|| Refusal::Down { path: "shards".to_owned() })?;
        address.ask(request, |reply| Message::Deliver(id, make(reply))).await
    }

    /// Tells the shard of `id` that a reader found its index damaged.
    pub fn damaged(&self, id: DocumentId, why: String) {
        if let Some((address, _)) = self.get(self.of(id)) {
            let _ = address.offer(Message::Damaged(why));
        }
    }
}
