//! Another embedding model or chunker takes over document by document, while every one of them is found and asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use enabler_storage::log::{self, Position};
use enabler_storage::objects::{Directory, ObjectStore};
use enabler_storage::record::{DocumentId, Make, Op, decode_chunks, read_blob};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::node::{Home, Node, POLL, files_below};
use crate::papers::note;

const BEFORE: &str =
    "[operator]\nactions = true\n[cluster]\nlease_seconds = 1\n[models]\nprecision = \"int8\"\n";
/// Another number format is another model by its id, and smaller chunks are another chunker.
const AFTER: &str = "[operator]\nactions = true\n[cluster]\nlease_seconds = 1\n[models]\nprecision = \"f32\"\n\
                     [chunking]\ntokens_max = 60\noverlap_tokens = 10\n";
const CHUNKER_AFTER: &str = "1/60/440/10";
const NAMES: [&str; 9] = [
    "Pinheiral",
    "Vasconcelos",
    "Junqueira",
    "Sobreira",
    "Quitiliano",
    "Nogueirao",
    "Hermengarda",
    "Etelvina",
    "Abelardo",
];
/// A run of the job takes seconds here; a killed node's lease has to run out before it.
const TIME_MAX: Duration = Duration::from_secs(300);

fn paper(name: &str) -> Vec<u8> {
    let first = format!("Recibo emitido por {name}, comerciante, em 3 de marco de 2026.");
    let lines = [
        first.as_str(),
        "O valor de mil e duzentos reais foi pago em dinheiro no balcao da loja.",
        "A mercadoria foi retirada no mesmo dia, sem ressalvas, por um portador autorizado.",
        "As partes elegem o foro da comarca de Ouro Preto para qualquer questao.",
    ];
    note(&lines)
}

/// Asks for every document, by its own words and about itself, for ever: each answer has its document.
async fn asking(node: &Node, ids: &BTreeMap<String, &str>, asked: &AtomicU64) {
    loop {
        for (id, name) in ids {
            let (status, found) =
                node.post("/v1/search", &json!({ "query": format!("recibo de {name}") })).await;
            assert_eq!(status, StatusCode::OK, "{found}");
            assert!(found.to_string().contains(id.as_str()), "{name} is not found: {found}");
            let number = asked.fetch_add(1, Ordering::SeqCst);
            // Each time another question, so that no answer is a remembered one; one shares no word with the text.
            let questions = ["Quem emitiu o recibo", "Was the money handed over"];
            let question = format!("{} ({number})?", questions[number as usize % 2]);
            let (status, answer) = node.ask(id, &question).await;
            assert_eq!(status, StatusCode::OK, "{name}: {answer}");
            let sources = answer["sources"].as_array().cloned().unwrap_or_default();
            assert!(!sources.is_empty(), "{name} answers nothing after {number} questions: {answer}");
        }
    }
}

async fn job(node: &Node) -> Value {
    let (status, told) = node.read("/v1/operator/recurring").await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let jobs = told["jobs"].as_array().cloned().unwrap_or_default();
    jobs.into_iter().find(|job| job["job"] == "index_refresh").unwrap_or_default()
}

/// Waits until the job is as `is_so` wants it, while every document is asked for.
async fn while_asking(
    node: &Node,
    ids: &BTreeMap<String, &str>,
    asked: &AtomicU64,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    let wait = async {
        loop {
            let told = job(node).await;
            if is_so(&told) {
                return told;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let wait = async { tokio::time::timeout(TIME_MAX, wait).await.expect("the job comes on") };
    tokio::select! {
        () = asking(node, ids, asked) => unreachable!("it asks for ever"),
        told = wait => told,
    }
}

/// What the newest revision of every document is made with, by the log.
async fn makes(home: &Home) -> BTreeMap<DocumentId, (u32, Make)> {
    let store: Arc<dyn ObjectStore> = Arc::new(Directory::open(home.data().join("store")).unwrap());
    let cluster = log::read_cluster(&*store).await.unwrap().unwrap();
    let mut makes = BTreeMap::new();
    for shard in 0..cluster.shard_count {
        let mut replay = log::replay(store.clone(), shard, Position::default());
        while let Some(entry) = replay.next().await.unwrap() {
            for op in entry.entry.ops {
                if let Op::Ready { document_id, revision, chunks, .. } = op {
                    let blob = decode_chunks(&read_blob(&*store, &chunks).await.unwrap()).unwrap();
                    makes.insert(document_id, (revision, Make::of(&blob)));
                }
            }
        }
    }
    makes
}

#[tokio::test]
async fn another_model_and_chunker_take_over_while_every_document_is_asked_and_a_kill_costs_nothing() {
    let home = Home::new();
    home.settings(BEFORE);
    let node = home.start().await;
    let mut ids = BTreeMap::new();
    for name in NAMES {
        ids.insert(node.ready(&format!("{}.pdf", name.to_lowercase()), paper(name)).await, name);
    }
    node.stop().await;
    let before = makes(&home).await;
    assert_eq!(before.len(), NAMES.len());
    assert!(before.values().all(|(revision, make)| *revision == 1 && make.model_id.ends_with("/int8")));

    home.settings(AFTER);
    let (node, asked) = (home.start().await, AtomicU64::new(0));
    let runs = job(&node).await["runs"].clone();
    let order =
        json!({ "action": "run_job", "target": { "job": "index_refresh" }, "reason": "a test wants it" });
    let (status, body) = node.post("/v1/operator/actions", &order).await;
    assert_eq!((status, &body["outcome"]), (StatusCode::OK, &json!("done")), "{body}");
    let is_amid = |told: &Value| {
        let left = told["running"]["left"].as_u64();
        assert!(told["runs"] == runs, "it ended before it could be killed: {told}");
        left.is_some_and(|left| (1..NAMES.len() as u64).contains(&left))
    };
    while_asking(&node, &ids, &asked, is_amid).await;
    node.kill().await;
    let amid = makes(&home).await;
    let done = amid.values().filter(|(revision, _)| *revision == 2).count();
    assert!((1..NAMES.len()).contains(&done), "{done} documents were made again when the node was killed");

    let node = home.start().await;
    let ended = while_asking(&node, &ids, &asked, |told| {
        told["running"].is_null()
            && told["last"]["outcome"] == "done"
            && told["last"]["detail"].as_str().is_some_and(|detail| detail.contains(" 0 are left"))
    });
    ended.await;
    assert!(asked.load(Ordering::SeqCst) > NAMES.len() as u64, "nobody asked meanwhile");
    for (id, name) in &ids {
        let answer = node.answer(id, "Quem emitiu o recibo?").await;
        assert!(answer.to_string().contains(name), "{answer}");
    }
    node.stop().await;

    for (id, (revision, make)) in makes(&home).await {
        assert!(ids.contains_key(&id.to_string()));
        assert_eq!((revision, &*make.chunker), (2, CHUNKER_AFTER), "{id}: {make:?}");
        assert!(make.model_id.ends_with("/f32"), "{id}: {make:?}");
    }
    let notes: Vec<String> = files_below(&home.data().join("store/v1/audit"))
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.contains(r#""action":"index_refresh""#))
        .collect();
    // One for the run that was killed, one for whoever went on with it.
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes.iter().all(|line| line.contains("/f32") && line.contains(CHUNKER_AFTER)), "{notes:?}");
}
