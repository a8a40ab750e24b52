//! With five nodes and a hundred thousand documents open, a key or a click is answered at once.

use super::chromium::Browser;
use super::crowd::{self, DOCUMENTS, NODES};
use crate::node::Home;

/// The arrows and the like, as WebDriver calls them.
const KEYS: [(&str, &str); 7] = [
    ("down", "\u{e015}"),
    ("page down", "\u{e00f}"),
    ("end", "\u{e010}"),
    ("home", "\u{e011}"),
    ("open node", "\u{e014}"),
    ("close pool", "\u{e012}"),
    ("open pool", "\u{e014}"),
];
/// Keeps how long each key or click took from the finger to the next picture.
///
/// Source: W3C Event Timing (`interactionId`, `duration`), as Interaction to Next Paint is measured with it.
const FEEL: &str = "window.felt = new Map(); new PerformanceObserver(list => { for (const one of list.getEntries()) \
    if (one.interactionId) felt.set(one.interactionId, Math.max(one.duration, felt.get(one.interactionId) || 0)); }) \
    .observe({ type: 'event', durationThreshold: 16 }); $('tree').focus()";
/// Times that each is pressed.
const TIMES: usize = 8;

#[tokio::test]
async fn a_hundred_thousand_documents_leave_the_page_light() {
    let Some(browser) = Browser::open().await else { return };
    let home = Home::new();
    let node = home.start().await;
    let url = crowd::serve(node.url()).await;
    browser.size(1280, 860).await;
    browser.visit(&format!("{url}/operator")).await;
    browser.type_in("#key", "crowd").await;
    browser.click("#login button").await;
    browser.reads("#counts", "100,025").await;

    // All pools open, and read to their ends: the bottom of the tree is visited until there is nothing more to load.
    for name in 1..=NODES {
        browser.script(&format!("tree.open.add('n{name} documents'); drawTree(true)")).await;
    }
    let script = "for (const [name, node] of model.nodes) { const kids = node.kids.get('documents'); \
        if (!kids || kids.more !== null) await loadBelow(name, 'documents', kids ? kids.more : ''); } \
        return tree.total";
    let all = NODES * (DOCUMENTS + 1);
    browser.sees("every document is a row", &format!("{script} > {all}")).await;
    let in_page = browser.script("return document.querySelectorAll('.row').length").await.as_u64().unwrap();
    assert!((10..100).contains(&in_page), "{in_page} rows are in the page");

    browser.script(FEEL).await;
    for (name, key) in KEYS {
        for _ in 0..TIMES {
            if name == "close pool" || name == "open pool" {
                browser.script("moveTo(placeOf({ kind: 'actor', name: 'n3', path: 'documents' }))").await;
            }
            browser.press(key).await;
        }
    }
    for at in 3..3 + TIMES {
        browser.click(&format!("#row-{at}")).await;
    }
    browser.reads("#panel .failures pre", "at actors/src/documents/ingest.rs:42").await;
    // What a node says is text, whatever it looks like.
    browser.reads("#panel .failures summary", "<b>index</b> out of bounds").await;
    browser.press("/").await;
    browser.type_in("#filter", "00004e1").await;
    browser.reads("#counts", "85 found").await;
    browser.picture("crowd-found").await;

    let felt =
        browser.script("await new Promise(done => setTimeout(done, 300)); return [...felt.values()]").await;
    let mut felt: Vec<f64> = felt.as_array().unwrap().iter().filter_map(serde_json::Value::as_f64).collect();
    felt.sort_by(f64::total_cmp);
    assert!(felt.len() >= TIMES * KEYS.len() / 2, "{} keys and clicks were felt", felt.len());
    let over = felt.iter().filter(|ms| **ms > 100.0).count();
    let (half, last) = (felt[felt.len() / 2], felt[felt.len() - 1]);
    eprintln!(
        "{all} rows, {in_page} of them in the page: {} keys and clicks, seen after {half} ms in the middle and {last} ms at most, {over} later than 100 ms",
        felt.len(),
    );
    node.stop().await;
}
