//! The object store of a run: one bucket that keeps its conditions. What happens on the way to it is in `road`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use enabler_storage::objects::{ETag, Head, Key, LIST_LIMIT_MAX, Listed, Object, PutOutcome};

use crate::book::{Book, Event, Kind};
use crate::chain::{Chains, Place, place_of};
use crate::dice::Dice;

/// The time of day at the beginning of every run: 2026-01-01.
pub(crate) const BEGAN_MS: u64 = 1_767_225_600_000;

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
    /// Nothing is wrong with it: a generation that has ended keeps what was asked of it.
    KeepsQuestions,
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
    pub(crate) book: Arc<Book>,
    pub(crate) dice: Arc<Dice>,
    pub(crate) plant: Plant,
    /// What its log objects say.
    pub(crate) chains: Chains,
}

/// What a request does when it arrives.
pub(crate) enum Deed {
    PutNew(Key, Bytes),
    PutIf(Key, ETag, Bytes),
    Get(Key),
    Head(Key),
    List { prefix: String, after: Option<Key>, limit: usize },
    Delete(Key),
}

/// What the bucket says.
pub(crate) enum Said {
    Put(PutOutcome),
    Object(Option<Object>),
    Head(Option<Head>),
    List(Vec<Listed>),
    Deleted,
}

impl Deed {
    /// What is asked, for the book.
    pub(crate) fn words(&self) -> String {
        match self {
            Deed::PutNew(key, _) => format!("put new {key}"),
            Deed::PutIf(key, ..) => format!("put if {key}"),
            Deed::Get(key) => format!("get {key}"),
            Deed::Head(key) => format!("head {key}"),
            Deed::List { prefix, .. } => format!("list {prefix}"),
            Deed::Delete(key) => format!("delete {key}"),
        }
    }

    pub(crate) fn changes(&self) -> bool {
        matches!(self, Deed::PutNew(..) | Deed::PutIf(..) | Deed::Delete(_))
    }
}

impl Bucket {
    pub(crate) fn new(book: Arc<Book>, dice: Arc<Dice>, plant: Plant) -> Arc<Self> {
        let (objects, weather) = (Mutex::default(), Mutex::default());
        Arc::new(Bucket { objects, weather, book, dice, plant, chains: Chains::default() })
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
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
                self.book.write(Event {
                    kind: Kind::Applied,
                    who: "store".to_owned(),
                    what: format!("{name} by {node}: {said}"),
                    shard: Some(shard),
                    epoch: Some(epoch),
                    ..Event::default()
                });
            }
            Err(broken) => self.book.violated(broken),
        }
    }

    /// Does what is asked, at once.
    pub(crate) fn answer(&self, node: &str, deed: Deed) -> Said {
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
