//! The contract as checks that every implementation of it is put through, in whichever room it lives.

use std::path::Path;

use super::{InvalidKey, Key, ObjectStore, PutOutcome, StoreError};

/// Size of the file that is put: more than is read or sent at once.
const FILE_BYTES: usize = 300_000;

/// How a store breaks the contract.
#[derive(Debug, thiserror::Error)]
pub enum Breach {
    /// It said or did something else than the contract says.
    #[error("broken: {0}")]
    Contract(&'static str),
    /// It did not answer.
    #[error("checking the contract")]
    Store(#[from] StoreError),
    /// A key of the check was refused.
    #[error("checking the contract")]
    Key(#[from] InvalidKey),
    /// The file that is put could not be written.
    #[error("writing a file to put")]
    Io(#[from] std::io::Error),
}

fn holds(kept: bool, contract: &'static str) -> Result<(), Breach> {
    if kept { Ok(()) } else { Err(Breach::Contract(contract)) }
}

/// Puts an empty store through the whole contract; `scratch` is a directory for the file that is put.
///
/// # Errors
///
/// The first [`Breach`].
pub async fn check(store: &dyn ObjectStore, scratch: &Path) -> Result<(), Breach> {
    listings(store).await?;
    conditions(store).await?;
    ranges_and_heads(store).await?;
    files(store, scratch).await
}

async fn conditions(store: &dyn ObjectStore) -> Result<(), Breach> {
    let key = Key::new("v1/s/0001/manifest")?;
    let PutOutcome::Done(first) = store.put_new(&key, "a".into()).await else {
        return Err(Breach::Contract("an object that is not there is created"));
    };
    let again = store.put_new(&key, "b".into()).await;
    holds(matches!(again, PutOutcome::Exists), "an object is created once")?;
    let PutOutcome::Done(second) = store.put_if(&key, &first, "c".into()).await else {
        return Err(Breach::Contract("a version that is still there is replaced"));
    };
    let stale = store.put_if(&key, &first, "d".into()).await;
    holds(matches!(stale, PutOutcome::Changed), "a version that is gone is not replaced")?;
    let read = store.get(&key).await?;
    let read = read.is_some_and(|read| read.bytes == "c" && read.etag == second);
    holds(read, "what was written last is read, with its version")?;
    store.delete(&key).await?;
    store.delete(&key).await?;
    let gone = store.get(&key).await?.is_none() && store.head(&key).await?.is_none();
    holds(gone, "what was removed is gone")?;
    let removed = store.put_if(&key, &second, "e".into()).await;
    holds(matches!(removed, PutOutcome::Changed), "a version that was removed is not replaced")
}

async fn ranges_and_heads(store: &dyn ObjectStore) -> Result<(), Breach> {
    let key = Key::new("a/b")?;
    let put = store.put_new(&key, "0123456789".into()).await;
    holds(matches!(put, PutOutcome::Done(_)), "an object that is not there is created")?;
    let middle = store.get_range(&key, 2..5).await?;
    holds(middle.is_some_and(|bytes| bytes == "234"), "a range is the bytes in it")?;
    for place in [0..0, 4..4, 10..10] {
        let nothing = store.get_range(&key, place).await?;
        holds(nothing.is_some_and(|bytes| bytes.is_empty()), "an empty range is no bytes")?;
    }
    for outside in [5..11, 10..11, 50..60, 11..11] {
        let outside = store.get_range(&key, outside).await;
        let told = matches!(outside, Err(StoreError::Range { size_bytes: 10, .. }));
        holds(told, "a range that ends behind the object is an error")?;
    }
    let head = store.head(&key).await?;
    holds(head.is_some_and(|head| head.size_bytes == 10), "a head tells the size")?;
    let missing = Key::new("a/b/c")?;
    let nothing = store.get(&missing).await?.is_none() && store.get_range(&missing, 0..1).await?.is_none();
    holds(nothing && store.head(&missing).await?.is_none(), "what is not there is nothing")?;
    holds(store.get(&Key::new("a")?).await?.is_none(), "the beginning of a key is no object")
}

async fn listings(store: &dyn ObjectStore) -> Result<(), Breach> {
    let names = ["a-b/1", "a/1", "a/2", "a/3/x", "a.c", "a0", "b/1", "a/3-y", "a=1", "aB", "a_b"];
    for name in names {
        let put = store.put_new(&Key::new(name)?, "xy".into()).await;
        holds(matches!(put, PutOutcome::Done(_)), "an object that is not there is created")?;
    }
    let mut expected: Vec<_> = names.into_iter().filter(|name| name.starts_with('a')).collect();
    expected.sort_unstable();
    for limit in [2, 1_000] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = store.list_after("a", after.as_ref(), limit).await?;
            holds(page.len() <= limit, "a page is at most as long as was asked")?;
            let Some(last) = page.last() else { break };
            holds(page.iter().all(|listed| listed.size_bytes == 2), "a listing tells the size")?;
            after = Some(last.key.clone());
            seen.extend(page.into_iter().map(|listed| listed.key.to_string()));
        }
        holds(seen == expected, "pages give every key under the prefix once, in byte order")?;
    }
    for name in names {
        store.delete(&Key::new(name)?).await?;
    }
    holds(store.list_after("", None, 1).await?.is_empty(), "what was removed is not listed")
}

async fn files(store: &dyn ObjectStore, scratch: &Path) -> Result<(), Breach> {
    let file = scratch.join("conformance-upload");
    for (name, size) in [("v1/blob/x", FILE_BYTES), ("v1/blob/empty", 0)] {
        let key = Key::new(name)?;
        let content: Vec<u8> = (0..=250).cycle().take(size).collect();
        tokio::fs::write(&file, &content).await?;
        let put = store.put_file_new(&key, &file).await;
        holds(matches!(put, PutOutcome::Done(_)), "a file becomes an object")?;
        let again = store.put_file_new(&key, &file).await;
        holds(matches!(again, PutOutcome::Exists), "a file does not replace an object")?;
        let read = store.get(&key).await?;
        holds(read.is_some_and(|read| read.bytes == content), "the object has the file's bytes")?;
        holds(tokio::fs::try_exists(&file).await?, "the file stays the caller's")?;
        tokio::fs::remove_file(&file).await?;
    }
    let key = Key::new("v1/y")?;
    let missing = store.put_file_new(&key, &file).await;
    let told = matches!(missing, PutOutcome::Unknown(StoreError::Io { .. }));
    holds(told && store.head(&key).await?.is_none(), "a file that is not there becomes no object")
}
