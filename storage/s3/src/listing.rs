//! Listings: pages of keys in byte order, without what other programs put under the same prefix.

use enabler_storage::objects::{Key, LIST_LIMIT_MAX, Listed, StoreError};

use crate::bucket::Bucket;
use crate::said::Said;

/// Pages read for one listing: S3 may give short pages, and keys that are not ours fill them.
/// More than this many is a prefix shared with something else, which is told instead of walked through.
const PAGES_MAX: usize = 32;

impl Bucket {
    pub(crate) async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let inner = &*self.inner;
        let permit_key = after.map_or_else(|| prefix.to_owned(), Key::to_string);
        let _permit = inner.admitted("listing", &permit_key).await?;
        let limit = limit.min(LIST_LIMIT_MAX);
        let mut listed = Vec::new();
        let mut start = after.map(|after| inner.full(after));
        let mut foreign = 0_usize;
        for _ in 0..PAGES_MAX {
            let missing = limit - listed.len();
            if missing == 0 {
                return Ok(listed);
            }
            let request = inner.clients.read.list_objects_v2().bucket(&inner.bucket);
            let request = request.prefix(format!("{}{prefix}", inner.prefix)).set_start_after(start.clone());
            // At most 1,000, so it fits.
            let request = request.max_keys(i32::try_from(missing).unwrap_or(i32::MAX));
            let page = request.send().await;
            let page = page.map_err(|error| Said::of(&error).error("listing", &permit_key, &inner.bucket))?;
            let found = page.contents.unwrap_or_default();
            let last = found.iter().rev().find_map(|object| object.key.clone());
            for object in found {
                let ours = object.key.as_deref().and_then(|key| key.strip_prefix(inner.prefix.as_str()));
                let Some(Ok(key)) = ours.map(Key::new) else {
                    foreign += 1;
                    continue;
                };
                let size_bytes = object.size.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
                listed.push(Listed { key, size_bytes });
            }
            if page.is_truncated != Some(true) {
                return Ok(listed);
            }
            // A page may be empty and yet not be the last; without a key there is no next one to ask for.
            let Some(last) = last else { break };
            start = Some(last);
        }
        if limit == listed.len() {
            return Ok(listed);
        }
        let said = format!("it did not come to an end within {PAGES_MAX} pages; {foreign} keys are not ours");
        Err(inner.failure("listing", &permit_key, &said))
    }
}
