use enabler_cluster::net::NodeId;
use enabler_http::{Caller, Scopes, Tenant};
use enabler_storage::cache::InProcess;
use enabler_storage::objects::{Fault, Memory};
use serde_json::Value;

use super::*;
use crate::doors::stopped::Stopped;

const NOON_MS: u64 = 1_795_262_400_000;

fn note(number: u16) -> Note {
    Note {
        action: "delete",
        caller: Arc::new(Caller::new("key-1", Tenant::new("bank"), Scopes::all())),
        address: [9, 9, 9, 9].into(),
        request_id: format!("request-{number}").into(),
        about: Some(uuid::Uuid::nil()),
        status: number,
        detail: None,
    }
}

struct World {
    store: Arc<Memory>,
    clock: Arc<Stopped>,
    notes: Notes,
    log: AuditLog,
}

fn world() -> World {
    let (store, clock, doors) = (Arc::new(Memory::new()), Arc::new(Stopped::at(NOON_MS)), Doors::default());
    doors.open(Means {
        store: store.clone(),
        counters: Arc::new(InProcess::new(1 << 20)),
        node: NodeId { name: "n1".into(), generation: 0xAB },
    });
    let (notes, log) = start(doors, clock.clone());
    World { store, clock, notes, log }
}

/// Every object of the log, with its lines.
async fn objects(store: &Memory) -> Vec<(String, Vec<Value>)> {
    let mut all = Vec::new();
    for listed in store.list_after("v1/audit/", None, 1_000).await.unwrap() {
        let object = store.get(&listed.key).await.unwrap().unwrap();
        let text = String::from_utf8(object.bytes.to_vec()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        all.push((listed.key.as_str().to_owned(), lines));
    }
    all
}

fn statuses(objects: &[(String, Vec<Value>)]) -> Vec<u64> {
    objects.iter().flat_map(|(_, lines)| lines).map(|line| line["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_write_says_who_did_what_to_what_when_from_where_and_how_it_ended() {
    let world = world();
    world.notes.record(note(204));
    let mut objects = Vec::new();
    while objects.is_empty() {
        tokio::task::yield_now().await;
        objects = self::objects(&world.store).await;
    }
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].0, format!("v1/audit/2026-11-21/n1-{:032x}-0000000000.jsonl", 0xAB));
    let expected = json!({
        "at": "2026-11-21T12:00:00Z", "action": "delete", "caller": "key-1", "tenant": "bank",
        "about": "00000000-0000-0000-0000-000000000000", "address": "9.9.9.9",
        "request_id": "request-204", "status": 204,
    });
    assert_eq!(objects[0].1, [expected]);
}

#[tokio::test]
async fn every_note_is_kept_once_and_in_order_however_many_come() {
    let world = world();
    let count = LINES_MAX as u16 * 3 + 7;
    for number in 0..count {
        world.notes.record(note(number));
        tokio::task::yield_now().await;
    }
    world.log.close().await;
    let objects = objects(&world.store).await;
    assert_eq!(statuses(&objects), (0..u64::from(count)).collect::<Vec<_>>());
    assert!(objects.iter().all(|(_, lines)| lines.len() <= LINES_MAX));
}

#[tokio::test]
async fn a_store_that_is_away_for_a_while_gets_every_note_once() {
    let world = world();
    world.store.schedule([Fault::Lost, Fault::AnswerLost, Fault::Lost]);
    for number in 0..5 {
        world.notes.record(note(number));
        world.clock.sleep(GATHER * 5).await;
    }
    world.log.close().await;
    assert_eq!(statuses(&objects(&world.store).await), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_day_has_its_own_objects() {
    let world = world();
    world.notes.record(note(1));
    world.clock.advance(12 * 3_600_000);
    world.notes.record(note(2));
    world.log.close().await;
    let objects = objects(&world.store).await;
    let days: Vec<&str> = objects.iter().filter_map(|(key, _)| key.split('/').nth(2)).collect();
    assert_eq!(days, ["2026-11-21", "2026-11-22"]);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_ends_within_its_patience() {
    let world = world();
    world.store.always(Some(Fault::Lost));
    world.notes.record(note(1));
    world.log.close().await;
    world.store.always(None);
    assert!(objects(&world.store).await.is_empty());
}
