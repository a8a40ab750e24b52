//! Bits flipped in a node's files: the same answers, or a refusal that says so; never another answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use enabler_storage::chance::{Chance, SeededChance};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::node::{Home, Node, NotReady, files_below, is_problem};
use crate::papers::{note, sample, varied};

const NEIGHBOUR: [&str; 2] =
    ["O componente Lume PDF tem a licenca MPL-2.0.", "Usam o aplicativo Rota Clara 15 motoristas."];
const QUESTIONS: [&str; 2] =
    ["Qual a licença do componente Lume PDF?", "Quantos motoristas usam o aplicativo Rota Clara?"];
/// Short answers: these tests compare many of them, and a long one shows no more.
const SETTINGS: &str = "[generation]\nanswer_tokens_max = 16\n";
/// How long a damaged node is given to start; one that still waits then is asked as it is.
const START_TIME_MAX: Duration = Duration::from_secs(8);
/// How often a node that repairs itself is asked again.
const ASK_AGAIN_MAX: usize = 40;

/// A home whose node has read a document and, in another shard, its neighbour; and what it says of them.
struct Sound {
    home: Home,
    shard: String,
    id: String,
    said: Value,
    neighbour: String,
    said_of_neighbour: Value,
}

impl Sound {
    async fn new() -> Self {
        let home = Home::new();
        home.settings(SETTINGS);
        let node = home.start().await;
        let id = node.ready("parecer.pdf", sample("parecer-licencas-rota-clara.pdf")).await;
        let shard = shards_in_use(&home).remove(0);
        let mut neighbour = id.clone();
        for mark in 0.. {
            if shards_in_use(&home).len() > 1 {
                break;
            }
            neighbour = node.ready("note.pdf", varied(note(&NEIGHBOUR), mark)).await;
        }
        let said = everything(&node, &id).await.expect("a sound node answers");
        let answers = said["answers"].as_array().unwrap();
        assert!(answers.iter().all(|answer| answer["answered"] == true), "{said}");
        let said_of_neighbour = everything(&node, &neighbour).await.expect("a sound node answers");
        node.stop().await;
        Self { home, shard, id, said, neighbour, said_of_neighbour }
    }

    /// One file of each kind below `dir` that holds something of the document, as relative paths: the largest.
    fn victims(&self, dir: &str) -> Vec<PathBuf> {
        let data = self.home.data();
        let mut largest: BTreeMap<String, (u64, PathBuf)> = BTreeMap::new();
        for path in files_below(&data.join(dir)) {
            let (size, path) = (path.metadata().unwrap().len(), path.strip_prefix(&data).unwrap().to_owned());
            let known = largest.entry(kind_of(&path)).or_default();
            if self.concerns(&path) && size > known.0 {
                *known = (size, path);
            }
        }
        largest.into_values().filter(|(size, _)| *size > 0).map(|(_, path)| path).collect()
    }

    fn concerns(&self, path: &Path) -> bool {
        let text = path.to_string_lossy();
        let of_shard = text.contains(&format!("/{}/", self.shard));
        (of_shard || text.contains(&self.id) || path.ends_with("cluster")) && !text.contains("lock")
    }

    /// Starts a node on a copy after `harm`: says what of the document is the same, or how it was refused.
    async fn after(&self, what: &Path, harm: impl Fn(&Path)) -> String {
        let home = self.home.copied();
        harm(&home.data());
        let mut node = home.launch();
        if let Err(NotReady::Ended(log)) = node.wait_until_ready(START_TIME_MAX).await {
            // Only the record that says how the whole store is laid out concerns every document.
            assert!(what.ends_with("cluster"), "{} damaged ends the node: {log}", what.display());
            assert!(log.contains("error:") && !log.contains("panicked"), "{}: {log}", what.display());
            return "the node says why and ends".to_owned();
        }
        let outcome = match everything(&node, &self.id).await {
            Ok(said) => {
                assert_eq!(said, self.said, "{} damaged", what.display());
                "the same answers".to_owned()
            }
            Err(why) => why,
        };
        let neighbour = patiently(&node, &self.neighbour).await;
        assert_eq!(
            neighbour.as_ref(),
            Ok(&self.said_of_neighbour),
            "{} damaged: its neighbour",
            what.display()
        );
        outcome
    }
}

/// The shards with a document: those whose log has more than the fence of each start.
fn shards_in_use(home: &Home) -> Vec<String> {
    let shards =
        std::fs::read_dir(home.data().join("store/v1/s")).unwrap().map(|entry| entry.unwrap().path());
    let mut in_use: Vec<String> = shards
        .filter(|shard| files_below(&shard.join("log")).len() > 2)
        .map(|shard| shard.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    in_use.sort();
    in_use
}

/// Asks until the node no longer refuses, some times.
async fn patiently(node: &Node, id: &str) -> Result<Value, String> {
    let mut last = everything(node, id).await;
    for _ in 0..ASK_AGAIN_MAX {
        if last.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        last = everything(node, id).await;
    }
    last
}

/// All that a node says of a document; an error when it refuses with a problem or is gone.
async fn everything(node: &Node, id: &str) -> Result<Value, String> {
    let (status, mut document) = node.try_document(id).await.ok_or("the node is gone")?;
    if status != StatusCode::OK {
        return refusal(status, &document);
    }
    // The estimates of a node that starts are no part of the document.
    document["progress"] = Value::Null;
    let mut answers = Vec::new();
    for question in QUESTIONS {
        // Few passages: what the model is given costs most of the time of an answer.
        let ask = json!({"question": question, "top_k": 2});
        let (status, answer) = node.try_ask(id, &ask).await.ok_or("the node is gone")?;
        if status != StatusCode::OK {
            return refusal(status, &answer);
        }
        let of_source =
            |source: &Value| json!([source["page"], source["start"], source["end"], source["text"]]);
        let sources: Vec<Value> = answer["sources"].as_array().unwrap().iter().map(of_source).collect();
        answers.push(json!({"answer": answer["answer"], "answered": answer["answered"], "sources": sources}));
    }
    Ok(json!({"document": document, "answers": answers}))
}

fn refusal(status: StatusCode, body: &Value) -> Result<Value, String> {
    assert!(is_problem(status, body), "{status} without a problem: {body}");
    assert_ne!(status, StatusCode::NOT_FOUND, "damage makes a document unknown: {body}");
    let detail = body["detail"].as_str().unwrap();
    assert!(!detail.contains("PDF is damaged"), "our damage is blamed on the file: {detail}");
    Err(format!("{status}: {}", body["detail"]))
}

/// Flips `bits` bits of a file; the same ones for the same chance.
fn flip(path: &Path, bits: usize, chance: &SeededChance) {
    let mut bytes = std::fs::read(path).unwrap();
    for _ in 0..bits {
        let at = chance.next_u64() as usize % bytes.len();
        bytes[at] ^= 1 << (chance.next_u64() % 8);
    }
    // In place, so that whoever has the file open or mapped sees it.
    let file = std::fs::File::options().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
}

/// What kind of file it is: a log entry by its number, a blob by its stage, an index file by its ending.
fn kind_of(path: &Path) -> String {
    let name = path.file_name().unwrap().to_string_lossy();
    if path.parent().is_some_and(|dir| dir.ends_with("log")) {
        return format!("log {name}");
    }
    match (name.rsplit_once('.'), name.split_once('-')) {
        (Some((stem, ending)), _) if stem.len() == 32 => ending.to_owned(),
        (_, Some((stage, _))) => stage.to_owned(),
        _ => name.into_owned(),
    }
}

#[tokio::test]
async fn damage_in_the_store_is_noticed_and_concerns_no_other_document() {
    let sound = Sound::new().await;
    let victims = sound.victims("store/v1");
    assert!(victims.len() >= 8, "too few kinds of files were found: {victims:?}");
    for (seed, victim) in victims.iter().enumerate() {
        let harm = |data: &Path| flip(&data.join(victim), 1, &SeededChance::new(seed as u64));
        eprintln!("{}: {}", victim.display(), sound.after(victim, harm).await);
    }
}

#[tokio::test]
async fn a_lost_index_and_a_damaged_blob_together_concern_no_other_document() {
    let sound = Sound::new().await;
    for victim in sound.victims("store/v1/blob") {
        let harm = |data: &Path| {
            flip(&data.join(&victim), 1, &SeededChance::new(3));
            std::fs::remove_dir_all(data.join("index")).unwrap();
        };
        eprintln!("{}, and no index: {}", victim.display(), sound.after(&victim, harm).await);
    }
}

#[tokio::test]
async fn damage_in_the_index_is_repaired_at_the_next_start() {
    let sound = Sound::new().await;
    let kinds = sound.victims("index");
    assert!(kinds.len() >= 8, "too few kinds of files were found: {kinds:?}");
    let rows = kinds.iter().find(|path| path.ends_with("data.mdb")).unwrap().clone();
    let single = kinds.into_iter().map(|path| (path, 1));
    for (seed, (victim, bits)) in single.chain([(rows.clone(), 8), (rows, 64)]).enumerate() {
        let home = sound.home.copied();
        flip(&home.data().join(&victim), bits, &SeededChance::new(seed as u64));
        let node = home.start().await;
        let said = everything(&node, &sound.id).await;
        assert_eq!(
            said.as_ref(),
            Ok(&sound.said),
            "seed {seed}: {bits} bits of {} flipped",
            victim.display()
        );
    }
}

#[tokio::test]
async fn damage_under_a_running_node_never_becomes_another_answer() {
    let sound = Sound::new().await;
    for seed in 0..3 {
        let home = sound.home.copied();
        let node = home.start().await;
        let chance = SeededChance::new(seed);
        for victim in sound.victims("index") {
            flip(&home.data().join(&victim), 8, &chance);
        }
        match patiently(&node, &sound.id).await {
            Ok(said) => assert_eq!(said, sound.said, "seed {seed}"),
            Err(why) => eprintln!("seed {seed}: refused until the next start: {why}"),
        }
        node.kill().await;
        let node = home.start().await;
        let said = everything(&node, &sound.id).await;
        assert_eq!(said.as_ref(), Ok(&sound.said), "seed {seed}: after a restart");
    }
}
