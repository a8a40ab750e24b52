//! The cache of a node alone: in its memory, bounded in bytes, each value with its own time to live.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use moka::Expiry;
use moka::sync::Cache as Moka;

use super::counters::Counts;
use super::{Cache, CacheError, Usage, VALUE_BYTES_MAX};

/// Bytes that an entry costs beside its key and value (moka's node, counters and pointers).
const ENTRY_OVERHEAD_BYTES: usize = 160;

#[derive(Clone)]
struct Held {
    value: Bytes,
    ttl: Duration,
}

struct ByEntry;

impl Expiry<String, Held> for ByEntry {
    fn expire_after_create(&self, _key: &String, held: &Held, _now: Instant) -> Option<Duration> {
        Some(held.ttl)
    }

    fn expire_after_update(
        &self,
        _key: &String,
        held: &Held,
        _now: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        Some(held.ttl)
    }
}

/// A bounded cache in this process; when it is full, what is asked for least goes first.
#[derive(Clone)]
pub struct InProcess {
    values: Arc<Moka<String, Held>>,
    pub(super) counts: Counts,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess").field("bytes", &self.values.weighted_size()).finish_non_exhaustive()
    }
}

impl InProcess {
    /// An empty cache of at most `bytes_max`, keys and overhead included.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        let weigh = |key: &String, held: &Held| {
            u32::try_from(key.len() + held.value.len() + ENTRY_OVERHEAD_BYTES).unwrap_or(u32::MAX)
        };
        let values = Moka::builder().max_capacity(bytes_max).weigher(weigh).expire_after(ByEntry).build();
        Self { values: Arc::new(values), counts: Counts::default() }
    }

    /// Forgets one key.
    pub fn remove(&self, key: &str) {
        self.values.invalidate(key);
    }

    /// Bytes held at present, approximately.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.values.run_pending_tasks();
        self.values.weighted_size()
    }
}

/// Spreads expiry by up to a tenth either way, by the key, so that what was stored together does not expire together.
#[must_use]
pub fn jittered(key: &str, ttl: Duration) -> Duration {
    let spread = crc32c::crc32c(key.as_bytes()) % 201;
    ttl * (900 + spread) / 1_000
}

#[async_trait]
impl Cache for InProcess {
    async fn get(&self, key: &str) -> Option<Bytes> {
        self.values.get(key).map(|held| held.value)
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        if value.len() <= VALUE_BYTES_MAX && !ttl.is_zero() {
            // A slice of a large buffer would keep the whole buffer alive, unseen by the bound.
            let value = Bytes::copy_from_slice(&value);
            self.values.insert(key.to_owned(), Held { value, ttl: jittered(key, ttl) });
        }
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, CacheError> {
        let mut deleted = 0;
        for (key, _) in self.values.iter() {
            if key.starts_with(prefix) {
                self.values.invalidate(key.as_str());
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    async fn is_up(&self) -> bool {
        true
    }

    async fn usage(&self) -> Usage {
        let bytes_max = self.values.policy().max_capacity().unwrap_or_default();
        Usage { node: Some((self.size_bytes(), bytes_max)), ..Usage::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn what_was_put_is_got_until_its_prefix_is_deleted() {
        let cache = InProcess::new(1 << 20);
        cache.put("t:a:1", Bytes::from_static(b"one"), HOUR).await;
        cache.put("t:b:1", Bytes::from_static(b"two"), HOUR).await;
        assert_eq!(cache.get("t:a:1").await.unwrap(), "one");
        assert_eq!(cache.delete_prefix("t:a:").await.unwrap(), 1);
        assert_eq!(cache.get("t:a:1").await, None);
        assert_eq!(cache.get("t:b:1").await.unwrap(), "two");
    }

    #[tokio::test]
    async fn memory_stays_within_its_bound() {
        let cache = InProcess::new(100 << 10);
        for i in 0..200 {
            cache.put(&format!("k{i}"), vec![0; 4 << 10].into(), HOUR).await;
        }
        assert!(cache.size_bytes() <= 100 << 10);
        cache.put("large", vec![0; VALUE_BYTES_MAX + 1].into(), HOUR).await;
        assert_eq!(cache.get("large").await, None);
    }

    #[tokio::test]
    async fn a_value_without_time_to_live_is_not_got() {
        let cache = InProcess::new(1 << 20);
        cache.put("k", Bytes::from_static(b"v"), Duration::ZERO).await;
        assert_eq!(cache.get("k").await, None);
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_tenth(key in ".{0,40}", seconds in 1_u64..100_000) {
            let (ttl, spread) = (Duration::from_secs(seconds), jittered(&key, Duration::from_secs(seconds)));
            prop_assert!(spread >= ttl * 9 / 10 && spread <= ttl * 11 / 10);
        }
    }
}
