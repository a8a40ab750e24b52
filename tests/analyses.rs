//! What a deed and an assembly's minutes say: every field with its place, in four files, and nothing when it is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};

use enabler_analysis::Analysis;
use lopdf::{Document, Object};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::node::{Home, Node};
use crate::papers::{sample, shared};

// Holds an analysis to the truth, as the analysing room does.
#[path = "../actors/analysis/tests/analysis/score.rs"]
mod score;

use score::Score;

const FILES: [&str; 4] = ["json", "pdf", "csv", "xlsx"];

/// The development documents that have a profile, when they are there.
fn truth() -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(shared("pdfs")?.join("ground_truth.json")).unwrap();
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    let known =
        |one: &Value| ["inventory", "meeting_minutes"].contains(&one["profile"].as_str().unwrap_or(""));
    Some(all.into_iter().filter(known).collect())
}

fn paper(name: &Value) -> (String, Vec<u8>) {
    let name = name.as_str().unwrap();
    (name.to_owned(), std::fs::read(shared("pdfs").unwrap().join(name)).unwrap())
}

async fn analyse(node: &Node, id: &str) -> Value {
    let (status, body) = node.post("/v1/analyze", &json!({ "document_id": id })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn file(node: &Node, id: &str, ending: &str) -> Vec<u8> {
    let path = format!("/v1/documents/{id}/analysis.{ending}");
    let answer = node.request(Method::GET, &path).send().await.unwrap();
    let status = answer.status();
    let bytes = answer.bytes().await.unwrap().to_vec();
    assert_eq!(status, StatusCode::OK, "{ending}: {}", String::from_utf8_lossy(&bytes));
    bytes
}

fn scored(truth: &Value, body: &Value) -> Score {
    let mut body = body.clone();
    body["tables"] = json!([]);
    let analysis: Analysis = serde_json::from_value(body).unwrap();
    Score::of(truth, &analysis)
}

#[tokio::test]
async fn every_field_of_the_development_documents_is_right_and_marked() {
    let Some(truth) = truth() else {
        eprintln!("left out: the development documents are not here");
        return;
    };
    let home = Home::new();
    let node = home.start().await;
    let (mut right, mut fields) = (0, 0);
    for (number, one) in truth.iter().enumerate() {
        let (name, bytes) = paper(&one["file"]);
        let id = node.ready(&name, bytes.clone()).await;
        let (_, document) = node.document(&id).await;
        assert_eq!(document["template"], one["profile"], "{document}");
        assert!(document["template_reason"].as_str().is_some_and(|why| why.len() > 10), "{document}");
        let body = analyse(&node, &id).await;
        assert_eq!(body["profile"], one["profile"]);
        let score = scored(one, &body);
        assert!(score.faults.is_empty(), "{name}: {:#?}", score.faults);
        let again = analyse(&node, &id).await;
        assert_eq!((&again["cached"], &again["result"]), (&json!(true), &body["result"]));

        let kept: Value = serde_json::from_slice(&file(&node, &id, "json").await).unwrap();
        assert_eq!((&kept["result"], &kept["values"]), (&body["result"], &body["values"]));
        every_value_is_a_highlight(&body, &bytes, &file(&node, &id, "pdf").await);
        every_value_is_a_row(&body, &file(&node, &id, "csv").await);
        every_number_is_a_number(&body, &file(&node, &id, "xlsx").await);

        let (name, bytes) = paper(&one["scanned"]);
        let scan = node.ready(&name, bytes).await;
        let score = scored(one, &analyse(&node, &scan).await);
        right += score.right;
        fields += score.fields;
        assert_eq!(score.invented, 0, "{name}: {:#?}", score.faults);
        if number == 0 {
            nothing_is_left_of(&node, &scan).await;
        }
    }
    assert!(right * 100 >= fields * 95, "{right} of {fields} fields of the scans");
}

/// The file is its original with a highlight for each value, where the value stands.
fn every_value_is_a_highlight(body: &Value, original: &[u8], marked: &[u8]) {
    assert!(marked.starts_with(original));
    let (before, after) = (Document::load_mem(original).unwrap(), Document::load_mem(marked).unwrap());
    let pages: Vec<_> = after.page_iter().collect();
    assert!(pages.len() > before.page_iter().count(), "there is a legend");
    // Values of the same words share a mark.
    let mut wanted: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for value in body["values"].as_array().unwrap() {
        if !value["rects"].as_array().unwrap().is_empty() {
            let place = format!("{} {}", value["category"], value["rects"]);
            wanted.entry(value["page"].as_u64().unwrap()).or_default().insert(place);
        }
    }
    assert!(!wanted.is_empty());
    for (number, page) in (1_u64..).zip(&pages) {
        let found = after.get_page_annotations(*page).unwrap_or_default();
        let marks = found
            .iter()
            .filter(|one| matches!(one.get(b"Subtype"), Ok(Object::Name(name)) if name == b"Highlight"));
        assert_eq!(marks.clone().count(), wanted.get(&number).map_or(0, BTreeSet::len), "page {number}");
        assert!(marks.clone().all(|mark| mark.has(b"QuadPoints") && mark.has(b"AP") && mark.has(b"C")));
    }
}

fn every_value_is_a_row(body: &Value, csv: &[u8]) {
    let text = String::from_utf8(csv.to_vec()).unwrap();
    let text = text.strip_prefix('\u{feff}').expect("its mark");
    for value in body["values"].as_array().unwrap() {
        let start = format!("\r\n{},", value["pointer"].as_str().unwrap());
        assert!(text.contains(&start), "{start:?} is not in {text}");
    }
}

fn every_number_is_a_number(body: &Value, xlsx: &[u8]) {
    let mut archive = zip::ZipArchive::new(Cursor::new(xlsx)).unwrap();
    let mut sheets = String::new();
    for at in 0..archive.len() {
        let mut part = archive.by_index(at).unwrap();
        if part.name().starts_with("xl/worksheets/sheet") {
            part.read_to_string(&mut sheets).unwrap();
        }
    }
    let numbers = body["values"].as_array().unwrap().iter().filter_map(|value| value["value"].as_f64());
    for number in numbers {
        let cell = format!("<v>{number}</v>");
        assert!(sheets.contains(&cell), "{cell} is in no sheet");
    }
}

async fn nothing_is_left_of(node: &Node, id: &str) {
    assert_eq!(node.try_delete(id).await, Some(StatusCode::NO_CONTENT));
    let (status, _) = node.post("/v1/analyze", &json!({ "document_id": id })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for ending in FILES {
        let path = format!("/v1/documents/{id}/analysis.{ending}");
        assert_eq!(node.read(&path).await.0, StatusCode::NOT_FOUND, "{ending}");
    }
}

#[tokio::test]
async fn a_document_of_another_kind_says_which_profiles_there_are() {
    let home = Home::new();
    let node = home.start().await;
    let id = node.ready("parecer.pdf", sample("parecer-licencas-rota-clara.pdf")).await;
    let (status, body) = node.post("/v1/analyze", &json!({ "document_id": id })).await;
    assert_eq!((status, &body["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("no_profile")), "{body}");
    assert!(body["detail"].as_str().unwrap().contains("inventory"), "{body}");
    // The profile that is named is the one that is used; what is not there is not invented.
    let wanted = json!({ "document_id": id, "profile": "inventory" });
    let (status, body) = node.post("/v1/analyze", &wanted).await;
    assert_eq!((status, &body["profile"]), (StatusCode::OK, &json!("inventory")), "{body}");
    assert_eq!(body["result"]["informacoes_gerais"]["falecido"], Value::Null, "{body}");
    let wanted = json!({ "document_id": id, "profile": "will" });
    assert_eq!(node.post("/v1/analyze", &wanted).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_file_becomes_four_by_one_command() {
    let home = Home::new();
    let node = home.start().await;
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let paper = folder.path().join("Ata da assembleia.pdf");
    std::fs::write(&paper, sample("ata-solar-das-acacias.pdf")).unwrap();
    let arguments = ["analyze", paper.to_str().unwrap(), "-o", out.path().to_str().unwrap()];
    let done = home.command().args(arguments).args(["--profile", "meeting_minutes"]).output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(said["profile"], "meeting_minutes");
    for (ending, starts) in FILES.iter().zip([&b"{"[..], b"%PDF-", b"\xef\xbb\xbf", b"PK"]) {
        let bytes = std::fs::read(out.path().join(format!("Ata da assembleia.analysis.{ending}"))).unwrap();
        assert!(bytes.starts_with(starts), "{ending}");
    }
    let missing = home.command().args(["analyze", "nowhere.pdf"]).output().await.unwrap();
    assert!(String::from_utf8_lossy(&missing.stderr).contains("neither a file nor"), "{missing:?}");
    node.stop().await;
}
