//! Decides what of a store goes into a bundle. Pure.
//!
//! Inside: the settings of the store, manifests, logs, snapshots, the blobs of documents that are not deleted, and
//! every other record, such as rules, the hashes of keys, the audit log, batches and quarantined documents.
//! Outside: what belongs to running nodes ([`LEFT_OUT`]) and what nothing names any more.

use std::collections::BTreeMap;

use crate::log::Line;
use crate::record::{BlobRef, DocumentId, DocumentRecord, Op};

/// What stays behind, with what it is. A prefix that this version does not know is carried: losing it is worse.
pub(super) const LEFT_OUT: [&str; 7] = [
    // Node records and their beats.
    "v1/n/",
    // Who runs recurring work just now.
    "v1/recurring/lease.json",
    // Answers to repeated requests, worth a day.
    "v1/once/",
    // Races of the probe at the start of a node.
    "v1/probe/",
    // What failed on nodes that are not part of the next store.
    "v1/failures/",
    // Nodes that take no new shards.
    "v1/operator/cordoned/",
    // The mark of the store that this one came from.
    "v1/restored",
];

/// What is taken shard by shard and not by listing.
pub(super) const BY_SHARD: [&str; 2] = ["v1/s/", "v1/blob/"];

/// The settings of the store, which a restore writes last.
pub(super) const SETTINGS: &str = "v1/cluster";

/// The prefix that keeps `key` from being copied with the other records, if there is one.
pub(super) fn passed_over(key: &str) -> Option<&'static str> {
    LEFT_OUT.into_iter().chain(BY_SHARD).find(|prefix| key.starts_with(prefix))
}

/// What a key is to a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The settings of the store.
    Settings,
    /// The manifest of a shard.
    Manifest(u32),
    /// An entry of a shard's log.
    Entry(u32, u64),
    /// A document's bytes.
    Blob,
    /// Anything else.
    Other,
}

/// Where a key belongs.
pub(super) fn place(key: &str) -> Place {
    if key == SETTINGS {
        return Place::Settings;
    }
    if key.starts_with("v1/blob/") {
        return Place::Blob;
    }
    let mut parts = key.strip_prefix("v1/s/").unwrap_or_default().split('/');
    let shard = parts.next().and_then(|shard| u32::from_str_radix(shard, 16).ok());
    match (shard, parts.next(), parts.next()) {
        (Some(shard), Some("manifest"), None) => Place::Manifest(shard),
        (Some(shard), Some("log"), Some(seq)) => {
            seq.parse().map_or(Place::Other, |seq| Place::Entry(shard, seq))
        }
        _ => Place::Other,
    }
}

/// The blobs that one shard's documents name, as far as its log has been followed.
#[derive(Debug, Default)]
pub(super) struct Named(BTreeMap<DocumentId, Blobs>);

/// The blobs of one document.
#[derive(Debug, Default)]
struct Blobs {
    revision: u32,
    /// Of the current revision: the document is nothing without them.
    current: Vec<BlobRef>,
    /// Of revisions before: their entries are read again when an index is rebuilt, and can do without.
    earlier: Vec<BlobRef>,
}

/// A blob that should be in the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) document: DocumentId,
    pub(super) blob: BlobRef,
    /// Whether the document can do without it.
    pub(super) is_spare: bool,
}

impl Named {
    /// Takes a record of a snapshot.
    pub(super) fn line(&mut self, line: &Line) {
        if let Line::Document { document, .. } = line {
            self.accepted(document);
        }
    }

    /// Takes the next operation; gives the blobs of a document that it deletes.
    pub(super) fn op(&mut self, op: &Op) -> Vec<BlobRef> {
        match op {
            Op::Accepted { document } => self.accepted(document),
            Op::PagesRead { document_id, revision, pages, .. } => self.made(*document_id, *revision, pages),
            Op::ChunksEmbedded { document_id, revision, chunks, .. }
            | Op::Ready { document_id, revision, chunks, .. } => self.made(*document_id, *revision, chunks),
            Op::Deleted { document_id, .. } => {
                let gone = self.0.remove(document_id).unwrap_or_default();
                return gone.current.into_iter().chain(gone.earlier).collect();
            }
            Op::Failed { .. } | Op::Fence => {}
        }
        Vec::new()
    }

    fn accepted(&mut self, document: &DocumentRecord) {
        let known = self.0.entry(document.document_id).or_default();
        if document.revision < known.revision {
            return;
        }
        known.earlier.append(&mut known.current);
        known.revision = document.revision;
        let status = &document.status;
        let named = [Some(&document.original), status.pages.as_ref(), status.chunks.as_ref()];
        known.current.extend(named.into_iter().flatten().cloned());
    }

    fn made(&mut self, document: DocumentId, revision: u32, blob: &BlobRef) {
        let Some(known) = self.0.get_mut(&document).filter(|known| known.revision == revision) else {
            return;
        };
        if !known.current.contains(blob) {
            known.current.push(blob.clone());
        }
    }

    /// Every blob that is named now.
    pub(super) fn wanted(&self) -> Vec<Wanted> {
        let of = |document: &DocumentId, blobs: &[BlobRef], is_spare: bool| {
            let document = *document;
            blobs.iter().map(|blob| Wanted { document, blob: blob.clone(), is_spare }).collect::<Vec<_>>()
        };
        let all = self.0.iter();
        all.flat_map(|(id, blobs)| [of(id, &blobs.current, false), of(id, &blobs.earlier, true)].concat())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_running_nodes_stays_behind_and_what_is_unknown_does_not() {
        for key in ["v1/n/a/01", "v1/once/x", "v1/probe/1/0", "v1/failures/n/1/1.json", "v1/restored"] {
            assert!(passed_over(key).is_some(), "{key}");
        }
        for key in ["v1/keys/1", "v1/rules/generic.rules", "v1/audit/2026-01-01/n.jsonl", "v1/newer/x"] {
            assert_eq!(passed_over(key), None, "{key}");
        }
    }

    #[test]
    fn a_key_is_known_by_its_place() {
        assert_eq!(place("v1/cluster"), Place::Settings);
        assert_eq!(place("v1/s/000f/manifest"), Place::Manifest(15));
        assert_eq!(place("v1/s/000f/log/00000000000000000042"), Place::Entry(15, 42));
        assert_eq!(place("v1/s/000f/snap/00000000000000000042-00000001/0000"), Place::Other);
        assert_eq!(place("v1/blob/ab/cd/original-ef"), Place::Blob);
    }
}
