//! What is written down: it comes back as it was, also from the version before and with what the next one added, and what
//! is cut short, longer, of another kind or of a later version is refused.

use enabler_cluster::decide::placement::{self, Candidate};
use enabler_storage::codec::{self, CodecError, Kind, Rest};
use enabler_storage::log::{
    self, Cluster, FORMAT_VERSION, Manifest, NodeRecord, Owner, Position, SealedEntry, SnapshotRef,
};
use enabler_storage::objects::{Key, Memory, ObjectStore};
use enabler_storage::record::{
    BlobRef, DocumentId, Op, PageRecord, PagesBlob, WireOp, WordBox, decode_chunks, decode_pages,
    encode_chunks, encode_pages,
};

use super::history::History;
use super::{Broken, Dice, failed};
use crate::core::at_once;
use crate::core::judge::{DAMAGE, REPLAY, SETTLED, VERSIONS};

/// Where documents and shards were put by the first version; every later one must find them there.
const FIRST_SHARDS: [u32; 6] = [49, 2, 57, 33, 4, 34];
const FIRST_RANKS: [[usize; 4]; 4] = [[3, 2, 0, 1], [0, 1, 3, 2], [1, 0, 3, 2], [2, 1, 3, 0]];

/// Tries all formats.
pub(super) fn check(mut dice: Dice) -> Result<(), Broken> {
    places_of_the_first_version()?;
    manifests(&mut dice)?;
    pages(&mut dice)?;
    at_once(async move { Some(entries(&mut dice).await) }).unwrap_or(Ok(()))
}

/// Two versions that run side by side look for a document in one place.
fn places_of_the_first_version() -> Result<(), Broken> {
    let shards: Vec<u32> = (0..6).map(|number| DocumentId([number; 16]).shard(42, 64)).collect();
    if shards != FIRST_SHARDS {
        return Err((
            VERSIONS,
            format!("documents are looked for in {shards:?}, they are in {FIRST_SHARDS:?}"),
        ));
    }
    let nodes = [("ana", 1), ("bia", 2), ("caio", 1), ("davi", 4)];
    let all: Vec<Candidate<'_>> =
        nodes.iter().map(|(name, weight)| Candidate { name, weight: *weight }).collect();
    let ranks: Vec<Vec<usize>> = (0..4).map(|shard| placement::rank(shard, &all)).collect();
    if ranks != FIRST_RANKS {
        return Err((
            SETTLED,
            format!("shards belong to {ranks:?}, by the first version to {FIRST_RANKS:?}"),
        ));
    }
    let idle = [Candidate { name: "ana", weight: 0 }, Candidate { name: "bia", weight: 1 }];
    if (0..9).any(|shard| placement::rank(shard, &idle) != [1]) {
        return Err((SETTLED, "a node without weight is given shards".to_owned()));
    }
    Ok(())
}

fn blob(dice: &mut Dice) -> BlobRef {
    let number = dice.below(1 << 30);
    BlobRef { key: format!("v1/blob/{number}"), sha256: [number as u8; 32], size_bytes: number }
}

fn manifests(dice: &mut Dice) -> Result<(), Broken> {
    let rest = if dice.one_in(2) { Rest::from(&b"of a later version"[..]) } else { Rest::default() };
    let owner = Owner { node: "ana".to_owned(), generation: u128::from(dice.below(1 << 60)) + 1 };
    let position =
        Position { seq: dice.below(99), epoch: dice.below(9), checksum: dice.below(1 << 32) as u32 };
    let manifest = Manifest {
        shard: dice.below(64) as u32,
        epoch: dice.below(1 << 40),
        owner: (!dice.one_in(3)).then_some(owner),
        lease_until_ms: dice.below(1 << 40),
        floor_seq: dice.below(1 << 40),
        snapshot: (!dice.one_in(3)).then(|| SnapshotRef { position, parts: vec![blob(dice), blob(dice)] }),
        min_reader_version: FORMAT_VERSION,
        writer: u128::from(dice.below(1 << 50)) + 1,
        rest: rest.clone(),
    };
    let node = NodeRecord {
        node: "bia".to_owned(),
        generation: u128::from(dice.below(1 << 50)),
        address: "10.0.0.7:7700".to_owned(),
        roles: vec!["api".to_owned(), "ocr".to_owned()],
        version: "1.2".to_owned(),
        beat: dice.below(1 << 40),
        beat_ms: dice.below(1 << 40),
        ended: dice.one_in(2),
        rest,
    };
    kept(Kind::Manifest, codec::encode(Kind::Manifest, &manifest), dice, &|kind, bytes| {
        codec::decode::<Manifest>(kind, bytes).ok().map(|found| found == manifest)
    })?;
    kept(Kind::Node, codec::encode(Kind::Node, &node), dice, &|kind, bytes| {
        codec::decode::<NodeRecord>(kind, bytes).ok().map(|found| found == node)
    })?;
    let cluster = Cluster { shard_count: 64, hash_seed: dice.below(1 << 60), format_version: FORMAT_VERSION };
    kept(Kind::Cluster, codec::encode(Kind::Cluster, &cluster), dice, &|kind, bytes| {
        codec::decode::<Cluster>(kind, bytes).ok().map(|found| found == cluster)
    })?;
    at_once(async move { Some(later(&manifest, &cluster).await) }).unwrap_or(Ok(()))
}

/// A record comes back as it was; whatever else stands there is refused. `read` says whether bytes of a kind are read, and
/// whether as that record.
fn kept(
    kind: Kind,
    bytes: Result<Vec<u8>, CodecError>,
    dice: &mut Dice,
    read: &dyn Fn(Kind, &[u8]) -> Option<bool>,
) -> Result<(), Broken> {
    let bytes = bytes.map_err(|error| failed("encoding a record", &error))?;
    if read(kind, &bytes) != Some(true) {
        return Err((VERSIONS, format!("a record of kind {kind:?} is not read as it was written")));
    }
    if read(Kind::Row, &bytes).is_some() {
        return Err((VERSIONS, format!("a record of kind {kind:?} is read as another")));
    }
    let cut = dice.below(bytes.len() as u64) as usize;
    let short = bytes.get(..cut).unwrap_or_default();
    let long = [&bytes[..], &[0]].concat();
    let mut flipped = bytes.clone();
    if let Some(byte) = flipped.get_mut(cut) {
        *byte ^= 1 << dice.below(8);
    }
    for (bytes, how) in [(short, "cut short"), (&long[..], "followed by a byte"), (&flipped[..], "flipped")] {
        if read(kind, bytes).is_some() || codec::checksum(bytes).is_ok() {
            return Err((DAMAGE, format!("a record of kind {kind:?} is {how}, and it is read")));
        }
    }
    Ok(())
}

/// What a later version has locked against this one is left alone.
async fn later(manifest: &Manifest, cluster: &Cluster) -> Result<(), Broken> {
    let store = Memory::new();
    let locked = Manifest { min_reader_version: FORMAT_VERSION + 1, ..manifest.clone() };
    let _ = log::create_manifest(&store, &locked).await;
    if log::read_manifest(&store, locked.shard).await.is_ok() {
        return Err((VERSIONS, "a log is read that needs a later version".to_owned()));
    }
    let _ =
        log::create_cluster(&store, &Cluster { format_version: FORMAT_VERSION + 1, ..cluster.clone() }).await;
    if log::read_cluster(&store).await.is_ok() {
        return Err((VERSIONS, "a store is used that needs a later version".to_owned()));
    }
    let sound = Memory::new();
    let _ = log::create_cluster(&sound, cluster).await;
    match log::read_cluster(&sound).await {
        Ok(Some(found)) if found == *cluster => {}
        found => return Err((VERSIONS, format!("the settings {cluster:?} are read as {found:?}"))),
    }
    // The record of one node under the key of another is nobody's.
    let record = NodeRecord { node: "ana".to_owned(), generation: 7, ..NodeRecord::default() };
    let bytes = codec::encode(Kind::Node, &record).unwrap_or_default();
    if let Ok(key) = log::node_key("bia", 7) {
        let _ = sound.put_new(&key, bytes.into()).await;
    }
    if log::read_node(&sound, "bia", 7).await.is_ok() {
        return Err((VERSIONS, "the record of a node is read as that of another".to_owned()));
    }
    Ok(())
}

fn pages(dice: &mut Dice) -> Result<(), Broken> {
    let page = |dice: &mut Dice, number: u32| PageRecord {
        number,
        text: "Cláusula primeira. ".repeat(1 + dice.below(60) as usize),
        width_pt: 595.0,
        height_pt: dice.below(900) as f32,
        is_ocr: dice.one_in(2),
        confidence: dice.below(100) as f32 / 100.0,
        words: vec![WordBox { start: 0, end: 9, rect: [1.0, 2.0, 3.0, dice.below(9) as f32] }],
        table_rows: vec![(0, dice.below(9) as u32)],
        headings: vec![(dice.below(4) as u32, 5)],
    };
    let blob = PagesBlob { pages: (1..=1 + dice.below(5) as u32).map(|number| page(dice, number)).collect() };
    let bytes = encode_pages(&blob).map_err(|error| failed("encoding pages", &error))?;
    match decode_pages(&bytes) {
        Ok(found) if found == blob => {}
        Ok(_) => return Err((VERSIONS, "pages are read that were not written".to_owned())),
        Err(error) => return Err(failed("decoding pages", &error)),
    }
    if decode_chunks(&bytes).is_ok() {
        return Err((VERSIONS, "pages are read as chunks".to_owned()));
    }
    let newer =
        [WireOp { tag: 8, version: 1, body: Vec::new() }, WireOp { tag: 7, version: 2, body: Vec::new() }];
    match newer.iter().find(|wire| Op::from_wire(wire).is_ok()) {
        Some(wire) => Err((VERSIONS, format!("an operation that nobody knows is read: {wire:?}"))),
        None => Ok(()),
    }
}

/// Every entry of a drawn history is opened as what was sealed, and nowhere else.
async fn entries(dice: &mut Dice) -> Result<(), Broken> {
    let history = History::draw(dice, 8).await.map_err(|error| failed("drawing a history", &error))?;
    for SealedEntry { entry, bytes, checksum } in &history.entries {
        match SealedEntry::open(entry.shard, entry.seq, bytes.clone()) {
            Ok(opened) if opened.entry == *entry && opened.checksum == *checksum => {}
            Ok(opened) => {
                return Err((REPLAY, format!("an entry is opened as {:?}, it is {entry:?}", opened.entry)));
            }
            Err(error) => return Err(failed("opening an entry", &error)),
        }
        for (shard, seq) in [(1, entry.seq), (0, entry.seq + 1)] {
            if SealedEntry::open(shard, seq, bytes.clone()).is_ok() {
                return Err((REPLAY, format!("entry {} is read as entry {seq} of shard {shard}", entry.seq)));
            }
        }
        let keys: Vec<Key> = (0..3).filter_map(|more| log::entry_key(0, 9 + more).ok()).collect();
        if !keys.is_sorted() || keys.iter().any(|key| !key.as_str().starts_with(&log::entry_prefix(0))) {
            return Err((REPLAY, "entries are not listed in their order".to_owned()));
        }
    }
    for blob in history.end().chunks.values() {
        let bytes = encode_chunks(blob).map_err(|error| failed("encoding chunks", &error))?;
        if decode_chunks(&bytes).ok().as_ref() != Some(blob) {
            return Err((VERSIONS, "chunks are read that were not written".to_owned()));
        }
    }
    Ok(())
}
