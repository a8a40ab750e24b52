//! The store or Redis away, silent, and back: reads go on, uploads are told when to come back, and all heals by itself.

use std::time::Duration;

use enabler_sim_servers::Mode;
use enabler_storage::chance::SeededChance;
use reqwest::StatusCode;

use super::door::{Door, MustAnswer, until};
use super::harness::{ALL, Cluster, KEEPS, LEASE, SHARDS};
use super::truth::Truth;

const QUESTION: &str = "Que comprovante foi arquivado na pasta?";

fn line(mark: u32) -> String {
    format!("O comprovante numero 88{mark:03} foi arquivado na pasta do condominio.")
}

/// A document in each shard, ready.
async fn papers(cluster: &Cluster, truth: &Truth, seed: u64) -> Vec<String> {
    let (chance, mut ids) = (SeededChance::new(seed), Vec::new());
    for shard in 0..SHARDS {
        let bytes = truth.paper(&line(shard), Some(shard), &chance);
        ids.push(cluster.door(0).accepted(&format!("nota-{seed}-{shard}.pdf"), bytes).await);
    }
    for id in &ids {
        assert_eq!(cluster.door(1).settled(id).await["status"], "ready");
    }
    ids
}

/// Reads every document through every door; one that must wait for something is asked again.
async fn all_are_read(doors: &[Door], ids: &[String], when: &str) {
    for door in doors {
        for id in ids {
            until(&format!("{when}: {} shows {id}", door.name), async || {
                let said = door.document(id).await;
                said.is_some_and(|said| {
                    assert!(
                        said.status == StatusCode::OK || said.is_later(),
                        "{when}: {}: {said:?}",
                        door.name
                    );
                    said.status == StatusCode::OK
                })
            })
            .await;
        }
    }
}

#[tokio::test]
async fn without_the_store_reads_go_on_uploads_come_back_later_and_all_heals_by_itself() {
    let cluster = Cluster::start(&[ALL, KEEPS, KEEPS]).await;
    cluster.calm().await;
    let (truth, chance) = (cluster.truth().await, SeededChance::new(4));
    let ids = papers(&cluster, &truth, 21).await;
    let doors = cluster.doors();
    for (mode, when) in [(Mode::Refuse, "the store refuses"), (Mode::BlackHole, "the store is silent")] {
        cluster.line.set(mode);
        tokio::time::sleep(LEASE + Duration::from_secs(2)).await;
        all_are_read(&doors, &ids, when).await;
        let said = doors[1].ask(&ids[0], QUESTION).await.unwrap();
        assert_eq!(said.status, StatusCode::OK, "{when}: {}", said.body);
        // A silent store takes its time to be given up; the nodes find out side by side.
        let uploads = doors.iter().enumerate().map(|(number, door)| {
            door.upload("fora.pdf", truth.paper(&line(500 + number as u32), None, &chance))
        });
        for (door, said) in doors.iter().zip(futures_util::future::join_all(uploads).await) {
            let said = said.unwrap_or_else(|| panic!("{when}: {} does not answer an upload", door.name));
            assert!(said.is_later(), "{when}: an upload at {}: {said:?}", door.name);
        }
        assert!(cluster.line.struck() > 0, "{when}: nothing was struck");
        cluster.line.set(Mode::Pass);
        cluster.calm().await;
        for (number, door) in doors.iter().enumerate() {
            let bytes = truth.paper(&line(600 + number as u32), None, &chance);
            let id = door.accepted("de-volta.pdf", bytes).await;
            assert_eq!(door.settled(&id).await["status"], "ready", "after {when}");
        }
    }
}

#[tokio::test]
async fn a_node_that_missed_the_last_entries_does_not_answer_from_what_it_has_while_the_store_is_away() {
    let mut cluster = Cluster::start(&[ALL, KEEPS, KEEPS]).await;
    cluster.calm().await;
    let truth = cluster.truth().await;
    let old = papers(&cluster, &truth, 23).await;
    // It owns some of the shards and follows others.
    let victim = cluster.number_of("n2");
    cluster.freeze(victim);
    for id in &old {
        let said = cluster.door(0).delete(id).await.unwrap();
        assert_eq!(said.status, StatusCode::NO_CONTENT, "{}", said.body);
    }
    let (chance, mut new) = (SeededChance::new(24), Vec::new());
    for shard in 0..SHARDS {
        let bytes = truth.paper(&line(700 + shard), Some(shard), &chance);
        new.push(cluster.door(0).accepted(&format!("nova-{shard}.pdf"), bytes).await);
    }
    cluster.line.set(Mode::Refuse);
    tokio::time::sleep(LEASE + Duration::from_secs(2)).await;
    cluster.thaw(victim);
    let thawed = cluster.door(victim).clone();
    for (ids, right) in [(&old, StatusCode::NOT_FOUND), (&new, StatusCode::OK)] {
        for id in ids.iter().take(2) {
            // An owner that has lost sight of anybody since the store last told it may be out of date too: then it says so.
            let Some(said) = thawed.document(id).await else { continue };
            assert!(said.status == right || said.is_later(), "{} tells of {id}: {said:?}", thawed.name);
        }
    }
    assert!(cluster.line.struck() > 0, "the store was never asked for");
    cluster.line.set(Mode::Pass);
    cluster.back(victim).await;
    cluster.calm().await;
    for (ids, right) in [(&old, StatusCode::NOT_FOUND), (&new, StatusCode::OK)] {
        for id in ids {
            until("the thawed node tells what the others do", async || {
                let Some(said) = thawed.document(id).await else { return false };
                assert!(said.status == right || said.is_later(), "{} tells of {id}: {said:?}", thawed.name);
                said.status == right
            })
            .await;
        }
    }
}

#[tokio::test]
async fn whatever_happens_to_redis_answers_stay_right_and_what_is_deleted_stays_deleted() {
    let mut cluster = Cluster::start(&[ALL, KEEPS]).await;
    cluster.calm().await;
    let truth = cluster.truth().await;
    let ids = papers(&cluster, &truth, 22).await;
    let doors = cluster.doors();
    let mut left = ids.iter().enumerate();
    for event in ["killed", "back", "frozen", "thawed"] {
        match event {
            "killed" => cluster.redis.kill().await.unwrap(),
            "back" => cluster.redis.restart().await.unwrap(),
            "frozen" => cluster.redis.freeze().unwrap(),
            _ => cluster.redis.thaw().unwrap(),
        }
        let ((mark, kept), (_, gone)) = (left.next().unwrap(), left.next().unwrap());
        for door in &doors {
            for id in [kept, gone] {
                let said = door.ask(id, QUESTION).await.unwrap();
                assert_eq!(said.status, StatusCode::OK, "{event}: {}", said.body);
            }
            let said = door.ask(kept, QUESTION).await.unwrap();
            let source = said.body["sources"][0]["text"].as_str().unwrap_or_default();
            assert!(source.contains(&format!("88{mark:03}")), "{event}: {}", said.body);
        }
        let said = doors[1].delete(gone).await.unwrap();
        assert_eq!(said.status, StatusCode::NO_CONTENT, "{event}: {}", said.body);
        for door in &doors {
            let said = door.ask(gone, QUESTION).await.unwrap();
            assert_eq!(said.status, StatusCode::NOT_FOUND, "{event}: {}", said.body);
        }
    }
    for door in &doors {
        for (number, id) in ids.iter().enumerate() {
            let right = if number % 2 == 0 { StatusCode::OK } else { StatusCode::NOT_FOUND };
            assert_eq!(door.ask(id, QUESTION).await.unwrap().status, right, "{number} at {}", door.name);
        }
    }
}
