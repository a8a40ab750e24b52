//! Bits flipped in a node's files: the same answers, or a refusal that says so; never another answer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use enabler_storage::chance::{Chance, SeededChance};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::node::{Home, Node, NotReady, files_below, is_problem};
use crate::papers::sample;

const QUESTIONS: [&str; 2] =
    ["Qual a licença do componente Lume PDF?", "Quantos motoristas usam o aplicativo Rota Clara?"];
/// Short answers: these tests compare many of them, and a long one shows no more.
const SETTINGS: &str = "[generation]\nanswer_tokens_max = 16\n";
/// How long a damaged node is given to start; one that still waits then is asked as it is.
const START_TIME_MAX: Duration = Duration::from_secs(15);
/// How often a node that repairs itself is asked again.
const ASK_AGAIN_MAX: usize = 40;

/// A home whose node has read one document, and what it says of it.
struct Sound {
    home: Home,
    id: String,
    said: Value,
}

impl Sound {
    async fn new() -> Self {
        let home = Home::new();
        home.settings(SETTINGS);
        let node = home.start().await;
        let id = node.ready("parecer.pdf", sample("parecer-licencas-rota-clara.pdf")).await;
        let said = everything(&node, &id).await.expect("a sound node answers");
        assert!(
            said["answers"].as_array().unwrap().iter().all(|answer| answer["answered"] == true),
            "{said}"
        );
        node.stop().await;
        Self { home, id, said }
    }
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

/// One file of each kind below `dir` of the shard or document that has the most in it, as relative paths.
fn victims(data: &Path, dir: &str) -> Vec<PathBuf> {
    let mut largest: std::collections::BTreeMap<String, (u64, PathBuf)> = Default::default();
    for path in files_below(&data.join(dir)) {
        let size = path.metadata().unwrap().len();
        let known = largest.entry(kind_of(&path)).or_default();
        if size > known.0 {
            *known = (size, path);
        }
    }
    largest
        .into_values()
        .filter(|(size, _)| *size > 0)
        .map(|(_, path)| path.strip_prefix(data).unwrap().to_owned())
        .collect()
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
async fn damage_in_the_store_is_noticed_and_never_becomes_another_answer() {
    let sound = Sound::new().await;
    let (seed, mut outcomes) = (7, Vec::new());
    for victim in victims(&sound.home.data(), "store/v1") {
        let home = sound.home.copied();
        flip(&home.data().join(&victim), 1, &SeededChance::new(seed));
        let mut node = home.launch();
        let outcome = match node.wait_until_ready(START_TIME_MAX).await {
            Err(NotReady::Ended(log)) => {
                assert!(log.contains("error:") && !log.contains("panicked"), "{}: {log}", victim.display());
                "the node says why and ends".to_owned()
            }
            Ok(()) | Err(NotReady::Waits(_)) => match everything(&node, &sound.id).await {
                Ok(said) => {
                    assert_eq!(said, sound.said, "seed {seed}: {} damaged", victim.display());
                    "the same answers".to_owned()
                }
                Err(why) => why,
            },
        };
        outcomes.push(format!("{}: {outcome}", victim.display()));
    }
    eprintln!("{}", outcomes.join("\n"));
    assert!(outcomes.len() >= 8, "too few kinds of files were found");
}

#[tokio::test]
async fn damage_in_the_index_is_repaired_at_the_next_start() {
    let sound = Sound::new().await;
    let mut kinds = victims(&sound.home.data(), "index");
    kinds.retain(|path| !path.to_string_lossy().contains("lock"));
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
        node.stop().await;
    }
}

#[tokio::test]
async fn a_lost_index_and_a_damaged_blob_together_never_become_another_answer() {
    let sound = Sound::new().await;
    for victim in victims(&sound.home.data(), "store/v1/blob") {
        let home = sound.home.copied();
        flip(&home.data().join(&victim), 1, &SeededChance::new(3));
        std::fs::remove_dir_all(home.data().join("index")).unwrap();
        let mut node = home.launch();
        match node.wait_until_ready(START_TIME_MAX).await {
            Err(NotReady::Ended(log)) => {
                assert!(log.contains("error:") && !log.contains("panicked"), "{}: {log}", victim.display());
                eprintln!("{}: the node says why and ends:\n{log}", victim.display());
            }
            Ok(()) | Err(NotReady::Waits(_)) => match everything(&node, &sound.id).await {
                Ok(said) => assert_eq!(said, sound.said, "{} damaged", victim.display()),
                Err(why) => eprintln!("{}: {why}", victim.display()),
            },
        }
    }
}

#[tokio::test]
async fn damage_under_a_running_node_never_becomes_another_answer() {
    let sound = Sound::new().await;
    for seed in 0..3 {
        let home = sound.home.copied();
        let node = home.start().await;
        let chance = SeededChance::new(seed);
        for victim in victims(&home.data(), "index") {
            if !victim.to_string_lossy().contains("lock") {
                flip(&home.data().join(&victim), 8, &chance);
            }
        }
        let mut last = String::new();
        for _ in 0..ASK_AGAIN_MAX {
            match everything(&node, &sound.id).await {
                Ok(said) => {
                    assert_eq!(said, sound.said, "seed {seed}");
                    last = "the same answers".to_owned();
                    break;
                }
                Err(why) => last = why,
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        eprintln!("seed {seed}: {last}");
        node.kill().await;
        let node = home.start().await;
        let said = everything(&node, &sound.id).await;
        assert_eq!(said.as_ref(), Ok(&sound.said), "seed {seed}: after a restart");
        node.stop().await;
    }
}
