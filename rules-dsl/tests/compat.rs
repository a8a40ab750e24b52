//! The compat mode against what the predecessor itself made of each recorded rules file, question and answer.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "recorded files are as they were recorded, and a test that skips must say so"
)]

use std::fs;
use std::path::PathBuf;

use enabler_rules::compat::{Action, Input, Outcome, RuleSet};
use serde_json::{Map, Value, json};

#[test]
fn every_recorded_file_is_read_and_validated_as_by_the_predecessor() {
    for case in cases("parse_cases.jsonl") {
        let name = case["rules"].as_str().unwrap();
        let set = RuleSet::read(&rules(name));
        let mut expected = case.clone();
        expected.as_object_mut().unwrap().remove("rules");
        assert_eq!(compiled(&set), expected, "{name}");
        assert_eq!(names(&case["intents"]), set.intents.iter().map(|i| i.name.clone()).collect::<Vec<_>>());
    }
}

#[test]
fn every_recorded_question_is_answered_as_by_the_predecessor() {
    for case in cases("cases.jsonl") {
        let text = |field: &str| case[field].as_str().unwrap_or_default();
        let input = Input {
            question: text("question"),
            raw_answer: text("raw_answer"),
            context: text("context"),
            apply_corrections: case["apply_corrections"].as_bool().unwrap(),
        };
        let outcome = match RuleSet::read(&rules(text("rules"))).apply(&input) {
            Ok(outcome) => reported(&outcome),
            Err(raised) => json!({ "raises": raised.0 }),
        };
        assert_eq!(outcome, case["expect"], "{}", text("id"));
    }
}

fn compiled(set: &RuleSet) -> Value {
    let facts: Map<String, Value> = set.facts.iter().map(|level| {
        let facts = level.facts.iter().map(|fact| {
            json!({ "name": fact.name, "criticality": fact.criticality, "reason": fact.reason, "action": fact.action })
        });
        (level.level.clone(), facts.collect())
    }).collect();
    let intents = set.intents.iter().map(|intent| {
        json!({ "name": intent.name, "patterns": intent.patterns, "expected_contains": intent.expected_contains })
    });
    let expansions = set.expansions.iter().map(|entry| (entry.intent.clone(), json!(entry.terms)));
    let normalizations = set.normalisations.iter().map(|entry| {
        json!({
            "original": entry.original,
            "normalized": entry.normalized,
            "case_sensitive": entry.case_sensitive,
        })
    });
    let rules = set.rules.iter().map(|rule| {
        json!({
            "name": rule.name,
            "intent": rule.trigger_intent,
            "contains_any": rule.contains_any,
            "contains_none": rule.contains_none,
            "action": match rule.action { Action::Replace => "replace", Action::Keep => "keep" },
            "template": rule.template,
        })
    });
    let synonyms = set.synonyms.iter().map(|entry| (entry.term.clone(), json!(entry.alternatives)));
    let verdict = set.validate();
    json!({
        "domain": set.domain,
        "source_hash": set.source_hash,
        "facts": facts,
        "intents": intents.collect::<Vec<_>>(),
        "expansions": expansions.collect::<Map<_, _>>(),
        "normalizations": normalizations.collect::<Vec<_>>(),
        "rules_": rules.collect::<Vec<_>>(),
        "synonyms": synonyms.collect::<Map<_, _>>(),
        "validator": {
            "is_valid": verdict.is_valid,
            "errors": verdict.errors,
            "warnings": verdict.warnings,
            "info": verdict.info,
        },
    })
}

fn reported(outcome: &Outcome) -> Value {
    json!({
        "detected_intent": outcome.detected_intent,
        "intent_confidence": (outcome.intent_confidence * 1e6).round() / 1e6,
        "query_expanded": outcome.query_expanded,
        "expanded_query": outcome.expanded_query,
        "expansion_terms": outcome.expansion_terms,
        "was_normalized": outcome.was_normalized,
        "normalizations": outcome.normalizations,
        "answer_after_normalization": outcome.answer_after_normalization,
        "rules_evaluated": outcome.rules_evaluated,
        "rules_triggered": outcome.rules_triggered,
        "was_corrected": outcome.was_corrected,
        "corrected_answer": outcome.corrected_answer,
        "correction_reason": outcome.correction_reason,
        "corrections": outcome.corrections,
    })
}

fn names(intents: &Value) -> Vec<String> {
    intents.as_array().unwrap().iter().map(|intent| intent["name"].as_str().unwrap().to_owned()).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/dkr")
}

/// The recorded cases, none where they are not at hand.
fn cases(file: &str) -> Vec<Value> {
    let path = folder().join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: no {}", path.display());
        return Vec::new();
    };
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn rules(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap();
    fs::read_to_string(folder().join("rules").join(file)).unwrap()
}
