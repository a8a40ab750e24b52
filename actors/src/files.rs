//! Uploaded files on this machine, for the processes that read them: the store's own, or copies that are kept while in use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, Weak};

use enabler_storage::objects::{Key, ObjectStore, StoreError};
use enabler_storage::record::{self, BlobError, BlobRef};
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;

/// Bytes that are fetched at one time.
const PART_BYTES: u64 = 4 << 20;
/// Files that stay after their use: the pages of a document are asked for one by one.
const KEPT_MAX: usize = 8;

/// Why a file is not here.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not what was uploaded, or is gone.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The store could not give it.
    #[error("fetching the upload")]
    Store(#[from] StoreError),
    /// The copy could not be written.
    #[error("writing a copy of the upload to `{path}`")]
    Io {
        /// The copy.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The key is none.
    #[error("naming the upload")]
    Key(#[from] enabler_storage::objects::InvalidKey),
}

/// A file that can be read as long as this is held.
#[derive(Debug)]
pub struct LocalFile {
    path: PathBuf,
    is_copy: bool,
}

impl LocalFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LocalFile {
    fn drop(&mut self) {
        if self.is_copy {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[derive(Default)]
struct Held {
    by_key: BTreeMap<String, Weak<LocalFile>>,
    kept: std::collections::VecDeque<(String, Arc<LocalFile>)>,
}

/// Gives uploads as files. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    dir: PathBuf,
    held: Arc<std::sync::Mutex<Held>>,
    /// One fetch at a time for each file would do; one in all is enough, because reading takes far longer.
    fetching: Arc<Mutex<u64>>,
}

impl Files {
    /// Copies go into `dir`, which must exist and is emptied by whoever starts the node.
    pub fn new(store: Arc<dyn ObjectStore>, dir: PathBuf) -> Self {
        Files { store, dir, held: Arc::default(), fetching: Arc::default() }
    }

    /// The file of `blob`, verified.
    ///
    /// # Errors
    /// See [`FileError`].
    pub async fn get(&self, blob: &BlobRef) -> Result<Arc<LocalFile>, FileError> {
        if let Some(file) = self.known(&blob.key) {
            return Ok(file);
        }
        let mut fetched = self.fetching.lock().await;
        if let Some(file) = self.known(&blob.key) {
            return Ok(file);
        }
        let key = Key::new(blob.key.as_str())?;
        let file = match self.store.local_path(&key) {
            Some(path) => LocalFile { path, is_copy: false },
            None => {
                *fetched += 1;
                self.fetch(&key, blob, *fetched).await?
            }
        };
        let (path, expected) = (file.path.clone(), blob.clone());
        let verified = tokio::task::spawn_blocking(move || record::verify_file(&path, &expected)).await;
        verified.map_err(|_| StoreError::Stopped)??;
        let file = Arc::new(file);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.by_key.retain(|_, file| file.strong_count() > 0);
        held.by_key.insert(blob.key.clone(), Arc::downgrade(&file));
        if held.kept.len() >= KEPT_MAX {
            held.kept.pop_front();
        }
        held.kept.push_back((blob.key.clone(), file.clone()));
        Ok(file)
    }

    /// Lets go of every copy of an upload whose key begins with `prefix`; a copy that is being read goes with its reader.
    /// How many there were, and how many are still being read.
    pub fn forget(&self, prefix: &str) -> (usize, usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_copy = |file: &LocalFile| file.is_copy;
        let of = |held: &Held| {
            let of = held.by_key.iter().filter(|(key, _)| key.starts_with(prefix));
            of.filter_map(|(_, file)| file.upgrade()).filter(|file| is_copy(file)).count()
        };
        let before = of(&held);
        held.kept.retain(|(key, _)| !key.starts_with(prefix));
        (before, of(&held))
    }

    fn known(&self, key: &str) -> Option<Arc<LocalFile>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.by_key.get(key)?.upgrade()
    }

    async fn fetch(&self, key: &Key, blob: &BlobRef, number: u64) -> Result<LocalFile, FileError> {
        // A name for each copy: an earlier one of the same file may be on its way out.
        let file = LocalFile { path: self.dir.join(format!("copy-{number}")), is_copy: true };
        let wrong = |source| FileError::Io { path: file.path.clone(), source };
        let mut copy = tokio::fs::File::create(&file.path).await.map_err(wrong)?;
        let mut from = 0;
        while from < blob.size_bytes {
            let to = (from + PART_BYTES).min(blob.size_bytes);
            let part = self.store.get_range(key, from..to).await?;
            let part = part.ok_or_else(|| BlobError::Missing { key: blob.key.clone() })?;
            copy.write_all(&part).await.map_err(wrong)?;
            from = to;
        }
        copy.flush().await.map_err(wrong)?;
        Ok(file)
    }
}
