//! `check` and `lint`: every problem of files, and the repair of those that are surely meant otherwise.

use std::path::PathBuf;
use std::process::ExitCode;

use enabler_rules::diagnostic::{Code, Diagnostic, Severity};
use enabler_rules::lint;
use serde_json::Value;

use super::super::failure::Failure;
use super::super::out;
use super::arguments::{Check, Format, Lint};
use super::source::{self, Source};
use super::voice::Voice;
use super::{code, sarif, show};

/// Times that a file is repaired: one repair can lay the next one open.
const REPAIRS_MAX: usize = 8;

pub(super) fn check(check: &Check, voice: Voice) -> Result<ExitCode, Failure> {
    let (files, all_read) = read(&check.files, voice);
    // Whether every rule has a test is the business of `lint` and of `test --coverage`.
    let files =
        files.into_iter().map(|source| problems(source, |problem| problem.code != Code::Untested)).collect();
    Ok(report(files, all_read, check.format, check.deny_warnings, voice))
}

pub(super) fn lint(lint: &Lint, voice: Voice) -> Result<ExitCode, Failure> {
    let (mut files, all_read) = read(&lint.files, voice);
    if lint.fix {
        for source in files.iter_mut().filter(|source| source.unreadable.is_none()) {
            repair(source, voice)?;
        }
    }
    let files = files.into_iter().map(|source| problems(source, |_| true)).collect();
    Ok(report(files, all_read, lint.format, lint.deny_warnings, voice))
}

/// The files that can be read; one that cannot is told, and the others are still looked at.
pub(super) fn read(paths: &[PathBuf], voice: Voice) -> (Vec<Source>, bool) {
    let mut files = Vec::new();
    for path in paths {
        match Source::read(path, voice) {
            Ok(source) => files.push(source),
            Err(failure) => out::error(&failure.to_string()),
        }
    }
    let all = files.len() == paths.len();
    (files, all)
}

fn problems(source: Source, wanted: impl Fn(&Diagnostic) -> bool) -> (Source, Vec<Diagnostic>) {
    let mut all = match &source.unreadable {
        Some(problem) => vec![problem.clone()],
        None => found(&source),
    };
    all.retain(wanted);
    (source, all)
}

/// Errors and warnings in the order of the file.
fn found(source: &Source) -> Vec<Diagnostic> {
    let loaded = source.load();
    let mut all = loaded.diagnostics.clone();
    all.extend(lint::lint(&loaded));
    all.sort_by_key(|problem| (problem.span, problem.code));
    all.dedup();
    all
}

fn repair(source: &mut Source, voice: Voice) -> Result<(), Failure> {
    let before = source.text.clone();
    for _ in 0..REPAIRS_MAX {
        let fixed = lint::fix(&source.text, &found(source));
        if fixed == source.text {
            break;
        }
        source.text = fixed;
    }
    if source.text != before {
        source::write(&source.path, &source.text, voice)?;
        out::note(&format!("{} {}", voice.say("reparado:", "repaired:"), source.name()));
    }
    Ok(())
}

fn report(
    files: Vec<(Source, Vec<Diagnostic>)>,
    all_read: bool,
    format: Format,
    deny_warnings: bool,
    voice: Voice,
) -> ExitCode {
    match format {
        Format::Human => files.iter().for_each(|(source, problems)| show::human(source, problems, voice)),
        Format::Short => {
            let lines = files
                .iter()
                .flat_map(|(source, all)| all.iter().map(move |one| show::short(source, one, voice)));
            lines.for_each(|line| out::line(&line));
        }
        Format::Json => {
            let objects = files
                .iter()
                .flat_map(|(source, all)| all.iter().map(move |one| show::object(source, one, voice)));
            out::line(&Value::Array(objects.collect()).to_string());
        }
        Format::Sarif => out::line(&sarif::log(&files, voice).to_string()),
    }
    let count =
        |severity| files.iter().flat_map(|(_, all)| all).filter(|one| one.severity() == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if format == Format::Human {
        out::line(&summary(files.len(), errors, warnings, voice));
    }
    code(all_read && errors == 0 && (warnings == 0 || !deny_warnings))
}

fn summary(files: usize, errors: usize, warnings: usize, voice: Voice) -> String {
    let many = |count: usize, one: (&str, &str), more: (&str, &str)| {
        let (pt, en) = if count == 1 { one } else { more };
        format!("{count} {}", voice.say(pt, en))
    };
    let files = many(files, ("arquivo", "file"), ("arquivos", "files"));
    if errors + warnings == 0 {
        return format!("{files}: {}", voice.say("nenhum problema", "no problems"));
    }
    let errors = many(errors, ("erro", "error"), ("erros", "errors"));
    let warnings = many(warnings, ("aviso", "warning"), ("avisos", "warnings"));
    format!("{files}: {errors}, {warnings}")
}
