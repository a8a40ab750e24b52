//! What a generation of a node says about itself: where it is reached, what it offers, and that it is alive.

use bincode::{Decode, Encode};
use futures_util::future::join_all;

use super::entry::LogError;
use super::keys::{node_key, node_prefix};
use super::manifest::Versioned;
use crate::codec::{self, Kind};
use crate::objects::{ETag, Key, ObjectStore, PutOutcome};

/// One start of one node. Only that generation changes it, but for `ended`, which whoever declares it dead sets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct NodeRecord {
    /// The node's name.
    pub node: String,
    /// Drawn at its start.
    pub generation: u128,
    /// Where other nodes reach it, such as `10.0.0.7:7700`.
    pub address: String,
    /// What it offers, such as `api` or `ocr`.
    pub roles: Vec<String>,
    /// The version of the product, for people.
    pub version: String,
    /// Counts up while it lives; whoever watches compares counts and not clocks.
    pub beat: u64,
    /// When it last beat by its own clock, Unix milliseconds; for people.
    pub beat_ms: u64,
    /// Whether it stopped or was declared dead: it never owns anything again.
    pub ended: bool,
}

/// Records that are read at the same time.
const READS_AT_ONCE: usize = 16;

/// Node records of one listing page that are read; the listing goes on after them.
pub const NODES_AT_ONCE: usize = 256;

/// Reads the record of one generation of a node, or `None` if there is none.
///
/// # Errors
///
/// If the store fails, the record is damaged, or it is the record of another generation.
pub async fn read_node(
    store: &dyn ObjectStore,
    node: &str,
    generation: u128,
) -> Result<Option<Versioned<NodeRecord>>, LogError> {
    read_at(store, &node_key(node, generation)?).await
}

/// Creates the record of a generation if it does not exist.
///
/// # Errors
///
/// If it cannot be named or encoded; what the store says is in the outcome.
pub async fn create_node(store: &dyn ObjectStore, record: &NodeRecord) -> Result<PutOutcome, LogError> {
    let key = node_key(&record.node, record.generation)?;
    Ok(store.put_new(&key, encoded(&key, record)?.into()).await)
}

/// Replaces the record of a generation if it still is version `etag`.
///
/// # Errors
///
/// If it cannot be named or encoded; what the store says is in the outcome.
pub async fn swap_node(
    store: &dyn ObjectStore,
    etag: &ETag,
    record: &NodeRecord,
) -> Result<PutOutcome, LogError> {
    let key = node_key(&record.node, record.generation)?;
    Ok(store.put_if(&key, etag, encoded(&key, record)?.into()).await)
}

/// Some records, in the order of their keys, and where to go on.
#[derive(Debug)]
pub struct NodePage {
    /// The records that could be read.
    pub nodes: Vec<Versioned<NodeRecord>>,
    /// Records that could not be read; one damaged record must not hide all other nodes.
    pub unreadable: Vec<LogError>,
    /// Where the next page starts, or `None` at the end.
    pub next: Option<Key>,
}

/// Reads up to [`NODES_AT_ONCE`] node records after `after`, of all nodes and generations.
///
/// # Errors
///
/// If the store fails; what is wrong with single records is in the page.
pub async fn list_nodes(store: &dyn ObjectStore, after: Option<&Key>) -> Result<NodePage, LogError> {
    let limit = NODES_AT_ONCE;
    let listed = store.list_after(node_prefix(), after, limit).await.map_err(|source| LogError::Store { shard: 0, source })?;
    let next = listed.last().filter(|_| listed.len() == limit).map(|last| last.key.clone());
    let mut page = NodePage { nodes: Vec::with_capacity(listed.len()), unreadable: Vec::new(), next };
    let keys: Vec<Key> = listed.into_iter().map(|listed| listed.key).collect();
    let mut found = Vec::with_capacity(keys.len());
    for keys in keys.chunks(READS_AT_ONCE) {
        found.extend(join_all(keys.iter().map(|key| read_at(store, key))).await);
    }
    for found in found {
        match found {
            Ok(found) => page.nodes.extend(found),
            Err(e @ LogError::Store { .. }) => return Err(e),
            Err(e) => page.unreadable.push(e),
        }
    }
    Ok(page)
}

/// Removes the record of a generation that ended long ago. Repeating it is harmless.
///
/// # Errors
///
/// If the store fails.
pub async fn delete_node(store: &dyn ObjectStore, node: &str, generation: u128) -> Result<(), LogError> {
    store.delete(&node_key(node, generation)?).await.map_err(|source| LogError::Store { shard: 0, source })
}

async fn read_at(store: &dyn ObjectStore, key: &Key) -> Result<Option<Versioned<NodeRecord>>, LogError> {
    let Some(object) = store.get(key).await.map_err(|source| LogError::Store { shard: 0, source })? else { return Ok(None) };
    let value: NodeRecord = codec::decode(Kind::Node, &object.bytes)
        .map_err(|source| LogError::Damaged { key: key.to_string(), source })?;
    if node_key(&value.node, value.generation).as_ref() != Ok(key) {
        return Ok(None);
    }
    Ok(Some(Versioned { value, etag: object.etag }))
}

fn encoded(key: &Key, record: &NodeRecord) -> Result<Vec<u8>, LogError> {
    codec::encode(Kind::Node, record).map_err(|source| LogError::Encode { shard: key.as_str().len() as u32, source })
}

