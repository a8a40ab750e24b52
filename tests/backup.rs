//! A store becomes one file while its node works, and the file becomes a store elsewhere that answers the same.

use std::path::Path;
use std::process::Output;

use enabler_sim_servers::Ministack;
use reqwest::StatusCode;
use serde_json::Value;

use crate::node::{Home, Node, files_below};
use crate::papers::{note, sample, varied};

const BUCKET: &str = "restored";
const SAMPLES: [&str; 2] = ["parecer-licencas-rota-clara.pdf", "ata-solar-das-acacias.pdf"];
/// One of them is answered by each sample, and the other is not.
const QUESTIONS: [&str; 2] =
    ["Qual o prazo para substituir o Sabiá Chat?", "Quem foi eleita síndica do condomínio?"];
const GONE: [&str; 2] = [
    "Recibo do Ateliê Pena Branca, emitido em 3 de marco de 2026.",
    "O restauro da moldura custou 780 reais e foi pago por Otavio Lemos Prado.",
];

async fn run(home: &Home, words: &[&str]) -> Output {
    let mut command = home.command();
    command.args(words).kill_on_drop(true);
    command.output().await.unwrap()
}

/// Runs what must go well; gives what it prints as JSON.
async fn done(home: &Home, words: &[&str]) -> Value {
    let output = run(home, words).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

/// Runs what must be refused; gives the one line that says why.
async fn refused(home: &Home, words: &[&str]) -> String {
    let output = run(home, words).await;
    assert!(!output.status.success(), "{words:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let why: Vec<&str> = said.lines().filter(|line| line.contains("error:")).collect();
    assert_eq!(why.len(), 1, "{said}");
    assert!(said.ends_with(&format!("{}\n", why[0])), "{said}");
    why[0].to_owned()
}

/// Every document with its answers, without the time that they took.
async fn told(node: &Node, ids: &[String]) -> Vec<Value> {
    let mut all = Vec::new();
    for id in ids {
        let (status, mut document) = node.document(id).await;
        assert_eq!(status, StatusCode::OK, "{document}");
        document.as_object_mut().unwrap().remove("progress");
        all.push(document);
        for question in QUESTIONS {
            let answer = node.answer(id, question).await;
            all.extend(["sources", "answer", "answered", "confidence"].map(|name| answer[name].clone()));
        }
    }
    assert!(all.iter().any(|told| told.as_array().is_some_and(|sources| sources.len() > 1)), "{all:?}");
    all
}

fn in_bucket(home: &Home, server: &Ministack) {
    home.settings(&format!(
        "[storage]\nurl = \"s3://{BUCKET}/a/b\"\nendpoint = {:?}\npath_style = \"yes\"\n\
         access_key = \"test\"\nsecret_key = \"test\"\n",
        server.url()
    ));
}

#[tokio::test]
async fn a_store_that_was_restored_elsewhere_and_back_answers_with_the_same_sources_in_the_same_order() {
    let first = Home::new();
    let node = first.start().await;
    let mut ids = Vec::new();
    for name in SAMPLES {
        ids.push(node.ready(name, sample(name)).await);
    }
    let gone = node.ready("recibo.pdf", note(&GONE)).await;
    assert_eq!(node.try_delete(&gone).await, Some(StatusCode::NO_CONTENT));
    let before = told(&node, &ids).await;

    // The node goes on working meanwhile.
    let dir = tempfile::tempdir().unwrap();
    let bundle = dir.path().join("first.bundle");
    let file = bundle.to_str().unwrap();
    let made = done(&first, &["backup", "--to", file]).await;
    let checked = done(&first, &["backup", "--check", file]).await;
    assert_eq!(made, checked);
    let later = node.ready("depois.pdf", varied(note(&GONE), 9)).await;
    node.stop().await;

    let server = Ministack::start().await.unwrap();
    server.create_bucket(BUCKET).await.unwrap();
    let second = Home::new();
    in_bucket(&second, &server);
    let place = format!("s3://{BUCKET}/a/b");
    done(&second, &["restore", file, "--into", &place]).await;
    let why = refused(&second, &["restore", file, "--into", &place]).await;
    assert!(why.contains("not empty"), "{why}");
    let node = second.start().await;
    assert_eq!(told(&node, &ids).await, before);
    for absent in [&gone, &later] {
        assert_eq!(node.document(absent).await.0, StatusCode::NOT_FOUND);
    }

    // Back into a directory, with a node whose indexes are of another store and ahead of it.
    let back = dir.path().join("second.bundle");
    done(&second, &["backup", "--to", back.to_str().unwrap()]).await;
    node.stop().await;
    let third = first.copied();
    std::fs::remove_dir_all(third.data().join("store")).unwrap();
    assert!(!files_below(&third.data().join("index")).is_empty());
    let store = third.data().join("store");
    done(&third, &["restore", back.to_str().unwrap(), "--into", store.to_str().unwrap()]).await;
    let node = third.start().await;
    assert_eq!(told(&node, &ids).await, before);
    assert_eq!(node.document(&later).await.0, StatusCode::NOT_FOUND);
    // It is a store like any other: the same bytes are the same document, and new ones are taken.
    let (_, again) = node.upload("again.pdf", sample(SAMPLES[0])).await;
    assert_eq!(
        (&again["document_id"], &again["duplicate"]),
        (&Value::from(ids[0].as_str()), &Value::from(true))
    );
    node.ready("novo.pdf", varied(note(&GONE), 10)).await;
    node.stop().await;
}

#[tokio::test]
async fn a_bundle_that_is_cut_off_or_damaged_is_refused_in_one_line_and_leaves_nothing() {
    let home = Home::new();
    let node = home.start().await;
    node.ready("recibo.pdf", note(&GONE)).await;
    node.stop().await;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (whole, spoilt, into) = (path("whole"), path("spoilt"), path("into"));
    done(&home, &["backup", "--to", &whole]).await;
    let bytes = std::fs::read(&whole).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 4;
    for (bad, word) in [
        (bytes[..bytes.len() / 3].to_vec(), "cut off"),
        (bytes[..bytes.len() - 1].to_vec(), "cut off"),
        (flipped, "damaged"),
        (b"%PDF-1.7 something else".to_vec(), "not a bundle"),
    ] {
        std::fs::write(&spoilt, bad).unwrap();
        let why = refused(&home, &["backup", "--check", &spoilt]).await;
        assert!(why.contains(word), "{why}");
        assert_eq!(refused(&home, &["restore", &spoilt, "--into", &into]).await, why);
        assert!(!Path::new(&into).exists());
    }
    let why = refused(&home, &["backup", "--to", &whole]).await;
    assert!(why.contains("already there"), "{why}");
    assert_eq!(std::fs::read(&whole).unwrap(), bytes);
    let empty = refused(&home, &["backup", "--from", &path("nothing"), "--to", &path("x")]).await;
    assert!(empty.contains("empty") && !Path::new(&path("x")).exists(), "{empty}");
}
