//! The receipt of an erasure: every place that was looked at, what was removed there, and what a search found afterwards.

use bytes::Bytes;
use enabler_storage::objects::{Key, LIST_LIMIT_MAX, ObjectStore, PutOutcome};
use enabler_storage::sealed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Subject;

/// Where receipts are; they name the document by its id alone and stay.
const RECEIPTS: &str = "v1/receipts/erasure/";
/// Where erasures are that have not ended.
const OPEN: &str = "v1/receipts/open/";
/// Where erasures are that have ended not long ago: a node that slept through one may wake and write what it had begun.
const WATCHED: &str = "v1/receipts/watched/";
/// How long an erasure is looked after: longer than whatever a node may have begun to write is kept by itself.
pub(super) const WATCH_MS: u64 = 48 * 3_600_000;
/// The pause between two looks.
pub(super) const LOOK_MS: u64 = 6 * 3_600_000;
/// How often a receipt is written that somebody else writes at the same time.
const TRIES_MAX: usize = 4;

/// What an erasure does not reach, for whoever reads the receipt.
const BEYOND: [&str; 6] = [
    "Earlier versions of objects in a bucket that keeps versions: its own rule ends them.",
    "Vectors of single sentences in the shared cache, under a hash that names neither text nor document, for as long as cache.embeddings_days says.",
    "Suites of questions, which hold what somebody wrote into them until they are put again or removed.",
    "Backups, exports, and what clients have kept of answers.",
    "What was sent to a provider of models outside, if the settings name one.",
    "The disk of a node that is gone for good; one that comes back removes what it has before it answers. Space that a disk or a database has let go of, until it is written over.",
];

/// One place, on one node or in what all share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::operator) struct Row {
    /// Such as `blobs` or `index`.
    store: String,
    /// What of the document lies there.
    what: String,
    /// The node; none for what all nodes share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    /// How many things were removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    removed: Option<u64>,
    /// How many traces a search found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<u64>,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Why it could not be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Row {
    pub(super) fn of(store: &str, what: &str) -> Self {
        Row { store: store.to_owned(), what: what.to_owned(), ..Row::default() }
    }

    pub(super) fn on(self, node: &str) -> Self {
        Row { node: Some(node.to_owned()), ..self }
    }

    pub(super) fn removed(self, removed: u64) -> Self {
        Row { removed: Some(removed), ..self }
    }

    pub(super) fn found(self, found: u64) -> Self {
        Row { found: Some(found), ..self }
    }

    pub(super) fn saying(self, detail: impl Into<String>) -> Self {
        Row { detail: Some(detail.into()), ..self }
    }

    pub(super) fn failed(self, why: impl Into<String>) -> Self {
        Row { error: Some(why.into()), ..self }
    }

    /// Why it could not be done.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether nothing is left there, as far as this row says.
    pub(super) fn is_clean(&self) -> bool {
        self.error.is_none() && self.found.is_none_or(|found| found == 0)
    }
}

/// A receipt, with the hash of everything else in it.
pub(super) fn made(subject: &Subject, at_ms: u64, rows: &[Row], probe: &[Row], marks: usize) -> Value {
    let complete = !probe.is_empty() && rows.iter().chain(probe).all(Row::is_clean);
    let found: u64 = probe.iter().filter_map(|row| row.found).sum();
    let mut receipt = json!({
        "id": subject.id,
        "document": subject.document,
        "tenant": subject.tenant,
        "by": subject.by,
        "reason": subject.reason,
        "asked_ms": subject.asked_ms,
        "ended_ms": at_ms,
        "complete": complete,
        "stores": rows,
        "probe": { "at_ms": at_ms, "words": marks, "found": found, "stores": probe },
        "beyond": BEYOND,
    });
    receipt["sha256"] = hash(&receipt).into();
    receipt
}

/// The hash of a receipt without its own hash: of its JSON with sorted fields and no spaces.
pub(super) fn hash(receipt: &Value) -> String {
    let mut bare = receipt.clone();
    if let Some(fields) = bare.as_object_mut() {
        fields.remove("sha256");
    }
    Sha256::digest(bare.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key(prefix: &str, document: &str) -> Result<Key, String> {
    Key::new(format!("{prefix}{document}.json")).map_err(|error| error.to_string())
}

async fn get(store: &dyn ObjectStore, key: &Key) -> Result<Option<Bytes>, String> {
    let found = store.get(key).await.map_err(|error| error.to_string())?;
    Ok(found.map(|object| object.bytes))
}

/// The receipt of a document, if it was erased.
pub(super) async fn read(store: &dyn ObjectStore, document: &str) -> Result<Option<Value>, String> {
    let at = key(RECEIPTS, document)?;
    let Some(bytes) = get(store, &at).await? else { return Ok(None) };
    let receipt: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("`{at}` is damaged: {error}"))?;
    // It stays plain JSON, because people hand it on; its own hash is its seal.
    if receipt["sha256"] != hash(&receipt) {
        return Err(format!("`{at}` is damaged: its hash does not fit"));
    }
    Ok(Some(receipt))
}

/// The erasure of a document that has not ended.
pub(super) async fn read_open(store: &dyn ObjectStore, document: &str) -> Result<Option<Subject>, String> {
    let found = get(store, &key(OPEN, document)?).await?;
    found.map(|bytes| sealed::open(&bytes)).transpose().map_err(|error| error.to_string())
}

/// Every erasure that has not ended.
pub(super) async fn all_open(store: &dyn ObjectStore) -> Result<Vec<Subject>, String> {
    all_of(store, OPEN).await
}

async fn all_of<T: serde::de::DeserializeOwned>(
    store: &dyn ObjectStore,
    prefix: &str,
) -> Result<Vec<T>, String> {
    let (mut all, mut after) = (Vec::new(), None::<Key>);
    loop {
        let listed = store.list_after(prefix, after.as_ref(), LIST_LIMIT_MAX).await;
        let listed = listed.map_err(|error| error.to_string())?;
        let Some(last) = listed.last() else { return Ok(all) };
        after = Some(last.key.clone());
        for one in &listed {
            let found = get(store, &one.key).await?;
            // What cannot be read must not be taken for nothing.
            let read = found.map(|bytes| sealed::open(&bytes));
            all.extend(read.transpose().map_err(|error| format!("`{}` cannot be read: {error}", one.key))?);
        }
    }
}

/// Notes that an erasure begins: from now on it is brought to its end, whatever becomes of this node.
pub(super) async fn open(store: &dyn ObjectStore, subject: &Subject) -> Result<(), String> {
    let bytes = sealed::seal(subject).map_err(|error| error.to_string())?;
    match store.put_new(&key(OPEN, &subject.document)?, bytes).await {
        PutOutcome::Done(_) | PutOutcome::Exists | PutOutcome::Changed => Ok(()),
        // What stands there is carried out, whatever was answered: nobody may hear that it is not.
        PutOutcome::Unknown(error) => match read_open(store, &subject.document).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(error.to_string()),
            Err(_) => Err(format!("{error}; it may begin all the same")),
        },
    }
}

/// An erasure that has ended, and when it is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watched {
    /// Which.
    pub(super) subject: Subject,
    /// When it is looked at next, Unix milliseconds.
    pub(super) next_ms: u64,
    /// When nobody needs to look any more.
    pub(super) until_ms: u64,
}

/// What is to be looked at again at `now_ms`.
pub(super) async fn watched(store: &dyn ObjectStore, now_ms: u64) -> Result<Vec<Watched>, String> {
    let all: Vec<Watched> = all_of(store, WATCHED).await?;
    Ok(all.into_iter().filter(|one| one.next_ms <= now_ms).collect())
}

/// Has a look again after a while, or none any more.
pub(super) async fn looked(store: &dyn ObjectStore, mut one: Watched, now_ms: u64) -> Result<(), String> {
    let at = key(WATCHED, &one.subject.document)?;
    if now_ms >= one.until_ms {
        return store.delete(&at).await.map_err(|error| error.to_string());
    }
    one.next_ms = now_ms.saturating_add(LOOK_MS).min(one.until_ms);
    put(store, &at, &sealed::seal(&one).map_err(|error| error.to_string())?).await
}

/// Writes a receipt in the place of an earlier one, and ends the erasure if it is complete.
pub(super) async fn write(store: &dyn ObjectStore, subject: &Subject, receipt: &Value) -> Result<(), String> {
    put(store, &key(RECEIPTS, &subject.document)?, &Bytes::from(receipt.to_string())).await?;
    if receipt["complete"] == true {
        let ended_ms = receipt["ended_ms"].as_u64().unwrap_or(0);
        let watched = Watched {
            subject: subject.clone(),
            next_ms: ended_ms.saturating_add(LOOK_MS),
            until_ms: ended_ms.saturating_add(WATCH_MS),
        };
        let bytes = sealed::seal(&watched).map_err(|error| error.to_string())?;
        put(store, &key(WATCHED, &subject.document)?, &bytes).await?;
        let open = key(OPEN, &subject.document)?;
        store.delete(&open).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Puts `bytes` in the place of whatever is there.
async fn put(store: &dyn ObjectStore, at: &Key, bytes: &Bytes) -> Result<(), String> {
    for _ in 0..TRIES_MAX {
        let found = store.get(at).await.map_err(|error| error.to_string())?;
        let put = match &found {
            None => store.put_new(at, bytes.clone()).await,
            Some(object) => store.put_if(at, &object.etag, bytes.clone()).await,
        };
        if matches!(put, PutOutcome::Done(_)) || get(store, at).await?.as_ref() == Some(bytes) {
            return Ok(());
        }
    }
    Err("others kept writing it".to_owned())
}

#[cfg(test)]
mod tests {
    use enabler_storage::objects::Memory;

    use super::*;

    fn subject() -> Subject {
        Subject {
            document: "0192f0c1-0000-7000-8000-000000000001".to_owned(),
            tenant: "acme".to_owned(),
            sha256: "07".repeat(32),
            chunks: 3,
            id: "a1".to_owned(),
            by: "dpo".to_owned(),
            reason: "article 18".to_owned(),
            asked_ms: 5,
        }
    }

    #[tokio::test]
    async fn an_erasure_stays_open_until_its_receipt_is_complete_and_the_hash_covers_all_of_it() {
        let (store, subject) = (Memory::new(), subject());
        open(&store, &subject).await.unwrap();
        let rows = [Row::of("blobs", "file").removed(4)];
        let dirty = [Row::of("index", "words").on("n1").found(1)];
        let partly = made(&subject, 9, &rows, &dirty, 2);
        assert_eq!((&partly["complete"], &partly["probe"]["found"]), (&json!(false), &json!(1)));
        write(&store, &subject, &partly).await.unwrap();
        assert_eq!(all_open(&store).await.unwrap(), std::slice::from_ref(&subject));
        let unheard = made(&subject, 9, &rows, &[Row::of("node", "").on("n2").failed("silent")], 2);
        assert_eq!(unheard["complete"], false);

        let clean = [Row::of("index", "words").on("n1").found(0)];
        let whole = made(&subject, 10, &rows, &clean, 2);
        assert_eq!(whole["complete"], true);
        write(&store, &subject, &whole).await.unwrap();
        assert_eq!(all_open(&store).await.unwrap(), []);
        let due = watched(&store, 9 + LOOK_MS).await.unwrap();
        assert_eq!(due, [], "it has only ended");
        let mut due = watched(&store, 10 + LOOK_MS).await.unwrap();
        assert_eq!(due.first().map(|one| &one.subject), Some(&subject));
        looked(&store, due.remove(0), 10 + LOOK_MS).await.unwrap();
        assert_eq!(watched(&store, 10 + LOOK_MS).await.unwrap(), []);
        let last = watched(&store, 10 + WATCH_MS).await.unwrap().remove(0);
        looked(&store, last, 10 + WATCH_MS).await.unwrap();
        assert_eq!(watched(&store, u64::MAX).await.unwrap(), [], "nobody looks for ever");

        let kept = read(&store, &subject.document).await.unwrap().unwrap();
        assert_eq!((&kept, kept["sha256"].as_str().unwrap()), (&whole, &*hash(&kept)));
        let mut forged = kept;
        forged["stores"][0]["removed"] = json!(5);
        assert_ne!(forged["sha256"].as_str().unwrap(), hash(&forged));
        assert!(!whole.to_string().contains(&subject.sha256), "a receipt names the document by its id alone");
    }
}
