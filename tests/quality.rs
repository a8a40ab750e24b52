//! Documents that were not written for the product: evidence among the sources, and nothing invented.

use futures_util::StreamExt as _;
use serde_json::Value;

use crate::node::{Home, Node, pages};
use crate::papers::shared;

/// Questions asked at one time, so that the model host batches them.
const ASKED_AT_ONCE: usize = 4;

/// How the questions about some documents were answered.
#[derive(Default)]
struct Score {
    answerable: usize,
    with_evidence: usize,
    wrong: Vec<String>,
    invented: Vec<String>,
}

impl Score {
    /// Asserts that at least `percent` of the answerable questions show their evidence and that none was invented.
    fn holds(&self, kind: &str, percent: usize) {
        let Self { answerable, with_evidence, .. } = self;
        eprintln!(
            "{kind}: evidence for {with_evidence} of {answerable}; not for:\n  {}",
            self.wrong.join("\n  ")
        );
        assert!(*answerable > 0, "{kind}: no question was asked");
        assert!(with_evidence * 100 >= answerable * percent, "{kind}: evidence for less than {percent} %");
        assert!(self.invented.is_empty(), "{kind}: not declined:\n{}", self.invented.join("\n"));
    }
}

#[tokio::test]
async fn foreign_documents_show_their_evidence_and_what_they_do_not_say_is_declined() {
    let Some(dir) = shared("pdfs") else {
        eprintln!("skipped: the shared documents are not there");
        return;
    };
    let truth: Vec<Value> =
        serde_json::from_slice(&std::fs::read(dir.join("ground_truth.json")).unwrap()).unwrap();
    let home = Home::new();
    let node = home.start().await;
    let (mut native, mut scanned) = (Score::default(), Score::default());
    for (score, field) in [(&mut native, "file"), (&mut scanned, "scanned")] {
        let mut ids = Vec::new();
        for document in &truth {
            let name = document[field].as_str().unwrap();
            ids.push(node.accepted(name, std::fs::read(dir.join(name)).unwrap()).await);
        }
        for (document, id) in truth.iter().zip(&ids) {
            let settled = node.settled(id).await;
            assert_eq!(settled["status"], "ready", "{settled}");
            ask_all(&node, id, document["qa"].as_array().unwrap(), score).await;
        }
    }
    native.holds("native", 95);
    scanned.holds("scanned", 90);
}

async fn ask_all(node: &Node, id: &str, questions: &[Value], score: &mut Score) {
    let asked = futures_util::stream::iter(questions)
        .map(|one| async move { (one, node.answer(id, one["question"].as_str().unwrap()).await) });
    let mut answers = asked.buffered(ASKED_AT_ONCE);
    while let Some((one, answer)) = answers.next().await {
        let said = format!("{}: {}", one["question"], answer["answer"]);
        if one["answerable"] == false {
            score.invented.extend((answer["answered"] != false).then_some(said));
            continue;
        }
        score.answerable += 1;
        let found = one["pages"].as_array().unwrap().iter().filter_map(Value::as_u64);
        let shown = pages(&answer);
        if found.into_iter().any(|page| shown.contains(&page)) {
            score.with_evidence += 1;
        } else {
            score.wrong.push(said);
        }
    }
}
