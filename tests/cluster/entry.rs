//! Who has no certificate, or one of another authority, is told so or stays outside.

use std::time::Duration;

use enabler_link::certs;
use tokio::process::Command;

use super::door::until;
use super::harness::{Cluster, KEEPS, LEASE, SHARDS};
use crate::node::{NotReady, PROGRAM};

#[tokio::test]
async fn a_node_without_a_certificate_of_the_cluster_gets_no_entry() {
    let mut cluster = Cluster::prepare(&[KEEPS, KEEPS]).await;
    cluster.launch(0).await;
    until("n1 owns everything", async || cluster.door(0).owns().await.len() == SHARDS as usize).await;

    cluster.begin_with(1, |settings| {
        let lines = settings.lines().filter(|line| !line.starts_with("certificate"));
        lines.collect::<Vec<_>>().join("\n")
    });
    match cluster.become_ready(1).await {
        Err(NotReady::Ended(said)) => {
            let is_clear = said.contains("cluster.certificate") && said.contains("rag-enabler certs new");
            assert!(is_clear, "it does not say what to do:\n{said}");
        }
        other => panic!("a node without a certificate starts: {other:?}"),
    }

    let others = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["certs", "new"]).arg(others.path()).args(["--node", "n2"]);
    assert!(command.output().await.unwrap().status.success());
    let (ours, theirs) = (cluster.files_of(1), certs::files(others.path(), "n2"));
    cluster.begin_with(1, |settings| {
        let swap = |settings: String, from: &std::path::Path, to: &std::path::Path| {
            settings.replace(&format!("{from:?}"), &format!("{to:?}"))
        };
        let settings = swap(settings, &ours.authority, &theirs.authority);
        swap(swap(settings, &ours.certificate, &theirs.certificate), &ours.key, &theirs.key)
    });
    // Long enough to take the shards, if it could.
    let waited = cluster.wait_until_ready(1, LEASE * 3 + Duration::from_secs(3)).await;
    assert!(matches!(waited, Err(NotReady::Waits(_))), "a stranger is let in, or ends: {waited:?}");
    let said = cluster.log_of(1);
    assert!(said.to_lowercase().contains("certificate"), "it does not say why it is outside:\n{said}");
    assert_eq!(cluster.door(0).owns().await.len(), SHARDS as usize, "a stranger has taken shards");
    let note = cluster.door(0).note("node/keeper").await.unwrap();
    assert!(note.starts_with("1 of 1 nodes"), "{note}");
}
