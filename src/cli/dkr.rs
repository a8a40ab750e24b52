//! `rag-enabler dkr`: the tools of the rules language, for files on this machine; no node takes part.

mod arguments;
mod check;
mod diff;
mod explain;
mod format;
mod input;
mod lsp;
mod new;
mod outcome;
mod repl;
mod run;
mod sarif;
mod show;
mod source;
mod test;
mod voice;

use std::process::ExitCode;

pub(crate) use arguments::Dkr;
use arguments::DkrCommand;

use super::failure::Failure;
use voice::Voice;

/// Does what was asked; 1 where something is wrong with a file, 2 for wrong usage.
pub(crate) fn dkr(dkr: &Dkr) -> Result<ExitCode, Failure> {
    let voice = Voice::new(dkr.lang);
    match &dkr.command {
        DkrCommand::Run(run) => run::run(run, voice),
        DkrCommand::Check(check) => check::check(check, voice),
        DkrCommand::Fmt(fmt) => format::format(fmt, voice),
        DkrCommand::Lint(lint) => check::lint(lint, voice),
        DkrCommand::Test(test) => test::test(test, voice),
        DkrCommand::Explain(explain) => explain::explain(explain, voice),
        DkrCommand::Repl { file } => repl::repl(file, voice),
        DkrCommand::Diff(diff) => diff::diff(diff, voice),
        DkrCommand::New { file } => new::new(file, voice),
        DkrCommand::Lsp => lsp::serve(),
    }
}

/// Success, or 1.
fn code(fine: bool) -> ExitCode {
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
