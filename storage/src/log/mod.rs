//! The shard log as records: entries, manifests, their keys and chain, and thin reads and writes of them.
//!
//! Deliberately not here: who may append, and what to do when refused; the owner of the shard decides that.

mod chain;
mod entry;
mod keys;
mod manifest;
mod node;
mod replay;
#[cfg(test)]
mod tests;

pub use chain::{ChainError, Position};
pub use entry::{Entry, LogError, SealedEntry, put_entry, read_entry};
pub use keys::{
    cluster_key, entry_key, entry_prefix, manifest_key, node_key, node_prefix, snapshot_key, snapshot_prefix,
};
pub use manifest::{
    Cluster, Manifest, Owner, SnapshotRef, Versioned, create_cluster, create_manifest, read_cluster,
    read_manifest, swap_manifest,
};
pub use node::{NodeRecord, create_node, delete_node, list_nodes, read_node, swap_node};
pub use replay::{Replay, replay};

/// The version of log and blob formats that this product reads and writes.
pub const FORMAT_VERSION: u32 = 1;
