//! Nodes that join and leave under load: shards move, and no request fails for it.

use std::time::Duration;

use super::book::MustHold;
use super::door::until;
use super::harness::{ALL, Cluster, KEEPS};
use super::load::{GENTLE, Load};

/// How long the clients work before and after what happens.
const WORK: Duration = Duration::from_secs(3);

#[tokio::test]
async fn nodes_that_join_and_leave_in_peace_fail_no_request() {
    let mut cluster = Cluster::start(&[ALL, KEEPS]).await;
    cluster.calm().await;
    let truth = cluster.truth().await;
    // The door of the node that joins is known to the clients and shut until then.
    let third = cluster.reserve(KEEPS).await;
    let load = Load::start(cluster.doors(), &truth, 13, GENTLE);
    until("the clients' uploads are taken", async || load.book().done("upload") > 4).await;

    cluster.launch(third).await;
    until("the node that joined has its share", async || !truth.owned_by("n3").await.is_empty()).await;
    cluster.calm().await;
    tokio::time::sleep(WORK).await;
    let owned = truth.owned_by("n2").await;
    assert!(!owned.is_empty(), "n2 has nothing left to hand over");
    load.book().expect_no_refusal();

    let leaver = cluster.number_of("n2");
    cluster.drain(leaver).await;
    assert!(truth.owned_by("n2").await.is_empty(), "n2 has left with shards of its own");
    tokio::time::sleep(WORK).await;
    cluster.calm().await;
    let mut book = load.end().await;
    eprintln!("{}", book.summary());
    book.expect_no_refusal();
    let here = [cluster.door(0).clone(), cluster.door(third).clone()];
    book.settle(&here, &truth).await;
}
