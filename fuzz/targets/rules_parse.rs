//! Any bytes as a rules file: read, checked, its tests run, every problem told in both languages at a place in the file.
#![no_main]

use enabler_rules::diagnostic::{Diagnostic, Language, line_and_column};
use enabler_rules::program::{Loaded, load};
use enabler_rules::{compat, lint, testing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = String::from_utf8_lossy(bytes);
    // What follows a form feed is a file that can be imported.
    let (source, other) = source.split_once('\x0c').unwrap_or((&source, ""));
    let imports = |name: &str| (name == "outro.rules").then(|| other.to_owned());
    let loaded = load(source, &imports);
    lines_hold_their_tokens(&loaded);
    for problem in loaded.diagnostics.iter().chain(&lint::lint(&loaded)) {
        is_told(source, problem);
    }
    let _ = testing::run(&loaded);
    let fixed = lint::fix(source, &loaded.diagnostics);
    let _ = load(&fixed, &imports);
    let _ = compat::RuleSet::read(source);
});

fn is_told(source: &str, problem: &Diagnostic) {
    let inside = |span: enabler_rules::syntax::tree::Span| assert!(source.get(span.range()).is_some(), "{problem:?}");
    inside(problem.span);
    problem.related.into_iter().for_each(inside);
    problem.fix.iter().for_each(|fix| inside(fix.span));
    for language in [Language::Portuguese, Language::English] {
        assert!(!problem.message(language).is_empty());
    }
    let (line, column) = line_and_column(source, problem.span.start);
    assert!(line >= 1 && column >= 1);
}

fn lines_hold_their_tokens(loaded: &Loaded<'_>) {
    let tree = &loaded.tree;
    let mut end = 0;
    for line in &tree.lines {
        assert!(tree.source.get(line.span.range()).is_some_and(|text| !text.contains('\n')));
        assert!(line.span.start >= end && line.indent <= line.span.end - line.span.start);
        end = line.span.start;
        for token in tree.tokens_of(line) {
            assert!(token.span.start >= end && token.span.end <= line.span.end, "{token:?} in {line:?}");
            assert!(tree.source.get(token.span.range()).is_some(), "{token:?}");
            end = token.span.end;
        }
    }
}
