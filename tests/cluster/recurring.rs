//! One of all nodes runs what recurs, also when its node is killed or frozen; an erasure leaves nothing on any of them.

use std::time::Duration;

use enabler_storage::chance::SeededChance;
use enabler_storage::objects::{Key, ObjectStore};
use reqwest::Method;
use serde_json::{Value, json};

use super::door::{Door, MustAnswer, until};
use super::harness::{ALL, Cluster, KEEPS};
use crate::papers::note;

const ACTING: &str = "[operator]\nactions = true\n";
const LINES: [&str; 2] = [
    "Laudo da paciente Hermengarda Quitiliano, de 9 de junho de 2026.",
    "A responsavel pelo laudo e a doutora Etelvina Sobreira Nogueirao.",
];
const QUESTION: &str = "Quem e a responsavel pelo laudo?";
/// Longer than the pause between two writes of whoever works on the questions of a batch.
const BEAT_OF_A_BATCH: Duration = Duration::from_secs(6);
/// A name and a file's name that stand in the document alone.
const MARKS: [&str; 2] = ["Nogueirao", "laudo-hermengarda"];

async fn acting() -> Cluster {
    let roles = [ALL, KEEPS, KEEPS];
    let mut cluster = Cluster::prepare(&roles).await;
    for number in 0..roles.len() {
        cluster.begin_with(number, |settings| format!("{settings}{ACTING}"));
    }
    for number in 0..roles.len() {
        cluster.become_ready(number).await.unwrap_or_else(|why| panic!("a node is not ready: {why}"));
    }
    cluster.calm().await;
    cluster
}

/// What a node tells of the recurring work, once the store has answered it in time.
async fn recurring(door: &Door) -> Value {
    let mut told = Value::Null;
    until("the store tells of the recurring work", async || {
        let answer = door.request(Method::GET, "/v1/operator/recurring").send().await.unwrap();
        assert!(answer.status().is_success());
        told = answer.json().await.unwrap();
        told["cannot_see"] == json!([])
    })
    .await;
    told
}

async fn act(door: &Door, action: &str, target: Value, dry_run: bool) -> Value {
    let order =
        json!({ "action": action, "target": target, "reason": "a test wants it", "dry_run": dry_run });
    let answer = door.request(Method::POST, "/v1/operator/actions").json(&order).send().await.unwrap();
    let (status, body): (_, Value) = (answer.status(), answer.json().await.unwrap());
    assert!(status.is_success(), "{action}: {body}");
    body
}

fn job<'a>(told: &'a Value, name: &str) -> &'a Value {
    told["jobs"].as_array().unwrap().iter().find(|job| job["job"] == name).unwrap()
}

/// Objects of the store, outside the receipts, with one of these words in them or in their keys.
async fn objects_with(store: &dyn ObjectStore, words: &[&str]) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let listed = store.list_after("v1/", after.as_ref(), 1_000).await.unwrap();
        let Some(last) = listed.last() else { return found };
        after = Some(last.key.clone());
        for one in listed {
            let Some(object) = store.get(&one.key).await.unwrap() else { continue };
            let text = String::from_utf8_lossy(&object.bytes).into_owned();
            if words.iter().any(|word| text.contains(word)) {
                found.push(one.key.to_string());
            }
        }
    }
}

#[tokio::test]
async fn after_an_erasure_a_search_of_every_store_and_node_finds_nothing_and_the_receipt_lists_them() {
    let cluster = acting().await;
    let truth = cluster.truth().await;
    let store = truth.0.store().clone();
    let (first, second, third) = (cluster.door(0), cluster.door(1), cluster.door(2));
    let id = first.accepted("laudo-hermengarda.pdf", note(&LINES)).await;
    let other =
        second.accepted("outro.pdf", note(&["O clube de remo reuniu-se em 3 de marco de 2026."])).await;
    assert_eq!(first.settled(&id).await["status"], "ready");
    assert_eq!(second.settled(&other).await["status"], "ready");
    // Answers, a conversation, and an answer kept for a repeated request.
    let path = format!("/v1/documents/{id}/ask");
    for (door, body) in [
        (first, json!({ "question": QUESTION })),
        (third, json!({ "question": QUESTION, "session_id": "visita-1" })),
    ] {
        let answer = door.request(Method::POST, &path).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
    let questions =
        json!({ "questions": [{ "document_id": id, "question": "Onde mora Etelvina Nogueirao?" }] });
    let batch = third.request(Method::POST, "/v1/batch").header("idempotency-key", "lote-1").json(&questions);
    let batch = batch.send().await.unwrap();
    assert!(batch.status().is_success(), "{}", batch.status());
    let batch: Value = batch.json().await.unwrap();
    let batch = format!("/v1/batch/{}", batch["batch_id"].as_str().unwrap());
    let before = objects_with(&*store, &MARKS).await;
    for place in ["/log/", "v1/blob/", "v1/batches/"] {
        assert!(before.iter().any(|key| key.contains(place)), "{place}: {before:?}");
    }
    assert!(objects_with(&*store, &[&id]).await.iter().any(|key| key.contains("v1/once/")));
    let keys = cluster.redis.command(&["KEYS", "*"]).await.unwrap_or_default();
    assert!(keys.contains(&id), "nothing is remembered of the document: {keys}");

    let told = act(second, "erase_document", json!({ "document": id }), true).await;
    assert_eq!((&told["outcome"], &told["receipt"]), (&json!("would_do"), &Value::Null), "{told}");
    assert_eq!(first.document(&id).await.unwrap().status.as_u16(), 200);

    let done = act(second, "erase_document", json!({ "document": id }), false).await;
    let receipt = &done["receipt"];
    assert_eq!((&done["outcome"], &receipt["complete"]), (&json!("done"), &json!(true)), "{done:#}");
    assert_eq!(receipt["probe"]["found"], 0);
    let rows = |list: &Value, store: &str| -> Vec<Value> {
        list.as_array().unwrap().iter().filter(|row| row["store"] == store).cloned().collect()
    };
    for store in ["document", "blobs", "log", "idempotency records", "batches", "dead letters", "failures"] {
        assert_eq!(rows(&receipt["stores"], store).len(), 1, "{store}: {receipt:#}");
    }
    for store in ["index", "cache", "files"] {
        for list in [&receipt["stores"], &receipt["probe"]["stores"]] {
            let nodes: Vec<Value> = rows(list, store).iter().map(|row| row["node"].clone()).collect();
            // Two of three nodes have each index, all of them a cache and copies.
            assert!(nodes.len() >= 2 && nodes.iter().all(Value::is_string), "{store}: {receipt:#}");
        }
    }
    assert!(rows(&receipt["stores"], "blobs")[0]["removed"].is_u64());
    assert!(rows(&receipt["stores"], "log")[0]["removed"].as_u64().unwrap() > 0, "{receipt:#}");
    assert!(receipt["probe"]["words"].as_u64().unwrap() > 3);
    assert_eq!(receipt["sha256"].as_str().unwrap().len(), 64);
    assert!(!MARKS.iter().any(|mark| receipt.to_string().contains(mark)), "{receipt:#}");

    // A search of the test's own.
    assert_eq!(objects_with(&*store, &MARKS).await, Vec::<String>::new());
    let naming = objects_with(&*store, &[&id]).await;
    let is_let = |key: &String| {
        ["v1/audit/", "v1/receipts/", "v1/operator/actions/", "/log/", "/snap/", "v1/batches/"]
            .iter()
            .any(|place| key.contains(place))
    };
    assert!(naming.iter().all(is_let), "{naming:?}");
    let keys = cluster.redis.command(&["KEYS", "*"]).await.unwrap_or_default();
    assert!(!keys.contains(&id), "{keys}");
    for door in [first, second, third] {
        assert_eq!(door.document(&id).await.unwrap().status.as_u16(), 404);
        let found = door.request(Method::POST, "/v1/search").json(&json!({ "query": "Etelvina Nogueirao" }));
        let found: Value = found.send().await.unwrap().json().await.unwrap();
        assert!(!MARKS.iter().any(|mark| found.to_string().contains(mark)), "{found}");
        assert_eq!(door.settled(&other).await["status"], "ready");
    }
    let again = act(third, "erase_document", json!({ "document": id }), false).await;
    assert_eq!(&again["receipt"], receipt);
    // The shard takes on as before, also for whoever starts from its snapshot.
    let next = third.accepted("laudo-hermengarda.pdf", note(&LINES)).await;
    assert_ne!(next, id);
    assert_eq!(first.settled(&next).await["status"], "ready");
    // Who worked on the questions writes again how they stand, and not what they were.
    until("the questions are done with", async || {
        let told = third.request(Method::GET, &batch).send().await.unwrap();
        let told: Value = told.json().await.unwrap();
        told["items"].as_array().unwrap().iter().all(|item| item["status"] != "processing")
    })
    .await;
    tokio::time::sleep(BEAT_OF_A_BATCH).await;
    let left = objects_with(&*store, &[MARKS[0], "Onde mora"]).await;
    assert!(left.iter().all(|key| !key.contains("v1/batches/")), "{left:?}");
    drop(cluster);
}

#[tokio::test]
async fn the_work_goes_on_on_another_node_when_its_node_is_killed_and_each_run_is_done_once() {
    let mut cluster = acting().await;
    let first = cluster.door(0).clone();
    until("somebody runs the recurring work", async || {
        let told = recurring(&first).await;
        job(&told, "retention")["runs"] == 1 && job(&told, "erasure")["runs"] == 1
    })
    .await;
    let told = recurring(&first).await;
    let (holder, epoch) = (told["holder"].as_str().unwrap().to_owned(), told["epoch"].as_u64().unwrap());
    assert_eq!(job(&told, "retention")["last"]["outcome"], "done", "{told}");
    let number = cluster.number_of(&holder);
    let asked = cluster.door((number + 1) % 3).clone();
    cluster.kill(number).await;
    let ordered = act(&asked, "run_job", json!({ "job": "retention" }), false).await;
    assert_eq!(ordered["outcome"], "done");
    until("another node has run it", async || job(&recurring(&asked).await, "retention")["runs"] == 2).await;
    let told = recurring(&asked).await;
    let retention = job(&told, "retention");
    assert_ne!(told["holder"], json!(holder));
    assert!(told["epoch"].as_u64().unwrap() > epoch, "{told}");
    assert_eq!((&retention["last"]["node"], &retention["last"]["number"]), (&told["holder"], &json!(2)));
    assert_eq!((&retention["running"], &job(&told, "erasure")["runs"]), (&Value::Null, &json!(1)), "{told}");
    until("its scheduler says so", async || at_work(&asked).await == 1).await;
    // Who held it before comes back and finds that it has nothing.
    cluster.launch(number).await;
    until("it has looked who holds the lease", async || schedulers(&asked).await.len() == 3).await;
    until("one scheduler is at work, and never two", async || {
        let count = at_work(&asked).await;
        assert!(count <= 1, "{count} schedulers are at work");
        count == 1
    })
    .await;
    assert_eq!(recurring(&asked).await["holder"], told["holder"]);
}

/// What the schedulers of all nodes say of themselves, once they have looked.
async fn schedulers(door: &Door) -> Vec<String> {
    let tree = door.request(Method::GET, "/v1/operator/tree?q=scheduler").send().await.unwrap();
    let tree: Value = tree.json().await.unwrap();
    let mut notes = Vec::new();
    collect_notes(&tree, &mut notes);
    notes
}

fn collect_notes(value: &Value, notes: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str().filter(|text| name == "note" && text.contains("recurring work")) {
                    Some(note) if !note.starts_with("looking") => notes.push(note.to_owned()),
                    _ => collect_notes(field, notes),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_notes(item, notes)),
        _ => {}
    }
}

async fn at_work(door: &Door) -> usize {
    schedulers(door).await.iter().filter(|note| note.contains("(epoch")).count()
}

async fn is_whole(store: &dyn ObjectStore, id: &str) -> bool {
    let at = Key::new(format!("v1/receipts/erasure/{id}.json")).unwrap();
    let Some(receipt) = store.get(&at).await.unwrap() else { return false };
    let receipt: Value = serde_json::from_slice(&receipt.bytes).unwrap();
    receipt["complete"] == true
}

/// Has the job `erasure` run until it has brought this one to its end.
async fn until_erased(door: &Door, store: &dyn ObjectStore, id: &str) {
    until("the job has ended the erasure", async || {
        let before = job(&recurring(door).await, "erasure")["runs"].clone();
        act(door, "run_job", json!({ "job": "erasure" }), false).await;
        until("the job has run", async || job(&recurring(door).await, "erasure")["runs"] != before).await;
        is_whole(store, id).await
    })
    .await;
}

#[tokio::test]
async fn an_erasure_ends_whoever_was_frozen_or_killed_meanwhile_and_nobody_brings_anything_back() {
    let mut cluster = acting().await;
    let truth = cluster.truth().await;
    let (store, chance) = (truth.0.store().clone(), SeededChance::new(17));
    let (first, third) = (cluster.door(0).clone(), cluster.door(2).clone());
    let (frozen, name) = (1, cluster.door(1).name.clone());
    let shard = truth.owned_by(&name).await[0];
    // Its owner is frozen while it reads the document.
    let paper = truth.paper(LINES[1], Some(shard), &chance);
    let id = first.accepted("laudo-hermengarda.pdf", paper).await;
    cluster.freeze(frozen);
    until("another node owns its shard", async || truth.owners().await[&shard].0 != name).await;
    assert_eq!(first.settled(&id).await["status"], "ready");
    let asked = first.ask(&id, QUESTION).await.unwrap();
    assert!(asked.status.is_success(), "{}", asked.body);
    assert!(!objects_with(&*store, &MARKS).await.is_empty());

    let done = act(&third, "erase_document", json!({ "document": id }), false).await;
    // It cannot say that it has nothing any more.
    assert_eq!(
        (&done["outcome"], &done["receipt"]["complete"]),
        (&json!("partly"), &json!(false)),
        "{done:#}"
    );
    let rows = done["receipt"]["stores"].as_array().unwrap().clone();
    assert!(rows.iter().any(|row| row["node"] == json!(name) && row["error"].is_string()), "{done:#}");
    assert_eq!(objects_with(&*store, &MARKS).await, Vec::<String>::new());
    cluster.thaw(frozen);
    cluster.back(frozen).await;
    until_erased(&third, &*store, &id).await;

    // A second one, whose node is killed in the middle.
    let paper = truth.paper(LINES[0], None, &chance);
    let other = first.accepted("laudo-hermengarda.pdf", paper).await;
    assert_eq!(first.settled(&other).await["status"], "ready");
    let order = json!({
        "action": "erase_document", "target": { "document": other }, "reason": "a test wants it", "dry_run": false,
    });
    let order = third.request(Method::POST, "/v1/operator/actions").json(&order).send();
    let order = tokio::spawn(order);
    let open = Key::new(format!("v1/receipts/open/{other}.json")).unwrap();
    while store.get(&open).await.unwrap().is_none() {
        assert!(!order.is_finished(), "it ended before it was killed");
    }
    cluster.kill(2).await;
    assert!(order.await.unwrap().is_err());
    assert!(store.get(&open).await.unwrap().is_some(), "nobody would go on with it");
    cluster.launch(2).await;
    until_erased(&first, &*store, &other).await;

    cluster.calm().await;
    let words = ["Nogueirao", "Hermengarda", "laudo-hermengarda"];
    assert_eq!(objects_with(&*store, &words).await, Vec::<String>::new());
    let keys = cluster.redis.command(&["KEYS", "*"]).await.unwrap_or_default();
    assert!(!keys.contains(&id) && !keys.contains(&other), "{keys}");
    for door in cluster.doors() {
        for id in [&id, &other] {
            assert_eq!(door.document(id).await.unwrap().status.as_u16(), 404);
        }
        let found =
            door.request(Method::POST, "/v1/search").json(&json!({ "query": "Hermengarda Nogueirao" }));
        let found: Value = found.send().await.unwrap().json().await.unwrap();
        assert!(!words.iter().any(|word| found.to_string().contains(word)), "{found}");
    }
}
