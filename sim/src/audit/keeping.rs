//! What is removed from a log, and when: everything that a snapshot stands for once it is old, and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use enabler_storage::log::compact::{Backlog, Limits, is_due};
use enabler_storage::log::{self, Manifest, Position, SnapshotRef};
use enabler_storage::objects::{Memory, ObjectStore, PutOutcome};
use enabler_storage::record::BlobRef;

use super::{Broken, Dice, failed};
use crate::core::at_once;
use crate::core::judge::{BOUNDED, KEPT};

const NOW_MS: u64 = 1_000_000_000;
const MIN_AGE: Duration = Duration::from_secs(3_600);

/// Draws logs with a floor, and looks what is left of them.
pub(super) fn check(mut dice: Dice) -> Result<(), Broken> {
    due(&mut dice)?;
    at_once(async move { Some(all(&mut dice).await) }).unwrap_or(Ok(()))
}

/// A log is due for a snapshot when it is long in bytes or dead in part, or when somebody waits for an erasure.
fn due(dice: &mut Dice) -> Result<(), Broken> {
    let limits = Limits {
        bytes: 1 + dice.below(1_000),
        dead_percent: 1 + dice.below(60),
        erasure: Duration::from_secs(100),
        entries_min: dice.below(20),
    };
    for _ in 0..40 {
        let near = |dice: &mut Dice, bound: u64| (bound + dice.below(3)).saturating_sub(1);
        let backlog = Backlog {
            entries: if dice.one_in(6) { 0 } else { near(dice, limits.entries_min) },
            bytes: near(dice, limits.bytes),
            documents: dice.below(50),
            erased: dice.below(12),
            oldest_erasure: (!dice.one_in(3)).then(|| Duration::from_secs(near(dice, 100))),
        };
        let waits = backlog.oldest_erasure.is_some_and(|age| age.as_secs() >= 100);
        let all = backlog.documents + backlog.erased;
        let dead = 100.0 * backlog.erased as f64 / (all as f64).max(1.0);
        let is_dead = backlog.erased > 0 && dead >= limits.dead_percent as f64;
        let is_long = backlog.entries >= limits.entries_min;
        let expected = match backlog.entries {
            0 => false,
            _ if waits => true,
            _ => is_long && (is_dead || backlog.bytes >= limits.bytes),
        };
        // Where the share is the bound itself, a rounded number cannot tell.
        let is_clear = (dead - limits.dead_percent as f64).abs() > 1e-9;
        if is_clear && is_due(&backlog, &limits) != expected {
            return Err((BOUNDED, format!("a snapshot is due: {}, of {backlog:?} by {limits:?}", !expected)));
        }
    }
    Ok(())
}

/// What stands in the store of a shard.
struct Log {
    store: Memory,
    manifest: Manifest,
    /// Entries, and parts of snapshots with the entry that they stand for.
    entries: u64,
    parts: Vec<(u64, String)>,
}

async fn all(dice: &mut Dice) -> Result<(), Broken> {
    // Right at the age, beside it, and far from it.
    for age_ms in [3_600_000, 3_600_001, 3_599_999, 0, 90_000_000] {
        collected(dice, age_ms).await?;
    }
    measured(dice).await?;
    replaced(dice).await
}

async fn drawn(dice: &mut Dice, age_ms: u64) -> Result<Log, Broken> {
    let store = Memory::new();
    store.set_now_ms(NOW_MS - age_ms);
    let entries = if dice.one_in(12) { 600 } else { 3 + dice.below(30) };
    for seq in 1..=entries {
        let key = log::entry_key(0, seq).map_err(|error| failed("naming an entry", &error))?;
        let _ = store.put_new(&key, Bytes::from(vec![7; 3 + seq as usize % 5])).await;
    }
    let at = 1 + dice.below(entries);
    let (mut parts, mut named) = (Vec::new(), Vec::new());
    let older = 1 + dice.below(at);
    // One that somebody is about to name, an older one, and the one that is named.
    for (seq, epoch) in [(older, 1), (at, 2), (at, 3), (at + 2, 3)] {
        for part in 0..2 {
            let key =
                log::snapshot_key(0, seq, epoch, part).map_err(|error| failed("naming a part", &error))?;
            let _ = store.put_new(&key, Bytes::from_static(b"part")).await;
            if (seq, epoch) == (at, 3) {
                named.push(BlobRef { key: key.to_string(), sha256: [0; 32], size_bytes: 4 });
            } else if !parts.iter().any(|(_, held)| *held == key.to_string()) {
                parts.push((seq, key.to_string()));
            }
        }
    }
    let position = Position { seq: at, epoch: 3, checksum: 1 };
    let snapshot = SnapshotRef { position, parts: named };
    let floor_seq = if dice.one_in(3) { at - dice.below(at) } else { at };
    let manifest = Manifest { epoch: 3, floor_seq, snapshot: Some(snapshot), ..Manifest::unowned(0) };
    let _ = log::create_manifest(&store, &manifest).await;
    Ok(Log { store, manifest, entries, parts })
}

async fn keys(store: &Memory) -> Result<BTreeSet<String>, Broken> {
    let listed = store.list_after("v1/", None, usize::MAX).await;
    let listed = listed.map_err(|error| failed("listing a log", &error))?;
    Ok(listed.into_iter().map(|listed| listed.key.to_string()).collect())
}

async fn collected(dice: &mut Dice, age_ms: u64) -> Result<(), Broken> {
    let Log { store, manifest, entries, parts } = drawn(dice, age_ms).await?;
    let before = keys(&store).await?;
    let (mut removed, mut calls) = ((0, 0), 0);
    loop {
        let found = log::collect(&store, 0, &manifest, NOW_MS, MIN_AGE).await;
        let found = found.map_err(|error| failed("collecting", &error))?;
        if found.entries + found.snapshots > log::REMOVED_MAX as u64 {
            return Err((BOUNDED, format!("one collection removes {found:?}")));
        }
        removed = (removed.0 + found.entries, removed.1 + found.snapshots);
        calls += 1;
        if !found.has_more || calls > 9 {
            break;
        }
    }
    let left = keys(&store).await?;
    let is_old = age_ms > MIN_AGE.as_millis() as u64;
    let at = manifest.snapshot.as_ref().map_or(0, |snapshot| snapshot.position.seq);
    let mut expected = before;
    for seq in (1..manifest.floor_seq.min(entries + 1)).filter(|_| is_old) {
        expected.remove(&log::entry_key(0, seq).map(|key| key.to_string()).unwrap_or_default());
    }
    for (_, part) in parts.iter().filter(|(seq, _)| is_old && *seq <= at) {
        expected.remove(part);
    }
    if left != expected {
        let (gone, kept): (Vec<_>, Vec<_>) =
            (expected.difference(&left).collect(), left.difference(&expected).collect());
        let text = format!(
            "at an age of {age_ms} ms, floor {}, snapshot {at}: {gone:?} should be there, {kept:?} should not",
            manifest.floor_seq
        );
        return Err((KEPT, text));
    }
    Ok(())
}

async fn measured(dice: &mut Dice) -> Result<(), Broken> {
    let Log { store, entries, .. } = drawn(dice, 0).await?;
    let after = dice.below(entries + 1);
    let found = log::measure(&store, 0, after, u64::MAX).await;
    let found = found.map_err(|error| failed("measuring a log", &error))?;
    let bytes: u64 = (after + 1..=entries).map(|seq| 3 + seq % 5).sum();
    if (found.entries, found.bytes) != (entries - after, bytes) {
        return Err((BOUNDED, format!("behind entry {after} of {entries} are {found:?}, not {bytes} bytes")));
    }
    Ok(())
}

/// Whoever was replaced, or whose snapshot is not whole, removes nothing.
async fn replaced(dice: &mut Dice) -> Result<(), Broken> {
    for is_replaced in [true, false] {
        let Log { store, mut manifest, .. } = drawn(dice, 90_000_000).await?;
        if is_replaced {
            let seen = log::read_manifest(&store, 0).await.ok().flatten();
            let Some(seen) = seen else { return Ok(()) };
            let next = Manifest { epoch: 4, ..seen.value };
            let swapped = log::swap_manifest(&store, &seen.etag, &next).await;
            if !matches!(swapped, Ok(PutOutcome::Done(_))) {
                return Ok(());
            }
        } else if let Some(snapshot) = &mut manifest.snapshot {
            let part = snapshot.parts.get(dice.below(2) as usize).map(|part| part.key.clone());
            let key = part.and_then(|part| enabler_storage::objects::Key::new(part).ok());
            if let Some(key) = key {
                let _ = store.delete(&key).await;
            }
        }
        let before = keys(&store).await?;
        let _ = log::collect(&store, 0, &manifest, NOW_MS, MIN_AGE).await;
        if keys(&store).await? != before {
            let why = if is_replaced { "was replaced" } else { "has half a snapshot" };
            return Err((KEPT, format!("an owner that {why} removes entries")));
        }
    }
    Ok(())
}
