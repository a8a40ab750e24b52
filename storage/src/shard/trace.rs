//! Looks for anything that an index still holds of a document that was deleted.

use std::sync::PoisonError;

use super::put::content_key;
use super::rows::{Of, tenant_key};
use super::{ShardError, ShardIndex};
use crate::record::DocumentId;

impl ShardIndex {
    /// Rows, of whichever kind, and places in memory that still name the document; its tombstone does not count.
    ///
    /// # Errors
    ///
    /// If the rows cannot be read.
    pub fn traces_of(&self, id: DocumentId, tenant: &str, sha256: &[u8; 32]) -> Result<u64, ShardError> {
        let txn = self.rows.read()?;
        let mut found = 0;
        for (of, key) in [
            (Of::Documents, id.0.to_vec()),
            (Of::Unfinished, id.0.to_vec()),
            (Of::Contents, content_key(tenant, sha256, Some(id))),
        ] {
            found += u64::from(self.rows.get(&txn, of, &key)?.is_some());
        }
        for of in [Of::Chunks, Of::Vectors] {
            self.rows.visit(&txn, of, &id.0, None, &mut |_, _| {
                found += 1;
                Ok(true)
            })?;
        }
        self.rows.visit(&txn, Of::Listing, &tenant_key(tenant), None, &mut |key, _| {
            found += u64::from(key.ends_with(&id.0));
            Ok(true)
        })?;
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        Ok(found + u64::from(live.documents.contains_key(&id)))
    }

    /// Passages of the document that a search for `text` finds in the files of the keyword index, at most `limit`,
    /// whether it is searchable or not.
    ///
    /// # Errors
    ///
    /// If the files cannot be read.
    pub fn words_of(
        &self,
        id: DocumentId,
        tenant: &str,
        text: &str,
        limit: usize,
    ) -> Result<u64, ShardError> {
        let failed = |source| ShardError::Text { doing: "searching", source };
        let hits = self.text.search(text, tenant, Some(&[id]), limit).map_err(failed)?;
        Ok(hits.iter().filter(|(chunk, _)| chunk.document_id == id).count() as u64)
    }
}
