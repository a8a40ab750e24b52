//! A drawn history in real indexes: every lookup and every kind of search gives what the plain reading of the log gives,
//! also behind a snapshot, a start and a late log.

use std::path::Path;
use std::sync::Arc;

use enabler_storage::log::{self, Entry, Position, SnapshotRef};
use enabler_storage::objects::Memory;
use enabler_storage::record::{DocumentId, DocumentRecord, Op, Outcome};
use enabler_storage::shard::{self, Settings, ShardIndex, fetch_needed, verify_dir};

use super::history::{BEGINS_MS, History, Meaning};
use super::{Broken, Dice, Folder, failed, questions};
use crate::core::at_once;
use crate::core::judge::{BOUNDED, DAMAGE, DELETED, DURABLE, ONE_EFFECT, REPLAY, RESULTS, TENANTS};

const MAP_BYTES: usize = 64 << 20;
/// So small that a snapshot has several parts.
const PART_BYTES_MAX: usize = 1_500;

/// Draws a history and asks.
pub(super) fn check(mut dice: Dice) -> Result<(), Broken> {
    at_once(async move { Some(all(&mut dice).await) }).unwrap_or(Ok(()))
}

fn settings() -> Settings {
    Settings { map_bytes: MAP_BYTES, ..Settings::here() }
}

async fn all(dice: &mut Dice) -> Result<(), Broken> {
    let Some(folder) = Folder::new() else { return Ok(()) };
    let count = 10 + dice.below(30) as usize;
    let history = History::draw(dice, count).await.map_err(|error| failed("drawing a history", &error))?;
    let cut = dice.below(count as u64) as usize;
    let store = Arc::new(history.stored(count).await.map_err(|error| failed("storing a log", &error))?);
    let (first, second) = (folder.0.join("first"), folder.0.join("second"));
    let index = ShardIndex::open(&first, settings()).map_err(|error| failed("opening an index", &error))?;
    apply(&index, &history, 0..cut, &store).await?;
    if dice.one_in(2) {
        index.flush().map_err(|error| failed("making an index durable", &error))?;
    }
    let then = history.meanings.get(cut).cloned().unwrap_or_default();
    asked(&index, &then, dice)?;
    // A snapshot of this moment is the beginning of another index, and the rest of the log follows in both.
    let spooled = index.export(PART_BYTES_MAX).map_err(|error| failed("exporting", &error))?;
    let written = log::write_snapshot(&*store, 0, 1, &spooled).await;
    let snapshot: SnapshotRef = written.map_err(|error| failed("writing a snapshot", &error))?;
    if snapshot.position != then.position {
        return Err((REPLAY, "a snapshot stands for another entry than its index".to_owned()));
    }
    let restored = shard::restore(store.clone(), 0, &second, settings(), &snapshot).await;
    let restored = restored.map_err(|error| failed("restoring a snapshot", &error))?;
    asked(&restored, &then, dice)?;
    apply(&index, &history, cut..count, &store).await?;
    apply(&restored, &history, cut..count, &store).await?;
    let end = history.end();
    asked(&index, &end, dice)?;
    asked(&restored, &end, dice)?;
    index.verify().map_err(|error| failed("verifying an index", &error))?;
    restored.verify().map_err(|error| failed("verifying a restored index", &error))?;
    lost_and_found(index, &first, &end, dice)?;
    emptied(&restored, &end)?;
    damaged(restored, &second)
}

async fn apply(
    index: &ShardIndex,
    history: &History,
    which: std::ops::Range<usize>,
    store: &Arc<Memory>,
) -> Result<(), Broken> {
    if let Some(later) = history.entries.get(which.start + 1).filter(|_| which.len() > 1)
        && index.apply(later, &Default::default()).is_ok()
    {
        return Err((REPLAY, format!("entry {} is applied before the one before it", later.entry.seq)));
    }
    for entry in history.entries.get(which).unwrap_or_default() {
        let blobs =
            fetch_needed(&**store, &entry.entry).await.map_err(|error| failed("reading chunks", &error))?;
        index.apply(entry, &blobs).map_err(|error| failed("applying an entry", &error))?;
        index.apply(entry, &blobs).map_err(|error| failed("applying an entry twice", &error))?;
    }
    Ok(())
}

fn asked(index: &ShardIndex, meaning: &Meaning, dice: &mut Dice) -> Result<(), Broken> {
    let position: Position = index.position().map_err(|error| failed("reading a position", &error))?;
    if position != meaning.position {
        return Err((REPLAY, format!("an index stands at {position:?}, the log at {:?}", meaning.position)));
    }
    for record in meaning.rows.documents.values() {
        document(index, meaning, record)?;
    }
    for (id, seq) in &meaning.rows.tombstones {
        let is_gone = index.is_deleted(*id).map_err(|error| failed("reading a tombstone", &error))?;
        let left = index.document(*id).map_err(|error| failed("reading a document", &error))?;
        let chunks = index.chunks(*id).map_err(|error| failed("reading chunks", &error))?;
        if !is_gone || left.is_some() || !chunks.is_empty() {
            return Err((DELETED, format!("{id} was deleted in entry {seq} and is still there")));
        }
    }
    listings(index, meaning, dice)?;
    contents(index, meaning)?;
    weights(index, meaning, dice)?;
    questions::ask(index, meaning, dice)
}

fn document(index: &ShardIndex, meaning: &Meaning, expected: &DocumentRecord) -> Result<(), Broken> {
    let id = expected.document_id;
    let held = index.document(id).map_err(|error| failed("reading a document", &error))?;
    let Some(held) = held else { return Err((DURABLE, format!("{id} is in the log and not in the index"))) };
    let mut expected = expected.clone();
    let chunks = meaning.chunks.get(&id);
    match (&held.status.outcome, &expected.status.outcome) {
        (Outcome::Ready, Outcome::Ready) => {
            expected.status.chunk_count = chunks.map_or(0, |chunks| chunks.chunks.len() as u32);
        }
        // Which blob was missed is said by whoever missed it.
        (Outcome::Failed(held_why), Outcome::Failed(why))
            if held_why.code == why.code && why.code == "chunks_missing" =>
        {
            expected.status.outcome = held.status.outcome.clone();
            expected.status.chunks.clone_from(&held.status.chunks);
        }
        _ => {}
    }
    if held != expected {
        return Err((RESULTS, format!("{id} is {held:?} in the index, the log says {expected:?}")));
    }
    let bare = chunks.iter().flat_map(|blob| &blob.chunks).map(|chunk| {
        let mut chunk = chunk.clone();
        (chunk.vector, chunk.sentence_vectors) = Default::default();
        chunk
    });
    let bare: Vec<_> = bare.collect();
    let found = index.chunks(id).map_err(|error| failed("reading chunks", &error))?;
    if found != bare {
        return Err((RESULTS, format!("{id} has other chunks than were stored for it")));
    }
    for chunk in &bare {
        let near =
            index.neighbours(id, chunk.ordinal, 1).map_err(|error| failed("reading chunks", &error))?;
        let beside = |other: &&enabler_storage::record::Chunk| {
            other.page == chunk.page && other.ordinal.abs_diff(chunk.ordinal) <= 1
        };
        if near != bare.iter().filter(beside).cloned().collect::<Vec<_>>() {
            return Err((RESULTS, format!("chunk {} of {id} has other neighbours", chunk.ordinal)));
        }
    }
    Ok(())
}

/// Pages of a listing, one after the other, are all documents of the tenant, newest first.
fn listings(index: &ShardIndex, meaning: &Meaning, dice: &mut Dice) -> Result<(), Broken> {
    for tenant in ["acme", "acm", "globex", "nobody"] {
        let mut expected: Vec<&DocumentRecord> =
            meaning.rows.documents.values().filter(|record| record.tenant == tenant).collect();
        expected.sort_by_key(|record| (u64::MAX - record.created_ms, record.document_id));
        let expected: Vec<DocumentId> = expected.into_iter().map(|record| record.document_id).collect();
        let (mut found, mut cursor) = (Vec::new(), None::<Vec<u8>>);
        let limit = 1 + dice.below(4) as usize;
        for _ in 0..=expected.len() {
            let page = index.documents(tenant, cursor.as_deref(), limit);
            let page = page.map_err(|error| failed("listing documents", &error))?;
            if page.documents.len() > limit {
                return Err((TENANTS, format!("a page of {limit} has {} documents", page.documents.len())));
            }
            found.extend(page.documents.iter().map(|record| record.document_id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        if found != expected || cursor.is_some() {
            return Err((TENANTS, format!("{tenant} lists {found:?}, the log says {expected:?}")));
        }
    }
    Ok(())
}

/// What an upload is compared with: the same bytes, the same key.
fn contents(index: &ShardIndex, meaning: &Meaning) -> Result<(), Broken> {
    let now_ms = BEGINS_MS + 700;
    for tenant in ["acme", "acm", "globex"] {
        for number in 0..4_u8 {
            let same = |record: &&DocumentRecord| record.tenant == tenant && record.sha256 == [number; 32];
            let all: Vec<&DocumentRecord> = meaning.rows.documents.values().filter(same).collect();
            let found = index.find_by_content(tenant, &[number; 32]);
            let found = found.map_err(|error| failed("finding by content", &error))?;
            if found != all.iter().map(|record| record.document_id).collect::<Vec<_>>() {
                return Err((ONE_EFFECT, format!("the bytes {number} of {tenant} are {found:?}")));
            }
            let usable = |record: &&&DocumentRecord| {
                record.expires_ms > now_ms && !matches!(record.status.outcome, Outcome::Failed(_))
            };
            let expected = all.iter().find(usable).map(|record| record.document_id);
            let found = index.usable_content(tenant, &[number; 32], now_ms);
            if found.map_err(|error| failed("finding by content", &error))? != expected {
                return Err((
                    ONE_EFFECT,
                    format!("an upload of {number} by {tenant} should be {expected:?}"),
                ));
            }
            let key = format!("key {number}");
            let found = index.find_by_idempotency_key(tenant, &key);
            let found = found.map_err(|error| failed("finding by key", &error))?;
            let expected = meaning.requests.get(&(tenant.to_owned(), key)).copied();
            if found != expected {
                return Err((
                    ONE_EFFECT,
                    format!("key {number} of {tenant} leads to {found:?}, not {expected:?}"),
                ));
            }
        }
    }
    Ok(())
}

fn weights(index: &ShardIndex, meaning: &Meaning, dice: &mut Dice) -> Result<(), Broken> {
    let documents = &meaning.rows.documents;
    let mut open: Vec<&DocumentRecord> = documents.values().filter(|record| record.is_unfinished()).collect();
    open.sort_by_key(|record| (record.ticket, record.document_id));
    let found = index.unfinished().map_err(|error| failed("reading what is unfinished", &error))?;
    if found.iter().collect::<Vec<_>>() != open {
        return Err((
            RESULTS,
            format!("{} documents are under way, the log says {}", found.len(), open.len()),
        ));
    }
    let counts = index.counts().map_err(|error| failed("counting", &error))?;
    let chunks: usize = meaning.chunks.values().map(|blob| blob.chunks.len()).sum();
    let expected = (documents.len() as u64, chunks as u64, open.len() as u64);
    if (counts.documents, counts.chunks, counts.unfinished) != expected {
        return Err((REPLAY, format!("an index counts {counts:?}, the log {expected:?}")));
    }
    let now_ms = BEGINS_MS + dice.below(1_200);
    let over: Vec<DocumentId> =
        documents.values().filter(|r| r.expires_ms <= now_ms).map(|r| r.document_id).collect();
    let found = index.expired(now_ms, 100).map_err(|error| failed("reading what has expired", &error))?;
    if found.iter().map(|record| record.document_id).collect::<Vec<_>>() != over {
        return Err((DELETED, format!("{} documents are over, the log says {}", found.len(), over.len())));
    }
    let since = dice.below(meaning.position.seq + 1);
    let erased: Vec<u64> = meaning.rows.tombstones.values().copied().filter(|seq| *seq > since).collect();
    let weight = index.weigh(since).map_err(|error| failed("weighing", &error))?;
    let expected = (documents.len() as u64, erased.len() as u64, erased.iter().min().copied());
    if (weight.documents, weight.erased, weight.oldest_erasure_seq) != expected {
        return Err((DELETED, format!("an index weighs {weight:?} since {since}, the log {expected:?}")));
    }
    Ok(())
}

/// Deletions leave no rows, nothing to be found, and no more memory than a place for each document.
fn emptied(index: &ShardIndex, end: &Meaning) -> Result<(), Broken> {
    let Position { seq, epoch, checksum } = end.position;
    let gone = |id: &DocumentId| Op::Deleted { document_id: *id, reason: "expired".to_owned() };
    let ops = end.rows.documents.keys().map(gone).collect();
    let (writer, nonce, wall_ms) = (1, 1, BEGINS_MS);
    let entry = Entry { shard: 0, seq: seq + 1, epoch, writer, nonce, prev: checksum, wall_ms, ops };
    let entry = entry.seal().map_err(|error| failed("sealing an entry", &error))?;
    index.apply(&entry, &Default::default()).map_err(|error| failed("applying an entry", &error))?;
    index.flush().map_err(|error| failed("making an index durable", &error))?;
    let counts = index.counts().map_err(|error| failed("counting", &error))?;
    if (counts.documents, counts.chunks, counts.unfinished) != (0, 0, 0) {
        return Err((DELETED, format!("everything is deleted, and an index counts {counts:?}")));
    }
    let held = end.rows.documents.len() + end.rows.tombstones.len();
    let bytes = index.memory_bytes();
    if bytes > 64 * (held + 1) {
        return Err((
            BOUNDED,
            format!("everything is deleted, and {bytes} bytes of {held} documents are held"),
        ));
    }
    Ok(())
}

/// What was in use when the machine stopped is not trusted; what was closed is, and says the same.
fn lost_and_found(index: ShardIndex, dir: &Path, end: &Meaning, dice: &mut Dice) -> Result<(), Broken> {
    let elsewhere = Settings { boot_id: "elsewhere".to_owned(), ..settings() };
    let opened = |settings| ShardIndex::open(dir, settings).map_err(|error| failed("opening again", &error));
    index.close().map_err(|error| failed("closing an index", &error))?;
    let again = opened(elsewhere.clone())?;
    asked(&again, end, dice)?;
    drop(again);
    let again = opened(elsewhere)?;
    asked(&again, end, dice)?;
    drop(again);
    let none = opened(settings())?;
    let position = none.position().map_err(|error| failed("reading a position", &error))?;
    if position != Position::default() {
        let text = "an index that was in use when the machine stopped is trusted".to_owned();
        return Err((DAMAGE, text));
    }
    Ok(())
}

/// A closed folder whose rows or words have changed is noticed before it is used.
fn damaged(index: ShardIndex, dir: &Path) -> Result<(), Broken> {
    index.close().map_err(|error| failed("closing an index", &error))?;
    verify_dir(dir).map_err(|error| failed("verifying a closed index", &error))?;
    // Bytes behind the last page harm no reader, and are enough to tell.
    let rows = dir.join("rows").join("data.mdb");
    if let Ok(bytes) = std::fs::read(&rows) {
        let longer = [bytes.as_slice(), &[1; 4_096]].concat();
        let _ = std::fs::write(&rows, longer);
        if verify_dir(dir).is_ok() {
            return Err((DAMAGE, "the rows of a closed index have changed, and it is used".to_owned()));
        }
        let _ = std::fs::write(&rows, bytes);
    }
    let words =
        std::fs::read_dir(dir.join("words")).into_iter().flatten().flatten().map(|entry| entry.path());
    let term = words.filter(|path| path.extension().is_some_and(|kind| kind == "term")).min();
    let Some((path, mut bytes)) = term.and_then(|path| Some((path.clone(), std::fs::read(path).ok()?)))
    else {
        return Ok(());
    };
    if let Some(byte) = bytes.first_mut() {
        *byte ^= 4;
    }
    let _ = std::fs::write(&path, bytes);
    if verify_dir(dir).is_ok() {
        return Err((DAMAGE, "a bit of the keyword index was flipped, and it is used".to_owned()));
    }
    Ok(())
}
