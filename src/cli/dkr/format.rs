//! `fmt`: files into their usual form, each replaced whole.

use std::process::ExitCode;

use super::super::failure::Failure;
use super::super::out;
use super::arguments::Fmt;
use super::check::read;
use super::code;
use super::source::{headline, write};
use super::voice::Voice;

pub(super) fn format(fmt: &Fmt, voice: Voice) -> Result<ExitCode, Failure> {
    let (files, mut fine) = read(&fmt.files, voice);
    for source in files {
        if let Some(problem) = &source.unreadable {
            out::error(&format!("{}: {}", source.name(), headline(problem, voice)));
            fine = false;
            continue;
        }
        let formatted = enabler_rules::format::format(&source.text);
        if formatted == source.text {
            continue;
        }
        if fmt.check {
            out::line(&source.name());
            fine = false;
        } else {
            write(&source.path, &formatted, voice)?;
        }
    }
    Ok(code(fine))
}
