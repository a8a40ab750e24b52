//! Why a log, a snapshot or a record of a node cannot be read or written.

use std::path::{Path, PathBuf};

use super::chain::ChainError;
use crate::codec::CodecError;
use crate::objects::{InvalidKey, StoreError};
use crate::record::{BlobError, OpError};

/// Why a log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store failed; trying again may help.
    #[error("reaching the log of shard {shard}")]
    Store {
        /// The shard.
        shard: u32,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// An object of the log is damaged or of a newer version.
    #[error("reading `{key}`")]
    Damaged {
        /// The object.
        key: String,
        /// What is wrong with it.
        #[source]
        source: CodecError,
    },
    /// An entry holds an operation that cannot be applied.
    #[error("reading `{key}`")]
    Op {
        /// The object.
        key: String,
        /// What is wrong.
        #[source]
        source: OpError,
    },
    /// The entries do not form one chain.
    #[error("following the log of shard {shard}")]
    Chain {
        /// The shard.
        shard: u32,
        /// Where the chain breaks.
        #[source]
        source: ChainError,
    },
    /// An entry or manifest could not be written down.
    #[error("encoding for the log of shard {shard}")]
    Encode {
        /// The shard.
        shard: u32,
        /// Why.
        #[source]
        source: CodecError,
    },
    /// An operation could not be written down.
    #[error("encoding for the log of shard {shard}")]
    EncodeOp {
        /// The shard.
        shard: u32,
        /// Why.
        #[source]
        source: OpError,
    },
    /// The store was written by a newer version that older ones must not read.
    #[error(
        "the log of shard {shard} needs format version {needed} and this node reads up to {known}; upgrade this node"
    )]
    Newer {
        /// The shard.
        shard: u32,
        /// The version needed.
        needed: u32,
        /// The version known.
        known: u32,
    },
    /// Entries that were asked for are no longer kept: restore the shard from the snapshot in its manifest.
    #[error("the log of shard {shard} is kept after entry {floor} only; restore the shard from its snapshot")]
    BelowFloor {
        /// The shard.
        shard: u32,
        /// The last entry that may be gone.
        floor: u64,
    },
    /// The records of the nodes cannot be reached; trying again may help.
    #[error("reaching the records of the nodes")]
    Nodes(#[source] StoreError),
    /// Something else stands where a record was expected.
    #[error("`{key}` holds {holds}")]
    Strange {
        /// The object.
        key: String,
        /// What was found.
        holds: &'static str,
    },
    /// A record could not be written down.
    #[error("encoding `{key}`")]
    EncodeAt {
        /// The object or file.
        key: String,
        /// Why.
        #[source]
        source: CodecError,
    },
    /// A part of a snapshot cannot be read.
    #[error("reading the snapshot of shard {shard}")]
    Snapshot {
        /// The shard.
        shard: u32,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// A snapshot could not be kept on the local disk.
    #[error("{doing} `{path}`")]
    Spool {
        /// What we were doing.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The thread that did the work ended.
    #[error("a storage worker stopped before it answered for shard {shard}")]
    Stopped {
        /// The shard.
        shard: u32,
    },
    /// A key could not be formed.
    #[error("naming an object of the log")]
    Key(#[from] InvalidKey),
}

impl LogError {
    pub(super) fn spool(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Spool { doing, path, source }
    }
}
