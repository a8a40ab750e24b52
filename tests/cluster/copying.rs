//! A cluster under load becomes one file, from which a node alone answers for all of it.

use std::process::Stdio;

use enabler_storage::chance::SeededChance;
use tokio::process::Command;

use super::door::MustAnswer;
use super::harness::{ALL, Cluster, KEEPS, SHARDS};
use crate::node::{Home, PROGRAM};
use crate::papers::note;

const QUESTION: &str = "Que recibo foi arquivado na gaveta?";

fn line(mark: usize) -> String {
    format!("O recibo numero 88{mark:03} foi arquivado na gaveta do sindico.")
}

#[tokio::test]
async fn a_bundle_of_a_cluster_that_works_on_is_answered_by_a_node_alone_with_the_same_sources() {
    let cluster = Cluster::start(&[ALL, KEEPS, KEEPS]).await;
    cluster.calm().await;
    let (truth, chance) = (cluster.truth().await, SeededChance::new(3));
    let mut papers = Vec::new();
    for shard in 0..SHARDS {
        let bytes = truth.paper(&line(shard as usize), Some(shard), &chance);
        papers.push(cluster.door(shard as usize % 3).accepted(&format!("recibo-{shard}.pdf"), bytes).await);
    }
    let mut before = Vec::new();
    for id in &papers {
        cluster.door(1).settled(id).await;
        before.push(cluster.door(2).ask(id, QUESTION).await.unwrap().body["sources"].clone());
    }
    // One is deleted and others arrive while the bundle is made.
    let gone = papers.pop().unwrap();
    before.pop();
    let dir = tempfile::tempdir().unwrap();
    let bundle = dir.path().join("cluster.bundle");
    let data = cluster.data_of(0);
    let mut command = Command::new(PROGRAM);
    command.arg("--data").arg(&data).args(["backup", "--to"]).arg(&bundle);
    command.current_dir(data.parent().unwrap()).stdin(Stdio::null()).kill_on_drop(true);
    cluster.door(0).delete(&gone).await.unwrap();
    let busy = async {
        for number in 0..6 {
            let bytes = note(&[&line(500 + number)]);
            cluster.door(number % 3).accepted(&format!("mais-{number}.pdf"), bytes).await;
        }
    };
    let (output, ()) = tokio::join!(command.output(), busy);
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    drop(cluster);

    let home = Home::new();
    let mut command = home.command();
    command.arg("restore").arg(&bundle).arg("--into").arg(home.data().join("store"));
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let node = home.start().await;
    let mut after = Vec::new();
    for id in &papers {
        after.push(node.answer(id, QUESTION).await["sources"].clone());
    }
    assert_eq!(after, before);
    assert_eq!(node.document(&gone).await.0, reqwest::StatusCode::NOT_FOUND);
    // What was still being read in the cluster is read to its end here.
    for document in node.documents().await {
        let document = node.settled(document["id"].as_str().unwrap()).await;
        assert_eq!(document["status"], "ready", "{document}");
    }
}
