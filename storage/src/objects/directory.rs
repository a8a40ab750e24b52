//! Objects as files of one directory: durable, atomic across a killed process and exclusive between processes.

mod files;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use self::files::Files;
use super::{ETag, Head, Key, Listed, Object, ObjectStore, PutOutcome, StoreError};

/// A store in a local directory (not a network file system: it relies on `link`, `rename` and file locks).
#[derive(Debug, Clone)]
pub struct Directory {
    files: Arc<Files>,
}

impl Directory {
    /// Opens the store, creating the directory if it is missing and sweeping temporary files of dead writers.
    ///
    /// Blocking; call it at start.
    ///
    /// # Errors
    ///
    /// If the directory cannot be created or read.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Ok(Self { files: Arc::new(Files::open(root.into())?) })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let files = self.files.clone();
        tokio::task::spawn_blocking(move || work(&files)).await.map_err(|_| StoreError::Stopped)?
    }
}

fn settled(outcome: Result<PutOutcome, StoreError>) -> PutOutcome {
    outcome.unwrap_or_else(PutOutcome::Unknown)
}

#[async_trait]
impl ObjectStore for Directory {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        let key = key.clone();
        settled(self.blocking(move |files| files.create(&key, &mut &*bytes)).await)
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        let (key, etag) = (key.clone(), etag.clone());
        settled(self.blocking(move |files| files.replace(&key, &etag, &bytes)).await)
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        let (key, file) = (key.clone(), file.to_path_buf());
        let copied = self.blocking(move |files| {
            let mut source = std::fs::File::open(&file).map_err(files::during("opening", &file))?;
            files.create(&key, &mut source)
        });
        settled(copied.await)
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        let key = key.clone();
        self.blocking(move |files| files.read(&key)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let key = key.clone();
        self.blocking(move |files| files.read_range(&key, &range)).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        let key = key.clone();
        self.blocking(move |files| files.head(&key)).await
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.cloned());
        self.blocking(move |files| files.list(&prefix, after.as_ref(), limit.min(super::LIST_LIMIT_MAX)))
            .await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let key = key.clone();
        self.blocking(move |files| files.remove(&key)).await
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        Some(self.files.path(key))
    }
}

impl StoreError {
    /// Whether the disk is full, which an operator mends and a retry does not.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}
