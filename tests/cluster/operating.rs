//! Operators see all nodes from any of them, are told what cannot be seen, and move shards.

use reqwest::Method;
use serde_json::{Value, json};

use super::door::{Door, MustAnswer, until};
use super::harness::{ALL, Cluster, KEEPS, SHARDS};
use crate::papers::note;
use enabler_sim_servers::Mode;

const ACTING: &str = "[operator]\nactions = true\n";

async fn see(door: &Door, path: &str) -> Value {
    let answer = door.request(Method::GET, &format!("/v1/operator/{path}")).send().await.unwrap();
    let (status, body): (_, Value) = (answer.status(), answer.json().await.unwrap());
    assert!(status.is_success(), "{path} at {}: {body}", door.name);
    body
}

async fn act(door: &Door, action: &str, target: Value, dry_run: bool) -> Value {
    let order =
        json!({ "action": action, "target": target, "reason": "a test wants it", "dry_run": dry_run });
    let answer = door.request(Method::POST, "/v1/operator/actions").json(&order).send().await.unwrap();
    let (status, body): (_, Value) = (answer.status(), answer.json().await.unwrap());
    assert!(status.is_success(), "{action}: {body}");
    body
}

/// Shards that `node` serves, as operators see it.
async fn served_by(door: &Door, node: &str) -> Vec<u64> {
    let map = see(door, "shards").await;
    let all = map["shards"].as_array().unwrap().iter();
    let own = all.filter(|shard| shard["owner"] == node && shard["status"] == "serving");
    own.map(|shard| shard["shard"].as_u64().unwrap()).collect()
}

async fn acting(roles: &[&str]) -> Cluster {
    let mut cluster = Cluster::prepare(roles).await;
    for number in 0..roles.len() {
        cluster.begin_with(number, |settings| format!("{settings}{ACTING}"));
    }
    for number in 0..roles.len() {
        cluster.become_ready(number).await.unwrap_or_else(|why| panic!("a node is not ready: {why}"));
    }
    cluster.calm().await;
    cluster
}

#[tokio::test]
async fn a_node_is_drained_and_gets_its_shards_back_and_one_that_is_gone_is_named() {
    let mut cluster = acting(&[ALL, KEEPS, KEEPS]).await;
    let (first, second) = (cluster.door(0).clone(), cluster.door(1).clone());
    let id =
        first.accepted("acta.pdf", note(&["Acta da reuniao do clube de remo, 3 de marco de 2026."])).await;
    assert_eq!(first.settled(&id).await["status"], "ready");

    until("all nodes are seen from any of them, with nothing missing", async || {
        let tree = see(&second, "tree").await;
        let nodes = tree["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap());
        nodes.collect::<Vec<_>>() == ["n1", "n2", "n3"] && tree["cannot_see"] == json!([])
    })
    .await;
    // The other node did the work, and this one tells of it.
    let found = see(&second, &format!("where/{id}")).await;
    assert_eq!(found["status"], "ready");
    assert!(found["path"].as_array().unwrap().iter().any(|step| step["stage"] == "reading"), "{found}");

    let before = served_by(&first, "n2").await;
    assert!(!before.is_empty());
    let told = act(&first, "drain_node", json!({ "node": "n2" }), true).await;
    assert_eq!(told["touches"].as_array().unwrap().len(), before.len() + 1, "{told}");
    assert_eq!(served_by(&first, "n2").await, before);
    act(&first, "drain_node", json!({ "node": "n2" }), false).await;
    until("n2 serves no shard", async || served_by(&first, "n2").await.is_empty()).await;
    until("every shard is served", async || {
        served_by(&second, "n1").await.len() + served_by(&second, "n3").await.len() == SHARDS as usize
    })
    .await;
    let tree = see(&first, "tree?node=n2&limit=1").await;
    assert_eq!(tree["nodes"][0]["cordoned"], true);
    act(&second, "undrain_node", json!({ "node": "n2" }), false).await;
    until("n2 has its shards again", async || served_by(&first, "n2").await == before).await;

    let shard = before[0];
    act(&first, "move_shard", json!({ "shard": shard, "to": "n3" }), false).await;
    until("the shard is where it is wanted", async || served_by(&first, "n3").await.contains(&shard)).await;

    cluster.kill(1).await;
    until("who is gone is named", async || {
        let tree = see(&first, "tree").await;
        let gone = tree["cannot_see"].as_array().unwrap().iter().any(|one| one["what"] == "node n2");
        gone && tree["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|node| node["name"] == "n2" && node["answered"] == false)
    })
    .await;
}

/// What `door` says that it cannot see, if all three nodes have answered it.
async fn unseen(door: &Door) -> Option<Vec<String>> {
    let tree = see(door, "tree").await;
    let all = tree["nodes"].as_array().unwrap().iter().filter(|node| node["answered"] == true).count();
    let unseen =
        tree["cannot_see"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap().to_owned());
    (all == 3).then(|| unseen.collect())
}

#[tokio::test]
async fn without_the_store_or_redis_the_view_answers_and_names_what_it_cannot_see() {
    let mut cluster = acting(&[ALL, KEEPS, KEEPS]).await;
    let (first, third) = (cluster.door(0).clone(), cluster.door(2).clone());
    let id = first.accepted("ata.pdf", note(&["Ata da assembleia do clube de xadrez."])).await;
    assert_eq!(first.settled(&id).await["status"], "ready");
    for mode in [Mode::Refuse, Mode::BlackHole] {
        cluster.line.set(mode);
        for door in [&first, &third] {
            until("the store is named", async || {
                unseen(door).await.is_some_and(|unseen| unseen == ["store"])
            })
            .await;
            assert_eq!(see(door, &format!("where/{id}")).await["status"], "ready");
            for path in ["shards", "failures", "dead-letters", "stalled"] {
                see(door, path).await;
            }
        }
        cluster.line.set(Mode::Pass);
        cluster.calm().await;
    }
    until("nothing is missing", async || unseen(&first).await.is_some_and(|unseen| unseen.is_empty())).await;
    cluster.redis.kill().await.unwrap();
    for door in [&first, &third] {
        until("Redis is named", async || unseen(door).await.is_some_and(|unseen| unseen == ["cache"])).await;
        assert_eq!(see(door, &format!("where/{id}")).await["status"], "ready");
    }
    cluster.redis.restart().await.unwrap();
    until("nothing is missing", async || unseen(&third).await.is_some_and(|unseen| unseen.is_empty())).await;
}
