//! Why a shard's index cannot answer, and whether rebuilding it helps.

use std::path::PathBuf;

use crate::codec::CodecError;
use crate::record::BlobError;

/// What went wrong in a shard's index.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The index is damaged: wipe it and replay the log.
    #[error("the index of a shard is damaged ({what}); it is rebuilt from the log")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// LMDB failed.
    #[error("{doing} in the shard's database")]
    Database {
        /// What we were doing.
        doing: &'static str,
        /// Why.
        #[source]
        source: heed::Error,
    },
    /// The keyword index failed.
    #[error("{doing} in the shard's keyword index")]
    Text {
        /// What we were doing.
        doing: &'static str,
        /// Why.
        #[source]
        source: tantivy::TantivyError,
    },
    /// The search trees failed.
    #[error("searching a large shard")]
    Trees(#[from] crate::index::vector::TreesError),
    /// A file operation failed.
    #[error("{doing} `{path}`")]
    Io {
        /// What we were doing.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A row or blob could not be written or read.
    #[error("reading or writing a record of the shard")]
    Codec {
        /// Why.
        #[source]
        source: CodecError,
    },
    /// A blob that an entry refers to cannot be used.
    #[error("applying an entry of the log")]
    Blob(#[from] BlobError),
    /// An entry does not follow the last one that was applied.
    #[error("entry {seq} cannot be applied after entry {applied}")]
    OutOfOrder {
        /// The entry.
        seq: u64,
        /// The last one applied.
        applied: u64,
    },
    /// The vectors do not fit the model of this index or of the question.
    #[error(
        "a vector has {found} dimensions where this index has {expected}; ingest the documents again with one embedding model"
    )]
    Dimensions {
        /// Dimensions given.
        found: usize,
        /// Dimensions of the index.
        expected: usize,
    },
    /// The database has reached its reserved size; deleting documents or a larger limit helps.
    #[error("the shard has reached its size limit of {map_bytes} bytes; delete documents or raise the limit")]
    Full {
        /// The limit.
        map_bytes: usize,
    },
    /// The index was closed: the node is stopping or has given the shard away.
    #[error("the index of the shard is closed and takes no more entries")]
    Closed,
    /// A snapshot could not be written or read.
    #[error("handling a snapshot of the shard")]
    Snapshot(#[from] crate::log::LogError),
    /// The thread that did the work ended.
    #[error("a storage worker stopped before it answered")]
    Stopped,
}

impl ShardError {
    /// Whether wiping the index and replaying the log is the remedy.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Codec { .. } => true,
            Self::Text { source, .. } => !matches!(source, tantivy::TantivyError::IoError(_)),
            Self::Database { source, .. } => !matches!(source, heed::Error::Io(_)),
            _ => false,
        }
    }
}
