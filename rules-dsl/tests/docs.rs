//! The pages for authors: every example on them loads, passes its tests and draws no warning; every word is there.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod fenced;

use enabler_rules::apply::{ANSWER_MAX, CONTEXT_MAX, Input, QUESTION_MAX};
use enabler_rules::diagnostic::{Code, Language};
use enabler_rules::lint::lint;
use enabler_rules::program::load;
use enabler_rules::testing;
use enabler_rules::verdict::Verdict;
use fenced::{Block, blocks};

const VERDICTS: [Verdict; 6] = [
    Verdict::Valid,
    Verdict::Corrected,
    Verdict::Contradicted,
    Verdict::Unsupported,
    Verdict::NotApplicable,
    Verdict::TooComplex,
];

fn page(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../docs/dkr/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A block's `key=value` mark.
fn mark<'p>(block: &Block<'p>, key: &str) -> Option<&'p str> {
    block.marks.iter().find_map(|mark| mark.strip_prefix(key)?.strip_prefix('='))
}

#[test]
fn every_example_is_sound_draws_no_warning_and_passes_its_tests() {
    for (name, least) in [("guia.md", 9), ("guide.md", 9), ("reference.md", 1)] {
        let text = page(name);
        let all = blocks(&text);
        let imports = |wanted: &str| {
            all.iter().find(|block| mark(block, "arquivo") == Some(wanted)).map(|block| block.text.to_owned())
        };
        let examples: Vec<_> = all.iter().filter(|block| block.marks == ["dkr"]).collect();
        assert!(examples.len() >= least, "{name} has {} examples", examples.len());
        for example in examples {
            let loaded = load(example.text, &imports);
            let problems: Vec<_> = loaded.diagnostics.iter().chain(&lint(&loaded)).cloned().collect();
            assert!(problems.is_empty(), "{name}: {}\n{problems:#?}", example.text);
            let report = testing::run(&loaded);
            assert!(!report.tests.is_empty(), "{name} has no test in: {}", example.text);
            for test in &report.tests {
                assert!(test.passed(), "{name}: {}\n{:#?}\n{:#?}", test.name, test.mismatches, test.outcome);
            }
        }
    }
}

#[test]
fn every_wrong_example_gets_the_message_that_the_page_shows() {
    for (name, language) in [("guia.md", Language::Portuguese), ("guide.md", Language::English)] {
        let text = page(name);
        let all = blocks(&text);
        let mut shown = 0;
        for (wrong, message) in all.iter().zip(all.iter().skip(1)) {
            let Some(code) = mark(wrong, "errado") else { continue };
            let loaded = load(wrong.text, &|_: &str| None);
            let problem = loaded.diagnostics.iter().find(|problem| problem.code.as_str() == code).unwrap();
            let file = message.text.split(':').next().unwrap();
            assert_eq!(message.text, problem.line(file, wrong.text, language), "{name}");
            shown += 1;
        }
        assert!(shown > 0, "{name} shows no error");
    }
}

/// A row of the table of terms: the term, what it finds and what it does not.
fn terms(text: &str) -> Vec<(String, Vec<String>, Vec<String>)> {
    let row = |line: &str| {
        let cells: Vec<_> =
            line.strip_prefix("| `\"")?.trim_end_matches('|').split('|').map(str::trim).collect();
        let [term, finds, misses] = cells.as_slice() else { return None };
        let list = |cell: &str| cell.split(", ").map(str::to_owned).collect();
        Some((term.split('"').next()?.to_owned(), list(finds), list(misses)))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn terms_find_what_the_guides_say() {
    for name in ["guia.md", "guide.md"] {
        let rows = terms(&page(name));
        assert_eq!(rows.len(), 6, "{name}");
        for (term, finds, misses) in rows {
            let source = format!(
                "DOMÍNIO: D\nREGRAS DE VALIDAÇÃO:\nQUANDO usuário pergunta \"{term}\"\nENTÃO sinalizar: z"
            );
            let loaded = load(&source, &|_: &str| None);
            let acts = |question: &str| {
                let outcome = loaded.program.apply(&Input { question, ..Input::default() });
                !outcome.triggered.is_empty()
            };
            assert!(finds.iter().all(|text| acts(text)), "{name}: {term} finds {finds:?}");
            assert!(misses.iter().all(|text| !acts(text)), "{name}: {term} does not find {misses:?}");
        }
    }
}

#[test]
fn every_block_is_one_that_is_checked() {
    for name in ["guia.md", "guide.md", "reference.md"] {
        let text = page(name);
        for block in blocks(&text).iter().filter(|block| block.marks.contains(&"dkr")) {
            let known =
                block.marks == ["dkr"] || mark(block, "arquivo").is_some() || mark(block, "errado").is_some();
            assert!(known, "{name}: {:?}", block.marks);
        }
    }
}

#[test]
fn the_reference_has_every_word_of_the_language() {
    let reference = page("reference.md");
    let words = include_str!("../src/syntax/keyword.rs");
    let (spellings, pairs): (Vec<_>, _) = (
        words.split(" => \"").skip(1).filter_map(|rest| rest.split('"').next()).collect(),
        words.matches("=> \"").count(),
    );
    assert!(pairs > 100 && spellings.len() == pairs, "{pairs} words");
    let missing: Vec<_> =
        spellings.iter().filter(|word| !reference.contains(&format!("\"{word}\""))).collect();
    assert!(missing.is_empty(), "not in the reference: {missing:?}");
}

#[test]
fn the_reference_has_every_verdict_code_and_bound() {
    let reference = page("reference.md");
    for verdict in VERDICTS {
        for name in [verdict.as_str(), verdict.shown(Language::Portuguese)] {
            assert!(reference.contains(&format!("`{name}`")), "{name}");
        }
    }
    for code in Code::ALL {
        assert!(reference.contains(code.as_str()), "{code:?}");
    }
    for bytes in [ANSWER_MAX, CONTEXT_MAX] {
        assert!(reference.contains(&format!("{} MiB", bytes >> 20)), "{bytes}");
    }
    assert!(reference.contains(&format!("{} KiB", QUESTION_MAX >> 10)));
}

#[test]
fn both_guides_have_the_same_chapters_and_name_every_verdict() {
    let chapters = |name: &str| page(name).lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(chapters("guia.md"), chapters("guide.md"));
    for verdict in VERDICTS {
        assert!(page("guia.md").contains(verdict.shown(Language::Portuguese)), "{verdict:?}");
        assert!(page("guide.md").contains(verdict.shown(Language::English)), "{verdict:?}");
    }
}
