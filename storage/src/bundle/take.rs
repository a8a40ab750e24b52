//! Takes a bundle of a store that goes on working.
//!
//! Logs only grow and blobs never change, so each shard is read as it was at one position of its log: the manifest
//! first, then the log to its end, then what its documents name. A document that is deleted meanwhile takes its blobs
//! with it; then the log is followed further, to the deletion, and what was copied of the document is retracted.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};

use super::contents::{Named, Place, SETTINGS, Wanted, passed_over, place};
use super::file::Writer;
use super::mark::read_mark;
use super::{About, BundleError, Summary};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::codec::{self, Kind};
use crate::log::{
    LogError, Manifest, Position, entry_key, manifest_key, read_cluster, read_entry, read_snapshot, replay,
};
use crate::objects::{Key, LIST_LIMIT_MAX, ObjectStore};
use crate::record::{ANSWER_MARK, BlobError, read_blob};

/// Blobs that are read at the same time: each may be as large as the largest upload, and all are in memory.
const READS_AT_ONCE: usize = 8;

/// Times that one log is followed further. Each is much shorter than the one before.
const ROUNDS_MAX: usize = 100;

/// Writes everything of `store` that lasts into the new file `path`, which is there when this returns and whole then.
///
/// # Errors
///
/// If the store is empty, half restored, damaged or away, or the file cannot be written; there is no file then.
pub async fn backup(
    store: Arc<dyn ObjectStore>,
    path: &Path,
    product: &str,
    clock: &dyn Clock,
    chance: &dyn Chance,
) -> Result<Summary, BundleError> {
    let cluster = read_cluster(&*store).await?.ok_or(BundleError::Nothing)?;
    read_mark(&*store).await?;
    let about = About {
        product: product.to_owned(),
        made_ms: clock.now_ms(),
        shard_count: cluster.shard_count,
        id: format!("{:032x}", chance.next_u128()),
    };
    let (own, file) = (about.clone(), path.to_path_buf());
    let writer = blocking(move || Writer::create(&file, &own)).await?;
    let mut taking = Taking { store, writer: Some(writer), shards: 0, entries: 0 };
    let settings = Key::new(SETTINGS)?;
    let found = taking.get(&settings).await?.ok_or(BundleError::Nothing)?;
    taking.add(settings, found).await?;
    for shard in 0..cluster.shard_count {
        taking.shard(shard).await?;
    }
    taking.answers().await?;
    taking.records().await?;
    let (shards, entries) = (taking.shards, taking.entries);
    let writer = taking.writer.take().ok_or(BundleError::Stopped)?;
    let (index, file_bytes) = blocking(move || writer.finish()).await?;
    Ok(Summary {
        about,
        objects: index.len() as u64,
        bytes: index.values().map(|listed| listed.size_bytes).sum(),
        file_bytes,
        shards,
        entries,
        blobs: index.keys().filter(|key| place(key.as_str()) == Place::Blob).count() as u64,
    })
}

struct Taking {
    store: Arc<dyn ObjectStore>,
    /// Away while a thread writes with it.
    writer: Option<Writer>,
    shards: u32,
    entries: u64,
}

impl Taking {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, BundleError> {
        let found = self.store.get(key).await.map_err(BundleError::store("reading"))?;
        Ok(found.map(|object| object.bytes))
    }

    async fn add(&mut self, key: Key, bytes: Bytes) -> Result<(), BundleError> {
        let mut writer = self.writer.take().ok_or(BundleError::Stopped)?;
        self.writer = Some(blocking(move || writer.add(&key, &bytes).map(|()| writer)).await?);
        Ok(())
    }

    fn has(&self, key: &Key) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.has(key))
    }

    async fn shard(&mut self, shard: u32) -> Result<(), BundleError> {
        let key = manifest_key(shard)?;
        let Some(bytes) = self.get(&key).await? else { return Ok(()) };
        let damaged = |source| LogError::Damaged { key: key.to_string(), source };
        let manifest: Manifest = codec::decode(Kind::Manifest, &bytes).map_err(damaged)?;
        self.add(key, bytes).await?;
        self.shards += 1;
        let mut named = Named::default();
        let from = self.snapshot(shard, &manifest, &mut named).await?;
        let mut log = replay(self.store.clone(), shard, from);
        let mut missing = None;
        for _ in 0..ROUNDS_MAX {
            while let Some(entry) = log.next().await? {
                self.add(entry_key(shard, entry.entry.seq)?, entry.bytes.clone()).await?;
                self.entries += 1;
                for gone in entry.entry.ops.iter().flat_map(|op| named.op(op)) {
                    let key = Key::new(gone.key)?;
                    self.writer.as_mut().ok_or(BundleError::Stopped)?.retract(&key);
                }
            }
            // What is still named and was missing before the log was followed further was never deleted.
            let still = named.wanted();
            if let Some((wanted, source)) = missing.take()
                && still.contains(&wanted)
            {
                return Err(BundleError::Document { document: wanted.document, source });
            }
            missing = self.blobs(still).await?;
            if missing.is_none() {
                return Ok(());
            }
        }
        Err(BundleError::Stopped)
    }

    /// Copies the snapshot that the manifest names, with the entry that it ends at; gives where the log goes on.
    async fn snapshot(
        &mut self,
        shard: u32,
        manifest: &Manifest,
        named: &mut Named,
    ) -> Result<Position, BundleError> {
        let Some(snapshot) = &manifest.snapshot else { return Ok(Position::default()) };
        let mut parts = read_snapshot(self.store.clone(), shard, snapshot);
        while let Some(part) = parts.next().await? {
            part.lines.iter().for_each(|line| named.line(line));
        }
        for part in &snapshot.parts {
            let bytes = read_blob(&*self.store, part).await;
            let bytes = bytes.map_err(|source| LogError::Snapshot { shard, source })?;
            self.add(Key::new(part.key.as_str())?, bytes).await?;
        }
        // It tells a reader from below that the log goes on; a reader at the snapshot can do without.
        if let Some(entry) = read_entry(&*self.store, shard, snapshot.position.seq).await? {
            self.add(entry_key(shard, snapshot.position.seq)?, entry.bytes).await?;
        }
        Ok(snapshot.position)
    }

    /// Copies what is not copied yet; gives one that a document needs and that is not there.
    async fn blobs(&mut self, wanted: Vec<Wanted>) -> Result<Option<(Wanted, BlobError)>, BundleError> {
        let mut fresh = Vec::new();
        for wanted in wanted {
            let key = Key::new(wanted.blob.key.as_str())?;
            if !self.has(&key) {
                fresh.push((key, wanted));
            }
        }
        let store = self.store.clone();
        let mut reading = stream::iter(fresh)
            .map(|(key, wanted)| {
                let store = store.clone();
                async move { (key, read_blob(&*store, &wanted.blob).await, wanted) }
            })
            .buffered(READS_AT_ONCE);
        while let Some((key, read, wanted)) = reading.next().await {
            match read {
                // Two revisions may name the same bytes.
                Ok(bytes) if !self.has(&key) => self.add(key, bytes).await?,
                Ok(_) => {}
                Err(BlobError::Missing { .. }) if wanted.is_spare => {}
                Err(source @ BlobError::Missing { .. }) => return Ok(Some((wanted, source))),
                Err(source) => return Err(BundleError::Document { document: wanted.document, source }),
            }
        }
        Ok(None)
    }

    /// Copies the records of answers, which no log names, of the documents that are in the bundle.
    async fn answers(&mut self) -> Result<(), BundleError> {
        let mut after: Option<Key> = None;
        loop {
            let listed = self.store.list_after("v1/blob/", after.as_ref(), LIST_LIMIT_MAX).await;
            let listed = listed.map_err(BundleError::store("listing"))?;
            let Some(last) = listed.last().map(|last| last.key.clone()) else { return Ok(()) };
            after = Some(last);
            for object in listed {
                let (folder, name) = object.key.as_str().rsplit_once('/').unwrap_or_default();
                let is_there = || self.writer.as_ref().is_some_and(|writer| writer.has_under(folder));
                if name.starts_with(ANSWER_MARK)
                    && is_there()
                    && let Some(bytes) = self.get(&object.key).await?
                {
                    self.add(object.key, bytes).await?;
                }
            }
        }
    }

    /// Copies every other record: each is whole in itself.
    async fn records(&mut self) -> Result<(), BundleError> {
        let mut after: Option<Key> = None;
        loop {
            let listed = self.store.list_after("v1/", after.as_ref(), LIST_LIMIT_MAX).await;
            let listed = listed.map_err(BundleError::store("listing"))?;
            let Some(last) = listed.last().map(|last| last.key.clone()) else { return Ok(()) };
            after = Some(last);
            for object in listed {
                let key = object.key;
                if key.as_str() == SETTINGS {
                    continue;
                }
                match passed_over(key.as_str()) {
                    // Thousands of blobs are not listed to be passed over one by one.
                    Some(prefix) if prefix.ends_with('/') => {
                        after = after.max(Some(Key::new(format!("{prefix}{}", "z".repeat(199)))?));
                    }
                    Some(_) => {}
                    // What was removed since it was listed is gone by right.
                    None => {
                        if let Some(bytes) = self.get(&key).await? {
                            self.add(key, bytes).await?;
                        }
                    }
                }
            }
        }
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BundleError> + Send + 'static,
) -> Result<T, BundleError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| BundleError::Stopped)?
}
