//! Measures answering over documents with known answers. `evaluate texts SET…` lists what to embed, each text after a
//! letter, `q` for a question and `p` for a passage; `evaluate run TEXTS VECTORS SET…` decides every question with those
//! vectors (f32, in the texts' order) and reports; `features` prints what a fit needs, `pack` what the test reads. A
//! set is JSON: a list of documents with pages and questions, or a corpus of passages with the right one per question.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measuring program for a person who reads its failures"
)]

use std::collections::BTreeMap;
use std::fs;

use enabler_grounding::answer::{self, Answer, decide};
use enabler_grounding::chunk::{Page, Sizes, chunks};
use enabler_grounding::evidence::{Candidate, Passage, candidates};
use enabler_grounding::question::Question;
use serde_json::Value;

/// Passages that a question gets, as the service retrieves by default.
const TOP: usize = 5;

struct Case {
    set: String,
    question: String,
    answers: Vec<String>,
    pages: Vec<u64>,
    passages: Vec<Passage>,
    /// Whether the passages must be ranked by cosine and cut first.
    retrieve: bool,
    answerable: bool,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments[0].as_str() {
        "texts" => texts(&load(&arguments[1..])),
        "pack" => pack(&arguments[1], &arguments[2], &arguments[3]),
        "run" => run(&load(&arguments[3..]), &Vectors::load(&arguments[1], &arguments[2])),
        "features" => features(&load(&arguments[3..]), &Vectors::load(&arguments[1], &arguments[2])),
        other => println!("`{other}` is none of texts, run, features"),
    }
}

fn load(paths: &[String]) -> Vec<Case> {
    paths
        .iter()
        .flat_map(|path| {
            let set: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            if set.is_array() { documents(&set) } else { corpus(&set) }
        })
        .collect()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn documents(set: &Value) -> Vec<Case> {
    let mut cases = Vec::new();
    for document in set.as_array().unwrap() {
        let texts = strings(&document["pages"]);
        let pages: Vec<Page<'_>> = texts
            .iter()
            .zip(1..)
            .map(|(text, number)| Page { number, text, words: &[], rows: &[] })
            .collect();
        // About four and a half letters a token, as the multilingual vocabulary cuts Portuguese.
        let cut = chunks(&pages, &Sizes::default(), &|text| text.chars().count() * 2 / 7);
        let passages: Vec<Passage> = cut
            .into_iter()
            .map(|chunk| Passage { page: chunk.page, text: chunk.text, context: chunk.context, score: 0.0 })
            .collect();
        for question in document["questions"].as_array().unwrap() {
            let answers = strings(&question["answers"]);
            cases.push(Case {
                set: document["name"].as_str().unwrap().to_owned(),
                question: question["question"].as_str().unwrap().to_owned(),
                answerable: !answers.is_empty(),
                answers,
                pages: question["pages"].as_array().unwrap().iter().filter_map(Value::as_u64).collect(),
                passages: passages.clone(),
                retrieve: true,
            });
        }
    }
    cases
}

/// Each question twice: with the passages that hold its answer, and with the nearest that do not.
fn corpus(set: &Value) -> Vec<Case> {
    let texts = strings(&set["passages"]);
    let mut cases = Vec::new();
    for question in set["questions"].as_array().unwrap() {
        for (key, answerable) in [("top", true), ("wrong", false)] {
            let passages = question[key].as_array().unwrap().iter().map(|index| {
                let index = index.as_u64().unwrap() as usize;
                Passage {
                    page: index as u32,
                    text: texts[index].clone(),
                    context: String::new(),
                    score: question["scores"][index.to_string()].as_f64().unwrap() as f32,
                }
            });
            cases.push(Case {
                set: format!("corpus {key}"),
                question: question["question"].as_str().unwrap().to_owned(),
                answers: if answerable { strings(&question["answers"]) } else { Vec::new() },
                pages: question["right"].as_u64().into_iter().collect(),
                passages: passages.collect(),
                retrieve: false,
                answerable,
            });
        }
    }
    cases
}

fn passage_key(passage: &Passage) -> String {
    format!("p{}\n{}", passage.context, passage.text)
}

fn texts(cases: &[Case]) {
    let mut all: Vec<String> = Vec::new();
    for case in cases {
        let question = Question::read(&case.question);
        all.push(format!("q{}", case.question));
        if case.retrieve {
            all.extend(case.passages.iter().map(passage_key));
        }
        all.extend(
            candidates(&question, &case.passages)
                .iter()
                .map(|candidate| format!("p{}", candidate.text_to_embed)),
        );
    }
    all.sort();
    all.dedup();
    println!("{}", serde_json::to_string(&all).unwrap());
}

/// Writes what `tests/answering.rs` reads: per text its FNV-1a hash and its vector, scaled to bytes.
fn pack(texts: &str, vectors: &str, to: &str) {
    let vectors = Vectors::load(texts, vectors);
    let mut bytes = Vec::new();
    for (text, vector) in &vectors.0 {
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        bytes.extend(hash.to_le_bytes());
        let largest = vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        bytes.extend(vector.iter().map(|value| (value / largest * 127.0).round() as i8 as u8));
    }
    fs::write(to, bytes).unwrap();
}

struct Vectors(BTreeMap<String, Vec<f32>>);

impl Vectors {
    fn load(texts: &str, vectors: &str) -> Self {
        let texts: Vec<String> = serde_json::from_str(&fs::read_to_string(texts).unwrap()).unwrap();
        let bytes = fs::read(vectors).unwrap();
        let dimension = bytes.len() / 4 / texts.len();
        let floats: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect();
        Self(texts.into_iter().zip(floats.chunks_exact(dimension).map(<[f32]>::to_vec)).collect())
    }

    fn cosine(&self, question: &str, text: &str) -> f32 {
        let (Some(a), Some(b)) = (self.0.get(&format!("q{question}")), self.0.get(text)) else {
            println!("no vector for {text:?}");
            return 0.0;
        };
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }
}

fn prepare(case: &Case, vectors: &Vectors) -> (Question, Vec<Passage>, Vec<Candidate>, Vec<f32>) {
    let question = Question::read(&case.question);
    let mut passages = case.passages.clone();
    if case.retrieve {
        for passage in &mut passages {
            passage.score = vectors.cosine(&case.question, &passage_key(passage));
        }
        passages.sort_by(|a, b| b.score.total_cmp(&a.score));
        passages.truncate(TOP);
    }
    let found = candidates(&question, &passages);
    let cosines = found
        .iter()
        .map(|candidate| vectors.cosine(&case.question, &format!("p{}", candidate.text_to_embed)))
        .collect();
    (question, passages, found, cosines)
}

fn even(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn is_right(case: &Case, answer: &Answer) -> bool {
    answer.answered && case.answers.iter().any(|truth| even(&answer.text).contains(&even(truth)))
}

/// Is the truth in what leads the answer, not merely in its quotation? A bare quotation leads with itself.
fn leads(case: &Case, answer: &Answer) -> bool {
    let lead = answer.text.split(" — “").next().unwrap_or_default();
    case.answers.iter().any(|truth| even(lead).contains(&even(truth)) || even(truth).contains(&even(lead)))
}

#[derive(Default)]
struct Tally {
    led: usize,
    answerable: usize,
    right: usize,
    wrong: usize,
    declined: usize,
    evidence: usize,
    unanswerable: usize,
    refused: usize,
}

fn run(cases: &[Case], vectors: &Vectors) {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut bins = [(0usize, 0usize); 10];
    for case in cases {
        let (question, passages, found, cosines) = prepare(case, vectors);
        let answer = decide(&question, &passages, &found, &cosines, None);
        let tally = tallies.entry(case.set.clone()).or_default();
        let right = is_right(case, &answer);
        if case.answerable {
            tally.answerable += 1;
            tally.right += usize::from(right);
            tally.led += usize::from(right && leads(case, &answer));
            if case.retrieve && right && !leads(case, &answer) {
                println!("LEAD {} {:?} {}", case.set, case.question, answer.text.replace('\n', " // "));
            }
            tally.declined += usize::from(!answer.answered);
            tally.wrong += usize::from(answer.answered && !right);
            tally.evidence += usize::from(
                answer.sources.iter().any(|at| case.pages.contains(&u64::from(passages[*at].page))),
            );
        } else {
            tally.unanswerable += 1;
            tally.refused += usize::from(!answer.answered);
        }
        if answer.answered {
            let bin = &mut bins[((answer.confidence * 10.0) as usize).min(9)];
            bin.0 += 1;
            bin.1 += usize::from(right);
        }
        if case.retrieve && (right != case.answerable || (!case.answerable && answer.answered)) {
            println!(
                "{} [{:?}] {:?} truth {:?}\n    {:?} {:.2} {}",
                case.set,
                question.types,
                case.question,
                case.answers,
                answer.refusal,
                answer.confidence,
                answer.text.replace('\n', " // ")
            );
        }
    }
    for (set, t) in &tallies {
        println!(
            "{set}: answerable {} right {} led {} wrong {} declined {} evidence {}; unanswerable {} refused {}",
            t.answerable, t.right, t.led, t.wrong, t.declined, t.evidence, t.unanswerable, t.refused
        );
    }
    for (at, (count, right)) in bins.iter().enumerate().filter(|(_, bin)| bin.0 > 0) {
        println!(
            "confidence {:.1}: {count} answers, {:.2} right",
            at as f32 / 10.0,
            *right as f32 / *count as f32
        );
    }
}

/// One line per candidate: set, whether it holds the answer on a right page, and its features.
fn features(cases: &[Case], vectors: &Vectors) {
    for (number, case) in cases.iter().enumerate() {
        let (question, passages, found, cosines) = prepare(case, vectors);
        for (candidate, features) in found.iter().zip(answer::measured(&question, &found, &cosines)) {
            let text = even(candidate.text(&passages));
            let page = u64::from(passages[candidate.passage].page);
            let holds = case.answerable
                && case.pages.contains(&page)
                && case.answers.iter().any(|truth| text.contains(&even(truth)));
            println!(
                "{}\t{number}\t{}\t{}",
                case.set,
                u8::from(holds),
                features.iter().map(f32::to_string).collect::<Vec<_>>().join("\t")
            );
        }
    }
}
