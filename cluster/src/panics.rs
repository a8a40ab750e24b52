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

/// Puts the hook in place once for the process; the hook that was there still runs.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let mut trace = Backtrace::force_capture().to_string();
            let cut = (0..=BACKTRACE_BYTES_MAX.min(trace.len())).rev().find(|at| trace.is_char_boundary(*at));
            trace.truncate(cut.unwrap_or(0));
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            LAST.with(|last| *last.borrow_mut() = Some(format!("at {place}\n{trace}")));
            before(info);
        }));
    });
}

/// The message of a caught panic, and where it happened if it was on this thread.
pub(crate) fn describe(panic: &(dyn Any + Send)) -> (String, Option<String>) {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    (
        text.unwrap_or_else(|| "a panic without a message".to_owned()),
        LAST.with(|last| last.borrow_mut().take()),
    )
}
