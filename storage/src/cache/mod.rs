//! What may be forgotten: answers, embeddings, recognised pages and sessions. A cache costs time, never an answer.

mod counters;
mod groups;
mod in_process;
mod keys;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use counters::{
    Counters, EVENT_BYTES_MAX, EVENTS_MAX, EVENTS_READ_MAX, Resume, STREAM_TTL_MAX, event_is_kept,
};
pub use groups::{Group, Place, Reach, TENANTS_PREFIX, place_of, reach_of};
pub use in_process::{InProcess, jittered};
pub use keys::{
    ANSWER_TTL, AnswerKey, EMBEDDING_TTL, OCR_TTL, SESSION_TTL, STREAM_TTL, answer_key, answer_prefix,
    embedding_key, ocr_key, ocr_prefix, session_key, session_prefix, stream_key, stream_prefix,
    tenant_prefix,
};

/// Largest value in bytes: more is cheaper to compute again than to move.
pub const VALUE_BYTES_MAX: usize = 256 << 10;

/// A cache with times to live. A miss and a failure look the same to the caller, because both mean "compute it".
#[async_trait]
pub trait Cache: Send + Sync + fmt::Debug {
    /// The value, unless it is missing, expired, or the cache is down or slow.
    async fn get(&self, key: &str) -> Option<Bytes>;

    /// The values of several keys, in their order; a cache behind a network fetches them in one round trip.
    async fn get_many(&self, keys: &[String]) -> Vec<Option<Bytes>> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.get(key).await);
        }
        values
    }

    /// Keeps `value` for about `ttl`; values above [`VALUE_BYTES_MAX`] are not kept, nor is a `ttl` of zero.
    async fn put(&self, key: &str, value: Bytes, ttl: Duration);

    /// Forgets everything whose key starts with `prefix`; says how many were forgotten.
    ///
    /// # Errors
    ///
    /// If the cache cannot promise that they are gone; the deletion of a document must then be repeated.
    async fn delete_prefix(&self, prefix: &str) -> Result<u64, CacheError>;

    /// Whether the cache answers at present, for the health page.
    async fn is_up(&self) -> bool;

    /// The memory that it takes, where that is known.
    async fn usage(&self) -> Usage {
        Usage::default()
    }
}

/// The memory of a cache in bytes, each with its bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// In this process.
    pub node: Option<(u64, u64)>,
    /// In the Redis; the bound only where it has one.
    pub redis: Option<(u64, Option<u64>)>,
}

/// The cache could not do what must not fail quietly.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the cache is not reachable: {what}")]
pub struct CacheError {
    /// What the cache or the transport said.
    pub what: String,
}
