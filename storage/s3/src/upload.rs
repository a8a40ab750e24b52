//! Files into the bucket: small ones in one request, large ones in parts that only become an object at the end.
//!
//! A process that is killed half way leaves parts that no listing shows; a lifecycle rule of the bucket
//! (`AbortIncompleteMultipartUpload`) removes them.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use enabler_storage::objects::{Key, ObjectStore, PutOutcome, StoreError};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::sleep;

use crate::bucket::{Bucket, Condition, conflict_wait};
use crate::said::{Refusal, Said, chain};

/// Files up to this size go in one request; it is also the size of a part. Large enough that a part is not
/// mostly waiting, small enough that sending one again is cheap.
const PART_BYTES: u64 = 16 << 20;
/// Parts that S3 takes for one object.
const PARTS_MAX: u64 = 10_000;
/// Parts under way at once, so that one large file does not take all of the line.
const PARTS_AT_ONCE: usize = 4;
/// What is read from the file at once.
const READ_BYTES: usize = 128 << 10;
/// Whole uploads of one file that met another write at their end: S3 wants all parts again then.
const UPLOADS_MAX: u32 = 3;

/// A piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    /// From 1.
    number: i32,
    offset: u64,
    bytes: u64,
}

/// How one upload in parts ended.
enum Ended {
    Outcome(PutOutcome),
    /// Another write was under way, as the store said.
    Conflict(Said),
}

impl Bucket {
    pub(crate) async fn upload(&self, key: &Key, file: &Path) -> PutOutcome {
        let size_bytes = match tokio::fs::metadata(file).await {
            Ok(metadata) => metadata.len(),
            Err(error) => return PutOutcome::Unknown(unreadable(file, error)),
        };
        if size_bytes <= PART_BYTES {
            return self.upload_whole(key, file, size_bytes).await;
        }
        let (bucket, key, file) = (self.clone(), key.clone(), file.to_path_buf());
        // In a task of its own, so that it also cleans up when whoever asked stops waiting.
        let upload = tokio::spawn(async move { bucket.upload_parts(&key, &file, size_bytes).await });
        upload.await.unwrap_or(PutOutcome::Unknown(StoreError::Stopped))
    }

    async fn upload_whole(&self, key: &Key, file: &Path, size_bytes: u64) -> PutOutcome {
        let _permit = match self.inner.admitted("creating", key).await {
            Ok(permit) => permit,
            Err(error) => return PutOutcome::Unknown(error),
        };
        let body = || body_of(file, 0, size_bytes);
        self.inner.put_body(&self.inner.clients.file, key, Condition::Absent, "creating", body).await
    }

    async fn upload_parts(&self, key: &Key, file: &Path, size_bytes: u64) -> PutOutcome {
        // One question saves sending a large file only to be refused at its end.
        match self.head(key).await {
            Ok(None) => {}
            Ok(Some(_)) => return PutOutcome::Exists,
            Err(error) => return PutOutcome::Unknown(error),
        }
        let mut said = None;
        for sending in 0..UPLOADS_MAX {
            if sending > 0 {
                sleep(conflict_wait(sending)).await;
            }
            match self.upload_once(key, file, size_bytes).await {
                Ok(Ended::Outcome(outcome)) => return outcome,
                Ok(Ended::Conflict(heard)) => said = Some(heard),
                Err(error) => return PutOutcome::Unknown(error),
            }
        }
        let error = said.map_or(StoreError::Stopped, |said| said.error("creating", key, &self.inner.bucket));
        PutOutcome::Unknown(error)
    }

    async fn upload_once(&self, key: &Key, file: &Path, size_bytes: u64) -> Result<Ended, StoreError> {
        let id = self.begin(key).await?;
        let ended = match self.send_parts(key, file, &id, size_bytes).await {
            Ok(parts) => self.complete(key, &id, parts).await,
            Err(error) => Err(error),
        };
        if !matches!(ended, Ok(Ended::Outcome(PutOutcome::Done(_)))) {
            self.abort(key, &id).await;
        }
        ended
    }

    async fn begin(&self, key: &Key) -> Result<String, StoreError> {
        let inner = &*self.inner;
        let _permit = inner.admitted("creating", key).await?;
        let request = inner.clients.read.create_multipart_upload().bucket(&inner.bucket).key(inner.full(key));
        let begun = request.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await;
        let begun = begun.map_err(|error| Said::of(&error).error("beginning", key, &inner.bucket))?;
        begun.upload_id.ok_or_else(|| inner.failure("beginning", key, "it answered without an upload's id"))
    }

    async fn send_parts(
        &self,
        key: &Key,
        file: &Path,
        id: &str,
        size_bytes: u64,
    ) -> Result<Vec<CompletedPart>, StoreError> {
        let sent = stream::iter(parts(size_bytes))
            .map(|part| self.send_part(key, file, id, part))
            .buffered(PARTS_AT_ONCE);
        sent.try_collect().await
    }

    async fn send_part(
        &self,
        key: &Key,
        file: &Path,
        id: &str,
        part: Part,
    ) -> Result<CompletedPart, StoreError> {
        let inner = &*self.inner;
        let _permit = inner.admitted("sending a part of", key).await?;
        let body = body_of(file, part.offset, part.bytes).await?;
        let request = inner.clients.part.upload_part().bucket(&inner.bucket).key(inner.full(key));
        let request = request.upload_id(id).part_number(part.number).body(body);
        let sent = request.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await;
        let sent = sent.map_err(|error| Said::of(&error).error("sending a part of", key, &inner.bucket))?;
        Ok(CompletedPart::builder()
            .part_number(part.number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32)
            .build())
    }

    async fn complete(&self, key: &Key, id: &str, parts: Vec<CompletedPart>) -> Result<Ended, StoreError> {
        let inner = &*self.inner;
        let _permit = inner.admitted("completing", key).await?;
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        // Sent once, as every conditional write, though with a file's patience: the store puts the parts together.
        let request =
            inner.clients.file.complete_multipart_upload().bucket(&inner.bucket).key(inner.full(key));
        let request = request.upload_id(id).multipart_upload(parts).if_none_match("*");
        let said = match request.send().await {
            Ok(answer) => {
                let tag = inner.tag("completing", key, answer.e_tag);
                return Ok(Ended::Outcome(tag.map_or_else(PutOutcome::Unknown, PutOutcome::Done)));
            }
            Err(error) => Said::of(&error),
        };
        match said.refusal(false) {
            Refusal::Condition => Ok(Ended::Outcome(PutOutcome::Exists)),
            Refusal::Conflict => Ok(Ended::Conflict(said)),
            Refusal::Unknown => Err(said.error("completing", key, &inner.bucket)),
        }
    }

    /// Has the store forget the parts. An upload that was completed after all is left as it is.
    async fn abort(&self, key: &Key, id: &str) {
        let inner = &*self.inner;
        let request = inner.clients.read.abort_multipart_upload().bucket(&inner.bucket).key(inner.full(key));
        let Err(error) = request.upload_id(id).send().await else { return };
        let said = Said::of(&error);
        if !said.is_no_upload() {
            let error = said.error("aborting the upload of", key, &inner.bucket);
            tracing::warn!(%key, upload = id, %error, "the parts of an unfinished upload stay in the bucket");
        }
    }
}

/// The parts of a file of `size_bytes`, in order: all of one size but the last, and never more than S3 takes.
fn parts(size_bytes: u64) -> Vec<Part> {
    let bytes_max = PART_BYTES.max(size_bytes.div_ceil(PARTS_MAX));
    let of = |number: i32| {
        let offset = u64::try_from(number - 1).unwrap_or(0) * bytes_max;
        (offset < size_bytes).then(|| Part { number, offset, bytes: bytes_max.min(size_bytes - offset) })
    };
    (1..).map_while(of).collect()
}

async fn body_of(file: &Path, offset: u64, bytes: u64) -> Result<ByteStream, StoreError> {
    // The SDK takes a length of nothing for the rest of the file.
    let Some(bytes) = NonZeroU64::new(bytes) else { return Ok(ByteStream::from_static(b"")) };
    let body = ByteStream::read_from().path(file).offset(offset).length(Length::Exact(bytes.get()));
    let body = body.buffer_size(READ_BYTES).build().await;
    body.map_err(|error| unreadable(file, std::io::Error::other(chain(&error))))
}

fn unreadable(file: &Path, error: std::io::Error) -> StoreError {
    StoreError::Io { doing: "reading", path: file.to_path_buf(), source: Arc::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_file_once_in_order_and_are_never_too_many() {
        let gib = 1_u64 << 30;
        for size in [1, PART_BYTES, PART_BYTES + 1, 40 << 20, 5 * gib, 160 * gib, 900 * gib, 5_000 * gib] {
            let parts = parts(size);
            assert!(parts.len() as u64 <= PARTS_MAX, "{size}");
            let mut end = 0;
            for (number, part) in (1..).zip(&parts) {
                assert_eq!((part.number, part.offset), (number, end));
                // S3 takes no part below 5 MiB except the last.
                assert!(part.bytes > 0 && (part.bytes >= 5 << 20 || end + part.bytes == size));
                end += part.bytes;
            }
            assert_eq!(end, size);
        }
        assert!(parts(0).is_empty());
    }
}
