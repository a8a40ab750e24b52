//! Prints for people and for programs; a reader that went away ends the command quietly.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Prints one line on standard output.
pub(crate) fn line(text: &str) {
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        // `rag-enabler docs list | head` is no failure.
        std::process::exit(0);
    }
}

/// Prints a piece of a line on standard output at once.
pub(crate) fn piece(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Prints one line on standard error.
pub(crate) fn note(text: &str) {
    // Without standard error there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints what went wrong on standard error.
pub(crate) fn error(text: &str) {
    note(&format!("{} {text}", bold("error:", std::io::stderr().is_terminal())));
}

/// Whether results are for a program: asked for, or because nobody sits at the output.
pub(crate) fn as_json(asked: bool) -> bool {
    asked || !std::io::stdout().is_terminal()
}

/// `text` in bold when standard output is a terminal.
pub(crate) fn strong(text: &str) -> String {
    bold(text, std::io::stdout().is_terminal())
}

fn bold(text: &str, terminal: bool) -> String {
    if terminal { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// A bar that counts bytes.
pub(crate) fn bytes_bar(total: u64, what: &str) -> ProgressBar {
    styled(ProgressBar::new(total), "{msg:32!} {bar:30} {bytes:>10} of {total_bytes} {bytes_per_sec}", what)
}

/// A bar that counts pages.
pub(crate) fn pages_bar(what: &str) -> ProgressBar {
    styled(ProgressBar::new(0), "{prefix:32!} {bar:30} {pos:>4} of {len} pages  {msg}", "")
        .with_prefix(what.to_owned())
}

/// Something that turns while one waits.
pub(crate) fn spinner(what: &str) -> ProgressBar {
    // A log shows no turning thing; it should still say what takes so long.
    if !std::io::stderr().is_terminal() {
        note(what);
    }
    let spinner = styled(ProgressBar::new_spinner(), "{spinner} {msg} ({elapsed})", what);
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

fn styled(bar: ProgressBar, template: &str, message: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_message(message.to_owned());
    bar
}

/// A size for people.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}
