//! The samples are answered with the right words and their page; what they do not say is declined.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::node::{Home, pages};
use crate::papers::{sample, tour};

#[tokio::test]
async fn every_question_about_the_samples_is_answered_with_its_page_and_the_others_are_declined() {
    let home = Home::new();
    let node = home.start().await;
    let tour = tour();
    let mut ids = BTreeMap::new();
    for file in tour["files"].as_array().unwrap() {
        let path = file["path"].as_str().unwrap();
        ids.insert(path, node.accepted(path, sample(path)).await);
    }
    for (path, id) in &ids {
        let document = node.settled(id).await;
        assert_eq!(document["status"], "ready", "{path}: {document}");
    }
    let mut wrong = Vec::new();
    let asked = |list: &str| tour[list].as_array().unwrap().clone();
    for one in asked("questions").iter().chain(&asked("checks")) {
        let (question, document) = (one["question"].as_str().unwrap(), one["document"].as_str().unwrap());
        let answer = node.answer(&ids[document], question).await;
        wrong.extend(missing(one, &answer).map(|what| format!("{question}\n  {what}: {}", answer["answer"])));
    }
    for one in &asked("unanswerable") {
        let (question, document) = (one["question"].as_str().unwrap(), one["document"].as_str().unwrap());
        let answer = node.answer(&ids[document], question).await;
        if answer["answered"] != false {
            wrong.push(format!("{question}\n  is not declined: {}", answer["answer"]));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a right answer would have and this one has not.
fn missing(one: &Value, answer: &Value) -> Option<String> {
    if answer["answered"] != true {
        return Some("is declined".to_owned());
    }
    let text = answer["answer"].as_str().unwrap().to_lowercase();
    for word in one["words"].as_array().unwrap() {
        let spellings = word.as_str().unwrap();
        if !spellings.split('|').any(|spelling| text.contains(&spelling.to_lowercase())) {
            return Some(format!("does not say {spellings:?}"));
        }
    }
    let page = one["page"].as_u64().unwrap();
    (!pages(answer).contains(&page)).then(|| format!("page {page} is not among its sources"))
}
