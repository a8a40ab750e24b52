//! Any document, any place, any edits: the language service answers everything, and within the document.
#![no_main]

use enabler_rules::diagnostic::Language;
use enabler_rules::program::{NoImports, load};
use enabler_rules::service::{self, Lines, Position, Target};
use enabler_rules::syntax::tree::Span;
use libfuzzer_sys::fuzz_target;

/// Edits of one input; more of them find nothing more.
const EDITS_MAX: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (source, edits) = text.split_once('\x0c').unwrap_or((&text, ""));
    let mut document = source.to_owned();
    let mut seed = bytes.iter().fold(7u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    let mut chance = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % below.max(1)
    };
    for new in edits.split('\x0b').take(EDITS_MAX) {
        let lines = Lines::new(&document);
        let count = document.matches('\n').count() as u32 + 3;
        let mut place = || Position { line: chance(count), character: chance(40) };
        let (a, b) = (lines.offset(place()), lines.offset(place()));
        assert_eq!(lines.offset(lines.position(a)), a, "there and back");
        document.replace_range(a.min(b) as usize..a.max(b) as usize, new);
    }
    let at = chance(document.len() as u32 + 2);
    ask(&document, at, if bytes.len() % 2 == 0 { Language::Portuguese } else { Language::English });
});

fn ask(source: &str, at: u32, language: Language) {
    let loaded = load(source, &NoImports);
    let inside = |span: Span| assert!(source.get(span.range()).is_some(), "{span:?}");
    let problems = service::diagnostics(&loaded);
    problems.iter().for_each(|problem| inside(problem.span));
    if let Some(told) = service::hover(&loaded, &problems, at, language) {
        inside(told.span);
        assert!(!told.text.is_empty());
    }
    service::complete(&loaded, at, language).into_iter().for_each(|offer| inside(offer.replaces));
    for target in service::definition(&loaded, at) {
        if let Target::Here(span) = target {
            inside(span);
        }
    }
    service::references(&loaded, at, true).into_iter().for_each(inside);
    if service::nameable(&loaded, at).is_ok()
        && let Ok(edits) = service::rename(&loaded, at, "nome_novo")
    {
        assert!(!edits.is_empty());
        let renamed = service::edited(source, &edits);
        assert_eq!(load(&renamed, &NoImports).diagnostics.len(), loaded.diagnostics.len());
    }
    let lines = Lines::new(source);
    for symbol in service::symbols(&loaded.tree) {
        for item in std::iter::once(&symbol).chain(&symbol.children) {
            inside(item.span);
            inside(item.selection);
            assert!(item.span.start <= item.selection.start && item.selection.end <= item.span.end, "{item:?}");
            assert!(lines.position(item.span.start) <= lines.position(item.span.end));
        }
    }
    let mut end = 0;
    for piece in service::colours(&loaded.tree) {
        inside(piece.span);
        assert!(piece.span.start >= end, "{piece:?}");
        end = piece.span.end;
    }
    for fold in service::folds(&loaded.tree) {
        assert!(fold.first < fold.last && (fold.last as usize) < loaded.tree.lines.len(), "{fold:?}");
    }
    for action in service::actions(&problems, Span { start: at, end: at }, language) {
        let _ = load(&service::edited(source, &[action.edit]), &NoImports);
    }
    let edits = service::format(&loaded);
    assert_eq!(service::edited(source, &edits), if edits.is_empty() { source.to_owned() } else { enabler_rules::format::format(source) });
}
