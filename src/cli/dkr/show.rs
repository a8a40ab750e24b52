//! Prints problems: with their source for people, in one line, or as JSON.

use std::borrow::Cow;
use std::io::IsTerminal as _;

use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind};
use enabler_rules::diagnostic::{Diagnostic, Severity, line_and_column};
use enabler_rules::syntax::tree::Span;
use serde_json::{Value, json};

use super::super::out;
use super::source::{Source, headline};
use super::voice::Voice;

/// Problems that are shown with their source; the rest is only counted, because nobody reads on.
const SHOWN_MAX: usize = 200;

/// `erro` or `aviso`.
pub(super) fn severity(problem: &Diagnostic, voice: Voice) -> &'static str {
    match (problem.severity(), voice.say("pt", "en")) {
        (Severity::Error, "pt") => "erro",
        (Severity::Error, _) => "error",
        (Severity::Warning, "pt") => "aviso",
        (Severity::Warning, _) => "warning",
    }
}

/// Prints the problems of one file with the lines that they are about.
pub(super) fn human(source: &Source, problems: &[Diagnostic], voice: Voice) {
    for problem in problems.iter().take(SHOWN_MAX) {
        out::line(&one(source, problem, voice));
    }
    let more = problems.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        let words = voice.say(
            "problemas a mais; use --format short para ver todos",
            "more problems; see all with --format short",
        );
        out::line(&format!("… {more} {words}"));
    }
}

fn one(source: &Source, problem: &Diagnostic, voice: Voice) -> String {
    let colour = std::io::stdout().is_terminal();
    let name = source.name();
    let place = |span: Span| (name.as_str(), around(&source.text, span));
    let label = problem.help(voice.language).unwrap_or_else(|| voice.say("aqui", "here").to_owned());
    let label = tame(&label).into_owned();
    // A mistyped word is underlined alone, where it is known which word that is.
    let inside = |span: &Span| problem.span.start <= span.start && span.end <= problem.span.end;
    let spot = problem.fix.as_ref().map(|fix| fix.span).filter(inside).unwrap_or(problem.span);
    let config =
        Config::default().with_color(colour).with_index_type(IndexType::Byte).with_char_set(CharSet::Unicode);
    let mut report = Report::build(ReportKind::Error, place(problem.span))
        .with_config(config)
        .with_label(Label::new(place(spot)).with_message(label).with_color(Color::Red));
    if let Some(related) = problem.related.filter(|_| source.unreadable.is_none()) {
        let words = voice.say("compare com isto", "compare with this");
        report.add_label(Label::new(place(related)).with_message(words).with_color(Color::Blue));
    }
    let mut text = Vec::new();
    let cache = (name.as_str(), ariadne::Source::from(tame(&source.text)));
    // Writing into memory fails only without any left.
    let _ = report.finish().write(cache, &mut text);
    let text = String::from_utf8_lossy(&text);
    let snippet = text.split_once('\n').map_or("", |(_, snippet)| snippet).trim_end();
    let mut text = format!("{}\n{snippet}", head(problem, colour, voice));
    if !problem.expected.is_empty() {
        let forms: Vec<_> = problem.expected.iter().map(|form| format!("`{form}`")).collect();
        text.push_str(&format!(
            "\n  = {}: {}",
            voice.say("esperado", "expected"),
            forms.join(voice.say(" ou ", " or "))
        ));
    }
    text.push_str(&format!("\n  = rag-enabler dkr explain {}\n", problem.code.as_str()));
    text
}

/// `erro[D0001]: message`
fn head(problem: &Diagnostic, colour: bool, voice: Voice) -> String {
    let kind = format!("{}[{}]", severity(problem, voice), problem.code.as_str());
    let kind = match problem.severity() {
        _ if !colour => kind,
        Severity::Error => format!("\u{1b}[1;31m{kind}\u{1b}[0m"),
        Severity::Warning => format!("\u{1b}[1;33m{kind}\u{1b}[0m"),
    };
    format!("{kind}: {}", tame(&headline(problem, voice)))
}

/// A text without characters that steer a terminal, and of the same length in bytes: a file may come from anywhere.
pub(super) fn tame(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|c| {
                if !steers(c) {
                    c
                } else if c.len_utf8() == 1 {
                    '?'
                } else {
                    '¿'
                }
            })
            .collect(),
    )
}

/// A span that lies in the text and shows at least one character of one line.
fn around(text: &str, span: Span) -> std::ops::Range<usize> {
    let floor = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor((span.start as usize).min(text.len()));
    let end = floor((span.end as usize).clamp(start, text.len()));
    let stretch = text.get(start..end).unwrap_or("");
    // A whole rule would fill the screen; its first line names it.
    let line = stretch.find('\n').map_or(end, |at| start + at);
    let next = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    start..line.max((start + next).min(text.len()))
}

/// `FILE:LINE:COLUMN: erro[D0001]: message`
pub(super) fn short(source: &Source, problem: &Diagnostic, voice: Voice) -> String {
    let line = problem.line(&source.name(), &source.text, voice.language);
    // What the usual message does not say: which byte is no text.
    tame(&line.replacen(&problem.headline(voice.language), &headline(problem, voice), 1)).into_owned()
}

/// A problem as a program reads it; lines and columns from 1, offsets in bytes.
pub(super) fn object(source: &Source, problem: &Diagnostic, voice: Voice) -> Value {
    let mut object = json!({
        "file": source.name(),
        "code": problem.code.as_str(),
        "severity": if problem.severity() == Severity::Error { "error" } else { "warning" },
        "message": headline(problem, voice),
        "expected": problem.expected,
        "help": problem.help(voice.language),
        "range": range(source, problem.span),
        "related": problem.related.map(|span| range(source, span)),
        "fix": null,
    });
    if let (Some(fix), Some(slot)) = (&problem.fix, object.get_mut("fix")) {
        *slot = json!({ "range": range(source, fix.span), "text": fix.text });
    }
    object
}

fn range(source: &Source, span: Span) -> Value {
    let (line, column) = line_and_column(&source.text, span.start);
    let (end_line, end_column) = line_and_column(&source.text, span.end);
    json!({
        "line": line, "column": column, "end_line": end_line, "end_column": end_column,
        "start": span.start, "end": span.end,
    })
}
