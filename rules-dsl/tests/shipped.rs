//! The shipped rule sets: without error or warning, every rule shown to act and to stay silent, every right answer kept.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

#[path = "shipped/cases.rs"]
mod cases;

use cases::{CASES, SPELLINGS};
use enabler_rules::apply::{Input, Passage};
use enabler_rules::diagnostic::{Language, line_and_column};
use enabler_rules::format::format;
use enabler_rules::lint::lint;
use enabler_rules::program::{NoImports, load};
use enabler_rules::syntax::tree::LineKind;
use enabler_rules::testing;
use enabler_rules::verdict::Verdict;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Every shipped file with its text.
fn shipped() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config/rules");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rules"))
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_shipped_file_is_sound_and_passes_its_own_tests() {
    let files = shipped();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["generic.rules", "inventory.rules", "licencas_software.rules", "meeting_minutes.rules"]
    );
    let mut wrong = Vec::new();
    for (name, source) in &files {
        let loaded = load(source, &NoImports);
        for problem in loaded.diagnostics.iter().chain(&lint(&loaded)) {
            let (line, column) = line_and_column(source, problem.span.start);
            let message = problem.message(Language::Portuguese);
            wrong.push(format!("{name}:{line}:{column}: {} {message}", problem.code.as_str()));
        }
        let report = testing::run(&loaded);
        for test in report.tests.iter().filter(|test| !test.passed()) {
            let told =
                test.outcome.as_ref().map(|outcome| (&outcome.triggered, outcome.verdict, &outcome.answer));
            wrong.push(format!("{name}: {:?}: {:#?} {told:#?}", test.name, test.mismatches));
        }
        for rule in &report.rules {
            if rule.acted == 0 || rule.silent == 0 {
                wrong.push(format!(
                    "{name}: rule {:?} acts in {} tests, is silent in {}",
                    rule.rule, rule.acted, rule.silent
                ));
            }
        }
        for (intent, seen) in &report.intents {
            if !seen {
                wrong.push(format!("{name}: no test has the intent {intent:?}"));
            }
        }
        assert!(report.tests.len() > 1, "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What does not come out as it should: of a file's own tests, of the cases, of the spellings.
fn failures(name: &str, source: &str) -> Vec<String> {
    let loaded = load(source, &NoImports);
    let report = testing::run(&loaded);
    let mut wrong: Vec<_> =
        report.tests.iter().filter(|test| !test.passed()).map(|test| test.name.clone()).collect();
    let own = |set: &str| name.strip_suffix(".rules") == Some(set);
    for (_, context, question, answer, rules) in CASES.iter().filter(|case| own(case.0)) {
        let passages = [Passage { page: Some(1), text: context }];
        let outcome =
            loaded.program.apply(&Input { question, answer, passages: &passages, ..Input::default() });
        if outcome.triggered != *rules {
            wrong.push(format!("{question} {answer}: {:?}", outcome.triggered));
        }
    }
    for (_, before, after) in SPELLINGS.iter().filter(|spelling| own(spelling.0)) {
        let outcome = loaded.program.apply(&Input { answer: before, ..Input::default() });
        if outcome.normalised != *after {
            wrong.push(outcome.normalised);
        }
    }
    wrong
}

#[test]
fn right_answers_are_left_alone_and_spellings_put_right() {
    for (name, source) in shipped() {
        assert_eq!(failures(&name, &source), Vec::<String>::new(), "{name}");
    }
}

/// Leaves out one condition or spelling after the other: some test or case must notice.
#[test]
fn every_condition_and_every_spelling_matters() {
    let mut idle = Vec::new();
    for (name, source) in shipped() {
        for line in load(&source, &NoImports).tree.lines {
            let text = line.span.of(&source);
            let condition = line.kind == LineKind::Condition;
            let spelling = line.kind == LineKind::Item && text.contains("\" corrigir para: \"");
            if !condition && !spelling {
                continue;
            }
            let mut without = source.clone();
            without.replace_range(line.span.range(), "");
            if failures(&name, &without).is_empty() {
                idle.push(format!("{name}: {text}"));
            }
        }
    }
    assert!(idle.is_empty(), "no test needs:\n{}", idle.join("\n"));
}

#[test]
fn every_shipped_file_is_in_its_usual_form() {
    for (name, source) in shipped() {
        assert!(format(&source) == source, "{name}: `dkr fmt` would change it");
    }
}

#[test]
fn every_rule_of_a_shipped_file_has_a_name() {
    for (name, source) in shipped() {
        let unnamed = load(&source, &NoImports).tree.rules.iter().filter(|rule| rule.name.is_none()).count();
        assert_eq!(unnamed, 0, "{name}");
    }
}

/// The generic set judges every answer of the product, so it may remark on one and never rewrite or withhold it.
#[test]
fn the_generic_rules_keep_every_right_answer() {
    let source = shipped().into_iter().find(|(name, _)| name == "generic.rules").unwrap().1;
    let loaded = load(&source, &NoImports);
    let context = "Aos 3 de março de 2024, o espólio de Ana Braga, CPF 529.982.247-25, foi partilhado: o imóvel de \
                   R$ 250.000,00 e 50% das quotas da empresa de CNPJ 11.222.333/0001-81, em 2 lotes de R$ 1.250,50.";
    let right = [
        "O valor do imóvel é R$ 250.000,00.",
        "Foi em 03/03/2024, por R$ 250 mil.",
        "Cabem 50% das quotas; o percentual é de 50 por cento.",
        "O CPF de Ana Braga é 529.982.247-25 e o CNPJ é 11.222.333/0001-81.",
        "São 2 lotes de 1.250,50 reais.",
        "O documento não informa o valor.",
        "A data é 3 de março de 2024.",
        "Não encontrei essa informação no documento.",
        "The property is worth R$ 250,000.00; the deed is of March 3, 2024.",
        "",
    ];
    let passages = [Passage { page: Some(1), text: context }];
    for answer in right {
        let outcome = loaded.program.apply(&Input {
            question: "Qual é o valor?",
            answer,
            passages: &passages,
            ..Input::default()
        });
        assert_eq!(outcome.answer, answer);
        assert_eq!(outcome.triggered, Vec::<String>::new(), "{answer}");
        assert!(
            matches!(outcome.verdict, Verdict::Valid | Verdict::NotApplicable),
            "{answer}: {:?}",
            outcome.verdict
        );
    }
    let invented = "O imóvel vale R$ 350.000,00, pagos em 04/04/2024, 60% à vista.";
    let outcome = loaded.program.apply(&Input {
        question: "Qual é o valor?",
        answer: invented,
        passages: &passages,
        ..Input::default()
    });
    assert_eq!(outcome.answer, invented, "a remark changes nothing");
    assert_eq!(outcome.objections.len(), 3, "{:?}", outcome.objections);
    assert_eq!(outcome.verdict, Verdict::Unsupported);
}

/// A document with the right answers to its questions.
struct Document {
    /// The rule set that is meant for it.
    profile: String,
    pages: Vec<String>,
    /// Question and right answer.
    answers: Vec<(String, String)>,
}

impl Document {
    fn read(folder: &Path, truth: &Value) -> Document {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let pages = std::fs::read_to_string(folder.join(format!("{}.txt", text(&truth["id"])))).unwrap();
        let answers = truth["qa"].as_array().unwrap().iter().flat_map(|asked| {
            let answers = asked["answers"].as_array().unwrap().iter();
            answers.map(|answer| (text(&asked["question"]), text(answer)))
        });
        Document {
            profile: text(&truth["template"]),
            pages: pages.split('\u{c}').map(str::to_owned).collect(),
            answers: answers.collect(),
        }
    }

    fn passages(&self) -> Vec<Passage<'_>> {
        self.pages.iter().zip(1..).map(|(text, page)| Passage { page: Some(page), text }).collect()
    }
}

#[expect(clippy::print_stdout, reason = "a test that was skipped says so")]
fn documents() -> Option<Vec<Document>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/pdfs");
    let Ok(truth) = std::fs::read_to_string(folder.join("ground_truth.json")) else {
        println!("skipped: the shared documents are not here");
        return None;
    };
    let truth: Value = serde_json::from_str(&truth).unwrap();
    Some(truth.as_array().unwrap().iter().map(|document| Document::read(&folder, document)).collect())
}

#[test]
fn right_answers_about_real_documents_are_neither_changed_nor_contested() {
    let (Some(documents), files) = (documents(), shipped()) else { return };
    let mut asked = 0;
    for document in &documents {
        let passages = document.passages();
        let own = format!("{}.rules", document.profile);
        for (_, source) in files.iter().filter(|(name, _)| name == "generic.rules" || *name == own) {
            let loaded = load(source, &NoImports);
            for (question, answer) in &document.answers {
                let outcome = loaded.program.apply(&Input {
                    question,
                    answer,
                    passages: &passages,
                    ..Input::default()
                });
                assert_eq!(&outcome.answer, answer, "{question}: {:?}", outcome.triggered);
                assert!(outcome.objections.is_empty(), "{question} {answer}: {:?}", outcome.objections);
                asked += 1;
            }
        }
    }
    assert!(asked > 60, "{asked} answers");
}

#[test]
fn wrong_amounts_and_percentages_about_real_documents_are_remarked_on() {
    let (Some(documents), files) = (documents(), shipped()) else { return };
    let generic = files.iter().find(|(name, _)| name == "generic.rules").unwrap();
    let loaded = load(&generic.1, &NoImports);
    let mut asked = 0;
    for document in &documents {
        let passages = document.passages();
        let amount = |answer: &str| answer.starts_with("R$") || answer.ends_with('%');
        for (question, answer) in document.answers.iter().filter(|(_, answer)| amount(answer)) {
            // The first digit becomes another one.
            let at = answer.find(|c: char| c.is_ascii_digit()).unwrap();
            let digit = if answer[at..].starts_with('9') { "8" } else { "9" };
            let wrong = format!("{}{digit}{}", &answer[..at], &answer[at + 1..]);
            let outcome = loaded.program.apply(&Input {
                question,
                answer: &wrong,
                passages: &passages,
                ..Input::default()
            });
            assert_eq!(outcome.verdict, Verdict::Unsupported, "{question} {wrong}");
            asked += 1;
        }
    }
    assert!(asked >= 8, "{asked} amounts");
}
