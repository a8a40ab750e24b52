//! The node's first API key: given by the environment, or made once and kept in the data directory.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use enabler_config::{Loaded, Secret};

use super::failure::Failure;

/// The key of the node in a data directory.
pub(crate) struct NodeKey {
    /// The key.
    pub(crate) key: Secret,
    /// Whether it was made just now, and so was never shown before.
    pub(crate) is_new: bool,
}

/// Where the key of the node in `dir` is.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("key")
}

/// The key of the node: the environment's, else the kept one, else a new one that is kept from now on.
pub(crate) fn ensure(loaded: &Loaded) -> Result<NodeKey, Failure> {
    if let Some(key) = &loaded.merged.key {
        return Ok(NodeKey { key: key.clone(), is_new: false });
    }
    let dir = &loaded.merged.settings.data.dir;
    let path = path(dir);
    if let Some(key) = read(&path)? {
        return Ok(NodeKey { key, is_new: false });
    }
    std::fs::create_dir_all(dir)
        .map_err(|error| Failure::io(format!("creating the data directory {}", dir.display()), error))?;
    let key = mint();
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| writeln!(file, "{}", key.reveal()).and_then(|()| file.sync_all()));
    written.map_err(|error| Failure::io(format!("keeping the API key in {}", path.display()), error))?;
    Ok(NodeKey { key, is_new: true })
}

/// The key in the file `path`; none when there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Secret>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => {
            Err(Failure::Plain(format!("{} is empty; delete it, and a new key is made", path.display())))
        }
        Ok(text) => Ok(Some(Secret::new(text.trim()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io(format!("reading the API key in {}", path.display()), error)),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a key must be secret; nothing that is simulated depends on it"
)]
fn mint() -> Secret {
    // Two random UUIDs carry 244 random bits.
    let (one, two) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    Secret::new(format!("re_{}{}", one.simple(), two.simple()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn loaded(dir: &Path) -> Loaded {
        let flags = vec![("--data".into(), "data.dir".into(), dir.display().to_string())];
        let input = enabler_config::Input { flags, ..Default::default() };
        Loaded { merged: enabler_config::merge(&input).unwrap(), file: None, url: None }
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let loaded = loaded(&dir.path().join("node"));
        let first = ensure(&loaded).unwrap();
        let second = ensure(&loaded).unwrap();
        assert!(first.is_new && !second.is_new);
        assert_eq!(first.key, second.key);
        let mode = std::fs::metadata(path(&loaded.merged.settings.data.dir)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
