//! The stores and the cache of a node alone, held to their contracts.

use std::time::Duration;

use bytes::Bytes;
use enabler_storage::cache::{self, Cache, Counters, InProcess, Resume};
use enabler_storage::chance::SeededChance;
use enabler_storage::objects::{Directory, Fault, Memory, conformance, probe};
use enabler_storage::record::DocumentId;

use super::{Broken, Folder};
use crate::core::at_once;
use crate::core::judge::{BOUNDED, DELETED, ONE_CHAIN, TENANTS};

/// Holds them to it.
pub(super) fn check(seed: u64) -> Result<(), Broken> {
    let told = at_once(async move { Some(all(seed).await) });
    told.unwrap_or(Ok(()))
}

async fn all(seed: u64) -> Result<(), Broken> {
    let Some(folder) = Folder::new() else { return Ok(()) };
    let breach = |which: &str, why: &dyn std::fmt::Display| (ONE_CHAIN, format!("the store {which}: {why}"));
    conformance::check(&Memory::new(), &folder.0).await.map_err(|why| breach("in memory", &why))?;
    let directory = Directory::open(folder.0.join("store")).map_err(|why| breach("in a folder", &why))?;
    conformance::check(&directory, &folder.0).await.map_err(|why| breach("in a folder", &why))?;
    careless().await?;
    forgetting(seed).await
}

/// A store that does not keep conditions is refused.
async fn careless() -> Result<(), Broken> {
    let store = Memory::new();
    if probe(&store, &SeededChance::new(1)).await.is_err() {
        return Err((ONE_CHAIN, "a sound store is refused".to_owned()));
    }
    store.always(Some(Fault::ConditionIgnored));
    if probe(&store, &SeededChance::new(2)).await.is_ok() {
        return Err((ONE_CHAIN, "a store that ignores conditions is taken".to_owned()));
    }
    Ok(())
}

/// What is deleted is forgotten, and nothing of anybody else.
async fn forgetting(seed: u64) -> Result<(), Broken> {
    let cache = InProcess::new(1 << 20);
    let (one, other) = (DocumentId([1; 16]), DocumentId([seed as u8 | 2; 16]));
    let ttl = Duration::from_secs(60);
    let mut kept = Vec::new();
    for tenant in ["a", "ab", "b"] {
        for document in [one, other] {
            let key = format!("{}x", cache::answer_prefix(tenant, Some(document)));
            cache.put(&key, Bytes::from(key.clone()), ttl).await;
            kept.push((tenant, document, key));
        }
    }
    let _ = cache.delete_prefix(&cache::answer_prefix("a", Some(one))).await;
    for (tenant, document, key) in &kept {
        let held = cache.get(key).await;
        let is_deleted = (*tenant, *document) == ("a", one);
        if is_deleted && held.is_some() {
            return Err((DELETED, "an answer about a deleted document is remembered".to_owned()));
        }
        if !is_deleted && held.as_deref() != Some(key.as_bytes()) {
            return Err((TENANTS, format!("what {tenant} remembers is gone or somebody else's")));
        }
    }
    let window = Duration::from_secs(3_600);
    for expected in 1..=5_u64 {
        if cache.add("k", 1, window).await != Some(expected)
            || cache.add("l", 2, window).await != Some(2 * expected)
        {
            return Err((BOUNDED, "a counter does not count".to_owned()));
        }
    }
    for index in 0..4_u64 {
        cache.append("s", index, Bytes::from(index.to_string()), ttl).await;
    }
    let events = cache.read_from("s", 1).await;
    if events != ["1", "2", "3"] {
        return Err((BOUNDED, format!("a stream that is taken up again gives {events:?}")));
    }
    Ok(())
}
