//! Ends the use of a shard's folder in such a way that it is trusted after another boot.

use std::sync::{MutexGuard, PoisonError};

use super::marker::Marker;
use super::rows::Rows;
use super::{ShardError, ShardIndex};

/// Whether the files may still be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applying {
    Open,
    Closed,
}

impl ShardIndex {
    /// Flushes, marks the folder as closed cleanly, with the hash of its files, and waits until they are let go.
    ///
    /// # Errors
    ///
    /// If the files cannot be written; the folder then counts as not closed cleanly.
    pub fn close(self) -> Result<(), ShardError> {
        self.close_shared()?;
        let Self { rows, text, .. } = self;
        drop(text);
        let Rows { env, .. } = rows;
        env.prepare_for_closing().wait();
        Ok(())
    }

    /// As [`Self::close`], for an index that others still read: what they read stays, and nothing is written any more.
    ///
    /// From then on applying and flushing answer [`ShardError::Closed`]. The files are let go with the last reference.
    /// Closing again is harmless.
    ///
    /// # Errors
    ///
    /// If the files cannot be written; the folder then counts as not closed cleanly.
    pub fn close_shared(&self) -> Result<(), ShardError> {
        match self.flush() {
            Err(ShardError::Closed) => return Ok(()),
            flushed => flushed?,
        }
        let _words = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut applying = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        if *applying == Applying::Closed {
            return Ok(());
        }
        // An entry may have come since the flush. Its rows are hashed as they are, its words are found again later.
        self.rows.env.force_sync().map_err(self.rows.failed("making rows durable"))?;
        // Readers do not touch the file of the rows, and without a writer nobody else does: its hash stays.
        *applying = Applying::Closed;
        Marker::closed(&self.settings.boot_id, &self.dir)?.write(&self.dir)
    }

    /// The right to write, one at a time.
    pub(super) fn exclusive(&self) -> Result<MutexGuard<'_, Applying>, ShardError> {
        let applying = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        if *applying == Applying::Open { Ok(applying) } else { Err(ShardError::Closed) }
    }
}
