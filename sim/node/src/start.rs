//! What a generation needs before its actors start, and its beat: as the product's own node has them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use enabler_actors::calls::{STORE_FACT, STORE_UP};
use enabler_actors::keeper::BEAT;
use enabler_actors::shard::Verify;
use enabler_cluster::lease::{self, Beat, Lease};
use enabler_cluster::net::{Net, NodeId};
use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use enabler_storage::log::{self, Cluster};
use enabler_storage::objects::{ObjectStore, PutOutcome};
use enabler_storage::shard as index;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bucket::BEGAN_MS;

/// What a start may go wrong with, in words for the book.
pub(crate) type Wrong = Box<dyn std::error::Error + Send + Sync>;

/// A node's clock: it goes as all others do and shows another time of day.
pub(crate) struct SimClock {
    pub(crate) began: Instant,
    pub(crate) ahead_ms: u64,
}

impl Clock for SimClock {
    fn now_ms(&self) -> u64 {
        BEGAN_MS + self.ahead_ms + self.began.elapsed().as_millis() as u64
    }

    fn uptime_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }
}

/// The store's fixed facts; a fresh store gets them now.
pub(crate) async fn cluster(
    store: &dyn ObjectStore,
    chance: &dyn Chance,
    shard_count: u32,
) -> Result<Cluster, Wrong> {
    if let Some(found) = log::read_cluster(store).await? {
        return Ok(found);
    }
    let fresh = Cluster { shard_count, hash_seed: chance.next_u64(), format_version: log::FORMAT_VERSION };
    match log::create_cluster(store, &fresh).await? {
        PutOutcome::Done(_) => Ok(fresh),
        _ => log::read_cluster(store).await?.ok_or_else(|| "the store did not keep its first record".into()),
    }
}

/// The generation that had the disk before has ended for certain.
pub(crate) async fn bury_the_one_before(
    dir: &Path,
    id: &NodeId,
    store: &dyn ObjectStore,
) -> Result<(), Wrong> {
    let file = dir.join("generation");
    if let Ok(text) = tokio::fs::read_to_string(&file).await
        && let Some((name, generation)) = text.trim().split_once(' ')
        && let Ok(generation) = u128::from_str_radix(generation, 16)
    {
        lease::declare_ended(store, &NodeId { name: name.to_owned(), generation }).await?;
    }
    tokio::fs::write(&file, format!("{} {:032x}\n", id.name, id.generation)).await?;
    Ok(())
}

/// Checks an index as the product's child process does.
pub(crate) fn verify() -> Verify {
    Arc::new(|dir: PathBuf| {
        Box::pin(async move {
            let verified = tokio::task::spawn_blocking(move || index::verify_dir(&dir)).await;
            verified.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
        })
    })
}

/// The beat of a generation, as the product's membership beats.
pub(crate) async fn beat(
    mut lease: Lease,
    net: Arc<dyn Net>,
    every: Duration,
    dead: CancellationToken,
    over: CancellationToken,
) {
    while !over.is_cancelled() {
        match tokio::time::timeout(every * 2, lease.beat()).await.unwrap_or(Beat::NoStore) {
            Beat::Alive(number) => {
                net.tell(BEAT, &number.to_string());
                net.tell(STORE_FACT, STORE_UP);
            }
            Beat::NoStore => net.tell(STORE_FACT, "down"),
            Beat::Dead => {
                dead.cancel();
                return;
            }
        }
        tokio::select! {
            biased;
            () = over.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}
