//! An owner that is killed or frozen under load: the others go on, nothing acknowledged is lost, nothing deleted is back.

use std::time::Duration;

use enabler_storage::chance::SeededChance;
use reqwest::StatusCode;

use super::book::MustHold;
use super::door::{Door, MustAnswer, until};
use super::harness::{ALL, Cluster, KEEPS, SHARDS};
use super::load::{GENTLE, Load};
use super::truth::Truth;

/// How long the clients work before and after what happens.
const WORK: Duration = Duration::from_secs(3);

/// Uploads into `shard` through `door` until it is taken.
async fn until_taken(door: &Door, truth: &Truth, shard: u32) -> String {
    let bytes = truth.paper("O comprovante da retomada foi arquivado.", Some(shard), &SeededChance::new(3));
    let name = format!("retomada-{shard}.pdf");
    let mut id = String::new();
    until("the shard takes uploads again", async || {
        let said = door.upload(&name, bytes.clone()).await;
        let taken = said.filter(|said| said.status == StatusCode::ACCEPTED);
        taken.is_some_and(|said| {
            said.body["document_id"].as_str().unwrap().clone_into(&mut id);
            true
        })
    })
    .await;
    id
}

/// Waits until the clients have documents to lose.
async fn until_there_is_something_to_lose(load: &Load) {
    until("the clients' uploads are taken", async || load.book().done("upload") > 4).await;
    tokio::time::sleep(WORK).await;
}

#[tokio::test]
async fn an_owner_killed_under_load_loses_nothing_that_was_acknowledged() {
    let mut cluster = Cluster::start(&[ALL, KEEPS, KEEPS]).await;
    cluster.calm().await;
    let truth = cluster.truth().await;
    let load = Load::start(cluster.doors(), &truth, 11, GENTLE);
    for victim in ["n2", "n3"] {
        until_there_is_something_to_lose(&load).await;
        let owned = truth.owned_by(victim).await;
        let number = cluster.number_of(victim);
        cluster.kill(number).await;
        for &shard in &owned {
            let id = until_taken(cluster.door(0), &truth, shard).await;
            let said = cluster.door(0).delete(&id).await.unwrap();
            assert_eq!(said.status, StatusCode::NO_CONTENT, "{}", said.body);
        }
        assert!(
            !owned.is_empty() && truth.owned_by(victim).await.is_empty(),
            "{victim} owns what others serve"
        );
        cluster.launch(number).await;
        cluster.calm().await;
    }
    let mut book = load.end().await;
    eprintln!("{}", book.summary());
    book.settle(&cluster.doors(), &truth).await;
}

#[tokio::test]
async fn a_frozen_owner_is_replaced_and_tells_nothing_that_was_deleted_meanwhile() {
    let mut cluster = Cluster::start(&[ALL, KEEPS, KEEPS]).await;
    cluster.calm().await;
    let truth = cluster.truth().await;
    let victim = cluster.number_of("n2");
    let owned = truth.owned_by("n2").await;
    let mut papers = Vec::new();
    for &shard in &owned {
        let id = until_taken(cluster.door(victim), &truth, shard).await;
        assert_eq!(cluster.door(victim).settled(&id).await["status"], "ready");
        // The victim has it in every cache that it has.
        assert_eq!(
            cluster.door(victim).ask(&id, "O que foi arquivado?").await.unwrap().status,
            StatusCode::OK
        );
        papers.push(id);
    }
    let load = Load::start(cluster.doors(), &truth, 12, GENTLE);
    until_there_is_something_to_lose(&load).await;
    let before = cluster.generation(victim);
    cluster.freeze(victim);
    for id in &papers {
        let mut tries = 0;
        until("a document of the frozen node is deleted", async || {
            let Some(said) = cluster.door(0).delete(id).await else { return false };
            tries += 1;
            // What was told to come back later may have been done.
            let is_done = said.status == StatusCode::NO_CONTENT;
            let is_done = is_done || tries > 1 && said.status == StatusCode::NOT_FOUND;
            assert!(is_done || said.is_later(), "{}", said.body);
            is_done
        })
        .await;
    }
    assert!(!owned.is_empty() && truth.owned_by("n2").await.is_empty(), "n2 owns what others have written");
    cluster.thaw(victim);
    let thawed = cluster.door(victim).clone();
    let mut answers = 0;
    until("the thawed node has begun anew", async || {
        for id in &papers {
            for said in [thawed.document(id).await, thawed.ask(id, "O que foi arquivado?").await] {
                let Some(said) = said else { continue };
                answers += 1;
                let is_right = said.status == StatusCode::NOT_FOUND || said.is_later();
                assert!(is_right, "the thawed node tells of {id}, which was deleted: {said:?}");
            }
        }
        cluster.generation(victim) != before && thawed.is_ready().await
    })
    .await;
    eprintln!("the thawed node was asked {answers} times");
    cluster.back(victim).await;
    cluster.calm().await;
    tokio::time::sleep(WORK).await;
    let mut book = load.end().await;
    eprintln!("{}", book.summary());
    book.settle(&cluster.doors(), &truth).await;
}

#[tokio::test]
async fn shards_that_a_node_cannot_open_are_served_by_the_others_until_its_disk_is_repaired() {
    let mut cluster = Cluster::start(&[ALL, KEEPS, KEEPS]).await;
    cluster.calm().await;
    let truth = cluster.truth().await;
    let (victim, other) = (cluster.number_of("n2"), cluster.number_of("n3"));
    let owned = truth.owned_by("n2").await;
    assert!(!owned.is_empty(), "n2 has nothing to refuse");
    cluster.kill(victim).await;
    let spoilt = cluster.spoil_index(victim);
    cluster.launch(victim).await;
    until("the node says what it cannot open", async || {
        cluster.door(victim).note("node/keeper").await.is_some_and(|note| note.contains("refuses"))
    })
    .await;
    for &shard in &owned {
        until_taken(cluster.door(victim), &truth, shard).await;
    }
    // Nobody is left but the one that cannot open them, and another one.
    cluster.kill(other).await;
    let mut papers = Vec::new();
    for shard in 0..SHARDS {
        papers.push(until_taken(cluster.door(victim), &truth, shard).await);
    }
    assert_eq!(truth.owned_by("n1").await.len(), SHARDS as usize);

    spoilt.repair();
    cluster.launch(other).await;
    cluster.calm().await;
    assert_eq!(truth.owned_by("n2").await, owned);
    for id in &papers {
        assert_eq!(cluster.door(victim).settled(id).await["status"], "ready");
    }
}
