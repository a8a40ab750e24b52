//! Four invented documents, real embeddings: answers are right, and what is not in a document is declined.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test over its own files"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use enabler_grounding::answer::{Answer, decide};
use enabler_grounding::chunk::{Page, Sizes, chunks};
use enabler_grounding::evidence::{Passage, candidates};
use enabler_grounding::question::Question;
use serde_json::Value;

const DOCUMENTS: [&str; 4] = ["locacao", "condominio", "compra", "services"];

/// Of the embedding model that the vectors were made with.
const DIMENSION: usize = 384;

/// Passages that a question gets, as the service retrieves by default.
const TOP: usize = 5;

struct Outcome {
    question: String,
    truths: Vec<String>,
    page: Option<u64>,
    pages: Vec<u32>,
    answer: Answer,
}

impl Outcome {
    fn is_right(&self) -> bool {
        self.answer.answered && self.truths.iter().any(|truth| even(&self.answer.text).contains(&even(truth)))
    }
}

fn even(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Vectors by the hash of their text; written by `cargo run --example evaluate -- pack …`.
struct Vectors(BTreeMap<u64, Vec<f32>>);

impl Vectors {
    fn load() -> Self {
        let bytes = fs::read(folder().join("vectors.bin")).unwrap();
        let records = bytes.chunks_exact(8 + DIMENSION).map(|record| {
            let hash = u64::from_le_bytes(record[..8].try_into().unwrap());
            let raw: Vec<f32> =
                record[8..].iter().map(|byte| f32::from(i8::from_le_bytes([*byte]))).collect();
            let length = raw.iter().map(|value| value * value).sum::<f32>().sqrt();
            (hash, raw.into_iter().map(|value| value / length).collect())
        });
        Self(records.collect())
    }

    fn of(&self, text: &str) -> &[f32] {
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.0.get(&hash).expect("a text has no vector: embed anew with the `evaluate` example and `pack`")
    }

    fn cosine(&self, question: &str, passage: &str) -> f32 {
        let (a, b) = (self.of(&format!("q{question}")), self.of(&format!("p{passage}")));
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }
}

fn passages(name: &str) -> Vec<Passage> {
    let text = fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap();
    let texts: Vec<&str> = text.split('\u{c}').map(|page| page.trim_matches('\n')).collect();
    let pages: Vec<Page<'_>> =
        texts.iter().zip(1..).map(|(text, number)| Page { number, text, words: &[], rows: &[] }).collect();
    chunks(&pages, &Sizes::default(), &|text| text.chars().count() * 2 / 7)
        .into_iter()
        .map(|chunk| Passage { page: chunk.page, text: chunk.text, context: chunk.context, score: 0.0 })
        .collect()
}

fn ask(vectors: &Vectors, passages: &[Passage], asked: &str) -> (Vec<u32>, Answer) {
    let question = Question::read(asked);
    let mut near = passages.to_vec();
    for passage in &mut near {
        passage.score = vectors.cosine(asked, &format!("{}\n{}", passage.context, passage.text));
    }
    near.sort_by(|a, b| b.score.total_cmp(&a.score));
    near.truncate(TOP);
    let found = candidates(&question, &near);
    let cosines: Vec<f32> =
        found.iter().map(|candidate| vectors.cosine(asked, &candidate.text_to_embed)).collect();
    (near.iter().map(|passage| passage.page).collect(), decide(&question, &near, &found, &cosines, None))
}

fn outcomes() -> Vec<Outcome> {
    let vectors = Vectors::load();
    let mut all = Vec::new();
    for name in DOCUMENTS {
        let passages = passages(name);
        let questions: Value =
            serde_json::from_str(&fs::read_to_string(folder().join(format!("{name}.json"))).unwrap())
                .unwrap();
        for question in questions.as_array().unwrap() {
            let asked = question["question"].as_str().unwrap();
            let (pages, answer) = ask(&vectors, &passages, asked);
            let truths = question["answers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|truth| truth.as_str().unwrap().to_owned());
            all.push(Outcome {
                question: asked.to_owned(),
                truths: truths.collect(),
                page: question["page"].as_u64(),
                pages,
                answer,
            });
        }
    }
    all
}

fn report(failures: &[&Outcome]) -> String {
    failures.iter().map(|o| format!("{}: {}\n", o.question, o.answer.text)).collect()
}

#[test]
fn nine_of_ten_answers_hold_the_truth() {
    let all = outcomes();
    let answerable: Vec<&Outcome> = all.iter().filter(|outcome| !outcome.truths.is_empty()).collect();
    let failures: Vec<&Outcome> = answerable.iter().filter(|outcome| !outcome.is_right()).copied().collect();
    assert!(
        failures.len() * 10 <= answerable.len(),
        "{} of {} failed\n{}",
        failures.len(),
        answerable.len(),
        report(&failures)
    );
}

#[test]
fn what_a_document_does_not_say_is_declined_five_times_in_six() {
    let all = outcomes();
    let unanswerable: Vec<&Outcome> = all.iter().filter(|outcome| outcome.truths.is_empty()).collect();
    let failures: Vec<&Outcome> =
        unanswerable.iter().filter(|outcome| outcome.answer.answered).copied().collect();
    assert!(
        failures.len() * 6 <= unanswerable.len(),
        "{} of {} answered\n{}",
        failures.len(),
        unanswerable.len(),
        report(&failures)
    );
}

#[test]
fn the_page_with_the_evidence_is_among_the_sources_and_first_when_answered_rightly() {
    let all = outcomes();
    let paged: Vec<&Outcome> = all.iter().filter(|outcome| outcome.page.is_some()).collect();
    let cited = |outcome: &&Outcome, count: usize| {
        outcome
            .answer
            .sources
            .iter()
            .take(count)
            .any(|at| Some(u64::from(outcome.pages[*at])) == outcome.page)
    };
    assert!(paged.iter().filter(|outcome| cited(outcome, TOP)).count() * 100 >= paged.len() * 95);
    let right: Vec<&Outcome> = paged.iter().filter(|outcome| outcome.is_right()).copied().collect();
    assert!(right.iter().filter(|outcome| cited(outcome, 1)).count() * 100 >= right.len() * 95);
}
