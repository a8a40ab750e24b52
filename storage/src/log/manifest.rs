//! The manifest of a shard and the settings of the store: small records that change only by compare-and-swap.

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

use super::chain::Position;
use super::error::LogError;
use super::keys::{cluster_key, manifest_key};
use crate::codec::{self, Added, Kind, Rest, Whole};
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
    /// Its generation.
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// What the owner's entries name as their writer; 0 without an owner, and its generation in older manifests.
    pub writer: u128,
    /// What a newer version added.
    pub rest: Rest,
}

impl Encode for Manifest {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let Self { shard, epoch, owner, lease_until_ms, floor_seq, snapshot, min_reader_version, .. } = self;
        (shard, epoch, owner, lease_until_ms, floor_seq, snapshot, min_reader_version).encode(encoder)?;
        (self.writer, &self.rest).encode(encoder)
    }
}

impl Decode<Whole> for Manifest {
    fn decode<D: Decoder<Context = Whole>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let first: (u32, u64, Option<Owner>, u64, u64, Option<SnapshotRef>, u32) = Decode::decode(decoder)?;
        let (shard, epoch, owner, lease_until_ms, floor_seq, snapshot, min_reader_version) = first;
        let (Added(writer), rest): (Added<u128>, Rest) = Decode::decode(decoder)?;
        let generation = owner.as_ref().map_or(0, |owner| owner.generation);
        let writer = if writer == 0 { generation } else { writer };
        Ok(Self {
            shard,
            epoch,
            owner,
            lease_until_ms,
            floor_seq,
            snapshot,
            min_reader_version,
            writer,
            rest,
        })
    }
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
            rest: Rest::default(),
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
    // Nobody ever writes it again, so what a newer version added to it is not kept here.
    let found: Option<Versioned<(Cluster, Rest)>> = read(store, 0, &cluster_key()?, Kind::Cluster).await?;
    let Some((cluster, _)) = found.map(|found| found.value) else { return Ok(None) };
    let (needed, known) = (cluster.format_version, super::FORMAT_VERSION);
    if needed > known { Err(LogError::Newer { shard: 0, needed, known }) } else { Ok(Some(cluster)) }
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

async fn read<T: Decode<Whole>>(
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
