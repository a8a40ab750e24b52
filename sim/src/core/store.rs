//! The object store of a simulated run: conditional writes that can be slow, lost, answered and not heard, or applied late.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_storage::codec::{self, Rest};
use enabler_storage::log::{self, Manifest};
use enabler_storage::objects::{
    ETag, Head, Key, LIST_LIMIT_MAX, Listed, Object, ObjectStore, PutOutcome, StoreError,
};
use enabler_storage::plant;
use serde::{Deserialize, Serialize};

use super::judge::Judge;
use crate::chance::Stream;
use crate::engine::{Engine, Slot, WORLD};
use crate::trace::{Fate, Lane, What};

/// Unix time of the store at the start of a run: 2026-01-01.
pub(crate) const BASE_MS: u64 = 1_767_225_600_000;

/// How long a client of the store waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Readings of one object that are damaged on their way to one node before one is whole.
const FLIPS_MAX: u32 = 2;

/// How often the store misbehaves, per thousand requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rates {
    /// The request never arrives.
    pub lost: u64,
    /// It is done, and the answer never comes.
    pub answer_lost: u64,
    /// It is refused with a server error before anything is done.
    pub refused: u64,
    /// It is done long after its sender has given up.
    pub late: u64,
    /// It is done twice by a client that repeats it behind the caller's back: the second answer is the one that is heard.
    pub repeated: u64,
    /// It takes seconds.
    pub slow: u64,
    /// A bit of what is read is flipped on the way.
    pub flipped: u64,
    /// The condition of a write is ignored.
    pub careless: u64,
    /// The longest usual way there or back, in milliseconds.
    pub way_ms: u64,
}

/// How a part of the world cannot reach the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Requests are refused at once.
    Refuses,
    /// Nothing is heard.
    Silent,
}

#[derive(Debug)]
struct Stored {
    bytes: Bytes,
    version: u64,
    modified_ms: u64,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<Key, Stored>,
    next_version: u64,
    /// By node; 0 stands for all.
    outages: BTreeMap<u8, Outage>,
    /// How often in a row a node has read an object with a flipped bit.
    flips: BTreeMap<(u8, String), u32>,
}

/// The store itself.
pub struct Store {
    engine: Engine,
    rates: Mutex<Rates>,
    state: Mutex<State>,
    judge: Arc<Judge>,
}

/// What a request asks.
#[derive(Debug, Clone)]
enum Ask {
    New(Key, Bytes),
    If(Key, ETag, Bytes),
    Get(Key),
    Head(Key),
    List(String, Option<Key>, usize),
    Delete(Key),
}

/// What the store answers.
#[derive(Debug)]
enum Told {
    Put(ETag),
    Exists,
    Changed,
    Object(Option<(Bytes, u64, u64)>),
    Listed(Vec<Listed>),
    Deleted,
    /// A server error; nothing was done.
    Refused,
}

impl Store {
    /// An empty store that `judge` watches.
    #[must_use]
    pub fn new(engine: Engine, rates: Rates, judge: Arc<Judge>) -> Self {
        Store { engine, rates: Mutex::new(rates), state: Mutex::default(), judge }
    }

    /// What a newer version has left behind: manifests with fields that this one does not know, of every other run.
    pub fn begin(&self, shards: u32, seed: u64) {
        for shard in (0..shards).filter(|_| seed.is_multiple_of(2)) {
            let rest = Rest::from(&b"added later"[..]);
            let manifest = Manifest { rest, ..Manifest::unowned(shard) };
            let bytes = codec::encode(codec::Kind::Manifest, &manifest);
            if let (Ok(key), Ok(bytes)) = (log::manifest_key(shard), bytes) {
                self.apply(&Ask::New(key, bytes.into()), false, 0);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rates(&self) -> Rates {
        *self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what `node` reads of an object may be damaged on its way: never so often in a row that it counts as lost.
    fn may_flip(&self, node: u8, key: &str) -> bool {
        let mut state = self.state();
        let count = state.flips.entry((node, key.to_owned())).or_insert(0);
        *count = (*count + 1) % (FLIPS_MAX + 1);
        *count > 0
    }

    /// From now on nothing misbehaves by chance, and everybody reaches the store.
    pub fn heal(&self) {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        *rates = Rates { way_ms: rates.way_ms, ..Rates::default() };
        drop(rates);
        self.state().outages.clear();
    }

    /// Cuts `node` off, or everybody (0); `None` ends that.
    pub fn set_outage(&self, node: u8, outage: Option<Outage>) {
        let mut state = self.state();
        match outage {
            Some(outage) => state.outages.insert(node, outage),
            None => state.outages.remove(&node),
        };
    }

    fn outage(&self, node: u8) -> Option<Outage> {
        let state = self.state();
        state.outages.get(&0).or_else(|| state.outages.get(&node)).copied()
    }

    /// The object as it stands, for whoever judges.
    #[must_use]
    pub fn peek(&self, key: &Key) -> Option<Bytes> {
        self.state().objects.get(key).map(|stored| stored.bytes.clone())
    }

    /// All keys under `prefix`, for whoever judges.
    #[must_use]
    pub fn keys(&self, prefix: &str) -> Vec<Key> {
        self.state().objects.keys().filter(|key| key.as_str().starts_with(prefix)).cloned().collect()
    }

    /// All objects, for whoever audits.
    #[must_use]
    pub fn objects(&self) -> Vec<(Key, Bytes)> {
        self.state().objects.iter().map(|(key, stored)| (key.clone(), stored.bytes.clone())).collect()
    }

    /// Flips a bit of the object that stands under the `nth` key, counted round; says which.
    pub fn damage(&self, nth: usize, bit: usize) -> Option<Key> {
        let mut state = self.state();
        let count = state.objects.len().max(1);
        let key = state.objects.keys().nth(nth % count).cloned()?;
        let stored = state.objects.get_mut(&key)?;
        stored.bytes = flipped(&stored.bytes, bit);
        Some(key)
    }

    fn now_ms(&self) -> u64 {
        BASE_MS + self.engine.now_ms()
    }

    /// Does what is asked, at this moment.
    fn apply(&self, ask: &Ask, careless: bool, by: u8) -> Told {
        let now_ms = self.now_ms();
        let mut state = self.state();
        match ask {
            Ask::New(key, bytes) => {
                let careless = careless || plant::here("store-ignores-if-absent");
                if state.objects.contains_key(key) && !careless {
                    return Told::Exists;
                }
                let version = put(&mut state, key, bytes, now_ms);
                drop(state);
                self.judge.stored(self, key, bytes, by);
                Told::Put(tag(version))
            }
            Ask::If(key, etag, bytes) => {
                let held = state.objects.get(key).map(|stored| tag(stored.version));
                let careless = careless || plant::here("store-ignores-if-match");
                if held.as_ref() != Some(etag) && !careless {
                    return Told::Changed;
                }
                let version = put(&mut state, key, bytes, now_ms);
                drop(state);
                self.judge.stored(self, key, bytes, by);
                Told::Put(tag(version))
            }
            Ask::Get(key) | Ask::Head(key) => {
                let is_late = |stored: &&Stored| {
                    plant::here("store-shows-writes-late") && stored.modified_ms + 1_500 > now_ms
                };
                let found = state.objects.get(key).filter(|stored| !is_late(stored));
                Told::Object(found.map(|stored| (stored.bytes.clone(), stored.version, stored.modified_ms)))
            }
            Ask::List(prefix, after, limit) => {
                let start = Key::new(prefix.trim_end_matches('/')).ok();
                let from = after.clone().or(start);
                let range = match from {
                    Some(from) => state.objects.range(from..),
                    None => state.objects.range::<Key, _>(..),
                };
                let wanted = |key: &Key| after.as_ref().is_none_or(|after| key > after);
                let listed = range
                    .skip_while(|(key, _)| !key.as_str().starts_with(prefix.as_str()))
                    .take_while(|(key, _)| key.as_str().starts_with(prefix.as_str()))
                    .filter(|(key, _)| wanted(key))
                    .map(|(key, stored)| Listed { key: key.clone(), size_bytes: stored.bytes.len() as u64 });
                Told::Listed(listed.take((*limit).min(LIST_LIMIT_MAX)).collect())
            }
            Ask::Delete(key) => {
                let removed = state.objects.remove(key);
                drop(state);
                if let Some(removed) = removed {
                    self.judge.removed(key, removed.modified_ms, now_ms);
                }
                Told::Deleted
            }
        }
    }
}

fn put(state: &mut State, key: &Key, bytes: &Bytes, now_ms: u64) -> u64 {
    state.next_version += 1;
    let version = state.next_version;
    state.objects.insert(key.clone(), Stored { bytes: bytes.clone(), version, modified_ms: now_ms });
    version
}

fn tag(version: u64) -> ETag {
    ETag(version.to_string())
}

fn flipped(bytes: &Bytes, bit: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    let length = bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(bit / 8 % length) {
        *byte ^= 1 << (bit % 8);
    }
    bytes.into()
}

fn unreachable() -> StoreError {
    StoreError::Unreachable { what: "no answer".to_owned() }
}

/// The store as one node reaches it.
#[derive(Clone)]
pub(super) struct Door {
    store: Arc<Store>,
    node: u8,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the store as n{} reaches it", self.node)
    }
}

/// Streams of a node's requests: one kind of choice each.
const WAY: u16 = 10;
const FATE: u16 = 11;
const BIT: u16 = 12;

impl Door {
    /// The door of `node`.
    #[must_use]
    pub(super) fn new(store: Arc<Store>, node: u8) -> Self {
        Door { store, node }
    }

    /// Sends a request and waits for what becomes of it; `None` if nobody knows.
    async fn ask(&self, ask: Ask, what: &'static str, key: &str) -> Option<Told> {
        let (store, node) = (self.store.clone(), u16::from(self.node));
        let engine = store.engine.clone();
        let rates = store.rates();
        let is_write = matches!(ask, Ask::New(..) | Ask::If(..) | Ask::Delete(_));
        let mut out = 1 + engine.draw(Stream(WAY, node), rates.way_ms.max(1));
        let back = 1 + engine.draw(Stream(WAY, node), rates.way_ms.max(1));
        let fate = fate(&engine, node, &rates, is_write);
        match fate {
            Trick::Slow => out += 300 + engine.draw(Stream(WAY, node), 2_200),
            Trick::Late => out += 3_000 + engine.draw(Stream(WAY, node), 8_000),
            _ => {}
        }
        let shown = match fate {
            Trick::Lost => Fate::Lost,
            Trick::Late => Fate::Late,
            Trick::Repeated => Fate::Twice,
            _ => Fate::Arrives,
        };
        let arrives_ms = engine.now_ms() + out;
        let sent = engine.event(What::Send { to: Lane::Store, arrives_ms, fate: shown }, None, None, || {
            format!("{what} {key}")
        });
        let (fill, slot) = Slot::pair();
        let key = key.to_owned();
        let lane = Lane::Node(self.node);
        let number = self.node;
        let world = engine.clone();
        engine.spawn(WORLD, Lane::Store, async move {
            world.follow(Some(sent));
            if fate == Trick::Lost {
                return;
            }
            world.sleep(Duration::from_millis(out)).await;
            match store.outage(number) {
                Some(Outage::Refuses) => {
                    fill.with((Told::Refused, world.last_event()));
                    return;
                }
                Some(Outage::Silent) => return,
                None => {}
            }
            if fate == Trick::Refused {
                fill.with((Told::Refused, world.last_event()));
                return;
            }
            let mut told = store.apply(&ask, fate == Trick::Careless, number);
            if fate == Trick::Repeated {
                told = store.apply(&ask, false, number);
            }
            let flips = fate == Trick::Flipped && store.may_flip(number, &key);
            if flips && let Told::Object(Some((bytes, _, _))) = &mut told {
                let bits = bytes.len() as u64 * 8;
                *bytes = flipped(bytes, world.draw(Stream(BIT, u16::from(number)), bits.max(1)) as usize);
            }
            if fate == Trick::AnswerLost {
                if let (Told::Put(_), Ask::New(key, _)) = (&told, &ask) {
                    store.judge.unanswered(key);
                }
                return;
            }
            world.event(
                What::Send { to: lane, arrives_ms: world.now_ms() + back, fate: Fate::Arrives },
                None,
                None,
                || format!("{} {key}", said(&told)),
            );
            let answered = world.last_event();
            world.sleep(Duration::from_millis(back)).await;
            if store.outage(number).is_none() {
                fill.with((told, answered));
            }
        });
        // Whether it was lost or nobody waits any more looks the same from here.
        let heard = self.store.engine.within(PATIENCE, async {
            match slot.taken().await {
                Some(told) => told,
                None => std::future::pending().await,
            }
        });
        let (told, event) = heard.await?;
        self.store.engine.follow(event);
        Some(told)
    }

    async fn write(&self, ask: Ask, what: &'static str, key: &Key) -> PutOutcome {
        match self.ask(ask, what, key.as_str()).await {
            Some(Told::Put(etag)) => PutOutcome::Done(etag),
            Some(Told::Exists) => PutOutcome::Exists,
            Some(Told::Changed) => PutOutcome::Changed,
            _ => PutOutcome::Unknown(unreachable()),
        }
    }
}

fn said(told: &Told) -> &'static str {
    match told {
        Told::Put(_) => "stored",
        Told::Exists => "exists",
        Told::Changed => "changed",
        Told::Object(Some(_)) => "found",
        Told::Object(None) => "not found",
        Told::Listed(_) => "listed",
        Told::Deleted => "deleted",
        Told::Refused => "refused",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trick {
    None,
    Lost,
    AnswerLost,
    Refused,
    Late,
    Repeated,
    Slow,
    Flipped,
    Careless,
}

fn fate(engine: &Engine, node: u16, rates: &Rates, is_write: bool) -> Trick {
    let (late, repeated, careless) =
        if is_write { (rates.late, rates.repeated, rates.careless) } else { (0, 0, 0) };
    let flipped = if is_write { 0 } else { rates.flipped };
    let table = [
        (Trick::Lost, rates.lost),
        (Trick::AnswerLost, rates.answer_lost),
        (Trick::Refused, rates.refused),
        (Trick::Late, late),
        (Trick::Repeated, repeated),
        (Trick::Slow, rates.slow),
        (Trick::Flipped, flipped),
        (Trick::Careless, careless),
    ];
    let all: u64 = table.iter().map(|(_, rate)| rate).sum();
    if all == 0 {
        return Trick::None;
    }
    // The plain outcome has the low numbers.
    let drawn = engine.draw(Stream(FATE, node), 1_000);
    let mut from = 1_000_u64.saturating_sub(all);
    for (trick, rate) in table {
        if rate > 0 && drawn >= from && drawn < from + rate {
            return trick;
        }
        from += rate;
    }
    Trick::None
}

#[async_trait]
impl ObjectStore for Door {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        self.write(Ask::New(key.clone(), bytes), "create", key).await
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        self.write(Ask::If(key.clone(), etag.clone(), bytes), "swap", key).await
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        match std::fs::read(file) {
            Ok(bytes) => self.put_new(key, bytes.into()).await,
            Err(_) => PutOutcome::Unknown(unreachable()),
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        match self.ask(Ask::Get(key.clone()), "read", key.as_str()).await {
            Some(Told::Object(found)) => {
                Ok(found.map(|(bytes, version, _)| Object { bytes, etag: tag(version) }))
            }
            _ => Err(unreachable()),
        }
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let found = self.get(key).await?;
        Ok(found.and_then(|object| {
            let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
            (start <= end && end <= object.bytes.len()).then(|| object.bytes.slice(start..end))
        }))
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        match self.ask(Ask::Head(key.clone()), "look for", key.as_str()).await {
            Some(Told::Object(found)) => Ok(found.map(|(bytes, version, modified_ms)| Head {
                size_bytes: bytes.len() as u64,
                etag: Some(tag(version)),
                modified_ms,
            })),
            _ => Err(unreachable()),
        }
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        match self.ask(Ask::List(prefix.to_owned(), after.cloned(), limit), "list", prefix).await {
            Some(Told::Listed(listed)) => Ok(listed),
            _ => Err(unreachable()),
        }
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        match self.ask(Ask::Delete(key.clone()), "delete", key.as_str()).await {
            Some(Told::Deleted) => Ok(()),
            _ => Err(unreachable()),
        }
    }
}
