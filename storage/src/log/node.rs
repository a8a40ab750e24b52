//! What a generation of a node says about itself: where it is reached, what it offers, and that it is alive.

use bincode::{Decode, Encode};
use futures_util::future::join_all;

use super::error::LogError;
use super::keys::{node_key, node_prefix};
use super::manifest::Versioned;
use crate::codec::{self, Kind, Rest, Whole};
use crate::objects::{ETag, Key, ObjectStore, PutOutcome};

/// One start of one node. Only that generation changes it, but for `ended`, which whoever declares it dead sets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[bincode(decode_context = "Whole")]
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
    /// What a newer version added.
    pub rest: Rest,
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
    let listed = store.list_after(node_prefix(), after, limit).await.map_err(LogError::Nodes)?;
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
            Err(e @ LogError::Nodes(_)) => return Err(e),
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
    store.delete(&node_key(node, generation)?).await.map_err(LogError::Nodes)
}

async fn read_at(store: &dyn ObjectStore, key: &Key) -> Result<Option<Versioned<NodeRecord>>, LogError> {
    let Some(object) = store.get(key).await.map_err(LogError::Nodes)? else { return Ok(None) };
    let value: NodeRecord = codec::decode(Kind::Node, &object.bytes)
        .map_err(|source| LogError::Damaged { key: key.to_string(), source })?;
    if node_key(&value.node, value.generation).as_ref() != Ok(key) {
        return Err(LogError::Strange { key: key.to_string(), holds: "the record of another node" });
    }
    Ok(Some(Versioned { value, etag: object.etag }))
}

fn encoded(key: &Key, record: &NodeRecord) -> Result<Vec<u8>, LogError> {
    codec::encode(Kind::Node, record).map_err(|source| LogError::EncodeAt { key: key.to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Memory;

    fn record(node: &str, generation: u128) -> NodeRecord {
        NodeRecord {
            node: node.to_owned(),
            generation,
            address: "10.0.0.7:7700".to_owned(),
            roles: vec!["api".to_owned(), "ocr".to_owned()],
            version: "1.0.0".to_owned(),
            beat: 1,
            ..NodeRecord::default()
        }
    }

    #[tokio::test]
    async fn a_node_record_changes_only_from_the_version_that_was_read() {
        let store = Memory::new();
        assert!(read_node(&store, "a", 1).await.unwrap().is_none());
        assert!(matches!(create_node(&store, &record("a", 1)).await.unwrap(), PutOutcome::Done(_)));
        assert!(matches!(create_node(&store, &record("a", 1)).await.unwrap(), PutOutcome::Exists));
        let read = read_node(&store, "a", 1).await.unwrap().unwrap();
        let beaten = NodeRecord { beat: 2, ended: true, ..read.value };
        assert!(matches!(swap_node(&store, &read.etag, &beaten).await.unwrap(), PutOutcome::Done(_)));
        assert!(matches!(swap_node(&store, &read.etag, &beaten).await.unwrap(), PutOutcome::Changed));
        assert_eq!(read_node(&store, "a", 1).await.unwrap().unwrap().value, beaten);
        delete_node(&store, "a", 1).await.unwrap();
        assert!(read_node(&store, "a", 1).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn every_generation_is_listed_once_over_all_pages_and_a_damaged_one_hides_no_other() {
        let store = Memory::new();
        for number in 0..600_u128 {
            let _ = create_node(&store, &record(&format!("node-{}", number % 7), number)).await.unwrap();
        }
        store.flip(&node_key("node-3", 3).unwrap(), 200);
        let (mut seen, mut unreadable, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = list_nodes(&store, after.as_ref()).await.unwrap();
            assert!(page.nodes.len() <= NODES_AT_ONCE);
            seen.extend(page.nodes.into_iter().map(|node| node.value.generation));
            unreadable.extend(page.unreadable.iter().map(ToString::to_string));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..600).filter(|number| *number != 3).collect::<Vec<_>>());
        assert_eq!(unreadable, [format!("reading `{}`", node_key("node-3", 3).unwrap())]);
    }

    #[tokio::test]
    async fn no_flipped_bit_of_a_node_record_is_read() {
        let store = Memory::new();
        let _ = create_node(&store, &record("a", 1)).await.unwrap();
        let key = node_key("a", 1).unwrap();
        let bits = store.get(&key).await.unwrap().unwrap().bytes.len() * 8;
        for bit in 0..bits {
            store.flip(&key, bit);
            let error = read_node(&store, "a", 1).await.unwrap_err();
            assert!(error.to_string().contains(key.as_str()), "bit {bit}: {error}");
            store.flip(&key, bit);
        }
        assert!(read_node(&store, "a", 1).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_record_under_the_key_of_another_node_is_refused() {
        let store = Memory::new();
        let bytes = encoded(&node_key("a", 1).unwrap(), &record("a", 1)).unwrap();
        let _ = store.put_new(&node_key("b", 1).unwrap(), bytes.into()).await;
        assert!(matches!(read_node(&store, "b", 1).await, Err(LogError::Strange { .. })));
    }
}
