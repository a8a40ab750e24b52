//! Every problem's page explains it in both languages, with a file that has the problem and one that no longer has.

#![expect(clippy::panic, reason = "a test stops at the first thing that is not as it should be")]

mod fenced;

use enabler_rules::diagnostic::{Code, Diagnostic, Language, Severity};
use enabler_rules::lint::lint;
use enabler_rules::program::load;
use enabler_rules::syntax::tree::Span;
use fenced::{Block, blocks};

/// Pages whose case no readable example can show; the tests below build it.
const BUILT: [Code; 2] = [Code::TooLarge, Code::NotText];
/// Codes that an example brings along and that say nothing about it: it has no tests.
const BESIDE: [Code; 1] = [Code::Untested];

/// What is wrong with an example, with the files of its page to import.
fn problems(source: &str, page: &[Block<'_>]) -> Vec<Diagnostic> {
    let imports = |name: &str| {
        let wanted = format!("arquivo={name}");
        page.iter().find(|block| block.marks.contains(&wanted.as_str())).map(|block| block.text.to_owned())
    };
    let loaded = load(source, &imports);
    let mut found = loaded.diagnostics.clone();
    found.extend(lint(&loaded));
    found.dedup();
    found
}

fn block<'p>(page: &'p [Block<'p>], mark: &str) -> Option<&'p Block<'p>> {
    page.iter().find(|block| block.marks.contains(&mark))
}

#[test]
fn every_page_has_a_title_and_both_languages() {
    for code in Code::ALL {
        let page = code.page();
        let title = page.lines().next().unwrap();
        assert!(title.starts_with(&format!("# {}: ", code.as_str())), "{title}");
        assert!(title.contains(" / "), "{title}");
        let portuguese = page.find("\n## Português\n").unwrap_or_else(|| panic!("{code:?}"));
        let english = page.find("\n## English\n").unwrap_or_else(|| panic!("{code:?}"));
        assert!(portuguese < english, "{code:?}");
        for (language, prose) in [("pt", &page[portuguese..english]), ("en", &page[english..])] {
            let sentences = prose.matches(". ").count() + prose.matches(".\n").count();
            assert!(sentences >= 2, "{code:?} in {language} has {sentences} sentences");
        }
    }
}

#[test]
fn every_wrong_example_has_its_problem_and_every_right_one_has_none() {
    let mut wrong = Vec::new();
    for code in Code::ALL.iter().filter(|code| !BUILT.contains(code)) {
        let page = blocks(code.page());
        let bad = block(&page, "errado").unwrap_or_else(|| panic!("{code:?} has no `errado` block"));
        let good = block(&page, "certo").unwrap_or_else(|| panic!("{code:?} has no `certo` block"));
        let found = problems(bad.text, &page);
        if !found.iter().any(|problem| problem.code == *code) {
            wrong.push(format!("{}: its wrong example has {:?}", code.as_str(), codes(&found)));
        }
        let others: Vec<_> = found.iter().filter(|problem| !belongs(problem.code, *code)).collect();
        if !others.is_empty() {
            wrong.push(format!("{}: its wrong example also has {:?}", code.as_str(), codes(&found)));
        }
        let left = problems(good.text, &page);
        let left: Vec<_> =
            left.iter().filter(|problem| *code == problem.code || !BESIDE.contains(&problem.code)).collect();
        if !left.is_empty() {
            wrong.push(format!("{}: its right example has {left:?}", code.as_str()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a problem may stand in the wrong example of a page: its own, or one that its cause brings along.
fn belongs(found: Code, page: Code) -> bool {
    found == page
        || BESIDE.contains(&found)
        // The line that breaks the list of facts is a problem of its own.
        || (page == Code::BrokenFacts && found == Code::UnknownLine)
}

fn codes(found: &[Diagnostic]) -> Vec<&'static str> {
    found.iter().map(|problem| problem.code.as_str()).collect()
}

#[test]
fn every_message_is_filled_in_and_points_into_the_file() {
    for code in Code::ALL {
        let [portuguese, english] =
            [Language::Portuguese, Language::English].map(|language| code.text(language));
        assert!(!portuguese.is_empty() && !english.is_empty() && portuguese != english, "{code:?}");
        let holes = |text: &str| ["{0}", "{1}", "{2}"].map(|hole| text.contains(hole));
        assert_eq!(holes(portuguese), holes(english), "{code:?}");
        let page = blocks(code.page());
        for example in page.iter().filter(|block| block.marks.contains(&"errado")) {
            for problem in problems(example.text, &page) {
                told(&problem, example.text);
            }
        }
    }
}

/// Claims of a problem that its messages are whole and its places are in the source.
fn told(problem: &Diagnostic, source: &str) {
    let [portuguese, english] =
        [Language::Portuguese, Language::English].map(|language| problem.message(language));
    assert_ne!(portuguese, english);
    for message in [portuguese, english] {
        assert!(["{0}", "{1}", "{2}"].iter().all(|hole| !message.contains(hole)), "{message}");
        assert!(!message.contains("``"), "an empty form in: {message}");
    }
    let spans = [Some(problem.span), problem.related, problem.fix.as_ref().map(|fix| fix.span)];
    for Span { start, end } in spans.into_iter().flatten() {
        assert!(start <= end && source.get(start as usize..end as usize).is_some(), "{problem:?}");
    }
}

#[test]
fn applying_the_proposed_change_removes_the_problem() {
    for code in Code::ALL {
        let page = blocks(code.page());
        for example in page.iter().filter(|block| block.marks.contains(&"errado")) {
            let found = problems(example.text, &page);
            let Some(fix) = found.iter().find(|p| p.code == *code).and_then(|p| p.fix.clone()) else {
                continue;
            };
            let mut source = example.text.to_owned();
            source.replace_range(fix.span.range(), &fix.text);
            let count = |found: &[Diagnostic]| found.iter().filter(|problem| problem.code == *code).count();
            let left = problems(&source, &page);
            assert!(count(&left) < count(&found), "{code:?}: {source}\n{left:?}");
        }
    }
}

#[test]
fn every_bound_says_what_is_too_large_and_what_the_limit_is() {
    let term = "x".repeat(401);
    let rule =
        |rest: &str| format!("DOMÍNIO: D\nREGRAS DE VALIDAÇÃO:\nQUANDO sempre\n{rest}ENTÃO sinalizar: z\n");
    let normalisations: String =
        (0..=10_000).map(|at| format!("\"a{at}\" corrigir para: \"b{at}\"\n")).collect();
    let sources = [
        (rule(&format!("  E resposta menciona \"{term}\"\n")), "400"),
        (rule(&"  E resposta menciona \"x\"\n".repeat(65)), "64"),
        (format!("DOMÍNIO: D\nNORMALIZAR TERMOS:\n{normalisations}"), "10000"),
        (" ".repeat((4 << 20) + 1), "4194304"),
    ];
    for (source, limit) in sources {
        let loaded = load(&source, &enabler_rules::program::NoImports);
        let problem = loaded.diagnostics.iter().find(|problem| problem.code == Code::TooLarge).unwrap();
        assert_eq!(problem.severity(), Severity::Error);
        assert!(problem.headline(Language::Portuguese).contains(limit), "{problem:?}");
        told(problem, &source);
    }
}

#[test]
fn a_code_is_found_by_its_name_and_stands_for_one_problem() {
    for code in Code::ALL {
        assert_eq!(Code::named(&code.as_str().to_lowercase()), Some(*code));
    }
    let mut names: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
}
