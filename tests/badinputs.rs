//! A table of bad requests to a real node: each gets its own problem, and nothing is lost or left behind.

// What is sent byte by byte, and what comes back.
mod wire;
// The table: bodies, fields, uploads, addresses, headers.
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::node::{Home, Node, files_below};
use crate::papers::made::{encrypted, good, many_pages};
use crate::papers::note;

/// The default, said here because one case is just beyond it.
const SETTINGS: &str = "[reading]\npages_max = 2000\n";

/// What lasts: blobs, entries of the logs, and what is arriving. Beats, leases and indexes go on by themselves.
fn lasting(home: &Home) -> Vec<PathBuf> {
    let kept = |file: &PathBuf| {
        let name = file.to_string_lossy();
        name.contains("/v1/blob/") || name.contains("/log/") || name.contains("/spool/")
    };
    files_below(&home.data()).into_iter().filter(kept).collect()
}

/// The documents, by their ids.
async fn documents(node: &Node) -> BTreeMap<String, Value> {
    let all = node.documents().await;
    all.into_iter().map(|document| (document["id"].as_str().unwrap().to_owned(), document)).collect()
}

/// What is wrong with a problem as a problem, whatever it is about.
fn shape(answer: &wire::Answer, body: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    must(answer.header("content-type") == Some("application/problem+json; charset=utf-8"), "content type");
    must(body["status"].as_u64() == Some(u64::from(answer.status)), "status in the body");
    must(body["error"].is_string() && body["error"] == body["detail"], "`error`");
    let details = body["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    must(!details.is_empty() && details.iter().all(Value::is_string), "`details`");
    must(answer.header("x-request-id") == body["request_id"].as_str(), "`request_id`");
    must(
        body["type"].as_str() == Some(&format!("/docs#{}", body["code"].as_str().unwrap_or_default())),
        "`type`",
    );
    wrong
}

/// The sentence that says what was wrong: the first detail, and all of them where there are more.
fn sentence(body: &Value) -> String {
    let details = body["details"].as_array().into_iter().flatten().filter_map(Value::as_str);
    details.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn each_bad_request_gets_its_own_problem_and_leaves_nothing_behind() {
    let home = Home::new();
    home.settings(SETTINGS);
    let node = home.start().await;
    let id = node.ready("ata.pdf", note(&["O responsavel pelo arquivo e Vicente Paranhos."])).await;
    let (before, files) = (documents(&node).await, lasting(&home));
    assert!(files.iter().any(|file| file.to_string_lossy().contains(&id)), "the test does not see the store");

    let cases = table::cases(&id);
    assert!(cases.len() >= 40, "{}", cases.len());
    let (mut wrong, mut said) = (Vec::new(), BTreeMap::new());
    for case in &cases {
        let mut sentences = Vec::new();
        for (language, fragment) in [("en", case.english), ("pt-BR", case.portuguese)] {
            let answer = wire::speak(
                &node,
                &case.sent.bytes(&node, language),
                matches!(case.sent, wire::Sent::Raw(_)),
            )
            .await;
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let sentence = sentence(&body);
            let met = (answer.status, body["code"].as_str().unwrap_or_default()) == (case.status, case.code);
            let ill = shape(&answer, &body);
            if !met || !sentence.contains(fragment) || !ill.is_empty() {
                wrong.push(format!(
                    "{} ({language}): wants {} {} {fragment:?}, wrong {ill:?}; got {} {body}",
                    case.name, case.status, case.code, answer.status
                ));
            }
            sentences.push(sentence);
        }
        if let Some(other) = said.insert(sentences[0].clone(), case.name)
            && !case.same
        {
            wrong.push(format!("{} and {other} are told the same: {}", case.name, sentences[0]));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));

    assert_eq!(documents(&node).await, before);
    assert_eq!(lasting(&home), files);
    let answer = node.answer(&id, "Quem e o responsavel pelo arquivo?").await;
    assert!(answer["answer"].as_str().unwrap().contains("Vicente Paranhos"), "{answer}");
}

/// A file that is taken, how it ends, and a part of what is said about it in English and in Portuguese.
type Accepted = (&'static str, Vec<u8>, &'static str, [&'static str; 2]);

fn accepted() -> Vec<Accepted> {
    let damaged = ["damaged and cannot be opened", "danificado e não pode ser aberto"];
    vec![
        ("truncated.pdf", good()[..150].to_vec(), "broken", damaged),
        ("only-a-header.pdf", b"%PDF-1.7\n%%EOF\n".to_vec(), "broken", damaged),
        (
            "locked.pdf",
            encrypted("aes256", "segredo"),
            "encrypted",
            ["protected by a password", "protegido por senha"],
        ),
        (
            "long.pdf",
            many_pages(10_000),
            "too_many_pages",
            ["more pages than this node reads", "mais páginas do que este nó lê"],
        ),
        ("empty-page.pdf", many_pages(1), "no_text", ["No text was found", "Nenhum texto foi encontrado"]),
    ]
}

#[tokio::test]
async fn a_file_that_cannot_be_read_says_why_in_both_languages_and_goes_without_a_trace() {
    let home = Home::new();
    home.settings(SETTINGS);
    let node = home.start().await;
    node.ready("ata.pdf", note(&["O responsavel pelo arquivo e Vicente Paranhos."])).await;
    let before = documents(&node).await;
    let blobs = |home: &Home| -> Vec<PathBuf> {
        lasting(home).into_iter().filter(|file| !file.to_string_lossy().contains("/log/")).collect()
    };
    let files = blobs(&home);
    for (name, bytes, code, sentences) in accepted() {
        let id = node.accepted(name, bytes).await;
        let settled = node.settled(&id).await;
        assert_eq!(settled["error_code"], code, "{name}: {settled}");
        for (language, fragment) in ["en", "pt-BR"].into_iter().zip(sentences) {
            let ask = format!("/v1/documents/{id}/ask");
            for (method, path, field) in
                [(Method::GET, format!("/v1/documents/{id}"), "error"), (Method::POST, ask, "detail")]
            {
                let request = node.request(method.clone(), &path).header("accept-language", language);
                let request = if method == Method::POST {
                    request.json(&serde_json::json!({ "question": "O que diz o documento?" }))
                } else {
                    request
                };
                let answer: Value = request.send().await.unwrap().json().await.unwrap();
                assert!(
                    answer[field].as_str().is_some_and(|text| text.contains(fragment)),
                    "{name}: {answer}"
                );
            }
        }
        let (status, problem) = node.ask(&id, "O que diz o documento?").await;
        assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &"reading_failed".into()));
        assert_eq!(node.try_delete(&id).await, Some(StatusCode::NO_CONTENT), "{name}");
    }
    assert_eq!(documents(&node).await, before);
    assert_eq!(blobs(&home), files);
}
