//! Whatever happens to the Redis, the node goes on and comes back by itself.

use bytes::Bytes;
use enabler_redis::{RedisCache, Settings};
use enabler_sim_servers::{RedisServer, free_port};
use enabler_storage::cache::{Cache, Counters, Resume, answer_prefix, embedding_key, session_key};
use enabler_storage::record::DocumentId;

use crate::{HOUR, eventually, node, start};

fn answer(hash: &str) -> String {
    format!("{}{hash}", answer_prefix("acme", Some(DocumentId([1; 16]))))
}

/// Calls until the breaker is open, so that what follows waits for no network.
async fn until_breaker_opens(cache: &RedisCache) {
    eventually("the breaker opens", async || {
        cache.get("dq:1:emb:m:unknown").await;
        cache.is_breaker_open()
    })
    .await;
}

/// Everything works from memory while the breaker is open.
async fn goes_on_from_memory(cache: &RedisCache) {
    for key in [answer("outage"), embedding_key("m", "outage"), session_key("acme", None, "outage")] {
        cache.put(&key, Bytes::from_static(b"from memory"), HOUR).await;
        assert_eq!(cache.get(&key).await.unwrap(), "from memory", "{key}");
        assert_eq!(
            cache.get_many(std::slice::from_ref(&key)).await,
            [Some(Bytes::from_static(b"from memory"))]
        );
    }
    let (first, second) = (cache.add("outage", 1, HOUR).await, cache.add("outage", 1, HOUR).await);
    assert_eq!(second, first.map(|sum| sum + 1));
    cache.append("outage", 0, "event".into(), HOUR).await;
    assert_eq!(cache.read_from("outage", 0).await, ["event"]);
}

/// The Redis is used again: what one node puts, another one gets.
async fn is_used_again(cache: &RedisCache, url: &str) {
    eventually("the cache is up again", async || cache.is_up().await).await;
    assert_eq!(cache.note(), "up");
    let other = node(url).await;
    for key in [answer("after"), embedding_key("m", "after")] {
        cache.put(&key, Bytes::from_static(b"shared"), HOUR).await;
        assert_eq!(other.get(&key).await.unwrap(), "shared");
    }
}

#[tokio::test]
async fn a_killed_redis_is_done_without_and_used_again() {
    let mut server = RedisServer::start(&[]).await.unwrap();
    let cache = node(&server.url()).await;
    cache.put(&answer("before"), Bytes::from_static(b"kept"), HOUR).await;
    server.kill().await.unwrap();
    assert_eq!(cache.get(&answer("before")).await.unwrap(), "kept");
    until_breaker_opens(&cache).await;
    assert!(cache.note().starts_with("down since 2"), "{}", cache.note());
    goes_on_from_memory(&cache).await;
    assert!(!cache.is_up().await);
    server.restart().await.unwrap();
    is_used_again(&cache, &server.url()).await;
    // What memory answered in place of the Redis is over; what belongs to nobody stays.
    assert_eq!(cache.get(&answer("outage")).await, None);
    assert_eq!(cache.get(&embedding_key("m", "outage")).await.unwrap(), "from memory");
}

#[tokio::test]
async fn a_redis_that_is_down_at_the_start_is_used_when_it_appears() {
    let port = free_port().unwrap();
    let cache = start(&Settings::new(format!("redis://127.0.0.1:{port}")));
    goes_on_from_memory(&cache).await;
    until_breaker_opens(&cache).await;
    eventually("the reason is told", async || cache.note().contains("cannot be reached")).await;
    let server = RedisServer::start_on(port, &[]).await.unwrap();
    is_used_again(&cache, &server.url()).await;
}

#[tokio::test]
async fn a_frozen_redis_opens_the_breaker_and_is_used_again_when_it_thaws() {
    let server = RedisServer::start(&[]).await.unwrap();
    let cache = node(&server.url()).await;
    cache.put(&answer("before"), Bytes::from_static(b"kept"), HOUR).await;
    server.freeze().unwrap();
    until_breaker_opens(&cache).await;
    assert_eq!(cache.get(&answer("before")).await.unwrap(), "kept");
    goes_on_from_memory(&cache).await;
    server.thaw().unwrap();
    is_used_again(&cache, &server.url()).await;
}

#[tokio::test]
async fn one_that_accepts_and_never_answers_is_done_without() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await);
        }
    });
    let cache = start(&Settings::new(url));
    goes_on_from_memory(&cache).await;
    until_breaker_opens(&cache).await;
    goes_on_from_memory(&cache).await;
    eventually("the reason is told", async || cache.note().starts_with("down since 2")).await;
    assert!(!cache.is_up().await);
    silent.abort();
}

#[tokio::test]
async fn a_redis_that_is_full_still_answers() {
    let server = RedisServer::start(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]).await.unwrap();
    let cache = node(&server.url()).await;
    for round in 0..10 {
        for key in [answer(&round.to_string()), embedding_key("m", &round.to_string())] {
            cache.get(&key).await;
            cache.put(&key, Bytes::from_static(b"v"), HOUR).await;
            assert_eq!(cache.get_many(&[key]).await.len(), 1);
        }
    }
    assert!(!cache.is_breaker_open());
    assert_eq!(cache.note(), "up");
}
