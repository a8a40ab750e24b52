//! Decides whether an entry continues a log. Pure.

use bincode::{Decode, Encode};

use super::entry::SealedEntry;
use crate::plant;

/// Where a reader of a log stands: everything up to and including `seq` has been followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct Position {
    /// The last entry, 0 before the first.
    pub seq: u64,
    /// The epoch of the last entry.
    pub epoch: u64,
    /// The checksum of the last entry, 0 before the first.
    pub checksum: u32,
}

/// How a log is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Entries are missing although later ones exist.
    #[error("entry {missing} is missing although entry {later} exists")]
    Gap {
        /// The first one missing.
        missing: u64,
        /// One that exists after it.
        later: u64,
    },
    /// An entry names another entry as the one before it.
    #[error("entry {seq} follows an entry with checksum {names:08x}, but the one before it has {before:08x}")]
    Fork {
        /// The entry.
        seq: u64,
        /// What it names.
        names: u32,
        /// What stands before it.
        before: u32,
    },
    /// An entry of an earlier owner stands after one of a later owner.
    #[error("entry {seq} has epoch {epoch} after epoch {before}")]
    FallingEpoch {
        /// The entry.
        seq: u64,
        /// Its epoch.
        epoch: u64,
        /// The epoch before it.
        before: u64,
    },
    /// An entry stands at the place of another one.
    #[error("the object of entry {at} holds entry {seq} of shard {shard}")]
    Misplaced {
        /// The shard that it names.
        shard: u32,
        /// The position that it names.
        seq: u64,
        /// Where it was found.
        at: u64,
    },
}

impl Position {
    /// The position after `entry`, if it continues the log from here.
    ///
    /// # Errors
    ///
    /// The way in which it does not.
    pub fn follow(&self, entry: &SealedEntry) -> Result<Self, ChainError> {
        let SealedEntry { entry, checksum, .. } = entry;
        let next = self.seq.saturating_add(1);
        if plant::here("log-without-a-chain") {
            return Ok(Self { seq: entry.seq, epoch: entry.epoch, checksum: *checksum });
        }
        if entry.seq > next {
            return Err(ChainError::Gap { missing: next, later: entry.seq });
        }
        if entry.seq < next {
            return Err(ChainError::Misplaced { shard: entry.shard, seq: entry.seq, at: next });
        }
        if entry.prev != self.checksum {
            return Err(ChainError::Fork { seq: next, names: entry.prev, before: self.checksum });
        }
        if entry.epoch < self.epoch {
            return Err(ChainError::FallingEpoch { seq: next, epoch: entry.epoch, before: self.epoch });
        }
        Ok(Self { seq: next, epoch: entry.epoch, checksum: *checksum })
    }
}
