//! The object store of a run: one bucket that keeps its conditions, behind a road on which requests and answers are
//! slow, lost, late or cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_storage::objects::{
    ETag, Head, Key, LIST_LIMIT_MAX, Listed, Object, ObjectStore, PutOutcome, StoreError,
};
use tokio::sync::oneshot;

use crate::book::Book;
use crate::chain::{Chains, Place, place_of};
use crate::dice::Dice;
use crate::gate::Gate;

/// The time of day at the beginning of every run: 2026-01-01.
pub(crate) const BEGAN_MS: u64 = 1_767_225_600_000;
/// How long a client of a bucket waits before it calls a request lost.
const GIVE_UP_MS: (u64, u64) = (500, 4_000);

#[derive(Default)]
struct Objects {
    by_key: BTreeMap<Key, (Bytes, u64, u64)>,
    next_version: u64,
}

/// What can be wrong with the store itself, which no product withstands: the checker must find each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plant {
    /// Nothing.
    None,
    /// It replaces log entries that it should refuse to create again.
    ForgetsConditions,
    /// It acknowledges some log entries and keeps them not.
    LosesEntries,
    /// It says for some seconds of log entries that they are not there.
    ReadsLate,
    /// It is never there again after the first trouble.
    StaysOut,
}

/// How long a store that reads late hides an entry.
const LATE_MS: u64 = 4_000;

/// What is wrong with the road at present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Nobody reaches the bucket.
    pub(crate) is_out: bool,
    /// These nodes do not.
    pub(crate) cut_off: BTreeSet<String>,
    /// Requests and answers are lost, and arrive late, at the rates of a bad day.
    pub(crate) is_rough: bool,
}

/// The bucket.
pub(crate) struct Bucket {
    objects: Mutex<Objects>,
    weather: Mutex<Weather>,
    book: Arc<Book>,
    dice: Arc<Dice>,
    plant: Plant,
    /// What its log objects say.
    pub(crate) chains: Chains,
}

/// What a request does when it arrives.
enum Deed {
    PutNew(Key, Bytes),
    PutIf(Key, ETag, Bytes),
    Get(Key),
    Head(Key),
    List { prefix: String, after: Option<Key>, limit: usize },
    Delete(Key),
}

/// What the bucket says.
enum Said {
    Put(PutOutcome),
    Object(Option<Object>),
    Head(Option<Head>),
    List(Vec<Listed>),
    Deleted,
}

/// What becomes of a request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    /// It never arrives.
    Lost,
    /// It is done, and nobody hears of it.
    AnswerLost,
    /// It is given up, and done this much later.
    Late(u64),
}

impl Deed {
    /// What is asked, for the book.
    fn words(&self) -> String {
        match self {
            Deed::PutNew(key, _) => format!("put new {key}"),
            Deed::PutIf(key, ..) => format!("put if {key}"),
            Deed::Get(key) => format!("get {key}"),
            Deed::Head(key) => format!("head {key}"),
            Deed::List { prefix, .. } => format!("list {prefix}"),
            Deed::Delete(key) => format!("delete {key}"),
        }
    }

    fn changes(&self) -> bool {
        matches!(self, Deed::PutNew(..) | Deed::PutIf(..) | Deed::Delete(_))
    }
}

impl Bucket {
    pub(crate) fn new(book: Arc<Book>, dice: Arc<Dice>, plant: Plant) -> Arc<Self> {
        let (objects, weather) = (Mutex::default(), Mutex::default());
        Arc::new(Bucket { objects, weather, book, dice, plant, chains: Chains::default() })
    }

    /// The bucket as the generation behind `gate` reaches it.
    pub(crate) fn road(self: &Arc<Self>, gate: Gate) -> Arc<dyn ObjectStore> {
        Arc::new(Road { bucket: self.clone(), gate })
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The book that everything of it is written into.
    pub(crate) fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// The last fault is over.
    pub(crate) fn clear(&self) {
        self.weather(|weather| {
            *weather = Weather { is_out: self.plant == Plant::StaysOut, ..Weather::default() }
        });
    }

    /// Changes the weather.
    pub(crate) fn weather<T>(&self, change: impl FnOnce(&mut Weather) -> T) -> T {
        change(&mut self.weather.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// An object as it is, over no road.
    pub(crate) fn look(&self, key: &Key) -> Option<Bytes> {
        self.objects().by_key.get(key).map(|(bytes, ..)| bytes.clone())
    }

    /// Whether a store that reads late hides it still.
    fn is_hidden(&self, key: &Key, put_ms: u64) -> bool {
        let is_entry = matches!(place_of(key), Some(Place::Entry(..)));
        is_entry && self.plant == Plant::ReadsLate && self.now_ms() < put_ms + LATE_MS
    }

    fn now_ms(&self) -> u64 {
        BEGAN_MS + self.book.now_ms()
    }

    fn fate(&self, node: &str, deed: &Deed) -> Fate {
        let weather = self.weather(|weather| weather.clone());
        if weather.is_out || weather.cut_off.contains(node) {
            return Fate::Lost;
        }
        if !weather.is_rough {
            return Fate::Arrives;
        }
        let label = format!("fate {node}");
        match self.dice.draw(&label) % 1_000 {
            0..20 => Fate::Lost,
            20..60 => Fate::AnswerLost,
            60..70 if deed.changes() => Fate::Late(self.dice.between(&label, 200, 8_000)),
            _ => Fate::Arrives,
        }
    }

    /// One way of a request, in milliseconds.
    fn way_ms(&self, node: &str) -> u64 {
        let label = format!("way {node}");
        let is_rough = self.weather(|weather| weather.is_rough);
        match self.dice.draw(&label) % 1_000 {
            0..30 if is_rough => self.dice.between(&label, 200, 1_500),
            _ => self.dice.between(&label, 2, 15),
        }
    }

    fn put(&self, node: &str, key: &Key, bytes: Bytes, expected: Option<&ETag>) -> PutOutcome {
        let is_entry = matches!(place_of(key), Some(Place::Entry(..)));
        let mut objects = self.objects();
        let held = objects.by_key.get(key).map(|(_, version, _)| ETag(version.to_string()));
        match (expected, &held) {
            (None, Some(_)) if is_entry && self.plant == Plant::ForgetsConditions => {}
            (None, Some(_)) => return PutOutcome::Exists,
            (Some(expected), held) if held.as_ref() != Some(expected) => return PutOutcome::Changed,
            _ => {}
        }
        objects.next_version += 1;
        let version = objects.next_version;
        if is_entry && self.plant == Plant::LosesEntries && self.dice.chance("loses", 50) {
            return PutOutcome::Done(ETag(version.to_string()));
        }
        objects.by_key.insert(key.clone(), (bytes.clone(), version, self.now_ms()));
        drop(objects);
        self.read(node, key, &bytes);
        PutOutcome::Done(ETag(version.to_string()))
    }

    /// Reads what was just put, if it is a shard's.
    fn read(&self, node: &str, key: &Key, bytes: &Bytes) {
        let Some(place) = place_of(key) else { return };
        let shard = match place {
            Place::Manifest(shard) | Place::Entry(shard, _) | Place::Other(shard) => shard,
        };
        match self.chains.take(place, bytes) {
            Ok((epoch, said)) => {
                if matches!(place, Place::Manifest(_)) && epoch > 1 {
                    let is_own = said == format!("owner {node}");
                    let what = if is_own { "a shard was taken over" } else { "a shard was handed over" };
                    self.book.sometimes(what);
                }
                let name = key.as_str().rsplit('/').next().unwrap_or_default();
                let name = name.trim_start_matches('0');
                self.book.note_of("store", format!("{name} by {node}: {said}"), Some(shard), Some(epoch));
            }
            Err(broken) => self.book.violated(broken),
        }
    }

    fn answer(&self, node: &str, deed: Deed) -> Said {
        match deed {
            Deed::PutNew(key, bytes) => Said::Put(self.put(node, &key, bytes, None)),
            Deed::PutIf(key, etag, bytes) => Said::Put(self.put(node, &key, bytes, Some(&etag))),
            Deed::Get(key) => {
                let object = |(bytes, version, _): &(Bytes, u64, u64)| Object {
                    bytes: bytes.clone(),
                    etag: ETag(version.to_string()),
                };
                let objects = self.objects();
                let found = objects.by_key.get(&key).filter(|(_, _, put_ms)| !self.is_hidden(&key, *put_ms));
                Said::Object(found.map(object))
            }
            Deed::Head(key) => {
                let head = |(bytes, version, modified_ms): &(Bytes, u64, u64)| Head {
                    size_bytes: bytes.len() as u64,
                    etag: Some(ETag(version.to_string())),
                    modified_ms: *modified_ms,
                };
                let objects = self.objects();
                let found = objects.by_key.get(&key).filter(|(_, _, put_ms)| !self.is_hidden(&key, *put_ms));
                Said::Head(found.map(head))
            }
            Deed::List { prefix, after, limit } => {
                let objects = self.objects();
                let is_wanted = |key: &Key| {
                    key.as_str().starts_with(&prefix) && after.as_ref().is_none_or(|after| key > after)
                };
                let found = objects.by_key.iter().filter(|(key, _)| is_wanted(key));
                let listed = found
                    .map(|(key, (bytes, ..))| Listed { key: key.clone(), size_bytes: bytes.len() as u64 });
                Said::List(listed.take(limit.min(LIST_LIMIT_MAX)).collect())
            }
            Deed::Delete(key) => {
                self.objects().by_key.remove(&key);
                Said::Deleted
            }
        }
    }
}

/// The way of one generation to the bucket.
struct Road {
    bucket: Arc<Bucket>,
    gate: Gate,
}

impl std::fmt::Debug for Road {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Road({})", self.gate.id)
    }
}

fn unreachable(what: &str) -> StoreError {
    StoreError::Unreachable { what: what.to_owned() }
}

async fn wait(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

impl Road {
    /// Sends a request: once it is on its way it goes on, whatever becomes of the node.
    async fn send(&self, deed: Deed) -> Result<Said, StoreError> {
        self.gate.pass().await;
        let (bucket, node, words) = (self.bucket.clone(), self.gate.id.name.clone(), deed.words());
        let fate = bucket.fate(&node, &deed);
        let (there_ms, back_ms) = (bucket.way_ms(&node), bucket.way_ms(&node));
        let give_up_ms = bucket.dice.between(&format!("give up {node}"), GIVE_UP_MS.0, GIVE_UP_MS.1);
        if fate != Fate::Arrives {
            bucket.book.note(&node, format!("{words}: {fate:?}"));
        }
        let (answer, answered) = oneshot::channel();
        if fate != Fate::Lost {
            tokio::spawn(async move {
                wait(if let Fate::Late(ms) = fate { give_up_ms + ms } else { there_ms }).await;
                let changes = deed.changes();
                let said = bucket.answer(&node, deed);
                let is_refused = matches!(said, Said::Put(PutOutcome::Exists | PutOutcome::Changed));
                let how = if is_refused { "refused" } else { "done" };
                bucket.book.note("store", format!("{words} of {node}: {how}"));
                if fate != Fate::Arrives && changes && !is_refused {
                    bucket.book.sometimes("a write was applied and its answer lost");
                }
                if fate == Fate::Arrives {
                    wait(back_ms).await;
                    let _ = answer.send(said);
                }
            });
        }
        let said = match fate {
            Fate::Arrives => answered.await.map_err(|_| unreachable("the run is over")),
            _ => {
                wait(give_up_ms).await;
                Err(unreachable("no answer (drawn)"))
            }
        };
        self.gate.pass().await;
        said
    }

    async fn put(&self, deed: Deed) -> PutOutcome {
        match self.send(deed).await {
            Ok(Said::Put(outcome)) => outcome,
            Ok(_) => PutOutcome::Unknown(unreachable("an answer to another question")),
            Err(error) => PutOutcome::Unknown(error),
        }
    }
}

#[async_trait]
impl ObjectStore for Road {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        self.put(Deed::PutNew(key.clone(), bytes)).await
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        self.put(Deed::PutIf(key.clone(), etag.clone(), bytes)).await
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        match tokio::fs::read(file).await {
            Ok(bytes) => self.put_new(key, bytes.into()).await,
            Err(error) => PutOutcome::Unknown(StoreError::Io {
                doing: "reading",
                path: file.to_path_buf(),
                source: Arc::new(error),
            }),
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        match self.send(Deed::Get(key.clone())).await? {
            Said::Object(found) => Ok(found),
            _ => Err(unreachable("an answer to another question")),
        }
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let Some(object) = self.get(key).await? else { return Ok(None) };
        let size_bytes = object.bytes.len() as u64;
        let (from, to) = (usize::try_from(range.start), usize::try_from(range.end));
        match (from, to) {
            (Ok(from), Ok(to)) if from <= to && range.end <= size_bytes => {
                Ok(Some(object.bytes.slice(from..to)))
            }
            _ => Err(StoreError::Range { key: key.clone(), start: range.start, end: range.end, size_bytes }),
        }
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        match self.send(Deed::Head(key.clone())).await? {
            Said::Head(found) => Ok(found),
            _ => Err(unreachable("an answer to another question")),
        }
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let deed = Deed::List { prefix: prefix.to_owned(), after: after.cloned(), limit };
        match self.send(deed).await? {
            Said::List(found) => Ok(found),
            _ => Err(unreachable("an answer to another question")),
        }
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        match self.send(Deed::Delete(key.clone())).await? {
            Said::Deleted => Ok(()),
            _ => Err(unreachable("an answer to another question")),
        }
    }
}
