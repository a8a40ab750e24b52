//! Keeps the place and the backtrace of a panic for whoever contains it.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Longest backtrace kept, in bytes: an operator reads its first frames.
const BACKTRACE_BYTES_MAX: usize = 6_000;
/// Longest reason kept, in characters.
const REASON_CHARS_MAX: usize = 500;
/// Longest quotation that is kept of a reason: names are shorter, passages of documents are not.
const QUOTED_CHARS_MAX: usize = 80;

/// Puts the hook in place once for the process; the hook that was there still runs.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let trace = told(&Backtrace::force_capture());
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            LAST.with(|last| *last.borrow_mut() = Some(format!("at {place}\n{trace}")));
            before(info);
        }));
    });
}

/// A backtrace with its frames named, cut to what is kept.
pub(crate) fn told(trace: &Backtrace) -> String {
    let mut told = trace.to_string();
    let cut = (0..=BACKTRACE_BYTES_MAX.min(told.len())).rev().find(|at| told.is_char_boundary(*at));
    told.truncate(cut.unwrap_or(0));
    told
}

/// The message of a caught panic, and where it happened if it was on this thread.
///
/// What a panic says may quote what was worked on: `str` quotes the text that was cut in the wrong place, `unwrap` and
/// `assert` quote values. A text that stands in the program is kept, of one that was put together what is quoted is not.
pub(crate) fn describe(panic: &(dyn Any + Send)) -> (String, Option<String>) {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().map(|text| without_quotations(text, 0)));
    (
        text.unwrap_or_else(|| "a panic without a message".to_owned()),
        LAST.with(|last| last.borrow_mut().take()),
    )
}

/// A reason as operators read it: one line, not too long, without what it quotes at length.
pub fn plain(reason: &str) -> String {
    without_quotations(reason, QUOTED_CHARS_MAX)
}

/// `text` in one line of bounded length, with `…` in the place of every quotation of more than `chars_max` characters.
/// Between back quotes the name of a function stays.
fn without_quotations(text: &str, chars_max: usize) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, quote)) = next_quote(rest) {
        kept.push_str(before);
        let inner = rest.get(before.len() + quote.len_utf8()..).unwrap_or_default();
        let (quoted, after) = inner.split_once(quote).unwrap_or((inner, ""));
        let is_name =
            quote == '`' && quoted.chars().count() <= QUOTED_CHARS_MAX && quoted.chars().all(is_of_a_name);
        kept.push(quote);
        kept.push_str(if is_name || quoted.chars().count() <= chars_max { quoted } else { "…" });
        kept.push(quote);
        rest = after;
    }
    kept.push_str(rest);
    let line: String = kept.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    match line.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

fn next_quote(text: &str) -> Option<(&str, char)> {
    let (at, quote) = text.char_indices().find(|(_, char)| matches!(char, '"' | '`'))?;
    Some((text.get(..at)?, quote))
}

fn is_of_a_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || "_:.()<>/-".contains(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(by: impl FnOnce() + std::panic::UnwindSafe) -> String {
        describe(&*std::panic::catch_unwind(by).unwrap_err()).0
    }

    #[test]
    fn what_was_worked_on_is_not_in_what_a_panic_says() {
        let secret = String::from("a tesoureira é Marlene Figueira");
        let cut = secret.clone();
        let text = said(move || assert!(cut[14..].len() > cut[15..].len()));
        assert!(text.contains("not a char boundary") && !text.contains("Marlene"), "{text}");
        let result: Result<(), String> = std::hint::black_box(Err(secret.clone()));
        let text = said(move || result.unwrap());
        assert!(text.contains("`Result::unwrap()`") && !text.contains("Marlene"), "{text}");
        let text = said(move || assert_eq!(secret, "nobody"));
        assert!(!text.contains("Marlene"), "{text}");
    }

    #[test]
    fn a_text_that_stands_in_the_program_is_kept() {
        assert_eq!(said(|| panic!("the \"engine\" ended")), "the \"engine\" ended");
    }

    #[test]
    fn a_reason_keeps_names_and_loses_passages() {
        let passage = "palavra ".repeat(20);
        let text = plain(&format!("opening `v1/s/3` failed: \"{passage}\" is\nno number"));
        assert_eq!(text, "opening `v1/s/3` failed: \"…\" is no number");
        assert_eq!(plain(&"x".repeat(2_000)).chars().count(), REASON_CHARS_MAX + 1);
    }
}
