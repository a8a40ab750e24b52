//! What fails is seen with its cause, also when the node is gone; who may act acts, and nobody sees what documents say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::node::{Home, Node, POLL};
use crate::papers::note;

const LINES: [&str; 2] = [
    "Contrato de guarda do acervo do Museu Pedra Branca, assinado em 9 de junho de 2026.",
    "A curadora responsavel e Eulalia Tavares Monjardim, nomeada pela diretoria.",
];
/// Words of the document, of its name and of a question, which no operator may read.
const MARKS: [&str; 4] = ["Eulalia", "Pedra Branca", "acervo-secreto", "curadora"];
const QUESTION: &str = "Quem e a curadora responsavel?";
const ACTING: &str = "[operator]\nactions = true\n";
const STUCK_AFTER: Duration = Duration::from_secs(120);

/// Reads what operators read; none of it may hold a word of a document.
async fn see(node: &Node, path: &str) -> Value {
    let (status, body) = node.read(&format!("/v1/operator/{path}")).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    let text = body.to_string();
    assert!(!MARKS.iter().any(|mark| text.contains(mark)), "{path} tells what a document says: {text}");
    body
}

async fn act(node: &Node, action: &str, target: Value, dry_run: bool) -> Value {
    let order =
        json!({ "action": action, "target": target, "reason": "a test wants it", "dry_run": dry_run });
    let (status, body) = node.post("/v1/operator/actions", &order).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(STUCK_AFTER, wait).await.unwrap_or_else(|_| panic!("it never came to this: {what}"))
}

fn actors(tree: &Value) -> Vec<&Value> {
    tree["nodes"].as_array().unwrap().iter().flat_map(|node| node["actors"].as_array().unwrap()).collect()
}

async fn name_of(node: &Node) -> String {
    see(node, "tree?limit=1").await["nodes"][0]["name"].as_str().unwrap().to_owned()
}

async fn actor(node: &Node, path: &str) -> Value {
    let name = name_of(node).await;
    see(node, &format!("actor?node={name}&path={path}")).await
}

/// The processes that the node with this folder has started.
pub(crate) fn children_of(data: &Path) -> Vec<u32> {
    let told = std::fs::read_to_string(data.join("node.json")).unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    children_of_process(u32::try_from(told["pid"].as_u64().unwrap()).unwrap())
}

/// Sends a signal to processes, of which some may have ended.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    for process in processes {
        let _ = std::process::Command::new("kill").args(["-s", name, &process.to_string()]).status();
    }
}

fn children_of_process(parent: u32) -> Vec<u32> {
    let listed =
        std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    let all = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let of_threads =
        all.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let texts = of_threads.chain([listed]).collect::<Vec<_>>().join(" ");
    let mut pids: Vec<u32> = texts.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

#[tokio::test]
async fn every_actor_is_told_with_its_figures_and_no_word_of_a_document() {
    let home = Home::new();
    let node = home.start().await;
    let id = node.ready("acervo-secreto.pdf", note(&LINES)).await;
    node.answer(&id, QUESTION).await;
    let tree = see(&node, "tree").await;
    assert_eq!(tree["cannot_see"], json!([]));
    let all = actors(&tree);
    let of = |path: &str| {
        *all.iter().find(|actor| actor["path"] == path).unwrap_or_else(|| panic!("no {path} in {tree}"))
    };
    assert_eq!((of("ocr")["kind"].as_str(), of("ocr")["parent"].as_str()), (Some("pool"), None));
    assert_eq!(of("ocr/worker-0")["parent"], "ocr");
    let handled: u64 = all
        .iter()
        .filter(|actor| actor["kind"] == "ocr_worker")
        .map(|actor| actor["handled"].as_u64().unwrap())
        .sum();
    assert!(handled >= 2, "the file was opened and its page read: {tree}");
    assert!(of("keeper")["p99_us"].is_u64() && of("keeper")["mailbox"]["capacity"].is_u64());
    assert!(tree["nodes"][0]["memory_bytes"].as_u64().unwrap() > 1_000_000);
    // Page by page it is the same.
    let (mut paths, mut after) = (Vec::new(), String::new());
    loop {
        let part = see(&node, &format!("tree?limit=3{after}")).await;
        paths.extend(actors(&part).iter().map(|actor| actor["path"].as_str().unwrap().to_owned()));
        match part["nodes"][0]["more_after"].as_str() {
            Some(more) => after = format!("&after={more}"),
            None => break,
        }
    }
    assert_eq!(paths, all.iter().map(|actor| actor["path"].as_str().unwrap()).collect::<Vec<_>>());

    let found = see(&node, &format!("where/{id}")).await;
    let stages: Vec<_> =
        found["path"].as_array().unwrap().iter().map(|step| step["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["accepted", "queued", "reading", "embedding", "indexing", "ready"], "{found}");
    assert_eq!((&found["status"], &found["tenant"]), (&json!("ready"), &json!("default")));
    let reading = &found["path"][2];
    assert!(reading["actor"].as_str().unwrap().starts_with("ocr/worker-"), "{reading}");

    let asked =
        node.request(Method::POST, &format!("/v1/documents/{id}/ask")).header("x-request-id", "order-17");
    assert!(asked.json(&json!({ "question": QUESTION })).send().await.unwrap().status().is_success());
    let found = see(&node, "where/order-17").await;
    assert_eq!((&found["what"], &found["status"]), (&json!("request"), &json!("done")), "{found}");
    let (status, body) = node.read("/v1/operator/where/nobody").await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("nothing_known")));

    let shards = see(&node, "shards").await;
    let shards = shards["shards"].as_array().unwrap().clone();
    assert!(shards.iter().all(|shard| shard["status"] == "serving"), "{shards:?}");
    assert_eq!(shards.iter().map(|shard| shard["documents"].as_u64().unwrap()).sum::<u64>(), 1);
    for path in ["failures", "dead-letters", "stalled?over_s=0", "actions"] {
        see(&node, path).await;
    }
}

#[tokio::test]
async fn without_leave_nobody_acts_and_a_dry_run_touches_nothing() {
    let home = Home::new();
    let node = home.start().await;
    let order =
        json!({ "action": "pause_pool", "target": { "path": "ocr" }, "reason": "a test", "dry_run": false });
    let (status, body) = node.post("/v1/operator/actions", &order).await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &json!("actions_disabled")), "{body}");
    assert_eq!(actor(&node, "ocr").await["actor"]["status"], "running");
    node.stop().await;

    home.settings(ACTING);
    let node = home.start().await;
    let name = name_of(&node).await;
    let before = actor(&node, "ocr/worker-0").await;
    let told = act(&node, "restart", json!({ "node": name, "path": "ocr/worker-0" }), true).await;
    assert_eq!((&told["outcome"], &told["dry_run"]), (&json!("would_do"), &json!(true)));
    assert_eq!(told["touches"], json!([{ "node": name, "what": "actor ocr/worker-0" }]));
    let told = act(&node, "pause_pool", json!({ "path": "ocr" }), true).await;
    assert_eq!(told["touches"], json!([{ "node": name, "what": "pool ocr" }]));
    let after = actor(&node, "ocr/worker-0").await;
    assert_eq!(
        (&after["actor"]["started_ms"], &after["actor"]["restarts"]),
        (&before["actor"]["started_ms"], &before["actor"]["restarts"])
    );
    assert_eq!(actor(&node, "ocr").await["actor"]["status"], "running");
    for target in [json!({ "node": "elsewhere", "path": "ocr" }), json!({ "node": name, "path": "nobody" })] {
        assert_eq!(act(&node, "restart", target, false).await["outcome"], "refused");
    }
    let listed = see(&node, "actions").await;
    assert_eq!(listed["actions"].as_array().unwrap().len(), 4, "{listed}");
    assert_eq!(listed["actions"][0]["reason"], "a test wants it");
}

#[tokio::test]
async fn what_is_told_to_begin_anew_does_and_a_paused_pool_keeps_its_work() {
    let home = Home::new();
    home.settings(ACTING);
    let node = home.start().await;
    let name = name_of(&node).await;
    let before = actor(&node, "ocr/worker-0").await;
    let done = act(&node, "restart", json!({ "node": name, "path": "ocr/worker-0" }), false).await;
    assert_eq!(done["outcome"], "done", "{done}");
    let after = until("the worker begins anew", async || {
        let now = actor(&node, "ocr/worker-0").await;
        (now["actor"]["restarts"] == 1 && now["actor"]["status"] == "running").then_some(now)
    })
    .await;
    assert!(after["actor"]["started_ms"].as_u64() >= before["actor"]["started_ms"].as_u64());
    assert!(after["actor"]["intensity"].is_null(), "an order is no failure: {after}");
    let happened: Vec<_> =
        after["history"].as_array().unwrap().iter().map(|mark| mark["what"].as_str().unwrap()).collect();
    assert_eq!(happened, ["restarted", "ordered_restart", "started"]);

    act(&node, "pause_pool", json!({ "path": "ocr" }), false).await;
    assert_eq!(actor(&node, "ocr").await["actor"]["status"], "paused");
    let id = node.accepted("acervo-secreto.pdf", note(&LINES)).await;
    let stalled = until("the document waits", async || {
        let stalled = see(&node, "stalled?over_s=1").await;
        stalled["documents"].as_array().unwrap().first().cloned()
    })
    .await;
    assert_eq!((stalled["document"].as_str(), stalled["stage"].as_str()), (Some(&*id), Some("reading")));
    assert!(stalled["why"].as_str().unwrap().contains("pool ocr"), "{stalled}");
    assert_eq!(actor(&node, "ocr").await["actor"]["mailbox"]["depth"], 1);
    for worker in actors(&see(&node, "tree?under=ocr").await) {
        act(&node, "trace_actor", json!({ "node": name, "path": worker["path"] }), false).await;
    }
    act(&node, "resume_pool", json!({ "path": "ocr" }), false).await;
    assert_eq!(node.settled(&id).await["status"], "ready");
    let mut followed = Vec::new();
    for worker in actors(&see(&node, "tree?under=ocr").await) {
        let shown = actor(&node, worker["path"].as_str().unwrap()).await;
        followed.extend(shown["trace"]["messages"].as_array().unwrap().clone());
    }
    let mut kinds: Vec<_> = followed.iter().map(|one| one["message"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["open_file", "read_page"]);

    act(&node, "quarantine_document", json!({ "document": id }), false).await;
    let (status, body) = node.ask(&id, QUESTION).await;
    assert_eq!((status.as_u16(), &body["code"]), (423, &json!("quarantined")), "{body}");
    node.stop().await;
    let node = home.start().await;
    assert_eq!(node.ask(&id, QUESTION).await.0.as_u16(), 423, "it is forgotten with the node");
    let may = see(&node, &format!("where/{id}")).await["may"].clone();
    assert_eq!(may[0]["action"], "release_document", "{may}");
    let (status, done) = node.post("/v1/operator/actions", &may[0]).await;
    assert_eq!((status, &done["outcome"]), (StatusCode::OK, &json!("done")), "{done}");
    assert_eq!(node.ask(&id, QUESTION).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_reader_that_is_killed_is_replaced_and_a_failure_outlives_its_node() {
    let home = Home::new();
    home.settings(&format!("{ACTING}[reading]\nmemory_bytes_max = \"512MiB\"\npage_seconds_max = 15\n"));
    let node = home.start().await;
    let id = node.ready("acervo-secreto.pdf", note(&LINES)).await;
    // The child that has read the file waits for more; killed, another one takes its place.
    let children = children_of(&home.data());
    assert!(!children.is_empty(), "the worker has no child that reads");
    signal("KILL", &children);
    node.ready("outro.pdf", note(&["Segunda folha do mesmo livro."])).await;
    // A file that ends the child that reads it fails alone, and that is told with the document that it was.
    let bomb = crate::papers::made::bomb(b" ", 1_500);
    let bad = node.accepted("bomba.pdf", bomb).await;
    let failed = node.settled(&bad).await;
    assert_eq!(failed["status"], "failed", "{failed}");
    let found = see(&node, &format!("where/{bad}")).await;
    assert_eq!(found["may"][0]["action"], "retry_document", "{found}");

    // An index that is damaged while the node rests is found, said and rebuilt.
    node.stop().await;
    let index = home.data().join("index");
    let damaged: Vec<_> = crate::node::files_below(&index)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "mdb"))
        .collect();
    assert!(!damaged.is_empty());
    for file in &damaged {
        std::fs::write(file, vec![0xA5; 8_192]).unwrap();
    }
    let node = home.start().await;
    let failure = until("the damage is told", async || {
        let failures = see(&node, "failures?path=shards").await;
        failures["failures"].as_array().unwrap().first().cloned()
    })
    .await;
    assert!(failure["reason"].as_str().unwrap().contains("rebuilt"), "{failure}");
    until("it is in the store", async || {
        let kept = crate::node::files_below(&home.data().join("store/v1/failures"));
        let is_this = |file: &PathBuf| {
            let text = std::fs::read(file).unwrap_or_default();
            String::from_utf8_lossy(&text).contains(&failure["reason"].to_string())
        };
        kept.iter().any(is_this).then_some(())
    })
    .await;
    node.kill().await;

    let node = home.start().await;
    let kept = see(&node, "failures").await;
    let kept = kept["failures"].as_array().unwrap().iter().find(|one| one["id"] == failure["id"]).cloned();
    let kept = kept.unwrap_or_else(|| panic!("{} is forgotten with its node", failure["id"]));
    assert_eq!((&kept["reason"], &kept["generation"]), (&failure["reason"], &failure["generation"]));
    assert_eq!(node.document(&id).await.0, StatusCode::OK);
}
