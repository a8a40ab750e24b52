//! Every bit of one object of each kind that is read again, flipped once in the store: whoever reads it must notice.

use std::sync::Arc;

use bytes::Bytes;
use enabler_storage::codec::{self, Kind};
use enabler_storage::log::{self, Cluster, FORMAT_VERSION, Head, Manifest, NodeRecord, Owner, Position};
use enabler_storage::log::{SnapshotRef, Spool};
use enabler_storage::objects::{Key, Memory, ObjectStore, PutOutcome};
use enabler_storage::record::{
    BlobRef, BlobStage, DocumentId, PageRecord, PagesBlob, WordBox, encode_chunks, encode_pages, put_blob,
};
use enabler_storage::sealed;
use enabler_storage::shard::read_needed;
use serde::Serialize;
use serde_json::{Value, json};

use super::history::History;
use super::{Dice, Folder};
use crate::core::{DIMENSIONS, MODEL, at_once};

/// Entries of the log whose bits are flipped: enough that every kind of operation is among them.
const ENTRIES: usize = 16;
/// So small that a snapshot has several parts.
const PART_BYTES_MAX: usize = 600;
/// Who writes.
const NODE: (&str, u128) = ("ana", 7);

/// What became of the flipped bits of one kind of object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flipped {
    /// What kind of object.
    pub kind: &'static str,
    /// Objects.
    pub objects: usize,
    /// Bytes in them; each was flipped in each of its eight bits, one at a time.
    pub bytes: usize,
    /// Flips that the reader noticed.
    pub detected: usize,
    /// Flips after which the object was read as if it were sound.
    pub served: usize,
}

/// How an object of one kind is read in production.
enum Reading {
    Cluster,
    Manifest,
    Node,
    /// The entry behind this position.
    Entry(Position),
    Snapshot(SnapshotRef),
    Blob(BlobRef),
    /// A page that an ingest has finished and keeps apart until all are.
    Page(Key),
    /// An API key, an answer kept for a repeated request, a batch, the lease of recurring work and its likes.
    Json(Key),
}

impl Reading {
    /// Whether it is read as if it were sound.
    async fn succeeds(&self, store: &Arc<Memory>) -> bool {
        match self {
            Self::Cluster => log::read_cluster(&**store).await.is_ok(),
            Self::Manifest => log::read_manifest(&**store, 0).await.is_ok(),
            Self::Node => log::read_node(&**store, NODE.0, NODE.1).await.is_ok(),
            Self::Entry(before) => log::replay(store.clone(), 0, *before).next().await.is_ok(),
            Self::Snapshot(snapshot) => {
                let mut reader = log::read_snapshot(store.clone(), 0, snapshot);
                loop {
                    match reader.next().await {
                        Ok(Some(_)) => {}
                        Ok(None) => return true,
                        Err(_) => return false,
                    }
                }
            }
            Self::Blob(blob) => matches!(read_needed(&**store, blob).await, Ok(Some(_))),
            Self::Page(key) => match store.get(key).await {
                Ok(Some(object)) => codec::decode::<PageRecord>(Kind::Pages, &object.bytes).is_ok(),
                _ => false,
            },
            Self::Json(key) => match store.get(key).await {
                Ok(Some(object)) => sealed::open::<Value>(&object.bytes).is_ok(),
                _ => false,
            },
        }
    }
}

/// The objects of one kind: where each is, and how it is read.
type Objects = Vec<(Key, Reading)>;

/// Flips every bit of the objects that `seed` draws, and reads each of them after each flip.
///
/// # Errors
/// When the objects cannot be written, or are not read when they are sound.
pub fn flip_every_bit(seed: u64) -> Result<Vec<Flipped>, String> {
    at_once(async move { Some(all(Dice::of_seed(seed)).await) })
        .unwrap_or_else(|| Err("there is no runtime to read objects on".to_owned()))
}

async fn all(mut dice: Dice) -> Result<Vec<Flipped>, String> {
    let folder = Folder::new().ok_or("there is no folder to spool a snapshot in")?;
    let (store, kinds) = written(&mut dice, &folder).await.map_err(|error| error.to_string())?;
    let store = Arc::new(store);
    let mut flipped = Vec::new();
    for (kind, objects) in kinds {
        let mut found = Flipped { kind, objects: objects.len(), bytes: 0, detected: 0, served: 0 };
        for (key, reading) in &objects {
            flip(&store, key, reading, &mut found).await?;
        }
        flipped.push(found);
    }
    Ok(flipped)
}

async fn flip(store: &Arc<Memory>, key: &Key, reading: &Reading, found: &mut Flipped) -> Result<(), String> {
    let object = store.get(key).await.map_err(|error| error.to_string())?;
    let bytes = object.ok_or_else(|| format!("`{key}` was not written"))?.bytes.len();
    if bytes == 0 {
        return Err(format!("`{key}` is empty"));
    }
    found.bytes += bytes;
    for bit in 0..bytes * 8 {
        store.flip(key, bit);
        if reading.succeeds(store).await {
            found.served += 1;
        } else {
            found.detected += 1;
        }
        store.flip(key, bit);
    }
    // Otherwise nothing would be told by what was refused above.
    if reading.succeeds(store).await { Ok(()) } else { Err(format!("`{key}` is sound and is not read")) }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn done(outcome: PutOutcome) -> Result<(), Failed> {
    match outcome {
        PutOutcome::Done(_) => Ok(()),
        other => Err(format!("an object was not written: {other:?}").into()),
    }
}

/// One store with objects of every kind in it.
async fn written(dice: &mut Dice, folder: &Folder) -> Result<(Memory, Vec<(&'static str, Objects)>), Failed> {
    let history = History::draw(dice, ENTRIES).await?;
    let store = history.stored(ENTRIES).await?;
    let snapshot = snapshot(&store, &history, folder).await?;
    let cluster = Cluster { shard_count: 64, hash_seed: dice.below(1 << 60), format_version: FORMAT_VERSION };
    done(log::create_cluster(&store, &cluster).await?)?;
    let owner = Owner { node: NODE.0.to_owned(), generation: NODE.1 };
    let manifest = Manifest {
        epoch: 9,
        owner: Some(owner),
        lease_until_ms: dice.below(1 << 40),
        snapshot: Some(snapshot.clone()),
        writer: NODE.1,
        ..Manifest::unowned(0)
    };
    done(log::create_manifest(&store, &manifest).await?)?;
    let node = NodeRecord {
        node: NODE.0.to_owned(),
        generation: NODE.1,
        address: "10.0.0.7:7700".to_owned(),
        roles: vec!["api".to_owned(), "ocr".to_owned()],
        beat: dice.below(1 << 40),
        ..NodeRecord::default()
    };
    done(log::create_node(&store, &node).await?)?;
    let positions = history.meanings.iter().map(|meaning| meaning.position);
    let entries = positions.zip(&history.entries);
    let entries = entries.map(|(before, entry)| {
        Ok::<_, Failed>((log::entry_key(0, entry.entry.seq)?, Reading::Entry(before)))
    });
    let parts = snapshot
        .parts
        .iter()
        .map(|part| Ok::<_, Failed>((Key::new(part.key.as_str())?, Reading::Snapshot(snapshot.clone()))));
    let mut kinds = vec![
        ("the store's settings", vec![(log::cluster_key()?, Reading::Cluster)]),
        ("manifest", vec![(log::manifest_key(0)?, Reading::Manifest)]),
        ("node record", vec![(log::node_key(NODE.0, NODE.1)?, Reading::Node)]),
        ("log entry", entries.collect::<Result<Objects, Failed>>()?),
        ("snapshot part", parts.collect::<Result<Objects, Failed>>()?),
    ];
    let pages = PagesBlob { pages: (1..=3).map(|number| page(dice, number)).collect() };
    let chunks = history.meanings.iter().rev().find_map(|meaning| meaning.chunks.values().next());
    let chunks = encode_chunks(chunks.ok_or("no document of the history is ready")?)?;
    for (kind, stage, bytes) in [
        ("uploaded file", BlobStage::Original, drawn(dice)),
        ("pages", BlobStage::Pages, encode_pages(&pages)?),
        ("chunks and vectors", BlobStage::Chunks, chunks),
        ("page image", BlobStage::Other, drawn(dice)),
    ] {
        let blob = put_blob(&store, "acme", DocumentId([3; 16]), stage, Bytes::from(bytes)).await?;
        kinds.push((kind, vec![(Key::new(blob.key.as_str())?, Reading::Blob(blob))]));
    }
    let key = Key::new("v1/blob/acme/page-000001-00000001")?;
    let bytes = codec::encode(Kind::Pages, &page(dice, 1))?;
    done(store.put_new(&key, Bytes::from(bytes)).await)?;
    kinds.push(("finished page", vec![(key.clone(), Reading::Page(key))]));
    let key = Key::new("v1/keys/0192f0c1-0000-7000-8000-000000000001.json")?;
    let record = json!({ "name": "integração", "tenant": "acme", "created_ms": dice.below(1 << 40), "scopes": ["read"] });
    done(store.put_new(&key, sealed::seal(&record)?).await)?;
    kinds.push(("JSON record", vec![(key.clone(), Reading::Json(key))]));
    Ok((store, kinds))
}

fn drawn(dice: &mut Dice) -> Vec<u8> {
    (0..600 + dice.below(200)).map(|_| dice.below(256) as u8).collect()
}

fn page(dice: &mut Dice, number: u32) -> PageRecord {
    PageRecord {
        number,
        text: format!("Cláusula {number}. O prazo é de {} dias.", dice.below(90)),
        width_pt: 595.0,
        height_pt: 842.0,
        confidence: 1.0,
        words: vec![WordBox { start: 0, end: 9, rect: [1.0, 2.0, 3.0, 4.0] }],
        ..PageRecord::default()
    }
}

async fn snapshot(store: &Memory, history: &History, folder: &Folder) -> Result<SnapshotRef, Failed> {
    let meaning = history.end();
    let head = Head { position: meaning.position, dimensions: DIMENSIONS as u32, model_id: MODEL.to_owned() };
    let mut spool = Spool::create(folder.0.join("spool"), head, PART_BYTES_MAX)?;
    meaning.rows.lines().try_for_each(|line| spool.push(&line))?;
    Ok(log::write_snapshot(store, 0, 3, &spool.finish()?).await?)
}

#[cfg(test)]
mod tests {
    use enabler_storage::plant;

    use super::*;

    fn served(flipped: &[Flipped]) -> Vec<&'static str> {
        flipped.iter().filter(|found| found.served > 0).map(|found| found.kind).collect()
    }

    #[test]
    fn no_object_of_any_kind_is_served_with_a_flipped_bit() {
        let flipped = flip_every_bit(1).unwrap();
        assert_eq!(served(&flipped), Vec::<&str>::new());
        assert_eq!(flipped.len(), 11);
        for found in &flipped {
            assert_eq!(found.detected, found.bytes * 8, "{found:?}");
        }
        let entries = flipped.iter().find(|found| found.kind == "log entry").unwrap();
        assert_eq!(entries.objects, ENTRIES);
        assert!(flipped.iter().find(|found| found.kind == "snapshot part").unwrap().objects > 1);
    }

    #[test]
    fn whoever_does_not_look_at_checksums_serves_what_was_flipped() {
        for (mistake, kinds) in [
            ("checksum-not-verified", ["log entry", "manifest"]),
            ("blob-hash-not-verified", ["pages", "page image"]),
        ] {
            plant::choose(Some(mistake));
            let flipped = flip_every_bit(1);
            plant::choose(None);
            let served = served(&flipped.unwrap());
            assert!(kinds.iter().all(|kind| served.contains(kind)), "{mistake}: {served:?}");
        }
    }
}
