//! A whole store as one portable file: taken from a store that goes on working, and put into an empty one.
//!
//! The file is a header, one frame per object with its SHA-256, an index, and a BLAKE3 of everything before. Its
//! layout stands in `file.rs`; what goes into it and what stays behind in `contents.rs`.

mod check;
mod contents;
mod error;
mod file;
mod mark;
mod put;
mod take;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use check::check;
pub use error::BundleError;
pub use mark::{Mark, read_mark};
pub use put::{EPOCH_STEP, restore};
pub use take::backup;

/// What a bundle says about itself before anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of the product that made it.
    pub product: String,
    /// When it was begun, Unix milliseconds by the clock of the machine that made it.
    pub made_ms: u64,
    /// Shards of the store.
    pub shard_count: u32,
    /// Drawn for each bundle, so that two of one store are told apart.
    pub id: String,
}

/// What a bundle holds, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// What it says about itself.
    pub about: About,
    /// Objects that a restore writes.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Shards that have ever been owned.
    pub shards: u32,
    /// Entries of their logs.
    pub entries: u64,
    /// Blobs: uploaded files, page texts, chunks with their vectors.
    pub blobs: u64,
}
