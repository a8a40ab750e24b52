//! A document is one document, whichever node is asked, and work finds the nodes that have the role for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use enabler_storage::chance::SeededChance;
use reqwest::StatusCode;

use super::door::{Door, MustAnswer, Said};
use super::harness::{ALL, Cluster, KEEPS, SHARDS};
use crate::papers::note;

const QUESTION: &str = "Que comprovante foi arquivado na pasta?";

fn line(mark: usize) -> String {
    format!("O comprovante numero 77{mark:03} foi arquivado na pasta do condominio.")
}

/// Asks and holds the answer's proof against what the document says.
async fn asked_about(door: &Door, id: &str, mark: usize) {
    let said = door.ask(id, QUESTION).await.unwrap();
    assert_eq!(said.status, StatusCode::OK, "{}: {}", door.name, said.body);
    let sources = said.body["sources"].as_array().unwrap();
    let proof = format!("77{mark:03}");
    let proves =
        |source: &serde_json::Value| source["page"] == 1 && source["text"].as_str().unwrap().contains(&proof);
    assert!(!sources.is_empty() && sources.iter().all(proves), "{}: {}", door.name, said.body);
}

#[tokio::test]
async fn a_document_uploaded_through_one_node_is_answered_through_every_other_whoever_owns_its_shard() {
    let cluster = Cluster::start(&[ALL, KEEPS, KEEPS]).await;
    cluster.calm().await;
    let (truth, chance) = (cluster.truth().await, SeededChance::new(1));
    let owners = truth.owners().await;
    let names: BTreeSet<&String> = owners.values().map(|(name, _)| name).collect();
    assert!(owners.len() == SHARDS as usize && names.len() > 1, "nothing is spread: {owners:?}");
    for door in cluster.doors() {
        let told: BTreeMap<u32, u64> = door.owns().await;
        for (shard, epoch) in told {
            assert_eq!(owners.get(&shard), Some(&(door.name.clone(), epoch)), "shard {shard}");
        }
    }
    let mut papers = Vec::new();
    for shard in 0..SHARDS {
        let mark = shard as usize;
        let bytes = truth.paper(&line(mark), Some(shard), &chance);
        let through = cluster.door(mark % 3);
        let id = through.accepted(&format!("nota-{mark}.pdf"), bytes).await;
        assert_eq!(truth.shard_of(&id), shard);
        papers.push((id, mark));
    }
    for (id, mark) in &papers {
        for turn in 0..3 {
            let door = cluster.door((mark + turn) % 3);
            let document = door.settled(id).await;
            assert_eq!(document["status"], "ready", "{}: {document}", door.name);
        }
        asked_about(cluster.door((mark + 1) % 3), id, *mark).await;
    }
    for door in cluster.doors() {
        assert_eq!(door.documents().await.len(), papers.len(), "the list of {}", door.name);
    }
    let (gone, mark) = &papers[0];
    let deleted = cluster.door(2).delete(gone).await.unwrap();
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.body);
    for door in cluster.doors() {
        assert_eq!(door.document(gone).await.unwrap().status, StatusCode::NOT_FOUND, "{}", door.name);
        assert_eq!(
            door.ask(gone, QUESTION).await.unwrap().status,
            StatusCode::NOT_FOUND,
            "{} {mark}",
            door.name
        );
    }
    the_same_bytes_through_every_node_at_once_are_one_document(&cluster).await;
}

async fn the_same_bytes_through_every_node_at_once_are_one_document(cluster: &Cluster) {
    let (truth, chance) = (cluster.truth().await, SeededChance::new(2));
    for round in 0..6 {
        let bytes = truth.paper(&line(900 + round), None, &chance);
        let name = format!("mesma-{round}.pdf");
        let doors = cluster.doors();
        let uploads = doors.iter().chain(&doors).map(|door| door.upload(&name, bytes.clone()));
        let said: Vec<Said> = futures_util::future::join_all(uploads).await.into_iter().flatten().collect();
        let ids: BTreeSet<&str> = said.iter().filter_map(|said| said.body["document_id"].as_str()).collect();
        let firsts = said.iter().filter(|said| said.body["duplicate"] == false).count();
        assert!(said.len() == 6 && said.iter().all(|said| said.status == StatusCode::ACCEPTED), "{said:?}");
        assert!(ids.len() == 1 && firsts == 1, "{said:?}");
        let listed = cluster.door(round % 3).documents().await;
        assert_eq!(listed.iter().filter(|document| document["filename"] == name).count(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_upload_waits_for_a_node_that_can_read_it_and_is_read_when_one_joins() {
    let mut cluster = Cluster::start(&[KEEPS, KEEPS]).await;
    let id = cluster.door(0).accepted("nota.pdf", note(&[&line(1)])).await;
    // Long enough for every try that gives up by itself.
    tokio::time::sleep(Duration::from_secs(7)).await;
    for door in cluster.doors() {
        let said = door.document(&id).await.unwrap();
        assert_eq!(
            (said.status, &said.body["status"]),
            (StatusCode::OK, &"processing".into()),
            "{}",
            said.body
        );
        let said = door.ask(&id, QUESTION).await.unwrap();
        assert_eq!(said.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", said.body);
        for role in ["node/ocr", "node/embedding", "node/models"] {
            assert_eq!(door.note(role).await, None, "{} runs what it was not told to", door.name);
        }
    }
    let worker = cluster.join("api,ocr,embedding,generation").await;
    let document = cluster.door(0).settled(&id).await;
    assert_eq!(document["status"], "ready", "{document}");
    asked_about(cluster.door(1), &id, 1).await;
    asked_about(cluster.door(worker), &id, 1).await;
    assert!(cluster.door(worker).owns().await.is_empty(), "a node without the role `documents` owns shards");
}
