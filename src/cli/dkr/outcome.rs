//! What the rules made of an answer: as JSON with the predecessor's names, and in words.

use enabler_rules::apply::Outcome;
use enabler_rules::compat;
use serde_json::{Value, json};

use super::voice::Voice;

/// Digits of a confidence in the output are these decimal places: enough to tell two patterns of a million apart.
const PLACES: f64 = 1e6;

/// The outcome as a program reads it; `quarantined`: how many rules of the file have an error and were not asked.
pub(super) fn object(outcome: &Outcome, question: &str, quarantined: usize) -> Value {
    let reasons: Vec<String> = outcome.corrected_by.iter().map(|rule| reason(rule)).collect();
    let corrections: Vec<&String> = outcome.normalisations.iter().chain(&reasons).collect();
    let patches = outcome.patches.iter().map(|patch| {
        json!({
            "start": patch.range.start, "end": patch.range.end, "before": patch.before, "after": patch.after,
            "rule": patch.rule, "page": patch.page,
        })
    });
    let objections = outcome.objections.iter().map(|objection| {
        json!({ "rule": objection.rule, "text": objection.text, "unsupported": objection.unsupported })
    });
    json!({
        "detected_intent": outcome.intent,
        "intent_confidence": rounded(outcome.intent_confidence),
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
        "correction_reason": reasons.first().map_or("", String::as_str),
        "corrections": corrections,
        "verdict": outcome.verdict.as_str(),
        "patches": patches.collect::<Vec<_>>(),
        "objections": objections.collect::<Vec<_>>(),
        "quarantined": quarantined,
    })
}

/// The predecessor's outcome.
pub(super) fn compat_object(outcome: &compat::Outcome) -> Value {
    json!({
        "detected_intent": outcome.detected_intent,
        "intent_confidence": rounded(outcome.intent_confidence),
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

fn reason(rule: &str) -> String {
    format!("Regra '{rule}': Resposta corrigida")
}

fn rounded(confidence: f64) -> f64 {
    (confidence * PLACES).round() / PLACES
}

/// The outcome in a few lines.
pub(super) fn words(outcome: &Outcome, voice: Voice) -> String {
    let mut lines = Vec::new();
    let mut add = |pt: &str, en: &str, text: String| lines.push(format!("{}: {text}", voice.say(pt, en)));
    add("veredito", "verdict", outcome.verdict.shown(voice.language).to_owned());
    if let Some(intent) = &outcome.intent {
        add("intenção", "intent", format!("{intent} ({:.0}%)", outcome.intent_confidence * 100.0));
    }
    if !outcome.expansion.is_empty() {
        add("busca também por", "also searches for", outcome.expansion.join(", "));
    }
    if !outcome.normalisations.is_empty() {
        add("normalizado", "normalised", outcome.normalisations.join(", "));
    }
    if !outcome.triggered.is_empty() {
        add("regras que agiram", "rules that acted", outcome.triggered.join(", "));
    }
    for objection in &outcome.objections {
        add("objeção", "objection", format!("{}: {}", objection.rule, objection.text));
    }
    add("resposta", "answer", outcome.answer.clone());
    lines.join("\n")
}

/// The predecessor's outcome in a few lines.
pub(super) fn compat_words(outcome: &compat::Outcome, voice: Voice) -> String {
    let mut lines = Vec::new();
    if let Some(intent) = &outcome.detected_intent {
        lines.push(format!("{}: {intent}", voice.say("intenção", "intent")));
    }
    lines.extend(outcome.corrections.iter().cloned());
    lines.push(format!("{}: {}", voice.say("resposta", "answer"), outcome.corrected_answer));
    lines.join("\n")
}
