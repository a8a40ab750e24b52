//! Every document of `pages/`, a text and its truth: all fields right, none invented, every value in its place.

use enabler_analysis::{Analysis, Page, analyze, shipped};
use proptest::prelude::*;
use serde_json::Value;

use super::paper::pages;
use super::score::Score;

fn documents() -> Vec<(String, String, Value)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/analysis/pages");
    let mut found: Vec<(String, String, Value)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .map(|path| {
            let truth = std::fs::read_to_string(path.with_extension("json")).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap(), serde_json::from_str(&truth).unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// What holds for every analysis, whatever the document.
pub(crate) fn sound(analysis: &Analysis, pages: &[Page]) {
    for value in &analysis.values {
        let page = pages.iter().find(|page| page.number == value.page).unwrap();
        assert!(page.text[value.start..].starts_with(&value.quotation), "{value:?}");
        assert!(!value.rects.is_empty() || page.words.is_empty(), "{value:?}");
        assert!((0.0..=1.0).contains(&value.confidence), "{value:?}");
        let there = analysis.result.pointer(&value.pointer);
        let same = there == Some(&value.value)
            || there.and_then(Value::as_f64).zip(value.value.as_f64()).is_some_and(|(a, b)| a == b);
        assert!(same, "{} is {there:?} in the result", value.pointer);
    }
    for check in &analysis.checks {
        assert!(!check.detail_pt.is_empty() && !check.detail_en.is_empty());
    }
    assert!((0.0..=1.0).contains(&analysis.confidence));
}

#[test]
fn every_field_of_every_document_is_right_and_none_is_invented() {
    let documents = documents();
    assert!(documents.len() >= 16, "{} documents", documents.len());
    let mut faults = Vec::new();
    for (name, text, truth) in &documents {
        let pages = pages(text);
        let wanted = truth["profile"].as_str().unwrap();
        let choice = shipped().choose(&pages);
        if choice.template != wanted {
            faults.push(format!("{name}: template {} ({})", choice.template, choice.reason));
        }
        let analysis = analyze(&pages, shipped().named(wanted).unwrap());
        sound(&analysis, &pages);
        let score = Score::of(truth, &analysis);
        assert!(score.fields > 5, "{name} has no truth");
        faults.extend(score.faults.iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn what_a_document_does_not_say_is_null() {
    let pages = pages("Receita de bolo\n\nBata três ovos com duas xícaras de açúcar. Asse por 40 minutos.");
    for name in ["inventory", "meeting_minutes"] {
        let analysis = analyze(&pages, shipped().named(name).unwrap());
        assert!(analysis.values.is_empty(), "{:?}", analysis.values);
        assert_eq!(analysis.confidence, 0.0);
    }
    assert_eq!(shipped().choose(&pages).template, "generic");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_damage_to_a_document_breaks_the_analysis(which in 0_usize..64, cut in 0_usize..4000, junk in "\\PC{0,40}") {
        let documents = documents();
        let (_, text, truth) = &documents[which % documents.len()];
        let at = text.char_indices().map(|(at, _)| at).nth(cut % text.chars().count().max(1)).unwrap_or(0);
        let pages = pages(&format!("{}{junk}{}", &text[..at], text[at..].chars().skip(junk.len()).collect::<String>()));
        let analysis = analyze(&pages, shipped().named(truth["profile"].as_str().unwrap()).unwrap());
        sound(&analysis, &pages);
    }
}
