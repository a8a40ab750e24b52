//! Removes blobs that belong to no document: uploads that were never recorded, deletions that were cut short.

use std::collections::{BTreeMap, BTreeSet};

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
    loop {
        let listed = store.list_after("v1/blob/", after.as_ref(), LIST_LIMIT_MAX).await?;
        let Some(last) = listed.last() else { return Ok(deleted) };
        after = Some(last.key.clone());
        let mut suspects = BTreeMap::<u32, BTreeSet<DocumentId>>::new();
        for id in listed.iter().filter_map(|object| document_of(&object.key)) {
            if minted_ms(id) < before_ms && shards.owns(id) {
                suspects.entry(shards.of(id)).or_default().insert(id);
            }
        }
        let mut orphans = BTreeSet::new();
        for (shard, ids) in suspects {
            orphans.extend(unknown(shards, shard, ids).await);
        }
        for object in listed {
            if document_of(&object.key).is_some_and(|id| orphans.contains(&id)) {
                store.delete(&object.key).await?;
                deleted += 1;
            }
        }
    }
}

/// Those that a shard, owned here, does not know: only an owner that has read its log to the end condemns. It is asked
/// once for all blobs of a list, because each time costs a request to the store.
async fn unknown(shards: &Shards, shard: u32, ids: BTreeSet<DocumentId>) -> Vec<DocumentId> {
    let Some((actor, view)) = shards.get(shard) else { return Vec::new() };
    let Ok((index, Freshness::Current)) = view.current(actor).await else { return Vec::new() };
    let is_unknown = move |id: &DocumentId| matches!(index.document(*id), Ok(None));
    let looked = tokio::task::spawn_blocking(move || ids.into_iter().filter(is_unknown).collect());
    looked.await.unwrap_or_default()
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
