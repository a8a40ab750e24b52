//! A shard's index: documents, chunks, vectors and words of one shard, all derived from its log and rebuilt at will.

mod error;
mod query;

pub use error::ShardError;
pub use query::{Blobs, DocumentPage, Hit, Query, fetch_needed};
