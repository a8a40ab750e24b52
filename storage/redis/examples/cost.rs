//! What a call costs, beside a bare socket and while the Redis is dead: `cargo run -p enabler-redis --example cost`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for the terminal")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use enabler_redis::{RedisCache, Settings};
use enabler_sim_servers::RedisServer;
use enabler_storage::cache::{Cache, answer_prefix, embedding_key};
use enabler_storage::chance::OsChance;
use enabler_storage::clock::SystemClock;
use enabler_storage::record::DocumentId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3_600);
const ROUNDS: usize = 4_000;

/// The median and the 99th percentile of many calls, in microseconds.
async fn measured(what: &str, bare: Option<f64>, rounds: usize, mut call: impl AsyncFnMut()) -> f64 {
    for _ in 0..rounds / 10 {
        call().await;
    }
    let mut micros = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let began = Instant::now();
        call().await;
        micros.push(began.elapsed().as_secs_f64() * 1e6);
    }
    micros.sort_by(f64::total_cmp);
    let (median, late) = (micros[rounds / 2], micros[rounds * 99 / 100]);
    let ratio = bare.map(|bare| format!("  {:.2} x bare", median / bare)).unwrap_or_default();
    println!("{what:<44} p50 {median:>8.1} us  p99 {late:>8.1} us{ratio}");
    median
}

#[tokio::main]
async fn main() {
    let mut server = RedisServer::start(&[]).await.unwrap();
    // Without memory in front, so that every call goes to the Redis.
    let settings = Settings { in_process_bytes_max: 0, ..Settings::new(server.url()) };
    let cache = RedisCache::start(&settings, Arc::new(SystemClock), Arc::new(OsChance)).unwrap();
    while !cache.is_up().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let value = Bytes::from(vec![b'x'; 1_024]);
    let free: Vec<String> = (0..200).map(|i| embedding_key("m", &i.to_string())).collect();
    let prefix = answer_prefix("acme", Some(DocumentId([1; 16])));
    let grouped: Vec<String> = (0..200).map(|i| format!("{prefix}{i}")).collect();
    for key in free.iter().chain(&grouped) {
        cache.put(key, value.clone(), HOUR).await;
        assert!(cache.get(key).await.is_some());
    }

    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let asked = format!("*2\r\n$3\r\nGET\r\n${}\r\n{}\r\n", free[0].len(), free[0]);
    let mut reply = vec![0; "$1024\r\n\r\n".len() + 1_024];
    let bare = measured("GET 1 KiB on a bare socket", None, ROUNDS, async || {
        socket.write_all(asked.as_bytes()).await.unwrap();
        socket.read_exact(&mut reply).await.unwrap();
    })
    .await;
    measured("get, nobody's (an embedding)", Some(bare), ROUNDS, async || {
        assert!(cache.get(&free[0]).await.is_some());
    })
    .await;
    measured("get, of a group (an answer)", Some(bare), ROUNDS, async || {
        assert!(cache.get(&grouped[0]).await.is_some());
    })
    .await;
    for many in [20, 200] {
        measured(&format!("get_many {many}, nobody's"), Some(bare), ROUNDS / 8, async || {
            assert!(cache.get_many(&free[..many]).await.iter().all(Option::is_some));
        })
        .await;
    }
    measured("get_many 20, of a group", Some(bare), ROUNDS / 8, async || {
        assert!(cache.get_many(&grouped[..20]).await.iter().all(Option::is_some));
    })
    .await;
    measured("put, nobody's", Some(bare), ROUNDS, async || cache.put(&free[0], value.clone(), HOUR).await)
        .await;
    measured("put, of a group", Some(bare), ROUNDS, async || {
        cache.put(&grouped[0], value.clone(), HOUR).await
    })
    .await;

    let settings = Settings::new(server.url());
    let cache = RedisCache::start(&settings, Arc::new(SystemClock), Arc::new(OsChance)).unwrap();
    while !cache.is_up().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cache.put(&grouped[0], value.clone(), HOUR).await;
    measured("get from the memory in front", Some(bare), ROUNDS, async || {
        assert!(cache.get(&grouped[0]).await.is_some());
    })
    .await;
    server.kill().await.unwrap();
    while !cache.is_breaker_open() {
        cache.get("dq:1:emb:m:unknown").await;
    }
    measured("get that misses, Redis dead", Some(bare), ROUNDS, async || {
        assert!(cache.get("dq:1:emb:m:unknown").await.is_none());
    })
    .await;
    measured("get that hits memory, Redis dead", Some(bare), ROUNDS, async || {
        assert!(cache.get(&grouped[0]).await.is_some());
    })
    .await;
    measured("put, Redis dead", Some(bare), ROUNDS, async || {
        cache.put(&grouped[1], value.clone(), HOUR).await
    })
    .await;
}
