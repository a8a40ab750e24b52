//! The mark of a restored store: no node begins one that is half restored, and none takes it for the store it came from.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::BundleError;
use crate::objects::{InvalidKey, Key, ObjectStore};
use crate::sealed;

/// What stands in a store that was restored from a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Drawn for each restore: two stores from one bundle are two stores.
    pub id: String,
    /// The bundle.
    pub bundle: String,
    /// Whether everything is in place.
    pub is_done: bool,
    /// When the restore began, Unix milliseconds.
    pub begun_ms: u64,
}

pub(super) fn mark_key() -> Result<Key, InvalidKey> {
    Key::new("v1/restored")
}

pub(super) fn encoded(mark: &Mark) -> Bytes {
    // A struct of text and numbers is always JSON.
    sealed::seal(mark).unwrap_or_default()
}

/// The mark of a store that was restored, or `None` for one that was not.
///
/// # Errors
///
/// If the store fails, or the restore is not over: nobody may use the store then.
pub async fn read_mark(store: &dyn ObjectStore) -> Result<Option<Mark>, BundleError> {
    let found = store.get(&mark_key()?).await.map_err(BundleError::store("reading the mark of"))?;
    let Some(object) = found else { return Ok(None) };
    match sealed::open::<Mark>(&object.bytes) {
        Ok(mark) if mark.is_done => Ok(Some(mark)),
        _ => Err(BundleError::UnderWay),
    }
}
