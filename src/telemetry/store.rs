//! Counts what is asked of the object store, whichever it is.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_storage::objects::{ETag, Head, Key, Listed, Object, ObjectStore, PutOutcome, StoreError};
use enabler_telemetry::metrics;
use enabler_telemetry::trace::{self, Attribute, Kind, Name, Span, Within};
use tokio::time::Instant;

/// A store whose requests are counted.
#[derive(Debug)]
pub(crate) struct Counted(pub(crate) Arc<dyn ObjectStore>);

async fn counted<T>(
    operation: &'static str,
    work: impl Future<Output = T>,
    outcome: impl Fn(&T) -> &'static str,
) -> T {
    let began = Instant::now();
    let mut span = Span::below(trace::current(), Kind::Client, Name("store", operation));
    span.note(Attribute::StoreOperation(operation));
    let done = Within::of(span.place(), work).await;
    span.note(Attribute::Outcome(outcome(&done)));
    drop(span);
    metrics::STORE_SECONDS.took([operation], began.elapsed());
    metrics::STORE_REQUESTS.one([operation, outcome(&done)]);
    done
}

fn written(outcome: &PutOutcome) -> &'static str {
    match outcome {
        PutOutcome::Done(_) => "ok",
        PutOutcome::Exists | PutOutcome::Changed => "refused",
        PutOutcome::Unknown(_) => "unknown",
    }
}

fn read<T>(found: &Result<Option<T>, StoreError>) -> &'static str {
    match found {
        Ok(Some(_)) => "ok",
        Ok(None) => "absent",
        Err(_) => "failed",
    }
}

fn done<T>(done: &Result<T, StoreError>) -> &'static str {
    if done.is_ok() { "ok" } else { "failed" }
}

#[async_trait]
impl ObjectStore for Counted {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        counted("put", self.0.put_new(key, bytes), written).await
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        counted("put_if", self.0.put_if(key, etag, bytes), written).await
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        counted("multipart", self.0.put_file_new(key, file), written).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        counted("get", self.0.get(key), read).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        counted("get", self.0.get_range(key, range), read).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        counted("head", self.0.head(key), read).await
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        counted("list", self.0.list_after(prefix, after, limit), done).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        counted("delete", self.0.delete(key), done).await
    }

    async fn presigned_get(
        &self,
        key: &Key,
        expires: Duration,
        filename: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        self.0.presigned_get(key, expires, filename).await
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.0.local_path(key)
    }
}

#[cfg(test)]
mod tests {
    use enabler_storage::chance::OsChance;
    use enabler_storage::objects::{Memory, probe};

    use super::*;

    #[tokio::test]
    async fn a_counted_store_keeps_the_contract() {
        let store = Counted(Arc::new(Memory::default()));
        probe(&store, &OsChance).await.unwrap();
        let told = enabler_telemetry::text("n", &["api"], &enabler_telemetry::Seen::default());
        let counts = told.lines().filter(|line| line.starts_with("rag_enabler_store_requests_total"));
        assert!(counts.clone().any(|line| line.contains("refused") && !line.ends_with(" 0")), "{told}");
    }
}
