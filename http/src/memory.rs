//! What requests leave for later ones, on whichever node those arrive.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::context::Tenant;

/// What something is remembered under. What is about a document is forgotten with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NoteKey {
    /// Whose it is.
    pub tenant: Tenant,
    /// The document that it is about, if it is about one.
    pub document: Option<Uuid>,
    /// The stream that left it.
    pub stream: Uuid,
    /// What it is.
    pub name: String,
}

/// A memory that all nodes share. It may forget anything at any time, so nothing may rest on it alone.
#[async_trait]
pub trait Memory: Send + Sync {
    /// Remembers `value` for about `ttl`.
    async fn keep(&self, key: &NoteKey, value: Bytes, ttl: Duration);

    /// What is remembered under each of `keys`, in their order.
    async fn recall(&self, keys: &[NoteKey]) -> Vec<Option<Bytes>>;
}
