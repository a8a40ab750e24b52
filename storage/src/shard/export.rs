//! Writes a shard's logical records down as a snapshot, and tells how much of it a new snapshot would leave out.
//!
//! Rows are read in one transaction, so that they are of one position, and the parts go to the local disk: a
//! transaction that waited for the network would keep every page that is replaced meanwhile.

use std::fs;
use std::sync::atomic::Ordering;

use super::put::request_key;
use super::rows::{Of, from_bytes};
use super::{ShardError, ShardIndex, during};
use crate::codec::Rest;
use crate::log::{Head, Line, Spool, Spooled};
use crate::record::{DocumentId, DocumentRecord};

/// The folder of snapshots on their way to the store; removed at each start.
pub(super) const SPOOL: &str = "snapshot";

/// What of a shard is alive and what is waiting to vanish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weight {
    /// Documents, in any state.
    pub documents: u64,
    /// Documents that were deleted after the position that was asked about.
    pub erased: u64,
    /// The first of those deletions: the entry tells when it was written.
    pub oldest_erasure_seq: Option<u64>,
}

impl ShardIndex {
    /// Writes the records of this shard, as they are now, into files of at most `part_bytes_max`
    /// ([`crate::log::PART_BYTES_MAX`]); questions and entries go on meanwhile.
    ///
    /// Put them into the store with [`crate::log::write_snapshot`].
    ///
    /// # Errors
    ///
    /// If the rows cannot be read or the files not be written.
    pub fn export(&self, part_bytes_max: usize) -> Result<Spooled, ShardError> {
        let number = self.exports.fetch_add(1, Ordering::Relaxed);
        let dir = self.dir.join(SPOOL).join(number.to_string());
        let rows = &self.rows;
        let txn = rows.read()?;
        let meta = rows.meta(&txn)?;
        let head = Head { position: meta.position, dimensions: meta.dimensions, model_id: meta.model_id };
        let mut spool = Spool::create(dir, head, part_bytes_max)?;
        rows.visit(&txn, Of::Documents, &[], None, &mut |key, value| {
            let document: Box<DocumentRecord> = from_bytes(value)?;
            let holder = match &document.idempotency_key {
                Some(name) => rows.get(&txn, Of::Requests, &request_key(&document.tenant, name))?,
                None => None,
            };
            spool.push(&Line::Document { document, holds_request: holder == Some(key) })?;
            Ok(true)
        })?;
        rows.visit(&txn, Of::Tombstones, &[], None, &mut |key, value| {
            let (document_id, (seq, rest)) = (id_of(key), tombstone_of(value));
            spool.push(&Line::Tombstone { document_id, seq, rest: rest.into() })?;
            Ok(true)
        })?;
        Ok(spool.finish()?)
    }

    /// What is alive, and what was deleted after `seq` and is therefore still in the log or in the snapshot at `seq`.
    ///
    /// # Errors
    ///
    /// If the rows cannot be read.
    pub fn weigh(&self, seq: u64) -> Result<Weight, ShardError> {
        let txn = self.rows.read()?;
        let documents =
            self.rows.table(Of::Documents).len(&txn).map_err(self.rows.failed("counting rows"))?;
        let mut weight = Weight { documents, ..Weight::default() };
        self.rows.visit(&txn, Of::Tombstones, &[], None, &mut |_, value| {
            let (at, _) = tombstone_of(value);
            if at > seq {
                weight.erased += 1;
                weight.oldest_erasure_seq =
                    Some(weight.oldest_erasure_seq.map_or(at, |oldest| oldest.min(at)));
            }
            Ok(true)
        })?;
        Ok(weight)
    }

    /// Removes what an export left behind when the process ended.
    pub(super) fn clear_spool(dir: &std::path::Path) -> Result<(), ShardError> {
        let spool = dir.join(SPOOL);
        match fs::remove_dir_all(&spool) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(during("removing", &spool)(e)),
            _ => Ok(()),
        }
    }
}

fn id_of(key: &[u8]) -> DocumentId {
    DocumentId(key.first_chunk::<16>().copied().unwrap_or_default())
}

/// The position of a deletion, and what a newer version added to it.
fn tombstone_of(value: &[u8]) -> (u64, &[u8]) {
    value.split_first_chunk::<8>().map_or((0, &[]), |(seq, rest)| (u64::from_be_bytes(*seq), rest))
}

/// The row of a tombstone.
pub(super) fn tombstone(seq: u64, rest: &Rest) -> Vec<u8> {
    [&seq.to_be_bytes()[..], rest.as_bytes()].concat()
}
