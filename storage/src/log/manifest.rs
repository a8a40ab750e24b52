//! The manifest of a shard and the settings of the store: small records that change only by compare-and-swap.

use bincode::{Decode, Encode};

use super::chain::Position;
use super::entry::LogError;
use super::keys::{cluster_key, manifest_key};
use crate::codec::{self, Kind};
use crate::objects::{ETag, Key, ObjectStore, PutOutcome};
use crate::record::BlobRef;

/// Settings of a store that are fixed when it is first used.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Cluster {
    /// Number of shards.
    pub shard_count: u32,
    /// Seed of the hash that gives a document its shard.
    pub hash_seed: u64,
    /// Format version of the store.
    pub format_version: u32,
}

/// Who owns a shard.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Owner {
    /// The node's name.
    pub node: String,
    /// Its generation, which is also the writer of its entries.
    pub generation: u128,
}

/// A snapshot of a shard's logical records.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SnapshotRef {
    /// The log position that it stands for.
    pub position: Position,
    /// Its parts, in order.
    pub parts: Vec<BlobRef>,
}

/// The state of a shard that all nodes agree on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    /// The shard.
    pub shard: u32,
    /// Raised with each change of owner.
    pub epoch: u64,
    /// The owner, if there is one.
    pub owner: Option<Owner>,
    /// Until when the owner asked not to be replaced, Unix milliseconds; a hint, safety comes from the epoch.
    pub lease_until_ms: u64,
    /// Entries up to and including this one may be gone; a reader starts at the snapshot.
    pub floor_seq: u64,
    /// Where a reader starts, if entries are gone.
    pub snapshot: Option<SnapshotRef>,
    /// The lowest format version that may read this log.
    pub min_reader_version: u32,
    /// The id of the present ownership, new with each: the writer of its entries.
    pub writer: u128,
}

/// A record and the version of it that was read, for a later swap.
#[derive(Debug, Clone)]
pub struct Versioned<T> {
    /// The record.
    pub value: T,
    /// Its version in the store.
    pub etag: ETag,
}

impl Manifest {
    /// The manifest of a shard that nobody has owned yet.
    #[must_use]
    pub fn unowned(shard: u32) -> Self {
        Self {
            shard,
            epoch: 0,
            owner: None,
            lease_until_ms: 0,
            floor_seq: 0,
            snapshot: None,
            min_reader_version: super::FORMAT_VERSION,
            writer: 0,
        }
    }
}

/// Reads the manifest of a shard, or `None` if it was never created.
///
/// # Errors
///
/// If the store fails, or the manifest is damaged or needs a newer reader.
pub async fn read_manifest(
    store: &dyn ObjectStore,
    shard: u32,
) -> Result<Option<Versioned<Manifest>>, LogError> {
    let key = manifest_key(shard)?;
    let found: Option<Versioned<Manifest>> = read(store, shard, &key, Kind::Manifest).await?;
    if let Some(found) = &found {
        let needed = found.value.min_reader_version;
        if needed > super::FORMAT_VERSION {
            return Err(LogError::Newer { shard, needed, known: super::FORMAT_VERSION });
        }
    }
    Ok(found)
}

/// Creates the manifest of a shard if it does not exist.
///
/// # Errors
///
/// If it cannot be encoded; what the store says is in the outcome.
pub async fn create_manifest(store: &dyn ObjectStore, manifest: &Manifest) -> Result<PutOutcome, LogError> {
    let (shard, bytes) = (manifest.shard, encoded(manifest.shard, Kind::Manifest, manifest)?);
    Ok(store.put_new(&manifest_key(shard)?, bytes.into()).await)
}

/// Replaces the manifest of a shard if it still is version `etag`.
///
/// # Errors
///
/// If it cannot be encoded; what the store says is in the outcome.
pub async fn swap_manifest(
    store: &dyn ObjectStore,
    etag: &ETag,
    manifest: &Manifest,
) -> Result<PutOutcome, LogError> {
    let (shard, bytes) = (manifest.shard, encoded(manifest.shard, Kind::Manifest, manifest)?);
    Ok(store.put_if(&manifest_key(shard)?, etag, bytes.into()).await)
}

/// Reads the settings of the store, or `None` if it was never used.
///
/// # Errors
///
/// If the store fails, or the settings are damaged or of a newer format.
pub async fn read_cluster(store: &dyn ObjectStore) -> Result<Option<Cluster>, LogError> {
    let found: Option<Versioned<Cluster>> = read(store, 0, &cluster_key()?, Kind::Cluster).await?;
    match found {
        Some(found) if found.value.format_version > super::FORMAT_VERSION => Err(LogError::Newer {
            shard: 0,
            needed: found.value.format_version,
            known: super::FORMAT_VERSION,
        }),
        found => Ok(found.map(|found| found.value)),
    }
}

/// Creates the settings of the store if there are none.
///
/// # Errors
///
/// If they cannot be encoded; what the store says is in the outcome.
pub async fn create_cluster(store: &dyn ObjectStore, cluster: &Cluster) -> Result<PutOutcome, LogError> {
    Ok(store.put_new(&cluster_key()?, encoded(0, Kind::Cluster, cluster)?.into()).await)
}

fn encoded<T: Encode>(shard: u32, kind: Kind, value: &T) -> Result<Vec<u8>, LogError> {
    codec::encode(kind, value).map_err(|source| LogError::Encode { shard, source })
}

async fn read<T: Decode<()>>(
    store: &dyn ObjectStore,
    shard: u32,
    key: &Key,
    kind: Kind,
) -> Result<Option<Versioned<T>>, LogError> {
    let found = store.get(key).await.map_err(|source| LogError::Store { shard, source })?;
    let Some(object) = found else { return Ok(None) };
    let value = codec::decode(kind, &object.bytes)
        .map_err(|source| LogError::Damaged { key: key.to_string(), source })?;
    Ok(Some(Versioned { value, etag: object.etag }))
}
