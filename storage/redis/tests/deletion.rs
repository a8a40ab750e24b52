//! Deletions between two nodes, with puts that race them and a Redis that fails in the middle.

use bytes::Bytes;
use enabler_sim_servers::RedisServer;
use enabler_storage::cache::{Cache, answer_prefix, session_key, session_prefix, tenant_prefix};
use enabler_storage::record::DocumentId;

use crate::{HOUR, eventually, node, values};

const DOCUMENT: Option<DocumentId> = Some(DocumentId([1; 16]));

fn prefix() -> String {
    answer_prefix("acme", DOCUMENT)
}

fn answer(hash: &str) -> String {
    format!("{}{hash}", prefix())
}

const VALUE: Bytes = Bytes::from_static(b"of a document");

#[tokio::test]
async fn a_put_whose_computation_began_before_the_deletion_leaves_nothing() {
    let server = RedisServer::start(&[]).await.unwrap();
    let (one, two) = (node(&server.url()).await, node(&server.url()).await);
    for deleted in [prefix(), tenant_prefix("acme")] {
        // Also for the first value of a group that did not exist.
        assert_eq!(one.get(&answer(&deleted)).await, None);
        two.delete_prefix(&deleted).await.unwrap();
        one.put(&answer(&deleted), VALUE, HOUR).await;
        for reader in [&one, &two, &node(&server.url()).await] {
            assert_eq!(reader.get(&answer(&deleted)).await, None, "{deleted}");
        }
        assert_eq!(values(&server).await, [""; 0]);
    }
    // Who begins after the deletion is kept.
    let three = node(&server.url()).await;
    assert_eq!(three.get(&answer("new")).await, None);
    three.put(&answer("new"), VALUE, HOUR).await;
    assert_eq!(two.get(&answer("new")).await, Some(VALUE));
}

#[tokio::test]
async fn puts_that_race_a_deletion_leave_nothing() {
    let server = RedisServer::start(&[]).await.unwrap();
    let (one, two) = (node(&server.url()).await, node(&server.url()).await);
    for round in 0..40 {
        let document = Some(DocumentId([round; 16]));
        let (answers, sessions) = (answer_prefix("acme", document), session_prefix("acme", document));
        let keys: Vec<String> = (0..16).map(|i| format!("{answers}{i}")).collect();
        assert!(one.get_many(&keys).await.iter().all(Option::is_none));
        let session = session_key("acme", document, "s");
        assert_eq!(two.get(&session).await, None);
        let puts: Vec<_> = keys
            .iter()
            .map(|key| {
                let (one, key) = (one.clone(), key.clone());
                tokio::spawn(async move { one.put(&key, VALUE, HOUR).await })
            })
            .collect();
        // The node that deletes puts too, so that its own memory is raced.
        let own = {
            let (two, session) = (two.clone(), session.clone());
            tokio::spawn(async move { two.put(&session, VALUE, HOUR).await })
        };
        for _ in 0..round % 5 {
            tokio::task::yield_now().await;
        }
        two.delete_prefix(&sessions).await.unwrap();
        two.delete_prefix(&answers).await.unwrap();
        for put in puts {
            put.await.unwrap();
        }
        own.await.unwrap();
        assert!(two.get_many(&keys).await.iter().all(Option::is_none), "round {round}");
        assert_eq!(two.get(&session).await, None, "round {round}");
        assert_eq!(values(&server).await, [""; 0], "round {round}");
    }
}

#[tokio::test]
async fn a_deletion_that_the_redis_does_not_hear_is_an_error_and_can_be_repeated() {
    let server = RedisServer::start(&[]).await.unwrap();
    let (one, two) = (node(&server.url()).await, node(&server.url()).await);
    one.put(&answer("x"), VALUE, HOUR).await;
    server.freeze().unwrap();
    // While it fails, and while the breaker does not even ask.
    for _ in 0..5 {
        let error = one.delete_prefix(&prefix()).await.unwrap_err();
        assert!(error.to_string().contains("the cache is not reachable"), "{error}");
    }
    assert!(one.is_breaker_open());
    assert_eq!(one.get(&answer("x")).await, None);
    one.put(&answer("x"), VALUE, HOUR).await;
    server.thaw().unwrap();
    eventually("the deletion is done", async || one.delete_prefix(&prefix()).await.is_ok()).await;
    assert_eq!((one.get(&answer("x")).await, two.get(&answer("x")).await), (None, None));
    assert_eq!(values(&server).await, [""; 0]);
}

#[tokio::test]
async fn a_deletion_that_was_cut_off_goes_on() {
    let server = RedisServer::start(&[]).await.unwrap();
    let cache = node(&server.url()).await;
    for i in 0..3 {
        cache.put(&answer(&i.to_string()), VALUE, HOUR).await;
    }
    // As far as a deletion comes that ends after its first step; then there are new values beside the old ones.
    server.command(&["RENAME", &format!("{{{}}}#", prefix()), &format!("{{{}}}!", prefix())]).await.unwrap();
    let other = node(&server.url()).await;
    assert_eq!(other.get(&answer("0")).await, None);
    other.put(&answer("new"), VALUE, HOUR).await;
    assert_eq!(values(&server).await.len(), 4);
    assert_eq!(other.delete_prefix(&prefix()).await.unwrap(), 4);
    assert_eq!(values(&server).await, [""; 0]);
}

#[tokio::test]
async fn what_loses_its_index_is_never_seen_again() {
    let server = RedisServer::start(&[]).await.unwrap();
    let one = node(&server.url()).await;
    for evicted in [prefix(), tenant_prefix("acme")] {
        one.put(&answer(&evicted), VALUE, HOUR).await;
        assert_eq!(server.command(&["DEL", &format!("{{{evicted}}}#")]).await.unwrap(), ":1\r\n");
        let two = node(&server.url()).await;
        assert_eq!(two.get(&answer(&evicted)).await, None);
        two.put(&answer("next"), VALUE, HOUR).await;
        assert_eq!(node(&server.url()).await.get(&answer(&evicted)).await, None);
        assert_eq!(node(&server.url()).await.get(&answer("next")).await, Some(VALUE));
    }
}

#[tokio::test]
async fn a_large_group_is_deleted_in_batches_and_everything_kept_expires() {
    let server = RedisServer::start(&[]).await.unwrap();
    let cache = node(&server.url()).await;
    // A put that takes too long is given up, as all at once may on a busy machine.
    for i in 0..1_200 {
        cache.put(&answer(&i.to_string()), VALUE, HOUR).await;
    }
    let info = server.command(&["INFO", "keyspace"]).await.unwrap();
    // 1,200 values, the group and its tenant: all with an expiry.
    assert!(info.contains("keys=1202,expires=1202"), "{info}");
    assert_eq!(cache.delete_prefix(&prefix()).await.unwrap(), 1_200);
    assert_eq!(server.command(&["DBSIZE"]).await.unwrap(), ":1\r\n");
    assert_eq!(cache.delete_prefix(&tenant_prefix("acme")).await.unwrap(), 0);
    assert_eq!(server.command(&["DBSIZE"]).await.unwrap(), ":0\r\n");
}

#[tokio::test]
async fn a_prefix_that_no_deletion_can_reach_is_refused() {
    let server = RedisServer::start(&[]).await.unwrap();
    let cache = node(&server.url()).await;
    for prefix in ["dq:1:", "dq:1:emb:m:", "dq:1:t:acme:qa:"] {
        assert!(cache.delete_prefix(prefix).await.unwrap_err().to_string().contains(prefix));
    }
    cache.put("dq:1:t:acme:odd", VALUE, HOUR).await;
    assert_eq!(cache.get("dq:1:t:acme:odd").await, None);
}
