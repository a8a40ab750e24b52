//! Any bytes as a PDF: its structure is followed and its native text laid out, and a library's panic is no finding.
#![no_main]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use libfuzzer_sys::fuzz_target;

static HOOK: Once = Once::new();
/// Whether the panic in progress began in this project's code.
static OURS: AtomicBool = AtomicBool::new(false);

fuzz_target!(|bytes: &[u8]| {
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            // A dependency's path goes through the registry; ours does not.
            let ours = info
                .location()
                .is_some_and(|at| !at.file().contains("/registry/") && !at.file().contains("/rustc/"));
            OURS.store(ours, Ordering::Relaxed);
            if ours {
                eprintln!("{info}");
            }
        }));
    });
    // The product reads in a child process, where a library's panic is a damaged page; only ours is a defect.
    let outcome = catch_unwind(AssertUnwindSafe(|| enabler_reading::fuzz_open_and_read(bytes)));
    if outcome.is_err() && OURS.load(Ordering::Relaxed) {
        std::process::abort();
    }
});
