//! Backup, restore and export of a whole store, and what a node makes of a store that was restored.

use std::path::Path;
use std::sync::Arc;

use enabler_config::Settings;
use enabler_lake::{Exported, Options};
use enabler_storage::bundle::{self, Mark, Summary};
use enabler_storage::chance::OsChance;
use enabler_storage::clock::{Clock as _, SystemClock};
use enabler_storage::log::Cluster;
use enabler_storage::objects::ObjectStore;

use crate::node::NodeError;
use crate::parts;

/// The file of a data directory that names the store of its indexes.
const FILE: &str = "store-name";

/// Copies the store that `from` names, else the one in the settings, into the new file `to`.
///
/// # Errors
/// Why there is no such file now.
pub async fn backup(settings: &Settings, from: Option<&str>, to: &Path) -> Result<Summary, NodeError> {
    let store = opened(settings, from).await?;
    Ok(bundle::backup(store, to, env!("CARGO_PKG_VERSION"), &SystemClock, &OsChance).await?)
}

/// Puts the bundle `file` into the empty store that `into` names.
///
/// # Errors
/// Why the store is as it was, or, if the store fails on the way, why no node will use it.
pub async fn restore(settings: &Settings, file: &Path, into: &str) -> Result<Summary, NodeError> {
    // What is wrong with the file is said before a directory is made for it.
    bundle::check(file).await?;
    let store = opened(settings, Some(into)).await?;
    Ok(bundle::restore(store, file, &SystemClock, &OsChance).await?)
}

/// Reads the bundle `file` to its end.
///
/// # Errors
/// Why it cannot be restored.
pub async fn check(file: &Path) -> Result<Summary, NodeError> {
    Ok(bundle::check(file).await?)
}

/// Writes the tables of the store that `from` names, else the one in the settings, into the folder or store `to`.
///
/// # Errors
/// Why there is no whole export now.
pub async fn export(
    settings: &Settings,
    from: Option<&str>,
    to: &str,
    options: Options,
) -> Result<Exported, NodeError> {
    let (from, to) = (opened(settings, from).await?, opened(settings, Some(to)).await?);
    let options = Options { now_ms: SystemClock.now_ms(), ..options };
    Ok(enabler_lake::export(from, to, options).await?)
}

/// The store of the settings, or the one that `named` names, reached with the same settings.
async fn opened(settings: &Settings, named: Option<&str>) -> Result<Arc<dyn ObjectStore>, NodeError> {
    let mut settings = settings.clone();
    if let Some(named) = named {
        settings.storage.url = match named.starts_with("s3://") || named.starts_with("dir:") {
            true => named.to_owned(),
            false => format!("dir:{named}"),
        };
    }
    parts::store(&settings).await
}

/// Names a store: one that was restored is another than the one it came from.
pub(crate) fn name(cluster: &Cluster, mark: Option<&Mark>) -> String {
    let own = format!("{:016x}-{}", cluster.hash_seed, cluster.shard_count);
    mark.map_or(own.clone(), |mark| format!("{own}-{}", mark.id))
}

/// Removes the indexes of another store from the data directory: they may be ahead of this one's logs.
pub(crate) async fn keep_index_of(dir: &Path, name: &str, is_restored: bool) -> Result<(), NodeError> {
    let file = dir.join(FILE);
    let known = tokio::fs::read_to_string(&file).await.unwrap_or_default();
    if known.trim() == name {
        return Ok(());
    }
    // Versions before this one wrote no name, and restored nothing.
    if !known.is_empty() || is_restored {
        let removed = tokio::fs::remove_dir_all(dir.join("index")).await;
        removed.or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
    }
    Ok(tokio::fs::write(&file, format!("{name}\n")).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_indexes_of_another_store_are_removed_and_those_of_this_one_stay() {
        let dir = tempfile::tempdir().unwrap();
        let index = dir.path().join("index");
        let make = || std::fs::create_dir_all(&index).unwrap();
        make();
        keep_index_of(dir.path(), "a", false).await.unwrap();
        assert!(index.exists(), "of a version that wrote no name");
        keep_index_of(dir.path(), "a", false).await.unwrap();
        assert!(index.exists());
        keep_index_of(dir.path(), "a-1", true).await.unwrap();
        assert!(!index.exists());
        make();
        keep_index_of(dir.path(), "a-1", true).await.unwrap();
        assert!(index.exists());
        keep_index_of(dir.path(), "b", false).await.unwrap();
        assert!(!index.exists());
    }
}
