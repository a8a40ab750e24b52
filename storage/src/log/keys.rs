//! Where everything of the log stands in the object store.

use crate::objects::{InvalidKey, Key};
use crate::plant;

/// The store-wide settings, created once.
///
/// # Errors
///
/// Never; the type says that keys are checked.
pub fn cluster_key() -> Result<Key, InvalidKey> {
    Key::new("v1/cluster")
}

/// The manifest of a shard.
///
/// # Errors
///
/// Never; the type says that keys are checked.
pub fn manifest_key(shard: u32) -> Result<Key, InvalidKey> {
    Key::new(format!("v1/s/{shard:04x}/manifest"))
}

/// All entries of a shard, in the order of their sequence numbers.
#[must_use]
pub fn entry_prefix(shard: u32) -> String {
    format!("v1/s/{shard:04x}/log/")
}

/// The entry `seq` of a shard.
///
/// # Errors
///
/// Never; the type says that keys are checked.
pub fn entry_key(shard: u32, seq: u64) -> Result<Key, InvalidKey> {
    if plant::here("numbers-in-keys-are-not-padded") {
        return Key::new(format!("{}{seq}", entry_prefix(shard)));
    }
    Key::new(format!("{}{seq:020}", entry_prefix(shard)))
}

/// All snapshots of a shard, in the order of their positions.
#[must_use]
pub fn snapshots_prefix(shard: u32) -> String {
    format!("v1/s/{shard:04x}/snap/")
}

/// All parts of the snapshot that the owner of `epoch` made at `seq`.
#[must_use]
pub fn snapshot_prefix(shard: u32, seq: u64, epoch: u64) -> String {
    format!("{}{seq:020}-{epoch:08x}/", snapshots_prefix(shard))
}

/// One part of a snapshot.
///
/// # Errors
///
/// Never; the type says that keys are checked.
pub fn snapshot_key(shard: u32, seq: u64, epoch: u64, part: u32) -> Result<Key, InvalidKey> {
    Key::new(format!("{}{part:04}", snapshot_prefix(shard, seq, epoch)))
}

/// All generations of all nodes.
#[must_use]
pub fn node_prefix() -> &'static str {
    "v1/n/"
}

/// The record of one generation of a node.
///
/// # Errors
///
/// If the node's name has characters that no key takes.
pub fn node_key(node: &str, generation: u128) -> Result<Key, InvalidKey> {
    Key::new(format!("{}{node}/{generation:032x}", node_prefix()))
}
