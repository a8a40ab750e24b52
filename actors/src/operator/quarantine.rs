//! Documents that operators have taken out of service: an object of the store for each, known to every node.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use enabler_storage::objects::{Key, LIST_LIMIT_MAX, ObjectStore, PutOutcome, StoreError};
use enabler_storage::record::DocumentId;
use tokio_util::sync::CancellationToken;

/// Where the objects are.
const PREFIX: &str = "v1/operator/quarantined/";
/// How often it is looked which documents are; whoever takes one out of service tells the others at once.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The documents that are out of service, as far as this node knows. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Quarantine(Arc<RwLock<BTreeSet<DocumentId>>>);

impl Quarantine {
    /// Whether a document is out of service.
    pub fn holds(&self, document: DocumentId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&document)
    }

    /// Whether any document is.
    pub fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// How many documents are.
    pub fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Another node says that a document is out of service, or no longer.
    pub fn hear(&self, document: DocumentId, is_held: bool) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if is_held {
            held.insert(document);
        } else {
            held.remove(&document);
        }
    }

    /// Reads which documents are out of service; while the store is away what was known holds.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub async fn look(&self, store: &dyn ObjectStore) -> Result<(), StoreError> {
        let listed = store.list_after(PREFIX, None, LIST_LIMIT_MAX).await?;
        let ids = listed.iter().filter_map(|object| object.key.as_str().strip_prefix(PREFIX)?.parse().ok());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = ids.collect();
        Ok(())
    }

    /// Looks again and again, until `over`.
    pub(super) async fn keep_looking(self, store: Arc<dyn ObjectStore>, over: CancellationToken) {
        loop {
            tokio::select! {
                () = over.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.look(&*store).await {
                tracing::debug!(%error, "looking which documents are out of service");
            }
        }
    }

    /// Takes a document out of service, on every node from its next look on.
    ///
    /// # Errors
    /// If that cannot be written down; it may be nevertheless.
    pub(super) async fn put(&self, store: &dyn ObjectStore, document: DocumentId) -> Result<(), String> {
        match store.put_new(&key(document)?, Bytes::from_static(b"{}")).await {
            PutOutcome::Done(_) | PutOutcome::Exists | PutOutcome::Changed => {}
            PutOutcome::Unknown(error) => return Err(error.to_string()),
        }
        self.hear(document, true);
        Ok(())
    }

    /// Puts a document back into service.
    ///
    /// # Errors
    /// If that cannot be written down.
    pub(super) async fn release(&self, store: &dyn ObjectStore, document: DocumentId) -> Result<(), String> {
        store.delete(&key(document)?).await.map_err(|error| error.to_string())?;
        self.hear(document, false);
        Ok(())
    }
}

fn key(document: DocumentId) -> Result<Key, String> {
    Key::new(format!("{PREFIX}{document}")).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use enabler_storage::objects::Memory;

    use super::*;

    #[tokio::test]
    async fn what_one_node_takes_out_of_service_is_out_on_another_until_it_is_released() {
        let store = Memory::new();
        let (one, other, id) = (Quarantine::default(), Quarantine::default(), DocumentId([7; 16]));
        one.put(&store, id).await.unwrap();
        other.look(&store).await.unwrap();
        assert!(one.holds(id) && other.holds(id) && !other.holds(DocumentId([8; 16])));
        other.release(&store, id).await.unwrap();
        one.look(&store).await.unwrap();
        assert!(!one.holds(id) && one.is_empty());
    }
}
