//! A key made through one node opens every node and ends on every node, and a limit holds over all of them together.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::door::STUCK_AFTER;
use super::harness::{Cluster, KEEPS};

/// Requests that one key may send in a minute.
const LIMIT: usize = 40;
/// What `docs/access.md` promises of a revoked key.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

struct Nodes {
    urls: [String; 2],
    first_key: String,
    http: Client,
}

impl Nodes {
    fn of(cluster: &Cluster) -> Self {
        let read =
            |number: usize, file: &str| std::fs::read_to_string(cluster.data_of(number).join(file)).unwrap();
        let url = |number| {
            let node: Value = serde_json::from_str(&read(number, "node.json")).unwrap();
            node["url"].as_str().unwrap().to_owned()
        };
        let http = Client::builder().no_proxy().timeout(STUCK_AFTER).build().unwrap();
        Self { urls: [url(0), url(1)], first_key: read(0, "key").trim().to_owned(), http }
    }

    fn request(&self, node: usize, method: Method, path: &str, key: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.urls[node])).header("x-api-key", key)
    }

    async fn list(&self, node: usize, key: &str) -> Response {
        self.request(node, Method::GET, "/v1/documents", key).send().await.unwrap()
    }
}

fn seconds_left(response: &Response) -> u64 {
    let text = response.headers()["ratelimit"].to_str().unwrap();
    text.rsplit("t=").next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn keys_and_limits_are_the_same_whichever_node_is_asked() {
    let mut cluster = Cluster::prepare(&[KEEPS, KEEPS]).await;
    for number in 0..2 {
        cluster.begin_with(number, |settings| {
            settings.replace("rate_per_address = 0", &format!("rate_per_address = 0\nrate_per_key = {LIMIT}"))
        });
    }
    for number in 0..2 {
        cluster.become_ready(number).await.unwrap_or_else(|why| panic!("a node is not ready: {why}"));
    }
    let nodes = Nodes::of(&cluster);
    let made = nodes.request(0, Method::POST, "/v1/keys", &nodes.first_key);
    let made: Value =
        made.json(&json!({"name": "ci", "scopes": ["read"]})).send().await.unwrap().json().await.unwrap();
    let key = made["key"].as_str().unwrap();
    assert_eq!(
        (nodes.list(0, key).await.status().as_u16(), nodes.list(1, key).await.status().as_u16()),
        (200, 200)
    );

    // Passed in the minute that runs, until a refusal; a new minute begins anew.
    let (mut passed, mut left, mut refused) = (0, u64::MAX, false);
    for number in 0..LIMIT * 6 {
        let response = nodes.list(number % 2, key).await;
        let now_left = seconds_left(&response);
        if now_left > left {
            passed = 0;
        }
        left = now_left;
        match response.status().as_u16() {
            200 => passed += 1,
            429 => refused = true,
            other => panic!("{other}"),
        }
        assert!(passed <= LIMIT, "{passed} of {LIMIT} have passed in one minute");
        if refused && passed > 0 {
            break;
        }
    }
    assert!(refused, "no node refuses");

    let revoke = nodes.request(
        0,
        Method::DELETE,
        &format!("/v1/keys/{}", made["id"].as_str().unwrap()),
        &nodes.first_key,
    );
    assert_eq!(revoke.send().await.unwrap().status().as_u16(), 204);
    assert_eq!(nodes.list(0, key).await.status().as_u16(), 401);
    tokio::time::sleep(REVOKED_WITHIN).await;
    assert_eq!(nodes.list(1, key).await.status().as_u16(), 401);
}
