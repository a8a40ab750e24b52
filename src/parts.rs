//! The parts of a node that its settings choose: where the truth is kept, and what may be forgotten.

use std::path::PathBuf;
use std::sync::Arc;

use enabler_cluster::actor::Fault;
use enabler_config::Settings;
use enabler_storage::cache::{Cache, InProcess};
use enabler_storage::objects::{Directory, ObjectStore};

use crate::node::NodeError;

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
            return Err(format!("`storage.url` must be empty, dir:/path or s3://bucket/prefix, not {url:?}").into());
        }
    };
    let open = move || Directory::open(&root).map_err(|error| Fault::from_error("opening the store", &error));
    Ok(Arc::new(tokio::task::spawn_blocking(open).await??))
}

async fn bucket(_settings: &Settings, _place: &str) -> Result<Arc<dyn ObjectStore>, NodeError> {
    Err("S3".into())
}

/// The cache that `cache.url` names, or this node's memory.
pub(crate) fn cache(settings: &Settings) -> Result<Arc<dyn Cache>, NodeError> {
    Ok(Arc::new(InProcess::new(settings.cache.bytes_max)))
}
