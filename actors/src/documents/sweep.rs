//! Removes blobs that belong to no document: uploads that were never recorded, deletions that were cut short.

use std::collections::BTreeMap;

use enabler_storage::objects::{Key, LIST_LIMIT_MAX, ObjectStore, StoreError};
use enabler_storage::record::DocumentId;

use crate::shard::{Freshness, Shards};

/// Deletes every blob whose document no shard knows and whose id was minted before `before_ms`; says how many.
///
/// Ids carry the time of their upload, so that what is arriving now is left alone.
///
/// # Errors
/// If the store fails; what was deleted stays deleted.
pub async fn run(store: &dyn ObjectStore, shards: &Shards, before_ms: u64) -> Result<usize, StoreError> {
    let (mut after, mut deleted) = (None::<Key>, 0);
    let mut known = BTreeMap::new();
    loop {
        let listed = store.list_after("v1/blob/", after.as_ref(), LIST_LIMIT_MAX).await?;
        let Some(last) = listed.last() else { return Ok(deleted) };
        after = Some(last.key.clone());
        for object in listed {
            let Some(id) = document_of(&object.key).filter(|id| minted_ms(*id) < before_ms) else { continue };
            let orphan = match known.get(&id) {
                Some(orphan) => *orphan,
                None => {
                    let orphan = is_orphan(shards, id).await;
                    known.insert(id, orphan);
                    orphan
                }
            };
            if orphan {
                store.delete(&object.key).await?;
                deleted += 1;
            }
        }
    }
}

/// Whether its shard is owned here and does not know it: only an owner that has read its log to the end condemns.
async fn is_orphan(shards: &Shards, id: DocumentId) -> bool {
    let Some((actor, view)) = shards.get(shards.of(id)).filter(|_| shards.owns(id)) else { return false };
    let Ok((index, Freshness::Current)) = view.current(actor).await else { return false };
    let found = tokio::task::spawn_blocking(move || index.document(id)).await;
    matches!(found, Ok(Ok(None)))
}

fn document_of(key: &Key) -> Option<DocumentId> {
    key.as_str().split('/').nth(3)?.parse().ok()
}

/// The time in an id of version 7, in Unix milliseconds.
fn minted_ms(id: DocumentId) -> u64 {
    id.0.iter().take(6).fold(0, |ms, byte| ms << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use enabler_storage::chance::SeededChance;
    use enabler_storage::clock::ManualClock;
    use enabler_storage::record::{BlobStage, blob_key};

    use super::*;

    #[test]
    fn a_blobs_key_names_its_document_and_the_id_its_time() {
        let id = DocumentId::mint(&ManualClock::at(1_732_000_000_123), &SeededChance::new(1));
        let key = blob_key("acme", id, BlobStage::Original, &[7; 32]).unwrap();
        assert_eq!(document_of(&key), Some(id));
        assert_eq!(minted_ms(id), 1_732_000_000_123);
    }
}
