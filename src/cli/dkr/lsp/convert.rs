//! What the language service says, in the words of the protocol.

use enabler_rules::diagnostic::{Code, Diagnostic, Language, Severity};
use enabler_rules::service::{self, Lines};
use enabler_rules::syntax::tree::Span;
use lsp_types::{
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, NumberOrString, Position,
    Range, TextEdit, Url,
};

pub(super) fn position(lines: &Lines<'_>, offset: u32) -> Position {
    let service::Position { line, character } = lines.position(offset);
    Position { line, character }
}

pub(super) fn offset(lines: &Lines<'_>, position: Position) -> u32 {
    lines.offset(service::Position { line: position.line, character: position.character })
}

pub(super) fn range(lines: &Lines<'_>, span: Span) -> Range {
    Range { start: position(lines, span.start), end: position(lines, span.end) }
}

/// A range as a span; one whose end comes first is turned around.
pub(super) fn span(lines: &Lines<'_>, range: Range) -> Span {
    let (a, b) = (offset(lines, range.start), offset(lines, range.end));
    Span { start: a.min(b), end: a.max(b) }
}

pub(super) fn edit(lines: &Lines<'_>, edit: service::Edit) -> TextEdit {
    TextEdit { range: range(lines, edit.span), new_text: edit.text }
}

pub(super) fn problem(
    lines: &Lines<'_>,
    uri: &Url,
    problem: &Diagnostic,
    language: Language,
) -> lsp_types::Diagnostic {
    let related = problem.related.map(|span| {
        let message = match language {
            Language::Portuguese => "aqui",
            Language::English => "here",
        };
        let location = Location { uri: uri.clone(), range: range(lines, span) };
        vec![DiagnosticRelatedInformation { location, message: message.to_owned() }]
    });
    let faded = matches!(problem.code, Code::Unreachable | Code::Shadowed | Code::Redundant);
    lsp_types::Diagnostic {
        range: range(lines, problem.span),
        severity: Some(match problem.severity() {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(problem.code.as_str().to_owned())),
        source: Some("dkr".to_owned()),
        message: problem.message(language),
        related_information: related,
        tags: faded.then(|| vec![DiagnosticTag::UNNECESSARY]),
        ..lsp_types::Diagnostic::default()
    }
}
