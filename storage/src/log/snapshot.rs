//! A snapshot: the logical records of a shard at a position of its log, in parts that are objects of their own.
//!
//! It holds documents and tombstones; texts and vectors stay in the blobs that the documents name. Parts are written
//! to the local disk first ([`Spool`]), because a shard's rows can be read consistently only for as long as that
//! takes, and put into the store from there ([`write_snapshot`]).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bincode::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::chain::Position;
use super::error::LogError;
use super::keys::snapshot_key;
use super::manifest::SnapshotRef;
use crate::codec::{self, CodecError, Kind, Rest};
use crate::objects::{Key, ObjectStore, PutOutcome};
use crate::record::{BlobRef, DocumentId, DocumentRecord, read_blob};

/// Largest part in bytes, unless a single record takes more: it is in memory while it is written or read.
pub const PART_BYTES_MAX: usize = 4 << 20;

/// Most parts of one snapshot, which all stand in the manifest: 4 GiB of records are far more than one shard holds.
const PARTS_MAX: u32 = 1_000;

/// Attempts to put a part whose outcome stays unknown.
const ATTEMPTS: u32 = 3;

/// Bytes that a line takes besides its body, at most.
const LINE_BYTES: usize = 16;

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

/// A snapshot on the local disk, ready to be put into the store. Its folder goes with it.
#[derive(Debug)]
pub struct Spooled {
    position: Position,
    parts: Vec<SpooledPart>,
    dir: Dir,
}

#[derive(Debug)]
struct SpooledPart {
    path: PathBuf,
    sha256: [u8; 32],
    size_bytes: u64,
}

#[derive(Debug)]
struct Dir(PathBuf);

impl Drop for Dir {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(error = %e, path = %self.0.display(), "removing a spooled snapshot");
        }
    }
}

impl Spooled {
    /// The log position that it stands for.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Bytes of all parts.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.size_bytes).sum()
    }

    /// The files of its parts, in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().map(|part| part.path.as_path())
    }
}

/// Writes the parts of a snapshot to a local folder, one part in memory at a time. Blocking.
#[derive(Debug)]
pub struct Spool {
    head: Head,
    part_bytes_max: usize,
    lines: Vec<WireLine>,
    bytes: usize,
    spooled: Spooled,
}

impl Spool {
    /// Starts in the new folder `dir`; parts are at most `part_bytes_max` long, unless a single record takes more.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created.
    pub fn create(dir: PathBuf, head: Head, part_bytes_max: usize) -> Result<Self, LogError> {
        std::fs::create_dir_all(&dir).map_err(LogError::spool("creating", &dir))?;
        let spooled = Spooled { position: head.position, parts: Vec::new(), dir: Dir(dir) };
        Ok(Self { head, part_bytes_max, lines: Vec::new(), bytes: 0, spooled })
    }

    /// Adds a record.
    ///
    /// # Errors
    ///
    /// If it cannot be encoded, or a full part cannot be written.
    pub fn push(&mut self, line: &Line) -> Result<(), LogError> {
        let line = line.to_wire().map_err(|source| self.wrong(source))?;
        let bytes = LINE_BYTES + line.body.len();
        let head_bytes = codec::HEADER_BYTES + 64 + self.head.model_id.len();
        if !self.lines.is_empty() && head_bytes + self.bytes + bytes > self.part_bytes_max {
            self.write(false)?;
        }
        self.bytes += bytes;
        self.lines.push(line);
        Ok(())
    }

    /// Writes the last part, which there always is.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<Spooled, LogError> {
        self.write(true)?;
        Ok(self.spooled)
    }

    fn write(&mut self, is_last: bool) -> Result<(), LogError> {
        let index = u32::try_from(self.spooled.parts.len()).ok().filter(|index| *index < PARTS_MAX);
        let index = index.ok_or_else(|| self.wrong(CodecError::TooLarge))?;
        let path = self.spooled.dir.0.join(format!("{index:04}"));
        let wire = Wire { head: self.head.clone(), index, is_last, lines: std::mem::take(&mut self.lines) };
        self.bytes = 0;
        let bytes = codec::encode(Kind::Snapshot, &wire).map_err(|source| self.wrong(source))?;
        std::fs::write(&path, &bytes).map_err(LogError::spool("writing", &path))?;
        let (sha256, size_bytes) = (Sha256::digest(&bytes).into(), bytes.len() as u64);
        self.spooled.parts.push(SpooledPart { path, sha256, size_bytes });
        Ok(())
    }

    fn wrong(&self, source: CodecError) -> LogError {
        LogError::EncodeAt { key: self.spooled.dir.0.display().to_string(), source }
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

fn decode_part(bytes: &[u8]) -> Result<(Part, u32, bool), CodecError> {
    let (wire, _): (Wire, Rest) = codec::decode(Kind::Snapshot, bytes)?;
    let lines = wire.lines.iter().map(Line::from_wire).collect::<Result<_, _>>()?;
    Ok((Part { head: wire.head, lines }, wire.index, wire.is_last))
}

#[cfg(test)]
mod tests;
