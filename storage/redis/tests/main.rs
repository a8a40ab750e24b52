//! What the cache promises, asked of real Redis servers that the tests start and stop.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must stop")]

/// The same promises, asked of memory and of a Redis.
mod contract;
/// A deletion is never lost, whoever puts meanwhile.
mod deletion;
/// A Redis that is away costs milliseconds, never an answer, and is used again when it is back.
mod outage;
/// TLS, passwords and clusters.
mod shape;

use std::sync::Arc;
use std::time::Duration;

use enabler_redis::{RedisCache, Settings};
use enabler_sim_servers::RedisServer;
use enabler_storage::cache::Cache;
use enabler_storage::chance::OsChance;
use enabler_storage::clock::SystemClock;

const HOUR: Duration = Duration::from_secs(3_600);

/// A node's cache that is connected.
async fn node(url: &str) -> RedisCache {
    let cache = start(&Settings::new(url));
    connected(&cache).await;
    cache
}

async fn connected(cache: &RedisCache) {
    for _ in 0..1_000 {
        if cache.is_up().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the cache does not connect: {}", cache.note());
}

fn start(settings: &Settings) -> RedisCache {
    RedisCache::start(settings, Arc::new(SystemClock), Arc::new(OsChance)).expect("the settings are right")
}

/// The names of all values of groups, as they are in the Redis.
async fn values(server: &RedisServer) -> Vec<String> {
    let reply = server.command(&["KEYS", "*}=*"]).await.unwrap();
    reply.lines().filter(|line| line.contains("}=")).map(str::to_owned).collect()
}

/// Waits for what must come to pass; that it never does is the failure, not that it is slow.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {what}");
}
