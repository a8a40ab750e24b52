//! A trace of one question names every node and every actor on its way, and explains where its time went.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::cluster::traced;
use crate::collector::{Collector, Told};
use crate::papers::note;

const LINES: [&str; 2] = [
    "Contrato de comodato do orgao da Igreja de Santa Rita, assinado em 4 de maio de 2026.",
    "A zeladora do orgao e Teodora Brandao Queluz, que responde pela afinacao do instrumento.",
];
const QUESTION: &str = "Quem e a zeladora do orgao?";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
/// A trace that whoever asks does not record.
const QUIET: &str = "11111111111111111111111111111111";
/// The trace of a question over a WebSocket.
const SPOKEN: &str = "22222222222222222222222222222222";
/// How long anything is waited for before it is called stuck.
const STUCK_AFTER: Duration = Duration::from_secs(90);

/// Every stage of a question that is answered for the first time, by whoever keeps its document.
const STAGES: [&str; 11] = [
    "answer",
    "cache",
    "expand",
    "embed",
    "search",
    "draft",
    "prompt",
    "hold",
    "judge",
    "remember",
    "link call",
];

/// The spans of a trace, once all of `wanted` are there.
async fn trace(collector: &Collector, id: &str, wanted: &[&str]) -> Vec<Told> {
    let wait = async {
        loop {
            let mut spans = collector.spans();
            spans.retain(|span| span.trace == id);
            if wanted.iter().all(|name| spans.iter().any(|span| span.name == *name)) {
                return spans;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    match tokio::time::timeout(STUCK_AFTER, wait).await {
        Ok(spans) => spans,
        Err(_) => panic!("not all of {wanted:?} were told: {:#?}", collector.spans()),
    }
}

/// How much of `whole` the intervals cover together, from 0 to 1.
fn covered<'a>(whole: &Told, parts: impl Iterator<Item = &'a Told>) -> f64 {
    let clip = |at: u64| at.clamp(whole.began_ns, whole.ended_ns);
    let mut intervals: Vec<(u64, u64)> =
        parts.map(|part| (clip(part.began_ns), clip(part.ended_ns))).collect();
    intervals.sort_unstable();
    let (mut sum, mut end) = (0, whole.began_ns);
    for (from, to) in intervals {
        sum += to.saturating_sub(from.max(end));
        end = end.max(to);
    }
    sum as f64 / (whole.ended_ns - whole.began_ns) as f64
}

#[test]
fn what_two_parts_both_cover_counts_once() {
    let span = |began_ns, ended_ns| Told {
        node: String::new(),
        trace: String::new(),
        id: String::new(),
        parent: String::new(),
        name: String::new(),
        began_ns,
        ended_ns,
        attributes: Vec::new(),
    };
    let parts = [span(90, 120), span(110, 130), span(150, 400)];
    assert!((covered(&span(100, 200), parts.iter()) - 0.8).abs() < 1e-9);
}

#[tokio::test]
async fn a_trace_of_one_question_shows_every_node_and_actor_on_its_way_and_where_its_time_went() {
    let collector = Collector::start().await;
    // One takes requests, one keeps documents, one computes: no question can be answered by less than all.
    let roles = ["api", "api,documents,rules", "api,ocr,embedding,generation"];
    let cluster = traced(&roles, &collector.url).await;
    let door = cluster.door(0);
    let id = {
        use crate::cluster::MustAnswer as _;
        let id = door.accepted("comodato.pdf", note(&LINES)).await;
        assert_eq!(door.settled(&id).await["status"], "ready");
        id
    };
    let ask = async |header: String, question: &str| {
        let request = door.request(Method::POST, &format!("/v1/documents/{id}/ask"));
        let request = request.header("traceparent", header).json(&json!({ "question": question }));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.headers()["traceparent"].to_str().unwrap().to_owned()
    };
    let quiet = ask(format!("00-{QUIET}-{CALLER}-00"), "Quando foi assinado o contrato?").await;
    assert!(quiet.starts_with(&format!("00-{QUIET}-")) && quiet.ends_with("-00"), "{quiet}");
    let answered = ask(format!("00-{TRACE}-{CALLER}-01"), QUESTION).await;

    let actors = ["embedding pool embed", "model host write", "evaluator detect", "evaluator apply"];
    let models = ["embeddings", "chat"];
    let way = ["POST ask", "admit", "remembered", "route", "link serve"];
    let wanted: Vec<&str> = way.into_iter().chain(STAGES).chain(actors).chain(models).collect();
    let spans = trace(&collector, TRACE, &wanted).await;
    let by_id: BTreeMap<&str, &Told> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "an id twice: {spans:#?}");

    // One tree, whose root continues the caller's trace and is what was answered.
    let root = spans.iter().find(|span| span.name == "POST ask").unwrap();
    assert_eq!((root.parent.as_str(), root.node.as_str()), (CALLER, "n1"));
    assert_eq!(answered, format!("00-{TRACE}-{}-01", root.id));
    for span in &spans {
        let is_child = by_id.contains_key(span.parent.as_str());
        assert!(is_child || span.id == root.id, "{} hangs in the air: {span:?}", span.name);
    }
    let on = |name: &str| -> BTreeSet<&str> {
        let own = spans.iter().filter(|span| span.name == name);
        own.map(|span| span.node.as_str()).collect()
    };
    for stage in STAGES.iter().filter(|stage| **stage != "link call") {
        assert_eq!(on(stage), BTreeSet::from(["n2"]), "{stage}");
    }
    assert_eq!(on("evaluator apply"), BTreeSet::from(["n2"]));
    assert_eq!(on("embedding pool embed"), BTreeSet::from(["n3"]));
    assert_eq!(on("chat"), BTreeSet::from(["n3"]));
    assert_eq!(on("link serve"), BTreeSet::from(["n2", "n3"]));
    // Whoever serves a call hangs below whoever made it, on another node.
    for served in spans.iter().filter(|span| span.name == "link serve") {
        let call = by_id[served.parent.as_str()];
        assert!(call.name == "link call" && call.node != served.node, "{served:?} below {call:?}");
        assert_eq!(
            (call.get("rag_enabler.peer"), served.get("rag_enabler.peer")),
            (&*served.node, &*call.node)
        );
    }
    let chat = spans.iter().find(|span| span.name == "chat").unwrap();
    assert_eq!(chat.get("gen_ai.operation.name"), "chat");
    assert!(chat.get("gen_ai.usage.input_tokens").parse::<u64>().unwrap() > 20, "{chat:?}");
    assert!(!chat.get("gen_ai.usage.output_tokens").is_empty(), "{chat:?}");
    let prompt = spans.iter().find(|span| span.name == "prompt").unwrap();
    assert!(prompt.get("rag_enabler.prompt.version").starts_with("answer.v"), "{prompt:?}");
    assert_eq!(prompt.get("gen_ai.request.model"), chat.get("gen_ai.request.model"));

    let parents: BTreeSet<&str> = spans.iter().map(|span| span.parent.as_str()).collect();
    let below = || spans.iter().filter(|span| span.id != root.id);
    let all = covered(root, below());
    let leaves = covered(root, below().filter(|span| !parents.contains(span.id.as_str())));
    eprintln!(
        "{} spans on 3 nodes explain {:.2} % of {} ms; those without a span below them {:.2} %",
        spans.len(),
        100.0 * all,
        (root.ended_ns - root.began_ns) / 1_000_000,
        100.0 * leaves
    );
    assert!(all >= 0.95, "the spans explain {all:.3} of the question: {spans:#?}");
    assert!(collector.spans().iter().all(|span| span.trace != QUIET), "a trace that nobody wanted");

    // A question over a WebSocket has a trace like any other, over the same nodes and stages.
    let upgrade = door.request(Method::GET, "/v1/stream").build().unwrap();
    let mut request = upgrade.url().as_str().replacen("http", "ws", 1).into_client_request().unwrap();
    request.headers_mut().insert("x-api-key", upgrade.headers()["x-api-key"].clone());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let brought = [
        ("spoken", json!(format!("00-{SPOKEN}-{CALLER}-01"))),
        ("quiet", json!(format!("00-{QUIET}-{CALLER}-00"))),
        ("fresh", Value::Null),
        ("fresh too", Value::Null),
    ];
    for (nth, (word, traceparent)) in brought.into_iter().enumerate() {
        let question = format!("{QUESTION} {nth}");
        let ask = json!({
            "type": "ask", "id": word, "document_id": id, "question": question, "traceparent": traceparent
        });
        socket.send(Message::text(ask.to_string())).await.unwrap();
        loop {
            let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
            let event: Value = serde_json::from_str(&text).unwrap();
            assert!(event["id"] == word && event["type"] != "error", "{event}");
            if event["type"] == "final" {
                break;
            }
        }
    }
    let way = ["WebSocket ask", "admit", "stream", "link serve", "evaluator apply", "chat"];
    let wanted: Vec<&str> = way.into_iter().chain(STAGES).collect();
    let spans = trace(&collector, SPOKEN, &wanted).await;
    let root = spans.iter().find(|span| span.name == "WebSocket ask").unwrap();
    assert_eq!((root.parent.as_str(), root.node.as_str()), (CALLER, "n1"));
    assert_eq!((root.get("http.route"), root.get("http.response.status_code")), ("stream", "200"));
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    for span in &spans {
        assert!(ids.contains(span.parent.as_str()) || span.id == root.id, "it hangs in the air: {span:?}");
    }
    let nodes: BTreeSet<&str> = spans.iter().map(|span| span.node.as_str()).collect();
    assert_eq!(nodes, BTreeSet::from(["n1", "n2", "n3"]));
    let all = covered(root, spans.iter().filter(|span| span.id != root.id));
    assert!(all >= 0.95, "the spans explain {all:.3} of the question: {spans:#?}");
    let fresh = async {
        loop {
            let mut spoken = collector.spans();
            spoken.retain(|span| span.name == "WebSocket ask");
            if spoken.len() >= 3 {
                return spoken;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let spoken = tokio::time::timeout(STUCK_AFTER, fresh).await.unwrap();
    let traces: BTreeSet<&str> = spoken.iter().map(|span| span.trace.as_str()).collect();
    assert_eq!((spoken.len(), traces.len()), (3, 3), "each begins a trace of its own: {spoken:#?}");
    assert!(!traces.contains(QUIET), "a trace that nobody wanted");

    // The upload's trace goes on after its answer, over every page, until the document is ready.
    let uploads = collector.spans();
    let upload = uploads.iter().find(|span| span.name == "POST upload").unwrap();
    let ingest = ["shard accept", "document accept", "ingest", "embedding pool embed", "store put"];
    let spans = trace(&collector, &upload.trace, &ingest).await;
    let nodes: BTreeSet<&str> = spans.iter().map(|span| span.node.as_str()).collect();
    assert_eq!(nodes, BTreeSet::from(["n1", "n2", "n3"]));
    let read = |span: &&Told| span.get("rag_enabler.actor.path").starts_with("node/ocr/worker-");
    assert!(spans.iter().any(|span| read(&span) && span.node == "n3"), "no page was read: {spans:#?}");
}
