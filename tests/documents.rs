//! Documents are told apart by their bytes, stay over restarts, and leave nothing behind when deleted.

use reqwest::{Method, StatusCode};

use crate::node::{Home, files_below, is_problem, pages};
use crate::papers::{note, sample, varied};

const KEEPER: [&str; 3] = [
    "Ata da reuniao do Clube de Xadrez Torre Azul, realizada em 4 de maio de 2026.",
    "A tesoureira do clube e Marlene Figueira Duarte, eleita por aclamacao.",
    "A anuidade foi fixada em 312 reais, com vencimento em 10 de junho.",
];
const QUESTION: &str = "Quem e a tesoureira do clube?";

#[tokio::test]
async fn the_same_bytes_are_one_document_with_a_report_of_each_page() {
    let home = Home::new();
    let node = home.start().await;
    let bytes = sample("parecer-licencas-rota-clara.pdf");
    let id = node.ready("parecer.pdf", bytes.clone()).await;
    let (status, again) = node.upload("another-name.pdf", bytes).await;
    assert_eq!((status, again["document_id"].as_str()), (StatusCode::ACCEPTED, Some(id.as_str())));
    assert_eq!(again["duplicate"], true);
    assert_eq!(node.documents().await.len(), 1);

    let (_, document) = node.document(&id).await;
    let report = document["pages"].as_array().unwrap();
    let numbers: Vec<u64> = report.iter().map(|page| page["page"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert!(report.iter().all(|page| page["method"] == "native" && page["words"].as_u64() > Some(100)));
    let words: u64 = report.iter().map(|page| page["words"].as_u64().unwrap()).sum();
    assert_eq!(document["word_count"].as_u64(), Some(words));
}

#[tokio::test]
async fn a_text_with_the_name_of_a_pdf_is_refused_with_a_problem() {
    let home = Home::new();
    let node = home.start().await;
    let (status, problem) = node.upload("notes.pdf", b"just some notes, no PDF at all".to_vec()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(is_problem(status, &problem), "{problem}");
    assert!(problem.to_string().contains("PDF"), "{problem}");
    let (status, problem) = node.upload("empty.pdf", Vec::new()).await;
    assert!(status == StatusCode::BAD_REQUEST && is_problem(status, &problem), "{problem}");
    assert!(node.documents().await.is_empty());
}

#[tokio::test]
async fn a_deleted_document_leaves_no_file_and_is_unknown_also_after_a_restart() {
    let home = Home::new();
    let node = home.start().await;
    let keeper = node.ready("ata.pdf", note(&KEEPER)).await;
    let gone = node.ready("gone.pdf", varied(note(&KEEPER), 1)).await;
    assert_eq!(node.answer(&gone, QUESTION).await["answered"], true);
    let files_of = |id: &str| {
        let all = files_below(&home.data().join("store/v1/blob"));
        all.into_iter().filter(|file| file.to_string_lossy().contains(id)).count()
    };
    assert!(files_of(&gone) > 0, "the test does not see the document's files");

    assert_eq!(node.try_delete(&gone).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(files_of(&gone), 0);
    let (status, problem) = node.document(&gone).await;
    assert!(status == StatusCode::NOT_FOUND && is_problem(status, &problem), "{problem}");
    let (status, problem) = node.ask(&gone, QUESTION).await;
    assert!(status == StatusCode::NOT_FOUND && is_problem(status, &problem), "{problem}");
    assert_eq!(node.try_delete(&gone).await, Some(StatusCode::NOT_FOUND));
    node.stop().await;

    let node = home.start().await;
    assert_eq!(node.document(&gone).await.0, StatusCode::NOT_FOUND);
    assert_eq!(node.ask(&gone, QUESTION).await.0, StatusCode::NOT_FOUND);
    assert_eq!(files_of(&gone), 0);
    let left: Vec<_> = node.documents().await.iter().map(|document| document["id"].clone()).collect();
    assert_eq!(left, [keeper.as_str()]);
    let answer = node.answer(&keeper, QUESTION).await;
    assert!(answer["answer"].as_str().unwrap().contains("Marlene Figueira Duarte"), "{answer}");
    assert_eq!(pages(&answer)[0], 1);
}

#[tokio::test]
async fn a_document_deleted_while_it_is_read_never_comes_back() {
    let home = Home::new();
    let node = home.start().await;
    let id = node.accepted("scan.pdf", sample("ata-solar-das-acacias.pdf")).await;
    assert_eq!(node.try_delete(&id).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(node.document(&id).await.0, StatusCode::NOT_FOUND);
    node.stop().await;

    let node = home.start().await;
    // What is read next would be read after it, were it still in work.
    node.ready("ata.pdf", note(&KEEPER)).await;
    assert_eq!(node.document(&id).await.0, StatusCode::NOT_FOUND);
    let blobs = files_below(&home.data().join("store/v1/blob"));
    assert!(!blobs.iter().any(|file| file.to_string_lossy().contains(&id)), "{blobs:?}");
    // The same bytes are a new document, not the deleted one.
    let again = node.accepted("scan.pdf", sample("ata-solar-das-acacias.pdf")).await;
    assert_ne!(again, id);
}

#[tokio::test]
async fn a_page_is_drawn_and_the_proof_of_an_answer_is_marked_on_it() {
    let home = Home::new();
    let node = home.start().await;
    let id = node.ready("ata.pdf", note(&KEEPER)).await;
    let answer = node.answer(&id, QUESTION).await;
    let proof = &answer["sources"][0];
    let marks: Vec<String> = proof["boxes"].as_array().unwrap().iter().map(rectangle).collect();
    assert!(!marks.is_empty(), "{answer}");
    let page = async |rest: &str| {
        let path = format!("/v1/documents/{id}/pages/{rest}");
        let answer = node.request(Method::GET, &path).send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap())
    };
    let (status, plain) = page(&format!("{}.png", proof["page"])).await;
    assert!(status == StatusCode::OK && plain.starts_with(b"\x89PNG"), "{status}");
    let (_, marked) = page(&format!("{}.png?highlight={}", proof["page"], marks.join(";"))).await;
    assert!(marked.starts_with(b"\x89PNG") && marked != plain);
    assert_eq!(page("99.png").await.0, StatusCode::NOT_FOUND);
    assert_eq!(node.try_delete(&id).await, Some(StatusCode::NO_CONTENT));
    assert_eq!(page("1.png").await.0, StatusCode::NOT_FOUND);
}

fn rectangle(region: &serde_json::Value) -> String {
    ["x", "y", "width", "height"].map(|field| region[field].to_string()).join(",")
}

#[tokio::test]
async fn a_document_that_failed_is_read_again_and_one_that_is_ready_is_not() {
    let home = Home::new();
    let node = home.start().await;
    let broken = node.accepted("broken.pdf", b"%PDF-1.7 and nothing more".to_vec()).await;
    assert_eq!(node.settled(&broken).await["status"], "failed");
    let retry = async |id: &str| {
        let answer = node.request(Method::POST, &format!("/v1/documents/{id}/retry")).send().await.unwrap();
        (answer.status(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let (status, document) = retry(&broken).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{document}");
    let again = node.settled(&broken).await;
    assert!(again["status"] == "failed" && again["error_code"] == "broken", "{again}");
    let ready = node.ready("ata.pdf", note(&KEEPER)).await;
    let (status, problem) = retry(&ready).await;
    assert!(status == StatusCode::CONFLICT && is_problem(status, &problem), "{problem}");
}

#[tokio::test]
async fn a_file_that_was_deleted_is_taken_again_at_once() {
    let home = Home::new();
    let node = home.start().await;
    let bytes = note(&KEEPER);
    let first = node.accepted("ata.pdf", bytes.clone()).await;
    assert_eq!(node.try_delete(&first).await, Some(StatusCode::NO_CONTENT));
    let again = node.ready("ata.pdf", bytes).await;
    assert_ne!(again, first);
}
