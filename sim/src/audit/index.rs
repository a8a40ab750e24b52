//! The logs of a run, replayed by the production code into real indexes: rows, words, vectors, snapshots, damage.

use std::collections::BTreeSet;
use std::sync::Arc;

use enabler_storage::log::{self, Position, SnapshotRef, Start};
use enabler_storage::objects::{Key, Memory, ObjectStore};
use enabler_storage::record::{DocumentId, Outcome};
use enabler_storage::shard::{self, Query, Settings, ShardIndex, fetch_needed, verify_dir};

use super::{Broken, Folder, failed};
use crate::chance::{Chances, Stream, mixed};
use crate::core::judge::{DAMAGE, DELETED, DURABLE, REPLAY, RESULTS, TENANTS};
use crate::core::rows::Rows;
use crate::core::{MODEL, World, at_once, word_of};

/// Room for the rows of a run.
const MAP_BYTES: usize = 64 << 20;
/// So small that a snapshot has several parts.
const PART_BYTES_MAX: usize = 900;
/// Bits that are flipped in the objects of one run.
const FLIPS: u64 = 12;
const FLIP: Stream = Stream(200, 0);

/// Replays every shard and compares.
pub(super) fn check(world: &World, seed: u64) -> Result<(), Broken> {
    let objects = world.store.objects();
    for number in 0..world.scene.shards {
        let rows = world.judge.rows(number);
        let (objects, tenants) = (objects.clone(), world.book.all());
        let tenants: BTreeSet<String> = tenants.into_iter().map(|(tenant, _)| tenant).collect();
        let found = at_once(async move { Some(one(&objects, number, &rows, &tenants).await) });
        found.unwrap_or_else(|| Err((REPLAY, "there is no runtime for the audit".to_owned())))?;
    }
    let found = at_once(async move { Some(flips(&objects, seed).await) });
    found.unwrap_or(Ok(()))
}

async fn filled(objects: &[(Key, bytes::Bytes)]) -> Arc<Memory> {
    let store = Memory::new();
    for (key, bytes) in objects {
        let _ = store.put_new(key, bytes.clone()).await;
    }
    Arc::new(store)
}

fn settings() -> Settings {
    Settings { map_bytes: MAP_BYTES, ..Settings::here() }
}

async fn one(
    objects: &[(Key, bytes::Bytes)],
    number: u32,
    rows: &Rows,
    tenants: &BTreeSet<String>,
) -> Result<(), Broken> {
    let store = filled(objects).await;
    let Some(folder) = Folder::new() else { return Ok(()) };
    let (first, second) = (folder.0.join("first"), folder.0.join("second"));
    let index = replayed(&store, number, &first).await?;
    same(&index, rows, number)?;
    index.flush().map_err(|error| failed("making an index durable", &error))?;
    found(&index, rows, tenants)?;
    index.verify().map_err(|error| failed("verifying an index", &error))?;
    let position = index.position().map_err(|error| failed("reading a position", &error))?;
    // What a snapshot of this index gives is this index.
    let spooled = index.export(PART_BYTES_MAX).map_err(|error| failed("exporting", &error))?;
    let written = log::write_snapshot(&*store, number, 999, &spooled).await;
    let snapshot: SnapshotRef = written.map_err(|error| failed("writing a snapshot", &error))?;
    let restored = shard::restore(store.clone(), number, &second, settings(), &snapshot).await;
    let restored = restored.map_err(|error| failed("restoring a snapshot", &error))?;
    if restored.position().map_err(|error| failed("reading a position", &error))? != position {
        return Err((
            REPLAY,
            format!("a snapshot of shard {number} stands for another entry when it is restored"),
        ));
    }
    same(&restored, rows, number)?;
    restored.flush().map_err(|error| failed("making an index durable", &error))?;
    found(&restored, rows, tenants)?;
    index.close().map_err(|error| failed("closing an index", &error))?;
    restored.close().map_err(|error| failed("closing an index", &error))?;
    verify_dir(&first).map_err(|error| failed("verifying a closed index", &error))?;
    let again =
        ShardIndex::open(&first, settings()).map_err(|error| failed("opening an index again", &error))?;
    same(&again, rows, number)
}

async fn replayed(store: &Arc<Memory>, number: u32, dir: &std::path::Path) -> Result<ShardIndex, Broken> {
    let start =
        log::shard_start(&**store, number).await.map_err(|error| failed("finding the start", &error))?;
    let (index, from) = match start {
        Start::FromLog => {
            let index =
                ShardIndex::open(dir, settings()).map_err(|error| failed("opening an index", &error))?;
            (index, Position::default())
        }
        Start::FromSnapshot(snapshot) => {
            let index = shard::restore(store.clone(), number, dir, settings(), &snapshot).await;
            (index.map_err(|error| failed("restoring a snapshot", &error))?, snapshot.position)
        }
    };
    let mut replay = log::replay(store.clone(), number, from);
    while let Some(entry) = replay.next().await.map_err(|error| failed("replaying", &error))? {
        let blobs =
            fetch_needed(&**store, &entry.entry).await.map_err(|error| failed("reading chunks", &error))?;
        index.apply(&entry, &blobs).map_err(|error| failed("applying an entry", &error))?;
        // Once more: what was applied is passed over.
        index.apply(&entry, &blobs).map_err(|error| failed("applying an entry twice", &error))?;
    }
    Ok(index)
}

/// The index holds the documents of `rows`, and nothing that was deleted.
fn same(index: &ShardIndex, rows: &Rows, number: u32) -> Result<(), Broken> {
    for (id, expected) in &rows.documents {
        let held = index.document(*id).map_err(|error| failed("reading a document", &error))?;
        let Some(held) = held else {
            return Err((DURABLE, format!("{id} of shard {number} is in the log and not in the index")));
        };
        let told = |outcome: &Outcome| match outcome {
            Outcome::Processing => 0,
            Outcome::Ready => 1,
            Outcome::Failed(_) => 2,
        };
        if told(&held.status.outcome) != told(&expected.status.outcome) || held.revision != expected.revision
        {
            let text = format!("{id} is {:?} in the index, the log says {:?}", held.status, expected.status);
            return Err((RESULTS, text));
        }
        if (&held.tenant, held.ticket) != (&expected.tenant, expected.ticket) {
            return Err((TENANTS, format!("{id} belongs to somebody else in the index")));
        }
    }
    for id in rows.tombstones.keys() {
        let held = index.document(*id).map_err(|error| failed("reading a document", &error))?;
        let is_deleted = index.is_deleted(*id).map_err(|error| failed("reading a tombstone", &error))?;
        if held.is_some() || !is_deleted {
            return Err((DELETED, format!("{id} was deleted and is in the index of shard {number}")));
        }
    }
    let counts = index.counts().map_err(|error| failed("counting", &error))?;
    let unfinished = rows.documents.values().filter(|record| record.is_unfinished()).count() as u64;
    if (counts.documents, counts.unfinished) != (rows.documents.len() as u64, unfinished) {
        return Err((REPLAY, format!("shard {number} counts {counts:?}, the log {}", rows.documents.len())));
    }
    Ok(())
}

/// Every ready document is found by its own word and by its own vector, by its tenant alone; what is deleted by nobody.
fn found(index: &ShardIndex, rows: &Rows, tenants: &BTreeSet<String>) -> Result<(), Broken> {
    let search = |id: DocumentId, tenant: &str, by_words: bool| -> Result<Vec<DocumentId>, Broken> {
        let (word, vector) = word_of(id);
        let query = Query {
            text: if by_words { &word } else { "" },
            vector: if by_words { None } else { Some(&vector) },
            model: MODEL,
            tenant,
            documents: None,
            metadata: &[],
            top_k: 50,
            now_ms: crate::core::BASE_MS,
            merge_neighbours: false,
        };
        let hits = index.search(&query).map_err(|error| failed("searching", &error))?;
        Ok(hits.into_iter().map(|hit| hit.document_id).collect())
    };
    for by_words in [true, false] {
        for (id, record) in &rows.documents {
            for tenant in tenants {
                let hits = search(*id, tenant, by_words)?;
                let is_ready = record.status.outcome == Outcome::Ready;
                if is_ready && *tenant == record.tenant && !hits.contains(id) {
                    let held = index.chunks(*id).map(|chunks| chunks.len());
                    let text = format!(
                        "{id} is ready and not found (by words: {by_words}): {} hits, chunks {held:?}",
                        hits.len()
                    );
                    return Err((DURABLE, text));
                }
                if (!is_ready || *tenant != record.tenant) && hits.contains(id) {
                    return Err((TENANTS, format!("{id} is found by {tenant} (by words: {by_words})")));
                }
                let foreign =
                    hits.iter().find(|hit| rows.documents.get(hit).is_none_or(|hit| hit.tenant != *tenant));
                if let Some(foreign) = foreign {
                    return Err((
                        DELETED,
                        format!("{tenant} finds {foreign}, which is deleted or not its own"),
                    ));
                }
            }
        }
    }
    Ok(())
}

/// A flipped bit of whatever object is found by whoever reads it.
async fn flips(objects: &[(Key, bytes::Bytes)], seed: u64) -> Result<(), Broken> {
    let mut chances = Chances::of_seed(mixed(seed ^ 0xf11b), false);
    for _ in 0..FLIPS {
        let Some((key, bytes)) = objects.get(chances.draw(FLIP, objects.len() as u64) as usize) else {
            break;
        };
        let bit = chances.draw(FLIP, bytes.len() as u64 * 8) as usize;
        if !is_noticed(key, bytes, bit).await {
            return Err((
                DAMAGE,
                format!("bit {bit} of {key} was flipped, and it was read as if nothing had been"),
            ));
        }
    }
    Ok(())
}

async fn is_noticed(key: &Key, bytes: &bytes::Bytes, bit: usize) -> bool {
    let store = Memory::new();
    let _ = store.put_new(key, bytes.clone()).await;
    store.flip(key, bit);
    let text = key.as_str();
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["v1", "n", name, generation] => {
            let generation = u128::from_str_radix(generation, 16).unwrap_or(0);
            log::read_node(&store, name, generation).await.is_err()
        }
        ["v1", "s", shard, "manifest"] => {
            log::read_manifest(&store, u32::from_str_radix(shard, 16).unwrap_or(0)).await.is_err()
        }
        ["v1", "s", shard, "log", seq] => {
            let (shard, seq) = (u32::from_str_radix(shard, 16).unwrap_or(0), seq.parse().unwrap_or(0));
            log::read_entry(&store, shard, seq).await.is_err()
        }
        // Parts and blobs are read against the hash that their reference has.
        _ => {
            use sha2::Digest as _;
            let blob = enabler_storage::record::BlobRef {
                key: text.to_owned(),
                sha256: sha2::Sha256::digest(bytes).into(),
                size_bytes: bytes.len() as u64,
            };
            enabler_storage::record::read_blob(&store, &blob).await.is_err()
        }
    }
}
