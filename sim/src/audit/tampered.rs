//! A log and a snapshot in which one thing is not as it was written: whoever reads them must notice, at the right place.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use enabler_storage::log::{
    self, Entry, Head, Line, LogError, Manifest, Position, SealedEntry, SnapshotRef, Spool, Start,
};
use enabler_storage::objects::{ETag, Key, Listed, Memory, Object, ObjectStore, PutOutcome, StoreError};

use super::history::{History, Meaning};
use super::{Broken, Dice, Folder, failed};
use crate::core::at_once;
use crate::core::judge::{DAMAGE, KEPT, ONE_CHAIN, REPLAY};
use crate::core::{DIMENSIONS, MODEL};

/// So small that a snapshot has several parts.
const PART_BYTES_MAX: usize = 600;

/// Draws a history and spoils copies of it.
pub(super) fn check(mut dice: Dice) -> Result<(), Broken> {
    at_once(async move { Some(all(&mut dice).await) }).unwrap_or(Ok(()))
}

async fn all(dice: &mut Dice) -> Result<(), Broken> {
    let count = 6 + dice.below(14) as usize;
    let history = History::draw(dice, count).await.map_err(|error| failed("drawing a history", &error))?;
    let whole = history.stored(count).await.map_err(|error| failed("storing a log", &error))?;
    let read = walked(Arc::new(whole), Position::default()).await;
    if read.0 != count as u64 || read.1.is_some() {
        return Err((REPLAY, format!("a sound log of {count} ends at {} ({:?})", read.0, read.1)));
    }
    growing(&history, dice).await?;
    for spoil in SPOILS {
        spoiled(&history, spoil, dice).await?;
    }
    below_the_floor(&history, dice).await?;
    snapshots(&history.end(), dice).await
}

/// A log to which entries are appended right behind the reader's question whether there is a next one.
#[derive(Debug)]
struct Growing {
    store: Memory,
    later: Mutex<Vec<SealedEntry>>,
}

#[async_trait]
impl ObjectStore for Growing {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        self.store.put_new(key, bytes).await
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        self.store.put_if(key, etag, bytes).await
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        self.store.put_file_new(key, file).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        let found = self.store.get(key).await?;
        if found.is_none() {
            let later = std::mem::take(&mut *self.later.lock().unwrap_or_else(PoisonError::into_inner));
            for entry in &later {
                let _ = log::put_entry(&self.store, entry).await;
            }
        }
        Ok(found)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        self.store.get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<enabler_storage::objects::Head>, StoreError> {
        self.store.head(key).await
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.store.list_after(prefix, after, limit).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.store.delete(key).await
    }
}

/// A log that grows between two requests of its reader is whole: it neither ends early nor has a gap.
async fn growing(history: &History, dice: &mut Dice) -> Result<(), Broken> {
    let count = history.entries.len();
    // One entry alone that comes behind the question is the business of the next one.
    let from = dice.below(count as u64 - 1) as usize;
    let store = history.stored(from).await.map_err(|error| failed("storing a log", &error))?;
    let later = Mutex::new(history.entries.get(from..).unwrap_or_default().to_vec());
    let (seq, error) = walked(Arc::new(Growing { store, later }), Position::default()).await;
    if let Some(error) = error {
        return Err((
            REPLAY,
            format!("a sound log of {count} entries that grew behind entry {from} is refused: {error}"),
        ));
    }
    if seq != count as u64 {
        return Err((
            REPLAY,
            format!("a log of {count} entries that grew behind entry {from} ends at {seq}"),
        ));
    }
    Ok(())
}

/// Follows a log as far as it goes, and says how it ended.
async fn walked(store: Arc<dyn ObjectStore>, from: Position) -> (u64, Option<LogError>) {
    let mut replay = log::replay(store, 0, from);
    loop {
        match replay.next().await {
            Ok(Some(_)) => {}
            Ok(None) => return (replay.position().seq, None),
            Err(error) => return (replay.position().seq, Some(error)),
        }
    }
}

/// What may be wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoil {
    /// It names another entry as the one before.
    OtherBefore,
    /// It is of an epoch that was over.
    EarlierEpoch,
    /// It is not there, and later ones are.
    Missing,
    /// The next one stands in its place.
    OtherPlace,
    /// It is one of another shard.
    OtherShard,
    /// A bit of it is flipped.
    Flipped,
    /// It says something else than the one that the next one follows.
    OtherContent,
    /// Its end is missing.
    Short,
}

const SPOILS: [Spoil; 8] = [
    Spoil::OtherBefore,
    Spoil::EarlierEpoch,
    Spoil::Missing,
    Spoil::OtherPlace,
    Spoil::OtherShard,
    Spoil::Flipped,
    Spoil::OtherContent,
    Spoil::Short,
];

async fn spoiled(history: &History, spoil: Spoil, dice: &mut Dice) -> Result<(), Broken> {
    let count = history.entries.len();
    // One with an entry before it and one behind it.
    let at = 1 + dice.below(count as u64 - 2) as usize;
    let Some(sound) = history.entries.get(at) else { return Ok(()) };
    let sealed = |entry: Entry| entry.seal().map(|sealed| sealed.bytes).unwrap_or_default();
    let flipped = |bit: usize| {
        let mut bytes = sound.bytes.to_vec();
        let length = bytes.len();
        if let Some(byte) = bytes.get_mut(bit / 8 % length) {
            *byte ^= 1 << (bit % 8);
        }
        Bytes::from(bytes)
    };
    let entry = &sound.entry;
    let bytes = match spoil {
        Spoil::OtherBefore => Some(sealed(Entry { prev: entry.prev ^ 1, ..entry.clone() })),
        Spoil::EarlierEpoch => Some(sealed(Entry { epoch: 0, ..entry.clone() })),
        Spoil::Missing => None,
        Spoil::OtherPlace => history.entries.get(at + 1).map(|next| next.bytes.clone()),
        Spoil::OtherShard => Some(sealed(Entry { shard: 1, ..entry.clone() })),
        Spoil::Flipped => Some(flipped(dice.below(1 << 20) as usize)),
        Spoil::OtherContent => Some(sealed(Entry { nonce: entry.nonce ^ 1, ..entry.clone() })),
        Spoil::Short => Some(sound.bytes.slice(..sound.bytes.len() - 1)),
    };
    let store = history.stored(count).await.map_err(|error| failed("storing a log", &error))?;
    let key = log::entry_key(0, entry.seq).map_err(|error| failed("naming an entry", &error))?;
    store.delete(&key).await.map_err(|error| failed("spoiling a log", &error))?;
    if let Some(bytes) = bytes {
        let _ = store.put_new(&key, bytes).await;
    }
    // What was put in place of the entry is itself sound; the one behind it shows that it is another.
    let last_good = if spoil == Spoil::OtherContent { entry.seq } else { entry.seq - 1 };
    let (end, error) = walked(Arc::new(store), Position::default()).await;
    if error.is_some() && end == last_good {
        return Ok(());
    }
    let promise = if matches!(spoil, Spoil::Flipped | Spoil::Short) { DAMAGE } else { ONE_CHAIN };
    Err((
        promise,
        format!("entry {} is spoiled ({spoil:?}), and the log is read to {end} ({error:?})", entry.seq),
    ))
}

/// Whoever is behind the floor is told so and where to begin; whoever is above it goes on.
async fn below_the_floor(history: &History, dice: &mut Dice) -> Result<(), Broken> {
    let count = history.entries.len();
    let store = history.stored(count).await.map_err(|error| failed("storing a log", &error))?;
    let floor = 2 + dice.below(count as u64 - 2);
    let Some(meaning) = history.meanings.get(floor as usize) else { return Ok(()) };
    let snapshot = SnapshotRef { position: meaning.position, parts: Vec::new() };
    let manifest = Manifest { floor_seq: floor, snapshot: Some(snapshot.clone()), ..Manifest::unowned(0) };
    let _ = log::create_manifest(&store, &manifest).await;
    for seq in 1..floor {
        let key = log::entry_key(0, seq).map_err(|error| failed("naming an entry", &error))?;
        store.delete(&key).await.map_err(|error| failed("shortening a log", &error))?;
    }
    let store = Arc::new(store);
    let start = log::shard_start(&*store, 0).await.map_err(|error| failed("finding the start", &error))?;
    if start != Start::FromSnapshot(snapshot.clone()) {
        return Err((KEPT, format!("a log with the floor {floor} begins {start:?}")));
    }
    let from_nothing = walked(store.clone(), Position::default()).await;
    if !matches!(from_nothing, (0, Some(LogError::BelowFloor { floor: told, .. })) if told == floor) {
        return Err((KEPT, format!("a log with the floor {floor} is read from nothing: {from_nothing:?}")));
    }
    let above = walked(store, snapshot.position).await;
    if above.0 != count as u64 || above.1.is_some() {
        return Err((KEPT, format!("behind the floor {floor} a log of {count} ends at {above:?}")));
    }
    Ok(())
}

/// A snapshot gives back every line of its documents, and is refused when one of its parts is not what it was.
async fn snapshots(meaning: &Meaning, dice: &mut Dice) -> Result<(), Broken> {
    let Some(folder) = Folder::new() else { return Ok(()) };
    let head = Head { position: meaning.position, dimensions: DIMENSIONS as u32, model_id: MODEL.to_owned() };
    let lines: Vec<Line> = meaning.rows.lines().collect();
    let spooled = (|| {
        let mut spool = Spool::create(folder.0.join("spool"), head.clone(), PART_BYTES_MAX)?;
        lines.iter().try_for_each(|line| spool.push(line))?;
        spool.finish()
    })();
    let spooled = spooled.map_err(|error: LogError| failed("spooling a snapshot", &error))?;
    let store = Arc::new(Memory::new());
    let snapshot = log::write_snapshot(&*store, 0, 3, &spooled).await;
    let snapshot = snapshot.map_err(|error| failed("writing a snapshot", &error))?;
    let again = log::write_snapshot(&*store, 0, 3, &spooled).await;
    if again.ok().as_ref() != Some(&snapshot) {
        return Err((REPLAY, "a snapshot that is written again is another one".to_owned()));
    }
    match read(&store, &snapshot).await {
        Ok((heads, found)) if found == lines && heads.iter().all(|found| *found == head) => {}
        Ok((_, found)) => {
            let text = format!("a snapshot of {} lines gives {} or others back", lines.len(), found.len());
            return Err((REPLAY, text));
        }
        Err(error) => return Err(failed("reading a snapshot", &error)),
    }
    let at = dice.below(snapshot.parts.len() as u64) as usize;
    let mut wrong = Vec::new();
    wrong.push(("lacks a part", SnapshotRef { parts: without(&snapshot.parts, at), ..snapshot.clone() }));
    let position = Position { seq: snapshot.position.seq + 1, ..snapshot.position };
    wrong.push(("stands for another entry", SnapshotRef { position, ..snapshot.clone() }));
    if snapshot.parts.len() > 1 {
        let mut parts = snapshot.parts.clone();
        parts.rotate_left(1);
        wrong.push(("has its parts in another order", SnapshotRef { parts, ..snapshot.clone() }));
    }
    for (how, snapshot) in wrong {
        if read(&store, &snapshot).await.is_ok() {
            return Err((DAMAGE, format!("a snapshot that {how} is read")));
        }
    }
    let Some(part) = snapshot.parts.get(at) else { return Ok(()) };
    if let Ok(key) = Key::new(part.key.as_str()) {
        store.flip(&key, dice.below(1 << 20) as usize);
        if read(&store, &snapshot).await.is_ok() {
            return Err((DAMAGE, "a snapshot with a flipped bit is read".to_owned()));
        }
        let other = log::write_snapshot(&*store, 0, 3, &spooled).await;
        if other.is_ok() {
            return Err((DAMAGE, "a snapshot counts as written where other bytes stand".to_owned()));
        }
    }
    Ok(())
}

fn without<T: Clone>(all: &[T], at: usize) -> Vec<T> {
    all.iter().enumerate().filter(|(number, _)| *number != at).map(|(_, one)| one.clone()).collect()
}

async fn read(store: &Arc<Memory>, snapshot: &SnapshotRef) -> Result<(Vec<Head>, Vec<Line>), LogError> {
    let mut reader = log::read_snapshot(store.clone(), 0, snapshot);
    let (mut heads, mut lines) = (Vec::new(), Vec::new());
    while let Some(part) = reader.next().await? {
        heads.push(part.head);
        lines.extend(part.lines);
    }
    Ok((heads, lines))
}
