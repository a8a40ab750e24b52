//! Searches everything that a tenant has in one shard. Blocks; not for a worker of the runtime.

use std::collections::HashMap;

use enabler_storage::record::{DocumentId, DocumentRecord};
use enabler_storage::shard::{self, Query, ShardError, ShardIndex, TOP_K_MAX};

use super::facts::{self, Fit};
use super::passage_of;
use crate::wire::{Hit, Search};

/// Documents that are looked at in one step for their facts; the index gives no more at a time.
const DOCUMENTS_AT_ONCE: usize = 200;

/// The best passages for `search`, whose vector is of `model_id`, in `index`, best first.
///
/// # Errors
/// If the index is damaged, or of another embedding model.
pub(crate) fn search(
    index: &ShardIndex,
    search: &Search,
    model_id: &str,
    now_ms: u64,
) -> Result<Vec<Hit>, ShardError> {
    let fitting = if search.filters.is_empty() { None } else { Some(fitting(index, search)?) };
    let ids: Option<Vec<DocumentId>> = fitting.as_ref().map(|fitting| fitting.keys().copied().collect());
    if ids.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let wanted = (search.top_k as usize).clamp(1, TOP_K_MAX);
    let by_passage = fitting.iter().flat_map(HashMap::values).any(|fit| *fit == Fit::ByPassage);
    let found = index.search(&Query {
        text: &search.text,
        // A vector of which nobody says the model is compared with none.
        vector: Some(&search.vector[..]).filter(|_| !model_id.is_empty()),
        model: model_id,
        tenant: &search.tenant,
        documents: ids.as_deref(),
        metadata: &[],
        // Passages in another language are left out afterwards.
        top_k: if by_passage { TOP_K_MAX } else { wanted },
        now_ms,
        merge_neighbours: false,
    })?;
    let speaks = |hit: &shard::Hit| {
        let fit = fitting.as_ref().and_then(|fitting| fitting.get(&hit.document_id));
        fit != Some(&Fit::ByPassage) || facts::is_in_language(&hit.chunk.text, &search.filters)
    };
    let mut records: HashMap<DocumentId, Option<DocumentRecord>> = HashMap::new();
    let mut hits = Vec::new();
    for hit in found.into_iter().filter(speaks).take(wanted) {
        let record = match records.entry(hit.document_id) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => free.insert(index.document(hit.document_id)?),
        };
        // One that was deleted between the two readings is gone.
        hits.extend(record.as_ref().map(|record| passage_of(hit, record)));
    }
    Ok(hits)
}

/// The tenant's documents that have the facts. Each is looked at; a tenant has thousands in a shard, not millions.
fn fitting(index: &ShardIndex, search: &Search) -> Result<HashMap<DocumentId, Fit>, ShardError> {
    let (mut fitting, mut cursor) = (HashMap::new(), None);
    loop {
        let page = index.documents(&search.tenant, cursor.as_deref(), DOCUMENTS_AT_ONCE)?;
        let fits =
            page.documents.iter().map(|record| (record.document_id, facts::fit(record, &search.filters)));
        fitting.extend(fits.filter(|(_, fit)| *fit != Fit::None));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(fitting);
        }
    }
}
