//! Counters and streams that all nodes share; while the Redis is away each node has its own.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_storage::cache::{Counters, EVENTS_MAX, EVENTS_READ_MAX, Resume, STREAM_TTL_MAX, event_is_kept};
use fred::interfaces::{HashesInterface, KeysInterface};
use fred::types::Value;

use crate::cache::RedisCache;

/// Events asked for in one round trip.
const ROUND_TRIP_EVENTS_MAX: usize = 128;

fn counter_name(key: &str, window: Duration, now_ms: u64) -> (String, i64) {
    let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
    // The number of the window is in the name, so that a counter whose expiry was lost stops no one for ever.
    let name = format!("dq:1:count:{window_ms}:{}:{key}", now_ms / window_ms);
    (name, i64::try_from(window_ms.saturating_mul(2)).unwrap_or(i64::MAX))
}

#[async_trait]
impl Counters for RedisCache {
    async fn add(&self, key: &str, by: u64, window: Duration) -> Option<u64> {
        let (name, expiry_ms) = counter_name(key, window, self.now_ms());
        let by_signed = i64::try_from(by).unwrap_or(i64::MAX);
        let counted: Result<Vec<i64>, _> = self
            .pipeline(async |pipeline| {
                let _: () = pipeline.incr_by(&name, by_signed).await?;
                let _: () = pipeline.pexpire(&name, expiry_ms, None).await?;
                pipeline.all().await
            })
            .await;
        match counted.ok().and_then(|replies| replies.first().copied()) {
            Some(sum) => u64::try_from(sum).ok(),
            None => self.near().add(key, by, window).await,
        }
    }
}

fn stream_name(stream: &str) -> String {
    format!("dq:1:stream:{stream}")
}

impl RedisCache {
    async fn events_in_redis(&self, stream: &str, from: u64, at_most: usize) -> Vec<Bytes> {
        let mut events: Vec<Bytes> = Vec::new();
        while events.len() < at_most {
            let next = from + events.len() as u64;
            let wanted = ROUND_TRIP_EVENTS_MAX.min(at_most - events.len());
            let fields: Vec<String> =
                (next..EVENTS_MAX.min(next + wanted as u64)).map(|index| index.to_string()).collect();
            if fields.is_empty() {
                break;
            }
            let asked = fields.len();
            let fetched: Result<Vec<Option<Bytes>>, _> =
                self.ask(self.link().client().hmget(stream_name(stream), fields)).await;
            let mut found = 0;
            for event in fetched.unwrap_or_default().into_iter().map_while(|event| event) {
                events.push(event);
                found += 1;
            }
            if found < asked {
                break;
            }
        }
        events
    }
}

#[async_trait]
impl Resume for RedisCache {
    async fn append(&self, stream: &str, index: u64, event: Bytes, ttl: Duration) {
        if !event_is_kept(index, &event, ttl) {
            return;
        }
        // Also here, so that a stream which an outage cuts in two can be read on its own node without a gap.
        self.near().append(stream, index, event.clone(), ttl).await;
        let expiry_ms = i64::try_from(ttl.min(STREAM_TTL_MAX).as_millis()).unwrap_or(i64::MAX).max(1);
        let name = stream_name(stream);
        let _in_memory_if_not: Result<Vec<Value>, _> = self
            .pipeline(async |pipeline| {
                let _: () = pipeline.hset(&name, (index.to_string(), event)).await?;
                let _: () = pipeline.pexpire(&name, expiry_ms, None).await?;
                pipeline.all().await
            })
            .await;
    }

    async fn read_from(&self, stream: &str, index: u64) -> Vec<Bytes> {
        let mut events = self.near().read_from(stream, index).await;
        // The node that wrote the stream holds it all; another one finds what the Redis has, and its own rest.
        loop {
            let before = events.len();
            let left = EVENTS_READ_MAX.saturating_sub(events.len());
            events.extend(self.events_in_redis(stream, index + events.len() as u64, left).await);
            if events.len() == before || events.len() >= EVENTS_READ_MAX {
                return events;
            }
            let more = self.near().read_from(stream, index + events.len() as u64).await;
            let left = EVENTS_READ_MAX.saturating_sub(events.len());
            events.extend(more.into_iter().take(left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_another_one_in_the_next_window() {
        let name = |now_ms| counter_name("k", Duration::from_secs(60), now_ms).0;
        assert_eq!(name(0), name(59_999));
        assert_ne!(name(59_999), name(60_000));
        assert_ne!(name(0), counter_name("k", Duration::from_secs(30), 0).0);
    }
}
