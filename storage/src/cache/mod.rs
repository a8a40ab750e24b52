//! What may be forgotten: answers, embeddings, recognised pages and sessions. A cache costs time, never an answer.

mod in_process;
mod keys;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use in_process::InProcess;
pub use keys::{
    ANSWER_TTL, AnswerKey, EMBEDDING_TTL, OCR_TTL, SESSION_TTL, answer_key, answer_prefix, embedding_key,
    ocr_key, ocr_prefix, session_key, session_prefix, tenant_prefix,
};

/// Largest value in bytes: more is cheaper to compute again than to move.
pub const VALUE_BYTES_MAX: usize = 256 << 10;

/// A cache with times to live. A miss and a failure look the same to the caller, because both mean "compute it".
#[async_trait]
pub trait Cache: Send + Sync + fmt::Debug {
    /// The value, unless it is missing, expired, or the cache is down or slow.
    async fn get(&self, key: &str) -> Option<Bytes>;

    /// Keeps `value` for about `ttl`; values above [`VALUE_BYTES_MAX`] are not kept.
    async fn put(&self, key: &str, value: Bytes, ttl: Duration);

    /// Forgets everything whose key starts with `prefix`; says how many were forgotten.
    ///
    /// # Errors
    ///
    /// If the cache cannot promise that they are gone; the deletion of a document must then be repeated.
    async fn delete_prefix(&self, prefix: &str) -> Result<u64, CacheError>;

    /// Whether the cache answers at present, for the health page.
    async fn is_up(&self) -> bool;
}

/// The cache could not do what must not fail quietly.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the cache is not reachable: {what}")]
pub struct CacheError {
    /// What the cache or the transport said.
    pub what: String,
}
