//! The conformance cases in default mode: plain ones as expected, repaired ones as suggested.

#![expect(clippy::print_stdout, reason = "a test says why it left something out")]

use enabler_rules::apply::{Input, Passage};
use enabler_rules::program::{NoImports, load};
use serde_json::Value;
use std::path::PathBuf;

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/dkr");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: the shared cases are not here");
    None
}

#[test]
fn every_case_comes_out_as_its_file_says() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    for line in std::fs::read_to_string(folder.join("cases.jsonl")).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let source = std::fs::read_to_string(folder.join(case["rules"].as_str().unwrap())).unwrap();
        let loaded = load(&source, &NoImports);
        let passages = [Passage { page: None, text: case["context"].as_str().unwrap() }];
        let question = case["question"].as_str().unwrap();
        let outcome = loaded.program.apply(&Input {
            question,
            answer: case["raw_answer"].as_str().unwrap(),
            passages: &passages,
            correct: case["apply_corrections"].as_bool().unwrap(),
            ..Input::default()
        });
        let got = serde_json::json!({
            "detected_intent": outcome.intent,
            "intent_confidence": (outcome.intent_confidence * 1e6).round() / 1e6,
            "query_expanded": !outcome.expansion.is_empty(),
            "expanded_query": outcome.expanded(question),
            "expansion_terms": outcome.expansion,
            "was_normalized": !outcome.normalisations.is_empty(),
            "normalizations": outcome.normalisations,
            "answer_after_normalization": outcome.normalised,
            "rules_evaluated": outcome.rules_evaluated,
            "rules_triggered": outcome.triggered,
            "was_corrected": outcome.was_corrected(),
            "corrected_answer": outcome.answer,
        });
        let bug = case["original_bug"].as_bool().unwrap();
        let wanted = if bug { &case["suggested"] } else { &case["expect"] };
        for (key, want) in wanted.as_object().into_iter().flatten() {
            let fine = match key.as_str() {
                "correction_reason" | "corrections" => true,
                "corrected_contains" => want
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|part| outcome.answer.contains(part.as_str().unwrap())),
                key => got.get(key) == Some(want),
            };
            if !fine {
                wrong.push(format!(
                    "{} {key}: {want} but {}",
                    case["id"],
                    got.get(key).unwrap_or(&Value::Null)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
