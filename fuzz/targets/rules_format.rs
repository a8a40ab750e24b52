//! Any bytes as a rules file: its usual form is stable, has the same errors, and runs as the same program.
#![no_main]

use enabler_rules::diagnostic::Severity;
use enabler_rules::format::format;
use enabler_rules::program::{NoImports, load};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = String::from_utf8_lossy(bytes);
    let formatted = format(&source);
    assert_eq!(format(&formatted), formatted, "formatted twice");
    let (before, after) = (load(&source, &NoImports), load(&formatted, &NoImports));
    let errors = |loaded: &enabler_rules::program::Loaded<'_>| {
        // Some warnings are about the form alone.
        let errors = loaded.diagnostics.iter().filter(|problem| problem.severity() == Severity::Error);
        errors.map(|problem| problem.code).collect::<Vec<_>>()
    };
    assert_eq!(errors(&before), errors(&after), "{formatted}");
    assert_eq!(without_places(&format!("{:?}", before.program)), without_places(&format!("{:?}", after.program)));
});

/// Without offsets, and without the lines that rules without a name are called after.
fn without_places(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, mark)) = ["start: ", "end: ", "rule_"].iter().filter_map(|mark| Some((rest.find(mark)?, mark))).min() {
        let (head, tail) = rest.split_at(at + mark.len());
        out.push_str(head);
        rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out + rest
}
