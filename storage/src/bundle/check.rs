//! Reads a bundle to its end before anybody relies on it: every hash, every log as one chain, every manifest.

use std::collections::BTreeMap;
use std::path::Path;

use super::contents::{Place, place};
use super::file::{Index, Next, Reader};
use super::take::blocking;
use super::{BundleError, Summary};
use crate::codec::{self, Kind, Rest};
use crate::log::{Cluster, Manifest, Position, SealedEntry};
use crate::objects::Key;

/// A bundle that was read to its end.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) summary: Summary,
    pub(super) index: Index,
    /// The shards that were ever owned, with the end of their logs.
    pub(super) shards: BTreeMap<u32, (Manifest, Position)>,
}

/// Reads the bundle `path` to its end and says what it holds.
///
/// # Errors
///
/// If it is cut off, damaged, newer, or something else.
pub async fn check(path: &Path) -> Result<Summary, BundleError> {
    let path = path.to_path_buf();
    Ok(blocking(move || checked(&path)).await?.summary)
}

/// As [`check`], with what a restore needs. Blocking.
pub(super) fn checked(path: &Path) -> Result<Checked, BundleError> {
    let mut reader = Reader::open(path)?;
    let (mut seen, mut shards, mut entries) = (Index::new(), BTreeMap::new(), 0);
    let mut settings = None;
    let index = loop {
        match reader.next()? {
            Next::Object { key, listed, bytes } => {
                match place(key.as_str()) {
                    Place::Settings => {
                        let (cluster, _): (Cluster, Rest) =
                            codec::decode(Kind::Cluster, &bytes).map_err(|_| unreadable(&key))?;
                        settings = Some(cluster);
                    }
                    Place::Manifest(shard) => {
                        let manifest: Manifest =
                            codec::decode(Kind::Manifest, &bytes).map_err(|_| unreadable(&key))?;
                        let from =
                            manifest.snapshot.as_ref().map_or_else(Position::default, |own| own.position);
                        shards.insert(shard, (manifest, from));
                    }
                    Place::Entry(shard, seq) => {
                        let entry = SealedEntry::open(shard, seq, bytes).map_err(|_| unreadable(&key))?;
                        let (_, position) = shards.get_mut(&shard).ok_or_else(|| unreadable(&key))?;
                        // The entry that a snapshot ends at comes along.
                        if seq != position.seq {
                            *position = position.follow(&entry).map_err(|error| {
                                BundleError::damaged(format!("the log of shard {shard}: {error}"))
                            })?;
                            entries += 1;
                        }
                    }
                    Place::Blob | Place::Other => {}
                }
                seen.insert(key, listed);
            }
            Next::Index(index) => break index,
        }
    };
    if let Some((key, _)) = index.iter().find(|(key, listed)| seen.get(key) != Some(listed)) {
        return Err(BundleError::damaged(format!("its index names `{key}`, which is not there")));
    }
    let settings = settings.ok_or_else(|| BundleError::damaged("it holds no settings of a store"))?;
    if settings.shard_count != reader.about.shard_count {
        return Err(BundleError::damaged("its header and its settings name different counts of shards"));
    }
    let snapshots = shards.values().filter_map(|(manifest, _)| manifest.snapshot.as_ref());
    for part in snapshots.flat_map(|snapshot| &snapshot.parts) {
        if !Key::new(part.key.as_str()).is_ok_and(|key| index.contains_key(&key)) {
            return Err(BundleError::damaged(format!("`{}` is not in it", part.key)));
        }
    }
    let summary = Summary {
        about: reader.about.clone(),
        objects: index.len() as u64,
        bytes: index.values().map(|listed| listed.size_bytes).sum(),
        file_bytes: reader.at(),
        shards: shards.len() as u32,
        entries,
        blobs: index.keys().filter(|key| place(key.as_str()) == Place::Blob).count() as u64,
    };
    Ok(Checked { summary, index, shards })
}

fn unreadable(key: &Key) -> BundleError {
    BundleError::damaged(format!("`{key}` cannot be read"))
}
