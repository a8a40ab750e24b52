//! Problems as SARIF 2.1.0, which code hosts show beside the lines of a change.

use std::fmt::Write as _;

use enabler_rules::diagnostic::{Code, Diagnostic, Language, Severity, line_and_column};
use enabler_rules::syntax::tree::Span;
use serde_json::{Value, json};

use super::source::{Source, headline};
use super::voice::Voice;

/// One run over all files.
pub(super) fn log(files: &[(Source, Vec<Diagnostic>)], voice: Voice) -> Value {
    let rules: Vec<Value> = Code::ALL.iter().map(|code| rule(*code, voice)).collect();
    let results: Vec<Value> = files
        .iter()
        .flat_map(|(source, problems)| problems.iter().map(move |problem| result(source, problem, voice)))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "rag-enabler dkr",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: Code, voice: Voice) -> Value {
    json!({
        "id": code.as_str(),
        "name": format!("{code:?}"),
        "shortDescription": { "text": code.text(voice.language) },
        "help": { "text": code.page(), "markdown": code.page() },
        "defaultConfiguration": { "level": level(code.severity()) },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn result(source: &Source, problem: &Diagnostic, voice: Voice) -> Value {
    let mut text = headline(problem, voice);
    if let Some(help) = problem.help(voice.language) {
        let _ = write!(text, "; {help}");
    }
    let mut result = json!({
        "ruleId": problem.code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == problem.code),
        "level": level(problem.severity()),
        "message": { "text": text },
        "locations": [location(source, problem.span)],
    });
    let Some(object) = result.as_object_mut() else { return result };
    if let Some(related) = problem.related {
        let mut place = location(source, related);
        if let Some(place) = place.as_object_mut() {
            place.insert("id".to_owned(), json!(0));
        }
        object.insert("relatedLocations".to_owned(), json!([place]));
    }
    if let Some(fix) = &problem.fix {
        let description = problem.help(Language::English).unwrap_or_default();
        object.insert(
            "fixes".to_owned(),
            json!([{
                "description": { "text": description },
                "artifactChanges": [{
                    "artifactLocation": { "uri": uri(source) },
                    "replacements": [{
                        "deletedRegion": region(source, fix.span),
                        "insertedContent": { "text": fix.text },
                    }],
                }],
            }]),
        );
    }
    result
}

fn location(source: &Source, span: Span) -> Value {
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(source) }, "region": region(source, span) } })
}

fn region(source: &Source, span: Span) -> Value {
    let (line, column) = line_and_column(&source.text, span.start);
    let (end_line, end_column) = line_and_column(&source.text, span.end);
    json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
}

/// The path as a URI reference: relative stays relative, other bytes than plain ones are escaped.
fn uri(source: &Source) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut text = String::from(if source.path.is_absolute() { "file://" } else { "" });
    for &byte in source.path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
