//! Documents go when their time is over, and no others; each of them is noted.

use enabler_storage::log::{self, Entry, Position};
use enabler_storage::objects::{Directory, ObjectStore, PutOutcome};
use enabler_storage::record::{DocumentId, DocumentRecord, Op};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::node::{Home, Node, POLL};
use crate::papers::note;

const SETTINGS: &str = "[operator]\nactions = true\n[retention]\ndays = 5\n";
const DAY_MS: u64 = 24 * 3_600_000;

/// The end of a shard's log, and what it says last of `id` as it was accepted.
async fn end_of(
    store: &Arc<dyn ObjectStore>,
    shard: u32,
    id: DocumentId,
) -> (Position, u128, Option<DocumentRecord>) {
    let mut replay = log::replay(store.clone(), shard, Position::default());
    let (mut found, mut writer) = (None, 0);
    while let Some(entry) = replay.next().await.unwrap() {
        writer = entry.entry.writer;
        for op in entry.entry.ops {
            if let Op::Accepted { document } = op
                && document.document_id == id
            {
                found = Some(*document);
            }
        }
    }
    (replay.position(), writer, found)
}

/// Writes into the log of a node that does not run that the document came `days` ago; it is read again.
async fn age(home: &Home, id: &str, days: u64) {
    let store: Arc<dyn ObjectStore> = Arc::new(Directory::open(home.data().join("store")).unwrap());
    let cluster = log::read_cluster(&*store).await.unwrap().unwrap();
    let id: DocumentId = id.parse().unwrap();
    let shard = id.shard(cluster.hash_seed, cluster.shard_count);
    let (position, writer, found) = end_of(&store, shard, id).await;
    let mut document = found.unwrap();
    document.revision += 1;
    document.created_ms -= days * DAY_MS;
    let entry = Entry {
        shard,
        seq: position.seq + 1,
        epoch: position.epoch,
        writer,
        nonce: 1,
        prev: position.checksum,
        wall_ms: 0,
        ops: vec![Op::Accepted { document: Box::new(document) }],
    };
    let put = log::put_entry(&*store, &entry.seal().unwrap()).await.unwrap();
    assert!(matches!(put, PutOutcome::Done(_)));
}

async fn runs(node: &Node) -> u64 {
    let (status, told) = node.read("/v1/operator/recurring").await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let jobs = told["jobs"].as_array().unwrap().clone();
    let retention = jobs.iter().find(|job| job["job"] == "retention").unwrap().clone();
    assert_ne!(retention["last"]["outcome"], "failed", "{retention}");
    retention["runs"].as_u64().unwrap()
}

async fn until_run(node: &Node, before: u64) {
    let wait = async {
        while runs(node).await <= before {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(120), wait).await.expect("a run of the retention");
}

#[tokio::test]
async fn only_what_is_older_than_the_days_is_deleted_and_it_is_noted_by_its_id() {
    let home = Home::new();
    home.settings(SETTINGS);
    let node = home.start().await;
    let old = node.ready("velho.pdf", note(&["Recibo antigo de Osvaldo Pinheiral, pago em dinheiro."])).await;
    let young = node.ready("novo.pdf", note(&["Recibo novo de Clotilde Vasconcelos, pago em cheque."])).await;
    let nearly = node.ready("quase.pdf", note(&["Recibo de Abelardo Junqueira, pago em prestacoes."])).await;
    until_run(&node, 0).await;
    for id in [&old, &young, &nearly] {
        assert_eq!(node.document(id).await.0, StatusCode::OK);
    }
    node.stop().await;
    age(&home, &old, 6).await;
    age(&home, &nearly, 4).await;

    let node = home.start().await;
    let before = runs(&node).await;
    let order = json!({ "action": "run_job", "target": { "job": "retention" }, "reason": "a test wants it" });
    let (status, body) = node.post("/v1/operator/actions", &order).await;
    assert_eq!((status, &body["outcome"]), (StatusCode::OK, &json!("done")), "{body}");
    until_run(&node, before).await;
    assert_eq!(node.document(&old).await.0, StatusCode::NOT_FOUND);
    for id in [&young, &nearly] {
        assert_eq!(node.settled(id).await["status"], "ready");
    }
    let listed: Vec<Value> = node.documents().await;
    assert_eq!(listed.len(), 2, "{listed:?}");
    let asked = node.request(Method::POST, "/v1/search").json(&json!({ "query": "Osvaldo Pinheiral" }));
    let found: Value = asked.send().await.unwrap().json().await.unwrap();
    assert!(!found.to_string().contains("Pinheiral"), "{found}");
    node.stop().await;

    let store = Directory::open(home.data().join("store")).unwrap();
    let mut notes = String::new();
    for one in store.list_after("v1/audit/", None, 1_000).await.unwrap() {
        let object = store.get(&one.key).await.unwrap().unwrap();
        notes.push_str(&String::from_utf8_lossy(&object.bytes));
    }
    let of_retention: Vec<&str> =
        notes.lines().filter(|line| line.contains(r#""action":"retention""#)).collect();
    assert_eq!(of_retention.len(), 1, "{notes}");
    assert!(of_retention[0].contains(&*old) && !of_retention[0].contains("velho"), "{notes}");
}
