//! A clock for tests: it stands until it is moved, and whoever sleeps by it wakes a thousand times sooner.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use enabler_storage::clock::Clock;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

pub(super) struct Stopped(AtomicU64);

impl Stopped {
    pub(super) fn at(now_ms: u64) -> Self {
        Self(AtomicU64::new(now_ms))
    }

    pub(super) fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for Stopped {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn uptime_ms(&self) -> u64 {
        self.now_ms()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(wait / 1_000).boxed()
    }
}
