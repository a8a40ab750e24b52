//! Failures that outlive the node: written to the store beside the work, a few at a time, and only so many.
//!
//! They lie under `v1/failures/{node}/{generation}/{number of the first}.json`, up to [`BATCH_MAX`] in an object and up to
//! [`OBJECTS_MAX`] objects of a node, all its generations together; the oldest give way. While the store is away they stay
//! in the memory of the node, as far as that goes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use enabler_cluster::net::NodeId;
use enabler_cluster::tree::{Failure, Tree};
use enabler_storage::objects::{Key, LIST_LIMIT_MAX, ObjectStore, PutOutcome, StoreError};
use enabler_storage::sealed;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::shown;

/// Where all of them lie.
const PREFIX: &str = "v1/failures/";
/// Failures of one object.
const BATCH_MAX: usize = 32;
/// Objects of one node: some two thousand failures at most.
const OBJECTS_MAX: usize = 64;
/// The pause between two objects: a node that fails all the time writes one request in a while.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause when the store does not take them.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long reading may take: an operator who waits longer looks elsewhere.
const READ_TIME_MAX: Duration = Duration::from_secs(3);
/// Objects that are read at one time.
const READ_AT_ONCE: usize = 16;

/// How the writing fares, for those who ask what cannot be seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Keeping(Arc<Mutex<Option<String>>>);

impl Keeping {
    /// Why failures are in memory only, if they are.
    pub(super) fn trouble(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, trouble: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Writes the failures of this generation until `over`.
pub(super) async fn keep(
    tree: Tree,
    store: Arc<dyn ObjectStore>,
    me: NodeId,
    keeping: Keeping,
    over: CancellationToken,
) {
    let (mut written, mut pause) = (0, PAUSE);
    loop {
        let is_last = tokio::select! {
            () = over.cancelled() => true,
            () = tokio::time::sleep(pause) => false,
        };
        let (failures, _) = tree.failures_after(written, BATCH_MAX);
        if let (Some(first), Some(last)) = (failures.first(), failures.last()) {
            match write(&*store, &me, first.number, &failures).await {
                Ok(()) => {
                    written = last.number;
                    pause = PAUSE;
                    keeping.set(None);
                }
                Err(why) => {
                    pause = PAUSE_AFTER_FAILURE;
                    tracing::debug!(why, "failures stay in memory for now");
                    keeping.set(Some(why));
                }
            }
        }
        if is_last {
            return;
        }
    }
}

async fn write(store: &dyn ObjectStore, me: &NodeId, first: u64, failures: &[Failure]) -> Result<(), String> {
    let lines: Vec<Value> = failures.iter().map(|failure| shown::failure(me, failure)).collect();
    let key = Key::new(format!("{PREFIX}{}/{}/{first:010}.json", me.name, shown::generation(me)));
    let key = key.map_err(|error| error.to_string())?;
    let bytes = sealed::seal(&lines).map_err(|error| error.to_string())?;
    if let PutOutcome::Unknown(error) = store.put_new(&key, bytes).await {
        return Err(error.to_string());
    }
    prune(store, &me.name).await.map_err(|error| error.to_string())
}

/// Removes the oldest objects of a node that has too many. Keys sort by time: a later generation is greater.
async fn prune(store: &dyn ObjectStore, node: &str) -> Result<(), StoreError> {
    let own = store.list_after(&format!("{PREFIX}{node}/"), None, LIST_LIMIT_MAX).await?;
    for object in own.iter().take(own.len().saturating_sub(OBJECTS_MAX)) {
        store.delete(&object.key).await?;
    }
    Ok(())
}

/// The newest failures that the store has of `node`, or of all nodes, those that pass `is_wanted`, in no order.
pub(super) async fn read(
    store: &dyn ObjectStore,
    node: Option<&str>,
    limit: usize,
    is_wanted: impl Fn(&Value) -> bool,
) -> Result<Vec<Value>, String> {
    match timeout(READ_TIME_MAX, look(store, node, limit, is_wanted)).await {
        Ok(read) => read.map_err(|error| enabler_cluster::plain(&error.to_string())),
        Err(_) => Err("it does not answer".to_owned()),
    }
}

async fn look(
    store: &dyn ObjectStore,
    node: Option<&str>,
    limit: usize,
    is_wanted: impl Fn(&Value) -> bool,
) -> Result<Vec<Value>, StoreError> {
    let prefix = node.map_or(PREFIX.to_owned(), |node| format!("{PREFIX}{node}/"));
    let mut keys: Vec<Key> = Vec::new();
    loop {
        let listed = store.list_after(&prefix, keys.last(), LIST_LIMIT_MAX).await?;
        let is_over = listed.len() < LIST_LIMIT_MAX;
        keys.extend(listed.into_iter().map(|object| object.key));
        if is_over {
            break;
        }
    }
    // The newest of each node first; a node's key begins with its name, and then the time.
    keys.sort_by(|one, other| when(other).cmp(when(one)));
    let mut found = Vec::new();
    let mut read = futures_util::stream::iter(keys)
        .map(|key| async move { store.get(&key).await })
        .buffered(READ_AT_ONCE);
    while let Some(object) = read.next().await {
        let Some(object) = object? else { continue };
        // What is damaged, or no version of this program can read, tells nothing.
        let lines: Vec<Value> = sealed::open(&object.bytes).unwrap_or_default();
        found.extend(lines.into_iter().filter(&is_wanted));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// What of a key tells its time: the generation and the number behind it.
fn when(key: &Key) -> &str {
    key.as_str().splitn(4, '/').nth(3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use enabler_storage::clock::SystemClock;
    use enabler_storage::objects::Memory;

    use super::*;

    fn node(generation: u128) -> NodeId {
        NodeId { name: "n1".to_owned(), generation }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_read_when_its_node_is_gone_and_only_the_newest_stay() {
        let store: Arc<dyn ObjectStore> = Arc::new(Memory::new());
        for generation in 1..=3_u128 {
            let tree = Tree::new(Arc::new(SystemClock));
            let (over, seat) = (CancellationToken::new(), tree.seat("node/ocr", "pool", None));
            let keeping = tokio::spawn(keep(
                tree.clone(),
                store.clone(),
                node(generation),
                Keeping::default(),
                over.clone(),
            ));
            for number in 0..30 {
                seat.failed("job", format!("failure {number} of {generation}"), Some("at x.rs".to_owned()));
                tokio::time::sleep(PAUSE * 2).await;
            }
            over.cancel();
            keeping.await.unwrap();
        }
        let all = read(&*store, None, usize::MAX, |_| true).await.unwrap();
        assert_eq!(all.len(), OBJECTS_MAX);
        assert!(all.iter().any(|line| line["reason"] == "failure 29 of 3" && line["path"] == "ocr"));
        assert!(!all.iter().any(|line| line["reason"] == "failure 0 of 1"));
        let newest = read(&*store, Some("n1"), 1, |_| true).await.unwrap();
        assert_eq!(newest[0]["reason"], "failure 29 of 3");
        assert!(read(&*store, Some("n2"), 9, |_| true).await.unwrap().is_empty());
    }
}
