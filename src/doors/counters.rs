//! Counts requests where all nodes count: in the cache that they share.

use std::time::Duration;

use async_trait::async_trait;
use enabler_http::SharedCounters;

use super::Doors;

/// The counters of the running generation.
pub(super) struct Shared(pub(super) Doors);

#[async_trait]
impl SharedCounters for Shared {
    async fn add(&self, key: &str, by: u64, kept: Duration) -> Option<u64> {
        self.0.means()?.counters.add(key, by, kept).await
    }
}
