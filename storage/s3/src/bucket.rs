//! The bucket as an object store: every method of the contract, one request each where S3 allows it.

use std::future::Future;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use enabler_storage::objects::{ETag, Head, Key, Listed, Object, ObjectStore, PutOutcome, StoreError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{sleep, timeout};

use crate::clients::Clients;
use crate::said::{Refusal, Said, chain};
use crate::settings::{OpenError, Settings};

/// Sendings of one write that meets another one under way (a 409, which wrote nothing).
const CONFLICTS_MAX: u32 = 6;
/// The wait after the first such answer; it doubles, so that all together are about 0.6 s.
const CONFLICT_WAIT: Duration = Duration::from_millis(20);
/// Readings of one object whose body breaks off or stalls after its head has come.
const BODIES_MAX: u32 = 3;

/// An S3 bucket, or the part of it under a prefix.
///
/// Conditional writes are sent once and never repeated by the SDK: whatever is not a clear answer is
/// [`PutOutcome::Unknown`]. Reads, lists and deletes are repeated.
#[derive(Clone)]
pub struct Bucket {
    pub(crate) inner: Arc<Inner>,
}

/// Which bucket, and the means to reach it.
pub(crate) struct Inner {
    pub(crate) clients: Clients,
    pub(crate) bucket: String,
    /// What every key begins with: empty, or ending with a slash.
    pub(crate) prefix: String,
    permits: Semaphore,
    patience: Duration,
}

/// What a conditional write depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Condition<'a> {
    Absent,
    Version(&'a ETag),
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket({}/{})", self.inner.bucket, self.inner.prefix)
    }
}

impl Bucket {
    /// Makes the bucket of `settings` ready for use. Nothing is sent to it yet: the first request shows whether it answers.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        settings.check()?;
        let clients = Clients::new(&settings).await;
        let prefix = if settings.prefix.is_empty() { String::new() } else { format!("{}/", settings.prefix) };
        let permits = Semaphore::new(settings.requests_max.min(Semaphore::MAX_PERMITS));
        let (bucket, patience) = (settings.bucket, settings.timeouts.operation);
        Ok(Self { inner: Arc::new(Inner { clients, bucket, prefix, permits, patience }) })
    }

    async fn put(&self, key: &Key, bytes: Bytes, condition: Condition<'_>) -> PutOutcome {
        let doing = match condition {
            Condition::Absent => "creating",
            Condition::Version(_) => "replacing",
        };
        let _permit = match self.inner.admitted(doing, key).await {
            Ok(permit) => permit,
            Err(error) => return PutOutcome::Unknown(error),
        };
        let body = || async { Ok(ByteStream::from(bytes.clone())) };
        self.inner.put_body(&self.inner.clients.write, key, condition, doing, body).await
    }

    async fn read(&self, key: &Key) -> Result<Option<Object>, Failed> {
        let inner = &*self.inner;
        let answer = inner.clients.read.get_object().bucket(&inner.bucket).key(inner.full(key)).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Ok(inner.absence("reading", key, &Said::of(&error)).map(|()| None)?),
        };
        let etag = inner.tag("reading", key, answer.e_tag)?;
        let body = answer.body.collect().await;
        let broken = |error| Failed::Body(inner.failure("reading", key, &chain(&error)));
        let bytes = body.map_err(broken)?.into_bytes();
        Ok(Some(Object { bytes, etag }))
    }

    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, Failed> {
        let inner = &*self.inner;
        let asked = format!("bytes={}-{}", range.start, range.end - 1);
        let request = inner.clients.read.get_object().bucket(&inner.bucket).key(inner.full(key));
        let answer = match request.range(asked).send().await {
            Ok(answer) => answer,
            Err(error) => {
                let said = Said::of(&error);
                if said.is_outside() {
                    return Ok(self.outside(key, range).await?);
                }
                return Ok(inner.absence("reading a part of", key, &said).map(|()| None)?);
            }
        };
        let size_bytes = answer.content_range().and_then(total).ok_or_else(|| {
            inner.failure("reading a part of", key, "it answered without telling the object's size")
        })?;
        // S3 gives what there is of a range; the contract is all of it or an error.
        if range.end > size_bytes {
            let Range { start, end } = range;
            return Err(StoreError::Range { key: key.clone(), start, end, size_bytes }.into());
        }
        let body = answer.body.collect().await;
        let broken = |error| Failed::Body(inner.failure("reading a part of", key, &chain(&error)));
        let bytes = body.map_err(broken)?.into_bytes();
        if bytes.len() as u64 != range.end - range.start {
            let said =
                format!("it gave {} bytes where {} were asked for", bytes.len(), range.end - range.start);
            return Err(inner.failure("reading a part of", key, &said).into());
        }
        Ok(Some(bytes))
    }

    /// What a range that S3 cannot express or refuses comes to: nothing, an error, or no bytes.
    async fn outside(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let Some(Head { size_bytes, .. }) = self.look(key).await? else { return Ok(None) };
        if range.start == range.end && range.end <= size_bytes {
            return Ok(Some(Bytes::new()));
        }
        Err(StoreError::Range { key: key.clone(), start: range.start, end: range.end, size_bytes })
    }

    async fn look(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        let inner = &*self.inner;
        let answer = inner.clients.read.head_object().bucket(&inner.bucket).key(inner.full(key)).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return inner.absence("looking at", key, &Said::of(&error)).map(|()| None),
        };
        let size_bytes = answer.content_length().and_then(|bytes| u64::try_from(bytes).ok());
        let modified_ms = answer.last_modified().and_then(|time| u64::try_from(time.to_millis().ok()?).ok());
        let (Some(size_bytes), Some(modified_ms)) = (size_bytes, modified_ms) else {
            return Err(inner.failure("looking at", key, "it answered without the object's size or time"));
        };
        Ok(Some(Head { size_bytes, etag: answer.e_tag.map(ETag), modified_ms }))
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let inner = &*self.inner;
        let request = inner.clients.read.delete_object().bucket(&inner.bucket).key(inner.full(key));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => inner.absence("removing", key, &Said::of(&error)),
        }
    }
}

impl Inner {
    /// Waits for its turn, as long as an operation may take.
    pub(crate) async fn admitted(
        &self,
        doing: &str,
        key: &(dyn std::fmt::Display + Sync),
    ) -> Result<SemaphorePermit<'_>, StoreError> {
        match timeout(self.patience, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(StoreError::Stopped),
            Err(_) => Err(self.failure(doing, key, "too many requests are waiting for its answers")),
        }
    }

    /// Writes one object with one request, again only where the store says that another write was under way.
    pub(crate) async fn put_body<F>(
        &self,
        client: &Client,
        key: &Key,
        condition: Condition<'_>,
        doing: &str,
        body: impl Fn() -> F,
    ) -> PutOutcome
    where
        F: Future<Output = Result<ByteStream, StoreError>>,
    {
        let mut said = None;
        for sending in 0..CONFLICTS_MAX {
            if sending > 0 {
                sleep(conflict_wait(sending)).await;
            }
            let body = match body().await {
                Ok(body) => body,
                Err(error) => return PutOutcome::Unknown(error),
            };
            let request = client.put_object().bucket(&self.bucket).key(self.full(key)).body(body);
            let request = match condition {
                Condition::Absent => request.if_none_match("*"),
                Condition::Version(etag) => request.if_match(&etag.0),
            };
            let heard = match request.send().await {
                Ok(answer) => {
                    let tag = self.tag(doing, key, answer.e_tag);
                    return tag.map_or_else(PutOutcome::Unknown, PutOutcome::Done);
                }
                Err(error) => Said::of(&error),
            };
            match heard.refusal(matches!(condition, Condition::Version(_))) {
                Refusal::Condition => return condition.refused(),
                Refusal::Unknown => return PutOutcome::Unknown(heard.error(doing, key, &self.bucket)),
                Refusal::Conflict => said = Some(heard),
            }
        }
        let error = said.map_or(StoreError::Stopped, |said| said.error(doing, key, &self.bucket));
        PutOutcome::Unknown(error)
    }

    /// The key as the bucket has it.
    pub(crate) fn full(&self, key: &Key) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Success where the object is missing, else the error.
    fn absence(&self, doing: &str, key: &Key, said: &Said) -> Result<(), StoreError> {
        if said.is_missing() { Ok(()) } else { Err(said.error(doing, key, &self.bucket)) }
    }

    pub(crate) fn tag(&self, doing: &str, key: &Key, tag: Option<String>) -> Result<ETag, StoreError> {
        let without = || self.failure(doing, key, "it answered without a version (ETag)");
        tag.filter(|tag| !tag.is_empty()).map(ETag).ok_or_else(without)
    }

    pub(crate) fn failure(&self, doing: &str, what: &dyn std::fmt::Display, said: &str) -> StoreError {
        StoreError::Unreachable { what: format!("{doing} `{what}` in the bucket `{}`: {said}", self.bucket) }
    }
}

impl Condition<'_> {
    fn refused(self) -> PutOutcome {
        match self {
            Self::Absent => PutOutcome::Exists,
            Self::Version(_) => PutOutcome::Changed,
        }
    }
}

/// The wait before the sending `sending`, counted from 0, of a write that met another one.
pub(crate) fn conflict_wait(sending: u32) -> Duration {
    CONFLICT_WAIT * (1 << sending.saturating_sub(1).min(CONFLICTS_MAX))
}

/// The object's size in `bytes 0-9/25`.
fn total(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.parse().ok()
}

/// Why a reading has failed.
enum Failed {
    /// The body broke off or stalled after its head had come, which the SDK does not repeat.
    Body(StoreError),
    /// Anything else; the SDK has repeated what may help.
    Whole(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Whole(error)
    }
}

async fn again<T, F>(reading: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, Failed>>,
{
    let mut left = BODIES_MAX;
    loop {
        left -= 1;
        match reading().await {
            Ok(read) => return Ok(read),
            Err(Failed::Body(_)) if left > 0 => {}
            Err(Failed::Body(error) | Failed::Whole(error)) => return Err(error),
        }
    }
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        self.put(key, bytes, Condition::Absent).await
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        self.put(key, bytes, Condition::Version(etag)).await
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        self.upload(key, file).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        let _permit = self.inner.admitted("reading", key).await?;
        again(|| self.read(key)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let _permit = self.inner.admitted("reading a part of", key).await?;
        if range.start >= range.end {
            return self.outside(key, range).await;
        }
        again(|| self.read_range(key, range.clone())).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        let _permit = self.inner.admitted("looking at", key).await?;
        self.look(key).await
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.list(prefix, after, limit).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let _permit = self.inner.admitted("removing", key).await?;
        self.remove(key).await
    }

    async fn presigned_get(
        &self,
        key: &Key,
        expires: Duration,
        filename: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        Bucket::presigned_get(self, key, expires, filename).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_from_the_answer_to_a_range() {
        assert_eq!(total("bytes 2-4/10"), Some(10));
        assert_eq!(total("bytes 2-4/*"), None);
        assert_eq!(total("nonsense"), None);
    }

    #[test]
    fn all_waits_for_another_write_together_are_short() {
        let all: Duration = (1..CONFLICTS_MAX).map(conflict_wait).sum();
        assert_eq!(all, Duration::from_millis(20 + 40 + 80 + 160 + 320));
    }
}
