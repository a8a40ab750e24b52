//! The object store's contract: whole objects under keys, created or replaced only on a stated condition.

pub mod conformance;
mod directory;
mod key;
mod memory;
mod probe;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use directory::Directory;
pub use key::{InvalidKey, KEY_BYTES_MAX, Key};
pub use memory::{Fault, Memory};
pub use probe::{ProbeError, probe};

/// Names one version of an object; equal tags mean equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(pub String);

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An object as it was read.
#[derive(Debug, Clone)]
pub struct Object {
    /// The whole content.
    pub bytes: Bytes,
    /// The version that was read, for a later [`ObjectStore::put_if`].
    pub etag: ETag,
}

/// What is known about an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Content length in bytes.
    pub size_bytes: u64,
    /// The version, where the store knows it without reading the content.
    pub etag: Option<ETag>,
    /// When the store took the object, in Unix milliseconds by the store's clock.
    pub modified_ms: u64,
}

/// A line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The object's key.
    pub key: Key,
    /// Content length in bytes.
    pub size_bytes: u64,
}

/// How a conditional write ended. `Unknown` is neither success nor failure: read back before speaking.
#[derive(Debug)]
#[must_use]
pub enum PutOutcome {
    /// Applied and durable, as this version.
    Done(ETag),
    /// Refused: the key already holds an object.
    Exists,
    /// Refused: the object is not the version that was named, or is gone.
    Changed,
    /// The write may or may not have been applied (time-out, reset, error after the write).
    Unknown(StoreError),
}

/// Why the store could not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A file operation of the directory store failed.
    #[error("{doing} `{path}`")]
    Io {
        /// What we were doing, as a verb in -ing.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: Arc<io::Error>,
    },
    /// The store did not answer, or answered with something that is not part of its contract.
    #[error("the object store is unreachable: {what}")]
    Unreachable {
        /// What the store or the transport said.
        what: String,
    },
    /// A byte range lies outside the object.
    #[error("bytes {start}..{end} lie outside `{key}` of {size_bytes} bytes")]
    Range {
        /// The object.
        key: Key,
        /// First byte asked for.
        start: u64,
        /// End of the range, exclusive.
        end: u64,
        /// The object's size.
        size_bytes: u64,
    },
    /// The thread that did the blocking work ended without an answer.
    #[error("a storage worker stopped before it answered")]
    Stopped,
}

/// Listing pages are at most this long, which is also what S3 gives at once.
pub const LIST_LIMIT_MAX: usize = 1_000;

/// Durable objects with conditional writes. The same contract is kept by a local directory, an S3 bucket and memory.
///
/// Every method is cancel-safe in the sense that a dropped write is `Unknown`: it may still be applied.
#[async_trait]
pub trait ObjectStore: Send + Sync + fmt::Debug {
    /// Creates `key` with `bytes` if it does not exist. Never [`PutOutcome::Changed`].
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome;

    /// Replaces `key` if it still is version `etag`. Never [`PutOutcome::Exists`].
    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome;

    /// Creates `key` from a local file if it does not exist, without holding the file in memory.
    ///
    /// The file stays where it is; the caller removes it.
    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome;

    /// The whole object, or `None` if there is none.
    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError>;

    /// The bytes `range` of the object, or `None` if there is no object.
    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError>;

    /// What is known about the object without reading it, or `None` if there is none.
    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError>;

    /// Up to `limit` (at most [`LIST_LIMIT_MAX`]) objects whose key starts with `prefix` and sorts after `after`.
    ///
    /// In byte order of the keys. An object that was put before the call began is listed.
    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError>;

    /// Removes the object; removing what is not there is success.
    async fn delete(&self, key: &Key) -> Result<(), StoreError>;

    /// A link by which anyone fetches the object from the store itself until `expires` is over, saved as
    /// `filename`; `None` where the store has no links. Whether the object exists shows when it is followed.
    async fn presigned_get(
        &self,
        key: &Key,
        expires: Duration,
        filename: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        let _ = (key, expires, filename);
        Ok(None)
    }

    /// Where a reader on this machine can open the object directly, if the store keeps it as a file.
    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        let _ = key;
        None
    }
}
