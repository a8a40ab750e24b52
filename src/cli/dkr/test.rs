//! `test`: runs the `TESTE` blocks of files and says what they leave untested.

use std::process::ExitCode;

use enabler_rules::diagnostic::{Severity, line_and_column};
use enabler_rules::testing::{self, Ran, Report};

use super::super::failure::Failure;
use super::super::out;
use super::arguments::Test;
use super::check::read;
use super::source::{Source, headline};
use super::voice::Voice;
use super::{code, show};

pub(super) fn test(test: &Test, voice: Voice) -> Result<ExitCode, Failure> {
    let (files, mut fine) = read(&test.files, voice);
    for source in &files {
        if let Some(problem) = &source.unreadable {
            out::error(&format!("{}: {}", source.name(), headline(problem, voice)));
            fine = false;
            continue;
        }
        fine &= file(source, test.coverage, voice);
    }
    Ok(code(fine))
}

/// Runs the tests of one file; whether all passed and nothing in it is quarantined.
fn file(source: &Source, coverage: bool, voice: Voice) -> bool {
    let loaded = source.load();
    let errors = loaded.diagnostics.iter().filter(|problem| problem.severity() == Severity::Error);
    for problem in errors {
        out::note(&show::short(source, problem, voice));
    }
    let report = testing::run(&loaded);
    report.tests.iter().for_each(|ran| told(source, ran, voice));
    let passed = report.tests.iter().filter(|ran| ran.passed()).count();
    let total = report.tests.len();
    let words = voice.say("testes passaram", "tests passed");
    out::line(&format!("{}: {passed} {} {total} {words}", source.name(), voice.say("de", "of")));
    if coverage {
        covered(&report, voice);
    }
    report.passed() && loaded.is_sound()
}

fn told(source: &Source, ran: &Ran, voice: Voice) {
    let mark = if ran.passed() { "✓" } else { "✗" };
    let (line, _) = line_and_column(&source.text, ran.span.start);
    out::line(&show::tame(&format!("{mark} {} ({}:{line})", ran.name, source.name())));
    if ran.broken {
        out::line(&format!(
            "    {}",
            voice.say("o bloco tem erros e não foi executado", "the block has errors and was not run")
        ));
    }
    for mismatch in &ran.mismatches {
        let (line, _) = line_and_column(&source.text, mismatch.span.start);
        let got = if mismatch.got.is_empty() { voice.say("(nada)", "(nothing)") } else { &mismatch.got };
        out::line(&format!("    {} {line}", voice.say("linha", "line")));
        out::line(&format!("      {}: {}", voice.say("esperado", "expected"), indented(&mismatch.expected)));
        out::line(&format!("      {}: {}", voice.say("obtido", "got"), indented(got)));
    }
}

fn indented(text: &str) -> String {
    show::tame(text).replace('\n', "\n        ")
}

fn covered(report: &Report, voice: Voice) {
    let reached = report.rules.iter().filter(|rule| rule.acted > 0).count();
    let words = voice.say("regras agem em algum teste", "rules act in some test");
    out::line(&format!("{reached} {} {} {words}", voice.say("de", "of"), report.rules.len()));
    for rule in &report.rules {
        let (mark, note) = match (rule.acted, rule.silent) {
            (0, _) => ("✗", voice.say("nenhum teste a faz agir", "no test makes it act")),
            (_, 0) => ("~", voice.say("nenhum teste a deixa calada", "no test leaves it silent")),
            _ => ("✓", ""),
        };
        let times = format!(
            "{} {}, {} {}",
            voice.say("agiu", "acted"),
            rule.acted,
            voice.say("calou", "silent"),
            rule.silent
        );
        out::line(format!("  {mark} {} ({times}) {note}", rule.rule).trim_end());
    }
    let missing: Vec<&str> =
        report.intents.iter().filter(|(_, seen)| !seen).map(|(name, _)| name.as_str()).collect();
    if !missing.is_empty() {
        let words = voice.say("intenções sem teste", "intents without a test");
        out::line(&format!("{words}: {}", missing.join(", ")));
    }
}
