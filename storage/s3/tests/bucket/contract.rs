//! The bucket keeps the contract of the object store, against a real server; a server that does not is refused.

use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_config::Secret;
use enabler_s3::Settings;
use enabler_storage::chance::SeededChance;
use enabler_storage::objects::{
    ETag, Fault, Head, Key, Listed, Memory, Object, ObjectStore, ProbeError, PutOutcome, StoreError,
    conformance, probe,
};
use futures_util::future::join_all;

use crate::store::{open, place, server, settings};

#[tokio::test]
async fn a_bucket_keeps_the_contract() {
    let scratch = tempfile::tempdir().unwrap();
    conformance::check(&place().await, scratch.path()).await.unwrap();
    // Without a prefix as well, in a bucket of its own.
    server().await.create_bucket("bare-papers").await.unwrap();
    let bare =
        Settings { bucket: "bare-papers".into(), prefix: String::new(), ..settings(&server().await.url()) };
    conformance::check(&open(bare).await, scratch.path()).await.unwrap();
}

#[tokio::test]
async fn the_probe_finds_that_the_server_keeps_its_conditions() {
    for seed in 0..5 {
        probe(&place().await, &SeededChance::new(seed)).await.unwrap();
    }
}

#[tokio::test]
async fn two_places_in_one_bucket_do_not_see_each_other() {
    let (one, two) = (place().await, place().await);
    let key = Key::new("v1/cluster").unwrap();
    assert!(matches!(one.put_new(&key, "one".into()).await, PutOutcome::Done(_)));
    assert!(two.get(&key).await.unwrap().is_none());
    assert!(two.list_after("", None, 10).await.unwrap().is_empty());
    assert!(matches!(two.put_new(&key, "two".into()).await, PutOutcome::Done(_)));
    assert_eq!(one.get(&key).await.unwrap().unwrap().bytes, "one");
}

#[tokio::test]
async fn a_listing_goes_on_behind_its_first_page_and_past_what_is_not_ours() {
    let bucket = place().await;
    let keys: Vec<_> = (0..1_040).map(|n| Key::new(format!("v1/log/{n:020}")).unwrap()).collect();
    for some in keys.chunks(64) {
        let put = join_all(some.iter().map(|key| bucket.put_new(key, "x".into()))).await;
        assert!(put.iter().all(|outcome| matches!(outcome, PutOutcome::Done(_))));
    }
    let first = bucket.list_after("v1/", None, 5_000).await.unwrap();
    assert_eq!(first.len(), 1_000, "a listing is bounded");
    let rest = bucket.list_after("v1/", Some(&first[999].key), 1_000).await.unwrap();
    let all: Vec<_> = first.into_iter().chain(rest).map(|listed| listed.key).collect();
    assert_eq!(all, keys);

    // Keys that another program has put there, which no key of ours can be.
    let place = settings(&server().await.url());
    let shared = open(place.clone()).await;
    let foreign = reqwest::Client::new();
    for name in ["a/b%20c", "a/.hidden", "a/%C3%A9", "a/y/"] {
        let url = format!("{}/{}/{}/{name}", server().await.url(), place.bucket, place.prefix);
        assert!(foreign.put(url).body("theirs").send().await.unwrap().status().is_success());
    }
    for name in ["a/a", "a/x", "a/z"] {
        let _ = shared.put_new(&Key::new(name).unwrap(), "ours".into()).await;
    }
    for limit in [1, 2, 3, 10] {
        let listed = shared.list_after("a/", None, limit).await.unwrap();
        let names: Vec<_> = listed.iter().map(|listed| listed.key.as_str()).collect();
        assert_eq!(names, ["a/a", "a/x", "a/z"][..limit.min(3)]);
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named_and_never_taken_for_an_empty_one() {
    let missing = Settings { bucket: "nowhere".into(), ..settings(&server().await.url()) };
    let bucket = open(missing).await;
    let key = Key::new("v1/cluster").unwrap();
    let outcomes = [
        bucket.put_new(&key, "x".into()).await,
        bucket.put_if(&key, &ETag("\"0\"".into()), "x".into()).await,
    ];
    for outcome in outcomes {
        let PutOutcome::Unknown(error) = outcome else { panic!("{outcome:?}") };
        let error = error.to_string();
        assert!(error.contains("NoSuchBucket") && error.contains("`nowhere`"), "{error}");
        assert!(error.contains("create the bucket"), "{error}");
    }
    assert!(bucket.get(&key).await.is_err() && bucket.get_range(&key, 0..1).await.is_err());
    assert!(bucket.list_after("", None, 1).await.is_err());
}

#[tokio::test]
async fn no_message_shows_a_secret() {
    let settings = Settings {
        access_key: Some(Secret::new("KEY-OF-THE-TEST")),
        secret_key: Some(Secret::new("SECRET-OF-THE-TEST")),
        // Encrypted words to a server that speaks plainly: fails while the connection is made.
        endpoint: Some(server().await.url().replace("http:", "https:")),
        ..settings("")
    };
    let shown = format!("{settings:?}");
    let bucket = open(settings).await;
    let key = Key::new("v1/cluster").unwrap();
    let PutOutcome::Unknown(error) = bucket.put_new(&key, "x".into()).await else { panic!() };
    assert!(error.to_string().contains("creating `v1/cluster`"), "{error}");
    for text in [shown, format!("{error} {error:?}"), format!("{bucket:?}")] {
        assert!(!text.contains("OF-THE-TEST"), "{text}");
    }
}

/// A store that takes conditions for suggestions from a certain write on, as some servers do.
#[derive(Debug, Default)]
struct Careless(Memory);

#[async_trait]
impl ObjectStore for Careless {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        self.0.put_new(key, bytes).await
    }

    /// Whatever the version.
    async fn put_if(&self, key: &Key, _: &ETag, bytes: Bytes) -> PutOutcome {
        self.0.schedule([Fault::ConditionIgnored]);
        self.0.put_if(key, &ETag(String::new()), bytes).await
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        self.0.put_file_new(key, file).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        self.0.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        self.0.get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        self.0.head(key).await
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.0.list_after(prefix, after, limit).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.0.delete(key).await
    }
}

#[tokio::test]
async fn a_store_that_takes_conditions_for_suggestions_is_refused() {
    let error = probe(&Careless::default(), &SeededChance::new(1)).await.unwrap_err();
    assert!(matches!(error, ProbeError::ReplaceNotExclusive { winners: 8 }), "{error}");
    let scratch = tempfile::tempdir().unwrap();
    let breach = conformance::check(&Careless::default(), scratch.path()).await.unwrap_err();
    assert_eq!(breach.to_string(), "broken: a version that is gone is not replaced");
}
