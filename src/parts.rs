//! The parts of a node that its settings choose: where the truth is kept, and what may be forgotten.

use std::path::PathBuf;
use std::sync::Arc;

use enabler_cluster::actor::Fault;
use enabler_config::{Secret, Settings};
use enabler_redis::RedisCache;
use enabler_s3::{Bucket, Timeouts};
use enabler_storage::cache::{Cache, Counters, InProcess};
use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use enabler_storage::objects::{Directory, ObjectStore};

use crate::node::NodeError;
use crate::telemetry::store::Counted;

/// Requests to a bucket that are under way at one time.
const REQUESTS_MAX: usize = 64;

/// The object store that `storage.url` names.
pub(crate) async fn store(settings: &Settings) -> Result<Arc<dyn ObjectStore>, NodeError> {
    let own = &settings.storage;
    if let Some(place) = own.url.strip_prefix("s3://") {
        return bucket(settings, place).await;
    }
    let root = match own.url.strip_prefix("dir:") {
        Some(path) => PathBuf::from(path),
        None if own.url.is_empty() => settings.data.dir.join("store"),
        None => {
            let url = &own.url;
            return Err(
                format!("`storage.url` must be empty, dir:/path or s3://bucket/prefix, not {url:?}").into()
            );
        }
    };
    let open = move || Directory::open(&root).map_err(|error| Fault::from_error("opening the store", &error));
    Ok(counted(Arc::new(tokio::task::spawn_blocking(open).await??)))
}

async fn bucket(settings: &Settings, place: &str) -> Result<Arc<dyn ObjectStore>, NodeError> {
    let own = &settings.storage;
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let opened = Bucket::open(enabler_s3::Settings {
        bucket: bucket.to_owned(),
        prefix: prefix.trim_matches('/').to_owned(),
        region: own.region.clone(),
        endpoint: given(&own.endpoint),
        path_style: own.path_style == "yes",
        access_key: given(&own.access_key).map(Secret::new),
        secret_key: Some(own.secret_key.clone()).filter(|secret| !secret.is_empty()),
        timeouts: Timeouts::default(),
        requests_max: REQUESTS_MAX,
    });
    Ok(counted(Arc::new(opened.await?)))
}

fn counted(store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    Arc::new(Counted(store))
}

/// One cache, by each of the contracts that it keeps.
pub(crate) struct Shared {
    pub(crate) cache: Arc<dyn Cache>,
    pub(crate) counters: Arc<dyn Counters>,
}

/// The cache that `cache.url` names, or this node's memory.
pub(crate) fn cache(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
) -> Result<Shared, NodeError> {
    let own = &settings.cache;
    if own.url.is_empty() {
        let here = Arc::new(InProcess::new(own.bytes_max));
        return Ok(Shared { cache: here.clone(), counters: here });
    }
    let redis = enabler_redis::Settings {
        username: Some(own.username.clone()).filter(|name| !name.is_empty()),
        password: Some(own.password.clone()).filter(|password| !password.is_empty()),
        ca_file: Some(own.authority.clone()).filter(|path| !path.as_os_str().is_empty()),
        in_process_bytes_max: own.bytes_max,
        ..enabler_redis::Settings::new(own.url.clone())
    };
    let redis = Arc::new(RedisCache::start(&redis, clock, chance)?);
    Ok(Shared { cache: redis.clone(), counters: redis })
}
