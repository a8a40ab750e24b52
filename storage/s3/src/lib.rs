//! The object store contract kept by an S3 bucket, or by any server that speaks S3 and keeps its conditions.
//!
//! Deliberately not in this room: whether a server keeps its conditions (the probe of `enabler-storage` finds out),
//! and what to do when a write is refused or unknown (the owner of the shard decides).

mod bucket;
mod clients;
mod links;
mod listing;
mod said;
mod settings;
mod upload;

pub use bucket::Bucket;
pub use settings::{OpenError, Settings, Timeouts};
