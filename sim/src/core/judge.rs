//! The judge: reads every change of the store as it happens, hears every acknowledgement, and knows every promise.
//!
//! What it believes it derives from the bytes in the store alone, never from what a node says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use enabler_storage::codec;
use enabler_storage::log::{
    self, Entry, Manifest, SealedEntry, entry_prefix, manifest_key, snapshots_prefix,
};
use enabler_storage::objects::Key;
use enabler_storage::record::{DocumentId, DocumentRecord, Op, Outcome, blob_prefix};

use super::rows::Rows;
use super::store::Store;
use crate::engine::Engine;
use crate::trace::{Violation, What};

/// A promise, by the number that `reliability.md` gives it; those about progress count from 101.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Promise(pub u16, pub &'static str);

/// One writer per shard and epoch; the log is one chain.
pub const ONE_CHAIN: Promise = Promise(1, "one writer per shard and epoch, one chain");
/// Acknowledged means durable.
pub const DURABLE: Promise = Promise(2, "acknowledged means durable");
/// No acknowledgement from an owner that was replaced before its entry.
pub const NO_STALE_ACK: Promise = Promise(3, "no stale acknowledgement");
/// An unknown outcome is never told as a known one.
pub const UNKNOWN: Promise = Promise(4, "an unknown outcome is never reported as a known one");
/// One upload has one effect.
pub const ONE_EFFECT: Promise = Promise(5, "one upload has one effect and one answer");
/// The history of each document is linearizable.
pub const HISTORY: Promise = Promise(6, "each document's history is linearizable");
/// A fenced node writes nothing that is seen.
pub const FENCED: Promise = Promise(7, "a fenced node writes nothing visible");
/// A generation that was declared dead owns nothing again.
pub const DEAD: Promise = Promise(8, "a generation declared dead never owns again");
/// Replay is a function of the log.
pub const REPLAY: Promise = Promise(9, "replay is a function: snapshot plus tail equals the log");
/// A flipped bit is never served.
pub const DAMAGE: Promise = Promise(10, "a flipped bit is detected and never served");
/// What is needed is not removed.
pub const KEPT: Promise = Promise(11, "compaction removes nothing that is needed");
/// A deleted document answers nothing.
pub const DELETED: Promise = Promise(12, "a deleted document answers nothing and never comes back");
/// A result is applied once and to its revision.
pub const RESULTS: Promise =
    Promise(13, "a result is applied at most once, to the revision it was made from");
/// Everything is bounded.
pub const BOUNDED: Promise = Promise(14, "every queue and every retry is bounded");
/// Restarts are counted.
pub const RESTARTS: Promise = Promise(15, "at most so many restarts in a period, then one escalation");
/// Versions read each other.
pub const VERSIONS: Promise = Promise(16, "formats are read by both versions, unknown fields survive");
/// A node that is cut off reassigns nothing.
pub const CUT_OFF: Promise = Promise(17, "a node that cannot see the store or its peers reassigns nothing");
/// Tenants do not see each other.
pub const TENANTS: Promise = Promise(18, "no byte of one tenant appears in another's answer");
/// Every shard has a serving owner soon after the last fault.
pub const OWNED: Promise = Promise(101, "every shard has one serving owner");
/// Every request is answered.
pub const ANSWERED: Promise = Promise(102, "every admitted request gets a final answer by its deadline");
/// Every document ends.
pub const ENDS: Promise = Promise(103, "every accepted document becomes ready or failed");
/// Shards stand where they belong, and stay.
pub const SETTLED: Promise = Promise(104, "placement is balanced and stops moving");

/// All promises, in order.
pub const PROMISES: [Promise; 22] = [
    ONE_CHAIN,
    DURABLE,
    NO_STALE_ACK,
    UNKNOWN,
    ONE_EFFECT,
    HISTORY,
    FENCED,
    DEAD,
    REPLAY,
    DAMAGE,
    KEPT,
    DELETED,
    RESULTS,
    BOUNDED,
    RESTARTS,
    VERSIONS,
    CUT_OFF,
    TENANTS,
    OWNED,
    ANSWERED,
    ENDS,
    SETTLED,
];

struct Known {
    entry: Entry,
    checksum: u32,
}

#[derive(Default)]
struct Shard {
    manifest: Option<Manifest>,
    /// Who may write in each epoch, and as which generation of which node.
    writers: BTreeMap<u64, (u128, Option<log::Owner>)>,
    log: BTreeMap<u64, Known>,
    rows: Rows,
    /// Hash of the rows at each entry that a snapshot may stand for.
    hashes: BTreeMap<u64, u64>,
    /// Entries that were put again after they had been removed.
    undead: BTreeSet<u64>,
    /// Whether an owner wrote after the next one had been chosen.
    was_late: bool,
    /// Epochs that the owner before gave away itself.
    given: BTreeSet<u64>,
    /// The latest epoch that is served or was.
    served: u64,
}

#[derive(Default)]
struct State {
    shards: BTreeMap<u32, Shard>,
    violation: Option<Violation>,
    /// Generations that the store says have ended: node and generation.
    ended: BTreeMap<(String, u128), u64>,
    /// When each node went on after it had stood still.
    thawed: BTreeMap<String, u64>,
    /// Entries whose writer was told nothing by the store.
    unanswered: BTreeSet<(u32, u64)>,
    /// Entries with uploads that nobody has been told of, by the node that wrote them.
    untold: BTreeMap<(u32, u64), String>,
    /// The last generation of each node that was started: it has taken the place of those before.
    started: BTreeMap<String, u128>,
    /// Since when each generation has beaten without a pause, and when it did last.
    beats: BTreeMap<(String, u128), (u64, u64)>,
    /// Keys whose bytes were flipped in the store: what depends on them cannot be promised.
    damaged: BTreeSet<Key>,
}

/// A generation whose beats are farther apart has paused.
const PAUSE_MS: u64 = 2_000;
/// For so long it has beaten for certain to whoever reads its beats.
const STEADY_MS: u64 = 8_000;

/// How far clocks are set wrong: by so much an entry may seem older than it is.
const SKEW_MS_MAX: u64 = 8_000;

/// Judges one run.
pub struct Judge {
    engine: Engine,
    /// How long entries are kept.
    keeps_ms: u64,
    state: Mutex<State>,
}

impl Judge {
    /// A judge who has seen nothing yet.
    #[must_use]
    pub fn new(engine: Engine, keeps_ms: u64) -> Self {
        Judge { engine, keeps_ms, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A promise was broken: the run ends here.
    pub fn broken(&self, promise: Promise, what: impl Into<String>) {
        let what = what.into();
        let mut state = self.state();
        if state.violation.is_some() {
            return;
        }
        let event = self.engine.event(What::Violation, None, None, || format!("{}: {what}", promise.1));
        state.violation = Some(Violation {
            promise: promise.0,
            name: promise.1.to_owned(),
            what,
            at_ms: self.engine.now_ms(),
            event,
        });
        self.engine.halt();
    }

    /// A node goes on after it stood still.
    pub fn thawed(&self, node: String) {
        let now_ms = self.engine.now_ms();
        self.state().thawed.insert(node, now_ms);
    }

    /// A generation of a node begins, in the place of the one before.
    pub fn started(&self, node: &str, generation: u128) {
        self.state().started.insert(node.to_owned(), generation);
    }

    /// The store stored something and its answer was lost.
    pub fn unanswered(&self, key: &Key) {
        if let Place::Entry(shard, seq) = place(key) {
            self.state().unanswered.insert((shard, seq));
        }
    }

    /// A generation of `node` was killed; whether that was between a write and its acknowledgement.
    pub fn killed(&self, node: &str) -> bool {
        let mut state = self.state();
        let before = state.untold.len();
        state.untold.retain(|_, writer| writer != node);
        state.untold.len() < before
    }

    /// Whether an entry of an epoch that was over already was written, and whether one was written again.
    #[must_use]
    pub fn seen(&self) -> (bool, bool) {
        let state = self.state();
        let late = state.shards.values().any(|shard| shard.was_late);
        (late, state.shards.values().any(|shard| !shard.undead.is_empty()))
    }

    /// What was broken, if anything was.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        self.state().violation.clone()
    }

    /// The object under `key` was damaged on purpose.
    pub fn damaged(&self, key: Key) {
        self.state().damaged.insert(key);
    }

    /// Whether a blob of a document was damaged on purpose: a node that reads it then tells its client to upload it again.
    #[must_use]
    pub fn has_damaged(&self, tenant: &str, id: DocumentId) -> bool {
        let prefix = blob_prefix(tenant, id);
        self.state().damaged.iter().any(|key| key.as_str().starts_with(&prefix))
    }

    /// Whether anything was damaged on purpose.
    #[must_use]
    pub fn has_damage(&self) -> bool {
        !self.state().damaged.is_empty()
    }

    /// Something was stored, by a node or by nobody (0).
    pub fn stored(&self, store: &Store, key: &Key, bytes: &Bytes, by: u8) {
        self.engine.mix(u64::from(codec::checksum(bytes).unwrap_or(0)));
        let found = match place(key) {
            Place::Entry(shard, seq) => self.entry(shard, seq, bytes),
            Place::Manifest(shard) => self.manifest(store, shard, bytes, by),
            Place::Node => self.node(bytes),
            Place::Other => {
                self.engine.event(What::Applied, None, None, || format!("stored {key}"));
                Ok(())
            }
        };
        if let Err((promise, what)) = found {
            self.broken(promise, what);
        }
    }

    fn entry(&self, shard: u32, seq: u64, bytes: &Bytes) -> Result<(), (Promise, String)> {
        let entry = SealedEntry::open(shard, seq, bytes.clone()).map_err(|error| {
            (ONE_CHAIN, format!("entry {seq} of shard {shard} cannot be read: {error:?}"))
        })?;
        let SealedEntry { entry, checksum, .. } = entry;
        self.engine.event(What::Applied, Some(shard), Some(entry.epoch), || {
            format!("entry {seq} of shard {shard}, epoch {}: {}", entry.epoch, shown(&entry.ops))
        });
        let mut state = self.state();
        let known = state.shards.entry(shard).or_default();
        let head = known.log.last_key_value().map(|(seq, known)| (*seq, known.checksum, known.entry.epoch));
        let (last, before, epoch_before) = head.unwrap_or((0, 0, 0));
        if seq <= last {
            // Its place was free because the entry was removed. It harms nobody unless somebody believes in it.
            known.undead.insert(seq);
            return Ok(());
        }
        if seq > last + 1 {
            return Err((ONE_CHAIN, format!("entry {seq} of shard {shard} was written behind entry {last}")));
        }
        if entry.prev != before {
            return Err((ONE_CHAIN, format!("entry {seq} of shard {shard} does not follow entry {last}")));
        }
        if entry.epoch < epoch_before {
            let text =
                format!("entry {seq} of shard {shard} has epoch {} behind {epoch_before}", entry.epoch);
            return Err((ONE_CHAIN, text));
        }
        match known.writers.get(&entry.epoch) {
            Some((writer, _)) if *writer == entry.writer => {}
            Some(_) => {
                let text = format!("two writers of shard {shard} in epoch {}: entry {seq}", entry.epoch);
                return Err((ONE_CHAIN, text));
            }
            None => {
                let text =
                    format!("entry {seq} of shard {shard} in epoch {}, which nobody was given", entry.epoch);
                return Err((ONE_CHAIN, text));
            }
        }
        if entry.epoch < known.served {
            let text =
                format!("entry {seq} of shard {shard} has epoch {}, {} is served", entry.epoch, known.served);
            return Err((NO_STALE_ACK, text));
        }
        known.was_late |= known.manifest.as_ref().is_some_and(|manifest| manifest.epoch > entry.epoch);
        let owner = known.writers.get(&entry.epoch).and_then(|(_, owner)| owner.as_ref());
        let writer = owner.map(|owner| owner.node.clone()).unwrap_or_default();
        let is_known = |id: &DocumentId, revision: u32| {
            let had = known.rows.documents.get(id);
            had.is_some_and(|had| {
                had.revision >= revision && !matches!(had.status.outcome, Outcome::Failed(_))
            })
        };
        let again = entry.ops.iter().find_map(|op| match op {
            Op::Accepted { document } if is_known(&document.document_id, document.revision) => {
                Some(document.document_id)
            }
            _ => None,
        });
        if let Some(again) = again {
            return Err((ONE_EFFECT, format!("entry {seq} of shard {shard} accepts document {again} again")));
        }
        known.rows.apply(&entry, |_| true);
        for op in &entry.ops {
            if let Op::Accepted { document } = op
                && known.rows.tombstones.contains_key(&document.document_id)
            {
                // Applying it must not bring the document back; whoever acknowledges it is told so later.
                self.engine.event(What::Note, Some(shard), None, || {
                    format!("document {} is accepted after its deletion", document.document_id)
                });
            }
        }
        let hash = known.rows.hash(|_| false);
        known.hashes.insert(seq, hash);
        let has_upload = entry.ops.iter().any(|op| matches!(op, Op::Accepted { .. }));
        known.log.insert(seq, Known { entry, checksum });
        if has_upload {
            state.untold.insert((shard, seq), writer);
        }
        Ok(())
    }

    fn manifest(&self, store: &Store, shard: u32, bytes: &Bytes, by: u8) -> Result<(), (Promise, String)> {
        let manifest: Manifest = codec::decode(codec::Kind::Manifest, bytes).map_err(|error| {
            (ONE_CHAIN, format!("the manifest of shard {shard} cannot be read: {error:?}"))
        })?;
        self.engine.event(What::Applied, Some(shard), Some(manifest.epoch), || {
            let owner = manifest.owner.as_ref().map_or("nobody", |owner| owner.node.as_str());
            format!(
                "manifest of shard {shard}: epoch {}, {owner}, floor {}",
                manifest.epoch, manifest.floor_seq
            )
        });
        let mut state = self.state();
        let known = state.shards.entry(shard).or_default();
        let before = known.manifest.replace(manifest.clone());
        let before =
            before.unwrap_or_else(|| Manifest { rest: manifest.rest.clone(), ..Manifest::unowned(shard) });
        if manifest.shard != shard {
            return Err((ONE_CHAIN, format!("the manifest of shard {shard} is that of {}", manifest.shard)));
        }
        let is_of = |of: &Manifest| of.owner.as_ref().is_some_and(|owner| owner.node == format!("n{by}"));
        if by != 0 && !is_of(&before) && (manifest.epoch == before.epoch || !is_of(&manifest)) {
            return Err((
                FENCED,
                format!("n{by} changed the manifest of shard {shard}, which it does not own"),
            ));
        }
        if manifest.epoch < before.epoch || manifest.epoch > before.epoch + 1 {
            let text = format!("the epoch of shard {shard} went from {} to {}", before.epoch, manifest.epoch);
            return Err((ONE_CHAIN, text));
        }
        if manifest.epoch == before.epoch {
            if (manifest.writer, &manifest.owner) != (before.writer, &before.owner) {
                return Err((
                    ONE_CHAIN,
                    format!("shard {shard} changed its owner within epoch {}", manifest.epoch),
                ));
            }
        } else {
            let is_known = known.writers.values().any(|(writer, _)| *writer == manifest.writer);
            if is_known {
                return Err((
                    ONE_CHAIN,
                    format!("the writer of epoch {} was a writer before", manifest.epoch),
                ));
            }
            known.writers.insert(manifest.epoch, (manifest.writer, manifest.owner.clone()));
            if is_of(&before) && !is_of(&manifest) {
                known.given.insert(manifest.epoch);
            }
        }
        if manifest.rest != before.rest {
            return Err((VERSIONS, format!("the manifest of shard {shard} lost what a newer version added")));
        }
        if manifest.floor_seq < before.floor_seq {
            let text = format!(
                "the floor of shard {shard} fell from {} to {}",
                before.floor_seq, manifest.floor_seq
            );
            return Err((KEPT, text));
        }
        let snapshot_before = before.snapshot.as_ref().map_or(0, |snapshot| snapshot.position.seq);
        let Some(snapshot) = &manifest.snapshot else {
            if snapshot_before > 0 || manifest.floor_seq > 0 {
                return Err((KEPT, format!("the manifest of shard {shard} lost its snapshot")));
            }
            return Ok(());
        };
        if snapshot.position.seq < snapshot_before {
            return Err((
                KEPT,
                format!("the snapshot of shard {shard} went back to {}", snapshot.position.seq),
            ));
        }
        if manifest.floor_seq > snapshot.position.seq {
            return Err((KEPT, format!("the floor of shard {shard} is above its snapshot")));
        }
        if before.snapshot.as_ref() == Some(snapshot) {
            return Ok(());
        }
        let stands_for = known.log.get(&snapshot.position.seq).map(|known| known.checksum);
        if stands_for != Some(snapshot.position.checksum) {
            let seq = snapshot.position.seq;
            return Err((REPLAY, format!("the snapshot of shard {shard} stands for no entry {seq}")));
        }
        drop(state);
        let is_whole = |key: &str, size: u64| {
            let key = Key::new(key).ok();
            let found = key.and_then(|key| store.peek(&key));
            found.is_some_and(|bytes| bytes.len() as u64 == size)
        };
        match snapshot.parts.iter().find(|part| !is_whole(&part.key, part.size_bytes)) {
            Some(part) => {
                Err((KEPT, format!("the manifest of shard {shard} names `{}`, which is not there", part.key)))
            }
            None => Ok(()),
        }
    }

    fn node(&self, bytes: &Bytes) -> Result<(), (Promise, String)> {
        let record: log::NodeRecord = codec::decode(codec::Kind::Node, bytes)
            .map_err(|error| (VERSIONS, format!("the record of a node cannot be read: {error:?}")))?;
        let mut state = self.state();
        let id = (record.node.clone(), record.generation);
        if record.ended {
            let now_ms = self.engine.now_ms();
            state.ended.entry(id).or_insert(now_ms);
        } else if state.ended.contains_key(&id) {
            return Err((DEAD, format!("{} came back to life", record.node)));
        } else {
            let now_ms = self.engine.now_ms();
            let beats = state.beats.entry(id).or_insert((now_ms, now_ms));
            let paused = now_ms - beats.1 > PAUSE_MS;
            *beats = (if paused { now_ms } else { beats.0 }, now_ms);
        }
        Ok(())
    }

    /// Something was removed.
    pub fn removed(&self, key: &Key, modified_ms: u64, now_ms: u64) {
        self.engine.event(What::Applied, None, None, || format!("removed {key}"));
        let age_ms = now_ms.saturating_sub(modified_ms);
        if let Err((promise, what)) = self.may_go(key, age_ms) {
            self.broken(promise, what);
        }
    }

    fn may_go(&self, key: &Key, age_ms: u64) -> Result<(), (Promise, String)> {
        let state = self.state();
        match place(key) {
            Place::Entry(shard, seq) => {
                let manifest = state.shards.get(&shard).and_then(|shard| shard.manifest.as_ref());
                let floor = manifest.map_or(0, |manifest| manifest.floor_seq);
                if seq >= floor {
                    return Err((
                        KEPT,
                        format!("entry {seq} of shard {shard} was removed, the floor is {floor}"),
                    ));
                }
                if age_ms < self.keeps_ms.saturating_sub(SKEW_MS_MAX) {
                    return Err((
                        KEPT,
                        format!("entry {seq} of shard {shard} was removed after {age_ms} ms"),
                    ));
                }
                Ok(())
            }
            Place::Manifest(shard) => Err((KEPT, format!("the manifest of shard {shard} was removed"))),
            Place::Node => Ok(()),
            Place::Other => {
                let named = state.shards.values().filter_map(|shard| shard.manifest.as_ref());
                let named = named.filter_map(|manifest| manifest.snapshot.as_ref());
                if named.flat_map(|snapshot| &snapshot.parts).any(|part| part.key == key.as_str()) {
                    return Err((KEPT, format!("`{key}` was removed, and a manifest names it")));
                }
                let living = |record: &&DocumentRecord| {
                    key.as_str().starts_with(&blob_prefix(&record.tenant, record.document_id))
                };
                let all = state.shards.values().flat_map(|shard| shard.rows.documents.values());
                match all.clone().find(living) {
                    Some(record) => Err((
                        KEPT,
                        format!("a blob of {} was removed, which is not deleted", record.document_id),
                    )),
                    None => Ok(()),
                }
            }
        }
    }

    /// An owner is about to tell its client that what `is_it` describes is done, as entry `seq`.
    ///
    /// True if the store had not told its writer that it was written.
    pub fn acknowledged(
        &self,
        node: &str,
        shard: u32,
        seq: u64,
        what: &str,
        is_it: impl Fn(&Op) -> bool,
    ) -> bool {
        let mut state = self.state();
        state.untold.remove(&(shard, seq));
        let was_unanswered = state.unanswered.contains(&(shard, seq));
        let entry = state.shards.get(&shard).and_then(|shard| shard.log.get(&seq));
        let is_there = entry.is_some_and(|known| known.entry.ops.iter().any(&is_it));
        let is_undead = state.shards.get(&shard).is_some_and(|shard| shard.undead.contains(&seq));
        drop(state);
        if is_there {
            return was_unanswered;
        }
        if is_undead {
            self.broken(
                DURABLE,
                format!("{node} acknowledges {what} as entry {seq} of shard {shard}, which nobody reads"),
            );
        } else {
            self.broken(
                DURABLE,
                format!("{node} acknowledges {what} as entry {seq} of shard {shard}: it is not in the log"),
            );
        }
        false
    }

    /// A node begins to serve a shard; at `asked_ms` it asked whether its generation was declared dead.
    pub fn serves(&self, node: &str, generation: u128, shard: u32, epoch: u64, asked_ms: u64) {
        let mut state = self.state();
        let was_given = state.shards.entry(shard).or_default().given.contains(&epoch);
        let served = &mut state.shards.entry(shard).or_default().served;
        *served = epoch.max(*served);
        let given = state.shards.get(&shard).and_then(|known| known.writers.get(&epoch));
        let is_its = given.and_then(|(_, owner)| owner.as_ref());
        let is_its = is_its.is_some_and(|owner| owner.node == node && owner.generation == generation);
        let ended = state.ended.get(&(node.to_owned(), generation)).copied();
        let last = state.shards.get(&shard).and_then(|known| known.log.last_key_value());
        let is_fenced = last.is_some_and(|(_, known)| known.entry.epoch >= epoch);
        drop(state);
        // An owner that gave the shard away itself writes nothing more: nothing has to end its epoch.
        if !is_fenced && !was_given {
            let text =
                format!("{node} serves shard {shard} in epoch {epoch} and has not ended the epoch before");
            self.broken(NO_STALE_ACK, text);
        }
        if ended.is_some_and(|ended| ended < asked_ms) {
            self.broken(DEAD, format!("{node} was declared dead and serves shard {shard} in epoch {epoch}"));
        }
        if !is_its {
            self.broken(
                ONE_CHAIN,
                format!("{node} serves shard {shard} in epoch {epoch}, which it was not given"),
            );
        }
    }

    /// A node has made its rows from a snapshot that stands for `seq`.
    pub fn restored(&self, node: &str, shard: u32, seq: u64, rows: &Rows) {
        let state = self.state();
        let Some(known) = state.shards.get(&shard) else { return };
        let Some(expected) = known.hashes.get(&seq).copied() else { return };
        if expected == rows.hash(|_| false) {
            return;
        }
        // A follower that is behind may find the chunks gone of a document that a later entry deletes, and one whose blob was
        // damaged in the store shows it as failed.
        let damaged = |record: &DocumentRecord| {
            let prefix = blob_prefix(&record.tenant, record.document_id);
            state.damaged.iter().any(|key| key.as_str().starts_with(&prefix))
        };
        let is_gone = |id: DocumentId| {
            known.rows.tombstones.contains_key(&id) || rows.documents.get(&id).is_some_and(damaged)
        };
        let mut then = Rows::default();
        known.log.range(..=seq).for_each(|(_, known)| then.apply(&known.entry, |_| true));
        let same = then.hash(is_gone) == rows.hash(is_gone);
        drop(state);
        if !same {
            self.broken(REPLAY, format!("{node} restored shard {shard} at entry {seq} to something else"));
        }
    }

    /// A node has stepped down for a later owner, of `epoch`.
    pub fn yields(&self, node: &str, shard: u32, epoch: u64) {
        let state = self.state();
        let known = state.shards.get(&shard).and_then(|known| known.manifest.as_ref());
        let is_given = known.is_some_and(|manifest| manifest.epoch >= epoch);
        drop(state);
        if !is_given {
            let text = format!(
                "{node} took an unknown outcome for epoch {epoch} of shard {shard}, which nobody was given"
            );
            self.broken(UNKNOWN, text);
        }
    }

    /// A node claims a shard from `holder`, which it hears or not; `sees_most`: it hears more than half of the cluster.
    pub fn claims(
        &self,
        node: &str,
        shard: u32,
        holder: &enabler_cluster::net::NodeId,
        hears_it: bool,
        sees_most: bool,
    ) {
        let id = (holder.name.clone(), holder.generation);
        let state = self.state();
        let is_replaced = state.started.get(&holder.name).is_some_and(|last| *last > holder.generation);
        let has_ended = state.ended.contains_key(&id) || is_replaced;
        let beats = state.beats.get(&id).copied();
        drop(state);
        let now_ms = self.engine.now_ms();
        // Whoever reads the beats may read them late: only one that has long been steady cannot seem to stand still.
        let is_steady =
            beats.is_some_and(|(since, last)| now_ms - last <= PAUSE_MS && now_ms - since > STEADY_MS);
        if !has_ended && is_steady && (hears_it || !sees_most) {
            self.broken(CUT_OFF, format!("{node} claims shard {shard} from {holder}, which lives and beats"));
        }
    }

    /// A node has followed the log up to `position`.
    pub fn stands(&self, node: &str, shard: u32, position: log::Position) {
        let state = self.state();
        let Some(known) = state.shards.get(&shard) else { return };
        let is_there = known.log.get(&position.seq).map(|known| known.checksum) == Some(position.checksum);
        let is_undead = known.undead.contains(&position.seq);
        drop(state);
        if !is_there && !is_undead {
            let seq = position.seq;
            self.broken(
                REPLAY,
                format!("{node} has applied an entry {seq} of shard {shard} that is not in the log"),
            );
        }
    }

    /// A node that has applied the log up to `seq` holds these rows.
    pub fn holds(&self, node: &str, shard: u32, seq: u64, rows: &Rows) {
        let state = self.state();
        let Some(known) = state.shards.get(&shard) else { return };
        // Chunks may be gone before the entry that deletes their document was applied.
        let is_gone = |id: DocumentId| known.rows.tombstones.contains_key(&id);
        let is_head = known.log.last_key_value().map_or(0, |(seq, _)| *seq) == seq;
        let same = !is_head || known.rows.hash(is_gone) == rows.hash(is_gone);
        let damage = !state.damaged.is_empty();
        drop(state);
        if !same && !damage {
            self.broken(REPLAY, format!("{node} holds something else at entry {seq} of shard {shard}"));
        }
    }

    /// The last entry of a shard.
    #[must_use]
    pub fn head(&self, shard: u32) -> u64 {
        let state = self.state();
        let known = state.shards.get(&shard);
        known.and_then(|known| known.log.last_key_value()).map_or(0, |(seq, _)| *seq)
    }

    /// The epoch of the last entry of a shard.
    #[must_use]
    pub fn last_epoch(&self, shard: u32) -> u64 {
        let state = self.state();
        let known = state.shards.get(&shard);
        known.and_then(|known| known.log.last_key_value()).map_or(0, |(_, known)| known.entry.epoch)
    }

    /// Who owns a shard, and under which epoch, as the store has it.
    #[must_use]
    pub fn owner(&self, shard: u32) -> Option<(String, u128, u64)> {
        let state = self.state();
        let manifest = state.shards.get(&shard)?.manifest.as_ref()?;
        let owner = manifest.owner.as_ref()?;
        Some((owner.node.clone(), owner.generation, manifest.epoch))
    }

    /// What the log of a shard means.
    #[must_use]
    pub fn rows(&self, shard: u32) -> Rows {
        self.state().shards.get(&shard).map(|known| known.rows.clone()).unwrap_or_default()
    }

    /// Documents of a shard that have not ended.
    #[must_use]
    pub fn unfinished(&self, shard: u32) -> Vec<DocumentId> {
        let state = self.state();
        let Some(known) = state.shards.get(&shard) else { return Vec::new() };
        known
            .rows
            .documents
            .values()
            .filter(|record| record.is_unfinished())
            .map(|record| record.document_id)
            .collect()
    }

    /// What the log says of a document now.
    #[must_use]
    pub fn truth(&self, id: DocumentId) -> Option<Outcome> {
        let state = self.state();
        let found = state.shards.values().find_map(|shard| shard.rows.documents.get(&id));
        found.map(|record| record.status.outcome.clone())
    }
}

enum Place {
    Entry(u32, u64),
    Manifest(u32),
    Node,
    Other,
}

fn place(key: &Key) -> Place {
    let text = key.as_str();
    if text.starts_with(log::node_prefix()) {
        return Place::Node;
    }
    let Some(rest) = text.strip_prefix("v1/s/") else { return Place::Other };
    let Some(shard) = rest.split('/').next().and_then(|shard| u32::from_str_radix(shard, 16).ok()) else {
        return Place::Other;
    };
    if manifest_key(shard).is_ok_and(|manifest| manifest == *key) {
        return Place::Manifest(shard);
    }
    if text.starts_with(&snapshots_prefix(shard)) {
        return Place::Other;
    }
    match text.strip_prefix(&entry_prefix(shard)).and_then(|seq| seq.parse().ok()) {
        Some(seq) => Place::Entry(shard, seq),
        None => Place::Other,
    }
}

fn shown(ops: &[Op]) -> String {
    let names: Vec<String> = ops
        .iter()
        .map(|op| match op {
            Op::Accepted { document } => format!("accepted {}", short(document.document_id)),
            Op::PagesRead { document_id, .. } => format!("pages of {}", short(*document_id)),
            Op::ChunksEmbedded { document_id, .. } => format!("chunks of {}", short(*document_id)),
            Op::Ready { document_id, .. } => format!("ready {}", short(*document_id)),
            Op::Failed { document_id, .. } => format!("failed {}", short(*document_id)),
            Op::Deleted { document_id, .. } => format!("deleted {}", short(*document_id)),
            Op::Fence => "fence".to_owned(),
        })
        .collect();
    names.join(", ")
}

/// The last digits of an id, enough to tell documents of one run apart.
#[must_use]
pub fn short(id: DocumentId) -> String {
    let text = id.to_string();
    text.get(text.len().saturating_sub(6)..).unwrap_or_default().to_owned()
}
