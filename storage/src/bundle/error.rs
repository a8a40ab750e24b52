//! Why a bundle cannot be made, read or restored.

use std::io;
use std::path::{Path, PathBuf};

use crate::log::LogError;
use crate::objects::{InvalidKey, StoreError};
use crate::record::{BlobError, DocumentId};

/// Why a bundle cannot be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A bundle never takes the place of a file.
    #[error("{} is already there; name a file that is not", .0.display())]
    Taken(PathBuf),
    /// The file cannot be used.
    #[error("{doing} {}", .path.display())]
    Io {
        /// What we were doing.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a bundle of this product", .0.display())]
    Foreign(PathBuf),
    /// The file was made by a newer version.
    #[error(
        "the bundle has format {found} and this version reads up to {known}; restore it with a newer one"
    )]
    Newer {
        /// Its format.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// The file ends too early.
    #[error("the bundle is cut off after {bytes} bytes; copy it again, or take another one")]
    CutOff {
        /// Bytes that are there.
        bytes: u64,
    },
    /// The file does not hold what it says.
    #[error("the bundle is damaged: {what}; copy it again, or take another one")]
    Damaged {
        /// What does not fit.
        what: String,
    },
    /// There is nothing to back up.
    #[error("the store is empty: no node has begun it")]
    Nothing,
    /// A restore needs a store of its own.
    #[error("the store is not empty, it holds `{key}`; restore into an empty one")]
    NotEmpty {
        /// One object that is there.
        key: String,
    },
    /// A restore was begun and has not ended, or was cut off.
    #[error(
        "a restore into this store was begun and has not ended; wait for it, or empty the store and restore again"
    )]
    UnderWay,
    /// Somebody else writes into the store that is being restored.
    #[error(
        "`{key}` was written by somebody else during the restore; stop every node of this store, empty it and restore again"
    )]
    Intruder {
        /// What was written.
        key: String,
    },
    /// A document's bytes are not in the store although its log names them.
    #[error(
        "document {document} cannot be backed up; delete it or upload it again, and take the bundle then"
    )]
    Document {
        /// The document.
        document: DocumentId,
        /// What is wrong with them.
        #[source]
        source: BlobError,
    },
    /// A log cannot be read or written.
    #[error("reading the store's logs")]
    Log(#[from] LogError),
    /// The store does not answer.
    #[error("{doing} the store")]
    Store {
        /// What we were doing.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: StoreError,
    },
    /// A key could not be formed.
    #[error("naming an object of the store")]
    Key(#[from] InvalidKey),
    /// The thread that did the work ended.
    #[error("a storage worker stopped before it answered")]
    Stopped,
}

impl BundleError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { doing, path, source }
    }

    pub(super) fn store(doing: &'static str) -> impl FnOnce(StoreError) -> Self {
        move |source| Self::Store { doing, source }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}
