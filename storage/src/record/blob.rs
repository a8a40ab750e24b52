//! Blobs: large bytes in the object store, named by what they are and verified whenever they are read.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use bincode::{Decode, Encode};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::DocumentId;
use crate::objects::{InvalidKey, Key, ObjectStore, PutOutcome, StoreError};
use crate::plant;

/// Names a blob and what its bytes must be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct BlobRef {
    /// The object's key.
    pub key: String,
    /// Of the content.
    pub sha256: [u8; 32],
    /// Of the content.
    pub size_bytes: u64,
}

/// Which result of an ingest a blob holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobStage {
    /// The uploaded bytes.
    Original,
    /// A [`super::PagesBlob`].
    Pages,
    /// A [`super::ChunksBlob`].
    Chunks,
    /// Anything else that belongs to the document, such as a page image.
    Other,
}

/// Why a blob cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The reference holds a key that the store does not take.
    #[error("the reference to a blob is unusable")]
    Key(#[from] InvalidKey),
    /// The store failed; trying again may help.
    #[error("reaching the blob `{key}`")]
    Store {
        /// The blob.
        key: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// There is no such object.
    #[error("the blob `{key}` is missing from the object store")]
    Missing {
        /// The blob.
        key: String,
    },
    /// The bytes are not those that were stored.
    #[error(
        "the blob `{key}` is damaged: its bytes do not have the recorded SHA-256; restore it or upload the document again"
    )]
    Damaged {
        /// The blob.
        key: String,
    },
}

/// Everything of one document lies under this prefix, so that deleting it leaves nothing behind.
///
/// Tenants are hashed into the key: their names may hold any character, and listings show none of them.
#[must_use]
pub fn blob_prefix(tenant: &str, document: DocumentId) -> String {
    let tenant = blake3::hash(tenant.as_bytes()).to_hex();
    format!("v1/blob/{}/{document}/", tenant.get(..16).unwrap_or_default())
}

/// The key of a blob of `document` with this content.
///
/// # Errors
///
/// Never for ids and hashes of this product; the type says that keys are checked.
pub fn blob_key(
    tenant: &str,
    document: DocumentId,
    stage: BlobStage,
    sha256: &[u8; 32],
) -> Result<Key, InvalidKey> {
    let stage = match stage {
        BlobStage::Original => "original",
        BlobStage::Pages => "pages",
        BlobStage::Chunks => "chunks",
        BlobStage::Other => "other",
    };
    let hash: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    Key::new(format!("{}{stage}-{hash}", blob_prefix(tenant, document)))
}

/// Stores `bytes` and returns their reference once they are durable.
///
/// Storing the same bytes twice is success; an unknown outcome is read back before anything is said.
///
/// # Errors
///
/// If the store fails or holds other bytes under the key.
pub async fn put_blob(
    store: &dyn ObjectStore,
    tenant: &str,
    document: DocumentId,
    stage: BlobStage,
    bytes: Bytes,
) -> Result<BlobRef, BlobError> {
    let sha256 = Sha256::digest(&bytes).into();
    let key = blob_key(tenant, document, stage, &sha256)?;
    let blob = BlobRef { key: key.to_string(), sha256, size_bytes: bytes.len() as u64 };
    let outcome = store.put_new(&key, bytes).await;
    settle(store, &key, blob, outcome).await
}

/// Stores a spooled file whose SHA-256 and size the caller has computed while it was received.
///
/// # Errors
///
/// If the store fails or holds other bytes under the key.
pub async fn put_blob_file(
    store: &dyn ObjectStore,
    tenant: &str,
    document: DocumentId,
    file: &Path,
    sha256: [u8; 32],
    size_bytes: u64,
) -> Result<BlobRef, BlobError> {
    let key = blob_key(tenant, document, BlobStage::Original, &sha256)?;
    let blob = BlobRef { key: key.to_string(), sha256, size_bytes };
    let outcome = store.put_file_new(&key, file).await;
    settle(store, &key, blob, outcome).await
}

async fn settle(
    store: &dyn ObjectStore,
    key: &Key,
    blob: BlobRef,
    outcome: PutOutcome,
) -> Result<BlobRef, BlobError> {
    let failed = |source| BlobError::Store { key: blob.key.clone(), source };
    let cause = match outcome {
        PutOutcome::Done(_) => return Ok(blob),
        PutOutcome::Exists | PutOutcome::Changed => None,
        PutOutcome::Unknown(_) if plant::here("unknown-blob-is-stored") => return Ok(blob),
        PutOutcome::Unknown(cause) => Some(cause),
    };
    // The key names the content, so an object of the right size under it is ours or its equal.
    match (store.head(key).await.map_err(failed)?, cause) {
        (Some(head), _) if head.size_bytes == blob.size_bytes => Ok(blob),
        (Some(_), _) => Err(BlobError::Damaged { key: blob.key }),
        (None, Some(cause)) => Err(failed(cause)),
        (None, None) => Err(BlobError::Missing { key: blob.key }),
    }
}

/// Reads a blob and verifies it.
///
/// # Errors
///
/// If it is missing, damaged or the store fails.
pub async fn read_blob(store: &dyn ObjectStore, blob: &BlobRef) -> Result<Bytes, BlobError> {
    let key = Key::new(blob.key.as_str())?;
    let object =
        store.get(&key).await.map_err(|source| BlobError::Store { key: blob.key.clone(), source })?;
    let object = object.ok_or_else(|| BlobError::Missing { key: blob.key.clone() })?;
    let same = object.bytes.len() as u64 == blob.size_bytes
        && (<[u8; 32]>::from(Sha256::digest(&object.bytes)) == blob.sha256
            || plant::here("blob-hash-not-verified"));
    if same { Ok(object.bytes) } else { Err(BlobError::Damaged { key: blob.key.clone() }) }
}

/// Verifies a blob that is read in place as a file (see [`ObjectStore::local_path`]), without holding it in memory.
///
/// Blocking.
///
/// # Errors
///
/// If the file cannot be read or its bytes are not those of the reference.
pub fn verify_file(path: &Path, blob: &BlobRef) -> Result<(), BlobError> {
    let failed = |source| BlobError::Store {
        key: blob.key.clone(),
        source: StoreError::Io { doing: "verifying", path: path.to_path_buf(), source: Arc::new(source) },
    };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let (mut hash, mut buffer, mut size_bytes) = (Sha256::new(), vec![0; 64 << 10], 0_u64);
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        size_bytes += part.len() as u64;
    }
    let same = size_bytes == blob.size_bytes && <[u8; 32]>::from(hash.finalize()) == blob.sha256;
    if same { Ok(()) } else { Err(BlobError::Damaged { key: blob.key.clone() }) }
}

/// Deletes every blob of a document; says how many there were. Repeating it is harmless.
///
/// # Errors
///
/// If the store fails; what was deleted so far stays deleted.
pub async fn delete_blobs(
    store: &dyn ObjectStore,
    tenant: &str,
    document: DocumentId,
) -> Result<usize, StoreError> {
    let prefix = blob_prefix(tenant, document);
    let mut deleted = 0;
    loop {
        let listed = store.list_after(&prefix, None, crate::objects::LIST_LIMIT_MAX).await?;
        if listed.is_empty() {
            return Ok(deleted);
        }
        for object in listed {
            store.delete(&object.key).await?;
            deleted += 1;
        }
    }
}
