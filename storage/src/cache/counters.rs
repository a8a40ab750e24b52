//! What nodes count together, and the events of an answer that a reader who lost the connection reads again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Moka;

use super::{Cache, InProcess};

/// Counters that run at once in one process; beyond it the one that was used longest ago starts again.
const COUNTERS_MAX: u64 = 100_000;

/// Largest event of a stream in bytes; a piece of an answer has a few hundred.
pub const EVENT_BYTES_MAX: usize = 64 << 10;

/// Events of one stream; an answer has fewer pieces than this.
pub const EVENTS_MAX: u64 = 8_192;

/// Events given by one [`Resume::read_from`]; the reader asks again for more.
pub const EVENTS_READ_MAX: usize = 512;

/// The longest that a stream is kept: it holds text of documents, is reached by no deletion, and a reader who has
/// been away for longer asks again.
pub const STREAM_TTL_MAX: Duration = Duration::from_secs(600);

/// Counts within windows of time, for limits of use.
#[async_trait]
pub trait Counters: Send + Sync + fmt::Debug {
    /// Adds `by` to the counter of `key` in the window that is running and gives the sum, or `None` if nobody could
    /// count. Counters of one key with different windows are different counters. When a window begins is the
    /// counter's own business.
    async fn add(&self, key: &str, by: u64, window: Duration) -> Option<u64>;
}

/// Keeps the events of a stream for a while, so that a reader who was cut off goes on where it stopped.
#[async_trait]
pub trait Resume: Send + Sync + fmt::Debug {
    /// Keeps `event` as number `index` of `stream`; the stream lives for `ttl` (at most [`STREAM_TTL_MAX`]) after
    /// its last event. What is beyond [`EVENTS_MAX`] or [`EVENT_BYTES_MAX`] is not kept.
    async fn append(&self, stream: &str, index: u64, event: Bytes, ttl: Duration);

    /// The events from `index` on without a gap, at most [`EVENTS_READ_MAX`]; none if that event is not held.
    async fn read_from(&self, stream: &str, index: u64) -> Vec<Bytes>;
}

/// Whether an event is within the bounds of [`Resume`].
#[must_use]
pub fn event_is_kept(index: u64, event: &Bytes, ttl: Duration) -> bool {
    index < EVENTS_MAX && event.len() <= EVENT_BYTES_MAX && !ttl.is_zero()
}

/// The counters of one process.
#[derive(Clone)]
pub(super) struct Counts(Arc<Moka<(String, Duration), Arc<AtomicU64>>>);

struct ByWindow;

impl Expiry<(String, Duration), Arc<AtomicU64>> for ByWindow {
    fn expire_after_create(
        &self,
        key: &(String, Duration),
        _: &Arc<AtomicU64>,
        _: Instant,
    ) -> Option<Duration> {
        Some(key.1)
    }
}

impl Default for Counts {
    fn default() -> Self {
        // The oldest goes first: the default policy would refuse new counters in favour of busy ones.
        let counts = Moka::builder().max_capacity(COUNTERS_MAX).eviction_policy(EvictionPolicy::lru());
        Self(Arc::new(counts.expire_after(ByWindow).build()))
    }
}

#[async_trait]
impl Counters for InProcess {
    async fn add(&self, key: &str, by: u64, window: Duration) -> Option<u64> {
        let counter = self.counts.0.get_with((key.to_owned(), window), Arc::default);
        Some(counter.fetch_add(by, Ordering::Relaxed).saturating_add(by))
    }
}

fn event_key(stream: &str, index: u64) -> String {
    format!("dq:1:event:{stream}:{index}")
}

#[async_trait]
impl Resume for InProcess {
    async fn append(&self, stream: &str, index: u64, event: Bytes, ttl: Duration) {
        if event_is_kept(index, &event, ttl) {
            self.put(&event_key(stream, index), event, ttl.min(STREAM_TTL_MAX)).await;
        }
    }

    async fn read_from(&self, stream: &str, index: u64) -> Vec<Bytes> {
        let mut events = Vec::new();
        for index in (index..EVENTS_MAX).take(EVENTS_READ_MAX) {
            let Some(event) = self.get(&event_key(stream, index)).await else { break };
            events.push(event);
        }
        events
    }
}
