//! One entry of a shard log: an immutable object that names its writer and the entry before it.

use bincode::{Decode, Encode};
use bytes::Bytes;

use super::chain::ChainError;
use super::error::LogError;
use super::keys::entry_key;
use crate::codec::{self, Kind, Rest};
use crate::objects::{ObjectStore, PutOutcome};
use crate::record::{Op, WireOp};

/// One group commit of a shard.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The shard.
    pub shard: u32,
    /// The position: dense, the first is 1.
    pub seq: u64,
    /// The owner's epoch; it never falls along the log.
    pub epoch: u64,
    /// The generation that wrote it.
    pub writer: u128,
    /// Drawn for each attempt to append; tells our entry from another one after an unknown outcome.
    pub nonce: u128,
    /// The checksum of the entry before, 0 for the first.
    pub prev: u32,
    /// The writer's time, Unix milliseconds; for people, nothing is decided by it.
    pub wall_ms: u64,
    /// What changes.
    pub ops: Vec<Op>,
}

#[derive(Encode, Decode)]
struct Wire {
    shard: u32,
    seq: u64,
    epoch: u64,
    writer: u128,
    nonce: u128,
    prev: u32,
    wall_ms: u64,
    ops: Vec<WireOp>,
}

/// An entry with the bytes that stand (or will stand) in the store.
#[derive(Debug, Clone)]
pub struct SealedEntry {
    /// The entry.
    pub entry: Entry,
    /// Its checksum, which the next entry names as `prev`.
    pub checksum: u32,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Entry {
    /// The bytes of this entry and their checksum.
    ///
    /// # Errors
    ///
    /// If an operation or the whole is too large.
    pub fn seal(self) -> Result<SealedEntry, LogError> {
        let shard = self.shard;
        let ops = self.ops.iter().map(Op::to_wire).collect::<Result<_, _>>();
        let wire = Wire {
            shard,
            seq: self.seq,
            epoch: self.epoch,
            writer: self.writer,
            nonce: self.nonce,
            prev: self.prev,
            wall_ms: self.wall_ms,
            ops: ops.map_err(|source| LogError::EncodeOp { shard, source })?,
        };
        let wrong = |source| LogError::Encode { shard, source };
        let bytes = codec::encode(Kind::Entry, &wire).map_err(wrong)?;
        let checksum = codec::checksum(&bytes).map_err(wrong)?;
        Ok(SealedEntry { entry: self, checksum, bytes: bytes.into() })
    }
}

impl SealedEntry {
    /// Reads an entry from the bytes found at the place of `shard` and `seq`.
    ///
    /// # Errors
    ///
    /// If they are damaged, newer, or the entry belongs elsewhere.
    pub fn open(shard: u32, seq: u64, bytes: Bytes) -> Result<Self, LogError> {
        let key = entry_key(shard, seq)?.to_string();
        let damaged = |source| LogError::Damaged { key: key.clone(), source };
        let (wire, _): (Wire, Rest) = codec::decode(Kind::Entry, &bytes).map_err(damaged)?;
        let checksum = codec::checksum(&bytes).map_err(damaged)?;
        if (wire.shard, wire.seq) != (shard, seq) {
            let source = ChainError::Misplaced { shard: wire.shard, seq: wire.seq, at: seq };
            return Err(LogError::Chain { shard, source });
        }
        let ops = wire.ops.iter().map(Op::from_wire).collect::<Result<_, _>>();
        let entry = Entry {
            shard,
            seq,
            epoch: wire.epoch,
            writer: wire.writer,
            nonce: wire.nonce,
            prev: wire.prev,
            wall_ms: wire.wall_ms,
            ops: ops.map_err(|source| LogError::Op { key, source })?,
        };
        Ok(Self { entry, checksum, bytes })
    }
}

/// Reads the entry `seq`, or `None` if there is none.
///
/// # Errors
///
/// If the store fails or the entry is damaged, newer or misplaced.
pub async fn read_entry(
    store: &dyn ObjectStore,
    shard: u32,
    seq: u64,
) -> Result<Option<SealedEntry>, LogError> {
    let found = store.get(&entry_key(shard, seq)?).await;
    let found = found.map_err(|source| LogError::Store { shard, source })?;
    found.map(|object| SealedEntry::open(shard, seq, object.bytes)).transpose()
}

/// Creates the entry in the store if its position is free. `Unknown` and `Exists` are for the owner to settle.
///
/// # Errors
///
/// Only if the key cannot be formed.
pub async fn put_entry(store: &dyn ObjectStore, entry: &SealedEntry) -> Result<PutOutcome, LogError> {
    let key = entry_key(entry.entry.shard, entry.entry.seq)?;
    Ok(store.put_new(&key, entry.bytes.clone()).await)
}
