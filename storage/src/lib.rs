//! Bytes that last and indexes that can be rebuilt: the object store is the truth, everything else here is derived.
//!
//! Deliberately not in this room: messages, HTTP, actors, and the decisions about who may write (they live with
//! the owner of a shard). Blocking work is marked as such; the caller decides on which thread it runs.

pub mod bundle;
pub mod cache;
pub mod chance;
pub mod clock;
pub mod codec;
pub mod eval;
pub mod index;
pub mod log;
pub mod objects;
pub mod plant;
pub mod record;
pub mod sealed;
pub mod shard;
#[cfg(test)]
mod version_tests;
