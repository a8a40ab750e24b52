//! Objects that are about more than one document, or outlive theirs for a while: what they say of one is taken out.

use bytes::Bytes;
use enabler_storage::objects::{ETag, Key, LIST_LIMIT_MAX, ObjectStore, PutOutcome};
use enabler_storage::sealed;
use futures_util::StreamExt;
use serde_json::Value;

/// Objects that are read at one time.
const READ_AT_ONCE: usize = 16;
/// How often an object is put again that somebody else changes at the same time.
const TRIES_MAX: usize = 4;

/// A place in the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    prefix: &'static str,
    how: How,
}

/// What is done to an object there that names the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// It goes.
    Remove,
    /// The questions in it about the document go.
    Blank,
    /// Nothing: ids, times and codes are all that it holds.
    Keep,
}

/// Every such place.
pub(super) const PLACES: [Place; 5] = [
    Place {
        name: "idempotency records",
        what: "answers kept for repeated requests",
        prefix: "v1/once/",
        how: How::Remove,
    },
    Place { name: "batches", what: "questions about the document", prefix: "v1/batches/", how: How::Blank },
    Place {
        name: "quarantine",
        what: "the note that it is out of service",
        prefix: "v1/operator/quarantined/",
        how: How::Remove,
    },
    Place {
        name: "dead letters",
        what: "the note that its failure was put aside",
        prefix: "v1/operator/discarded/",
        how: How::Remove,
    },
    Place {
        name: "failures",
        what: "its id and causes without quotations",
        prefix: "v1/failures/",
        how: How::Keep,
    },
];

/// Takes out of a place what it says of `document`; how many objects were changed.
pub(super) async fn remove(store: &dyn ObjectStore, place: Place, document: &str) -> Result<u64, String> {
    if place.how == How::Keep {
        return Ok(0);
    }
    let mut changed = 0;
    let mut naming = std::pin::pin!(naming(store, place, document).await?);
    while let Some(key) = naming.next().await {
        let key = key?;
        changed += match place.how {
            How::Remove => {
                store.delete(&key).await.map_err(|error| error.to_string())?;
                1
            }
            How::Blank => u64::from(blank(store, &key, document).await?),
            How::Keep => 0,
        };
    }
    Ok(changed)
}

/// Objects in a place that were read, and those of them that still tell of the document.
pub(super) async fn probe(
    store: &dyn ObjectStore,
    place: Place,
    document: &str,
    marks: &[String],
) -> Result<(u64, u64), String> {
    let (mut seen, mut found) = (0, 0);
    let keys = keys(store, place.prefix).await?;
    let mut read = futures_util::stream::iter(keys)
        .map(|key| async move { (store.get(&key).await, key) })
        .buffer_unordered(READ_AT_ONCE);
    while let Some((object, key)) = read.next().await {
        let Some(object) = object.map_err(|error| error.to_string())? else { continue };
        seen += 1;
        let tells = match place.how {
            How::Remove => names(&key, &object.bytes, document),
            How::Blank => blanked(&object.bytes, document).is_some(),
            // Another document may hold one of its words; all of them together are its own.
            How::Keep => {
                let text = String::from_utf8_lossy(&object.bytes).to_lowercase();
                marks.len() > 2 && marks.iter().all(|mark| text.contains(mark))
            }
        };
        found += u64::from(tells);
    }
    Ok((seen, found))
}

fn names(key: &Key, bytes: &[u8], document: &str) -> bool {
    key.as_str().contains(document)
        || bytes.windows(document.len()).any(|window| window == document.as_bytes())
}

async fn naming<'a>(
    store: &'a dyn ObjectStore,
    place: Place,
    document: &'a str,
) -> Result<impl futures_util::Stream<Item = Result<Key, String>> + 'a, String> {
    let keys = keys(store, place.prefix).await?;
    let read = futures_util::stream::iter(keys)
        .map(move |key| async move { (store.get(&key).await, key) })
        .buffer_unordered(READ_AT_ONCE);
    Ok(read.filter_map(move |(object, key)| async move {
        match object {
            Ok(Some(object)) => names(&key, &object.bytes, document).then_some(Ok(key)),
            Ok(None) => None,
            Err(error) => Some(Err(error.to_string())),
        }
    }))
}

async fn keys(store: &dyn ObjectStore, prefix: &str) -> Result<Vec<Key>, String> {
    let mut all: Vec<Key> = Vec::new();
    loop {
        let listed = store.list_after(prefix, all.last(), LIST_LIMIT_MAX).await;
        let listed = listed.map_err(|error| error.to_string())?;
        if listed.is_empty() {
            return Ok(all);
        }
        all.extend(listed.into_iter().map(|one| one.key));
    }
}

/// Puts an object again without the questions about the document; whether it held one.
async fn blank(store: &dyn ObjectStore, key: &Key, document: &str) -> Result<bool, String> {
    for _ in 0..TRIES_MAX {
        let found = store.get(key).await.map_err(|error| error.to_string())?;
        let Some((bytes, etag)) = found.and_then(|object| without(&object.bytes, object.etag, document))
        else {
            return Ok(false);
        };
        match store.put_if(key, &etag, bytes).await {
            PutOutcome::Done(_) => return Ok(true),
            PutOutcome::Exists | PutOutcome::Changed => {}
            PutOutcome::Unknown(error) => return Err(error.to_string()),
        }
    }
    Err(format!("others kept changing `{key}`"))
}

fn without(bytes: &[u8], etag: ETag, document: &str) -> Option<(Bytes, ETag)> {
    Some((sealed::seal(&blanked(bytes, document)?).ok()?, etag))
}

/// The same JSON with empty questions wherever an object names the document; nothing if there is none to empty.
fn blanked(bytes: &[u8], document: &str) -> Option<Value> {
    let mut value: Value = sealed::open(bytes).ok()?;
    let mut has_changed = false;
    empty(&mut value, document, false, &mut has_changed);
    has_changed.then_some(value)
}

fn empty(value: &mut Value, document: &str, is_about: bool, has_changed: &mut bool) {
    match value {
        Value::Object(fields) => {
            // What lies within is about it too.
            let is_about = is_about || fields.values().any(|field| field.as_str() == Some(document));
            for (name, field) in fields.iter_mut() {
                let is_question =
                    is_about && name == "question" && field.as_str().is_some_and(|text| !text.is_empty());
                if is_question {
                    *field = Value::String(String::new());
                    *has_changed = true;
                } else {
                    empty(field, document, is_about, has_changed);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| empty(item, document, is_about, has_changed)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use enabler_storage::objects::Memory;
    use serde_json::json;

    use super::*;

    const ID: &str = "0192f0c1-0000-7000-8000-000000000001";
    const OTHER: &str = "0192f0c1-0000-7000-8000-000000000002";

    async fn put(store: &Memory, key: &str, value: &Value) {
        let put = store.put_new(&Key::new(key).unwrap(), sealed::seal(value).unwrap()).await;
        assert!(matches!(put, PutOutcome::Done(_)));
    }

    #[tokio::test]
    async fn what_names_the_document_goes_and_what_names_another_stays() {
        let store = Memory::new();
        let answer = |id: &str| json!({ "state": "done", "body": format!(r#"{{"document_id":"{id}"}}"#) });
        put(&store, "v1/once/t/1.json", &answer(ID)).await;
        put(&store, "v1/once/t/2.json", &answer(OTHER)).await;
        // As batches are kept.
        let item = |id: &str| {
            let ask = json!({ "question": "Quem assina?", "top_k": null, "session_id": null });
            json!({ "question": { "document_id": id, "ask": ask } })
        };
        put(&store, "v1/batches/t/1.json", &json!({ "items": [item(ID), item(OTHER)] })).await;
        put(&store, &format!("v1/operator/discarded/{ID}-1"), &json!({ "reason": "seen" })).await;
        for place in PLACES {
            let changed = remove(&store, place, ID).await.unwrap();
            assert_eq!(
                changed,
                u64::from(!matches!(place.name, "quarantine" | "failures")),
                "{}",
                place.name
            );
            assert_eq!(probe(&store, place, ID, &[]).await.unwrap().1, 0, "{}", place.name);
            assert_eq!(remove(&store, place, ID).await.unwrap(), 0);
        }
        assert_eq!(probe(&store, PLACES[0], OTHER, &[]).await.unwrap(), (1, 1));
        let kept = store.get(&Key::new("v1/batches/t/1.json").unwrap()).await.unwrap().unwrap();
        let kept: Value = sealed::open(&kept.bytes).unwrap();
        assert_eq!(kept["items"][0]["question"]["ask"]["question"], "");
        assert_eq!(kept["items"][1]["question"]["ask"]["question"], "Quem assina?");
    }
}
