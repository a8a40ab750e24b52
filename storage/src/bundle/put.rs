//! Puts a bundle into an empty store, so that no owner of the store that it came from can write there.
//!
//! Nothing is written before the bundle was read to its end. Then: the mark of a restore under way, all objects, a fence
//! at the end of every log, the manifests without an owner and under an epoch far beyond, the settings, and the mark
//! of a restore that is done. A node does not start in between. What was written goes again when a restore fails.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, TryStreamExt as _};

use super::check::{Checked, checked};
use super::contents::{Place, SETTINGS, place};
use super::file::{Listed, Reader};
use super::mark::{Mark, encoded, mark_key};
use super::take::blocking;
use super::{BundleError, Summary};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::codec::{self, Kind};
use crate::log::{Entry, LogError, Manifest, Position, entry_key, manifest_key};
use crate::objects::{Key, ObjectStore, PutOutcome};
use crate::record::Op;

/// How far the epochs of a restored store lie beyond those in the bundle: more than a store changes owners between a
/// bundle and its restore, so that whoever owned a shard after the bundle was taken is of an earlier epoch too.
pub const EPOCH_STEP: u64 = 1 << 20;

/// Objects that are written at the same time, all in memory.
const WRITES_AT_ONCE: usize = 8;

/// Attempts to write an object while the store does not tell whether it was written.
const ATTEMPTS_MAX: u32 = 5;

/// The pause after the first of them, doubled each time.
const PAUSE: Duration = Duration::from_millis(200);

/// Puts the bundle `path` into `store`.
///
/// # Errors
///
/// If the bundle is not whole, or the store is not empty: nothing was written then. If the store fails on the way, what
/// was written is removed as far as the store lets it, and no node takes the rest for a store.
pub async fn restore(
    store: Arc<dyn ObjectStore>,
    path: &Path,
    clock: &dyn Clock,
    chance: &dyn Chance,
) -> Result<Summary, BundleError> {
    let (own, again) = (path.to_path_buf(), path.to_path_buf());
    let bundle = blocking(move || checked(&own)).await?;
    expect_empty(&*store).await?;
    let reader = blocking(move || Reader::open(&again)).await?;
    let mark = Mark {
        id: format!("{:032x}", chance.next_u128()),
        bundle: bundle.summary.about.id.clone(),
        is_done: false,
        begun_ms: clock.now_ms(),
    };
    let restoring = Restoring { store, reader: Arc::new(Mutex::new(reader)), clock, chance };
    restoring.put(&mark_key()?, encoded(&mark)).await?;
    match restoring.run(&bundle, mark).await {
        Ok(()) => Ok(bundle.summary),
        // What another has written is not ours to remove; the mark keeps every node away.
        Err(error @ BundleError::Intruder { .. }) => Err(error),
        Err(error) => {
            restoring.take_back(&bundle).await;
            Err(error)
        }
    }
}

async fn expect_empty(store: &dyn ObjectStore) -> Result<(), BundleError> {
    let found = store.list_after("", None, 1).await.map_err(BundleError::store("listing"))?;
    match found.first() {
        None => Ok(()),
        Some(found) => match mark_key()? == found.key {
            true => Err(BundleError::UnderWay),
            false => Err(BundleError::NotEmpty { key: found.key.to_string() }),
        },
    }
}

struct Restoring<'a> {
    store: Arc<dyn ObjectStore>,
    reader: Arc<Mutex<Reader>>,
    clock: &'a dyn Clock,
    chance: &'a dyn Chance,
}

impl Restoring<'_> {
    async fn run(&self, bundle: &Checked, mark: Mark) -> Result<(), BundleError> {
        let mut objects: Vec<(&Key, &Listed)> = bundle.index.iter().collect();
        // From front to back, as the disk likes it.
        objects.sort_by_key(|(_, listed)| listed.at);
        let first = objects
            .iter()
            .filter(|(key, _)| !matches!(place(key.as_str()), Place::Settings | Place::Manifest(_)));
        stream::iter(first.map(Ok::<_, BundleError>))
            .try_for_each_concurrent(WRITES_AT_ONCE, |(key, listed)| async move {
                let bytes = self.fetch(key, listed).await?;
                self.put(key, bytes).await
            })
            .await?;
        for (shard, (manifest, end)) in &bundle.shards {
            self.fence(*shard, manifest, *end).await?;
        }
        let settings = Key::new(SETTINGS)?;
        if let Some(listed) = bundle.index.get(&settings) {
            self.put(&settings, self.fetch(&settings, listed).await?).await?;
        }
        self.finish(&mark_key()?, Mark { is_done: true, ..mark }).await
    }

    async fn fetch(&self, key: &Key, listed: &Listed) -> Result<Bytes, BundleError> {
        let (reader, key, listed) = (self.reader.clone(), key.clone(), listed.clone());
        blocking(move || reader.lock().unwrap_or_else(PoisonError::into_inner).fetch(&key, &listed)).await
    }

    /// Closes a log behind everybody who ever wrote it, and gives the shard to nobody.
    async fn fence(&self, shard: u32, old: &Manifest, end: Position) -> Result<(), BundleError> {
        let epoch = old.epoch.max(end.epoch) + EPOCH_STEP;
        let entry = Entry {
            shard,
            seq: end.seq + 1,
            epoch,
            writer: self.chance.next_u128(),
            nonce: self.chance.next_u128(),
            prev: end.checksum,
            wall_ms: self.clock.now_ms(),
            ops: vec![Op::Fence],
        };
        self.put(&entry_key(shard, entry.seq)?, entry.seal()?.bytes).await?;
        let manifest = Manifest { epoch, owner: None, lease_until_ms: 0, writer: 0, ..old.clone() };
        let bytes = codec::encode(Kind::Manifest, &manifest);
        let bytes = bytes.map_err(|source| LogError::Encode { shard, source })?;
        self.put(&manifest_key(shard)?, bytes.into()).await
    }

    /// Creates an object; what an unknown outcome left behind is read back.
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), BundleError> {
        let mut attempt = 0;
        loop {
            let cause = match self.store.put_new(key, bytes.clone()).await {
                PutOutcome::Done(_) => return Ok(()),
                // Of an attempt whose answer was lost, or of somebody else.
                PutOutcome::Exists | PutOutcome::Changed => {
                    let found = self.store.get(key).await.map_err(BundleError::store("reading"))?;
                    return match found.is_some_and(|found| found.bytes == bytes) {
                        true if attempt > 0 => Ok(()),
                        _ => Err(BundleError::Intruder { key: key.to_string() }),
                    };
                }
                PutOutcome::Unknown(cause) => cause,
            };
            attempt += 1;
            if attempt == ATTEMPTS_MAX {
                return Err(BundleError::Store { doing: "writing", source: cause });
            }
            self.clock.sleep(PAUSE * 2_u32.pow(attempt)).await;
        }
    }

    /// Says that the store may be used.
    async fn finish(&self, key: &Key, mark: Mark) -> Result<(), BundleError> {
        let bytes = encoded(&mark);
        let mut attempt = 0;
        loop {
            let found = self.store.get(key).await.map_err(BundleError::store("reading"))?;
            let found = found.ok_or_else(|| BundleError::Intruder { key: key.to_string() })?;
            if found.bytes == bytes {
                return Ok(());
            }
            let outcome = self.store.put_if(key, &found.etag, bytes.clone()).await;
            attempt += 1;
            match outcome {
                PutOutcome::Done(_) => return Ok(()),
                PutOutcome::Unknown(source) if attempt == ATTEMPTS_MAX => {
                    return Err(BundleError::Store { doing: "writing", source });
                }
                PutOutcome::Unknown(_) => self.clock.sleep(PAUSE * 2_u32.pow(attempt)).await,
                PutOutcome::Exists | PutOutcome::Changed => {
                    return Err(BundleError::Intruder { key: key.to_string() });
                }
            }
        }
    }

    /// Removes what was written, the mark last: as long as anything is left, no node uses it.
    async fn take_back(&self, bundle: &Checked) {
        let mut keys: Vec<Key> = bundle.index.keys().cloned().collect();
        let fences = bundle.shards.iter().filter_map(|(shard, (_, end))| entry_key(*shard, end.seq + 1).ok());
        keys.extend(fences);
        keys.extend(mark_key());
        for key in keys {
            if let Err(error) = self.store.delete(&key).await {
                tracing::warn!(%error, "a restore failed and left something behind; empty the store");
                return;
            }
        }
    }
}
