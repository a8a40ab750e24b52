//! Takes an upload in: streamed to a spool file, hashed, stored, and handed to its actor.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use enabler_cluster::request::Request;
use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use enabler_storage::codec::Rest;
use enabler_storage::objects::ObjectStore;
use enabler_storage::record::{self, DocumentId, DocumentRecord, Status};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::router::{RouteError, Router};

/// How long the store may take for an upload of no size: a client must hear of an outage before it gives up.
const STORE_TIME_MAX: Duration = Duration::from_secs(20);
/// What a store takes at least: 1 MB in a second.
const STORE_BYTES_PER_MS_MIN: u64 = 1_000;

/// Where uploads arrive and what they need.
#[derive(Clone)]
pub struct Intake {
    /// Where uploads are spooled.
    pub spool: PathBuf,
    /// The truth.
    pub store: Arc<dyn ObjectStore>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// For ids.
    pub chance: Arc<dyn Chance>,
    /// Brings uploads to the owner of their shard.
    pub router: Router,
    /// How long documents are kept.
    pub retention: Duration,
}

/// What came with an upload.
#[derive(Debug, Clone)]
pub struct Meta {
    /// Whose it is.
    pub tenant: String,
    /// The file's name.
    pub filename: String,
    /// The template's name.
    pub template: String,
    /// The client's facts: a JSON object as text.
    pub metadata_json: String,
}

/// Why an upload was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// Writing the spool file failed.
    #[error("receiving the upload")]
    Spool(#[from] std::io::Error),
    /// Storing the upload failed.
    #[error("storing the upload")]
    Store(#[from] record::BlobError),
    /// The store did not take it in time.
    #[error("the object store does not answer")]
    Silent,
    /// The owner of its shard did not take it.
    #[error("handing the upload over")]
    Route(#[from] RouteError),
}

/// A taken upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The document.
    pub document_id: DocumentId,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Whether the tenant had these bytes already; `document_id` is then the older document.
    pub is_duplicate: bool,
}

/// An upload that is arriving. Dropped, it never happened.
pub struct Arriving {
    intake: Intake,
    path: TemporaryPath,
    file: File,
    hash: Sha256,
    size_bytes: u64,
}

/// Removes its file when dropped.
struct TemporaryPath(PathBuf);

impl Drop for TemporaryPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Intake {
    /// Begins an upload.
    ///
    /// # Errors
    /// If the spool file cannot be made.
    pub async fn begin(&self) -> Result<Arriving, IntakeError> {
        let path = self.spool.join(format!("{:032x}", self.chance.next_u128()));
        let file = File::create_new(&path).await?;
        Ok(Arriving {
            intake: self.clone(),
            path: TemporaryPath(path),
            file,
            hash: Sha256::new(),
            size_bytes: 0,
        })
    }

    /// Removes spool files that an earlier run of this node left behind.
    ///
    /// # Errors
    /// If the spool cannot be made or listed.
    pub fn clear(spool: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(spool)?;
        for entry in std::fs::read_dir(spool)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(())
    }
}

impl Arriving {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// If the spool file cannot be written.
    pub async fn write(&mut self, bytes: &Bytes) -> Result<(), IntakeError> {
        self.hash.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.file.write_all(bytes).await?;
        Ok(())
    }

    /// Ends the upload: from the answer on the document ends as ready or as failed.
    ///
    /// # Errors
    /// See [`IntakeError`]; after `Route` the outcome may be unknown, and trying again is safe:
    /// the same bytes are recognised.
    pub async fn finish(mut self, request: &Request, meta: Meta) -> Result<Taken, IntakeError> {
        self.file.flush().await?;
        let sha256: [u8; 32] = std::mem::take(&mut self.hash).finalize().into();
        let size_bytes = self.size_bytes;
        let Intake { store, clock, chance, router, retention, .. } = &self.intake;
        if let Some(document_id) = router.known(request, &meta.tenant, sha256).await? {
            return Ok(Taken { document_id, size_bytes, is_duplicate: true });
        }
        // All uploads of the same bytes meet at one owner, who takes one of them.
        let shard = router.shards.of_content(&meta.tenant, &sha256);
        let document_id = router.shards.mint(shard, &**clock, &**chance);
        let stored =
            record::put_blob_file(&**store, &meta.tenant, document_id, &self.path.0, sha256, size_bytes);
        // A client that hears "later" repeats the same bytes; what was stored nevertheless is swept.
        let time_max = STORE_TIME_MAX + Duration::from_millis(size_bytes / STORE_BYTES_PER_MS_MIN);
        let original = tokio::time::timeout(time_max, stored).await.map_err(|_| IntakeError::Silent)??;
        let created_ms = clock.now_ms();
        let record = DocumentRecord {
            document_id,
            revision: 1,
            tenant: meta.tenant,
            filename: meta.filename,
            template: meta.template,
            metadata_json: meta.metadata_json,
            idempotency_key: None,
            sha256,
            size_bytes,
            media_type: "application/pdf".to_owned(),
            original,
            created_ms,
            expires_ms: created_ms.saturating_add(retention.as_millis() as u64),
            ticket: 0,
            status: Status::default(),
            rest: Rest::default(),
        };
        let (tenant, taken) = (record.tenant.clone(), router.accept(request, record).await?);
        if taken.is_duplicate {
            // What was stored for the id that nobody knows now; a failure is made up for by the sweep.
            let _ = record::delete_blobs(&**store, &tenant, document_id).await;
        }
        Ok(Taken { document_id: taken.document_id, size_bytes, is_duplicate: taken.is_duplicate })
    }
}
