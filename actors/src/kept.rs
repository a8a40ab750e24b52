//! Small sealed JSON records of the store, changed on condition only.

use bytes::Bytes;
use enabler_storage::objects::{ETag, Key, ObjectStore, PutOutcome};
use enabler_storage::sealed;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How often a change of a record is tried that somebody else changes at the same time.
const TRIES_MAX: usize = 6;

/// The key with this text.
pub(crate) fn key(text: impl Into<String>) -> Result<Key, String> {
    Key::new(text.into()).map_err(|error| error.to_string())
}

/// A record as it is written.
pub(crate) fn bytes<T: Serialize>(value: &T) -> Result<Bytes, String> {
    sealed::seal(value).map_err(|error| error.to_string())
}

/// A record with its version, if there is one.
pub(crate) async fn read<T: DeserializeOwned>(
    store: &dyn ObjectStore,
    key: &Key,
) -> Result<Option<(T, ETag)>, String> {
    let Some(object) = store.get(key).await.map_err(|error| error.to_string())? else { return Ok(None) };
    let value = sealed::open(&object.bytes).map_err(|error| format!("`{key}` cannot be read: {error}"))?;
    Ok(Some((value, object.etag)))
}

/// Puts a record in the place of the version `etag`, or where none was; whether it stands there now.
pub(crate) async fn put<T: Serialize>(
    store: &dyn ObjectStore,
    key: &Key,
    etag: Option<&ETag>,
    record: &T,
) -> Result<bool, String> {
    let bytes = bytes(record)?;
    let put = match etag {
        None => store.put_new(key, bytes.clone()).await,
        Some(etag) => store.put_if(key, etag, bytes.clone()).await,
    };
    Ok(match put {
        PutOutcome::Done(_) => true,
        // A refusal may be that of a repetition by the store's client: what stands there decides.
        PutOutcome::Exists | PutOutcome::Changed | PutOutcome::Unknown(_) => {
            let there = store.get(key).await.map_err(|error| error.to_string())?;
            there.is_some_and(|there| there.bytes == bytes)
        }
    })
}

/// Changes a record, or a fresh one where none is, if `change` says so of what stands there; what it said.
pub(crate) async fn change<T, R>(
    store: &dyn ObjectStore,
    key: &Key,
    mut change: impl FnMut(&mut T) -> Result<R, String>,
) -> Result<R, String>
where
    T: Serialize + DeserializeOwned + Default,
{
    for _ in 0..TRIES_MAX {
        let (mut record, etag) = match read::<T>(store, key).await? {
            Some((record, etag)) => (record, Some(etag)),
            None => (T::default(), None),
        };
        let said = change(&mut record)?;
        if put(store, key, etag.as_ref(), &record).await? {
            return Ok(said);
        }
    }
    Err("others kept changing it".to_owned())
}

#[cfg(test)]
mod tests {
    use enabler_storage::objects::Memory;

    use super::*;

    #[tokio::test]
    async fn a_record_is_changed_from_what_stands_there_and_left_alone_when_the_change_is_refused() {
        let (store, key) = (Memory::new(), key("v1/test.json").unwrap());
        for expected in 1..=3_u64 {
            let said = change(&store, &key, |count: &mut u64| {
                *count += 1;
                Ok(*count)
            });
            assert_eq!(said.await, Ok(expected));
        }
        let refused = change(&store, &key, |_: &mut u64| Err::<(), _>("no".to_owned()));
        assert_eq!(refused.await, Err("no".to_owned()));
        let (count, etag) = read::<u64>(&store, &key).await.unwrap().unwrap();
        assert_eq!(count, 3);
        assert!(put(&store, &key, Some(&etag), &4_u64).await.unwrap());
        assert!(!put(&store, &key, Some(&etag), &5_u64).await.unwrap(), "its version is gone");
    }
}
