//! A snapshot: the logical records of a shard at a position of its log, in parts that are objects of their own.
//!
//! It holds documents and tombstones; texts and vectors stay in the blobs that the documents name. Parts are written
//! to the local disk first ([`Spool`]), because a shard's rows can be read consistently only for as long as that
//! takes, and put into the store from there ([`write_snapshot`]).

mod spool;

use std::sync::Arc;

use bincode::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::chain::Position;
use super::error::LogError;
use super::keys::snapshot_key;
use super::manifest::SnapshotRef;
use crate::codec::{self, CodecError, Kind, Rest};
use crate::objects::{Key, ObjectStore, PutOutcome};
use crate::plant;
use crate::record::{BlobRef, DocumentId, DocumentRecord, read_blob};

pub use spool::{Spool, Spooled};

use self::spool::SpooledPart;

/// Largest part in bytes, unless a single record takes more: it is in memory while it is written or read.
pub const PART_BYTES_MAX: usize = 4 << 20;

/// Attempts to put a part whose outcome stays unknown.
const ATTEMPTS: u32 = 3;

/// One logical record of a shard.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A document in any state.
    Document {
        /// The document, with ticket and status.
        document: Box<DocumentRecord>,
        /// Whether its idempotency key leads to it, and not to a later document with the same key.
        holds_request: bool,
    },
    /// A document that was deleted.
    Tombstone {
        /// The document.
        document_id: DocumentId,
        /// The position of its deletion.
        seq: u64,
        /// What a newer version added.
        rest: Rest,
    },
}

/// What is the same in all parts of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Head {
    /// The log position that the snapshot stands for.
    pub position: Position,
    /// Dimensions of the index, 0 as long as nothing was ever indexed.
    pub dimensions: u32,
    /// The embedding model of the index.
    pub model_id: String,
}

/// One part of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The same in all parts.
    pub head: Head,
    /// Documents by id, then tombstones by id, over all parts.
    pub lines: Vec<Line>,
}

#[derive(Encode, Decode)]
struct Wire {
    head: Head,
    index: u32,
    is_last: bool,
    lines: Vec<WireLine>,
}

/// Tagged, so that a record of a kind that this version does not know is refused and not passed over.
#[derive(Debug, Encode, Decode)]
struct WireLine {
    tag: u16,
    body: Vec<u8>,
}

const DOCUMENT: u16 = 1;
const TOMBSTONE: u16 = 2;

impl Line {
    fn to_wire(&self) -> Result<WireLine, CodecError> {
        Ok(match self {
            Self::Document { document, holds_request } if plant::here("snapshot-drops-unknown-fields") => {
                let known = DocumentRecord { rest: Rest::default(), ..(**document).clone() };
                WireLine { tag: DOCUMENT, body: codec::to_bytes(&(holds_request, known))? }
            }
            Self::Document { document, holds_request } => {
                WireLine { tag: DOCUMENT, body: codec::to_bytes(&(holds_request, document))? }
            }
            Self::Tombstone { document_id, seq, rest } => {
                WireLine { tag: TOMBSTONE, body: codec::to_bytes(&(document_id, seq, rest))? }
            }
        })
    }

    fn from_wire(wire: &WireLine) -> Result<Self, CodecError> {
        match wire.tag {
            DOCUMENT => {
                let (holds_request, document) = codec::from_bytes(&wire.body)?;
                Ok(Self::Document { document, holds_request })
            }
            TOMBSTONE => {
                let (document_id, seq, rest) = codec::from_bytes(&wire.body)?;
                Ok(Self::Tombstone { document_id, seq, rest })
            }
            found => {
                Err(CodecError::Newer { what: "a line of tag", found: found.into(), known: TOMBSTONE.into() })
            }
        }
    }
}

/// Puts a snapshot into the store, for the owner of `epoch` to name in its manifest. Repeating it is harmless.
///
/// # Errors
///
/// If the store fails, or holds other bytes under the key of a part; nothing refers to the parts then.
pub async fn write_snapshot(
    store: &dyn ObjectStore,
    shard: u32,
    epoch: u64,
    spooled: &Spooled,
) -> Result<SnapshotRef, LogError> {
    let mut parts = Vec::with_capacity(spooled.parts.len());
    for (index, part) in (0..).zip(&spooled.parts) {
        let key = snapshot_key(shard, spooled.position.seq, epoch, index)?;
        let blob = BlobRef { key: key.to_string(), sha256: part.sha256, size_bytes: part.size_bytes };
        put_part(store, shard, &key, part, &blob).await?;
        parts.push(blob);
    }
    Ok(SnapshotRef { position: spooled.position, parts })
}

async fn put_part(
    store: &dyn ObjectStore,
    shard: u32,
    key: &Key,
    part: &SpooledPart,
    blob: &BlobRef,
) -> Result<(), LogError> {
    let mut attempt = 1;
    loop {
        let cause = match store.put_file_new(key, &part.path).await {
            PutOutcome::Done(_) => return Ok(()),
            PutOutcome::Exists | PutOutcome::Changed => None,
            PutOutcome::Unknown(_) if plant::here("unknown-part-is-stored") => return Ok(()),
            PutOutcome::Unknown(cause) => Some(cause),
        };
        // An earlier attempt of the same owner at the same position wrote the same bytes.
        let found = store.get(key).await.map_err(|source| LogError::Store { shard, source })?;
        match (found, cause) {
            (Some(found), _) if <[u8; 32]>::from(Sha256::digest(&found.bytes)) == blob.sha256 => {
                return Ok(());
            }
            (Some(_), _) => {
                return Err(LogError::Strange { key: key.to_string(), holds: "another snapshot" });
            }
            (None, Some(source)) if attempt == ATTEMPTS => return Err(LogError::Store { shard, source }),
            (None, _) if attempt == ATTEMPTS => {
                return Err(LogError::Strange {
                    key: key.to_string(),
                    holds: "nothing after it was refused",
                });
            }
            (None, _) => attempt += 1,
        }
    }
}

/// Reads a snapshot part by part.
#[derive(Debug)]
pub struct SnapshotReader {
    store: Arc<dyn ObjectStore>,
    shard: u32,
    snapshot: SnapshotRef,
    next: usize,
}

/// Starts reading a snapshot of `shard`.
#[must_use]
pub fn read_snapshot(store: Arc<dyn ObjectStore>, shard: u32, snapshot: &SnapshotRef) -> SnapshotReader {
    SnapshotReader { store, shard, snapshot: snapshot.clone(), next: 0 }
}

impl SnapshotReader {
    /// The next part, verified, or `None` after the last.
    ///
    /// # Errors
    ///
    /// If the store fails, or a part is missing, damaged, newer, or belongs elsewhere; asking again reads it again.
    pub async fn next(&mut self) -> Result<Option<Part>, LogError> {
        let parts = &self.snapshot.parts;
        let Some(blob) = parts.get(self.next).cloned() else {
            let nothing = LogError::Strange { key: self.shown(), holds: "no part at all" };
            return if parts.is_empty() { Err(nothing) } else { Ok(None) };
        };
        let shard = self.shard;
        let failed = |source| LogError::Snapshot { shard, source };
        let bytes = read_blob(&*self.store, &blob).await.map_err(failed)?;
        // Unpacking and decoding a part takes longer than a worker of the runtime may be held.
        let decoded = tokio::task::spawn_blocking(move || decode_part(&bytes)).await;
        let damaged = |source| LogError::Damaged { key: blob.key.clone(), source };
        let decoded = decoded.map_err(|_| LogError::Stopped { shard })?;
        let (part, index, is_last) = decoded.map_err(damaged)?;
        let is_due = usize::try_from(index) == Ok(self.next) && is_last == (self.next + 1 == parts.len());
        if !is_due || part.head.position != self.snapshot.position {
            return Err(LogError::Strange { key: blob.key, holds: "another part or another snapshot" });
        }
        self.next += 1;
        Ok(Some(part))
    }

    fn shown(&self) -> String {
        format!("the snapshot of shard {} at entry {}", self.shard, self.snapshot.position.seq)
    }
}

pub(super) fn decode_part(bytes: &[u8]) -> Result<(Part, u32, bool), CodecError> {
    let (wire, _): (Wire, Rest) = codec::decode(Kind::Snapshot, bytes)?;
    let lines = wire.lines.iter().map(Line::from_wire).collect::<Result<_, _>>()?;
    Ok((Part { head: wire.head, lines }, wire.index, wire.is_last))
}

#[cfg(test)]
mod tests;
