//! What the log objects say, read in the store itself as they are written: one chain, one writer per epoch, and what
//! became of each document. The nodes never see this; it is what they are held against.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use enabler_storage::codec::{self, Kind};
use enabler_storage::log::{Manifest, Position, SealedEntry};
use enabler_storage::objects::Key;
use enabler_storage::record::{DocumentId, DocumentRecord, Op};

/// How far the log says that a document has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    Accepted,
    Ready,
    Failed(String),
    Deleted,
}

/// A document by its log.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) record: DocumentRecord,
    pub(crate) stage: Stage,
}

#[derive(Default)]
struct Shard {
    position: Position,
    writers: BTreeMap<u64, u128>,
    manifest_epoch: u64,
}

#[derive(Default)]
struct Inner {
    shards: BTreeMap<u32, Shard>,
    documents: BTreeMap<DocumentId, Logged>,
}

/// The logs of all shards.
#[derive(Default)]
pub(crate) struct Chains(Mutex<Inner>);

/// What an object of a shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Manifest(u32),
    Entry(u32, u64),
    Other(u32),
}

/// What of a shard `key` names, if it is a shard's.
pub(crate) fn place_of(key: &Key) -> Option<Place> {
    let mut parts = key.as_str().strip_prefix("v1/s/")?.split('/');
    let shard = u32::from_str_radix(parts.next()?, 16).ok()?;
    Some(match (parts.next()?, parts.next()) {
        ("manifest", None) => Place::Manifest(shard),
        ("log", Some(seq)) => Place::Entry(shard, seq.parse().ok()?),
        _ => Place::Other(shard),
    })
}

impl Chains {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an object that the store has just taken. Says of which epoch it is, and in words what it says.
    ///
    /// # Errors
    /// Which invariant it breaks.
    pub(crate) fn take(&self, place: Place, bytes: &Bytes) -> Result<(u64, String), String> {
        match place {
            Place::Manifest(shard) => self.manifest(shard, bytes),
            Place::Entry(shard, seq) => self.entry(shard, seq, bytes.clone()),
            Place::Other(_) => Ok((0, String::new())),
        }
    }

    fn manifest(&self, shard: u32, bytes: &[u8]) -> Result<(u64, String), String> {
        let manifest: Manifest = codec::decode(Kind::Manifest, bytes)
            .map_err(|error| format!("the manifest of shard {shard} cannot be read: {error}"))?;
        let mut inner = self.inner();
        let known = &mut inner.shards.entry(shard).or_default().manifest_epoch;
        if manifest.epoch < *known {
            return Err(format!(
                "the manifest of shard {shard} falls from epoch {known} to {}",
                manifest.epoch
            ));
        }
        *known = manifest.epoch;
        let owner = manifest.owner.map_or_else(|| "nobody".to_owned(), |owner| owner.node);
        Ok((manifest.epoch, format!("owner {owner}")))
    }

    fn entry(&self, shard: u32, seq: u64, bytes: Bytes) -> Result<(u64, String), String> {
        let sealed = SealedEntry::open(shard, seq, bytes);
        let sealed =
            sealed.map_err(|error| format!("entry {seq} of shard {shard} cannot be read: {error}"))?;
        let mut inner = self.inner();
        let Inner { shards, documents } = &mut *inner;
        let known = shards.entry(shard).or_default();
        let next = known.position.follow(&sealed);
        known.position = next.map_err(|error| format!("the log of shard {shard} is no chain: {error}"))?;
        let entry = &sealed.entry;
        let writer = *known.writers.entry(entry.epoch).or_insert(entry.writer);
        if writer != entry.writer {
            return Err(format!("shard {shard} has two writers in epoch {}", entry.epoch));
        }
        if entry.epoch > known.manifest_epoch {
            return Err(format!(
                "entry {seq} of shard {shard} is of epoch {}, which no manifest named",
                entry.epoch
            ));
        }
        let said: Vec<String> = entry.ops.iter().map(|op| apply(documents, op)).collect();
        Ok((entry.epoch, said.join(", ")))
    }

    /// What the log says of a document.
    pub(crate) fn document(&self, id: DocumentId) -> Option<Logged> {
        self.inner().documents.get(&id).cloned()
    }

    /// Every document that was ever accepted.
    pub(crate) fn documents(&self) -> BTreeMap<DocumentId, Logged> {
        self.inner().documents.clone()
    }
}

fn apply(documents: &mut BTreeMap<DocumentId, Logged>, op: &Op) -> String {
    let mut becomes = |id: &DocumentId, stage: Stage| {
        if let Some(logged) = documents.get_mut(id)
            && (logged.stage == Stage::Accepted || stage == Stage::Deleted)
        {
            logged.stage = stage;
        }
    };
    match op {
        Op::Accepted { document } => {
            let id = document.document_id;
            let logged = Logged { record: (**document).clone(), stage: Stage::Accepted };
            documents.entry(id).or_insert(logged);
            format!("accepted {id}")
        }
        Op::PagesRead { document_id, .. } => format!("pages read {document_id}"),
        Op::ChunksEmbedded { document_id, .. } => format!("chunks embedded {document_id}"),
        Op::Ready { document_id, .. } => {
            becomes(document_id, Stage::Ready);
            format!("ready {document_id}")
        }
        Op::Failed { document_id, reason, .. } => {
            becomes(document_id, Stage::Failed(reason.code.clone()));
            format!("failed {document_id}: {}", reason.code)
        }
        Op::Deleted { document_id, .. } => {
            becomes(document_id, Stage::Deleted);
            format!("deleted {document_id}")
        }
        Op::Fence => "fence".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use enabler_storage::log::{Entry, entry_key, manifest_key};

    use super::*;

    fn sealed(seq: u64, epoch: u64, writer: u128, prev: u32) -> SealedEntry {
        let entry = Entry { shard: 3, seq, epoch, writer, nonce: 1, prev, wall_ms: 0, ops: vec![Op::Fence] };
        entry.seal().unwrap()
    }

    fn chains() -> Chains {
        let chains = Chains::default();
        chains.inner().shards.entry(3).or_default().manifest_epoch = 9;
        chains
    }

    #[test]
    fn keys_say_what_of_which_shard_they_name() {
        assert_eq!(place_of(&entry_key(3, 17).unwrap()), Some(Place::Entry(3, 17)));
        assert_eq!(place_of(&manifest_key(255).unwrap()), Some(Place::Manifest(255)));
        assert_eq!(place_of(&Key::new("v1/cluster").unwrap()), None);
    }

    #[test]
    fn a_second_writer_in_an_epoch_a_gap_a_fork_and_a_falling_epoch_are_told() {
        let first = sealed(1, 2, 7, 0);
        for (next, said) in [
            (sealed(2, 2, 8, first.checksum), "two writers"),
            (sealed(3, 2, 7, first.checksum), "entry 2 is missing"),
            (sealed(2, 2, 7, first.checksum ^ 1), "follows an entry with checksum"),
            (sealed(2, 1, 7, first.checksum), "epoch 1 after epoch 2"),
            (sealed(2, 10, 7, first.checksum), "no manifest named"),
        ] {
            let chains = chains();
            chains.take(Place::Entry(3, 1), &first.bytes).unwrap();
            let told = chains.take(Place::Entry(3, next.entry.seq), &next.bytes).unwrap_err();
            assert!(told.contains(said), "{told}");
        }
    }
}
