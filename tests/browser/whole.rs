//! A real cluster on the page alone: a worker is restarted, what failed is found and retried, a node is drained, and what
//! cannot be seen is said. Whatever an operator does here is a click or a key.

use std::path::PathBuf;

use enabler_sim_live::{ALL, Cluster, Door, KEEPS};
use reqwest::Method;

use super::chromium::Browser;
use crate::cluster::{MustAnswer, TURN};
use crate::node::PROGRAM;
use crate::operator::{children_of, signal};
use crate::papers::note;

const WORKER: &str = ".row[data-path=\"n1:ocr/worker-0\"]";

#[tokio::test]
async fn whatever_an_operator_needs_is_seen_and_done_on_the_page() {
    let Some(browser) = Browser::open().await else { return };
    let _turn = TURN.lock().await;
    let mut cluster = started(&[ALL, KEEPS, KEEPS]).await;
    browser.size(1280, 860).await;
    sign_in(&browser, cluster.door(0)).await;
    for node in ["n1", "n2", "n3"] {
        browser.reads(&format!(".row[data-path={node}]"), "answers").await;
    }
    assert_eq!(
        browser
            .script("return location.href.includes(net.key) || Object.values(localStorage).includes(net.key)")
            .await,
        false
    );

    a_killed_reader_is_told_with_its_place(&browser, &cluster).await;
    a_worker_begins_anew(&browser).await;
    let document = what_failed_is_found_and_retried(&browser, &cluster).await;
    the_terminal_says_the_same(cluster.door(2), &document).await;
    looks(&browser, &document).await;
    a_drained_node_hands_over(&browser).await;
    what_is_gone_is_said(&browser, &mut cluster).await;
    cluster.end().await;
}

async fn started(roles: &[&str]) -> Cluster {
    let cluster = Cluster::prepare(std::path::Path::new(PROGRAM), roles, None).await;
    let mut cluster = cluster.unwrap();
    for number in 0..roles.len() {
        cluster.begin_with(number, |settings| format!("{settings}[operator]\nactions = true\n")).unwrap();
    }
    for number in 0..roles.len() {
        cluster.back(number).await.unwrap();
    }
    cluster.calm().await.unwrap();
    cluster
}

async fn sign_in(browser: &Browser, door: &Door) {
    let request = door.request(Method::GET, "/operator").build().unwrap();
    browser.visit(request.url().as_str()).await;
    browser.type_in("#key", request.headers()["x-api-key"].to_str().unwrap()).await;
    browser.click("#login button").await;
    browser.reads("#pulse", "live").await;
}

/// Says why, looks at what would be touched, and does it.
async fn confirm(browser: &Browser, reason: &str, touched: &str) {
    browser.type_in("#ask-reason", reason).await;
    browser.click("#ask-go").await;
    browser.reads("#ask-touches", touched).await;
    browser.click("#ask-go").await;
    browser.reads("#toast", "done").await;
}

/// A process that reads is killed at work: what it was doing is done again, and who looks sees what happened and where.
async fn a_killed_reader_is_told_with_its_place(browser: &Browser, cluster: &Cluster) {
    let door = cluster.door(0);
    door.settled(&door.accepted("primeira.pdf", note(&["O livro de atas tem cem folhas."])).await).await;
    // Held back first, so that they cannot have answered before they are killed.
    let readers = children_of(&cluster.data_of(0));
    assert!(!readers.is_empty(), "no process reads");
    signal("STOP", &readers);
    let id = door.accepted("segunda.pdf", note(&["O livro de contas tem duzentas folhas."])).await;
    browser.click(".row[data-path=\"n1:ocr\"] .twist").await;
    browser.reads(".row[data-path^=\"n1:ocr/worker-\"]", "busy").await;
    signal("KILL", &readers);
    assert_eq!(door.settled(&id).await["status"], "ready");
    browser.click("#tabs [data-view=failures]").await;
    browser.reads("#view-failures tbody", "has ended: killed").await;
    browser.click("#view-failures [data-failure]").await;
    browser.reads("#panel pre", "ocr.rs").await;
    browser.picture("backtrace").await;
    browser.click("#panel-close").await;
    browser.click("#tabs [data-view=tree]").await;
}

async fn a_worker_begins_anew(browser: &Browser) {
    browser.click(WORKER).await;
    browser.reads("#panel-title", "worker-0").await;
    browser.click("#panel [data-act=restart]").await;
    confirm(browser, "it is tried on the page", "actor ocr/worker-0").await;
    browser.reads("#panel .history", "it is tried on the page").await;
    browser.reads(WORKER, "running").await;
    browser.press("\u{e00c}").await;
    browser.sees("the panel has gone", "return $('panel').hidden").await;
    // What was done is written down, the try before the deed too.
    browser.click("#tabs [data-view=actions]").await;
    browser.reads("#view-actions tbody", "it is tried on the page").await;
}

/// Files wait in the spool of the node that reads them; a file in its place makes every reading fail on our side.
fn spool(cluster: &Cluster) -> PathBuf {
    cluster.data_of(0).join("spool")
}

async fn what_failed_is_found_and_retried(browser: &Browser, cluster: &Cluster) -> String {
    let spool = spool(cluster);
    let _ = std::fs::remove_dir_all(&spool);
    std::fs::write(&spool, "a file").unwrap();
    let bytes = note(&["O comprovante numero 4242 foi arquivado na pasta do condominio."]);
    let said = cluster.door(1).upload("nota.pdf", bytes).await.unwrap();
    let document = said.body["document_id"].as_str().unwrap().to_owned();

    // One: the document is asked for. Its failures, and who holds it, are there.
    browser.type_in("#find-id", &document).await;
    browser.click("#find button").await;
    browser.reads("#view-where h2", &document).await;
    browser.reads("#view-where .failures", "ingest").await;
    browser.reads("#view-where h2", "failed").await;
    std::fs::remove_file(&spool).unwrap();
    std::fs::create_dir(&spool).unwrap();

    browser.click("#tabs [data-view=failures]").await;
    browser.reads("#view-failures tbody", &document).await;
    browser.click("#tabs [data-view=dead]").await;
    browser.reads("#view-dead tbody", &document).await;
    browser.picture("dead-letter").await;
    // Two and three: it is retried, and that is confirmed.
    browser.click("#view-dead [data-act=retry_dead_letters]").await;
    confirm(browser, "the disk is mended", &document).await;
    browser.reads("#view-dead", "No dead letters").await;
    browser.type_in("#find-id", "\u{e009}a\u{e000}").await;
    browser.type_in("#find-id", &document).await;
    browser.press("\u{e007}").await;
    browser.reads("#view-where h2", "ready").await;
    document
}

/// The command line, asked in a pipe: plain lines whose columns can be counted.
async fn the_terminal_says_the_same(door: &Door, document: &str) {
    let request = door.request(Method::GET, "").build().unwrap();
    let key = request.headers()["x-api-key"].to_str().unwrap();
    let run = async |arguments: &[&str]| {
        let home = tempfile::tempdir().unwrap();
        let mut command = tokio::process::Command::new(PROGRAM);
        command.args(["--url", request.url().as_str(), "--data"]).arg(home.path()).args(arguments);
        let output = command.env("RAG_ENABLER_KEY", key).kill_on_drop(true).output().await.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), complaint)
    };
    let (code, found, complaint) = run(&["where", document]).await;
    assert_eq!(code, 0, "{complaint}");
    assert!(found.starts_with(&format!("document  {document}\nstatus    ready\n")), "{found}");
    let (_, shards, _) = run(&["shards"]).await;
    assert_eq!(shards.lines().count(), usize::try_from(enabler_sim_live::SHARDS).unwrap(), "{shards}");
    assert!(shards.lines().all(|line| line.split_whitespace().nth(3) == Some("serving")), "{shards}");
    let (_, workers, _) = run(&["tree", "--find", "ocr/worker"]).await;
    let worker = workers.lines().find(|line| line.contains("ocr/worker-0")).expect("a worker");
    assert_eq!(
        worker.split_whitespace().take(4).collect::<Vec<_>>(),
        ["n1", "ocr/worker-0", "ocr_worker", "running"]
    );
    let (_, whole, _) = run(&["tree", "--json"]).await;
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["nodes"].as_array().unwrap().len(), 3);
    let (_, failures, _) = run(&["failures"]).await;
    assert!(failures.contains(document), "{failures}");
    let (code, _, complaint) = run(&["where", "00000000-0000-0000-0000-000000000000"]).await;
    assert_eq!((code, complaint.starts_with("error: ")), (1, true), "{complaint}");
    assert_eq!(run(&["tree", "--watch"]).await.0, 1);
}

async fn a_drained_node_hands_over(browser: &Browser) {
    browser.click("#tabs [data-view=shards]").await;
    browser.reads("#view-shards", "n2").await;
    browser.click("#tabs [data-view=tree]").await;
    browser.click(".row[data-path=n2]").await;
    browser.click("#panel [data-act=drain_node]").await;
    confirm(browser, "it will be mended", "n2: shard").await;
    browser.reads(".row[data-path=n2]", "drained").await;
    browser.click("#tabs [data-view=shards]").await;
    let handed = "const left = document.querySelectorAll('[data-owner=n2] .cell').length, \
        all = document.querySelectorAll('.cell').length, served = [...document.querySelectorAll('.cell')].filter(one => one.innerText.includes('serving')).length; \
        return left === 0 && all > 0 && served === all";
    browser.sees("every shard of n2 is served by others", handed).await;
    browser.picture("drained").await;
    browser.click("#tabs [data-view=tree]").await;
    browser.click(".row[data-path=n2]").await;
    browser.click("#panel [data-act=undrain_node]").await;
    confirm(browser, "it is mended", "node n2").await;
}

async fn what_is_gone_is_said(browser: &Browser, cluster: &mut Cluster) {
    browser.click("#tabs [data-view=tree]").await;
    cluster.kill(2).await.unwrap();
    browser.reads("#banners", "n3").await;
    browser.picture("node-gone").await;
    cluster.kill(0).await.unwrap();
    browser.reads("#banners", "has not answered since").await;
    // The last picture stays.
    browser.reads(".row[data-path=n1]", "n1").await;
    browser.picture("all-gone").await;
}

/// Takes pictures of every view as a desk and a telephone show it, by day and by night; nothing may stick out sideways.
async fn looks(browser: &Browser, document: &str) {
    for theme in ["light", "dark"] {
        while browser.script("return document.documentElement.dataset.theme || 'auto'").await != theme {
            browser.click("#theme").await;
        }
        for (width, height) in [(1280, 860), (390, 844)] {
            browser.size(width, height).await;
            for view in ["tree", "shards", "failures", "dead", "stalled", "actions"] {
                browser.click(&format!("#tabs [data-view={view}]")).await;
                look(browser, &format!("{width}-{theme}-{view}"), width).await;
            }
            browser.type_in("#find-id", "\u{e009}a\u{e000}").await;
            browser.type_in("#find-id", &format!("{document}\u{e007}")).await;
            browser.reads("#view-where h2", document).await;
            look(browser, &format!("{width}-{theme}-where"), width).await;
            browser.click("#tabs [data-view=tree]").await;
            browser.click(".row[data-path=\"n1:ocr\"]").await;
            browser.reads("#panel-title", "ocr").await;
            browser.click("#panel [data-act=pause_pool]").await;
            look(browser, &format!("{width}-{theme}-ask"), width).await;
            browser.click("#ask-cancel").await;
            look(browser, &format!("{width}-{theme}-actor"), width).await;
            browser.click("#panel-close").await;
        }
    }
    browser.size(1280, 860).await;
}

async fn look(browser: &Browser, name: &str, width: u32) {
    browser.script("await new Promise(done => setTimeout(done, 400))").await;
    let wide = browser.script("return document.documentElement.scrollWidth").await.as_u64().unwrap();
    assert!(wide <= u64::from(width), "{name} is {wide} wide: {}", browser.picture(name).await.display());
    browser.picture(name).await;
}
