//! Looks up documents and chunks.

use super::live::{Searchable, cut_short};
use super::put::{content_key, request_key};
use super::query::DocumentPage;
use super::rows::{Of, chunk_key, chunk_of, from_bytes, tenant_key};
use super::{Counts, Outcomes, ShardError, ShardIndex};
use crate::record::{Chunk, DocumentId, DocumentRecord, Make, Outcome, half_to_f32};

/// Documents on one page of a listing at most.
const PAGE_MAX: usize = 200;

impl ShardIndex {
    /// A document, of whichever tenant; the caller compares.
    ///
    /// # Errors
    ///
    /// If the rows cannot be read or are damaged; so for every lookup here.
    pub fn document(&self, id: DocumentId) -> Result<Option<DocumentRecord>, ShardError> {
        let txn = self.rows.read()?;
        self.rows.get(&txn, Of::Documents, &id.0)?.map(from_bytes).transpose()
    }

    /// Whether the document was deleted for good.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn is_deleted(&self, id: DocumentId) -> Result<bool, ShardError> {
        let txn = self.rows.read()?;
        Ok(self.rows.get(&txn, Of::Tombstones, &id.0)?.is_some())
    }

    /// Up to `limit` (at most 200) documents of a tenant, newest first, after `cursor` (a [`DocumentPage::next`]).
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn documents(
        &self,
        tenant: &str,
        cursor: Option<&[u8]>,
        limit: usize,
    ) -> Result<DocumentPage, ShardError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let txn = self.rows.read()?;
        let mut documents = Vec::new();
        let mut last = None;
        let mut more = false;
        let prefix = tenant_key(tenant);
        // A cursor of another tenant or of nobody starts from the beginning of this one.
        let after = cursor.filter(|cursor| cursor.starts_with(&prefix));
        self.rows.visit(&txn, Of::Listing, &prefix, after, &mut |key, _| {
            if documents.len() == limit {
                more = true;
                return Ok(false);
            }
            let id = DocumentId(key.last_chunk::<16>().copied().unwrap_or_default());
            let record = self.rows.get(&txn, Of::Documents, &id.0)?;
            let record =
                record.ok_or_else(|| ShardError::Damaged { what: format!("no row of document {id}") })?;
            documents.push(from_bytes(record)?);
            last = Some(key.to_vec());
            Ok(true)
        })?;
        Ok(DocumentPage { documents, next: last.filter(|_| more) })
    }

    /// The tenant's documents with exactly these bytes.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn find_by_content(&self, tenant: &str, sha256: &[u8; 32]) -> Result<Vec<DocumentId>, ShardError> {
        let txn = self.rows.read()?;
        let mut found = Vec::new();
        self.rows.visit(&txn, Of::Contents, &content_key(tenant, sha256, None), None, &mut |key, _| {
            found.push(DocumentId(key.last_chunk::<16>().copied().unwrap_or_default()));
            Ok(true)
        })?;
        Ok(found)
    }

    /// The document of the tenant with this content that may stand for another upload of it: live, and not failed.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn usable_content(
        &self,
        tenant: &str,
        sha256: &[u8; 32],
        now_ms: u64,
    ) -> Result<Option<DocumentId>, ShardError> {
        for id in self.find_by_content(tenant, sha256)? {
            let usable = |record: &DocumentRecord| {
                !matches!(record.status.outcome, Outcome::Failed(_)) && record.is_live(now_ms)
            };
            if self.document(id)?.is_some_and(|record| usable(&record)) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The document that the tenant created with this idempotency key.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn find_by_idempotency_key(&self, tenant: &str, key: &str) -> Result<Option<DocumentId>, ShardError> {
        let txn = self.rows.read()?;
        let found = self.rows.get(&txn, Of::Requests, &request_key(tenant, key))?;
        Ok(found.and_then(|id| id.first_chunk::<16>().copied()).map(DocumentId))
    }

    /// Documents that are neither ready nor failed, oldest first: what an owner resumes.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn unfinished(&self) -> Result<Vec<DocumentRecord>, ShardError> {
        let txn = self.rows.read()?;
        let mut found: Vec<DocumentRecord> = Vec::new();
        self.rows.visit(&txn, Of::Unfinished, &[], None, &mut |key, _| {
            if let Some(record) = self.rows.get(&txn, Of::Documents, key)? {
                found.push(from_bytes(record)?);
            }
            Ok(true)
        })?;
        found.sort_by_key(|record| record.ticket);
        Ok(found)
    }

    /// Up to `limit` documents whose time is over at `now_ms`: what retention deletes.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn expired(&self, now_ms: u64, limit: usize) -> Result<Vec<DocumentRecord>, ShardError> {
        let txn = self.rows.read()?;
        let mut found = Vec::new();
        self.rows.visit(&txn, Of::Documents, &[], None, &mut |_, value| {
            let record: DocumentRecord = from_bytes(value)?;
            if !record.is_live(now_ms) {
                found.push(record);
            }
            Ok(found.len() < limit)
        })?;
        Ok(found)
    }

    /// Up to `limit` documents whose time is over at `now_ms`, or that were accepted before `created_before_ms`.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn outdated(
        &self,
        now_ms: u64,
        created_before_ms: u64,
        limit: usize,
    ) -> Result<Vec<DocumentRecord>, ShardError> {
        let txn = self.rows.read()?;
        let mut found = Vec::new();
        self.rows.visit(&txn, Of::Documents, &[], None, &mut |_, value| {
            let record: DocumentRecord = from_bytes(value)?;
            if !record.is_live(now_ms) || record.created_ms < created_before_ms {
                found.push(record);
            }
            Ok(found.len() < limit)
        })?;
        Ok(found)
    }

    /// The ready documents that were made with something else than `wanted`, in the order of their ids. Those whose time
    /// is over at `now_ms` are passed over.
    #[must_use]
    pub fn made_otherwise(&self, wanted: &Make, now_ms: u64) -> Vec<DocumentId> {
        let live = self.live();
        let is_other = |document: &Searchable| {
            document.expires_ms > now_ms && !document.make.serves(wanted, document.has_chunks)
        };
        let others = live.documents.iter().filter(|(_, document)| is_other(document));
        let mut others: Vec<DocumentId> = others.map(|(id, _)| *id).collect();
        drop(live);
        others.sort_unstable();
        others
    }

    /// What a ready document was made with.
    #[must_use]
    pub fn make_of(&self, id: DocumentId) -> Option<Make> {
        self.live().documents.get(&id).map(|document| Make::clone(&document.make))
    }

    /// Up to `limit` documents that failed with a reason of this code, in the order of their ids.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn failed(&self, code: &str, limit: usize) -> Result<Vec<DocumentRecord>, ShardError> {
        let txn = self.rows.read()?;
        let mut found = Vec::new();
        self.rows.visit(&txn, Of::Documents, &[], None, &mut |_, value| {
            let record: DocumentRecord = from_bytes(value)?;
            if matches!(&record.status.outcome, Outcome::Failed(reason) if reason.code == code) {
                found.push(record);
            }
            Ok(found.len() < limit)
        })?;
        Ok(found)
    }

    /// One chunk of a ready document, without its vectors.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn chunk(&self, id: DocumentId, ordinal: u32) -> Result<Option<Chunk>, ShardError> {
        let txn = self.rows.read()?;
        self.rows.get(&txn, Of::Chunks, &chunk_key(id, ordinal))?.map(chunk_of).transpose()
    }

    /// All chunks of a ready document, in order, without their vectors.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn chunks(&self, id: DocumentId) -> Result<Vec<Chunk>, ShardError> {
        let txn = self.rows.read()?;
        let mut chunks = Vec::new();
        self.rows.visit(&txn, Of::Chunks, &id.0, None, &mut |_, value| {
            chunks.push(chunk_of(value)?);
            Ok(true)
        })?;
        Ok(chunks)
    }

    /// The chunks' own vectors of a document, in order.
    pub(super) fn own_vectors(&self, id: DocumentId, dimensions: usize) -> Result<Vec<Vec<f32>>, ShardError> {
        let txn = self.rows.read()?;
        let mut vectors = Vec::new();
        self.rows.visit(&txn, Of::Vectors, &id.0, None, &mut |_, value| {
            vectors.push(half_to_f32(value.get(..dimensions * 2).ok_or_else(|| cut_short(id))?));
            Ok(true)
        })?;
        Ok(vectors)
    }

    /// The chunk and up to `radius` before and after it on the same page, in order.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn neighbours(&self, id: DocumentId, ordinal: u32, radius: u32) -> Result<Vec<Chunk>, ShardError> {
        let Some(centre) = self.chunk(id, ordinal)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for near in ordinal.saturating_sub(radius)..=ordinal.saturating_add(radius) {
            found.extend(self.chunk(id, near)?.filter(|chunk| chunk.page == centre.page));
        }
        Ok(found)
    }

    /// How many documents ended how. Every document is looked at.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn outcomes(&self) -> Result<Outcomes, ShardError> {
        let txn = self.rows.read()?;
        let mut outcomes = Outcomes::default();
        self.rows.visit(&txn, Of::Documents, &[], None, &mut |_, value| {
            let record: DocumentRecord = from_bytes(value)?;
            match record.status.outcome {
                Outcome::Processing => outcomes.processing += 1,
                Outcome::Ready => outcomes.ready += 1,
                Outcome::Failed(_) => outcomes.failed += 1,
            }
            Ok(true)
        })?;
        Ok(outcomes)
    }

    /// How much the shard holds.
    ///
    /// # Errors
    ///
    /// As [`Self::document`].
    pub fn counts(&self) -> Result<Counts, ShardError> {
        let txn = self.rows.read()?;
        let count = |of| self.rows.table(of).len(&txn).map_err(self.rows.failed("counting rows"));
        Ok(Counts {
            documents: count(Of::Documents)?,
            chunks: count(Of::Chunks)?,
            unfinished: count(Of::Unfinished)?,
        })
    }
}
