//! A link gives the bytes to whoever has it, and nothing else.

use std::time::Duration;

use enabler_storage::objects::{Directory, Key, Memory, ObjectStore, PutOutcome};

use crate::store::place;

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_link_is_followed_without_credentials_and_names_the_file() {
    let bucket = place().await;
    let key = Key::new("v1/blob/original").unwrap();
    let content: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert!(matches!(bucket.put_new(&key, content.clone().into()).await, PutOutcome::Done(_)));
    let name = "Convenção do condomínio.pdf";
    let link = ObjectStore::presigned_get(&bucket, &key, HOUR, Some(name)).await.unwrap().unwrap();
    let answer = reqwest::get(&link).await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(disposition.contains("filename*=UTF-8''Conven%C3%A7%C3%A3o%20do"), "{disposition}");
    assert!(answer.bytes().await.unwrap() == content);
    let plain = bucket.presigned_get(&key, HOUR, None).await.unwrap();
    assert!(reqwest::get(plain).await.unwrap().bytes().await.unwrap() == content);
}

#[tokio::test]
async fn a_link_that_was_changed_or_is_over_gives_nothing() {
    let bucket = place().await;
    let (key, other) = (Key::new("v1/blob/one").unwrap(), Key::new("v1/blob/two").unwrap());
    for key in [&key, &other] {
        assert!(matches!(bucket.put_new(key, "content".into()).await, PutOutcome::Done(_)));
    }
    let link = bucket.presigned_get(&key, HOUR, None).await.unwrap();
    let longer = link.replace("X-Amz-Expires=3600", "X-Amz-Expires=36000");
    let elsewhere = link.replace("blob/one", "blob/two");
    for changed in [longer, elsewhere] {
        assert_ne!(changed, link);
        let answer = reqwest::get(changed).await.unwrap();
        assert_eq!(answer.status().as_u16(), 403, "{:?}", answer.text().await);
    }
    let short = bucket.presigned_get(&key, Duration::from_secs(1), None).await.unwrap();
    let over = async {
        while reqwest::get(&short).await.unwrap().status().as_u16() != 403 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), over).await.expect("a link ends");
}

#[tokio::test]
async fn a_link_for_longer_than_links_live_is_refused_and_stores_without_links_have_none() {
    let key = Key::new("v1/blob/one").unwrap();
    let error = place().await.presigned_get(&key, 200 * HOUR, None).await.unwrap_err().to_string();
    assert!(error.contains("at most 7 days"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).unwrap();
    assert!(directory.presigned_get(&key, HOUR, None).await.unwrap().is_none());
    assert!(Memory::new().presigned_get(&key, HOUR, None).await.unwrap().is_none());
}
