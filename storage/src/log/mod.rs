//! The shard log as records: entries, manifests, snapshots and nodes, their keys, and thin reads and writes of them.
//!
//! Deliberately not here: who may append or compact, and what to do when refused; the owner of the shard decides that.

mod chain;
mod collect;
pub mod compact;
mod documents;
mod entry;
mod erase;
mod error;
mod keys;
mod manifest;
mod measure;
mod node;
mod replay;
mod snapshot;
#[cfg(test)]
mod tests;

pub use chain::{ChainError, Position};
pub use collect::{Collected, MIN_AGE, REMOVED_MAX, collect};
pub use documents::read_documents;
pub use entry::{Entry, SealedEntry, put_entry, read_entry};
pub use erase::{Erased, Traces, erase_document, traces_of};
pub use error::LogError;
pub use keys::{
    cluster_key, entry_key, entry_prefix, manifest_key, node_key, node_prefix, snapshot_key, snapshot_prefix,
    snapshots_prefix,
};
pub use manifest::{
    Cluster, Manifest, Owner, SnapshotRef, Versioned, create_cluster, create_manifest, read_cluster,
    read_manifest, swap_manifest,
};
pub use measure::{Measured, measure};
pub use node::{
    NODES_AT_ONCE, NodePage, NodeRecord, create_node, delete_node, list_nodes, read_node, swap_node,
};
pub use replay::{Replay, Start, replay, shard_start};
pub use snapshot::{
    Head, Line, PART_BYTES_MAX, Part, SnapshotReader, Spool, Spooled, read_snapshot, write_snapshot,
};

/// The version of log and blob formats that this product reads and writes.
pub const FORMAT_VERSION: u32 = 1;
